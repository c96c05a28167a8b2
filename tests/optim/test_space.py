"""The search space: moves and recipes are two views of the same settings."""

from __future__ import annotations

import pytest
import torch

from camofilter import filters, presets
from camofilter.optim.space import Space
from camofilter.recipe import FilterStep, Recipe


@pytest.mark.parametrize("name", presets.names())
def test_a_look_comes_back_from_its_moves(name: str) -> None:
    look = presets.get(name)
    space = Space(look)
    assert torch.allclose(space.moves_to(look), space.look, atol=1e-6)
    back = {s.filter: s.settings for s in space.recipe(space.look).steps}
    assert set(back) == {s.filter for s in look.steps}
    for step in look.steps:
        for key, value in step.settings.items():
            assert back[step.filter][key] == pytest.approx(value, abs=1e-4)


def test_usual_filters_are_there_colour_filters_first() -> None:
    space = Space(presets.get("soft"))
    names = [step.filter for step in space.chain]
    assert len(names) == len(set(names)) == 12
    assert {"exposure", "tone_curve", "soft_focus", "grain"} < set(names)
    points = [filters.get(name).is_point for name in names]
    assert points == sorted(points, reverse=True)


def test_a_look_keeps_its_own_order() -> None:
    look = Recipe((FilterStep("grain", {"amount": 0.02}), FilterStep("exposure", {"ev": 0.2})))
    names = [step.filter for step in Space(look).chain]
    assert names.index("grain") < names.index("exposure")


def test_moves_stay_in_the_appealing_ranges_and_black_and_white_stays_so() -> None:
    space = Space(presets.get("noir"))
    moves = torch.stack([torch.full_like(space.look, 1e6), torch.full_like(space.look, -1e6)])
    space.keep_inside(moves)
    for extreme in moves:
        for step in space.recipe(extreme).steps:
            for key, value in step.settings.items():
                low, high = filters.get(step.filter).setting(key).appealing
                if step.filter == "saturation":
                    assert value == -1
                else:
                    assert low - 1e-4 <= value <= high + 1e-4


def test_nothing_moved_is_no_recipe() -> None:
    space = Space(Recipe())
    assert space.recipe(torch.zeros_like(space.look)) == Recipe()


def test_a_step_is_half_an_appealing_range() -> None:
    space = Space(Recipe())
    moves = space.moves_to(Recipe((FilterStep("exposure", {"ev": 0.6}),)))
    assert moves.abs().sum().item() == pytest.approx(1)


def test_a_filter_may_come_twice() -> None:
    look = Recipe((FilterStep("exposure", {"ev": 0.5}), FilterStep("fade"), FilterStep("exposure", {"ev": -0.3})))
    space = Space(look)
    assert torch.equal(space.moves_to(look), space.look)
    assert [s.settings["ev"] for s in space.recipe(space.look).steps] == pytest.approx([0.5, -0.3])


def test_a_recipe_that_lacks_a_curve_has_it_straight() -> None:
    space = Space(presets.get("vintage"))
    assert space.recipe(space.moves_to(Recipe())) == Recipe()


LOOK = Recipe((FilterStep("exposure", {"ev": 0.6}), FilterStep("contrast", {"amount": -0.3})))
EXTREMES = (-1e6, 1e6)


def ends(look: Recipe, reach: float) -> dict[tuple[str, str], tuple[float, float]]:
    """How far each setting of a number can be moved."""
    space = Space(look, reach=reach)
    moves = torch.stack([torch.full_like(space.look, extreme) for extreme in EXTREMES])
    space.keep_inside(moves)
    return {
        (found.name, name): (value[0].item(), value[1].item())
        for found, settings in space.settings(moves)
        for name, value in settings.items()
        if isinstance(value, torch.Tensor) and value.ndim == 1
    }


@pytest.mark.parametrize("reach", [0.6, 1.0, 1.4, 1000.0])
def test_reach_is_the_share_of_the_way_from_the_identity(reach: float) -> None:
    found = ends(Recipe(), reach)
    assert len(found) > 15
    for (name, key), (low, high) in found.items():
        setting = filters.get(name).setting(key)
        wanted = [setting.identity + reach * (end - setting.identity) for end in setting.appealing]
        assert low == pytest.approx(max(wanted[0], setting.range[0]), abs=1e-5), (name, key)
        assert high == pytest.approx(min(wanted[1], setting.range[1]), abs=1e-5), (name, key)


@pytest.mark.parametrize("name", ["soft", "golden-hour", "vintage"])
def test_reach_never_cuts_the_look(name: str) -> None:
    look = presets.get(name)
    narrow, space = Space(look, reach=0.1), Space(look)
    moves = narrow.look[None].clone()
    narrow.keep_inside(moves)
    assert torch.allclose(moves[0], space.look, atol=1e-6)


def test_a_narrower_reach_leaves_the_way_back_from_the_look() -> None:
    low, high = ends(LOOK, 0.1)["exposure", "ev"]
    assert low == pytest.approx(-0.1 * filters.get("exposure").setting("ev").appealing[1], abs=1e-5)
    assert high == pytest.approx(0.6, abs=1e-5)


def test_recipes_of_any_reach_are_recipes() -> None:
    space = Space(LOOK, reach=1000.0)
    for extreme in EXTREMES:
        moves = torch.full((1, len(space.look)), extreme)
        space.keep_inside(moves)
        recipe = space.recipe(moves[0])
        assert Recipe.from_dict(recipe.to_dict()) == recipe

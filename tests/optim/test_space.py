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

"""The panel's measures, against formulas written out here and at colours whose figures are known."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import camofilter
from camofilter import filters
from camofilter.errors import UsageError
from camofilter.evaluation.panel import colourfulness, contrast, measured, reach
from camofilter.filters import Setting
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.optim.perception import change
from camofilter.optim.visibility import how_visible
from camofilter.recipe import FilterStep, Recipe

# Every setting that acts by itself, by its filter.
SETTINGS = [(name, s) for name in filters.NAMES for s in filters.get(name).settings if s.strength]
NAMED = [f"{name}.{setting.name}" for name, setting in SETTINGS]


def flat(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((5, 4, 3), (red, green, blue), np.uint8)


def noise(dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max + 1, (24, 31, 3), dtype)


def one(name: str, setting: Setting, value: float) -> Recipe:
    """A recipe with this setting at this value; of several numbers one is there, the others at their identity."""
    if setting.count is None:
        return Recipe((FilterStep(name, {setting.name: value}),))
    return Recipe((FilterStep(name, {setting.name: [setting.identity] * (setting.count - 1) + [value]}),))


@given(st.lists(st.integers(0, 255), min_size=1))
def test_greys_have_no_colour(levels: list[int]) -> None:
    assert colourfulness(np.repeat(np.array(levels, np.uint8)[None, :, None], 3, 2)) == 0


def test_colourfulness_of_one_colour() -> None:
    """Red: rg = 255, yb = 127.5, both without spread; blue: rg = 0, yb = −255."""
    assert colourfulness(flat(255, 0, 0)) == pytest.approx(0.3 * 255 * 1.25**0.5)
    assert colourfulness(flat(0, 0, 255)) == pytest.approx(0.3 * 255)


def test_colourfulness_of_two_colours() -> None:
    """Half blue, half yellow: yb = ∓255 spreads by 255 around 0, and rg is 0."""
    assert colourfulness(np.concatenate([flat(0, 0, 255), flat(255, 255, 0)])) == pytest.approx(255)


def test_colourfulness_by_the_papers_formula(examples: list[Path]) -> None:
    for pixels in (noise(), camofilter.open_photo(examples[0]).pixels):
        r, g, b = (pixels[..., channel].astype(float) for channel in range(3))
        rg, yb = r - g, 0.5 * (r + g) - b
        expected = np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
        assert colourfulness(pixels) == pytest.approx(expected)


def test_contrast_of_one_colour() -> None:
    assert contrast(flat(10, 200, 30)) == pytest.approx(0, abs=1e-12)


def test_contrast_of_black_and_white() -> None:
    assert contrast(np.concatenate([flat(0, 0, 0), flat(255, 255, 255)])) == pytest.approx(0.5)


def test_contrast_of_black_and_blue() -> None:
    """Blue's share of the luma is 0.0722 (ITU-R BT.709)."""
    assert contrast(np.concatenate([flat(0, 0, 0), flat(0, 0, 255)])) == pytest.approx(0.0722 / 2)


def test_contrast_by_its_formula() -> None:
    luma = noise() @ np.array([0.2126, 0.7152, 0.0722]) / 255
    assert contrast(noise()) == pytest.approx(np.sqrt(((luma - luma.mean()) ** 2).mean()))


@pytest.mark.parametrize("measure", [colourfulness, contrast])
def test_depth_makes_no_difference(measure: type) -> None:
    assert measure(noise() * np.uint16(257)) == measure(noise())


def test_without_a_recipe_or_one_without_steps() -> None:
    assert measured(noise(), noise(), None).reach is None
    assert reach(Recipe()) == 0


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=NAMED)
def test_reach_is_nought_at_identity_and_one_at_the_appealing_ends(name: str, setting: Setting) -> None:
    assert reach(one(name, setting, setting.identity)) == 0
    for end in setting.appealing:
        assert reach(one(name, setting, end)) == pytest.approx(float(end != setting.identity))


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=NAMED)
def test_reach_grows_away_from_identity_and_is_above_one_outside(name: str, setting: Setting) -> None:
    for end, appealing in zip(setting.range, setting.appealing, strict=True):
        values = np.unique([*np.linspace(setting.identity, end, 9), appealing]).tolist()
        found = [reach(one(name, setting, value)) for value in sorted(values, key=lambda v: abs(v - setting.identity))]
        assert all(near < far for near, far in itertools.pairwise(found))
        assert all(
            (reach(one(name, setting, value)) > 1)
            == (abs(value - setting.identity) > abs(appealing - setting.identity))
            for value in values
            if value != appealing
        )


def test_the_boldest_setting_counts() -> None:
    steps = (FilterStep("exposure", {"ev": 0.3}), FilterStep("vignette", {"amount": 0.2}))
    assert reach(Recipe(steps)) == pytest.approx(0.5)
    curve = [1, 1.3, 1, 0.9, 1, 1, 1, 1]
    assert reach(Recipe((*steps, FilterStep("tone_curve", {"luminance": curve})))) == pytest.approx(0.5)
    assert reach(Recipe((*steps, FilterStep("tone_curve", {"luminance": [0.4, *curve]})))) == pytest.approx(1.5)
    assert reach(Recipe((*steps, FilterStep("exposure", {"ev": -0.9})))) == pytest.approx(1.5)


def test_settings_that_say_how_others_act_do_not_count() -> None:
    others = [(name, s) for name in filters.NAMES for s in filters.get(name).settings if not s.strength and s.range]
    assert len(others) > 5
    for name, setting in others:
        for value in setting.range:
            assert reach(one(name, setting, value)) == 0


def test_all_measures_of_a_change() -> None:
    before, after = noise(), 255 - noise() // 2
    look = one(*SETTINGS[0], 35.0)
    found = measured(before, after, look, (4.5, 5.5))
    assert found[:3] == tuple(change(before, after))
    assert (found.colourfulness_before, found.colourfulness_after) == (colourfulness(before), colourfulness(after))
    assert (found.contrast_before, found.contrast_after) == (contrast(before), contrast(after))
    assert found.visibility == how_visible(render(before, look.chain()), after)
    assert (found.reach, found.aesthetic_before, found.aesthetic_after) == (1.0, 4.5, 5.5)
    assert measured(before, after, None)[7:] == (None,) * 4


def test_sizes_must_be_equal() -> None:
    with pytest.raises(
        UsageError, match=r"^the photos' shapes are \(24, 31, 3\) and \(5, 4, 3\): give two of the same"
    ):
        measured(noise(), flat(1, 2, 3), None)


def test_only_what_hides_a_photo_counts_as_visible() -> None:
    """The look is a matter of taste, and film grain is part of it."""
    before = noise()
    look = Recipe((FilterStep("exposure", {"ev": 0.3}), FilterStep("grain", {"amount": 0.05})))
    plate = Plate.of(np.random.default_rng(1).normal(size=(24, 32)))
    hiding = Recipe((*look.steps, FilterStep("tuned_grain", {"amount": 0.02, "plate": plate})))
    assert measured(before, render(before, look.chain()), look).visibility == 100
    assert measured(before, render(before, look.chain()), hiding).visibility == 100
    assert measured(before, render(before, hiding.chain()), hiding).visibility < 95

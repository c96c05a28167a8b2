"""Colour grading: which tones get which colour."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma

colour_grading = filters.get("colour_grading")
PEAKS = {"shadows": 0.25, "midtones": 0.5, "highlights": 0.75}
every_part = pytest.mark.parametrize("part", PEAKS)


def tint(greys: np.ndarray, **settings: float) -> np.ndarray:
    """What is added to a grey ramp, as complex numbers: chroma and hue."""
    red, green, blue = (colour_grading(greys, **settings) - greys)[0, :, 0]
    return np.asarray(red - (green + blue) / 2 + 1j * (green - blue) * 0.75**0.5)


@every_part
def test_tints_its_own_tones_most_and_neither_black_nor_white(part: str, greys: np.ndarray) -> None:
    strength = np.abs(tint(greys, **{f"{part}_amount": 0.2}))
    assert strength.argmax() / 1000 == pytest.approx(PEAKS[part], abs=0.01)
    assert strength.max() == pytest.approx(0.2 * 0.4, rel=0.1)
    assert strength[[0, -1]] == pytest.approx([0, 0], abs=1e-12)
    assert strength[[20, -20]].max() < 0.02


@every_part
@pytest.mark.parametrize("hue", range(0, 361, 30))
def test_the_colour_is_that_of_the_hue_circle(part: str, hue: float, greys: np.ndarray) -> None:
    angle = np.angle(tint(greys, **{f"{part}_hue": hue, f"{part}_amount": 0.1})[500], deg=True)
    assert (angle - hue + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_luma_stays(colours: np.ndarray) -> None:
    for hue in (0, 100, 220):
        out = colour_grading(colours, hue, 0.5, hue + 30, 0.5, hue + 120, 0.5, 0.3)
        np.testing.assert_allclose(luma(out), luma(colours), atol=2e-3)


@every_part
def test_balance_above_0_counts_darker_tones_as_lighter_ones(part: str, greys: np.ndarray) -> None:
    amount = {f"{part}_amount": 0.2}
    peaks = [np.abs(tint(greys, **amount, balance=b)).argmax() for b in (-1.0, -0.4, 0.0, 0.4, 1.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > peaks[-1] + 200


def test_0_and_360_degrees_are_the_same(colours: np.ndarray) -> None:
    by_0, by_360 = (colour_grading(colours, hue, 0.3, hue, 0.3, hue, 0.3) for hue in (0.0, 360.0))
    np.testing.assert_allclose(by_0, by_360, atol=1e-12)


def test_opposite_tints_cancel(greys: np.ndarray) -> None:
    warm = tint(greys, midtones_hue=30.0, midtones_amount=0.1)
    cold = tint(greys, midtones_hue=210.0, midtones_amount=0.1)
    np.testing.assert_allclose(warm, -cold, atol=1e-12)

"""Tones: each setting where its name says, and nowhere else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma

tones = filters.get("tones")
NAMES = ["highlights", "shadows", "whites", "blacks"]


def change(name: str, value: float, greys: np.ndarray) -> np.ndarray:
    return np.asarray((tones(greys, **{name: value}) - greys)[0, 0, 0])


@pytest.mark.parametrize(
    ("name", "peak"), [("blacks", 1 / 7), ("shadows", 1 / 4), ("highlights", 3 / 4), ("whites", 6 / 7)]
)
@pytest.mark.parametrize("value", [-1.0, 0.5, 1.0])
def test_changes_most_where_its_name_says(name: str, peak: float, value: float, greys: np.ndarray) -> None:
    changed = change(name, value, greys)
    assert np.abs(changed).argmax() / 1000 == pytest.approx(peak, abs=0.002)
    assert (changed * value).min() >= -1e-12
    assert changed[[0, -1]] == pytest.approx([0, 0], abs=1e-12)
    assert abs(changed[500]) < 0.4 * np.abs(changed).max()


def test_whites_and_highlights_mirror_blacks_and_shadows(greys: np.ndarray) -> None:
    for dark, bright in (("blacks", "whites"), ("shadows", "highlights")):
        # 2e-3: what keeps black finite.
        np.testing.assert_allclose(change(bright, 0.6, greys), -change(dark, -0.6, greys)[::-1], atol=2e-3)


@pytest.mark.parametrize("ends", list(itertools.product((-1.0, 1.0), repeat=4)), ids=str)
def test_every_tone_stays_apart_from_its_neighbours(ends: tuple[float, ...], greys: np.ndarray) -> None:
    out = tones(greys, *ends)[0, 0, 0]
    assert np.diff(out).min() > 0.001 * 0.01  # a hundredth of the slope it had: no flat tones


def test_hue_and_saturation_stay(colours: np.ndarray) -> None:
    dim = 0.1 + 0.3 * colours  # far enough from white for no channel to be drawn into the gamut
    scale = tones(dim, 0.4, 0.6, -0.5, -0.5) / dim
    np.testing.assert_allclose(scale, scale[:, :1].repeat(3, 1), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_luma_of_a_colour_changes_as_that_of_its_grey(name: str, colours: np.ndarray) -> None:
    grey = luma(colours).repeat(3, 1)
    np.testing.assert_allclose(luma(tones(colours, **{name: 0.5})), luma(tones(grey, **{name: 0.5})), atol=2e-3)

"""Saturation: along the line from grey through the colour, at the same luma."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma, maximum, minimum

saturation = filters.get("saturation")
AMOUNTS = [-1.0, -0.4, 0.3, 1.0]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_luma_stays(amount: float, colours: np.ndarray) -> None:
    # 0.002: colours at the edge of the gamut end where the clip takes over, see `into_gamut`.
    np.testing.assert_allclose(luma(saturation(colours, amount)), luma(colours), atol=2e-3)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hue_stays(amount: float, colours: np.ndarray) -> None:
    inside = 0.5 + (colours - 0.5) * 0.25
    before, after = (image - luma(image) for image in (inside, saturation(inside, amount)))
    np.testing.assert_allclose(after, before * (1 + amount), atol=1e-12)
    np.testing.assert_allclose(np.cross(after, before, axis=1), 0, atol=1e-12)


def test_minus_one_is_black_and_white(colours: np.ndarray) -> None:
    np.testing.assert_allclose(saturation(colours, -1), luma(colours).repeat(3, 1), atol=1e-12)


def test_more_is_more_colourful_until_the_gamut_ends(colours: np.ndarray) -> None:
    chroma = np.concatenate([maximum(x) - minimum(x) for x in (saturation(colours, a) for a in AMOUNTS)])
    assert np.diff(chroma, axis=0).min() > -2e-3
    assert (np.diff(chroma.mean((1, 2, 3))) > 0).all()

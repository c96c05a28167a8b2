"""Vibrance: who gets how much of it."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma, maximum, minimum

vibrance = filters.get("vibrance")


def growth(*colour: float, amount: float = 0.4) -> float:
    """By how much the chroma of a colour grows, as a share of it."""
    image = np.array(colour).reshape(1, 3, 1, 1)
    before, after = (float((maximum(x) - minimum(x)).item()) for x in (image, vibrance(image, amount)))
    return after / before - 1


def test_pale_colours_grow_more_than_strong_ones() -> None:
    blues = [growth(0.5 - strength, 0.5, 0.5 + strength) for strength in (0.02, 0.1, 0.2, 0.4)]
    assert blues == sorted(blues, reverse=True)
    assert blues[0] > 0.3
    assert blues[-1] < 0.05


# Encoded sRGB patches "dark skin" and "light skin" of the ColorChecker, and skin in between.
@pytest.mark.parametrize("skin", [(115, 82, 68), (194, 150, 130), (224, 172, 145), (141, 85, 61)])
def test_skin_is_spared(skin: tuple[int, int, int]) -> None:
    red, green, blue = (v / 255 for v in skin)
    assert 0 < growth(red, green, blue) < 0.7 * growth(blue, green, red)


@pytest.mark.parametrize("amount", [-1.0, -0.35, 0.5, 1.0])
def test_luma_and_hue_stay(amount: float, colours: np.ndarray) -> None:
    out = vibrance(colours, amount)
    np.testing.assert_allclose(luma(out), luma(colours), atol=2e-3)
    hues = np.cross(out - luma(colours), colours - luma(colours), axis=1)
    np.testing.assert_allclose(hues, 0, atol=2e-3)


def test_more_is_more_colourful(colours: np.ndarray) -> None:
    chroma = np.concatenate([maximum(x) - minimum(x) for x in (vibrance(colours, a) for a in (-1, -0.3, 0, 0.5, 1))])
    assert np.diff(chroma, axis=0).min() > -2e-3
    assert (np.diff(chroma.mean((1, 2, 3))) > 0.01).all()


def test_full_colours_stay() -> None:
    primaries = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]], float)
    image = primaries.T.reshape(1, 3, 2, 3)
    np.testing.assert_array_equal(vibrance(image, 1), image)

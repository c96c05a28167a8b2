"""Contrast: on either side of the pivot, odds of the squared distance scale by 4^amount."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters

contrast = filters.get("contrast")
amounts, pivots = st.floats(-1, 1), st.floats(0.2, 0.8)


def one_tone(tone: float, amount: float, pivot: float) -> float:
    """The same sigmoid from another side: t²/(1 − t²) is multiplied by 4^amount."""
    reach = 1 - pivot if tone >= pivot else pivot
    t = (tone - pivot) / reach
    if abs(t) == 1:
        return tone
    odds = t * t / (1 - t * t) * 4**amount
    return pivot + reach * float(np.copysign(np.sqrt(odds / (1 + odds)), t))


@given(amounts, pivots, st.floats(0, 1))
def test_equals_the_scalar_sigmoid(amount: float, pivot: float, tone: float) -> None:
    out = contrast(np.full((1, 3, 1, 1), tone), amount, pivot)
    assert out.ravel() == pytest.approx(one_tone(tone, amount, pivot), abs=1e-7)


@given(amounts, pivots)
def test_black_white_and_pivot_stay_and_the_slope_is_as_said(amount: float, pivot: float) -> None:
    tones = np.array([0, 1, pivot, pivot - 1e-6, pivot + 1e-6]).reshape(1, 1, 1, 5).repeat(3, 1)
    black, white, middle, below, above = contrast(tones, amount, pivot)[0, 0, 0]
    assert (black, white, middle) == pytest.approx((0, 1, pivot), abs=1e-12)
    assert (middle - below) / 1e-6 == pytest.approx(2**amount, rel=1e-4)
    assert (above - middle) / 1e-6 == pytest.approx(2**amount, rel=1e-4)


@given(amounts, pivots)
def test_can_be_undone(amount: float, pivot: float) -> None:
    tones = np.linspace(0, 1, 99).reshape(1, 3, 1, 33)
    np.testing.assert_allclose(contrast(contrast(tones, amount, pivot), -amount, pivot), tones, atol=1e-9)


def test_more_spreads_the_tones(photo: np.ndarray) -> None:
    image = photo[::4, ::4].transpose(2, 0, 1)[None] / 255
    spread = [contrast(image, amount, 0.5).std() for amount in (-1, -0.3, 0, 0.35, 1)]
    assert spread == sorted(spread)
    assert spread[-1] > 1.3 * spread[0]

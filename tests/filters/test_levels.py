"""Levels: the straight line of the hard form between a soft toe and a soft shoulder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters

levels = filters.get("levels")
points = st.floats(0, 0.25), st.floats(0.75, 1)


@given(*points)
def test_is_the_hard_form_between_the_parabolas(black: float, white: float) -> None:
    greys = np.linspace(2 * black + 1e-3, 2 * white - 1 - 1e-3, 50).reshape(1, 1, 1, -1).repeat(3, 1)
    np.testing.assert_allclose(levels(greys, black, white), (greys - black) / (white - black), atol=1e-9)


@given(*points)
def test_is_smooth_and_never_falls(black: float, white: float) -> None:
    greys = np.linspace(0, 1, 4001).reshape(1, 1, 1, -1).repeat(3, 1)
    out = levels(greys, black, white)[0, 0, 0]
    assert (out[0], out[-1]) == pytest.approx((0, 1), abs=1e-12)
    slopes = np.diff(out) * 4000
    assert slopes.min() >= 0
    assert slopes.max() <= 1 / (white - black) + 1e-6


def test_black_and_white_points_become_nearly_black_and_white() -> None:
    ends = np.array([0.1, 0.9]).reshape(1, 1, 1, 2).repeat(3, 1)
    out = levels(ends, 0.1, 0.9)[0, 0, 0]
    assert out == pytest.approx([0.025 / 0.8, 1 - 0.025 / 0.8], abs=1e-3)  # a quarter of the point's distance


@given(st.floats(0.5, 2))
def test_gamma_is_that_of_other_programs_at_the_middle(gamma: float) -> None:
    out = levels(np.full((1, 3, 1, 1), 0.5), gamma=gamma)
    assert out.ravel() == pytest.approx(0.5 ** (1 / gamma))
    tones = np.linspace(0.1, 1, 90).reshape(1, 3, 1, 30)
    np.testing.assert_allclose(levels(tones, gamma=gamma), tones ** (1 / gamma), atol=0.11)


@given(st.floats(0.5, 2), *points)
def test_stretches_before_it_bends(gamma: float, black: float, white: float) -> None:
    tones = np.linspace(0, 1, 30).reshape(1, 3, 1, 10)
    np.testing.assert_allclose(levels(tones, black, white, gamma), levels(levels(tones, black, white), gamma=gamma))

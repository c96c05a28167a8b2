"""Exposure: odds of the fourth power scale with the light, so exposures add up and can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters

exposure = filters.get("exposure")
stops = st.floats(-1.5, 1.5)


def one_tone(tone: float, ev: float) -> float:
    """The same curve from another side: (1 − y⁴)/y⁴ = (1 − x⁴)/x⁴ / k⁴."""
    factor = 2 ** (ev / 2.2)
    odds = (1 - tone**4) / tone**4 / factor**4
    return float((1 / (1 + odds)) ** 0.25)


@given(st.floats(-3, 3), st.floats(0.01, 1))
def test_equals_the_scalar_curve(ev: float, tone: float) -> None:
    out = exposure(np.full((1, 3, 1, 1), tone), ev)
    assert out.ravel() == pytest.approx(one_tone(tone, ev), abs=1e-9)


@given(stops, stops)
def test_exposures_add_up(first: float, second: float) -> None:
    tones = np.linspace(0, 1, 99).reshape(1, 3, 1, 33)
    np.testing.assert_allclose(exposure(exposure(tones, first), second), exposure(tones, first + second), atol=1e-9)


def test_more_is_brighter_between_fixed_ends(greys: np.ndarray) -> None:
    rising = np.concatenate([exposure(greys, ev) for ev in np.linspace(-3, 3, 25)])
    assert np.diff(rising[..., 1:-1], axis=0).min() > 0
    assert (rising[..., 0] == 0).all()
    np.testing.assert_allclose(rising[..., -1], 1, atol=1e-12)


def test_shadows_are_multiplied_in_light() -> None:
    shadow = np.full((1, 3, 1, 1), 0.05)
    assert (exposure(shadow, 1.0) / shadow) ** 2.2 == pytest.approx(2, rel=1e-3)

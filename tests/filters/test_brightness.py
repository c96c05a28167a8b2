"""Brightness: one hyperbola through black, white and the middle grey that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters
from camofilter.filters.arrays import MIDDLE_GREY

brightness = filters.get("brightness")
evs = st.floats(-1.5, 1.5)


@given(evs)
def test_black_and_white_stay_and_middle_grey_changes_by_so_many_stops(ev: float) -> None:
    tones = np.array([0, MIDDLE_GREY, 1]).reshape(1, 1, 1, 3).repeat(3, 1)
    expected = (0, MIDDLE_GREY * 2 ** (ev / 2.2), 1)
    assert brightness(tones, ev)[0, 0, 0] == pytest.approx(expected, abs=1e-12)


@given(evs, st.floats(0.01, 0.99))
def test_multiplies_the_odds_of_every_tone_alike(ev: float, tone: float) -> None:
    after = brightness(np.array([tone, MIDDLE_GREY, 1.0]).reshape(1, 3, 1, 1), ev).ravel()[:2]
    before = np.array([tone, MIDDLE_GREY])
    factors = after / (1 - after) / (before / (1 - before))
    assert factors[0] == pytest.approx(factors[1])


@given(evs)
def test_can_be_undone_by_its_mirror_image(ev: float) -> None:
    tones = np.linspace(0, 1, 99).reshape(1, 3, 1, 33)
    bright = brightness(tones, ev)
    np.testing.assert_allclose(1 - brightness(1 - bright, ev), tones, atol=1e-9)


def test_opens_the_shadows_more_than_exposure() -> None:
    shadows = np.full((1, 3, 1, 1), 0.1)
    assert (brightness(shadows, 0.5) > filters.get("exposure")(shadows, 0.5) + 0.01).all()

"""Tone curve: straight pieces through the knots that the slopes add up to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters
from camofilter.filters.arrays import luma

tone_curve = filters.get("tone_curve")
slope_lists = st.lists(st.floats(0.05, 20), min_size=2, max_size=64)
CHANNELS = ["red", "green", "blue"]


def through_knots(tones: np.ndarray, slopes: list[float]) -> np.ndarray:
    """The curve as interpolation between its knots."""
    heights = np.cumsum([0, *slopes])
    return np.asarray(np.interp(tones, np.linspace(0, 1, len(slopes) + 1), heights / heights[-1]))


@given(slope_lists, st.sampled_from(CHANNELS))
def test_channel_curve_goes_through_its_knots(slopes: list[float], channel: str) -> None:
    tones = np.random.default_rng(0).random((1, 3, 4, 25))
    out = tone_curve(tones, **{channel: slopes})
    for i, name in enumerate(CHANNELS):
        expected = through_knots(tones[:, i], slopes) if name == channel else tones[:, i]
        np.testing.assert_allclose(out[:, i], expected, atol=1e-9)


@given(slope_lists)
def test_luminance_curve_on_greys(slopes: list[float]) -> None:
    greys = np.linspace(0.05, 1, 200).reshape(1, 1, 1, -1).repeat(3, 1)
    # 0.001 of the change: what keeps black finite.
    np.testing.assert_allclose(tone_curve(greys, slopes), through_knots(greys, slopes), atol=2e-3)


def test_luminance_curve_keeps_hue_and_saturation(colours: np.ndarray) -> None:
    dim = 0.1 + 0.3 * colours  # far enough from white for no channel to be drawn into the gamut
    scale = tone_curve(dim, [1.4, 1.2, 0.8, 0.6]) / dim
    np.testing.assert_allclose(scale, scale[:, :1].repeat(3, 1), atol=1e-12)
    np.testing.assert_allclose(scale[:, :1] * luma(dim), through_knots(luma(dim), [1.4, 1.2, 0.8, 0.6]), rtol=1e-3)


def test_luminance_of_every_colour_follows_the_curve(colours: np.ndarray) -> None:
    bent = luma(tone_curve(colours, [0.6, 0.9, 1.1, 1.6]))
    np.testing.assert_allclose(bent, through_knots(luma(colours), [0.6, 0.9, 1.1, 1.6]), atol=5e-3)


@pytest.mark.parametrize("slopes", [[0.3] * 8, [20.0, 20.0], (7,) * 64, np.full(5, 2.0)], ids=len)
def test_equal_slopes_are_a_straight_line(slopes: Any, colours: np.ndarray) -> None:
    np.testing.assert_allclose(tone_curve(colours, slopes, slopes, slopes, slopes), colours, atol=1e-12)


def test_channels_come_before_luminance(colours: np.ndarray) -> None:
    in_turn = tone_curve(tone_curve(colours, red=[1.5, 0.5]), luminance=[0.5, 1.5])
    np.testing.assert_array_equal(tone_curve(colours, [0.5, 1.5], [1.5, 0.5]), in_turn)


@given(slope_lists, st.floats(0, 1))
def test_smooth_curve_never_turns_back_and_keeps_its_ends(slopes: list[float], smoothness: float) -> None:
    greys = np.linspace(0, 1, 2001).reshape(1, 1, 1, -1).repeat(3, 1)
    out = tone_curve(greys, red=slopes, smoothness=smoothness)[0, 0, 0]
    assert np.diff(out).min() > 0
    assert (out[0], out[-1]) == pytest.approx((0, 1), abs=1e-12)


@given(slope_lists)
def test_smooth_curve_has_the_slopes_in_the_middle_of_the_pieces_and_their_mean_at_the_knots(
    slopes: list[float],
) -> None:
    pieces, step = len(slopes), 1e-6
    expected = np.array(slopes) / np.mean(slopes)
    middles, knots = (np.arange(pieces) + 0.5) / pieces, np.arange(1, pieces) / pieces
    places = np.concatenate([middles, knots])
    around = np.stack([places - step, places + step, places]).reshape(1, 3, 1, -1)
    below = tone_curve(around[:, [0] * 3], red=slopes, smoothness=1.0)[0, 0, 0]
    above = tone_curve(around[:, [1] * 3], red=slopes, smoothness=1.0)[0, 0, 0]
    means = (expected[1:] + expected[:-1]) / 2
    np.testing.assert_allclose((above - below) / (2 * step), np.concatenate([expected, means]), rtol=2e-2)


@given(slope_lists)
def test_smoothing_moves_the_knots_by_an_eighth_of_the_bend_at_most(slopes: list[float]) -> None:
    greys = np.linspace(0, 1, 500).reshape(1, 1, 1, -1).repeat(3, 1)
    moved = tone_curve(greys, red=slopes, smoothness=1.0) - tone_curve(greys, red=slopes)
    bends = np.abs(np.diff(np.array(slopes) / np.mean(slopes))) / len(slopes)
    assert np.abs(moved).max() <= bends.max() / 8 + 1e-9

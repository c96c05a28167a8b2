"""Vignette: where it darkens, and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from camofilter import filters

vignette = filters.get("vignette")
SIZE = (96, 144)


def light(**settings: Any) -> np.ndarray:
    """H×W: what is left of the light, in stops below full."""
    plain = np.full((1, 3, *SIZE), 0.8)
    left = vignette(plain, **({"amount": 1.0} | settings))[0, 1] / 0.8
    return np.asarray(np.log2(left) * 2.2)


def radius(roundness: float) -> np.ndarray:
    """H×W: distance from the middle, 1 in the corners; along the frame (0) or in a circle (1)."""
    y, x = (((np.arange(n) + 0.5) / n * 2 - 1) for n in SIZE)
    height, width = (1, 1) if roundness == 0 else SIZE
    return np.asarray(np.hypot(y[:, None] * height, x * width) / np.hypot(height, width))


@pytest.mark.parametrize("roundness", [0.0, 1.0])
@pytest.mark.parametrize("midpoint", [0.3, 0.8, 1.2])
def test_darkens_outwards_and_alike_at_equal_radius(roundness: float, midpoint: float) -> None:
    stops = light(roundness=roundness, midpoint=midpoint)
    order = np.argsort(radius(roundness), axis=None)
    assert np.diff(stops.ravel()[order]).max() < 0.005  # of a stop; the maps are enlarged
    assert stops.min() < -0.1


def test_full_falloff_loses_the_amount_and_the_middle_nothing() -> None:
    stops = light(amount=1.5, midpoint=0.5, feather=0.4)
    assert stops[0, 0] == pytest.approx(-1.5, abs=1e-6)
    assert stops[48, 72] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("quarters", "lost"), [(-1, 5 / 32), (0, 0.5), (1, 27 / 32)])
def test_half_is_lost_at_the_midpoint_and_the_falloff_is_soft(quarters: int, lost: float) -> None:
    # A smoothstep, 3t² − 2t³, at a quarter, a half and three quarters of its width.
    stops = light(midpoint=0.6, feather=0.8, roundness=1.0)
    there = np.abs(radius(1) - 0.6 - quarters * 0.2) < 0.004
    assert stops[there] == pytest.approx(-lost, abs=0.02)


def test_feather_is_the_width_of_the_falloff() -> None:
    middle = light(midpoint=0.6, feather=0.3, roundness=1.0)
    between = (middle < -0.001) & (middle > -0.999)
    assert np.ptp(radius(1)[between]) == pytest.approx(0.3, abs=0.03)


def test_is_symmetric() -> None:
    stops = light()
    np.testing.assert_allclose(stops, stops[::-1], atol=1e-6)
    np.testing.assert_allclose(stops, stops[:, ::-1], atol=1e-6)


def test_more_is_darker() -> None:
    corners = [light(amount=amount)[0, 0] for amount in (0, 0.4, 0.8, 3)]
    assert corners == sorted(corners, reverse=True)


def test_turns_with_the_photo() -> None:
    plain = np.full((1, 3, *SIZE), 0.8)
    upright = vignette(plain.swapaxes(2, 3), 1.0)
    np.testing.assert_allclose(upright.swapaxes(2, 3), vignette(plain, 1.0), atol=1e-6)

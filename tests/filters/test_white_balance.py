"""White balance: its constants from the CIE formulas, and which way it goes."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import LUMA, luma
from camofilter.filters.white_balance import TEMPERATURE, TINT

white_balance = filters.get("white_balance")

# IEC 61966-2-1: XYZ to linear sRGB.
FROM_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
D65 = 1e6 / 6504


def daylight(mired: float) -> np.ndarray:
    """CIE 1931 xy of daylight, CIE 015:2018 eqs. 4.8 and 4.9 (4000 to 7000 K)."""
    t = 1e6 / mired
    x = -4.6070e9 / t**3 + 2.9678e6 / t**2 + 0.09911e3 / t + 0.244063
    return np.array([x, -3 * x**2 + 2.870 * x - 0.275])


def to_uv(xy: np.ndarray) -> np.ndarray:
    """CIE 1960 uv."""
    x, y = xy
    return np.array([4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)])


def stops(xy: np.ndarray) -> np.ndarray:
    """Binary logarithm of the linear sRGB of a white of this chromaticity, at luminance 1."""
    x, y = xy
    return np.asarray(np.log2(FROM_XYZ @ [x / y, 1, (1 - x - y) / y]))


def level(derivative: np.ndarray) -> np.ndarray:
    """Shifted so that the luminance of a grey stays."""
    return np.asarray(derivative - derivative @ LUMA)


def test_temperature_is_a_mired_along_the_daylight_locus() -> None:
    expected = level(stops(daylight(D65 + 0.5)) - stops(daylight(D65 - 0.5)))
    np.testing.assert_allclose(TEMPERATURE.ravel(), expected, rtol=0.05, atol=1e-4)


def test_tint_is_a_thousandth_of_duv_square_to_it() -> None:
    along = to_uv(daylight(D65 + 0.5)) - to_uv(daylight(D65 - 0.5))
    across = np.array([along[1], -along[0]])
    across *= -0.001 * np.sign(across[1]) / np.hypot(*across)  # below the locus is magenta
    u, v = to_uv(daylight(D65)) + across
    shifted = np.array([3 * u, 2 * v]) / (2 * u - 8 * v + 4)
    expected = level(stops(shifted) - stops(daylight(D65)))
    np.testing.assert_allclose(TINT.ravel(), expected, rtol=0.05, atol=1e-4)


@pytest.mark.parametrize(("setting", "grows", "shrinks"), [("temperature", 0, 2), ("tint", 0, 1), ("tint", 2, 1)])
def test_above_0_is_warmer_or_towards_magenta(setting: str, grows: int, shrinks: int, greys: np.ndarray) -> None:
    low, high = white_balance.setting(setting).range
    rising = np.concatenate([white_balance(greys, **{setting: v}) for v in np.linspace(low, high, 9)])
    assert np.diff(rising[..., 1:-1], axis=0)[:, grows].min() > 0
    assert np.diff(rising[..., 1:-1], axis=0)[:, shrinks].max() < 0


@pytest.mark.parametrize("settings", [{"temperature": 35.0}, {"temperature": -35.0}, {"tint": 8.0}, {"tint": -5.0}])
def test_brightness_of_greys_hardly_moves(settings: dict[str, float], greys: np.ndarray) -> None:
    assert np.abs(luma(white_balance(greys, **settings)) - luma(greys)).max() < 0.015


def test_black_and_white_stay() -> None:
    ends = np.array([0.0, 1.0]).reshape(1, 1, 1, 2).repeat(3, 1)
    np.testing.assert_allclose(white_balance(ends, 100, 30), ends, atol=1e-12)

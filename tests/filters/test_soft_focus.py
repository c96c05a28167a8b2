"""Soft focus: less detail, the same light."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from camofilter import filters

soft_focus = filters.get("soft_focus")


def detail(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image)).mean())


@pytest.fixture
def image(photo: np.ndarray) -> np.ndarray:
    return photo[::3, ::3].transpose(2, 0, 1)[None] / 255


@pytest.mark.parametrize(("setting", "values"), [("amount", (0, 0.2, 0.5, 1)), ("radius", (0.004, 0.01, 0.04))])
def test_more_is_softer(setting: str, values: tuple[float, ...], image: np.ndarray) -> None:
    details = [detail(soft_focus(image, **({"amount": 0.5} | {setting: v}))) for v in values]
    assert details == sorted(details, reverse=True)
    assert details[-1] < 0.85 * details[0]


def test_light_stays(image: np.ndarray) -> None:
    assert soft_focus(image, 1.0, 0.02).mean() == pytest.approx(image.mean(), abs=0.002)


def test_full_amount_is_a_gaussian_blur(image: np.ndarray) -> None:
    pixels = 0.02 * image.shape[3]
    expected = gaussian_filter(image, (0, 0, pixels, pixels), truncate=6)
    inside = (..., slice(25, -25), slice(25, -25))
    np.testing.assert_allclose(soft_focus(image, 1.0, 0.02)[inside], expected[inside], atol=1e-4)

"""Clarity: more texture, no halo."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from camofilter import filters

clarity = filters.get("clarity")


@pytest.fixture
def texture() -> np.ndarray:
    """Faint mid-grey texture of medium size."""
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((96, 128)), 1.5)
    return np.broadcast_to(0.5 + 0.04 * noise / noise.std(), (1, 3, 96, 128))


@pytest.mark.parametrize("radius", [0.01, 0.02, 0.04])
def test_amount_raises_the_contrast_of_texture(radius: float, texture: np.ndarray) -> None:
    contrasts = [clarity(texture, amount, radius).std() for amount in (-1, -0.5, 0, 0.5, 1, 1.5)]
    assert contrasts == sorted(contrasts)
    assert contrasts[4] > 1.25 * texture.std()
    assert contrasts[0] < 0.75 * texture.std()


@pytest.mark.parametrize("radius", [0.01, 0.02, 0.04])
@pytest.mark.parametrize(
    ("dark", "light", "overshoot"),
    [(0.1, 0.9, 0.02), (0.3, 0.7, 0.03), (0.4, 0.6, 0.035), (0.45, 0.55, 0.025)],
)
def test_no_halo_along_an_edge(radius: float, dark: float, light: float, overshoot: float) -> None:
    edge = np.full((1, 3, 96, 128), dark)
    edge[..., 64:] = light
    out = clarity(edge, 0.6, radius)
    # Unsharp masking of this strength overshoots by 0.3 of the step: 0.24, 0.12, 0.06 and 0.03.
    assert out.max() < light + overshoot
    assert out.min() > dark - overshoot


def test_strong_detail_changes_by_no_more_than_the_limit() -> None:
    line = np.full((1, 3, 96, 128), 0.25)
    line[..., 64] = 0.75
    change = np.abs(clarity(line, 1.0, 0.06) - line)
    assert 0.05 < change.max() < 0.12 * 0.75  # the limit, weighted by 4x(1 − x)


def test_brightness_stays(photo: np.ndarray) -> None:
    image = photo.transpose(2, 0, 1)[None] / 255
    for amount in (-0.6, 0.6):
        assert abs(clarity(image, amount).mean() - image.mean()) < 0.01


def test_black_and_white_stay(texture: np.ndarray) -> None:
    two_tone = np.where(texture > 0.5, 1.0, 0.0)
    np.testing.assert_array_equal(clarity(two_tone, 1.5), two_tone)

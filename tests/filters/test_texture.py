"""Texture: fine detail more or less, edges as they were."""

from __future__ import annotations

import numpy as np

from camofilter import filters

texture = filters.get("texture")
columns = np.arange(512)


def strip(tones: np.ndarray) -> np.ndarray:
    """1×3×8×512, the same in each row and channel."""
    return np.broadcast_to(tones, (1, 3, 8, 512)).copy()


ripples = strip(0.5 + 0.03 * np.sin(columns * 1.3))
edge = strip(np.where(columns < 256, 0.25, 0.75))


def test_fine_detail_grows_and_shrinks() -> None:
    stronger, weaker = (texture(ripples, amount=a)[..., 40:-40].std() / ripples.std() for a in (0.6, -0.6))
    assert stronger > 1.4
    assert weaker < 0.6


def test_edges_stay_without_halos() -> None:
    for amount in (0.6, -0.6):
        assert np.abs(texture(edge, amount=amount) - edge).max() < 0.02


def test_broad_shapes_stay() -> None:
    slopes = strip(0.5 + 0.2 * np.sin(columns / 40))
    assert np.abs(texture(slopes, amount=0.6) - slopes)[..., 20:-20].max() < 0.01

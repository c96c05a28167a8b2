"""Dehaze: takes away the veil that was laid over a photo, and none where there is none."""

from __future__ import annotations

import numpy as np

from camofilter import filters

dehaze = filters.get("dehaze")


def scene(height: int = 60, width: int = 90) -> np.ndarray:
    """Saturated blocks with something dark in each: a photo without haze."""
    random = np.random.default_rng(0)
    blocks = random.random((1, 3, height // 6, width // 6)) ** 2
    return np.asarray(blocks.repeat(6, 2).repeat(6, 3))


def test_brings_back_what_haze_hid() -> None:
    clear = scene()
    veil = np.linspace(0.1, 0.6, 60).reshape(1, 1, -1, 1)
    hazy = clear * (1 - veil) + 0.9 * veil
    before, after = (np.abs(image - clear).mean() for image in (hazy, dehaze(hazy, amount=0.8)))
    assert after < 0.8 * before


def test_more_haze_less_contrast() -> None:
    image = 0.3 + 0.5 * scene()
    spreads = [dehaze(image, amount=a).std() for a in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    assert np.all(np.diff(spreads) > 0)


def test_mist_lightens_and_greys() -> None:
    misty = dehaze(scene(), amount=-0.5)
    assert misty.mean() > scene().mean() + 0.05
    assert np.ptp(misty, axis=1).mean() < 0.9 * np.ptp(scene(), axis=1).mean()


def test_a_clear_photo_hardly_changes() -> None:
    assert np.abs(dehaze(scene(), amount=0.5) - scene()).mean() < 0.05


def test_black_and_white_stay() -> None:
    for tone in (0.0, 1.0):
        plain = np.full((1, 3, 20, 30), tone)
        np.testing.assert_allclose(dehaze(plain, amount=1.0), plain, atol=2e-3)

"""Tilt-shift: the band stays as it is, blur grows away from it, and goes where the settings say."""

from __future__ import annotations

import numpy as np

from camofilter import filters

tilt_shift = filters.get("tilt_shift")
noise = np.random.default_rng(0).random((1, 3, 120, 160))


def sharpness(image: np.ndarray) -> np.ndarray:
    """By row: how much neighbours in it differ."""
    return np.asarray(np.abs(np.diff(image, axis=3)).mean((0, 1, 3)))


def test_the_band_is_untouched_and_blur_grows_away_from_it() -> None:
    out = tilt_shift(noise, amount=1.0, centre=0.5, width=0.3, feather=0.4)
    np.testing.assert_allclose(out[:, :, 44:76], noise[:, :, 44:76], atol=1e-12)
    by_row = sharpness(out)
    smoothed = np.convolve(by_row, np.full(9, 1 / 9), "valid")
    assert np.diff(smoothed[70:]).max() < 0.01
    assert by_row[-4:].max() < 0.1 * sharpness(noise).mean()


def test_centre_moves_the_band() -> None:
    for centre in (0.2, 0.8):
        by_row = sharpness(tilt_shift(noise, amount=1.0, centre=centre, width=0.1, feather=0.3))
        assert abs(np.convolve(by_row, np.ones(9), "same").argmax() - 120 * centre) < 12


def test_angle_turns_it_anticlockwise() -> None:
    upright = tilt_shift(noise, amount=1.0, centre=0.5, angle=90.0)
    np.testing.assert_allclose(upright[:, :, :, 75:85], noise[:, :, :, 75:85], atol=1e-12)
    turned = np.abs(tilt_shift(noise, amount=1.0, centre=0.5, angle=30.0) - noise).mean((0, 1))
    assert turned[:40, 120:].mean() < 0.5 * turned[:40, :40].mean()


def test_plain_areas_keep_their_tone_and_lights_outweigh() -> None:
    for tone in (0.0, 0.3, 1.0):
        plain = np.full((1, 3, 40, 60), tone)
        np.testing.assert_allclose(tilt_shift(plain, amount=1.0), plain, atol=1.1e-3)
    checks = np.indices((40, 60)).sum(0)[None, None].repeat(3, 1) % 2.0
    assert tilt_shift(checks, amount=1.0, centre=0.0)[:, :, -5:].mean() > 0.6

"""Sharpen: edges steeper, overshoot small, noise and plain areas left alone."""

from __future__ import annotations

import numpy as np

from camofilter import filters

sharpen = filters.get("sharpen")
columns = np.arange(1024)
soft_edge = np.broadcast_to(0.5 + 0.2 * np.tanh((columns - 512) / 2), (1, 3, 8, 1024)).copy()


def test_an_edge_gets_steeper() -> None:
    before, after = (np.diff(image, axis=3).max() for image in (soft_edge, sharpen(soft_edge, amount=1.0)))
    assert after > 1.08 * before


def test_overshoot_is_bent_back() -> None:
    out = sharpen(soft_edge, amount=1.0, radius=0.003)
    assert out.max() < 0.7 + 0.08
    assert out.min() > 0.3 - 0.08


def test_faint_noise_is_left_alone() -> None:
    noise = 0.5 + np.random.default_rng(0).normal(0, 0.004, (1, 1, 64, 1024)).repeat(3, 1)
    assert sharpen(noise, amount=1.0, threshold=0.03).std() < 1.05 * noise.std()
    assert sharpen(noise, amount=1.0, threshold=0.001).std() > 1.3 * noise.std()


def test_plain_areas_and_ends_stay() -> None:
    for tone in (0.0, 0.4, 1.0):
        plain = np.full((1, 3, 8, 1024), tone)
        np.testing.assert_allclose(sharpen(plain, amount=2.0), plain, atol=1e-9)

"""Halation: a red rim beside lights, none in them."""

from __future__ import annotations

import numpy as np

from camofilter import filters

halation = filters.get("halation")

window = np.full((1, 3, 60, 90), 0.05)
window[..., 45:] = 1.0


def test_the_rim_is_red_and_beside_the_light() -> None:
    red, green, blue = (halation(window, amount=1.0) - window)[0, :, 30]
    assert np.all(red[36:45] > 2 * green[36:45])
    assert np.all(green[36:45] > 2 * blue[36:45])
    assert red[44] > 0.1
    assert np.all(np.diff(red[36:45]) > 0)
    assert max(abs(c[45:]).max() for c in (red, green, blue)) < 1e-12


def test_radius_is_its_width() -> None:
    narrow, wide = ((halation(window, amount=1.0, radius=r) - window)[0, 0, 30, :45] for r in (0.006, 0.03))
    assert (wide > wide.max() / 2).sum() > 2 * (narrow > narrow.max() / 2).sum()


def test_a_dark_photo_has_none() -> None:
    dark = np.full((1, 3, 20, 30), 0.4)
    assert np.abs(halation(dark, amount=1.2) - dark).max() < 0.01

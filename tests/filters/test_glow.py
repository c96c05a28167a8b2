"""Glow: light is added, next to highlights most."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters

glow = filters.get("glow")


@pytest.fixture
def lamp() -> np.ndarray:
    """A white disc in the dark."""
    y, x = np.mgrid[:96, :128]
    return np.broadcast_to(np.where(np.hypot(y - 48, x - 64) < 10, 1.0, 0.1), (1, 3, 96, 128))


def test_never_darkens(colours: np.ndarray) -> None:
    lighter = np.concatenate([glow(colours, amount) for amount in (0, 0.2, 0.6, 1)])
    assert np.diff(lighter, axis=0).min() >= 0
    assert (np.diff(lighter.mean((1, 2, 3))) > 0).all()


def test_light_falls_off_with_the_distance_from_the_lamp(lamp: np.ndarray) -> None:
    outwards = (glow(lamp, 0.5) - lamp)[0, 0, 48, 75:]
    assert outwards[0] > 0.1
    assert np.diff(outwards).max() < 1e-9
    assert outwards[-1] < 0.01


def test_radius_is_its_reach(lamp: np.ndarray) -> None:
    far = [(glow(lamp, 0.5, radius) - lamp)[0, 0, 48, 64 + 22] for radius in (0.008, 0.02, 0.04, 0.08)]
    assert far == sorted(far)
    assert far[-1] > 2 * far[0]


def test_plain_photo_is_screened_with_its_square() -> None:
    plain = np.full((1, 3, 12, 16), 0.6)
    np.testing.assert_allclose(glow(plain, 0.5), 1 - (1 - 0.6) * (1 - 0.5 * 0.36), atol=1e-12)

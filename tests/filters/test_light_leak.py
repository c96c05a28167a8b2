"""Light leak: from the side that the direction says, of the hue asked for, palest at the edge."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters

light_leak = filters.get("light_leak")
black = np.zeros((1, 3, 60, 90))


@pytest.mark.parametrize(
    ("direction", "place"), [(0.0, (30, 89)), (90.0, (0, 45)), (180.0, (30, 0)), (-90.0, (59, 45)), (-180.0, (30, 0))]
)
def test_direction(direction: float, place: tuple[int, int]) -> None:
    light = light_leak(black, amount=0.4, direction=direction).sum((0, 1))
    y, x = np.unravel_index(light.argmax(), light.shape)
    assert np.hypot(y - place[0], x - place[1]) < 3


@pytest.mark.parametrize(("hue", "strongest"), [(0.0, 0), (120.0, 1), (240.0, 2)])
def test_hue(hue: float, strongest: int) -> None:
    light = light_leak(black, amount=0.3, hue=hue)[0, :, 30, 60]
    assert light.argmax() == strongest
    assert light.max() > 1.5 * np.median(light)


def test_it_pales_and_brightens_towards_the_edge() -> None:
    red, green, _ = light_leak(black, amount=0.4)[0, :, 30]
    assert np.all(np.diff(red) > 0)
    share = green[60:] / red[60:]
    assert np.all(np.diff(share) > 0)


def test_size_is_its_reach() -> None:
    reached = [(light_leak(black, amount=0.4, size=size)[0, 0, 30] > 0.1).sum() for size in (0.15, 0.35)]
    assert reached[1] > 1.5 * reached[0]

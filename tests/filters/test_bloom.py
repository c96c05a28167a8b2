"""Bloom: light spills from what is bright, in its colour, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters

bloom = filters.get("bloom")


def lamp(colour: tuple[float, float, float]) -> np.ndarray:
    """A lamp of this colour in the middle of a dark room, 1×3×61×91."""
    room = np.full((1, 3, 61, 91), 0.1)
    room[:, :, 27:34, 42:49] = np.array(colour).reshape(3, 1, 1)
    return room


def test_light_falls_off_around_a_lamp() -> None:
    added = (bloom(lamp((1, 1, 1)), amount=1.0) - lamp((1, 1, 1)))[0, 0, 30]
    assert np.all(np.diff(added[49:65]) < 0)
    assert added[50] > 0.05
    np.testing.assert_allclose(added, added[::-1], atol=1e-9)


def test_it_has_the_colour_of_the_lamp() -> None:
    red, green, blue = (bloom(lamp((1, 0.95, 0.5)), amount=1.0) - lamp((1, 0.95, 0.5)))[0, :, 30, 52]
    assert red > green > 1.3 * blue > 0


@pytest.mark.parametrize("tone", [0.1, 0.4])
def test_dark_tones_give_off_next_to_nothing(tone: float) -> None:
    room = np.full((1, 3, 20, 30), tone)
    assert np.abs(bloom(room, amount=1.0) - room).max() < 0.01


def test_threshold_says_what_is_bright() -> None:
    room = lamp((0.7, 0.7, 0.7))
    low, high = (np.abs(bloom(room, amount=1.0, threshold=t) - room).max() for t in (0.4, 0.9))
    assert low > 5 * high

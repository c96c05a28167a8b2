"""Tables of colours, and other things that settings hold, for the tests of the filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from camofilter.filters.base import HeldSetting
from camofilter.filters.cube import Cube
from camofilter.filters.plate import Plate


def lattice(size: int) -> np.ndarray:
    """size×size×size×3 float64: the table that changes nothing."""
    levels = np.linspace(0, 1, size)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1)


def small_cube() -> Cube:
    """Curves, then a table: lively, but greys stay grey and nothing reaches black or white."""
    mean = lattice(4).mean(-1, keepdims=True)
    curve = np.linspace(0, 1, 6)[:, None] ** 0.8
    return Cube(0.04 + 0.9 * (mean + 0.6 * (lattice(4) - mean)) ** 1.3, np.repeat(curve, 3, 1))


def random_cube(size: int, *, low: float = 0, high: float = 1) -> Cube:
    """A table without any order."""
    return Cube(np.random.default_rng(size).uniform(low, high, (size, size, size, 3)))


def small_plate() -> Plate:
    """A pattern by chance, of a few cells."""
    return Plate.of(np.random.default_rng(3).normal(size=(9, 12)))


_HELD: dict[type, Any] = {Cube: small_cube(), Plate: small_plate()}


def held(setting: HeldSetting) -> Any:
    """What such a setting holds in the tests; the same object every time."""
    return _HELD[setting.kind]

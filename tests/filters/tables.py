"""Tables of colours for the tests of the filters."""

from __future__ import annotations

import numpy as np

from camofilter.filters.cube import Cube


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

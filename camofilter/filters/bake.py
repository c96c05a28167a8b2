"""Baking: what any run of point filters does to every colour, as one table, or as a curve for each channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from camofilter.errors import UsageError
from camofilter.filters.base import Filter

SIZES = (2, 129)  # of tables that programs exchange
CURVE_POINTS = 1 << 16


def bake(chain: Iterable[tuple[Filter, dict[str, Any]]], size: int) -> np.ndarray:
    """The colours that those of a regular lattice become.

    Args:
        chain: point filters with their settings as floats.
        size: points of the lattice a side.

    Returns:
        size×size×size×3 float32 in [0, 1]; ``table[r, g, b]`` is what (r, g, b) / (size − 1) becomes.

    Raises:
        UsageError: a filter is not a point filter, or the size is not from 2 to 129.
    """
    fewest, most = SIZES
    if not fewest <= size <= most:
        raise UsageError(f"the size of the table is {size}: expected {fewest} to {most}")
    axis = np.linspace(0, 1, size, dtype=np.float32)
    image = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(1, 3, size * size, size)
    table = exact(image, chain).reshape(3, size, size, size).transpose(1, 2, 3, 0)
    return np.ascontiguousarray(np.clip(table, 0, 1))


def bake_curves(chain: Iterable[tuple[Filter, dict[str, Any]]]) -> np.ndarray:
    """What the channels of a chain that never mixes them become: N×3 float32 in [0, 1], as of evenly spaced greys.

    All levels of 8 and 16 bit are among them.

    Raises:
        UsageError: a filter is not a point filter.
    """
    greys = np.linspace(0, 1, CURVE_POINTS, dtype=np.float32)
    curves = exact(np.broadcast_to(greys, (1, 3, 1, CURVE_POINTS)), chain)[0, :, 0].T
    return np.ascontiguousarray(np.clip(curves, 0, 1))


def exact(image: np.ndarray, chain: Iterable[tuple[Filter, dict[str, Any]]]) -> np.ndarray:
    """A 1×3×H×W image through a chain of point filters by their formulas.

    Raises:
        UsageError: a filter is not a point filter.
    """
    for found, settings in chain:
        if not found.is_point:
            raise UsageError(f"{found.name} depends on a pixel's place: only point filters can be baked")
        image = found.filtered(image, settings)
    return image

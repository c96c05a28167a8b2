"""Dodge and burn: exposure that differs from place to place, as with a hand under the enlarger."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, ev_to_factor, gain, like
from camofilter.filters.base import Setting, overlay_filter

ROWS, COLUMNS = 6, 8


def _exposure(kind: Array, height: int, width: int, ev: Value | None = None) -> Array:
    """B×1×h×w: the factor on encoded values."""
    grid = like(kind, np.zeros(ROWS * COLUMNS) if ev is None else ev).reshape(-1, 1, ROWS, COLUMNS)
    down, across = like(kind, _spline(height, ROWS)), like(kind, _spline(width, COLUMNS))
    return ev_to_factor(down @ grid @ across.swapaxes(0, 1))


def _spline(side: int, knots: int) -> np.ndarray:
    """side×knots: weights of the uniform cubic B-spline, its outer knots standing for those beyond them."""
    place = (np.arange(side) + 0.5) / side * knots - 0.5
    knot = np.arange(-2, knots + 2)
    far = np.abs(place[:, None] - knot)
    weight = np.where(far < 1, 2 / 3 - far**2 + far**3 / 2, np.clip(2 - far, 0, None) ** 3 / 6)
    held: np.ndarray = weight @ np.eye(knots)[knot.clip(0, knots - 1)]
    return held


@overlay_filter(
    Setting(
        "ev",
        "EV",
        0.0,
        (-2.0, 2.0),
        (-0.5, 0.5),
        f"stops of light at {ROWS} rows of {COLUMNS} places, from the top left",
        count=ROWS * COLUMNS,
        counts=(ROWS * COLUMNS, ROWS * COLUMNS),
    ),
    base=64,
    maps=_exposure,
)
def dodge_and_burn(image: Array, maps: Array, ev: Value | None = None) -> Array:
    """Lightens and darkens parts of the photo, with no edge between them.

    Stops of light on a grid, smoothed by the uniform cubic B-spline (de Boor 1978), whose curvature is
    continuous; highlights roll off as in `exposure`.

    Args:
        image: B×3×H×W in [0, 1].
        ev: stops at the 6×8 places, row by row; 48 floats or B×48; None for no change.
    """
    return gain(image, maps)

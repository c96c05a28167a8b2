"""LUT: the colours of a table, as film simulations and grading programs save them."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, is_numpy, like, namespace, per_image
from camofilter.filters.base import FileSetting, Setting, point_filter
from camofilter.filters.cube import Cube, Domain, read_lut


@point_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 1.0), "how much of the table's colours; 1 is all of them"),
    FileSetting("cube", "a table of colours: .cube, or a Hald image as PNG or TIFF", Cube, read_lut),
)
def lut(image: Array, amount: Value, cube: Cube | None = None) -> Array:
    """Gives each colour what a table has for it, in part or wholly.

    Curves are interpolated linearly, tables trilinearly, as Adobe's Cube LUT Specification 1.0 (2013) has it. Colours
    outside a table's domain are taken as its nearest ones; what a table holds outside [0, 1] is clipped.

    Args:
        image: B×3×H×W in [0, 1].
        amount: 0 is the image, 1 the table's colours.
        cube: the table, sRGB-encoded to sRGB-encoded; None changes nothing.
    """
    if cube is None:
        return image
    found = image
    if cube.curves is not None:
        found = _through_curves(found, cube.curves, cube.curves_domain)
    if cube.table is not None:
        found = _through_table(found, cube.table, cube.table_domain)
    return image + per_image(amount) * (namespace(image).clip(found, 0, 1) - image)


def _through_curves(image: Array, curves: np.ndarray, domain: Domain) -> Array:
    """B×3×H×W: each channel through its own curve."""
    lower, share = _cells(image, len(curves), domain)
    values = _held(image, curves)
    channels = []
    for i in range(3):
        at = lower[:, i]
        channels.append(_between(values[:, i][at], values[:, i][at + 1], share[:, i]))
    return namespace(image).stack(channels, 1)


def _through_table(image: Array, table: np.ndarray, domain: Domain) -> Array:
    """B×3×H×W: each colour from the eight points of the table around it."""
    side = len(table)
    lower, share = _cells(image, side, domain)
    values = _held(image, table).reshape(-1, 3)  # so that one step takes all three channels
    at = (lower[:, 0] * side + lower[:, 1]) * side + lower[:, 2]
    red, green, blue = (share[:, i][..., None] for i in range(3))
    edges = [_between(values[at + o], values[at + o + 1], blue) for o in (0, side, side**2, side**2 + side)]
    near, far = (_between(edges[i], edges[i + 1], green) for i in (0, 2))
    return namespace(image).moveaxis(_between(near, far, red), -1, 1)


def _cells(image: Array, points: int, domain: Domain) -> tuple[Array, Array]:
    """For each value, the point of a regular lattice below it and how far it is from there to the next."""
    clip = namespace(image).clip
    low, high = (like(image, ends).reshape(1, 3, 1, 1) for ends in domain)
    position = clip((image - low) / (high - low), 0, 1) * (points - 1)
    lower = position.astype(np.intp) if is_numpy(position) else position.long()
    lower = clip(lower, 0, points - 2)
    return lower, position - like(position, lower)


def _held(image: Array, values: np.ndarray) -> Array:
    """A cube's values as an array of the image's kind; torch wants what it could write to."""
    return like(image, values if is_numpy(image) else values.copy())


def _between(one: Array, other: Array, share: Array) -> Array:
    return one + (other - one) * share

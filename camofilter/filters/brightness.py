"""Brightness: lighter or darker midtones."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, bias, ev_to_bias, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("ev", "EV", 0.0, (-1.5, 1.5), (-0.5, 0.5), "stops by which middle grey changes; black and white stay"),
)
def brightness(image: Array, ev: Value) -> Array:
    """Makes the midtones lighter or darker; black and white stay.

    What a gamma does, on a hyperbola whose slope is finite at black (see :func:`camofilter.filters.arrays.bias`).
    Unlike :func:`exposure`, it opens the shadows more than the midtones.

    Args:
        image: B×3×H×W in [0, 1].
        ev: stops of light by which middle grey changes.
    """
    return bias(image, ev_to_bias(per_image(ev)))

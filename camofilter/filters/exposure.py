"""Exposure: more or less light, with a filmic shoulder."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, ev_to_factor, gain, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("ev", "EV", 0.0, (-3.0, 3.0), (-0.6, 0.6), "stops of light; highlights roll off, white stays white"),
)
def exposure(image: Array, ev: Value) -> Array:
    """Brightens or darkens by stops of light.

    Shadows and midtones are multiplied by 2^ev in light; highlights bend towards white instead of clipping (see
    :func:`camofilter.filters.arrays.gain`), and white stays white, so that no sky turns grey.

    Args:
        image: B×3×H×W in [0, 1].
        ev: stops; float or B-vector.
    """
    return gain(image, ev_to_factor(per_image(ev)))

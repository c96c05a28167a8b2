"""Vignette: the corners darken as a lens would do it."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, ev_to_factor, like, per_image, smoothstep
from camofilter.filters.base import Setting, overlay_filter


def _falloff(
    kind: Array, height: int, width: int, amount: Value, midpoint: Value, roundness: Value, feather: Value
) -> Array:
    """B×1×h×w: the share of light that is left, as a factor on encoded values."""
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    frame = like(kind, np.sqrt((x**2 + y[:, None] ** 2) / 2))[None, None]
    circle = like(kind, np.hypot(x * width, y[:, None] * height) / np.hypot(width, height))[None, None]
    radius = frame + (circle - frame) * per_image(roundness)
    full = smoothstep((radius - per_image(midpoint)) / per_image(feather) + 0.5)
    return ev_to_factor(per_image(amount) * -full)


@overlay_filter(
    Setting("amount", "EV", 0.0, (0.0, 3.0), (0.0, 0.8), "stops of light lost in the corners"),
    Setting("midpoint", "", 0.8, (0.3, 1.2), (0.7, 0.95), "middle of the falloff; 1 is the corner", strength=False),
    Setting("roundness", "", 0.5, (0.0, 1.0), (0.2, 1.0), "0 follows the frame, 1 is a circle", strength=False),
    Setting("feather", "", 0.9, (0.2, 1.6), (0.7, 1.2), "width of the falloff", strength=False),
    base=128,
    maps=_falloff,
)
def vignette(image: Array, maps: Array, amount: Value, midpoint: Value, roundness: Value, feather: Value) -> Array:
    """Darkens towards the corners with a soft falloff.

    Light is multiplied by 2^(−amount·s), s being a smoothstep of the radius; the radius runs from 0 in the
    middle to 1 in the corners.

    Args:
        image: B×3×H×W in [0, 1].
        amount: stops lost where the falloff is full.
        midpoint: radius at which half is lost.
        roundness: 0 ellipse in the frame's shape, 1 circle.
        feather: width of the falloff in radii.
    """
    return image * maps

"""Halation: the red rim that film gives to lights."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, blur, exposed, lights, like, luma, per_image, screen
from camofilter.filters.base import Setting, spatial_filter

# What comes back from the film's base has passed the layers for blue and green: mostly red is left.
_TINT = np.array([1.0, 0.32, 0.08]).reshape(1, 3, 1, 1)


def _reflection(small: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """B×1×h×w in [0, 1): the light that comes back, around lights more than in them."""
    bright = luma(lights(small, threshold))
    spread = 0.6 * blur(bright, radius) + 0.4 * blur(bright, radius * 2.5)
    return exposed(per_image(amount) * spread)


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 4.0), (0.0, 1.2), "how much light comes back"),
    Setting("radius", "", 0.01, (0.005, 0.04), (0.006, 0.02), "width of the rim, of the longer side", strength=False),
    Setting("threshold", "", 0.75, (0.3, 0.95), (0.65, 0.9), "tone from which on light comes back", strength=False),
    maps=_reflection,
)
def halation(image: Array, maps: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """Gives lights a red-orange rim, as film without an anti-halation layer does.

    Light that passes the emulsion comes back from the film's base, spread and reddened (Mees and James 1966, "The
    Theory of the Photographic Process"); it is exposed as 1 − exp(−light) and laid over in screen mode, so that it
    shows beside a light and not in it.

    Args:
        image: B×3×H×W in [0, 1].
        amount: exposure by the light that comes back.
        radius: standard deviation of its Gaussian, as a fraction of the longer side.
        threshold: luma at which it begins.
    """
    return screen(image, maps * like(image, _TINT))

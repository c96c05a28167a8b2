"""Glow: highlights spread light over their surroundings (the Orton effect)."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, blur, per_image, screen
from camofilter.filters.base import Setting, spatial_filter


def _spread_highlights(small: Array, amount: Value, radius: Value) -> Array:
    """B×3×h×w: the squared picture, in which highlights outweigh, blurred."""
    return blur(small * small, radius)


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 0.4), "strength of the spread light"),
    Setting("radius", "", 0.02, (0.004, 0.08), (0.008, 0.04), "its reach, of the longer side", strength=False),
    maps=_spread_highlights,
)
def glow(image: Array, maps: Array, amount: Value, radius: Value) -> Array:
    """Lays the blurred highlights over the photo in screen mode: 1 − (1 − x)(1 − amount·b).

    Args:
        image: B×3×H×W in [0, 1].
        amount: opacity of the spread light b.
        radius: standard deviation of its Gaussian, as a fraction of the longer side.
    """
    return screen(image, per_image(amount) * maps)

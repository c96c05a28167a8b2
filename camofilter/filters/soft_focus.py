"""Soft focus: a blurred exposure over the sharp one, as a diffusion filter gives it."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, blur, per_image
from camofilter.filters.base import Setting, spatial_filter


def _blurred(small: Array, amount: Value, radius: Value) -> Array:
    return blur(small, radius)


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 0.85), "share of the soft picture"),
    Setting("radius", "", 0.006, (0.004, 0.04), (0.004, 0.012), "softness, of the longer side", strength=False),
    maps=_blurred,
)
def soft_focus(image: Array, maps: Array, amount: Value, radius: Value) -> Array:
    """Mixes the photo with a softly blurred copy: edges stay readable, texture melts.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the blurred copy.
        radius: standard deviation of its Gaussian, as a fraction of the longer side.
    """
    return image + per_image(amount) * (maps - image)

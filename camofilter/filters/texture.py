"""Texture: contrast of fine detail, such as skin, cloth and leaves."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, bend, guided, luma, onto_midtones, per_image
from camofilter.filters.base import Setting, spatial_filter

_RADIUS = 0.004
# Variance of luma from which on an edge is kept in the base: a step of about 0.06 to either side.
_EDGE = 0.004
# Detail beyond this is bent back.
_LIMIT = 0.1


def _base(copy: Array, amount: Value) -> Array:
    """B×2×h×w: slope and offset of the local line that gives the base of a luma."""
    grey = luma(copy)
    return guided(grey, grey, _RADIUS, _EDGE, reach=3 * _RADIUS)


@spatial_filter(
    Setting("amount", "", 0.0, (-1.0, 1.0), (-0.6, 0.6), "above 0 more texture, below 0 smoother skin"),
    maps=_base,
    copy_side=512,  # two pixels to the radius
)
def texture(image: Array, maps: Array, amount: Value) -> Array:
    """Raises or lowers the contrast of fine detail, while edges stay sharp.

    As :func:`clarity`, with a window of 0.004 of the longer side: detail is luma minus its base by the guided
    filter, limited, weighted towards midtones and added to all channels alike.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the detail that is added; −1 takes it away.
    """
    grey = luma(image)
    detail = bend(grey - (maps[:, :1] * grey + maps[:, 1:]), _LIMIT)
    return onto_midtones(image, per_image(amount) * detail)

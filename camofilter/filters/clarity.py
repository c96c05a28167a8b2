"""Clarity: contrast of medium-sized detail, without halos."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, blur, luma, namespace, per_image
from camofilter.filters.base import Setting, spatial_filter

# Variance of luma from which on an edge is kept in the base: a step of about 0.1 to either side.
_EDGE = 0.01
# Detail beyond this is bent back, so that strong edges get no line drawn along them.
_LIMIT = 0.12


def _guided_base(small: Array, amount: Value, radius: Value) -> Array:
    """B×2×h×w: slope and offset of the local line that gives the base of a luma."""
    xp = namespace(small)
    grey = luma(small)
    moments = blur(xp.concatenate([grey, grey * grey], 1), radius)
    mean, square = moments[:, :1], moments[:, 1:]
    variance = xp.clip(square - mean * mean, 0, None)
    slope = variance / (variance + _EDGE)
    return blur(xp.concatenate([slope, mean - slope * mean], 1), radius)


@spatial_filter(
    Setting("amount", "", 0.0, (-1.0, 1.5), (-0.6, 0.6), "above 0 crisper, below 0 softer detail"),
    Setting(
        "radius",
        "",
        0.02,
        (0.008, 0.06),
        (0.01, 0.04),
        "size of the detail, of the longer side",
        strength=False,
    ),
    maps=_guided_base,
)
def clarity(image: Array, maps: Array, amount: Value, radius: Value) -> Array:
    """Raises or lowers the contrast of medium-sized detail in the midtones.

    Detail is luma minus its edge-preserving base, a guided filter with Gaussian windows (He et al. 2013; fast
    form of He and Sun 2015, arXiv 1505.00996); it is limited, weighted towards midtones and added to all
    channels alike.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the detail that is added.
        radius: standard deviation of the window, as a fraction of the longer side.
    """
    grey = luma(image)
    detail = grey - (maps[:, :1] * grey + maps[:, 1:])
    detail = detail / namespace(image).sqrt(1 + (detail / _LIMIT) ** 2)
    return image + per_image(amount) * detail * (4 * image * (1 - image))

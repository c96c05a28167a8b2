"""Clarity: contrast of medium-sized detail, without halos."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, bend, guided, luma, onto_midtones, per_image
from camofilter.filters.base import Setting, spatial_filter

# Variance of luma from which on an edge is kept in the base: a step of about 0.1 to either side.
_EDGE = 0.01
# Detail beyond this is bent back.
_LIMIT = 0.12


def _base(small: Array, amount: Value, radius: Value) -> Array:
    """B×2×h×w: slope and offset of the local line that gives the base of a luma."""
    grey = luma(small)
    return guided(grey, grey, radius, _EDGE)


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
    maps=_base,
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
    detail = bend(grey - (maps[:, :1] * grey + maps[:, 1:]), _LIMIT)
    return onto_midtones(image, per_image(amount) * detail)

"""Saturation: the strength of all colours alike."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, into_gamut, luma, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("amount", "", 0.0, (-1.0, 1.0), (-0.35, 0.3), "-1 is black and white, 1 doubles every colour"),
)
def saturation(image: Array, amount: Value) -> Array:
    """Moves every colour away from its grey or towards it; luma and hue stay, nothing clips.

    The interpolation from luma of Haeberli and Voorhies 1994 ("Image Processing by Interpolation and
    Extrapolation"), drawn back into the gamut along the same line.

    Args:
        image: B×3×H×W in [0, 1].
        amount: relative change of the distance from grey.
    """
    grey = luma(image)
    return into_gamut(image + (image - grey) * per_image(amount), grey)

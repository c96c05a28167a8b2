"""Vibrance: the strength of pale colours, skin spared."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, into_gamut, luma, maximum, minimum, namespace, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("amount", "", 0.0, (-1.0, 1.0), (-0.35, 0.5), "above 0 pale colours grow, skin and full ones hardly"),
)
def vibrance(image: Array, amount: Value) -> Array:
    """Like saturation, but weighted: pale colours most, already strong ones least, skin less.

    The weight is (1 − chroma)², chroma being max − min of the channels, and falls towards a third where the hue
    nears 25°: red above green above blue, green about midway, as skin of all complexions has it.

    Args:
        image: B×3×H×W in [0, 1].
        amount: relative change of the distance from grey for the palest colours.
    """
    xp = namespace(image)
    chroma = maximum(image) - minimum(image)
    red, green, blue = image[:, 0:1], image[:, 1:2], image[:, 2:3]
    # Distance of the colour from the skin line in the hue hexagon, relative to its chroma.
    off_skin = (green - (0.58 * blue + 0.42 * red)) ** 2 + xp.clip(blue - red, 0, None) ** 2
    skin = xp.exp(-off_skin / (0.03 * chroma**2 + 1e-4)) * chroma / (chroma + 0.05)
    weight = (1 - chroma) ** 2 * (1 - skin * (2 / 3))
    grey = luma(image)
    return into_gamut(image + (image - grey) * (per_image(amount) * weight), grey)

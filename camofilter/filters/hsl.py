"""HSL: hue, saturation and luminance of eight ranges of hues, each by itself."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, bias, ev_to_bias, into_gamut, like, luma, namespace, scale_to
from camofilter.filters.base import Setting, point_filter

# Red, orange, yellow, green, aqua, blue, purple, magenta; degrees on the hue circle, whose red is at 0, green at 120.
_CENTRES = np.radians([0, 30, 60, 120, 180, 225, 280, 320])
_BANDS = np.stack([np.cos(_CENTRES), np.sin(_CENTRES)], 1)
# Concentration of each band: at its mean distance from its neighbours its weight is down to e^-2.2, a ninth.
_GAPS = np.diff(_CENTRES, append=2 * np.pi)
_CONCENTRATION = 2.2 / (1 - np.cos((_GAPS + np.roll(_GAPS, 1)) / 2))[:, None]


def _bands(name: str, unit: str, most: float, appealing: float, what: str) -> Setting:
    help = f"{what} of red, orange, yellow, green, aqua, blue, purple, magenta"
    return Setting(name, unit, 0.0, (-most, most), (-appealing, appealing), help, count=8, counts=(8, 8))


@point_filter(
    _bands("hue", "°", 20.0, 6.0, "turn towards the next colour"),
    _bands("saturation", "", 1.0, 0.3, "relative change of the colourfulness"),
    _bands("luminance", "EV", 1.0, 0.3, "lightness"),
)
def hsl(
    image: Array, hue: Value | None = None, saturation: Value | None = None, luminance: Value | None = None
) -> Array:
    """Turns, strengthens and lightens eight ranges of hues, each by itself; greys stay.

    A colour's hue is its direction in the plane square to the greys. The bands' weights, which sum to 1, are
    von Mises distributions around their centres (Mardia and Jupp 2000, §3.5.4). Nearer to grey than a chroma of
    0.05 they become the same, where a direction is but noise, and the luminance changes less below one of 0.2.

    Args:
        image: B×3×H×W in [0, 1].
        hue: degrees, 8 floats or B×8; None for no change.
        saturation: relative change of the distance from grey, 8 floats or B×8.
        luminance: stops by which a full colour of the lightness of middle grey changes, 8 floats or B×8.
    """
    if hue is None and saturation is None and luminance is None:
        return image
    xp = namespace(image)
    red, green, blue = image[:, 0:1], image[:, 1:2], image[:, 2:3]
    plane = xp.concatenate([red - (green + blue) / 2, (green - blue) * 0.75**0.5], 1)
    chroma2 = (plane * plane).sum(1)[:, None]
    weights = _weights(plane / xp.sqrt(chroma2 + 0.05**2))

    grey = luma(image)
    if hue is not None or saturation is not None:
        # Rodrigues' rotation about the grey axis, and a scale; what they change is freed from its luma.
        angle = like(image, 0.0) if hue is None else _mean(weights, hue) * (np.pi / 180)
        scale = 1.0 if saturation is None else 1 + _mean(weights, saturation)
        across = xp.concatenate([blue - green, red - blue, green - red], 1) / 3**0.5
        mean = (red + green + blue) / 3
        change = (scale * xp.cos(angle) - 1) * (image - mean) + scale * xp.sin(angle) * across
        image = into_gamut(image + (change - luma(change)), grey)
    if luminance is not None:
        stops = _mean(weights, luminance) * chroma2 / (chroma2 + 0.2**2)
        image = scale_to(image, grey, bias(grey, ev_to_bias(stops)))
    return image


def _weights(direction: Array) -> Array:
    """B×8×H×W: each band's share of colours of these directions (B×2×H×W, shorter than 1 near grey)."""
    batch, _, height, width = direction.shape
    flat = direction.reshape(batch, 2, -1)
    along = like(flat, _BANDS) @ flat - (flat * flat).sum(1)[:, None]
    weights = namespace(flat).exp(like(flat, _CONCENTRATION) * along)
    return (weights / weights.sum(1)[:, None]).reshape(batch, 8, height, width)


def _mean(weights: Array, values: Value) -> Array:
    """B×1×H×W: the bands' values by their weights."""
    values = like(weights, values)
    return (weights * values.reshape(-1, 8, 1, 1)).sum(1)[:, None]

"""Tone curve: monotone curves for luminance and each channel."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, into_gamut, like, luma, namespace
from camofilter.filters.base import Setting, point_filter

_PIECES = 8


def _slopes(name: str, what: str) -> Setting:
    help = f"{what}: relative steepness of equal pieces from black to white; all the same is a straight line"
    return Setting(name, "", 1.0, (0.05, 20.0), (0.6, 1.6), help, count=_PIECES)


@point_filter(
    _slopes("luminance", "curve of the luminance"),
    _slopes("red", "curve of the red channel"),
    _slopes("green", "curve of the green channel"),
    _slopes("blue", "curve of the blue channel"),
)
def tone_curve(
    image: Array,
    luminance: Value | None = None,
    red: Value | None = None,
    green: Value | None = None,
    blue: Value | None = None,
) -> Array:
    """Bends tones by curves that never turn back: K straight pieces with positive slopes, ends fixed.

    The slopes are divided by their mean, so that black and white stay (Hu et al. 2018, "Exposure", §4; the
    parametrisation of Zhao et al. 2020, arXiv 2002.01008). Channels first, then luminance, which scales
    a colour as a whole and keeps its hue.

    Args:
        image: B×3×H×W in [0, 1].
        luminance, red, green, blue: K slopes each, K from 2 to 64; list of floats or B×K; None is a straight line.
    """
    curves = (red, green, blue)
    if any(slopes is not None for slopes in curves):
        channels = [_curve(image[:, i : i + 1], slopes) for i, slopes in enumerate(curves)]
        image = namespace(image).concatenate(channels, 1)
    if luminance is None:
        return image
    grey = luma(image)
    bent = _curve(grey, luminance)
    scaled = image + image * ((bent - grey) / (grey + 1e-4))  # 1e-4 keeps black finite
    return into_gamut(scaled, bent)


def _curve(tones: Array, slopes: Value | None) -> Array:
    """B×1×H×W tones through the curve of these slopes, as a sum of ramps that start at the knots.

    Ramps run on past black and white, so that the curve is smooth there.
    """
    if slopes is None:
        return tones
    slopes = like(tones, slopes)
    slopes = slopes.reshape(-1, slopes.shape[-1], 1, 1, 1)
    pieces = slopes.shape[1]
    slopes = slopes / slopes.mean(1)[:, None]
    clip = namespace(tones).clip
    out = tones + (slopes[:, 0] - 1) * tones
    for i in range(1, pieces):
        out = out + (slopes[:, i] - slopes[:, i - 1]) * clip(tones - i / pieces, 0, None)
    return out

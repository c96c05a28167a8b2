"""Tone curve: monotone curves for luminance and each channel."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, like, luma, namespace, per_image, pick, scale_to
from camofilter.filters.base import Setting, point_filter

_PIECES = 8


def _slopes(name: str, what: str, appealing: tuple[float, float] = (0.85, 1.18)) -> Setting:
    help = f"{what}: relative steepness of equal pieces from black to white; all the same is a straight line"
    return Setting(name, "", 1.0, (0.05, 20.0), appealing, help, count=_PIECES)


@point_filter(
    _slopes("luminance", "curve of the luminance", (0.6, 1.6)),
    _slopes("red", "curve of the red channel"),
    _slopes("green", "curve of the green channel"),
    _slopes("blue", "curve of the blue channel"),
    Setting("smoothness", "", 0.0, (0.0, 1.0), (0.0, 1.0), "0 straight pieces, 1 no corners at all", strength=False),
)
def tone_curve(
    image: Array,
    luminance: Value | None = None,
    red: Value | None = None,
    green: Value | None = None,
    blue: Value | None = None,
    smoothness: Value = 0.0,
) -> Array:
    """Bends tones by curves that never turn back: K pieces with positive slopes, ends fixed.

    The slopes are divided by their mean, so that black and white stay (Hu et al. 2018, "Exposure", §4; the
    parametrisation of Zhao et al. 2020, arXiv 2002.01008). Channels first, then luminance, which scales
    a colour as a whole and keeps its hue.

    Smoothness turns the corners between pieces into parabolas (Huber 1964) of up to a piece's width. At 1 they
    meet in the middle of the pieces, and the whole is a monotone quadratic spline with knots there, which never
    overshoots.

    Args:
        image: B×3×H×W in [0, 1].
        luminance, red, green, blue: K slopes each, K from 2 to 64; list of floats or B×K; None is a straight line.
        smoothness: width of the parabolas, in pieces.
    """
    curves = (red, green, blue)
    if any(slopes is not None for slopes in curves):
        channels = [_curve(image[:, i : i + 1], slopes, smoothness) for i, slopes in enumerate(curves)]
        image = namespace(image).concatenate(channels, 1)
    if luminance is None:
        return image
    grey = luma(image)
    return scale_to(image, grey, _curve(grey, luminance, smoothness))


def _curve(tones: Array, slopes: Value | None, smoothness: Value) -> Array:
    """B×1×H×W tones through the curve of these slopes, each from its nearest knot.

    The first and last pieces run on past black and white, so that the curve is smooth there.
    """
    if slopes is None:
        return tones
    xp = namespace(tones)
    slopes = like(tones, slopes)
    slopes = slopes.reshape(-1, slopes.shape[-1])
    pieces = slopes.shape[1]
    excess = slopes / slopes.mean(1)[:, None] - 1
    rise = xp.cumsum(excess, 1)
    nothing = 0 * excess[:, :1]
    # At the knots, the ends among them: what the curve has gained, and the slopes before and after, all less 1.
    gained = xp.concatenate([nothing, rise[:, :-1], nothing], 1) / pieces
    before = xp.concatenate([excess[:, :1], excess], 1)
    after = xp.concatenate([excess, excess[:, -1:]], 1)

    knot = xp.clip(xp.round(tones * pieces), 0, pieces)
    offset = tones - knot / pieces
    width = per_image(smoothness) / pieces
    distance = xp.abs(offset)
    rounded = distance + xp.clip(width / 2 - distance, 0, None) ** 2 / (width + 1e-6)
    bent = pick((before + after) / 2, knot) * offset + pick((after - before) / 2, knot) * rounded
    return tones + (pick(gained, knot) + bent)

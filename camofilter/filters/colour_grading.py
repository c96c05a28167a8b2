"""Colour grading: a tint each for shadows, midtones and highlights."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import LUMA, Array, Value, bias, into_gamut, like, luma, namespace, per_image
from camofilter.filters.base import Setting, point_filter

# Towards red, and square to it towards yellow-green, at a chroma of 1 and a luma of 0.
_PLANE = np.array([[2, -1, -1], [0, 3**0.5, -(3**0.5)]]) / 3
_RED, _GREEN = (_PLANE - (_PLANE @ LUMA)[:, None]).reshape(2, 1, 3, 1, 1)


def _hue(name: str, usual: float, appealing: tuple[float, float]) -> Setting:
    help = f"colour of the {name}: 0 red, 60 yellow, 120 green, 180 aqua, 240 blue, 300 magenta"
    return Setting(f"{name}_hue", "°", usual, (0.0, 360.0), appealing, help, strength=False)


def _amount(name: str) -> Setting:
    return Setting(f"{name}_amount", "", 0.0, (0.0, 1.0), (0.0, 0.16), f"how much of that colour the {name} get")


@point_filter(
    _hue("shadows", 210.0, (185.0, 250.0)),
    _amount("shadows"),
    _hue("midtones", 30.0, (10.0, 50.0)),
    _amount("midtones"),
    _hue("highlights", 40.0, (10.0, 50.0)),
    _amount("highlights"),
    Setting("balance", "", 0.0, (-1.0, 1.0), (-0.5, 0.5), "above 0 more counts as highlights", strength=False),
)
def colour_grading(
    image: Array,
    shadows_hue: Value,
    shadows_amount: Value,
    midtones_hue: Value,
    midtones_amount: Value,
    highlights_hue: Value,
    highlights_amount: Value,
    balance: Value,
) -> Array:
    """Tints shadows, midtones and highlights; luma stays, black and white too.

    To each colour is added a tint that has no luma, weighted by the Bernstein polynomials of degree 4 (Bernstein
    1912) with their peaks at tones of 1/4, 1/2 and 3/4: all are 0 at black and white.

    Args:
        image: B×3×H×W in [0, 1].
        shadows_hue, midtones_hue, highlights_hue: degrees on the hue circle.
        shadows_amount, midtones_amount, highlights_amount: 1 adds a chroma of 0.4 where the weight is largest.
        balance: above 0, darker tones than usual count as midtones and highlights; below 0, lighter ones as shadows.
    """
    xp = namespace(image)
    grey = luma(image)
    tone = bias(grey, 2.0 ** per_image(balance) - 1)
    rest = 1 - tone
    ends = tone * rest
    weights = (4 * ends * rest * rest, 6 * ends * ends, 4 * ends * tone * tone)
    hues = (shadows_hue, midtones_hue, highlights_hue)
    amounts = (shadows_amount, midtones_amount, highlights_amount)
    tint = 0.0
    for weight, hue, amount in zip(weights, hues, amounts, strict=True):
        angle = like(image, per_image(hue)) * (np.pi / 180)
        towards = like(image, _RED) * xp.cos(angle) + like(image, _GREEN) * xp.sin(angle)
        tint = tint + weight * (per_image(amount) * towards)
    return into_gamut(image + tint, grey)

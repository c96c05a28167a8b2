"""Dehaze: takes the veil of haze off a photo, or lays mist over it."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, blur, guided, luma, maximum, minimum, namespace, per_image
from camofilter.filters.base import Setting, spatial_filter

# Where every surroundings of this size (of the longer side) have something dark in them, what is bright is haze.
_PATCH = 0.015
_DARKEST = 20.0  # sharpness of the soft minimum and maximum, per tone
# Window of the guided filter, and variance from which on an edge of the photo is one of the veil.
_RADIUS, _EDGE = 0.03, 0.003
# Keeps divisions finite in black and white.
_SOFT = 1e-3


def _veil(small: Array, amount: Value) -> Array:
    """B×3×h×w: slope and offset of the local line that gives the veil from the darkest channel, and the airlight."""
    xp = namespace(small)
    darkest = minimum(small)
    dark = -xp.log(blur(xp.exp(-_DARKEST * darkest), _PATCH)) / _DARKEST
    weight = xp.exp(_DARKEST * (dark - 1))
    shares = weight / weight.sum((2, 3), keepdims=True)
    airlight = 0.4 + 0.6 * (shares * luma(small)).sum((2, 3), keepdims=True)
    veil = dark / airlight
    lines = guided(darkest, veil / (1 + veil**4), _RADIUS, _EDGE)
    # Mist is everywhere, and thicker where there was some.
    amount = per_image(amount)
    mist = xp.clip(-amount * xp.ones_like(airlight), 0, None)
    lines = amount * lines
    return xp.concatenate([lines[:, :1], lines[:, 1:] - mist * mist, airlight + 0 * darkest], 1)


@spatial_filter(
    Setting("amount", "", 0.0, (-1.0, 1.0), (-0.25, 0.35), "above 0 takes haze away, below 0 adds mist"),
    maps=_veil,
)
def dehaze(image: Array, maps: Array, amount: Value) -> Array:
    """Takes haze away, or adds mist, more of it where the photo is hazy.

    Haze mixes each colour J with the airlight A: I = (1 − v)J + vA. The veil v comes from the dark channel
    (He, Sun and Tang 2011), with soft minima, refined by the guided filter and held back in skies. It gives way,
    1/v + A/min(I) + (1 − A)/(1 − max(I)), where J would leave [0, 1], so that neither blacks nor whites clip.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the veil that is taken away; below 0, mist that is added.
    """
    xp = namespace(image)
    airlight, darkest = maps[:, 2:], minimum(image)
    veil = maps[:, :1] * darkest + maps[:, 1:2]
    room = airlight / (darkest + _SOFT) + (1 - airlight) / (1 + _SOFT - maximum(image))
    veil = veil / (1 + xp.clip(veil, 0, None) * room)
    return xp.clip((image - airlight * veil) / (1 - veil), 0, 1)  # what _SOFT lets through

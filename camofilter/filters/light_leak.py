"""Light leak: light that came into the camera past its lens."""

from __future__ import annotations

import math

import numpy as np

from camofilter.filters.arrays import Array, Value, exposed, like, namespace, per_image, screen
from camofilter.filters.base import Setting, overlay_filter


def _leak(kind: Array, height: int, width: int, amount: Value, hue: Value, direction: Value, size: Value) -> Array:
    """B×3×h×w in [0, 1): the light that is added."""
    xp = namespace(kind)
    diagonal = math.hypot(width, height)
    x = like(kind, (np.arange(width) + 0.5 - width / 2) / diagonal)[None, None, None]
    y = like(kind, (height / 2 - np.arange(height) - 0.5) / diagonal)[None, None, :, None]
    towards = per_image(like(kind, direction)) * (np.pi / 180)
    sine, cosine = xp.sin(towards), xp.cos(towards)
    edge = (width * abs(cosine) + height * abs(sine)) / (2 * diagonal)
    inwards = (edge - (x * cosine + y * sine)) / per_image(size)
    sideways = (x * sine - y * cosine) / (1.6 * per_image(size))
    light = xp.exp(-(inwards**2) - sideways**2)
    phases = like(kind, np.radians([0, 120, 240]).reshape(1, 3, 1, 1))
    colour = 0.5 + 0.5 * xp.cos(per_image(like(kind, hue)) * (np.pi / 180) - phases)
    # Strongest at the edge, where one layer of the film after the other is fully exposed and the colour pales.
    return exposed(3 * per_image(amount) * (light + 2 * light**4) * colour)


@overlay_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 0.4), "how much light came in"),
    Setting("hue", "°", 18.0, (0.0, 360.0), (0.0, 40.0), "its colour: 0 red, 30 orange, 60 yellow", strength=False),
    Setting("direction", "°", 0.0, (-180.0, 180.0), (-180.0, 180.0), "0 right, 90 top, 180 left", strength=False),
    Setting("size", "", 0.25, (0.1, 1.0), (0.15, 0.35), "how far it reaches, of the diagonal", strength=False),
    base=128,
    maps=_leak,
)
def light_leak(image: Array, maps: Array, amount: Value, hue: Value, direction: Value, size: Value) -> Array:
    """Lets coloured light in from an edge, palest where it is brightest, laid over in screen mode.

    The light falls off as a Gaussian from the edge inwards and, wider, along it, and is exposed as 1 − exp(−light).

    Args:
        image: B×3×H×W in [0, 1].
        amount: exposure by the leaked light.
        hue: degrees on the hue circle.
        direction: degrees of the way from the middle to where the light comes in, anticlockwise from the right.
        size: standard deviation times √2, as a fraction of the diagonal.
    """
    return screen(image, maps)

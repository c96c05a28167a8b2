"""Levels: black point, white point and gamma."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, bias, namespace, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("black", "", 0.0, (0.0, 0.25), (0.0, 0.04), "the tone that becomes black, but for a soft toe"),
    Setting("white", "", 1.0, (0.75, 1.0), (0.92, 1.0), "the tone that becomes white, but for a soft shoulder"),
    Setting(
        "gamma", "", 1.0, (0.5, 2.0), (0.85, 1.2), "above 1 lightens the midtones; the tone 0.5 becomes 0.5^1/gamma"
    ),
)
def levels(image: Array, black: Value, white: Value, gamma: Value) -> Array:
    """Stretches the tones between a black and a white point, then bends the midtones; nothing clips.

    A straight line through the two points, with parabolas at its ends instead of corners (Huber 1964): they begin
    at twice a point's distance from the end of the range and reach it where the range ends. The gamma is a hyperbola
    (see :func:`camofilter.filters.arrays.bias`).

    Args:
        image: B×3×H×W in [0, 1].
        black, white: encoded tones that become black and white.
        gamma: as in other programs, 1/gamma being the exponent at the tone 0.5.
    """
    black, height = per_image(black), 1 - per_image(white)
    toe = black * (1 - _share(image, black) ** 2)
    shoulder = height * _share(1 - image, height) ** 2
    middle = 0.5 ** (1 / per_image(gamma))
    return bias((image - toe - shoulder) / (1 - black - height), (2 * middle - 1) / (1 - middle))


def _share(distance: Array, point: Value) -> Array:
    """1 at the end of the range, 0 from twice the point's distance on; 1e-3 keeps it finite where there is no point."""
    return namespace(distance).clip(1 - distance / (2 * point + 1e-3), 0, None)

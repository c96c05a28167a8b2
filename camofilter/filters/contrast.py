"""Contrast: a sigmoid around a pivot."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, namespace, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("amount", "", 0.0, (-1.0, 1.0), (-0.3, 0.35), "the slope at the pivot becomes 2^amount"),
    Setting("pivot", "", 0.46, (0.2, 0.8), (0.35, 0.6), "the tone that stays; 0.46 is middle grey", strength=False),
)
def contrast(image: Array, amount: Value, pivot: Value) -> Array:
    """Steepens or flattens the midtones; black, white and the pivot stay.

    On either side of the pivot the distance t from it (1 at black or white) becomes
    kt / √(1 + (k² − 1)t²) with k = 2^amount: an algebraic sigmoid, smooth at the pivot.

    Args:
        image: B×3×H×W in [0, 1].
        amount: binary logarithm of the slope at the pivot.
        pivot: encoded tone in (0, 1).
    """
    xp = namespace(image)
    amount, pivot = per_image(amount), per_image(pivot)
    k = 2.0**amount
    reach = xp.where(image >= pivot, 1 - pivot, 0 * image + pivot)
    t = (image - pivot) / reach
    return image + reach * (t * k / xp.sqrt(1 + (k**2 - 1) * t * t) - t)

"""Fade: lifted blacks and lowered whites, the matte of an old print."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, per_image
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("blacks", "", 0.0, (0.0, 0.33), (0.0, 0.12), "the tone to which black is lifted"),
    Setting("whites", "", 0.0, (0.0, 0.33), (0.0, 0.05), "how far white is lowered"),
)
def fade(image: Array, blacks: Value, whites: Value) -> Array:
    """Lifts the blacks and lowers the whites, leaving the midtones.

    x + blacks·(1 − x)³ − whites·x³: a cubic toe and shoulder, monotone for amounts below a third.

    Args:
        image: B×3×H×W in [0, 1].
        blacks: encoded tone of black after fading.
        whites: 1 minus the encoded tone of white after fading.
    """
    return image + per_image(blacks) * (1 - image) ** 3 - per_image(whites) * image**3

"""Tones: highlights, shadows, whites and blacks, each by itself."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, luma, per_image, scale_to
from camofilter.filters.base import Setting, point_filter


@point_filter(
    Setting("highlights", "", 0.0, (-1.0, 1.0), (-0.5, 0.4), "below 0 recovers bright tones, above 0 lightens them"),
    Setting("shadows", "", 0.0, (-1.0, 1.0), (-0.3, 0.6), "above 0 opens dark tones, below 0 deepens them"),
    Setting("whites", "", 0.0, (-1.0, 1.0), (-0.5, 0.5), "lightens or darkens the tones next to white"),
    Setting("blacks", "", 0.0, (-1.0, 1.0), (-0.5, 0.5), "lightens or darkens the tones next to black"),
)
def tones(image: Array, highlights: Value, shadows: Value, whites: Value, blacks: Value) -> Array:
    """Lightens or darkens four ranges of tones; black and white stay, hue and saturation too.

    The luminance goes through one curve after the other, each its identity plus a Bernstein polynomial (Bernstein
    1912), steep enough for its slope to stay just above 0 at either end of the range: whatever the settings, the
    whole is monotone. Shadows change most at a tone of 1/4, blacks at 1/7; the other two are their mirror images.

    Args:
        image: B×3×H×W in [0, 1].
        highlights, shadows: share of the most by which bright and dark tones can change, 0.14 of the range.
        whites, blacks: the same at the ends, 0.05 of the range.
    """
    grey = luma(image)
    y = grey + 12.5 * per_image(shadows) * grey**2 * (1 - grey) ** 6
    y = y + 12.5 * per_image(highlights) * y**6 * (1 - y) ** 2
    y = y + 0.9 * per_image(blacks) * y * (1 - y) ** 6
    y = y + 0.9 * per_image(whites) * y**6 * (1 - y)
    return scale_to(image, grey, y)

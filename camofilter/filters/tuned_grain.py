"""Tuned grain: film grain whose pattern a search has found, for a machine to stumble over."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, like, namespace, onto_midtones, per_image, spread
from camofilter.filters.base import PackedSetting, Setting, overlay_filter
from camofilter.filters.plate import Plate

SIZE = 0.8 / 512
# Fine enough for the enlarging of the soft dots to a photo of any size to be faithful.
_BASE = 2048
# Of what is added in the midtones, so that with any tone x + t·x(1 − x) stays in [0, 1].
_MOST = 0.125


def _pattern(
    kind: Array, height: int, width: int, amount: Value, size: Value, tone: Value, plate: Plate | None
) -> Array:
    """B×1×h×w: what to add in the midtones."""
    if plate is None:
        return like(kind, np.zeros((1, 1, 1, 1)))
    levels = like(kind, plate.levels.astype(np.float32))[None, None]
    # At the plate's own size, whatever the photo's: the amount must mean the same at every size.
    deviation = (
        (spread(levels, plate.levels.shape[0], plate.levels.shape[1], size) ** 2).mean((1, 2, 3)) + 1e-12
    ) ** 0.5
    pattern = spread(levels, height, width, size) * per_image(amount / deviation)
    return namespace(kind).clip(pattern, -_MOST, _MOST)


@overlay_filter(
    Setting("amount", "", 0.0, (0.0, 0.1), (0.0, 0.03), "standard deviation in the midtones"),
    Setting("size", "", SIZE, (0.001, 0.01), (0.0012, 0.003), "softness of a dot, of the longer side", strength=False),
    Setting(
        "tone", "", 0.0, (-1.0, 1.0), (-0.5, 0.5), "below 0 more of it in dark tones, above 0 in light", strength=False
    ),
    PackedSetting("plate", "the pattern, which a search finds", Plate, Plate.unpack),
    base=_BASE,
    maps=_pattern,
)
def tuned_grain(image: Array, maps: Array, amount: Value, size: Value, tone: Value, plate: Plate | None) -> Array:
    """Adds grain of a given pattern to the luminance: strongest in the midtones, none in black and white.

    The pattern is a grid of levels, each a soft dot (a Gaussian), so fine that it passes for film grain and so soft
    that it survives when the photo is reduced to what a machine looks at.

    Args:
        image: B×3×H×W in [0, 1].
        amount: standard deviation of what is added in the midtones.
        size: standard deviation of a dot, as a fraction of the longer side.
        tone: -1 leaves out white and doubles near black, 1 the other way round.
        plate: the pattern; None changes nothing.
    """
    return onto_midtones(image, maps * (1 + per_image(tone) * (2 * image - 1)))

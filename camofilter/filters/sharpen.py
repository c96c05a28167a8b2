"""Sharpen: crisper edges, without halos and without sharpened noise."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, bend, blur, luma, onto_midtones, per_image
from camofilter.filters.base import FINE_COPY_SIDE, Setting, spatial_filter

# Detail beyond this is bent back.
_LIMIT = 0.1
_LARGEST = 0.003


def _blurred(copy: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """B×1×h×w: the luma, blurred."""
    return blur(luma(copy), radius, reach=3 * _LARGEST)


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 2.0), (0.0, 1.0), "share of the detail that is added"),
    Setting("radius", "", 0.001, (0.0005, _LARGEST), (0.0006, 0.002), "its size, of the longer side", strength=False),
    Setting("threshold", "", 0.01, (0.001, 0.1), (0.005, 0.03), "contrast below which is noise", strength=False),
    maps=_blurred,
    copy_side=FINE_COPY_SIDE,
)
def sharpen(image: Array, maps: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """Sharpens edges by an unsharp mask that leaves faint noise alone.

    Detail d is luma minus its Gaussian blur. Cored to d · d² / (d² + t²), so that skies and skin keep their calm,
    limited, and weighted by 4x(1 − x), so that nothing clips, it is added to all channels alike.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the detail that is added.
        radius: standard deviation of the blur, as a fraction of the longer side.
        threshold: detail t, in tones, of which half is sharpened.
    """
    detail = luma(image) - maps
    square = detail * detail
    detail = bend(detail * (square / (square + per_image(threshold) ** 2)), _LIMIT)
    return onto_midtones(image, per_image(amount) * detail)

"""Tilt-shift: a band in focus, and a lens's blur that grows away from it."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, blur, like, namespace, per_image, smoothstep
from camofilter.filters.base import Setting, spatial_filter

# Keeps the root of black differentiable.
_SOFT = 1e-6


def _out_of_focus(
    small: Array, amount: Value, radius: Value, centre: Value, width: Value, feather: Value, angle: Value
) -> Array:
    """B×4×h×w: what of the blurred pictures is to be added, and the share of the sharp one that stays."""
    xp = namespace(small)
    far = _distance(small, centre, angle)
    blurred = smoothstep((far - per_image(width) / 2) / per_image(feather))
    # Three pictures, sharp, a little and fully blurred, of which two neighbours are mixed: never sharp and full.
    little = 1 - (1 - blurred) ** 3
    full = blurred**3
    slightly, fully = (xp.sqrt(blur(small * small, radius * share) + _SOFT) for share in (0.35, 1.0))
    share = per_image(amount) * little * xp.ones_like(small[:, :1])
    return xp.concatenate([per_image(amount) * (little * slightly + full * (fully - slightly)), 1 - share], 1)


def _distance(small: Array, centre: Value, angle: Value) -> Array:
    """B×1×h×w: how far a place is from the middle of the band, as a share of the frame across it."""
    xp = namespace(small)
    height, width = small.shape[2:]
    y = like(small, np.arange(height) + 0.5 - height / 2)[None, None, :, None]
    x = like(small, np.arange(width) + 0.5 - width / 2)[None, None, None]
    radians = per_image(like(small, angle)) * (np.pi / 180)
    sine, cosine = xp.sin(radians), xp.cos(radians)
    across = (x * sine + y * cosine) / (width * abs(sine) + height * abs(cosine))
    return abs(across + 0.5 - per_image(centre))


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 1.0), "share of the blur; 1 leaves nothing sharp outside the band"),
    Setting("radius", "", 0.012, (0.006, 0.04), (0.008, 0.02), "the most blur, of the longer side", strength=False),
    Setting("centre", "", 0.55, (0.0, 1.0), (0.4, 0.7), "the band's middle: 0 top, 1 bottom", strength=False),
    Setting("width", "", 0.25, (0.0, 1.0), (0.15, 0.4), "of the sharp band, of the frame", strength=False),
    Setting("feather", "", 0.35, (0.05, 1.0), (0.25, 0.5), "way to the most blur, of the frame", strength=False),
    Setting("angle", "°", 0.0, (-90.0, 90.0), (-20.0, 20.0), "of the band; 0 is level", strength=False),
    maps=_out_of_focus,
)
def tilt_shift(
    image: Array, maps: Array, amount: Value, radius: Value, centre: Value, width: Value, feather: Value, angle: Value
) -> Array:
    """Keeps a band in focus and blurs what is above and below, as a tilted lens or a model railway does.

    Blur is a Gaussian of squared values, so that lights outweigh as they do in a lens. Between the sharp picture
    and the fully blurred one stands a third, which makes the blur grow instead of a double image fade in.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of the blur.
        radius: standard deviation of the most blur, as a fraction of the longer side.
        centre: where the middle of the band is on the way across the frame.
        width: of the band in focus, as a share of that way.
        feather: from its edge to the most blur, as a share of that way.
        angle: degrees by which the band is turned, anticlockwise.
    """
    return image * maps[:, 3:] + maps[:, :3]

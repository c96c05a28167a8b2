"""White balance: the colour of the light."""

from __future__ import annotations

import numpy as np

from camofilter.filters.arrays import Array, Value, ev_to_factor, gain, like, per_image
from camofilter.filters.base import Setting, point_filter

# Stops of linear sRGB by which a white changes around D65, shifted so that its luminance (BT.709) does not:
# for one mired along the CIE daylight locus (CIE 015:2018, eqs. 4.8 to 4.10), and for 0.001 Duv towards
# magenta, square to it in CIE 1960 uv. Gains are taken in linear sRGB ("wrong von Kries"), as cameras do.
TEMPERATURE = np.array([0.005180, -0.000549, -0.009812]).reshape(1, 3, 1, 1)
TINT = np.array([0.019367, -0.007343, 0.015714]).reshape(1, 3, 1, 1)


@point_filter(
    Setting("temperature", "mired", 0.0, (-100.0, 100.0), (-35.0, 35.0), "above 0 warmer, below 0 cooler"),
    Setting("tint", "mDuv", 0.0, (-30.0, 30.0), (-5.0, 8.0), "above 0 towards magenta, below 0 towards green"),
)
def white_balance(image: Array, temperature: Value, tint: Value) -> Array:
    """Makes the light warmer or cooler, greener or more magenta.

    Args:
        image: B×3×H×W in [0, 1].
        temperature: mired (10⁶/K) by which the light's correlated colour temperature is shifted from daylight.
        tint: distance from the daylight locus in thousandths of Duv.
    """
    stops = per_image(temperature) * like(image, TEMPERATURE) + per_image(tint) * like(image, TINT)
    return gain(image, ev_to_factor(stops))

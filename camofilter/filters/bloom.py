"""Bloom: lights so bright that they spill over what is around them."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, blur, exposed, lights, per_image, screen
from camofilter.filters.base import Setting, spatial_filter

# The tails of a lens's scattering are wider than a Gaussian's: several, with their shares.
_SPREAD = ((0.4, 0.5), (1.0, 0.3), (2.5, 0.2))


def _spill(small: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """B×3×h×w in [0, 1): the light that is added."""
    bright = lights(small, threshold)
    spread = sum(share * blur(bright, radius * times) for times, share in _SPREAD)
    return exposed(per_image(amount) * spread)


@spatial_filter(
    Setting("amount", "", 0.0, (0.0, 4.0), (0.0, 1.0), "how much light spills over"),
    Setting("radius", "", 0.02, (0.01, 0.06), (0.01, 0.035), "its reach, of the longer side", strength=False),
    Setting("threshold", "", 0.75, (0.3, 0.95), (0.65, 0.9), "tone from which on light spills", strength=False),
    maps=_spill,
)
def bloom(image: Array, maps: Array, amount: Value, radius: Value, threshold: Value) -> Array:
    """Lets bright lights spill over what is around them, in their own colour.

    Three Gaussians of what lies above a soft threshold (the bright pass of Kawase 2003, "Frame Buffer
    Postprocessing Effects"), exposed as film is, 1 − exp(−light), and laid over in screen mode.

    Args:
        image: B×3×H×W in [0, 1].
        amount: exposure by the spilt light.
        radius: standard deviation of the middle Gaussian, as a fraction of the longer side.
        threshold: luma at which the light begins.
    """
    return screen(image, maps)

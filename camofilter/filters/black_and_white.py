"""Black and white: as on film, through a coloured filter."""

from __future__ import annotations

from camofilter.filters.arrays import LUMA, Array, Value, ev_to_factor, per_image
from camofilter.filters.base import Setting, point_filter


def _filter(name: str, what: str) -> Setting:
    help = f"how much more of {name} the lens filter lets through: {what}"
    return Setting(name, "EV", 0.0, (-4.0, 4.0), (-2.0, 2.0), help, strength=False)


@point_filter(
    Setting("amount", "", 0.0, (0.0, 1.0), (0.0, 1.0), "0 is the colour photo, 1 black and white"),
    _filter("red", "skin lighter, sky darker"),
    _filter("green", "leaves lighter, lips darker"),
    _filter("blue", "sky lighter, skin darker"),
)
def black_and_white(image: Array, amount: Value, red: Value, green: Value, blue: Value) -> Array:
    """Takes the colour away; which colours become light and which dark is up to a filter before the lens.

    A mean of the channels, weighted by their shares in luma (Rec. ITU-R BT.709-6) times what the filter lets through,
    with weights that sum to 1: greys keep their tone, as after a photographer has made up for the filter's factor.

    Args:
        image: B×3×H×W in [0, 1].
        amount: share of black and white in the result.
        red, green, blue: stops by which the filter lets a channel through; only their differences matter.
    """
    shares = [share * ev_to_factor(per_image(ev)) for share, ev in zip(LUMA, (red, green, blue), strict=True)]
    grey = sum(share * image[:, i : i + 1] for i, share in enumerate(shares)) / sum(shares)
    return image + per_image(amount) * (grey - image)

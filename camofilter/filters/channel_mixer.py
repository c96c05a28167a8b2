"""Channel mixer: each channel anew from red, green and blue."""

from __future__ import annotations

from camofilter.filters.arrays import Array, Value, gain, into_gamut, like, luma, namespace, per_image
from camofilter.filters.base import Setting, point_filter

# How far a share may leave its identity: green's casts, green and magenta, are the first to look like a mistake.
_APPEALING = {"red": 0.05, "green": 0.03, "blue": 0.05}


def _shares(name: str) -> tuple[Setting, ...]:
    """A channel's shares of all three."""
    shares = []
    for source in _APPEALING:
        own = 1.0 if source == name else 0.0
        bounds = own - _APPEALING[name], own + _APPEALING[name]
        help = f"how much {source} there is in {name}"
        shares.append(Setting(f"{name}_from_{source}", "", own, (own - 1, own + 1), bounds, help))
    return tuple(shares)


@point_filter(*_shares("red"), *_shares("green"), *_shares("blue"))
def channel_mixer(
    image: Array,
    red_from_red: Value,
    red_from_green: Value,
    red_from_blue: Value,
    green_from_red: Value,
    green_from_green: Value,
    green_from_blue: Value,
    blue_from_red: Value,
    blue_from_green: Value,
    blue_from_blue: Value,
) -> Array:
    """Makes each channel a mixture of all three; black and white stay, nothing clips.

    The shares of a channel, divided by their sum, give the colour, drawn into the gamut; the sum itself is a gain
    with a filmic shoulder (see :func:`camofilter.filters.arrays.gain`), as a white balance is. Near black the two
    together are the matrix as it stands. White stays as long as each channel's shares sum to at least ½.

    Args:
        image: B×3×H×W in [0, 1].
        red_from_red, red_from_green, red_from_blue: shares of the channels in red; for greys to stay grey, they
            sum to 1.
        green_from_red, green_from_green, green_from_blue: likewise of green.
        blue_from_red, blue_from_green, blue_from_blue: likewise of blue.
    """
    xp = namespace(image)
    rows = (
        (red_from_red, red_from_green, red_from_blue),
        (green_from_red, green_from_green, green_from_blue),
        (blue_from_red, blue_from_green, blue_from_blue),
    )
    red, green, blue = image[:, 0:1], image[:, 1:2], image[:, 2:3]
    sums = [_above_zero(like(image, per_image(a + b + c))) for a, b, c in rows]
    mixed = xp.concatenate(
        [
            (per_image(a) * red + per_image(b) * green + per_image(c) * blue) / total
            for (a, b, c), total in zip(rows, sums, strict=True)
        ],
        1,
    )
    inside = into_gamut(mixed, xp.clip(luma(mixed), 0, 1))  # only very full colours have a luma outside
    return xp.concatenate([gain(inside[:, i : i + 1], total) for i, total in enumerate(sums)], 1)


def _above_zero(total: Array) -> Array:
    """The sum itself from ½ on; below, a hyperbola that goes on smoothly and never comes to 0."""
    xp = namespace(total)
    return xp.where(total > 0.5, total, 0.25 / (1 - xp.clip(total, None, 0.5)))

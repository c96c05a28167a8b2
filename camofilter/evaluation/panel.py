"""The automatic panel: how far a photo is from its original, and how it looks.

Measures, no verdict: what people find appealing only people say (``jury``). Each is reported before and after where
that makes sense; more is not better in itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from camofilter import filters
from camofilter.evaluation.results import Measures
from camofilter.filters import Setting
from camofilter.filters.arrays import luma
from camofilter.photo.core import eight_bit
from camofilter.recipe import Recipe

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels


def measured(
    before: Pixels, after: Pixels, recipe: Recipe | None, aesthetic: tuple[float, float] | None = None
) -> Measures:
    """What the panel says of a photo.

    Args:
        before, after: H×W×3 of equal size, uint8 or uint16, sRGB.
        recipe: the look, if it is known.
        aesthetic: what an aesthetic model says of both.

    Raises:
        UsageError: the shapes differ.
    """
    from camofilter.filters.pipeline import render
    from camofilter.optim.perception import change
    from camofilter.optim.visibility import how_visible, look_alone

    changed = change(before, after)
    return Measures(
        *changed,
        colourfulness_before=colourfulness(before),
        colourfulness_after=colourfulness(after),
        contrast_before=contrast(before),
        contrast_after=contrast(after),
        reach=None if recipe is None else reach(recipe),
        visibility=None if recipe is None else how_visible(render(before, look_alone(recipe).chain()), after),
        aesthetic_before=None if aesthetic is None else aesthetic[0],
        aesthetic_after=None if aesthetic is None else aesthetic[1],
    )


def colourfulness(pixels: Pixels) -> float:
    """Of H×W×3 pixels: 0 for grey, about 15 slightly, 45 averagely, 110 extremely colourful.

    M = √(σ²_rg + σ²_yb) + 0.3 √(μ²_rg + μ²_yb), rg = R − G and yb = (R + G)/2 − B of levels 0 to 255 (Hasler and
    Süsstrunk 2003, "Measuring colourfulness in natural images", SPIE 5007).
    """
    red, green, blue = np.moveaxis(eight_bit(pixels).astype(np.float64), 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(opponent.std() for opponent in opponents))
    return float(spread + 0.3 * np.hypot(*(opponent.mean() for opponent in opponents)))


def contrast(pixels: Pixels) -> float:
    """Of H×W×3 pixels: root mean square contrast, the deviation of the luma in shares of white, 0 to 0.5 (Peli 1990,
    "Contrast in complex images", J. Opt. Soc. Am. A 7).
    """
    return float(luma(np.moveaxis(eight_bit(pixels) / 255.0, 2, 0)[None]).std())


def reach(recipe: Recipe) -> float:
    """How far the boldest setting goes: 0 at its identity, 1 at the end of its appealing range, more outside.

    Settings that only say how others act, files and patterns do not count.
    """
    places = [0.0]
    for step in recipe.steps:
        for name, value in step.settings.items():
            setting = filters.get(step.filter).setting(name)
            if setting.strength:
                places += [_place(setting, v) for v in (value if setting.count is not None else (value,))]
    return max(places)


def _place(setting: Setting, value: float) -> float:
    low, high = setting.appealing
    end = high if value > setting.identity else low
    if end == setting.identity:  # nothing on that side is appealing: how far outside, of the whole range's length
        return 1 + abs(value - end) / (high - low) if value != end else 0.0
    return abs((value - setting.identity) / (end - setting.identity))

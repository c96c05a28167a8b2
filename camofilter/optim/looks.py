"""Looks for photos of which none is asked: what a photographer would do to this one, and looks that differ from it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import torch

from camofilter import presets
from camofilter.errors import UsageError
from camofilter.filters.arrays import luma
from camofilter.filters.pipeline import reduce
from camofilter.optim.perception import delta_e_2000
from camofilter.recipe import FilterStep, Recipe

Keep: TypeAlias = Literal["subtle", "natural", "bold"]

# How far a look of our own goes, and how much of the appealing ranges a search may use.
STRENGTHS: dict[Keep, float] = {"subtle": 0.6, "natural": 1.0, "bold": 1.4}

_SIDE = 128
# Presets that suit most photos, from all families.
_OFFERED = (
    "vivid",
    "bright",
    "warm",
    "golden-hour",
    "cool",
    "matte",
    "mist",
    "vintage",
    "colour-negative",
    "teal-orange",
    "moody",
    "noir",
)


def enhanced(pixels: np.ndarray, keep: Keep = "natural") -> Recipe:
    """What a photographer's hand would do first: tones where they help, pale colours a little fuller.

    From the quantiles of the luma: dark photos get lighter midtones, closed shadows are opened, highlights near white
    held, flat ones stretched. What is dark or light on purpose keeps most of it: half of the way at most.

    Args:
        pixels: H×W×3, uint8 or uint16.
        keep: how strong it may be.
    """
    small = reduce(pixels, _SIDE)
    tones = luma(small)
    dark, shadow, middle, light, bright = np.quantile(tones, (0.01, 0.2, 0.5, 0.95, 0.99)).tolist()
    colour = float((small.max(1) - small.min(1)).mean())
    strength = STRENGTHS[keep]

    def setting(value: float, low: float, high: float) -> float:
        return round(strength * min(max(value, low), high), 3)

    steps = (
        FilterStep("brightness", {"ev": setting(0.8 * (0.44 - middle), -0.05, 0.25)}),
        FilterStep(
            "tones",
            {
                "highlights": setting(-2 * (light - 0.8), -0.3, 0),
                "shadows": setting(0.15 + 0.8 * (0.22 - shadow), 0.05, 0.3),
            },
        ),
        FilterStep(
            "levels",
            {"black": setting(0.4 * dark, 0, 0.02), "white": 1 - setting(0.4 * (0.95 - bright), 0, 0.03)},
        ),
        FilterStep("contrast", {"amount": setting(0.08, 0, 0.08)}),
        FilterStep("vibrance", {"amount": setting(0.28 - 0.6 * colour, 0.06, 0.22)}),
        FilterStep("clarity", {"amount": setting(0.12, 0, 0.12)}),
    )
    return Recipe(steps, name="enhanced")


def variants(pixels: np.ndarray, first: Recipe, count: int) -> list[Recipe]:
    """Clearly different looks for a photo, the first one given, the others presets that suit most photos.

    Each next one is the preset farthest, in mean ΔE2000 on a small copy of the photo, from all before it.

    Args:
        pixels: H×W×3, uint8 or uint16.
        first: a look.
        count: how many, the first among them.

    Raises:
        UsageError: none, or more than there are.
    """
    if not 1 <= count <= len(_OFFERED):
        raise UsageError(f"variants is {count}: expected 1 to {len(_OFFERED)} looks")
    small = reduce(pixels, _SIDE)
    looks = [first, *(presets.get(name) for name in _OFFERED if name != first.name)]
    pictures = torch.stack([torch.from_numpy(_applied(small, look))[0] for look in looks])
    chosen, nearest = [0], torch.full((len(looks),), torch.inf)
    while len(chosen) < count:
        last = pictures[chosen[-1]].expand_as(pictures)
        nearest = nearest.minimum(delta_e_2000(last, pictures).mean((1, 2)))
        nearest[chosen] = -1  # where looks coincide, all distances are 0
        chosen.append(int(nearest.argmax()))
    return [looks[i] for i in chosen]


def _applied(image: np.ndarray, look: Recipe) -> np.ndarray:
    """A small 1×3×H×W image after a look, without the tables that only pay for large photos."""
    for found, settings in look.chain():
        image = found.filtered(image, settings)
    return image

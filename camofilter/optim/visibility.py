"""How visible it is what hides a photo: one figure between its look alone and the result, told, never searched."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from camofilter.optim.perception import as_looked_at
from camofilter.recipe import Recipe

# Filters that are there to hide a photo, and are no part of its look.
HIDING = frozenset({"tuned_grain"})

# Where SSIMULACRA2 has its own words: from 90 on, people cannot tell two photos apart at 100 % even where they
# flicker between them; at 70, they barely notice the difference side by side at 100 %, and not without the original.
WORDS = {"not seen": 90.0, "seen at 100 %": 70.0, "seen": float("-inf")}
# Its coarsest scale, 1/32, is of 8 pixels at least.
_SHORTEST = 256


def how_visible(look: np.ndarray, result: np.ndarray) -> float:
    """SSIMULACRA2 of two photos, both reduced to 1024 pixels on the longer side where they are larger.

    What hides a photo is made for machines that reduce it to about 512 pixels: at 1024, none of it is lost.

    Args:
        look, result: H×W×3 of equal size, uint8 or uint16, sRGB.

    Returns:
        100 for equal photos, less the more the difference is seen, without a lower end (:func:`in_words`).

    Raises:
        UsageError: the shapes differ.
    """
    return ssimulacra2(*as_looked_at(look, result))


def in_words(figure: float) -> str:
    """What a figure of :func:`how_visible` means: one of ``WORDS``."""
    return next(words for words, least in WORDS.items() if figure >= least)


def look_alone(recipe: Recipe) -> Recipe:
    """A recipe without the filters that are there to hide a photo."""
    return Recipe(tuple(step for step in recipe.steps if step.filter not in HIDING), recipe.name)


def ssimulacra2(before: np.ndarray, after: np.ndarray) -> float:
    """The metric of the JPEG XL people (Sneyers 2022, github.com/cloudinary/ssimulacra2, version 2.1) at full size.

    It has six scales, each of half the size of the one before, and weights for all of them; a photo too small for the
    coarsest is mirrored at its ends until it holds it.

    Args:
        before, after: H×W×3 uint8 of equal size, sRGB.

    Returns:
        100 for equal photos; 90 where they cannot be told apart, 70 high, 50 medium, 30 low quality; without a lower
        end.
    """
    from ssimulacra2 import compute_ssimulacra2

    missing = [(0, max(0, _SHORTEST - side)) for side in before.shape[:2]]
    files = [_file(np.pad(pixels, (*missing, (0, 0)), "symmetric")) for pixels in (before, after)]
    return float(compute_ssimulacra2(*files))


def _file(pixels: np.ndarray) -> io.BytesIO:
    """H×W×3 uint8 pixels as a file in memory, which is what the package takes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PPM")
    return file

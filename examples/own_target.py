"""A judge of one's own: hides a photo from a machine that likes colourful ones.

Run ``python examples/own_target.py [PHOTO]``. Any class with a name, a scale, ``score`` and ``to`` will do.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

import camofilter
from camofilter.biqa import Scale, Target

PHOTO = Path(__file__).parent / "photos" / "budgie_perched-osprey.jpg"


class Colourfulness(Target):
    """Spread and mean of the opponent colours (Hasler and Süsstrunk, Measuring colourfulness in natural images, 2003).

    Of their seven steps from "not colourful" (0) to "extremely" (109), a photo is to stay below "moderately" (33).
    """

    name = "colourfulness"
    scale = Scale(low=0, high=109, threshold=33, reason="where people call a photo moderately colourful")

    def score(self, image: torch.Tensor) -> torch.Tensor:
        """B scores of a B×3×H×W image in [0, 1], differentiable."""
        red, green, blue = (255 * image).unbind(1)
        opponents = torch.stack([red - green, (red + green) / 2 - blue], 1).flatten(2)
        spread = opponents.var(2, correction=0).sum(1)
        mean = opponents.mean(2).square().sum(1)
        return (spread + 1e-6).sqrt() + 0.3 * (mean + 1e-6).sqrt()

    def to(self, device: str) -> Colourfulness:
        """The same: it has nothing to move."""
        return self


def main() -> None:
    photo = camofilter.open_photo(sys.argv[1] if len(sys.argv) > 1 else PHOTO)
    judge = Colourfulness()
    print(f"{judge.name}, {judge.scale.in_words()}: {camofilter.score(photo, judge):.1f}")
    result = camofilter.camouflage(photo, target=judge)
    print(f"with this recipe {result.score_after:.1f}: {result.recipe.in_words()}")
    if not result.camouflaged:
        sys.exit("it still sees the photo")


if __name__ == "__main__":
    main()

"""How a model's scores fall as photos are damaged: what agreement on real photos does not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from camofilter.biqa import as_image
from camofilter.biqa.fit import cover, fit
from camofilter.biqa.target import Target
from camofilter.biqa.training.distortions import DISTORTIONS, Distortion, levels
from camofilter.photo import open_photo

_LARGEST = 2.0  # times the judge's input, of photos that are damaged at full size


@dataclass(frozen=True)
class Fall:
    """Mean scores of some photos along the ladder of one distortion.

    Attributes:
        distortion: its name.
        unit: of the amounts.
        amounts: the ladder, from none to severe.
        scores: mean score at each.
    """

    distortion: str
    unit: str
    amounts: tuple[float, ...]
    scores: tuple[float, ...]

    def is_strict(self, *, falls: bool = True) -> bool:
        """Whether every step of damage lowers the mean score (or, where faults are scored, raises it)."""
        return all((later < earlier) == falls and later != earlier for earlier, later in pairwise(self.scores))

    def at(self, amount: float) -> float:
        """The mean score at an amount of the ladder."""
        return self.scores[self.amounts.index(amount)]


def robustness(
    target: Target,
    photos: Sequence[Path],
    distortions: Sequence[Distortion] = DISTORTIONS,
    *,
    full_size: bool = False,
) -> list[Fall]:
    """Mean scores of photos, damaged along ladders; no JPEG afterwards.

    At full size a photo is damaged first and then reduced to the target's input, as a platform does with what it is
    sent: blocks and grain become finer. Lengths (of blur) are those of a photo as wide as the input, at full size
    longer by as much as the photo is wider.

    Args:
        target: on the CPU.
        photos: pristine ones, a dozen or so.
        distortions: along whose ladders.
        full_size: damage the photos at their own size, or at twice the input's where they are larger still, and not as
            they fill the input; of photos that are no larger than that, it is the same.
    """
    wholes = [_whole(open_photo(photo).pixels, target, full_size) for photo in photos]
    falls = []
    for distortion in distortions:
        means = []
        for amount in distortion.amounts:
            # The same dice at every amount: only the amount differs.
            scores = [whole.score(target, distortion, amount, dice) for dice, whole in enumerate(wholes)]
            means.append(float(np.mean(scores)))
        falls.append(Fall(distortion.name, distortion.unit, distortion.amounts, tuple(means)))
    return falls


def table(falls: Sequence[Fall], *, falling: bool = True) -> str:
    """The falls as a Markdown table: amount → mean score along each ladder, and whether it is strict."""
    lines = ["| damage | mean score at each amount | strictly |", "|---|---|---|"]
    for fall in falls:
        steps = ", ".join(f"{a:g}: {s:.0f}" for a, s in zip(fall.amounts, fall.scores, strict=True))
        lines.append(
            f"| {fall.distortion} ({fall.unit}) | {steps} | {'yes' if fall.is_strict(falls=falling) else 'no'} |"
        )
    return "\n".join(lines)


def reduction(width: int, height: int, frame: tuple[int, int]) -> float:
    """How many times a photo that was damaged at full size is reduced to just cover a frame: from 1 to 2."""
    return min(max(1.0, min(width / frame[0], height / frame[1])), _LARGEST)


class _Whole(NamedTuple):
    """A photo before its damage.

    Attributes:
        photo: H×W×3 float32 in [0, 1], as large as a target's input or larger.
        frame: width and height of that input.
        smaller: how many times it is reduced after the damage.
    """

    photo: np.ndarray
    frame: tuple[int, int]
    smaller: float

    def score(self, target: Target, distortion: Distortion, amount: float, dice: int) -> float:
        """The target's score of the photo after so much damage, whose dice are of this seed."""
        amount *= self.smaller if distortion.unit == "px" else 1
        damaged = levels(distortion(self.photo, amount, np.random.default_rng(dice)))
        with torch.inference_mode():
            return float(target.score(as_image(fit(damaged, self.frame))))


def _whole(pixels: np.ndarray, target: Target, full_size: bool) -> _Whole:
    height, width = pixels.shape[:2]
    frame = target.frame(width, height)
    smaller = reduction(width, height, frame) if full_size else 1.0
    large = round(smaller * frame[0]), round(smaller * frame[1])
    # What lies beside the input is damaged, too: pixels that were cut to its shape would be scaled from other places.
    return _Whole((cover if smaller > 1 else fit)(pixels, large).astype(np.float32) / 255, frame, smaller)

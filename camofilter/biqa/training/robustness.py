"""How a model's scores fall as photos are damaged: what agreement on real photos does not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from camofilter.biqa import as_image
from camofilter.biqa.fit import fit
from camofilter.biqa.target import Target
from camofilter.biqa.training.distortions import DISTORTIONS, Distortion, levels
from camofilter.photo import open_photo


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


def robustness(target: Target, photos: Sequence[Path], distortions: Sequence[Distortion] = DISTORTIONS) -> list[Fall]:
    """Mean scores of photos, fitted to the target's input and damaged along ladders; no JPEG afterwards.

    Args:
        target: on the CPU.
        photos: pristine ones, a dozen or so.
        distortions: along whose ladders.
    """
    pixels = [open_photo(photo).pixels for photo in photos]
    fitted = [fit(p, target.frame(p.shape[1], p.shape[0])).astype(np.float32) / 255 for p in pixels]
    falls = []
    for distortion in distortions:
        means = []
        for amount in distortion.amounts:
            # The same dice at every amount: only the amount differs.
            damaged = [distortion(p, amount, np.random.default_rng(i)) for i, p in enumerate(fitted)]
            means.append(float(np.mean([_score(target, photo) for photo in damaged])))
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


def _score(target: Target, photo: np.ndarray) -> float:
    with torch.inference_mode():
        return float(target.score(as_image(levels(photo))))

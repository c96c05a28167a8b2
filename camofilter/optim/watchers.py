"""The machines that look at one photo, and how far the best-sighted of them still sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa import Target, delivered
from camofilter.errors import UsageError
from camofilter.filters import Filter
from camofilter.optim.channel import deliver
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.objective import worst


class Judgement(NamedTuple):
    """What a target thinks of a photo as it is delivered.

    Attributes:
        score: on the target's own scale.
        words: what it sees, if it can say it, such as "beach 83 %"; else empty.
    """

    score: float
    words: str


def judgement(pixels: np.ndarray, target: Target) -> Judgement:
    """What a target thinks of H×W×3 pixels, uint8 or uint16, fitted to its input and recompressed."""
    return _judged(delivered(pixels, target), target)


def _judged(image: Tensor, target: Target) -> Judgement:
    with torch.inference_mode():
        return Judgement(float(target.score(image)), target.in_words(image))


@dataclass(frozen=True)
class Verdict:
    """What a target thought of a photo before and after.

    Attributes:
        target: as it faced the original.
        before, after: its judgements.
    """

    target: Target
    before: Judgement
    after: Judgement

    @property
    def exposure(self) -> float:
        """Points of a scale of 100 by which it still sees the photo; below 0 if it is hidden."""
        return self.target.scale.margin(self.after.score) * self.target.scale.points

    @property
    def hidden(self) -> bool:
        """Whether the target no longer sees the photo."""
        return self.exposure < 0

    def on(self, pixels: np.ndarray) -> Verdict:
        """The verdict with the judgement of another photo after it, such as the file that was written."""
        return replace(self, after=judgement(pixels, self.target))


class Watchers:
    """Targets that face one photo, each with its own size of input: what a search hides the photo from.

    Args:
        pixels: H×W×3 of the untouched photo, uint8 or uint16.
        targets: at least one.
        device: where to work.

    Attributes:
        targets: as they face the photo.
        untouched: their verdicts on the photo as it is.

    Raises:
        UsageError: no targets, or one without gradients.
    """

    def __init__(self, pixels: np.ndarray, targets: Sequence[Target], device: str) -> None:
        if not targets:
            raise UsageError("no target was given: expected at least one")
        for target in targets:
            if not target.has_gradient:
                raise UsageError(f"{target.name} only scores, without gradients: use it with score, not to hide from")
        self.device = device
        moved = [target.to(device) for target in targets]
        arriving = [delivered(pixels, target) for target in moved]
        self.targets = [target.facing(image) for target, image in zip(moved, arriving, strict=True)]
        self.untouched = [
            Verdict(target, seen, seen)
            for target, seen in zip(self.targets, map(_judged, arriving, self.targets), strict=True)
        ]
        frames = [target.frame(pixels.shape[1], pixels.shape[0]) for target in targets]
        self._rooms = {frame: Darkroom(pixels, frame, device) for frame in dict.fromkeys(frames)}
        self._watching = list(zip(frames, self.targets, strict=True))

    def verdicts(self, pixels: np.ndarray) -> list[Verdict]:
        """What each thinks of the finished photo."""
        return [verdict.on(pixels) for verdict in self.untouched]

    def exposure(self, chain: list[tuple[Filter, dict[str, Any]]], qualities: list[int]) -> Tensor:
        """B points by which the photo is seen after a chain of filters, by the one that sees it best.

        Args:
            chain: filters with settings that are B-vectors.
            qualities: B JPEG qualities of the delivery.
        """
        arriving = {frame: deliver(room.develop(chain), qualities) for frame, room in self._rooms.items()}
        return worst(torch.stack([t.margin(arriving[frame]) * t.scale.points for frame, t in self._watching]))

"""The machines that look at one photo, and how far the best-sighted of them still sees it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa import Target, delivered
from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.fit import cover
from camofilter.biqa.trial import check
from camofilter.errors import UsageError
from camofilter.filters import Filter
from camofilter.optim.channel import BATTERY, PURIFIERS
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.objective import worst
from camofilter.photo.core import eight_bit


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
    return judged(delivered(pixels, target), target)


def purified(pixels: np.ndarray, target: Target) -> dict[str, float]:
    """A target's scores of a photo after each of ``channel.PURIFIERS``, done to it at the scale of its input.

    Args:
        pixels: H×W×3, uint8 or uint16.
        target: the judge.
    """
    covering = cover(pixels, target.frame(pixels.shape[1], pixels.shape[0]))
    return {way: judgement(purify(covering), target).score for way, purify in PURIFIERS.items()}


def judged(image: Tensor, target: Target) -> Judgement:
    """What a target thinks of a 1×3×h×w image in [0, 1] that fills its frame.

    Raises:
        TargetError: its score is no finite number.
    """
    with torch.inference_mode():
        return Judgement(float(target.checked(image)), target.in_words(image))


def verdict(before: np.ndarray, after: np.ndarray, target: Target) -> Verdict:
    """What a target thinks of a photo before and after, and of what would become of that as it is passed on.

    Args:
        before, after: H×W×3 each, uint8 or uint16.
        target: any; scorers without gradients will do.
    """
    arriving = delivered(before, target)
    target = target.facing(arriving)
    seen = judged(arriving, target)
    return Verdict(target, seen, seen).tried(after)


@dataclass(frozen=True)
class Verdict:
    """What a target thought of a photo before and after.

    Attributes:
        target: as it faced the original.
        before, after: its judgements.
        deliveries: its scores of the photo after it by each way of ``channel.BATTERY``; empty where it was not tried.
    """

    target: Target
    before: Judgement
    after: Judgement
    deliveries: Mapping[str, float] = field(default_factory=dict)

    @property
    def exposure(self) -> float:
        """Points of a scale of 100 by which it still sees the photo; below 0 if it is hidden."""
        return self._points(self.after.score)

    @property
    def hidden(self) -> bool:
        """Whether the target no longer sees the photo."""
        return self.exposure < 0

    @property
    def worst(self) -> float:
        """The score with which it is seen best of all the ways that were tried, the file as it is among them."""
        return max((self.after.score, *self.deliveries.values()), key=self.target.scale.margin)

    @property
    def worst_exposure(self) -> float:
        """Points by which it is seen best of all the ways that were tried; below 0 if it stays hidden by all."""
        return self._points(self.worst)

    @property
    def survives(self) -> bool:
        """Whether it stays hidden by all the ways that were tried."""
        return self.worst_exposure < 0

    @property
    def seen_after(self) -> list[str]:
        """The ways of those that were tried after which it is seen again."""
        return [way for way in self.deliveries if self.exposure_after(way) >= 0]

    def exposure_by(self, ways: Iterable[str]) -> float:
        """Points by which it is seen best, as it is and by these ways of those that were tried."""
        return max([self.exposure, *map(self.exposure_after, ways)])

    def exposure_after(self, way: str) -> float:
        """Points by which it is seen after one of the deliveries that were tried."""
        return self._points(self.deliveries[way])

    def _points(self, score: float) -> float:
        return self.target.scale.margin(score) * self.target.scale.points

    def on(self, pixels: np.ndarray) -> Verdict:
        """The verdict with the judgement of another photo after it, such as the file that was written."""
        return replace(self, after=judgement(pixels, self.target))

    def tried(self, pixels: np.ndarray, ways: Iterable[str] = tuple(BATTERY)) -> Verdict:
        """The verdict with the judgement of another photo after it, as it is and delivered by these ways."""
        pixels = eight_bit(pixels)
        scores = {way: judgement(BATTERY[way](pixels), self.target).score for way in ways}
        return replace(self.on(pixels), deliveries=scores)


class Watchers:
    """Targets that face one photo, each with its own size of input: what a search hides the photo from.

    Args:
        pixels: H×W×3 of the untouched photo, uint8 or uint16.
        targets: at least one.
        device: where to work.

    Attributes:
        targets: as they face the photo.
        untouched: their verdicts on the photo as it is.
        frames: widths and heights of their inputs, each once.
        size: width and height of the photo.

    Raises:
        UsageError: no targets, or one that does not work or is without gradients.
        TargetError: a score is no finite number.
    """

    def __init__(self, pixels: np.ndarray, targets: Sequence[Target], device: str) -> None:
        if not targets:
            raise UsageError("no target was given: expected at least one")
        for target in targets:
            check(target)
        self.device = device
        self.size = (pixels.shape[1], pixels.shape[0])
        moved = [target.to(device) for target in targets]
        arriving = [delivered(pixels, target) for target in moved]
        self.targets = [target.facing(image) for target, image in zip(moved, arriving, strict=True)]
        self.untouched = [
            Verdict(target, seen, seen)
            for target, seen in zip(self.targets, map(judged, arriving, self.targets), strict=True)
        ]
        frames = [target.frame(*self.size) for target in targets]
        self.frames = list(dict.fromkeys(frames))
        self._watching = list(zip(frames, self.targets, strict=True))
        self._pixels = pixels

    def verdicts(self, pixels: np.ndarray, ways: Iterable[str] = tuple(BATTERY)) -> list[Verdict]:
        """What each thinks of the finished photo, as it is and delivered by these ways."""
        return [verdict.tried(pixels, ways) for verdict in self.untouched]

    def developed(self, chain: list[tuple[Filter, dict[str, Any]]]) -> dict[tuple[int, int], Tensor]:
        """The photo in each frame after a chain of filters, B×3×h×w in [0, 1], differentiable in the settings.

        Args:
            chain: filters with settings that are B-vectors, or floats.
        """
        return {frame: room.develop(chain) for frame, room in self._rooms.items()}

    def seen(self, delivered: Mapping[tuple[int, int], Tensor]) -> Tensor:
        """B points by which images are seen, by the one that sees them best; differentiable.

        Args:
            delivered: B×3×h×w in [0, 1] for each frame.
        """
        points = []
        for frame, target in self._watching:
            with torch.autocast(self.device, torch.bfloat16, enabled=target.bfloat16 and bfloat16_pays(self.device)):
                points.append(target.margin(delivered[frame]).float() * target.scale.points)
        return worst(torch.stack(points))

    @functools.cached_property
    def _rooms(self) -> dict[tuple[int, int], Darkroom]:
        return {frame: Darkroom(self._pixels, frame, self.device) for frame in self.frames}

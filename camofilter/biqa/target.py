"""What a target is: a machine to hide from, how its scores are read, and when it no longer sees a photo.

Importing it needs no torch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from camofilter.errors import TargetError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True)
class Scale:
    """How the scores of a target are to be read.

    Attributes:
        low, high: ends of the range in which nearly all photos lie; not limits.
        threshold: where a photo stops being seen.
        reason: why there, in a few words.
        falls: whether a photo is hidden below the threshold (as with quality) or above it (as with faults).
    """

    low: float = 0.0
    high: float = 100.0
    threshold: float = 50.0
    reason: str = "the middle of the scale of a mean opinion score"
    falls: bool = True

    def margin(self, score: Number) -> Number:
        """How far a score lies on the side where the machine still sees the photo, in the score's own units."""
        return score - self.threshold if self.falls else self.threshold - score

    @property
    def points(self) -> float:
        """Points in a unit of the score: a scale is 100 points long, so that margins of targets compare."""
        return 100 / (self.high - self.low)

    def at(self, threshold: float | None) -> Scale:
        """The same scale with another threshold; as it is for None.

        Raises:
            UsageError: the threshold is not within the range.
        """
        if threshold is None:
            return self
        if not self.low <= threshold <= self.high:  # nor is what is not a number
            raise UsageError(
                f"the threshold is {threshold:g}: expected a number from {self.low:g} to {self.high:g}, "
                f"such as {self.threshold:g}"
            )
        return replace(self, threshold=threshold, reason="as asked")

    def in_words(self) -> str:
        """Such as "0 to 100, hidden below 50"."""
        return f"{self.low:g} to {self.high:g}, hidden {'below' if self.falls else 'above'} {self.threshold:g}"


def default_frame(width: int, height: int) -> tuple[int, int]:
    """512×384, as in the MediaEval 2020 task; 384×512 for photos taller than wide."""
    return (384, 512) if height > width else (512, 384)


class Target(Protocol):
    """A machine to hide from. Subclasses say ``name``, ``scale``, ``score`` and ``to``; the rest follows.

    Attributes:
        name: as people call it.
        version: of the weights that come with camofilter; None for all others.
        scale: how its scores are read.
        has_gradient: whether ``score`` is differentiable, as a search needs.
        bfloat16: whether a search may compute it under autocast in bfloat16, to within a point.
    """

    name: str
    scale: Scale
    version: int | None = None
    has_gradient: bool = True
    bfloat16: bool = False

    @property
    def full_name(self) -> str:
        """Its name with the version that it is, such as "compact_iqa@2": by which recipes call it."""
        return self.name if self.version is None else f"{self.name.partition('@')[0]}@{self.version}"

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels of the model's input for a photo of this width and height."""
        return default_frame(width, height)

    def score(self, image: Tensor) -> Tensor:
        """B scores of a B×3×H×W image in [0, 1] that fills the frame."""
        ...

    def to(self, device: str) -> Target:
        """The target on a device ("cpu", "cuda"), this one staying where it is; images follow it by themselves."""
        ...

    def at(self, threshold: float | None) -> Self:
        """The same target with another threshold; as it is for None.

        Raises:
            UsageError: the threshold is not within the range of its scale.
        """
        if threshold is None:
            return self
        other = copy.copy(self)
        other.scale = self.scale.at(threshold)
        return other

    def checked(self, image: Tensor) -> Tensor:
        """B scores as of :meth:`score`, which are no longer taken on trust.

        Raises:
            TargetError: they are not one finite number an image.
        """
        return check_scores(self.name, self.score(image), len(image))

    def margin(self, image: Tensor) -> Tensor:
        """B numbers in the score's units, above 0 while the machine still sees what it should not.

        Raises:
            TargetError: a score is no finite number.
        """
        return self.scale.margin(self.checked(image))

    def facing(self, image: Tensor) -> Target:
        """The target as it looks at one photo: a classifier notes here what it sees, to be led away from it.

        Args:
            image: 1×3×H×W, the untouched photo in the frame.
        """
        return self

    def in_words(self, image: Tensor) -> str:
        """What it thinks of a 1×3×H×W image, beside the number: a classifier names the class. May be empty."""
        return ""


def check_scores(name: str, given: object, count: int) -> Tensor:
    """The scores that a target gave for so many images, B or B×1, as B.

    Raises:
        TargetError: they are something else than one finite number an image.
    """
    from torch import Tensor

    if not isinstance(given, Tensor):
        raise TargetError(
            f"{name}: gave {type(given).__name__} for {count} images, expected a tensor with one score for each"
        )
    if given.numel() != count or given.shape[:1] not in ((), (count,)):
        form = "×".join(map(str, given.shape)) or "one number"
        raise TargetError(f"{name}: gave {form} for {count} images, expected a tensor with one score for each")
    if not given.isfinite().all():
        raise TargetError(f"{name}: gave {given.flatten().tolist()}, expected finite scores")
    return given.reshape(-1)

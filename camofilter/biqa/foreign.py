"""Targets whose model is a program made elsewhere: tried once, its output checked, its errors told in one line."""

from __future__ import annotations

import copy
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from camofilter.biqa.target import Scale, Target, check_scores, default_frame
from camofilter.biqa.trial import failure, passes_gradients


class Size(NamedTuple):
    """What a program's input is fixed to; None where it takes any number of images or pixels."""

    batch: int | None = None
    height: int | None = None
    width: int | None = None


class Program(Protocol):
    """A model that may answer with anything, or fail in any way.

    Attributes:
        size: what its input is fixed to.
    """

    size: Size

    def __call__(self, image: Tensor) -> object:
        """What it gives for a B×3×H×W float32 image in [0, 1], on any device: hopefully B scores."""
        ...

    def on(self, device: str) -> Program:
        """The same program on a device, if it can work there; this one stays where it is."""
        ...


class ForeignTarget(Target):
    """A program as a target; whether its scores have a gradient is found by trying it on noise.

    Args:
        name: as people call it; errors begin with it.
        scale: how its scores are read.
        program: gives B or B×1 scores.

    Raises:
        UsageError: it fails on images of its size, or gives something else than one finite score for each.
    """

    def __init__(self, name: str, scale: Scale, program: Program) -> None:
        self.name, self.scale = name, scale
        self._program, self._programs = program, {"cpu": program}
        self.has_gradient = passes_gradients(self)

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """The size that the program is fixed to; where it is not, as for other quality models."""
        usual = default_frame(width, height)
        return self._program.size.width or usual[0], self._program.size.height or usual[1]

    def score(self, image: Tensor) -> Tensor:
        """B scores, float32, of a B×3×H×W image in [0, 1]; one image at a time where the program takes no more.

        Raises:
            TargetError: the program fails, or gives something else than one finite score for each.
        """
        groups = [one[None] for one in image] if self._program.size.batch == 1 else [image]
        return torch.cat([self._scores(group) for group in groups])

    def to(self, device: str) -> ForeignTarget:
        """The target with its program on a device."""
        if device not in self._programs:
            self._programs[device] = self._program.on(device)
        other = copy.copy(self)
        other._program = self._programs[device]
        return other

    def _scores(self, image: Tensor) -> Tensor:
        try:
            # Exported programs are made for images that lie in memory row by row.
            given = self._program(image.contiguous())
        except Exception as error:  # whatever a program by others may raise
            raise failure(self.name, image, error) from None
        return check_scores(self.name, given, len(image)).float()

"""Targets whose model is a program made elsewhere: tried once, its output checked, its errors told in one line."""

from __future__ import annotations

import textwrap
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from camofilter.biqa.target import Scale, Target, default_frame
from camofilter.errors import UsageError, is_out_of_memory


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

    def to(self, device: str) -> None:
        """Moves it to another device, if it can work there."""
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
        self._program = program
        self.has_gradient = self._is_differentiable()

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """The size that the program is fixed to; where it is not, as for other quality models."""
        usual = default_frame(width, height)
        return self._program.size.width or usual[0], self._program.size.height or usual[1]

    def score(self, image: Tensor) -> Tensor:
        """B scores, float32, of a B×3×H×W image in [0, 1]; one image at a time where the program takes no more.

        Raises:
            UsageError: as for the class.
        """
        groups = [one[None] for one in image] if self._program.size.batch == 1 else [image]
        return torch.cat([self._scores(group) for group in groups])

    def to(self, device: str) -> ForeignTarget:
        """The target with its program moved."""
        self._program.to(device)
        return self

    def _scores(self, image: Tensor) -> Tensor:
        count, _, height, width = image.shape
        try:
            # Exported programs are made for images that lie in memory row by row.
            given = self._program(image.contiguous())
        except Exception as error:  # whatever a program by others may raise
            if is_out_of_memory(error):
                raise MemoryError from None
            raise UsageError(
                f"{self.name}: failed on {count}×3×{height}×{width} RGB in [0, 1], float32, which it should take "
                f"({reason(error)})"
            ) from None
        one_each = isinstance(given, Tensor) and given.numel() == count and given.shape[:1] in ((), (count,))
        if not isinstance(given, Tensor) or not one_each:
            form = (
                "×".join(map(str, given.shape)) or "one number" if isinstance(given, Tensor) else type(given).__name__
            )
            raise UsageError(f"{self.name}: gave {form} for {count} images, expected a tensor with one score for each")
        if not given.isfinite().all():
            raise UsageError(f"{self.name}: gave {given.flatten().tolist()}, expected finite scores")
        return given.reshape(-1).float()

    def _is_differentiable(self) -> bool:
        width, height = self.frame(4, 3)
        noise = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)).requires_grad_()
        scores = self.score(noise)
        if not scores.requires_grad:
            return False
        try:
            (gradient,) = torch.autograd.grad(scores.sum(), noise, allow_unused=True)
        except RuntimeError:  # an operation without a derivative
            return False
        return gradient is not None and bool(gradient.isfinite().all())


def reason(error: Exception) -> str:
    """What an error says, in one short line; of TorchScript's tracebacks, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1:] if any(line.startswith("Traceback") for line in lines) else lines
    return textwrap.shorten(" ".join(said), 160, placeholder="…") or type(error).__name__

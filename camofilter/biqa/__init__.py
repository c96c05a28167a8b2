"""Machines that judge a photo: what a target is, which there are, and how a photo reaches one.

Listing them needs no torch; :func:`get` loads it. A target is named ``NAME`` or, with weights of one's own,
``NAME:PATH``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from camofilter.biqa.fit import fit, jpeg
from camofilter.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import torch

__all__ = ["SUMMARIES", "Target", "as_image", "delivered_score", "get"]

# Name of every target, which is also its file's, and what it is in one line.
SUMMARIES = {
    "compact_iqa": "the embedded quality model, 2.4 M parameters, agrees with people at SROCC 0.82 on BIQ2021",
}

# The task's own last step: organisers and platforms recompress what they are given.
DELIVERY_QUALITY = 90


class Target(Protocol):
    """A machine to hide from. The search knows only ``margin``; ``score`` is what people are told.

    Attributes:
        name: as in :data:`SUMMARIES`.
        threshold: the score to stay below.
    """

    name: str
    threshold: float

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels of the model's input for a photo of this width and height."""
        ...

    def score(self, image: torch.Tensor) -> torch.Tensor:
        """B scores of a B×3×H×W image in [0, 1] that fills the frame; differentiable."""
        ...

    def margin(self, image: torch.Tensor) -> torch.Tensor:
        """B numbers, above 0 while the machine still sees what it should not; differentiable."""
        ...

    def to(self, device: str) -> Target:
        """The target, moved to another device ("cpu", "cuda"); images follow it by themselves."""
        ...


def get(spec: str, *, threshold: float = 50.0) -> Target:
    """The target of this name, loaded.

    Args:
        spec: ``NAME`` or ``NAME:WEIGHTS``, WEIGHTS being the path of a weight file.
        threshold: the score to stay below.

    Raises:
        UsageError: no such target; the message names the nearest ones.
        WeightsError: the weight file is missing, damaged or of another model.
    """
    name, _, weights = spec.partition(":")
    if name not in SUMMARIES:
        raise unknown_name("target", name, SUMMARIES)
    module = importlib.import_module(f"camofilter.biqa.{name}")
    found: Target = module.target(Path(weights) if weights else None, threshold)
    return found


def delivered_score(pixels: np.ndarray, target: Target) -> float:
    """The score of a photo as it is delivered: fit to the model's input, JPEG 90, model.

    Args:
        pixels: H×W×3, uint8 or uint16, sRGB.
        target: the judge, on the CPU or any device.

    Raises:
        UsageError: the photo has no pixels.
    """
    import torch

    if 0 in pixels.shape:
        raise UsageError(f"the photo's shape is {pixels.shape}: expected at least one pixel")
    delivered = jpeg(fit(pixels, target.frame(pixels.shape[1], pixels.shape[0])), DELIVERY_QUALITY)
    with torch.inference_mode():
        return float(target.score(as_image(delivered)))


def as_image(pixels: np.ndarray) -> torch.Tensor:
    """H×W×3 uint8 pixels as an image tensor, 1×3×H×W float32 in [0, 1]."""
    import torch

    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]

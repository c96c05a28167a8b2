"""CompactIQA, version 2: the quality model that was shipped before. Its card is ``docs/compact_iqa_2.md``."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa.folding import ready
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_shipped

# Of the shipped weights/compact_iqa_2.safetensors.
SHA256 = "2befe31b60f54abc57b339d2cbc67be64d28cb6d29c32d12d05eef44212dc560"
_WIDTHS = (48, 96, 160, 256)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with batch norm around a skip connection: B×C×h×w to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, same shape."""
        return F.relu(x + self.f(x))


class CompactIQA(nn.Module):
    """RGB in [0, 1], B×3×H×W with H and W multiples of 4 → B scores, 0..100, higher is better, not clamped.

    4×4 pixel-unshuffle, plain 3×3 convolutions, mean and standard deviation of the last maps, two linear layers.
    Submodule names are those of the published weights.
    """

    def __init__(self) -> None:
        super().__init__()
        first = _WIDTHS[0]
        layers: list[nn.Module] = [
            nn.Conv2d(48, first, 3, 1, 1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        ]
        for before, after in pairwise(_WIDTHS):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [ResidualBlock(after)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(2 * _WIDTHS[-1], 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 1))

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image."""
        maps = self.body(F.pixel_unshuffle((image - 0.5) / 0.25, 4))
        deviation = (maps.var((2, 3), unbiased=False) + 1e-5).sqrt()
        score: Tensor = 50 + 25 * self.head(torch.cat([maps.mean((2, 3)), deviation], 1)).squeeze(1)
        return score


def network() -> nn.Module:
    """The network that weight files are for, its weights random."""
    return CompactIQA()


def load(path: Path | None = None) -> CompactIQA:
    """CompactIQA ready to judge: frozen, batch norms folded into the convolutions.

    Args:
        path: a weight file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    return ready(load_shipped(CompactIQA(), "compact_iqa_2", SHA256, path))


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """CompactIQA as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("compact_iqa", scale, load(Path(weights) if weights else None), bfloat16=True)

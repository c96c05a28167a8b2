"""WaveletIQA: a second embedded quality model, of another mind than CompactIQA: fixed statistics, a small network.

Its card is ``docs/wavelet_iqa.md``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.wavelets import FEATURES, statistics
from camofilter.biqa.weight_files import load_shipped

# Of the shipped weights/wavelet_iqa.safetensors.
SHA256 = "d14f617ac276bc0b7f4d8a7ef6633e3bafbfea39ce8e81d5e00d94abb419b732"
_MEMBERS = 5
_WIDTHS = (96, 32)
# Deviations beyond which a statistic says hardly more: no photo of another kind, and no search, leads far from what
# the network has learned.
_KNEE = 4.0


class WaveletIQA(nn.Module):
    """RGB in [0, 1], B×3×H×W, sides of 64 pixels or more → B scores, 0..100, higher is better, not clamped.

    The statistics of :mod:`~camofilter.biqa.wavelets`, standardised, are judged by five small networks, each fitted
    from other random weights; the score is their mean.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))
        self.members = nn.ModuleList(_member() for _ in range(_MEMBERS))

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image.

        Raises:
            UsageError: a side is shorter than 64 pixels.
        """
        return self.judge(statistics(image))

    def judge(self, found: Tensor) -> Tensor:
        """The B scores of images with these B×398 statistics."""
        x = self.standardised(found)
        return torch.stack([score(member, x) for member in self.members]).mean(0)

    def standardised(self, found: Tensor) -> Tensor:
        """B×398 statistics in deviations from their means, bent so as to stay within 4."""
        x = (found - self.mean) / self.deviation
        return x * (1 + (x / _KNEE).square()).rsqrt()


def score(member: nn.Module, standardised: Tensor) -> Tensor:
    """B scores by one network of B×398 standardised statistics."""
    found: Tensor = 50 + 25 * member(standardised)[:, 0]
    return found


def _member() -> nn.Sequential:
    layers: list[nn.Module] = []
    before = FEATURES
    for width in _WIDTHS:
        layers += [nn.Linear(before, width), nn.SiLU(), nn.Dropout(0.3)]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 1))


def load(path: Path | None = None) -> WaveletIQA:
    """WaveletIQA ready to judge: frozen, float32.

    Args:
        path: a safetensors file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    return load_shipped(WaveletIQA(), "wavelet_iqa", SHA256, path).eval().requires_grad_(False)


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """WaveletIQA as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("wavelet_iqa", scale, load(Path(weights) if weights else None))

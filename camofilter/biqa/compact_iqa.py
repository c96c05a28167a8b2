"""CompactIQA: the quality model that ships with camofilter. Its card is ``docs/compact_iqa.md``."""

from __future__ import annotations

from importlib import resources
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from camofilter.biqa.weight_files import load_state

# Of the shipped weights/compact_iqa.safetensors.
SHA256 = "891ede1b775fd5ca5d80385cd7a1574543ddee7259b0a26735a5fef6b69ca442"
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


def load(path: Path | None = None) -> CompactIQA:
    """CompactIQA ready to judge: frozen, batch norms folded into the convolutions, float32.

    Args:
        path: a safetensors file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    model = CompactIQA()
    with resources.as_file(resources.files("camofilter.biqa") / "weights" / "compact_iqa.safetensors") as shipped:
        load_state(model, path or shipped, sha256=SHA256 if path is None else None)
    model.eval()
    _fold_batch_norms(model.body)
    for block in model.body:
        if isinstance(block, ResidualBlock):
            _fold_batch_norms(block.f)
    return model.requires_grad_(False)


def _fold_batch_norms(layers: nn.Sequential) -> None:
    """Merges each batch norm into the convolution before it, exactly up to rounding."""
    for i in range(len(layers) - 1):
        conv, norm = layers[i], layers[i + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[i], layers[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


class CompactIQATarget:
    """CompactIQA as a target: hidden when the score is below the threshold.

    Args:
        model: ready to judge, as :func:`load` gives it.
        threshold: the score to stay below.
    """

    name = "compact_iqa"

    def __init__(self, model: CompactIQA, threshold: float) -> None:
        # Convolutions on a CPU are faster with channels last.
        self._model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.threshold = threshold

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """512×384, as in the task; 384×512 for photos taller than wide."""
        return (384, 512) if height > width else (512, 384)

    def score(self, image: Tensor) -> Tensor:
        """B scores, about 0..100, of a B×3×H×W image in [0, 1]."""
        device = next(self._model.parameters()).device
        scores: Tensor = self._model(image.to(device, memory_format=torch.channels_last))
        return scores

    def margin(self, image: Tensor) -> Tensor:
        """B scores minus the threshold."""
        return self.score(image) - self.threshold

    def to(self, device: str) -> CompactIQATarget:
        """Moves the model to another device; images follow it by themselves."""
        return CompactIQATarget(self._model.to(device), self.threshold)


def target(weights: Path | None, threshold: float) -> CompactIQATarget:
    """The target that :func:`camofilter.biqa.get` hands out."""
    return CompactIQATarget(load(weights), threshold)

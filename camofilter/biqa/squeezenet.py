"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360) as trained on Places365 with leaky units."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SLOPE = 0.55
_SIDE, _CROP = 256, 224


def _active(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE, inplace=True)


class Fire(nn.Module):
    """Few channels, then many by 1×1 and 3×3 convolutions side by side: B×C×H×W to B×2·expanded×H×W."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        x = _active(self.squeeze1x1(x))
        return _active(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


class SqueezeNet(nn.Module):
    """RGB in [0, 1], B×3×256×256 → B×classes logits, judged by the 224×224 pixels in the middle.

    Submodule names are those of the published weights, to which the mean picture that is subtracted belongs.

    Args:
        classes: how many.
    """

    mean_bgr_256: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean_bgr_256", torch.zeros(3, _SIDE, _SIDE))
        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1)
        self.fire2, self.fire3 = Fire(64, 16, 64), Fire(128, 16, 64)
        self.fire4, self.fire5 = Fire(128, 32, 128), Fire(256, 32, 128)
        self.fire6, self.fire7 = Fire(256, 48, 192), Fire(384, 48, 192)
        self.fire8, self.fire9 = Fire(384, 64, 256), Fire(512, 64, 256)
        self.conv10 = nn.Conv2d(512, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """The B×classes logits of a B×3×256×256 image."""
        edge = (_SIDE - _CROP) // 2
        x = (image.flip(1) - self.mean_bgr_256 / 255)[:, :, edge:-edge, edge:-edge]
        x = F.max_pool2d(_active(self.conv1(x)), 3, 2)
        x = F.max_pool2d(self.fire3(self.fire2(x)), 3, 2)
        x = F.max_pool2d(self.fire5(self.fire4(x)), 3, 2)
        x = self.fire9(self.fire8(self.fire7(self.fire6(x))))
        return _active(self.conv10(x)).mean((2, 3))

"""The delivery channel: what happens to a photo between the person and the machine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa.fit import jpeg


class _RealJpeg(torch.autograd.Function):
    """Real 8-bit rounding and JPEG forward, identity backward.

    A straight-through estimate (Bengio et al. 2013, arXiv 1308.3432): a differentiable JPEG costs several
    times the embedded model on a CPU, this a fraction of it (``benchmarks/search.py``).
    """

    @staticmethod
    def forward(ctx: object, image: Tensor, qualities: list[int]) -> Tensor:
        levels = (image.detach().permute(0, 2, 3, 1) * 255).round().to("cpu", torch.uint8).numpy()
        delivered = np.stack([jpeg(photo, quality) for photo, quality in zip(levels, qualities, strict=True)])
        # Decoded pixels lie channels last, as convolutions like them.
        return torch.from_numpy(delivered).to(image.device).permute(0, 3, 1, 2).to(image.dtype) / 255

    @staticmethod
    def backward(ctx: object, *grad: Tensor) -> tuple[Tensor, None]:
        return grad[0], None


def deliver(image: Tensor, qualities: list[int]) -> Tensor:
    """A batch after 8-bit rounding and JPEG (4:2:0) by a real encoder; gradients pass as if nothing happened.

    Args:
        image: B×3×H×W in [0, 1].
        qualities: B JPEG qualities.

    Returns:
        B×3×H×W in [0, 1], on the same device.
    """
    delivered: Tensor = _RealJpeg.apply(image, qualities)  # type: ignore[no-untyped-call]
    return delivered

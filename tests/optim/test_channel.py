"""The delivery channel: really a JPEG forward, really the identity backward."""

from __future__ import annotations

import numpy as np
import torch

from camofilter.biqa.fit import jpeg
from camofilter.optim.channel import deliver


def test_forward_is_the_real_encoder() -> None:
    image = torch.rand(2, 3, 48, 64)
    levels = (image * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    expected = np.stack([jpeg(levels[0], 95), jpeg(levels[1], 80)])
    assert np.array_equal((deliver(image, [95, 80]) * 255).round().permute(0, 2, 3, 1).numpy(), expected)


def test_backward_is_the_identity() -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    weight = torch.rand(1, 3, 16, 16)
    (deliver(image, [90]) * weight).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, weight)

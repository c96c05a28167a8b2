"""LiteIQA: EfficientNet-Lite and one linear layer, the network of CompactIQA and StrongIQA."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from camofilter.biqa.efficientnet_lite import EfficientNetLite
from camofilter.biqa.rating_head import Rater, RatingHead

_PENALTY = 0.1  # of the head, on statistics of a common scale


class LiteIQA(Rater):
    """RGB in [0, 1], B×3×H×W, sides of 80 pixels or more → B scores, 0..100, higher is better, not clamped.

    Args:
        variant: of EfficientNet-Lite, "lite0" or "lite2".
        share: of the photo's sides at which it is looked at, 1 or less.
    """

    head: RatingHead

    def __init__(self, variant: str, share: float = 1.0) -> None:
        super().__init__()
        self.backbone = EfficientNetLite(variant)
        self.head = RatingHead(self.backbone.features)
        self._share = share

    def statistics(self, image: Tensor) -> Tensor:
        """What the head weighs: B×N of a B×3×H×W image."""
        if self._share != 1:
            image = F.interpolate(image, scale_factor=self._share, mode="bilinear", antialias=True)
        found: Tensor = self.backbone(image)
        return found

    def solve(self, seen: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Solves the head for batches of B statistics and their B scores."""
        statistics, scores = (torch.cat(parts) for parts in zip(*seen, strict=True))
        self.head.solve(statistics, scores, _PENALTY)

"""LiteIQA: EfficientNet-Lite and a small head, the network of CompactIQA and StrongIQA."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor
from torch.nn import functional as F

from camofilter.biqa.efficientnet_lite import EfficientNetLite
from camofilter.biqa.rating_head import QualityHead, Rater, Seen

_PENALTY = 0.1  # of the rating, on statistics of a common scale


class LiteIQA(Rater):
    """RGB in [0, 1], B×3×H×W, sides of 80 pixels or more → B scores, 0..100, higher is better, not clamped.

    Args:
        variant: of EfficientNet-Lite, "lite0" or "lite2".
        share: of the photo's sides at which it is looked at, 1 or less.
    """

    head: QualityHead

    def __init__(self, variant: str, share: float = 1.0) -> None:
        super().__init__()
        self.backbone = EfficientNetLite(variant)
        self.head = QualityHead(self.backbone.features)
        self._share = share

    def statistics(self, image: Tensor) -> Tensor:
        """What the head weighs: B×N of a B×3×H×W image."""
        if self._share != 1:
            image = F.interpolate(image, scale_factor=self._share, mode="bilinear", antialias=True)
        found: Tensor = self.backbone(image)
        return found

    def solve(self, seen: Iterable[Seen]) -> None:
        """Solves the head."""
        self.head.solve(seen, _PENALTY)

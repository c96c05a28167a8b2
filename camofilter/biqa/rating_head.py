"""Judges that weigh statistics: image → pooled statistics → a score on the scale of a mean opinion score."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from camofilter.biqa.efficientnet_lite import EfficientNetLite


class RatingHead(nn.Module):
    """B×N statistics → B scores, about 0 to 100, not clamped: centred, brought to a common scale, then weighed.

    The scale is one for all statistics: those that hardly vary would otherwise weigh as much as the others, which
    agrees less with people and makes the score shaky.

    Args:
        features: N.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(()))
        self.weigh = nn.Linear(features, 1)

    def forward(self, statistics: Tensor) -> Tensor:
        """The B scores."""
        scores: Tensor = 50 + 25 * self.weigh((statistics.float() - self.mean) / self.deviation).squeeze(1)
        return scores

    @torch.no_grad()
    def solve(self, statistics: Tensor, scores: Tensor, penalty: float) -> None:
        """Sets the head to the ridge regression of scores on statistics (Hoerl and Kennard 1970).

        Args:
            statistics: M×N.
            scores: M, 0 to 100.
            penalty: of the squared weights, on statistics whose mean variance is 1, as a share of M.
        """
        x, y = statistics.to(torch.float64, copy=True), (scores.double() - 50) / 25
        mean, deviation = x.mean(0), x.var(0).mean().sqrt().clamp(min=1e-4)
        x.sub_(mean).div_(deviation)  # in place: of many photos they fill hundreds of MB
        gram = x.T @ x / len(x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)
        weights = torch.linalg.solve(gram, x.T @ (y - y.mean()) / len(x))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)
        self.weigh.weight.copy_(weights[None])
        self.weigh.bias.copy_(y.mean()[None])


class Rater(nn.Module):
    """A network that learns to rate: RGB in [0, 1], B×3×H×W → B scores, 0..100, higher is better, not clamped.

    Attributes:
        backbone: what looks at the image.
        head: what makes a score of the image's statistics.
    """

    backbone: EfficientNetLite
    head: nn.Module

    def statistics(self, image: Tensor) -> Tensor:
        """What the head sees of a B×3×H×W image."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image."""
        scores: Tensor = self.head(self.statistics(image))
        return scores

    @property
    def backbone_learns(self) -> bool:
        """Whether the backbone learns, or stays what it starts from."""
        return any(parameter.requires_grad for parameter in self.backbone.parameters())

    def solve(self, seen: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Brings the head as near as can be done at once to scores: batches of B statistics and their B scores."""
        raise NotImplementedError

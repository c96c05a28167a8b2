"""Judges that weigh statistics: image → pooled statistics → a score on the scale of a mean opinion score."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa.efficientnet_lite import EfficientNetLite

_HIDDEN = 32  # of the layers that know damage
_FURTHEST = 6.0  # deviations, beyond which a statistic says no more
_EPOCHS, _RATE, _BATCH, _WEIGHT_DECAY = 12, 5e-4, 128, 0.3  # of learning the shares


class Seen(NamedTuple):
    """A batch of what a head is solved for.

    Attributes:
        shown: B×3×H×W uint8 photos, or the statistics of them.
        scores: B, 0 to 100.
        rated: whether they are what people rated, whole photos as they are; not parts, nor damaged on purpose.
    """

    shown: Tensor
    scores: Tensor
    rated: bool


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


class KeptHead(nn.Module):
    """B×N statistics → B shares of its score, in (0, 1), that damage leaves of a photo.

    Args:
        features: N.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.layers = nn.Sequential(nn.Linear(features, _HIDDEN), nn.SiLU(), nn.Dropout(0.2), nn.Linear(_HIDDEN, 1))
        self.start()

    def start(self) -> None:
        """Forgets what the layers have learned: of a score nearly all is left, whatever is seen."""
        first, _, _, last = self.layers
        first.reset_parameters()  # type: ignore[operator]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.constant_(last.bias, 3.0)  # type: ignore[arg-type]

    def forward(self, statistics: Tensor) -> Tensor:
        """The B shares."""
        x = ((statistics.float() - self.mean) / self.deviation).clamp(-_FURTHEST, _FURTHEST)
        shares: Tensor = torch.sigmoid(self.layers(x).squeeze(1))
        return shares


class QualityHead(nn.Module):
    """B×N statistics → B scores: how good a photo is, times the share of that which damage leaves.

    One linear layer for both agrees less with people the more kinds of damage it knows: damage takes its share of what
    there was, and a sum cannot say so.

    Args:
        features: N.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.rating = RatingHead(features)
        self.kept = KeptHead(features)

    def forward(self, statistics: Tensor) -> Tensor:
        """The B scores, about 0 to 100, not clamped."""
        scores: Tensor = self.rating(statistics) * self.kept(statistics)
        return scores

    def solve(self, seen: Iterable[Seen], penalty: float) -> None:
        """Solves the rating for what people rated, then learns the shares from all. The same photos give the same head.

        Args:
            seen: batches of statistics.
            penalty: of the rating, see :meth:`RatingHead.solve`.
        """
        parts = list(seen)
        rated = [part for part in parts if part.rated]
        scores = torch.cat([part.scores for part in rated])
        self.rating.solve(torch.cat([part.shown for part in rated]), scores, penalty)
        self._learn_shares(torch.cat([part.shown for part in parts]), torch.cat([part.scores for part in parts]))

    def _learn_shares(self, statistics: Tensor, scores: Tensor) -> None:
        """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) on the smooth L1 distance; the rating stays as it is."""
        kept, device = self.kept, self.kept.mean.device
        kept.mean.copy_(statistics.mean(0))
        each = statistics.std(0)
        kept.deviation.copy_(each + 0.1 * each.square().mean().sqrt())  # what hardly varies is not blown up
        with torch.no_grad():
            ratings = torch.cat([self.rating(part.to(device)) for part in torch.split(statistics, _BATCH)])
        optimizer = torch.optim.AdamW(kept.parameters(), weight_decay=_WEIGHT_DECAY)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            kept.start()
            kept.train()
            for epoch in range(_EPOCHS):
                optimizer.param_groups[0]["lr"] = _RATE * (1 - epoch / _EPOCHS)
                for chosen in torch.split(torch.randperm(len(scores)), _BATCH):
                    shares = kept(statistics[chosen].to(device))
                    loss = F.smooth_l1_loss(ratings[chosen] * shares, scores[chosen].to(device), beta=5.0)
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
        kept.eval()


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

    def solve(self, seen: Iterable[Seen]) -> None:
        """Brings the head as near to the scores of statistics as can be done without the backbone."""
        raise NotImplementedError

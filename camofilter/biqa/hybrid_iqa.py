"""HybridIQA: a small vision transformer on maps of a convolutional network.

The hybrid form of Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, arXiv 2010.11929. The tokens know
where they are from a convolution with zeros around the edges (Chu et al. 2021, arXiv 2102.10882), which fits any size
and orientation; the score is a mean of what each of them says, by weights of their own (as in MANIQA, Yang et al. 2022,
arXiv 2204.08958).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa.efficientnet_lite import EfficientNetLite
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.rating_head import Rater, RatingHead, Seen
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_shipped

# Of weights/hybrid_iqa.safetensors, once it ships.
SHA256 = ""

_BLOCKS = 13  # of the sixteen of EfficientNet-Lite0
_WIDTH, _HEADS, _DEPTH, _DROPOUT = 128, 4, 3, 0.1
_PENALTY = 0.2  # of the linear part, on statistics of a common scale
_SMALL = 5e-3  # deviation of the last weights at first, so that the linear part alone is heard
_FEW = 64  # tokens of which none is left out while it learns
_EPSILON = 1e-4


class TokenHead(nn.Module):
    """B×N×h×w statistics of the parts of photos → B scores, about 0 to 100, not clamped.

    A linear part weighs mean and deviation of each statistic over the photo; a transformer, to which each part of the
    photo is a token, says how far that is wrong.

    Args:
        features: N.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = RatingHead(2 * features)
        self.register_buffer("mean", torch.zeros(features, 1, 1))
        self.register_buffer("deviation", torch.ones(features, 1, 1))
        self.embed = nn.Conv2d(features, _WIDTH, 1)
        self.place = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, groups=_WIDTH)
        layer = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, 2 * _WIDTH, _DROPOUT, F.gelu, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, _DEPTH, nn.LayerNorm(_WIDTH), enable_nested_tensor=False)
        self.say = nn.Linear(_WIDTH, 2)
        nn.init.normal_(self.say.weight, std=_SMALL)
        nn.init.zeros_(self.say.bias)

    def forward(self, statistics: Tensor) -> Tensor:
        """The B scores."""
        scores: Tensor = self.linear(_spread(statistics.float())) + self.correction(statistics.float())
        return scores

    def correction(self, statistics: Tensor) -> Tensor:
        """The B corrections of the linear part, in points."""
        embedded = self.embed((statistics - self.mean) / self.deviation)
        tokens = (embedded + self.place(embedded)).flatten(2).mT
        if self.training and tokens.shape[1] > _FEW:  # half of them teach as much (Liu et al. 2022, arXiv 2208.07220)
            tokens = tokens[:, torch.randperm(tokens.shape[1], device=tokens.device)[: tokens.shape[1] // 2]]
        said, weight = self.say(self.encoder(tokens)).float().unbind(2)
        points: Tensor = 25 * (weight.softmax(1) * said).sum(1)
        return points

    @torch.no_grad()
    def solve(self, seen: Iterable[Seen]) -> None:
        """Solves the linear part for what the transformer leaves of B scores of B×N×h×w statistics, batch by batch.

        The first time the transformer has nothing to say yet, and gets the scale of its input.
        """
        scaled = bool((self.deviation != 1).any())
        spreads, left = [], []
        for statistics, scores, _ in seen:
            spreads.append(_spread(statistics))
            said = self.correction(statistics.to(self.mean.device)).cpu() if scaled else 0.0
            left.append(scores - said)
        spread = torch.cat(spreads)
        self.linear.solve(spread, torch.cat(left), _PENALTY)
        if not scaled:
            means, deviations = spread.double().chunk(2, 1)
            mean, square = means.mean(0), (means.square() + deviations.square()).mean(0)
            self.mean.copy_(mean[:, None, None])
            self.deviation.copy_((square - mean.square()).clamp(min=_EPSILON).sqrt()[:, None, None])


def _spread(statistics: Tensor) -> Tensor:
    """Mean and deviation of each of B×N×h×w statistics over the photo, B×2N."""
    deviation = (statistics.var((2, 3), unbiased=False) + _EPSILON).sqrt()
    return torch.cat([statistics.mean((2, 3)), deviation], 1)


class HybridIQA(Rater):
    """RGB in [0, 1], B×3×H×W, sides of 64 pixels or more → B scores, 0..100, higher is better, not clamped.

    Its head alone learns.
    """

    head: TokenHead

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite("lite0", _BLOCKS).requires_grad_(False)
        *early, last = self.backbone.widths
        self.head = TokenHead(2 * sum(early) + last)

    def statistics(self, image: Tensor) -> Tensor:
        """B×N×h×w of a B×3×H×W image: mean and deviation of maps in parts of 32×32 pixels; and the last maps.

        Of these there is one number for each part.
        """
        *early, last = self.backbone.maps(image)
        parts, found = (last.shape[2], last.shape[3]), []
        for maps in early:
            mean, square = (F.adaptive_avg_pool2d(x, parts) for x in (maps, maps * maps))
            found += [mean, ((square - mean * mean).clamp(min=0) + _EPSILON).sqrt()]
        return torch.cat([*found, last], 1)

    def solve(self, seen: Iterable[Seen]) -> None:
        """Solves the head's linear part."""
        self.head.solve(seen)


def network() -> HybridIQA:
    """The network that weight files are for, its weights random."""
    return HybridIQA()


def load(path: Path | None = None) -> HybridIQA:
    """HybridIQA ready to judge: frozen.

    Args:
        path: a weight file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    return load_shipped(network(), "hybrid_iqa", SHA256, path).eval().requires_grad_(False)


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """HybridIQA as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("hybrid_iqa", scale, load(Path(weights) if weights else None))

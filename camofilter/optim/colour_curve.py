"""The adversarial colour filter of the literature: one curve for each channel of a photo, the baseline for looks."""

from __future__ import annotations

import torch
from torch import Tensor

from camofilter.filters.tone_curve import tone_curve
from camofilter.optim.perturbations import Best, Margin, Watcher


def curve(image: Tensor, p: Tensor) -> Tensor:
    """Each channel through a piecewise linear curve from 0 to 1.

    F(x) = (K/Σp)·Σᵢ clamp(x − i/K, 0, 1/K)·pᵢ, i from 0 to K − 1 (Zhao, Liu and Larson, "Adversarial Color
    Enhancement", BMVC 2020, arXiv 2002.01008): it is what ``tone_curve`` makes of slopes without smoothness, where each
    pixel looks up one piece instead of adding K of them.

    Args:
        image: B×3×H×W in [0, 1].
        p: B×3×K above 0, K at least 2; all alike is the identity.

    Returns:
        B×3×H×W in [0, 1], differentiable in both.
    """
    red, green, blue = p.unbind(1)
    # Past its checks, which are of people's settings: only the ratios of the pieces count here.
    curved: Tensor = tone_curve.filtered(image, {"red": red, "green": green, "blue": blue, "smoothness": 0.0})
    return curved.clamp(0, 1)


def colour_curve(
    image: Tensor,
    margin: Margin,
    *,
    pieces: int = 64,
    steps: int = 100,
    rate: float = 0.01,
    weight: float = 5.0,
    progress: Watcher | None = None,
) -> tuple[Tensor, Tensor]:
    """The curves nearest to the identity that hide an image.

    Minimises max(2·margin, 0) + weight·Σ(p/Σp − 1/K)² with Adam. The parameters, Adam at 0.01 and the penalty of
    weight 5 are of the first version (BMVC 2020, arXiv 2002.01008, 500 steps); p between 1/K and 16/K and 100 steps are
    of the later one (IEEE TIFS 2023, arXiv 2011.06690, which has no penalty but projects). The margin counts twice, as
    the difference of two logits does in :func:`camofilter.optim.perturbations.carlini_wagner`. Keeping the success of
    least penalty is ours. Nothing is drawn: the same margin, the same result (on a GPU up to its order of sums).

    Args:
        image: B×3×H×W in [0, 1].
        margin: differentiable.
        pieces: K, at least 2.
        steps: of Adam.
        rate: of Adam.
        weight: of the penalty, in points of logit difference.
        progress: called after every step.

    Returns:
        B×3×H×W in [0, 1], not quantised, and B×3×K: of each image the success of least penalty, else the one that is
        seen least; the first is ``curve`` of the second.
    """
    image = image.detach()
    p = image.new_full((len(image), 3, pieces), 1 / pieces).requires_grad_()
    best = Best(p.detach())
    optimizer = torch.optim.Adam([p], lr=rate)
    for step in range(steps):
        points = margin(curve(image, p))
        change = (p / p.sum(2, keepdim=True) - 1 / pieces).square().sum((1, 2))
        best.offer(p, points, change)
        best.tell(progress, step + 1, steps)
        (p.grad,) = torch.autograd.grad((torch.relu(2 * points) + weight * change).sum(), p)
        optimizer.step()
        with torch.no_grad():
            p.clamp_(1 / pieces, 16 / pieces)
    return curve(image, best.values), best.values

"""Pixel perturbations of the literature on the margin of any target: the baselines that a look is compared with.

They were written for classifiers. A margin, above 0 while the machine still sees the photo, takes the place of the
difference of two logits; everything else is as published, and what is not is said. An image that is not seen is left
alone. Where the margin contains a random delivery channel, a success is one draw of it: judge the result again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from camofilter.filters.arrays import per_image
from camofilter.optim.perception import delta_e_2000
from camofilter.optim.search import Progress

Margin: TypeAlias = Callable[[Tensor], Tensor]
"""B×3×H×W in [0, 1] → B points by which the machine still sees each image; below 0 where it is hidden."""

Watcher: TypeAlias = Callable[[Progress], None]
"""Told after every step how far the image is that is still seen best; on a GPU each telling waits for the step."""

RADIUS = 4 / 255  # of an L-infinity ball
STEPS = 20

# Keeps [-1, 1] inside what tanh reaches; white and black come back within half a millionth.
_INSIDE = 0.999999


class Best:
    """For each of B images the success of least change so far, or while there is none the one that is seen least.

    Args:
        start: B×…, what is kept before anything is offered.

    Attributes:
        values: B×…, what is kept.
        exposure: B, the lowest points so far, above or below 0.
        success: B, whether what is kept is one.
    """

    def __init__(self, start: Tensor) -> None:
        self.values = start
        self.exposure = start.new_full(start.shape[:1], math.inf)
        self.success = torch.zeros_like(self.exposure, dtype=torch.bool)
        self._change = self.exposure

    def offer(self, values: Tensor, exposure: Tensor, change: Tensor) -> None:
        """Looks at one candidate for each image.

        Args:
            values: B×….
            exposure: B points; below 0 is a success. What is not a number is never kept.
            change: B numbers to be small.
        """
        values, exposure, change = values.detach(), exposure.detach(), change.detach()
        safe = exposure < 0
        better = torch.where(safe, change < self._change, exposure < self.exposure)
        self.values = torch.where(better.reshape(-1, *[1] * (values.ndim - 1)), values, self.values)
        self._change = torch.where(better & safe, change, self._change)
        self.exposure = torch.fmin(self.exposure, exposure)
        self.success = self.success | (better & safe)

    def tell(self, progress: Watcher | None, step: int, steps: int) -> None:
        """Reports a step to whoever wants to know."""
        if progress is not None:
            progress(Progress(step, steps, self.exposure.max().item()))


def carlini_wagner(
    image: Tensor,
    margin: Margin,
    *,
    steps: int = 100,
    searches: int = 5,
    rate: float = 5e-3,
    constant: float = 1e-2,
    confidence: float = 0.0,
    progress: Watcher | None = None,
) -> Tensor:
    """The perturbation of least L2 norm that hides an image (Carlini and Wagner 2017, arXiv 1608.04644, §V.A and VI.A).

    Minimises ‖δ‖² + c·max(2·margin + confidence, 0) in tanh space with Adam. Each image has its own c: ten times as
    much until a search succeeds, then halfway between the largest that failed and the smallest that succeeded. The
    2 is from the MMG entry of MediaEval 2020 (``FurqanHabibi/pp2020``), whose defaults these are too: it made two
    logits 50 ± (score − threshold) of a score, which differ by twice the margin, so that constants mean the same.
    Never stops a search early, and nothing is drawn: the same margin, the same result.

    Args:
        image: B×3×H×W in [0, 1].
        margin: differentiable.
        steps: of Adam in each search.
        searches: for the constant.
        rate: of Adam, in tanh space.
        constant: the first c, points of logit difference against squared levels of 1.
        confidence: points of logit difference (twice those of the margin) below 0 that count as success.
        progress: called after every step; its exposure is in points above what counts as success.

    Returns:
        B×3×H×W in [0, 1], not quantised: of each image the success of least L2 norm, else the one that is seen least.
    """
    image = image.detach()
    start = torch.atanh((2 * image - 1) * _INSIDE)
    best = Best(image)
    weight = image.new_full(image.shape[:1], constant)
    failed, sufficed = torch.zeros_like(weight), torch.full_like(weight, math.inf)
    for search in range(searches):
        place = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([place], lr=rate)
        reached = torch.zeros_like(weight, dtype=torch.bool)
        for step in range(steps):
            candidate = (torch.tanh(place) + 1) / 2
            change = (candidate - image).square().sum((1, 2, 3))
            excess = margin(candidate) + confidence / 2
            reached |= excess.detach() < 0
            best.offer(candidate, excess, change)
            best.tell(progress, search * steps + step + 1, searches * steps)
            (place.grad,) = torch.autograd.grad((change + weight * torch.relu(2 * excess)).sum(), place)
            optimizer.step()
        failed, sufficed = torch.where(reached, failed, weight), torch.where(reached, weight, sufficed)
        weight = torch.where(sufficed.isinf(), weight * 10, (failed + sufficed) / 2)
    return best.values


def fgsm_iterative(
    image: Tensor,
    margin: Margin,
    *,
    radius: float = RADIUS,
    steps: int = STEPS,
    momentum: float = 0.0,
    progress: Watcher | None = None,
) -> Tensor:
    """Steps along the sign of the gradient inside an L-infinity ball (I-FGSM; Kurakin et al. 2016, arXiv 1607.02533).

    With a momentum, 1 as published, MI-FGSM (Dong et al. 2018, arXiv 1710.06081, algorithm 1). Steps are of radius /
    steps, as there: all of them reach the edge of the ball. Kurakin's are one level, the same for steps = 255·radius.

    Args:
        image: B×3×H×W in [0, 1].
        margin: differentiable.
        radius: largest change of any channel of any pixel.
        steps: at most; an image that is hidden goes no further.
        momentum: share of the former gradients that is kept.
        progress: called after every step.

    Returns:
        B×3×H×W in [0, 1], not quantised: of each image the first success, else the one that is seen least.
    """
    return _signed(image.detach(), image.detach(), margin, radius, steps, radius / max(steps, 1), momentum, progress)


def pgd(
    image: Tensor,
    margin: Margin,
    *,
    radius: float = RADIUS,
    steps: int = STEPS,
    step_size: float | None = None,
    seed: int = 0,
    progress: Watcher | None = None,
) -> Tensor:
    """Projected gradient descent from anywhere in an L-infinity ball (PGD; Madry et al. 2018, arXiv 1706.06083, §2.1).

    Args:
        image: B×3×H×W in [0, 1].
        margin: differentiable.
        radius: largest change of any channel of any pixel.
        steps: at most; an image that is hidden goes no further.
        step_size: change of each number in a step; None for 2.5 · radius / steps (§5 there).
        seed: of the start; same seed, same start on every device.
        progress: called after every step.

    Returns:
        B×3×H×W in [0, 1], not quantised: of each image the first success, else the one that is seen least.
    """
    image = image.detach()
    dice = torch.Generator().manual_seed(seed)
    noise = torch.empty(image.shape, dtype=image.dtype).uniform_(-radius, radius, generator=dice).to(image.device)
    with torch.no_grad():
        seen = margin(image) >= 0
    start = torch.where(per_image(seen), (image + noise).clamp(0, 1), image)
    step_size = 2.5 * radius / max(steps, 1) if step_size is None else step_size
    return _signed(image, start, margin, radius, steps, step_size, 0.0, progress)


def perceptual(
    image: Tensor,
    margin: Margin,
    *,
    steps: int = 100,
    margin_step: float = 1.0,
    colour_step: float = 0.5,
    progress: Watcher | None = None,
) -> Tensor:
    """The perturbation of least CIEDE2000 colour change that hides an image.

    PerC-AL (Zhao, Liu and Larson, "Towards Large yet Imperceptible Adversarial Image Perturbations with Perceptual
    Color Distance", CVPR 2020, arXiv 1911.02466, §3.3): an image that is seen goes down the gradient of the margin, one
    that is hidden down that of the L2 norm of its ΔE2000 map, each gradient scaled to a length that falls along a
    cosine, to a hundredth and to a tenth. As published, results are rounded to 8-bit levels and success is that of the
    rounded image. Here gradients too are taken there (straight through the rounding), which saves half the calls of
    the margin.

    Args:
        image: B×3×H×W in [0, 1].
        margin: differentiable.
        steps: published with 100 and 1000.
        margin_step, colour_step: first L2 length of a step, all channels of all pixels together.
        progress: called after every step.

    Returns:
        B×3×H×W in [0, 1] in 8-bit levels: of each image the success of least colour change, else the one that is seen
        least. Nothing is drawn: the same margin, the same result.
    """
    image = image.detach()
    best, place = Best(image), image
    for step in range(steps):
        rounded = ((place * 255).round() / 255).requires_grad_()
        points, onward = _descent(rounded, margin)
        # Its gradient points where that of the norm does, and has no singularity where nothing changed.
        change, back = _descent(rounded, lambda other: delta_e_2000(image, other).square().sum((1, 2)))
        best.offer(rounded, points, change)
        best.tell(progress, step + 1, steps)
        share = (1 + math.cos(math.pi * step / steps)) / 2
        margin_length = margin_step * (0.01 + 0.99 * share)
        colour_length = colour_step * (0.1 + 0.9 * share)
        move = torch.where(per_image(points < 0), colour_length * _unit(back), margin_length * _unit(onward))
        place = (place + move).clamp(0, 1)
    return best.values


def _signed(
    image: Tensor,
    start: Tensor,
    margin: Margin,
    radius: float,
    steps: int,
    step_size: float,
    momentum: float,
    progress: Watcher | None,
) -> Tensor:
    """Signed steps from a start, inside the ball around the image; each image's first success."""
    best, place, velocity = Best(image), start, torch.zeros_like(image)
    for step in range(steps + 1):
        points, onward = _descent(place, margin)
        best.offer(place, points, torch.full_like(points, step))
        best.tell(progress, step, steps)
        if best.success.all():
            break
        velocity = momentum * velocity + onward / onward.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-30)
        place = (place + step_size * velocity.sign()).clamp(image - radius, image + radius).clamp(0, 1)
    return best.values


def _descent(place: Tensor, objective: Margin) -> tuple[Tensor, Tensor]:
    """B values of an objective and, B×3×H×W, where it falls: its gradient with the sign turned."""
    place = place.detach().requires_grad_()
    values = objective(place)
    (gradient,) = torch.autograd.grad(values.sum(), place)
    return values.detach(), -gradient


def _unit(direction: Tensor) -> Tensor:
    """B×3×H×W, each image's of L2 length 1; what is 0 stays."""
    return direction / direction.square().sum((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-30)

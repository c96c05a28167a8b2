"""Tuning grain: the pattern of least notice with which no machine sees a photo, its look being given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa import as_image
from camofilter.biqa.fit import cover
from camofilter.filters.arrays import blur, onto_midtones, spread
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.filters.tuned_grain import SIZE, tuned_grain
from camofilter.optim import objective
from camofilter.optim.channel import Courier
from camofilter.optim.search import Progress
from camofilter.optim.watchers import Watchers
from camofilter.recipe import FilterStep, Recipe

STEPS = 20
# The first norm, of what is just noticed, and the length of a step.
_FIRST, _STEP = 0.6, 0.35
# Growth of the norm while the photo is seen, and how it shrinks while it is not (of the square root of a step more).
_GROWTH, _SHRINKING = 1.15, 0.93
_MOMENTUM = 0.6
_RECENTLY = 6  # steps
# Points within which deliveries count as about equally bad.
_BALANCE = 4.0


def tune(
    watchers: Watchers,
    pixels: np.ndarray,
    look: Recipe,
    *,
    steps: int = STEPS,
    safety: float = objective.SAFETY,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> FilterStep:
    """Searches the pattern of a grain that hides a photo with a look.

    Direction and size are decoupled (Rony et al. 2019, arXiv 1811.09600, "DDN"): every step goes along the
    gradient, with momentum (Dong et al. 2018, arXiv 1710.06081), and is drawn back to a norm that grows while the
    photo is seen and shrinks while it is not. The norm is measured in what a person just notices at each place.

    Args:
        watchers: the machines to hide from, before the photo.
        pixels: H×W×3 of the photo, uint8 or uint16.
        look: recipe that is applied before the grain.
        steps: to take; up to twice as many where the photo is still seen.
        safety: points below the threshold that count as safe.
        seed: of the deliveries; same seed, same pattern.
        progress: called after every step.

    Returns:
        The grain as the last step of a recipe; how much of it is needed is for the whole photo to tell.
    """
    prints = {frame: _print(pixels, frame, look).to(watchers.device) for frame in watchers.frames}
    first = next(iter(prints.values()))
    threshold = objective.noticed(first)
    pattern, momentum = torch.zeros_like(threshold), torch.zeros_like(threshold)
    norm = torch.tensor(_FIRST, device=first.device)
    courier = Courier(seed)
    lowest = float("inf")
    since_safe = 0
    for step in range(2 * steps):
        pattern.requires_grad_()
        grained = {f: _grained(image, pattern * threshold) for f, image in prints.items()}
        # One copy for every kind of delivery; the one that is seen best counts most.
        exposures = watchers.seen(
            {f: courier.deliver(g.expand(courier.kinds, -1, -1, -1), f) for f, g in grained.items()}
        )
        exposure = exposures.detach().amax()
        (gradient,) = torch.autograd.grad(objective.worst(exposures, _BALANCE), pattern)
        momentum = _MOMENTUM * momentum + _unit(gradient)
        norm = norm * torch.where(exposure < -safety, _SHRINKING, _GROWTH)
        pattern = pattern.detach() - _STEP * _unit(momentum)
        pattern = pattern * (norm / _rms(pattern)).clamp(max=1)
        if progress is not None:
            lowest = min(lowest, exposure.item())
            progress(Progress(step + 1, max(step + 1, steps), lowest))
        since_safe = 0 if exposure < -safety else since_safe + 1
        if step + 1 >= steps and since_safe < _RECENTLY:
            break
    found = pattern * threshold
    most = tuned_grain.setting("amount").range[1]  # of a photo that stays seen the norm has grown for many steps
    amount = min(_rms(spread(found, found.shape[2], found.shape[3], SIZE)).item(), most)
    plate = Plate.of(found[0, 0].cpu().numpy())
    return FilterStep("tuned_grain", {"amount": amount, "plate": plate})


def _print(pixels: np.ndarray, frame: tuple[int, int], look: Recipe) -> Tensor:
    """1×3×H×W: the whole photo at the scale at which a machine looks at it, with its look."""
    return as_image(render(cover(pixels, frame), look.chain()))


def _grained(image: Tensor, dots: Tensor) -> Tensor:
    """The image with a grain, its dots given one by one; at their own size they are softened faster."""
    height, width = image.shape[2:]
    own = dots.shape[2:] == (height, width)
    grain = blur(dots, SIZE, 4 * SIZE) if own else spread(dots, height, width, SIZE)
    grained: Tensor = onto_midtones(image, grain).clamp(0, 1)
    return grained


def _unit(direction: Tensor) -> Tensor:
    return direction / _rms(direction)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt() + 1e-12

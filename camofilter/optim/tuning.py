"""Tuning grain: the pattern of least notice with which no machine sees a photo, its look being given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa import as_image
from camofilter.biqa.fit import cover
from camofilter.filters.arrays import blur, luma, onto_midtones, spread
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.filters.tuned_grain import tuned_grain
from camofilter.optim import objective
from camofilter.optim.channel import Courier, Survive
from camofilter.optim.masking import Masking
from camofilter.optim.search import Progress
from camofilter.optim.watchers import Watchers
from camofilter.recipe import FilterStep, Recipe

STEPS = 20
# The first norm, of what is just noticed, and the length of a step.
_FIRST, _STEP = 0.5, 0.35
# How the norm grows at most while the photo is seen, and shrinks at most while it is not.
_GROWTH, _SHRINKING = 1.15, 0.85
_MOMENTUM = 0.6
_PATIENCE = 6  # steps without a better pattern, once there is one
# Points within which deliveries count as about equally bad.
_BALANCE = 4.0
# Standard deviation of a dot, in cells of the plate: as small as may be without showing the grid.
_DOT = 0.6
# Of grain laid onto midtones near black and white, the least share for which its dots are strengthened.
_LEAST_SHARE = 0.25


def tune(
    watchers: Watchers,
    pixels: np.ndarray,
    look: Recipe,
    *,
    steps: int = STEPS,
    safety: float = objective.SAFETY,
    survive: Survive = "platforms",
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> FilterStep:
    """Searches the pattern of a grain that hides a photo with a look.

    Direction and size are decoupled (Rony et al. 2019, arXiv 1811.09600, "DDN"): every step goes along the
    gradient, with momentum (Dong et al. 2018, arXiv 1710.06081), and is drawn back to a norm that grows while the
    photo is seen and shrinks while it is not. What moves is a pattern in units of what is just noticed in each band at
    each place (``masking``), so that a step goes where a machine sees most of it and a person least, and its norm is
    what a person notices.

    Args:
        watchers: the machines to hide from, before the photo.
        pixels: H×W×3 of the photo, uint8 or uint16.
        look: recipe that is applied before the grain.
        steps: to take; up to twice as many where the photo is still seen.
        safety: points below the threshold that count as safe.
        survive: which deliveries it is to bear.
        seed: of the deliveries; same seed, same pattern.
        progress: called after every step.

    Returns:
        The grain as the last step of a recipe; how much of it is needed is for the whole photo to tell.
    """
    prints = {frame: _print(pixels, frame, look).to(watchers.device) for frame in watchers.frames}
    film = _Film(next(iter(prints.values())))
    courier = Courier(seed, survive, watchers.size)
    best = _Best(safety)
    pattern, momentum, norm = film.nothing, film.nothing, _FIRST
    for step in range(2 * steps):
        pattern.requires_grad_()
        dots = film.dots(pattern)
        grained = {frame: film.with_grain(image, dots) for frame, image in prints.items()}
        # One copy for every kind of delivery; the one that is seen best counts most.
        exposures = watchers.seen(
            {f: courier.deliver(g.expand(courier.kinds, -1, -1, -1), f) for f, g in grained.items()}
        )
        (gradient,) = torch.autograd.grad(objective.worst(exposures, _BALANCE), pattern)
        best.offer(dots.detach(), film.noticed(dots), exposures.amax().item())
        if progress is not None:
            progress(Progress(step + 1, max(step + 1, steps), best.lowest))
        if best.is_safe and (step + 1 >= steps or best.age > _PATIENCE):
            break
        norm *= best.growth
        momentum = _MOMENTUM * momentum + _unit(gradient)
        pattern = pattern.detach() - _STEP * _unit(momentum)
        pattern = pattern * (norm / _rms(pattern)).clamp(max=1)
    return film.step(best.dots)


class _Film:
    """A photo at the scale at which a machine looks at it, and the grain that is made for it.

    Args:
        image: 1×3×H×W in [0, 1].
    """

    def __init__(self, image: Tensor) -> None:
        grey = luma(image)
        self._image = image
        self._masking = Masking(image)
        self._share = (4 * grey * (1 - grey)).clamp(min=_LEAST_SHARE)
        self._size = max(_DOT / max(image.shape[2:]), tuned_grain.setting("size").range[0])
        self.nothing = torch.zeros_like(grey)

    def dots(self, pattern: Tensor) -> Tensor:
        """The dots of a grain whose pattern is in what is just noticed, 1×1×H×W both."""
        dots: Tensor = self._masking.shaped(pattern) / self._share
        return dots

    def with_grain(self, image: Tensor, dots: Tensor) -> Tensor:
        """An image of the photo at any scale with the grain; at the dots' own they are softened faster."""
        height, width = image.shape[2:]
        own = dots.shape[2:] == (height, width)
        grain = blur(dots, self._size, 4 * self._size) if own else spread(dots, height, width, self._size)
        grained: Tensor = onto_midtones(image, grain).clamp(0, 1)
        return grained

    def noticed(self, dots: Tensor) -> float:
        """What a person notices of the grain."""
        with torch.no_grad():
            return self._masking.cost(luma(self.with_grain(self._image, dots) - self._image)).item()

    def step(self, dots: Tensor) -> FilterStep:
        """The grain as a step of a recipe."""
        most = tuned_grain.setting("amount").range[1]  # of a photo that stays seen the norm has grown for many steps
        amount = min(_rms(spread(dots, dots.shape[2], dots.shape[3], self._size)).item(), most)
        plate = Plate.of(dots[0, 0].cpu().numpy())
        return FilterStep("tuned_grain", {"amount": amount, "size": self._size, "plate": plate})


class _Best:
    """The grain so far of which least is noticed, of those that were safe twice running; the last, where none was.

    Args:
        safety: points below the threshold that count as safe.

    Attributes:
        dots: of that grain.
        is_safe: whether it is.
        age: steps since it was found.
        lowest: points by which the photo is seen, at best so far.
        growth: by how much the next pattern should be larger.
    """

    def __init__(self, safety: float) -> None:
        self._safety = safety
        self._first: float | None = None
        self._before = self.lowest = self._least = float("inf")
        self.is_safe, self.age, self.growth = False, 0, _GROWTH

    def offer(self, dots: Tensor, noticed: float, exposure: float) -> None:
        """Looks at the next pattern."""
        safe = max(exposure, self._before) < -self._safety
        better = safe and noticed < self._least
        if better or not self.is_safe:
            self.dots = dots
        if better:
            self.is_safe, self._least = True, noticed
        self.age = 0 if better else self.age + 1
        self._before, self.lowest = exposure, min(self.lowest, exposure)
        self._first = exposure if self._first is None else self._first
        # As far as points fall in proportion to the norm; half of the way, as deliveries differ.
        wanted, reached = self._first + self._safety, self._first - exposure
        self.growth = min(max((max(wanted, 0) / max(reached, 1e-6)) ** 0.5, _SHRINKING), _GROWTH)


def _print(pixels: np.ndarray, frame: tuple[int, int], look: Recipe) -> Tensor:
    """1×3×H×W: the whole photo at the scale at which a machine looks at it, with its look."""
    return as_image(render(cover(pixels, frame), look.chain()))


def _unit(direction: Tensor) -> Tensor:
    return direction / _rms(direction)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt() + 1e-12

"""Gradient descent through filters, delivery channel and target: from a photo to the settings of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from camofilter import filters, presets
from camofilter.optim import objective
from camofilter.optim.channel import Courier, Survive
from camofilter.optim.looks import STRENGTHS, Keep
from camofilter.optim.space import Space
from camofilter.optim.watchers import Watchers
from camofilter.recipe import Recipe

STEPS = 40
_RATE = 0.06
_PATIENCE = 12  # steps without a better candidate, once there is one
# The look of a search that is given none: clear colour, so that softness looks meant, and fine grain over it.
DEFAULT_LOOK = "soft"
# Where candidates start, on top of the look. From the look itself the gradient is too weak to leave it: a model
# that judges sharpness hardly notices the first bit of softness.
_PUSHES: tuple[dict[str, dict[str, float]], ...] = (
    {"soft_focus": {"amount": 0.75, "radius": 0.004}, "grain": {"amount": 0.02}},
)


class Progress(NamedTuple):
    """How far a search is.

    Attributes:
        step: steps done.
        steps: steps at most.
        exposure: points by which the photo is still seen at best so far; below 0 when it is hidden.
        stage: what the job of which the search is a part is doing, in words.
        done: how far that job is, 0 to 1; it never falls, and is 1 only when all is done.
    """

    step: int
    steps: int
    exposure: float
    stage: str = ""
    done: float = 0.0


def search(
    watchers: Watchers,
    look: Recipe,
    *,
    start: Recipe | None = None,
    keep: Keep = "natural",
    safety: float = objective.SAFETY,
    steps: int = STEPS,
    survive: Survive = "platforms",
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Recipe:
    """Looks for the settings nearest to a look with which no machine sees the photo any longer.

    Args:
        watchers: the machines to hide from, before the photo.
        look: the recipe to stay near.
        start: where to begin; None begins at several places around the look.
        keep: how much of the settings' appealing ranges is open.
        safety: points below the threshold that count as safe.
        steps: at most.
        survive: which deliveries it is to bear.
        seed: of the deliveries; same seed, same recipe.
        progress: called after every step.

    Returns:
        The safe recipe nearest to the look, or, if none was safe, the one that is seen least.
    """
    space = Space(look, watchers.device, STRENGTHS[keep])
    starts = [start] if start is not None else [_pushed(look, push) for push in _PUSHES]
    moves = torch.stack([space.moves_to(s) for s in starts]).requires_grad_()
    optimizer = torch.optim.Adam([moves], lr=_RATE, betas=(0.8, 0.95))
    prices = objective.Prices(len(starts), watchers.device)
    best = _Best()
    courier = Courier(seed, survive, watchers.size)
    with torch.no_grad():
        appearance = objective.Appearance(watchers.developed(look.chain())[watchers.frames[0]])
    # Of the last deliveries of every kind: a candidate is as safe as its worst one.
    recent = torch.full((courier.kinds, len(starts)), -torch.inf, device=watchers.device)
    for step in range(steps):
        images = watchers.developed(space.settings(moves))
        exposure = watchers.seen({frame: courier.deliver(image, frame) for frame, image in images.items()})
        change = objective.change(moves, space.look, space.costs) + appearance.change(images[watchers.frames[0]])
        recent[step % len(recent)] = exposure.detach()
        best.offer(moves, recent.amax(0) + safety, change)
        if progress is not None:
            progress(Progress(step + 1, steps, best.lowest - safety))
        if best.is_settled:
            break
        loss = objective.exposed(exposure, safety) + prices.values * change
        optimizer.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        prices.update(recent.amax(0) < -safety)
        space.keep_inside(moves)
    return space.recipe(best.moves)


class _Best:
    """The best candidate so far: the safe one of least change, or else the one that is seen least."""

    def __init__(self) -> None:
        self.moves = torch.empty(0)
        self.lowest = float("inf")
        self.is_safe = False
        self._change = float("inf")
        self._age = 0

    @property
    def is_settled(self) -> bool:
        """Whether there is a safe candidate that has not been bettered for a while."""
        return self.is_safe and self._age > _PATIENCE

    def offer(self, moves: Tensor, exposure: Tensor, change: Tensor) -> None:
        """Looks at B candidates: D moves each, points above safety, steps of change."""
        self._age += 1
        for candidate, points, steps in zip(
            moves.detach(), exposure.detach().tolist(), change.detach().tolist(), strict=True
        ):
            nearer = points <= 0 and steps < self._change * 0.99
            less_seen = not self.is_safe and points < self.lowest
            self.lowest = min(self.lowest, points)
            if nearer or less_seen:
                self.moves, self._age = candidate.clone(), 0
            if nearer:
                self.is_safe, self._change = True, steps


def _pushed(look: Recipe, push: dict[str, dict[str, float]]) -> Recipe:
    """The look with some settings raised to at least these values."""
    for name, settings in push.items():
        held = next((s.settings for s in look.steps if s.filter == name), {})
        for setting, value in settings.items():
            raised = max(value, held.get(setting, filters.get(name).setting(setting).range[0]))
            look = look.with_setting(name, setting, raised)
    return look


def default_look() -> Recipe:
    """The look of a search that is given none."""
    return presets.get(DEFAULT_LOOK)

"""The search space: settings of a chain of filters as one vector of numbers of like size.

Every searched setting is measured in *steps* from its identity: 1 step is half the width of its appealing range,
so that equal numbers are changes that people notice about equally.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from camofilter import filters
from camofilter.filters import Filter, Setting
from camofilter.recipe import FilterStep, Recipe

_UNNOTICED = 0.03  # steps
# What a step of a setting that only says how another one acts costs, beside one of the other.
_HOW = 0.5

# What a search may add to a look. The other filters are searched only where the look has them: they are dearer, or
# change what a photo shows.
_ADDED = (
    "white_balance",
    "exposure",
    "contrast",
    "tone_curve",
    "saturation",
    "vibrance",
    "fade",
    "clarity",
    "soft_focus",
    "glow",
    "vignette",
    "grain",
)


@dataclass(frozen=True)
class Axis:
    """One searched number: which step's setting it is, which part of it, and where the look has it."""

    step: int
    setting: Setting
    part: int | None
    look: float


class Space:
    """The settings of a chain that gradient descent may move, each from 0 at its identity.

    Args:
        look: the recipe to stay near; those of the usual filters that it lacks are added at their identity.
            Bounds are the appealing ranges.
        device: where its vectors live.
        reach: how much of the way from the identity to the ends of those ranges is open, within the full ranges and
            never less than the look itself takes.

    Attributes:
        chain: all filters with their settings in the look.
        look: D moves, where the look is.
        costs: D weights of a move, less for settings that only say how another one acts.
    """

    def __init__(self, look: Recipe, device: torch.device | str = "cpu", reach: float = 1.0) -> None:
        self.chain = _completed(look)
        self._axes = [axis for i, step in enumerate(self.chain) for axis in _axes(i, step)]

        def vector(numbers: Iterable[float]) -> Tensor:
            return torch.tensor(list(numbers), device=device)

        self._unit = vector((a.setting.appealing[1] - a.setting.appealing[0]) / 2 for a in self._axes)
        self._zero = vector(a.setting.identity for a in self._axes)
        bounds = [_bounds(a, reach) for a in self._axes]
        self._low, self._high = ((vector(ends) - self._zero) / self._unit for ends in zip(*bounds, strict=True))
        self.look = (vector(a.look for a in self._axes) - self._zero) / self._unit
        self.costs = vector(1.0 if a.setting.strength else _HOW for a in self._axes)

    def keep_inside(self, moves: Tensor) -> None:
        """Draws B×D moves back into the bounds, in place."""
        with torch.no_grad():
            moves.copy_(torch.minimum(torch.maximum(moves, self._low), self._high))

    def settings(self, moves: Tensor) -> list[tuple[Filter, dict[str, Any]]]:
        """The chain with B settings each.

        Args:
            moves: B×D steps from the identity.

        Returns:
            Filters with B-vectors (B×K for settings of several values), differentiable in ``moves``.
        """
        values = self._zero + moves * self._unit
        found = Recipe(tuple(self.chain)).chain()
        several: dict[tuple[int, str], list[Tensor]] = {}
        for i, axis in enumerate(self._axes):
            if axis.part is None:
                found[axis.step][1][axis.setting.name] = values[:, i]
            else:
                several.setdefault((axis.step, axis.setting.name), []).append(values[:, i])
        for (step_index, name), parts in several.items():
            found[step_index][1][name] = torch.stack(parts, 1)
        return found

    def recipe(self, moves: Tensor) -> Recipe:
        """The recipe of one vector of D moves, as short as can be read.

        Values are rounded, those that hardly left the look are put back there, filters that do nothing left out.
        """
        numbers: list[dict[str, Any]] = [dict(step.settings) for step in self.chain]
        stayed = (moves - self.look).abs() < _UNNOTICED
        values = (self._zero + torch.where(stayed, self.look, moves) * self._unit).tolist()
        for axis, value in zip(self._axes, values, strict=True):
            low, high = axis.setting.range
            value = round(min(max(value, low), high), 4)
            held = numbers[axis.step]
            if axis.part is None:
                held[axis.setting.name] = value
            else:
                parts = held[axis.setting.name]
                held[axis.setting.name] = (*parts[: axis.part], value, *parts[axis.part + 1 :])
        steps = (FilterStep(s.filter, n) for s, n in zip(self.chain, numbers, strict=True))
        return Recipe(tuple(s for s in steps if filters.get(s.filter).acts(s.settings)))

    def moves_to(self, recipe: Recipe) -> Tensor:
        """D moves to a recipe of the same filters, as far as the bounds let; what it lacks is at its identity."""
        wanted = dict(zip(_occurrences(recipe.steps), recipe.steps, strict=True))
        steps = [wanted.get(key, FilterStep(key[0])) for key in _occurrences(self.chain)]
        values = []
        for axis in self._axes:
            value = steps[axis.step].settings.get(axis.setting.name, axis.setting.identity)
            is_curve = isinstance(value, tuple) and axis.part is not None
            values.append(value[axis.part] if is_curve else value)
        moves = (torch.tensor(values, device=self._unit.device) - self._zero) / self._unit
        return torch.minimum(torch.maximum(moves, self._low), self._high)


def _bounds(axis: Axis, reach: float) -> tuple[float, float]:
    """Between which values gradient descent may move a setting."""
    setting = axis.setting
    low, high = (setting.identity + reach * (end - setting.identity) for end in setting.appealing)
    return max(setting.range[0], min(low, axis.look)), min(setting.range[1], max(high, axis.look))


def _occurrences(steps: Iterable[FilterStep]) -> list[tuple[str, int]]:
    """Each step's filter and how many steps of that filter came before it."""
    seen: Counter[str] = Counter()
    found = []
    for step in steps:
        found.append((step.filter, seen[step.filter]))
        seen[step.filter] += 1
    return found


def _completed(look: Recipe) -> list[FilterStep]:
    """The look's steps in their order, with the usual filters that are missing at their identity in between."""
    place = filters.NAMES.index
    steps = list(look.steps)
    for name in _ADDED:
        if name in {s.filter for s in look.steps}:
            continue
        # Before the first step that comes later in the usual order: colour filters stay in front.
        at = next((i for i, s in enumerate(steps) if place(s.filter) > place(name)), len(steps))
        steps.insert(at, FilterStep(name, dict(filters.get(name).identity)))
    return steps


def _axes(index: int, step: FilterStep) -> list[Axis]:
    """The searched numbers of one step.

    Settings of several values are searched only where the look has them. What the look has put outside the
    appealing range, it has put there on purpose, and it stays: a black-and-white look must not get its colour back.
    """
    found = []
    for setting in filters.get(step.filter).settings:
        if not setting.searched:
            continue
        value = step.settings.get(setting.name, setting.identity if setting.count is None else ())
        parts: list[tuple[int | None, float]]
        parts = list(enumerate(value)) if isinstance(value, tuple) else [(None, value)]
        low, high = setting.appealing
        if all(low <= look <= high for _, look in parts):
            found += [Axis(index, setting, part, look) for part, look in parts]
    return found

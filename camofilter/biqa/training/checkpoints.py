"""All that a fit needs to go on, and the file that holds it while the fit may be killed at any time."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from camofilter.biqa.rating_head import Rater
from camofilter.biqa.training.agreement import Agreement
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError


@dataclass(frozen=True)
class Look:
    """The validation photos, scored in the middle of a fit.

    Attributes:
        step: after how many steps.
        loss: of the training, a running mean.
        clean: agreement with people.
        damaged: agreement with the graded scores of the same photos, damaged.
    """

    step: int
    loss: float
    clean: Agreement
    damaged: Agreement

    @property
    def goodness(self) -> float:
        """What the best moment is chosen by: mean of the two rank correlations."""
        return (self.clean.srocc + self.damaged.srocc) / 2


@dataclass
class State:
    """What a checkpoint holds.

    Attributes:
        model: as it learns.
        optimizer: of its parameters.
        step: how many were taken.
        loss: a running mean.
        mean: running mean of the weights.
        best: the running mean that did best on the validation photos.
        history: the looks at these.
        final: the weights to be kept, once there is no more to learn.
        solved: what they would be like with the head solved once more.
    """

    model: Rater
    optimizer: torch.optim.Optimizer
    step: int = 0
    loss: float = math.nan
    mean: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[Look] = field(default_factory=list)
    final: dict[str, Tensor] = field(default_factory=dict)
    solved: Look | None = None

    @property
    def looks_since_best(self) -> int:
        """How many looks ago the best one was."""
        goodness = [look.goodness for look in self.history]
        return len(goodness) - 1 - goodness.index(max(goodness)) if goodness else 0

    def is_best(self, look: Look) -> bool:
        """Whether a look is better than all so far."""
        return all(look.goodness > earlier.goodness for earlier in self.history)

    def finish(self, solved: Look) -> None:
        """Keeps the weights that the model has, its head solved, if they did better than the best that it learned."""
        self.final = copy.deepcopy(self.model.state_dict()) if self.is_best(solved) else self.best
        self.solved = solved

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Writes the checkpoint beside the old one, then in its place.

        Raises:
            UsageError: it cannot be written.
        """
        whole = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "loss": self.loss,
            "mean": self.mean,
            "best": self.best,
            "history": [asdict(look) for look in self.history],
            "final": self.final,
            "solved": self.solved and asdict(self.solved),
            "about": about,
        }
        temporary = path.with_suffix(".part")
        try:
            torch.save(whole, temporary)
            os.replace(temporary, path)
        except (OSError, RuntimeError) as error:  # torch's writer knows no OSError
            raise UsageError(f"{path}: cannot be written ({' '.join(str(error).split())})") from None

    def load(self, path: Path, about: dict[str, Any]) -> None:
        """Takes up a checkpoint.

        Raises:
            UsageError: it is of another fit (other model, seed or photos).
            WeightsError: it is damaged.
        """
        try:
            held = torch.load(path, map_location=next(self.model.parameters()).device, weights_only=True)
            earlier = held["about"]
        except Exception as error:
            raise WeightsError(f"{path}: not a checkpoint ({' '.join(str(error).split())}): remove it") from None
        for key, value in about.items():
            if earlier.get(key) != value:
                raise UsageError(f"{path} is of a fit with {key} {earlier.get(key)}, not {value}: give another folder")
        self.model.load_state_dict(held["model"])
        self.optimizer.load_state_dict(held["optimizer"])
        self.step, self.loss = held["step"], held["loss"]
        self.history = [_look(row) for row in held["history"]]
        self.mean, self.best, self.final = held["mean"], held["best"], held["final"]
        self.solved = held["solved"] and _look(held["solved"])


def _look(row: dict[str, Any]) -> Look:
    return Look(row["step"], row["loss"], Agreement(**row["clean"]), Agreement(**row["damaged"]))

"""Fits a model to opinion scores, in steps that survive being stopped at any time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.training.agreement import Agreement, agreement
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Sample, Samples
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError

BATCH = 32  # photos a step, each of them clean and damaged
_WARM_UP = 200  # steps until the full rate, or a tenth of all
_WEIGHT_DECAY = 0.05
_TAUGHT = 0.8  # share of the teacher in the scores of clean photos
_LARGEST_GRADIENT = 10.0
_MEMORY = 0.999  # of the running mean of the weights, which is what is kept in the end
_LOOKS = 8  # times that validation photos are scored, at even distances
_LOOKED_AT = 200  # of them: a look should cost seconds


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


class Step(NamedTuple):
    """How far a fit is.

    Attributes:
        samples: seen so far, clean and damaged ones counted.
        total: that it will see at most.
        loss: of the last steps, a running mean.
        look: the last one at the validation photos, if there was any.
    """

    samples: int
    total: int
    loss: float
    look: Look | None


@dataclass
class State:
    """All that a fit needs to go on: it is what a checkpoint holds."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    loss: float = math.nan
    mean: dict[str, Tensor] = field(default_factory=dict)  # running mean of the weights
    best: dict[str, Tensor] = field(default_factory=dict)  # the running mean that did best on the validation photos
    history: list[Look] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Seen so far, clean and damaged ones counted."""
        return self.step * 2 * BATCH

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Writes the checkpoint beside the old one, then in its place."""
        whole = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "loss": self.loss,
            "mean": self.mean,
            "best": self.best,
            "history": [asdict(look) for look in self.history],
            "about": about,
        }
        temporary = path.with_suffix(".part")
        torch.save(whole, temporary)
        os.replace(temporary, path)

    def load(self, path: Path, about: dict[str, Any]) -> None:
        """Takes up a checkpoint.

        Raises:
            UsageError: it is of another fit (other model, seed or photos).
            WeightsError: it is damaged.
        """
        try:
            held = torch.load(path, weights_only=True)
            earlier = held["about"]
        except Exception as error:
            raise WeightsError(f"{path}: not a checkpoint ({' '.join(str(error).split())}): remove it") from None
        for key, value in about.items():
            if earlier.get(key) != value:
                raise UsageError(f"{path} is of a fit with {key} {earlier.get(key)}, not {value}: give another folder")
        self.model.load_state_dict(held["model"])
        self.optimizer.load_state_dict(held["optimizer"])
        self.step, self.loss = held["step"], held["loss"]
        self.history = [
            Look(row["step"], row["loss"], Agreement(**row["clean"]), Agreement(**row["damaged"]))
            for row in held["history"]
        ]
        self.mean, self.best = held["mean"], held["best"]


def fit(
    model: nn.Module,
    train: Sequence[Rated],
    validation: Sequence[Rated],
    *,
    samples: int,
    checkpoint: Path,
    about: dict[str, Any],
    device: str = "cpu",
    seed: int = 0,
    rate: float = 5e-4,
    settle: float = 0.0,
    patience: int = _LOOKS,
    teacher: nn.Module | None = None,
    workers: int = 1,
    progress: Callable[[Step], None] | None = None,
) -> State:
    """Fits a model, and leaves in it the weights that agreed best with the validation photos.

    Half of what it sees are photos with people's scores, half the same photos with graded damage
    (:mod:`~camofilter.biqa.training.distortions`). The loss is the smooth L1 distance to the scores plus one minus
    Pearson's correlation, AdamW takes the steps (Loshchilov and Hutter 2019, arXiv 1711.05101), its rate falls along
    a cosine, and the weights that are judged and kept are a running mean (Polyak averaging).

    Args:
        model: B×3×H×W in [0, 1] → B scores from 0 to 100; where its weights start from.
        train: photos to learn from.
        validation: photos that choose the best moment.
        samples: to see at most; may differ from that of the fit that a checkpoint goes on with.
        checkpoint: file that the fit is saved to at every look; if it exists, the fit goes on from there.
        about: what a checkpoint must share to be gone on with, such as the model's name.
        device: "cpu" or "cuda".
        seed: of samples and dropout.
        rate: of learning, at its highest.
        settle: share of the steps in which batch norms still gather statistics. While they do, clean and damaged photos
            are each normalised by their own, which they are not when the model judges; so they must stop.
        patience: looks without a better one after which it ends early.
        teacher: a model whose scores of the clean photos are mixed into people's, most of the mixture: people disagree
            about a photo more than a good model does with itself (Hinton et al. 2015, arXiv 1503.02531).
        workers: processes that prepare samples.
        progress: called after every step.

    Raises:
        UsageError: no photos, or the checkpoint is of another fit.
    """
    if not train or not validation:
        raise UsageError(f"{len(train)} photos to train on and {len(validation)} to validate: expected some of both")
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=_WEIGHT_DECAY)
    state = State(model, optimizer)
    about = {**about, "seed": seed, "photos": len(train)}
    if checkpoint.exists():
        state.load(checkpoint, about)
    steps = math.ceil(samples / (2 * BATCH))
    between = max(1, steps // _LOOKS)
    for batch in _batches(train, seed, state.step, steps, workers):
        _train_mode(model, settled=state.step >= settle * steps)
        loss = _learn(state, batch if teacher is None else _taught(teacher, batch, device), steps, device, seed, rate)
        state.loss = loss if math.isnan(state.loss) else state.loss + 0.02 * (loss - state.loss)
        state.step += 1
        if state.step % between == 0 or state.step == steps:
            _look(state, validation, device)
            state.save(checkpoint, about)
        if progress is not None:
            look = state.history[-1] if state.history else None
            progress(Step(state.samples, steps * 2 * BATCH, state.loss, look))
        if _looks_since_best(state.history) >= patience:
            break
    model.load_state_dict(state.best or state.mean or model.state_dict())
    model.eval()
    return state


def _batches(train: Sequence[Rated], seed: int, start: int, steps: int, workers: int) -> Iterator[Sample]:
    """The batches from a step on."""
    samples = Samples(train, seed, start * BATCH, max(0, steps - start) * BATCH)
    # The main process is busy with the model; a worker must not fight with it for its threads.
    loader = DataLoader(samples, batch_size=BATCH, num_workers=workers, worker_init_fn=_single_threaded)
    return iter(loader)


def _single_threaded(_: int) -> None:
    torch.set_num_threads(1)


def _train_mode(model: nn.Module, settled: bool) -> None:
    model.train()
    for module in model.modules():
        if settled and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()


def _learn(state: State, batch: Sample, steps: int, device: str, seed: int, rate: float) -> float:
    """One step; its loss."""
    progress = state.step / steps
    for group in state.optimizer.param_groups:
        warm = min(1, (state.step + 1) / min(_WARM_UP, 1 + steps / 10))
        group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(1, progress))) + 1e-7
    torch.manual_seed(seed * 1_000_003 + state.step)  # dropout, too, must be the same after an interruption
    clean, damaged = (_scores(state.model, photos, device) for photos in (batch.clean, batch.damaged))
    loss = torch.zeros((), device=device)
    # Damage weighs double: a model that knows people's scores already has more to learn there.
    for scores, wanted, weight in ((clean, batch.score, 1.0), (damaged, batch.damaged_score, 2.0)):
        wanted = wanted.to(device)
        distance = F.smooth_l1_loss(scores, wanted, beta=5.0)
        loss = loss + weight * distance + (1 - _correlation(scores, wanted)) * 10 / weight
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), _LARGEST_GRADIENT)
    state.optimizer.step()
    memory = min(_MEMORY, (1 + state.step) / (10 + state.step))
    for name, value in state.model.state_dict().items():
        if name not in state.mean or not value.is_floating_point():
            state.mean[name] = value.detach().clone()
        else:
            state.mean[name].lerp_(value, 1 - memory)
    return float(loss.detach())


def _taught(teacher: nn.Module, batch: Sample, device: str) -> Sample:
    """The batch with the teacher's scores of its clean photos mixed in, and shares of these for the damaged ones."""
    with torch.no_grad():
        seen = _scores(teacher.to(device), batch.clean, device).cpu()
        mixed = torch.lerp(batch.score, seen, _TAUGHT)
    share = batch.damaged_score / batch.score.clamp(min=1e-3)
    return batch._replace(score=mixed, damaged_score=mixed * share)


def _scores(model: nn.Module, photos: Tensor, device: str) -> Tensor:
    images = photos.to(device, memory_format=torch.channels_last).float() / 255
    with torch.autocast(device, torch.bfloat16, enabled=bfloat16_pays(device)):
        scores: Tensor = model(images)
    return scores.float()


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(), b - b.mean()
    found: Tensor = (a * b).sum() / (a.norm() * b.norm() + 1e-6)
    return found


def _look(state: State, validation: Sequence[Rated], device: str) -> None:
    """Scores validation photos by the mean weights, and keeps these if they are the best so far."""
    learning = {name: value.clone() for name, value in state.model.state_dict().items()}
    state.model.load_state_dict(state.mean)
    looked_at = validation[:: math.ceil(len(validation) / _LOOKED_AT)]
    found = Look(
        state.step,
        state.loss,
        agreement(state.model, looked_at, device),
        agreement(state.model, looked_at, device, damage_seed=0),
    )
    state.model.load_state_dict(learning)
    if all(found.goodness > earlier.goodness for earlier in state.history):
        state.best = {name: value.clone() for name, value in state.mean.items()}
    state.history.append(found)


def _looks_since_best(history: list[Look]) -> int:
    best = max(range(len(history)), key=lambda i: history[i].goodness, default=len(history) - 1)
    return len(history) - 1 - best

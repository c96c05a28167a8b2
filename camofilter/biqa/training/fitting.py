"""Fits a model to opinion scores, in steps that survive being stopped at any time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.rating_head import Rater, Seen
from camofilter.biqa.target import Target
from camofilter.biqa.training import heads
from camofilter.biqa.training.agreement import agreement
from camofilter.biqa.training.checkpoints import Look, State
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Sample, Samples, batches, images
from camofilter.errors import UsageError

BATCH = 16  # photos a step, each of them clean and twice damaged
SEEN = 3 * BATCH  # samples a step
_AT_ONCE = 4  # photos of a batch whose maps are held at a time: more do not fit a CPU's cache
RATE = 3e-4  # of learning at its highest, for weights that have learned before
_WARM_UP = 100  # steps until the full rate, or a tenth of all
_WEIGHT_DECAY = 0.05
_CROPS = 0.25  # samples that the head is solved for, as a share of the photos
_TAUGHT = 0.5  # share of the teachers in all scores
_SMALLEST = 1e-3  # size of a parameter tensor that starts from nothing
_LARGEST_GRADIENT = 10.0
_MEMORY = 0.999  # of the running mean of the weights, which is what is kept in the end
_LOOKS = 6  # times that validation photos are scored, at even distances
_SAVED = 50  # steps between two checkpoints, besides those at looks
_LOOKED_AT = 300  # of them at most: a look should cost seconds


class Step(NamedTuple):
    """How far a fit is.

    Attributes:
        samples: seen so far, clean and damaged ones counted.
        total: that it will see at most.
        doing: what, in words.
        loss: of the last steps, a running mean; NaN before the first.
        look: the last one at the validation photos, if there was any.
    """

    samples: int
    total: int
    doing: str = ""
    loss: float = math.nan
    look: Look | None = None

    def in_words(self) -> str:
        """Such as "learning, loss 14.2, validation SROCC 0.812"."""
        loss = "" if math.isnan(self.loss) else f", loss {self.loss:.1f}"
        look = f", validation SROCC {self.look.clean.srocc:.3f}" if self.look else ""
        return f"{self.doing}{loss}{look}"


def fit(
    model: Rater,
    train: Sequence[Rated],
    validation: Sequence[Rated],
    *,
    samples: int,
    checkpoint: Path,
    about: dict[str, Any],
    device: str = "cpu",
    seed: int = 0,
    rate: float = RATE,
    reduced: float = 2.0,
    patience: int = _LOOKS,
    teachers: Sequence[Target] = (),
    has_head: bool = False,
    workers: int = 1,
    progress: Callable[[Step], None] = lambda step: None,
) -> State:
    """Fits a model, and leaves in it the weights that agreed best with the validation photos.

    It sees each photo as it is, and a part of it in two severities of the same graded damage
    (:mod:`~camofilter.biqa.training.distortions`). The loss is the smooth L1 distance to the scores of all three, and
    to the difference between the two severities, which is known far better than either score. AdamW takes the steps
    (Loshchilov and Hutter 2019, arXiv 1711.05101); the rate of each tensor is relative to its size (Shazeer and Stern
    2018, arXiv 1804.04235) and falls along a cosine. What is judged and kept is a running mean of the weights (Polyak
    averaging). In the end the head is solved for that once more, and kept if it does better; it is then solved with the
    validation photos as well, which have nothing left to choose.

    Args:
        model: where its weights start from. Parameters that need no gradient stay as they are.
        train: photos to learn from.
        validation: photos that choose the best moment.
        samples: to see at most; may differ from that of the fit that a checkpoint goes on with.
        checkpoint: file that the fit is saved to now and then; if it exists, the fit goes on from there.
        about: what a checkpoint must share to be gone on with, such as the model's name.
        device: "cpu" or "cuda".
        seed: of samples and dropout.
        rate: of learning at its highest, as a share of the root mean square of a tensor.
        reduced: the factor by which damaged photos are made smaller at most, see
            :class:`~camofilter.biqa.training.samples.Samples`.
        patience: looks without a better one after which it ends early.
        teachers: judges on a scale of 0 to 100 whose mean is mixed into the scores, half of the mixture: people
            disagree about a photo more than a good model does with itself (Hinton et al. 2015, arXiv 1503.02531).
        has_head: whether the model's head fits its backbone; if not, it is solved before the first step.
        workers: processes that prepare samples.
        progress: called now and then.

    Raises:
        UsageError: no photos, or the checkpoint is of another fit or cannot be written.
    """
    if not train or not validation:
        raise UsageError(f"{len(train)} photos to train on and {len(validation)} to validate: expected some of both")
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = math.ceil(samples / SEEN)
    between = max(1, steps // _LOOKS)
    about = {**about, "seed": seed, "reduced": reduced, "photos": len(train)}
    crops = Samples(train, seed, 0, math.ceil(len(train) * _CROPS), reduced)

    def solve(rated: Sequence[Rated], step: int) -> None:
        shown = heads.photos(rated, crops, workers)
        heads.solve(model, _told(shown, Step(step * SEEN, steps * SEEN), progress), device)

    goes_on = checkpoint.exists()
    if not goes_on and not has_head:
        solve(train[::2], 0)
    state = State(model, torch.optim.AdamW(_groups(model, rate), weight_decay=_WEIGHT_DECAY))
    if goes_on:
        state.load(checkpoint, about)
    left = max(0, steps - state.step) if state.looks_since_best < patience else 0
    for batch in batches(Samples(train, seed, state.step * BATCH, left * BATCH, reduced), BATCH, workers):
        _learn(state, _taught(teachers, batch, device) if teachers else batch, steps, device, seed)
        if looks := state.step % between == 0 or state.step == steps:
            _look(state, validation, device)
        if looks or state.step % _SAVED == 0:
            state.save(checkpoint, about)
        look = state.history[-1] if state.history else None
        progress(Step(state.step * SEEN, steps * SEEN, "learning", state.loss, look))
        if state.looks_since_best >= patience:
            break
    if not state.final:
        model.load_state_dict(state.best or state.mean)
        solve(train, state.step)
        solved = _scored(state, validation, device)
        if state.is_best(solved):  # the choice is made: these photos, too, may now say how the head should be
            solve([*train, *validation], state.step)
        state.finish(solved)
        state.save(checkpoint, about)
    model.load_state_dict(state.final)
    model.eval()
    return state


def _told(photos: Iterator[Seen], step: Step, progress: Callable[[Step], None]) -> Iterator[Seen]:
    for number, photo in enumerate(photos, 1):
        progress(step._replace(doing=f"solving the head: {number} photos"))
        yield photo


def _groups(model: nn.Module, rate: float) -> list[dict[str, Any]]:
    """The parameters that learn, each with its own highest rate, which is relative to its size."""
    return [
        {"params": [p], "highest": rate * max(_SMALLEST, float(p.detach().square().mean().sqrt()))}
        for p in model.parameters()
        if p.requires_grad
    ]


def _learn(state: State, batch: Sample, steps: int, device: str, seed: int) -> None:
    """One step."""
    progress = state.step / steps
    for group in state.optimizer.param_groups:
        warm = min(1, (state.step + 1) / min(_WARM_UP, 1 + steps / 10))
        group["lr"] = group["highest"] * warm * (0.5 + 0.5 * math.cos(math.pi * min(1, progress)))
    state.model.train()
    torch.manual_seed(seed * 1_000_003 + state.step)  # dropout, too, must be the same after an interruption
    state.optimizer.zero_grad(set_to_none=True)
    loss = 0.0
    for part in _portions(batch):
        found = _loss(state.model, part, device) * (len(part.score) / len(batch.score))
        found.backward()  # type: ignore[no-untyped-call]
        loss += float(found.detach())
    nn.utils.clip_grad_norm_(state.model.parameters(), _LARGEST_GRADIENT)
    state.optimizer.step()
    memory = min(_MEMORY, (1 + state.step) / (10 + state.step))
    for name, value in state.model.state_dict().items():
        if name not in state.mean or not value.is_floating_point():
            state.mean[name] = value.detach().clone()
        else:
            state.mean[name].lerp_(value, 1 - memory)
    state.loss = loss if math.isnan(state.loss) else state.loss + 0.02 * (loss - state.loss)
    state.step, state.final = state.step + 1, {}


def _portions(batch: Sample) -> Iterator[Sample]:
    """The batch in smaller ones: gradients add up, as losses are means."""
    for parts in zip(*(torch.split(values, _AT_ONCE) for values in batch), strict=True):
        yield Sample(*parts)


def _loss(model: nn.Module, batch: Sample, device: str) -> Tensor:
    clean = _scores(model, batch.clean, device)
    milder, stronger = _scores(model, torch.cat([batch.milder, batch.stronger]), device).chunk(2)
    fall = batch.milder_score - batch.stronger_score
    loss = torch.zeros((), device=device)
    for seen, wanted, weight in (
        (clean, batch.score, 2.0),
        (milder, batch.milder_score, 0.5),
        (stronger, batch.stronger_score, 0.5),
        (milder - stronger, fall, 1.0),
    ):
        loss = loss + weight * F.smooth_l1_loss(seen, wanted.to(device), beta=5.0)
    return loss


def _taught(teachers: Sequence[Target], batch: Sample, device: str) -> Sample:
    """The batch with the teachers' scores mixed into people's, and into the shares of these that damage leaves."""
    # In bfloat16 they are what they are to within a fraction of a point.
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=bfloat16_pays(device, gradients=False)):
        clean, milder, stronger = (
            torch.stack([teacher.score(images(photos, device)).float().cpu() for teacher in teachers]).mean(0)
            for photos in (batch.clean, batch.milder, batch.stronger)
        )
    score = torch.lerp(batch.score, clean, _TAUGHT)
    shares = (s / batch.score.clamp(min=1e-3) for s in (batch.milder_score, batch.stronger_score))
    left = [torch.lerp(score * share, seen, _TAUGHT) for share, seen in zip(shares, (milder, stronger), strict=True)]
    return batch._replace(score=score, milder_score=left[0], stronger_score=left[1])


def _scores(model: nn.Module, photos: Tensor, device: str) -> Tensor:
    with torch.autocast(device, torch.bfloat16, enabled=bfloat16_pays(device)):
        scores: Tensor = model(images(photos, device))
    return scores.float()


def _look(state: State, validation: Sequence[Rated], device: str) -> None:
    """Scores validation photos by the mean weights, and keeps these if they are the best so far."""
    learning = copy.deepcopy(state.model.state_dict())
    state.model.load_state_dict(state.mean)
    found = _scored(state, validation, device)
    state.model.load_state_dict(learning)
    if state.is_best(found):
        state.best = copy.deepcopy(state.mean)
    state.history.append(found)


def _scored(state: State, validation: Sequence[Rated], device: str) -> Look:
    """The validation photos as the model scores them with its present weights."""
    looked_at = validation[:: math.ceil(len(validation) / _LOOKED_AT)]
    clean, damaged = (agreement(state.model, looked_at, device, damage_seed=seed) for seed in (None, 0))
    return Look(state.step, state.loss, clean, damaged)

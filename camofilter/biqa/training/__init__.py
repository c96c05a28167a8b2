"""How the embedded quality models are made: photos with human scores, graded damage, the fit, its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from camofilter import biqa
from camofilter.biqa.devices import device as chosen
from camofilter.biqa.efficientnet_lite import folded
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.rating_head import Rater
from camofilter.biqa.target import Scale, Target
from camofilter.biqa.training.agreement import scores
from camofilter.biqa.training.fitting import RATE, SEEN, Step, fit
from camofilter.biqa.training.plan import NETWORKS, Plan
from camofilter.biqa.training.ratings import Rated, read
from camofilter.biqa.training.report import PRISTINE, Report
from camofilter.biqa.training.robustness import robustness
from camofilter.biqa.training.samples import SIDE
from camofilter.biqa.trial import failure
from camofilter.biqa.weight_files import load_part, load_shipped, load_state, write
from camofilter.errors import UsageError

__all__ = ["NETWORKS", "Plan", "Report", "Step", "trained"]

_RATE_FROM_NOTHING = 5e-3  # of learning, where nothing that learns has learned before: it can spoil nothing


def trained(plan: Plan, progress: Callable[[Step], None] = lambda step: None) -> Report:
    """Trains a network and writes ``weights.safetensors``, ``card.md``, ``report.json`` and ``curve.png``.

    A run that was stopped, however it was, is gone on with when it is given the same folder.

    Args:
        plan: what, from what, and how.
        progress: called now and then.

    Raises:
        UsageError: something is wrong with the csv, the photos, the folder, a teacher or the device.
        WeightsError: the weights to start from are of another model.
    """
    train, validation, held_out = _parts(plan)
    if find_spec("matplotlib") is None:
        raise UsageError("training draws its curve with matplotlib: pip install 'camofilter[train]'")
    module = import_module(f"camofilter.biqa.{plan.network}")
    model = _started(module, plan)
    device = chosen(plan.device)
    teachers = [_teacher(spec).to(device) for spec in plan.teachers]
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{plan.out}: cannot be made a folder ({error.strerror})") from None
    state = fit(
        model,
        train,
        validation,
        samples=plan.samples,
        checkpoint=plan.out / "checkpoint.pt",
        about=plan.about(),
        device=device,
        seed=plan.seed,
        rate=RATE if plan.has_head or (plan.backbone and model.backbone_learns) else _RATE_FROM_NOTHING,
        reduced=plan.reduced,
        patience=plan.patience,
        teachers=teachers,
        has_head=plan.has_head,
        progress=progress,
    )
    write(model.to("cpu"), plan.out / "weights.safetensors", half=True, force=True)
    judge: ModelTarget = module.target(str(plan.out / "weights.safetensors"), Scale())
    liked = [rated.photo for rated in sorted(held_out, key=lambda rated: -rated.score)[:PRISTINE]]
    report = Report(
        plan=plan,
        samples=state.step * SEEN,
        photos=(len(train), len(validation), len(held_out)),
        scores=scores(judge.model, held_out),
        falls=robustness(judge, liked),
        falls_at_full_size=robustness(judge, liked, full_size=True),
        history=state.history,
        solved=state.solved,
    )
    report.save(plan.out)
    return report


def _parts(plan: Plan) -> tuple[list[Rated], list[Rated], list[Rated]]:
    """The photos to train on, to choose by, and to test on."""
    rated = read(plan.csv, plan.photos)
    held_out = read(plan.test, plan.photos, split="test") if plan.test else [r for r in rated if r.split == "test"]
    validation = [r for r in rated if r.split == "validation"]
    train = [r for r in rated if r.split == "train" or (plan.test and r.split == "test")]
    if not validation:  # a list that only says what to test on
        train, validation = [r for i, r in enumerate(train) if i % 10], train[::10]
    if len(held_out) < 2:
        raise UsageError(f"{plan.csv}: {len(held_out)} photos to test on: expected some; name them with --test")
    _no_overlap(train + validation, held_out)
    return train, validation, held_out


def _started(module: Any, plan: Plan) -> Rater:
    """The network with the weights to start from, its early layers left as they are if they have learned before."""
    torch.manual_seed(plan.seed)
    model: Rater = module.network()
    if plan.from_nothing:
        if not model.backbone_learns:
            raise UsageError(f"the backbone of {plan.network} never learns: give --backbone, or weights to --start")
        return model
    if plan.backbone:
        load_part(model.backbone, plan.backbone, "backbone.", folded)
    elif plan.start and plan.start != "shipped":
        load_state(model, Path(plan.start))
    else:
        load_shipped(model, plan.network, module.SHA256)
    for layer in model.backbone.early():
        layer.requires_grad_(False)
    return model


def _teacher(spec: str) -> Target:
    """The judge of this name, tried on a part of a photo."""
    judge = biqa.get(spec)
    if (judge.scale.low, judge.scale.high, judge.scale.falls) != (0, 100, True):
        raise UsageError(f"--teacher is '{spec}', {judge.scale.in_words()}: expected a judge from 0 to 100, the best")
    part = torch.rand(1, 3, SIDE, SIDE)
    try:
        judge.checked(part)
    except Exception as error:  # whatever a model in a file may raise
        raise UsageError(f"--teacher is '{spec}': {failure(judge.name, part, error)}") from None
    return judge


def _no_overlap(seen: Sequence[Rated], held_out: Sequence[Rated]) -> None:
    """Refuses test photos that would be trained on."""
    both = {r.photo.resolve() for r in seen} & {r.photo.resolve() for r in held_out}
    if both:
        some = sorted(photo.name for photo in both)[0]
        raise UsageError(f"{len(both)} photos are in training and test, such as {some}: take them out of one")

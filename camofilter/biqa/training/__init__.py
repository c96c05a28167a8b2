"""How the embedded quality model is made: photos with human scores, graded damage, the fit, its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from safetensors.torch import save_file

from camofilter.biqa import compact_iqa
from camofilter.biqa.devices import device as chosen
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.training.agreement import agreement
from camofilter.biqa.training.fitting import Step, fit
from camofilter.biqa.training.ratings import Rated, read
from camofilter.biqa.training.report import Report, draw_curve
from camofilter.biqa.training.robustness import robustness
from camofilter.errors import UsageError

__all__ = ["Report", "Step", "trained"]

_RATES = {"nothing": 1e-3, "weights": 2.5e-4}  # of learning, by what it starts from
_PRISTINE = 12  # of the best liked test photos, for the robustness table


def trained(
    csv: Path,
    out: Path,
    *,
    photos: Path | None = None,
    test: Path | None = None,
    start: str = "shipped",
    teacher: Path | None = None,
    samples: int = 50_000,
    patience: int = 6,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
) -> Report:
    """Trains CompactIQA and writes ``weights.safetensors``, ``card.md``, ``report.json`` and ``curve.png``.

    A run that was stopped is gone on with when it is given the same folder.

    Args:
        csv: rated photos, see :func:`camofilter.biqa.training.ratings.read`.
        out: folder to write to, made if need be.
        photos: folder of the photos; None for the csv's own.
        test: csv of the test photos; those that ``csv`` says or draws for testing are then trained on.
        start: "shipped" weights, "nothing", or the path of a weight file.
        teacher: weights whose view of the clean photos is mixed into people's scores; None for people alone.
        samples: to see at most, clean and damaged ones counted.
        patience: looks at the validation photos without a better one after which it ends.
        seed: same seed, same samples.
        device: "auto", "cpu" or "cuda".
        progress: called after every step.

    Raises:
        UsageError: something is wrong with the csv, the photos, the folder, or the device.
        WeightsError: the weights to start from are of another model.
    """
    rated = read(csv, photos)
    held_out = read(test, photos, split="test") if test else [r for r in rated if r.split == "test"]
    validation = [r for r in rated if r.split == "validation"]
    train = [r for r in rated if r.split == "train" or (test and r.split == "test")]
    if not validation:  # a list that only says what to test on
        train, validation = [r for i, r in enumerate(train) if i % 10], train[::10]
    if len(held_out) < 2:
        raise UsageError(f"{csv}: {len(held_out)} photos to test on: expected some; name them with --test")
    _no_overlap(train + validation, held_out)
    if find_spec("matplotlib") is None:
        raise UsageError("training draws its curve with matplotlib: pip install 'camofilter[train]'")
    model = _started(start)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: cannot be made a folder ({error.strerror})") from None
    state = fit(
        model,
        train,
        validation,
        samples=samples,
        checkpoint=out / "checkpoint.pt",
        about={"start": start},
        device=chosen(device),
        seed=seed,
        rate=_RATES["nothing" if start == "nothing" else "weights"],
        settle=0.5 if start == "nothing" else 0.0,
        patience=patience,
        teacher=compact_iqa.load(teacher) if teacher else None,
        progress=progress,
    )
    model.to("cpu")
    halves = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(halves, out / "weights.safetensors")
    judge = ModelTarget("trained", Scale(), compact_iqa.load(out / "weights.safetensors"))
    pristine = sorted(held_out, key=lambda r: -r.score)[:_PRISTINE]
    report = Report(
        start=start,
        samples=state.samples,
        photos=(len(train), len(validation), len(held_out)),
        test=agreement(judge.model, held_out),
        falls=robustness(judge, [r.photo for r in pristine]),
        history=state.history,
    )
    (out / "card.md").write_text(report.card(), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report.figures(), indent=1), encoding="utf-8")
    draw_curve(state.history, out / "curve.png")
    return report


def _started(start: str) -> compact_iqa.CompactIQA:
    """The network with the weights to start from."""
    if start == "nothing":
        return compact_iqa.CompactIQA()
    return compact_iqa.unfolded(None if start == "shipped" else Path(start))


def _no_overlap(seen: Sequence[Rated], held_out: Sequence[Rated]) -> None:
    """Refuses test photos that would be trained on."""
    both = {r.photo.resolve() for r in seen} & {r.photo.resolve() for r in held_out}
    if both:
        some = sorted(photo.name for photo in both)[0]
        raise UsageError(f"{len(both)} photos are in training and test, such as {some}: take them out of one")

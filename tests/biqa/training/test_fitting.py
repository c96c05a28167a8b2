"""The fit: it learns, survives being stopped and killed, ends early, and refuses what is not its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from camofilter.biqa.rating_head import Rater, RatingHead, Seen
from camofilter.biqa.target import Scale, Target
from camofilter.biqa.training.agreement import Agreement
from camofilter.biqa.training.checkpoints import Look, State
from camofilter.biqa.training.fitting import SEEN, Step, _groups, _taught, fit
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Samples
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError


class Sharpness(Rater):
    """A network of a few weights: the energy of learnt small filters → a score."""

    head: RatingHead

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.filters = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.head = RatingHead(8)

    def statistics(self, image: Tensor) -> Tensor:
        return self.filters(image).float().square().mean((2, 3)).add(1e-5).log()

    def solve(self, seen: Iterable[Seen]) -> None:
        parts = list(seen)
        self.head.solve(torch.cat([p.shown for p in parts]), torch.cat([p.scores for p in parts]), 1.0)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory, examples: list[Path]) -> list[Rated]:
    """Twelve parts of the examples, liked the better the sharper they are."""
    folder = tmp_path_factory.mktemp("photos")
    found = []
    for path in examples[:3]:
        with Image.open(path) as opened:
            for part in range(4):
                blurred = (
                    opened.crop((part * 80, 40, part * 80 + 512, 552)).resize((512 >> part,) * 2).resize((512, 512))
                )
                blurred.save(folder / f"{path.stem}{part}.jpg")
                found.append(Rated(folder / f"{path.stem}{part}.jpg", 80.0 - 20 * part, "train"))
    return found


class Stopped(Exception):
    pass


STEPS = 4


def fitted(rated: list[Rated], folder: Path, *, stop_after: int | None = None, **changed: object) -> State:
    def progress(step: Step) -> None:
        if stop_after is not None and step.samples == stop_after * SEEN:
            raise Stopped

    options = {"samples": STEPS * SEEN, "checkpoint": folder / "checkpoint.pt", "about": {"model": "sharpness"}}
    options |= {"rate": 1e-2, "workers": 0, "reduced": 1.0}
    return fit(Sharpness(), rated, rated[:3], progress=progress, **(options | changed))  # type: ignore[arg-type]


def assert_same(one: State, other: State) -> None:
    assert one.step == other.step
    assert (one.history, one.solved) == (other.history, other.solved)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name


@pytest.fixture(scope="module")
def whole(rated: list[Rated], tmp_path_factory: pytest.TempPathFactory) -> State:
    """A fit that nothing stopped."""
    return fitted(rated, tmp_path_factory.mktemp("whole"))


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [0, 2])
def test_stopped_and_gone_on_with_it_ends_the_same(
    rated: list[Rated], whole: State, tmp_path: Path, stop_after: int
) -> None:
    """Before the first step as well, while the head is solved."""
    with pytest.raises(Stopped):
        fitted(rated, tmp_path, stop_after=stop_after)
    assert_same(fitted(rated, tmp_path), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, {root!r}]
import torch
torch.set_num_threads(1)
import test_fitting as tests
rated = [tests.Rated(Path(name), float(score), "train") for name, score in {rated!r}]
tests.fitted(rated, Path({folder!r}))
"""


@pytest.mark.slow
def test_killed_and_gone_on_with_it_ends_the_same(rated: list[Rated], whole: State, tmp_path: Path) -> None:
    """A process of its own, killed (SIGKILL) as soon as its first checkpoint is there."""
    here = Path(__file__)
    code = KILLED.format(
        here=str(here.parent),
        root=str(here.parents[3]),
        rated=[(str(r.photo), r.score) for r in rated],
        folder=str(tmp_path),
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})
    checkpoint = tmp_path / "checkpoint.pt"
    while not checkpoint.exists():
        assert process.poll() is None, "it ended by itself"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    held = torch.load(checkpoint, weights_only=True)
    assert 0 < held["step"] < STEPS
    assert_same(fitted(rated, tmp_path), whole)


@pytest.mark.slow
def test_what_is_finished_is_left_as_it_is(rated: list[Rated], whole: State, tmp_path: Path) -> None:
    """At its last step; and also where it ended early, which another step would undo."""
    assert_same(fitted(rated, tmp_path), whole)
    contrary = [replace(r, score=100 - r.score) for r in rated]
    early = {"samples": 8 * SEEN, "checkpoint": tmp_path / "c.pt", "about": {}, "workers": 0, "rate": 2e-2}
    once, again = (fit(Sharpness(), rated, contrary, patience=2, **early) for _ in range(2))  # type: ignore[arg-type]
    assert once.step < 8
    goodness = [look.goodness for look in once.history]
    assert max(goodness) == goodness[-3]
    assert_same(again, once)


@pytest.mark.slow
def test_loss_falls_and_progress_counts(rated: list[Rated], tmp_path: Path) -> None:
    seen: list[Step] = []
    options = {"samples": 12 * SEEN, "checkpoint": tmp_path / "c.pt", "about": {}, "patience": 99, "rate": 2e-2}
    state = fit(Sharpness(), rated, rated, progress=seen.append, **options)  # type: ignore[arg-type]
    solved = [step.in_words() for step in seen if step.samples == 0]
    assert solved == [f"solving the head: {n} photos" for n in range(1, 23)], "of 12: 6 + 6 + 3, 2 + 2 damaged, crops"
    learned = [step for step in seen if step.doing == "learning"]
    assert [step.samples for step in learned] == [SEEN * n for n in range(1, 13)]
    assert learned[-1].in_words().startswith(f"learning, loss {learned[-1].loss:.1f}, validation SROCC ")
    assert learned[-1].loss < learned[0].loss
    assert [look.step for look in state.history] == [2, 4, 6, 8, 10, 12]
    assert state.history[-1].clean.rmse < state.history[0].clean.rmse
    assert state.history[-1].clean.photos == len(rated)


def test_the_head_solved_in_the_end_is_kept_where_it_does_better() -> None:
    def look(srocc: float) -> Look:
        found = Agreement(srocc, 0.5, 10.0, 0.8, 4)
        return Look(1, 1.0, found, found)

    for srocc, better in ((0.7, True), (0.6, False)):
        model = Sharpness()
        learned = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
        state = State(model, torch.optim.AdamW(model.parameters()), best=learned, history=[look(0.5), look(0.6)])
        state.finish(look(srocc))
        kept = model.state_dict() if better else learned
        assert all(torch.equal(value, kept[name]) for name, value in state.final.items())
        assert state.solved == look(srocc)


def test_rates_are_relative_to_the_size_of_each_tensor() -> None:
    model = Sharpness()
    model.filters.weight.requires_grad_(False)
    nn.init.constant_(model.head.weigh.weight, -0.2)
    nn.init.zeros_(model.head.weigh.bias)
    weight, bias = _groups(model, 0.01)
    assert (weight["params"], weight["highest"]) == ([model.head.weigh.weight], pytest.approx(0.002))
    assert (bias["params"], bias["highest"]) == ([model.head.weigh.bias], pytest.approx(1e-5)), "not nothing"


@pytest.mark.slow
def test_checkpoints_of_others_are_refused(rated: list[Rated], tmp_path: Path) -> None:
    small = {"samples": SEEN}
    fitted(rated, tmp_path, **small)
    with pytest.raises(UsageError, match=r"is of a fit with model sharpness, not bloom: give another folder"):
        fitted(rated, tmp_path, about={"model": "bloom"}, **small)
    with pytest.raises(UsageError, match="is of a fit with seed 0, not 1"):
        fitted(rated, tmp_path, seed=1, **small)
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="not a checkpoint"):
        fitted(rated, tmp_path, **small)
    with pytest.raises(UsageError, match="0 photos to train on"):
        fitted([], tmp_path)
    with pytest.raises(UsageError, match=r"none/checkpoint\.pt: cannot be written \("):
        fitted(rated, tmp_path / "none", **small)


def test_samples_are_a_function_of_seed_and_number(rated: list[Rated]) -> None:
    late = Samples(rated, 1, 20, 5)
    whole = [*islice(Samples(rated, 1, 0, 25), 25)]
    other = Samples(rated, 2, 20, 5)
    assert len(late) == 5
    sample = late[3]
    for a, b in zip(sample, whole[23], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(sample.stronger, other[3].stronger)
    assert {float(sample.score) for sample in whole[:12]} == {r.score for r in rated}
    assert sample.clean.shape == sample.milder.shape == sample.stronger.shape == (3, 288, 288)
    assert sample.clean.dtype == sample.milder.dtype == sample.stronger.dtype == torch.uint8
    for sample in whole:
        assert 0 < sample.stronger_score <= sample.milder_score <= sample.score


def test_teachers_scores_are_half_of_the_labels(rated: list[Rated]) -> None:
    """The mean of all teachers: of the photo as it is, and of what damage leaves of that mixture."""

    class Sure(Target):
        name, scale = "sure", Scale()

        def __init__(self, score: float) -> None:
            self._score = score

        def score(self, image: Tensor) -> Tensor:
            return image.new_full((len(image),), self._score)

        def to(self, device: str) -> Sure:
            return self

    batch = next(iter(DataLoader(Samples(rated, 0, 0, 3), batch_size=3)))
    taught = _taught([Sure(20), Sure(40)], batch, "cpu")
    assert torch.allclose(taught.score, batch.score / 2 + 15)
    share = batch.stronger_score / batch.score
    assert torch.allclose(taught.stronger_score, (taught.score * share + 30) / 2)
    assert taught.clean is batch.clean

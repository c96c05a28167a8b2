"""The fit: it learns, survives being stopped, ends early, and refuses what is not its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from camofilter.biqa.training.fitting import BATCH, Step, fit
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Samples
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError


class Sharpness(nn.Module):
    """A model of a few weights: the energy of learnt small filters → a score."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.filters = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 1)

    def forward(self, image: Tensor) -> Tensor:
        energy = self.filters(image).square().mean((2, 3))
        score: Tensor = 50 + 500 * self.head(self.norm(energy.add(1e-5).log())).squeeze(1)
        return score


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> list[Rated]:
    """Twelve parts of the examples, liked the better the sharper they are."""
    folder = tmp_path_factory.mktemp("photos")
    found = []
    for path in sorted((Path(__file__).parents[3] / "examples" / "photos").glob("*.jpg")):
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


STEPS = 8


def fitted(rated: list[Rated], folder: Path, *, stop_after: int | None = None, **changed: object) -> nn.Module:
    def progress(step: Step) -> None:
        if stop_after is not None and step.samples == stop_after * 2 * BATCH:
            raise Stopped

    model = Sharpness()
    options = {"samples": STEPS * 2 * BATCH, "checkpoint": folder / "checkpoint.pt", "about": {"model": "sharpness"}}
    fit(model, rated, rated[:6], workers=0, progress=progress, **(options | changed))  # type: ignore[arg-type]
    return model


@pytest.mark.slow
def test_stopped_and_gone_on_with_it_ends_the_same(rated: list[Rated], tmp_path: Path) -> None:
    whole = fitted(rated, tmp_path)
    (tmp_path / "other").mkdir()
    with pytest.raises(Stopped):
        fitted(rated, tmp_path / "other", stop_after=5)
    resumed = fitted(rated, tmp_path / "other")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
def test_loss_falls_and_progress_counts(rated: list[Rated], tmp_path: Path) -> None:
    seen: list[Step] = []
    options = {"samples": 20 * 2 * BATCH, "checkpoint": tmp_path / "c.pt", "about": {}, "patience": 99}
    state = fit(Sharpness(), rated, rated, progress=seen.append, **options)  # type: ignore[arg-type]
    assert [step.samples for step in seen] == [2 * BATCH * n for n in range(1, 21)]
    assert seen[-1].loss < 0.95 * seen[0].loss
    assert state.history[-1].clean.rmse < 0.9 * state.history[0].clean.rmse
    assert state.history[-1].clean.photos == len(rated)
    assert (tmp_path / "c.pt").exists()


@pytest.mark.slow
def test_it_ends_when_the_validation_photos_no_longer_gain(rated: list[Rated], tmp_path: Path) -> None:
    contrary = [replace(r, score=100 - r.score) for r in rated]
    options = {"samples": 20 * 2 * BATCH, "checkpoint": tmp_path / "c.pt", "about": {}, "workers": 0}
    state = fit(Sharpness(), rated, contrary, patience=2, **options)  # type: ignore[arg-type]
    assert state.step < 20
    goodness = [look.goodness for look in state.history]
    assert max(goodness) == goodness[-3]


def test_checkpoints_of_others_are_refused(rated: list[Rated], tmp_path: Path) -> None:
    small = {"samples": 2 * BATCH}
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


def test_samples_are_a_function_of_seed_and_number(rated: list[Rated]) -> None:
    late = Samples(rated, 1, 20, 5)
    whole = Samples(rated, 1, 0, 25)
    other = Samples(rated, 2, 20, 5)
    assert len(late) == 5
    for a, b in zip(late[3], whole[23], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(late[3].damaged, other[3].damaged)
    epoch = {float(whole[i].score) for i in range(12)}
    assert epoch == {r.score for r in rated}
    sample = late[0]
    assert sample.clean.shape == (3, 384, 384)
    assert sample.damaged.shape == (3, 256, 256)
    assert sample.clean.dtype == sample.damaged.dtype == torch.uint8
    assert 0 < sample.damaged_score <= sample.score

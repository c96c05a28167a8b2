"""What benchmarks/agreement.py keeps of a judge's scores, and how it compares judges of different scales."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from camofilter.biqa import Scale, Target


class Brightness(Target):
    """A judge by the mean of a photo, that counts how often it was asked."""

    name, scale = "brightness", Scale()

    def __init__(self, points: float = 100) -> None:
        self.points, self.asked = points, 0

    def score(self, image: Tensor) -> Tensor:
        self.asked += 1
        return self.points * image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


@pytest.fixture
def agreement(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    import agreement

    yield agreement
    for name in ("agreement", "machine", "targets"):
        sys.modules.pop(name)


def test_a_score_is_asked_for_once_until_the_judge_changes(
    agreement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, photo = tmp_path / "scores.txt", torch.full((1, 3, 8, 8), 0.25)
    judge = Brightness()
    for asked in (2, 3):  # of the noise by which a judge is recognised, and once of the photo
        assert agreement.Remembered(judge, path).score(photo).tolist() == [25]
        assert judge.asked == asked
    with path.open("a") as file:
        file.write("cut off in the middle of a li")
    for _ in range(2):
        assert agreement.Remembered(judge, path).score(photo * 2).tolist() == [50]
    assert agreement.Remembered(Brightness(80), path).score(photo).tolist() == [20]
    assert capsys.readouterr().err == "brightness is another than in scores.txt: heard anew\n"


def test_points_are_on_peoples_scale_and_errors_know_no_scale(agreement: ModuleType) -> None:
    assert agreement.in_points(70, Scale()) == 70
    assert agreement.in_points(30, Scale(falls=False)) == 70
    assert agreement.in_points(8, Scale(2, 14, 8, falls=False)) == 50
    dice = np.random.default_rng(0)
    people = dice.uniform(0, 100, 500)
    first, second = (people + dice.normal(0, 10, 500) for _ in range(2))
    judges = [agreement.Heard(Brightness(), points, {}, {}) for points in (first, 30 + first / 5, second)]
    found = agreement.errors(judges, people)
    assert found[0, 1] == pytest.approx(1), "the same judge on another scale"
    assert abs(found[0, 2]) < 0.2, "errors drawn apart"

"""What is written about a trained model: its figures, its model card, the curve of its training."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from camofilter.biqa.training.agreement import Agreement, Interval, cells, figures, intervals
from camofilter.biqa.training.checkpoints import Look
from camofilter.biqa.training.plan import Plan
from camofilter.biqa.training.robustness import Fall, table

PRISTINE = 12  # of the best liked test photos, which the tables of damage are of


@dataclass(frozen=True)
class Report:
    """A finished training.

    Attributes:
        plan: what was trained, from what, and how.
        samples: seen, clean and damaged ones counted.
        photos: trained on, validated on, tested on.
        scores: the model's and people's, of the test photos.
        falls: robustness on the best liked test photos, damaged at the judge's own size.
        falls_at_full_size: the same photos, damaged before they are made smaller.
        history: the looks at the validation photos.
        solved: the last one, with the head solved once more; kept if it is better than all others.
    """

    plan: Plan
    samples: int
    photos: tuple[int, int, int]
    scores: tuple[np.ndarray, np.ndarray]
    falls: list[Fall]
    falls_at_full_size: list[Fall]
    history: list[Look]
    solved: Look | None

    @cached_property
    def test(self) -> Agreement:
        """Agreement with people on the test photos."""
        return figures(*self.scores)

    @cached_property
    def test_intervals(self) -> dict[str, Interval]:
        """Where its figures lie with 95 % confidence."""
        return intervals(*self.scores)

    def in_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "network": self.plan.network,
            "start": self.plan.origin,
            "command": self.plan.command(),
            "samples": self.samples,
            "photos": dict(zip(("train", "validation", "test"), self.photos, strict=True)),
            "test": asdict(self.test),
            "test_intervals": self.test_intervals,
            "falls": _rows(self.falls),
            "falls_at_full_size": _rows(self.falls_at_full_size),
            "history": [asdict(look) for look in self.history],
            "solved": self.solved and asdict(self.solved),
        }

    def in_words(self) -> str:
        """For people, in one line."""
        t = self.test
        low, high = self.test_intervals["srocc"]
        return (
            f"{t.photos} test photos: SROCC {t.srocc:.3f} ({low:.3f} to {high:.3f}), PLCC {t.plcc:.3f},"
            f" RMSE {t.rmse:.1f} of 100, {t.right_side:.1%} on the right side of 50"
        )

    def card(self) -> str:
        """The model card, in Markdown."""
        train, validation, test = self.photos
        return f"""# A model of the network {self.plan.network}

Trained by

    {self.plan.command()}

on {platform.machine()}, from {self.plan.origin}: {self.samples} samples (two thirds of them damaged) of {train} photos;
the moment was chosen on {validation}, the figures are of {test} others.

| | SROCC | PLCC | RMSE (0..100) | right side of 50 |
|---|---|---|---|---|
| {test} test photos | {cells(self.test, self.test_intervals)} |

In brackets: where the figure lies with 95 % confidence, had other photos of the kind been judged (bootstrap).

Mean score of the {min(PRISTINE, test)} best liked test photos as they are damaged at the judge's own size:

{table(self.falls)}

The same photos, damaged at full size and then made smaller:

{table(self.falls_at_full_size)}
"""

    def save(self, folder: Path) -> None:
        """Writes ``card.md``, ``report.json`` and ``curve.png``."""
        (folder / "card.md").write_text(self.card(), encoding="utf-8")
        (folder / "report.json").write_text(json.dumps(self.in_json(), indent=1), encoding="utf-8")
        draw_curve(self.history, folder / "curve.png")


def draw_curve(history: Sequence[Look], path: Path) -> None:
    """Draws the loss and the two rank correlations over the steps, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, left = pyplot.subplots(figsize=(7, 4), layout="constrained")
    steps = [look.step for look in history]
    left.plot(steps, [look.clean.srocc for look in history], "o-", label="SROCC with people")
    left.plot(steps, [look.damaged.srocc for look in history], "o-", label="SROCC with graded damage")
    left.set(xlabel="steps", ylabel="SROCC on validation photos", ylim=(0, 1))
    right = left.twinx()
    right.plot(steps, [look.loss for look in history], "k:", label="training loss")
    right.set(ylabel="loss")
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _rows(falls: Sequence[Fall]) -> dict[str, dict[float, float]]:
    return {fall.distortion: dict(zip(fall.amounts, fall.scores, strict=True)) for fall in falls}

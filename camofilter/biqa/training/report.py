"""What is written about a trained model: its figures, its model card, the curve of its training."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from camofilter.biqa.training.agreement import Agreement
from camofilter.biqa.training.fitting import Look
from camofilter.biqa.training.robustness import Fall, table


@dataclass(frozen=True)
class Report:
    """A finished training.

    Attributes:
        start: what the weights started from.
        samples: seen, clean and damaged ones counted.
        photos: trained on, validated on, tested on.
        test: agreement with people on the test photos.
        falls: robustness on the best liked test photos.
        history: the looks at the validation photos.
    """

    start: str
    samples: int
    photos: tuple[int, int, int]
    test: Agreement
    falls: list[Fall]
    history: list[Look]

    def figures(self) -> dict[str, Any]:
        """For machines."""
        return {
            "start": self.start,
            "samples": self.samples,
            "photos": dict(zip(("train", "validation", "test"), self.photos, strict=True)),
            "test": asdict(self.test),
            "falls": {fall.distortion: dict(zip(fall.amounts, fall.scores, strict=True)) for fall in self.falls},
            "history": [asdict(look) for look in self.history],
        }

    def in_words(self) -> str:
        """For people, in one line."""
        t = self.test
        return (
            f"{t.photos} test photos: SROCC {t.srocc:.3f}, PLCC {t.plcc:.3f}, RMSE {t.rmse:.1f} of 100,"
            f" {t.right_side:.1%} on the right side of 50"
        )

    def card(self) -> str:
        """The model card, in Markdown."""
        train, validation, test = self.photos
        t = self.test
        return f"""# A CompactIQA model

Trained by `camofilter train` on {platform.machine()}, from {self.start}: {self.samples} samples (half of them damaged)
of {train} photos; the moment was chosen on {validation}, the figures are of {test} others.

| test photos | SROCC | PLCC | RMSE (0..100) | right side of 50 |
|---|---|---|---|---|
| {t.photos} | {t.srocc:.3f} | {t.plcc:.3f} | {t.rmse:.1f} | {t.right_side:.1%} |

Mean score of the best liked test photos as they are damaged:

{table(self.falls)}
"""


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

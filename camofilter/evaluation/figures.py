"""Drawings of an evaluation as SVG: the scores before and after, and the scores against how far the photos changed.

The same evaluation gives the same bytes. Importing this needs no matplotlib; drawing does.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from camofilter.biqa.target import Scale
from camofilter.evaluation.results import Evaluation, RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), told apart by the colour-blind; without yellow, which is faint on light paper, and black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
# Not as many as the colours, nor a divisor or multiple: the two together repeat late.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_BEFORE = "#8a8a8a"
_BINS = 20
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "camofilter",
    "font.size": 10,
    "text.parse_math": False,  # a run may have dollars in its name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}


def histograms(evaluation: Evaluation) -> dict[str, bytes]:
    """How the first judge's scores are spread before (filled) and after (a line), by run, all on the same axes.

    Returns:
        An SVG for each run that has photos, by its code.
    """
    from matplotlib.ticker import MaxNLocator

    scale = evaluation.judges[0].scale
    scores = {run.code: _scores(run) for run in evaluation.runs if run.photos}
    if not scores:
        return {}
    everything = [score for both in scores.values() for side in both for score in side]
    edges = bin_edges(everything, scale)
    most = max(int(np.histogram(side, edges)[0].max()) for both in scores.values() for side in both)
    drawn = {}
    for code, (before, after) in scores.items():
        with _drawing(3.9, 2.3) as (figure, axes, file):
            axes.hist(before, edges, color=_BEFORE, alpha=0.55)
            axes.hist(after, edges, histtype="step", color=COLOURS[0], linewidth=1.8)
            axes.axvline(scale.threshold, color="black", linestyle="--", linewidth=1)
            axes.set(xlabel="score", ylabel="photos", xlim=(edges[0], edges[-1]), ylim=(0, most * 1.08))
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            _save(figure, file)
        drawn[code] = file.getvalue()
    return drawn


def bin_edges(scores: Sequence[float], scale: Scale) -> list[float]:
    """Of bins that hold the scale and all scores, to within rounding.

    One edge is the threshold, so that no bar stands on both sides of it.

    Args:
        scores: finite.
        scale: of the judge.

    Returns:
        Rising, equally far apart; about 20 bins.
    """
    low, high = _limits(scores, scale)
    width = (high - low) / _BINS
    below, above = math.ceil((scale.threshold - low) / width), math.ceil((high - scale.threshold) / width)
    return [scale.threshold + width * i for i in range(-below, above + 1)]


def scatter(evaluation: Evaluation) -> bytes | None:
    """Each photo's score after against its mean ΔE2000, runs told apart by colour and marker.

    Returns:
        An SVG; None where no run has photos.
    """
    from matplotlib.lines import Line2D

    runs = [run for run in evaluation.runs if run.photos]
    if not runs:
        return None
    scale = evaluation.judges[0].scale
    legend = []
    with _drawing(4.6, 3.6 + 0.2 * -(-len(runs) // 2)) as (figure, axes, file):
        for place, run in enumerate(runs):
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            look: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none", "markersize": 5}
            changes = [result.measures.delta_e for result in run.photos]
            axes.plot(changes, _scores(run)[1], alpha=0.65, markeredgewidth=0, **look)
            legend.append(Line2D([], [], label=_shown(run.code), **look))
        axes.axhline(scale.threshold, color="black", linestyle="--", linewidth=1)
        after = [score for run in runs for score in _scores(run)[1]]
        axes.set(xlabel="mean ΔE2000 from the original", ylabel="score after", ylim=_limits(after, scale))
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        labels = [str(line.get_label()) for line in legend]
        figure.legend(legend, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
        _save(figure, file)
    return file.getvalue()


def _scores(run: RunResult) -> tuple[list[float], list[float]]:
    """The first judge's, before and after."""
    judged = [result.judged[0] for result in run.photos]
    return [one.before for one in judged], [one.after for one in judged]


def _limits(scores: Sequence[float], scale: Scale) -> tuple[float, float]:
    """Ends of an axis that holds the scale, its threshold and all scores."""
    shown = (scale.low, scale.high, scale.threshold, *scores)
    return min(shown), max(shown)


def _shown(code: str) -> str:
    """A run's code for a legend, of a length that leaves the others room."""
    return code if len(code) <= 20 else code[:19] + "…"


@contextmanager
def _drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes, io.BytesIO]]:
    """An empty drawing, in inches, in the style of all of them, without the global state of pyplot."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):  # whatever the person has set for other drawings
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        yield figure, axes, io.BytesIO()


def _save(figure: Figure, file: io.BytesIO) -> None:
    figure.savefig(file, format="svg", metadata={"Date": None})

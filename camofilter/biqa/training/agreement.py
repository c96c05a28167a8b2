"""How well a model agrees with people: the usual four figures of the field, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import nn

from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Whole, images

RESAMPLES = 1000  # of the bootstrap
_AT_ONCE = 100  # of them, which bounds the memory
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Agreement:
    """Figures of a model on rated photos.

    Attributes:
        srocc: Spearman's rank correlation.
        plcc: Pearson's correlation, without the usual logistic fit before it.
        rmse: root of the mean squared difference, in points of 100.
        right_side: share of photos that model and people put on the same side of 50.
        photos: how many.
    """

    srocc: float
    plcc: float
    rmse: float
    right_side: float
    photos: int


class Interval(NamedTuple):
    """Where a figure may lie: both ends included."""

    low: float
    high: float


def agreement(
    model: nn.Module, rated: Sequence[Rated], device: str = "cpu", *, damage_seed: int | None = None
) -> Agreement:
    """The figures of a model on photos, each fitted to 512×384 (upright ones 384×512).

    Args:
        model: B×3×H×W in [0, 1] → B scores from 0 to 100; it is left in eval mode.
        rated: at least two photos.
        device: where the model is.
        damage_seed: None for the photos as they are; else each is damaged by dice of this seed, and its score is the
            share of people's that the damage leaves.
    """
    return figures(*scores(model, rated, device, damage_seed=damage_seed))


def scores(
    model: nn.Module, rated: Sequence[Rated], device: str = "cpu", *, damage_seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """N scores of a model and N of people, which the figures are of; arguments as of :func:`agreement`."""
    model.eval()
    whole = Whole(rated, damage_seed)
    found, wanted = [], []
    with torch.inference_mode():
        for number in range(len(whole)):
            pixels, score = whole[number]
            found.append(float(model(images(pixels[None], device))))
            wanted.append(score)
    return np.array(found), np.array(wanted)


def figures(found: np.ndarray, wanted: np.ndarray) -> Agreement:
    """The figures of N scores of a model and N of people, 0 to 100."""
    return Agreement(**{name: float(value) for name, value in _figures(found, wanted).items()}, photos=len(found))


def intervals(
    found: np.ndarray, wanted: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Where each figure would lie, with 95 % confidence, had other photos of the same kind been judged.

    Photos are drawn with replacement, as many as there are, and the figures taken anew: the percentile bootstrap
    (Efron 1979, Annals of Statistics 7:1). Draws without a correlation, as of one photo again and again, do not count.

    Args:
        found: N scores of a model.
        wanted: N of people, 0 to 100.
        resamples: how often the photos are drawn.
        seed: same seed, same intervals.

    Returns:
        The intervals by the names of the figures in :class:`Agreement`.
    """
    dice = np.random.default_rng(seed)
    parts = []
    for start in range(0, resamples, _AT_ONCE):
        drawn = dice.integers(len(found), size=(min(_AT_ONCE, resamples - start), len(found)))
        parts.append(_figures(found[drawn], wanted[drawn]))
    return {name: _interval(np.concatenate([part[name] for part in parts])) for name in parts[0]}


def cells(found: Agreement, spans: Mapping[str, Interval]) -> str:
    """SROCC, PLCC, RMSE and right side, each with its interval in brackets, as cells of a Markdown table."""
    formats = {"srocc": "{:.3f}", "plcc": "{:.3f}", "rmse": "{:.1f}", "right_side": "{:.1%}"}
    texts = (f"{form} ({form} to {form})".format(getattr(found, name), *spans[name]) for name, form in formats.items())
    return " | ".join(texts)


def _interval(drawn: np.ndarray) -> Interval:
    drawn, tail = drawn[np.isfinite(drawn)], (1 - _CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail)) if len(drawn) else (np.nan, np.nan)
    return Interval(float(low), float(high))


def _figures(found: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """The figures over the last axis of two arrays of the same shape."""
    return {
        "srocc": _correlation(stats.rankdata(found, axis=-1), stats.rankdata(wanted, axis=-1)),
        "plcc": _correlation(found, wanted),
        "rmse": np.sqrt(np.mean((found - wanted) ** 2, -1)),
        "right_side": np.mean((found > 50) == (wanted > 50), -1),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's, over the last axis; nan where one of both is constant."""
    varied = (np.ptp(a, -1) > 0) & (np.ptp(b, -1) > 0)
    a, b = (x - x.mean(-1, keepdims=True) for x in (a, b))
    with np.errstate(invalid="ignore"):
        return np.where(varied, (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1)), np.nan)

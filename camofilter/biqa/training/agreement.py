"""How well a model agrees with people: the usual four figures of the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import nn

from camofilter.biqa import as_image
from camofilter.biqa.fit import fit
from camofilter.biqa.target import default_frame
from camofilter.biqa.training.distortions import damaged, levels
from camofilter.biqa.training.ratings import Rated
from camofilter.photo import open_photo


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
    model.eval()
    found, wanted = [], []
    with torch.inference_mode():
        for number, photo in enumerate(rated):
            pixels = open_photo(photo.photo).pixels
            pixels, share = fit(pixels, default_frame(pixels.shape[1], pixels.shape[0])), 1.0
            if damage_seed is not None:
                changed, share = damaged(pixels.astype(np.float32) / 255, np.random.default_rng((damage_seed, number)))
                pixels = levels(changed)
            image = as_image(pixels).to(device, memory_format=torch.channels_last)
            found.append(float(model(image)))
            wanted.append(photo.score * share)
    return figures(np.array(found), np.array(wanted))


def figures(found: np.ndarray, wanted: np.ndarray) -> Agreement:
    """The figures of N scores of a model and N of people, 0 to 100."""
    return Agreement(
        srocc=float(stats.spearmanr(found, wanted).statistic),
        plcc=float(stats.pearsonr(found, wanted).statistic),
        rmse=float(np.sqrt(np.mean((found - wanted) ** 2))),
        right_side=float(np.mean((found > 50) == (wanted > 50))),
        photos=len(found),
    )

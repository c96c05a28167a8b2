"""A network's head, solved for what its backbone sees of photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.rating_head import Rater
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Samples, Whole, batches, images

Seen = tuple[Tensor, Tensor]  # B×3×H×W uint8 photos and their B scores


def solve(model: Rater, photos: Iterator[Seen], device: str) -> None:
    """Brings the head to the scores of photos.

    A head that is right from the start does not shake what the backbone has learned (Kumar et al. 2022, arXiv
    2202.10054). The more photos, the better it agrees with people.

    Args:
        model: is left in eval mode.
        photos: to solve for.
        device: where the model is.
    """
    model.eval()
    model.solve(_seen(model, photos, device))


def _seen(model: Rater, photos: Iterator[Seen], device: str) -> Iterator[Seen]:
    """The statistics of photos, in their place."""
    for shown, wanted in photos:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=bfloat16_pays(device, gradients=False)):
            statistics = model.statistics(images(shown, device)).float().cpu()
        yield statistics, wanted.float()


def photos(rated: Sequence[Rated], samples: Samples, workers: int) -> Iterator[Seen]:
    """What a head is solved for: whole photos, then the crops of samples, clean and damaged."""
    yield from batches(Whole(rated), 1, workers)
    for sample in batches(samples, 4, workers):
        yield sample.clean, sample.score
        yield sample.milder, sample.milder_score
        yield sample.stronger, sample.stronger_score

"""A network's head, solved for what its backbone sees of photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.rating_head import Rater, Seen
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.training.samples import Samples, Whole, batches, images

_WHOLE_DAMAGED = 3  # of so many whole photos one is damaged as well


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
    for shown, wanted, rated in photos:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=bfloat16_pays(device, gradients=False)):
            statistics = model.statistics(images(shown, device)).float().cpu()
        yield Seen(statistics, wanted.float(), rated)


def photos(rated: Sequence[Rated], samples: Samples, workers: int) -> Iterator[Seen]:
    """What a head is solved for: whole photos, as they are, reduced, damaged; then crops, clean and damaged."""
    some, seed = rated[::_WHOLE_DAMAGED], samples.seed
    as_rated = Whole(rated), Whole(rated, reduced=True), Whole(rated[::2], reduced=True, recompressed=True)
    for whole in (*as_rated, Whole(some, seed), Whole(some, seed, reduced=True)):
        for shown, wanted in batches(whole, 1, workers):
            yield Seen(shown, wanted, whole in as_rated)
    for sample in batches(samples, 4, workers):
        yield Seen(sample.clean, sample.score, False)
        yield Seen(sample.milder, sample.milder_score, False)
        yield Seen(sample.stronger, sample.stronger_score, False)

"""What a model is shown while it learns: each photo as it is, and once more damaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from camofilter.biqa.fit import cover, jpeg
from camofilter.biqa.training.distortions import damaged, levels
from camofilter.biqa.training.ratings import Rated
from camofilter.photo import open_photo

# Sides of the crops in pixels: people judged the whole photo, so its crop is large; damage shows anywhere.
_CLEAN, _DAMAGED = 384, 256
_COVERED = (512, 384)  # a photo is made so small that it just covers this
_RECOMPRESSED = 0.5  # of all crops, at these qualities: platforms do it, people hardly see it
_QUALITIES = (80, 97)


class Sample(NamedTuple):
    """One photo twice; tensors of a batch have one more dimension in front.

    Attributes:
        clean: 3×384×384 uint8.
        score: what people gave the photo, 0 to 100.
        damaged: 3×256×256 uint8, a part of it.
        damaged_score: the score times the share that the damage leaves.
    """

    clean: Tensor
    score: Tensor
    damaged: Tensor
    damaged_score: Tensor


class Samples(Dataset[Sample]):
    """An endless row of samples. Sample i depends on the seed and i alone, so that training resumes anywhere.

    Args:
        rated: the photos to learn from.
        seed: of crops, damage and order.
        start, count: which part of the row this is.
    """

    def __init__(self, rated: Sequence[Rated], seed: int, start: int, count: int) -> None:
        self._rated, self._seed, self._start, self._count = rated, seed, start, count
        self._order = (-1, np.empty(0, int))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        number = self._start + index
        rng = np.random.default_rng((self._seed, number))
        rated = self._rated[self._which(number)]
        clean = _crop(cover(open_photo(rated.photo).pixels, _COVERED), _CLEAN, rng)
        clean = clean[:, ::-1] if rng.random() < 0.5 else clean
        part = _crop(clean, _DAMAGED, rng).astype(np.float32) / 255
        changed, share = damaged(part, rng)
        return Sample(
            _planes(_recompressed(clean, rng)),
            torch.tensor(rated.score),
            _planes(_recompressed(levels(changed), rng)),
            torch.tensor(rated.score * share),
        )

    def _which(self, number: int) -> int:
        """The photo of a sample: every photo once an epoch, each epoch in another order."""
        epoch, place = divmod(number, len(self._rated))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng((self._seed, epoch, 0)).permutation(len(self._rated)))
        return int(self._order[1][place])


def _crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = (rng.integers(0, length - side, endpoint=True) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def _recompressed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() >= _RECOMPRESSED:
        return pixels
    return jpeg(np.ascontiguousarray(pixels), int(rng.integers(*_QUALITIES, endpoint=True)))


def _planes(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))

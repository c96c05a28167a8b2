"""What a model is shown while it learns: each photo as it is, and twice a part of it, damaged mildly and more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from camofilter.biqa.fit import cover, fit, jpeg
from camofilter.biqa.target import default_frame
from camofilter.biqa.training.distortions import damaged, damaged_twice, levels
from camofilter.biqa.training.ratings import Rated
from camofilter.photo import open_photo

# Of all crops, in pixels. Were those of damaged photos smaller, a network would tell damage by the size: zeros around a
# small crop have a larger share in its statistics.
SIDE = 288
_COVERED = (512, 384)  # a photo is made so small that it just covers this
_AT_ITS_SIZE = 0.4  # share of damaged parts that are not reduced afterwards
_RECOMPRESSED = 0.5  # of all crops, at these qualities: platforms do it, people hardly see it
_QUALITIES = (80, 97)
_SMALLER = (1.2, 2.0)  # factors by which whole photos are reduced
_PASSED_ON = (60, 96)  # qualities at which reduced ones are recompressed


class Sample(NamedTuple):
    """One photo three times; tensors of a batch have one more dimension in front.

    Attributes:
        clean: 3×288×288 uint8.
        score: what people gave the photo, 0 to 100.
        milder: 3×288×288 uint8, a part of it, damaged or not.
        milder_score: the score times the share that the damage leaves.
        stronger: the same part with more of the same damage.
        stronger_score: its score likewise.
    """

    clean: Tensor
    score: Tensor
    milder: Tensor
    milder_score: Tensor
    stronger: Tensor
    stronger_score: Tensor


class Samples(Dataset[Sample]):
    """An endless row of samples. Sample i depends on the seed and i alone, so that training resumes anywhere.

    Args:
        rated: the photos to learn from.
        seed: of crops, damage and order.
        start, count: which part of the row this is.
        reduced: the factor by which damaged parts are made smaller at most. 1 for damage at the judge's own size
            alone; above it, models learn what is left of the damage of a larger photo.
    """

    def __init__(self, rated: Sequence[Rated], seed: int, start: int, count: int, reduced: float = 2.0) -> None:
        self._rated, self.seed, self._start, self._count = rated, seed, start, count
        self._reduced = reduced
        self._order = (-1, np.empty(0, int))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        number = self._start + index
        rng = np.random.default_rng((self.seed, number))
        rated = self._rated[self._which(number)]
        pixels = open_photo(rated.photo).pixels
        pixels = pixels[:, ::-1] if rng.random() < 0.5 else pixels
        clean = _crop(cover(pixels, _COVERED), SIDE, rng)
        part, smaller = self._part(pixels, rng)
        quality = int(rng.integers(*_QUALITIES, endpoint=True)) if rng.random() < _RECOMPRESSED else None
        (milder, milder_share), (stronger, stronger_share) = damaged_twice(part.astype(np.float32) / 255, rng, smaller)
        return Sample(
            _planes(clean, quality),
            torch.tensor(rated.score),
            _planes(_reduced(levels(milder)), quality),
            torch.tensor(rated.score * milder_share),
            _planes(_reduced(levels(stronger)), quality),
            torch.tensor(rated.score * stronger_share),
        )

    def _part(self, pixels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A square part to be damaged, and the factor by which it is then reduced to its 288 pixels."""
        smaller = 1.0 if rng.random() < _AT_ITS_SIZE else rng.uniform(1, self._reduced)
        # As large as the photo allows: enlarging it would invent a photo without detail.
        room = min(pixels.shape[1] / _COVERED[0], pixels.shape[0] / _COVERED[1])
        scale = min(smaller, max(1.0, room))
        covering = cover(pixels, (round(_COVERED[0] * scale), round(_COVERED[1] * scale)))
        side = min(round(SIDE * smaller), *covering.shape[:2])
        return _crop(covering, side, rng), side / SIDE

    def _which(self, number: int) -> int:
        """The photo of a sample: every photo once an epoch, each epoch in another order."""
        epoch, place = divmod(number, len(self._rated))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng((self.seed, epoch, 0)).permutation(len(self._rated)))
        return int(self._order[1][place])


class Whole(Dataset[tuple[Tensor, float]]):
    """Photos as a judge sees them, 3×384×512 or, upright ones, 3×512×384 uint8, and their scores.

    Args:
        rated: the photos.
        damage_seed: None for the photos as they are; else each is damaged by dice of this seed, and its score is the
            share of people's that the damage leaves.
        reduced: makes the photos smaller than that, each by another factor. What is learned from are JPEGs, and so
            small they have no trace of it left: who never saw such photos takes fine texture without a trace for noise.
        recompressed: makes JPEGs of them once more, which people hardly see.
    """

    def __init__(
        self,
        rated: Sequence[Rated],
        damage_seed: int | None = None,
        *,
        reduced: bool = False,
        recompressed: bool = False,
    ) -> None:
        self._rated, self._damage_seed, self._reduced, self._recompressed = rated, damage_seed, reduced, recompressed

    def __len__(self) -> int:
        return len(self._rated)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        rated = self._rated[index]
        pixels = open_photo(rated.photo).pixels
        dice = np.random.default_rng((self._damage_seed or 0, index))
        smaller = dice.uniform(*_SMALLER) if self._reduced else 1.0
        width, height = (round(side / smaller) for side in default_frame(pixels.shape[1], pixels.shape[0]))
        pixels, share = fit(pixels, (width, height)), 1.0
        if self._damage_seed is not None:
            changed, share = damaged(pixels.astype(np.float32) / 255, dice)
            pixels = levels(changed)
        return _planes(pixels, int(dice.integers(*_PASSED_ON)) if self._recompressed else None), rated.score * share


def batches(samples: Dataset[Any], size: int, workers: int) -> Iterator[Any]:
    """Samples in batches of a size, prepared by so many processes."""
    # The main process is busy with the model; a worker must not fight with it for its threads.
    return iter(DataLoader(samples, size, num_workers=workers, worker_init_fn=_single_threaded))


def _single_threaded(_: int) -> None:
    torch.set_num_threads(1)


def images(photos: Tensor, device: str) -> Tensor:
    """B×3×H×W uint8 photos of a batch as a network takes them, in [0, 1], on its device."""
    return photos.to(device, memory_format=torch.channels_last).float() / 255


def _crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = (rng.integers(0, length - side, endpoint=True) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def _reduced(pixels: np.ndarray) -> np.ndarray:
    if len(pixels) == SIDE:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _planes(pixels: np.ndarray, quality: int | None) -> Tensor:
    """H×W×3 pixels as 3×H×W, recompressed unless the quality is None."""
    pixels = np.ascontiguousarray(pixels)
    return torch.from_numpy((pixels if quality is None else jpeg(pixels, quality)).transpose(2, 0, 1).copy())

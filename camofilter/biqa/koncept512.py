"""KonCept512, the judge of the MediaEval 2020 Pixel Privacy task (Hosu et al. 2020, arXiv 1910.06180).

The layout is that of the PyTorch weights which the task's organisers published, which differs from the paper's Keras
model in how it pools. The weights come from a person's own download.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from camofilter.biqa import as_image
from camofilter.biqa.folding import ready
from camofilter.biqa.inception_resnet_v2 import InceptionResNetV2
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale, Target
from camofilter.biqa.weight_files import load_state
from camofilter.errors import PhotoError, UsageError

NAME = "koncept512"

# Shortest and longest side of which 8 to 15 cells remain, one full window of the pooling.
SIDES = (299, 554)

# Of photos of KonIQ-10k at 512×384, published with the weights.
PUBLISHED_SCORES = {
    "10990887046.jpg": 58.59065,
    "11396447303.jpg": 67.12537,
    "107505789.jpg": 57.88756,
    "10692667386.jpg": 65.55704,
}

# Sums of floats in another order, and another JPEG decoder, move a score by some hundredths; a wrong layer, crop or
# order of channels by whole points.
TOLERANCE = 0.1


class KonCept512(nn.Module):
    """RGB in [0, 1], B×3×H×W with both sides from 299 to 554 → B mean opinion scores, about 0..100, not clamped.

    Submodule names are those of the published weights. The mean is taken over the top left 8×8 cells of the last maps
    only, 64 of the 140 of a 512×384 photo: published weights have been trained so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.base = InceptionResNetV2()
        self.pool = nn.AvgPool2d(8)
        layers: list[nn.Module] = []
        for before, after, dropout in ((1536, 2048, 0.25), (2048, 1024, 0.25), (1024, 256, 0.5)):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.BatchNorm1d(after), nn.Dropout(dropout)]
        self.fc = nn.Sequential(*layers, nn.Linear(256, 1))

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image.

        Raises:
            UsageError: the image has a side of which the pooling makes no or several cells.
        """
        height, width = image.shape[2:]
        if not all(SIDES[0] <= side <= SIDES[1] for side in (height, width)):
            raise UsageError(
                f"KonCept512 was given {width}×{height} pixels: expected sides from {SIDES[0]} to {SIDES[1]}, such as "
                "512×384"
            )
        features = self.pool(self.base((image - 0.5) / 0.5)).flatten(1)
        score: Tensor = self.fc(features).squeeze(1)
        return score


def network() -> nn.Module:
    """The network that the weight files are for, its weights random."""
    return KonCept512()


def load(path: Path) -> KonCept512:
    """KonCept512 ready to judge: frozen, batch norms of convolutions folded, float32.

    Args:
        path: KonCept512.pth, or that file converted.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    model = KonCept512()
    load_state(
        model,
        path,
        expected="KonCept512.pth (about 240 MB), published by the task's organisers with the repository "
        "github.com/ZhengyuZhao/koniq-PyTorch: download it and give its path",
    )
    return ready(model)


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """KonCept512 as :func:`camofilter.biqa.get` hands it out; ``weights`` is the path of its weight file."""
    return ModelTarget(NAME, scale, load(Path(weights or "KonCept512.pth")))


class Comparison(NamedTuple):
    """A photo's published score beside the one measured here."""

    photo: str
    published: float
    score: float

    @property
    def difference(self) -> float:
        """Measured less published, in points."""
        return self.score - self.published

    @property
    def agrees(self) -> bool:
        """Whether the difference is within :data:`TOLERANCE`."""
        return abs(self.difference) <= TOLERANCE


def check(target: Target, photos: Path) -> list[Comparison]:
    """Compares a target's scores with the published ones, photo by photo, on the decoded pixels as they are.

    Args:
        target: KonCept512 with the weights to be checked.
        photos: a folder with the photos of :data:`PUBLISHED_SCORES`, from KonIQ-10k at 512×384.

    Raises:
        UsageError: a photo is not there or not 512×384.
        PhotoError: a photo cannot be read.
    """
    missing = [name for name in PUBLISHED_SCORES if not (photos / name).is_file()]
    if missing:
        raise UsageError(f"{photos}: lacks {', '.join(missing)}; expected these photos of KonIQ-10k at 512×384")
    with torch.inference_mode():
        return [
            Comparison(name, published, float(target.score(as_image(_pixels(photos / name)))))
            for name, published in PUBLISHED_SCORES.items()
        ]


def _pixels(path: Path) -> np.ndarray:
    """Plainly decoded, as the published scores were: no colour profile, no orientation."""
    try:
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB"))
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error})") from None
    if pixels.shape != (384, 512, 3):
        size = f"{pixels.shape[1]}×{pixels.shape[0]}"
        raise UsageError(f"{path}: {size} pixels, expected KonIQ-10k's version of 512×384")
    return pixels

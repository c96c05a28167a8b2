"""The ladders of the training's distortions beside what people said of KADID-10k.

``python benchmarks/grades.py dmos.csv PHOTOS``: for each distortion with a counterpart in KADID-10k, its share of the
opinion score at KADID's five levels, by KADID's observers and by ours. ``dmos.csv`` is KADID's table; of its pictures
none is needed. PHOTOS is a folder of undamaged photos (``../shared/photos/kodak``) on which amounts are matched where
KADID's formula is another than ours.

KADID-10k: H. Lin, V. Hosu and D. Saupe, "KADID-10k: A Large-scale Artificially Distorted IQA Database", QoMEX 2019: 81
photos of 512×384 pixels, 25 distortions, 5 levels, 30 ratings each by crowd workers who saw the undamaged photo beside
it (degradation category rating, 5 imperceptible to 1 very annoying; the column is called DMOS, and more is better).
The levels are those of the generator that is published with it, ``imdist_generator.m``.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.interpolate import CubicSpline

from camofilter.biqa.training.distortions import DISTORTIONS, Distortion

Damage = Callable[[np.ndarray, float], np.ndarray]
Scores = Mapping[tuple[int, int], np.ndarray]  # of distortion and level, each from 1: of each photo, 0 to 1

WIDTH = 512  # pixels: of KADID's photos, and of those that our ladders were graded on
UNTOUCHED = ((1, 1), (3, 1), (8, 1), (18, 3))  # σ 0.1, a line of one pixel, chroma × 1, shift 0: the photo as it was
DIFFERENT = 0.1  # a share this far away is a clear difference


@dataclass(frozen=True)
class Counterpart:
    """A distortion of KADID-10k that does what one of ours does.

    Attributes:
        name: of ours.
        kind: number of theirs, 1 to 25.
        amounts: of those of their levels that are damage, in our unit or in theirs if there is a formula.
        first: which level the first amount is; the others follow.
        theirs: their formula where it is another than ours: photo, their amount → photo.
        same: whether both do the same at the same amount, not only much the same.
    """

    name: str
    kind: int
    amounts: tuple[float, ...]
    first: int = 1
    theirs: Damage | None = None
    same: bool = False


def through(photo: np.ndarray, x: Sequence[float], y: Sequence[float]) -> np.ndarray:
    """Each value through the cubic (of three points: the parabola) through these points and the corners."""
    return np.asarray(CubicSpline((0, *x, 1), (0, *y, 1))(photo).clip(0, 1))


def middle_moved(photo: np.ndarray, amount: float) -> np.ndarray:
    """KADID's brightening (up) and darkening (down): the middle moves by half the amount, the ends stay."""
    return through(photo, (0.5,), (0.5 + amount / 2,))


def s_curve(photo: np.ndarray, amount: float) -> np.ndarray:
    """KADID's contrast, harder above 0 and flatter below: an S-curve that holds the middle and the ends."""
    return through(photo, (0.3, 0.5, 0.7), (0.25 - amount / 4, 0.5, 0.75 + amount / 4))


def sharpened(photo: np.ndarray, amount: float) -> np.ndarray:
    """KADID's sharpening: unsharp masking of the lightness with a radius of three pixels."""
    light = photo.mean(-1)
    return np.asarray((photo + amount * (light - ndimage.gaussian_filter(light, 3.0))[..., None]).clip(0, 1))


def deviation(sigma: float) -> float:
    """Of the samples of a Gaussian cut off at twice its σ, as KADID's are."""
    x = np.arange(-np.ceil(2 * sigma), np.ceil(2 * sigma) + 1)
    weight = np.exp(-0.5 * (x / sigma) ** 2)
    return float(np.sqrt((weight * x**2).sum() / weight.sum()))


COUNTERPARTS = (
    Counterpart("gaussian blur", 1, tuple(deviation(sigma) for sigma in (0.5, 1, 2, 5)), first=2, same=True),
    Counterpart("defocus", 2, (1, 2, 4, 6, 8), same=True),
    Counterpart("motion blur", 3, (2, 4, 6, 10), first=2, same=True),
    Counterpart("white noise", 11, tuple(v**0.5 for v in (0.001, 0.002, 0.003, 0.005, 0.01)), same=True),
    Counterpart("JPEG", 10, (43, 36, 24, 7, 4), same=True),
    Counterpart("resampling", 21, tuple(1 / (0.95 - s**0.6) for s in (0.01, 0.05, 0.1, 0.2, 0.5))),
    Counterpart("oversharpening", 24, (1, 2, 3, 6, 12), theirs=sharpened),
    Counterpart("banding", 22, (21, 17, 14, 11, 8)),  # theirs are 20, 16, … thresholds
    Counterpart("underexposure", 17, (-0.05, -0.1, -0.2, -0.4, -0.8), theirs=middle_moved),
    Counterpart("overexposure", 16, (0.1, 0.2, 0.4, 0.7, 1.1), theirs=middle_moved),
    Counterpart("flatness", 25, (-0.4, -0.6), first=4, theirs=s_curve),
    Counterpart("hardness", 25, (0.3, 0.15, 0), theirs=s_curve),
    Counterpart("oversaturation", 8, (2, 3, 6, 9), first=2),
    Counterpart("paleness", 7, (0.4, 0.2, 0.1, 0)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dmos", type=Path, help="KADID-10k's dmos.csv")
    parser.add_argument("photos", type=Path, help="folder of undamaged photos")
    options = parser.parse_args()
    scores = read(options.dmos)
    photos = [opened(path) for path in sorted(options.photos.iterdir()) if path.suffix.lower() in (".jpg", ".png")]
    untouched = np.mean([scores[level] for level in UNTOUCHED], axis=0)
    print(f"undamaged, 0 to 1: {untouched.mean():.3f} of {untouched.size} photos\n")
    print("| distortion | amount | people | ± of photos | ours | difference | |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    ladders = {distortion.name: distortion for distortion in DISTORTIONS}
    for counterpart in COUNTERPARTS:
        print_rows(counterpart, ladders[counterpart.name], scores, untouched, photos)


def print_rows(
    counterpart: Counterpart,
    ours: Distortion,
    scores: Scores,
    untouched: np.ndarray,
    photos: Sequence[np.ndarray],
) -> None:
    """A line for each level that is on our ladder."""
    for level, amount in enumerate(matched(counterpart, ours, photos), counterpart.first):
        if not min(ours.amounts) <= amount <= max(ours.amounts):
            continue
        found = scores[counterpart.kind, level]
        people = found.mean() / untouched.mean()
        kept = share(ours, amount)
        row = (
            ours.name,
            f"{amount:.3g} {ours.unit}",
            f"{people:.2f}",
            f"{(found / untouched).std():.2f}",
            f"{kept:.2f}",
            f"{kept - people:+.2f}{' !' if abs(kept - people) > DIFFERENT else ''}",
            "same" if counterpart.same else "near",
        )
        print(f"| {' | '.join(row)} |")


def read(table: Path) -> Scores:
    """KADID's scores, 1 to 5 brought to 0 to 1; also of a table that holds only names and scores."""
    found: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    with table.open(newline="") as file:
        for row in csv.reader(file):
            if name := re.fullmatch(r"I(\d+)_(\d+)_(\d+)\.png", row[0].strip()):
                photo, kind, level = map(int, name.groups())
                found[kind, level][photo] = (float(row[1 if len(row) == 2 else 2]) - 1) / 4
    if not found:
        raise SystemExit(f"{table}: no lines that begin with a name like I01_01_01.png; KADID-10k's dmos.csv is wanted")
    return {key: np.array([of[photo] for photo in sorted(of)]) for key, of in found.items()}


def opened(path: Path) -> np.ndarray:
    """A photo, WIDTH pixels wide, H×W×3 float32 in [0, 1]."""
    with Image.open(path) as image:
        size = WIDTH, round(WIDTH * image.height / image.width)
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / 255


def share(ours: Distortion, amount: float) -> float:
    """Kept share at an amount of the ladder, between its rungs on straight lines."""
    order = np.argsort(ours.amounts)
    return float(np.interp(amount, np.array(ours.amounts)[order], np.array(ours.kept)[order]))


def matched(counterpart: Counterpart, ours: Distortion, photos: Sequence[np.ndarray]) -> list[float]:
    """Their amounts in our unit; where the formulas differ, those that change the photos by the same root mean square.

    NaN where nothing on our ladder changes them so much.
    """
    theirs = counterpart.theirs
    if theirs is None:
        return list(counterpart.amounts)
    rng = np.random.default_rng(0)  # none of those that are matched throws dice

    def damaged(photo: np.ndarray, amount: float) -> np.ndarray:
        return ours(photo, amount, rng)

    ladder = np.interp(np.linspace(0, 1, 25), np.linspace(0, 1, len(ours.amounts)), ours.amounts)
    changes = [0.0, *(change(photos, damaged, amount) for amount in ladder[1:])]
    wanted = [change(photos, theirs, amount) for amount in counterpart.amounts]
    return [float(amount) for amount in np.interp(wanted, changes, ladder, right=np.nan)]


def change(photos: Sequence[np.ndarray], damage: Damage, amount: float) -> float:
    """Root mean square by which all photos change."""
    return float(np.sqrt(np.mean([np.mean((damage(photo, amount) - photo) ** 2) for photo in photos])))


if __name__ == "__main__":
    main()

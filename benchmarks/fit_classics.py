"""Fits the shipped NIQE and BRISQUE to BIQ2021 and measures them; ``docs/classic_models.md`` has the figures.

Run ``python benchmarks/fit_classics.py BIQ2021 OUT [--mos FOLDER] [--pristine FOLDER] [--niqe PARAMS.npz]
[--brisque MODEL.yml]``. BIQ2021 holds the data set's two csv files and ``Images``. The weights are written to OUT: once
copied to ``camofilter/biqa/weights`` their digests, which are printed, belong in ``niqe.py`` and ``brisque.py``. --mos
holds a ``mos.csv`` for a second agreement, --pristine photos for the table of what the models see; PARAMS.npz and
MODEL.yml are measured like ours.

Everything is chosen on photos of BIQ2021's training split, some of which are held out; test photos are only measured.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machine import keep
from safetensors.torch import save_file
from torch import Tensor

from camofilter.biqa import DELIVERY_QUALITY, KNOWN, as_image, brisque, niqe
from camofilter.biqa.fit import fit, jpeg
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import default_frame
from camofilter.biqa.training.agreement import figures
from camofilter.biqa.training.distortions import damaged
from camofilter.biqa.training.ratings import Rated, Split, read
from camofilter.biqa.training.robustness import Fall, robustness
from camofilter.cores import cores
from camofilter.photo import open_photo

MADE_FROM = "BIQ2021 training split, doi 10.1117/1.JEI.31.5.053010; benchmarks/fit_classics.py"
TRAIN, HELD_OUT, TEST = 1000, 300, 500  # photos, of each split the same in every run
# NIQE is fitted to the sharpest of the photos that people like, and of these to the blocks that have at least this
# share of the sharpest block's sharpness; 125 photos and the share are the paper's.
LIKED, POOL, PRISTINE, SHARP = 80, 300, 125, 0.75
VECTORS = 600
GAMMAS, RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3), (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)

Model = niqe.NIQE | brisque.BRISQUE
Table = tuple[np.ndarray, np.ndarray]  # N×36 of BRISQUE's features and N opinions


class Described(NamedTuple):
    """What NIQE sees in the 20 blocks of N photos, what BRISQUE sees in the whole, and what people think of them."""

    blocks: Tensor
    textured: Tensor
    features: Tensor
    opinions: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("biq2021", type=Path)
    parser.add_argument("out", type=Path)
    for option in ("--mos", "--pristine", "--niqe", "--brisque"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--workers", type=int, default=cores())
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.workers) as workers:
        keep("fit_classics", fitted_and_measured(options, workers))


def fitted_and_measured(options: argparse.Namespace, workers: Executor) -> dict[str, Any]:
    images = options.biq2021 / "Images"
    rated = read(options.biq2021 / "Train (Images and MOS).csv", images)
    held_out = drawn(rated, "validation", HELD_OUT)

    fitted = {
        "niqe": pristine(drawn([photo for photo in rated if photo.score >= LIKED], "train", POOL), workers),
        "brisque": regression(both(drawn(rated, "train", TRAIN), workers), both(held_out, workers)),
    }
    for name, parameters in fitted.items():
        path = options.out / f"{name}.safetensors"
        save_file(parameters.state_dict(), path, {"made_from": MADE_FROM})
        print(path, hashlib.sha256(path.read_bytes()).hexdigest())
    ours: dict[str, Model] = {
        "niqe": niqe.load(options.out / "niqe.safetensors"),
        "brisque": brisque.load(options.out / "brisque.safetensors"),
    }
    given: dict[str, Model] = {}
    if options.niqe:
        given["niqe, parameters given"] = niqe.load(options.niqe)
    if options.brisque:
        given["brisque, model given"] = brisque.load(options.brisque)

    official = read(options.biq2021 / "Test (Images and MOS).csv", images, "test")
    tests = {"BIQ2021 test": described(drawn(official, "test", TEST), workers)}
    if options.mos:
        tests["mos.csv test"] = described(drawn(read(options.mos / "mos.csv"), "test", TEST), workers)
    chosen_on = described(held_out, workers)
    results: dict[str, Any] = {name: measured(model, chosen_on, tests) for name, model in (ours | given).items()}
    for name, value in results.items():
        print(name, value)
    if options.pristine:
        results["means over damaged photos"] = seen(ours, sorted(options.pristine.iterdir()), workers)
    return results


def drawn(rated: Sequence[Rated], split: Split, count: int) -> list[Rated]:
    """So many photos of a split, or all if there are fewer; always the same."""
    photos = [photo for photo in rated if photo.split == split]
    return [photos[i] for i in np.random.default_rng(0).permutation(len(photos))[:count]]


def pristine(liked: list[Rated], workers: Executor) -> niqe.NIQE:
    """NIQE fitted to the sharp blocks of the sharpest of these photos."""
    features, textured, sharpness = blocks_of_all(liked, workers)
    sharpest = sharpness.mean(1).argsort(descending=True, stable=True)[:PRISTINE]
    features, textured, sharpness = features[sharpest], textured[sharpest], sharpness[sharpest]
    features = features[textured & (sharpness > SHARP * sharpness.amax(1, keepdim=True))]
    model = niqe.NIQE()
    mean, model.cov_pris_param = niqe.gaussian(features, torch.ones(len(features), dtype=torch.bool))
    model.mu_pris_param = mean[None]
    print(f"NIQE: {len(features)} blocks of {len(sharpest)} photos")
    return model


def regression(train: Table, held_out: Table) -> brisque.BRISQUE:
    """BRISQUE with the kernel's width and the ridge that do best on photos held out."""

    def loss(model: brisque.BRISQUE) -> float:
        found = model.regressed(torch.from_numpy(held_out[0])).numpy()
        return float(np.sqrt(np.mean((found - 100 + held_out[1]) ** 2)))

    losses = {settings: loss(solved(*train, *settings)) for settings in product(GAMMAS, RIDGES)}
    best = min(losses, key=lambda settings: losses[settings])
    print(f"BRISQUE: gamma and ridge {best} of {GAMMAS} and {RIDGES}, held-out rmse {losses[best]:.2f}")
    return solved(*train, *best)


def solved(features: np.ndarray, opinions: np.ndarray, gamma: float, ridge: float) -> brisque.BRISQUE:
    """Kernel ridge regression of faults, 100 less the opinion, on a random few of the photos (Nyström)."""
    model = brisque.BRISQUE(VECTORS)
    low, high = np.percentile(features, (1, 99), axis=0)
    model.low, model.high = torch.from_numpy(low).float(), torch.from_numpy(high).float()
    scaled = 2 * (torch.from_numpy(features) - model.low) / (model.high - model.low) - 1
    faults = torch.from_numpy(100 - opinions)
    chosen = np.random.default_rng(0).permutation(len(scaled))[:VECTORS]
    vectors, offset = scaled[chosen], faults.mean()
    kernel = (-gamma * torch.cdist(scaled, vectors).square()).exp()
    system = kernel.T @ kernel + ridge * (kernel[chosen] + 1e-6 * torch.eye(VECTORS))
    weights = torch.linalg.solve(system, kernel.T @ (faults - offset))
    model.vectors, model.weights, model.offset = vectors.float(), weights.float(), offset.float()
    model.gamma = torch.tensor(gamma)
    return model


def both(rated: list[Rated], workers: Executor) -> Table:
    """Photos as they are and once more damaged, for BRISQUE."""
    fine = workers.map(features, rated, chunksize=8)
    worse, shares = zip(*workers.map(damaged_features, range(len(rated)), rated, chunksize=8), strict=True)
    opinions = np.array([photo.score for photo in rated])
    return np.stack([*fine, *worse]), np.concatenate([opinions, opinions * shares])


def features(photo: Rated) -> np.ndarray:
    return features_of(clean(photo))


def damaged_features(number: int, photo: Rated) -> tuple[np.ndarray, float]:
    """The features of a damaged photo, which half of the time is recompressed as photos are delivered, and the share
    of its score that is left."""
    rng = np.random.default_rng((1, number))
    changed, share = damaged(clean(photo).astype(np.float32) / 255, rng)
    worse = (changed * 255).round().astype(np.uint8)
    return features_of(jpeg(worse, DELIVERY_QUALITY) if rng.random() < 0.5 else worse), share


@torch.inference_mode()
def features_of(pixels: np.ndarray) -> np.ndarray:
    found: np.ndarray = brisque.features(as_image(pixels))[0].numpy()
    return found


def described(rated: list[Rated], workers: Executor) -> Described:
    blocks, textured, _ = blocks_of_all(rated, workers)
    seen_whole = np.stack(list(workers.map(features, rated, chunksize=8)))
    return Described(blocks, textured, torch.from_numpy(seen_whole), np.array([photo.score for photo in rated]))


def blocks_of_all(rated: list[Rated], workers: Executor) -> tuple[Tensor, ...]:
    """N×20×36 features, N×20 whether textured, N×20 sharpness."""
    found = workers.map(blocks_of, rated, chunksize=8)
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*found, strict=True))


@torch.inference_mode()
def blocks_of(photo: Rated) -> tuple[np.ndarray, ...]:
    return tuple(part[0].numpy() for part in niqe.block_features(as_image(clean(photo))))


def clean(photo: Rated) -> np.ndarray:
    pixels = open_photo(photo.photo).pixels
    return fit(pixels, default_frame(pixels.shape[1], pixels.shape[0]))


def measured(model: Model, held_out: Described, tests: dict[str, Described]) -> dict[str, Any]:
    """A threshold and the range of the scores on photos held out; how well the model agrees on test photos."""
    scores = faults(model, held_out)
    threshold, accuracy = best_split(scores, held_out.opinions)
    return {
        "range": [round(float(end), 2) for end in np.percentile(scores, (1, 99))],
        "threshold": round(threshold, 2),
        "balanced accuracy": round(accuracy, 4),
    } | {name: agreeing(model, photos, threshold) for name, photos in tests.items()}


def agreeing(model: Model, photos: Described, threshold: float) -> dict[str, float]:
    """Agreement of 50 plus the threshold less the scores, which thereby fall on the same side of 50 as of it."""
    scores = faults(model, photos)
    found = figures(50 + threshold - scores, photos.opinions)
    named = {"photos": found.photos, "srocc": found.srocc, "plcc": found.plcc, "right side": found.right_side}
    named["people's above 50"] = float(np.mean(photos.opinions > 50))
    if isinstance(model, brisque.BRISQUE):  # its scores have people's unit
        at_50 = figures(100 - scores, photos.opinions)
        named |= {"right side of 50": at_50.right_side, "rmse": at_50.rmse}
    return {name: round(value, 4) for name, value in named.items()}


def faults(model: Model, photos: Described) -> np.ndarray:
    if isinstance(model, niqe.NIQE):
        return model.distance(photos.blocks, photos.textured).numpy()
    return model.regressed(photos.features).numpy()


def best_split(scores: np.ndarray, opinions: np.ndarray) -> tuple[float, float]:
    """The threshold that best parts opinions below 50 from those above, and its balanced accuracy."""
    bad, good = scores[opinions < 50], scores[opinions > 50]
    candidates = np.quantile(scores, np.linspace(0.02, 0.98, 400))
    accuracies = [((bad > t).mean() + (good < t).mean()) / 2 for t in candidates]
    best = int(np.argmax(accuracies))
    return float(candidates[best]), float(accuracies[best])


def seen(models: dict[str, Model], photos: list[Path], workers: Executor) -> dict[str, Any]:
    """Mean scores along every ladder of damage, printed as a Markdown table and handed back."""
    ladders = {}
    for name, model in models.items():
        target = ModelTarget(name, KNOWN[name].scale, model)
        ladders[name] = list(map(mean, *workers.map(partial(robustness, target), [[photo] for photo in photos])))
    print("| damage | " + " | ".join(ladders) + " |")
    for falls in zip(*ladders.values(), strict=True):
        print(f"| {falls[0].distortion} ({falls[0].unit}) | " + " | ".join(map(in_words, falls)) + " |")
    return {name: {fall.distortion: along(fall) for fall in falls} for name, falls in ladders.items()}


def mean(*falls: Fall) -> Fall:
    """One ladder's mean over photos."""
    return replace(falls[0], scores=tuple(map(float, np.mean([fall.scores for fall in falls], 0))))


def in_words(fall: Fall) -> str:
    """The ladder's mean scores, with a + where every step of damage raises them."""
    return ", ".join(f"{a:g}: {s:.1f}" for a, s in along(fall).items()) + (" +" if fall.is_strict(falls=False) else "")


def along(fall: Fall) -> dict[float, float]:
    return {amount: round(score, 2) for amount, score in zip(fall.amounts, fall.scores, strict=True)}


if __name__ == "__main__":
    main()

"""Fits the shipped WaveletIQA to BIQ2021 and measures it; ``docs/wavelet_iqa.md`` has the figures.

Run ``python benchmarks/fit_wavelet_iqa.py BIQ2021 KEPT [--photos FOLDER] [--mos FOLDER]``. BIQ2021 holds the data set's
two csv files and ``Images``; the statistics of its photos are kept in KEPT, since they take half an hour. The weights
are written there too: once copied to ``camofilter/biqa/weights`` their digest belongs in ``wavelet_iqa.py``. --photos
holds pristine photos for the table of what the model sees, --mos a ``mos.csv`` for a second agreement.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machine import keep, median_ms
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa import as_image, wavelet_iqa
from camofilter.biqa.fit import cover, fit, jpeg
from camofilter.biqa.target import default_frame
from camofilter.biqa.training import distortions
from camofilter.biqa.training.agreement import Agreement, agreement, figures
from camofilter.biqa.training.ratings import Rated, read
from camofilter.biqa.wavelets import statistics
from camofilter.photo import open_photo

Row = tuple[np.ndarray, float]  # an image, H×W×3 uint8, and its score
Prepare = Callable[[Rated, np.random.Generator], Row]

MADE_FROM = "BIQ2021 training split, doi 10.1117/1.JEI.31.5.053010; benchmarks/fit_wavelet_iqa.py"
CLEAN, DAMAGED = 5500, 2000  # training photos that are learned from as they are, and also damaged
EPOCHS, BATCH, RATE, WEIGHT_DECAY = 16, 256, 1e-3, 0.1
SHAKEN = 0.1  # noise on standardised statistics while learning, in deviations
LADDERS = {
    "white noise": (distortions.white_noise, (0.02, 0.04, 0.08, 0.12, 0.18)),
    "JPEG": (distortions.jpeg, (75, 50, 30, 20, 12, 8, 5)),
    "gaussian blur": (distortions.gaussian_blur, (0.5, 1, 1.5, 2, 3, 4)),
    "contrast": (distortions.contrast, (0.8, 0.6, 0.4, 0.3, 0.22)),
    "exposure": (distortions.exposure, (-0.5, -1, -2, -3)),
}


class Table(NamedTuple):
    """Photos as the network sees them: N×398 statistics, N scores from 0 to 100, N marks of those held out."""

    statistics: Tensor
    scores: Tensor
    held_out: Tensor

    def part(self, chosen: Tensor) -> Table:
        return Table(*(column[chosen] for column in self))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("biq2021", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--mos", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.kept.mkdir(parents=True, exist_ok=True)
    train, test = (
        read(options.biq2021 / f"{split} (Images and MOS).csv", options.biq2021 / "Images")
        for split in ("Train", "Test")
    )
    clean = table(options.kept / "clean.npz", train, CLEAN, as_it_is)
    damaged = table(options.kept / "damaged.npz", train, DAMAGED, damaged_part)

    weights = options.kept / "wavelet_iqa.safetensors"
    save_file(fitted(clean, damaged).half().state_dict(), weights, {"made_from": MADE_FROM})
    model = wavelet_iqa.load(weights)
    results: dict[str, Any] = {
        "held out": rounded(judged(model, clean.part(clean.held_out))),
        "held out, damaged": rounded(judged(model, damaged.part(damaged.held_out))),
        "BIQ2021 test": rounded(judged(model, table(options.kept / "test.npz", test, len(test), as_it_is))),
        "milliseconds at 512×384, one thread": speed(model),
    }
    if options.mos:
        rated = [photo for photo in read(options.mos / "mos.csv") if photo.split == "test"]
        results["mos.csv test"] = rounded(agreement(model, rated))
    if options.photos:
        results["means over damaged photos"] = seen(model, sorted(options.photos.iterdir()))
    for name, value in results.items():
        print(name, value)
    keep("fit_wavelet_iqa", results)


def table(kept: Path, rated: list[Rated], number: int, prepare: Prepare) -> Table:
    """The statistics of so many photos, computed once."""
    if not kept.exists():
        order = np.random.default_rng(0).permutation(len(rated))[:number]
        rows = [prepare(rated[i], np.random.default_rng((7, int(i)))) for i in order]
        np.savez(
            kept,
            statistics=np.stack([of(pixels) for pixels, _ in rows]),
            scores=np.array([score for _, score in rows], np.float32),
            held_out=np.array([rated[i].split == "validation" for i in order]),
        )
    with np.load(kept) as columns:
        return Table(*(torch.from_numpy(columns[name]) for name in Table._fields))


def as_it_is(photo: Rated, _: np.random.Generator) -> Row:
    """The photo as it is."""
    pixels = open_photo(photo.photo).pixels
    return fit(pixels, default_frame(pixels.shape[1], pixels.shape[0])), photo.score


def damaged_part(photo: Rated, rng: np.random.Generator) -> Row:
    """Any part of the photo, damaged, half of the time recompressed; and what it is worth."""
    pixels = open_photo(photo.photo).pixels
    width, height = default_frame(pixels.shape[1], pixels.shape[0])
    whole = cover(pixels, (width, height))
    left, top = (
        int(rng.integers(0, spare, endpoint=True)) for spare in (whole.shape[1] - width, whole.shape[0] - height)
    )
    part = whole[top : top + height, left : left + width].astype(np.float32) / 255
    changed, share = distortions.damaged(part, rng)
    worse = (changed * 255).round().astype(np.uint8)
    return jpeg(worse, int(rng.integers(80, 98))) if rng.random() < 0.5 else worse, photo.score * share


def of(pixels: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = statistics(as_image(pixels))[0].numpy()
    return found


def fitted(clean: Table, damaged: Table) -> wavelet_iqa.WaveletIQA:
    """The model with each of its networks at the moment that agreed best with the photos held out."""
    train = [part.part(~part.held_out) for part in (clean, damaged)]
    held_out = [part.part(part.held_out) for part in (clean, damaged)]
    both = torch.cat([part.statistics for part in train])
    torch.manual_seed(0)
    model = wavelet_iqa.WaveletIQA()
    model.mean.copy_(both.mean(0))
    model.deviation.copy_(both.std(0))
    train, held_out = (
        [Table(model.standardised(part.statistics), part.scores, part.held_out) for part in parts]
        for parts in (train, held_out)
    )
    for member in model.members:
        learn(member, train, held_out)
    return model.eval()


def learn(member: nn.Module, train: list[Table], held_out: list[Table]) -> None:
    """Fits one network, half of what it sees being damaged photos; leaves its best weights in it."""
    optimizer = torch.optim.AdamW(member.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 3 * RATE, total_steps=EPOCHS * (len(train[0].scores) // BATCH)
    )
    best, kept = -1.0, member.state_dict()
    for _ in range(EPOCHS):
        member.train()
        for parts in batches(train):
            loss = torch.zeros(())
            for part, share in zip(parts, (10.0, 5.0), strict=True):
                shaken = part.statistics + SHAKEN * torch.randn_like(part.statistics)
                found = wavelet_iqa.score(member, shaken)
                loss = loss + F.smooth_l1_loss(found, part.scores, beta=5.0)
                loss = loss + share * (1 - torch.corrcoef(torch.stack([found, part.scores]))[0, 1])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        member.eval()
        with torch.inference_mode():
            good = float(
                np.mean(
                    [
                        figures(wavelet_iqa.score(member, part.statistics).numpy(), part.scores.numpy()).srocc
                        for part in held_out
                    ]
                )
            )
        if good > best:
            best, kept = good, deepcopy(member.state_dict())
    member.load_state_dict(kept)


def batches(parts: list[Table]) -> Iterator[list[Table]]:
    """Every clean photo once, each batch beside one of damaged photos."""
    orders = [torch.randperm(len(part.scores)) for part in parts]
    for start in range(0, len(orders[0]) - BATCH + 1, BATCH):
        places = torch.arange(start, start + BATCH)
        yield [part.part(order[places % len(order)]) for part, order in zip(parts, orders, strict=True)]


def judged(model: wavelet_iqa.WaveletIQA, photos: Table) -> Agreement:
    with torch.inference_mode():
        return figures(model.judge(photos.statistics).numpy(), photos.scores.numpy())


def rounded(found: Agreement) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(found).items()}


def seen(model: wavelet_iqa.WaveletIQA, photos: list[Path]) -> dict[str, Any]:
    """Mean scores of the photos as they are, and along each ladder of damage."""
    images = []
    for path in photos:
        pixels = open_photo(path).pixels
        images.append(fit(pixels, default_frame(pixels.shape[1], pixels.shape[0])).astype(np.float32) / 255)
    means: dict[str, Any] = {"pristine": mean_score(model, images)}
    for name, (apply, amounts) in LADDERS.items():
        means[name] = {
            f"{amount:g}": mean_score(
                model, [apply(image, amount, np.random.default_rng(n)) for n, image in enumerate(images)]
            )
            for amount in amounts
        }
    return means


def mean_score(model: wavelet_iqa.WaveletIQA, images: list[np.ndarray]) -> float:
    with torch.inference_mode():
        levels = [(image.clip(0, 1) * 255).round().astype(np.uint8) for image in images]
        return round(float(np.mean([float(model(as_image(image))) for image in levels])), 1)


def speed(model: wavelet_iqa.WaveletIQA) -> dict[str, float]:
    image = torch.rand(1, 3, 384, 512)

    def forward() -> None:
        with torch.inference_mode():
            model(image)

    def both() -> None:
        wanted = image.clone().requires_grad_()
        model(wanted).sum().backward()

    return {"score": median_ms(forward, 31), "score and gradient": median_ms(both, 31)}


if __name__ == "__main__":
    main()

"""Stand-ins for judges that no search has seen: small quality models of other families than those that are shipped.

Run ``python benchmarks/stand_ins.py MOS SQUEEZENET OUT [--photos FOLDER] [--pristine FOLDER]``: trains those whose
weights are not in OUT yet, some minutes each on one thread, then measures all. MOS is a folder with a ``mos.csv``
(file, mos from 0 to 1, split), SQUEEZENET the path of squeezenet_places365_f32.npz. --photos holds well liked photos,
whose mean score is told, --pristine a few undistorted ones, whose damage the judges should notice. Another benchmark
gets the judges by :func:`load`.

Nothing of CompactIQA or WaveletIQA goes into them, neither features nor scores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machine import keep, median_ms
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter.biqa import DELIVERY_QUALITY, Scale, Target, delivered_score, places365_squeezenet
from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.fit import fit, jpeg
from camofilter.biqa.folding import ready
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.training import distortions
from camofilter.biqa.training.agreement import figures
from camofilter.biqa.training.ratings import Rated, read
from camofilter.biqa.weight_files import load_state
from camofilter.filters.arrays import luma
from camofilter.photo import open_photo

FRAME = (512, 384)
COPIES = 1  # damaged ones of every training photo
BATCH = 32
FLOOR = 4 / 255  # contrast of a patch that is no longer told from a flat one


def _at(name: str, amount: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    damage = next(damage for damage in distortions.DISTORTIONS if damage.name == name)
    return lambda photo, dice: damage(photo, amount, dice)


DAMAGES = {
    "untouched": lambda photo, dice: photo,
    "blur, σ 2": _at("gaussian blur", 2),
    "noise, σ 0.08": _at("white noise", 0.08),
    "JPEG 10": _at("JPEG", 10),
    "haze, 40 % let through": _at("haze", 0.4),
    "-2 EV": _at("underexposure", -2),
}


class Photos(NamedTuple):
    """N photos as a platform delivers them: N×3×384×512 uint8, and N scores from 0 to 100."""

    images: Tensor
    scores: Tensor


class DeepFeatures(nn.Module):
    """Means and deviations of what SqueezeNet's blocks see of B×3×H×W in [0, 1]: B×2816.

    The network knows scenes and was never told of quality; its features are said to tell of it all the same (Zhang et
    al. 2018, arXiv 1801.03924; of places rather than objects, Bianco et al. 2018, arXiv 1602.05531).

    Args:
        weights: path of squeezenet_places365_f32.npz.
    """

    size = 2 * (128 + 128 + 256 + 384 + 512)

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = places365_squeezenet.load(weights)
        # The mean picture is of one size; its mean colour serves photos of any.
        picture = self.network.get_buffer("mean_bgr_256")
        self.network.register_buffer("mean_bgr_256", picture.mean((1, 2), keepdim=True))
        self._seen: list[Tensor] = []
        for block in ("fire2", "fire3", "fire5", "fire7", "fire9"):
            self.network.get_submodule(block).register_forward_hook(self._look)

    def _look(self, _: nn.Module, __: Any, found: Tensor) -> None:
        self._seen += [found.mean((2, 3)), (found.var((2, 3)) + 1e-6).sqrt()]

    def forward(self, image: Tensor) -> Tensor:
        """The B×2816 features of a B×3×H×W image."""
        self._seen.clear()
        self.network(F.pad(image, (16, 16, 16, 16), "reflect"))  # of which the network cuts off the padding
        return torch.cat(self._seen, 1)


class Codebook(nn.Module):
    """How much of 200 kinds of 7×7 patches is in B×3×H×W in [0, 1], and how much of their negatives: B×400.

    After CORNIA (Ye et al. 2012, CVPR): patches of luma are normalised, whitened and compared with words by their
    product; each word's largest product is taken in every 32×32 pixels, and then the mean, so that a gradient reaches
    the whole photo.
    """

    words: Tensor
    offset: Tensor
    size = 400
    side, stride = 7, 4

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("words", torch.zeros(self.size // 2, 1, self.side, self.side))
        self.register_buffer("offset", torch.zeros(self.size // 2))

    def forward(self, image: Tensor) -> Tensor:
        """The B×400 features of a B×3×H×W image."""
        y = luma(image)
        mean = F.avg_pool2d(y, self.side, self.stride)
        deviation = (F.avg_pool2d(y.square(), self.side, self.stride) - mean.square()).clamp(min=0).add(FLOOR**2).sqrt()
        found = F.conv2d(y, self.words, stride=self.stride) - self.words.sum((1, 2, 3)).view(-1, 1, 1) * mean
        found = found / deviation - self.offset.view(-1, 1, 1)
        return torch.cat([F.max_pool2d(way, 32 // self.stride).mean((2, 3)) for way in (found, -found)], 1)


class Head(nn.Module):
    """B×N features → B scores: standardised, bent so as to stay within 4 deviations, judged by small networks.

    Args:
        features: N.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.3), nn.Linear(features, 64), nn.SiLU(), nn.Dropout(0.3), nn.Linear(64, 1), nn.Flatten(0)
            )
            for _ in range(3)
        )

    def forward(self, found: Tensor) -> Tensor:
        """The mean of the members' B scores."""
        x = (found - self.mean) / self.deviation
        x = x * (1 + (x / 4).square()).rsqrt()
        return torch.stack([50 + 25 * member(x) for member in self.members]).mean(0)


class PatchNet(nn.Module):
    """B×3×H×W in [0, 1] → B scores: every 64×64 patch has a score and a weight (Bosse et al. 2018, arXiv 1612.01697).

    The network is one of depthwise separable convolutions (Howard et al. 2017, arXiv 1704.04861); a patch knows
    nothing of its neighbours.
    """

    side = 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(True)]
        for before, after in ((24, 64), (64, 128), (128, 192)):
            layers += [
                nn.AvgPool2d(2),
                nn.Conv2d(before, before, 3, 1, 1, groups=before, bias=False),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(True),
            ]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(384, 64), nn.SiLU(), nn.Linear(64, 2))

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image; an edge narrower than a patch is not looked at."""
        b, s = len(image), self.side
        patches = image.unfold(2, s, s).unfold(3, s, s).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, s, s)
        found = self.layers(((patches - 0.5) * 4).contiguous(memory_format=torch.channels_last)).flatten(2)
        found = torch.cat([found.mean(2), (found.var(2) + 1e-4).sqrt()], 1)
        score, weight = self.head(found).float().view(b, -1, 2).unbind(2)
        scores: Tensor = 50 + 25 * (score * weight.softmax(1)).sum(1)
        return scores


def load(folder: Path, squeezenet: Path) -> list[Target]:
    """The stand-ins as targets: differentiable, 0 to 100, hidden below 50.

    Args:
        folder: where the script kept their weights.
        squeezenet: path of squeezenet_places365_f32.npz, which is not kept with them.

    Raises:
        WeightsError: a file is missing, damaged, or of another layout.
    """
    models = networks(squeezenet)
    for name, model in models.items():
        load_state(own(model), folder / f"{name}.safetensors")
    return [ModelTarget(name, Scale(), ready(model)) for name, model in models.items()]


def networks(squeezenet: Path) -> dict[str, nn.Module]:
    """The stand-ins by their names, their weights random."""
    return {
        "deep_features": nn.Sequential(DeepFeatures(squeezenet), Head(DeepFeatures.size)),
        "patch_net": PatchNet(),
        "codebook": nn.Sequential(Codebook(), Head(Codebook.size)),
    }


def own(model: nn.Module) -> nn.Module:
    """The part of a stand-in that is trained and kept: not the scene classifier."""
    borrows = isinstance(model, nn.Sequential) and isinstance(model[0], DeepFeatures)
    return model.get_submodule("1") if borrows else model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mos", type=Path)
    parser.add_argument("squeezenet", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--pristine", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    rated = read(options.mos / "mos.csv")
    missing = {
        name: model
        for name, model in networks(options.squeezenet).items()
        if not (options.out / f"{name}.safetensors").exists()
    }
    if missing:
        photos = prepared([photo for photo in rated if photo.split == "train"])
        for name, model in missing.items():
            train(model, photos)
            save_file(own(model).state_dict(), options.out / f"{name}.safetensors")
    results = {}
    for target in load(options.out, options.squeezenet):
        results[target.name] = found = agreement([photo for photo in rated if photo.split == "test"], target)
        if options.photos:
            found["mean, well liked"] = mean(scores(sorted(options.photos.iterdir()), target))
        if options.pristine:
            found |= damages(sorted(options.pristine.iterdir()), target)
        found["ms, score and gradient"] = median_ms(partial(gradient, target), 3)
    print(f"{'':32}" + "".join(f"{name:>15}" for name in results))
    for figure in next(iter(results.values())):
        print(f"{figure:32}" + "".join(f"{found[figure]:15}" for found in results.values()))
    keep("stand_ins", results)


def prepared(rated: list[Rated]) -> Photos:
    """The photos as they are delivered and, after them, damaged copies of all."""
    images, wanted = [], []
    for copy in range(1 + COPIES):
        for number, photo in enumerate(rated):
            pixels, share = fit(open_photo(photo.photo).pixels, FRAME), 1.0
            if copy:
                dice = np.random.default_rng((11, copy, number))
                changed, share = distortions.damaged(pixels.astype(np.float32) / 255, dice)
                pixels = distortions.levels(changed)
            images.append(torch.tensor(jpeg(pixels, DELIVERY_QUALITY)).permute(2, 0, 1))
            wanted.append(photo.score * share)
    return Photos(torch.stack(images), torch.tensor(wanted, dtype=torch.float32))


def train(model: nn.Module, photos: Photos) -> None:
    """Fits a stand-in to photos, the damaged ones among them."""
    torch.manual_seed(0)
    if isinstance(model, PatchNet):
        learn(model, lambda: crops(photos), len(photos.scores), epochs=22, rate=3e-3, narrow=bfloat16_pays("cpu"))
        return
    extractor, head = model.get_submodule("0"), model.get_submodule("1")
    if isinstance(extractor, Codebook):
        learn_words(extractor, photos.images)
    fit_head(head, extracted(extractor, photos.images), photos.scores)


def fit_head(head: nn.Module, features: Tensor, wanted: Tensor) -> None:
    """Fits a head to N×features and N scores."""
    head.mean, head.deviation = features.mean(0), features.std(0) + 1e-6

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.split(torch.randperm(len(wanted)), BATCH):
            yield features[chosen], wanted[chosen]

    learn(head, epoch, len(wanted), epochs=15, rate=1e-3)


def learn(
    model: nn.Module,
    epoch: Callable[[], Iterator[tuple[Tensor, Tensor]]],
    count: int,
    *,
    epochs: int,
    rate: float,
    narrow: bool = False,
) -> None:
    """Fits a model to scores: smooth L1 distance and Pearson's correlation, AdamW, one cycle of the rate.

    Args:
        model: what is learned from → B scores.
        epoch: batches of BATCH (the last one may be smaller) in which everything comes once.
        count: how much everything is.
        epochs: to go through.
        rate: of learning, at its highest.
        narrow: whether to compute the scores in bfloat16.
    """
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-count // BATCH))
    model.train()
    for _ in range(epochs):
        for seen, wanted in epoch():
            # Around one step only: inside, the narrow copies of the weights stay what they were at first.
            with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
                found = model(seen)
            loss = F.smooth_l1_loss(found, wanted, beta=5.0)
            loss = loss + 10 * (1 - torch.corrcoef(torch.stack([found, wanted]))[0, 1])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            schedule.step()
    model.eval()


def crops(photos: Photos, side: int = 128) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch of random parts of the photos, each batch cut at one place and mirrored half of the time."""
    for chosen in torch.split(torch.randperm(len(photos.scores)), BATCH):
        top, left = (int(torch.randint(length - side + 1, ())) for length in photos.images.shape[2:])
        part = photos.images[chosen, :, top : top + side, left : left + side].float() / 255
        yield (part.flip(3) if torch.rand(()) < 0.5 else part), photos.scores[chosen]


def extracted(extractor: nn.Module, images: Tensor) -> Tensor:
    """The N×features of N×3×H×W uint8 images, computed once, in batches."""
    with torch.inference_mode():
        found = torch.cat([extractor(part.float() / 255) for part in torch.split(images, 10)])
    return found.clone()


def learn_words(book: Codebook, images: Tensor, patches: int = 40_000, rounds: int = 15) -> None:
    """Fills the codebook by k-means on the directions of normalised, whitened patches, as many of each image.

    After Coates and Ng 2012, "Learning feature representations with K-means".
    """
    taken = []
    for image in images:
        found = F.unfold(luma(image[None].float() / 255), book.side, stride=book.side)[0]
        taken.append(found[:, torch.randint(found.shape[1], (patches // len(images),))].T)
    x = torch.cat(taken)
    x = (x - x.mean(1, keepdim=True)) / (x.var(1, correction=0, keepdim=True) + FLOOR**2).sqrt()
    centre = x.mean(0)
    spread, axes = torch.linalg.eigh(torch.cov((x - centre).T))
    whiten = axes @ torch.diag((spread + 0.01).rsqrt()) @ axes.T
    x = F.normalize((x - centre) @ whiten, dim=1)
    words = x[torch.randperm(len(x))[: len(book.words)]]
    for _ in range(rounds):
        nearest = F.one_hot((x @ words.T).argmax(1), len(words)).to(x)
        words = F.normalize(nearest.T @ x + 1e-3 * words, dim=1)
    kernels = words @ whiten
    book.words.copy_(kernels.view_as(book.words))
    book.offset.copy_(kernels @ centre)


def agreement(rated: list[Rated], target: Target) -> dict[str, float]:
    """The usual figures, of the photos as they are delivered."""
    found = figures(scores([photo.photo for photo in rated], target), np.array([photo.score for photo in rated]))
    return {name: round(value, 3) for name, value in asdict(found).items()}


def scores(photos: list[Path], target: Target) -> np.ndarray:
    """Scores of photos as they are delivered."""
    return np.array([delivered_score(open_photo(photo).pixels, target) for photo in photos])


def damages(photos: list[Path], target: Target) -> dict[str, float]:
    """Mean scores of the photos as they are, and of each damage to them."""
    whole = [fit(open_photo(photo).pixels, FRAME).astype(np.float32) / 255 for photo in photos]
    means = {}
    for name, damage in DAMAGES.items():
        damaged = [distortions.levels(damage(photo, np.random.default_rng(n))) for n, photo in enumerate(whole)]
        means[f"mean, {name}"] = mean(np.array([delivered_score(pixels, target) for pixels in damaged]))
    return means


def mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 1)


def gradient(target: Target) -> None:
    image = torch.full((1, 3, *FRAME[::-1]), 0.5, requires_grad=True)
    torch.autograd.grad(target.score(image).sum(), image)


if __name__ == "__main__":
    main()

"""The ways to hide a photo: settings of its look, tuned grain on it, both, or a perturbation of the literature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from PIL import Image

from camofilter.biqa import as_image
from camofilter.biqa.fit import centre, cover, fit, middle
from camofilter.errors import UsageError
from camofilter.filters.arrays import fit_longer_side
from camofilter.filters.pipeline import render
from camofilter.filters.tuned_grain import tuned_grain
from camofilter.optim import objective, perturbations
from camofilter.optim.channel import BATTERY, SURVIVE, Courier, Survive
from camofilter.optim.looks import Keep
from camofilter.optim.search import search
from camofilter.optim.stages import Stages
from camofilter.optim.tuning import STEPS, tune
from camofilter.optim.watchers import Verdict, Watchers
from camofilter.photo import Photo, decode_photo, encode_photo
from camofilter.recipe import FilterStep, Recipe

Method: TypeAlias = Literal["auto", "filter", "perturb", "hybrid"]
Attack: TypeAlias = Literal["cw", "ifgsm", "pgd", "perceptual"]
Encode: TypeAlias = Callable[[Photo], bytes]

# Times that a recipe which missed on the finished file is searched on, from where it was.
_RETRIES = 2
# Grain that a photo of 8 bits just holds, and that passes for film: beyond it the look has to help.
_LEAST_GRAIN = 0.001
_MOST_GRAIN = tuned_grain.setting("amount").appealing[1]
# How far a grain is strengthened at a time where it does not suffice, and weakened where it does, in halvings.
_STRONGER, _HALVINGS = 1.25, 3
# Share of a sufficient amount below which no less is looked for.
_LEAST = 0.4
# Points below the threshold at which a grain suffices on the small copy on which its amount is found.
_SPARE = 0.4
# Longer side of that copy.
_LONGEST = 1024
# How many times as long a pattern is searched where the first one did not suffice.
_LONGER = 3
# Share of the points above the threshold that a look takes over from the grain.
_SHARE = 0.5
# What people are told while they wait.
_SETTINGS, _PATTERN = "looking for settings", "looking for a pattern"
_AMOUNT, _TRYING = "trying how little is enough", "trying how it travels"


@dataclass(frozen=True)
class Job:
    """One photo to hide.

    Attributes:
        photo: any size.
        watchers: the machines to hide it from.
        keep: how far a search may change its look.
        survive: how far it is to stay hidden: what of ``channel.BATTERY`` it has to bear.
        seed: same seed, same result.
        stages: of the job, told to whoever wants to know.
        encode: gives the bytes of the file that will be written: what is tried is what a reader of it sees.
    """

    photo: Photo
    watchers: Watchers
    keep: Keep = "natural"
    survive: Survive = "platforms"
    seed: int = 0
    stages: Stages = field(default_factory=Stages)
    encode: Encode = encode_photo

    def as_written(self, done: Photo) -> np.ndarray:
        """H×W×3 that a reader of a photo's file would see.

        Raises:
            PhotoError: the file cannot hold the photo.
        """
        return decode_photo(self.encode(done), max_pixels=done.width * done.height).pixels


class Try(NamedTuple):
    """A recipe, the photo at full size after it, and the verdicts on what a reader of its file would see."""

    recipe: Recipe
    photo: Photo
    verdicts: list[Verdict]
    survive: Survive

    @property
    def exposure(self) -> float:
        """Points by which it is seen best, by any machine, as it is or after any delivery that it has to bear."""
        return max(verdict.exposure_by(SURVIVE[self.survive]) for verdict in self.verdicts)


def by_settings(job: Job, look: Recipe, safety: float = objective.SAFETY) -> Try:
    """Settings alone, as near to the look as they can be: the first try that stays hidden, or the least seen.

    Args:
        job: the photo.
        look: recipe to stay near.
        safety: points below the threshold that count as safe; where a try is seen, the next has more.
    """
    best: Try | None = None
    for _ in range(1 + _RETRIES):
        recipe = search(
            job.watchers,
            look,
            start=best.recipe if best else None,
            keep=job.keep,
            safety=safety,
            survive=job.survive,
            seed=job.seed,
            progress=job.stages.begin(_SETTINGS),
        )
        tried = _tried(job, recipe)
        best = min((t for t in (best, tried) if t), key=lambda t: t.exposure)
        if best.exposure < 0:
            break
        safety += best.exposure + 1
    assert best is not None
    return best


def by_grain(job: Job, look: Recipe, steps: int = STEPS) -> Try:
    """The look as it is, and as little tuned grain on it as keeps the finished photo hidden by what it has to bear.

    Args:
        job: the photo.
        look: recipe before the grain.
        steps: of the search of its pattern.
    """
    if all(verdict.hidden for verdict in job.watchers.untouched):
        tried = _tried(job, look)  # nobody saw the photo before, so the look may do without a grain
        if tried.exposure < 0:
            return tried
    progress = job.stages.begin(_PATTERN)
    found = tune(
        job.watchers, job.photo.pixels, look, steps=steps, survive=job.survive, seed=job.seed, progress=progress
    )
    amount = _least_amount(job, look, found)
    tried = _tried(job, _with_grain(look, found, amount))
    for _ in range(_RETRIES):
        if tried.exposure < 0:
            break
        amount = min(amount * _STRONGER, _MOST_GRAIN)
        tried = min(tried, _tried(job, _with_grain(look, found, amount)), key=lambda t: t.exposure)
    return tried


def by_both(job: Job, look: Recipe, share: float = _SHARE) -> Try:
    """The look searched part of the way to the threshold, and tuned grain for the rest.

    Args:
        job: the photo.
        look: recipe to stay near.
        share: of the points above the threshold that the look takes over.
    """
    seen = max(verdict.exposure for verdict in job.watchers.untouched)
    progress = job.stages.begin(_SETTINGS)
    safety = (share - 1) * seen
    recipe = search(
        job.watchers, look, keep=job.keep, safety=safety, survive=job.survive, seed=job.seed, progress=progress
    )
    return by_grain(job, recipe)


def by_most(job: Job, look: Recipe) -> Try:
    """The look searched all the way, and tuned grain for what is lost on delivery; where that fails, no grain.

    What settings hide is hidden from machines that no search knew, too; what a grain hides is not.
    """
    tried = by_both(job, look, share=1)
    return tried if tried.exposure < 0 else min(tried, by_settings(job, look), key=lambda t: t.exposure)


def auto(job: Job, look: Recipe) -> Try:
    """The look with tuned grain, searched longer where it fails; where fine grain cannot do it, a searched look."""
    ways = (by_grain, partial(by_grain, steps=_LONGER * STEPS), by_both, by_settings)
    tried: list[Try] = []
    for way in ways:
        tried.append(way(job, look))
        if tried[-1].exposure < 0:
            break
    return min(tried, key=lambda t: t.exposure)


def by_perturbation(job: Job, attack: Attack, *, in_channel: bool = True) -> Try:
    """A perturbation of the pixels that the machine looks at, enlarged to the photo's size; the recipe is empty.

    Args:
        job: the photo.
        attack: "cw" (Carlini and Wagner, L2), "ifgsm", "pgd" (both L-infinity), or "perceptual" (ΔE2000).
        in_channel: whether the attack sees what becomes of it on delivery; the literature's do not.

    Raises:
        UsageError: the targets look at photos at different sizes.
    """
    if len(job.watchers.frames) > 1:
        raise UsageError("the targets look at different sizes: a perturbation is for one, use --method auto")
    (frame,) = job.watchers.frames
    image = as_image(fit(job.photo.pixels, frame)).to(job.watchers.device)
    courier = Courier(job.seed, job.survive, job.watchers.size)

    def margin(images: torch.Tensor) -> torch.Tensor:
        points = job.watchers.seen({frame: courier.deliver(images, frame) if in_channel else images})
        return points + (objective.SAFETY if in_channel else 0)

    done = _ATTACKS[attack](image, margin, progress=job.stages.begin(_PATTERN))
    change = (done - image)[0].permute(1, 2, 0).cpu().numpy()
    done_photo = job.photo.with_pixels(_enlarged_onto(job.photo.pixels, change, frame))
    return Try(Recipe(), done_photo, _judged(job, done_photo), job.survive)


_ATTACKS: dict[Attack, Callable[..., torch.Tensor]] = {
    "cw": perturbations.carlini_wagner,
    "ifgsm": perturbations.fgsm_iterative,
    "pgd": perturbations.pgd,
    "perceptual": perturbations.perceptual,
}


def _enlarged_onto(pixels: np.ndarray, change: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """A photo's pixels with a change of the frame in its middle, h×w×3 in shares of white, enlarged to their size."""
    small = cover(pixels, frame)
    whole = np.zeros(small.shape, np.float32)
    left, top = centre(small.shape[1], small.shape[0], frame)
    whole[top : top + frame[1], left : left + frame[0]] = change
    most = np.iinfo(pixels.dtype).max
    changed = pixels.astype(np.float32)
    part = changed[middle(pixels.shape[1], pixels.shape[0], frame)]
    for i in range(3):
        plane = Image.fromarray(whole[..., i]).resize((part.shape[1], part.shape[0]), Image.Resampling.BICUBIC)
        part[..., i] += most * np.asarray(plane)
    return np.clip(np.rint(changed), 0, most).astype(pixels.dtype)


def _with_grain(look: Recipe, found: FilterStep, amount: float) -> Recipe:
    return Recipe((*look.steps, FilterStep(found.filter, found.settings | {"amount": round(amount, 5)})), look.name)


def _least_amount(job: Job, look: Recipe, found: FilterStep) -> float:
    """The least amount of a grain with which a small copy of the photo stays hidden, or the most that passes for film.

    Of those that it has to bear, the two deliveries after which it is seen best decide; the others were tried at the
    amount it started from.
    """
    job.stages.begin(_AMOUNT)
    pixels = job.photo.pixels
    height, width = fit_longer_side(pixels.shape[0], pixels.shape[1], _LONGEST)
    small = cover(pixels, (width, height))

    def verdicts(amount: float, ways: list[str]) -> list[Verdict]:
        done = render(small, _with_grain(look, found, amount).chain())
        return _judged(job, replace(job.photo, pixels=done, alpha=None), ways)

    def suffices(amount: float, ways: list[str]) -> bool:
        return all(verdict.worst_exposure < -_SPARE for verdict in verdicts(amount, ways))

    enough: float = min(max(found.settings["amount"], _LEAST_GRAIN), _MOST_GRAIN)
    asked = SURVIVE[job.survive]
    first = verdicts(enough, list(asked))
    hardest = sorted(asked, key=lambda way: max(verdict.exposure_after(way) for verdict in first))[-2:]
    while enough < _MOST_GRAIN and not suffices(enough, hardest):
        enough = min(enough * _STRONGER, _MOST_GRAIN)
    low = enough * _LEAST
    for _ in range(_HALVINGS):
        middle = (low + enough) / 2
        low, enough = (low, middle) if suffices(middle, hardest) else (middle, enough)
    return enough


def _tried(job: Job, recipe: Recipe) -> Try:
    job.stages.begin(_TRYING)
    done = job.photo.with_pixels(render(job.photo.pixels, recipe.chain()))
    return Try(recipe, done, _judged(job, done), job.survive)


def _judged(job: Job, done: Photo, ways: Iterable[str] = tuple(BATTERY)) -> list[Verdict]:
    """The verdicts on what a reader of a photo's file would see."""
    return job.watchers.verdicts(job.as_written(done), ways)

"""From a photo and machines to a recipe that hides the one from the others, verified on the finished file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from camofilter import biqa
from camofilter.biqa import Target
from camofilter.biqa.devices import device as chosen
from camofilter.biqa.fit import is_whole
from camofilter.errors import UsageError, unknown_name
from camofilter.filters.pipeline import render
from camofilter.optim.channel import SURVIVE, Survive
from camofilter.optim.looks import Keep, enhanced
from camofilter.optim.methods import (
    Attack,
    Encode,
    Job,
    Method,
    Try,
    auto,
    by_both,
    by_most,
    by_perturbation,
    by_settings,
)
from camofilter.optim.perception import Change, change
from camofilter.optim.search import Progress, default_look
from camofilter.optim.stages import Stages
from camofilter.optim.visibility import how_visible
from camofilter.optim.watchers import Judgement, Verdict, Watchers, judgement
from camofilter.photo import Photo, encode_photo, marked
from camofilter.recipe import Recipe

__all__ = [
    "Attack",
    "Camouflaged",
    "Judgement",
    "Keep",
    "Method",
    "Progress",
    "Survive",
    "Verdict",
    "camouflage",
    "joined_by",
    "judgement",
]

# Machines of other kinds than most, those first that agree best with people.
OTHERS = ("wavelet_iqa", "brisque", "niqe")


@dataclass(frozen=True)
class Camouflaged:
    """A photo with its look, and what it achieved.

    Attributes:
        photo: at full size.
        recipe: what was applied, and the versions of the targets that it was found against; empty for a perturbation,
            which is no look.
        verdicts: of each target, on the original, on the finished file (encoded, decoded and delivered), and on what
            platforms and people make of that (``optim.channel.BATTERY``).
        unseen: verdicts of the machines that come with camofilter and were not in the search.
        change: how far the finished photo is from the original.
        visibility: of what hides it: between the photo with its look alone, as it was before anything was done to
            hide it, and the finished photo (``optim.visibility``); 100 where that is nothing.
        method: how it was found: "auto", "filter", "hybrid" or "perturb".
        survive: how far it was to stay hidden: "file", "platforms" or "everything".
        seconds: of wall time.
    """

    photo: Photo
    recipe: Recipe
    verdicts: tuple[Verdict, ...]
    unseen: tuple[Verdict, ...]
    change: Change
    visibility: float
    method: Method
    survive: Survive
    seconds: float

    @property
    def camouflaged(self) -> bool:
        """Whether no target sees the photo any longer."""
        return all(verdict.hidden for verdict in self.verdicts)

    @property
    def survives(self) -> bool:
        """Whether no target sees it, nor after any delivery that it was to bear."""
        return all(verdict.exposure_by(SURVIVE[self.survive]) < 0 for verdict in self.verdicts)

    @property
    def target(self) -> str:
        """Name of the first target."""
        return self.verdicts[0].target.name

    @property
    def threshold(self) -> float:
        """Where the first target stops seeing a photo."""
        return self.verdicts[0].target.scale.threshold

    @property
    def score_before(self) -> float:
        """The first target's, of the original."""
        return self.verdicts[0].before.score

    @property
    def score_after(self) -> float:
        """The first target's, of the finished file."""
        return self.verdicts[0].after.score


def camouflage(
    photo: Photo,
    targets: Sequence[Target],
    *,
    look: Recipe | None = None,
    method: Method = "auto",
    attack: Attack = "cw",
    keep: Keep = "natural",
    survive: Survive = "platforms",
    robust: int = 0,
    device: str = "auto",
    seed: int = 0,
    encode: Encode = encode_photo,
    progress: Callable[[Progress], None] | None = None,
) -> Camouflaged:
    """Searches a recipe, applies it at full size, and has the finished file judged.

    A photo that no target sees as it is, nor after what it has to bear, and of which no look is asked, stays as it is.

    Args:
        photo: any size.
        targets: the machines to hide from, all at once.
        look: the recipe to stay near; None for one that suits the photo, and for a perturbation, which has none.
        method: "filter", settings of the look alone; "hybrid", settings and tuned grain; "auto", the look as it is and
            as little tuned grain as it takes, settings only where that does not suffice; "perturb", the baselines of
            the literature. Photos of more than ``fit.LONGEST`` frames' length are hidden by settings.
        attack: which of them.
        keep: how strong a look of our own may be, and how far a search may change one.
        survive: how far it has to stay hidden, which what is added must pay for: "file", as it lies there and after the
            task's own JPEG 90; "platforms", also after JPEG 70, WebP 80, and reduced to 2048 and 1080 pixels;
            "everything", also at 512 pixels, as a screenshot, and cut. Every result is tried by all of them.
        robust: how many machines of other kinds join the targets, so that those nobody knows see less, too; the
            settings then have to hide the photo, as what a grain does is for the machines that were searched alone.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        seed: same seed, same recipe, on the same device with as many threads of torch.
        encode: gives the bytes of the file that will be written, as that is what is tried.
        progress: called after every step of the search.

    Raises:
        UsageError: no such method, attack, keep, survive or device, a look for a perturbation, no target, or one that
            does not work or has no gradients.
        TargetError: a target fails on this photo.
        PhotoError: the file cannot hold the photo, such as transparency in a JPEG.
    """
    began = time.monotonic()
    choices = (
        ("method", method, Method),
        ("attack", attack, Attack),
        ("keep", keep, Keep),
        ("survive", survive, Survive),
    )
    for name, given, known in choices:
        if given not in get_args(known):
            raise unknown_name(name, given, get_args(known))
    if method == "perturb" and look is not None:
        raise UsageError("method is perturb, and a look was given: perturbations have none, give one of them")
    watchers = Watchers(photo.pixels, joined_by(targets, robust), chosen(device))
    stages = Stages(progress)
    job = Job(photo, watchers, keep, survive, seed, stages, encode)
    written = job.as_written(photo)  # what cannot be is refused before the search
    done = None
    start = Recipe()
    if look is None and all(verdict.hidden for verdict in watchers.untouched):
        # It is left as it is, or written anew: that may be one JPEG more than it bears, after those that are to come.
        as_it_is, anew = watchers.verdicts(photo.pixels), watchers.verdicts(written)
        tries = [Try(Recipe(), photo, as_it_is, survive), Try(Recipe(), photo, anew, "file")]
        done = max(tries, key=lambda one: one.exposure)
    if done is None or done.exposure >= 0:
        start = _own_look(job, method) if look is None else look
        done = _by(job, method, attack, start, robust > 0)
    recipe = done.recipe
    if recipe.steps:
        recipe = replace(recipe, made_for=tuple(target.full_name for target in watchers.targets))
    stages.begin("asking other machines")
    return Camouflaged(
        photo=done.photo if done.photo is photo else marked(done.photo, recipe.to_json()),
        recipe=recipe,
        verdicts=tuple(done.verdicts),
        unseen=tuple(_unseen(photo, job.as_written(done.photo), watchers)),
        change=change(photo.pixels, done.photo.pixels),
        visibility=how_visible(render(photo.pixels, start.chain()), done.photo.pixels),
        method=method,
        survive=survive,
        seconds=time.monotonic() - began,
    )


def joined_by(targets: Sequence[Target], count: int) -> list[Target]:
    """The targets, and so many of other kinds: what hides from several kinds is less seen by those nobody knows.

    Args:
        targets: those asked for.
        count: 0 to 3 more; those that are there already count.

    Raises:
        UsageError: there are not that many.
    """
    if not 0 <= count <= len(OTHERS):
        raise UsageError(f"robust is {count}: expected 0 to {len(OTHERS)} machines of other kinds to hide from, too")
    names = {target.name for target in targets}
    return [*targets, *(biqa.get(name) for name in OTHERS[:count] if name not in names)]


def _own_look(job: Job, method: Method) -> Recipe:
    if method == "perturb":
        return Recipe()
    if method == "filter" or not _holds_grain(job):  # softness is what hides without grain: it is to look meant
        return default_look()
    return enhanced(job.photo.pixels, job.keep)


def _holds_grain(job: Job) -> bool:
    """Whether a plate for all of the photo is not too large, as for the longest ones."""
    return all(is_whole(job.photo.width, job.photo.height, frame) for frame in job.watchers.frames)


def _by(job: Job, method: Method, attack: Attack, look: Recipe, robust: bool) -> Try:
    if method == "perturb":
        return by_perturbation(job, attack)
    if method == "filter" or not _holds_grain(job):
        return by_settings(job, look)
    if robust:
        return by_most(job, look)
    return (auto if method == "auto" else by_both)(job, look)


def _unseen(before: Photo, after: np.ndarray, watchers: Watchers) -> list[Verdict]:
    """What the other machines that come with camofilter think: those a search did not know."""
    searched = {target.name for target in watchers.targets}
    names = [name for name in biqa.SHIPPED if name not in searched]
    targets = [biqa.get(name) for name in names]
    return [Verdict(t, judgement(before.pixels, t), judgement(after, t)) for t in targets]

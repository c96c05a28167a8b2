"""From a photo and a machine to a recipe that hides the one from the other, verified on the finished file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from camofilter.biqa import Target, delivered_score
from camofilter.errors import UsageError
from camofilter.filters.pipeline import render
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.objective import SAFETY
from camofilter.optim.search import STEPS, Progress, default_look, search
from camofilter.photo import Photo, decode_photo, encode_photo
from camofilter.recipe import Recipe

__all__ = ["Camouflaged", "Progress", "camouflage"]

# Times that a recipe which missed on the finished file is searched on, from where it was.
_RETRIES = 2


@dataclass(frozen=True)
class Camouflaged:
    """A photo with its look, and what it achieved.

    Attributes:
        photo: at full size.
        recipe: what was applied.
        target: name of the machine.
        threshold: score to stay below.
        score_before: of the original, delivered.
        score_after: of the finished file, encoded, decoded and delivered.
        camouflaged: whether ``score_after`` is below the threshold.
        method: how it was found ("filter": settings only).
        seconds: of wall time.
    """

    photo: Photo
    recipe: Recipe
    target: str
    threshold: float
    score_before: float
    score_after: float
    camouflaged: bool
    method: str
    seconds: float


def camouflage(
    photo: Photo,
    target: Target,
    *,
    look: Recipe | None = None,
    device: str = "auto",
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Camouflaged:
    """Searches a recipe, applies it at full size, and scores the finished file.

    Where the file scores above the threshold although the search was content, it searches on with more safety.
    A photo that is below the threshold as it is, and of which no look is asked, stays as it is.

    Args:
        photo: any size.
        target: the machine to hide from.
        look: the recipe to stay near; None for the default.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        seed: same seed, same recipe.
        progress: called after every step of the search.

    Raises:
        UsageError: no such device.
    """
    began = time.monotonic()
    before = delivered_score(photo.pixels, target)
    if look is None and before < target.threshold:
        tried = _Try(Recipe(), photo, before)
    else:
        tried = _search_until_hidden(photo, target, look or default_look(), device, seed, progress)
    return Camouflaged(
        photo=tried.photo,
        recipe=tried.recipe,
        target=target.name,
        threshold=target.threshold,
        score_before=before,
        score_after=tried.score,
        camouflaged=tried.score < target.threshold,
        method="filter",
        seconds=time.monotonic() - began,
    )


class _Try(NamedTuple):
    recipe: Recipe
    photo: Photo
    score: float  # of the finished file


def _search_until_hidden(
    photo: Photo,
    target: Target,
    look: Recipe,
    device: str,
    seed: int,
    progress: Callable[[Progress], None] | None,
) -> _Try:
    """The first try whose finished file is below the threshold, or else the one with the lowest score."""
    device = _device(device)
    judge = target.to(device)
    room = Darkroom(photo.pixels, target.frame(photo.width, photo.height), device)
    safety = SAFETY
    recipe = search(room, judge, look, seed=seed, progress=progress)
    best = _tried(photo, recipe, judge)
    for _ in range(_RETRIES):
        if best.score < target.threshold:
            break
        safety += best.score - target.threshold + 1
        recipe = search(room, judge, look, start=recipe, safety=safety, steps=STEPS // 2, seed=seed, progress=progress)
        best = min(best, _tried(photo, recipe, judge), key=lambda tried: tried.score)
    return best


def _tried(photo: Photo, recipe: Recipe, judge: Target) -> _Try:
    """A recipe at full size, and the score of what a reader of its file would see."""
    done = photo.with_pixels(render(photo.pixels, recipe.chain()))
    finished = decode_photo(encode_photo(done), max_pixels=photo.width * photo.height)
    return _Try(recipe, done, delivered_score(finished.pixels, judge))


def _device(name: str) -> str:
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device is 'cuda': no CUDA device was found; use cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name

"""From a photo and machines to a recipe that hides the one from the others, verified on the finished file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from camofilter.biqa import Target
from camofilter.biqa.devices import device as chosen
from camofilter.filters.pipeline import render
from camofilter.optim.objective import SAFETY
from camofilter.optim.search import STEPS, Progress, default_look, search
from camofilter.optim.watchers import Judgement, Verdict, Watchers, judgement
from camofilter.photo import Photo, decode_photo, encode_photo
from camofilter.recipe import Recipe

__all__ = ["Camouflaged", "Judgement", "Progress", "Verdict", "camouflage", "judgement"]

# Times that a recipe which missed on the finished file is searched on, from where it was.
_RETRIES = 2


@dataclass(frozen=True)
class Camouflaged:
    """A photo with its look, and what it achieved.

    Attributes:
        photo: at full size.
        recipe: what was applied.
        verdicts: of each target, on the original and on the finished file (encoded, decoded and delivered).
        method: how it was found ("filter": settings only).
        seconds: of wall time.
    """

    photo: Photo
    recipe: Recipe
    verdicts: tuple[Verdict, ...]
    method: str
    seconds: float

    @property
    def camouflaged(self) -> bool:
        """Whether no target sees the photo any longer."""
        return all(verdict.hidden for verdict in self.verdicts)

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
    device: str = "auto",
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Camouflaged:
    """Searches a recipe, applies it at full size, and has the finished file judged.

    Where a target still sees the file although the search was content, it searches on with more safety.
    A photo that none sees as it is, and of which no look is asked, stays as it is.

    Args:
        photo: any size.
        targets: the machines to hide from, all at once.
        look: the recipe to stay near; None for the default.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        seed: same seed, same recipe.
        progress: called after every step of the search.

    Raises:
        UsageError: no such device, no target, or one without gradients.
    """
    began = time.monotonic()
    watchers = Watchers(photo.pixels, targets, chosen(device))
    tried = _Try(Recipe(), photo, watchers.untouched)
    if look is not None or tried.exposure >= 0:
        tried = _search_until_hidden(photo, watchers, look or default_look(), seed, progress)
    return Camouflaged(
        photo=tried.photo,
        recipe=tried.recipe,
        verdicts=tuple(tried.verdicts),
        method="filter",
        seconds=time.monotonic() - began,
    )


class _Try(NamedTuple):
    recipe: Recipe
    photo: Photo
    verdicts: list[Verdict]

    @property
    def exposure(self) -> float:
        return max(verdict.exposure for verdict in self.verdicts)


def _search_until_hidden(
    photo: Photo,
    watchers: Watchers,
    look: Recipe,
    seed: int,
    progress: Callable[[Progress], None] | None,
) -> _Try:
    """The first try whose finished file no target sees, or else the one that is seen least."""
    safety = SAFETY
    recipe = search(watchers, look, seed=seed, progress=progress)
    best = _tried(photo, recipe, watchers)
    for _ in range(_RETRIES):
        if best.exposure < 0:
            break
        safety += best.exposure + 1
        recipe = search(watchers, look, start=recipe, safety=safety, steps=STEPS // 2, seed=seed, progress=progress)
        best = min(best, _tried(photo, recipe, watchers), key=lambda tried: tried.exposure)
    return best


def _tried(photo: Photo, recipe: Recipe, watchers: Watchers) -> _Try:
    """A recipe at full size, and the verdicts on what a reader of its file would see."""
    done = photo.with_pixels(render(photo.pixels, recipe.chain()))
    finished = decode_photo(encode_photo(done), max_pixels=photo.width * photo.height)
    return _Try(recipe, done, watchers.verdicts(finished.pixels))

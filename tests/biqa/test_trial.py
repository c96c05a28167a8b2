"""Targets of one's own: tried once before a photo is, and named where a score of theirs is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

import camofilter
from camofilter import Photo
from camofilter.biqa.target import Scale, Target
from camofilter.errors import TargetError, UsageError
from camofilter.optim import judgement
from camofilter.optim.watchers import Watchers

GREY = Photo.from_array(np.full((64, 96, 3), 128, np.uint8))


@dataclass  # which cannot be hashed
class Own(Target):
    """Scores images by a function."""

    scored: Callable[[Tensor], Tensor] = lambda image: image.mean((1, 2, 3))
    scale: Scale = field(default_factory=lambda: Scale(0, 1, 0.4))
    has_gradient: bool = True
    name: str = "own"
    images: list[int] = field(default_factory=list)

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return 96, 64

    def score(self, image: Tensor) -> Tensor:
        self.images.append(len(image))
        return self.scored(image)

    def to(self, device: str) -> Own:
        return self


def dark_is_none(image: Tensor) -> Tensor:
    """The mean; no number where it is below a quarter."""
    mean = image.mean((1, 2, 3))
    return mean / (mean > 0.25) * (mean > 0.25)


@pytest.mark.parametrize(
    ("scored", "message"),
    [
        (lambda image: image.mean(), "own: gave one number for 2 images, expected a tensor with one score for each"),
        (lambda image: image.mean((2, 3)), "own: gave 2×3 for 2 images"),
        (lambda image: image.mean((1, 2, 3)).tolist(), "own: gave list for 2 images"),
        (lambda image: image.mean((1, 2, 3)) * np.nan, r"own: gave \[nan, nan\], expected finite scores"),
        (lambda image: image.mean((1, 2, 3)).log10().log10().clamp(min=-np.inf), r"own: gave \[nan, nan\]"),
        (lambda image: image.mean((1, 2, 3)).detach(), "own: its scores have no finite gradient"),
        (lambda image: (image - image).sum((1, 2, 3)).sqrt(), "own: its scores have no finite gradient"),
        (lambda image: image @ image, r"own: failed on 2×3×64×96 RGB in \[0, 1\], float32, which it should take \("),
    ],
)
def test_what_does_not_work_is_refused_before_a_photo_is_tried(
    scored: Callable[[Tensor], Tensor], message: str
) -> None:
    own = Own(scored)
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        camofilter.camouflage(GREY, target=own)
    assert "\n" not in str(caught.value)
    assert own.images == [2]


def test_what_works_is_tried_once() -> None:
    own = Own()
    for expected in ([2, 1], [2, 1, 1]):
        Watchers(GREY.pixels, [own], "cpu")
        assert own.images == expected


@pytest.mark.parametrize("ask", [camofilter.score, lambda photo, own: judgement(photo.pixels, own)])
def test_a_score_that_is_no_number_names_the_target(ask: Callable[[Photo, Target], object]) -> None:
    ask(GREY, Own(dark_is_none))
    with pytest.raises(TargetError, match=r"^own: gave \[nan\], expected finite scores$"):
        ask(GREY.with_pixels(GREY.pixels // 4), Own(dark_is_none))


def test_a_photo_whose_score_is_no_number_is_not_hidden() -> None:
    """It is below no threshold, and no maximum of scores takes it for one."""
    watchers = Watchers(GREY.pixels, [Own(dark_is_none)], "cpu")
    with pytest.raises(TargetError, match=r"^own: gave"):
        watchers.verdicts(GREY.pixels // 4)
    with pytest.raises(TargetError, match=r"^own: gave"):
        watchers.seen({(96, 64): torch.full((3, 3, 64, 96), 0.1)})


@pytest.mark.slow
def test_its_threshold_is_the_one_that_is_asked_for() -> None:
    own = Own()
    assert not camofilter.camouflage(GREY, target=own, threshold=0.9).recipe.steps, "it does not see the photo"
    lower = camofilter.camouflage(GREY, target=own, threshold=0.49, method="perturb", attack="pgd")
    assert (lower.threshold, lower.camouflaged) == (0.49, True)
    assert lower.score_after < 0.49 < lower.score_before
    assert own.scale.threshold == 0.4
    own.images.clear()
    with pytest.raises(UsageError, match=r"^the threshold is 24: expected a number from 0 to 1, such as 0\.4$"):
        camofilter.camouflage(GREY, target=own, threshold=24)
    assert not own.images

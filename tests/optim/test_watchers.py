"""Several machines before one photo: the worst of them counts, each at its own scale and size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import camofilter
from camofilter import Photo, biqa
from camofilter.biqa.target import Scale, Target
from camofilter.errors import UsageError
from camofilter.optim import judgement
from camofilter.optim.objective import worst
from camofilter.optim.watchers import Watchers


class Brightness(Target):
    """Mean of an image; scored on any scale, at any size."""

    def __init__(self, scale: Scale, side: tuple[int, int] = (96, 64)) -> None:
        self.name, self.scale, self.side = "brightness", scale, side

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return self.side

    def score(self, image: Tensor) -> Tensor:
        assert (image.shape[3], image.shape[2]) == self.side
        return image.mean((1, 2, 3)) * self.scale.high

    def to(self, device: str) -> Brightness:
        return self

    def in_words(self, image: Tensor) -> str:
        return "bright" if image.mean() > 0.5 else "dark"


LIGHT = Brightness(Scale(0, 1, 0.4))
PERCENT = Brightness(Scale(0, 100, 60), side=(64, 64))
DARK = Brightness(Scale(0, 1, 0.45, falls=False))


@pytest.fixture
def photo(examples: list[Path]) -> Photo:
    with Image.open(examples[0]) as opened:
        return Photo.from_array(np.asarray(opened.resize((192, 128))))


def test_the_worst_is_a_smooth_maximum() -> None:
    points = torch.tensor([[3.0, -2.0, 0.0], [-9.0, 40.0, 0.0]], requires_grad=True)
    found = worst(points)
    assert (found >= points.amax(0)).all()
    assert (found <= points.amax(0) + np.log(2) + 1e-6).all()
    (gradient,) = torch.autograd.grad(found.sum(), points)
    assert torch.allclose(gradient.sum(0), torch.ones(3))
    assert gradient[:, 2].tolist() == pytest.approx([0.5, 0.5])
    assert torch.equal(worst(points[:1]), points[0])


def test_exposure_is_in_points_of_the_one_that_sees_best(photo: Photo) -> None:
    alone = [Watchers(photo.pixels, [t], "cpu").exposure([], [95]).item() for t in (LIGHT, PERCENT)]
    mean = judgement(photo.pixels, LIGHT).score
    assert alone[0] == pytest.approx(100 * (mean - 0.4), abs=0.5)
    both = Watchers(photo.pixels, [LIGHT, PERCENT], "cpu").exposure([], [95]).item()
    assert max(alone) <= both <= max(alone) + 0.7
    # Alone, falling and rising scales pull in opposite directions.
    assert Watchers(photo.pixels, [DARK], "cpu").exposure([], [95]).item() == pytest.approx(
        100 * (0.45 - mean), abs=0.5
    )


def test_verdicts_tell_before_and_after(photo: Photo) -> None:
    darker = (photo.pixels * 0.3).astype(np.uint8)
    light, percent = Watchers(photo.pixels, [LIGHT, PERCENT], "cpu").verdicts(darker)
    assert light.before == judgement(photo.pixels, LIGHT)
    assert light.after == judgement(darker, LIGHT)
    assert light.after.words == "dark"
    assert light.hidden
    assert percent.exposure == pytest.approx(percent.after.score - 60)
    assert not light.on(np.full((128, 192, 3), 250, np.uint8)).hidden


def test_hides_from_all_of_several(photo: Photo) -> None:
    result = camofilter.camouflage(photo, target=[LIGHT, PERCENT], preset="soft")
    assert [verdict.target for verdict in result.verdicts] == [LIGHT, PERCENT]
    assert result.camouflaged == all(
        verdict.after.score < verdict.target.scale.threshold for verdict in result.verdicts
    )
    assert result.camouflaged
    assert (result.target, result.threshold) == ("brightness", 0.4)
    assert result.score_after == result.verdicts[0].after.score


def test_what_only_scores_is_refused_and_so_is_nothing(photo: Photo) -> None:
    blind = Brightness(Scale(0, 1, 0.4))
    blind.has_gradient = False
    assert camofilter.score(photo, blind) > 0
    with pytest.raises(UsageError, match="brightness only scores, without gradients"):
        camofilter.camouflage(photo, target=[LIGHT, blind])
    with pytest.raises(UsageError, match="no target was given"):
        camofilter.camouflage(photo, target=[])


@pytest.mark.slow
def test_a_photo_leaves_its_scene_and_the_sensitive_ones(shared: Path) -> None:
    """The real classifier: the first category is another one, and none of the 60 sensitive ones leads."""
    weights = shared / "weights" / "squeezenet_places365_f32.npz"
    scene = biqa.get(f"places365_squeezenet:{weights}")
    photo = camofilter.open_photo(shared / "photos" / "landscape" / "budgie_extreme-desert-hike.jpg")
    result = camofilter.camouflage(photo, target=scene)
    assert result.camouflaged
    assert result.verdicts[0].before.words.split()[0] != result.verdicts[0].after.words.split()[0]

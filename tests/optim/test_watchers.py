"""Several machines before one photo: the worst of them counts, each at its own scale and size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import camofilter
from camofilter import Photo, biqa, optim, presets
from camofilter.biqa.fit import cover
from camofilter.biqa.target import Scale, Target
from camofilter.errors import UsageError
from camofilter.optim import judgement
from camofilter.optim.channel import BATTERY, PURIFIERS
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.records import to_dict
from camofilter.optim.watchers import Verdict, Watchers, purified


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


def exposure(photo: Photo, *targets: Target) -> float:
    """Points by which the photo is seen as it is."""
    watchers = Watchers(photo.pixels, targets, "cpu")
    return watchers.seen(watchers.developed([])).item()


def test_exposure_is_in_points_of_the_one_that_sees_best(photo: Photo) -> None:
    alone = [exposure(photo, target) for target in (LIGHT, PERCENT)]
    mean = judgement(photo.pixels, LIGHT).score
    assert alone[0] == pytest.approx(100 * (mean - 0.4), abs=0.5)
    assert max(alone) <= exposure(photo, LIGHT, PERCENT) <= max(alone) + 0.7
    # Alone, falling and rising scales pull in opposite directions.
    assert exposure(photo, DARK) == pytest.approx(100 * (0.45 - mean), abs=0.5)


def test_developed_is_the_darkrooms_in_every_frame(photo: Photo) -> None:
    chain = presets.get("bright").chain()
    watchers = Watchers(photo.pixels, [LIGHT, PERCENT], "cpu")
    images = watchers.developed(chain)
    assert list(images) == watchers.frames
    for frame, image in images.items():
        assert torch.equal(image, Darkroom(photo.pixels, frame, "cpu").develop(chain))


def test_seen_is_differentiable_and_each_target_gets_its_frame(photo: Photo) -> None:
    watchers = Watchers(photo.pixels, [LIGHT, PERCENT, DARK], "cpu")
    assert watchers.frames == [LIGHT.side, PERCENT.side]
    levels = zip(watchers.frames, (0.2, 0.9), strict=True)
    images = {(w, h): torch.full((2, 3, h, w), level, requires_grad=True) for (w, h), level in levels}
    points = watchers.seen(images)
    assert points.tolist() == pytest.approx([30, 30], abs=0.8)  # 90 - 60 and 100·(0.45 - 0.2) are close
    (seen_best,) = torch.autograd.grad(points.sum(), images[PERCENT.side])
    assert (seen_best > 0).all()


def test_verdicts_tell_before_and_after(photo: Photo) -> None:
    darker = (photo.pixels * 0.3).astype(np.uint8)
    light, percent = Watchers(photo.pixels, [LIGHT, PERCENT], "cpu").verdicts(darker)
    assert light.before == judgement(photo.pixels, LIGHT)
    assert light.after == judgement(darker, LIGHT)
    assert light.after.words == "dark"
    assert light.hidden
    assert percent.exposure == pytest.approx(percent.after.score - 60)
    assert not light.on(np.full((128, 192, 3), 250, np.uint8)).hidden


class TestTried:
    FRAMED = np.full((128, 192, 3), 60, np.uint8)
    FRAMED[20:-20, 30:-30] = 180  # of which a crop leaves more

    @pytest.mark.parametrize("target", [LIGHT, DARK], ids=["falls", "rises"])
    def test_worst_is_the_one_seen_best_of_all_deliveries(self, target: Target) -> None:
        (untouched,) = Watchers(self.FRAMED, [target], "cpu").untouched
        tried = untouched.tried(self.FRAMED)
        assert tried.deliveries == {
            way: judgement(deliver(self.FRAMED), target).score for way, deliver in BATTERY.items()
        }
        scores = [tried.after.score, *tried.deliveries.values()]
        assert tried.worst == (max(scores) if target is LIGHT else min(scores))
        assert tried.worst_exposure == pytest.approx(100 * target.scale.margin(tried.worst))
        assert tried.worst_exposure >= tried.exposure
        if target is LIGHT:
            assert tried.worst == tried.deliveries["crop"] > tried.after.score + 0.02

    def test_untried_the_file_itself_is_the_worst(self) -> None:
        (untouched,) = Watchers(self.FRAMED, [LIGHT], "cpu").untouched
        assert untouched.deliveries == {}
        assert untouched.worst == untouched.after.score == untouched.before.score
        assert untouched.worst_exposure == untouched.exposure

    def test_only_the_ways_that_are_asked_for(self) -> None:
        watchers = Watchers(self.FRAMED, [LIGHT], "cpu")
        (verdict,) = watchers.verdicts(self.FRAMED // 2, ["crop", "JPEG 70"])
        assert list(verdict.deliveries) == ["crop", "JPEG 70"]
        assert verdict.after.score == pytest.approx(verdict.before.score / 2, abs=0.01)
        assert list(watchers.verdicts(self.FRAMED)[0].deliveries) == list(BATTERY)

    def test_a_photo_may_be_hidden_but_not_after_every_delivery(self) -> None:
        between = judgement(self.FRAMED, LIGHT).score + 0.01
        target = Brightness(Scale(0, 1, between))
        verdict: Verdict = Watchers(self.FRAMED, [target], "cpu").verdicts(self.FRAMED)[0]
        assert verdict.hidden
        assert verdict.worst_exposure > 0

    def test_depth_does_not_matter(self) -> None:
        (untouched,) = Watchers(self.FRAMED, [LIGHT], "cpu").untouched
        assert untouched.tried(self.FRAMED.astype(np.uint16) * 257) == untouched.tried(self.FRAMED)


def test_purified_is_told_apart_from_the_deliveries(photo: Photo) -> None:
    """At the scale of the machine's input, whatever the photo's; each result says it of its file."""
    scores = purified(photo.pixels, LIGHT)
    assert list(scores) == list(PURIFIERS)
    small = cover(photo.pixels, LIGHT.side)
    assert scores["median 3"] == judgement(PURIFIERS["median 3"](small), LIGHT).score
    found = optim.camouflage(photo, [Brightness(Scale(0, 1, 0.99))])
    (told,) = to_dict(found, photo.pixels, 1.0)["targets"]
    assert told["purified"] == scores
    assert not set(PURIFIERS) & set(told["deliveries"])


@pytest.mark.slow
def test_hides_from_all_of_several(photo: Photo) -> None:
    result = optim.camouflage(photo, [LIGHT, PERCENT], look=presets.get("soft"), method="filter")
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
        optim.camouflage(photo, [LIGHT, blind])
    with pytest.raises(UsageError, match="no target was given"):
        optim.camouflage(photo, [])


@pytest.mark.slow
def test_a_photo_leaves_its_scene_and_the_sensitive_ones(shared: Path) -> None:
    """The real classifier: the first category is another one, and none of the 60 sensitive ones leads."""
    weights = shared / "weights" / "squeezenet_places365_f32.npz"
    scene = biqa.get(f"places365_squeezenet:{weights}")
    photo = camofilter.open_photo(shared / "photos" / "landscape" / "budgie_extreme-desert-hike.jpg")
    result = optim.camouflage(photo, [scene])
    assert result.camouflaged
    assert result.verdicts[0].before.words.split()[0] != result.verdicts[0].after.words.split()[0]

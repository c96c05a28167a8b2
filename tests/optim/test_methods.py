"""The ways to hide a photo: each with the real model on a real photo, from the search to the finished file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

import camofilter
from camofilter import Photo, biqa, optim, presets
from camofilter.biqa.target import Scale, Target
from camofilter.cli import work
from camofilter.errors import PhotoError, UsageError
from camofilter.optim.channel import BATTERY, SURVIVE
from camofilter.optim.looks import enhanced
from camofilter.optim.methods import Job, Try, by_both, by_grain, by_perturbation
from camofilter.optim.perception import change
from camofilter.optim.records import to_dict
from camofilter.optim.tuning import tune
from camofilter.optim.visibility import how_visible
from camofilter.optim.watchers import Watchers
from camofilter.photo import decode_photo, encode_photo
from camofilter.recipe import Recipe


class Brightness(Target):
    """Mean of an image; scored at any size."""

    name = "brightness"

    def __init__(self, threshold: float, side: tuple[int, int] = (96, 64), *, falls: bool = True) -> None:
        self.scale, self.side = Scale(0, 1, threshold, falls=falls), side

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return self.side

    def score(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


def osprey(box: tuple[int, int, int, int], size: tuple[int, int]) -> Photo:
    """A part of a photo that is liked, reduced, as a JPEG of quality 92."""
    with Image.open(Path(__file__).parents[2] / "examples" / "photos" / "budgie_perched-osprey.jpg") as opened:
        reduced = opened.crop(box).resize(size, Image.Resampling.LANCZOS)
    return decode_photo(encode_photo(Photo.from_array(np.asarray(reduced)), "JPEG"))


@pytest.fixture(scope="module")
def photo() -> Photo:
    return osprey((0, 0, 1280, 720), (640, 360))


@pytest.fixture(scope="module")
def small() -> Photo:
    return osprey((0, 0, 1280, 720), (192, 108))


@pytest.fixture(scope="module")
def target() -> Target:
    return biqa.get("compact_iqa")


@pytest.fixture(scope="module")
def hidden(photo: Photo, target: Target) -> optim.Camouflaged:
    """The whole job done once for several tests."""
    return optim.camouflage(photo, [target])


class TestAuto:
    @pytest.mark.slow
    def test_the_finished_file_is_below_the_threshold(self, photo: Photo, hidden: optim.Camouflaged) -> None:
        assert hidden.score_before == pytest.approx(camofilter.score(photo), abs=1e-3)
        assert hidden.score_before > 60
        finished = decode_photo(encode_photo(hidden.photo))
        assert camofilter.score(finished) == pytest.approx(hidden.score_after, abs=1e-3)
        assert hidden.score_after < 50
        assert hidden.camouflaged
        assert hidden.method == "auto"

    @pytest.mark.slow
    def test_so_it_is_after_what_it_has_to_bear(self, hidden: optim.Camouflaged) -> None:
        (verdict,) = hidden.verdicts
        assert list(verdict.deliveries) == list(BATTERY), "each is tried"
        assert hidden.survive == "platforms"
        assert max(verdict.deliveries[way] for way in SURVIVE["platforms"]) < 50
        assert hidden.survives
        finished = decode_photo(encode_photo(hidden.photo)).pixels
        for way in ("crop", "512 px"):
            delivered = Photo.from_array(BATTERY[way](finished))
            assert camofilter.score(delivered) == pytest.approx(verdict.deliveries[way], abs=1e-3)

    @pytest.mark.slow
    def test_it_is_the_look_with_a_grain_that_hardly_shows(self, photo: Photo, hidden: optim.Camouflaged) -> None:
        look = Recipe(hidden.recipe.steps[:-1], hidden.recipe.name)
        assert look == enhanced(photo.pixels)
        assert hidden.recipe.steps[-1].filter == "tuned_grain"
        assert hidden.recipe.steps[-1].settings["amount"] <= 0.03
        assert change(camofilter.apply(photo, look).pixels, hidden.photo.pixels).delta_e < 1
        assert hidden.change == change(photo.pixels, hidden.photo.pixels)
        assert hidden.visibility == how_visible(camofilter.apply(photo, look).pixels, hidden.photo.pixels) < 100
        assert camofilter.score(camofilter.apply(photo, look)) > 55, "it is the grain that hides"

    @pytest.mark.slow
    def test_with_less_grain_it_would_be_seen(self, photo: Photo, hidden: optim.Camouflaged) -> None:
        amount = hidden.recipe.steps[-1].settings["amount"]
        less = camofilter.apply(photo, hidden.recipe.with_setting("tuned_grain", "amount", 0.75 * amount))
        (verdict,) = hidden.verdicts
        assert verdict.tried(less.pixels).exposure_by(SURVIVE["platforms"]) > 0

    @pytest.mark.slow
    def test_its_recipe_reproduces_the_photo(self, photo: Photo, hidden: optim.Camouflaged, tmp_path: Path) -> None:
        file = tmp_path / "camo.json"
        file.write_text(hidden.recipe.to_json(), encoding="utf-8")
        assert np.array_equal(camofilter.apply(photo, Recipe.load(file)).pixels, hidden.photo.pixels)
        assert Recipe.from_dict(json.loads(hidden.recipe.to_json())) == hidden.recipe

    @pytest.mark.slow
    def test_its_result_is_left_alone(self, hidden: optim.Camouflaged, target: Target) -> None:
        file = decode_photo(encode_photo(hidden.photo))
        again = optim.camouflage(file, [target])
        assert again.survives
        assert again.recipe == Recipe()
        assert again.photo is file
        assert again.visibility == 100

    @pytest.mark.slow
    def test_what_the_others_think_is_told(self, photo: Photo, hidden: optim.Camouflaged) -> None:
        finished = decode_photo(encode_photo(hidden.photo))
        assert {verdict.target.name for verdict in hidden.unseen} == {"wavelet_iqa", "niqe", "brisque"}
        for verdict in hidden.unseen:
            assert verdict.before.score == pytest.approx(camofilter.score(photo, verdict.target), rel=1e-4)
            assert verdict.after.score == pytest.approx(camofilter.score(finished, verdict.target), rel=1e-4)


@pytest.mark.slow
def test_the_less_it_has_to_bear_the_less_is_added(photo: Photo, target: Target, hidden: optim.Camouflaged) -> None:
    found = {survive: optim.camouflage(photo, [target], survive=survive) for survive in ("file", "everything")}
    assert all(one.survives for one in found.values())
    assert all(len(one.verdicts[0].deliveries) == len(BATTERY) for one in found.values())
    amounts = [one.recipe.steps[-1].settings["amount"] for one in (found["file"], hidden, found["everything"])]
    assert amounts == sorted(amounts)
    assert amounts[0] < 0.7 * amounts[2]


class Smoothness(Target):
    """How little neighbours differ."""

    name = "smoothness"
    scale = Scale(0, 1, 0.5)

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return (256, 256)

    def score(self, image: Tensor) -> Tensor:
        return 1 - 5 * (image[..., 1:] - image[..., :-1]).abs().mean((1, 2, 3))

    def to(self, device: str) -> Smoothness:
        return self


@pytest.mark.parametrize(("survive", "survives"), [("file", True), ("platforms", True), ("everything", False)])
def test_what_is_asked_decides_and_all_is_told(survive: optim.Survive, survives: bool) -> None:
    """Of noise a screenshot at 0.7 × leaves less than a recompression does."""
    noise = np.random.default_rng(0).integers(60, 200, (256, 256, 1), dtype=np.uint8).repeat(3, 2)
    photo = Photo.from_array(noise)
    verdicts = Watchers(noise, [Smoothness()], "cpu").verdicts(noise)
    assert verdicts[0].seen_after == ["screenshot"]
    assert (Try(Recipe(), photo, verdicts, survive).exposure < 0) == survives
    kept = change(noise, noise)
    found = optim.Camouflaged(photo, Recipe(), tuple(verdicts), (), kept, 100.0, "auto", survive, 1.0)
    told = to_dict(found, noise, 1.0)
    assert (found.camouflaged, found.survives) == (True, survives)
    assert (told["camouflaged"], told["survive"], told["survives"]) == (True, survive, survives)
    assert work.exit_code([told]) == (0 if survives else 1)


@pytest.mark.slow
def test_a_look_that_helps_needs_less_grain(photo: Photo, target: Target, hidden: optim.Camouflaged) -> None:
    job = Job(photo, Watchers(photo.pixels, [target], "cpu"))
    done = by_both(job, enhanced(photo.pixels))
    assert done.exposure < 0
    assert done.recipe.steps[:-1] != hidden.recipe.steps[:-1]
    for step in (done.recipe.steps[-1], hidden.recipe.steps[-1]):
        assert step.filter == "tuned_grain"
    assert done.recipe.steps[-1].settings["amount"] < 0.8 * hidden.recipe.steps[-1].settings["amount"]


@pytest.fixture(scope="module")
def square() -> Photo:
    return osprey((280, 0, 1000, 720), (480, 480))


@pytest.fixture(scope="module")
def perturbed(square: Photo, target: Target) -> optim.Camouflaged:
    return optim.camouflage(square, [target], method="perturb", attack="pgd")


class TestPerturbation:
    @pytest.mark.slow
    def test_hides_without_a_look(self, square: Photo, perturbed: optim.Camouflaged) -> None:
        assert perturbed.score_before > 55
        assert perturbed.camouflaged
        assert perturbed.score_after < 50
        assert perturbed.recipe == Recipe()
        assert perturbed.method == "perturb"
        assert 0 < perturbed.change.delta_e < 3

    def test_outside_of_what_the_machine_sees_nothing_changes(
        self, square: Photo, perturbed: optim.Camouflaged
    ) -> None:
        # Of 480 rows a frame of 512×384 sees the middle 360; the kernel of the resize reaches over by 2.
        changed = (square.pixels != perturbed.photo.pixels).any((1, 2))
        assert not changed[:57].any()
        assert not changed[-57:].any()
        assert changed[65:-65].all()

    @pytest.mark.parametrize("attack", ["ifgsm", "pgd", "cw", "perceptual"])
    @pytest.mark.parametrize("depth", [np.uint8, np.uint16])
    def test_every_attack_hides_at_every_depth(
        self, small: Photo, attack: optim.Attack, depth: type[np.unsignedinteger]
    ) -> None:
        pixels = small.pixels.astype(depth) * (np.iinfo(depth).max // 255)
        mean = float(camofilter.score(small, Brightness(0)))
        watchers = Watchers(pixels, [Brightness(mean - 0.005)], "cpu")
        done = by_perturbation(Job(Photo.from_array(pixels), watchers), attack, in_channel=False)
        assert done.photo.pixels.dtype == depth
        assert done.verdicts[0].after.score < mean - 0.003
        difference = np.abs(done.photo.pixels.astype(float) - pixels) / np.iinfo(depth).max
        assert 0 < difference.max() < 0.1

    def test_several_sizes_are_refused_in_one_line(self, small: Photo) -> None:
        targets = [Brightness(0.1), Brightness(0.1, (64, 64))]
        with pytest.raises(UsageError, match=r"^the targets look at different sizes: .*--method auto$") as caught:
            optim.camouflage(small, targets, method="perturb")
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_what_cannot_be_done_is_said_and_the_best_is_kept(small: Photo) -> None:
    result = optim.camouflage(small, [Brightness(0.02)], method="auto")
    assert not result.camouflaged
    assert not result.survives
    assert 0.02 < result.score_after < result.score_before
    assert np.array_equal(camofilter.apply(small, result.recipe).pixels, result.photo.pixels)


def test_same_seed_same_result(small: Photo) -> None:
    mean = float(camofilter.score(small, Brightness(0)))
    done = [
        by_grain(
            Job(small, Watchers(small.pixels, [Brightness(mean - 0.002)], "cpu"), survive="everything", seed=seed),
            Recipe(),
        ).recipe
        for seed in (0, 0, 1)
    ]
    assert done[0] == done[1] != done[2]


def test_a_look_that_is_asked_for_is_given_even_to_what_nobody_sees(small: Photo) -> None:
    result = optim.camouflage(small, [Brightness(0.9)], look=presets.get("noir"))
    assert result.camouflaged
    assert result.recipe.steps == presets.get("noir").steps, "without a grain that hides nothing"
    assert result.recipe.made_for == ("brightness",)
    untouched = optim.camouflage(small, [Brightness(0.9)])
    assert untouched.recipe == Recipe()
    assert untouched.photo is small


def test_as_little_grain_as_it_takes() -> None:
    """The search goes points below the threshold; of a plain photo, that each delivery leaves alone, less will do."""
    grey = np.full((108, 192, 3), 128, np.uint8)
    watchers = Watchers(grey, [Brightness(0.5)], "cpu")
    done = by_grain(Job(Photo.from_array(grey), watchers), Recipe())
    assert done.exposure < 0
    tuned = tune(watchers, grey, Recipe()).settings["amount"]
    assert 0.002 < done.recipe.steps[-1].settings["amount"] < 0.6 * tuned


def test_an_amount_beyond_film_is_never_taken(small: Photo) -> None:
    done = by_grain(Job(small, Watchers(small.pixels, [Brightness(0.0)], "cpu")), Recipe())
    assert done.exposure > 0
    (step,) = done.recipe.steps
    assert step.settings["amount"] == pytest.approx(0.03)


def test_a_photo_that_takes_no_grain_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Black stays black: no gradient, and no amount of grain helps."""
    calls = 0
    count = optim.methods._judged

    def counted(*args: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        return count(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(optim.methods, "_judged", counted)
    black = np.zeros((48, 64, 3), np.uint8)
    done = by_grain(Job(Photo.from_array(black), Watchers(black, [Brightness(0.4, falls=False)], "cpu")), Recipe())
    assert done.exposure > 0
    assert calls < 40


def at_quality_30(photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=30)
    return file.getvalue()


class TestWrittenAs:
    """What is judged is the file that will be written, whatever the photo was read from."""

    @pytest.mark.parametrize("written_as", [None, "WEBP", at_quality_30], ids=["JPEG", "WebP", "JPEG 30"])
    def test_the_verdict_is_on_that_file(self, small: Photo, written_as: Any) -> None:
        mean = camofilter.score(small, Brightness(0))
        found = camofilter.camouflage(
            small, target=Brightness(mean - 0.005), method="perturb", attack="pgd", written_as=written_as
        )
        data = written_as(found.photo) if callable(written_as) else encode_photo(found.photo, written_as)
        written = decode_photo(data).pixels
        (verdict,) = found.verdicts
        assert verdict == verdict.tried(written)
        for other in found.unseen:
            assert other == other.on(written)
        assert found.visibility == how_visible(small.pixels, found.photo.pixels) < 100, "a perturbation has no look"
        told = to_dict(found, written, 1.0)
        assert told["score_after"] == found.score_after
        assert (told["camouflaged"], told["survives"]) == (found.camouflaged, found.survives)

    def test_what_survives_is_hidden(self, small: Photo) -> None:
        """The file as it lies there is one of the ways; here it is another one than was tried."""
        found = camofilter.camouflage(small, target=Brightness(0.9))
        told = to_dict(found, np.full_like(small.pixels, 250), 1.0)
        assert found.survives
        assert (told["camouflaged"], told["survives"]) == (False, False)

    def test_a_photo_that_nobody_sees_has_to_stay_so_in_its_file(self, small: Photo) -> None:
        def overexposed(photo: Photo) -> bytes:
            return encode_photo(photo.with_pixels(np.full_like(photo.pixels, 250)))

        for written_as, hidden in ((None, True), (overexposed, False)):
            found = camofilter.camouflage(
                small, target=Brightness(0.9), method="perturb", attack="pgd", written_as=written_as
            )
            assert found.camouflaged == hidden

    def test_what_cannot_hold_the_photo_is_refused_at_once(self, small: Photo) -> None:
        def never(progress: optim.Progress) -> None:
            pytest.fail("a search was begun")

        half = Photo(small.pixels, np.full(small.pixels.shape[:2], 128, np.uint8))
        with pytest.raises(PhotoError, match="JPEG cannot hold the transparent parts"):
            camofilter.camouflage(half, target=Brightness(0), written_as="JPEG", progress=never)
        with pytest.raises(UsageError, match="unknown format 'GIF'"):
            camofilter.camouflage(small, target=Brightness(0), written_as="GIF", progress=never)


class TestLongest:
    """A plate for such a photo would be too large, and a machine sees no more of it than its middle."""

    BAND = np.random.default_rng(0).integers(90, 180, (2, 4000, 3), dtype=np.uint8)

    @pytest.mark.slow
    @pytest.mark.parametrize("method", ["auto", "hybrid"])
    def test_is_hidden_by_settings(self, method: optim.Method) -> None:
        photo = Photo.from_array(self.BAND)
        seen = camofilter.score(camofilter.apply(photo, "bright"), Brightness(0))
        result = optim.camouflage(photo, [Brightness(seen - 0.01)], look=presets.get("bright"), method=method)
        assert result.camouflaged
        assert "tuned_grain" not in [step.filter for step in result.recipe.steps]
        look = camofilter.apply(photo, "bright").pixels
        assert result.visibility == how_visible(look, result.photo.pixels) < 100, "softness not asked for counts"

    def test_is_perturbed_in_its_middle(self) -> None:
        photo = Photo.from_array(self.BAND)
        mean = camofilter.score(photo, Brightness(0))
        watchers = Watchers(photo.pixels, [Brightness(mean - 0.005)], "cpu")
        done = by_perturbation(Job(photo, watchers), "pgd", in_channel=False)
        assert done.verdicts[0].after.score < mean - 0.003
        changed = np.flatnonzero((done.photo.pixels != photo.pixels).any((0, 2)))
        assert 1990 < changed.min() < changed.max() < 2010


@pytest.mark.parametrize("count", [0, 1, 3])
def test_others_join_once(target: Target, count: int) -> None:
    joined = optim.joined_by([target], count)
    assert [t.name for t in joined] == ["compact_iqa", "wavelet_iqa", "brisque", "niqe"][: count + 1]
    assert [t.name for t in optim.joined_by(joined, count)] == [t.name for t in joined]


@pytest.mark.slow
def test_robust_hides_from_the_others_by_structure(photo: Photo, target: Target, hidden: optim.Camouflaged) -> None:
    found = optim.camouflage(photo, [target], robust=1)
    assert [verdict.target.name for verdict in found.verdicts] == ["compact_iqa", "wavelet_iqa"]
    assert found.camouflaged
    assert [verdict.target.name for verdict in found.unseen] == ["niqe", "brisque"]
    assert found.change.ms_ssim < hidden.change.ms_ssim, "what is hidden from others shows"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"attack": "cv"}, "unknown attack 'cv': did you mean cw"),
        ({"keep": "bolder"}, "unknown keep 'bolder': did you mean bold"),
        ({"survive": "platform"}, "unknown survive 'platform': did you mean platforms"),
        ({"robust": 4}, "robust is 4: expected 0 to 3"),
        ({"robust": -1}, "robust is -1: expected 0 to 3"),
    ],
)
def test_wrong_choices_are_named(small: Photo, target: Target, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        optim.camouflage(small, [target], **wrong)


def test_variants_begin_with_the_look_asked_for(photo: Photo) -> None:
    assert camofilter.variants(photo, 1) == [enhanced(photo.pixels)]
    found = camofilter.variants(photo, 3, preset="warm")
    assert found[0] == presets.get("warm")
    assert len({look.name for look in found}) == 3

"""The search and the whole job, with the real model on real photos."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import camofilter
from camofilter import Photo, biqa, optim, presets
from camofilter.errors import UsageError
from camofilter.optim import objective
from camofilter.optim.search import Progress, search
from camofilter.optim.watchers import Watchers
from camofilter.photo import decode_photo, encode_photo
from camofilter.recipe import Recipe


@pytest.fixture(scope="module")
def photo() -> Photo:
    """A photo that is liked (above 60), reduced to 640 pixels, as a JPEG of quality 92."""
    path = Path(__file__).parents[2] / "examples" / "photos" / "budgie_perched-osprey.jpg"
    with Image.open(path) as opened:
        opened.thumbnail((640, 640), Image.Resampling.LANCZOS)
        reduced = Photo.from_array(np.asarray(opened))
    return decode_photo(encode_photo(reduced, "JPEG"))


@pytest.fixture(scope="module")
def hidden(photo: Photo) -> optim.Camouflaged:
    """The whole job done once for several tests."""
    return camofilter.camouflage(photo)


def test_the_finished_file_is_below_the_threshold(photo: Photo, hidden: optim.Camouflaged) -> None:
    assert hidden.score_before == pytest.approx(camofilter.score(photo), abs=1e-3)
    assert hidden.score_before > 60
    finished = decode_photo(encode_photo(hidden.photo))
    assert camofilter.score(finished) == pytest.approx(hidden.score_after, abs=1e-3)
    assert hidden.score_after < 50
    assert hidden.camouflaged


def test_the_recipe_reproduces_the_photo(photo: Photo, hidden: optim.Camouflaged) -> None:
    again = Recipe.from_dict(hidden.recipe.to_dict())
    assert np.array_equal(camofilter.apply(photo, again).pixels, hidden.photo.pixels)


def test_its_result_is_left_alone(hidden: optim.Camouflaged) -> None:
    again = camofilter.camouflage(hidden.photo)
    assert again.camouflaged
    assert again.recipe == Recipe()
    assert again.photo is hidden.photo


@pytest.mark.slow
def test_a_preset_stays_the_look(photo: Photo) -> None:
    result = camofilter.camouflage(photo, preset="noir", threshold=60)
    assert result.score_after < 60
    spread = result.photo.pixels.max(2).astype(int) - result.photo.pixels.min(2)
    assert spread.max() <= 2, "black and white stays black and white"


@pytest.mark.slow
def test_what_cannot_be_done_is_said_and_the_best_is_kept(photo: Photo) -> None:
    result = camofilter.camouflage(photo, threshold=-40)
    assert not result.camouflaged
    assert result.score_after >= -40
    assert result.score_after < result.score_before - 10


def short_search(photo: Photo, seed: int) -> tuple[Recipe, list[Progress]]:
    seen: list[Progress] = []
    watchers = Watchers(photo.pixels, [biqa.get("compact_iqa")], "cpu")
    recipe = search(watchers, presets.get("soft"), steps=4, seed=seed, progress=seen.append)
    return recipe, seen


def test_same_seed_same_recipe_and_progress_counts(photo: Photo) -> None:
    first, seen = short_search(photo, 0)
    assert first == short_search(photo, 0)[0]
    assert [p.step for p in seen] == [1, 2, 3, 4]
    assert all(later.exposure <= earlier.exposure for earlier, later in pairwise(seen))


def test_another_seed_another_channel(photo: Photo) -> None:
    assert short_search(photo, 0)[1] != short_search(photo, 1)[1]


@pytest.mark.parametrize(("device", "message"), [("gpu", "expected auto, cpu or cuda"), ("cuda", "no CUDA device")])
def test_wrong_devices_are_named(photo: Photo, device: str, message: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UsageError, match=message):
        camofilter.camouflage(photo, device=device)


def test_objective_is_an_l1_norm_and_a_hinge() -> None:
    moves = torch.tensor([[1.0, -2.0, 5.0], [0.5, 0.0, 0.0]])
    look, costs = torch.tensor([0.5, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0])
    assert objective.change(moves, look, costs).tolist() == [2.5, 0.0]
    assert objective.exposed(torch.tensor([3.0, -2.0, -9.0]), 2.5).tolist() == [5.5, 0.5, 0.0]


def test_prices_rise_when_safe_and_fall_when_seen() -> None:
    prices = objective.Prices(2, "cpu")
    before = prices.values.clone()
    prices.update(torch.tensor([True, False]))
    assert prices.values[0] > before[0]
    assert prices.values[1] < before[1]
    for _ in range(200):
        prices.update(torch.tensor([True, False]))
    assert torch.isfinite(prices.values).all()
    assert (prices.values > 0).all()

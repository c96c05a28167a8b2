"""Tuning grain: with the real model, a few steps hide a real photo under fine grain."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from camofilter import biqa
from camofilter.biqa.target import Scale, Target
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.optim import judgement
from camofilter.optim.looks import enhanced
from camofilter.optim.search import Progress
from camofilter.optim.tuning import tune
from camofilter.optim.watchers import Watchers
from camofilter.recipe import FilterStep, Recipe

STEPS = 4


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """A photo that is liked, 360×640."""
    with Image.open(Path(__file__).parents[2] / "examples" / "photos" / "budgie_perched-osprey.jpg") as opened:
        return np.asarray(opened.resize((640, 360), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def watchers(pixels: np.ndarray) -> Watchers:
    return Watchers(pixels, [biqa.get("compact_iqa")], "cpu")


def tuned(watchers: Watchers, pixels: np.ndarray, seed: int = 0) -> tuple[FilterStep, list[Progress]]:
    seen: list[Progress] = []
    found = tune(watchers, pixels, enhanced(pixels), steps=STEPS, seed=seed, progress=seen.append)
    return found, seen


@pytest.fixture(scope="module")
def first(watchers: Watchers, pixels: np.ndarray) -> tuple[FilterStep, list[Progress]]:
    return tuned(watchers, pixels)


@pytest.mark.slow
def test_it_is_fine_grain_over_the_whole_photo(first: tuple[FilterStep, list[Progress]]) -> None:
    step, _ = first
    assert step.filter == "tuned_grain"
    assert 0.001 < step.settings["amount"] < 0.03
    plate = step.settings["plate"]
    assert plate.levels.shape == (384, 683)
    outside = np.concatenate([plate.levels[:, :60], plate.levels[:, -60:]], 1)
    assert (outside != 0).mean() < 0.2 < (plate.levels[:, 100:-100] != 0).mean(), "the machine looks at the middle"


def test_progress_counts_and_exposure_falls(first: tuple[FilterStep, list[Progress]]) -> None:
    _, seen = first
    assert [p.step for p in seen] == list(range(1, len(seen) + 1))
    assert STEPS <= len(seen) <= 2 * STEPS
    assert all(p.steps >= p.step for p in seen)
    assert seen[0].exposure > 10
    assert seen[-1].exposure < seen[0].exposure - 10


def test_the_finished_photo_is_seen_less(first: tuple[FilterStep, list[Progress]], pixels: np.ndarray) -> None:
    look = enhanced(pixels)
    target = biqa.get("compact_iqa")

    def score(recipe: Recipe) -> float:
        return judgement(render(pixels, recipe.chain()), target).score

    grained = Recipe((*look.steps, first[0]))
    before, after = score(look), score(grained)
    assert after < before - 10
    # It is the pattern that does it: as much of another one is hardly noticed.
    shuffled = np.random.default_rng(0).permutation(first[0].settings["plate"].levels.ravel())
    plate = Plate(shuffled.reshape(first[0].settings["plate"].levels.shape))
    assert score(grained.with_setting("tuned_grain", "plate", plate)) > after + 8


@pytest.mark.slow
def test_same_seed_same_plate_another_seed_another(
    first: tuple[FilterStep, list[Progress]], watchers: Watchers, pixels: np.ndarray
) -> None:
    assert tuned(watchers, pixels) == first
    other, seen = tuned(watchers, pixels, seed=1)
    assert other.settings["plate"] != first[0].settings["plate"]
    assert seen != first[1]


def test_what_cannot_be_hidden_takes_twice_the_steps(pixels: np.ndarray) -> None:
    seen: list[Progress] = []
    tune(Watchers(pixels, [Brightness(0.0)], "cpu"), pixels, Recipe(), steps=6, progress=seen.append)
    assert len(seen) == 12


def test_what_is_hidden_already_takes_little_grain(pixels: np.ndarray) -> None:
    amounts = []
    for threshold in (0.99, 0.0):
        step, seen = tuned(Watchers(pixels, [Brightness(threshold)], "cpu"), pixels)
        assert all(later.exposure <= earlier.exposure for earlier, later in pairwise(seen)), "the lowest so far"
        amounts.append(step.settings["amount"])
    assert amounts[0] < 0.7 * amounts[1]


def test_black_gets_finite_grain() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    step = tune(Watchers(pixels, [Brightness(-1.0)], "cpu"), pixels, Recipe(), steps=1)
    assert 0 <= step.settings["amount"] < 0.03
    assert not render(pixels, Recipe((step,)).chain()).any()


def test_the_plate_of_a_panorama_comes_back_from_json() -> None:
    pixels = np.full((200, 1600, 3), 150, np.uint8)
    step = tune(Watchers(pixels, [Brightness(0.4)], "cpu"), pixels, Recipe(), steps=1)
    recipe = Recipe((step,))
    assert Recipe.from_dict(recipe.to_dict()) == recipe


class Brightness(Target):
    """Mean of an image, in the usual frame."""

    name = "brightness"

    def __init__(self, threshold: float) -> None:
        self.scale = Scale(0, 1, threshold)

    def score(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


@pytest.mark.slow
def test_same_seed_same_pattern_with_as_many_threads_and_nearly_so_with_others(
    watchers: Watchers, pixels: np.ndarray
) -> None:
    """Sums of floats in another order are rounded otherwise, and a search carries that on."""
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 1, 2):
            torch.set_num_threads(threads)
            found.append(tuned(watchers, pixels)[0].settings)
    finally:
        torch.set_num_threads(before)
    one, again, two = found
    assert one == again
    assert two["amount"] == pytest.approx(one["amount"], rel=0.05)
    levels = [settings["plate"].levels.astype(float).ravel() for settings in (one, two)]
    assert np.corrcoef(*levels)[0, 1] > 0.9

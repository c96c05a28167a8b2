"""Looks of our own: what a photographer would choose, and others that clearly differ."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from camofilter import filters, presets
from camofilter.errors import UsageError
from camofilter.filters.pipeline import render
from camofilter.optim.looks import _OFFERED, STRENGTHS, Keep, enhanced, variants
from camofilter.optim.perception import change
from camofilter.recipe import Recipe

KEEPS: tuple[Keep, ...] = get_args(Keep)


def photos() -> dict[str, np.ndarray]:
    """96×128×3 uint8 each: the examples, the emptiest photos, and the wildest one."""
    found = {}
    for path in sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.jpg")):
        with Image.open(path) as opened:
            found[path.stem] = np.asarray(opened.resize((128, 96)))
    for name, level in (("black", 0), ("grey", 128), ("white", 255)):
        found[name] = np.full((96, 128, 3), level, np.uint8)
    found["noise"] = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    found["primary"] = np.zeros((96, 128, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    return found


PHOTOS = photos()
OSPREY = PHOTOS["budgie_perched-osprey"]

every_photo = pytest.mark.parametrize("pixels", PHOTOS.values(), ids=PHOTOS)


class TestEnhanced:
    @every_photo
    @pytest.mark.parametrize("keep", KEEPS)
    def test_is_appealing(self, pixels: np.ndarray, keep: Keep) -> None:
        stronger = max(1.0, STRENGTHS[keep])
        for step in enhanced(pixels, keep).steps:
            for name, value in step.settings.items():
                setting = filters.get(step.filter).setting(name)
                low, high = (setting.identity + stronger * (end - setting.identity) for end in setting.appealing)
                assert low - 1e-9 <= value <= high + 1e-9, (step.filter, name)

    @every_photo
    def test_is_a_recipe_that_keeps_most_of_the_photo(self, pixels: np.ndarray) -> None:
        look = enhanced(pixels)
        assert Recipe.from_dict(look.to_dict()) == look
        assert look.name == "enhanced"
        assert change(pixels, render(pixels, look.chain())).delta_e < 6

    @pytest.mark.parametrize("name", [name for name in PHOTOS if name.startswith("budgie")])
    def test_lightens_a_dark_photo_more_than_a_light_one(self, name: str) -> None:
        def lighter(pixels: np.ndarray) -> float:
            done = render(pixels, enhanced(pixels).chain())
            return float(np.median(done.mean(2)) - np.median(pixels.mean(2)))

        dark = (PHOTOS[name] * 0.4).astype(np.uint8)
        light = 255 - ((255 - PHOTOS[name]) * 0.4).astype(np.uint8)
        assert lighter(dark) > 5
        assert lighter(light) < 0.5 * lighter(dark)

    def test_night_stays_night(self) -> None:
        night = (OSPREY * 0.15).astype(np.uint8)
        done = render(night, enhanced(night, "bold").chain())
        assert night.mean() < done.mean() < 60

    @every_photo
    def test_keep_orders_its_strength(self, pixels: np.ndarray) -> None:
        changes = [change(pixels, render(pixels, enhanced(pixels, keep).chain())).delta_e for keep in KEEPS]
        assert KEEPS == ("subtle", "natural", "bold")
        assert changes == sorted(changes)
        if len(np.unique(pixels)) > 10:  # rounding to 8 bits leaves little else
            assert 0 < changes[0] < 0.9 * changes[1] < 0.9 * 0.9 * changes[2]

    def test_pale_colours_get_more(self) -> None:
        grey = OSPREY.mean(2, keepdims=True)
        pale = (grey + 0.3 * (OSPREY - grey)).astype(np.uint8)
        vivid = np.clip(grey + 3 * (OSPREY - grey), 0, 255).astype(np.uint8)

        def vibrance(pixels: np.ndarray) -> float:
            (found,) = (step for step in enhanced(pixels).steps if step.filter == "vibrance")
            return float(found.settings["amount"])

        assert vibrance(pale) > vibrance(OSPREY) > vibrance(vivid) > 0

    def test_depth_does_not_matter(self) -> None:
        assert enhanced(OSPREY.astype(np.uint16) * 257) == enhanced(OSPREY)


class TestVariants:
    def test_first_is_kept_and_all_differ_clearly(self) -> None:
        first = enhanced(OSPREY)
        looks = variants(OSPREY, first, 4)
        assert looks[0] is first
        done = [render(OSPREY, look.chain()) for look in looks]
        distances = [change(a, b).delta_e for i, a in enumerate(done) for b in done[:i]]
        assert min(distances) > 5

    def test_each_next_is_the_farthest_from_all_before(self) -> None:
        looks = variants(OSPREY, enhanced(OSPREY), 4)
        done = {look.name: render(OSPREY, look.chain()) for look in [looks[0], *map(presets.get, _OFFERED)]}
        for count in range(1, 4):
            before = [look.name for look in looks[:count]]
            nearest = {n: min(change(done[b], p).delta_e for b in before) for n, p in done.items() if n not in before}
            assert nearest[looks[count].name] > max(nearest.values()) - 0.2  # rounding to 8 bits

    def test_fewer_are_the_first_of_more(self) -> None:
        first = enhanced(OSPREY)
        assert variants(OSPREY, first, 2) == variants(OSPREY, first, 5)[:2]
        assert variants(OSPREY, first, 1) == [first]

    @pytest.mark.parametrize("name", ["vivid", "noir", "sepia"])
    def test_a_preset_comes_once(self, name: str) -> None:
        names = [look.name for look in variants(OSPREY, presets.get(name), len(_OFFERED))]
        assert names[0] == name
        assert len(set(names)) == len(names) == len(_OFFERED)

    @pytest.mark.parametrize("count", [-1, 0, len(_OFFERED) + 1])
    def test_other_counts_are_refused(self, count: int) -> None:
        with pytest.raises(UsageError, match=rf"^variants is {count}: expected 1 to 12 looks$"):
            variants(OSPREY, enhanced(OSPREY), count)

    @pytest.mark.parametrize(
        "name",
        [
            "black",
            "white",
            "primary",
        ],
    )
    def test_where_looks_hardly_differ_there_are_still_as_many(self, name: str) -> None:
        pixels = PHOTOS[name]
        names = [look.name for look in variants(pixels, enhanced(pixels), len(_OFFERED))]
        assert len(set(names)) == len(names) == len(_OFFERED)

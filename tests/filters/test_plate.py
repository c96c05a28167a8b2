"""Grain plates: what is packed is what comes back, and a text that is none is refused before it costs anything."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.recipe import FilterStep, Recipe, RecipeError

plates = arrays(np.int8, array_shapes(min_dims=2, max_dims=2, max_side=20)).map(Plate)


def random_plate(height: int = 24, width: int = 32) -> Plate:
    return Plate.of(np.random.default_rng(0).normal(size=(height, width)))


def text_of(data: bytes, width: int, height: int) -> str:
    """What a plate with these deflated levels would be packed to."""
    return f"{width}x{height}:{base64.b64encode(data).decode('ascii')}"


def refused(value: Any) -> str:
    """The one line with which a recipe refuses a plate."""
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict({"camofilter": 1, "filters": [{"filter": "tuned_grain", "plate": value}]}, "my.json")
    message = str(caught.value)
    assert message.startswith("my.json: tuned_grain.plate is ")
    assert message.endswith("; expected what camofilter writes into a recipe")
    assert "\n" not in message
    assert len(message) < 250
    return message


class TestOf:
    @given(arrays(np.float64, (6, 9), elements=st.floats(-1, 1)), st.floats(1e-3, 1e3))
    def test_only_proportions_count(self, pattern: np.ndarray, times: float) -> None:
        unit = np.sqrt((pattern**2).mean()) / 4 or 1.0
        near_a_step = np.abs(np.abs(pattern / unit) % 1 - 0.5) < 1e-9
        same = Plate.of(pattern).levels == Plate.of(pattern * times).levels
        assert (same | near_a_step).all()

    def test_levels_are_nearest_quarters_of_the_root_mean_square(self) -> None:
        pattern = np.random.default_rng(1).normal(0, 0.02, (60, 80)).astype(np.float32)
        unit = np.sqrt((pattern**2).mean()) / 4
        plate = Plate.of(pattern)
        assert plate.levels.dtype == np.int8
        assert np.abs(plate.levels * unit - pattern).max() < 0.51 * unit
        assert plate.levels.std() == pytest.approx(4, rel=0.01)  # rounding adds a twelfth of a level's square

    def test_what_is_faint_beside_what_is_strong_is_kept(self) -> None:
        """As the grain of a sky beside that of foliage."""
        pattern = np.random.default_rng(1).normal(size=(60, 80))
        pattern[:40] *= 0.2
        levels = Plate.of(pattern).levels
        assert np.corrcoef(levels[:40].ravel(), pattern[:40].ravel())[0, 1] > 0.97

    def test_outliers_stop_at_127_steps(self) -> None:
        pattern = np.random.default_rng(1).normal(size=(60, 80))
        pattern[0, :2] = 5000, -50
        levels = Plate.of(pattern).levels
        assert levels[0, 0] == 127
        assert levels[0, 1] == -3

    def test_nothing_is_nothing(self) -> None:
        assert not Plate.of(np.zeros((3, 4))).levels.any()


class TestText:
    @given(plates)
    def test_round_trip(self, plate: Plate) -> None:
        assert Plate.unpack(plate.pack()) == plate

    def test_is_width_height_and_deflated_rows(self) -> None:
        size, data = Plate(np.arange(6, dtype=np.int8).reshape(2, 3) - 3).pack().split(":")
        assert size == "3x2"
        assert np.frombuffer(zlib.decompress(base64.b64decode(data)), np.int8).tolist() == [-3, -2, -1, 0, 1, 2]

    def test_is_small(self) -> None:
        assert len(random_plate(384, 512).pack()) < 384 * 512 * 0.8  # of levels; about 4.1 bits of them are random

    @given(st.data())
    def test_damage_is_refused_or_does_no_harm(self, data: st.DataObject) -> None:
        plate = random_plate()
        text = plate.pack()
        at = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.sampled_from("0x:+/=A\n ~é"))
        for damaged in (text[:at], text[:at] + other + text[at + 1 :], text[:at] + other + text[at:]):
            try:
                assert Plate.unpack(damaged) == plate
            except ValueError as error:
                assert "\n" not in str(error)  # noqa: PT017

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("", "not WIDTHxHEIGHT:DATA"),
            ("grain", "not WIDTHxHEIGHT:DATA"),
            ("3x2:", "not WIDTHxHEIGHT:DATA"),
            ("-3x2:AAAA", "not WIDTHxHEIGHT:DATA"),
            ("3x2:AA\nAA", "not WIDTHxHEIGHT:DATA"),
            ("999999x2:AAAA", "not WIDTHxHEIGHT:DATA"),
            ("0x2:AAAA", "it has 0 × 2 cells, not 1 to 16777216"),
            ("4096x4097:AAAA", "it has 4096 × 4097 cells, not 1 to 16777216"),
            ("3x2:AAAA", "its data are damaged"),
            ("3x2:A", "its data are damaged"),
            ("3x2:====", "its data are damaged"),
            (text_of(zlib.compress(bytes(5)), 3, 2), "its data are not 6 levels"),
            (text_of(zlib.compress(bytes(7)), 3, 2), "its data are not 6 levels"),
            ("x" * 100_000, "not WIDTHxHEIGHT:DATA"),
            (3, "not text"),
            (["3x2:AAAA"], "not text"),
            ({}, "not text"),
        ],
    )
    def test_what_is_none_is_refused_in_one_line(self, value: Any, reason: str) -> None:
        assert f": {reason};" in refused(value)

    def test_the_largest_is_accepted(self) -> None:
        plate = Plate(np.ones((1, 2048), np.int8))
        assert Plate.unpack(plate.pack()) == plate

    def test_a_bomb_is_not_inflated(self) -> None:
        deflate = zlib.compressobj(9)
        data = b"".join([*(deflate.compress(bytes(1 << 20)) for _ in range(64)), deflate.flush()])
        text = text_of(data, 3, 2)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="its data are not 6 levels"):
                Plate.unpack(text)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20, "the text takes a tenth of a megabyte, what it inflates to 64"


class TestAsASetting:
    PLATE = random_plate()
    RECIPE = Recipe(
        (FilterStep("exposure", {"ev": 0.2}), FilterStep("tuned_grain", {"amount": 0.02, "tone": 0.3, "plate": PLATE})),
        "grained",
    )

    def test_survives_json_and_gives_the_same_bytes(self, one_photo: np.ndarray) -> None:
        again = Recipe.from_dict(json.loads(self.RECIPE.to_json()))
        assert again == self.RECIPE
        done = render(one_photo, again.chain())
        np.testing.assert_array_equal(done, render(one_photo, self.RECIPE.chain()))
        assert (done != render(one_photo, self.RECIPE.chain()[:1])).mean() > 0.3

    def test_another_plate_is_another_recipe(self) -> None:
        upright = Plate(self.PLATE.levels.T)
        assert self.RECIPE.with_setting("tuned_grain", "plate", upright) != self.RECIPE
        assert self.RECIPE.with_setting("tuned_grain", "plate", Plate(self.PLATE.levels.copy())) == self.RECIPE
        assert Plate(np.zeros((2, 3), np.int8)) != Plate(np.zeros((3, 2), np.int8))
        assert len({self.PLATE, Plate(self.PLATE.levels.copy()), upright}) == 2

    def test_none_survives_json_too(self) -> None:
        recipe = Recipe((FilterStep("tuned_grain", {"amount": 0.02, "plate": None}),))
        assert Recipe.from_dict(json.loads(recipe.to_json())) == recipe

    def test_object_and_text_are_taken(self) -> None:
        setting = filters.get("tuned_grain").setting("plate")
        held: Any = setting.check("tuned_grain", self.PLATE)
        assert held is self.PLATE
        assert setting.check("tuned_grain", self.PLATE.pack()) == self.PLATE
        assert setting.check("tuned_grain", None) is None
        with pytest.raises(UsageError, match=r"^tuned_grain.plate is 7: not text; expected"):
            setting.check("tuned_grain", 7)

    def test_does_not_fade(self) -> None:
        faded = self.RECIPE.at_strength(0.5).steps[1].settings
        assert faded == {"amount": 0.01, "tone": 0.3, "plate": self.PLATE}

    def test_in_words_it_goes_without_saying(self) -> None:
        assert self.RECIPE.steps[1].in_words() == "tuned grain amount 0.020, tone +0.30"

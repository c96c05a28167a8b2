"""Recipes: what is read, what is refused and in which words, and what strength and settings do to them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters import HeldSetting, Setting
from camofilter.filters.pipeline import render
from camofilter.recipe import FilterStep, Recipe, RecipeError

WARM = {
    "camofilter": 1,
    "name": "warm",
    "description": "Late sun – with × and °",
    "filters": [
        {"filter": "white_balance", "temperature": 26.0, "tint": 2.0},
        {"filter": "tone_curve", "red": [1.0, 1.1, 0.9]},
        {"filter": "vignette", "amount": 0.4, "midpoint": 0.7},
        {"filter": "grain", "amount": 0.02, "seed": 4294967295.0},
        {"filter": "exposure", "ev": 0.1},
        {"filter": "exposure", "ev": -0.2},
    ],
}


def values(setting: Setting) -> st.SearchStrategy[Any]:
    if isinstance(setting, HeldSetting):
        return st.none()  # tests/filters/test_lut.py, test_tuned_grain.py
    number = st.floats(*setting.range)
    fewest, most = setting.counts
    return number if setting.count is None else st.lists(number, min_size=fewest, max_size=most)


def steps() -> st.SearchStrategy[FilterStep]:
    """Any filter with any of its settings."""
    return st.sampled_from(filters.NAMES).flatmap(
        lambda name: st.fixed_dictionaries({}, optional={s.name: values(s) for s in filters.get(name).settings}).map(
            lambda chosen: FilterStep(name, chosen)
        )
    )


# Lone surrogates cannot be written as UTF-8, and no JSON file in UTF-8 holds one unescaped.
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
made_for = st.lists(st.sampled_from(["compact_iqa@2", "koncept512", "ä:m.pt"]), max_size=2).map(tuple)
recipes = st.builds(Recipe, st.lists(steps(), max_size=4).map(tuple), texts, texts, made_for)


def refused(data: Any) -> str:
    """The one line with which a recipe is refused."""
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict(data, "my.json")
    message = str(caught.value)
    assert message.startswith("my.json: ")
    assert "\n" not in message
    assert len(message) < 300
    assert caught.value.exit_code == 2
    return message


def with_filter(**step: Any) -> dict[str, Any]:
    return {"camofilter": 1, "filters": [step]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.json"


class TestJson:
    @pytest.mark.slow
    @given(recipes)
    def test_round_trip(self, recipe: Recipe) -> None:
        assert Recipe.from_dict(recipe.to_dict()) == recipe
        assert Recipe.from_dict(json.loads(recipe.to_json())) == recipe

    def test_is_what_was_read(self, file: Path) -> None:
        file.write_text(json.dumps(WARM), encoding="utf-8")
        recipe = Recipe.load(file)
        assert recipe.to_dict() == WARM
        assert (recipe.name, recipe.description) == ("warm", "Late sun – with × and °")
        file.write_text(recipe.to_json(), encoding="utf-8")
        assert Recipe.load(str(file)) == recipe
        assert "×" in file.read_text(encoding="utf-8")

    def test_says_what_it_was_made_for_only_where_a_search_found_it(self) -> None:
        assert Recipe.from_dict(WARM).made_for == ()
        found = Recipe.from_dict(WARM | {"made_for": ["compact_iqa@2", "niqe@1"]})
        assert list(found.to_dict()) == ["camofilter", "name", "description", "made_for", "filters"]
        assert found.at_strength(0.5).with_setting("fade", "blacks", 0.1).made_for == ("compact_iqa@2", "niqe@1")

    @pytest.mark.parametrize("wrong", ["compact_iqa@2", [1], {"compact_iqa": 2}, None])
    def test_made_for_something_else(self, wrong: Any) -> None:
        assert '"made_for" is ' in refused(WARM | {"made_for": wrong})

    def test_begins_with_the_schema_version(self) -> None:
        assert Recipe().to_json() == '{\n  "camofilter": 1,\n  "filters": []\n}\n'

    def test_left_out_settings_stay_left_out_and_at_identity(self) -> None:
        recipe = Recipe.from_dict(with_filter(filter="vignette", amount=0.5))
        assert recipe.steps[0].settings == {"amount": 0.5}
        ((found, settings),) = recipe.chain()
        assert found.name == "vignette"
        assert settings == found.identity | {"amount": 0.5}


class TestRefusals:
    @pytest.mark.parametrize("data", [None, 1, "x", [], {}, {"filters": []}, [{"camofilter": 1}]])
    def test_something_else(self, data: Any) -> None:
        assert "not a recipe: expected a JSON object" in refused(data)

    @pytest.mark.parametrize("version", [0, 2, "1", None, 1.5, [[[[[[[[[[]]]]]]]]]], "v" * 9999])
    def test_other_schema_version(self, version: Any) -> None:
        assert "this camofilter reads version 1" in refused({"camofilter": version, "filters": []})

    def test_unknown_key_names_the_nearest(self) -> None:
        assert "unknown key 'descripton': did you mean description?" in refused(WARM | {"descripton": "x"})

    def test_unknown_filter_names_the_nearest(self) -> None:
        assert "unknown filter 'vingette': did you mean vignette" in refused(with_filter(filter="vingette"))

    def test_unknown_setting_names_the_nearest(self) -> None:
        message = refused(with_filter(filter="vignette", fether=1))
        assert "unknown setting of vignette 'fether': did you mean feather?" in message

    @pytest.mark.parametrize("listed", [None, {}, "x", 1])
    def test_filters_are_a_list(self, listed: Any) -> None:
        assert '"filters" is missing or not a list' in refused({"camofilter": 1, "filters": listed})

    @pytest.mark.parametrize("step", [None, 1, "exposure", [], {}, {"ev": 1}, {"filter": 1}, ["x"] * 9999])
    def test_steps_are_objects_with_a_filter(self, step: Any) -> None:
        assert "expected objects like" in refused({"camofilter": 1, "filters": [step]})

    @pytest.mark.parametrize("key", ["name", "description"])
    @pytest.mark.parametrize("value", [1, True, ["x" * 9999], {}])
    def test_name_and_description_are_text(self, key: str, value: Any) -> None:
        assert f'"{key}" is' in refused({"camofilter": 1, "filters": [], key: value})

    @pytest.mark.parametrize(
        "text", ["4", "-3.01", "NaN", "Infinity", "true", '"0.1"', "null", "[0.1]", "1e400", "1" * 400]
    )
    def test_value_is_a_number_in_range(self, text: str) -> None:
        message = refused(with_filter(filter="exposure", ev=json.loads(text)))
        assert "exposure.ev is " in message
        assert message.endswith(": expected a number from -3 to 3 EV")

    @pytest.mark.parametrize("value", [1.0, "1 1", [], [1.0], [1.0] * 65, [1.0] * 1_000_000, [1, "1"], [1, 0]])
    def test_curve_is_a_list_of_numbers_in_range(self, value: Any) -> None:
        assert "tone_curve.red " in refused(with_filter(filter="tone_curve", red=value))


class TestFiles:
    def refused(self, path: Path) -> str:
        with pytest.raises(RecipeError) as caught:
            Recipe.load(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert len(message) < 400 + len(str(path))
        return message

    def test_missing(self, file: Path) -> None:
        assert "cannot read the recipe: No such file or directory" in self.refused(file)

    def test_folder(self, tmp_path: Path) -> None:
        assert "cannot read the recipe: Is a directory" in self.refused(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"{", b"exposure: 1", b"{'camofilter': 1}"])
    def test_not_json(self, content: bytes, file: Path) -> None:
        file.write_bytes(content)
        assert "not JSON: " in self.refused(file)

    def test_a_photo(self, file: Path) -> None:
        file.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
        assert "it is not UTF-8 text" in self.refused(file)

    @pytest.mark.parametrize(
        "around",
        [
            "%s",
            '{"camofilter": %s}',
            '{"camofilter": 1, "filters": %s}',
            '{"camofilter": 1, "filters": [], "name": %s}',
            '{"camofilter": 1, "filters": [{"filter": "exposure", "ev": %s}]}',
            '{"camofilter": 1, "filters": [{"filter": "tone_curve", "red": [1, %s]}]}',
        ],
    )
    def test_nested_bomb(self, around: str, file: Path) -> None:
        # Every depth near the recursion limit: reading may just succeed where showing the value would not.
        for depth in [10, 100, *range(900, 1000, 3), 100_000]:
            file.write_text(around % ("[" * depth + "]" * depth))
            self.refused(file)

    @pytest.mark.parametrize(
        "text",
        [
            '{"camofilter": 1, "filters": [], "filters": []}',
            '{"camofilter": 1, "filters": [{"filter": "exposure", "ev": 0.3, "ev": -0.3}]}',
            '{"camofilter": 1, "filters": [{"filter": "exposure", "ev": 0.3, "ev": 0.3}]}',
        ],
        ids=["outside", "in a filter", "of the same value"],
    )
    def test_a_key_that_stands_twice_is_refused(self, text: str, file: Path) -> None:
        file.write_text(text)
        assert re.search(r"'(filters|ev)' stands twice in one object: keep one of them$", self.refused(file))

    def test_a_number_longer_than_python_takes_is_refused(self, file: Path) -> None:
        file.write_text(f'{{"camofilter": 1, "filters": [{{"filter": "exposure", "ev": {"9" * 5000}}}]}}')
        assert self.refused(file).endswith("not a recipe: a number in it has thousands of digits")

    def test_a_name_that_is_no_text_goes_through_json_as_it_is(self, file: Path) -> None:
        named = Recipe(Recipe.from_dict(WARM).steps, name=os.fsdecode(b"\xff.cube"))  # of a file of another encoding
        file.write_bytes(named.to_json().encode())
        assert Recipe.load(file) == named

    def test_a_byte_order_mark_is_read_over(self, file: Path) -> None:
        file.write_text(Recipe.from_dict(WARM).to_json(), encoding="utf-8-sig")
        assert Recipe.load(file) == Recipe.from_dict(WARM)


@pytest.mark.parametrize(("name", "right"), [("bom", {"ev": 0.3}), ("dup-key", "'ev' stands twice in one object")])
def test_files_that_failed(name: str, right: Any, shared: Path) -> None:
    found = shared / "cases" / "recipe" / f"{name}.json"
    if not found.exists():
        pytest.skip("no recipes in ../shared/cases")
    if isinstance(right, dict):
        assert Recipe.load(found).steps == (FilterStep("exposure", right),)
    else:
        with pytest.raises(RecipeError, match=right):
            Recipe.load(found)


class TestStrength:
    RECIPE = Recipe.from_dict(WARM)

    def test_0_changes_no_byte(self, one_photo: np.ndarray) -> None:
        np.testing.assert_array_equal(render(one_photo, self.RECIPE.at_strength(0).chain()), one_photo)

    def test_1_is_the_recipe(self) -> None:
        assert self.RECIPE.at_strength(1) == self.RECIPE
        assert self.RECIPE.at_strength(1.0) == self.RECIPE

    def test_more_is_farther_from_the_photo(self, one_photo: np.ndarray) -> None:
        photo = one_photo.astype(float)
        changes = [
            np.abs(render(one_photo, self.RECIPE.at_strength(strength).chain()) - photo).mean()
            for strength in (0, 0.25, 0.5, 0.75, 1)
        ]
        assert changes == sorted(changes)
        assert changes[-1] > changes[1] > 0

    def test_half_is_half_way_and_leaves_what_only_says_how(self) -> None:
        half = {step.filter: step.settings for step in self.RECIPE.at_strength(0.5).steps}
        assert half["white_balance"] == {"temperature": 13, "tint": 1}
        assert half["tone_curve"]["red"] == pytest.approx((1, 1.05, 0.95))
        assert half["vignette"] == {"amount": 0.2, "midpoint": 0.7}
        assert half["grain"] == {"amount": 0.01, "seed": 4294967295}

    def test_name_stays(self) -> None:
        assert self.RECIPE.at_strength(0.5).name == "warm"

    @given(recipes, st.floats(0, 1))
    def test_of_any_recipe_is_a_recipe(self, recipe: Recipe, strength: float) -> None:
        assert Recipe.from_dict(recipe.at_strength(strength).to_dict()) == recipe.at_strength(strength)

    @pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
    def test_outside_0_to_1_is_refused(self, strength: float) -> None:
        with pytest.raises(UsageError, match=r"^strength is .*: expected a number from 0 to 1$"):
            self.RECIPE.at_strength(strength)


class TestWithSetting:
    RECIPE = Recipe.from_dict(WARM)

    def test_changes_one_setting(self) -> None:
        changed = self.RECIPE.with_setting("vignette", "amount", 0.1)
        assert changed.steps[2].settings == {"amount": 0.1, "midpoint": 0.7}
        assert changed.steps[:2] + changed.steps[3:] == self.RECIPE.steps[:2] + self.RECIPE.steps[3:]
        assert changed.name == self.RECIPE.name
        assert self.RECIPE.to_dict() == WARM

    def test_adds_a_setting_that_was_left_out(self) -> None:
        changed = self.RECIPE.with_setting("vignette", "feather", 0.7)
        assert changed.steps[2].settings == {"amount": 0.4, "midpoint": 0.7, "feather": 0.7}

    def test_adds_a_filter_at_the_end(self) -> None:
        changed = self.RECIPE.with_setting("glow", "amount", 0.2)
        assert changed.steps == (*self.RECIPE.steps, FilterStep("glow", {"amount": 0.2}))

    def test_of_a_filter_that_comes_twice_changes_the_last(self) -> None:
        changed = self.RECIPE.with_setting("exposure", "ev", 0.3)
        assert [s.settings["ev"] for s in changed.steps[-2:]] == [0.1, 0.3]

    @pytest.mark.parametrize(
        ("filter_name", "setting", "value", "message"),
        [
            ("glwo", "amount", 0.1, "unknown filter 'glwo': did you mean glow"),
            ("glow", "amuont", 0.1, "unknown setting of glow 'amuont': did you mean amount"),
            ("vignette", "amuont", 0.1, "unknown setting of vignette 'amuont': did you mean amount"),
            ("vignette", "amount", 9, r"vignette\.amount is 9: expected a number from 0 to 3 EV"),
        ],
    )
    def test_refuses(self, filter_name: str, setting: str, value: float, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            self.RECIPE.with_setting(filter_name, setting, value)


class TestInWords:
    @pytest.mark.parametrize(
        ("step", "words"),
        [
            (FilterStep("exposure", {"ev": 0.3}), "exposure +0.30 EV"),
            (FilterStep("exposure", {"ev": -1}), "exposure -1.00 EV"),
            (FilterStep("vignette", {"amount": 0.4, "midpoint": 0.7}), "vignette amount 0.40 EV, midpoint 0.70"),
            (FilterStep("vignette", {"amount": 0.4, "midpoint": 0.8}), "vignette amount 0.40 EV"),
            (
                FilterStep("white_balance", {"temperature": 26, "tint": -2}),
                "white balance temperature +26 mired, tint -2 mDuv",
            ),
            (FilterStep("tone_curve", {"red": [1, 1.1, 0.9]}), "tone curve red 1.00 1.10 0.90"),
            (FilterStep("clarity", {"amount": -0.3, "radius": 0.015}), "clarity amount -0.30, radius 0.015"),
            (FilterStep("grain", {"amount": 0.028, "seed": 12}), "grain amount 0.028, seed 12"),
            (FilterStep("soft_focus", {"amount": 0.3}), "soft focus amount 0.30"),
            (FilterStep("saturation", {"amount": -1}), "saturation -1.00"),
            (FilterStep("fade"), "fade"),
        ],
        ids=lambda value: value.filter if isinstance(value, FilterStep) else "",
    )
    def test_of_a_step(self, step: FilterStep, words: str) -> None:
        assert step.in_words() == words

    def test_of_a_recipe(self) -> None:
        steps = (FilterStep("exposure", {"ev": 0.1}), FilterStep("fade", {"blacks": 0.04}))
        assert Recipe(steps).in_words() == "exposure +0.10 EV; fade blacks 0.04"
        assert Recipe().in_words() == "nothing"

    @pytest.mark.slow
    @given(recipes)
    def test_is_one_line_without_stray_blanks(self, recipe: Recipe) -> None:
        words = recipe.in_words()
        assert "\n" not in words
        assert words == " ".join(words.split())
        assert "_" not in words


class TestEquality:
    def test_equal_recipes_are_one_in_a_set(self) -> None:
        assert {Recipe.from_dict(WARM), Recipe.from_dict(WARM)} == {Recipe.from_dict(WARM)}
        assert len({FilterStep("fade", {"blacks": 0.1}), FilterStep("fade", {"blacks": 0.2})}) == 2

    def test_order_of_settings_does_not_count_but_of_filters_it_does(self) -> None:
        assert FilterStep("fade", {"blacks": 0.1, "whites": 0}) == FilterStep("fade", {"whites": 0, "blacks": 0.1})
        steps = (FilterStep("exposure", {"ev": 0.1}), FilterStep("fade", {"blacks": 0.1}))
        assert Recipe(steps) != Recipe(steps[::-1])

    def test_lists_and_tuples_and_whole_numbers_are_the_same_values(self) -> None:
        assert FilterStep("tone_curve", {"red": [1, 2]}) == FilterStep("tone_curve", {"red": (1.0, 2.0)})

    def test_what_was_given_can_change_without_changing_the_step(self) -> None:
        settings = {"ev": 0.1}
        step = FilterStep("exposure", settings)
        settings["ev"] = 2
        assert step.settings == {"ev": 0.1}


@pytest.fixture
def one_photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)

"""The presets: each is a look that a photographer would choose, and each renders."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camofilter import filters, presets
from camofilter.errors import UsageError
from camofilter.filters.pipeline import render
from camofilter.recipe import Recipe

# What lies outside the appealing ranges on purpose: (preset, filter, setting).
ON_PURPOSE = {
    ("noir", "saturation", "amount"),  # black and white
    ("sepia", "colour_grading", "shadows_hue"),  # brown from the shadows up
    ("sepia", "colour_grading", "midtones_amount"),
    ("desert", "colour_grading", "shadows_hue"),  # rust
    ("sweet", "colour_grading", "shadows_hue"),  # rose
    ("moonlight", "colour_grading", "midtones_hue"),  # blue all over
    ("neon", "colour_grading", "highlights_hue"),  # pink signs
}

every_preset = pytest.mark.parametrize("name", presets.names())


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """All colours of 16 levels a channel."""
    return np.indices((16, 16, 16), np.uint8).reshape(3, 64, 64).transpose(1, 2, 0) * 17


def test_names_are_those_of_the_files() -> None:
    assert presets.names() == sorted(presets.names())
    assert {"warm", "cool", "vintage", "noir"} <= set(presets.names())
    root = Path(str(resources.files("camofilter.presets")))
    assert sorted(path.name for path in root.rglob("*.json")) == [f"{name}.json" for name in presets.names()]
    assert {path.parent.name for path in root.rglob("*.json")} == set(presets.families())


def test_families_hold_every_preset_once() -> None:
    listed = [name for names in presets.families().values() for name in names]
    assert sorted(listed) == presets.names()
    assert len(set(listed)) == len(listed) >= 30


@every_preset
def test_is_named_as_its_file_and_described(name: str) -> None:
    preset = presets.get(name)
    assert isinstance(preset, Recipe)
    assert preset.name == name
    assert preset.description
    assert "\n" not in preset.description
    assert preset.steps


@every_preset
def test_settings_are_appealing(name: str) -> None:
    outside = set()
    for step in presets.get(name).steps:
        for key, value in step.settings.items():
            low, high = filters.get(step.filter).setting(key).appealing
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(low <= v <= high for v in numbers):
                outside.add((name, step.filter, key))
    assert outside == {exception for exception in ON_PURPOSE if exception[0] == name}


@every_preset
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
def test_renders_a_visible_look(name: str, dtype: Any, photo: np.ndarray) -> None:
    levels = np.iinfo(dtype).max
    pixels = photo.astype(dtype) * dtype(levels // 255)
    out = render(pixels, presets.get(name).chain())
    assert out.dtype == dtype
    assert out.shape == pixels.shape
    change = np.abs(out.astype(float) - pixels).mean() / levels
    assert 0.01 < change < 0.25
    np.testing.assert_array_equal(render(pixels, presets.get(name).chain()), out)


def test_looks_differ(photo: np.ndarray) -> None:
    rendered = {render(photo, presets.get(name).chain()).tobytes() for name in presets.names()}
    assert len(rendered) == len(presets.names())


@pytest.mark.parametrize(("name", "sign"), [("warm", 1), ("golden-hour", 1), ("vintage", 1), ("cool", -1)])
def test_warm_is_redder_and_cool_bluer(name: str, sign: int, photo: np.ndarray) -> None:
    red, _, blue = render(photo, presets.get(name).chain()).mean((0, 1)) - photo.mean((0, 1))
    assert sign * (red - blue) > 2


def test_noir_is_black_and_white(photo: np.ndarray) -> None:
    out = render(photo, presets.get("noir").chain())
    assert np.ptp(out.astype(int), axis=2).max() <= 1


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown preset 'vintge': did you mean vintage"):
        presets.get("vintge")
    with pytest.raises(UsageError, match=r"known are: anamorphic, "):
        presets.get("zzz")


@pytest.mark.parametrize("name", ["../recipe", "warm.json", "", "WARM", "__init__"])
def test_only_names_are_taken(name: str) -> None:
    with pytest.raises(UsageError, match="unknown preset"):
        presets.get(name)

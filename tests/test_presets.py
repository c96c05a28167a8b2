"""The presets: each is a look that a photographer would choose, and each renders."""

from __future__ import annotations

import warnings
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camofilter import filters, presets
from camofilter.errors import UsageError
from camofilter.filters.bake import exact
from camofilter.filters.pipeline import render
from camofilter.recipe import Recipe

with warnings.catch_warnings(), np.printoptions():  # it changes how numpy prints
    warnings.simplefilter("ignore")  # it misses packages that are of no use here
    import colour

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


# The Monk Skin Tone scale (Monk 2019), tones 4 to 8; the others are so near to grey that hue means little.
SKINS = np.array([[234, 218, 186], [215, 189, 150], [160, 126, 86], [130, 92, 67], [96, 65, 52]]) / 255
ON_FACES = ("moody", "skin", "sunday", "tungsten", "vintage")
# Skin is grey or of another colour on purpose.
NOT_FOR_SKIN = {*presets.families()["black-and-white"], "cool", "moonlight", "neon"}


@pytest.mark.parametrize("name", sorted({*presets.names()} - NOT_FOR_SKIN))
def test_skin_of_every_tone_stays_skin(name: str) -> None:
    points = [(found, settings) for found, settings in presets.get(name).chain() if found.is_point]
    before, after = lab(SKINS), lab(exact(SKINS.T[None, :, None], points)[0, :, 0].T)
    chroma = [np.hypot(a, b) for _, a, b in (before.T, after.T)]
    turned = np.degrees([np.arctan2(b, a) for _, a, b in (before.T, after.T)])
    least, most, turn = (0.85, 1.3, 12) if name in ON_FACES else (0.6, 1.55, 22)
    assert least < (chroma[1] / chroma[0]).min()
    assert (chroma[1] / chroma[0]).max() < most
    assert np.abs(turned[1] - turned[0]).max() < turn


def lab(colours: np.ndarray) -> np.ndarray:
    """N×3 CIELAB of sRGB colours."""
    return np.asarray(colour.XYZ_to_Lab(colour.sRGB_to_XYZ(np.clip(colours, 0, 1))))


@pytest.mark.parametrize("size", [(400, 600), (600, 400), (500, 500)])
def test_light_of_sunday_leaves_faces_alone(size: tuple[int, int]) -> None:
    settings = next(step.settings for step in presets.get("sunday").steps if step.filter == "light_leak")
    light = filters.get("light_leak")(np.zeros((1, 3, *size), np.float32), **settings)
    assert light[:, :, : size[0] // 3].max() < 0.05
    assert light[:, :, : size[0] // 2].max() < 0.15
    assert light.max() > 0.4


def test_skin_keeps_hair() -> None:
    # Strands of two pixels on a photo of 512, as strong as hair is.
    strands = np.where(np.arange(512) // 2 % 2, 120, 100).astype(np.uint8)
    photo = np.broadcast_to(strands[:, None], (384, 512, 3))
    out = render(photo, presets.get("skin").chain())
    assert np.ptp(out[192, 100:400, 1].astype(int)) > 0.75 * 20


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

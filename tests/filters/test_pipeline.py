"""The full-size path: strips, planned on a small copy, against the filters called on the whole photo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tables import held

from camofilter import filters, presets
from camofilter.filters import NAMES, Filter, HeldSetting, pipeline
from camofilter.filters.arrays import Window, resize
from camofilter.filters.base import COPY_SIDE
from camofilter.recipe import Recipe

Chain = list[tuple[Filter, dict[str, Any]]]


def settings_of(found: Filter) -> dict[str, Any]:
    """A value for each setting, at two thirds of its appealing range; lists go up and down in it."""
    values: dict[str, Any] = {}
    for setting in found.settings:
        if isinstance(setting, HeldSetting):
            values[setting.name] = held(setting)
            continue
        low, high = setting.appealing
        values[setting.name] = low + 2 / 3 * (high - low)
        if setting.count is not None:
            shares = 0.5 + 0.2 * np.sin(np.arange(max(4, setting.counts[0])))
            values[setting.name] = (low + (high - low) * shares).tolist()
    return values


EVERYTHING: Chain = [(filters.get(name), settings_of(filters.get(name))) for name in NAMES]
CHAINS: dict[str, Chain] = (
    {name: [(filters.get(name), settings_of(filters.get(name)))] for name in NAMES}
    | {f"preset {name}": presets.get(name).chain() for name in presets.names()}
    | {"everything": EVERYTHING, "nothing": []}
)
every_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())


def as_type(photo: np.ndarray, dtype: Any) -> np.ndarray:
    """A uint8 photo as uint8 or, with all its bits in use, as uint16."""
    if dtype == np.uint8:
        return photo
    fine = np.random.default_rng(0).integers(0, 256, photo.shape, dtype=np.uint16)
    return photo.astype(np.uint16) * 256 + fine


def one_by_one(pixels: np.ndarray, chain: Chain) -> np.ndarray:
    """Each filter called on the whole photo: what `render` should come to, in levels, as floats."""
    top = np.iinfo(pixels.dtype).max
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32) / np.float32(top)
    for found, settings in chain:
        image = found(image, **settings)
    return np.asarray(image[0].transpose(1, 2, 0) * top)


def assert_same_look(out: np.ndarray, exact: np.ndarray, name: str = "") -> None:
    """Baked equals exact: within 1/255 on average and 3/255 for 99.9 %."""
    difference = np.abs(out - exact) * (255 / np.iinfo(out.dtype).max)
    assert difference.mean() <= 1, name
    assert np.quantile(difference, 0.999) <= 3, name


class TestRender:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
    def test_equals_the_filter_on_the_whole_photo(self, name: str, dtype: Any, one_photo: np.ndarray) -> None:
        pixels = as_type(one_photo, dtype)
        out = pipeline.render(pixels, CHAINS[name])
        assert out.dtype == dtype
        assert not np.array_equal(out, pixels)
        assert_same_look(out, one_by_one(pixels, CHAINS[name]))

    @every_chain
    def test_equals_the_filters_one_by_one(self, chain: Chain, one_photo: np.ndarray) -> None:
        # The maps of a second spatial filter come from the small copy instead of the large result.
        assert_same_look(pipeline.render(one_photo, chain), one_by_one(one_photo, chain))

    @every_chain
    def test_same_bytes_whatever_the_strips_and_threads(
        self, chain: Chain, one_photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = pipeline.render(one_photo, chain).tobytes()
        for pixels, threads in ((1 << 30, 1), (40_000, 3)):
            monkeypatch.setattr(pipeline, "_STRIP_PIXELS", pixels)
            monkeypatch.setattr(pipeline, "threads", lambda threads=threads: threads)
            assert pipeline.render(one_photo, chain).tobytes() == expected

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 900), (700, 3), (40, 1200)])
    def test_odd_shapes(self, size: tuple[int, int], dtype: Any) -> None:
        top = np.iinfo(dtype).max
        pixels = np.random.default_rng(0).integers(0, top, (*size, 3), dtype, endpoint=True)
        out = pipeline.render(pixels, EVERYTHING)
        assert out.shape == pixels.shape
        assert out.dtype == dtype
        for name in NAMES:
            assert_same_look(pipeline.render(pixels, CHAINS[name]), one_by_one(pixels, CHAINS[name]), name)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
    def test_identity_settings_keep_every_level(self, dtype: Any) -> None:
        levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 256, 1).repeat(3, 2)
        chain = [(found, found.identity) for found, _ in EVERYTHING]
        for identity in (chain, []):
            np.testing.assert_array_equal(pipeline.render(levels, identity), levels)

    def test_views_are_rendered_and_never_changed(self, one_photo: np.ndarray) -> None:
        view = one_photo[::-1, ::-2, ::-1]
        before = one_photo.tobytes()
        out = pipeline.render(view, EVERYTHING)
        np.testing.assert_array_equal(out, pipeline.render(view.copy(), EVERYTHING))
        assert one_photo.tobytes() == before


class TestDevelop:
    """What the search looks at: part of a photo, on torch, through maps planned on the whole."""

    @every_chain
    def test_part_is_the_crop_of_the_whole(self, chain: Chain) -> None:
        photo = torch.tensor(np.random.default_rng(0).random((1, 3, 40, 60)))
        steps = pipeline.plan(photo, 40, 60, chain)
        whole = pipeline.develop(photo, steps, 40, 60, Window(0, 0, 40, 60))
        part = pipeline.develop(photo[..., 8:30, 20:25], steps, 40, 60, Window(8, 20, 22, 5))
        torch.testing.assert_close(part, whole[..., 8:30, 20:25], atol=1e-12, rtol=0)

    @pytest.mark.slow
    def test_gradient_of_every_setting_through_the_whole_chain(self) -> None:
        photo = torch.tensor(np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 8, 10)))
        named = [(f, s) for f, _ in EVERYTHING for s in f.settings if s.searched]
        values = [torch.tensor([settings_of(f)[s.name]] * 2, dtype=torch.float64) for f, s in named]

        def whole(*values: torch.Tensor) -> Any:
            settings: dict[str, dict[str, Any]] = {f.name: f.identity for f, _ in EVERYTHING}
            for (found, setting), value in zip(named, values, strict=True):
                settings[found.name] |= {setting.name: value}
            steps = pipeline.plan(photo, 8, 10, [(f, settings[f.name]) for f, _ in EVERYTHING])
            return pipeline.develop(photo, steps, 8, 10, Window(0, 0, 8, 10))

        leaves = tuple(v.requires_grad_() for v in values)
        assert torch.autograd.gradcheck(whole, leaves, fast_mode=True)

    def test_copy_of_a_large_photo_plans_what_the_photo_itself_does(self, one_photo: np.ndarray) -> None:
        image = np.ascontiguousarray(one_photo.transpose(2, 0, 1)[None]) / 255
        copy = resize(image, 144, COPY_SIDE)
        for name in ("clarity", "soft_focus", "glow", "vignette", "grain"):
            (from_copy,) = pipeline.plan(copy, 270, 480, CHAINS[name])
            (from_photo,) = pipeline.plan(image, 270, 480, CHAINS[name])
            np.testing.assert_allclose(np.asarray(from_copy.maps), np.asarray(from_photo.maps), atol=1e-12)


class TestReduce:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])
    def test_equals_resize(self, dtype: Any, one_photo: np.ndarray) -> None:
        pixels = as_type(one_photo, dtype)
        image = pixels.transpose(2, 0, 1)[None] / np.iinfo(dtype).max
        out = pipeline.reduce(pixels, 256)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out, resize(image, 144, 256), atol=1e-5)

    def test_never_enlarges(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
        np.testing.assert_allclose(pipeline.reduce(pixels, 256), pixels.transpose(2, 0, 1)[None] / 255, atol=1e-7)


def test_a_recipe_is_a_chain(one_photo: np.ndarray) -> None:
    recipe = Recipe.from_dict({"camofilter": 1, "filters": [{"filter": "exposure", "ev": 0.5}]})
    by_hand = [(filters.get("exposure"), {"ev": 0.5})]
    np.testing.assert_array_equal(pipeline.render(one_photo, recipe.chain()), pipeline.render(one_photo, by_hand))

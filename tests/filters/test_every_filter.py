"""What holds for every filter: a new one is covered as soon as it is in ``filters.NAMES``."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from numbers import Number
from typing import Any

import numpy as np
import pytest
import torch
from tables import held

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters import NAMES, HeldSetting, Setting
from camofilter.filters.arrays import luma, resize
from camofilter.filters.base import COPY_SIDE, FINE_COPY_SIDE

GREY = 0.4667
SETTINGS = [(name, s) for name in NAMES for s in filters.get(name).settings]
SEARCHED = [(name, s) for name, s in SETTINGS if s.searched]
NUMBERS = [(name, s) for name, s in SETTINGS if not isinstance(s, HeldSetting)]

every_filter = pytest.mark.parametrize("name", NAMES)
every_kind = pytest.mark.parametrize("kind", [np.float32, np.float64, torch.float32, torch.float64], ids=str)


def setting_id(value: Any) -> str:
    return value.name if isinstance(value, Setting) else str(value)


every_setting = pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=setting_id)
every_number = pytest.mark.parametrize(("name", "setting"), NUMBERS, ids=setting_id)
every_searched = pytest.mark.parametrize(("name", "setting"), SEARCHED, ids=setting_id)


def images(height: int = 3, width: int = 4) -> np.ndarray:
    """4×3×h×w float64: a random image inside (0.05, 0.95), black, white and grey."""
    random = np.random.default_rng(1).uniform(0.05, 0.95, (1, 3, height, width))
    plain = [np.full((1, 3, height, width), tone) for tone in (0.0, 1.0, GREY)]
    return np.concatenate([random, *plain])


def at_share(setting: Setting, bounds: tuple[float, float], share: float) -> Any:
    """The value at this share of the way from the low to the high bound; in lists, each number at its own."""
    if isinstance(setting, HeldSetting):
        return held(setting)
    low, high = bounds
    if setting.count is None:
        return low + share * (high - low)
    return [low + (share + 0.37 * i) % 1 * (high - low) for i in range(setting.count)]


def appealing(name: str, share: float) -> dict[str, Any]:
    """A value for each setting in its appealing range, none at its identity unless the range is a point."""
    settings = enumerate(filters.get(name).settings)
    return {s.name: at_share(s, s.appealing, (share + 0.29 * i) % 1) for i, s in settings}


def identity(name: str) -> dict[str, Any]:
    """Each setting's identity, as lists where the setting is one; objects, which have none, as they are."""
    numbers = [s for s in filters.get(name).settings if not isinstance(s, HeldSetting)]
    return objects(name) | {s.name: s.identity if s.count is None else [s.identity] * s.count for s in numbers}


def objects(name: str) -> dict[str, Any]:
    """The settings that hold an object."""
    return {s.name: held(s) for s in filters.get(name).settings if isinstance(s, HeldSetting)}


def corners(name: str) -> Iterator[dict[str, Any]]:
    """Combinations of the lowest and highest accepted values: all of them, or of very many a random 64."""
    settings = [s for s in filters.get(name).settings if not isinstance(s, HeldSetting)]
    ends = [(s.range[0], s.range[1]) if s.count is None else zigzags(s) for s in settings]
    combinations: Any = itertools.product(*ends)
    if len(settings) > 6:
        random = np.random.default_rng(8)
        combinations = [[end[random.integers(2)] for end in ends] for _ in range(64)]
    for values in combinations:
        yield objects(name) | dict(zip((s.name for s in settings), values, strict=True))


def zigzags(setting: Setting) -> tuple[list[float], list[float]]:
    """Lists that go from end to end of the range at every number, beginning low and beginning high."""
    length = min(8, setting.counts[1]) if setting.counts[0] < 8 else setting.counts[0]
    low, high = ([setting.range[(i + first) % 2] for i in range(length)] for first in (0, 1))
    return low, high


def as_kind(values: Any, kind: Any) -> Any:
    """Numbers as a numpy array or torch tensor of this type."""
    return torch.tensor(values, dtype=kind) if isinstance(kind, torch.dtype) else np.array(values, dtype=kind)


def as_vectors(rows: list[dict[str, Any]], kind: Any) -> dict[str, Any]:
    """One B-vector (or B×K) a setting, from one dictionary an image."""
    given = {key: [row[key] for row in rows] for key in rows[0]}
    return {
        key: as_kind(values, kind) if isinstance(values[0], Number | list | tuple) else values[0]
        for key, values in given.items()
    }


def leaves(name: str, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """The searched settings as float64 tensors that want gradients."""
    vectors = as_vectors(rows, torch.float64)
    return {s.name: vectors[s.name].requires_grad_() for s in filters.get(name).settings if s.searched}


class TestIdentity:
    @every_filter
    @every_kind
    @pytest.mark.parametrize("form", ["left out", "floats", "vectors", "only strength"])
    def test_is_exact(self, name: str, kind: Any, form: str) -> None:
        found = filters.get(name)
        image = as_kind(images(13, 17), kind)
        settings: dict[str, Any] = {
            "left out": {},
            "floats": identity(name),
            "vectors": as_vectors([identity(name)] * 4, kind),
            # What a recipe at strength 0 is: settings that only say how another one acts stay as they were.
            "only strength": appealing(name, 0.3)
            | {key: value for key, value in identity(name).items() if found.setting(key).strength},
        }[form]
        before = np.asarray(image).tobytes()

        out = found(image, **settings)

        assert out.dtype == image.dtype
        assert type(out) is type(image)
        assert np.asarray(out).tobytes() == before
        assert np.asarray(image).tobytes() == before, "the input was changed"


class TestGradients:
    """Of the image and of each setting; float64, against difference quotients."""

    @every_filter
    @pytest.mark.parametrize("place", ["appealing", "identity"])
    @pytest.mark.parametrize("which", ["random", "grey"])
    def test_image_and_settings(self, name: str, which: str, place: str) -> None:
        image = torch.tensor(images()[[0, 0] if which == "random" else [3, 3]])
        # The least of three channels has no slope where they are the same.
        image.requires_grad_(which == "random" or name != "dehaze")
        rows = [appealing(name, 0.7), appealing(name, 0.35)] if place == "appealing" else [identity(name)] * 2
        self.check(name, image, rows)

    @every_filter
    @pytest.mark.parametrize("which", [1, 2], ids=["black", "white"])
    def test_settings_at_black_and_white(self, name: str, which: int) -> None:
        # The image itself is left out: black and white are its ends, where the clip to [0, 1] is one-sided.
        self.check(name, torch.tensor(images()[[which] * 2]), [appealing(name, 0.7), appealing(name, 0.35)])

    @staticmethod
    def check(name: str, image: torch.Tensor, rows: list[dict[str, Any]]) -> None:
        settings = leaves(name, rows)

        def call(image: torch.Tensor, *values: torch.Tensor) -> Any:
            return filters.get(name)(image, **objects(name), **dict(zip(settings, values, strict=True)))

        assert torch.autograd.gradcheck(call, (image, *settings.values()), atol=1e-6, rtol=1e-4)

    @every_searched
    def test_setting_at_identity_into_its_range(self, name: str, setting: Setting) -> None:
        # One-sided: many identities are the end of their range, black and white are where the clip begins.
        image = torch.tensor(images())
        weights = torch.tensor(np.random.default_rng(2).uniform(-1, 1, image.shape))
        settings = leaves(name, [identity(name)] * 4)
        step = 1e-6 if setting.identity < setting.range[1] else -1e-6
        moved = settings[setting.name].detach().clone()
        moved.view(4, -1)[:, 0] += step

        def summed(**changed: torch.Tensor) -> Any:
            return (filters.get(name)(image, **objects(name), **settings | changed) * weights).sum((1, 2, 3))

        summed().sum().backward()
        gradient = settings[setting.name].grad
        assert gradient is not None
        quotient = (summed(**{setting.name: moved}) - summed()) / step
        torch.testing.assert_close(gradient.view(4, -1)[:, 0], quotient.detach(), atol=1e-5, rtol=1e-4)

    @every_searched
    def test_setting_acts(self, name: str, setting: Setting) -> None:
        settings = leaves(name, [appealing(name, 0.7)])
        # Fine detail is there only where the photo is large enough to hold it.
        size = (24, 32) if filters.get(name).copy_side <= COPY_SIDE else (8, FINE_COPY_SIDE)
        out = filters.get(name)(torch.tensor(images(*size)[:1]), **objects(name), **settings)
        weights = torch.tensor(np.random.default_rng(2).uniform(-1, 1, out.shape))
        (out * weights).sum().backward()
        gradient = settings[setting.name].grad
        assert gradient is not None
        assert gradient.abs().min() > 1e-5

    @every_filter
    def test_finite_at_the_ends_of_the_full_range(self, name: str) -> None:
        for settings in [identity(name), *corners(name)]:
            image = torch.tensor(images(), requires_grad=True)
            values = leaves(name, [settings] * 4)
            filters.get(name)(image, **settings | values).sum().backward()
            for gradient in (image.grad, *(v.grad for v in values.values())):
                assert gradient is not None
                assert torch.isfinite(gradient).all(), settings


class TestValues:
    @every_filter
    @pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
    def test_stay_in_range_at_all_corners(self, name: str, kind: Any, colours: np.ndarray) -> None:
        noise = np.random.default_rng(7).random(colours.shape)
        image = np.concatenate([colours, noise, noise.round()]).astype(kind)
        for settings in corners(name):
            out = filters.get(name)(image, **settings)
            assert out.dtype == image.dtype
            assert out.shape == image.shape
            assert np.isfinite(out).all(), settings
            assert out.min() >= -1e-6, settings  # rounding alone may leave the range
            assert out.max() <= 1 + 1e-6, settings

    # The others are there to colour them.
    @pytest.mark.parametrize(
        "name",
        [n for n in NAMES if n not in {"white_balance", "channel_mixer", "colour_grading", "halation", "light_leak"}],
    )
    def test_greys_stay_grey(self, name: str) -> None:
        image = np.repeat(np.random.default_rng(3).random((1, 1, 12, 16)), 3, axis=1)
        settings = appealing(name, 0.7)
        coloured = {"tone_curve": {"red", "green", "blue"}, "grain": {"chroma"}}.get(name, set())
        out = filters.get(name)(image, **{k: v for k, v in settings.items() if k not in coloured})
        np.testing.assert_allclose(out, out[:, :1].repeat(3, 1), atol=1e-12)

    @every_filter
    def test_batch_equals_single(self, name: str) -> None:
        image = np.random.default_rng(4).random((3, 3, 9, 11))
        rows = [appealing(name, share) | seeds(name, i) for i, share in enumerate((0.2, 0.5, 0.8))]
        batch = filters.get(name)(image, **as_vectors(rows, np.float64))
        for i, row in enumerate(rows):
            single = filters.get(name)(image[i : i + 1], **row)
            np.testing.assert_allclose(batch[i : i + 1], single, atol=1e-12)

    @every_filter
    def test_numpy_equals_torch(self, name: str) -> None:
        image = np.random.default_rng(5).random((2, 3, 9, 11))
        rows = [appealing(name, share) | seeds(name, i) for i, share in enumerate((0.3, 0.6))]
        by_numpy = filters.get(name)(image, **as_vectors(rows, np.float64))
        by_torch = filters.get(name)(torch.tensor(image), **as_vectors(rows, torch.float64))
        np.testing.assert_allclose(by_torch.numpy(), by_numpy, atol=1e-12)

    @every_filter
    def test_memory_layout_does_not_matter(self, name: str) -> None:
        whole = np.random.default_rng(6).random((1, 3, 18, 22))
        view = whole[:, ::-1, ::2, ::-2]  # neither contiguous nor forwards
        settings = appealing(name, 0.6)
        expected = filters.get(name)(view.copy(), **settings)
        np.testing.assert_allclose(filters.get(name)(view, **settings), expected, atol=1e-12)
        channels_last = torch.tensor(view.copy().transpose(0, 2, 3, 1)).permute(0, 3, 1, 2)
        np.testing.assert_allclose(filters.get(name)(channels_last, **settings).numpy(), expected, atol=1e-12)


def seeds(name: str, i: int) -> dict[str, float]:
    """Different values for the settings that no search moves."""
    return {s.name: float(i) for other, s in NUMBERS if other == name and not s.searched}


@pytest.mark.parametrize("name", [n for n in NAMES if n != "grain"])  # its texture: test_grain.py
@pytest.mark.parametrize("times", [2, 3])
class TestLargePhotoLooksLikeSmallOne:
    """Filtered large, then reduced, against reduced, then filtered; differences in levels of 255."""

    def test_mean(self, name: str, times: int, photo: np.ndarray) -> None:
        # Of sharp photos the mean alone: averaging does not commute with a tone curve where detail is finer
        # than the small photo's pixels, whatever the program.
        assert self.differences(name, as_image(photo), times).mean() <= 1

    def test_99_percent_where_both_hold_the_detail(self, name: str, times: int, photo: np.ndarray) -> None:
        height, width = photo.shape[:2]
        softened = resize(resize(as_image(photo), height // 4, width // 4), height, width)
        differences = self.differences(name, softened, times)
        assert differences.mean() <= 1
        assert np.quantile(differences, 0.99) <= 3

    @staticmethod
    def differences(name: str, large: np.ndarray, times: int) -> np.ndarray:
        height, width = large.shape[2] // times, large.shape[3] // times
        settings = appealing(name, 0.1)
        small = filters.get(name)(resize(large, height, width), **settings)
        reduced = resize(filters.get(name)(large, **settings), height, width)
        return np.asarray(np.abs(reduced - small) * 255)


def as_image(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 as 1×3×H×W float32."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32) / 255


class TestRefusals:
    @every_filter
    @pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8), (1, 8, 8, 3), (1, 1, 3, 8, 8)])
    def test_wrong_shape(self, name: str, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError, match=rf"{name} was given .*{shape[-1]}\).*expected B×3×H×W"):
            filters.get(name)(np.zeros(shape))

    @every_setting
    def test_unknown_setting_names_the_nearest(self, name: str, setting: Setting) -> None:
        with pytest.raises(UsageError, match=rf"unknown setting of {name} '.*': did you mean .*{setting.name}"):
            filters.get(name)(np.zeros((1, 3, 2, 2)), **{setting.name + "x": 0.1})

    @every_filter
    def test_too_many_settings(self, name: str) -> None:
        count = len(filters.get(name).settings)
        with pytest.raises(UsageError, match=f"{count + 1} settings"):
            filters.get(name)(np.zeros((1, 3, 2, 2)), *[0.5] * (count + 1))

    def test_unknown_filter_names_the_nearest(self) -> None:
        with pytest.raises(UsageError, match=r"unknown filter 'vignete': did you mean vignette"):
            filters.get("vignete")


class TestDeclarations:
    @every_filter
    def test_filter(self, name: str) -> None:
        found = filters.get(name)
        assert found.name == name
        assert found.__doc__ is not None
        assert found.summary.endswith(".")
        assert 10 < len(found.summary) < 100
        # `__wrapped__` is the formula: image, then maps if it has any, then the settings.
        arguments = list(inspect.signature(found).parameters)
        assert arguments[: 1 if found.is_point else 2] == ["image", "maps"][: 1 if found.is_point else 2]
        assert arguments[-len(found.settings) :] == [s.name for s in found.settings]
        assert len(arguments) == len(found.settings) + (1 if found.is_point else 2)
        assert any(s.strength for s in found.settings)

    @every_number
    def test_setting(self, name: str, setting: Setting) -> None:
        low, high = setting.range
        assert low <= setting.appealing[0] <= setting.identity <= setting.appealing[1] <= high
        assert low < high
        assert not setting.searched or setting.appealing[0] < setting.appealing[1]

    @every_setting
    def test_its_help(self, name: str, setting: Setting) -> None:
        assert setting.help
        assert "\n" not in setting.help
        assert setting.name in (filters.get(name).__doc__ or "")

    @every_number
    def test_its_ends_are_accepted(self, name: str, setting: Setting) -> None:
        for value in (*setting.range, *setting.appealing, setting.identity):
            given = value if setting.count is None else [value] * setting.count
            expected = value if setting.count is None else (value,) * setting.count
            assert setting.check(name, given) == expected


@pytest.mark.parametrize(
    "name", ["exposure", "brightness", "tones", "levels", "contrast", "tone_curve", "fade", "white_balance"]
)
def test_order_of_tones_is_kept(name: str, greys: np.ndarray) -> None:
    for settings in corners(name):
        out = luma(filters.get(name)(greys, **settings))
        assert np.diff(out).min() > -1e-12, settings
        assert out[..., -1] - out[..., 0] > 0.3, settings

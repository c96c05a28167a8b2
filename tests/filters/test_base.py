"""The check of a setting's value, and how a filter is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.base import Setting
from camofilter.filters.module import FilterModule
from camofilter.recipe import FilterStep

EV = filters.get("exposure").setting("ev")
RED = filters.get("tone_curve").setting("red")
NOT_NUMBERS: list[Any] = ["0.1", "x" * 100_000, True, None, [0.1], {"a": 1}, b"1", 1j, [[]] * 100_000]
OUTSIDE: list[Any] = [3.0001, -4, 10**400, float("inf"), -float("inf"), float("nan")]


def short(value: Any) -> str:
    return repr(value)[:12]


@pytest.mark.parametrize("value", NOT_NUMBERS + OUTSIDE, ids=short)
def test_wrong_number_is_refused_in_one_short_line(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^exposure\.ev is .*: expected a number from -3 to 3 EV$") as caught:
        EV.check("exposure", value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [0.5, "1 1", None, {1: 1, 2: 1}, {1, 2}], ids=short)
def test_list_is_wanted(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^tone_curve\.red is .*: expected a list of 2 to 64 numbers$"):
        RED.check("tone_curve", value)


@pytest.mark.parametrize("count", [0, 1, 65, 1_000_000])
def test_wrong_length_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"^tone_curve.red has {count} values: expected 2 to 64$"):
        RED.check("tone_curve", [1.0] * count)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 0.04, 21, float("nan")], ids=short)
def test_wrong_number_in_a_list_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^tone_curve\.red is .*: expected a number from 0.05 to 20$"):
        RED.check("tone_curve", [1.0, value])


def test_whole_numbers_become_floats() -> None:
    assert repr(EV.check("exposure", 1)) == "1.0"
    assert repr(RED.check("tone_curve", [1, 2])) == "(1.0, 2.0)"
    assert repr(EV.check("exposure", np.float64(0.5))) == "0.5"


def test_positional_and_named_settings_are_the_same() -> None:
    image = np.random.default_rng(0).random((1, 3, 4, 4))
    contrast = filters.get("contrast")
    assert np.array_equal(contrast(image, 0.2, 0.5), contrast(image, pivot=0.5, amount=0.2))
    assert np.array_equal(contrast(image, 0.2), contrast(image, amount=0.2, pivot=0.46))


IMAGE = np.random.default_rng(0).random((2, 3, 4, 4)).astype(np.float32)
BOTH = pytest.mark.parametrize("image", [IMAGE, torch.tensor(IMAGE)], ids=["numpy", "torch"])
exposure = filters.get("exposure")


class TestImage:
    """What is no image in [0, 1] is refused, by every filter and in one line."""

    @pytest.mark.parametrize(
        (r"image", "message"),
        [
            (
                np.zeros((1, 3, 4, 4), np.uint8),
                r"image of uint8: expected floating-point numbers in \[0, 1\]: divide by 255",
            ),
            (np.zeros((1, 3, 4, 4), np.uint16), r"image of uint16: expected .*: divide by 65535"),
            (np.zeros((1, 3, 4, 4), bool), r"image of bool: expected floating-point numbers"),
            (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), r"image of uint8: expected .*: divide by 255"),
            (255 * IMAGE, r"image with values from 0.* to 25.*: expected \[0, 1\]"),
            (torch.tensor(2 * IMAGE - 1), r"image with values from -.* to .*: expected \[0, 1\]"),
            (np.where(IMAGE > 0.9, np.nan, IMAGE), r"image with values that are not numbers: expected \[0, 1\]"),
            (torch.full((1, 3, 4, 4), torch.nan), r"image with values that are not numbers"),
            (IMAGE[:, :, :0], r"image of shape .*: expected at least one pixel"),
            (torch.zeros(0, 3, 4, 4), r"image of shape .*: expected at least one pixel"),
            (np.full((1, 3, 4, 4), np.inf), r"image with values from inf to inf"),
            (Image.new("RGB", (4, 4)), r"Image: expected B×3×H×W, a numpy array or torch tensor"),
            ([[[[0.5]]]], r"list: expected B×3×H×W"),
        ],
    )
    @pytest.mark.parametrize("name", ["exposure", "grain", "clarity"])
    def test_is_refused(self, name: str, image: Any, message: str) -> None:
        with pytest.raises(UsageError, match=f"^{name} was given an? {message}") as caught:
            filters.get(name)(image)
        assert "\n" not in str(caught.value)

    def test_rounding_is_let_pass(self) -> None:
        exposure(np.float32([-1e-6, 0.5, 1 + 1e-6]).reshape(1, 3, 1, 1), ev=0.1)

    def test_a_module_refuses_it_too(self) -> None:
        with pytest.raises(UsageError, match="exposure was given an image with values"):
            FilterModule("exposure")(torch.tensor(255 * IMAGE))


class TestSettingsOfACall:
    @BOTH
    @pytest.mark.parametrize("ev", [900, -4, float("nan"), np.float64(900), np.array([0.1, 900]), torch.tensor(900.0)])
    def test_out_of_range_is_refused(self, image: Any, ev: Any) -> None:
        with pytest.raises(UsageError, match=r"^exposure\.ev is .*: expected a number from -3 to 3 EV$"):
            exposure(image, ev=ev)

    @pytest.mark.parametrize("ev", ["1", None, True, [0.1, 0.2], np.array(["a"]), np.array([True, False]), 1j])
    def test_what_is_no_number_is_refused(self, ev: Any) -> None:
        with pytest.raises(UsageError, match=r"^exposure\.ev is .*: expected a number"):
            exposure(IMAGE, ev=ev)

    @BOTH
    @pytest.mark.parametrize(
        "ev",
        [
            *(np.float32(0.5), np.float64(0.5), np.array(0.5), np.array([0.5]), np.array([0.5, 0.5], np.float16)),
            *(torch.tensor(0.5), torch.tensor([0.5]), torch.tensor([0.5, 0.5], dtype=torch.float64)),
        ],
        ids=repr,
    )
    def test_numbers_of_any_kind(self, image: Any, ev: Any) -> None:
        out = exposure(image, ev=ev)
        assert out.dtype == image.dtype
        np.testing.assert_allclose(np.asarray(out), np.asarray(exposure(image, ev=0.5)), atol=1e-6)
        assert exposure.setting("ev").check("exposure", np.ravel(np.asarray(ev))[0]) == 0.5

    @BOTH
    @pytest.mark.parametrize("as_kind", [np.array, torch.tensor])
    def test_one_for_each_image(self, image: Any, as_kind: Any) -> None:
        out = exposure(image, ev=as_kind([0.5, -1.0]))
        for i, ev in enumerate((0.5, -1.0)):
            np.testing.assert_allclose(np.asarray(out)[i], np.asarray(exposure(image, ev=ev))[i], atol=1e-6)

    @BOTH
    @pytest.mark.parametrize("as_kind", [tuple, np.array, torch.tensor])
    def test_several_numbers(self, image: Any, as_kind: Any) -> None:
        curve = filters.get("tone_curve")
        expected = np.asarray(curve(image, red=[1.0, 2.0, 3.0]))
        np.testing.assert_allclose(np.asarray(curve(image, red=as_kind([1.0, 2.0, 3.0]))), expected, atol=1e-6)
        if as_kind is not tuple:
            rows = as_kind([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
            np.testing.assert_allclose(np.asarray(curve(image, red=rows))[:1], expected[:1], atol=1e-6)
        assert RED.check("tone_curve", as_kind([1.0, 2.0])) == (1.0, 2.0)

    @pytest.mark.parametrize("ev", [np.zeros(3), np.zeros((2, 2)), torch.zeros(0)])
    def test_wrong_count_is_refused(self, ev: Any) -> None:
        with pytest.raises(
            UsageError, match=r"^exposure\.ev has shape .*: expected one number, or as many for each of 2"
        ):
            exposure(IMAGE, ev=ev)
        with pytest.raises(UsageError, match=r"^hsl\.hue has shape .*: expected 8 numbers, or as many for each of 2"):
            filters.get("hsl")(IMAGE, hue=np.zeros((3, 8)))

    @pytest.mark.parametrize("ev", [torch.tensor(0.5), torch.tensor([0.5]), torch.tensor([0.5, 0.1])], ids=repr)
    def test_gradients_flow(self, ev: torch.Tensor) -> None:
        ev = ev.clone().requires_grad_()
        exposure(torch.tensor(IMAGE), ev=ev).sum().backward()
        assert ev.grad is not None
        assert (ev.grad != 0).all()

    @pytest.mark.parametrize("value", [np.float32(0.25), np.array(0.25), np.int64(0), torch.tensor(0.25)], ids=repr)
    def test_a_recipe_takes_them_and_holds_floats(self, value: Any) -> None:
        step = FilterStep("exposure", {"ev": value})
        assert type(step.settings["ev"]) is float
        assert step.settings["ev"] == float(value)


def test_point_filters_are_those_without_maps() -> None:
    image = np.full((1, 3, 4, 4), 0.5)
    for name in filters.NAMES:
        found = filters.get(name)
        assert found.is_point == (found.maps(image, 4, 4, found.identity) is None)
    assert [n for n in filters.NAMES if not filters.get(n).is_point] == [
        "dehaze", "clarity", "texture", "sharpen", "dodge_and_burn", "tilt_shift", "soft_focus", "glow", "bloom",
        "halation", "light_leak", "vignette", "grain", "tuned_grain",
    ]  # fmt: skip


def test_point_filters_come_first_so_that_they_can_be_baked_together() -> None:
    points = [filters.get(name).is_point for name in filters.NAMES]
    assert points == sorted(points, reverse=True)


def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown setting of vignette 'fether': did you mean feather"):
        filters.get("vignette").setting("fether")


def test_setting_without_unit_says_so_by_leaving_it_out() -> None:
    share = Setting("share", "", 0.0, (0.0, 1.0), (0.0, 0.5), "a share")
    with pytest.raises(UsageError, match=r"from 0 to 1$"):
        share.check("some", 2)

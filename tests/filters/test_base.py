"""The check of a setting's value, and how a filter is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.base import Setting

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

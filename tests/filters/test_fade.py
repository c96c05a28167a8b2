"""Fade: a lifted toe and a lowered shoulder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter import filters

fade = filters.get("fade")
amounts = st.floats(0, 0.33)


@given(amounts, amounts)
def test_ends_are_where_they_are_said_to_be(blacks: float, whites: float) -> None:
    ends = np.array([0.0, 1.0]).reshape(1, 1, 1, 2).repeat(3, 1)
    assert fade(ends, blacks, whites)[0, 1, 0] == pytest.approx([blacks, 1 - whites], abs=1e-12)


@pytest.mark.parametrize("setting", ["blacks", "whites"])
def test_each_moves_its_end_more_than_the_middle(setting: str, greys: np.ndarray) -> None:
    change = fade(greys, **{setting: 0.1})[0, 0, 0] - greys[0, 0, 0]
    if setting == "whites":
        change = -change[::-1]
    assert np.diff(change).max() <= 0
    assert change[-1] == pytest.approx(0, abs=1e-12)
    assert change[500] == pytest.approx(0.1 / 8)


def test_pivot_of_equal_amounts_is_the_middle() -> None:
    middle = np.full((1, 3, 1, 1), 0.5)
    np.testing.assert_allclose(fade(middle, 0.2, 0.2), middle)

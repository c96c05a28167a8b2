"""Dodge and burn: the grid is where it should be, even where it is even, and smooth between."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from camofilter import filters
from camofilter.filters.dodge_and_burn import COLUMNS, ROWS, _spline

dodge_and_burn = filters.get("dodge_and_burn")
grey = np.full((1, 3, 60, 80), 0.4)


@pytest.mark.parametrize("ev", [-1.0, 0.5])
def test_the_same_everywhere_is_exposure(ev: float) -> None:
    image = np.random.default_rng(0).random((1, 3, 12, 16))
    out = dodge_and_burn(image, ev=[ev] * (ROWS * COLUMNS))
    np.testing.assert_allclose(out, filters.get("exposure")(image, ev=ev), atol=1e-12)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (5, 7)])
def test_a_place_is_where_it_is_in_the_list(row: int, column: int) -> None:
    ev = np.zeros((ROWS, COLUMNS))
    ev[row, column] = 1.0
    lighter = dodge_and_burn(grey, ev=ev.reshape(-1).tolist())[0, 0]
    y, x = np.unravel_index(lighter.argmax(), lighter.shape)
    assert abs((y + 0.5) / 60 * ROWS - 0.5 - row) < 0.6
    assert abs((x + 0.5) / 80 * COLUMNS - 0.5 - column) < 0.6
    assert lighter.min() == pytest.approx(0.4, abs=1e-12)


def test_weights_are_those_of_the_cubic_b_spline() -> None:
    weights = _spline(200, 8)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
    place = (np.arange(200) + 0.5) / 200 * 8 - 0.5
    bump = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    np.testing.assert_allclose(weights[:, 4], np.nan_to_num(bump(place - 4)), atol=1e-12)

"""The compiled kernel: exact where a table is, tetrahedral between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import colour
import numpy as np
import pytest
from tables import lattice

from camofilter.filters.look_up import LookUp


@pytest.mark.parametrize("size", [2, 5, 33, 129])
def test_interpolation_is_tetrahedral(size: int) -> None:
    random = np.random.default_rng(0)
    table = random.random((size, size, size, 3), np.float32)
    colours = random.random((7, 50, 3), np.float32)
    expected = colour.algebra.table_interpolation_tetrahedral(colours, table)
    LookUp(table)(colours)
    np.testing.assert_allclose(colours, expected, atol=1e-5)


@pytest.mark.parametrize("size", [2, 33])
def test_a_table_of_no_change_changes_nothing(size: int) -> None:
    colours = np.random.default_rng(0).random((7, 50, 3), np.float32)
    before = colours.copy()
    LookUp(lattice(size))(colours)
    np.testing.assert_allclose(colours, before, atol=3e-7)
    LookUp()(before)
    np.testing.assert_allclose(colours, before, atol=3e-7)


def test_curves_are_linear_between_their_points() -> None:
    random = np.random.default_rng(0)
    curves = random.random((1000, 3), np.float32)
    colours = random.random((7, 50, 3), np.float32)
    at = np.linspace(0, 1, 1000)
    expected = np.stack([np.interp(colours[..., i], at, curves[:, i]) for i in range(3)], -1)
    LookUp(curves)(colours)
    np.testing.assert_allclose(colours, expected, atol=1e-4)


def test_no_table_is_exact() -> None:
    colours = np.random.default_rng(0).normal(size=(7, 50, 3)).astype(np.float32)
    before = colours.tobytes()
    LookUp()(colours)
    assert colours.tobytes() == before


def test_colours_outside_the_cube_are_taken_as_its_border() -> None:
    table = np.random.default_rng(0).random((5, 5, 5, 3), np.float32)
    outside = np.random.default_rng(1).uniform(-1, 2, (7, 50, 3)).astype(np.float32)
    border = outside.clip(0, 1)
    LookUp(table)(outside)
    LookUp(table)(border)
    np.testing.assert_array_equal(outside, border)


def test_an_image_is_looked_up_as_its_colours_are_and_stays_as_it_was() -> None:
    table = np.random.default_rng(0).random((5, 5, 5, 3), np.float32)
    image = np.random.default_rng(1).random((1, 3, 7, 50), np.float32)
    before = image.tobytes()
    out = LookUp(table).blend(image)
    assert image.tobytes() == before
    colours = np.ascontiguousarray(image[0].transpose(1, 2, 0))
    LookUp(table)(colours)
    np.testing.assert_array_equal(out[0].transpose(1, 2, 0), colours)


def test_one_look_up_serves_several_threads() -> None:
    colours = np.random.default_rng(0).random((64, 300, 3), np.float32)
    look_up, expected = LookUp(lattice(9) ** 1.5), colours.copy()
    look_up(expected)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: look_up(colours[i : i + 1]), range(64)))
    np.testing.assert_array_equal(colours, expected)

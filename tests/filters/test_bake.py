"""Baking: the table that a run of point filters makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tables import lattice, small_cube

from camofilter import filters, presets
from camofilter.errors import UsageError
from camofilter.filters.bake import bake, bake_curves
from camofilter.filters.cube import Cube

CHAIN: list[tuple[str, dict[str, Any]]] = [
    ("exposure", {"ev": 0.4}),
    ("saturation", {"amount": 0.3}),
    ("white_balance", {"temperature": 20.0, "tint": 3.0}),
]


def chained(*steps: tuple[str, dict[str, Any]]) -> list[tuple[filters.Filter, dict[str, Any]]]:
    return [(filters.get(name), filters.get(name).identity | settings) for name, settings in steps]


@pytest.mark.parametrize("size", [2, 9, 33, 129])
def test_nothing_is_the_lattice_itself(size: int) -> None:
    table = bake([], size)
    assert (table.shape, table.dtype) == ((size, size, size, 3), np.float32)
    np.testing.assert_allclose(table, lattice(size), atol=1e-7)
    assert table.flags.c_contiguous


def test_holds_what_the_chain_makes_of_each_colour() -> None:
    table = bake(chained(*CHAIN), 7)
    for r, g, b in [(0, 0, 0), (6, 6, 6), (1, 2, 3), (6, 0, 3), (0, 5, 6)]:
        colour = np.array([r, g, b]).reshape(1, 3, 1, 1) / 6
        for found, settings in chained(*CHAIN):
            colour = found(colour, **settings)
        np.testing.assert_allclose(table[r, g, b], colour.ravel(), atol=1e-6)


def test_order_counts() -> None:
    assert np.abs(bake(chained(*CHAIN), 9) - bake(chained(*CHAIN[::-1]), 9)).max() > 0.01


def test_is_in_range() -> None:
    cube = Cube(lattice(3) * 9 - 4)
    table = bake(chained(("lut", {"amount": 1.0, "cube": cube}), *CHAIN), 17)
    assert (table.min(), table.max()) == (0, 1)


def test_small_table_of_a_table_is_exact() -> None:
    cube = Cube(small_cube().table)
    np.testing.assert_allclose(bake(chained(("lut", {"amount": 1.0, "cube": cube})), 4), cube.table, atol=1e-6)


@pytest.mark.parametrize("name", presets.names())
def test_looks_like_the_exact_filters(name: str, photo: np.ndarray) -> None:
    chain = [(found, settings) for found, settings in presets.get(name).chain() if found.is_point]
    exact = (photo.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    baked = filters.get("lut")(exact, 1.0, Cube(bake(chain, 33)))
    for found, settings in chain:
        exact = found(exact, **settings)
    differences = np.abs(baked - exact) * 255
    assert differences.mean() <= 1
    assert np.quantile(differences, 0.999) <= 3


def test_filters_of_a_place_are_refused() -> None:
    with pytest.raises(UsageError, match="vignette depends on a pixel's place: only point filters can be baked"):
        bake(chained(*CHAIN, ("vignette", {"amount": 0.3})), 9)


@pytest.mark.parametrize("size", [-1, 0, 1, 130])
def test_sizes(size: int) -> None:
    with pytest.raises(UsageError, match=f"size of the table is {size}: expected 2 to 129"):
        bake([], size)


def test_curves_hold_every_level_of_both_depths() -> None:
    chain = chained(("levels", {"black": 0.1, "gamma": 1.3}), ("fade", {"blacks": 0.1}))
    curves = bake_curves(chain)
    for top in (255, 65535):
        levels = np.arange(top + 1) / top
        image = levels.reshape(1, 1, 1, -1).repeat(3, 1)
        for found, settings in chain:
            image = found(image, **settings)
        np.testing.assert_allclose(curves[:: 65535 // top], image[0, :, 0].T, atol=1e-6)

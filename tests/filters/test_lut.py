"""The colours of a table: the same as colour-science interpolates, and how recipes hold files."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tables import lattice, random_cube, small_cube

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.cube import Cube, read_cube, write_cube
from camofilter.filters.module import FilterModule
from camofilter.optim.space import Space
from camofilter.recipe import FilterStep, Recipe, RecipeError

with warnings.catch_warnings(), np.printoptions():  # it changes how numpy prints
    warnings.simplefilter("ignore")  # it misses packages that are of no use here
    import colour

lut = filters.get("lut")
RANDOM = np.random.default_rng(0).uniform(0, 1, (2, 3, 40, 50))
ENDS = np.array([[0.0, 1, 0.5, 0, 1, 0.25], [0, 1, 0.5, 1, 0, 0.75], [0, 1, 0.5, 1, 1, 1]]).reshape(1, 3, 1, 6)


def by_colour(table: Any, image: np.ndarray, **options: Any) -> np.ndarray:
    """The image, through colour-science's table."""
    return np.asarray(table.apply(image.transpose(0, 2, 3, 1), **options).transpose(0, 3, 1, 2))


class TestAgainstColourScience:
    @pytest.mark.parametrize("size", [2, 3, 17, 33])
    @pytest.mark.parametrize("image", [RANDOM, ENDS], ids=["random", "ends"])
    def test_table(self, size: int, image: np.ndarray) -> None:
        cube = random_cube(size)
        trilinear = colour.algebra.table_interpolation_trilinear
        expected = by_colour(colour.LUT3D(cube.table), image, interpolator=trilinear)
        np.testing.assert_allclose(lut(image, 1.0, cube), expected, atol=1e-7)

    def test_table_with_a_domain(self) -> None:
        domain = ((-0.2, 0.0, 0.0), (1.0, 1.5, 1.1))
        cube = Cube(random_cube(5).table, table_domain=domain)
        trilinear = colour.algebra.table_interpolation_trilinear
        expected = by_colour(colour.LUT3D(cube.table, domain=np.array(domain)), RANDOM, interpolator=trilinear)
        np.testing.assert_allclose(lut(RANDOM, 1.0, cube), expected, atol=1e-7)

    def test_curves(self) -> None:
        cube = Cube(curves=np.random.default_rng(1).random((9, 3)))
        expected = by_colour(colour.LUT3x1D(cube.curves), RANDOM)
        np.testing.assert_allclose(lut(RANDOM, 1.0, cube), expected, atol=1e-7)

    def test_film_simulations(self, shared: Path, photo: np.ndarray) -> None:
        files = sorted((shared / "luts").glob("*.cube"))
        if not files:
            pytest.skip("no tables in ../shared/luts")
        image = (photo[::4, ::4].transpose(2, 0, 1)[None] / 255).astype(np.float32)
        for film in files:
            trilinear = colour.algebra.table_interpolation_trilinear
            expected = by_colour(colour.read_LUT(str(film)), image, interpolator=trilinear)
            np.testing.assert_allclose(lut(image, 1.0, read_cube(film)), expected, atol=2e-6)


class TestValues:
    @pytest.mark.parametrize("size", [2, 5, 33])
    def test_lattice_changes_nothing(self, size: int) -> None:
        np.testing.assert_allclose(lut(RANDOM, 1.0, Cube(lattice(size))), RANDOM, atol=1e-6)
        np.testing.assert_allclose(
            lut(RANDOM, 1.0, Cube(curves=lattice(size)[0, 0, :, 2:].repeat(3, 1))), RANDOM, atol=1e-6
        )

    def test_points_of_the_table_are_exact(self) -> None:
        cube = random_cube(5)
        image = lattice(5).reshape(1, 1, -1, 3).transpose(0, 3, 1, 2)
        assert cube.table is not None
        np.testing.assert_allclose(lut(image, 1.0, cube)[0, :, 0].T, cube.table.reshape(-1, 3), atol=1e-7)

    def test_curves_come_before_the_table(self) -> None:
        squares = (np.linspace(0, 1, 1001) ** 2)[:, None].repeat(3, 1)
        table = 1 - lattice(2)
        both = lut(RANDOM, 1.0, Cube(table, squares))
        np.testing.assert_allclose(both, 1 - RANDOM**2, atol=1e-5)

    def test_table_after_curves_has_its_own_domain(self) -> None:
        curves = np.array([[0.0] * 3, [4.0] * 3])
        cube = Cube(lattice(3), curves, table_domain=((0.0,) * 3, (4.0,) * 3))
        np.testing.assert_allclose(lut(RANDOM, 1.0, cube), RANDOM, atol=1e-6)

    def test_colours_outside_the_domain_are_its_nearest(self) -> None:
        cube = Cube(lattice(2), table_domain=((0.25,) * 3, (0.75,) * 3))
        np.testing.assert_allclose(lut(RANDOM, 1.0, cube), np.clip(RANDOM * 2 - 0.5, 0, 1), atol=1e-6)

    def test_values_outside_the_range_are_clipped(self) -> None:
        out = lut(RANDOM, 1.0, random_cube(4, low=-60_000, high=60_000))
        assert (out.min(), out.max()) == (0, 1)

    def test_amount_is_the_share_of_the_table(self) -> None:
        whole = lut(RANDOM, 1.0, small_cube())
        np.testing.assert_allclose(lut(RANDOM, 0.25, small_cube()), 0.75 * RANDOM + 0.25 * whole)

    def test_without_a_table_nothing_changes(self) -> None:
        assert lut(RANDOM, 1.0) is RANDOM

    def test_torch_takes_what_cannot_be_written_to_without_a_warning(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            out = lut(torch.tensor(RANDOM, dtype=torch.float32), 1.0, small_cube())
        np.testing.assert_allclose(out.numpy(), lut(RANDOM, 1.0, small_cube()), atol=1e-6)

    def test_gradients_at_black_and_white(self) -> None:
        image = torch.tensor(ENDS, requires_grad=True)
        amount = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
        lut(image, amount, small_cube()).sum().backward()
        assert torch.isfinite(image.grad).all()
        assert (image.grad != 0).all()
        assert torch.isfinite(amount.grad).all()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A table of colours in a folder of its own."""
    (tmp_path / "films").mkdir()
    write_cube(small_cube(), tmp_path / "films" / "Soft film.cube")
    return tmp_path / "films" / "Soft film.cube"


def recipe_of(cube: Any) -> Recipe:
    return Recipe((FilterStep("lut", {"amount": 0.5, "cube": cube}),))


class TestFileSetting:
    @pytest.mark.parametrize("kind", [str, Path, read_cube])
    def test_path_or_table(self, film: Path, kind: Any) -> None:
        step = FilterStep("lut", {"cube": kind(film)})
        assert step.settings == {"cube": small_cube()}
        assert step == FilterStep("lut", {"cube": film})
        assert hash(step) == hash(FilterStep("lut", {"cube": film}))

    @pytest.mark.parametrize("value", [1, 0.5, True, b"x.cube", ["x.cube"], {"a": 1}])
    def test_something_else_is_refused(self, value: Any) -> None:
        with pytest.raises(UsageError, match=r"^lut\.cube is .*: expected the path of a file$"):
            FilterStep("lut", {"cube": value})

    def test_none_is_no_file(self) -> None:
        step = FilterStep("lut", {"amount": 0.5, "cube": None})
        assert Recipe.from_dict(Recipe((step,)).to_dict()).steps == (step,)
        assert step.in_words() == "lut amount 0.50"

    def test_is_not_searched_and_does_not_fade(self, film: Path) -> None:
        recipe = recipe_of(film)
        assert recipe.at_strength(0.5).steps[0].settings == {"amount": 0.25, "cube": small_cube()}
        space = Space(recipe)
        found = [step for step in space.recipe(space.look).steps if step.filter == "lut"]
        assert found == list(recipe.steps)
        moved = space.settings(space.look[None])
        assert moved[[f.name for f, _ in moved].index("lut")][1]["cube"] == small_cube()

    def test_acts_where_its_amount_does(self) -> None:
        assert lut.acts({"amount": 0.5, "cube": small_cube()})
        assert not lut.acts({"amount": 0.0, "cube": small_cube()})

    def test_in_words(self, film: Path) -> None:
        assert recipe_of(film).in_words() == "lut amount 0.50, cube Soft film"

    def test_in_a_module(self, film: Path) -> None:
        image = torch.rand(1, 3, 8, 8)
        module = FilterModule("lut", amount=0.5, cube=film)
        assert [name for name, _ in module.named_parameters()] == ["amount"]
        assert torch.allclose(module(image), lut(image, 0.5, small_cube()))


class TestInJson:
    def test_path_is_relative_to_the_file(self, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = film.parents[1] / "look.json"
        step = {"filter": "lut", "amount": 0.5, "cube": "films/Soft film.cube"}
        file.write_text(json.dumps({"camofilter": 1, "filters": [step]}))
        assert Recipe.load(file) == recipe_of(film)
        monkeypatch.chdir(film.parent)
        assert Recipe.load("../look.json") == recipe_of(film)

    def test_without_a_file_it_is_relative_to_the_current_folder(
        self, film: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = {"camofilter": 1, "filters": [{"filter": "lut", "amount": 0.5, "cube": film.name}]}
        assert Recipe.from_dict(data, folder=film.parent) == recipe_of(film)
        monkeypatch.chdir(film.parent)
        assert Recipe.from_dict(data) == recipe_of(film)

    def test_what_is_written_is_right_anywhere(self, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(film.parent)
        written = recipe_of(film.name).to_json()
        elsewhere = film.parents[1] / "look.json"
        elsewhere.write_text(written, encoding="utf-8")
        monkeypatch.chdir("/")
        assert Recipe.load(elsewhere) == recipe_of(film)
        assert json.loads(written)["filters"][0]["cube"] == os.fspath(film)

    def test_table_from_no_file_cannot_be_written(self) -> None:
        with pytest.raises(UsageError, match=r"^lut\.cube comes from no file: write one, and read it from there$"):
            recipe_of(small_cube()).to_dict()

    def test_wrong_file_is_told_with_both_names(self, film: Path) -> None:
        film.write_text("LUT_3D_SIZE 1\n")
        data = {"camofilter": 1, "filters": [{"filter": "lut", "cube": str(film)}]}
        with pytest.raises(RecipeError) as caught:
            Recipe.from_dict(data, "my.json")
        assert str(caught.value).startswith(f"my.json: {film}: line 1: LUT_3D_SIZE is 1: expected")

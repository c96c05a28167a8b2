"""What carries out a run of point filters at full size: what it gives is what the formulas give, whatever the run."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import lattice, random_cube, small_cube

from camofilter import filters, presets
from camofilter.filters import HeldSetting, Setting, pipeline, point_run
from camofilter.filters.bake import exact
from camofilter.filters.cube import Cube
from camofilter.filters.point_run import Formulas, Run, Sample, carried_out

every_depth = pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bit", "16 bit"])


def photo(height: int = 200, width: int = 210, dtype: Any = np.uint8) -> np.ndarray:
    """Smooth, with a little noise, and more pixels than the smallest table has points; quiet colours in its middle."""
    down, across = np.mgrid[:height, :width] / max(height, width)
    planes = [0.5 + 0.45 * np.sin(7 * across + 5 * down * phase) for phase in (1, 1.3, 1.7)]
    noise = np.random.default_rng(0).normal(0, 0.01, (height, width, 3))
    top = np.iinfo(dtype).max
    return np.asarray(np.clip((np.stack(planes, -1) + noise) * top, 0, top).astype(dtype))


def by_formula(pixels: np.ndarray, run: Run) -> np.ndarray:
    """H×W×3 levels, not rounded."""
    top = np.iinfo(pixels.dtype).max
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32) * np.float32(1 / top)
    return np.asarray(np.clip(exact(image, run)[0].transpose(1, 2, 0), 0, 1) * top)


def of_cube(cube: Cube, amount: float = 1.0) -> Run:
    return [(filters.get("lut"), {"amount": amount, "cube": cube})]


def of(name: str, **given: Any) -> Run:
    return [(filters.get(name), filters.get(name).identity | given)]


def held_to_tolerance(pixels: np.ndarray, run: Run) -> None:
    """In levels of the photo's own depth; half a level of each is rounding's."""
    error = np.abs(pipeline.render(pixels, run) - by_formula(pixels, run))
    assert error.mean() <= 0.5 + 0.5
    assert np.quantile(error, 0.999) <= 2 + 0.5 + 0.3  # the sample stands for the photo


STEP = (np.linspace(0, 1, 4096) > 0.5).astype(float)[:, None].repeat(3, 1)
TABLES = {
    "posterising": Cube(np.floor(lattice(64) * 7.999) / 7),
    "threshold": Cube((lattice(33).mean(-1, keepdims=True) > 0.5).astype(float).repeat(3, -1)),
    "threshold curves": Cube(curves=STEP),
    "steep curves": Cube(curves=np.clip((np.linspace(0, 1, 1024) - 0.4) * 40, 0, 1)[:, None] ** [1, 2, 3]),
    "steps, then a table": Cube(1 - lattice(3) ** 2, STEP),
    "no order": random_cube(33),
}


def values(setting: Setting) -> st.SearchStrategy[Any]:
    if isinstance(setting, HeldSetting):
        return st.just(small_cube()) | st.integers(2, 20).map(random_cube) | st.sampled_from([*TABLES.values()])
    fewest, most = setting.counts
    number = st.floats(*setting.range)
    return number if setting.count is None else st.lists(number, min_size=fewest, max_size=min(most, 12))


def link(name: str) -> st.SearchStrategy[Any]:
    """A filter with any of its settings; lists may be left out."""
    found = filters.get(name)
    numbers, lists = ({s.name: values(s) for s in found.settings if (s.count is None) is one} for one in (True, False))
    return st.tuples(st.just(found), st.fixed_dictionaries(numbers, optional=lists))


RUNS = st.lists(
    st.sampled_from([name for name in filters.NAMES if filters.get(name).is_point]).flatmap(link),
    min_size=1,
    max_size=3,
)


class TestWhateverTheRun:
    @every_depth
    @pytest.mark.parametrize("name", TABLES)
    def test_tables_that_none_can_hold(self, name: str, dtype: Any) -> None:
        pixels = photo(dtype=dtype)
        error = np.abs(pipeline.render(pixels, of_cube(TABLES[name])) - by_formula(pixels, of_cube(TABLES[name])))
        assert np.quantile(error, 0.999) <= 0.75

    @pytest.mark.slow
    @settings(max_examples=80)
    @given(RUNS, st.sampled_from([np.uint8, np.uint16]))
    def test_any_filters_anywhere_in_their_ranges(self, run: Run, dtype: Any) -> None:
        held_to_tolerance(photo(dtype=dtype), run)

    @every_depth
    def test_a_small_area_counts_as_much_as_a_large_one(self, dtype: Any) -> None:
        # Of what is red, the table makes stripes that no table of 33 points can hold; all else it leaves.
        points = lattice(65)
        stripes = np.where((np.arange(65) % 2)[:, None, None, None] == 0, points, 1 - points)
        is_red = (points[..., :1] > 0.8) & (points[..., 1:].max(-1, keepdims=True) < 0.2)
        run = of_cube(Cube(np.where(is_red, stripes, points)))
        pixels = photo(600, 800, dtype)
        top = np.iinfo(dtype).max
        pixels[300:308, 400:408] = (np.linspace([0.88, 0.02, 0.05], [0.95, 0.1, 0.02], 64) * top).reshape(8, 8, 3)
        area = slice(300, 308), slice(400, 408)
        assert 64 / (600 * 800) < 0.001 / 5  # a percentile of the pixels cannot see it
        error = np.abs(pipeline.render(pixels, run) - by_formula(pixels, run))[area]
        assert error.max() <= 0.75

    def test_after_a_filter_of_the_place_its_colours_count(self) -> None:
        # Nothing in the photo is near the step: the vignette brings the corners there.
        pixels = np.full((220, 230, 3), 180, np.uint8)
        vignette = of("vignette", amount=2.5)
        run = of_cube(Cube(lattice(2), STEP))
        darkened = pipeline.render(pixels.astype(np.uint16) * 257, vignette)
        out = pipeline.render(pixels, [*vignette, *run])
        assert np.ptp(out) == 255
        assert np.mean(np.abs(out / 255 - by_formula(darkened, run) / 65535) > 0.01) < 0.001


class TestCost:
    @pytest.mark.parametrize("name", presets.names())
    def test_ordinary_looks_take_the_smallest_table(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        made = []
        bake = point_run.bake
        monkeypatch.setattr(point_run, "bake", lambda run, size: made.append(size) or bake(run, size))
        pipeline.render(photo(300, 400), presets.get(name).chain())
        assert set(made) <= {33}

    def test_a_table_larger_than_the_photo_is_not_made(self) -> None:
        small = photo(100, 100)
        run = of("saturation", amount=0.3)
        assert isinstance(carried_out(run, Sample.of(small), 10_000, 255), Formulas)

    def test_channels_that_go_by_themselves_go_by_curves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(point_run, "bake", None)  # never called
        run = [
            *of("tone_curve", red=[1, 2, 3], blue=[2, 1]),
            *of_cube(TABLES["steep curves"], 0.8),
            *of("fade", blacks=0.1),
        ]
        held_to_tolerance(photo(), run)

    def test_formulas_take_memory_for_a_block_whatever_the_photo(self) -> None:
        pixels = photo(1500, 1600)
        run = of_cube(TABLES["posterising"])
        tracemalloc.start()
        try:
            out = pipeline.render(pixels, run)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        strips = 2 * 3 * 4 * pipeline._STRIP_PIXELS * pipeline.threads()
        assert peak < out.nbytes + strips + 60e6


class TestSample:
    @every_depth
    def test_holds_every_colour_that_fills_a_few_rows_and_columns(self, dtype: Any) -> None:
        pixels = photo(1200, 1600, dtype) // 4 + np.iinfo(dtype).max // 3
        rare = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 1]])
        for i, colour in enumerate(rare):
            pixels[31 + 100 * i : 33 + 100 * i, 701:703] = colour * np.iinfo(dtype).max
        found = {tuple(c) for c in Sample.of(pixels).colours[0, :, 0].T.tolist()}
        assert {tuple(c) for c in rare.astype(float).tolist()} <= found

    def test_knows_where_its_colours_lie(self) -> None:
        pixels = photo(301, 407)
        sample = Sample.of(pixels)
        down, across = np.rint(sample.down * 301).astype(int), np.rint(sample.across * 407).astype(int)
        np.testing.assert_allclose(sample.colours[0, :, 0].T, pixels[down, across] / 255, atol=1e-6)
        assert 0 < sample.spread < len(down)

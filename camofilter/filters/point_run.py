"""A run of point filters at full size: the smallest table that gives a photo's colours, or else the formulas.

What a table is held to is in levels of the photo's own depth, so that a photo of 16 bit keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from camofilter.filters.arrays import Array
from camofilter.filters.bake import bake, bake_curves, exact
from camofilter.filters.base import Filter
from camofilter.filters.look_up import LookUp

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

Run: TypeAlias = Sequence[tuple[Filter, dict[str, Any]]]

_TABLE_SIZES = (33, 65, 129)  # nearly all filters are smooth enough for the first, which stays in a core's cache
# Levels by which a table may be off: on average and for 99.9 % of the values, where each pixel counts alike; and on
# average over the colours of any one block of the cube, where each colour does, however few pixels have it.
_MEAN, _NEARLY_ALL, _BLOCK_MEAN = 0.5, 2.0, 4.0
_SPREAD = 1 << 14  # pixels of the sample that lie evenly over the photo
_LOOKED_AT = 1 << 19  # pixels that are searched for rare colours: every fifth row and column of 12 megapixels
_CELLS, _BLOCKS = 32, 8  # a side of the cube: one colour of each cell is in the sample
_AT_ONCE = 1 << 15  # pixels: what the formulas hold beside them fits a core's cache


class Formulas:
    """A run carried out by its formulas, with the calls of a :class:`LookUp`; memory does not grow with the photo."""

    copy_side = 0

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, colours: np.ndarray) -> None:
        """Filters H×W×3 float32 colours, C-contiguous, in place."""
        flat = colours.reshape(-1, 3)
        for start in range(0, len(flat), _AT_ONCE):
            part = flat[start : start + _AT_ONCE]
            np.clip(exact(np.ascontiguousarray(part.T)[None, :, None], self._run)[0, :, 0].T, 0, 1, out=part)

    def maps(self, copy: Array, height: int, width: int, settings: dict[str, Any]) -> None:
        """None, as of any point filter."""

    def blend(self, image: np.ndarray, maps: None = None, settings: dict[str, Any] | None = None) -> np.ndarray:
        """The colours of a 1×3×h×w float32 image filtered."""
        return exact(image, self._run)


class Sample(NamedTuple):
    """Some of a photo's colours: pixels spread evenly over it, then one of each cell of the colour cube.

    Attributes:
        colours: 1×3×1×N float32 in [0, 1].
        down, across: where each lies on the photo, as shares of its height and width in [0, 1).
        spread: how many of them are the evenly spread ones.
    """

    colours: np.ndarray
    down: np.ndarray
    across: np.ndarray
    spread: int

    @classmethod
    def of(cls, pixels: Pixels) -> Sample:
        """The sample of a photo, H×W×3 uint8 or uint16; of a large one, not every pixel is looked at."""
        height, width = pixels.shape[:2]
        even = np.arange(0, height * width, height * width // _SPREAD | 1)  # odd, so not in a few columns
        chosen = np.concatenate([even, _one_of_each_cell(pixels)])
        down, across = np.divmod(chosen, width)
        colours = np.ascontiguousarray(pixels[down, across].T[None, :, None], np.float32)
        return cls(colours / np.float32(np.iinfo(pixels.dtype).max), down / height, across / width, len(even))

    def through(self, steps: Sequence[tuple[Any, dict[str, Any], Array | None]]) -> Sample:
        """The same pixels after planned filters, each with what its maps have nearest to it."""
        colours = self.colours
        for link, settings, maps in steps:
            if maps is not None:
                rows, columns = maps.shape[2:]
                maps = maps[:, :, (self.down * rows).astype(int), (self.across * columns).astype(int)][:, :, None]
            colours = link.blend(colours, maps, settings)
        return self._replace(colours=colours)


def _one_of_each_cell(pixels: Pixels) -> np.ndarray:
    """Numbers of pixels, row by row: one for each cell of the colour cube in which there is any."""
    height, width = pixels.shape[:2]
    step = max(1, round(sqrt(height * width / _LOOKED_AT)))
    cell = np.zeros((-(-height // step), -(-width // step)), np.uint16)
    for i in range(3):
        cell *= _CELLS
        cell += pixels[::step, ::step, i] >> (8 * pixels.itemsize - _CELLS.bit_length() + 1)
    found = np.full(_CELLS**3, -1, np.int32)
    found[cell] = np.arange(cell.size, dtype=np.int32).reshape(cell.shape)
    rows, columns = np.divmod(found[found >= 0].astype(np.int64), cell.shape[1])
    return np.asarray(step * (rows * width + columns))


def carried_out(run: Run, sample: Sample, pixels: int, levels: int) -> LookUp | Formulas:
    """What gives these colours as a run of point filters does, to the tolerance, at the least cost.

    Curves where each channel goes by itself; else a table. One with more points than the photo has pixels, or that
    cannot hold as a smaller one has missed by too much, is not made: the formulas cost less.

    Args:
        run: filters with their settings as floats; none change nothing.
        sample: of the photo, as it arrives there.
        pixels: how many the photo has.
        levels: of the photo's depth, 255 or 65535.
    """
    if not run:
        return LookUp()
    wanted = exact(sample.colours, run)
    if _channels_are_apart(run, sample.colours, wanted):
        curves = LookUp(bake_curves(run))
        if _misses(curves, sample, wanted, levels) <= 1:
            return curves
    missed, before = 0.0, _TABLE_SIZES[0]
    for size in _TABLE_SIZES:
        at_best = missed * ((before - 1) / (size - 1)) ** 2  # of a smooth function, by linear interpolation
        if size**3 < pixels and at_best <= 1:
            look_up = LookUp(bake(run, size))
            missed, before = _misses(look_up, sample, wanted, levels), size
            if missed <= 1:
                return look_up
    return Formulas(run)


def off_by(table: np.ndarray, run: Run) -> float:
    """By how many levels of 255 a table is off for all but one in a thousand values, of colours from the whole cube."""
    colours = np.random.default_rng(0).random((1, 3, 1, _SPREAD), np.float32)
    error = np.abs(LookUp(table).blend(colours) - exact(colours, run))
    return float(np.quantile(error, 0.999) * 255)


def _misses(look_up: LookUp, sample: Sample, wanted: np.ndarray, levels: int) -> float:
    """How far a table is off, in tolerances: it holds at 1 and below."""
    error = np.abs(look_up.blend(sample.colours) - wanted)[0, :, 0] * levels
    spread, each = error[:, : sample.spread], error[:, sample.spread :].max(0)
    places = np.minimum(sample.colours[0, :, 0, sample.spread :] * _BLOCKS, _BLOCKS - 1).astype(int)
    block = (places[0] * _BLOCKS + places[1]) * _BLOCKS + places[2]
    in_blocks = np.bincount(block, each) / np.maximum(np.bincount(block), 1)
    nearly_all = np.quantile(spread, 0.999)
    return float(max(spread.mean() / _MEAN, nearly_all / _NEARLY_ALL, in_blocks.max() / _BLOCK_MEAN))


def _channels_are_apart(run: Run, colours: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether each channel of what these colours become depends on nothing but itself: it is that of a grey's."""
    count = colours.shape[3]
    for some in (slice(0, None, count // 64 + 1), slice(None)):  # few colours tell of nearly all runs
        for i in range(3):
            greys = np.repeat(colours[:, i : i + 1, :, some], 3, 1)
            if not np.allclose(exact(greys, run)[:, i], wanted[:, i, :, some], rtol=0, atol=1e-6):
                return False
    return True

"""A chain of filters over a photo: planned once on a small copy, then carried out on any part of any size.

A spatial filter's maps have a fixed small size, so a small copy alone decides them. Walking it through the
chain collects every filter's maps; after that each pixel needs nothing but its own value and the maps at its
place. The search develops the part of a photo that a machine looks at, the full-size path strips of the whole.

The full-size path needs no torch. It bakes every run of point filters into a table where one holds, and works on
strips that fit a core's cache, on all cores.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np
from PIL import Image

from camofilter.cores import threads
from camofilter.filters.arrays import Array, Window, fit_longer_side, resize
from camofilter.filters.base import Filter
from camofilter.filters.look_up import LookUp
from camofilter.filters.point_run import Formulas, Sample, carried_out

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

_STRIP_PIXELS = 1 << 18  # of a strip: small enough for a cache, large enough for Python to be nowhere near the time


class _Link(Protocol):
    """What a chain is made of: filters, or their baked runs."""

    @property
    def copy_side(self) -> int: ...

    def maps(self, copy: Array, height: int, width: int, settings: dict[str, Any]) -> Array | None: ...

    def blend(self, image: Array, maps: Array | None, settings: dict[str, Any]) -> Array: ...


class Step(NamedTuple):
    """A filter with its settings and, for a spatial one, its maps."""

    filter: _Link
    settings: dict[str, Any]
    maps: Array | None


def plan(copy: Array, height: int, width: int, chain: Iterable[tuple[_Link, dict[str, Any]]]) -> list[Step]:
    """The chain's steps with their maps, found by walking a small copy of the photo through it.

    Args:
        copy: B×3×h×w in [0, 1], the whole photo reduced to the chain's :func:`copy_side`; where that is 0, any image.
        height, width: of the photo itself.
        chain: filters with a value for each setting (floats, or B-vectors of the small copy's kind).
    """
    steps: list[Step] = []
    chain = list(chain)
    for i, (link, settings) in enumerate(chain):
        maps = link.maps(copy, height, width, settings)
        steps.append(Step(link, settings, maps))
        if copy_side(chain[i + 1 :]):
            copy = link.blend(copy, None if maps is None else resize(maps, *copy.shape[2:]), settings)
    return steps


def copy_side(chain: Iterable[tuple[_Link, dict[str, Any]]]) -> int:
    """The longer side of the small copy on which a chain is planned; 0 if its maps need none."""
    return max((link.copy_side for link, _ in chain), default=0)


def develop(part: Array, steps: Iterable[Step], height: int, width: int, window: Window) -> Array:
    """Part of a photo after all steps.

    Args:
        part: B×3×h×w in [0, 1].
        steps: as planned.
        height, width: of the whole photo at the part's scale.
        window: where the part lies in it.

    Returns:
        B×3×h×w in [0, 1].
    """
    for step in steps:
        maps = None if step.maps is None else resize(step.maps, height, width, window)
        part = step.filter.blend(part, maps, step.settings)
    return part


def render(pixels: Pixels, chain: Sequence[tuple[Filter, dict[str, Any]]]) -> Pixels:
    """A whole photo through a chain, at full size, without torch.

    Args:
        pixels: H×W×3, uint8 or uint16.
        chain: filters with their settings as floats (tuples for settings of several values).

    Returns:
        H×W×3, same type, rounded to the nearest level.
    """
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    top = np.iinfo(pixels.dtype).max
    acting = [(found, settings) for found, settings in chain if found.acts(settings)]
    first, steps, last = _prepared(pixels, acting)
    out = np.empty_like(pixels)
    rows = max(1, _STRIP_PIXELS // width)

    def develop_strip(start: int) -> None:
        strip = pixels[start : start + rows]
        colours = strip.astype(np.float32)
        colours *= np.float32(1 / top)
        first(colours)
        if steps:
            planes = np.ascontiguousarray(colours.transpose(2, 0, 1))[None]
            window = Window(start, 0, len(strip), width)
            for i, plane in enumerate(develop(planes, steps, height, width, window)[0]):
                np.clip(plane, 0, 1, out=colours[..., i])  # rounding alone may leave the range, by 10⁻⁵
            last(colours)
        colours *= np.float32(top)
        colours += np.float32(0.5)  # to the nearest level
        np.copyto(out[start : start + rows], colours, casting="unsafe")

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(develop_strip, range(0, height, rows)))
    return out


def _prepared(
    pixels: Pixels, chain: Iterable[tuple[Filter, dict[str, Any]]]
) -> tuple[LookUp | Formulas, list[Step], LookUp | Formulas]:
    """What pixels become planes by, the steps that need planes, and the way back; any may be nothing.

    A chain of point filters alone is its first run.
    """
    grouped = [(is_point, list(run)) for is_point, run in itertools.groupby(chain, lambda link: link[0].is_point)]
    height, width = pixels.shape[:2]
    side = copy_side(link for _, run in grouped for link in run)
    copy = reduce(pixels, side) if side else np.zeros((1, 3, 1, 1), np.float32)
    sample = Sample.of(pixels)
    steps: list[Step] = []
    for i, (is_point, run) in enumerate(grouped):
        links: list[tuple[_Link, dict[str, Any]]] = [*run]
        if is_point:
            links = [(carried_out(run, sample, height * width, np.iinfo(pixels.dtype).max), {})]
        found = plan(copy, height, width, links)
        steps += found
        if later := grouped[i + 1 :]:
            sample = sample.through(found)
            if copy_side(link for _, run in later for link in run):
                rows, columns = copy.shape[2:]
                copy = develop(copy, found, rows, columns, Window(0, 0, rows, columns))
    first = steps.pop(0).filter if grouped and grouped[0][0] else LookUp()
    last = steps.pop().filter if steps and grouped[-1][0] else LookUp()
    return cast("LookUp | Formulas", first), steps, cast("LookUp | Formulas", last)


def reduce(pixels: np.ndarray, longest: int) -> np.ndarray:
    """A photo's pixels as 1×3×h×w float32 in [0, 1], reduced so that the longer side is at most ``longest``.

    Args:
        pixels: H×W×3, uint8 or uint16.
        longest: in pixels; smaller photos are not enlarged.
    """
    height, width = pixels.shape[:2]
    # Cells first, which is fast; few of them where the photo is so narrow that those at its border would count.
    factor = max(1, min(max(height, width) // longest, min(height, width) // 8))
    small_height, small_width = fit_longer_side(height, width, longest)
    means = _cell_means(pixels, factor) / np.float32(np.iinfo(pixels.dtype).max)
    planes = []
    for plane in means.transpose(2, 0, 1):
        # Pillow's antialiased resize is compiled; its box leaves out what the last cells reach over the border.
        image = Image.fromarray(np.ascontiguousarray(plane))
        box = (0, 0, width / factor, height / factor)
        planes.append(np.asarray(image.resize((small_width, small_height), Image.Resampling.BILINEAR, box)))
    return np.stack(planes)[None]


def _cell_means(pixels: Pixels, side: int) -> np.ndarray:
    """⌈H/side⌉×⌈W/side⌉×3 float32: means of square cells; those at the right and bottom border may be smaller.

    Whole rows are added up first, in whole numbers: little is left for the strided rest.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((-(-height // side), width, 3), np.uint16 if pixels.itemsize == 1 and side < 256 else np.uint32)
    for i in range(side):
        part = pixels[i::side]
        rows[: len(part)] += part
    sums = np.zeros((len(rows), -(-width // side), 3), np.float32)
    for i in range(side):
        part = rows[:, i::side]
        sums[:, : part.shape[1]] += part
    lengths = [np.minimum(side, n - np.arange(0, n, side)).astype(np.float32) for n in (height, width)]
    return np.asarray(sums / (lengths[0][:, None, None] * lengths[1][:, None]))

"""A chain of filters over a photo: planned once on a small copy, then carried out on any part of any size.

A spatial filter's maps have a fixed small size, so the small copy alone decides them. Walking it through the
chain collects every filter's maps; after that each pixel needs nothing but its own value and the maps at its
place. The search develops the part of a photo that a machine looks at, the full-size path strips of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from camofilter.filters.arrays import Array, Window, fit_longer_side, resize
from camofilter.filters.base import COPY_SIDE, Filter

_STRIP_PIXELS = 1 << 18  # a strip of float32 RGB of this size stays in a core's cache


class Step(NamedTuple):
    """A filter with its settings and, for a spatial one, its maps."""

    filter: Filter
    settings: dict[str, Any]
    maps: Array | None


def plan(copy: Array, height: int, width: int, chain: Iterable[tuple[Filter, dict[str, Any]]]) -> list[Step]:
    """The chain's steps with their maps, found by walking a small copy of the photo through it.

    Args:
        copy: B×3×h×w in [0, 1], the whole photo reduced to ``COPY_SIDE``.
        height, width: of the photo itself.
        chain: filters with a value for each setting (floats, or B-vectors of the small copy's kind).
    """
    steps = []
    for found, settings in chain:
        maps = found.maps(copy, height, width, settings)
        steps.append(Step(found, settings, maps))
        copy = found.blend(copy, None if maps is None else resize(maps, *copy.shape[2:]), settings)
    return steps


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


def render(pixels: np.ndarray, chain: list[tuple[Filter, dict[str, Any]]]) -> np.ndarray:
    """A whole photo through a chain, at full size, without torch: strip by strip on all cores.

    Args:
        pixels: H×W×3, uint8 or uint16.
        chain: filters with their settings as floats (tuples for settings of several values).

    Returns:
        H×W×3, same type, rounded to the nearest level.
    """
    height, width = pixels.shape[:2]
    steps = plan(reduce(pixels, COPY_SIDE), height, width, chain)
    top = np.iinfo(pixels.dtype).max
    out = np.empty_like(pixels)
    rows = max(1, _STRIP_PIXELS // width)

    def develop_strip(start: int) -> None:
        strip = pixels[start : start + rows]
        window = Window(start, 0, len(strip), width)
        part = (strip.astype(np.float32) / np.float32(top)).transpose(2, 0, 1)[None]
        done = develop(np.ascontiguousarray(part), steps, height, width, window)[0]
        levels = np.rint(done * np.float32(top)).clip(0, top)  # rounding alone may leave [0, 1] by 10⁻⁷
        out[start : start + rows] = levels.transpose(1, 2, 0)

    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(develop_strip, range(0, height, rows)))
    return out


def reduce(pixels: np.ndarray, longest: int) -> np.ndarray:
    """A photo's pixels as 1×3×h×w float32 in [0, 1], reduced so that the longer side is at most ``longest``.

    Args:
        pixels: H×W×3, uint8 or uint16.
        longest: in pixels; smaller photos are not enlarged.
    """
    height, width = fit_longer_side(pixels.shape[0], pixels.shape[1], longest)
    top = np.iinfo(pixels.dtype).max
    planes = []
    for i in range(3):
        # Pillow reduces single float planes in compiled code; one at a time keeps the memory down.
        plane = Image.fromarray(pixels[..., i].astype(np.float32))
        planes.append(np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)))
    return np.stack(planes)[None] / np.float32(top)

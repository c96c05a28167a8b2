"""Ways to look colours up in a table of 33³, pixels alone, no files: ``python benchmarks/look_up.py``.

12 megapixels of the example photos, side by side at their own pixels. What is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from importlib import import_module, metadata
from typing import Any

import numpy as np
from apply import mosaic
from machine import keep, median_ms
from PIL import Image, ImageFilter

from camofilter import presets
from camofilter.cores import cores
from camofilter.filters import pipeline
from camofilter.filters.bake import bake
from camofilter.filters.cube import Cube, write_cube

_ROWS = 64  # of a strip


def main() -> None:
    pixels = mosaic(4000, 3000)
    chain = [link for link in presets.get("warm").chain() if link[0].is_point]
    table = bake(chain, 33)
    ways: dict[str, Callable[[], Any] | None] = {
        "camofilter, with baking: OpenColorIO, strips on all cores": lambda: pipeline.render(pixels, chain),
        "Pillow Color3DLUT, one thread": _pillow(pixels, table, threads=1),
        "Pillow Color3DLUT, strips on all cores": _pillow(pixels, table, threads=cores()),
        "torch grid_sample, all cores": _grid_sample(pixels, table),
        "numba, compiled tetrahedral loop, all cores": _numba(pixels, table) if _has("numba") else None,
        "FFmpeg lut3d by PyAV": _lut3d(pixels, table) if _has("av") else None,
    }
    results = {}
    for name, way in ways.items():
        results[name] = median_ms(way) if way else None
        print(f"{name:60} {f'{results[name]} ms' if way else 'not installed'}")
    versions = {p: metadata.version(p) for p in ("opencolorio", "pillow", "numba", "av") if _has(_MODULES.get(p, p))}
    keep("look_up", {"versions": versions, "ms": results})


_MODULES = {"opencolorio": "PyOpenColorIO", "pillow": "PIL"}


def _pillow(pixels: np.ndarray, table: np.ndarray, threads: int) -> Callable[[], None]:
    lut = ImageFilter.Color3DLUT(len(table), table.transpose(2, 1, 0, 3).reshape(-1).tolist())
    out = np.empty_like(pixels)
    rows = _ROWS if threads > 1 else len(pixels)

    def strip(start: int) -> None:
        out[start : start + rows] = np.asarray(Image.fromarray(pixels[start : start + rows]).filter(lut))

    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(strip, range(0, len(pixels), rows)))

    return work


def _grid_sample(pixels: np.ndarray, table: np.ndarray) -> Callable[[], Any]:
    import torch

    # Its last axis is x: the coordinates of a place are blue, green, red.
    volume = torch.from_numpy(table).permute(3, 0, 1, 2)[None]

    def work() -> Any:
        with torch.inference_mode():
            places = torch.from_numpy(pixels).float()[None, None].flip(-1) * (2 / 255) - 1
            found = torch.nn.functional.grid_sample(volume, places, align_corners=True)
            return (found[0, :, 0] * 255).round().byte().permute(1, 2, 0).contiguous().numpy()

    return work


def _numba(pixels: np.ndarray, table: np.ndarray) -> Callable[[], Any]:
    numba = import_module("numba")

    def look_up(source, out, table):  # type: ignore[no-untyped-def]
        last = len(table) - 1
        for y in numba.prange(source.shape[0]):
            for x in range(source.shape[1]):
                r, g, b = source[y, x, 0] * last / 255, source[y, x, 1] * last / 255, source[y, x, 2] * last / 255
                i, j, k = min(int(r), last - 1), min(int(g), last - 1), min(int(b), last - 1)
                r, g, b = np.float32(r - i), np.float32(g - j), np.float32(b - k)
                high, middle, low = max(r, g, b), max(min(r, g), min(max(r, g), b)), min(r, g, b)
                # The corners on the way from the first to the last: along the largest part, then the second.
                i1, j1, k1 = i + (r == high), j + (g == high and r != high), k + (b == high and r != high and g != high)
                i2, j2, k2 = i + (r > low or i1 > i), j + (g > low or j1 > j), k + (b > low or k1 > k)
                for c in range(3):
                    value = table[i, j, k, c] * (1 - high) + table[i1, j1, k1, c] * (high - middle)
                    value += table[i2, j2, k2, c] * (middle - low) + table[i + 1, j + 1, k + 1, c] * low
                    out[y, x, c] = np.uint8(value * 255 + np.float32(0.5))

    compiled = numba.njit(look_up, parallel=True, fastmath=True)
    out = np.empty_like(pixels)
    return lambda: compiled(pixels, out, table)


def _lut3d(pixels: np.ndarray, table: np.ndarray) -> Callable[[], Any]:
    av = import_module("av")
    folder = tempfile.mkdtemp()
    write_cube(Cube(table), f"{folder}/look.cube")
    height, width = pixels.shape[:2]
    graph = av.filter.Graph()
    size = {"width": width, "height": height, "format": av.VideoFormat("rgb24"), "time_base": Fraction(1, 25)}
    chain = [graph.add_buffer(**size), graph.add("lut3d", f"{folder}/look.cube"), graph.add("buffersink")]
    for one, after in itertools.pairwise(chain):
        one.link_to(after)
    graph.configure()

    def work() -> Any:
        graph.push(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        return graph.pull().to_ndarray(format="rgb24")

    return work


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    main()

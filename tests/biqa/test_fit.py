"""Fitting a photo to a model's input."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from camofilter.biqa.fit import LONGEST, centre, cover, cover_size, fit, is_whole, jpeg

FRAME = (512, 384)
sides = st.integers(1, 3000)


@given(sides, sides)
def test_the_frame_is_just_covered(width: int, height: int) -> None:
    covering = cover_size(width, height, FRAME)
    assert covering[0] >= FRAME[0]
    assert covering[1] >= FRAME[1]
    assert covering[0] == FRAME[0] or covering[1] == FRAME[1]
    scale = max(FRAME[0] / width, FRAME[1] / height)
    assert covering[0] == pytest.approx(width * scale, abs=1)
    assert covering[1] == pytest.approx(height * scale, abs=1)


@pytest.mark.parametrize("size", [(512, 384), (512, 512), (900, 384)])
def test_what_covers_the_frame_is_not_scaled(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    left, top = centre(*size, FRAME)
    assert np.array_equal(fit(pixels, FRAME), pixels[top : top + 384, left : left + 512])


@pytest.mark.parametrize("size", [(4000, 3000), (100, 80), (384, 3000), (3000, 30), (1, 1)])
def test_any_size_fills_the_frame(size: tuple[int, int]) -> None:
    pixels = np.full((size[1], size[0], 3), 77, np.uint8)
    assert np.array_equal(fit(pixels, FRAME), np.full((384, 512, 3), 77, np.uint8))


def plainly(pixels: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The formula: all of the photo scaled until it covers the frame, then its centre."""
    width, height = cover_size(pixels.shape[1], pixels.shape[0], frame)
    left, top = centre(width, height, frame)
    scaled = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(scaled)[top : top + frame[1], left : left + frame[0]]


@given(st.integers(1, 200), st.floats(1, LONGEST), st.booleans())
def test_photos_of_ordinary_shapes_are_fitted_by_the_plain_formula(side: int, ratio: float, tall: bool) -> None:
    frame = (64, 48)
    long = max(side, int(side * ratio * (48 / 64 if tall else 64 / 48)))
    width, height = (side, long) if tall else (long, side)
    assert is_whole(width, height, frame)
    pixels = np.random.default_rng(long).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.array_equal(fit(pixels, frame), plainly(pixels, frame))


@pytest.mark.parametrize("size", [(2000, 1), (1, 2001), (3001, 2), (5000, 60), (60, 5001)])
def test_of_the_longest_the_middle_is_fitted_as_if_all_were(size: tuple[int, int]) -> None:
    width, height = size
    frame = (64, 48)
    assert not is_whole(width, height, frame)
    waves = np.sin(np.arange(width) / 9)[None] + np.cos(np.arange(height) / 11)[:, None]
    pixels = np.repeat(np.rint(128 + 60 * waves).astype(np.uint8)[..., None], 3, 2)
    # Another rounding of sizes shifts it by a part of a pixel, here by 7 levels at most.
    assert np.abs(fit(pixels, frame).astype(int) - plainly(pixels, frame)).max() <= 5
    assert cover(pixels, frame).size <= 3 * 1.1 * LONGEST * frame[0] * frame[1] + 3 * 64 * 48


_SCORE_IN_A_GIGABYTE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000,) * 2)
from camofilter.cli import main
code = main(["score", "--json", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
raise SystemExit(code)
"""


@pytest.mark.slow
@pytest.mark.parametrize("given", ["made here", "cases"])
def test_scoring_the_longest_takes_less_than_a_gigabyte(given: str, tmp_path: Path, request: Any) -> None:
    """As a process of its own, which a mistake could not take the machine down with."""
    if given == "cases":
        files = [request.getfixturevalue("shared") / "cases" / f"s-{s}.jpg" for s in ("65500x1", "1x65500", "65500x10")]
    else:
        files = [tmp_path / "wide.jpg", tmp_path / "tall.jpg", tmp_path / "band.png"]
        for file, size in zip(files, [(65500, 1), (1, 65500), (100_000, 10)], strict=True):
            Image.linear_gradient("L").resize(size).convert("RGB").save(file)
    run = [sys.executable, "-c", _SCORE_IN_A_GIGABYTE, *map(str, files)]
    ran = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    *records, most = map(json.loads, ran.stdout.splitlines())
    assert all(math.isfinite(record["score"]) for record in records)
    assert most < 1 << 20


def test_reduction_is_antialiased() -> None:
    lines = np.zeros((1536, 2048, 3), np.uint8)
    lines[::2] = 255
    assert np.abs(cover(lines, FRAME)[2:-2].astype(int) - 127).max() <= 3


def test_sixteen_bits_are_rounded_to_eight() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = np.repeat(np.tile(levels, (2, 2))[..., None], 3, 2)
    expected = np.rint(pixels[64:448] / 257).astype(np.uint8)
    assert np.array_equal(fit(pixels, FRAME), expected)


def test_jpeg_is_pillows() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(pixels).resize((96, 64)).resize((12, 8)).resize((96, 64)))
    assert np.abs(jpeg(smooth, 95).astype(int) - smooth).mean() < np.abs(jpeg(smooth, 30).astype(int) - smooth).mean()
    assert jpeg(pixels, 90).shape == pixels.shape

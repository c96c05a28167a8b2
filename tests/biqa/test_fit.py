"""Fitting a photo to a model's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from camofilter.biqa.fit import centre, cover, cover_size, fit, jpeg

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

"""A copy is found in its original: where it was cut, how it was resized and turned; and not in another photo."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camofilter import apply
from camofilter.optim.registration import Turn, registered
from camofilter.photo import Photo

SIZE = (480, 300)


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    folder = Path(__file__).parents[2] / "examples" / "photos"
    return [Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS) for path in sorted(folder.glob("*"))]


def recompressed(picture: Image.Image, quality: int = 70) -> np.ndarray:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


# Cut to left, top, width, height of the (turned) original, and resized to a size.
CASES: list[tuple[Turn, tuple[int, int, int, int], tuple[int, int]]] = [
    ("none", (0, 0, 480, 300), (240, 150)),
    ("none", (48, 12, 384, 270), (384, 270)),
    ("none", (200, 60, 200, 200), (300, 300)),
    ("none", (0, 0, 480, 300), (256, 256)),
    ("mirrored", (24, 15, 432, 270), (320, 200)),
    ("right", (0, 30, 300, 400), (225, 300)),
]
TURNS = {"mirrored": Image.Transpose.FLIP_LEFT_RIGHT, "right": Image.Transpose.ROTATE_270}


@pytest.mark.parametrize(("turn", "cut", "size"), CASES)
def test_a_copy_is_found(
    photos: list[Image.Image], turn: Turn, cut: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    left, top, width, height = cut
    turned = photos[0].transpose(TURNS[turn]) if turn in TURNS else photos[0]
    copy = turned.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
    place = registered(np.asarray(photos[0]), recompressed(copy))
    assert place is not None
    assert place.turn == turn
    assert (place.left, place.top, place.width, place.height) == pytest.approx(cut, abs=1.5)
    assert (place.scale_x, place.scale_y) == pytest.approx((size[0] / width, size[1] / height), rel=0.006)
    again = place.cut_from(np.asarray(photos[0]), size)
    assert np.abs(again.astype(int) - np.asarray(copy)).mean() < 4


def test_a_look_and_sixteen_bits_do_not_keep_a_copy_from_being_found(photos: list[Image.Image]) -> None:
    pixels = np.asarray(photos[0])
    looked = apply(Photo.from_array(pixels), "teal-orange").pixels
    place = registered(pixels.astype(np.uint16) * 257, looked[20:280, 40:])
    assert place is not None
    assert (place.left, place.top, place.width, place.height) == pytest.approx((40, 20, 440, 260), abs=1)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 4000), (9000, 20)])
def test_a_photo_too_small_or_narrow_to_tell_is_found_nowhere(photos: list[Image.Image], size: tuple[int, int]) -> None:
    whole, narrow = np.asarray(photos[0]), np.asarray(photos[0].resize(size))
    assert registered(whole, narrow) is registered(narrow, whole) is registered(narrow, narrow) is None


def test_another_photo_is_not_found(photos: list[Image.Image]) -> None:
    assert registered(np.asarray(photos[0]), np.asarray(photos[1])) is None
    assert registered(np.asarray(photos[0]), np.full((100, 150, 3), 128, np.uint8)) is None

"""Contact sheets: every picture is there, in its place, under its label."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camofilter import presets
from camofilter.photo import Photo
from camofilter.sheets import CELL, draw, preset_sheet, thumbnail


def plain(colour: str, width: int = 30, height: int = 20) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def where(sheet: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of what has this colour."""
    rows, columns = np.nonzero((np.asarray(sheet) == np.asarray(plain(colour, 1, 1))[0, 0]).all(-1))
    return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1


def test_pictures_stand_in_rows_under_their_headings() -> None:
    sheet = draw({"": [("a", plain("red")), ("b", plain("lime", 20, 30)), ("c", plain("blue"))]}, columns=2)
    red, lime, blue = (where(sheet, colour) for colour in ("red", "lime", "blue"))
    assert red[2:] == blue[2:] == (30, 20)
    assert lime[2:] == (20, 30)
    assert red[1] == lime[1] < blue[1]
    assert red[0] == blue[0] < lime[0]
    with_heading = draw({"one": [("a", plain("red"))], "two": [("c", plain("blue"))]}, columns=2)
    assert where(with_heading, "red")[1] > red[1]
    assert where(with_heading, "blue")[1] > where(with_heading, "red")[1] + 20


def test_labels_are_written_above_their_pictures() -> None:
    sheet = draw({"": [("label", plain("red"))]})
    without = draw({"": [("", plain("red"))]})
    changed = np.nonzero((np.asarray(sheet) != np.asarray(without)).any(-1))[0]
    assert len(changed) > 0
    assert changed.max() < where(sheet, "red")[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_thumbnail(dtype: type) -> None:
    photo = Photo.from_array(np.full((400, 200, 3), np.iinfo(dtype).max // 3, dtype))
    small = thumbnail(photo, 100)
    assert small.size == (50, 100)
    assert small.getpixel((20, 50)) == (85, 85, 85)
    assert thumbnail(photo, 1000).size == (200, 400)


def test_every_preset_is_on_the_sheet() -> None:
    pixels = (np.indices((40, 60)).sum(0)[..., None] * np.array([1, 2, 2.5])).astype(np.uint8)
    sheet = preset_sheet(Photo.from_array(pixels))
    columns = sheet.width // 60
    families = presets.families().values()
    assert sheet.height > 40 * (1 + sum(-(-len(names) // columns) for names in families))
    assert sheet.width <= 5 * (CELL + 10)

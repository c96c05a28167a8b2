"""Contact sheets: every picture is there, in its place, under its label."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camofilter import presets
from camofilter.photo import Photo
from camofilter.sheets import CELL, WIDTH, draw, preset_sheet, thumbnail


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


@pytest.mark.slow
def test_every_preset_is_on_the_sheet() -> None:
    pixels = (np.indices((40, 60)).sum(0)[..., None] * np.array([1, 2, 2.5])).astype(np.uint8)
    sheet = preset_sheet(Photo.from_array(pixels))
    assert sheet.width == 8 + 6 * (60 + 8)
    assert sheet.height == 8 + -(-(1 + len(presets.names())) // 6) * (40 + 8 + 20)
    [few] = {preset_sheet(Photo.from_array(pixels), family).size for family in ("food", "night")}  # of three looks each
    assert few == (8 + 4 * (60 + 8), 8 + 40 + 8 + 20)


def test_pictures_are_made_smaller_where_a_sheet_would_be_too_wide() -> None:
    sheet = draw({"": [(str(i), plain("red", CELL, 200)) for i in range(12)]}, columns=12)
    assert WIDTH - 12 < sheet.width <= WIDTH
    assert where(sheet, "red")[3] == round(200 * ((WIDTH - 8) // 12 - 8) / CELL)

"""Contact sheets: pictures side by side under their names, to choose from or to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from camofilter import presets
from camofilter.filters.pipeline import render
from camofilter.photo.core import Photo, eight_bit

WIDTH = 1600  # pixels of a sheet at most: as wide as screens show it without making it smaller
CELL = 320  # pixels of a picture's longer side
_GAP, _LABEL, _HEADING = 8, 20, 30
_INK, _PAPER = (40, 40, 40), (250, 250, 250)

Pictures = Sequence[tuple[str, Image.Image]]  # with their labels


def thumbnail(photo: Photo, longest: int = CELL) -> Image.Image:
    """The photo as an 8-bit picture, its longer side at most so many pixels."""
    picture = Image.fromarray(eight_bit(photo.pixels))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return picture


def preset_sheet(photo: Photo, family: str | None = None) -> Image.Image:
    """A photo as it is and with every preset, or with those of a family.

    Looks are the same at every size, so they are drawn on a small copy: twice the size of the pictures, so that
    grain and softness are seen as on a screen.
    """
    small = np.asarray(thumbnail(photo, 2 * CELL))
    pictures = [("as it is", thumbnail(photo))]
    for name, its in presets.by_family(family):
        drawn = Photo.from_array(render(small, presets.get(name).chain()))
        pictures.append((f"{its}: {name}" if family is None else name, thumbnail(drawn)))
    return draw({"": pictures})


def draw(sections: Mapping[str, Pictures], columns: int = 6) -> Image.Image:
    """A sheet of pictures, which are made smaller where it would be wider than ``WIDTH``.

    Args:
        sections: pictures with their labels, by heading; an empty heading takes no room.
        columns: pictures side by side.
    """
    across = min(columns, max(map(len, sections.values())))
    widest = max(1, (WIDTH - _GAP) // across - _GAP)
    sections = {heading: [(label, _within(p, widest)) for label, p in held] for heading, held in sections.items()}
    pictures = [picture for section in sections.values() for _, picture in section]
    width = max(picture.width for picture in pictures) + _GAP
    height = max(picture.height for picture in pictures) + _GAP + _LABEL
    lines = sum(-(-len(section) // columns) for section in sections.values())
    headings = sum(bool(heading) for heading in sections)
    sheet = Image.new("RGB", (_GAP + across * width, _GAP + lines * height + headings * _HEADING), _PAPER)
    pen = ImageDraw.Draw(sheet)
    y = _GAP
    for heading, section in sections.items():
        if heading:
            pen.text((_GAP, y), heading, _INK, ImageFont.load_default(20))
            y += _HEADING
        for start in range(0, len(section), columns):
            for i, (label, picture) in enumerate(section[start : start + columns]):
                sheet.paste(picture, (_GAP + i * width, y + _LABEL))
                pen.text((_GAP + i * width, y), label, _INK, ImageFont.load_default(14))
            y += height
    return sheet


def _within(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    return picture.resize((width, max(1, round(picture.height * width / picture.width))), Image.Resampling.LANCZOS)

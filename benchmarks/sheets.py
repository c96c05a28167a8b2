"""Contact sheets to look at: ``pairs BEFORE AFTER OUT.png`` (folders) or ``presets OUT.png PHOTO...``."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

import camofilter
from camofilter import presets

_CELL = 340


def main() -> None:
    kind, *rest = sys.argv[1:] or [""]
    if kind == "pairs" and len(rest) == 3:
        pairs(Path(rest[0]), Path(rest[1]), Path(rest[2]))
    elif kind == "presets" and len(rest) > 1:
        all_presets([Path(p) for p in rest[1:]], Path(rest[0]))
    else:
        sys.exit(__doc__)


def pairs(before: Path, after: Path, out: Path, count: int = 24) -> None:
    """Before | after, three pairs a row, ``count`` photos spread evenly over the folder."""
    done = sorted(after.iterdir())
    done = done[:: max(1, len(done) // count)][:count]
    cells = []
    for path in done:
        original = next(before.glob(path.stem + ".*"))
        cells += [_cell(camofilter.open_photo(p), p.name) for p in (original, path)]
    _sheet(cells, 6).save(out)


def all_presets(photos: list[Path], out: Path) -> None:
    """A row a photo: the original, then every preset."""
    cells = []
    for path in photos:
        photo = camofilter.open_photo(path)
        cells.append(_cell(photo, path.name))
        cells += [_cell(camofilter.apply(photo, name), name) for name in presets.names()]
    _sheet(cells, 1 + len(presets.names())).save(out)


def _cell(photo: camofilter.Photo, label: str) -> Image.Image:
    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((_CELL, _CELL), Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (_CELL, picture.height + 14), "white")
    cell.paste(picture, (0, 14))
    ImageDraw.Draw(cell).text((2, 1), label, fill="black")
    return cell


def _sheet(cells: list[Image.Image], columns: int) -> Image.Image:
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    sheet = Image.new("RGB", (columns * _CELL, sum(heights)), "white")
    for i, row in enumerate(rows):
        for k, cell in enumerate(row):
            sheet.paste(cell, (k * _CELL, sum(heights[:i])))
    return sheet


if __name__ == "__main__":
    main()

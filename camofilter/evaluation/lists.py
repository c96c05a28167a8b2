"""The lists that the tasks hand out: names of photos, with or without labels, and categories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from camofilter import tables
from camofilter.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg")  # of the tasks' photos
_LABEL_COLUMNS = ("label", "category", "class")


@dataclass(frozen=True)
class PhotoList:
    """Photos by name.

    Attributes:
        labels: by the photo's name, in the list's order, the number of its category from 0; None where there is none.
    """

    labels: dict[str, int | None]

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of other names that are on the list, whatever their suffixes: prepared photos are PNG."""
        listed = set(map(stem, self.labels))
        return [name for name in names if stem(name) in listed]


def stem(name: str) -> str:
    """A photo's name without its folder and suffix."""
    return PurePosixPath(name).stem


def read(path: Path) -> PhotoList:
    """A list of photos, a line each: bare names; names and labels, quoted or not; or csv with a heading.

    A byte order mark, spaces at the ends, empty lines and either kind of line end make no difference. Under a heading
    the names stand in the column called ``image_name`` or the like, labels in one called ``label``, ``category`` or
    ``class``; without one in the first column and in the second, if there are two and no more.

    Raises:
        UsageError: no such file, no photos, a name that is none of a photo, one that is there twice, if only in another
            folder or with another suffix, or a label that is no whole number of 0 or more; the row is named.
    """
    rows = tables.rows(path)
    if not rows:
        raise UsageError(f"{path}: is empty; expected a photo's name a line")
    headed = not any(is_photo(cell) for cell in rows[0])
    names, labels = 0, 1 if max(map(len, rows)) == 2 else None
    if headed:
        found = tables.column(rows[0], tables.PHOTO_COLUMNS)
        if found is None:
            raise UsageError(
                f"{path}: begins with '{','.join(rows[0])}'; expected names such as photo.jpg, or a heading"
            )
        names, labels = found, tables.column(rows[0], _LABEL_COLUMNS)
    photos: dict[str, int | None] = {}
    known: set[str] = set()
    for number, row in enumerate(rows[headed:], 1 + headed):
        name = row[names] if len(row) > names else ""
        if not is_photo(name):
            raise UsageError(f"{path}: row {number} has '{name}' for a photo; expected a name such as photo.jpg")
        if stem(name) in known:
            raise UsageError(f"{path}: row {number} has {name} once more; expected each photo once")
        known.add(stem(name))
        photos[name] = None if labels is None else _label(path, number, row, labels)
    if not photos:
        raise UsageError(f"{path}: has no photos below its heading")
    return PhotoList(photos)


def read_categories(path: Path) -> dict[str, int]:
    """Categories of Places365 by name, such as ``beach``, with their numbers from 0, of lines ``/b/beach 48``.

    Raises:
        UsageError: no such file, or another kind of line.
    """
    categories: dict[str, int] = {}
    for number, row in enumerate(tables.rows(path), 1):
        name, _, index = " ".join(row).rpartition(" ")
        if not name.startswith("/") or name[2:3] != "/" or not index.isdecimal():
            raise UsageError(f"{path}: row {number} is '{','.join(row)}'; expected a category such as /b/beach 48")
        categories[name[3:]] = int(index)
    return categories


def is_photo(name: str) -> bool:
    """Whether a name is that of a photo of the tasks, by its suffix."""
    return name.lower().endswith(SUFFIXES)


def _label(path: Path, number: int, row: list[str], column: int) -> int:
    given = row[column] if len(row) > column else ""
    if not given.isdecimal():
        raise UsageError(f"{path}: row {number} has the label '{given}'; expected the number of a category, from 0")
    return int(given)

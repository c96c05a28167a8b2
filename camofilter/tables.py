"""Rows of csv files, as they come from data sets and task organisers."""

from __future__ import annotations

import csv
from pathlib import Path

from camofilter.errors import UsageError

# What the column with a photo's file is called.
PHOTO_COLUMNS = ("image_name", "image name", "file", "filename", "image", "photo", "path", "name")


def rows(path: Path) -> list[list[str]]:
    """Cells of a file's lines without spaces around them; a byte order mark and empty lines are left out.

    Raises:
        UsageError: no such file, no csv in UTF-8, or a line break within quotes, as after one that is not closed.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = [[cell.strip() for cell in row] for row in csv.reader(file, skipinitialspace=True)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None)
        raise UsageError(f"{path}: cannot be read as csv: {why or error}") from None
    found = [row for row in found if any(row)]
    for number, row in enumerate(found, 1):
        if any(len(cell.splitlines()) > 1 for cell in row):
            raise UsageError(f"{path}: row {number} has a line break within quotes: check that each quote is closed")
    return found


def column(heading: list[str], names: tuple[str, ...]) -> int | None:
    """Place of the first of these names in a heading, whatever its capitals; None if it has none of them."""
    lower = [cell.lower() for cell in heading]
    return next((lower.index(name) for name in names if name in lower), None)

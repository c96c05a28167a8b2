"""Photos with opinion scores, from the csv files that data sets come with."""

from __future__ import annotations

import math
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from camofilter import tables
from camofilter.errors import UsageError
from camofilter.tables import PHOTO_COLUMNS

Split = Literal["train", "validation", "test"]

_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}
_SCORES = ("mos", "score", "opinion", "rating")
_SPLIT_COLUMNS = ("set", "split")


@dataclass(frozen=True)
class Rated:
    """A photo and what people thought of it.

    Attributes:
        photo: its file.
        score: 0 (worst) to 100 (best).
        split: what it is for.
    """

    photo: Path
    score: float
    split: Split


def read(path: Path, folder: Path | None = None, split: Split | None = None) -> list[Rated]:
    """The rated photos of a csv file: KonIQ-10k's (``image_name, …, MOS, SD, set``), BIQ2021's (``Image Name, MOS``,
    scores from 0 to 1), or any with a column for the file and one for the score.

    Scores of 1 and less throughout are taken to go from 0 to 1, others from 0 to 100. Without a column for the split,
    of ten photos eight are for training and one each for validation and test; which, depends on the name alone.

    Args:
        path: the csv file, with a heading.
        folder: where the photos are; None for the csv file's own.
        split: what all photos are for, whatever the file says; None to follow the file.

    Raises:
        UsageError: no such file, no such columns, a score that is no number or off the scale, or a missing photo.
    """
    rows = tables.rows(path)
    heading = rows[0] if rows else []
    name, score, part = (tables.column(heading, names) for names in (PHOTO_COLUMNS, _SCORES, _SPLIT_COLUMNS))
    if name is None or score is None:
        raise UsageError(f"{path}: expected a heading with 'image' and 'score' (or KonIQ-10k's or BIQ2021's own)")
    body = [row for row in rows[1:] if len(row) > max(name, score) and row[name]]
    if not body:
        raise UsageError(f"{path}: has no rated photos below its heading")
    scores = [_number(path, row[name], row[score]) for row in body]
    stretch = 100.0 if max(scores) <= 1 else 1.0
    if min(scores) < 0 or max(scores) > 100:
        raise UsageError(f"{path}: scores from {min(scores):g} to {max(scores):g}; expected 0 to 1, or 0 to 100")
    where = folder or path.parent
    photos = {_key(file.relative_to(where).as_posix()): file for file in where.rglob("*") if file.is_file()}
    rated = []
    for row, value in zip(body, scores, strict=True):
        if (photo := photos.get(_key(row[name]))) is None:
            raise UsageError(f"{path}: {row[name]} is not in {where}: give the folder of the photos with --photos")
        part_of = split or (_drawn(row[name]) if part is None else _split(path, row[part]))
        rated.append(Rated(photo, value * stretch, part_of))
    return rated


def _number(path: Path, name: str, given: str) -> float:
    with suppress(ValueError):
        if math.isfinite(number := float(given)):
            return number
    raise UsageError(f"{path}: the score of {name} is '{given}': expected a number")


def _key(name: str) -> str:
    """The same for names that differ as copies of BIQ2021's do: capitals, and underscores for blanks."""
    return Path(name.lower().replace(" ", "_")).as_posix()


def _split(path: Path, given: str) -> Split:
    if (found := _SPLITS.get(given.lower())) is None:
        raise UsageError(f"{path}: the split '{given}' is none of {', '.join(sorted(_SPLITS))}")
    return found


def _drawn(name: str) -> Split:
    place = zlib.crc32(name.encode()) % 10
    return "test" if place == 0 else "validation" if place == 1 else "train"

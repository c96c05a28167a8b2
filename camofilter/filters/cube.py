"""Tables of colours as programs exchange them: ``.cube`` files read and written; Hald images read.

The format is Adobe's Cube LUT Specification 1.0 (2013), with what DaVinci Resolve writes beyond it:
``LUT_1D_INPUT_RANGE``, ``LUT_3D_INPUT_RANGE``, curves before a table in one file, and tables made for video range
(``LUT_IN_VIDEO_RANGE``, ``LUT_OUT_VIDEO_RANGE``; "Cube LUT Format Specification", Blackmagic Design).
"""

from __future__ import annotations

import os
import re
import reprlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from camofilter.errors import PhotoError, UsageError, unknown_name
from camofilter.filters.bake import SIZES as TABLE_SIZES

Domain: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]

CURVE_SIZES = (2, 65536)
UNIT: Domain = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_LARGEST = 65504.0  # of half-precision numbers, in which many programs hold tables
_NARROWEST = 1e-6

_MOST_BYTES = 200_000_000  # 129³ rows with every digit of double precision are 160 million
_MOST_HEADER = 1 << 20
_LONGEST_LINE = 1 << 16
_BLOCK = 1 << 20

# What may stand before the rows, and how many numbers follow it.
_KEYWORDS = {
    "TITLE": 0,
    "LUT_1D_SIZE": 1,
    "LUT_3D_SIZE": 1,
    "DOMAIN_MIN": 3,
    "DOMAIN_MAX": 3,
    "LUT_1D_INPUT_RANGE": 2,
    "LUT_3D_INPUT_RANGE": 2,
    "LUT_IN_VIDEO_RANGE": 0,
    "LUT_OUT_VIDEO_RANGE": 0,
}
# Black and white of video range, in ten bits (Rec. ITU-R BT.2100-2, table 9).
_VIDEO_BLACK, _VIDEO_WHITE = 64 / 1023, 940 / 1023
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_ROW_START = re.compile(rb"[+-]?(\d|\.\d|nan\b|inf)", re.IGNORECASE)


class CubeError(UsageError):
    """A table of colours that is not one, or cannot be written."""


@dataclass(frozen=True, eq=False)
class Cube:
    """A map from colours to colours: a curve for each channel, a table of three dimensions, or one after the other.

    Two are equal if they map alike, whatever their titles and files. Values may lie outside [0, 1].

    Attributes:
        table: n×n×n×3 float32, ``table[red, green, blue]``, n from 2 to 129; None for curves alone.
        curves: N×3 float32, N from 2 to 65536, applied before the table; None for a table alone.
        table_domain: the values at the table's first and last points, (red, green, blue) each.
        curves_domain: the same of the curves.
        title: as the file says, if it does.
        path: of the file it came from, absolute; None if it came from none.

    Raises:
        CubeError: neither table nor curves, or one of them is not as said.
    """

    table: np.ndarray | None = None
    curves: np.ndarray | None = None
    table_domain: Domain = UNIT
    curves_domain: Domain = UNIT
    title: str | None = None
    path: Path | None = field(default=None)

    def __post_init__(self) -> None:
        if self.table is None and self.curves is None:
            raise CubeError("neither a table nor curves were given: expected at least one of them")
        for name, dimensions, (fewest, most) in (("table", 3, TABLE_SIZES), ("curves", 1, CURVE_SIZES)):
            if (given := getattr(self, name)) is None:
                continue
            values = np.array(given, np.float32, order="C")  # a copy, so that nobody else can change it
            side = values.shape[0] if values.ndim else 0
            if values.shape != (side,) * dimensions + (3,) or not fewest <= side <= most:
                expected = " × ".join(["n"] * dimensions)
                raise CubeError(f"the {name} has shape {values.shape}: expected {expected} × 3, n {fewest} to {most}")
            if not (np.abs(values) <= _LARGEST).all():
                raise CubeError(f"the {name} has values that are not numbers from {-_LARGEST:g} to {_LARGEST:g}")
            _check_domain(f"the domain of the {name}", getattr(self, f"{name}_domain"))
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @property
    def name(self) -> str:
        """What to call it: the stem of its file, else its title."""
        return " ".join((self.path.stem if self.path else self.title or "").split()) or "unnamed"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cube):
            return NotImplemented
        return (
            self._domains() == other._domains()
            and _equal(self.table, other.table)
            and _equal(self.curves, other.curves)
        )

    def __hash__(self) -> int:
        # A few values tell tables apart well enough; equality looks at all.
        held = [values for values in (self.table, self.curves) if values is not None]
        return hash((self._domains(), *(tuple(v.ravel()[:: max(1, v.size // 64)].tolist()) for v in held)))

    def _domains(self) -> tuple[Domain | None, Domain | None]:
        """The domains of what there is."""
        return (
            None if self.table is None else self.table_domain,
            None if self.curves is None else self.curves_domain,
        )


def _equal(some: np.ndarray | None, other: np.ndarray | None) -> bool:
    return some is other or (some is not None and other is not None and np.array_equal(some, other))


def _check_domain(what: str, domain: Domain) -> None:
    for low, high in zip(*domain, strict=True):
        if not (low >= -_LARGEST and low + _NARROWEST <= high <= _LARGEST):
            low_text, high_text = (_in_words(ends) for ends in domain)
            raise CubeError(f"{what} is from {low_text} to {high_text}: expected the first below the second")


def read_lut(path: str | os.PathLike[str]) -> Cube:
    """The table of colours in a file, told from its content: a Hald image if it is PNG or TIFF, else ``.cube``.

    Raises:
        CubeError: as :func:`read_cube` and :func:`~camofilter.filters.hald.read_hald` do.
    """
    if _read_head(path).startswith((b"\x89PNG", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        from camofilter.filters.hald import read_hald

        return read_hald(path)
    return read_cube(path)


def read_cube(path: str | os.PathLike[str]) -> Cube:
    """The table of colours in a ``.cube`` file.

    More is read than the specification has: keywords in small letters, line ends of any system, a byte order mark,
    comments after numbers, titles in Latin-1 or without quotes. A table for video range comes out as the one for
    full range that does the same to a photo.

    Raises:
        CubeError: the file cannot be read or is not such a table; the message names file and line.
    """
    if not _read_head(path):
        raise CubeError(f"{shown(path)}: is empty: expected a .cube file")
    try:
        return replace(_parsed(Path(path).read_bytes()), path=absolute(path))
    except CubeError as error:
        raise CubeError(f"{shown(path)}: {error}") from None
    except OSError as error:
        raise CubeError(f"{shown(path)}: cannot read the table: {error.strerror}") from None


def shown(path: str | os.PathLike[str]) -> str:
    """A file's name for messages of one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the root; links stay, as who made them wants the name."""
    return Path(os.path.abspath(path))


def _read_head(path: str | os.PathLike[str]) -> bytes:
    """The first bytes of an ordinary file; one that is too large, or would never end, is refused unread."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not an ordinary file"
            raise CubeError(f"{shown(path)}: is {kind}: expected a .cube file")
        if found.st_size > _MOST_BYTES:
            raise CubeError(
                f"{shown(path)}: has {found.st_size:,} bytes: expected a .cube file of at most {_MOST_BYTES:,}"
            )
        with open(path, "rb") as file:
            return file.read(8)
    except OSError as error:
        raise CubeError(f"{shown(path)}: cannot read the table: {error.strerror}") from None
    except ValueError:  # a null character
        raise CubeError(f"{shown(path)}: not a file name: expected that of a .cube file") from None


def _parsed(data: bytes) -> Cube:
    if b"\0" in data:
        raise CubeError("is not plain text: expected a .cube file, or a Hald image as PNG or TIFF")
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    header = _Header()
    at = end = 0
    for number, line, end in _lines(text[:_MOST_HEADER]):
        if _ROW_START.match(line.lstrip()):
            break
        header.take(number, line)
        at = end
    else:
        if end < len(text):
            raise CubeError(f"has no row of numbers in its first {_MOST_HEADER:,} bytes: expected a .cube file")
        number = text.count(b"\n") + 1
    curve_size, table_size = header.sizes(number)
    rows = _rows(text, at, number)
    expected = curve_size + table_size**3
    if len(rows) != expected:
        raise CubeError(f"{header.size_in_words()} means {expected:,} rows of numbers, but {len(rows):,} follow")
    table_domain, curves_domain = header.domains()
    if header.gives_video_range:
        last = rows[curve_size if table_size else 0 :]
        last[:] = _from_video(last)
    # Red changes fastest in the file, so that it comes last in the array.
    table = rows[curve_size:].reshape(table_size, table_size, table_size, 3).transpose(2, 1, 0, 3)
    return Cube(
        table if table_size else None,
        rows[:curve_size] if curve_size else None,
        table_domain,
        curves_domain,
        header.title,
    )


def _lines(text: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Number, content and end of each line."""
    at, number = 0, 1
    while at < len(text):
        end = text.find(b"\n", at) + 1 or len(text)
        if end - at > _LONGEST_LINE:
            raise CubeError(f"line {number}: is longer than {_LONGEST_LINE:,} characters: expected a .cube file")
        yield number, text[at:end], end
        at, number = end, number + 1


class _Header:
    """What stands before the rows: keywords, each with its numbers and its line."""

    def __init__(self) -> None:
        self.title: str | None = None
        self._found: dict[str, tuple[tuple[float, ...], int]] = {}

    def take(self, number: int, line: bytes) -> None:
        """Takes a line that is no row.

        Raises:
            CubeError: no such keyword, one that was there already, or not with the right numbers.
        """
        text = _decoded(line).strip()
        if not text or text.startswith("#"):
            return
        word, _, rest = text.expandtabs(1).partition(" ")
        keyword = word.upper()
        if keyword not in _KEYWORDS:
            raise CubeError(f"line {number}: {unknown_name('keyword', keyword, _KEYWORDS)}")
        if keyword in self._found:
            raise CubeError(f"line {number}: a second {keyword}, after that of line {self._found[keyword][1]}")
        words = rest.partition("#")[0].split()
        if keyword == "TITLE":
            self.title = _title(rest)
            words = []
        if len(words) != _KEYWORDS[keyword] or not all(_NUMBER.fullmatch(w) for w in words):
            expected = ("nothing behind it", "a number", "2 numbers", "3 numbers")[_KEYWORDS[keyword]]
            raise CubeError(f"line {number}: {keyword} is {reprlib.repr(rest.strip())}: expected {expected}")
        self._found[keyword] = tuple(map(float, words)), number  # infinite ones are out of every range

    def sizes(self, end: int) -> tuple[int, int]:
        """Points of the curves and points of the table a side; 0 for what there is not.

        Args:
            end: the line where the header ends.

        Raises:
            CubeError: neither is given, or one is too small or too large.
        """
        found = [self._size("LUT_1D_SIZE", CURVE_SIZES), self._size("LUT_3D_SIZE", TABLE_SIZES)]
        if not any(found):
            raise CubeError(f"line {end}: neither LUT_1D_SIZE nor LUT_3D_SIZE so far: expected a .cube file")
        return found[0], found[1]

    def _size(self, keyword: str, sizes: tuple[int, int]) -> int:
        if keyword not in self._found:
            return 0
        (size,), number = self._found[keyword]
        if not sizes[0] <= size <= sizes[1] or size % 1:
            raise CubeError(
                f"line {number}: {keyword} is {size:.10g}: expected a whole number from {sizes[0]} to {sizes[1]}"
            )
        return int(size)

    def size_in_words(self) -> str:
        """Like ``line 2: LUT_3D_SIZE 17``."""
        given = [(k, *self._found[k]) for k in ("LUT_1D_SIZE", "LUT_3D_SIZE") if k in self._found]
        return f"line {given[-1][2]}: {' with '.join(f'{keyword} {numbers[0]:.0f}' for keyword, numbers, _ in given)}"

    def domains(self) -> tuple[Domain, Domain]:
        """Those of the table and of the curves. What DOMAIN_MIN and DOMAIN_MAX say is of what comes first.

        Where that is made for video range, they come out as the full-range values that mean the same.

        Raises:
            CubeError: a minimum is not below its maximum, or two keywords contradict each other.
        """
        common, common_line = UNIT, 0
        for i, keyword in enumerate(("DOMAIN_MIN", "DOMAIN_MAX")):
            if keyword in self._found:
                numbers, line = self._found[keyword]
                r, g, b = numbers
                common = ((r, g, b), common[1]) if i == 0 else (common[0], (r, g, b))
                common_line = max(common_line, line)
        if common_line:
            _check_domain(f"line {common_line}: DOMAIN_MIN to DOMAIN_MAX", common)
        has_curves = "LUT_1D_SIZE" in self._found
        table = self._domain("LUT_3D_INPUT_RANGE", None if has_curves or not common_line else common)
        curves = self._domain("LUT_1D_INPUT_RANGE", common if has_curves and common_line else None)
        if "LUT_IN_VIDEO_RANGE" not in self._found:
            return table, curves
        return (table, _full_range(curves)) if has_curves else (_full_range(table), curves)

    @property
    def gives_video_range(self) -> bool:
        """Whether the rows of what comes last hold colours in video range."""
        return "LUT_OUT_VIDEO_RANGE" in self._found

    def _domain(self, keyword: str, common: Domain | None) -> Domain:
        if keyword not in self._found:
            return common or UNIT
        (low, high), number = self._found[keyword]
        domain = (low, low, low), (high, high, high)
        _check_domain(f"line {number}: {keyword}", domain)
        if common not in (None, domain):
            raise CubeError(f"line {number}: {keyword} contradicts DOMAIN_MIN and DOMAIN_MAX: keep one of them")
        return domain


def _full_range(domain: Domain) -> Domain:
    """The full-range values that the ends of a domain in video range stand for."""
    low, high = (tuple(_from_video(value) for value in ends) for ends in domain)
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _from_video(value: Any) -> Any:
    """Video-range values, a number or an array of them, as those of full range that mean the same tone."""
    return (value - _VIDEO_BLACK) / (_VIDEO_WHITE - _VIDEO_BLACK)


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _title(text: str) -> str:
    quoted = re.match(r'\s*"(.*)"', text)
    return quoted[1] if quoted else text.strip().strip('"')


def _is_number(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None and abs(float(word)) <= _LARGEST


def _rows(text: bytes, at: int, number: int) -> np.ndarray:
    """N×3 float32: the rows from a place on, which is in line ``number``."""
    rows = [np.empty((0, 3), np.float32)]
    while at < len(text):
        end = text.find(b"\n", at + _BLOCK, at + _BLOCK + _LONGEST_LINE) + 1
        if not end and len(text) - at > _BLOCK + _LONGEST_LINE:
            number += text.count(b"\n", at, at + _BLOCK)
            raise CubeError(f"line {number}: is longer than {_LONGEST_LINE:,} characters: expected 3 numbers")
        end = end or len(text)
        block = text[at:end]
        found = _rows_at_once(block)
        rows.append(np.array(list(_rows_one_by_one(block, number)), np.float32) if found is None else found)
        number += block.count(b"\n")
        at = end
    return np.concatenate([found.reshape(-1, 3) for found in rows])


def _rows_at_once(block: bytes) -> np.ndarray | None:
    """N×3 float32: the rows of whole lines, by numpy; None where anything is wrong with any of them."""
    if b"#" in block:
        block = re.sub(rb"#[^\n]*", b"", block)
    letters = np.frombuffer(b"\n" + block + b"\n", np.uint8)
    is_gap = letters <= ord(" ")
    starts = np.flatnonzero(is_gap[:-1] & ~is_gap[1:])
    a_line = np.diff(np.searchsorted(starts, np.flatnonzero(letters == ord("\n"))))
    if not ((a_line == 3) | (a_line == 0)).all():
        return None
    if not len(starts):
        return np.empty((0, 3), np.float32)
    try:
        values = np.fromstring(block, sep=" ")
    except ValueError:  # numpy before 2.3 gives the numbers before what is none
        return None
    if len(values) != len(starts) or not (np.abs(values) <= _LARGEST).all():
        return None
    return values.astype(np.float32).reshape(-1, 3)


def _rows_one_by_one(block: bytes, number: int) -> Iterator[list[float]]:
    """The rows of the lines from line ``number`` on.

    Raises:
        CubeError: a line is not a row of three numbers; the message says which and why.
    """
    for i, line in enumerate(block.split(b"\n"), number):
        words = _decoded(line.partition(b"#")[0]).split()
        if not words:
            continue
        if words[0].upper() in _KEYWORDS:
            raise CubeError(f"line {i}: {words[0].upper()} after the first row: expected all keywords before it")
        wrong = [word for word in words if not _is_number(word)]
        if wrong:
            raise CubeError(
                f"line {i}: {reprlib.repr(wrong[0])} is not a number from {-_LARGEST:g} to {_LARGEST:g}:"
                " expected 3 of them, red green blue"
            )
        if len(words) != 3:
            numbers = "1 number" if len(words) == 1 else f"{len(words)} numbers"
            raise CubeError(f"line {i}: has {numbers}: expected 3, red green blue")
        yield [float(word) for word in words]


def write_cube(cube: Cube, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Writes a ``.cube`` file, whole or not at all; :func:`read_cube` reads back an equal one.

    Curves alone and tables alone are as Adobe's specification has them, both together as DaVinci Resolve does.

    Args:
        cube: to write.
        path: of the new file, in an existing folder.
        force: replace an existing file.

    Raises:
        CubeError: the file exists, cannot be written, or the format cannot hold the cube: a table after curves
            whose domain is not the same for all channels.
    """
    from camofilter.photo.writing import write_atomically

    try:
        write_atomically(Path(path), _encoded(cube), force)
    except (CubeError, PhotoError) as error:
        raise CubeError(f"{shown(path)}: {error}") from None
    except OSError as error:
        raise CubeError(f"{shown(path)}: cannot write the table: {error.strerror}") from None


def _encoded(cube: Cube) -> bytes:
    title = "".join(c for c in cube.title or "" if c.isprintable() and c != '"')
    lines = [f'TITLE "{title}"'] if title else []
    if cube.curves is not None:
        lines.append(f"LUT_1D_SIZE {len(cube.curves)}")
    if cube.table is not None:
        lines.append(f"LUT_3D_SIZE {len(cube.table)}")
    domain = cube.table_domain if cube.curves is None else cube.curves_domain
    if domain != UNIT:
        lines += [f"DOMAIN_MIN {_in_words(domain[0])}", f"DOMAIN_MAX {_in_words(domain[1])}"]
    if cube.curves is not None and cube.table is not None and cube.table_domain != UNIT:
        lows, highs = cube.table_domain
        if len({*lows}) > 1 or len({*highs}) > 1:
            raise CubeError("the domain of the table after the curves differs by channel: .cube cannot say so")
        lines.append(f"LUT_3D_INPUT_RANGE {_in_words((lows[0], highs[0]))}")
    parts = ["\n".join(lines).encode("utf-8", "replace") + b"\n"]
    if cube.curves is not None:
        parts.append(_encoded_rows(cube.curves))
    if cube.table is not None:
        parts += map(_encoded_rows, cube.table.transpose(2, 1, 0, 3))
    return b"".join(parts)


def _encoded_rows(values: np.ndarray) -> bytes:
    """Rows with as many digits as float32 needs to come back the same."""
    numbers = tuple(values.ravel().tolist())
    return ("%.9g %.9g %.9g\n" * (len(numbers) // 3) % numbers).encode()


def _in_words(numbers: tuple[float, ...]) -> str:
    return " ".join(str(float(number)) for number in numbers)

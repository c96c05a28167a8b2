"""EXIF of a photo: reading it, choosing what a written photo may carry, and writing that.

EXIF is read and written here rather than with ``PIL.Image.Exif``: values are copied byte for byte with their
type, one damaged entry costs that entry alone, and nothing warns on standard error.
"""

from __future__ import annotations

import struct
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from camofilter.photo import xmp

Metadata = Literal["safe", "creator", "all", "none"]
METADATA: tuple[str, ...] = get_args(Metadata)

Value = tuple[int, int, bytes]  # TIFF type, count and the bytes in the byte order of the block
Directory = dict[int, Value]
ByteOrder = Literal["<", ">"]  # as struct and numpy name them

ASCII, SHORT, LONG, RATIONAL, LONG8, IFD8 = 2, 3, 4, 5, 16, 18
ORIENTATION = 274
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296

_TYPE_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    LONG8: 8,
    IFD8: 8,
    129: 1,
}
_WHOLE = frozenset({1, SHORT, LONG, 6, 8, 9, 13})  # types of whole numbers


class _Layout(NamedTuple):
    """How wide the fields of a directory are, as struct names them."""

    header: int  # where the pointer to the first directory stands
    entries: str
    number: str  # counts of values and offsets
    field: int  # bytes of an entry
    inline: int  # bytes of a value that stands in the entry itself


_CLASSIC = _Layout(4, "H", "I", 12, 4)
_BIG = _Layout(8, "Q", "Q", 20, 8)
_BYTE_ORDERS: dict[bytes, tuple[ByteOrder, _Layout]] = {
    b"II*\0": ("<", _CLASSIC),
    b"MM\0*": (">", _CLASSIC),
    b"II+\0": ("<", _BIG),
    b"MM\0+": (">", _BIG),
}
_EXIF_POINTER, _GPS_POINTER, _INTEROP_POINTER = 34665, 34853, 40965
_COLOUR_SPACE, _PIXEL_WIDTH, _PIXEL_HEIGHT = 40961, 40962, 40963
MAKER_NOTE = 37500

_MAX_ENTRIES = 512  # directories of real photos hold fewer than 100

# What describes the original file's storage, or belongs to a block that is not carried over.
_STORAGE = frozenset(
    {
        *range(254, 267),  # sizes, bits, compression
        *(273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297),  # strips and pages
        *(282, 283, 296),  # resolution: carried by Photo.dpi
        *(301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 336, 338, 339, 340, 341, 347),
        *range(512, 522),  # JPEG thumbnail and tables
        *(
            529,
            530,
            531,
            532,
            700,
            33723,
            34377,
            34675,
            37724,
            50255,
            50740,
        ),  # YCbCr; XMP, IPTC, Photoshop, ICC
        *(_EXIF_POINTER, _GPS_POINTER, _INTEROP_POINTER),
    }
)


@dataclass(frozen=True)
class Exif:
    """The directories of one EXIF block; the thumbnail's directory (IFD1) is never read."""

    order: ByteOrder = "<"
    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)

    @classmethod
    def parse(cls, block: bytes | None, photo: int = 0) -> Exif:
        """Read an EXIF block, or a whole TIFF or BigTIFF file, leaving out what is damaged; never raises.

        Args:
            block: the bytes, with or without the ``Exif`` prefix of JPEG.
            photo: offset of the directory of the photo itself, where that is not the first: its tags go before.
        """
        block = block or b""
        while block.startswith(b"Exif\0\0"):
            block = block[6:]
        if block[:4] not in _BYTE_ORDERS:
            return cls()
        order, layout = _BYTE_ORDERS[block[:4]]
        if len(block) < layout.header + layout.inline:
            return cls()
        first = struct.unpack_from(order + layout.number, block, layout.header)[0]
        main = _read_directory(block, order, first, layout) | _read_directory(block, order, photo, layout)
        below = [
            _read_directory(block, order, _integer(main, tag, order), layout) for tag in (_EXIF_POINTER, _GPS_POINTER)
        ]
        return cls(order, main, *below)

    def orientation(self, packet: bytes | None = None) -> int:
        """The orientation, 1 to 8: that of EXIF, else that of XMP, else 1 (upright)."""
        number = _integer(self.main, ORIENTATION, self.order) or xmp.orientation(packet)
        return number if 1 <= number <= 8 else 1

    def dpi(self) -> tuple[float, float] | None:
        """Pixels per inch, horizontal and vertical; None where they are not told."""
        per_inch = {0: 1.0, 2: 1.0, 3: 2.54}.get(_integer(self.main, _RESOLUTION_UNIT, self.order))  # 0: not told
        if not per_inch:
            return None
        return self._ratio(_X_RESOLUTION) * per_inch, self._ratio(_Y_RESOLUTION) * per_inch

    def listed(self, tags: Set[int], longest: int) -> Exif:
        """The tags on a list, but for values of more bytes than ``longest``; with orientation 1."""
        main, exif = (_allowed(directory, tags, longest) for directory in (self.main, self.exif))
        return Exif(self.order, main | self._upright(), exif)

    def everything(self, width: int, height: int) -> Exif:
        """All, GPS included, but storage details, the maker note and any value that holds a picture.

        Those would carry the unfiltered photo along.

        Args:
            width: of the written photo.
            height: of the written photo.

        Returns:
            A new block, with orientation 1.
        """
        sizes = {
            _COLOUR_SPACE: self._number(SHORT, 1),  # sRGB
            _PIXEL_WIDTH: self._number(LONG, width),
            _PIXEL_HEIGHT: self._number(LONG, height),
        }
        elsewhere = {MAKER_NOTE, *sizes}  # some programs put them into the first directory
        main = {t: v for t, v in self.main.items() if t not in _STORAGE and t not in elsewhere and _is_plain(v)}
        exif = {
            tag: value
            for tag, value in self.exif.items()
            if tag not in (MAKER_NOTE, _INTEROP_POINTER) and _is_plain(value)
        }
        gps = {tag: value for tag, value in self.gps.items() if _is_plain(value)}
        return Exif(self.order, main | self._upright(), exif | sizes, gps)

    def without_orientation(self) -> Exif:
        """The block without the tag, for formats that have another place for it."""
        return Exif(self.order, {t: v for t, v in self.main.items() if t != ORIENTATION}, self.exif, self.gps)

    def within(self, longest: int) -> tuple[Exif, list[str]]:
        """The block in at most so many bytes when packed, without its longest values, and the names of those."""
        from PIL.ExifTags import TAGS

        directories = {"main": dict(self.main), "exif": dict(self.exif), "gps": dict(self.gps)}
        names = []
        while len(bytes(smaller := Exif(self.order, **directories))) > longest:
            _, directory, tag = max((len(d[tag][2]), name, tag) for name, d in directories.items() for tag in d)
            del directories[directory][tag]
            names.append(str(TAGS.get(tag, f"EXIF tag {tag}")))
        return smaller, names

    def pack(self, offset: int) -> bytes:
        """The main directory and those below it, as bytes to stand at ``offset`` of their file."""
        below = {
            tag: directory for tag, directory in ((_EXIF_POINTER, self.exif), (_GPS_POINTER, self.gps)) if directory
        }
        main = self.main | dict.fromkeys(below, self._number(LONG, 0))
        end = offset + len(_pack_directory(main, self.order, offset))
        packed = b""
        for tag, directory in below.items():
            main[tag] = self._number(LONG, end + len(packed))
            packed += _pack_directory(directory, self.order, end + len(packed))
        return _pack_directory(main, self.order, offset) + packed

    def header(self, offset: int) -> bytes:
        """The eight bytes a TIFF file or EXIF block starts with, pointing to the main directory."""
        return struct.pack(self.order + "2sHI", b"II" if self.order == "<" else b"MM", 42, offset)

    def __bytes__(self) -> bytes:
        """The block without the ``Exif`` prefix of JPEG; empty where there is nothing in it."""
        return self.header(8) + self.pack(8) if self.main or self.exif or self.gps else b""

    def _upright(self) -> Directory:
        return {ORIENTATION: self._number(SHORT, 1)}

    def _ratio(self, tag: int) -> float:
        kind, _, value = self.main.get(tag, (0, 0, b""))
        numerator, denominator = struct.unpack_from(self.order + "II", value) if kind == RATIONAL else (0, 0)
        return numerator / denominator if denominator else 0.0

    def _number(self, kind: int, number: int) -> Value:
        return kind, 1, struct.pack(self.order + ("H" if kind == SHORT else "I"), number)


def _read_directory(block: bytes, order: ByteOrder, offset: int, layout: _Layout) -> Directory:
    entries: Directory = {}
    room = len(block)  # values do not overlap, but in a crafted file that is to fill memory
    with suppress(struct.error, OverflowError):  # of a directory that is cut off, the entries before the cut are kept
        count = struct.unpack_from(order + layout.entries, block, offset)[0] if offset else 0
        begin = offset + struct.calcsize(order + layout.entries)
        for at in range(begin, begin + layout.field * min(count, _MAX_ENTRIES), layout.field):
            tag, kind, number = struct.unpack_from(order + "HH" + layout.number, block, at)
            size = _TYPE_SIZES.get(kind, 0) * number
            start = at + layout.field - layout.inline
            if size > layout.inline:
                start = struct.unpack_from(order + layout.number, block, start)[0]
            if 0 < size <= min(room, len(block) - start):
                entries[tag] = _narrow(order, kind, number, block[start : start + size])
                room -= size
    return entries


def _narrow(order: ByteOrder, kind: int, number: int, value: bytes) -> Value:
    """The value as EXIF blocks can hold it: they know no numbers of eight bytes."""
    if kind not in (LONG8, IFD8):
        return kind, number, value
    numbers = (min(wide, 0xFFFFFFFF) for wide in struct.unpack(f"{order}{number}Q", value))
    return LONG, number, struct.pack(f"{order}{number}I", *numbers)


def _pack_directory(entries: Directory, order: str, offset: int) -> bytes:
    fields, values = bytearray(), bytearray()
    values_at = offset + 2 + 12 * len(entries) + 4
    for tag, (kind, count, value) in sorted(entries.items()):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack(order + "I", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        fields += struct.pack(order + "HHI", tag, kind, count) + place
    return struct.pack(order + "H", len(entries)) + bytes(fields) + bytes(4) + bytes(values)


def _integer(entries: Directory, tag: int, order: ByteOrder) -> int:
    """The first value of a tag of whole numbers, or of digits as text; 0 where there is none."""
    kind, _, value = entries.get(tag, (0, 0, b""))
    if kind == ASCII:
        digits = value.split(b"\0")[0].strip()
        return int(digits) if len(digits) < 10 and digits.isdigit() else 0
    first = value[: _TYPE_SIZES[kind]] if kind in _WHOLE else b""
    return int.from_bytes(first, "little" if order == "<" else "big")


def _is_plain(value: Value) -> bool:
    return b"\xff\xd8\xff" not in value[2]  # the start of a JPEG


def _allowed(entries: Directory, tags: Set[int], longest: int) -> Directory:
    return {tag: v for tag, v in entries.items() if tag in tags and len(v[2]) <= longest and _is_plain(v)}

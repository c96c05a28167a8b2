"""The boxes of HEIC and AVIF (ISO/IEC 14496-12, 23008-12): what they say of the photo, and where its parts lie."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Box(NamedTuple):
    """A part of an ISO base media file."""

    kind: bytes
    content: bytes


def properties(data: bytes, kind: bytes, *, inherited: bool = True) -> list[bytes]:
    """What the properties of a kind hold (ISO/IEC 23008-12).

    Args:
        data: the whole file.
        kind: four letters.
        inherited: whether those of the pictures that the photo is made of stand in where it has none of its own.
    """
    meta = _meta(data)
    with suppress(struct.error, IndexError):
        photo = _photo(meta)
        parts = [to for name, start, to in _references(meta.get(b"iref", b"")) if name == b"dimg" and start == photo]
        for item in (photo, *(parts if inherited else ())):
            if found := [box.content for box in _own(meta, item) if box.kind == kind]:
                return found
    return []


def has_photo(data: bytes) -> bool:
    """Whether there is anything but a track of pictures, each shown for a time."""
    found = dict(boxes(data))
    return b"moov" not in found or b"pitm" in _meta(data)


def codec(data: bytes) -> str:
    """Four letters for how the photo is coded, or the first picture that it is made of; none where that is not told."""
    meta = _meta(data)
    with suppress(struct.error, IndexError):
        kinds = dict(_kinds(meta.get(b"iinf", b"")))
        made_of = {
            item: part for kind, item, part in reversed(list(_references(meta.get(b"iref", b"")))) if kind == b"dimg"
        }
        item = _photo(meta)
        for _ in made_of:
            item = made_of.get(item, item)
        return kinds.get(item, b"").decode("latin-1")
    return ""


def is_cut(data: bytes) -> bool:
    """Whether a part of the photo, of a picture it is made of or of its alpha lies behind the end of the file."""
    meta = _meta(data)
    with suppress(struct.error, IndexError):
        references = list(_references(meta.get(b"iref", b"")))
        needed = [_photo(meta)]
        for item in needed:
            needed += [to for kind, start, to in references if kind == b"dimg" and start == item and to not in needed]
            needed += [
                start
                for kind, start, to in references
                if kind == b"auxl" and to == item and start not in needed and _is_alpha(meta, start)
            ]
        return any(end > len(data) for item, end in _ends(meta.get(b"iloc", b"")) if item in needed)
    return False


def _meta(data: bytes) -> dict[bytes, bytes]:
    return dict(boxes(dict(boxes(data)).get(b"meta", b"")[4:]))


def _photo(meta: dict[bytes, bytes]) -> int:
    """The number of the picture that is to be shown (pitm)."""
    primary = meta.get(b"pitm", b"")
    return int.from_bytes(primary[4:8] if primary[0] else primary[4:6], "big")


def _all(meta: dict[bytes, bytes]) -> list[Box]:
    """The properties of all pictures (ipco)."""
    return list(boxes(dict(boxes(meta.get(b"iprp", b""))).get(b"ipco", b"")))


def _own(meta: dict[bytes, bytes], item: int) -> list[Box]:
    table = dict(boxes(meta.get(b"iprp", b""))).get(b"ipma", b"")
    everything = _all(meta)
    return [everything[index - 1] for index in _associated(table, item) if index]


def _is_alpha(meta: dict[bytes, bytes], item: int) -> bool:
    kinds = (b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    return any(box.kind == b"auxC" and box.content[4:].startswith(kinds) for box in _own(meta, item))


def _kinds(table: bytes) -> Iterator[tuple[int, bytes]]:
    """Each item's number and what it is, from the table of all (iinf)."""
    for _, content in boxes(table[6 if table[0] == 0 else 8 :]):
        number, kind = struct.unpack_from(">H2x4s" if content[0] < 3 else ">I2x4s", content, 4)
        yield number, kind


def _references(table: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind, the beginning and the end of each reference from picture to picture (iref)."""
    number = "I" if table[:1] == b"\1" else "H"
    for kind, content in boxes(table[4:]):
        start, count = struct.unpack_from(f">{number}H", content)
        for to in struct.unpack_from(f">{count}{number}", content, struct.calcsize(f">{number}H")):
            yield kind, start, to


def _ends(table: bytes) -> Iterator[tuple[int, int]]:
    """Each item's number and where a part of it ends in the file, from a table of their places (iloc)."""
    file = io.BytesIO(table)

    def number(size: int) -> int:
        content = file.read(size)
        if len(content) < size:
            raise IndexError
        return int.from_bytes(content, "big")

    version = number(4) >> 24
    sizes = number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        is_in_file = version == 0 or number(2) & 15 == 0  # else in a box of its own, or in another item
        is_in_file = number(2) == 0 and is_in_file
        start = number(base)
        for _ in range(number(2)):
            number(index if version else 0)
            end = start + number(offset) + number(length)
            if is_in_file:
                yield item, end


def _associated(table: bytes, item: int) -> list[int]:
    """The numbers, from 1, of the properties that a table (ipma) gives an item."""
    wide_item, wide_index = table[0] > 0, table[3] & 1
    (count,), at = struct.unpack_from(">I", table, 4), 8
    for _ in range(count):
        number, indices = struct.unpack_from(">IB" if wide_item else ">HB", table, at)
        at += 5 if wide_item else 3
        found = struct.unpack_from(f">{indices}{'H' if wide_index else 'B'}", table, at)
        at += indices * (2 if wide_index else 1)
        if number == item:
            return [index & (0x7FFF if wide_index else 0x7F) for index in found]  # the first bit: essential
    return []


def boxes(data: bytes) -> Iterator[Box]:
    """The boxes that stand one behind the other; those in them are not looked into."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if length == 1 and at + 16 <= len(data):
            length, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        length = length or len(data) - at  # 0: to the end
        if length < header:
            return
        yield Box(kind, data[at + header : at + length])
        at += length

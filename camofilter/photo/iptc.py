"""IPTC-IIM, the captions of press photos, and the Photoshop resources that they stand in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

DataSet = tuple[int, int, bytes]  # record, number and content

APPLICATION = 2  # the record that describes the photo
CHARSET = (1, 90)
IPTC_RESOURCE, COPYRIGHT_RESOURCE, URL_RESOURCE = 0x0404, 0x040A, 0x040B
_SIGNATURES = (b"8BIM", b"AgHg", b"DCSR", b"MeSa", b"PHUT")  # of Photoshop, PhotoDeluxe, Camera Raw, ImageReady
_UTF8 = b"\x1b%G"


def parse(block: bytes | None) -> list[DataSet]:
    """The data sets of a block, up to where it is damaged; never raises."""
    block, at, found = block or b"", 0, []
    with suppress(struct.error):
        while at < len(block):
            marker, record, number, size = struct.unpack_from(">BBBH", block, at)
            at += 5
            if marker != 0x1C:
                break
            if size & 0x8000:  # the size of the size, for contents of 32 kB and more
                bytes_of_size = size & 0x7FFF
                if bytes_of_size > 4:
                    break
                size = int.from_bytes(block[at : at + bytes_of_size], "big")
                at += bytes_of_size
            if at + size > len(block):
                break
            found.append((record, number, block[at : at + size]))
            at += size
    return found


def pack(sets: list[DataSet]) -> bytes:
    """The block of some data sets; b"" for none."""
    packed = b""
    for record, number, content in sets:
        size = struct.pack(">H", len(content)) if len(content) < 0x8000 else struct.pack(">HI", 0x8004, len(content))
        packed += struct.pack(">BBB", 0x1C, record, number) + size + content
    return packed


def texts(sets: list[DataSet]) -> dict[int, list[str]]:
    """The contents of the application record by their numbers, in the characters that the block names."""
    is_utf8 = any((record, number) == CHARSET and content == _UTF8 for record, number, content in sets)
    found: dict[int, list[str]] = {}
    for record, number, content in sets:
        if record == APPLICATION:
            found.setdefault(number, []).append(_decoded(content, is_utf8))
    return found


def _decoded(content: bytes, is_utf8: bool) -> str:
    # Many programs write UTF-8 and do not say so; what is valid UTF-8 by chance is hardly ever Latin text.
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("utf-8" if is_utf8 else "cp1252", errors="replace")


def resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of Photoshop resources, up to where they are damaged."""
    at = 0
    with suppress(struct.error, IndexError):
        while True:
            if block[at - 1 : at + 3] in _SIGNATURES:  # the one before lacks what makes it even
                at -= 1
            if block[at : at + 4] not in _SIGNATURES:
                return
            number = struct.unpack_from(">H", block, at + 4)[0]
            at += 6 + (block[at + 6] + 2) // 2 * 2  # a name, padded with its length to an even size
            size = struct.unpack_from(">I", block, at)[0]
            if at + 4 + size > len(block):
                return
            yield number, block[at + 4 : at + 4 + size]
            at += 4 + size + size % 2


def as_resource(block: bytes) -> bytes:
    """An IPTC block as a Photoshop resource, the form in which JPEG and PNG hold it."""
    return struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(block)) + block + b"\0" * (len(block) % 2)


def in_resources(block: bytes) -> bytes | None:
    """The IPTC blocks among Photoshop resources as one, or the block itself where it is none; None for nothing."""
    if block.startswith(b"\x1c"):
        return block
    return b"".join(dict.fromkeys(held for number, held in resources(block) if number == IPTC_RESOURCE)) or None

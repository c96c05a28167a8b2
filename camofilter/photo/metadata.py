"""EXIF and XMP of a photo: reading them, and choosing what a written photo may carry.

EXIF is read and written here rather than with ``PIL.Image.Exif``: values are copied byte for byte with their
type, one damaged entry costs that entry alone, and nothing warns on standard error.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

Metadata = Literal["safe", "all", "none"]
METADATA: tuple[str, ...] = get_args(Metadata)

Value = tuple[int, int, bytes]  # TIFF type, count and the bytes in the byte order of the block
Directory = dict[int, Value]
ByteOrder = Literal["<", ">"]  # as struct and numpy name them

SHORT, LONG = 3, 4
ORIENTATION = 274

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BYTE_ORDERS: dict[bytes, ByteOrder] = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF_POINTER, _GPS_POINTER, _INTEROP_POINTER = 34665, 34853, 40965
_COLOUR_SPACE, _PIXEL_WIDTH, _PIXEL_HEIGHT = 40961, 40962, 40963
_MAKER_NOTE = 37500

# Directories of real photos hold fewer than 100 entries; the limits keep a crafted file from filling memory.
_MAX_ENTRIES = 512
_MAX_VALUE = 32_768
_MAX_SAFE_VALUE = 1_024
_MAX_BLOCK = 65_500  # the JPEG segment that has to hold it

# Make, Model, DateTime, Artist, Copyright. Not ImageDescription, Software and HostComputer: free text.
_SAFE_MAIN = frozenset({271, 272, 306, 315, 33432})
_SAFE_EXIF = frozenset(
    {
        *(
            36864,
            36867,
            36868,
            36880,
            36881,
            36882,
            37520,
            37521,
            37522,
        ),  # version; dates, offsets, sub-seconds
        *(33434, 33437, 34850, 34855, 34864, 34865, 34866),  # exposure time, aperture, program, sensitivity
        *(
            37377,
            37378,
            37380,
            37381,
            37383,
            37384,
            37385,
            37386,
        ),  # APEX values, metering, light, flash, focal
        *(41986, 41987, 41989),  # exposure mode, white balance, 35 mm focal length
        *(42034, 42035, 42036),  # lens specification, make, model; 42037 is its serial number
    }
)

# What describes the original file's storage, or belongs to a block that is not carried over.
_STORAGE = frozenset(
    {
        *range(254, 267),  # sizes, bits, compression
        *(269, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297),  # strips and pages
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

_XMP_IMAGE_NAMESPACES = (
    "{http://ns.adobe.com/xap/1.0/g/img/}",
    "{http://ns.google.com/photos/1.0/",
)
_XMP_ORIENTATION = "{http://ns.adobe.com/tiff/1.0/}Orientation"


@dataclass(frozen=True)
class Exif:
    """The directories of one EXIF block; the thumbnail's directory (IFD1) is never read."""

    order: ByteOrder = "<"
    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)

    @classmethod
    def parse(cls, block: bytes | None) -> Exif:
        """Read an EXIF block, or a whole TIFF file, leaving out what is damaged; never raises."""
        block = block or b""
        while block.startswith(b"Exif\0\0"):
            block = block[6:]
        order = _BYTE_ORDERS.get(block[:4])
        if order is None or len(block) < 8:
            return cls()
        main = _read_directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
        below = [_read_directory(block, order, _integer(main, tag, order)) for tag in (_EXIF_POINTER, _GPS_POINTER)]
        return cls(order, main, *below)

    def orientation(self, xmp: bytes | None = None) -> int:
        """The orientation, 1 to 8: that of EXIF, else that of XMP, else 1 (upright)."""
        number = _integer(self.main, ORIENTATION, self.order)
        if not number and (match := re.search(rb'tiff:Orientation(?:="|>)([1-8])\b', xmp or b"")):
            number = int(match[1])
        return number if 1 <= number <= 8 else 1

    def kept(self, metadata: str, width: int, height: int) -> Exif:
        """What may be written.

        ``safe`` takes an allow-list of dates, camera, lens, exposure, artist and copyright. ``all`` takes
        everything, GPS included, but storage details, the MakerNote and any value that holds a picture: they
        would carry the unfiltered photo along.

        Args:
            metadata: "safe", "all" or "none".
            width: of the written photo.
            height: of the written photo.

        Returns:
            A new block, at most 65,500 bytes long when packed, with orientation 1; empty for "none".
        """
        if metadata == "none":
            return Exif()
        upright = {ORIENTATION: self._number(SHORT, 1)}
        if metadata == "all":
            sizes = {
                _COLOUR_SPACE: self._number(SHORT, 1),  # sRGB
                _PIXEL_WIDTH: self._number(LONG, width),
                _PIXEL_HEIGHT: self._number(LONG, height),
            }
            main = {tag: value for tag, value in self.main.items() if tag not in _STORAGE and _is_plain(value)}
            exif = {
                tag: value
                for tag, value in self.exif.items()
                if tag not in (_MAKER_NOTE, _INTEROP_POINTER) and _is_plain(value)
            }
            gps = {tag: value for tag, value in self.gps.items() if _is_plain(value)}
            everything = Exif(self.order, main | upright, exif | sizes, gps)
            if len(everything.pack(8)) <= _MAX_BLOCK:
                return everything
        return Exif(self.order, _allowed(self.main, _SAFE_MAIN) | upright, _allowed(self.exif, _SAFE_EXIF))

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

    def _number(self, kind: int, number: int) -> Value:
        return kind, 1, struct.pack(self.order + ("H" if kind == SHORT else "I"), number)


def kept_xmp(xmp: bytes) -> bytes | None:
    """The XMP packet upright and without embedded pictures; None where it is not well-formed XML."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(xmp.strip(b"\0 \r\n\t"))
        for element in list(root.iter()):
            for name, text in list(element.attrib.items()):
                if _is_xmp_image(name, text):
                    del element.attrib[name]
            for child in list(element):
                if _is_xmp_image(child.tag, child.text):
                    element.remove(child)
            if _XMP_ORIENTATION in element.attrib:
                element.set(_XMP_ORIENTATION, "1")
            if element.tag == _XMP_ORIENTATION:
                element.text = "1"
        packet = ElementTree.tostring(root, encoding="unicode").encode()
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return None
    return b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>' + packet + b'<?xpacket end="w"?>'


def _is_xmp_image(name: str, text: str | None) -> bool:
    named = name.startswith(_XMP_IMAGE_NAMESPACES) or name.endswith("}Thumbnails")
    return named or len(text or "") > _MAX_VALUE


def _read_directory(block: bytes, order: str, offset: int) -> Directory:
    entries: Directory = {}
    with suppress(struct.error):  # of a directory that is cut off, the entries before the cut are kept
        count = struct.unpack_from(order + "H", block, offset)[0] if offset else 0
        for at in range(offset + 2, offset + 2 + 12 * min(count, _MAX_ENTRIES), 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, at)
            size = _TYPE_SIZES.get(kind, 0) * number
            start = at + 8 if size <= 4 else struct.unpack_from(order + "I", block, at + 8)[0]
            if 0 < size <= min(_MAX_VALUE, len(block) - start):
                entries[tag] = kind, number, block[start : start + size]
    return entries


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


def _integer(entries: Directory, tag: int, order: str) -> int:
    """The value of a tag that holds one whole number; 0 where there is none."""
    kind, count, value = entries.get(tag, (0, 0, b""))
    whole = kind in (1, SHORT, LONG, 13) and count == 1
    return int.from_bytes(value, "little" if order == "<" else "big") if whole else 0


def _is_plain(value: Value) -> bool:
    return b"\xff\xd8\xff" not in value[2]  # the start of a JPEG


def _allowed(entries: Directory, tags: frozenset[int]) -> Directory:
    return {tag: value for tag, value in entries.items() if tag in tags and len(value[2]) <= _MAX_SAFE_VALUE}

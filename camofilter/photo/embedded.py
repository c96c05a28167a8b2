"""What a file holds beside its pixels, its EXIF and the first part of its XMP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from camofilter.photo import iptc, jpeg, mark, png, xmp
from camofilter.photo.metadata import Exif

if TYPE_CHECKING:
    from camofilter.photo.core import Photo

_HEADER = 1 << 18  # bytes in which a file tells of all that it holds, but for what other pictures in it tell
_XMP_EXTENSION, _PHOTOSHOP = b"http://ns.adobe.com/xmp/extension/\0", b"Photoshop 3.0\0"
_TRAILER = b"SEFT"  # Samsung's, behind a JPEG
_TIFF_IPTC, _TIFF_PHOTOSHOP = 33723, 34377

GAIN_MAP = "the gain map (its HDR version)"
MOTION = "the video of a motion photo"
DEPTH = "the depth map"
PICTURES = "the other pictures of the file"
CREDENTIALS = "the content credentials (C2PA)"
SEEN = (GAIN_MAP, MOTION, DEPTH)  # what people see or use, so that they miss it
# What a file holds where such names are in it.
_SIGNS = {
    GAIN_MAP: (
        b"hdrgm:Version",
        b'Semantic="GainMap"',
        b"Semantic='GainMap'",
        b"Semantic>GainMap",
        b"\0\0tmap",  # the kind of an item in AVIF and HEIC
        b"urn:iso:std:iso:ts:21496:-1",
        b"HDRGainMapVersion",
        b"aux:hdrgainmap",
    ),
    MOTION: (b"MotionPhoto_Data", *(n + v for n in (b"MotionPhoto", b"MicroVideo") for v in (b'="1', b"='1", b">1"))),
    DEPTH: (
        b"GDepth:Data",
        b"GDepth:Mime",
        b"http://ns.google.com/photos/dd/1.0/",
        b"hevc:2015:auxid:2",
    ),
    PICTURES: (b"MPF\0II*\0", b"MPF\0MM\0*"),
    CREDENTIALS: (b"jumdc2pa",),
}


def with_embedded(photo: Photo, data: bytes) -> Photo:
    """The photo with all that its file holds of texts, and the names of what no written file will hold.

    Args:
        photo: as decoded.
        data: the whole file.
    """
    packet, photoshop, comments = photo.xmp, b"", list[tuple[str, str]]()
    captions = None
    if photo.format == "JPEG":
        packet, photoshop, comments = _in_jpeg(data, packet)
    elif photo.format == "PNG":
        photoshop, comments = _in_png(data)
    elif photo.format == "TIFF":
        captions, photoshop = _in_tiff(data)
    captions = captions or iptc.in_resources(photoshop)
    packet = _with_copyright(xmp.utf8(packet) or None, photoshop)
    told = data[:_HEADER] + (packet or b"")
    if data.endswith(_TRAILER) or any(sign in told for sign in _SIGNS[PICTURES]):
        told = data
    others = tuple(words for words, signs in _SIGNS.items() if any(sign in told for sign in signs))
    return replace(photo, xmp=packet, iptc=captions, comments=tuple(comments), others=others, mark=mark.read(packet))


def _with_copyright(packet: bytes | None, photoshop: bytes) -> bytes | None:
    """The packet with what Photoshop's own resources say of copyright, where it says nothing of it."""
    found = dict(iptc.resources(photoshop))
    url = found.get(iptc.URL_RESOURCE, b"").rstrip(b"\0")
    more = {xmp.name("xmpRights:WebStatement"): xmp.Property.of(_text(url))} if url else {}
    if any(found.get(iptc.COPYRIGHT_RESOURCE, b"")):
        more[xmp.name("xmpRights:Marked")] = xmp.Property.of("True")
    document = xmp.parse(packet) if more else None
    if packet and not document:
        return packet
    said = xmp.properties(document)
    return xmp.joined(document, {short: value for short, value in more.items() if short not in said})


def _in_jpeg(data: bytes, packet: bytes | None) -> tuple[bytes | None, bytes, list[tuple[str, str]]]:
    parts: dict[bytes, dict[int, bytes]] = {}
    photoshop, comments = b"", []
    for kind, content in jpeg.segments(data)[0]:
        if kind == 0xE1 and content.startswith(_XMP_EXTENSION):
            guid, at = content[35:67], int.from_bytes(content[71:75], "big")
            parts.setdefault(guid, {})[at] = content[75:]
        elif kind == 0xED and content.startswith(_PHOTOSHOP):
            photoshop += content.removeprefix(_PHOTOSHOP)
        elif kind == 0xFE:
            comments.append(("Comment", _text(content)))
    if parts and (name := xmp.extension_name(packet)):
        pieces = parts.get(name.encode(), {})
        packet = xmp.with_extension(packet, b"".join(pieces[at] for at in sorted(pieces)))
    return packet, photoshop, comments


def _in_png(data: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    photoshop, comments = b"", []
    for keyword, text in png.texts(png.chunks(data)):
        if not keyword.startswith((png.XMP_KEYWORD, png.PROFILE_KEYWORD)):
            comments.append((keyword, text))
        elif keyword.removeprefix(png.PROFILE_KEYWORD).lower() in ("iptc", "8bim"):
            block = png.raw_profile(text)
            photoshop += iptc.as_resource(block) if block.startswith(b"\x1c") else block
    return photoshop, comments


def _in_tiff(data: bytes) -> tuple[bytes | None, bytes]:
    main, captions = Exif.parse(data).main, None
    if _TIFF_IPTC in main:
        kind, _, block = main[_TIFF_IPTC]
        if kind == 4 and block[3:4] == b"\x1c":  # numbers of four bytes, turned with those of the file
            block = b"".join(block[at : at + 4][::-1] for at in range(0, len(block), 4))
        captions = block
    return captions, main[_TIFF_PHOTOSHOP][2] if _TIFF_PHOTOSHOP in main else b""


def _text(content: bytes) -> str:
    try:
        return content.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")

"""PNG: its chunks, of which a damaged one that is no pixels is left out."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import PngImagePlugin

from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble
from camofilter.photo.colour import Encoding
from camofilter.photo.core import Photo, check_size
from camofilter.photo.jpeg import XMP
from camofilter.photo.metadata import Exif
from camofilter.photo.samples import apart, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from camofilter.photo.core import Pixels

XMP_KEYWORD, PROFILE_KEYWORD = "XML:com.adobe.xmp", "Raw profile type "
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MAX_UNPACKED = 16 << 20  # profiles of printers have up to 10 MB; what unpacks to more is left out
_SRGB_GAMMA = 45_455  # what the standard has writers of sRGB say in gAMA
_MORE = 0x7FFFFFFF  # the length of the longest chunk
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class Chunk(NamedTuple):
    """A part of a PNG."""

    kind: bytes
    content: bytes
    whole: bool  # all of it is there, and its checksum is right


def chunks(data: bytes) -> Iterator[Chunk]:
    """All chunks of a PNG in their order, the last cut off where the file is."""
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content, end = data[at + 8 : at + 8 + length], at + 12 + length
        checksum = data[end - 4 : end]
        yield Chunk(kind, content, checksum == struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
        at = end


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk as it stands in a file."""
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


_END = png_chunk(b"IEND", b"")


def texts(parts: Iterable[Chunk]) -> Iterator[tuple[str, str]]:
    """Keywords and texts of a PNG, those behind its pixels, too; without what is damaged or too long to be read."""
    room = _MAX_UNPACKED
    for kind, content, whole in parts:
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or not whole:
            continue
        keyword, _, text = content.partition(b"\0")
        is_packed = kind == b"zTXt"
        if kind == b"zTXt":
            text = text[1:]  # behind the method
        elif kind == b"iTXt":
            is_packed = text[:1] == b"\1"
            text = text[2:].split(b"\0", 2)[-1]  # behind a language, and the keyword in it
        unpacked = _unpacked(text, room) if is_packed else text
        if unpacked is not None:
            room -= len(unpacked) * is_packed
            decoded = unpacked.decode(errors="replace") if kind == b"iTXt" else unpacked.decode("latin-1")
            yield keyword.decode("latin-1"), decoded


def raw_profile(text: str) -> bytes:
    """A block as ImageMagick and darktable put it into a PNG: lines for a name and a length, hexadecimal digits."""
    with suppress(ValueError, IndexError):
        return bytes.fromhex(text.lstrip("\n").split("\n", 2)[2])
    return b""


def opened(data: bytes) -> PngImagePlugin.PngImageFile:
    """A Pillow image of the pixels alone, of which nothing but the header has been read."""
    return PngImagePlugin.PngImageFile(io.BytesIO(_bare(list(chunks(data)))))


def decode_png(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from a PNG of 1 to 16 bits."""
    parts = list(chunks(data))
    _check(parts)
    parts = [part for part in parts if part.whole or part.kind in _PIXELS]
    bare = _bare(parts)
    with PngImagePlugin.PngImageFile(io.BytesIO(bare)) as image:
        check_size(image.width, image.height, max_pixels)
        values, alpha = samples(image)
        if data[24] == 16:
            values, alpha = _samples_of_16_bits(bare)
    first = {part.kind: part.content for part in reversed(parts)}
    colours = {part.kind: part.content for part in reversed(list(takewhile(_is_before_pixels, parts)))}
    exif, xmp = _exif_and_xmp(first.get(b"eXIf"), dict(reversed(list(texts(parts)))))
    profile = _profile(colours)
    return assemble(
        format,
        values,
        alpha,
        orientation=Exif.parse(exif).orientation(xmp),
        exif=exif,
        xmp=xmp,
        icc_profile=profile,
        encoding=_encoding(colours, profile),
        dpi=_dpi(first),
    )


def _is_before_pixels(part: Chunk) -> bool:
    """Where colours are told; what tells of them behind is out of place, and readers leave it."""
    return part.kind not in (b"PLTE", b"IDAT")


def _check(parts: list[Chunk]) -> None:
    """Refuses what is no PNG of one picture, or has damaged pixels."""
    if parts and parts[0].kind == b"CgBI":
        raise PhotoError(
            "is a PNG as Xcode packs it into apps (CgBI), which only Apple's programs read; export it from one as PNG"
        )
    for kind, content, whole in parts[:-1]:  # of one that is cut off, the decoder says so
        if not whole and kind in _PIXELS - {b"tRNS"}:
            raise PhotoError(f"damaged PNG file (wrong checksum of its {kind.decode()}); copy or export it again")
        if kind == b"acTL" and whole and int.from_bytes(content[:4], "big") > 1:
            raise PhotoError("is an animation; give a single photo")


def _bare(parts: list[Chunk]) -> bytes:
    """The pixels alone: no other chunk is the decoder's concern, however long or damaged, nor a missing end."""
    kept = [_SIGNATURE]
    for kind, content, whole in parts:
        if kind == b"tRNS" and whole:
            kept.append(png_chunk(kind, _of_8_bits(content, parts[0].content)))
        elif kind in _PIXELS - {b"tRNS", b"IEND"}:
            if not whole:  # the decoder shall miss what is missing
                return b"".join([*kept, struct.pack(">I4s", _MORE, kind), content])
            kept.append(png_chunk(kind, content))
    return b"".join([*kept, _END])


def _of_8_bits(transparent: bytes, header: bytes) -> bytes:
    """The transparent level of a grey PNG of less than 8 bits as Pillow looks for it: among samples of 8."""
    bits, colour_type = header[8:10]
    if colour_type or bits not in (2, 4) or len(transparent) != 2:
        return transparent
    return struct.pack(">H", (transparent[1] & (2**bits - 1)) * 255 // (2**bits - 1))


def _samples_of_16_bits(data: bytes) -> tuple[Pixels, Pixels | None]:
    """The samples of a 16-bit PNG, which Pillow reduces to 8 bits.

    Call it after Pillow has decoded the file without error: imagecodecs 2026.3 loses a reference to None with
    every damaged PNG, which ends in a crash of the interpreter before Python 3.12.
    """
    import imagecodecs

    is_simple = not data[28] and data.endswith(_END)
    return apart(imagecodecs.png_decode(data) if is_simple else _of_passes(data))


def _of_passes(data: bytes) -> Pixels:
    """The samples of a 16-bit PNG, of which each of Adam7's passes (PNG, third edition, 8.1) is read as one.

    Left to put them together, libpng prints a warning that imagecodecs cannot turn off. And here the checksums behind
    the last pixels may be missing.
    """
    import imagecodecs

    parts = list(chunks(data))
    width, height, bits, colour_type = struct.unpack_from(">IIBB", parts[0].content)
    clear = b"".join(
        png_chunk(part.kind, part.content) for part in parts if part.kind == b"tRNS" and colour_type in (0, 2)
    )
    stream = zlib.decompressobj()
    rest = b"".join(part.content for part in parts if part.kind == b"IDAT")
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    values = np.empty((height, width, channels + bool(clear)), np.uint16)
    for left, top, across, down in _ADAM7 if data[28] else ((0, 0, 1, 1),):
        place = values[top::down, left::across]
        if place.size:
            rows, columns = place.shape[:2]
            header = struct.pack(">II5B", columns, rows, bits, colour_type, 0, 0, 0)
            lines = stream.decompress(rest, rows * (1 + 2 * channels * columns))
            rest = stream.unconsumed_tail
            packed = png_chunk(b"IDAT", zlib.compress(lines, 0))
            image = _SIGNATURE + png_chunk(b"IHDR", header) + clear + packed + _END
            place[:] = imagecodecs.png_decode(image).reshape(place.shape)
    return values


def _unpacked(packed: bytes, longest: int = _MAX_UNPACKED) -> bytes | None:
    """What deflate made shorter; None where that is damaged or too long to be read."""
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(packed, longest + 1)  # 0 would be no limit
    except zlib.error:
        return None
    return content if stream.eof and len(content) <= longest else None


def _exif_and_xmp(chunk: bytes | None, text: Mapping[str, str]) -> tuple[bytes | None, bytes | None]:
    """EXIF and XMP from the chunk of their own, or else from where ImageMagick puts them."""
    raw = {
        keyword.removeprefix(PROFILE_KEYWORD).lower(): raw_profile(hexadecimal)
        for keyword, hexadecimal in text.items()
        if keyword.startswith(PROFILE_KEYWORD)
    }
    app1 = raw.get("app1", b"")  # what stands so in a JPEG
    exif = raw.get("exif") or app1 * app1.startswith(b"Exif") if chunk is None else b"Exif\0\0" + chunk
    xmp = text.get(XMP_KEYWORD, "").encode() or raw.get("xmp") or app1[len(XMP) :] * app1.startswith(XMP)
    return exif or None, xmp or None


def _profile(first: dict[bytes, bytes]) -> bytes | None:
    return _unpacked(first.get(b"iCCP", b"").partition(b"\0")[2][1:])


def _encoding(first: dict[bytes, bytes], profile: bytes | None) -> Encoding | None:
    """The colours by the first of cICP, iCCP, sRGB, and gAMA with cHRM (PNG, third edition, 4.3); None of iCCP, sRGB.

    gAMA of 45455 alone, or with the primaries of sRGB, is that of sRGB: the standard has writers of sRGB say so.
    """
    if len(code := first.get(b"cICP", b"")) == 4 and (encoding := Encoding.cicp(code[0], code[1], bool(code[3]))):
        return encoding
    if profile or b"sRGB" in first:
        return None
    gamma = int.from_bytes(first.get(b"gAMA", b"")[:4], "big")
    plain = not gamma or abs(gamma - _SRGB_GAMMA) < 0.01 * _SRGB_GAMMA
    encoding = Encoding()
    if len(first.get(b"cHRM", b"")) == 32:
        numbers = [number / 100_000 for number in struct.unpack(">8I", first[b"cHRM"])]
        encoding = Encoding((numbers[0], numbers[1]), tuple(numbers[2:]))
    if encoding.is_srgb():
        return None if plain else Encoding(gamma=100_000 / gamma)
    return Encoding(encoding.white, encoding.primaries, 100_000 / gamma if gamma else None)


def _dpi(first: dict[bytes, bytes]) -> tuple[float, float] | None:
    per_metre = first.get(b"pHYs", b"")
    if len(per_metre) != 9 or per_metre[8] != 1:
        return None
    across, down = struct.unpack_from(">II", per_metre)
    return across * 0.0254, down * 0.0254

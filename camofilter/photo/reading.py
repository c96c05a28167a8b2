"""Reading photos: the type is told from the content, and nothing is decoded before its size is known."""

from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image, WebPImagePlugin

from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble
from camofilter.photo.core import DEFAULT_MAX_PIXELS, Photo, check_size, naming, one_line
from camofilter.photo.embedded import with_embedded
from camofilter.photo.heif import decode_avif, decode_heif, opened_avif, opened_heif
from camofilter.photo.jpeg import decode_jpeg
from camofilter.photo.jpeg import opened as opened_jpeg
from camofilter.photo.metadata import Exif
from camofilter.photo.png import decode_png
from camofilter.photo.png import opened as opened_png
from camofilter.photo.samples import samples
from camofilter.photo.tiff import decode_tiff, tiff_size

_READ = "JPEG, PNG, WebP, TIFF, AVIF and HEIC"


def open_photo(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Photo:
    """Read a photo; its type is told from its content, not from its name.

    Args:
        path: of an ordinary file.
        max_pixels: photos of more pixels than this are refused from their header, before decoding.

    Returns:
        The photo, upright and in sRGB.

    Raises:
        PhotoError: where the file is missing, not of a type that is read, animated, damaged or too large.
    """
    with naming(path):
        return decode_photo(read_file(Path(path)), max_pixels=max_pixels)


def decode_photo(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Photo:
    """Read a photo from the bytes of its file; see :func:`open_photo`.

    Args:
        data: the whole file.
        max_pixels: photos of more pixels than this are refused from their header, before decoding.

    Returns:
        The photo, upright and in sRGB.

    Raises:
        PhotoError: where the data are not of a type that is read, animated, damaged or too large.
    """
    format = _known_format(data)
    try:
        return with_embedded(_DECODERS[format](data, format, max_pixels), data)
    except PhotoError:
        raise
    except MemoryError:
        raise PhotoError("does not fit in memory; make it smaller or close other programs") from None
    except Image.DecompressionBombError as error:  # Pillow's own limit, which it sets for WebP
        raise PhotoError(f"{one_line(error)}; give a smaller photo") from error
    except Exception as error:  # on damaged files decoders raise nearly everything there is
        # What a decoder stumbled over while it computed with nonsense is no news to whoever gave the file.
        is_said = not isinstance(error, (TypeError, AttributeError, LookupError, ArithmeticError, struct.error))
        reason = f" ({one_line(error)})" if is_said and type(error) is not ValueError else ""
        raise PhotoError(f"damaged or cut-off {format} file{reason}; copy or export it again") from error


def read_file(path: Path) -> bytes:
    """The whole content of a file; only a photo is read further than its first bytes.

    Raises:
        PhotoError: it is no ordinary file, or none of a photo; the message lacks its name.
        OSError: it cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not an ordinary file"
        raise PhotoError(f"is {kind}; give a photo file")
    with path.open("rb") as file:
        _known_format(file.read(64))
        file.seek(0)
        return file.read()


def pixel_count(data: bytes) -> int:
    """Pixels of a photo by the header of its file, before they are decoded; 0 where that cannot be told."""
    format = _format_of(data)
    with suppress(Exception):  # whatever is wrong with it, reading it says so
        width, height = _SIZES[format or ""](data)
        return width * height
    return 0


def _known_format(head: bytes) -> str:
    if not head:
        raise PhotoError("is empty; copy or export the photo again")
    format = _format_of(head)
    if format is None:
        raise PhotoError(f"is not a photo of a type that is read; give one of {_READ}")
    return format


def _format_of(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8"):  # as a rule \xff follows, but a decoder looks for its next marker anyway
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[4:8] == b"ftyp":
        box = head[8 : int.from_bytes(head[:4], "big")]
        brands = {box[at : at + 4] for at in range(0, len(box), 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
            return "HEIF"
    return None


def _opened_webp(data: bytes) -> WebPImagePlugin.WebPImageFile:
    """A Pillow image of which nothing but the header has been read."""
    try:
        return WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    except (OSError, SyntaxError):
        return WebPImagePlugin.WebPImageFile(io.BytesIO(_of_right_length(data)))


def _decode_webp(data: bytes, format: str, max_pixels: int) -> Photo:
    with _opened_webp(data) as image:
        check_size(image.width, image.height, max_pixels)
        if image.is_animated:
            raise PhotoError("is an animation; give a single photo")
        values, alpha = samples(image)
        info = image.info
        return assemble(
            format,
            values,
            alpha,
            orientation=Exif.parse(info.get("exif")).orientation(info.get("xmp")),
            exif=info.get("exif"),
            xmp=info.get("xmp"),
            icc_profile=info.get("icc_profile"),
            webp_lossless=_is_lossless_webp(data),
        )


def _is_lossless_webp(data: bytes) -> bool:
    kinds = (kind for kind, _ in _webp_chunks(data) if kind in (b"VP8 ", b"VP8L"))
    return next(kinds, b"") == b"VP8L"


_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})


def _of_right_length(data: bytes) -> bytes:
    """A WebP that claims to be as long as its chunks are, the last of which may lack its byte of padding."""
    chunks = [(kind, content) for kind, content in _webp_chunks(data) if kind in _WEBP_CHUNKS]
    body = b"".join(struct.pack("<4sI", kind, len(c)) + c + bytes(len(c) % 2) for kind, c in chunks)
    return struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WEBP") + body


def _webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The kind and the content of each chunk; none of a file that is cut off within one of a known kind."""
    at = 12
    found: list[tuple[bytes, bytes]] = []
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + size]
        if len(content) < size and kind in _WEBP_CHUNKS:
            return []
        found.append((kind, content))
        at += 8 + size + size % 2
    return found


_DECODERS: dict[str, Callable[[bytes, str, int], Photo]] = {
    "JPEG": decode_jpeg,
    "PNG": decode_png,
    "WEBP": _decode_webp,
    "TIFF": decode_tiff,
    "AVIF": decode_avif,
    "HEIF": decode_heif,
}
_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "JPEG": lambda data: opened_jpeg(data).size,
    "PNG": lambda data: opened_png(data).size,
    "WEBP": lambda data: _opened_webp(data).size,
    "TIFF": tiff_size,
    "AVIF": lambda data: opened_avif(data).size,
    "HEIF": lambda data: opened_heif(data).size,
}

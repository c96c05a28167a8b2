"""Reading photos: the type is told from the content, and nothing is decoded before its size is known."""

from __future__ import annotations

import io
import os
import stat
import struct
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble, plain_dpi
from camofilter.photo.core import DEFAULT_MAX_PIXELS, Photo, check_size, naming, one_line
from camofilter.photo.embedded import with_embedded
from camofilter.photo.metadata import Exif
from camofilter.photo.tiff import decode_tiff

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

_PILLOWS_NAMES = {"JPEG": "Jpeg", "PNG": "Png", "WEBP": "WebP", "AVIF": "Avif"}
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
    decode = {"TIFF": decode_tiff, "HEIF": _decode_heif}.get(format, _decode_with_pillow)
    try:
        return with_embedded(decode(data, format, max_pixels), data)
    except PhotoError:
        raise
    except MemoryError:
        raise PhotoError("does not fit in memory; make it smaller or close other programs") from None
    except Image.DecompressionBombError as error:  # Pillow's own limit, which it sets for WebP
        raise PhotoError(f"{one_line(error)}; give a smaller photo") from error
    except Exception as error:  # on damaged files decoders raise nearly everything there is
        reason = f"damaged or cut-off {format} file ({one_line(error)})"
        raise PhotoError(f"{reason}; copy or export it again") from error


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
        if format == "TIFF":
            import tifffile

            with tifffile.TiffFile(io.BytesIO(data)) as file:
                return int(file.pages.first.imagewidth * file.pages.first.imagelength)
        if format == "HEIF":
            import pillow_heif

            width, height = pillow_heif.open_heif(data).size
            return int(width * height)
        if format is not None:
            with _opened_with_pillow(data, format) as image:
                return int(image.width * image.height)
    return 0


def _known_format(head: bytes) -> str:
    if not head:
        raise PhotoError("is empty; copy or export the photo again")
    format = _format_of(head)
    if format is None:
        raise PhotoError(f"is not a photo of a type that is read; give one of {_READ}")
    return format


def _format_of(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
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


def _opened_with_pillow(data: bytes, format: str) -> Any:
    """A Pillow image of which nothing but the header has been read."""
    # The class itself, as Image.open would apply Pillow's own global limit of pixels, not ours. That of JPEG also
    # reads an MPO, whose first picture is the photo.
    name = _PILLOWS_NAMES[format]
    return getattr(import_module(f"PIL.{name}ImagePlugin"), f"{name}ImageFile")(io.BytesIO(data))


def _decode_with_pillow(data: bytes, format: str, max_pixels: int) -> Photo:
    with _opened_with_pillow(data, format) as image:
        check_size(image.width, image.height, max_pixels)
        if getattr(image, "is_animated", False):
            raise PhotoError("is an animation; give a single photo")
        values, alpha = (_samples_of_jpeg(image, data) if format == "JPEG" else None) or _samples(image)
        info = image.info
        if format == "PNG" and data[24] == 16:
            values, alpha = _samples_of_png16(data)
        exif = info.get("exif") or _exif_in_png_text(info)
        return assemble(
            format,
            values,
            alpha,
            orientation=Exif.parse(exif).orientation(info.get("xmp")),
            exif=exif,
            xmp=info.get("xmp"),
            icc_profile=info.get("icc_profile"),
            dpi=plain_dpi(info.get("dpi")),
            jpeg_quality=_jpeg_quality(image.quantization) if format == "JPEG" else None,
            jpeg_subsampling=_jpeg_subsampling(image) if format == "JPEG" else None,
            jpeg_progressive="progressive" in info,
            webp_lossless=format == "WEBP" and _is_lossless_webp(data),
        )


def _decode_heif(data: bytes, format: str, max_pixels: int) -> Photo:
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError("reading HEIC needs an extra: pip install camofilter[heif]") from None
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    check_size(file.size[0], file.size[1], max_pixels)
    values, alpha = _samples(file.to_pillow())
    info = file.info
    # libheif has turned the pixels already, and the standard has readers ignore the EXIF orientation.
    return assemble(
        format,
        values,
        alpha,
        orientation=1,
        exif=info.get("exif"),
        xmp=info.get("xmp"),
        icc_profile=info.get("icc_profile"),
    )


def _samples(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """Grey, RGB or CMYK samples, H×W×channels, and alpha of an 8-bit Pillow image."""
    image.load()  # a PNG may tell of transparency only now
    grey = image.mode in ("1", "L", "LA", "I;16")
    if image.has_transparency_data:
        both = _as_array(image.convert("LA" if grey else "RGBA"))
        return both[..., :-1], both[..., -1]
    mode = "CMYK" if image.mode == "CMYK" else "L" if grey else "RGB"
    return _as_array(image if image.mode == mode else image.convert(mode)), None


def _as_array(image: Image.Image) -> Pixels:
    """H×W×channels of a Pillow image; strip by strip, as Pillow would make three copies on the way."""
    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    rows = 64
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        values[top : top + rows] = np.asarray(strip).reshape(-1, *values.shape[1:])
    return values


def _samples_of_jpeg(image: Any, data: bytes) -> tuple[Pixels, None] | None:
    """The same of a grey or colour JPEG in half the time, straight into an array.

    None of a JPEG that is damaged, cut off or of another kind: Pillow then says what is wrong.
    """
    behind_the_header, end_of_image = image.fp.tell(), b"\xff\xd9"
    # Where the file ends early, libjpeg fills up with grey. Coded pixels never look like the end's marker.
    if image.mode not in ("L", "RGB") or data.rfind(end_of_image, behind_the_header) < 0:
        return None
    import imagecodecs

    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    with suppress(imagecodecs.Jpeg8Error, ValueError):
        imagecodecs.jpeg8_decode(data, out=values[..., 0] if image.mode == "L" else values)
        return values, None
    return None


def _samples_of_png16(data: bytes) -> tuple[Pixels, Pixels | None]:
    """The same of a 16-bit PNG, which Pillow reduces to 8 bits.

    Call it after Pillow has decoded the file without error: imagecodecs 2026.3 loses a reference to None with
    every damaged PNG, which ends in a crash of the interpreter before Python 3.12.
    """
    import imagecodecs

    values = imagecodecs.png_decode(data)
    if values.ndim == 2:
        return values[..., np.newaxis], None
    return (values[..., :-1], values[..., -1]) if values.shape[2] in (2, 4) else (values, None)


def _exif_in_png_text(info: dict[str | tuple[int, int], Any]) -> bytes | None:
    """EXIF as ImageMagick and darktable put it into a PNG: text of three lines, then hexadecimal digits."""
    text = info.get("Raw profile type exif")
    if not isinstance(text, str):
        return None
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None


def _is_lossless_webp(data: bytes) -> bool:
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8L")
        at += 8 + size + size % 2
    return False


# ITU-T T.81, tables K.1 (luminance) and K.2 (chrominance), row by row.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def _jpeg_quality(tables: dict[int, list[int]]) -> int:
    """The quality, 1 to 100, at which the IJG encoder's tables come nearest to those of a file."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)[:, np.newaxis]
    distance = np.zeros(100)
    for number, table in tables.items():
        base = np.array(_CHROMINANCE if number else _LUMINANCE)
        distance += np.abs(np.clip((base * scale + 50) // 100, 1, 255) - np.array(table)).sum(axis=1)
    return int(quality[distance.argmin()])


def _jpeg_subsampling(image: Any) -> int | None:
    from PIL import JpegImagePlugin

    code = JpegImagePlugin.get_sampling(image)
    return code if code >= 0 else None

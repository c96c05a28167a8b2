"""HEIC and AVIF: two codecs in one container, which tells the colours of its photo."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import AvifImagePlugin

from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble
from camofilter.photo.boxes import codec, has_photo, is_cut, properties
from camofilter.photo.colour import Encoding, full_range
from camofilter.photo.core import Photo, check_size
from camofilter.photo.metadata import Exif
from camofilter.photo.samples import apart, full_scale, samples

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

# Identity, BT.709, unspecified, FCC, BT.470 and BT.601, SMPTE 240M, YCgCo, BT.2020, by the primaries, YCgCo-Re and -Ro.
_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 8, 9, 12, 16, 17})


def opened_heif(data: bytes, **options: Any) -> Any:
    """A HEIC of which nothing but the header has been read; needs the extra ``heif``."""
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError("reading HEIC needs an extra: pip install camofilter[heif]") from None
    return pillow_heif.open_heif(data, **options)


def decode_heif(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from a HEIC, or from an AVIF that does not call itself one."""
    try:
        return _decoded_heif(data, format, max_pixels)
    except PhotoError:
        raise
    except Exception as error:
        kind = codec(data)
        if kind == "av01":
            return decode_avif(data[:8] + b"avif" + data[12:], "AVIF", max_pixels)
        if kind not in ("", "hvc1"):
            raise PhotoError(f"is HEIF coded as {kind!r}, which is not read; export it as JPEG") from error
        raise


def _decoded_heif(data: bytes, format: str, max_pixels: int) -> Photo:
    """The same of HEIC alone; libheif has turned the pixels already."""
    if not has_photo(data):
        raise PhotoError("holds no single photo, but a film or an animation; give a single photo")
    file = opened_heif(data, convert_hdr_to_8bit=False)
    check_size(file.size[0], file.size[1], max_pixels)
    if is_cut(data):  # libheif leaves out the tiles that are missing
        raise PhotoError("damaged or cut-off HEIF file (pixels are missing); copy or export it again")
    _check_matrix(data)
    bits = file.info["bit_depth"]
    if bits > 8:
        values, alpha = apart(full_scale(np.asarray(file) >> (16 - bits), bits))
    else:
        values, alpha = samples(file.to_pillow())
    if values.shape[2] == 1 and not (_code_points(data) or (2, 2, 2, True))[3]:
        values = full_range(values)  # libheif does so with colours alone
    return _assembled(format, values, alpha, 1, data, file.info)


def opened_avif(data: bytes) -> AvifImagePlugin.AvifImageFile:
    """A Pillow image of which nothing but the header has been read."""
    return AvifImagePlugin.AvifImageFile(io.BytesIO(data))


def decode_avif(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from an AVIF of one picture."""
    with opened_avif(data) as image:
        check_size(image.width, image.height, max_pixels)
        if image.is_animated:
            raise PhotoError("is an animation; give a single photo")
        _check_matrix(data)
        bits = _depth(data)
        values, alpha = samples(image) if bits == 8 else _samples_of_avif(data, bits)
        # Pillow puts the rotation that the container tells in place of that in EXIF.
        orientation = Exif.parse(image.info.get("exif")).orientation()
        values, alpha = _clean(values, data), None if alpha is None else _clean(alpha, data)
        return _assembled(format, values, alpha, orientation, data, image.info)


def _assembled(
    format: str, values: Pixels, alpha: Pixels | None, orientation: int, data: bytes, info: dict[Any, Any]
) -> Photo:
    profile = info.get("icc_profile")
    return assemble(
        format,
        values,
        alpha,
        orientation=orientation,
        exif=info.get("exif"),
        xmp=info.get("xmp"),
        icc_profile=profile,
        encoding=None if profile else _encoding(data),  # the profile goes before (MIAF, ISO/IEC 23000-22)
    )


def _samples_of_avif(data: bytes, bits: int) -> tuple[Pixels, Pixels | None]:
    """The samples with all of their bits, of which Pillow keeps 8."""
    import imagecodecs

    return apart(full_scale(imagecodecs.avif_decode(data), bits))


def _depth(data: bytes) -> int:
    """Bits per sample of an AVIF, 8, 10 or 12, by its codec's configuration (av1C)."""
    configuration = next(iter(properties(data, b"av1C")), bytes(4))
    high, twelve = configuration[2] & 0x40, configuration[2] & 0x20
    return 8 if not high else 12 if twelve else 10


def _encoding(data: bytes) -> Encoding | None:
    """The colours of the photo as its container tells them by numbers (nclx); None where it does not."""
    code_points = _code_points(data)
    return code_points and Encoding.cicp(*code_points[:2])  # decoders give the full range


def _code_points(data: bytes) -> tuple[int, int, int, bool] | None:
    """Primaries, transfer and matrix (ITU-T H.273) and whether the range is full, as nclx tells them."""
    for content in properties(data, b"colr"):
        if content.startswith(b"nclx") and len(content) >= 11:
            primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", content, 4)
            return primaries, transfer, matrix, flags >= 0x80
    return None


def _check_matrix(data: bytes) -> None:
    """Refuses what decoders make wrong colours of, or none: constant luminance and what is reserved (PhotoError)."""
    matrix = (_code_points(data) or (2, 2, 2, True))[2]
    if matrix not in _MATRICES:
        raise PhotoError(f"colours of matrix {matrix} (ITU-T H.273) are not read; export it as sRGB")


def _clean(values: Pixels, data: bytes) -> Pixels:
    """The part that is to be seen (clap); all of it where that leads out of the picture."""
    for content in properties(data, b"clap", inherited=False):
        with suppress(struct.error, ZeroDivisionError):
            numbers = struct.unpack_from(">IIIIiIiI", content)
            width, height, right, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
            left, top = (values.shape[1] - width) / 2 + right, (values.shape[0] - height) / 2 + down
            if min(left, top) >= 0 and left + width <= values.shape[1] and top + height <= values.shape[0]:
                rows, columns = (
                    slice(int(start), int(start) + round(size)) for start, size in ((top, height), (left, width))
                )
                return values[rows, columns]
    return values

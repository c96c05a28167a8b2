"""JPEG: its segments, and pixels of which none is missing."""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import JpegImagePlugin

from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble
from camofilter.photo.core import Photo, check_size
from camofilter.photo.metadata import Exif
from camofilter.photo.samples import full_scale, samples

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

_START, _END = b"\xff\xd8", b"\xff\xd9"
_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_SCAN = 0xDA
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # Huffman tables, reserved, arithmetic tables
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, _SCAN, 0xDB, 0xDC, 0xDD, _COMMENT, *range(_APP0, 0xF0)})
_LOSSLESS = frozenset({0xC3, 0xCB})
_LONGEST_SCAN_HEADER = 4 + 2 * 4 + 4
_LEAST = {_APP0: 14, _APP14: 12}  # bytes of what tells the kind of colours (JFIF, Adobe); shorter ones say nothing
_EXIF, XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"

# What is put where the pixels of a scan seem to end: if it changes the picture, they had not ended. A decoder that
# waits for the next part of an image with restart markers finds each of the eight.
_MORE = tuple(
    first + bytes(range(165, 255)) + b"".join(bytes((0xFF, 0xD0 + n)) + bytes(range(90, 140)) for n in range(8))
    for first in (b"\xb4", b"\x4b")
)


class Segment(NamedTuple):
    """A part of a JPEG's header."""

    marker: int  # the second byte of its marker
    content: bytes


def segments(data: bytes) -> tuple[list[Segment], int]:
    """The segments before the pixels, and where the pixels' first scan begins; the end of the data without one."""
    found: list[Segment] = []
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker == _SCAN:
            return found, at
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:  # these have no content
            at += 1
            continue
        found.append(Segment(marker, data[at + 4 : at + 2 + length]))
        at += 2 + max(length, 2)
    return found, len(data)


def opened(data: bytes) -> JpegImagePlugin.JpegImageFile:
    """A Pillow image of the header alone."""
    data = _with_height(data)
    header, scan = segments(data)
    return JpegImagePlugin.JpegImageFile(io.BytesIO(_bare(data[: scan + _LONGEST_SCAN_HEADER], header, scan, 8)))


def decode_jpeg(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from a JPEG; of several pictures in one file (MPO), the first."""
    data = _with_height(data)
    header, scan = segments(data)
    with opened(data) as image:
        check_size(image.width, image.height, max_pixels)
        values = _samples(image, _ended(_bare(data, header, scan)))
        exif = b"".join(_contents(header, _APP1, _EXIF))
        exif = _EXIF + exif if exif else b""
        xmp = next(_contents(header, _APP1, XMP), None)
        facts = Exif.parse(exif)
        return assemble(
            format,
            values,
            None,
            orientation=facts.orientation(xmp),
            exif=exif or None,
            xmp=xmp,
            icc_profile=_profile(header),
            dpi=image.info.get("dpi") or facts.dpi(),
            jpeg_quality=_quality(image.quantization),
            jpeg_subsampling=_subsampling(image),
            jpeg_progressive="progressive" in image.info,
        )


def _with_height(data: bytes) -> bytes:
    """The file with its rows in its header, where that says 0 and they are told behind the first scan (DNL)."""
    header, scan = segments(data)
    frame = next((part.content for part in header if part.marker in _FRAMES), b"")
    if frame[1:3] != b"\0\0":
        return data
    rows = data.find(b"\xff\xdc\0\4", scan)
    at = data.rindex(frame, 0, scan)
    return data if rows < 0 else data[: at + 1] + data[rows + 4 : rows + 6] + data[at + 3 : rows] + data[rows + 6 :]


def _contents(header: list[Segment], marker: int, name: bytes) -> Any:
    return (part.content[len(name) :] for part in header if part.marker == marker and part.content.startswith(name))


def _profile(header: list[Segment]) -> bytes | None:
    """The ICC profile; None where a part is missing, by the length at its beginning and by the parts' numbers from 1.

    Either of them may be wrong.
    """
    parts = [part for part in _contents(header, _APP2, _ICC) if len(part) > 2]
    numbered = {part[0]: part for part in reversed(parts)}  # of one that stands there twice, the first
    ordered = [numbered[number] for number in sorted(numbered)]
    for found in (ordered, parts):
        profile = b"".join(part[2:] for part in found)
        if len(profile) == int.from_bytes(profile[:4], "big") > 0:
            return profile
    is_whole = bool(parts) and sorted(numbered) == [*range(1, parts[0][1] + 1)]
    return b"".join(part[2:] for part in ordered) if is_whole else None


def _bare(data: bytes, header: list[Segment], scan: int, precision: int | None = None) -> bytes:
    """The file without metadata: a damaged entry there is none of the pixels' decoder's concern.

    Args:
        data: the whole file.
        header: its segments.
        scan: where they end.
        precision: bits per sample to claim, as Pillow reads no header of others than 8.
    """
    parts = [_START]
    for marker, content in header:
        if marker == _COMMENT or (_APP0 <= marker <= 0xEF and len(content) < _LEAST.get(marker, len(content) + 1)):
            continue
        if marker in _FRAMES and precision:
            content = bytes((precision,)) + content[1:]
        parts += [struct.pack(">BBH", 0xFF, marker, len(content) + 2), content]
    return b"".join([*parts, data[scan:]])


def _samples(image: Any, data: bytes) -> Pixels:
    """H×W×1, ×3 or ×4 samples; refuses a picture of which a part is missing."""
    frame = _frame(data)
    is_plain = frame.content[0] == 8 and frame.marker not in _LOSSLESS
    quick = _quickly(image, data) if is_plain else _decoded(data)
    values = _by_pillow(data) if quick is None else full_scale(quick, frame.content[0])
    # A progressive JPEG that misses its last scans is only coarser.
    is_suspect = "progressive" in image.info or _ends_grey(values)
    if is_suspect and (not _has_all_scans(data) or _lacks_pixels(data, quick)):
        raise PhotoError("damaged or cut-off JPEG file (pixels are missing); copy or export it again")
    return values


def _frame(data: bytes) -> Segment:
    return next((part for part in segments(data)[0] if part.marker in _FRAMES), Segment(0, b"\0"))


def _quickly(image: Any, data: bytes) -> Pixels | None:
    """The samples of a grey or colour JPEG in half of Pillow's time, straight into an array.

    None of a JPEG that is damaged, or of another kind: Pillow then says what is wrong.
    """
    if image.mode not in ("L", "RGB"):
        return None
    import imagecodecs

    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    with suppress(imagecodecs.Jpeg8Error, ValueError):
        imagecodecs.jpeg8_decode(data, out=values[..., 0] if image.mode == "L" else values)
        return values
    return None


def _by_pillow(data: bytes) -> Pixels:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return samples(image)[0]


def _ends_grey(values: Pixels) -> bool:
    """Whether the last block is mid-grey, but for colour that runs in from its neighbours: so libjpeg fills up."""
    rows, columns = ((size - 1) // 8 * 8 for size in values.shape[:2])
    last = values[rows:, columns:].astype(float) / np.iinfo(values.dtype).max
    luminance = last @ (0.299, 0.587, 0.114) if values.shape[2] == 3 else last
    return bool(np.abs(luminance - 0.5).max() < 0.01)


def _lacks_pixels(data: bytes, decoded: Pixels | None = None) -> bool:
    """Whether a decoder wants more than what stands before the end marker; it would fill up in silence.

    Args:
        data: a file without metadata.
        decoded: what :func:`_decoded` makes of it, where that is known.
    """
    import imagecodecs

    ends = _scan_ends(data)
    parts = [data[start:end] for start, end in pairwise([0, *ends])]
    try:
        decoded = _decoded(data) if decoded is None else decoded
        return any(not np.array_equal(_decoded(b"".join(p + more for p in parts) + _END), decoded) for more in _MORE)
    except (imagecodecs.Jpeg8Error, ValueError):
        return True


def _decoded(data: bytes) -> Pixels:
    import imagecodecs

    values: Pixels = imagecodecs.jpeg8_decode(data)
    return values.reshape(*values.shape[:2], -1)


_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # of all that stand in a scan, a restart is none


def _scan_ends(data: bytes) -> list[int]:
    """Where each scan ends; the last at the end marker, at what belongs into no picture, or with the data."""
    at, ends = segments(data)[1], []
    is_scan = False
    while found := _MARKER.search(data, at):
        at, marker = found.start(), data[found.start() + 1]
        if is_scan:
            ends.append(at)
        if marker not in _BETWEEN_SCANS or at + 4 > len(data):
            return ends
        is_scan = marker == _SCAN
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return [*ends, len(data.removesuffix(b"\xff"))]


def _ended(data: bytes) -> bytes:
    """The file with its end marker; refused where that is missing together with pixels."""
    scan = segments(data)[1]
    if scan == len(data) or data.find(_END, scan) >= 0:
        return data
    whole = data[: _scan_ends(data)[-1]] + _END
    if not _has_all_scans(whole) or _lacks_pixels(whole):
        raise PhotoError("damaged or cut-off JPEG file (it ends early); copy or export it again")
    return whole


def _has_all_scans(data: bytes) -> bool:
    """Whether each coefficient of each component is there to its last bit."""
    at, frame = segments(data)[1], _frame(data)
    coefficients = range(0 if frame.marker in _LOSSLESS else 64)
    missing = {(component, number) for component in frame.content[6::3] for number in coefficients}
    while (found := _MARKER.search(data, at)) and found.start() + 4 <= len(data):
        at = found.start()
        length = struct.unpack_from(">H", data, at + 2)[0]
        content = data[at + 4 : at + 2 + length]
        if data[at + 1] == _SCAN and len(content) >= 6:
            first, last, bits = content[-3:]
            if bits & 15 == 0:
                missing -= {(component, n) for component in content[1:-3:2] for n in range(first, last + 1)}
        at += 2 + length
    return not missing


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


def _quality(tables: dict[int, list[int]]) -> int:
    """The quality, 1 to 100, at which the IJG encoder's tables come nearest to those of a file."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)[:, np.newaxis]
    distance = np.zeros(100)
    for number, table in tables.items():
        base = np.array(_CHROMINANCE if number else _LUMINANCE)
        distance += np.abs(np.clip((base * scale + 50) // 100, 1, 255) - np.array(table)).sum(axis=1)
    return int(quality[distance.argmin()])


def _subsampling(image: Any) -> int | None:
    code = JpegImagePlugin.get_sampling(image)
    return code if code >= 0 else None

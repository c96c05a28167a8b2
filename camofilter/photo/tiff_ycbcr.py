"""YCbCr of TIFFs that are no JPEG, as digital cameras write them (Exif, uncompressed): TIFF 6.0, section 21."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from camofilter.photo.core import Pixels

_COEFFICIENTS, _SUBSAMPLING, _REFERENCE = 529, 530, 532
_BT601 = (299, 1000, 587, 1000, 114, 1000)
_FULL_RANGE = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)


def is_plain_ycbcr(page: Any) -> bool:
    """Whether a directory's samples are YCbCr in data units, which tifffile does not take apart."""
    import tifffile

    jpeg = (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
    is_ycbcr = page.photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression not in jpeg
    is_known = page.samplesperpixel == 3 and page.bitspersample == 8 and page.planarconfig == 1 and page.predictor == 1
    return is_ycbcr and is_known and set(_subsampling(page)) <= {1, 2, 4}


def plain_size(page: Any, rows: int, width: int) -> int:
    """Bytes of a strip or tile: each data unit is a block of Y, one Cb and one Cr."""
    across, down = _subsampling(page)
    return math.ceil(rows / down) * math.ceil(width / across) * (across * down + 2)


def read_ycbcr(page: Any, unpacked: Callable[[int], bytes]) -> Pixels:
    """H×W×3 RGB.

    Args:
        page: a directory that :func:`is_plain_ycbcr` is true of.
        unpacked: the bytes of a strip or tile by its number.
    """
    height, width = page.imagelength, page.imagewidth
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    image = np.empty((height, width, 3), np.uint8)
    abreast = math.ceil(width / columns)
    for number in range(abreast * math.ceil(height / rows)):
        place = image[number // abreast * rows :, number % abreast * columns :][:rows, :columns]
        tall = rows if page.is_tiled else len(place)
        ycbcr = _units(page, unpacked(number), tall, columns)[: len(place), : place.shape[1]]
        for top in range(0, len(place), 64):  # not a whole photo in floating point
            place[top : top + 64] = _as_rgb(page, ycbcr[top : top + 64])
    return image


def _subsampling(page: Any) -> tuple[int, int]:
    across, down = page.tags.valueof(_SUBSAMPLING) or (2, 2)
    return int(across), int(down)


def _units(page: Any, data: bytes, rows: int, width: int) -> NDArray[np.uint8]:
    """H×W×3 YCbCr, and what the last data units have more."""
    across, down = _subsampling(page)
    high, wide = math.ceil(rows / down), math.ceil(width / across)
    units = np.frombuffer(data, np.uint8, plain_size(page, rows, width)).reshape(high, wide, across * down + 2)
    luma = units[..., :-2].reshape(high, wide, down, across).swapaxes(1, 2).reshape(high * down, wide * across, 1)
    return np.concatenate([luma, units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)], axis=2)


def _as_rgb(page: Any, ycbcr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = _ratios(page, _COEFFICIENTS, _BT601)
    reference = _ratios(page, _REFERENCE, _FULL_RANGE)
    black, white = reference[::2], reference[1::2]
    scaled = (ycbcr - black) * (np.array([255, 127, 127], np.float32) / (white - black))
    rgb = np.empty_like(scaled)
    rgb[..., 0] = scaled[..., 0] + scaled[..., 2] * (2 - 2 * red)
    rgb[..., 2] = scaled[..., 0] + scaled[..., 1] * (2 - 2 * blue)
    rgb[..., 1] = (scaled[..., 0] - red * rgb[..., 0] - blue * rgb[..., 2]) / green
    rounded: NDArray[np.uint8] = np.rint(rgb.clip(0, 255)).astype(np.uint8)
    return rounded


def _ratios(page: Any, tag: int, default: tuple[int, ...]) -> NDArray[np.float32]:
    """The quotients that a tag holds; those of the standard where it lacks, or has nonsense."""
    numbers = page.tags.valueof(tag)
    if numbers is None or len(numbers) != len(default) or not all(numbers[1::2]):
        numbers = default
    quotients = np.divide(numbers[::2], numbers[1::2]).astype(np.float32)
    is_usable = quotients.all() if tag == _COEFFICIENTS else (quotients[1::2] > quotients[::2]).all()
    return quotients if is_usable else np.divide(default[::2], default[1::2]).astype(np.float32)

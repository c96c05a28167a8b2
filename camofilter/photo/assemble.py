"""From the decoded samples of a file of any type to an upright sRGB photo."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from camofilter.photo.colour import Encoding, to_srgb
from camofilter.photo.core import Photo, contiguous

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels


def assemble(
    format: str,
    values: Pixels,
    alpha: Pixels | None,
    *,
    orientation: int,
    icc_profile: bytes | None,
    encoding: Encoding | None = None,
    dpi: Any = None,
    **facts: Any,
) -> Photo:
    """A photo from the decoded samples of its file: H×W×1 grey, ×3 RGB or ×4 CMYK.

    Where a file tells its colours by ``encoding``, that is what counts; the profile then is information only.
    """
    dpi = _plain_dpi(dpi)
    if dpi and orientation >= 5:
        dpi = dpi[::-1]
    return Photo(
        _upright(to_srgb(values, encoding or icc_profile), orientation),
        None if alpha is None else _upright(alpha, orientation),
        format,
        icc_profile=icc_profile,
        dpi=dpi,
        **facts,
    )


def _upright(values: Pixels, orientation: int) -> Pixels:
    """The array as EXIF orientation 1 to 8 wants it seen."""
    values = contiguous(values)
    if orientation == 1:
        return values
    pixels = values.reshape(*values.shape[:2], -1).view(f"V{values[0, 0].nbytes}")  # numpy moves each as a whole
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return _by_tiles(pixels).view(values.dtype).reshape(*pixels.shape[:2], *values.shape[2:])


def _by_tiles(values: np.ndarray) -> np.ndarray:
    """A contiguous copy; its tiles fit into the processor's cache, where rows turned to columns would not."""
    height, width = 128, 512
    copy = np.empty(values.shape, values.dtype)
    for top in range(0, len(values), height):
        for left in range(0, values.shape[1], width):
            tile = slice(top, top + height), slice(left, left + width)
            copy[tile] = values[tile]
    return copy


def _plain_dpi(dpi: Any) -> tuple[float, float] | None:
    """Pixels per inch as two floats, or None where a file says nonsense."""
    with suppress(TypeError, ValueError, ZeroDivisionError):
        across, down = (float(number) for number in dpi)
        if 0 < across < 1e6 and 0 < down < 1e6:
            return across, down
    return None

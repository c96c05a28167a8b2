"""From the decoded samples of a file of any type to an upright sRGB photo."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from camofilter.photo.colour import to_srgb
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
    dpi: tuple[float, float] | None = None,
    **facts: Any,
) -> Photo:
    """A photo from the decoded samples of its file: H×W×1 grey, ×3 RGB or ×4 CMYK."""
    if dpi and orientation >= 5:
        dpi = dpi[::-1]
    return Photo(
        _upright(to_srgb(values, icc_profile), orientation),
        None if alpha is None else _upright(alpha, orientation),
        format,
        icc_profile=icc_profile,
        dpi=dpi,
        **facts,
    )


def _upright(values: Pixels, orientation: int) -> Pixels:
    """The array as EXIF orientation 1 to 8 wants it seen."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return contiguous(values)


def plain_dpi(dpi: Any) -> tuple[float, float] | None:
    """Pixels per inch as two floats, or None where a file says nonsense."""
    with suppress(TypeError, ValueError, ZeroDivisionError):
        across, down = (float(number) for number in dpi)
        if 0 < across < 1e6 and 0 < down < 1e6:
            return across, down
    return None

"""Hald images: a table of colours as a picture, which any program can change like a photo."""

from __future__ import annotations

import os

import numpy as np

from camofilter.errors import PhotoError
from camofilter.filters.cube import Cube, CubeError, absolute, shown

_LEVELS = range(2, 12)
_MOST_SIDE = _LEVELS[-1] ** 3


def read_hald(path: str | os.PathLike[str]) -> Cube:
    """The table in a Hald image of level L, 2 to 11: L³×L³ pixels in which red changes fastest, then green, then blue.

    Its numbers are taken as they are; a picture in another colour space than sRGB is refused, as it would not
    mean what it says.

    Args:
        path: of a PNG or TIFF with 8 or 16 bits.

    Raises:
        CubeError: the file cannot be read or is not such an image.

    Source: Eskil Steenberg, "Hald CLUT" (quelsolaar.com/technology/clut.html).
    """
    from camofilter.photo import open_photo
    from camofilter.photo.colour import to_srgb

    levels = f"expected {_LEVELS[0] ** 3}, 27, 64 ... or {_MOST_SIDE} a side"
    try:
        photo = open_photo(path, max_pixels=_MOST_SIDE**2)
    except PhotoError as error:
        found = str(error).rpartition(";")[0] or str(error)  # the advice is about photos
        raise CubeError(f"{found}: not a Hald image: {levels}, or give a .cube file") from None
    side = round(photo.width ** (1 / 3))
    if photo.height != photo.width or side**3 != photo.width or side not in _LEVELS:
        size = f"{photo.width} × {photo.height} pixels"
        raise CubeError(f"{shown(path)}: has {size}, not those of a Hald image: {levels}")
    grid = (np.indices((6, 6, 6)) * 51).reshape(3, 1, -1).transpose(1, 2, 0).astype(np.uint8)
    if photo.icc_profile and not np.array_equal(to_srgb(grid, photo.icc_profile), grid):
        raise CubeError(f"{shown(path)}: has another colour profile than sRGB: save it without one")
    values = photo.pixels / np.float32(np.iinfo(photo.pixels.dtype).max)
    table = values.reshape(side**2, side**2, side**2, 3).transpose(2, 1, 0, 3)
    return Cube(table, path=absolute(path))

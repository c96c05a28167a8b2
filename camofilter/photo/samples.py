"""Samples of a photo's file as arrays, whoever decoded them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from camofilter.photo.core import Pixels


def samples(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """Grey, RGB or CMYK samples, H×W×channels, and alpha of an 8-bit Pillow image."""
    image.load()  # a PNG may tell of transparency only now
    grey = image.mode in ("1", "L", "LA", "I;16")
    if image.has_transparency_data:
        return apart(_as_array(image.convert("LA" if grey else "RGBA")))
    mode = "CMYK" if image.mode == "CMYK" else "L" if grey else "RGB"
    return _as_array(image if image.mode == mode else image.convert(mode)), None


def apart(values: Pixels) -> tuple[Pixels, Pixels | None]:
    """H×W×1 grey or ×3 RGB samples and alpha, from H×W, or H×W×1 to ×4 of which the even ones have alpha."""
    if values.ndim == 2:
        values = values[..., np.newaxis]
    return (values[..., :-1], values[..., -1]) if values.shape[2] in (2, 4) else (values, None)


def full_scale(values: Pixels, bits: int) -> Pixels:
    """The same of 8 or 16 bits, from samples of 1 to 16 bits in the lower bits of theirs."""
    if bits in (8, 16):
        return values
    maximum, full = 2**bits - 1, 255 if bits < 8 else 65535
    table = (np.arange(2 ** (8 * values.itemsize)).clip(0, maximum) * full + maximum // 2) // maximum
    stretched: Pixels = table.astype(np.uint8 if bits < 8 else np.uint16)[
        values.astype(np.uint8 if bits < 8 else np.uint16, copy=False)
    ]
    return stretched


def _as_array(image: Image.Image) -> Pixels:
    """H×W×channels of a Pillow image; strip by strip, as Pillow would make three copies on the way."""
    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    rows = 64
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        values[top : top + rows] = np.asarray(strip).reshape(-1, *values.shape[1:])
    return values

"""Photos and the bytes of their files, for the tests of reading and writing."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from PIL import ExifTags, Image


def noise(height: int = 21, width: int = 34, channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    """H×W×channels, or H×W for none, of random numbers; the same for the same size."""
    maximum = int(np.iinfo(dtype).max)
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(height * width).integers(0, maximum + 1, shape, dtype=dtype)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """H×W×3 whose channels rise in three directions."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(np.uint8)


def pillow_bytes(image: Image.Image, format: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def tiff_bytes(samples: np.ndarray, **options: Any) -> bytes:
    """A TIFF as tifffile writes it, without metadata."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **{"metadata": None, "software": False} | options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def oriented(orientation: int) -> bytes:
    """An EXIF block that says how the photo lies."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif.tobytes()

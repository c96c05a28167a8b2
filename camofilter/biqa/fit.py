"""From a photo of any size to a model's input, as an image loader would do it; no torch needed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from camofilter.photo.core import eight_bit


def cover_size(width: int, height: int, frame: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a photo scaled until it just covers the frame; unscaled if it does so already.

    Args:
        width, height: of the photo, in pixels.
        frame: width and height to cover.
    """
    scale = max(frame[0] / width, frame[1] / height)
    return max(frame[0], round(width * scale)), max(frame[1], round(height * scale))


def centre(width: int, height: int, frame: tuple[int, int]) -> tuple[int, int]:
    """Left and top of the frame in the middle of a photo of this width and height."""
    return (width - frame[0]) // 2, (height - frame[1]) // 2


def cover(pixels: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The whole photo scaled (bicubic, antialiased) until it just covers the frame.

    Args:
        pixels: H×W×3, uint8 or uint16.
        frame: width and height to cover.

    Returns:
        h×w×3 uint8.
    """
    pixels = eight_bit(pixels)
    size = cover_size(pixels.shape[1], pixels.shape[0], frame)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def fit(pixels: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The photo scaled until it just covers the frame, then its centre.

    Args:
        pixels: H×W×3, uint8 or uint16.
        frame: width and height of the result.

    Returns:
        h×w×3 uint8.
    """
    covering = cover(pixels, frame)
    left, top = centre(covering.shape[1], covering.shape[0], frame)
    return covering[top : top + frame[1], left : left + frame[0]]


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """What remains of H×W×3 uint8 pixels after JPEG (4:2:0, as most platforms write it) at this quality."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))

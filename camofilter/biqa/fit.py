"""From a photo of any size to a model's input, as an image loader would do it; no torch needed."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from camofilter.photo.core import eight_bit

# How many frames of a photo, one beside the other, are scaled at most. It bounds the memory; a machine looks at the
# middle one alone, and no camera's panorama is as long.
LONGEST = 16


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


def middle(width: int, height: int, frame: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a photo of this width and height that are scaled: all, or the middle of the longest ones."""
    most = math.ceil(LONGEST * height * frame[0] / frame[1]), math.ceil(LONGEST * width * frame[1] / frame[0])
    left, top = (max(0, beyond) for beyond in centre(width, height, most))
    return slice(top, height - top), slice(left, width - left)


def is_whole(width: int, height: int, frame: tuple[int, int]) -> bool:
    """Whether all of a photo of this width and height is scaled."""
    return middle(width, height, frame) == (slice(0, height), slice(0, width))


def cover(pixels: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The photo, of the longest ones the :func:`middle`, scaled (bicubic, antialiased) until it just covers the frame.

    Args:
        pixels: H×W×3, uint8 or uint16.
        frame: width and height to cover.

    Returns:
        h×w×3 uint8, about LONGEST frames at most.
    """
    pixels = eight_bit(pixels[middle(pixels.shape[1], pixels.shape[0], frame)])
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

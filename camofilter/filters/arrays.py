"""What the filters' formulas need beyond operators: one vocabulary for numpy arrays and torch tensors.

numpy serves the full-size path (no torch needed), torch the search (gradients). ``Array`` is either.
"""

from __future__ import annotations

import functools
import sys
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = Any  # np.ndarray or torch.Tensor: the formulas hold for both
Value: TypeAlias = Any  # a setting: a float, or a B-vector of the image's kind

# Rec. ITU-R BT.709-6, item 3.2: luma of R'G'B'.
LUMA = (0.2126, 0.7152, 0.0722)


def is_numpy(array: Array) -> bool:
    """Whether this is a numpy array (else it is a torch tensor)."""
    return isinstance(array, np.ndarray)


def namespace(array: Array) -> Any:
    """The module whose functions work on this array: numpy, or torch if it is a tensor."""
    return np if is_numpy(array) else sys.modules["torch"]


def like(array: Array, values: Any) -> Array:
    """Values as an array of the same kind, type and device as ``array``; what is one already keeps its graph."""
    if is_numpy(array):
        return np.asarray(values, dtype=array.dtype)
    return sys.modules["torch"].as_tensor(values, dtype=array.dtype, device=array.device)


def per_image(value: Value) -> Value:
    """A setting shaped to broadcast against B×C×H×W: floats stay floats, a B-vector becomes B×1×1×1."""
    return value if isinstance(value, int | float) else value.reshape(-1, 1, 1, 1)


def luma(image: Array) -> Array:
    """B×1×H×W: the luma Y' of a B×3×H×W image (Rec. ITU-R BT.709-6)."""
    r, g, b = LUMA
    return r * image[:, 0:1] + g * image[:, 1:2] + b * image[:, 2:3]


def gain(image: Array, factor: Value) -> Array:
    """Multiplication with a filmic shoulder: near black ``factor · x``, while 0 and 1 stay where they are.

    kx / (1 + (k⁴ − 1)x⁴)^¼ is smooth and monotone on [0, 1] and clips nothing. It is the "extended" tone
    reproduction of Reinhard et al. 2002 (eq. 4) with white at 1 and, for a harder shoulder, fourth powers.

    Args:
        image: B×C×H×W in [0, 1].
        factor: slope at black, above 0; broadcasts against the image.
    """
    xp = namespace(image)
    square = image * image
    return image * factor / xp.sqrt(xp.sqrt(1 + (factor**4 - 1) * square * square))


def ev_to_factor(ev: Value) -> Value:
    """The factor on encoded values that equals ``ev`` stops of light, the sRGB curve taken as gamma 2.2."""
    return 2.0 ** (ev / 2.2)


def into_gamut(image: Array, grey: Array) -> Array:
    """Colours outside [0, 1] drawn towards their own grey until they fit: luma and hue stay, nothing clips.

    Args:
        image: B×3×H×W, any values.
        grey: B×1×H×W in [0, 1], the luma of the image.

    Returns:
        B×3×H×W in [0, 1]; what was inside is returned exactly.
    """
    xp = namespace(image)
    soft = 1e-3  # keeps the division finite at black and white
    over = xp.clip(maximum(image) - 1, 0, None) / (xp.clip(1 - grey, 0, None) + soft)
    under = xp.clip(-minimum(image), 0, None) / (xp.clip(grey, 0, None) + soft)
    excess = xp.maximum(over, under)
    return xp.clip(image - (image - grey) * (excess / (1 + excess)), 0, 1)


def maximum(image: Array) -> Array:
    """B×1×H×W: the largest of the channels."""
    return image.max(1, keepdims=True) if is_numpy(image) else image.amax(1, keepdim=True)


def minimum(image: Array) -> Array:
    """B×1×H×W: the smallest of the channels."""
    return image.min(1, keepdims=True) if is_numpy(image) else image.amin(1, keepdim=True)


def fit_longer_side(height: int, width: int, longest: int) -> tuple[int, int]:
    """Height and width scaled so that the longer side is at most ``longest``; never enlarged."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image: Array, height: int, width: int, window: Window | None = None) -> Array:
    """Bilinear resize with half-pixel centres, antialiased (a widened triangle) where it reduces.

    Args:
        image: B×C×H×W.
        height, width: of the result.
        window: the part of the result that is wanted; None for all of it.

    Returns:
        B×C×height×width, or B×C×h×w of the window.
    """
    top, left, rows, columns = window or Window(0, 0, height, width)
    wanted = slice(top, top + rows), slice(left, left + columns)
    if image.shape[2:] == (height, width):
        return image[..., wanted[0], wanted[1]]
    if not is_numpy(image):
        # Compiled in both directions, which the products below are not.
        reduces = image.shape[2] > height or image.shape[3] > width
        interpolate = sys.modules["torch"].nn.functional.interpolate
        resized = interpolate(image, (height, width), mode="bilinear", align_corners=False, antialias=reduces)
        return resized[..., wanted[0], wanted[1]]
    down = _resize_matrix(image.shape[2], height)[wanted[0]].astype(image.dtype)
    across = _resize_matrix(image.shape[3], width)[wanted[1]].astype(image.dtype)
    return down @ image @ across.T


class Window(NamedTuple):
    """A rectangle of pixels in an image."""

    top: int
    left: int
    height: int
    width: int


@functools.lru_cache(maxsize=64)
def _resize_matrix(before: int, after: int) -> np.ndarray:
    """after×before: the weights of an antialiased bilinear resize along one side."""
    scale = before / after
    support = max(1.0, scale)
    centre = ((np.arange(after) + 0.5) * scale - 0.5).clip(0, before - 1)
    weight = np.clip(1 - np.abs(np.arange(before) - centre[:, None]) / support, 0, None)
    return np.asarray(weight / weight.sum(1, keepdims=True), np.float32)


def blur(image: Array, sigma: Value) -> Array:
    """Gaussian blur, differentiable in its width; at the borders only what lies inside is averaged.

    Made for small images (a few hundred pixels a side), where two dense products beat a convolution.

    Args:
        image: B×C×h×w.
        sigma: standard deviation as a fraction of the longer side, above 0; float or B-vector.
    """
    height, width = image.shape[2:]
    return _blur_matrix(image, height, sigma) @ image @ _blur_matrix(image, width, sigma).swapaxes(-1, -2)


def _blur_matrix(image: Array, side: int, sigma: Value) -> Array:
    """1×1×side×side or B×1×side×side: rows of normalised Gaussian weights."""
    xp = namespace(image)
    pixels = per_image(sigma) * max(image.shape[2:])
    index = np.arange(side)
    distance = like(image, (index[:, None] - index) ** 2)[None, None]
    # The floor, 10⁻⁹ of the peak, keeps denormal numbers out, which are several times slower to multiply.
    weight = xp.exp(xp.clip(distance / (-2 * pixels**2), -20, None))
    return weight / weight.sum(-1, keepdims=True)

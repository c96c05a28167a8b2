"""What the filters' formulas need beyond operators: one vocabulary for numpy arrays and torch tensors.

numpy serves the full-size path (no torch needed), torch the search (gradients). ``Array`` is either.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = Any  # np.ndarray or torch.Tensor: the formulas hold for both
Value: TypeAlias = Any  # a setting: a float, or a B-vector of the image's kind

# Rec. ITU-R BT.709-6, item 3.2: luma of R'G'B'.
LUMA = (0.2126, 0.7152, 0.0722)

MIDDLE_GREY = 0.46  # 18 % of light, sRGB-encoded


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


def screen(image: Array, light: Array) -> Array:
    """Light laid over an image, 1 − (1 − x)(1 − light): the more, the darker the image is; nothing clips.

    Args:
        image: B×3×H×W in [0, 1].
        light: in [0, 1]; broadcasts against the image.
    """
    return image + light * (1 - image)


def exposed(light: Array) -> Array:
    """What film makes of light, any from 0 on: 1 − exp(−light), in [0, 1)."""
    return 1 - namespace(light).exp(-light)


def onto_midtones(image: Array, detail: Array) -> Array:
    """Detail added to all channels alike, weighted by 4x(1 − x): wholly in the midtones, not at all in black and white.

    Args:
        image: B×3×H×W in [0, 1].
        detail: B×1×H×W, within ±¼ for nothing to clip.
    """
    return image + 4 * detail * (image * (1 - image))


def smoothstep(share: Array) -> Array:
    """0 up to 0, 1 from 1 on, and between them the cubic 3t² − 2t³, level at both."""
    t = namespace(share).clip(share, 0, 1)
    return t * t * (3 - 2 * t)


def lights(image: Array, threshold: Value) -> Array:
    """What lies above a tone: the colours times the share of their luma above it, with a soft knee; white stays.

    Args:
        image: B×3×H×W in [0, 1].
        threshold: luma in (0, 1).
    """
    above = luma(image) - per_image(threshold)
    knee = 0.1
    return image * ((above + namespace(image).sqrt(above * above + knee**2)) / (2 * (1 - per_image(threshold)) + knee))


def ev_to_factor(ev: Value) -> Value:
    """The factor on encoded values that equals ``ev`` stops of light, the sRGB curve taken as gamma 2.2."""
    return 2.0 ** (ev / 2.2)


def bias(tones: Array, amount: Value) -> Array:
    """Midtones lighter (above 0) or darker, while 0 and 1 stay; what a power does, but of finite slope.

    (1 + a)x / (1 + ax), the "bias" of Schlick 1994 ("Fast Alternatives to Perlin's Bias and Gain Functions"): its
    slope is 1 + a at black and 1 / (1 + a) at white.

    Args:
        tones: B×C×H×W in [0, 1].
        amount: slope at black less 1, above -1; broadcasts against the tones.
    """
    return tones + amount * tones * (1 - tones) / (1 + amount * tones)


def ev_to_bias(ev: Value) -> Value:
    """The amount of :func:`bias` that makes middle grey lighter by ``ev`` stops, as :func:`ev_to_factor` has them."""
    factor = ev_to_factor(ev)
    return (factor - 1) / (1 - MIDDLE_GREY * factor)


def scale_to(image: Array, grey: Array, wanted: Array) -> Array:
    """Colours multiplied as a whole, so that their luma changes and hue and saturation stay; inside the gamut.

    Args:
        image: B×3×H×W.
        grey: B×1×H×W, its luma.
        wanted: B×1×H×W in [0, 1], the luma it gets.
    """
    return into_gamut(image + image * ((wanted - grey) / (grey + 1e-4)), wanted)  # 1e-4 keeps black finite


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


def pick(table: Array, places: Array) -> Array:
    """B×1×H×W: each image's numbers of a table at whole-number places.

    Args:
        table: B×K, or 1×K for all images.
        places: B×1×H×W, whole numbers from 0 to K − 1 in the image's type.
    """
    xp = namespace(table)
    index = places.reshape(len(places), -1)
    table = xp.broadcast_to(table, (len(places), table.shape[1]))
    if is_numpy(table):
        return np.take_along_axis(table, index.astype(int), 1).reshape(places.shape)
    return table.gather(1, index.long()).reshape(places.shape)


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
    if image.shape[2] >= height:
        return _reduce_rows(_resize_columns(image, width, wanted[1]), height)[:, :, wanted[0]]
    above, share = _neighbours(image.shape[2], height, wanted[0])
    needed = image[:, :, above[0] : above[-1] + 2]
    return _enlarge_rows(_resize_columns(needed, width, wanted[1]), above - above[0], share)


def _resize_columns(image: np.ndarray, width: int, wanted: slice) -> np.ndarray:
    """B×C×H×w: the wanted columns of an image resized to a width."""
    before = image.shape[3]
    if width == before:
        return image[..., wanted]
    if width < before:
        return np.asarray(image @ _resize_matrix(before, width)[wanted].astype(image.dtype).T)
    left, share = _neighbours(before, width, wanted)
    first, second = image.take(left, 3), image.take(np.minimum(left + 1, before - 1), 3)
    second -= first
    second *= share.astype(image.dtype)
    second += first
    return np.asarray(second)


def _reduce_rows(image: np.ndarray, height: int) -> np.ndarray:
    """B×C×height×W: an image with fewer rows, or as many."""
    before = image.shape[2]
    return image if before == height else np.asarray(_resize_matrix(before, height).astype(image.dtype) @ image)


def _enlarge_rows(image: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """B×C×N×W: N rows, each between one of the image's and the next; the first row's is 0."""
    share = share.astype(image.dtype)[:, None]
    out = np.empty((*image.shape[:2], len(above), image.shape[3]), image.dtype)
    # Rows between the same two are done at once: two passes over what is written, and none over anything else.
    starts = np.searchsorted(above, np.arange(above[-1] + 2))
    for i, start, stop in zip(range(above[-1] + 1), starts, starts[1:], strict=False):
        upper, lower = image[:, :, i, None], image[:, :, min(i + 1, image.shape[2] - 1), None]
        np.multiply(share[start:stop], lower - upper, out=out[:, :, start:stop])
        out[:, :, start:stop] += upper
    return out


def _neighbours(before: int, after: int, wanted: slice) -> tuple[np.ndarray, np.ndarray]:
    """For each wanted place on an enlarged side: the place before it on the original, and how far it is from there."""
    position = ((np.arange(after)[wanted] + 0.5) * (before / after) - 0.5).clip(0, before - 1)
    lower = np.minimum(position.astype(int), max(before - 2, 0))
    return lower, position - lower


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


def blur(image: Array, sigma: Value, reach: float | None = None) -> Array:
    """Gaussian blur, differentiable in its width; at the borders only what lies inside is averaged.

    Made for small images (a few hundred pixels a side), where two dense products beat a convolution; with a reach
    for larger ones, where blocks of them do, and the pixels at the borders count for those beyond.

    Args:
        image: B×C×h×w.
        sigma: standard deviation as a fraction of the longer side, above 0; float or B-vector.
        reach: how far a pixel spreads, as a fraction of the longer side (three times the largest sigma will do);
            None for all over the image.
    """
    height, width = image.shape[2:]
    if reach is not None:
        return _blur_columns(_blur_columns(image, sigma, reach).swapaxes(2, 3), sigma, reach).swapaxes(2, 3)
    return _blur_matrix(image, height, sigma) @ image @ _blur_matrix(image, width, sigma).swapaxes(-1, -2)


def _blur_columns(image: Array, sigma: Value, reach: float) -> Array:
    """Gaussian blur of each column, cut off at its reach: products of a band with blocks that overlap."""
    xp = namespace(image)
    images, channels, height, width = image.shape
    far, block = math.ceil(reach * max(height, width)), 64
    place = np.arange(block + 2 * far) - far
    rows = (np.arange(0, height, block)[:, None] + place).clip(0, height - 1)
    distance = (np.arange(block)[:, None] - place) ** 2
    pixels = per_image(sigma) * max(height, width)
    weight = xp.exp(xp.clip(like(image, distance)[None, None] / (-2 * pixels**2), -20, None))
    weight = weight * like(image, distance <= far**2)
    weight = (weight / weight.sum(-1, keepdims=True))[:, :, None]
    return (weight @ image[:, :, rows]).reshape(images, channels, -1, width)[:, :, :height]


def _blur_matrix(image: Array, side: int, sigma: Value) -> Array:
    """1×1×side×side or B×1×side×side: rows of normalised Gaussian weights."""
    return _gaussian_rows(image, side, side, per_image(sigma) * max(image.shape[2:]))


def _gaussian_rows(image: Array, after: int, before: int, cells: Value) -> Array:
    """1×1×after×before or B×…: normalised Gaussian weights of the cells of a grid at places spread over it."""
    xp = namespace(image)
    place = (np.arange(after) + 0.5) * (before / after) - 0.5
    distance = like(image, (place[:, None] - np.arange(before)) ** 2)[None, None]
    # The floor, 10⁻⁹ of the peak, keeps denormal numbers out, which are several times slower to multiply.
    weight = xp.exp(xp.clip(distance / (-2 * cells**2), -20, None))
    return weight / weight.sum(-1, keepdims=True)


def spread(grid: Array, height: int, width: int, sigma: Value) -> Array:
    """A coarse grid enlarged by a Gaussian, each cell a soft dot: no grid shows if sigma is 0.6 cells or more.

    Args:
        grid: B×C×h×w, 1×C×h×w.
        height, width: of the result.
        sigma: standard deviation of a dot as a fraction of the longer side; float or B-vector.

    Returns:
        B×C×height×width.
    """
    before = grid.shape[2:]
    cells = per_image(sigma) * max(before)
    down, across = (_gaussian_rows(grid, n, m, cells) for n, m in zip((height, width), before, strict=True))
    return down @ grid @ across.swapaxes(-1, -2)


def guided(guide: Array, target: Array, radius: Value, edge: float, reach: float | None = None) -> Array:
    """The guided filter (He et al. 2013) with Gaussian windows: smooths a target, but keeps the edges of a guide.

    In its fast form (He and Sun 2015, arXiv 1505.00996): what comes back is a line for each place, that is smooth
    and can be enlarged before it is used on the full-size guide.

    Args:
        guide, target: B×1×h×w.
        radius: standard deviation of the window, as a fraction of the longer side.
        edge: variance of the guide from which on an edge is kept.
        reach: as in :func:`blur`.

    Returns:
        B×2×h×w: slope and offset of the lines, guide to target.
    """
    xp = namespace(guide)
    moments = blur(xp.concatenate([guide, guide * guide, target, guide * target], 1), radius, reach)
    mean, square, other, product = (moments[:, i : i + 1] for i in range(4))
    variance = xp.clip(square - mean * mean, 0, None)
    slope = (product - mean * other) / (variance + edge)
    return blur(xp.concatenate([slope, other - slope * mean], 1), radius, reach)


def bend(detail: Array, limit: float) -> Array:
    """Detail that stays within ±limit, so that strong edges get no line drawn along them."""
    return detail / namespace(detail).sqrt(1 + (detail / limit) ** 2)

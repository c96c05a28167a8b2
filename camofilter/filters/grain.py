"""Grain: the texture of film, the same at every size."""

from __future__ import annotations

import functools

import numpy as np

from camofilter.filters.arrays import Array, Value, like, namespace, per_image, resize
from camofilter.filters.base import Setting, overlay_filter

# Fine enough for the enlarging to a photo of any size to be faithful. Half of it is the period of the textures:
# nobody sees grain repeat, and it takes a quarter of the time to make.
_BASE = 2048
_PERIOD = _BASE // 2
# Standard deviations of the Gaussians that make the two textures that are mixed, of the longer side.
_FINE, _COARSE = 0.7 / 1024, 1.6 / 1024


@functools.lru_cache(maxsize=4)
def _textures(seed: int, coloured: bool, height: int, width: int) -> np.ndarray:
    """2×C×h×w: fine and coarse, of one plane or, coloured, of three. Unit variance on a photo of 1024.

    Always cut from the same square, then reduced, so that every size of a photo gets the same texture. At full
    size it is the square itself, as repeating it later is less to mix.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, coloured]))
    squares = np.stack([[_tile(random, sigma) for _ in range(3 if coloured else 1)] for sigma in (_FINE, _COARSE)])
    longer, side = max(height, width), _BASE
    if longer == _BASE:
        return squares
    if longer <= _PERIOD:  # half the way is a mean of four, several times as fast
        squares, side = _halved(squares), _PERIOD
    repeated = _repeat(squares, *(max(1, round(side * n / longer)) for n in (height, width)))
    return np.asarray(resize(repeated, height, width))


def _tile(random: np.random.Generator, sigma: float) -> np.ndarray:
    """_PERIOD×_PERIOD: white noise after a Gaussian, made in the frequency domain, so it repeats seamlessly."""
    spectrum = random.random((_PERIOD, _PERIOD + 2), np.float32) - np.float32(0.5)
    spectrum[0, :2] = 0  # the mean
    falloff = np.exp(-2 * (np.pi * sigma * _BASE * np.fft.fftfreq(_PERIOD)) ** 2).astype(np.float32)
    passed = spectrum.view(np.complex64) * falloff[:, None] * falloff[: _PERIOD // 2 + 1]
    tile = np.fft.irfft2(passed)
    return np.asarray(tile / _halved(tile[None, None]).std(), np.float32)


def _halved(squares: np.ndarray) -> np.ndarray:
    """Means of two by two pixels."""
    pairs = squares[..., ::2, :] + squares[..., 1::2, :]
    return np.asarray((pairs[..., ::2] + pairs[..., 1::2]) / 4)


def _repeat(squares: Array, height: int, width: int) -> Array:
    """Squares repeated up to a size, or cut."""
    xp = namespace(squares)
    for axis, wanted in ((2, height), (3, width)):
        squares = xp.concatenate([squares] * -(-wanted // squares.shape[axis]), axis)
    return squares[:, :, :height, :width]


def _texture(kind: Array, height: int, width: int, amount: Value, size: Value, chroma: Value, seed: Value) -> Array:
    """B×1×h×w, or B×3×h×w where there is chroma: what to add, before it is weighted by tone.

    Within ±1, so that x + t·x(1 − x) stays in [0, 1].
    """
    seeds = [seed] if isinstance(seed, int | float) else seed.reshape(-1).tolist()

    def mixed(coloured: bool) -> Array:
        textures = like(kind, np.stack([_textures(round(s), coloured, height, width) for s in seeds]))
        return _mix(textures[:, 0], textures[:, 1], size)

    colourless = isinstance(chroma, int | float) and chroma == 0
    texture = mixed(coloured=False) if colourless else _mix(mixed(coloured=False), mixed(coloured=True), chroma)
    return _repeat(namespace(kind).clip(4 * per_image(amount) * texture, -1, 1), height, width)


def _mix(first: Array, second: Array, share: Value) -> Array:
    """Independent textures added so that the variance stays: shares on a quarter circle."""
    angle = like(first, share) * (np.pi / 2)
    xp = namespace(first)
    return first * per_image(xp.cos(angle)) + second * per_image(xp.sin(angle))


@overlay_filter(
    Setting("amount", "", 0.0, (0.0, 0.1), (0.0, 0.035), "standard deviation in the midtones"),
    Setting("size", "", 0.3, (0.0, 1.0), (0.0, 0.6), "0 fine, 1 coarse", strength=False),
    Setting("chroma", "", 0.0, (0.0, 1.0), (0.0, 0.3), "share of colour in the grain"),
    Setting("seed", "", 0.0, (0.0, 4294967295.0), (0.0, 0.0), "which grain", searched=False, strength=False),
    base=_BASE,
    maps=_texture,
)
def grain(image: Array, maps: Array, amount: Value, size: Value, chroma: Value, seed: Value) -> Array:
    """Adds film grain: strongest in the midtones, none in black and white.

    Seeded white noise, low-passed by a Gaussian of 0.7/1024 (fine) or 1.6/1024 (coarse) of the longer side, or
    a mixture, weighted by 4x(1 − x). (The variance of covered area in the film grain model of Newson et al. 2017
    is proportional to x(1 − x); the deviation is used here instead of its root, for cleaner ends.)

    Args:
        image: B×3×H×W in [0, 1].
        amount: standard deviation in the midtones, on a photo of 1024 pixels.
        size: share of the coarse texture.
        chroma: share of a texture of its own in each channel.
        seed: whole number.
    """
    return image + maps * (image * (1 - image))

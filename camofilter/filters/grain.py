"""Grain: the texture of film, the same at every size."""

from __future__ import annotations

import functools

import numpy as np

from camofilter.filters.arrays import Array, Value, like, namespace, per_image
from camofilter.filters.base import Setting, overlay_filter

# Fine enough for the enlarging to a photo of any size to be faithful.
_BASE = 2048
# Standard deviations of the Gaussians that make the two textures that are mixed, of the longer side. Even the coarse
# one is but a pixel of a photo of 1024: in a small photo, where a face is but a few hundred pixels, what spans
# several of them is no grain any more but blotches.
_FINE, _COARSE = 0.45 / 1024, 1.0 / 1024
# Frequencies that are drawn, on each side; with more, nobody would see another grain.
_FREQUENCIES = 511


@functools.lru_cache(maxsize=2)  # a photo's with and without colour: at most 34 MB
def _tiles(seed: int, coloured: bool, longer: int) -> np.ndarray:
    """2×C×n×n: fine and coarse, of one plane or, coloured, of three, to be repeated over a photo as long as this.

    White noise after a Gaussian, made in the frequency domain: it repeats seamlessly, so half a photo's length is
    enough (nobody sees grain repeat), and the same frequencies make the same texture at every size.
    """
    # Half of an odd length is no whole number of pixels: then two periods make a tile, or, where that would be large
    # and half a pixel is nothing, one that is a little too long.
    periods = 2 if longer % 2 and longer < _BASE // 2 else 1
    side = -(-longer * periods // 2)
    random = np.random.Generator(np.random.Philox(key=[seed, coloured]))
    return np.stack(
        [[_tile(random, sigma, side, periods) for _ in range(3 if coloured else 1)] for sigma in (_FINE, _COARSE)]
    )


def _tile(random: np.random.Generator, sigma: float, side: int, periods: int) -> np.ndarray:
    """side×side float32, with some periods along each side."""
    # As many points as the frequencies need; a small photo's pixels are some of them, as if it had been reduced.
    step = max(1, round(2 * _FREQUENCIES * periods / side))
    fine = step * side
    kept = min(_FREQUENCIES, (fine - 1) // (2 * periods))
    noise = random.random((2 * _FREQUENCIES + 1, _FREQUENCIES + 1, 2), np.float32) - np.float32(0.5)
    noise[_FREQUENCIES, 0] = 0  # the mean
    rows = slice(_FREQUENCIES - kept, _FREQUENCIES + kept + 1)
    passed = _passed(sigma, side / periods, kept)
    spectrum = np.zeros((fine, fine // 2 + 1), np.complex64)
    spectrum[np.ix_(*(periods * np.arange(first, kept + 1) for first in (-kept, 0)))] = (
        noise.view(np.complex64)[rows, : kept + 1, 0] * passed[:, None] * passed[kept:]
    )
    tile = np.fft.irfft2(spectrum, (fine, fine))[::step, ::step]
    # Both halves of a frequency vary by 1/12 each. The deviation is 1 on a photo of 1024.
    deviation = np.sqrt(1 / 6) * (np.abs(_passed(sigma, 512, _FREQUENCIES)) ** 2).sum()
    return np.asarray(tile * float(fine**2 / deviation), np.float32)


def _passed(sigma: float, period: float, kept: int) -> np.ndarray:
    """What the Gaussian and pixels, of which a period holds some, let pass of the frequencies from -kept to kept."""
    frequency = np.arange(-kept, kept + 1)
    # A pixel is a mean over the triangle by which photos are reduced, whose transform is a sinc², around its middle.
    pixel = np.sinc(frequency / period) ** 2 * np.exp(1j * np.pi * frequency / period)
    return np.asarray(np.exp(-2 * (2 * np.pi * sigma * frequency) ** 2) * pixel, np.complex64)


def _repeat(tile: Array, height: int, width: int) -> Array:
    """A tile repeated up to a size, or cut."""
    xp = namespace(tile)
    for axis, wanted in ((2, height), (3, width)):
        tile = xp.concatenate([tile] * -(-wanted // tile.shape[axis]), axis)
    return tile[:, :, :height, :width]


def _texture(kind: Array, height: int, width: int, amount: Value, size: Value, chroma: Value, seed: Value) -> Array:
    """B×1×h×w, or B×3×h×w where there is chroma: what to add, before it is weighted by tone.

    Within ±1, so that x + t·x(1 − x) stays in [0, 1].
    """
    seeds = [seed] if isinstance(seed, int | float) else seed.reshape(-1).tolist()

    def mixed(coloured: bool) -> Array:
        tiles = like(kind, np.stack([_tiles(round(s), coloured, max(height, width)) for s in seeds]))
        return _mix(tiles[:, 0], tiles[:, 1], size)

    colourless = isinstance(chroma, int | float) and chroma == 0
    tile = mixed(coloured=False) if colourless else _mix(mixed(coloured=False), mixed(coloured=True), chroma)
    return _repeat(namespace(kind).clip(4 * per_image(amount) * tile, -1, 1), height, width)


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

    Seeded white noise, low-passed by a Gaussian of 0.45/1024 (fine) or 1/1024 (coarse) of the longer side, or
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

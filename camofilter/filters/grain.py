"""Grain: the texture of film, the same at every size."""

from __future__ import annotations

import functools

import numpy as np
from scipy.ndimage import gaussian_filter

from camofilter.filters.arrays import Array, Value, like, namespace, per_image, resize
from camofilter.filters.base import Setting, overlay_filter

_BASE = 1024
# Standard deviations of the two textures that are mixed, in pixels at a longer side of _BASE.
_FINE, _COARSE = 0.7, 1.6


@functools.lru_cache(maxsize=8)
def _textures(seed: int, height: int, width: int) -> np.ndarray:
    """2×4×height×width: fine and coarse; luminance and three channels. Unit variance at _BASE.

    Always cut from one square at _BASE, then reduced, so that every size of a photo gets the same texture.
    """
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal((2, 4, _BASE, _BASE), dtype=np.float32)
    for octave, sigma in zip(noise, (_FINE, _COARSE), strict=True):
        for plane in octave:
            gaussian_filter(plane, sigma, output=plane, mode="wrap")
            plane /= plane.std()
    if height >= width:
        cut = noise[..., : max(1, round(_BASE * width / height))]
    else:
        cut = noise[..., : max(1, round(_BASE * height / width)), :]
    reduced: np.ndarray = resize(cut.reshape(1, 8, *cut.shape[2:]), height, width)
    return reduced.reshape(2, 4, height, width)


def _texture(kind: Array, height: int, width: int, amount: Value, size: Value, chroma: Value, seed: Value) -> Array:
    """B×3×h×w: the texture to add, before its amount."""
    seeds = [seed] if isinstance(seed, int | float) else seed.reshape(-1).tolist()
    textures = like(kind, np.stack([_textures(round(s), height, width) for s in seeds]))
    texture = _mix(textures[:, 0], textures[:, 1], size)
    return _mix(texture[:, :1], texture[:, 1:], chroma)


def _mix(first: Array, second: Array, share: Value) -> Array:
    """Independent textures added so that the variance stays: shares on a quarter circle."""
    angle = like(first, share) * (np.pi / 2)
    xp = namespace(first)
    return first * per_image(xp.cos(angle)) + second * per_image(xp.sin(angle))


@overlay_filter(
    Setting("amount", "", 0.0, (0.0, 0.1), (0.0, 0.035), "standard deviation in the midtones"),
    Setting("size", "", 0.3, (0.0, 1.0), (0.0, 0.8), "0 fine, 1 coarse", strength=False),
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
    return namespace(image).clip(image + per_image(amount) * maps * (4 * image * (1 - image)), 0, 1)

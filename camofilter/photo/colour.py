"""Colour management: whatever a file holds becomes sRGB."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from camofilter.photo.core import contiguous

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The sRGB profile that written files carry; the same bytes on every day."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    created = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # instead of the time of this run
    return profile[:24] + created + profile[36:]


def to_srgb(values: Pixels, profile: bytes | None) -> Pixels:
    """H×W×3 sRGB from H×W×1 grey, ×3 RGB or ×4 CMYK samples; a broken or foreign profile is left out."""
    space = profile[16:20] if profile else b""
    if values.shape[2] == 1 and space != b"GRAY":
        values = np.repeat(values, 3, axis=2)
    if profile and space == {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}[values.shape[2]]:
        import imagecodecs

        with suppress(imagecodecs.CmsError):
            if not _is_srgb(profile, values.shape[2]):
                return _transform(values, profile)
    if values.shape[2] == 4:
        maximum = np.iinfo(values.dtype).max
        light = maximum - values.astype(np.uint32)
        return ((light[..., :3] * light[..., 3:] + maximum // 2) // maximum).astype(values.dtype)
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def _is_srgb(profile: bytes, channels: int) -> bool:
    """Whether the profile moves no colour of a grid by more than one of 255 levels, as sRGB profiles do."""
    if channels == 4:
        return False
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    grid = np.stack(np.meshgrid(*[levels] * channels), axis=-1).reshape(1, -1, channels)
    return bool(np.abs(_transform(grid, profile).astype(int) - grid).max() <= 1)


def _transform(values: Pixels, profile: bytes) -> Pixels:
    import imagecodecs

    black_point_compensation, no_cache, no_optimisation = 0x2000, 0x40, 0x100
    flags = black_point_compensation | no_cache  # its cache of one colour makes lcms three times slower
    if values.dtype == np.uint16:
        flags |= no_optimisation  # lcms would interpolate in a coarse table, wrong by up to 20 of 255 levels
    channels = values.shape[2]
    result: Pixels = imagecodecs.cms_transform(
        contiguous(values[..., 0] if channels == 1 else values),
        profile,
        srgb_profile(),
        colorspace={1: "gray", 3: "rgb", 4: "cmyk"}[channels],
        outcolorspace="rgb",
        intent=1,  # relative colorimetric
        flags=flags,
    )
    return result

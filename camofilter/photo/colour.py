"""Colour management: whatever a file holds becomes sRGB."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from camofilter.errors import PhotoError
from camofilter.photo.core import contiguous

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camofilter.photo.core import Pixels

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_RED_GREEN_BLUE = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

# ITU-T H.273, table 2: white, and x and y of red, green and blue.
_PRIMARIES = {
    1: (_D65, _RED_GREEN_BLUE),  # BT.709, sRGB
    4: (_C, (0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),  # BT.470 M
    5: (_D65, (0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),  # BT.470 B, G
    6: (_D65, (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),  # SMPTE 170M
    7: (_D65, (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),  # SMPTE 240M
    8: (_C, (0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),  # film
    9: (_D65, (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),  # BT.2020
    11: ((0.314, 0.351), (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),  # DCI P3
    12: (_D65, (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),  # Display P3
    22: (_D65, (0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),  # EBU Tech 3213
}
# Table 3. 1, 6, 7, 11, 12, 14 and 15 are curves of cameras, not of displays: to undo them would lift the shadows. They
# are taken for that of sRGB, which lies between their inverse and the power of 2.4 of a video display (BT.1886).
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_AS_SRGB = frozenset({1, 6, 7, 11, 12, 13, 14, 15})
_PQ, _HLG = 16, 18
_UNSPECIFIED = frozenset({0, 2, 3})  # and reserved

_SDR_WHITE = 203.0  # cd/m², BT.2408: what a diffuse white is shown at
_HLG_PEAK = 1000.0  # cd/m², BT.2100: the display HLG is meant for


@dataclass(frozen=True)
class Encoding:
    """How a file's numbers stand for colours, where it says so without an ICC profile.

    Attributes:
        white: x and y of white.
        primaries: x and y of red, green and blue.
        gamma: the exponent of the display's curve; None for that of sRGB.
        hdr: 16 for PQ and 18 for HLG, as ITU-T H.273 numbers them; None for ordinary light.
        full_range: False where black is 16 and white 235 of 255.
    """

    white: tuple[float, float] = _D65
    primaries: tuple[float, ...] = _RED_GREEN_BLUE
    gamma: float | None = None
    hdr: int | None = None
    full_range: bool = True

    @classmethod
    def cicp(cls, primaries: int, transfer: int, full_range: bool = True) -> Encoding | None:
        """From code points of ITU-T H.273, as cICP of PNG and nclx of AVIF and HEIC hold them.

        Returns:
            The encoding; None where the code points leave it open.

        Raises:
            PhotoError: for code points that are not read.
        """
        if primaries in _UNSPECIFIED and transfer in _UNSPECIFIED and full_range:
            return None
        known = transfer in _GAMMAS or transfer in _AS_SRGB or transfer in (_PQ, _HLG) or transfer in _UNSPECIFIED
        if not known or not (primaries in _PRIMARIES or primaries in _UNSPECIFIED):
            raise PhotoError(
                f"colours of code points {primaries} and {transfer} (ITU-T H.273) are not read; export it as sRGB"
            )
        white, colours = _PRIMARIES.get(primaries, _PRIMARIES[1])
        hdr = transfer if transfer in (_PQ, _HLG) else None
        return cls(white, colours, _GAMMAS.get(transfer), hdr, full_range)

    def is_srgb(self) -> bool:
        """Whether this is sRGB, but for roundings."""
        numbers = np.subtract((*self.white, *self.primaries), (*_D65, *_RED_GREEN_BLUE))
        return self.gamma is None and self.hdr is None and self.full_range and bool(np.abs(numbers).max() < 0.002)

    def profile(self) -> bytes | None:
        """The same as an ICC profile; an HDR curve counts as that of sRGB. None for colours that no display has."""
        import imagecodecs

        red_green_blue = [(x, y, 1.0) for x, y in zip(self.primaries[::2], self.primaries[1::2], strict=True)]
        curve = {"gamma": self.gamma} if self.gamma else {"transferfunction": srgb_light(np.linspace(0, 1, 4096))}
        with suppress(imagecodecs.CmsError):
            profile: bytes = imagecodecs.cms_profile(
                "rgb", whitepoint=(*self.white, 1.0), primaries=sum(red_green_blue, ()), **curve
            )
            return profile
        return None


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The sRGB profile that written files carry; the same bytes on every day."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    created = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # instead of the time of this run
    return profile[:24] + created + profile[36:]


def srgb_light(encoded: NDArray[np.floating]) -> NDArray[np.float32]:
    """Light, 0 to 1, of sRGB values, 0 to 1 (IEC 61966-2-1)."""
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def to_srgb(values: Pixels, colours: bytes | Encoding | None) -> Pixels:
    """H×W×3 sRGB of the same type from H×W×1 grey, ×3 RGB or ×4 CMYK samples.

    Args:
        values: the samples.
        colours: what they stand for: an ICC profile, an encoding of RGB or grey, or None for sRGB. A broken or
            foreign profile is left out.
    """
    if isinstance(colours, Encoding):
        values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values
        if not colours.full_range:
            values = full_range(values)
        if colours.hdr:
            values = tone_mapped(values, colours)
            colours = replace(colours, gamma=None)
        colours = colours.profile()
    return _by_profile(values, colours)


def _by_profile(values: Pixels, profile: bytes | None) -> Pixels:
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


def full_range(values: Pixels) -> Pixels:
    """Stretched, clipped samples whose black was 16 and white 235 of 255 (narrow range of ITU-T H.273)."""
    maximum = np.iinfo(values.dtype).max
    step = (maximum + 1) // 256
    table = (np.arange(maximum + 1) - 16 * step) * (maximum / (219 * step))
    stretched: Pixels = np.rint(np.clip(table, 0, maximum)).astype(values.dtype)[values]
    return stretched


def tone_mapped(values: Pixels, encoding: Encoding) -> Pixels:
    """Samples with the curve of sRGB, of the same type and primaries, from HDR ones.

    Light up to the brightest of the photo is rolled off into that of an ordinary display, whose white stands for
    203 cd/m² (BT.2408): by the curve (EETF) of BT.2390 on the largest of red, green and blue, so that hues
    stay. PQ is decoded by SMPTE ST 2084, HLG by BT.2100 for a display of 1000 cd/m².

    Args:
        values: H×W×3, over their full range.
        encoding: with ``hdr`` set.
    """
    maximum = np.iinfo(values.dtype).max
    codes = np.linspace(0, 1, maximum + 1)
    light = _pq_light(codes) if encoding.hdr == _PQ else _hlg_scene(codes)
    light = light.astype(np.float32)
    peak = float(light[values.max()]) if encoding.hdr == _PQ else _HLG_PEAK
    at = _pq_light(np.linspace(0, 1, 4096))
    gain = _rolled_off(at, peak) / np.maximum(at, 1e-9)
    weights = _luminance(encoding)
    mapped = np.empty_like(values)
    for rows in range(0, len(values), 64):  # not four copies of a whole photo in floating point
        strip = light[values[rows : rows + 64]]
        if encoding.hdr == _HLG:
            strip *= _HLG_PEAK * np.maximum(strip @ weights, 1e-9)[..., np.newaxis] ** 0.2  # BT.2100's OOTF
        strip *= np.interp(strip.max(axis=2), at, gain)[..., np.newaxis] / _SDR_WHITE
        mapped[rows : rows + 64] = np.rint(_srgb_encoded(np.clip(strip, 0, 1)) * maximum)
    return mapped


def _rolled_off(light: NDArray[np.floating], peak: float) -> NDArray[np.floating]:
    """BT.2390's curve from light up to ``peak`` to light up to ordinary white, in cd/m²."""
    if peak <= _SDR_WHITE:
        return light
    top = _pq_code(np.array(peak))
    white = _pq_code(np.array(_SDR_WHITE)) / top
    knee = 1.5 * white - 0.5
    code = np.minimum(_pq_code(light) / top, 1)
    t = np.maximum(code - knee, 0) / (1 - knee)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return _pq_light(np.where(code < knee, code, curve) * top)


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_light(code: NDArray[np.floating]) -> NDArray[np.floating]:
    """cd/m² of PQ codes, 0 to 1 (SMPTE ST 2084)."""
    power = code ** (1 / _M2)
    light: NDArray[np.floating] = 10_000.0 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return light


def _pq_code(light: NDArray[np.floating]) -> NDArray[np.floating]:
    power = (light / 10_000.0) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _hlg_scene(code: NDArray[np.floating]) -> NDArray[np.floating]:
    """Light of the scene, 0 to 1, of HLG codes, 0 to 1 (BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def _luminance(encoding: Encoding) -> NDArray[np.float32]:
    """The shares of red, green and blue in the luminance of white (SMPTE RP 177)."""
    x, y = np.array(encoding.primaries[::2]), np.array(encoding.primaries[1::2])
    white_x, white_y = encoding.white
    white = np.array([white_x / white_y, 1, (1 - white_x - white_y) / white_y])
    shares: NDArray[np.float32] = np.linalg.solve(np.stack([x / y, np.ones(3), (1 - x - y) / y]), white)
    return shares.astype(np.float32)


def _srgb_encoded(light: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)

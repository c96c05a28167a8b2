"""What a person notices between two images: colour, structure, clipping, and the hues of skies and skin.

Differentiable, with finite gradients at any colours, also where both images are equal, black, white or grey.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from camofilter.biqa import as_image
from camofilter.biqa.fit import fit
from camofilter.errors import UsageError
from camofilter.filters.arrays import fit_longer_side, like, luma, smoothstep

# IEC 61966-2-1, linear R, G, B to X, Y, Z: each row by its sum, the white, so that greys have no chroma.
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_XYZ_OF_WHITE = _XYZ / _XYZ.sum(1, keepdims=True)
_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])

# Added under roots, whose slope is infinite at 0: chromas are 10⁻⁵ too large at most, differences 2⁻¹⁵ too small.
_CHROMA_FLOOR = 1e-10
_DIFFERENCE_FLOOR = 2.0**-30

# Wang, Simoncelli and Bovik 2003, §3.2, finest first; the window and the constants are those of SSIM.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2

# Pixels of the longer side at which finished photos are compared.
_LONGEST = 1024


class Change(NamedTuple):
    """What became of a photo, at the size at which it is looked at.

    Attributes:
        delta_e: mean ΔE2000.
        ms_ssim: MS-SSIM of the luma, 1 for equal photos.
        clipped: share of pixels, 0 to 1, that lost all detail in a channel: at neither end before, at one after.
    """

    delta_e: float
    ms_ssim: float
    clipped: float


def change(before: np.ndarray, after: np.ndarray) -> Change:
    """Measures two photos, both reduced to 1024 pixels on the longer side where they are larger.

    Args:
        before, after: H×W×3 of equal size, uint8 or uint16, sRGB.

    Raises:
        UsageError: the shapes differ.
    """
    before, after = as_looked_at(before, after)
    clipped = (_at_an_end(after) & ~_at_an_end(before)).mean()
    with torch.inference_mode():
        images = as_image(before), as_image(after)
        return Change(delta_e_2000(*images).mean().item(), ms_ssim(*images).item(), float(clipped))


def as_looked_at(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two photos at the size at which they are compared: of 1024 pixels on the longer side where they are larger.

    Args:
        before, after: H×W×3 of equal size, uint8 or uint16.

    Returns:
        h×w×3 uint8 each.

    Raises:
        UsageError: the shapes differ.
    """
    if before.shape != after.shape:
        raise UsageError(f"the photos' shapes are {before.shape} and {after.shape}: give two of the same size")
    height, width = fit_longer_side(before.shape[0], before.shape[1], _LONGEST)
    return fit(before, (width, height)), fit(after, (width, height))


def _at_an_end(pixels: np.ndarray) -> np.ndarray:
    """H×W: whether any channel of H×W×3 uint8 pixels is 0 or 255."""
    return np.asarray(((pixels == 0) | (pixels == 255)).any(2))


def lab(image: Tensor) -> Tensor:
    """CIE L*a*b* (CIE 015:2018, §8.2.1) under D65 of sRGB (IEC 61966-2-1).

    Args:
        image: B×3×H×W in [0, 1]; what lies outside is extrapolated.

    Returns:
        B×3×H×W: L* from 0 to 100, a* and b* about ±100; greys have a* = b* = 0 but for rounding.
    """
    dark = 0.04045
    light = _power((image.clamp(min=dark) + 0.055) / 1.055, 2.4) + (image.clamp(max=dark) - dark) / 12.92
    ratios = like(image, _XYZ_OF_WHITE) @ light.flatten(2)
    # f(t) − 4/29, as L* needs it; in a* and b* the 4/29 cancel.
    dim, slope = (6 / 29) ** 3, (29 / 6) ** 2 / 3
    roots = _power(ratios.clamp(min=dim), 1 / 3) - 4 / 29 + (ratios.clamp(max=dim) - dim) * slope
    found: Tensor = (like(image, _LAB) @ roots).reshape(image.shape)
    return found


def _power(base: Tensor, exponent: float) -> Tensor:
    """A power of numbers above 0, in half the time of torch's own, whose backward takes another one."""
    return torch.exp(torch.log(base) * exponent)


def delta_e_2000(a: Tensor, b: Tensor) -> Tensor:
    """CIEDE2000 colour differences of two images, as of :func:`ciede2000`.

    Args:
        a, b: B×3×H×W in [0, 1].

    Returns:
        B×H×W ΔE, exactly 0 where the images are equal.
    """
    return ciede2000(lab(a), lab(b))


def ciede2000(a: Tensor, b: Tensor) -> Tensor:
    """CIEDE2000 (Sharma, Wu and Dalal 2005, Color Res. Appl. 30(1), kL = kC = kH = 1) from L*a*b*.

    A hue is a direction here, not an angle: the mean of two is that of a sum, and ΔH' the length of a difference.
    Where they are exactly opposite, CIEDE2000 jumps between two values; either may come out. Where a grey meets a
    blue its slope is infinite; here it is finite, but as large as 10⁵ to 10⁶ per unit of the image.

    Args:
        a, b: B×3×H×W L*a*b*.

    Returns:
        B×H×W ΔE, exactly 0 where both are equal, elsewhere within 2·10⁻⁴ but for rounding.
    """
    first, second = _colours(a, b)
    hue = _mean_hue(first, second)
    chroma = (first.chroma + second.chroma) / 2
    from_middle = (first.lightness + second.lightness) / 2 - 50
    from_middle = from_middle * from_middle

    lightness = (second.lightness - first.lightness) / (1 + 0.015 * from_middle * torch.rsqrt(20 + from_middle))
    colourfulness = (second.chroma - first.chroma) / (1 + 0.045 * chroma)
    hue_scale = 1 + 0.015 * chroma * _hue_weight(hue)
    turn_x, turn_y = _turn(first, second)
    signed_turn = torch.cos(hue) * turn_y - torch.sin(hue) * turn_x

    turned = (turn_x * turn_x + turn_y * turn_y) / hue_scale + _rotation(hue, chroma) * colourfulness * signed_turn
    return _root(lightness * lightness + colourfulness * colourfulness + turned / hue_scale)


class _Colours(NamedTuple):
    """B×H×W each: L*, a', b* and chroma C' of CIEDE2000."""

    lightness: Tensor
    x: Tensor
    y: Tensor
    chroma: Tensor


def _colours(a: Tensor, b: Tensor) -> tuple[_Colours, _Colours]:
    """The colours of two B×3×H×W L*a*b* images, a* stretched near grey (eqs. 2 to 6)."""
    (light_a, x_a, y_a), (light_b, x_b, y_b) = a.unbind(1), b.unbind(1)
    stretch = 1.5 - 0.5 * _saturating((_chroma(x_a, y_a) + _chroma(x_b, y_b)) / 2)
    x_a, x_b = x_a * stretch, x_b * stretch
    return _Colours(light_a, x_a, y_a, _chroma(x_a, y_a)), _Colours(light_b, x_b, y_b, _chroma(x_b, y_b))


def _chroma(x: Tensor, y: Tensor) -> Tensor:
    """The distance from grey, with a finite slope there."""
    return torch.sqrt(x * x + y * y + _CHROMA_FLOOR)


def _saturating(chroma: Tensor) -> Tensor:
    """√(C⁷ / (C⁷ + 25⁷)), such that nothing under- or overflows."""
    share = chroma / 25
    power = share * share * share * torch.sqrt(share)
    return power * torch.rsqrt(1 + power * power)


def _turn(a: _Colours, b: _Colours) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical of a vector as long as |ΔH'| = 2 √(C'C') |sin(Δh/2)| (eq. 11), square to the mean hue."""
    scale = torch.rsqrt(a.chroma * b.chroma)
    return (b.x * a.chroma - a.x * b.chroma) * scale, (b.y * a.chroma - a.y * b.chroma) * scale


def _mean_hue(a: _Colours, b: _Colours) -> Tensor:
    """Radians from -π to π (eq. 14): where the sum of the two hues' unit vectors points; 0 for two greys."""
    # The addend keeps the slope of the angle finite where both are exactly grey.
    return torch.atan2(a.y * b.chroma + b.y * a.chroma, a.x * b.chroma + b.x * a.chroma + _CHROMA_FLOOR)


def _hue_weight(hue: Tensor) -> Tensor:
    """T (eq. 15)."""
    waves = 0.24 * torch.cos(2 * hue) + 0.32 * torch.cos(3 * hue + math.radians(6))
    return 1 - 0.17 * torch.cos(hue - math.radians(30)) + waves - 0.20 * torch.cos(4 * hue - math.radians(63))


def _rotation(hue: Tensor, chroma: Tensor) -> Tensor:
    """R_T (eqs. 16, 17, 21), of blues only."""
    from_blue = (hue + math.radians(360 - 275)) / math.radians(25)
    # The bound keeps denormal numbers out, which are many times slower.
    share = torch.exp(-(from_blue * from_blue).clamp(max=30))
    return -2 * _saturating(chroma) * torch.sin(math.radians(60) * share)


def _root(square: Tensor) -> Tensor:
    """The square root, level at 0 and exactly 0 there."""
    return torch.sqrt(square + _DIFFERENCE_FLOOR) - math.sqrt(_DIFFERENCE_FLOOR)


def hue_shift(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """How far hues moved: the mean of |ΔH'| of CIEDE2000, without its weight S_H.

    A hue counts by its chroma (eq. 11): what is nearly grey has none that could shift.

    Args:
        before, after: B×3×H×W in [0, 1].
        where: B×1×H×W in [0, 1], what counts, and how much.

    Returns:
        B means in units of ΔE; 0 where nothing counts.
    """
    turn_x, turn_y = _turn(*_colours(lab(before), lab(after)))
    weights = where[:, 0]
    return (weights * _root(turn_x * turn_x + turn_y * turn_y)).sum((1, 2)) / (weights.sum((1, 2)) + 1e-6)


def sky(image: Tensor) -> Tensor:
    """Where colours are those of blue skies: L* 35 to 95, chroma 6 to 60, hue 200° to 290°.

    A band of colours, not a detector: blue cars and water are inside, sunsets and grey clouds outside. It is drawn
    wide around the blue sky of memory-colour studies (Bartleson 1960, J. Opt. Soc. Am. 50; Yendrikhovskij, Blommaert
    and de Ridder 1999, Color Res. Appl. 24), and its limits are our own choice.

    Args:
        image: B×3×H×W in [0, 1].

    Returns:
        B×1×H×W in [0, 1], a half at the limits.
    """
    return _within(image, lightness=(35, 95), chroma=(6, 60), hue=(200, 290))


def skin(image: Tensor) -> Tensor:
    """Where colours are those of skin, dark to fair: L* 15 to 92, chroma 12 to 55, hue 25° to 80°.

    A band of colours, not a detector: wood, sand and bread are inside, skin in coloured light outside. It is drawn
    wide around what is measured on people of many origins (Chardon, Cretois and Hourseau 1991, Int. J. Cosmet. Sci.
    13; Xiao et al. 2017, Skin Res. Technol. 23), as photos are warmer and more colourful than instruments say, and its
    limits are our own choice.

    Args:
        image: B×3×H×W in [0, 1].

    Returns:
        B×1×H×W in [0, 1], a half at the limits.
    """
    return _within(image, lightness=(15, 92), chroma=(12, 55), hue=(25, 80))


# Width of the soft edges of a band, in L* and C* and in degrees of hue.
_SOFT, _SOFT_HUE = 6.0, 16.0


def _within(
    image: Tensor, lightness: tuple[float, float], chroma: tuple[float, float], hue: tuple[float, float]
) -> Tensor:
    """B×1×H×W: 1 inside bands of L*, C* and hue angle (degrees) of L*a*b*, 0 outside, a half at their limits."""
    level, x, y = lab(image).chunk(3, 1)
    colourfulness = _chroma(x, y)
    middle, half = math.radians(sum(hue) / 2), math.radians(hue[1] - hue[0]) / 2
    # By cosines: unlike the angle, they have finite slopes at grey, and no seam.
    near = (x * math.cos(middle) + y * math.sin(middle)) / colourfulness
    edge = math.radians(_SOFT_HUE) / 2
    outer, inner = math.cos(half + edge), math.cos(half - edge)
    inside: Tensor = smoothstep((near - outer) / (inner - outer))
    return inside * _band(level, *lightness) * _band(colourfulness, *chroma)


def _band(values: Tensor, low: float, high: float) -> Tensor:
    """1 between two limits, 0 beyond them, a half at each."""
    inside: Tensor = smoothstep((values - low) / _SOFT + 0.5) * smoothstep((high - values) / _SOFT + 0.5)
    return inside


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Multi-scale structural similarity of the luma (Wang, Simoncelli and Bovik 2003), windows wholly inside.

    Five scales from 176 pixels of the shorter side on; below, as many as the window fits, their weights renormalised;
    below 11 pixels one, with a window as large as the image. A scale that is unrelated on average (below 10⁻⁴) counts
    as 10⁻⁴, as its power would not be a number.

    Args:
        a, b: B×3×H×W in [0, 1].

    Returns:
        B numbers up to 1, which means equal.
    """
    planes = torch.stack([luma(a)[:, 0], luma(b)[:, 0]], 1)
    scales = max(1, min(len(_WEIGHTS), int(math.log2(max(1, min(planes.shape[2:]) / _WINDOW))) + 1))
    similarity = torch.ones_like(planes[:, 0, 0, 0])
    for scale, weight in enumerate(_WEIGHTS[:scales]):
        planes = F.avg_pool2d(planes, 2) if scale else planes
        luminance, structure = _similarities(planes)
        found = structure if scale < scales - 1 else luminance * structure
        similarity = similarity * found.mean((1, 2)).clamp(min=1e-4) ** (weight / sum(_WEIGHTS[:scales]))
    return similarity


def _similarities(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance l and contrast times structure cs of SSIM (eqs. 1 to 3), B×h×w each, of B×2×H×W."""
    a, b = planes[:, 0], planes[:, 1]
    mean_a, mean_b, squares, product = _blur(torch.stack([a, b, a * a + b * b, a * b], 1)).unbind(1)
    mean_squares, mean_product = mean_a**2 + mean_b**2, mean_a * mean_b
    luminance = (2 * mean_product + _C1) / (mean_squares + _C1)
    return luminance, (2 * (product - mean_product) + _C2) / (squares - mean_squares + _C2)


def _blur(planes: Tensor) -> Tensor:
    """B×C×h×w: Gaussian means of B×C×H×W, only where the window lies wholly inside."""
    flat = planes.flatten(0, 1)[:, None]
    rows, columns = _window(flat, planes.shape[2]), _window(flat, planes.shape[3])
    blurred = F.conv2d(F.conv2d(flat, rows.reshape(1, 1, -1, 1)), columns.reshape(1, 1, 1, -1))
    return blurred.reshape(*planes.shape[:2], *blurred.shape[2:])


def _window(image: Tensor, side: int) -> Tensor:
    """n Gaussian weights of the image's type that sum to 1, n being at most the side."""
    size = min(_WINDOW, side)
    place = torch.arange(size, dtype=image.dtype, device=image.device) - (size - 1) / 2
    weight = torch.exp(-(place**2) / (2 * _SIGMA**2))
    return weight / weight.sum()

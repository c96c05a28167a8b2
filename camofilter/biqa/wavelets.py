"""A photo as numbers: wavelet and colour statistics that say how sharp, noisy, compressed, lit and coloured it is.

Luminance and two opponent colours are split into Haar bands on a pyramid (Mallat, IEEE PAMI 11:7, 1989). What is taken
from the bands is known to change with damage: energies, the shape of their distribution, and how bands and scales go
together (Moorthy and Bovik, DIIVINE, IEEE TIP 20:12, 2011); second-order scattering (Bruna and Mallat, IEEE PAMI 35:8,
2013); and how the energies are spread over the frame, since a sharp subject before a soft background is a good photo.
Every statistic is finite, and so is its gradient, whatever the image.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from camofilter.errors import UsageError

# Below this the coarsest level has too few pixels.
SMALLEST_SIDE = 64

_LEVELS = 5
_COLOUR_LEVELS = 2  # from half size, since eyes and JPEG resolve colour half as finely as brightness
_NORMALISED = 3  # levels that are looked at with local contrast divided out
_SCATTERED = 3  # levels whose moduli are split once more
_CELLS, _GRID, _RANKS = 16, 4, 8  # cells a side for local statistics, fields a side, groups of ranks
_BINS = 10  # of the luminance histogram
_HUES = 6
_BLOCK = 8  # of JPEG
_LUMA = ((0.299, 0.587, 0.114),)  # ITU-R BT.601
# Red–green and yellow–blue, as by Hasler and Süsstrunk, Measuring Colourfulness in Natural Images, 2003.
_OPPONENTS = ((1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
# Energy below which a difference of neighbours is nothing: about what rounding to 8 bits causes.
_FLOOR = 1e-6
# How many statistics there are.
FEATURES = 398


def statistics(image: Tensor) -> Tensor:
    """The statistics of a B×3×H×W RGB image in [0, 1]: B×:data:`FEATURES`. A mirrored image has nearly the same.

    Raises:
        UsageError: a side is shorter than 64 pixels.
    """
    if min(image.shape[-2:]) < SMALLEST_SIDE:
        raise UsageError(
            f"the image is {image.shape[-1]}×{image.shape[-2]}: wavelet statistics need at least "
            f"{SMALLEST_SIDE}×{SMALLEST_SIDE} pixels"
        )
    image = image.contiguous()
    half, luminance = F.avg_pool2d(image, 2), _mixed(image, _LUMA)
    levels = pyramid(luminance, _LEVELS)
    colours = pyramid(_mixed(half, _OPPONENTS), _COLOUR_LEVELS)
    # At full size one of four positions will do, and costs a quarter.
    bands = [haar(luminance, 2), *(haar(level) for level in levels[1:])]
    squares = [band.square() for band in bands]
    moduli = [(square + _FLOOR).sqrt() for square in squares]
    local = [_cells(square).sum(1, keepdim=True).add(_FLOOR).log() for square in squares]
    return torch.cat(
        [
            *(_shapes(square, modulus) for square, modulus in zip(squares, moduli, strict=True)),
            *(_coherence(band) for band in bands),
            *(_spread(energy) for energy in local),
            *(_across(fine, coarse) for fine, coarse in pairwise(local)),
            *(_normalised(level) for level in levels[:_NORMALISED]),
            *(_scattering(moduli[level], _LEVELS - 1 - level) for level in range(_SCATTERED)),
            *(_colour_bands(colours[level], bands[level + 1]) for level in range(_COLOUR_LEVELS)),
            _exposure(levels[1]),
            _colour(colours[1], levels[2]),
            _ranked(_cells(F.avg_pool2d(half, 2).amin(1, keepdim=True))),  # the dark channel, which haze fills
            _blockiness(luminance),
            _blockiness(luminance.mT),
        ],
        1,
    )


def _mixed(image: Tensor, weights: tuple[tuple[float, float, float], ...]) -> Tensor:
    """B×3×H×W → B×C×H×W: C weighted sums of the channels."""
    return (torch.tensor(weights).to(image) @ image.flatten(2)).reshape(len(image), -1, *image.shape[-2:])


def pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """B×C×H×W at full size, half, a quarter, …: means of 2×2 pixels, which are Haar's low-pass."""
    halved = [x]
    for _ in range(levels - 1):
        halved.append(F.avg_pool2d(halved[-1], 2))
    return halved


def haar(x: Tensor, step: int = 1) -> Tensor:
    """Haar bands of B×1×h×w at every position, or every second: B×3×h'×w', changes by row, by column and diagonal.

    They are orthonormal: white noise keeps its deviation.
    """
    upper, lower = x[..., :-1:step, :], x[..., 1::step, :]
    total, change = (upper + lower) / 2, (lower - upper) / 2
    left, right = slice(None, -1, step), slice(1, None, step)
    by_row = change[..., left] + change[..., right]
    by_column = total[..., right] - total[..., left]
    return torch.cat([by_row, by_column, change[..., right] - change[..., left]], 1)


def _mean(x: Tensor) -> Tensor:
    """B×C×h×w → B×C. Its gradient, unlike that of Tensor.mean, takes no memory."""
    return x.sum((-2, -1)) / (x.shape[-2] * x.shape[-1])


def _cells(x: Tensor) -> Tensor:
    """B×C×h×w → B×C×16×16 local means."""
    return F.adaptive_avg_pool2d(x, _CELLS)


def _ranked(cells: Tensor) -> Tensor:
    """B×1×16×16 → B×8: mean of the lowest eighth, of the next, …: quantiles that use every value."""
    ordered = cells.flatten(1).sort(1).values
    return ordered.reshape(len(cells), _RANKS, -1).mean(2)


def _fields(cells: Tensor) -> Tensor:
    """B×1×16×16 → B×8: means in 4×4 fields, left and right halves taken together."""
    fields = F.avg_pool2d(cells, _CELLS // _GRID)
    return ((fields + fields.flip(-1)) / 2)[..., : _GRID // 2].flatten(1)


def _spread(cells: Tensor) -> Tensor:
    """B×1×16×16 → B×16: how values are spread over ranks and over the frame."""
    return torch.cat([_ranked(cells), _fields(cells)], 1)


def _shapes(square: Tensor, modulus: Tensor) -> Tensor:
    """Log energy of values, and two logs of ratios of moments, which tell how heavy the tails are: B×3·C.

    The first ratio determines the shape of a generalised Gaussian (Mallat 1989), the second is the kurtosis.

    Args:
        square: the B×C×h×w values' squares.
        modulus: their sizes, rounded at 0.
    """
    energy = _mean(square) + _FLOOR
    ratio = _mean(modulus).square() / energy
    kurtosis = (_mean(square.square()) + _FLOOR**2) / energy.square()
    return torch.cat([energy.log(), ratio.log(), kurtosis.log()], 1)


def _coherence(band: Tensor) -> Tensor:
    """Mean and deviation of how much local changes of B×3×h×w bands have one direction (structure tensor): B×2."""
    rows, columns = band[:, :1], band[:, 1:2]
    across, along, both = _cells(rows.square()), _cells(columns.square()), _cells(rows * columns)
    length = ((across - along).square() + 4 * both.square() + _FLOOR**2).sqrt()
    coherence = (length / (across + along + _FLOOR)).flatten(1)
    return torch.stack([coherence.mean(1), (coherence.var(1) + _FLOOR).sqrt()], 1)


def _across(fine: Tensor, coarse: Tensor) -> Tensor:
    """Local sharpness, the gain of energy from a level to the next coarser one, and the levels' correlation: B×9."""
    a, b = (cells.flatten(1) - cells.flatten(1).mean(1, keepdim=True) for cells in (fine, coarse))
    correlation = (a * b).mean(1, keepdim=True) / (
        (a.square().mean(1, keepdim=True) + 1e-3) * (b.square().mean(1, keepdim=True) + 1e-3)
    ).sqrt()
    return torch.cat([_ranked(fine - coarse), correlation], 1)


def _normalised(level: Tensor) -> Tensor:
    """Statistics of a B×1×h×w level with local mean and contrast divided out (MSCN coefficients): B×8.

    Mittal, Moorthy, Bovik: No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 21:12, 2012; their
    Gaussian window is a 4×4 mean interpolated, and moments replace their fits. Energies of the coefficients' own Haar
    bands say what their products of neighbours say.
    """
    height, width = (side // 4 * 4 for side in level.shape[-2:])
    x = level[..., :height, :width]
    x = x - _smooth(x)
    x = x * (_smooth(x.square()) + 10 * _FLOOR).rsqrt()
    square, bands = x.square(), haar(x, 2)
    return torch.cat(
        [
            _shapes(square, (square + _FLOOR).sqrt()),
            _mean(square * x),
            (_mean(bands.square()) + 1e-3).log(),
            _mean(bands[:, :1] * bands[:, 1:2]),
        ],
        1,
    )


def _smooth(x: Tensor) -> Tensor:
    return F.interpolate(F.avg_pool2d(x, 4), scale_factor=4, mode="bilinear")


def _scattering(modulus: Tensor, coarser: int) -> Tensor:
    """How B×3×h×w moduli of bands change at so many coarser levels, relative to their means: B×9·coarser."""
    mean = _mean(modulus)[:, None]
    found = []
    for level in pyramid(modulus, coarser + 1)[1:]:
        changes = _mean(haar(level.flatten(0, 1)[:, None]).abs()).reshape(len(modulus), 3, 3)
        found.append((changes.mT / mean + 1e-3).log().flatten(1))
    return torch.cat(found, 1)


def _colour_bands(colours: Tensor, luminance: Tensor) -> Tensor:
    """Shapes of the bands of B×2×h×w colours, and correlations with B×3×h×w bands of luminance: B×24."""
    luminance = luminance[..., ::2, ::2]
    energy = _mean(luminance.square()) + _FLOOR
    found = []
    for colour in (colours[:, :1], colours[:, 1:]):
        band = haar(colour, 2)
        square = band.square()
        together = _mean(band * luminance) / ((_mean(square) + _FLOOR) * energy).sqrt()
        found += [_shapes(square, (square + _FLOOR).sqrt()), together]
    return torch.cat(found, 1)


def _exposure(luminance: Tensor) -> Tensor:
    """Of B×1×h×w luminance: moments, shares near black and white, histogram, spread: B×32."""
    x = luminance.flatten(1)
    mean = x.mean(1, keepdim=True)
    square = (x - mean).square()
    variance = square.mean(1) + 1e-4
    moments = (
        mean[:, 0],
        variance.log(),
        (square * (x - mean)).mean(1) / variance.pow(1.5),
        (square.square().mean(1) / variance.square()).log1p(),
        (1 - 16 * x).relu().square().mean(1),
        (16 * x - 15).relu().square().mean(1),
    )
    places = torch.arange(_BINS, device=x.device, dtype=x.dtype)[:, None]
    histogram = (1 - (F.avg_pool2d(luminance, 2).flatten(2) * (_BINS - 1) - places).abs()).relu().mean(2)
    return torch.cat([torch.stack(moments, 1), histogram, _spread(_cells(luminance))], 1)


def _colour(chroma: Tensor, luminance: Tensor) -> Tensor:
    """Of B×2×h×w opponent colours and B×1×h×w luminance: means, variances, colourfulness, spread and hues."""
    x = chroma.flatten(2)
    mean, variance = x.mean(2), x.var(2) + 1e-5
    # Colourfulness as by Hasler and Süsstrunk.
    colourfulness = variance.sum(1).sqrt() + 0.3 * (mean.square().sum(1) + 1e-5).sqrt()
    strength = (chroma.square().sum(1, keepdim=True) + 1e-5).sqrt()
    angles = torch.arange(_HUES, device=x.device, dtype=x.dtype) * (2 * torch.pi / _HUES)
    towards = (torch.stack([angles.cos(), angles.sin()], 1) @ x).relu()
    shares = (towards.square() / strength.flatten(2)).mean(2)
    weighed = (strength * luminance).mean((2, 3))
    return torch.cat(
        [mean, variance.log(), colourfulness.log()[:, None], weighed, shares, _spread(_cells(strength))], 1
    )


def _blockiness(luminance: Tensor) -> Tensor:
    """How much steps between columns of B×1×H×W luminance repeat every 8 pixels, at any offset and at JPEG's: B×3."""
    steps = (luminance[..., 1:] - luminance[..., :-1]).abs().mean((1, 2))
    # A step at a block's edge stands out from its neighbours; one at an edge of the subject does less.
    excess = steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2
    phases = excess[:, : excess.shape[1] // _BLOCK * _BLOCK].reshape(len(excess), -1, _BLOCK).mean(1)
    phases = phases / (steps.mean(1, keepdim=True) + 1e-3)
    # The first step with two neighbours is that from column 1 to 2; JPEG's is from 7 to 8.
    return torch.stack([(phases.var(1) + 1e-4).log(), phases.amax(1), phases[:, _BLOCK - 2]], 1)

"""Natural-scene statistics, which NIQE and BRISQUE share: brightness with local mean and contrast divided out.

Of an undistorted photo these mean-subtracted, contrast-normalised (MSCN) coefficients are distributed alike whatever
it shows; noise, blur and compression change the distribution. Both models describe it by 36 numbers. Mittal, Moorthy,
Bovik: No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 21:12, 2012.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from camofilter.errors import UsageError

# Below this the statistics are of too few pixels.
SMALLEST_SIDE = 192
FEATURES = 36

# Deviations from the local mean, in grey levels, that are rounding errors of float32 and not the photo's.
_ROUNDING = 1e-4
_ALPHAS = (0.2, 10.0, 9801)


class Gaussians(NamedTuple):
    """Asymmetric generalised Gaussians, one for each element of the tensors.

    Attributes:
        alpha: shape, 0.2 to 10; 2 is a Gaussian, 1 a Laplacian.
        left, right: root mean square of the values below and above 0.
    """

    alpha: Tensor
    left: Tensor
    right: Tensor

    @property
    def betas(self) -> tuple[Tensor, Tensor]:
        """The two scale parameters, equation 8 of Lasmar, Stitou, Berthoumieu, ICIP 2009."""
        ratio = (0.5 * (torch.lgamma(1 / self.alpha) - torch.lgamma(3 / self.alpha))).exp()
        return self.left * ratio, self.right * ratio

    @property
    def mean(self) -> Tensor:
        """The distributions' means."""
        left, right = self.betas
        return (right - left) * (torch.lgamma(2 / self.alpha) - torch.lgamma(1 / self.alpha)).exp()


def check_size(image: Tensor) -> None:
    """Refuses a B×3×H×W image that is too small.

    Raises:
        UsageError: a side is shorter than 192 pixels.
    """
    height, width = image.shape[-2:]
    if min(height, width) < SMALLEST_SIDE:
        raise UsageError(
            f"the image is {width}×{height}: natural-scene statistics need {SMALLEST_SIDE}×{SMALLEST_SIDE} or more"
        )


def grey(image: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """B×1×H×W grey levels, 0 to 255, of a B×3×H×W image in [0, 1]: the weighted sum of its channels.

    They are rounded to whole levels, as in the 8-bit photos that the models' parameters were fitted to; gradients pass
    as if they were not.
    """
    red, green, blue = image.unbind(1)
    exact = (weights[0] * red + weights[1] * green + weights[2] * blue)[:, None]
    return exact + (exact.round() - exact).detach()


def halved(levels: Tensor, *, antialias: bool = True) -> Tensor:
    """B×1×H×W reduced to half the width and height, rounded down, by bicubic interpolation."""
    size = (levels.shape[-2] // 2, levels.shape[-1] // 2)
    return F.interpolate(levels, size, mode="bicubic", align_corners=False, antialias=antialias)


def taps() -> Tensor:
    """The Gaussian window in one dimension: 7 weights with the sum 1, float64."""
    weights = torch.tensor([math.exp(-0.5 * (i / (7 / 6)) ** 2) for i in range(-3, 4)], dtype=torch.float64)
    return weights / weights.sum()


def mscn(levels: Tensor) -> tuple[Tensor, Tensor]:
    """MSCN coefficients (equation 1 of the paper) and local deviations of B×1×H×W grey levels in 0..255.

    Both have the same shape. The window is a 7×7 Gaussian with σ = 7/6, edges are repeated. Where a photo is flat the
    coefficients are exactly 0.
    """
    # Rounding errors of the variance are smaller when grey is near 0.
    centred = levels - 128
    local = _blurred(torch.cat([centred, centred.square()]))
    mean, mean_of_squares = local.chunk(2)
    deviation = (mean_of_squares - mean.square()).clamp(min=1e-6).sqrt()
    return F.hardshrink(centred - mean, _ROUNDING) / (deviation + 1), deviation


def fitted(sums: Tensor, count: int) -> Gaussians:
    """Asymmetric generalised Gaussians of values known by their sums; finite whatever the values.

    Moment matching by Lasmar, Stitou, Berthoumieu: Multiscale Skewed Heavy Tailed Model for Texture Analysis, ICIP
    2009; the shape is interpolated in a table of the ratio that it is determined by.

    Args:
        sums: …×5, of the absolute values, the squares below and above 0, and the number of values below and above 0.
        count: number of all values.
    """
    absolute, squares_left, squares_right, below, above = sums.double().unbind(-1)
    left = (squares_left / below.clamp(min=1)).clamp(min=1e-12).sqrt()
    right = (squares_right / above.clamp(min=1)).clamp(min=1e-12).sqrt()
    skew = left / right
    ratio = absolute.square() / (count * (squares_left + squares_right).clamp(min=1e-12))
    ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew.square() + 1).square()
    return Gaussians(_shape(ratio), left, right)


def features(
    coefficients: Tensor, sides: Callable[[Gaussians], tuple[Tensor, Tensor]], *, wrap: bool
) -> tuple[Tensor, Tensor]:
    """The 18 features of one scale, in float64.

    Args:
        coefficients: …×h×w MSCN coefficients.
        sides: what a feature says of the spread below and above 0: the two models differ in it.
        wrap: whether the neighbour beyond an edge is the pixel at the opposite one; else it counts as 0.

    Returns:
        …×18: shape and spread of the coefficients; then shape, mean, left and right spread of their products with
        the neighbour to the right, below, below right and above right. And …, whether all of them mean something:
        there are values on both sides of 0, that is, the photo is not flat.
    """
    maps = [coefficients, *_products(coefficients, wrap)]
    sums = torch.stack([_sums(each) for each in maps], -2)
    shapes = fitted(sums, coefficients.shape[-1] * coefficients.shape[-2])
    left, right = sides(shapes)
    pairs = torch.stack([shapes.alpha, shapes.mean, left, right], -1)[..., 1:, :]
    first = torch.stack([shapes.alpha[..., 0], (left[..., 0] + right[..., 0]) / 2], -1)
    return torch.cat([first, pairs.flatten(-2)], -1), (sums[..., 3:] > 0).all(-1).all(-1)


def _products(x: Tensor, wrap: bool) -> list[Tensor]:
    if wrap:
        return [x * x.roll(shift, (-2, -1)) for shift in ((0, 1), (1, 0), (1, 1), (1, -1))]
    right, below = (x[..., :, :-1] * x[..., :, 1:]), (x[..., :-1, :] * x[..., 1:, :])
    return [right, below, x[..., :-1, :-1] * x[..., 1:, 1:], x[..., 1:, :-1] * x[..., :-1, 1:]]


def _sums(x: Tensor) -> Tensor:
    """…×h×w → …×5, as :func:`fitted` wants them."""
    above = x.relu()
    below = above - x
    parts = (above + below, below.square(), above.square(), below > 0, above > 0)
    return torch.stack([part.sum((-2, -1)).to(x.dtype) for part in parts], -1)


def _blurred(x: Tensor) -> Tensor:
    """B×1×H×W under the Gaussian window."""
    window = taps().to(x)
    padded = F.pad(x, (3, 3, 3, 3), mode="replicate")
    return F.conv2d(F.conv2d(padded, window.view(1, 1, 1, 7)), window.view(1, 1, 7, 1))


def _shape(ratio: Tensor) -> Tensor:
    """The alpha with Γ(2/α)² / (Γ(1/α) Γ(3/α)) = ratio, held within the table."""
    alphas, ratios = (table.to(ratio.device) for table in _shape_table())
    ratio = ratio.clamp(float(ratios[0]), float(ratios[-1]))
    right = torch.searchsorted(ratios, ratio.detach().contiguous()).clamp(1, len(ratios) - 1)
    left = right - 1
    slope = (alphas[right] - alphas[left]) / (ratios[right] - ratios[left])
    return alphas[left] + (ratio - ratios[left]) * slope


@cache
def _shape_table() -> tuple[Tensor, Tensor]:
    alphas = torch.linspace(*_ALPHAS, dtype=torch.float64)
    log_ratio = 2 * torch.lgamma(2 / alphas) - torch.lgamma(1 / alphas) - torch.lgamma(3 / alphas)
    return alphas, log_ratio.exp()

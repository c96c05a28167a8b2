"""What a person notices of a pattern on a photo: in each band of frequencies, more of it where that band hides it.

An eye takes a picture apart into bands about an octave wide, and a pattern is hidden by what the picture has *in the
same band* and at the same place, by nothing else (Legge and Foley 1980, "Contrast masking in human vision", J. Opt.
Soc. Am. 70; Watson and Solomon 1997, "Model of visual contrast gain control and pattern masking", J. Opt. Soc. Am. A
14). So the edge of a roof hides no wave in the sky above it, nor a gradient the grain on it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from camofilter.filters.arrays import blur, luma, resize
from camofilter.optim.perception import skin

# Bands of an octave, finest first, and what is coarser than all of them.
_OCTAVES = 4
# Deviation of a pattern, in shares of white, that is just noticed on a plain middle grey, in each band and in the rest.
# At page size (1,280 pixels across 21°) the finest band of 512 pixels lies at 8 cycles a degree, where sensitivity is
# highest (Mannos and Sakrison 1974, IEEE Trans. Inf. Theory 20); the coarser ones get there seen from farther away, so
# that a curve for any distance is level below its peak (Zeng, Daly and Lei 2002, Signal Process. Image Commun. 17).
_PLAIN, _REST = 0.5 / 255, 0.4 / 255
# Share of the photo's own size in the band, the local mean of its absolute values, by which more is borne. Noise hides
# in noise in proportion (Daly 1993, "The visible differences predictor", whose exponent is 1 for what is no known
# pattern); how much was chosen by crops of faces. A mean of squares would make more of an edge than of a texture, and
# have it reach far into what lies beside: ripples on a cheek before dark hair.
_MASKED = 0.35
# Of the window in which it is taken, and from its middle to the places beside: in pixels of the band's own size.
_WINDOW, _BESIDE = 1.4, 3
# Share by which less is borne on skin: our own choice.
_ON_SKIN = 0.5
# Share of the peaks in what a pattern costs: the root of the mean fourth power (the pooling of Quick 1974, Kybernetik
# 16, over places).
_PEAKS = 0.1
# What is just noticed at black, and how much more of it towards white, by what is at middle grey: Barten's sensitivity
# as the standard display function has it (DICOM PS3.14, of sRGB from 0.5 to 250 cd/m²) rises from 0.46 at black to 1.7
# at white. This line lies 0.2 below it near black, where a weave shows on what is lit by nothing else.
_AT_BLACK, _TOWARDS_WHITE = 0.5, 1.15


class Masking:
    """How much of a pattern is just noticed on a photo, at each place and in each band.

    Args:
        image: 1×3×H×W in [0, 1], at the scale at which the pattern is made.
    """

    def __init__(self, image: Tensor) -> None:
        grey = luma(image)
        borne = (_AT_BLACK + _TOWARDS_WHITE * grey) * (1 - _ON_SKIN * skin(image))
        *octaves, rest = bands(grey)
        self._thresholds = [
            (_PLAIN + _MASKED * _least_around(band)) * resize(borne, *band.shape[2:]) for band in octaves
        ]
        self._thresholds.append(_REST * resize(borne, *rest.shape[2:]))

    def cost(self, pattern: Tensor) -> Tensor:
        """B numbers: how much is noticed of patterns, 0 for none; about 1 for each band that is just noticed all over.

        Args:
            pattern: B×1×H×W, what is added to the luma.
        """
        total = pattern.new_zeros(len(pattern))
        for band, threshold in zip(bands(pattern), self._thresholds, strict=True):
            square = (band / threshold).square()
            # The addend keeps the slope of the root finite where there is no pattern.
            total = total + square.mean((1, 2, 3)) + _PEAKS * (square.square().mean((1, 2, 3)) + 1e-9).sqrt()
        return total

    def shaped(self, pattern: Tensor) -> Tensor:
        """B×1×H×W: a pattern whose every band is as strong as is just noticed there, times what is given.

        Args:
            pattern: B×1×H×W, in what is just noticed.
        """
        scaled = [band * t for band, t in zip(bands(pattern), self._thresholds, strict=True)]
        whole: Tensor = scaled.pop()
        while scaled:
            band = scaled.pop()
            whole = band + resize(whole, *band.shape[2:])
        return whole


def bands(plane: Tensor) -> list[Tensor]:
    """A Laplacian pyramid (Burt and Adelson 1983, IEEE Trans. Commun. 31): octaves, finest first, then the rest.

    With linear kernels, whose bands overlap: cubic ones take three times as long.

    Args:
        plane: B×1×H×W.

    Returns:
        Each half as large as the one before; enlarged and added up they are the plane.
    """
    found = []
    for _ in range(_OCTAVES):
        height, width = plane.shape[2:]
        half = resize(plane, -(-height // 2), -(-width // 2))
        found.append(plane - resize(half, height, width))
        plane = half
    return [*found, plane]


def _least_around(band: Tensor) -> Tensor:
    """The local size of a band, the least of 3×3 places: detail on one side hides nothing on the other."""
    size = blur(band.abs(), _WINDOW / max(band.shape[2:]))
    around = F.pad(size, (_BESIDE,) * 4, mode="replicate")
    return -F.max_pool2d(-around, 3, stride=1, dilation=_BESIDE)

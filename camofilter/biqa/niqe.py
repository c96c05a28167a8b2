"""NIQE: how far a photo's natural-scene statistics lie from those of sharp, undistorted photos.

Mittal, Soundararajan, Bovik: Making a "Completely Blind" Image Quality Analyzer, IEEE Signal Processing Letters 20:3,
2013. It has seen no human score. Its card is ``docs/classic_models.md``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from camofilter.biqa import natural_scenes
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import WeightsError, load_shipped

# Of the shipped weights/niqe.safetensors.
SHA256 = "1f22284d3f17ccbb00955009128c04e6fa7c18e985343228c374ac1b5fd79465"
# Side of a block at full scale, in pixels.
BLOCK = 96
# Brightness of digital video, ITU-R BT.601, which the parameters published for NIQE were fitted in; without its 16 for
# black, to which the statistics are blind.
_LUMA = (65.481, 128.553, 24.966)


class NIQE(nn.Module):
    """RGB in [0, 1], B×3×H×W → B distances, 0 and above, lower is better; sides of at least 192 pixels.

    Whole blocks of 96×96 pixels from the top left are looked at. Flat blocks have no statistics and do not count,
    unless all are flat. Buffer names are those of the published parameters.
    """

    mu_pris_param: Tensor
    cov_pris_param: Tensor
    gaussian_window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mu_pris_param", torch.zeros(1, natural_scenes.FEATURES, dtype=torch.float64))
        self.register_buffer("cov_pris_param", torch.eye(natural_scenes.FEATURES, dtype=torch.float64))
        self.register_buffer("gaussian_window", _window())

    def forward(self, image: Tensor) -> Tensor:
        """The B distances of a B×3×H×W image (equation 10 of the paper).

        Raises:
            UsageError: a side is shorter than 192 pixels.
        """
        features, textured, _ = block_features(image)
        return self.distance(features, textured).to(image.dtype)

    def distance(self, features: Tensor, textured: Tensor) -> Tensor:
        """The B distances of images whose B×N×36 features are known, B×N of them with texture."""
        mean, covariance = gaussian(features, textured | ~textured.any(1, keepdim=True))
        gap = (mean - self.mu_pris_param)[..., None]
        squared: Tensor = gap.mT @ torch.linalg.solve((covariance + self.cov_pris_param) / 2, gap)
        return squared.flatten().clamp(min=1e-12).sqrt()


def block_features(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What NIQE sees of each block of a B×3×H×W image in [0, 1].

    Returns:
        B×N×36 features in float64; B×N, whether the block has texture, without which its features mean nothing; B×N,
        its sharpness, the mean local deviation in grey levels (equation 11 of the paper).

    Raises:
        UsageError: a side of the image is shorter than 192 pixels.
    """
    natural_scenes.check_size(image)
    height, width = (side // BLOCK * BLOCK for side in image.shape[-2:])
    levels = natural_scenes.grey(image[..., :height, :width], _LUMA)
    coefficients, deviation = natural_scenes.mscn(levels)
    fine, fine_textured = _features(_blocks(coefficients, BLOCK))
    coarse, coarse_textured = _features(_blocks(natural_scenes.mscn(natural_scenes.halved(levels))[0], BLOCK // 2))
    sharpness = _blocks(deviation, BLOCK).mean((-2, -1))
    return torch.cat([fine, coarse], -1), fine_textured & coarse_textured, sharpness


def gaussian(features: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, …×36, and covariance, …×36×36, of those N of …×N×36 features that are chosen, …×N and at least one."""
    weight = chosen.to(features.dtype)[..., None]
    number = weight.sum(-2)
    mean = (features * weight).sum(-2) / number
    centred = (features - mean[..., None, :]) * weight
    return mean, centred.mT @ centred / (number - 1).clamp(min=1)[..., None]


def load(path: Path | None = None) -> NIQE:
    """NIQE ready to judge.

    Args:
        path: parameters in the layout of BasicSR's ``niqe_pris_params.npz``, or the same as safetensors; None for the
            shipped ones.

    Raises:
        WeightsError: the file is missing, damaged, not of this layout, or made with another window.
    """
    model = load_shipped(NIQE(), "niqe", SHA256, path)
    if not torch.allclose(model.gaussian_window, _window(), atol=1e-6):
        raise WeightsError(f"{path}: its gaussian_window is another one; expected 7×7 with a deviation of 7/6")
    if torch.linalg.cholesky_ex(model.cov_pris_param).info:
        raise WeightsError(f"{path}: its cov_pris_param is no covariance; expected a positive definite matrix")
    return model.eval()


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """NIQE as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("niqe", scale, load(Path(weights) if weights else None))


def _window() -> Tensor:
    return torch.outer(natural_scenes.taps(), natural_scenes.taps())


def _features(blocks: Tensor) -> tuple[Tensor, Tensor]:
    return natural_scenes.features(blocks, lambda shapes: shapes.betas, wrap=True)


def _blocks(maps: Tensor, side: int) -> Tensor:
    """B×1×H×W → B×N×side×side."""
    rows, columns = maps.shape[-2] // side, maps.shape[-1] // side
    return maps.reshape(-1, rows, side, columns, side).transpose(2, 3).reshape(-1, rows * columns, side, side)

"""The statistics that NIQE and BRISQUE share, against numpy and against distributions that are known."""

from __future__ import annotations

import numpy as np
import pytest
import scenes_oracle as oracle
import torch
from scipy import special, stats

from camofilter.biqa import natural_scenes
from camofilter.biqa.natural_scenes import Gaussians

RNG = np.random.default_rng(0)
LEVELS = np.rint(RNG.normal(120, 40, (40, 56)).clip(0, 255))


def squares(shapes: Gaussians) -> tuple[torch.Tensor, torch.Tensor]:
    return shapes.left.square(), shapes.right.square()


def tensor(levels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(levels)[None, None]


def test_mscn_is_the_papers() -> None:
    coefficients, deviation = natural_scenes.mscn(tensor(LEVELS))
    assert np.allclose(coefficients[0, 0].numpy(), oracle.mscn(LEVELS), atol=1e-6)
    assert deviation.mean() == pytest.approx(40, rel=0.15)


def test_mscn_does_not_see_brightness_and_hardly_contrast() -> None:
    once, _ = natural_scenes.mscn(tensor(LEVELS))
    again, _ = natural_scenes.mscn(tensor(0.5 * LEVELS + 60))
    assert (once - again).abs().max() < 0.06 * once.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_flat_is_exactly_zero(level: int, dtype: torch.dtype) -> None:
    assert not natural_scenes.mscn(torch.full((1, 1, 20, 20), level, dtype=dtype))[0].any()


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 4.0])
def test_the_fit_finds_a_known_distribution(alpha: float) -> None:
    values = torch.from_numpy(stats.gennorm.rvs(alpha, scale=3, size=(500, 500), random_state=1))
    shapes = natural_scenes.fitted(natural_scenes._sums(values), values.numel())
    assert shapes.alpha.item() == pytest.approx(alpha, rel=0.02)
    assert [beta.item() for beta in shapes.betas] == pytest.approx([3, 3], rel=0.02)
    # A root mean square of half of N values has the relative error √((kurtosis − 1) / N / 2), and there are two.
    kurtosis = special.gamma(5 / alpha) * special.gamma(1 / alpha) / special.gamma(3 / alpha) ** 2
    error = 3 * special.gamma(2 / alpha) / special.gamma(1 / alpha) * np.sqrt((kurtosis - 1) / values.numel())
    assert abs(shapes.mean.item()) < 3 * error


def test_the_fit_finds_a_skewed_distribution() -> None:
    """Its right scale is twice the left one, and so is the share of values there."""
    sizes = stats.gennorm.rvs(1.2, size=(500, 500), random_state=2)
    values = torch.from_numpy(abs(sizes) * RNG.choice([-2, 4], sizes.shape, p=[1 / 3, 2 / 3]))
    shapes = natural_scenes.fitted(natural_scenes._sums(values), values.numel())
    assert [beta.item() for beta in shapes.betas] == pytest.approx([2, 4], rel=0.02)
    assert shapes.mean.item() == pytest.approx(values.mean().item(), rel=0.02)


@pytest.mark.parametrize("wrap", [False, True])
def test_features_are_the_oracles(wrap: bool) -> None:
    coefficients = oracle.mscn(LEVELS)
    found, textured = natural_scenes.features(torch.from_numpy(coefficients), squares, wrap=wrap)
    assert np.allclose(found.numpy(), oracle.features(coefficients, lambda _, le, ri: (le**2, ri**2), wrap), atol=1e-3)
    assert textured


@pytest.mark.parametrize("wrap", [False, True])
def test_features_have_a_gradient(wrap: bool) -> None:
    levels = torch.from_numpy(RNG.uniform(0, 255, (1, 1, 16, 16))).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: natural_scenes.features(natural_scenes.mscn(x)[0], squares, wrap=wrap)[0], levels, atol=1e-4
    )


def test_features_of_what_is_flat_are_finite_and_said_to_mean_nothing() -> None:
    flat = torch.zeros(2, 16, 16, requires_grad=True)
    found, textured = natural_scenes.features(flat, lambda shapes: shapes.betas, wrap=True)
    found.sum().backward()
    assert found.isfinite().all()
    assert not textured.any()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


@pytest.mark.parametrize(("antialias", "a", "stretch"), [(False, -0.75, 1), (True, -0.5, 2)])
def test_half_the_size(antialias: bool, a: float, stretch: int) -> None:
    found = natural_scenes.halved(tensor(LEVELS), antialias=antialias)
    assert np.allclose(found[0, 0].numpy(), oracle.halved(LEVELS, a, stretch), atol=1e-6)


def test_grey_is_whole_and_lets_gradients_through() -> None:
    image = torch.rand(1, 3, 5, 5, requires_grad=True)
    levels = natural_scenes.grey(image, (60.0, 150.0, 45.0))
    exact = 60 * image[:, :1] + 150 * image[:, 1:2] + 45 * image[:, 2:]
    assert torch.allclose(levels, exact.round(), atol=1e-4)
    levels.sum().backward()
    assert image.grad is not None
    assert image.grad[0, :, 0, 0].tolist() == [60, 150, 45]

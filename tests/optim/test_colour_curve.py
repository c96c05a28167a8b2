"""The adversarial colour filter: its curve is the published formula, and it hides a real photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from camofilter import biqa
from camofilter.biqa import as_image
from camofilter.biqa.fit import fit
from camofilter.optim.colour_curve import colour_curve, curve
from camofilter.optim.search import Progress


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pieces(count: int = 64, images: int = 2) -> Tensor:
    """B×3×K within the published bounds."""
    return (1 + 15 * torch.rand(images, 3, count, generator=dice(1))) / count


@pytest.fixture
def images() -> Tensor:
    """Two small ones with black, white and every knot of 64 pieces in them."""
    images = torch.rand(2, 3, 12, 12, generator=dice())
    images.flatten(2)[..., :65] = torch.arange(65) / 64
    return images


def dimmer(image: Tensor) -> Tensor:
    """Seen above a mean of 0.4."""
    return 100 * (image.mean((1, 2, 3)) - 0.4)


@pytest.mark.parametrize("count", [2, 7, 64])
def test_curve_is_the_published_formula(images: Tensor, count: int) -> None:
    p = pieces(count)
    literal = sum((images - i / count).clamp(0, 1 / count) * p[:, :, i, None, None] for i in range(count))
    literal = literal * count / p.sum(2)[:, :, None, None]
    assert torch.allclose(curve(images, p), literal, atol=2e-6)


def test_equal_pieces_are_the_identity(images: Tensor) -> None:
    for level in (1 / 64, 0.2):
        assert torch.allclose(curve(images, torch.full((2, 3, 64), level)), images, atol=1e-6)


def test_curve_rises_from_black_to_white() -> None:
    ramp = torch.linspace(0, 1, 1000).reshape(1, 1, 1, -1).expand(1, 3, 1, -1)
    curved = curve(ramp, pieces(images=1))
    assert (curved.diff(dim=3) > 0).all()
    assert torch.allclose(curved[..., 0], torch.tensor(0.0), atol=1e-6)
    assert torch.allclose(curved[..., -1], torch.tensor(1.0), atol=1e-6)


def test_only_ratios_of_the_pieces_count(images: Tensor) -> None:
    assert torch.allclose(curve(images, pieces()), curve(images, 3 * pieces()), atol=1e-6)


def test_curve_has_the_right_gradients() -> None:
    """Away from the corners, where there is no single slope."""
    image = ((torch.randint(0, 8, (2, 3, 3, 3), generator=dice()) + 0.3) / 8).double().requires_grad_()
    p = pieces(8).double().requires_grad_()
    assert torch.autograd.gradcheck(curve, (image, p))


def test_hides_within_the_bounds_and_the_same_again(images: Tensor) -> None:
    found, p = colour_curve(images, dimmer)
    assert (dimmer(images) > 0).all()
    assert (dimmer(found) < 0).all()
    assert p.shape == (2, 3, 64)
    assert p.min() >= 1 / 64
    assert p.max() <= 16 / 64
    assert torch.equal(found, curve(images, p))
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad
    again, same = colour_curve(images, dimmer)
    assert torch.equal(again, found)
    assert torch.equal(same, p)


def test_batch_equals_single(images: Tensor) -> None:
    both, _ = colour_curve(images, dimmer, steps=30)
    for i in range(2):
        alone, _ = colour_curve(images[i : i + 1], dimmer, steps=30)
        assert torch.allclose(both[i : i + 1], alone, atol=1e-5)


def test_a_dearer_curve_changes_less(images: Tensor) -> None:
    def change(weight: float) -> float:
        _, p = colour_curve(images, dimmer, weight=weight)
        return (p / p.sum(2, keepdim=True) - 1 / 64).square().sum().item()

    assert change(500.0) < 0.95 * change(0.0)


def test_what_is_not_seen_stays(images: Tensor) -> None:
    found, p = colour_curve(images, lambda image: dimmer(image) - 50, steps=5)
    assert torch.equal(p, torch.full_like(p, 1 / 64))
    assert torch.allclose(found, images, atol=1e-6)


def test_what_cannot_be_hidden_is_at_least_seen_less(images: Tensor) -> None:
    seen: list[Progress] = []
    found, p = colour_curve(images, lambda image: dimmer(image) + 1000, steps=20, progress=seen.append)
    assert (dimmer(found) < dimmer(images) - 5).all()
    assert torch.isfinite(p).all()
    assert [s.step for s in seen] == list(range(1, 21))
    assert seen[-1].exposure == pytest.approx(dimmer(found).max().item() + 1000, abs=0.01)


def test_the_real_model_no_longer_sees_a_photo(examples: list[Path]) -> None:
    with Image.open(next(path for path in examples if "osprey" in path.name)) as opened:
        photo = as_image(fit(np.asarray(opened), (512, 384)))
    target = biqa.get("compact_iqa@2")  # from version 3 a curve alone does not hide it
    assert target.score(photo).item() > 60
    found, _ = colour_curve(photo, target.margin, steps=24)
    assert target.score(found).item() < 50

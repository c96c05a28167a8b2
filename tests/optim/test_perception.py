"""What a person notices: against independent implementations, and finite wherever a search may come."""

from __future__ import annotations

import math
from collections.abc import Callable

import colour
import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from camofilter.errors import UsageError
from camofilter.optim.perception import change, ciede2000, delta_e_2000, hue_shift, lab, ms_ssim, skin, sky

# Sharma, Wu and Dalal 2005, from table 1: two colours and their difference.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, -0.001, 2.49), (50.0, 0.0009, -2.49), 4.8045),
    ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def noise(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def patch(*levels: int) -> Tensor:
    return (torch.tensor(levels) / 255).reshape(1, 3, 1, 1)


def last(image: Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


def test_lab_is_that_of_the_standards() -> None:
    image = torch.cat([noise(0, 1, 3, 40, 40), 0.05 * noise(1, 1, 3, 40, 40)], 3)
    # colour's default white differs from that of the matrix in the fifth digit.
    white = colour.XYZ_to_xy(np.array([0.9505, 1.0, 1.0890]))
    expected = colour.XYZ_to_Lab(colour.sRGB_to_XYZ(last(image)), white)
    np.testing.assert_allclose(last(lab(image)), expected, atol=2e-3)


def test_ciede2000_of_the_published_pairs() -> None:
    a, b, expected = (np.array(column) for column in zip(*PAIRS, strict=True))
    images = [torch.tensor(x.T.reshape(1, 3, 1, -1)) for x in (a, b)]
    np.testing.assert_allclose(ciede2000(*images).flatten(), expected, atol=1.5e-4)


@pytest.mark.parametrize("spread", [0.02, 3.0, 60.0])
def test_ciede2000_is_colours(spread: float) -> None:
    random = np.random.default_rng(0)
    a, b = (random.uniform([0, -spread, -spread], [100, spread, spread], (4000, 3)) for _ in range(2))
    close = a + random.normal(0, 0.5, a.shape)
    for other in (b, close):
        images = [torch.tensor(x.T.reshape(1, 3, 1, -1)) for x in (a, other)]
        expected = colour.delta_E(a, other, method="CIE 2000")
        np.testing.assert_allclose(ciede2000(*images).flatten(), expected, atol=3e-4)


def test_equal_images_differ_by_nothing() -> None:
    image = noise(2, 2, 3, 20, 20, dtype=torch.float32)
    assert delta_e_2000(image, image.clone()).abs().max() == 0
    assert hue_shift(image, image.clone(), torch.ones(2, 1, 20, 20)).abs().max() == 0
    assert ms_ssim(image, image.clone()).tolist() == pytest.approx([1, 1])


def oracle(a: Tensor, b: Tensor) -> Tensor:
    """MS-SSIM by torchmetrics; its last scale alone averages over padding, so that scale is cropped here."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363)
    above = multiscale_structural_similarity_index_measure(
        a, b, data_range=1.0, betas=(*weights, 0.0), reduction="none"
    )
    small = (torch.nn.functional.avg_pool2d(x, 16) for x in (a, b))
    _, full = structural_similarity_index_measure(*small, data_range=1.0, return_full_image=True)
    return above * full[..., 5:-5, 5:-5].mean((1, 2, 3)) ** 0.1333


def test_ms_ssim_is_torchmetrics() -> None:
    coarse = torch.nn.functional.interpolate(noise(3, 2, 1, 24, 30, dtype=torch.float32), (192, 240), mode="bicubic")
    a = coarse.clamp(0, 1)
    b = (0.6 * a + 0.1 + 0.25 * noise(4, 2, 1, 192, 240, dtype=torch.float32)).clamp(0, 1)
    found = ms_ssim(a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1))
    assert found.max() < 0.95
    torch.testing.assert_close(found, oracle(a, b), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(175, 200), (44, 60), (11, 11), (7, 90), (1, 1)])
def test_small_images_have_fewer_scales(size: tuple[int, int]) -> None:
    image = noise(5, 1, 3, *size)
    found = ms_ssim(image, image * 0.5).item()
    assert 0 < found < 0.999


MEASURES = {
    "delta_e_2000": delta_e_2000,
    "ms_ssim": ms_ssim,
    "hue_shift": lambda a, b: hue_shift(a, b, torch.full_like(a[:, :1], 0.5)),
}


@pytest.mark.parametrize("name", MEASURES)
def test_gradients_are_right(name: str) -> None:
    a, b = (noise(seed, 2, 3, 4, 5).requires_grad_() for seed in (6, 7))
    assert torch.autograd.gradcheck(MEASURES[name], (a, b))


@pytest.mark.parametrize("mask", [sky, skin])
def test_gradients_of_masks_are_right(mask: Callable[[Tensor], Tensor]) -> None:
    assert torch.autograd.gradcheck(mask, noise(8, 1, 3, 8, 8).requires_grad_())


COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
}


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("other", [None, *COLOURS])
def test_gradients_are_finite(name: str, other: str | None) -> None:
    image = patch(*COLOURS[name]).expand(1, 3, 12, 12).clone().requires_grad_()
    beside = patch(*COLOURS[other or name]).expand(1, 3, 12, 12)
    found = [measure(image, beside).sum() for measure in MEASURES.values()] + [sky(image).sum(), skin(image).sum()]
    for value in found:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", MEASURES)
def test_symmetric_and_each_image_by_itself(name: str) -> None:
    a, b = noise(9, 3, 3, 24, 30), noise(10, 3, 3, 24, 30)
    found = MEASURES[name](a, b)
    torch.testing.assert_close(MEASURES[name](b, a), found)
    torch.testing.assert_close(torch.cat([MEASURES[name](a[i : i + 1], b[i : i + 1]) for i in range(3)]), found)


@pytest.mark.parametrize("levels", [(92, 62, 48), (115, 82, 68), (141, 85, 61), (194, 150, 130), (245, 215, 190)])
def test_skin_from_dark_to_fair(levels: tuple[int, int, int]) -> None:
    assert skin(patch(*levels)).item() > 0.3
    assert sky(patch(*levels)).item() == 0


@pytest.mark.parametrize("levels", [(135, 206, 235), (98, 122, 157), (90, 150, 220)])
def test_blue_sky(levels: tuple[int, int, int]) -> None:
    assert sky(patch(*levels)).item() > 0.7
    assert skin(patch(*levels)).item() == 0


@pytest.mark.parametrize("levels", [(0, 0, 0), (128, 128, 128), (255, 255, 255), (70, 150, 60)])
def test_greys_and_greens_are_neither(levels: tuple[int, int, int]) -> None:
    assert skin(patch(*levels)).item() == sky(patch(*levels)).item() == 0


def test_hue_shift_counts_where_it_should_and_hue_only() -> None:
    before = torch.cat([patch(194, 150, 130), patch(135, 206, 235)], 3)
    after = torch.cat([patch(194, 150, 130), patch(150, 190, 245)], 3)
    assert hue_shift(before, after, skin(before)).item() == 0
    assert hue_shift(before, after, sky(before)).item() > 3
    assert hue_shift(before, after, torch.zeros(1, 1, 1, 2)).item() == 0
    x, y = lab(before[..., 1:]).flatten()[1:].tolist()
    u, v = lab(after[..., 1:]).flatten()[1:].tolist()
    share = ((math.hypot(x, y) + math.hypot(u, v)) / 2) ** 7
    stretch = 1.5 - 0.5 * math.sqrt(share / (share + 25**7))
    angle = math.atan2(v, u * stretch) - math.atan2(y, x * stretch)
    expected = 2 * math.sqrt(math.hypot(x * stretch, y) * math.hypot(u * stretch, v)) * abs(math.sin(angle / 2))
    assert hue_shift(before, after, sky(before)).item() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_change_of_photos(kind: type[np.uint8 | np.uint16]) -> None:
    scale = np.iinfo(kind).max // 255
    before = np.full((1500, 600, 3), 100, kind) * kind(scale)
    after = before.copy()
    assert change(before, after) == pytest.approx((0, 1, 0), abs=1e-6)
    after[:375, :, 1] = 255 * scale
    found = change(before, after)
    assert found.clipped == pytest.approx(0.25, abs=0.01)
    assert found.delta_e == pytest.approx(delta_e_2000(patch(100, 100, 100), patch(100, 255, 100)).item() / 4, rel=0.02)
    assert found.ms_ssim < 0.95
    assert change(after, after).clipped == 0


def test_photos_of_different_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="give two of the same size"):
        change(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4, 3), np.uint8))

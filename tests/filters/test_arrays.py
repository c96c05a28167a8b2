"""The vocabulary that the filters share, against torch, scipy and the laws it claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from camofilter.filters import arrays
from camofilter.filters.arrays import Window, blur, fit_longer_side, gain, into_gamut, luma, resize, spread

SIZES = [(7, 9), (20, 31), (40, 62), (53, 17), (1, 1), (81, 31), (21, 124)]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape)


class TestResize:
    @pytest.mark.parametrize(("height", "width"), SIZES)
    def test_equals_torch(self, height: int, width: int) -> None:
        image = noise(2, 3, 41, 62)
        expected = F.interpolate(torch.tensor(image), (height, width), mode="bilinear", antialias=True)
        np.testing.assert_allclose(resize(image, height, width), expected.numpy(), atol=2e-6)
        np.testing.assert_allclose(resize(torch.tensor(image), height, width), expected.numpy(), atol=2e-6)

    def test_enlarging_equals_plain_bilinear(self) -> None:
        image = noise(1, 3, 9, 14)
        expected = F.interpolate(torch.tensor(image), (27, 50), mode="bilinear", align_corners=False)
        np.testing.assert_allclose(resize(image, 27, 50), expected.numpy(), atol=2e-6)

    @pytest.mark.parametrize("window", [Window(0, 0, 1, 1), Window(5, 3, 7, 20), Window(52, 0, 1, 71)])
    @pytest.mark.parametrize(("height", "width"), [(20, 31), (53, 71)])
    def test_window_is_the_slice_of_the_whole(self, window: Window, height: int, width: int) -> None:
        image = noise(1, 2, 40, 62)
        top, left, h, w = window
        expected = resize(image, height, width)[..., top : top + h, left : left + w]
        np.testing.assert_allclose(resize(image, height, width, window), expected, atol=1e-12)

    def test_window_at_the_same_size_is_a_crop(self) -> None:
        image = noise(1, 2, 8, 9)
        np.testing.assert_array_equal(resize(image, 8, 9, Window(2, 3, 4, 5)), image[..., 2:6, 3:8])

    def test_same_size_is_the_image_itself(self) -> None:
        image = noise(1, 3, 5, 6)
        np.testing.assert_array_equal(resize(image, 5, 6), image)
        assert np.shares_memory(resize(image, 5, 6), image)

    @pytest.mark.parametrize(("height", "width"), SIZES)
    def test_plain_stays_plain_and_nothing_overshoots(self, height: int, width: int) -> None:
        np.testing.assert_allclose(resize(np.full((1, 3, 41, 62), 0.3), height, width), 0.3, atol=1e-6)
        checks = (np.indices((1, 3, 41, 62)).sum(0) % 2).astype(float)
        out = resize(checks, height, width)
        assert out.min() > -1e-6
        assert out.max() < 1 + 1e-6


class TestBlur:
    @pytest.mark.parametrize("sigma", [0.01, 0.03, 0.08])
    def test_equals_scipy_in_the_interior(self, sigma: float) -> None:
        image = noise(1, 2, 100, 140)
        pixels = sigma * 140
        expected = gaussian_filter(image, (0, 0, pixels, pixels), truncate=8)
        margin = int(4 * pixels)
        inside = (..., slice(margin, 100 - margin), slice(margin, 140 - margin))
        np.testing.assert_allclose(blur(image, sigma)[inside], expected[inside], atol=2e-4)

    def test_width_may_differ_by_image(self) -> None:
        image = noise(2, 3, 12, 20)
        both = blur(image, np.array([0.02, 0.2]))
        np.testing.assert_allclose(both[:1], blur(image[:1], 0.02), atol=1e-12)
        np.testing.assert_allclose(both[1:], blur(image[1:], 0.2), atol=1e-12)

    def test_plain_stays_plain_up_to_the_borders(self) -> None:
        np.testing.assert_allclose(blur(np.full((1, 3, 12, 20), 0.3), 0.1), 0.3, atol=1e-12)

    def test_gradient_of_the_width(self) -> None:
        image = torch.tensor(noise(2, 1, 6, 8), requires_grad=True)
        sigma = torch.tensor([0.1, 0.3], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(blur, (image, sigma))


def naive_spread(grid: np.ndarray, height: int, width: int, sigma: float) -> np.ndarray:
    """H×W: at each pixel the mean of all cells, weighted by a Gaussian of their distance from it, one by one."""
    rows, columns = grid.shape
    out = np.empty((height, width))
    i, j = np.indices(grid.shape)
    for y in range(height):
        for x in range(width):
            down, across = (y + 0.5) * rows / height - 0.5 - i, (x + 0.5) * columns / width - 0.5 - j
            weight = np.exp(-(down**2 + across**2) / (2 * (sigma * max(grid.shape)) ** 2))
            out[y, x] = (weight * grid).sum() / weight.sum()
    return out


class TestSpread:
    @pytest.mark.parametrize("sigma", [0.05, 0.1, 0.3])
    @pytest.mark.parametrize("size", [(9, 13), (20, 31), (40, 26), (5, 7), (1, 1)])
    def test_equals_a_naive_sum(self, size: tuple[int, int], sigma: float) -> None:
        grid = noise(2, 3, 9, 13)
        expected = np.stack([[naive_spread(plane, *size, sigma) for plane in planes] for planes in grid])
        np.testing.assert_allclose(spread(grid, *size, sigma), expected, atol=1e-6)
        np.testing.assert_allclose(spread(torch.tensor(grid), *size, sigma).numpy(), expected, atol=1e-6)

    @given(st.floats(0.001, 1), st.integers(1, 40), st.integers(1, 40))
    def test_plain_stays_plain(self, sigma: float, height: int, width: int) -> None:
        np.testing.assert_allclose(spread(np.full((1, 1, 9, 12), 0.3), height, width, sigma), 0.3, atol=1e-12)

    def test_at_its_own_size_it_is_a_blur(self) -> None:
        grid = noise(1, 2, 30, 40)
        np.testing.assert_allclose(spread(grid, 30, 40, 0.03), blur(grid, 0.03), atol=1e-12)

    def test_width_may_differ_by_image_on_one_grid(self) -> None:
        both = spread(noise(1, 1, 9, 12), 20, 30, np.array([0.05, 0.2]))
        for i, sigma in enumerate((0.05, 0.2)):
            np.testing.assert_allclose(both[i : i + 1], spread(noise(1, 1, 9, 12), 20, 30, sigma), atol=1e-12)

    def test_gradients(self) -> None:
        grid = torch.tensor(noise(2, 1, 4, 5), requires_grad=True)
        sigma = torch.tensor([0.2, 0.4], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda g, s: spread(g, 6, 8, s), (grid, sigma))


class TestGain:
    @given(st.floats(0.3, 3), st.floats(0.3, 3))
    def test_factors_multiply(self, first: float, second: float) -> None:
        tones = np.linspace(0, 1, 101).reshape(1, 1, 1, -1)
        np.testing.assert_allclose(gain(gain(tones, first), second), gain(tones, first * second), atol=1e-12)

    @given(st.floats(0.3, 3))
    def test_slope_at_black_and_fixed_ends(self, factor: float) -> None:
        black, near, white = gain(np.array([0, 1e-4, 1]).reshape(1, 1, 1, 3), factor).ravel()
        assert black == 0
        assert near / 1e-4 == pytest.approx(factor, rel=1e-6)
        assert white == pytest.approx(1, abs=1e-12)


class TestLuma:
    def test_of_the_primaries(self) -> None:
        # Rec. ITU-R BT.709-6, item 3.2
        primaries = np.eye(3).reshape(3, 3, 1, 1)
        np.testing.assert_array_equal(luma(primaries).ravel(), [0.2126, 0.7152, 0.0722])

    def test_of_greys_is_their_tone(self, greys: np.ndarray) -> None:
        np.testing.assert_allclose(luma(greys), greys[:, :1], atol=1e-15)


class TestIntoGamut:
    def test_inside_is_returned_exactly(self, colours: np.ndarray) -> None:
        np.testing.assert_array_equal(into_gamut(colours, luma(colours)), colours)

    @given(st.floats(0, 2))
    def test_fits_and_keeps_luma_and_hue(self, more: float) -> None:
        colours = noise(1, 3, 20, 20)
        grey = luma(colours)
        out = into_gamut(colours + (colours - grey) * more, grey)
        assert out.min() >= 0
        assert out.max() <= 1
        # 0.001: the softness that keeps black and white finite leaves that much to a clip.
        np.testing.assert_allclose(luma(out), grey, atol=1e-3)
        np.testing.assert_allclose(np.cross(out - grey, colours - grey, axis=1), 0, atol=1e-3)
        assert ((out - grey) * (colours - grey)).sum(1).min() > 0


class TestSmallThings:
    @pytest.mark.parametrize(
        ("size", "longest", "expected"),
        [((300, 400), 200, (150, 200)), ((400, 300), 200, (200, 150)), ((3, 4), 200, (3, 4)),
         ((1, 9000), 256, (1, 256)), ((200, 200), 200, (200, 200))],
    )  # fmt: skip
    def test_fit_longer_side(self, size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
        assert fit_longer_side(*size, longest) == expected

    @pytest.mark.parametrize("kind", [np.array, torch.tensor], ids=["numpy", "torch"])
    def test_maximum_and_minimum(self, kind: Any) -> None:
        image = kind([[[[0.25]], [[0.75]], [[0.5]]]])
        assert arrays.maximum(image).reshape(-1).tolist() == [0.75]
        assert arrays.minimum(image).reshape(-1).tolist() == [0.25]
        assert arrays.maximum(image).shape == (1, 1, 1, 1)

    def test_like_takes_type_and_keeps_the_graph(self) -> None:
        wanted = torch.zeros(1, dtype=torch.float64)
        leaf = torch.ones(2, requires_grad=True)
        assert arrays.like(wanted, [1, 2]).dtype == torch.float64
        assert arrays.like(wanted, leaf).requires_grad
        assert arrays.like(np.zeros(1, np.float32), [1, 2]).dtype == np.float32

    def test_one_stop_of_light_is_a_factor_of_2_in_linear_light(self) -> None:
        assert arrays.ev_to_factor(1.0) ** 2.2 == pytest.approx(2)
        assert arrays.ev_to_factor(0.0) == 1

"""Channel mixer: the matrix near black, greys by the rows' sums, and nothing clips."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import gain, luma

channel_mixer = filters.get("channel_mixer")
RANDOM = np.random.default_rng(0)
MATRICES = [np.eye(3) + RANDOM.uniform(-0.2, 0.2, (3, 3)) for _ in range(5)]
every_matrix = pytest.mark.parametrize("matrix", MATRICES, ids=range(5))


@every_matrix
def test_near_black_is_the_matrix_as_it_stands(matrix: np.ndarray) -> None:
    pale = 1e-3 * (1 + RANDOM.uniform(-0.2, 0.2, (1, 3, 4, 5)))
    expected = np.einsum("ij,bjhw->bihw", matrix, pale)
    np.testing.assert_allclose(channel_mixer(pale, *matrix.ravel()), expected, rtol=1e-6)


@every_matrix
def test_greys_get_the_gain_of_the_sums(matrix: np.ndarray, greys: np.ndarray) -> None:
    expected = gain(greys, matrix.sum(1).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(channel_mixer(greys, *matrix.ravel()), expected, atol=1e-9)


@every_matrix
def test_greys_stay_where_the_shares_sum_to_1(matrix: np.ndarray, greys: np.ndarray) -> None:
    out = channel_mixer(greys, *(matrix / matrix.sum(1, keepdims=True)).ravel())
    np.testing.assert_allclose(out, greys, atol=1e-9)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 1, 1)], ids=str)
def test_channels_can_be_swapped(order: tuple[int, ...], colours: np.ndarray) -> None:
    out = channel_mixer(colours, *np.eye(3)[list(order)].ravel())
    np.testing.assert_allclose(out, colours[:, list(order)], atol=1e-12)


def test_too_full_colours_lose_chroma_and_keep_luma() -> None:
    matrix = np.array([[1.8, -0.6, -0.2], [-0.2, 1.4, -0.2], [-0.1, -0.5, 1.6]])  # rows sum to 1
    image = np.array([0.85, 0.4, 0.3]).reshape(1, 3, 1, 1)
    mixed = np.einsum("ij,bjhw->bihw", matrix, image)
    assert mixed.max() > 1
    out = channel_mixer(image, *matrix.ravel())
    assert luma(out).item() == pytest.approx(luma(mixed).item(), abs=2e-3)
    hues = np.cross((out - luma(out)).ravel(), (mixed - luma(mixed)).ravel())
    np.testing.assert_allclose(hues, 0, atol=2e-3)

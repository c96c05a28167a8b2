"""Grain: how much, how coarse, and that it is the same grain at every size."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import resize

grain = filters.get("grain")


def texture(height: int = 768, width: int = 1024, tone: float = 0.5, **settings: Any) -> np.ndarray:
    """3×H×W: what is added to a plain photo."""
    plain = np.full((1, 3, height, width), tone, np.float32)
    out: np.ndarray = (grain(plain, **({"amount": 0.03} | settings)) - plain)[0]
    return out


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation coefficient."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("size", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("chroma", [0.0, 0.3, 1.0])
def test_amount_is_the_deviation_in_the_midtones(size: float, chroma: float) -> None:
    added = texture(size=size, chroma=chroma)
    assert added.std() == pytest.approx(0.03, rel=0.05)
    assert abs(added.mean()) < 0.001


def test_midtones_have_most_black_and_white_none() -> None:
    spreads = [texture(48, 64, tone=tone).std() for tone in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1)]
    assert spreads[0] == spreads[-1] == 0
    assert spreads == pytest.approx(spreads[::-1], rel=1e-3)
    assert spreads[:4] == sorted(spreads[:4])


@pytest.mark.parametrize("size", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("times", [2, 3])
def test_same_grain_at_every_size(times: int, size: float) -> None:
    small = texture(720 // times, 960 // times, size=size)
    reduced = resize(texture(720, 960, size=size)[None], 720 // times, 960 // times)[0]
    assert likeness(reduced, small) > 0.99
    assert 0.87 < reduced.std() / small.std() < 1.01


@pytest.mark.parametrize(("longer", "odd"), [(1200, 675), (1919, 683), (2048, 511)])
def test_same_grain_where_half_the_length_is_no_whole_number(longer: int, odd: int) -> None:
    small = texture(odd * 3 // 4, odd)
    reduced = resize(texture(longer * 3 // 4, longer)[None], odd * 3 // 4, odd)[0]
    far = slice(odd // 2, None)
    assert likeness(reduced[:, far, far], small[:, far, far]) > 0.9


@pytest.mark.parametrize("size", [0.0, 1.0])
@pytest.mark.parametrize("longer", [1280, 2048, 3200])
def test_large_photo_has_the_same_grain_as_strong(longer: int, size: float) -> None:
    large = texture(longer * 3 // 4, longer, size=size)
    assert 0.0295 < large.std() < 0.03 * 1.25  # more of the fine texture is seen
    small = texture(size=size)
    reduced = resize(large[None], 768, 1024)[0]
    assert likeness(reduced, small) > 0.95
    assert 0.8 < reduced.std() / small.std() < 1.01


def test_enlarged_grain_shows_no_grid() -> None:
    # Bilinear enlarging weakens what it interpolates half-way between two points, in a pattern that can be seen.
    large = texture(3072, 4096, size=0.0)[0]
    phases = [large[i::2, j::2].std() for i in range(2) for j in range(2)]
    assert max(phases) < 1.001 * min(phases)  # 4096 = 2 · 2048: all pixels are a quarter of the way
    between = (large[1:-1:2, 1:-1] + large[2::2, 1:-1]) / 2
    assert between.std() > 0.9 * large.std()


def test_without_chroma_its_map_is_one_plane() -> None:
    kind = np.zeros((1, 3, 4, 4), np.float32)
    for chroma, planes in ((0.0, 1), (0.3, 3)):
        assert grain.maps(kind, 48, 64, {"amount": 0.03, "size": 0.3, "chroma": chroma, "seed": 0}).shape[1] == planes


def test_chroma_is_continuous_at_none() -> None:
    np.testing.assert_allclose(texture(48, 64, chroma=1e-7), texture(48, 64, chroma=0.0), atol=1e-6)


def test_grain_of_an_upright_photo_is_as_strong() -> None:
    assert texture(1024, 768).std() == pytest.approx(texture().std(), rel=0.02)


def test_seed_chooses_the_grain() -> None:
    assert np.array_equal(texture(48, 64, seed=7), texture(48, 64, seed=7))
    assert abs(likeness(texture(48, 64, seed=7), texture(48, 64, seed=8))) < 0.1


def test_seed_may_differ_by_image() -> None:
    plain = np.full((2, 3, 48, 64), 0.5)
    both = grain(plain, 0.03, seed=np.array([7.0, 8.0]))
    for i, seed in enumerate((7.0, 8.0)):
        np.testing.assert_array_equal(both[i : i + 1], grain(plain[:1], 0.03, seed=seed))


def test_size_makes_neighbours_alike() -> None:
    alike = [likeness(t[..., 1:], t[..., :-1]) for t in (texture(size=s) for s in (0, 0.3, 0.6, 1))]
    assert alike == sorted(alike)
    assert alike[0] < 0.7
    assert alike[-1] > 0.8


@pytest.mark.parametrize("longer", [400, 512, 768])
@pytest.mark.parametrize(("size", "most"), [(0.3, 0.1), (0.6, 0.2), (1.0, 0.3)])
def test_is_never_coarser_than_a_small_photo_can_carry(longer: int, size: float, most: float) -> None:
    # What goes over several pixels is seen as blotches on a face that has but a few hundred.
    added = texture(longer * 3 // 4, longer, size=size)
    assert likeness(added[..., 2:], added[..., :-2]) < most
    assert likeness(added[..., 3:], added[..., :-3]) < 0.06


def test_holds_little_memory_whatever_the_photos() -> None:
    module = importlib.import_module("camofilter.filters.grain")
    for longer in (1900, 700, 2048, 512):
        texture(longer * 3 // 4, longer, chroma=0.2)
    cache = module._tiles.cache_info()
    largest = sum(module._tiles(0, coloured, 2048).nbytes for coloured in (False, True)) / 2
    assert cache.maxsize * largest < 36e6


def test_chroma_makes_channels_differ() -> None:
    alike = [likeness(t[0], t[2]) for t in (texture(chroma=c) for c in (0, 0.3, 0.6, 1))]
    assert alike == sorted(alike, reverse=True)
    assert alike[0] == pytest.approx(1)
    assert abs(alike[-1]) < 0.05

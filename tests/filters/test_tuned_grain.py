"""Tuned grain: how much of it, and that it is the same grain at every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import resize
from camofilter.filters.plate import Plate
from camofilter.recipe import FilterStep

tuned_grain = filters.get("tuned_grain")
# Of the sizes that searches make.
PLATES = {f"{w}×{h}": Plate.of(np.random.default_rng(w).normal(size=(h, w))) for w, h in [(512, 384), (683, 384)]}
PLATE = PLATES["512×384"]

every_plate = pytest.mark.parametrize("plate", PLATES.values(), ids=PLATES)


def texture(height: int = 768, width: int = 1024, level: float = 0.5, **settings: Any) -> np.ndarray:
    """3×H×W: what is added to a plain photo of this level."""
    plain = np.full((1, 3, height, width), level, np.float32)
    out: np.ndarray = (tuned_grain(plain, **({"amount": 0.02, "plate": PLATE} | settings)) - plain)[0]
    return out


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation coefficient."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@every_plate
@pytest.mark.parametrize("longer", [320, 512, 1000, 2048, 3200])
def test_amount_is_the_deviation_in_the_midtones_at_any_size(longer: int, plate: Plate) -> None:
    height, width = plate.levels.shape
    added = texture(longer * height // width, longer, plate=plate)
    assert added.std() == pytest.approx(0.02, rel=0.06)
    assert abs(added.mean()) < 0.001


@pytest.mark.parametrize("amount", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("size", [0.0012, 0.0016, 0.003])
def test_amount_is_that_of_every_size_of_dot(amount: float, size: float) -> None:
    assert texture(amount=amount, size=size).std() == pytest.approx(amount, rel=0.06)


@pytest.mark.parametrize("cells", [(384, 512), (512, 384)])
def test_portrait_photo_has_as_much(cells: tuple[int, int]) -> None:
    plate = Plate.of(np.random.default_rng(1).normal(size=cells))
    assert texture(1024, 768, plate=plate).std() == pytest.approx(0.02, rel=0.06)


@pytest.mark.slow
@every_plate
@pytest.mark.parametrize("times", [2, 3])
def test_same_grain_at_every_size(times: int, plate: Plate) -> None:
    large = texture(768 * times, 1024 * times, plate=plate)
    small = texture(768, 1024, plate=plate)
    reduced = resize(large[None], 768, 1024)[0]
    assert likeness(reduced, small) > 0.99
    assert 0.8 < reduced.std() / small.std() < 1.01  # antialiasing takes a little of what is as fine as its pixels


def test_another_plate_is_another_grain() -> None:
    other = Plate.of(np.random.default_rng(9).normal(size=(384, 512)))
    assert abs(likeness(texture(), texture(plate=other))) < 0.02


def test_it_is_light_where_the_plate_is() -> None:
    levels = np.zeros((384, 512), np.int8)
    levels[96, 128], levels[288, 384] = 7, -7
    added = texture(plate=Plate(levels), amount=0.0005)[0]
    assert np.unravel_index(added.argmax(), added.shape) in [(y, x) for y in (192, 193) for x in (256, 257)]
    assert np.unravel_index(added.argmin(), added.shape) in [(y, x) for y in (576, 577) for x in (768, 769)]


@pytest.mark.slow
@every_plate
def test_enlarged_grain_shows_no_grid(plate: Plate) -> None:
    # Bilinear enlarging weakens what it interpolates half-way between two points, in a pattern that can be seen.
    large = texture(3072, 4096, plate=plate)[0]
    phases = [large[i::2, j::2].std() for i in range(2) for j in range(2)]
    assert max(phases) < 1.001 * min(phases)
    between = (large[1:-1:2, 1:-1] + large[2::2, 1:-1]) / 2
    assert between.std() > 0.97 * large.std()
    # Nor do the plate's own cells show, 8 pixels high.
    cells = [large[i::8].std() for i in range(8)]
    assert max(cells) < 1.02 * min(cells)


def test_midtones_have_most_black_and_white_none() -> None:
    spreads = [texture(96, 128, level).std() for level in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1)]
    assert spreads[0] == spreads[-1] == 0
    assert spreads == pytest.approx(spreads[::-1], rel=1e-3)
    assert spreads[:4] == sorted(spreads[:4])


@pytest.mark.parametrize("lean", [0.2, 0.5, 1.0])
def test_tone_leans_the_right_way_and_leaves_the_midtones(lean: float) -> None:
    def much(level: float, tone: float) -> float:
        return float(texture(96, 128, level, tone=tone).std())

    dark, light = much(0.25, lean), much(0.75, lean)
    assert dark < much(0.25, 0) < light
    assert much(0.25, -lean) == pytest.approx(light, rel=1e-3)
    assert much(0.75, -lean) == pytest.approx(dark, rel=1e-3)
    assert much(0.5, lean) == pytest.approx(much(0.5, 0), rel=1e-3)
    assert much(0, -lean) == much(1, lean) == 0


def test_greys_get_luminance_only() -> None:
    added = texture(96, 128, 0.4)
    np.testing.assert_array_equal(added, added[:1].repeat(3, 0))


def test_strength_one_half_halves_it() -> None:
    step = FilterStep("tuned_grain", {"amount": 0.02, "plate": PLATE})
    half = texture(**step.at_strength(0.5).settings)
    np.testing.assert_allclose(half, texture(**step.settings) / 2, atol=1e-6)


def test_without_plate_or_amount_nothing_changes() -> None:
    assert not texture(plate=None).any()
    assert not texture(amount=0.0).any()
    assert not texture(plate=Plate(np.zeros((9, 12), np.int8))).any()


def test_even_the_most_of_it_stays_in_range() -> None:
    levels = np.random.default_rng(0).choice([-128, 127], (96, 128)).astype(np.int8)
    photo = np.random.default_rng(1).random((1, 3, 96, 128))
    for lean in (-1.0, 0.0, 1.0):
        out = tuned_grain(photo, amount=0.1, size=0.01, tone=lean, plate=Plate(levels))
        assert out.min() >= 0
        assert out.max() <= 1

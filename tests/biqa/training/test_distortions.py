"""Distortions: nothing at the ladder's beginning, more damage and less kept along it, the same by the same dice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camofilter.biqa.training.distortions import (
    DISTORTIONS,
    Distortion,
    damaged,
    damaged_twice,
    defocus,
    exposure,
    levels,
    motion_blur,
    noise,
    white_noise,
)

all_distortions = pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda d: d.name)
# Their ladders begin at the mildest amount, which is not none: codecs and levels always change something.
NEVER_NOTHING = {"JPEG", "WebP", "banding"}


@pytest.fixture
def photo(examples: list[Path]) -> np.ndarray:
    with Image.open(examples[0]) as opened:
        return np.asarray(opened.resize((192, 128)), np.float32) / 255


def change(distortion: Distortion, photo: np.ndarray, amount: float) -> float:
    after = distortion(photo, amount, np.random.default_rng(3))
    assert after.shape == photo.shape
    assert after.dtype == np.float32
    assert after.min() >= 0
    assert after.max() <= 1
    return float(np.abs(after - photo).mean())


@all_distortions
def test_change_grows_along_the_ladder(distortion: Distortion, photo: np.ndarray) -> None:
    changes = [change(distortion, photo, amount) for amount in distortion.amounts]
    assert all(later > earlier for earlier, later in pairwise(changes))
    assert changes[0] < (0.01 if distortion.name in NEVER_NOTHING else 2e-3)


@all_distortions
def test_shares_fall_from_one(distortion: Distortion) -> None:
    assert len(distortion.amounts) == len(distortion.kept)
    assert distortion.kept[0] == 1
    assert all(0 < later < earlier for earlier, later in pairwise(distortion.kept))
    assert distortion.at(0) == (distortion.amounts[0], 1)
    assert distortion.at(1) == (distortion.amounts[-1], distortion.kept[-1])


def test_amounts_mean_what_they_say() -> None:
    rng = np.random.default_rng(0)
    grey = np.full((256, 256, 3), 0.5, np.float32)
    # Of all kinds of noise: grey or coloured, fine or coarse; that of light is as strong as said at middle grey.
    for seed in range(8):
        assert np.std(noise(grey, 0.1, np.random.default_rng(seed)) - grey) == pytest.approx(0.1, rel=0.1)
    assert exposure(grey, -1, rng).mean() == pytest.approx((0.5**2.2 / 2) ** (1 / 2.2), abs=1e-4)
    dot = np.zeros((65, 65, 3), np.float32)
    dot[32, 32] = 1
    assert np.sqrt((defocus(dot, 8, rng)[..., 0] > 1e-4).sum() / np.pi) == pytest.approx(8.5, abs=0.5)
    assert (motion_blur(dot, 16, rng)[..., 0] > 0.02).sum() == pytest.approx(17, abs=6)
    for blurred in (defocus(dot, 5, rng), motion_blur(dot, 10, rng)):
        assert blurred.sum() == pytest.approx(3, abs=1e-3), "blur keeps the light"


def test_random_damage_is_drawn_by_the_dice_alone(photo: np.ndarray) -> None:
    shares = []
    for seed in range(30):
        (first, share), (again, same) = (damaged(photo, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first, again)
        assert share == same
        assert 0 < share <= 1
        shares.append(share)
    assert len(set(shares)) == 30
    assert min(shares) < 0.4
    assert max(shares) > 0.9


def test_damaged_twice_differs_in_the_amount_alone(photo: np.ndarray) -> None:
    """In a third of all cases the milder one has none of it; the photo is left as it is then, but for a second one."""
    untouched = 0
    for seed in range(30):
        (milder, milder_share), (stronger, share) = damaged_twice(photo, np.random.default_rng(seed))
        assert share < milder_share <= 1
        assert np.abs(stronger - photo).mean() > 0
        untouched += bool(np.array_equal(milder, photo)) and milder_share == 1
    assert 3 <= untouched <= 15


def test_what_fades_as_a_photo_is_made_smaller_keeps_more() -> None:
    """Noise by the factor itself (bicubic averages a little less than a box), light not at all."""
    named = {distortion.name: distortion for distortion in DISTORTIONS}
    for name, power in (("white noise", 1.0), ("JPEG", 0.5), ("underexposure", 0.0)):
        amount, share = named[name].at(0.7)
        assert named[name].at(0.7, 2.0) == (amount, pytest.approx(share ** (0.5**power)))
    noisy = Image.fromarray(levels(white_noise(np.full((256, 256, 3), 0.5, np.float32), 0.1, np.random.default_rng(0))))
    smaller = np.asarray(noisy.resize((128, 128), Image.Resampling.BICUBIC), np.float32) / 255
    assert smaller.std() == pytest.approx(0.05, rel=0.3)

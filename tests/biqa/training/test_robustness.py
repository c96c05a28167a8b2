"""Ladders of damage: whether they fall, and at which size the damage is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from camofilter.biqa import Scale, Target
from camofilter.biqa.training.distortions import DISTORTIONS, Distortion
from camofilter.biqa.training.robustness import Fall, reduction, robustness, table


class Energy(Target):
    """A judge by the mean of squared differences between neighbours, in thousandths, that notes what it is shown."""

    name, scale = "energy", Scale()

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def score(self, image: Tensor) -> Tensor:
        self.seen.append(tuple(image.shape))
        return 1000 * image.diff(dim=3).square().mean((1, 2, 3))

    def to(self, device: str) -> Energy:
        return self


@pytest.fixture
def photos(tmp_path: Path, examples: list[Path]) -> list[Path]:
    """A photo of 768×512, as of Kodak, an upright one of 800×1200 and a small one."""
    paths = []
    for size in ((768, 512), (800, 1200), (400, 300)):
        paths.append(tmp_path / f"{size[0]}.png")
        with Image.open(examples[0]) as photo:
            photo.draft("RGB", size)
            photo.resize(size).save(paths[-1], compress_level=1)
    return paths


def short(name: str, amount: float) -> Distortion:
    """A distortion with a ladder of one step."""
    distortion = next(d for d in DISTORTIONS if d.name == name)
    return replace(distortion, amounts=(distortion.amounts[0], amount))


def test_falls_are_strict_or_not() -> None:
    fall = Fall("noise", "σ", (0, 0.1, 0.2), (70, 50, 20))
    assert fall.is_strict()
    assert not fall.is_strict(falls=False)
    assert fall.at(0.1) == 50
    assert not Fall("noise", "σ", (0, 0.1, 0.2), (70, 70, 20)).is_strict()
    assert Fall("noise", "σ", (0, 0.1, 0.2), (3, 4, 9)).is_strict(falls=False)
    assert "| noise (σ) | 0: 70, 0.1: 50, 0.2: 20 | yes |" in table([fall])


def test_a_photo_is_reduced_at_most_to_half_after_its_damage() -> None:
    assert reduction(768, 512, (512, 384)) == pytest.approx(4 / 3)
    assert reduction(6000, 4000, (512, 384)) == 2
    assert reduction(400, 300, (512, 384)) == 1


def test_damage_at_full_size_is_reduced_with_the_photo(photos: list[Path]) -> None:
    """Noise of each pixel is averaged by a reduction; a blur as wide as a share of the photo stays one."""
    some = [short("white noise", 0.1), short("gaussian blur", 2)]
    judge = Energy()
    own, full = (
        {fall.distortion: np.array(fall.scores) for fall in robustness(judge, photos[:2], some, full_size=full_size)}
        for full_size in (False, True)
    )
    assert set(judge.seen) == {(1, 3, 384, 512), (1, 3, 512, 384)}
    assert np.diff(full["white noise"]) < 0.75 * np.diff(own["white noise"])
    assert full["gaussian blur"] == pytest.approx(own["gaussian blur"], rel=0.1)


def test_undamaged_photos_are_the_same_at_both_sizes(photos: list[Path]) -> None:
    some = [short("white noise", 0)]
    assert robustness(Energy(), photos[:1], some) == robustness(Energy(), photos[:1], some, full_size=True)


def test_of_a_photo_no_larger_than_the_input_both_sizes_are_one(photos: list[Path]) -> None:
    some = [short("JPEG", 20), short("motion blur", 6)]
    assert robustness(Energy(), photos[2:], some) == robustness(Energy(), photos[2:], some, full_size=True)

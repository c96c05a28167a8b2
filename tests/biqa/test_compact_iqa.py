"""The embedded model: its weights, its agreement with people, and the damage that it sees at both sizes."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from camofilter import biqa
from camofilter.biqa import compact_iqa
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.training.agreement import agreement
from camofilter.biqa.training.distortions import DISTORTIONS
from camofilter.biqa.training.ratings import read
from camofilter.biqa.training.robustness import robustness


def test_size_and_digest_of_the_shipped_weights() -> None:
    assert sum(p.numel() for p in compact_iqa.network().parameters()) == pytest.approx(3.4e6, rel=0.03)
    weights = resources.files("camofilter.biqa") / "weights" / "compact_iqa.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == compact_iqa.SHA256


@pytest.mark.slow
def test_it_agrees_with_people(shared: Path) -> None:
    """SROCC with the mean opinion scores of 300 photos of the official test split; the model card says 0.879."""
    judge = biqa.get("compact_iqa")
    assert isinstance(judge, ModelTarget)
    rated = [photo for photo in read(shared / "mos" / "mos.csv") if photo.split == "test"]
    found = agreement(judge.model, rated)
    assert (found.photos, found.srocc) == (300, pytest.approx(0.879, abs=0.002))


DEMANDS = {"white noise": 0.12, "JPEG": 8, "gaussian blur": 3, "flatness": 0.22, "underexposure": -3}
MILD = {"JPEG": 50}  # up to which it may gain: the photos that it learned from are JPEGs


@pytest.mark.slow
@pytest.mark.parametrize("full_size", [False, True])
def test_it_sees_damage(shared: Path, full_size: bool) -> None:
    """On six pristine photos: liked as they are, far below 50 when badly damaged, ever lower on the way there."""
    ladders = [distortion for distortion in DISTORTIONS if distortion.name in DEMANDS]
    photos = sorted((shared / "photos/kodak").iterdir())[::2]
    for fall in robustness(biqa.get("compact_iqa"), photos, ladders, full_size=full_size):
        assert fall.scores[0] > 60
        assert fall.at(DEMANDS[fall.distortion]) < 40
        start = fall.amounts.index(MILD[fall.distortion]) if fall.distortion in MILD else 0
        strict = list(fall.scores[start:])
        assert strict == sorted(strict, reverse=True)

"""What is said of a photo found again is what the search would say of it, and what was done to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import camofilter
from camofilter import biqa
from camofilter.optim.channel import BATTERY
from camofilter.optim.verification import to_dict
from camofilter.photo import decode_photo, open_photo


@pytest.fixture
def original(tmp_path: Path, examples: list[Path]) -> Path:
    with Image.open(examples[0]) as photo:
        photo.resize((360, 240)).save(tmp_path / "original.png")
    return tmp_path / "original.png"


def test_a_file_is_judged_as_it_is_and_after_every_way(original: Path) -> None:
    photo = open_photo(original)
    found = camofilter.verify(photo, target=["compact_iqa", "niqe"], threshold=None)
    assert [verdict.target.name for verdict in found.verdicts] == ["compact_iqa", "niqe"]
    [quality, _] = found.verdicts
    assert quality.after.score == camofilter.score(photo)
    assert quality.deliveries["JPEG 70"] == biqa.delivered_score(
        BATTERY["JPEG 70"](photo.pixels), biqa.get("compact_iqa")
    )
    assert quality.deliveries.keys() == BATTERY.keys()
    assert (found.hidden, found.survives, found.origin) == (False, False, None)
    told = to_dict(found)
    assert (told["format"], told["jpeg_quality"], told["mark"], told["original"]) == ("PNG", None, None, None)
    assert told["targets"][0]["seen_after"] == [way for way, score in quality.deliveries.items() if score >= 50]


def test_what_became_of_the_original(original: Path) -> None:
    file = original.with_name("found.jpg")
    with Image.open(original) as picture:
        blurred = picture.filter(ImageFilter.GaussianBlur(3))
        blurred.crop((36, 24, 324, 216)).resize((576, 384)).save(file, quality=80, subsampling=2)
    found = camofilter.verify(open_photo(file), original=open_photo(original))
    assert found.hidden
    assert found.verdicts[0].before.score == camofilter.score(open_photo(original))
    told = to_dict(found)
    assert (told["jpeg_quality"], told["jpeg_subsampling"]) == (80, "4:2:0")
    became = told["original"]
    assert (became["width"], became["height"], became["found"], became["turn"]) == (360, 240, True, "none")
    assert became["scale"] == pytest.approx([2, 2], rel=0.01)
    assert became["kept"] == pytest.approx([0.8, 0.8], rel=0.01)
    assert became["change"]["ms_ssim"] < 0.97


def test_a_file_of_another_photo_and_one_that_camofilter_made(original: Path, examples: list[Path]) -> None:
    warm = camofilter.apply(open_photo(original), "warm")
    read_back = decode_photo(camofilter.photo.encode_photo(warm))
    pixels = np.random.default_rng(0).integers(0, 256, (240, 360, 3), np.uint8)
    found = camofilter.verify(read_back, original=camofilter.Photo.from_array(pixels))
    told = to_dict(found)
    assert told["mark"]["version"] == camofilter.__version__
    assert told["original"] == {"width": 360, "height": 240, "found": False}
    assert found.origin is not None
    assert found.origin.kept == (0, 0)

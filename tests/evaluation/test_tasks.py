"""How a task's photos are prepared, and how they reach its judge."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import camofilter
from camofilter import biqa
from camofilter.biqa.target import Scale
from camofilter.errors import PhotoError
from camofilter.evaluation.tasks import QUALITY, SCENE, TASKS, Task
from camofilter.photo import Photo


def noise(width: int, height: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, (height, width, 3), dtype)


class Mean(biqa.Target):
    """A judge of a frame of its own: the mean of what reaches it, times 100."""

    name = "mean"
    scale = Scale()

    def __init__(self, frame: tuple[int, int]) -> None:
        self._frame = frame

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return self._frame

    def score(self, image: torch.Tensor) -> torch.Tensor:
        return 100 * image.mean((1, 2, 3))

    def to(self, device: str) -> biqa.Target:
        return self


def recompressed(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return np.asarray(Image.open(file))


def image(pixels: np.ndarray) -> torch.Tensor:
    return torch.tensor(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def test_the_tasks_are_those_of_the_papers() -> None:
    assert TASKS == {"quality": QUALITY, "scene": SCENE}
    assert (QUALITY.size, QUALITY.jpeg_quality) == ((512, 384), 90)
    assert (SCENE.size, SCENE.jpeg_quality) == ((256, 256), None)


@given(st.integers(0, 9), st.integers(0, 9))
def test_for_quality_the_very_pixels_of_the_centre_are_cut_out(more_width: int, more_height: int) -> None:
    photo = Photo.from_array(noise(512 + more_width, 384 + more_height))
    left, top = more_width // 2, more_height // 2
    assert (QUALITY.prepared(photo).pixels == photo.pixels[top : top + 384, left : left + 512]).all()


def test_a_real_photo_is_cut_out(examples: list[Path]) -> None:
    photo = camofilter.open_photo(examples[0])
    found = QUALITY.prepared(photo)
    top, left = (photo.height - 384) // 2, (photo.width - 512) // 2
    assert (found.pixels == photo.pixels[top:, left:][:384, :512]).all()
    assert (found.format, found.exif, found.xmp, found.icc_profile, found.dpi) == ("PNG", None, None, None, None)


@pytest.mark.parametrize("task", [QUALITY, SCENE])
def test_a_photo_of_the_tasks_size_stays_as_it_is(task: Task) -> None:
    photo = Photo.from_array(noise(*task.size))
    assert (task.prepared(photo).pixels == photo.pixels).all()


@pytest.mark.parametrize("task", [QUALITY, SCENE])
def test_sixteen_bits_become_eight(task: Task) -> None:
    photo = Photo.from_array(noise(*task.size, np.uint16))
    found = task.prepared(photo)
    assert found.bits == 8
    assert (found.pixels == np.round(photo.pixels / 257)).all()


@pytest.mark.parametrize("size", [(511, 384), (512, 383), (384, 512)])
def test_too_small_to_cut_out(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError) as caught:
        QUALITY.prepared(Photo.from_array(noise(*size)))
    assert str(caught.value) == f"is {size[0]}×{size[1]}; expected at least 512×384 to cut out"


@pytest.mark.parametrize("size", [(300, 300), (640, 256), (100, 90), (1, 7), (256, 1000)])
def test_a_scene_is_256_pixels_square_whatever_its_size(size: tuple[int, int]) -> None:
    found = SCENE.prepared(Photo.from_array(noise(*size)))
    assert (found.width, found.height, found.bits) == (256, 256, 8)


def test_a_scene_is_scaled_until_it_covers_then_cut_in_the_middle() -> None:
    """Oracle: Pillow on the photo, 512×256 after scaling, of which columns 128 to 383 remain."""
    pixels = noise(1024, 512)
    scaled = Image.fromarray(pixels).resize((512, 256), Image.Resampling.BICUBIC).crop((128, 0, 384, 256))
    assert (SCENE.prepared(Photo.from_array(pixels)).pixels == np.asarray(scaled)).all()


def test_for_quality_photos_are_recompressed_before_they_reach_the_judge() -> None:
    pixels = noise(512, 384)
    assert torch.equal(QUALITY.arriving(pixels, Mean((512, 384))), image(recompressed(pixels)))


def test_a_judge_of_another_frame_gets_the_recompressed_photo_scaled() -> None:
    pixels = noise(512, 384)
    scaled = np.asarray(Image.fromarray(recompressed(pixels)).resize((256, 192), Image.Resampling.BICUBIC))
    assert torch.equal(QUALITY.arriving(pixels, Mean((256, 192))), image(scaled))


def test_scenes_reach_the_judge_as_they_are() -> None:
    pixels = noise(256, 256)
    assert torch.equal(SCENE.arriving(pixels, Mean((256, 256))), image(pixels))


@pytest.mark.parametrize("task", [QUALITY, SCENE])
def test_sixteen_bits_arrive_as_the_eight_that_they_round_to(task: Task) -> None:
    pixels = noise(*task.size)
    target = Mean(task.size)
    assert torch.equal(task.arriving(pixels * np.uint16(257), target), task.arriving(pixels, target))


def test_a_judgement_is_the_score_of_what_arrives() -> None:
    pixels = noise(256, 256)
    found = SCENE.judgement(pixels, Mean((256, 256)))
    assert found.score == pytest.approx(100 * pixels.mean() / 255, abs=1e-3)
    assert found.words == ""


def test_the_embedded_judges_scores_are_those_by_hand_and_of_camofilter(examples: list[Path]) -> None:
    target = biqa.get("compact_iqa")
    for path in examples:
        prepared = QUALITY.prepared(camofilter.open_photo(path))
        found = QUALITY.judgement(prepared.pixels, target).score
        with torch.inference_mode():
            assert found == target.score(image(recompressed(prepared.pixels))).item()
        assert found == camofilter.score(prepared, target)

"""Version 2 of the embedded model: its weights, its folding, its agreement with people."""

from __future__ import annotations

import csv
import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load_file, save_file
from scipy import stats

from camofilter import biqa
from camofilter.biqa import compact_iqa_2 as compact_iqa
from camofilter.biqa.fit import fit
from camofilter.biqa.training.distortions import DISTORTIONS
from camofilter.biqa.training.robustness import robustness
from camofilter.biqa.weight_files import WeightsError, load_state
from camofilter.errors import UsageError

WEIGHTS = Path(str(resources.files("camofilter.biqa") / "weights" / "compact_iqa_2.safetensors"))


def unfolded() -> compact_iqa.CompactIQA:
    model = compact_iqa.CompactIQA()
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(WEIGHTS).items()})
    return model.eval()


def test_folding_changes_nothing_but_rounding() -> None:
    image = torch.rand(2, 3, 96, 128)
    with torch.inference_mode():
        assert torch.allclose(compact_iqa.load()(image), unfolded()(image), atol=1e-3)


def test_no_batch_norm_is_left() -> None:
    assert not [m for m in compact_iqa.load().modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_size_and_digest_of_the_shipped_weights() -> None:
    assert sum(p.numel() for p in compact_iqa.CompactIQA().parameters()) == pytest.approx(2.4e6, rel=0.03)
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == compact_iqa.SHA256


def test_batch_equals_single() -> None:
    target = biqa.get("compact_iqa@2")
    images = torch.rand(3, 3, 384, 512)
    with torch.inference_mode():
        single = torch.cat([target.score(image[None]) for image in images])
        assert torch.allclose(target.score(images), single, atol=1e-3)


def test_margin_is_score_minus_threshold_and_has_a_gradient() -> None:
    target = biqa.get("compact_iqa@2", threshold=42)
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    margin = target.margin(image)
    assert margin.item() == pytest.approx(target.score(image).item() - 42, abs=1e-4)
    margin.sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


@pytest.mark.parametrize(("width", "height", "frame"), [(3, 2, (512, 384)), (5, 5, (512, 384)), (2, 3, (384, 512))])
def test_frame_follows_the_orientation(width: int, height: int, frame: tuple[int, int]) -> None:
    assert biqa.get("compact_iqa@2").frame(width, height) == frame


@pytest.mark.slow
def test_blur_lowers_the_score(examples: list[Path]) -> None:
    target = biqa.get("compact_iqa@2")
    for path in examples:
        with Image.open(path) as photo:
            scores = [
                biqa.delivered_score(np.asarray(photo.convert("RGB").filter(ImageFilter.GaussianBlur(radius))), target)
                for radius in (0, 4, 10)
            ]
        assert scores[0] > scores[1] > scores[2]


@pytest.mark.slow
def test_it_agrees_with_people(shared: Path) -> None:
    """SROCC with the mean opinion scores of 300 photos; the model card says 0.800."""
    target = biqa.get("compact_iqa@2")
    with (shared / "mos" / "mos.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    scores = []
    for row in rows:
        with Image.open(shared / "mos" / row["file"]) as photo:
            pixels = fit(np.asarray(photo.convert("RGB")), target.frame(*photo.size))
        with torch.inference_mode():
            scores.append(float(target.score(biqa.as_image(pixels))))
    assert len(rows) == 300
    assert stats.spearmanr(scores, [float(row["mos"]) for row in rows]).statistic == pytest.approx(0.800, abs=0.002)


DEMANDS = {"white noise": 0.12, "JPEG": 8, "gaussian blur": 3, "flatness": 0.22, "underexposure": -3}


@pytest.mark.slow
def test_it_sees_damage(shared: Path) -> None:
    """On 12 pristine photos: liked as they are, below 50 when badly damaged, ever lower on the way there."""
    ladders = [distortion for distortion in DISTORTIONS if distortion.name in DEMANDS]
    photos = sorted((shared / "photos/kodak").iterdir())
    falls = {f.distortion: f for f in robustness(biqa.get("compact_iqa@2"), photos, ladders)}
    for name, amount in DEMANDS.items():
        fall = falls[name]
        assert fall.scores[0] >= 62
        assert fall.at(amount) < 50
        # Mild damage hardly counts, so that only the way from the second step on is strict.
        below = [score for score in fall.scores if score < fall.scores[0] - 2]
        assert len(below) >= 4
        assert below == sorted(below, reverse=True)
        assert below == list(fall.scores[-len(below) :])


def altered(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state = load_file(WEIGHTS)
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (altered(head__0__bias=None), r"lacks head\.0\.bias; expected weights of CompactIQA"),
        (altered(tail=torch.zeros(2)), "has unexpected tail"),
        (altered(head__0__bias=torch.zeros(3)), r"has wrong shapes for head\.0\.bias"),
    ],
)
def test_wrong_weights_are_named(state: dict[str, torch.Tensor], message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file(state, path)
    with pytest.raises(WeightsError, match=message):
        biqa.get(f"compact_iqa@2:{path}")


def test_own_weights_are_used(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file(altered(head__3__bias=load_file(WEIGHTS)["head.3.bias"] + 1), path)
    image = torch.rand(1, 3, 64, 64)
    own, shipped = biqa.get(f"compact_iqa@2:{path}"), biqa.get("compact_iqa@2")
    assert own.score(image).item() == pytest.approx(shipped.score(image).item() + 25, abs=0.1)


def test_a_file_that_is_no_safetensors_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_text("not weights")
    with pytest.raises(WeightsError, match=r"own\.safetensors: not a readable \.safetensors file") as caught:
        biqa.get(f"compact_iqa@2:{path}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors: no such weight file"):
        biqa.get("compact_iqa@2:nowhere.safetensors")


def test_another_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file(altered(head__3__bias=torch.zeros(1)), path)
    with pytest.raises(WeightsError, match="its sha256 is"):
        load_state(compact_iqa.CompactIQA(), path, sha256=compact_iqa.SHA256)


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean compact_iqa"):
        biqa.get("compact_iqe")

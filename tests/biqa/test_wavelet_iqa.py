"""WaveletIQA: its statistics, its gradients, its weights, and what it sees of what people see."""

from __future__ import annotations

import hashlib
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from camofilter import biqa
from camofilter.biqa import wavelet_iqa, wavelets
from camofilter.biqa.fit import fit
from camofilter.biqa.target import default_frame
from camofilter.biqa.training import distortions
from camofilter.biqa.training.agreement import agreement
from camofilter.biqa.training.ratings import read
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError
from camofilter.photo import open_photo

WEIGHTS = Path(str(resources.files("camofilter.biqa") / "weights" / "wavelet_iqa.safetensors"))
LADDERS = {
    "white noise": (distortions.white_noise, (0.02, 0.04, 0.08, 0.12, 0.18), 0.12),
    "jpeg": (distortions.jpeg, (75, 50, 30, 20, 12, 8, 5), 8),
    "blur": (distortions.gaussian_blur, (0.5, 1, 1.5, 2, 3, 4), 3),
    "contrast": (distortions.contrast, (0.8, 0.6, 0.4, 0.3, 0.22), 0.22),
    "exposure": (distortions.exposure, (-0.5, -1, -2, -3), -3),
}


def in_frame(path: Path) -> np.ndarray:
    """The photo in the frame, H×W×3 float32 in [0, 1]."""
    pixels = open_photo(path).pixels
    return fit(pixels, default_frame(pixels.shape[1], pixels.shape[0])).astype(np.float32) / 255


def mean_score(photos: list[np.ndarray]) -> float:
    target = biqa.get("wavelet_iqa")
    with torch.inference_mode():
        return float(
            np.mean(
                [
                    float(target.score(biqa.as_image((photo.clip(0, 1) * 255).round().astype(np.uint8))))
                    for photo in photos
                ]
            )
        )


@pytest.fixture(scope="module")
def kodak() -> list[np.ndarray]:
    """Twelve Kodak photos in the frame."""
    folder = Path(__file__).parents[2].parent / "shared" / "photos" / "kodak"
    if not folder.is_dir():
        pytest.skip("the optional data in ../shared are not there")
    return [in_frame(path) for path in sorted(folder.glob("*.png"))]


def random_image(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(1, 3, 384, 512),
        torch.full((1, 3, 384, 512), 0.5),
        torch.ones(1, 3, 384, 512),
        random_image(1, 3, 384, 512),
        torch.zeros(1, 3, 64, 65),
    ],
    ids=["black", "grey", "white", "random", "smallest"],
)
def test_score_and_gradient_are_finite(image: Tensor) -> None:
    image = image.clone().requires_grad_()
    score = biqa.get("wavelet_iqa").score(image)
    score.sum().backward()
    assert image.grad is not None
    assert torch.isfinite(score).all()
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


def test_gradient_is_that_of_finite_differences() -> None:
    model = wavelet_iqa.load().double()
    image = 0.1 + 0.8 * random_image(1, 3, 64, 80).double()
    directions = random_image(4, 1, 3, 64, 80, seed=1).double() - 0.5
    wanted = image.clone().requires_grad_()
    model(wanted).backward()
    assert wanted.grad is not None
    for direction in directions:
        step = 1e-6 * direction
        difference = (model(image + step) - model(image - step)).item() / 2e-6
        assert difference == pytest.approx((wanted.grad * direction).sum().item(), rel=1e-4, abs=1e-6)


def test_batch_equals_single() -> None:
    target = biqa.get("wavelet_iqa")
    images = random_image(3, 3, 96, 128) * torch.tensor([1, 0.5, 0.1]).reshape(3, 1, 1, 1)
    with torch.inference_mode():
        single = torch.cat([target.score(image[None]) for image in images])
        assert torch.allclose(target.score(images), single, atol=1e-2)


def test_haar_bands_are_orthonormal_and_know_directions() -> None:
    noise = torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(0))
    assert wavelets.haar(noise).var((2, 3)).flatten().tolist() == pytest.approx([1, 1, 1], abs=0.02)
    stripes = (torch.arange(8) % 2.0).expand(1, 1, 8, 8)
    for image, band in ((stripes.mT, 0), (stripes, 1)):
        sizes = wavelets.haar(image).abs().amax((0, 2, 3))
        assert sizes[band] == 1
        assert sizes.sum() == 1


def test_every_second_band_is_among_all() -> None:
    image = random_image(2, 1, 16, 20)
    assert torch.equal(wavelets.haar(image, 2), wavelets.haar(image)[..., ::2, ::2])


def test_a_mirrored_photo_has_nearly_the_same_score(examples: list[Path]) -> None:
    for path in examples:
        photo = in_frame(path)
        assert mean_score([photo[:, ::-1].copy()]) == pytest.approx(mean_score([photo]), abs=5)


def test_blocks_of_eight_are_found_at_any_offset() -> None:
    """The variance over the 8 phases, third from the end for each direction, of columns and of rows."""
    blocks = torch.nn.functional.interpolate(random_image(1, 1, 16, 16), scale_factor=8).expand(1, 3, 128, 128)
    other = torch.nn.functional.interpolate(random_image(1, 1, 19, 19), scale_factor=7).expand(1, 3, 133, 133)
    for image in (blocks, blocks.roll(3, -1)):
        assert wavelets.statistics(image)[0, -6] > wavelets.statistics(other)[0, -6] + 2


def test_too_small_an_image_is_named() -> None:
    with pytest.raises(UsageError, match="the image is 80×63: wavelet statistics need at least 64×64 pixels"):
        biqa.get("wavelet_iqa").score(torch.zeros(1, 3, 63, 80))


def test_as_many_statistics_as_announced() -> None:
    assert wavelets.statistics(torch.rand(2, 3, 100, 130)).shape == (2, wavelets.FEATURES)


def test_no_image_leads_far_from_what_was_learned() -> None:
    model = wavelet_iqa.load()
    assert model.standardised(1e4 * random_image(2, wavelets.FEATURES)).abs().max() <= 4


@pytest.mark.slow
def test_blur_and_noise_lower_the_score(examples: list[Path]) -> None:
    dice = np.random.default_rng(0)
    for path in examples:
        photo = in_frame(path)
        for damage, amounts in ((distortions.gaussian_blur, (1, 2, 4)), (distortions.white_noise, (0.05, 0.1, 0.2))):
            scores = [mean_score([photo]), *(mean_score([damage(photo, amount, dice)]) for amount in amounts)]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] - scores[-1] > 10


@pytest.mark.slow
@pytest.mark.parametrize("ladder", LADDERS)
def test_damage_costs_points(ladder: str, kodak: list[np.ndarray]) -> None:
    damage, amounts, hidden = LADDERS[ladder]
    scores = {
        amount: mean_score([damage(photo, amount, np.random.default_rng(n)) for n, photo in enumerate(kodak)])
        for amount in amounts
    }
    assert all(milder > worse for milder, worse in pairwise(scores.values()))
    assert scores[hidden] < 50


def test_pristine_photos_are_not_hidden(kodak: list[np.ndarray]) -> None:
    assert mean_score(kodak) >= 60


@pytest.mark.slow
def test_it_agrees_with_people(shared: Path) -> None:
    """SROCC with the mean opinion scores of 300 photos; the model card says 0.78 for 750 of the same test split."""
    rated = [photo for photo in read(shared / "mos" / "mos.csv") if photo.split == "test"]
    found = agreement(wavelet_iqa.load(), rated)
    assert found.photos == 300
    assert found.srocc > 0.7


def test_it_is_another_mind_than_compact_iqa(examples: list[Path]) -> None:
    """On noise, to which the one is nearly blind, they must differ."""
    photo = in_frame(examples[0])
    noisy = distortions.white_noise(photo, 0.1, np.random.default_rng(0)).clip(0, 1)
    assert mean_score([photo]) - mean_score([noisy]) > 10


def test_size_and_digest_of_the_shipped_weights() -> None:
    assert WEIGHTS.stat().st_size < 500_000
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == wavelet_iqa.SHA256


def altered(**changes: Tensor | None) -> dict[str, Tensor]:
    state = load_file(WEIGHTS)
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


def test_own_weights_are_used(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    bias = "members.0.6.bias"
    save_file(altered(members__0__6__bias=load_file(WEIGHTS)[bias] + 1), path)
    image = random_image(1, 3, 64, 64)
    own, shipped = biqa.get(f"wavelet_iqa:{path}"), biqa.get("wavelet_iqa")
    assert own.score(image).item() == pytest.approx(shipped.score(image).item() + 25 / 5, abs=0.1)


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file(altered(mean=None), path)
    with pytest.raises(WeightsError, match="lacks mean; expected weights of WaveletIQA"):
        biqa.get(f"wavelet_iqa:{path}")


def test_a_changed_copy_of_the_shipped_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavelet_iqa, "SHA256", "0" * 64)
    with pytest.raises(WeightsError, match="its sha256 is"):
        wavelet_iqa.load()

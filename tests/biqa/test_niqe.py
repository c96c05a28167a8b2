"""NIQE: against numpy, against BasicSR's figures, on photos that have no texture, and its files."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import scenes_oracle as oracle
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load_file, save_file

from camofilter import biqa
from camofilter.biqa import niqe
from camofilter.biqa.fit import fit
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError

WEIGHTS = Path(str(resources.files("camofilter.biqa") / "weights" / "niqe.safetensors"))

# What BasicSR's calculate_niqe gives, on Y, with the parameters that come with it and no border cropped.
OF_BASICSR = {
    "kodim01": 3.371493,
    "kodim03": 4.329681,
    "kodim05": 2.927505,
    "kodim07": 3.235164,
    "kodim09": 3.516368,
    "kodim11": 2.127125,
    "kodim13": 2.056807,
    "kodim15": 3.957249,
    "kodim17": 2.936468,
    "kodim19": 2.635302,
    "kodim21": 2.426760,
    "kodim23": 4.418476,
}


def distance(pixels: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """NIQE of H×W×3 levels without flat blocks, in numpy."""
    height, width = (side // 96 * 96 for side in pixels.shape[:2])
    levels = np.rint(pixels[:height, :width] / 255 @ np.array([65.481, 128.553, 24.966]) + 16)
    scales = ((oracle.mscn(levels), 96), (oracle.mscn(oracle.halved(levels, -0.5, 2)), 48))
    found = np.array(
        [
            np.concatenate(
                [
                    oracle.features(part[y * side : (y + 1) * side, x * side : (x + 1) * side], oracle.betas, wrap=True)
                    for part, side in scales
                ]
            )
            for y in range(height // 96)
            for x in range(width // 96)
        ]
    )
    gap = found.mean(0) - mean
    return float(np.sqrt(gap @ np.linalg.inv((covariance + np.cov(found, rowvar=False)) / 2) @ gap))


def image(path: Path, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    with Image.open(path) as photo:
        return biqa.as_image(np.asarray(photo.convert("RGB"))).to(dtype)


def test_it_is_the_oracles(examples: list[Path]) -> None:
    model = niqe.load()
    for path in examples:
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB").crop((100, 100, 420, 310)))
        wanted = distance(pixels, model.mu_pris_param[0].numpy(), model.cov_pris_param.numpy())
        assert model(torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]).item() == pytest.approx(wanted, abs=0.02)


@pytest.mark.slow
def test_it_is_basicsrs_with_its_parameters(shared: Path) -> None:
    model = niqe.load(shared / "weights" / "niqe_pris_params.npz")
    for name, wanted in OF_BASICSR.items():
        with torch.inference_mode():
            assert model(image(shared / "photos" / "kodak" / f"{name}.png")).item() == pytest.approx(wanted, abs=0.01)


def test_the_same_parameters_from_either_kind_of_file(shared: Path, tmp_path: Path) -> None:
    given = shared / "weights" / "niqe_pris_params.npz"
    with np.load(given) as arrays:
        state = {name: torch.from_numpy(values.copy()) for name, values in arrays.items()}
    save_file(state, tmp_path / "same.safetensors")
    photo = torch.rand(1, 3, 192, 192)
    assert torch.equal(niqe.load(given)(photo), niqe.load(tmp_path / "same.safetensors")(photo))


def test_noise_and_blur_raise_it(examples: list[Path]) -> None:
    target = biqa.get("niqe")
    rng = np.random.default_rng(0)
    for path in examples:
        with Image.open(path) as photo:
            pixels = fit(np.asarray(photo.convert("RGB")), (512, 384))
        noisy = (pixels + rng.normal(0, 30, pixels.shape)).clip(0, 255).astype(np.uint8)
        blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)))
        with torch.inference_mode():
            fine, *worse = (target.score(biqa.as_image(each)).item() for each in (pixels, noisy, blurred))
        assert min(worse) > fine + 2


def test_batch_equals_single() -> None:
    model = niqe.load()
    images = torch.rand(3, 3, 192, 288)
    images[1] = 0.5  # a flat photo beside others
    images[2, :, :96] = 0.2  # flat blocks
    single = torch.cat([model(each[None]) for each in images])
    assert torch.allclose(model(images), single, rtol=1e-4)


def test_only_whole_blocks_count() -> None:
    model = niqe.load()
    photo = torch.rand(1, 3, 250, 300)
    assert torch.equal(model(photo), model(photo[..., :192, :288]))


def test_flat_blocks_do_not_count() -> None:
    features, textured, _ = niqe.block_features(torch.cat([torch.rand(1, 3, 192, 192), torch.zeros(1, 3, 192, 96)], 3))
    assert textured.tolist() == [[True, True, False, True, True, False]]
    model = niqe.load()
    without = model.distance(features[:, textured[0]], torch.ones(1, 4, dtype=torch.bool))
    assert torch.allclose(model.distance(features, textured), without)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_photos_have_a_finite_score_and_gradient(level: float) -> None:
    photo = torch.full((1, 3, 192, 200), level, requires_grad=True)
    score = niqe.load()(photo)
    score.sum().backward()
    assert score.isfinite().all()
    assert photo.grad is not None
    assert photo.grad.isfinite().all()


def test_a_step_along_the_gradient_raises_it(examples: list[Path]) -> None:
    model = niqe.load()
    photo = image(examples[0])[..., 100:292, 100:292].clone().requires_grad_()
    before = model(photo)
    before.backward()
    assert photo.grad is not None
    stepped = photo.detach() + 0.02 * photo.grad.sign()
    assert model(stepped) > before + 0.5


@pytest.mark.parametrize(("height", "width"), [(191, 500), (500, 191)])
def test_small_photos_are_refused(height: int, width: int) -> None:
    with pytest.raises(UsageError, match=rf"the image is {width}×{height}: natural-scene statistics need 192×192"):
        niqe.load()(torch.rand(1, 3, height, width))


def test_digest_of_the_shipped_parameters() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == niqe.SHA256


def altered(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    return load_file(WEIGHTS) | changes


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"mu_pris_param": torch.zeros(1, 36)}, "lacks cov_pris_param, gaussian_window; expected weights of NIQE"),
        (altered(mu_pris_param=torch.zeros(36)), "has wrong shapes for mu_pris_param"),
        (altered(gaussian_window=torch.full((7, 7), 1 / 49)), "its gaussian_window is another one"),
        (altered(cov_pris_param=torch.zeros(36, 36)), "its cov_pris_param is no covariance"),
        (altered(cov_pris_param=torch.full((36, 36), torch.nan)), "its cov_pris_param is no covariance"),
    ],
)
def test_wrong_parameters_are_named(state: dict[str, torch.Tensor], message: str, tmp_path: Path) -> None:
    save_file(state, tmp_path / "own.safetensors")
    with pytest.raises(WeightsError, match=rf"own\.safetensors: {message}") as caught:
        biqa.get(f"niqe:{tmp_path / 'own.safetensors'}")
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(WEIGHTS.read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"own\.safetensors: not a readable") as caught:
        niqe.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.npz: no such weight file"):
        biqa.get("niqe:nowhere.npz")

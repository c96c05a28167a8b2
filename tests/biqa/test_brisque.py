"""BRISQUE: against numpy, against OpenCV's figures, on photos that have no texture, and its files."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import scenes_oracle as oracle
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load_file, save_file

from camofilter import biqa
from camofilter.biqa import brisque
from camofilter.biqa.fit import fit
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError

WEIGHTS = Path(str(resources.files("camofilter.biqa") / "weights" / "brisque.safetensors"))

# What OpenCV's cv2.quality.QualityBRISQUE_compute gives with the model that comes with it. It clamps: 0 is 0 or less.
OF_OPENCV = {
    "kodim01": 18.609076,
    "kodim03": 3.438074,
    "kodim05": 6.687730,
    "kodim07": 16.464607,
    "kodim09": 12.848406,
    "kodim11": 5.723503,
    "kodim13": 14.584338,
    "kodim15": 0.0,
    "kodim17": 0.0,
    "kodim19": 5.867636,
    "kodim21": 6.185803,
    "kodim23": 0.0,
}


def described(pixels: np.ndarray) -> np.ndarray:
    """The 36 features of H×W×3 levels of even sides, in numpy."""
    levels = np.rint(pixels @ np.array([0.299, 0.587, 0.114]))
    scales = (oracle.mscn(levels), oracle.mscn(oracle.halved(levels, -0.75, 1)))
    squares = [oracle.features(each, lambda _, le, ri: (le**2, ri**2), wrap=False) for each in scales]
    return np.concatenate(squares)


def regressed(features: np.ndarray, state: dict[str, np.ndarray]) -> float:
    """Support vector regression, one vector at a time."""
    scaled = -1 + 2 * (features - state["low"]) / (state["high"] - state["low"])
    score = float(state["offset"])
    for vector, weight in zip(state["vectors"], state["weights"], strict=True):
        score += weight * np.exp(-float(state["gamma"]) * np.linalg.norm(scaled - vector) ** 2)
    return score


def arrays(path: Path) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in load_file(path).items()}


def image(path: Path) -> torch.Tensor:
    with Image.open(path) as photo:
        return biqa.as_image(np.asarray(photo.convert("RGB")))


def test_it_is_the_oracles(examples: list[Path]) -> None:
    model, state = brisque.load(), arrays(WEIGHTS)
    for path in examples:
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB").crop((100, 100, 420, 310)))
        photo_of = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]
        features = brisque.features(photo_of)[0].numpy()
        # The oracle knows shapes to 0.0005 only, which the regression would enlarge.
        assert np.allclose(features, described(pixels), atol=2e-3)
        assert model(photo_of).item() == pytest.approx(regressed(features, state), abs=1e-3)


def test_the_regression_is_the_formula() -> None:
    model, state = brisque.load(), arrays(WEIGHTS)
    features = np.random.default_rng(0).uniform(state["low"], state["high"], (20, 36))
    wanted = [regressed(each, state) for each in features]
    assert np.allclose(model.regressed(torch.from_numpy(features)).numpy(), wanted, atol=1e-3)


@pytest.mark.slow
def test_it_is_opencvs_with_its_model(shared: Path) -> None:
    model = brisque.load(shared / "weights" / "brisque_model_live.yml")
    assert model.vectors.shape == (774, 36)
    for name, wanted in OF_OPENCV.items():
        with torch.inference_mode():
            score = model(image(shared / "photos" / "kodak" / f"{name}.png")).item()
        assert max(score, 0.0) == pytest.approx(wanted, abs=0.05)


def opencv(folder: Path, vectors: int = 3) -> tuple[Path, dict[str, np.ndarray]]:
    """A model of random numbers written as OpenCV writes it, with its ranges, and what is in it."""
    rng = np.random.default_rng(0)
    state = {
        "low": rng.normal(size=36),
        "vectors": rng.normal(size=(vectors, 36)),
        "weights": 1024 * rng.normal(size=vectors),
        "gamma": np.array(5e-2),
        "offset": np.array(149.5),
    }
    state["high"] = state["low"] + 2

    def listed(numbers: np.ndarray) -> str:
        return "[ " + ",\n          ".join(f"{number:.8e}" for number in numbers) + " ]"

    rows = "".join(f"      - {listed(vector)}\n" for vector in state["vectors"])
    (folder / "my_range.yml").write_text(
        f"%YAML:1.0\n---\nrange: !!opencv-matrix\n   rows: 2\n   cols: 36\n   dt: f\n   data: "
        f"{listed(np.concatenate([state['low'], state['high']]))}\n"
    )
    (folder / "my_model.yml").write_text(
        "%YAML:1.0\n---\nopencv_ml_svm:\n   format: 3\n   svmType: EPS_SVR\n   kernel:\n      type: RBF\n"
        f"      gamma: {state['gamma']:.8e}\n   C: 1024.\n   p: 1.0e-01\n   term_criteria: {{ epsilon:1.0e-03 }}\n"
        f"   var_count: 36\n   sv_total: {vectors}\n   support_vectors:\n{rows}   decision_functions:\n      -\n"
        f"         sv_count: {vectors}\n         rho: {-state['offset']:.8e}\n"
        f"         alpha: {listed(state['weights'])}\n"
    )
    return folder / "my_model.yml", state


def test_opencvs_files_are_read(tmp_path: Path) -> None:
    path, state = opencv(tmp_path)
    features = np.random.default_rng(1).uniform(state["low"], state["high"])
    found = brisque.load(path).regressed(torch.from_numpy(features)[None]).item()
    assert found == pytest.approx(regressed(features, state), abs=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5, 0.9, 0.99, 0.9999])
def test_truncated_files_are_one_line(share: float, tmp_path: Path) -> None:
    path, _ = opencv(tmp_path)
    for damaged in (path, tmp_path / "my_range.yml"):
        whole = damaged.read_text()
        damaged.write_text(whole.rstrip()[: int(share * len(whole.rstrip()))])
        with pytest.raises(WeightsError, match=re.escape(f"{damaged}: expected ")) as caught:
            brisque.load(path)
        assert "\n" not in str(caught.value)
        damaged.write_text(whole)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EPS_SVR", "NU_SVR", "expected OpenCV's support vector regression with svmType EPS_SVR"),
        ("RBF", "LINEAR", "expected OpenCV's support vector regression with type RBF"),
        ("var_count: 36", "var_count: 18", "expected OpenCV's support vector regression with var_count 36"),
        ("gamma: 5", "gamma: x\n#", "expected 1 numbers after 'gamma:', found"),
        ("alpha:", "beta:", "expected numbers after 'alpha:', found 0"),
    ],
)
def test_another_kind_of_model_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    path, _ = opencv(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(WeightsError, match=rf"my_model\.yml: {message}"):
        brisque.load(path)


def test_the_ranges_must_lie_beside_the_model(tmp_path: Path) -> None:
    path, _ = opencv(tmp_path)
    (tmp_path / "my_range.yml").unlink()
    with pytest.raises(WeightsError, match=r"my_range\.yml: no such file; expected the ranges"):
        biqa.get(f"brisque:{path}")
    with pytest.raises(WeightsError, match=r"own\.yml: expected 'model' in its name"):
        brisque.load(path.rename(tmp_path / "own.yml"))


def test_ranges_must_not_be_empty(tmp_path: Path) -> None:
    path, state = opencv(tmp_path)
    ranges = tmp_path / "my_range.yml"
    ranges.write_text(ranges.read_text().replace(f"{state['high'][5]:.8e}", f"{state['low'][5]:.8e}"))
    with pytest.raises(WeightsError, match=r"my_model\.yml: it has empty ranges"):
        brisque.load(path)


def test_noise_and_blur_raise_it(examples: list[Path]) -> None:
    target = biqa.get("brisque")
    rng = np.random.default_rng(0)
    for path in examples:
        with Image.open(path) as photo:
            pixels = fit(np.asarray(photo.convert("RGB")), (512, 384))
        noisy = (pixels + rng.normal(0, 30, pixels.shape)).clip(0, 255).astype(np.uint8)
        blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)))
        with torch.inference_mode():
            fine, *worse = (target.score(biqa.as_image(each)).item() for each in (pixels, noisy, blurred))
        assert min(worse) > fine + 10


def test_batch_equals_single() -> None:
    model = brisque.load()
    images = torch.rand(3, 3, 192, 250)
    images[1] = 0.5  # a flat photo beside others
    images[2, :, :96] = 0.2
    single = torch.cat([model(each[None]) for each in images])
    assert torch.allclose(model(images), single, atol=1e-2)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_photos_have_a_finite_score_and_gradient(level: float) -> None:
    photo = torch.full((1, 3, 192, 200), level, requires_grad=True)
    score = brisque.load()(photo)
    score.sum().backward()
    assert score.isfinite().all()
    assert photo.grad is not None
    assert photo.grad.isfinite().all()


def test_a_step_along_the_gradient_raises_it(examples: list[Path]) -> None:
    model = brisque.load()
    photo = image(examples[0])[..., 100:292, 100:292].clone().requires_grad_()
    before = model(photo)
    before.backward()
    assert photo.grad is not None
    stepped = photo.detach() + 0.02 * photo.grad.sign()
    assert model(stepped) > before + 5


@pytest.mark.parametrize(("height", "width"), [(191, 500), (500, 191)])
def test_small_photos_are_refused(height: int, width: int) -> None:
    with pytest.raises(UsageError, match=rf"the image is {width}×{height}: natural-scene statistics need 192×192"):
        brisque.load()(torch.rand(1, 3, height, width))


def test_digest_of_the_shipped_weights() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == brisque.SHA256


def test_weights_of_ones_own_may_have_another_number_of_vectors(tmp_path: Path) -> None:
    state = load_file(WEIGHTS)
    state |= {name: state[name][:7].clone() for name in ("vectors", "weights")}
    save_file(state, tmp_path / "own.safetensors")
    features = np.random.default_rng(0).uniform(state["low"].numpy(), state["high"].numpy())
    found = brisque.load(tmp_path / "own.safetensors").regressed(torch.from_numpy(features)[None]).item()
    assert found == pytest.approx(regressed(features, arrays(tmp_path / "own.safetensors")), abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vectors": torch.zeros(3, 36)}, "has wrong shapes for vectors; expected weights of BRISQUE"),
        ({"low": torch.zeros(18)}, "has wrong shapes for low"),
        ({"weights": torch.zeros(())}, "has wrong shapes for vectors, weights"),
        ({"more": torch.zeros(1)}, "has unexpected more"),
        ({"low": torch.zeros(36), "high": torch.zeros(36)}, "it has empty ranges"),
    ],
)
def test_wrong_weights_are_named(changes: dict[str, torch.Tensor], message: str, tmp_path: Path) -> None:
    save_file(load_file(WEIGHTS) | changes, tmp_path / "own.safetensors")
    with pytest.raises(WeightsError, match=rf"own\.safetensors: {message}") as caught:
        biqa.get(f"brisque:{tmp_path / 'own.safetensors'}")
    assert "\n" not in str(caught.value)


def test_a_truncated_safetensors_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(WEIGHTS.read_bytes()[:50_000])
    with pytest.raises(WeightsError, match=r"own\.safetensors: not a readable") as caught:
        brisque.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.safetensors", "nowhere_model.yml"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(WeightsError, match=rf"{re.escape(name)}: no such"):
        biqa.get(f"brisque:{name}")

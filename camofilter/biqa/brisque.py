"""BRISQUE: quality by regression on natural-scene statistics, learnt from photos that people scored.

Mittal, Moorthy, Bovik: No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 21:12, 2012. Its card is
``docs/classic_models.md``.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from camofilter.biqa import natural_scenes
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import WeightsError, load_state

# Of the shipped weights/brisque.safetensors.
SHA256 = "4bc614fe56cf311d89b416826cbc6d88871647009b3efbdddd7760531e819c96"
# Grey of ITU-R BT.601 in levels of 0 to 255.
_GREY = (0.299 * 255, 0.587 * 255, 0.114 * 255)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class BRISQUE(nn.Module):
    """RGB in [0, 1], B×3×H×W → B scores, about 0 (best) to 100 (worst), not clamped; sides of at least 192 pixels.

    Support vector regression with a Gaussian kernel on 36 features, each scaled so that its range in the training
    data is -1 to 1.

    Args:
        vectors: number of support vectors.
    """

    low: Tensor
    high: Tensor
    vectors: Tensor
    weights: Tensor
    gamma: Tensor
    offset: Tensor

    def __init__(self, vectors: int) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(natural_scenes.FEATURES))
        self.register_buffer("high", torch.ones(natural_scenes.FEATURES))
        self.register_buffer("vectors", torch.zeros(vectors, natural_scenes.FEATURES))
        self.register_buffer("weights", torch.zeros(vectors))
        self.register_buffer("gamma", torch.ones(()))
        self.register_buffer("offset", torch.zeros(()))

    def forward(self, image: Tensor) -> Tensor:
        """The B scores of a B×3×H×W image.

        Raises:
            UsageError: a side is shorter than 192 pixels.
        """
        return self.regressed(features(image)).to(image.dtype)

    def regressed(self, described: Tensor) -> Tensor:
        """The B scores of B×36 features, by the formula of support vector regression."""
        scaled = 2 * (described - self.low) / (self.high - self.low) - 1
        squared = (scaled[:, None] - self.vectors).square().sum(-1)
        return (-self.gamma * squared).exp() @ self.weights.to(squared) + self.offset


def features(image: Tensor) -> Tensor:
    """The B×36 features of a B×3×H×W image in [0, 1], in float64: 18 at full scale, 18 at half (table I of the paper).

    Raises:
        UsageError: a side is shorter than 192 pixels.
    """
    natural_scenes.check_size(image)
    levels = natural_scenes.grey(image, _GREY)
    return torch.cat([_features(levels), _features(natural_scenes.halved(levels, antialias=False))], -1)


def load(path: Path | None = None) -> BRISQUE:
    """BRISQUE ready to judge.

    Args:
        path: OpenCV's model, a ``.yml`` beside whose name with "model" replaced by "range" the ranges lie; or a
            safetensors file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: a file is missing, damaged, or not of this layout.
    """
    model = _of_opencv(path) if path and path.suffix.lower() in (".yml", ".yaml") else _of_state(path)
    if not (model.high > model.low).all():
        raise WeightsError(f"{path}: it has empty ranges; expected the upper ends of 36 ranges above the lower ones")
    return model.eval()


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """BRISQUE as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("brisque", scale, load(Path(weights) if weights else None))


def _of_state(path: Path | None) -> BRISQUE:
    """The model of a weight file in the shipped one's layout; None for the shipped one."""
    with resources.as_file(resources.files("camofilter.biqa") / "weights" / "brisque.safetensors") as shipped:
        model = BRISQUE(_number_of_vectors(path or shipped))
        load_state(model, path or shipped, sha256=SHA256 if path is None else None)
    return model


def _number_of_vectors(path: Path) -> int:
    """How many support vectors a safetensors file holds; 1 if that cannot be told, for load_state to say why."""
    try:
        with safe_open(path, "pt") as file:
            return int(file.get_slice("weights").get_shape()[0])
    except (OSError, SafetensorError, IndexError):
        return 1


def _of_opencv(path: Path) -> BRISQUE:
    """The model of OpenCV's two files, of which only what a regression with a Gaussian kernel needs is read."""
    text = _text(path, "OpenCV's brisque_model_live.yml")
    beside = path.with_name(path.name.replace("model", "range"))
    if beside == path:
        raise WeightsError(f"{path}: expected 'model' in its name, to find the ranges beside it under 'range'")
    for key, wanted in (("svmType", "EPS_SVR"), ("type", "RBF"), ("var_count", natural_scenes.FEATURES)):
        if not re.search(rf"\b{key}: *{wanted}\b", text):
            raise WeightsError(f"{path}: expected OpenCV's support vector regression with {key} {wanted}")
    ranges = _numbers(
        beside, _text(beside, "the ranges that belong to the model"), "data:", "]", 2 * natural_scenes.FEATURES
    )
    weights = _numbers(path, text, "alpha:", "]")
    vectors = _numbers(path, text, "support_vectors:", "decision_functions:", natural_scenes.FEATURES * len(weights))
    model = BRISQUE(len(weights))
    model.low, model.high = ranges.view(2, -1)
    model.vectors, model.weights = vectors.view_as(model.vectors), weights
    model.gamma = _numbers(path, text, "gamma:", "\n", 1)[0]
    model.offset = -_numbers(path, text, "rho:", "\n", 1)[0]
    return model


def _text(path: Path, expected: str) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; expected {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: not a readable .yml file ({' '.join(str(error).split())})") from None


def _numbers(path: Path, text: str, after: str, until: str, count: int | None = None) -> Tensor:
    """The numbers between two words of a file's text; so many of them, if a count is given."""
    inside, ended, _ = text.partition(after)[2].partition(until)
    numbers = [float(number) for number in _NUMBER.findall(inside)]
    if not ended or count not in (None, len(numbers)):
        wanted = "" if count is None else f"{count} "
        raise WeightsError(
            f"{path}: expected {wanted}numbers after '{after}', found {len(numbers)}: damaged, or not OpenCV's BRISQUE"
        )
    return torch.tensor(numbers)


def _features(levels: Tensor) -> Tensor:
    coefficients, _ = natural_scenes.mscn(levels)
    return natural_scenes.features(coefficients[:, 0], lambda s: (s.left.square(), s.right.square()), wrap=False)[0]

"""Machines that judge a photo: which there are, and how a photo reaches one.

Listing them needs no torch; :func:`get` loads it. A target is named ``NAME`` or, with weights of one's own,
``NAME:PATH``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from camofilter.biqa.fit import fit, jpeg
from camofilter.biqa.target import Scale, Target
from camofilter.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = [
    "KNOWN",
    "SHIPPED",
    "Known",
    "Scale",
    "Target",
    "as_image",
    "delivered",
    "delivered_score",
    "get",
    "get_all",
    "network",
]


@dataclass(frozen=True)
class Known:
    """What is known of a target without loading it.

    Attributes:
        summary: what it is, in one line.
        scale: how its scores are read.
        after_colon: what is to be given after the colon, such as "the path of KonCept512.pth"; empty for targets that
            come with camofilter.
        scale_varies: whether models have scales of their own instead.
    """

    summary: str
    scale: Scale
    after_colon: str = ""
    scale_varies: bool = False


_SCENES = Scale(-10, 10, 0, "in logits, where another scene leads")

# Every target by its name, which is also its file's.
KNOWN = {
    "compact_iqa": Known("the embedded quality model, 2.4 M parameters, SROCC 0.80 with people", Scale()),
    "wavelet_iqa": Known("wavelet statistics and a small network, embedded too, SROCC 0.76 with people", Scale()),
    "niqe": Known(
        "NIQE, distance from the statistics of sharp photos, our own fit; 0 is best",
        Scale(2, 14, 6.8, "where it best splits opinions at 50, with a balanced accuracy of 69 %", False),
    ),
    "brisque": Known(
        "BRISQUE, regression on natural-scene statistics, our own fit; 0 is best",
        Scale(reason="the middle of its scale", falls=False),
    ),
    "koncept512": Known(
        "KonCept512, the judge of the MediaEval 2020 task, 60 M parameters",
        Scale(),
        "the path of KonCept512.pth, which the task's organisers published",
    ),
    "places365_resnet50": Known(
        "scenes by ResNet-50, the judge of the MediaEval 2019 task, 24 M parameters",
        _SCENES,
        "the path of resnet50_places365.pth.tar, which the authors of Places365 published",
    ),
    "places365_squeezenet": Known(
        "scenes by SqueezeNet 1.1, 0.9 M parameters",
        _SCENES,
        "the path of squeezenet_places365_f32.npz",
    ),
    "model_file": Known(
        "any quality model in a file: TorchScript, torch.export or, without gradients, ONNX; load only what you trust",
        Scale(),
        "the path of a .pt, .ts, .pt2 or .onnx file",
    ),
    "pyiqa": Known(
        "no-reference metrics of the package pyiqa, which is for non-commercial use only and installed separately",
        Scale(reason="for a metric of this range; another is read on its own, to its middle"),
        "the name of a metric, such as musiq",
        scale_varies=True,
    ),
}

# What the names of files that model_file reads end with.
_MODEL_FILES = (".pt", ".ts", ".pt2", ".onnx")

# Those that need nothing after a colon.
SHIPPED = tuple(name for name, known in KNOWN.items() if not known.after_colon)

# The task's own last step: organisers and platforms recompress what they are given.
DELIVERY_QUALITY = 90


def get(spec: str, *, threshold: float | None = None) -> Target:
    """The target of this name, loaded.

    Args:
        spec: ``NAME`` or ``NAME:WEIGHTS``, WEIGHTS being in general the path of a weight file.
        threshold: where a photo stops being seen; None for the target's own.

    Raises:
        UsageError: no such target; the message names the nearest ones. Or the threshold is not within its scale.
        WeightsError: the weight file is missing, damaged or of another model.
    """
    name, _, given = spec.partition(":")
    if name not in KNOWN:
        if not given and name.lower().endswith(_MODEL_FILES):
            raise UsageError(f"unknown target '{name}': for a model in a file give model_file:{name}")
        raise unknown_name("target", name, KNOWN)
    known = KNOWN[name]
    if known.after_colon and not given:
        raise UsageError(f"target '{name}' needs {known.after_colon}: give it as {name}:…")
    if not known.scale_varies:
        known.scale.at(threshold)  # refused before anything is loaded
    module = importlib.import_module(f"camofilter.biqa.{name}")
    found: Target = module.target(given or None, known.scale)
    from camofilter.biqa.trial import trust

    return trust(found.at(threshold))


def get_all(specs: Sequence[str] | None, *, threshold: float | None = None, scene: str | None = None) -> list[Target]:
    """Several targets, each loaded once.

    Args:
        specs: as :func:`get` takes them; "all" are those that come with camofilter, None is the embedded one.
        threshold: where a photo stops being seen; None for each one's own.
        scene: what those that tell scenes apart must not see, or "sensitive"; None for what they see first.

    Raises:
        UsageError: no such target or scene, or a scene but no target that tells scenes apart.
    """
    names = [name for spec in specs or ["compact_iqa"] for name in (SHIPPED if spec == "all" else [spec])]
    found = [get(name, threshold=threshold) for name in dict.fromkeys(names)]
    if scene is None:
        return found
    from camofilter.biqa.scenes import SceneTarget

    if not any(isinstance(target, SceneTarget) for target in found):
        raise UsageError(f"--scene is '{scene}', but no target tells scenes apart: add --target places365_resnet50:…")
    return [target.watching(scene) if isinstance(target, SceneTarget) else target for target in found]


def network(name: str) -> nn.Module:
    """The empty network that a target's weight files are for.

    Raises:
        UsageError: no such target, or one without weight files of its own.
    """
    if name not in KNOWN:
        raise unknown_name("target", name, KNOWN)
    module = importlib.import_module(f"camofilter.biqa.{name}")
    if not hasattr(module, "network"):
        raise UsageError(f"target '{name}' has no weight file that can be converted")
    found: nn.Module = module.network()
    return found


def delivered(pixels: np.ndarray, target: Target) -> torch.Tensor:
    """A photo as it reaches a target: fit to the model's input, JPEG 90.

    Args:
        pixels: H×W×3, uint8 or uint16, sRGB.
        target: the judge, on the CPU or any device.

    Returns:
        1×3×h×w in [0, 1].

    Raises:
        UsageError: the photo has no pixels.
    """
    if 0 in pixels.shape:
        raise UsageError(f"the photo's shape is {pixels.shape}: expected at least one pixel")
    return as_image(jpeg(fit(pixels, target.frame(pixels.shape[1], pixels.shape[0])), DELIVERY_QUALITY))


def delivered_score(pixels: np.ndarray, target: Target) -> float:
    """The score of a photo as it reaches a target; arguments and errors as of :func:`delivered`.

    Raises:
        TargetError: it is no finite number.
    """
    import torch

    with torch.inference_mode():
        return float(target.checked(delivered(pixels, target)))


def as_image(pixels: np.ndarray) -> torch.Tensor:
    """H×W×3 uint8 pixels as an image tensor, 1×3×H×W float32 in [0, 1]."""
    import torch

    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]

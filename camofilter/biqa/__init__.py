"""Machines that judge a photo: which there are, and how a photo reaches one.

Listing them needs no torch; :func:`get` loads it. A target is named ``NAME`` or, with weights of one's own,
``NAME:PATH``. Those that come with camofilter have versions: ``NAME@2`` is one, ``NAME`` the newest.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "exact",
    "get",
    "get_all",
    "network",
    "other_versions",
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
        version: of the weights that come with camofilter, another one for each change of a score; None without any.
    """

    summary: str
    scale: Scale
    after_colon: str = ""
    scale_varies: bool = False
    version: int | None = None


_SCENES = Scale(-10, 10, 0, "in logits, where another scene leads")

# Every target by its name, the newest version without a number; its file is camofilter/biqa/NAME.py or NAME_VERSION.py.
KNOWN = {
    "compact_iqa": Known("the embedded quality model, 3.4 M parameters, SROCC 0.83 with people", Scale(), version=3),
    "compact_iqa@2": Known("its version before, 2.4 M parameters, SROCC 0.80 with people", Scale(), version=2),
    "wavelet_iqa": Known(
        "wavelet statistics and a small network, embedded too, SROCC 0.76 with people", Scale(), version=1
    ),
    "niqe": Known(
        "NIQE, distance from the statistics of sharp photos, our own fit; 0 is best",
        Scale(2, 14, 6.8, "where it best splits opinions at 50, with a balanced accuracy of 69 %", False),
        version=1,
    ),
    "brisque": Known(
        "BRISQUE, regression on natural-scene statistics, our own fit; 0 is best",
        Scale(reason="the middle of its scale", falls=False),
        version=1,
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

# The newest of each that needs nothing after a colon.
SHIPPED = tuple(name for name, known in KNOWN.items() if not known.after_colon and "@" not in name)

# The task's own last step: organisers and platforms recompress what they are given.
DELIVERY_QUALITY = 90


def get(spec: str, *, threshold: float | None = None) -> Target:
    """The target of this name, loaded.

    Args:
        spec: ``NAME`` or ``NAME:WEIGHTS``, WEIGHTS being in general the path of a weight file; NAME with ``@VERSION``
            or without.
        threshold: where a photo stops being seen; None for the target's own.

    Raises:
        UsageError: no such target or version; the message names the nearest ones. Or the threshold is not within its
            scale.
        WeightsError: the weight file is missing, damaged or of another model.
    """
    name, given = _parts(spec)
    known = KNOWN[name]
    if known.after_colon and not given:
        raise UsageError(f"target '{name}' needs {known.after_colon}: give it as {name}:…")
    if not known.scale_varies:
        known.scale.at(threshold)  # refused before anything is loaded
    found: Target = _module(name).target(given or None, known.scale)
    if known.version is not None:
        # Weights of one's own are another judge, called by their file's name: its folder is nobody's business.
        found.name, found.version = (f"{name}:{Path(given).name}", None) if given else (name, known.version)
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
    found = [get(spec, threshold=threshold) for spec in exact(specs)]
    if scene is None:
        return found
    from camofilter.biqa.scenes import SceneTarget

    if not any(isinstance(target, SceneTarget) for target in found):
        raise UsageError(f"--scene is '{scene}', but no target tells scenes apart: add --target places365_resnet50:…")
    return [target.watching(scene) if isinstance(target, SceneTarget) else target for target in found]


def exact(specs: Sequence[str] | None) -> list[str]:
    """The targets that are meant, each once, and whichever version is the newest: ``compact_iqa`` → ``compact_iqa@2``.

    Args:
        specs: as :func:`get_all` takes them.

    Raises:
        UsageError: no such target or version.
    """
    every = (spec for given in specs or ["compact_iqa"] for spec in (SHIPPED if given == "all" else [given]))
    return list(dict.fromkeys(map(_exact, every)))


def _exact(spec: str) -> str:
    name, given = _parts(spec)
    version = KNOWN[name].version
    full_name = name if version is None else f"{_plain(name)}@{version}"
    return f"{full_name}:{given}" if given else full_name


def other_versions(made_for: Iterable[str], targets: Iterable[Target]) -> list[str]:
    """What has to be said where a recipe is judged by other versions of the targets that it was found against.

    Args:
        made_for: of the recipe.
        targets: that judge what it was applied to.

    Returns:
        A line for each of them that has versions, of which the recipe names others but not this one.
    """
    told = []
    for target in targets:
        name = _plain(target.name)
        others = [one for one in made_for if _plain(one) == name]
        has_versions = name in KNOWN and KNOWN[name].version is not None
        if others and has_versions and target.full_name not in others:
            told.append(f"the look was found against {' and '.join(others)}, and is judged by {target.full_name}")
    return told


def _parts(spec: str) -> tuple[str, str]:
    """The name in ``KNOWN`` that is meant by a ``NAME[@VERSION][:WEIGHTS]``, and its weights or an empty text."""
    name, _, given = spec.partition(":")
    if name in KNOWN:
        return name, given
    plain, _, version = name.partition("@")
    if plain not in KNOWN:
        if not given and name.lower().endswith(_MODEL_FILES):
            raise UsageError(f"unknown target '{name}': for a model in a file give model_file:{name}")
        raise unknown_name("target", name, [one for one in KNOWN if "@" not in one])
    newest = KNOWN[plain].version
    if newest is None:
        raise UsageError(f"target '{plain}' has no versions: leave @{version} out")
    if version != str(newest):
        there = ", ".join([*(one for one in KNOWN if one.startswith(f"{plain}@")), f"{plain}@{newest}"])
        raise UsageError(f"target '{plain}' has no version '{version}': known are: {there}")
    return plain, given


def _plain(name: str) -> str:
    """A target's name without its version or weights."""
    return re.split("[@:]", name, maxsplit=1)[0]


def _module(name: str) -> Any:
    return importlib.import_module(f"camofilter.biqa.{name.replace('@', '_')}")


def network(name: str) -> nn.Module:
    """The empty network that a target's weight files are for.

    Raises:
        UsageError: no such target or version, or one without weight files of its own.
    """
    module = _module(_parts(name)[0])
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

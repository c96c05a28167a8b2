"""SqueezeNet 1.1 trained on Places365: small enough to search against on any computer.

The weights come from a person's own download. Their author claims that 39.5 % of Places365's validation photos are
classified rightly.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from camofilter.biqa.scenes import SceneTarget, categories
from camofilter.biqa.squeezenet import SqueezeNet
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_state


def network() -> nn.Module:
    """The network that the weight files are for, its weights random."""
    return SqueezeNet(len(categories()))


def load(path: Path) -> nn.Module:
    """The network ready to judge: frozen, float32.

    Args:
        path: squeezenet_places365_f32.npz, or that file converted.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    model = network()
    load_state(model, path, expected="squeezenet_places365_f32.npz (about 4 MB): give its path")
    return model.eval().requires_grad_(False)


def target(weights: str | None, scale: Scale) -> SceneTarget:
    """The classifier as :func:`camofilter.biqa.get` hands it out; ``weights`` is the path of its weight file."""
    return SceneTarget("places365_squeezenet", scale, load(Path(weights or "squeezenet_places365_f32.npz")))

"""ResNet-50 trained on Places365, the judge of the MediaEval 2019 Pixel Privacy task.

The weights come from a person's own download of what the authors of Places365 published.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from camofilter.biqa.folding import ready
from camofilter.biqa.resnet50 import ResNet50
from camofilter.biqa.scenes import SceneTarget, categories
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_state


def network() -> nn.Module:
    """The network that the weight files are for, its weights random."""
    return ResNet50(len(categories()))


def load(path: Path) -> nn.Module:
    """The network ready to judge: frozen, batch norms folded, float32.

    Args:
        path: resnet50_places365.pth.tar, or that file converted.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    model = network()
    load_state(
        model,
        path,
        expected="resnet50_places365.pth.tar (about 97 MB), published with the repository "
        "github.com/CSAILVision/places365: download it and give its path",
    )
    return ready(model)


def target(weights: str | None, scale: Scale) -> SceneTarget:
    """The classifier as :func:`camofilter.biqa.get` hands it out; ``weights`` is the path of its weight file."""
    return SceneTarget("places365_resnet50", scale, load(Path(weights or "resnet50_places365.pth.tar")))

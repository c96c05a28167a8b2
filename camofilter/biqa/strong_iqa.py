"""StrongIQA: the more exact and dearer of the embedded quality models. Its card is ``docs/strong_iqa.md``."""

from __future__ import annotations

from pathlib import Path

from camofilter.biqa.lite_iqa import LiteIQA
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_shipped

# Of the shipped weights/strong_iqa.safetensors.
SHA256 = "f86c0f8f20e855df5e0c708b67845dbd54c03b8f42c81aa767ed9a237d6a1516"


def network() -> LiteIQA:
    """The network that weight files are for, its weights random."""
    return LiteIQA("lite2")


def load(path: Path | None = None) -> LiteIQA:
    """StrongIQA ready to judge: frozen.

    Args:
        path: a weight file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    return load_shipped(network(), "strong_iqa", SHA256, path).eval().requires_grad_(False)


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """StrongIQA as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("strong_iqa", scale, load(Path(weights) if weights else None))

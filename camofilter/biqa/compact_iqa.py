"""CompactIQA, version 3: the quality model that ships with camofilter. Its card is ``docs/compact_iqa.md``."""

from __future__ import annotations

from pathlib import Path

from camofilter.biqa.lite_iqa import LiteIQA
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.biqa.weight_files import load_shipped

# Of the shipped weights/compact_iqa.safetensors.
SHA256 = "1e41881d10884c80e09dc94a0b9e1175492416fb1d9423bf1e26aae946590968"


def network() -> LiteIQA:
    """The network that weight files are for, its weights random."""
    return LiteIQA("lite0", share=7 / 8)  # at full size it would cost a third more, and knows little more


def load(path: Path | None = None) -> LiteIQA:
    """CompactIQA ready to judge: frozen.

    Args:
        path: a weight file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    return load_shipped(network(), "compact_iqa", SHA256, path).eval().requires_grad_(False)


def target(weights: str | None, scale: Scale) -> ModelTarget:
    """CompactIQA as :func:`camofilter.biqa.get` hands it out."""
    return ModelTarget("compact_iqa", scale, load(Path(weights) if weights else None))

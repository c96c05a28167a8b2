"""Weight files: found, checked and loaded without running anything that is in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from camofilter.errors import UsageError


class WeightsError(UsageError):
    """A weight file that is missing, damaged, or made for another network."""


def load_state(model: nn.Module, path: Path, *, sha256: str | None = None) -> None:
    """Loads a safetensors file into a model, all keys and shapes checked; half precision is widened.

    Args:
        model: its parameters are overwritten.
        path: the file.
        sha256: what its digest must be, in hexadecimal; None if any will do.

    Raises:
        WeightsError: missing or unreadable file, other digest, or other keys or shapes than the model's.
    """
    try:
        if sha256 is not None:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != sha256:
                raise WeightsError(f"{path}: its sha256 is {digest[:12]}…, expected {sha256[:12]}…: fetch it again")
        given = load_file(path)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weight file; give the path of a .safetensors file") from None
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: not a readable .safetensors file ({_one_line(error)})") from None
    expected = model.state_dict()
    missing, extra = sorted(expected.keys() - given.keys()), sorted(given.keys() - expected.keys())
    wrong = [k for k in expected.keys() & given.keys() if expected[k].shape != given[k].shape]
    for what, keys in (
        ("lacks", missing),
        ("has unexpected", extra),
        ("has wrong shapes for", sorted(wrong)),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise WeightsError(
                f"{path}: {what} {', '.join(keys[:3])}{more}; expected weights of {type(model).__name__}"
            )
    model.load_state_dict({k: v.to(expected[k].dtype) for k, v in given.items()})


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

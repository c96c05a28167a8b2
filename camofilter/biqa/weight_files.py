"""Weight files: found, checked and loaded without running anything that is in them; converted to safetensors."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from camofilter.errors import PhotoError, UsageError
from camofilter.photo.writing import write_atomically

Network = TypeVar("Network", bound=nn.Module)


class WeightsError(UsageError):
    """A weight file that is missing, damaged, or made for another network."""


def load_state(model: nn.Module, path: Path, *, sha256: str | None = None, expected: str | None = None) -> None:
    """Loads a weight file into a model, all keys and shapes checked; half precision is widened.

    Read are safetensors, torch's ``.pth``, ``.pt`` and ``.pth.tar`` (a state dict, or a dict whose "state_dict" is one,
    with or without the ``module.`` that parallel training puts before each key) and ``.npz``. Counts of the batches a
    batch norm has seen may be missing, as in files of old.

    Args:
        model: its parameters are overwritten.
        path: the file.
        sha256: what its digest must be, in hexadecimal; None if any will do.
        expected: what file it should be and where it is to be had, told where it is missing.

    Raises:
        WeightsError: missing or unreadable file, other digest, or other keys or shapes than the model's.
    """
    _load(model, _read(path, sha256, expected), path)


def load_part(
    part: nn.Module, path: Path, prefix: str, published: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    """Loads a part of a network from a file of that part alone, or of a whole network that has it.

    Args:
        part: its parameters are overwritten.
        path: the file; what it holds beyond the part is left.
        prefix: of the part's keys in a file of the whole.
        published: brings weights as their authors published them to the part's layout, and leaves others.

    Raises:
        WeightsError: missing or unreadable file, keys of the part that are missing, or of another shape.
    """
    given = _read(path, None, None)
    inside = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)} or given
    try:
        inside = published(inside)
    except (KeyError, RuntimeError):  # it lacks what belongs to a tensor, or has it in another shape
        raise WeightsError(f"{path}: of another network; expected weights of {type(part).__name__}") from None
    _load(part, {key: value for key, value in inside.items() if key in part.state_dict()}, path)


def load_shipped(model: Network, name: str, sha256: str, path: Path | None = None) -> Network:
    """The model with the weights that come with camofilter, or with those of another file.

    Args:
        model: its parameters are overwritten.
        name: of the shipped file, without its suffix.
        sha256: of the shipped file.
        path: a file in the shipped one's layout; None for the shipped one.

    Raises:
        WeightsError: the file is missing, damaged, or not of this layout.
    """
    with resources.as_file(resources.files("camofilter.biqa") / "weights" / f"{name}.safetensors") as shipped:
        load_state(model, path or shipped, sha256=sha256 if path is None else None)
    return model


def convert(model: nn.Module, source: Path, destination: Path, *, half: bool = False, force: bool = False) -> None:
    """Writes a weight file of any kind that :func:`load_state` reads as safetensors, whole or not at all.

    Args:
        model: the network that the weights are for; its parameters are overwritten.
        source: the file to read.
        destination: the file to write, ``.safetensors``, in an existing folder.
        half: store floats in half precision, but for tensors whose values are too large for it.
        force: replace an existing file.

    Raises:
        WeightsError: the source is not a weight file of this network; or the destination has another suffix, exists
            already, or cannot be written.
    """
    if destination.suffix.lower() != ".safetensors":
        raise WeightsError(f"{destination}: only .safetensors files are written; give it that suffix")
    load_state(model, source)
    write(model, destination, half=half, force=force)


def write(model: nn.Module, destination: Path, *, half: bool, force: bool) -> None:
    """Writes a model's weights as safetensors, whole or not at all; arguments and errors as of :func:`convert`."""
    state = {key: _halved(value) if half else value for key, value in model.state_dict().items()}
    try:
        write_atomically(destination, safetensors.torch.save({k: v.contiguous() for k, v in state.items()}), force)
    except PhotoError as error:
        raise WeightsError(f"{destination}: {error}") from None
    except OSError as error:
        raise WeightsError(f"{destination}: cannot write the weights: {error.strerror}") from None


def _load(model: nn.Module, given: dict[str, Tensor], path: Path) -> None:
    _check_layout(model, given, path)
    own = model.state_dict()
    model.load_state_dict(own | {key: value.to(own[key].dtype) for key, value in given.items()})


def _halved(values: Tensor) -> Tensor:
    if not values.is_floating_point():
        return values
    narrow = values.half()
    return narrow if narrow.isfinite().all() else values


def _read(path: Path, sha256: str | None, expected: str | None) -> dict[str, Tensor]:
    ending = next((ending for ending in _READERS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise WeightsError(f"{path}: weight files are named {', '.join(_READERS)}; give the path of one")
    try:
        if sha256 is not None:
            _check_digest(path, sha256)
        return _state_of(_READERS[ending](path))
    except FileNotFoundError:
        wanted = expected or f"the path of a {', '.join(_READERS)} file"
        raise WeightsError(f"{path}: no such weight file; expected {wanted}") from None
    except (WeightsError, MemoryError):
        raise
    except Exception as error:  # damaged bytes lead an unpickler into any of Python's errors
        raise WeightsError(f"{path}: not a readable {ending} file ({_reason(error)})") from None


def _check_digest(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise WeightsError(f"{path}: its sha256 is {digest[:12]}…, expected {sha256[:12]}…: fetch it again")


def _check_layout(model: nn.Module, given: dict[str, Tensor], path: Path) -> None:
    own = model.state_dict()
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    for what, keys in (
        ("lacks", needed - given.keys()),
        ("has unexpected", given.keys() - own.keys()),
        ("has wrong shapes for", {k for k in own.keys() & given.keys() if own[k].shape != given[k].shape}),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            first = ", ".join(sorted(keys)[:3])
            raise WeightsError(f"{path}: {what} {first}{more}; expected weights of {type(model).__name__}")


def _state_of(content: Any) -> dict[str, Tensor]:
    """The state dict that a file's content is or holds; ValueError if there is none."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise ValueError("it holds no state dict")
    strays = [key for key, value in content.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if strays:
        raise ValueError(f"{strays[0]!r} in it is no tensor with a name")
    return {key.removeprefix("module."): value for key, value in content.items()}


def _read_torch(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _read_npz(path: Path) -> dict[str, Tensor]:
    arrays = np.load(path, allow_pickle=False)
    if isinstance(arrays, np.ndarray):
        raise ValueError("it holds a single array without a name")
    with arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


_READERS: dict[str, Callable[[Path], Any]] = {
    ".safetensors": safetensors.torch.load_file,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".pth.tar": _read_torch,
    ".npz": _read_npz,
}


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):  # torch's own words advise to run what is in the file
        return "damaged, or it holds more than tensors, which is not loaded since it could run a program"
    return " ".join(str(error).split()) or type(error).__name__

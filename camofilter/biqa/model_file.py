"""Any model that is saved as a program: TorchScript, torch.export or ONNX. How to make one is in docs/own_models.md.

Only a file that one trusts should be loaded: such a program may read and write files. Python objects pickled into one
are refused.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from camofilter.biqa.foreign import ForeignTarget, Program, Size
from camofilter.biqa.target import Scale
from camofilter.biqa.trial import reason
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import CamofilterError, UsageError

# torch advises its users to turn to torch.export; who was handed a file cannot. Set once, as filters of warnings are
# those of the whole process, and files may be loaded in several threads.
warnings.filterwarnings("ignore", "`torch.jit.load`", DeprecationWarning)


class Script:
    """A TorchScript program, frozen and in eval mode; it does not say what size it takes."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self.size, self._path, self._device = Size(), path, device
        self._module = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]
        for parameter in self._module.parameters():
            parameter.requires_grad_(False)

    def __call__(self, image: Tensor) -> object:
        """What it gives for a B×3×H×W image."""
        # Rewritten for gradients, as a program is after its first calls, it may fail in torch.inference_mode.
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            return self._module(image.to(self._device))

    def on(self, device: str) -> Script:
        """The program, read once more."""
        return Script(self._path, device)


class Exported:
    """A program of torch.export, frozen; it takes the sizes of the example that it was exported with.

    Raises:
        WeightsError: it holds pickled objects or machine code, or takes something else than one batch of RGB images.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        from torch.export.passes import move_to_device_pass

        _check_archive(path)
        try:
            with _no_unpickling():
                program = torch.export.load(path)
        except pickle.UnpicklingError:
            raise _pickled(path) from None
        inputs = [
            node.meta["val"].shape
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
        ]
        self.size, self._path, self._device = _size(path, inputs), path, device
        # With the devices that are written in its operations.
        self._module = move_to_device_pass(program, device).module()
        self._module.requires_grad_(False)

    def __call__(self, image: Tensor) -> object:
        """What it gives for a B×3×H×W image."""
        return self._module(image.to(self._device))

    def on(self, device: str) -> Exported:
        """The program, read once more."""
        return Exported(self._path, device)


class Onnx:
    """An ONNX program, run by onnxruntime on the CPU, without gradients.

    Raises:
        WeightsError: it takes something else than one batch of float32 RGB images.
        UsageError: onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            onnxruntime = importlib.import_module("onnxruntime")
        except ImportError:
            raise UsageError(f"{path}: ONNX files need onnxruntime: pip install 'camofilter[onnx]'") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong with a file is in the error, too
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        inputs = self._session.get_inputs()
        self.size = _size(path, [given.shape for given in inputs])
        if inputs[0].type != "tensor(float)":
            raise WeightsError(f"{path}: takes {inputs[0].type}, expected float32, tensor(float)")
        self._input = inputs[0].name

    def __call__(self, image: Tensor) -> object:
        """What it gives for a B×3×H×W image, on the CPU."""
        given = self._session.run(None, {self._input: image.detach().cpu().numpy()})
        return torch.from_numpy(given[0]) if len(given) == 1 else given

    def on(self, device: str) -> Onnx:
        """Itself: it stays on the CPU."""
        return self


def target(given: str | None, scale: Scale) -> ForeignTarget:
    """The model of a file as :func:`camofilter.biqa.get` hands it out.

    Args:
        given: the path of a ``.pt``, ``.ts``, ``.pt2`` or ``.onnx`` file.
        scale: how its scores are read.

    Raises:
        WeightsError: the file is missing, of another kind or damaged, or its input is not a batch of RGB images.
        UsageError: the model fails or does not give one finite score an image, or onnxruntime is not installed.
    """
    path = Path(given or "")
    return ForeignTarget(f"model_file:{path.name}", scale, load(path))


def load(path: Path) -> Program:
    """The program in a file, not tried yet; arguments and errors as of :func:`target`."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise WeightsError(f"{path}: models are saved as {', '.join(_KINDS)}; give the path of such a file")
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected {kind.what}")
    try:
        return kind.read(path)
    except (CamofilterError, MemoryError):
        raise
    except Exception as error:  # damaged bytes lead a reader into any error
        raise WeightsError(f"{path}: damaged, or not {kind.what} ({reason(error)})") from None


class _Kind(NamedTuple):
    what: str
    read: Callable[[Path], Program]


_SCRIPT = _Kind("a TorchScript program as torch.jit.save writes it", Script)
_KINDS = {
    ".pt": _SCRIPT,
    ".ts": _SCRIPT,
    ".pt2": _Kind("a program as torch.export.save writes it", Exported),
    ".onnx": _Kind("an ONNX program", Onnx),
}


def _size(path: Path, inputs: Sequence[Sequence[object]]) -> Size:
    """What the only input is fixed to, of B×3×H×W; its free sizes are anything but a positive integer."""
    if len(inputs) != 1:
        raise WeightsError(f"{path}: takes {len(inputs)} inputs, expected one, B×3×H×W")
    fixed = [side if isinstance(side, int) and side > 0 else None for side in inputs[0]]
    if len(fixed) != 4 or fixed[1] not in (3, None) or fixed[0] not in (1, None):
        form = "×".join("?" if side is None else str(side) for side in fixed)
        raise WeightsError(f"{path}: takes {form}, expected B×3×H×W with any B, or 1×3×H×W")
    return Size(fixed[0], *fixed[2:])


def _check_archive(path: Path) -> None:
    """Refuses what torch.export would unpickle or run whatever one asks of it."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if not any("/models/" in name or name == "serialized_exported_program.json" for name in names):
        raise ValueError("it holds no exported program")
    if any("/data/aotinductor/" in name for name in names):
        raise WeightsError(f"{path}: holds machine code, which is not loaded; save the program with torch.export.save")
    if any("/data/constants/opaque_obj" in name for name in names):
        raise _pickled(path)


def _pickled(path: Path) -> WeightsError:
    return WeightsError(f"{path}: holds pickled Python objects, which are not loaded since they could run a program")


# Two threads that load a program share what the whole process has one of; a fork waits until it is as it was.
_LOADING = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_LOADING.acquire, after_in_parent=_LOADING.release, after_in_child=_LOADING.release)


@contextlib.contextmanager
def _no_unpickling() -> Iterator[None]:
    """Within it torch.load unpickles tensors only, and logs nothing.

    torch.export.load would turn to plain pickle where that fails, and logs tracebacks; it has no option for either.
    """
    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    with _LOADING:
        before, silent_up_to = os.environ.get(switch), logging.root.manager.disable
        os.environ[switch] = "1"
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(silent_up_to)
            if before is None:
                del os.environ[switch]
            else:
                os.environ[switch] = before

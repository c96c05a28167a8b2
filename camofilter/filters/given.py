"""What a filter is given when somebody calls it: an image and settings, refused in one line where they make no sense.

A pass over the image for its lowest and highest value costs less than any filter, but not nothing: chains and
searches, whose images and settings come from here already, call :meth:`Filter.filtered`, which checks nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from camofilter.errors import UsageError
from camofilter.filters.arrays import Array, Value, is_numpy, like

if TYPE_CHECKING:
    from camofilter.filters.base import Filter, Setting

# What rounding, and the step of a difference quotient, may leave a range by, as a share of it.
_SLACK = 1e-3
_WHITES = {"uint8": 255, "uint16": 65535}


def check_image(name: str, image: Array) -> None:
    """Whether a filter can take this image.

    Raises:
        UsageError: it is no array, not B×3×H×W, without pixels, of whole numbers, or has values outside [0, 1] or that
            are none.
    """
    if not _is_array(image):
        raise UsageError(f"{name} was given a {type(image).__name__}: expected B×3×H×W, a numpy array or torch tensor")
    if image.ndim != 4 or image.shape[1] != 3:
        raise UsageError(f"{name} was given an image of shape {tuple(image.shape)}: expected B×3×H×W")
    if 0 in image.shape:
        raise UsageError(f"{name} was given an image of shape {tuple(image.shape)}: expected at least one pixel")
    kind = str(image.dtype).removeprefix("torch.")
    if not (image.dtype.kind == "f" if is_numpy(image) else image.is_floating_point()):
        how = f": divide by {_WHITES[kind]}" if kind in _WHITES else ""
        raise UsageError(f"{name} was given an image of {kind}: expected floating-point numbers in [0, 1]{how}")
    low, high = _ends(image)
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        found = "that are not numbers" if low != low else f"from {low:.3g} to {high:.3g}"
        raise UsageError(f"{name} was given an image with values {found}: expected [0, 1]")


def checked_settings(found: Filter, image: Array, given: Mapping[str, Value]) -> dict[str, Value]:
    """Settings as the formulas take them: floats, and vectors of the image's kind, which keep their gradients.

    Args:
        found: the filter.
        image: that it is called with.
        given: numbers, numpy scalars, or arrays or tensors of one number or one for each image; for settings of K
            numbers, lists, or arrays or tensors of K or B×K.

    Raises:
        UsageError: no such setting, or a value that is none, of the wrong count, or outside the setting's range.
    """
    settings: dict[str, Value] = {}
    for name, value in given.items():
        setting = found.setting(name)
        learnt = getattr(value, "requires_grad", False)
        if value is None and setting.count is not None:
            settings[name] = None
        elif _is_array(value) and (value.ndim or learnt) and _is_real(value):
            settings[name] = _vector(found.name, setting, image, value if value.ndim else value.reshape(1))
        else:
            settings[name] = setting.check(found.name, value)
    return settings


def _vector(filter_name: str, setting: Setting, image: Array, value: Array) -> Array:
    """An array or tensor as a vector of the image's kind."""
    images, shape = len(image), tuple(value.shape)
    fewest, most = (1, 1) if setting.count is None else setting.counts
    *rows, numbers = shape if setting.count is not None else (*shape, 1)
    if not (fewest <= numbers <= most and rows in ([], [1], [images])):
        several = "one number" if setting.count is None else f"{setting.how_many} numbers"
        where = f"{filter_name}.{setting.name}"
        raise UsageError(f"{where} has shape {shape}: expected {several}, or as many for each of {images} images")
    slack = _SLACK * (setting.range[1] - setting.range[0])
    for end in _ends(value):
        if not setting.range[0] - slack <= end <= setting.range[1] + slack:
            setting.check(filter_name, end if setting.count is None else [end] * fewest)
    return like(image, value.detach().cpu() if is_numpy(image) and not is_numpy(value) else value)


def _is_array(value: Any) -> bool:
    """Whether this is a numpy array or a torch tensor; without torch it is none."""
    torch = sys.modules.get("torch")
    return isinstance(value, np.ndarray) or (torch is not None and isinstance(value, torch.Tensor))


def _is_real(value: Array) -> bool:
    """Whether it holds numbers that an order has."""
    return value.dtype.kind in "fiu" if is_numpy(value) else str(value.dtype)[6:].startswith(("float", "bfloat", "int"))


def _ends(array: Array) -> tuple[float, float]:
    """The lowest and highest number, both NaN if any is; (0, 0) of none."""
    if not array.size if is_numpy(array) else not array.numel():
        return 0.0, 0.0
    if is_numpy(array):
        return float(array.min()), float(array.max())
    low, high = sys.modules["torch"].stack(array.detach().aminmax()).tolist()
    return low, high

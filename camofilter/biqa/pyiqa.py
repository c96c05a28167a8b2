"""No-reference metrics of the package pyiqa (Chen and Mo, IQA-PyTorch, github.com/chaofengc/IQA-PyTorch).

It is somebody else's work for non-commercial use only, is not part of camofilter, and fetches the weights of a metric
from the internet when that is first used. The API used here is that of version 0.1.13 and later.
"""

from __future__ import annotations

import copy
import importlib
from typing import Any

from torch import Tensor

from camofilter.biqa.foreign import ForeignTarget, Size
from camofilter.biqa.target import Scale
from camofilter.biqa.trial import reason
from camofilter.errors import UsageError, unknown_name

LICENCE = "for non-commercial use only: PolyForm Noncommercial License 1.0.0, in parts NTU S-Lab License 1.0"


class Metric:
    """A metric as a program that gives a score an image, with gradients if the metric has any.

    Args:
        metric: what pyiqa's ``create_metric`` made on the CPU.
    """

    def __init__(self, metric: Any) -> None:
        self.size = Size(batch=1)  # some metrics take no more
        self._metric = metric.requires_grad_(False)

    def __call__(self, image: Tensor) -> object:
        """What it gives for a B×3×H×W image in [0, 1], which it moves to its device by itself."""
        return self._metric(image)

    def on(self, device: str) -> Metric:
        """A copy of it on a device."""
        return Metric(copy.deepcopy(self._metric).to(device))


def target(given: str | None, scale: Scale) -> ForeignTarget:
    """A metric as :func:`camofilter.biqa.get` hands it out.

    Args:
        given: its name in pyiqa, such as "musiq".
        scale: not used, as the metric has its own.

    Raises:
        UsageError: pyiqa is not installed; or it has no such metric, cannot make it, or the metric has no closed range
            or does not score single photos.
    """
    name, pyiqa = given or "", _package()
    names = pyiqa.list_models(metric_mode="NR")
    if name not in names:
        raise unknown_name("no-reference metric of pyiqa", name, names)
    try:
        # A loss lets gradients through; unreduced it is still a score an image. Made on the CPU it can be moved.
        metric = pyiqa.create_metric(name, as_loss=True, loss_reduction="none", device="cpu")
    except MemoryError:
        raise
    except Exception as error:  # a download or a package of its own that failed
        raise UsageError(f"pyiqa:{name}: pyiqa could not make this metric ({reason(error)})") from None
    return ForeignTarget(f"pyiqa:{name}", _scale(name, metric), Metric(metric))


def _package() -> Any:
    try:
        return importlib.import_module("pyiqa")
    except ModuleNotFoundError as error:
        if error.name != "pyiqa":
            raise UsageError(f"pyiqa cannot be imported ({reason(error)}): install that, too") from None
        raise UsageError(f"pyiqa is not installed: pip install 'camofilter[pyiqa]'; it is {LICENCE}") from None
    except Exception as error:  # packages that it imports do not fit each other
        raise UsageError(f"pyiqa cannot be imported ({reason(error)}): install it anew") from None


def _scale(name: str, metric: Any) -> Scale:
    """The metric's range, hidden beyond its middle."""
    try:
        low, high = (float(end.strip().removeprefix("~")) for end in metric.score_range.split(","))
    except (AttributeError, ValueError):
        raise UsageError(
            f"pyiqa:{name}: its range is {metric.score_range!r}, expected two numbers; take another metric"
        ) from None
    return Scale(low, high, (low + high) / 2, "the middle of the metric's range", falls=not metric.lower_better)

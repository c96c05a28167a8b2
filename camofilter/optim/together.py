"""Searches of several photos at once, in a thread each, whose calls of a model are computed as one batch.

A step of a search has three images, and a GPU that waits for each operation of a model to be launched takes as long for
three as for many. Where threads search on the same device::

    together = Together(targets, device)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda photo: camouflage(photo, together.targets, device=device), photos))

A call is computed at once where the model is free. While it is not, calls gather, and are the next batch: so the
batches grow with how busy the model is, and nobody has to know who else is there, nor to wait for who may never come.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from camofilter.biqa import Target
from camofilter.biqa.devices import device as chosen
from camofilter.errors import UsageError

# B scores of B×3×H×W images, and B×3×H×W, the gradient of each score with respect to its image.
_Scored: TypeAlias = tuple[Tensor, Tensor]


class Together:
    """Targets for several threads, each of which searches a photo of its own.

    Scores are those of the targets themselves to within the rounding of float32 (under autocast, of bfloat16). That
    depends on who happens to be in a batch, so the same seed gives the same recipe only to within what a search makes
    of it. Calls for gradients are joined, as a search makes them at every step; verdicts are computed one by one. An
    error of the model is raised in every thread whose images were in the batch.

    Args:
        targets: as for ``optim.camouflage``; those that join a search for ``robust`` have to be given here to be
            joined (``optim.joined_by``).
        device: "auto", "cpu" or "cuda"; the targets are moved there, and searches are to be on it, too.

    Attributes:
        targets: to be handed to the searches. A target that notes what a photo shows (``Target.facing``) is asked by
            each search for itself.

    Raises:
        UsageError: no such device.
    """

    def __init__(self, targets: Sequence[Target], device: str = "auto") -> None:
        device = chosen(device)
        moved = [target.to(device) for target in targets]
        self.targets: list[Target] = [
            _JoinedTarget(target, device, functools.partial(self._scored, target)) for target in moved
        ]
        self._gathering: dict[tuple[object, ...], _Batch] = {}
        self._joining, self._computing = threading.Lock(), threading.Lock()

    def _scored(self, target: Target, images: Tensor) -> _Scored:
        """Scores and gradients of a thread's images, which the first thread of a batch computes for all in it."""
        # What a thread computes under autocast is its own affair.
        precision = [torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) for kind in ("cpu", "cuda")]
        alike = (id(target), images.shape[1:], images.dtype, images.device, *precision)
        with self._joining:
            batch = self._gathering.setdefault(alike, _Batch())
            batch.images.append(images)
            place = len(batch.images) - 1
        if place == 0:
            self._lead(target, alike, batch)
        return batch.scored.result()[place]

    def _lead(self, target: Target, alike: tuple[object, ...], batch: _Batch) -> None:
        try:
            with self._computing:
                self._close(alike, batch)
                batch.scored.set_result(_scored(target, batch.images))
        except BaseException as error:  # of an interrupt, too, those who wait have to know
            self._close(alike, batch)
            if not batch.scored.done():
                batch.scored.set_exception(error)
            raise

    def _close(self, alike: tuple[object, ...], batch: _Batch) -> None:
        with self._joining:
            if self._gathering.get(alike) is batch:
                del self._gathering[alike]


@dataclass(frozen=True)
class _Batch:
    """Images of threads that wait, and what becomes of each thread's."""

    images: list[Tensor] = field(default_factory=list)
    scored: Future[list[_Scored]] = field(default_factory=Future)


def _scored(target: Target, groups: Sequence[Tensor]) -> list[_Scored]:
    """Scores and gradients of groups of images of one shape, computed as one batch."""
    images = (groups[0] if len(groups) == 1 else torch.cat(list(groups))).requires_grad_()
    with torch.enable_grad():
        scores = target.score(images)
    with torch.autocast(scores.device.type, enabled=False):  # as where a search calls backward
        (gradient,) = torch.autograd.grad(scores, images, torch.ones_like(scores))
    sizes = [len(group) for group in groups]
    return list(zip(torch.split(scores.detach(), sizes), torch.split(gradient, sizes), strict=True))


class _JoinedTarget(Target):
    """A target whose scores are computed elsewhere wherever a gradient is asked for."""

    def __init__(self, target: Target, device: str, scored: Callable[[Tensor], _Scored]) -> None:
        self.name, self.version, self.scale = target.name, target.version, target.scale
        self.has_gradient, self.bfloat16 = target.has_gradient, target.bfloat16
        self._target, self._device, self._scored = target, device, scored

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return self._target.frame(width, height)

    def score(self, image: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and image.requires_grad):
            return self._target.score(image)
        scores: Tensor = _Elsewhere.apply(image, self._scored)  # type: ignore[no-untyped-call]
        return scores

    def to(self, device: str) -> Target:
        """Itself: a model must not be moved while other threads use it."""
        if device != self._device:
            raise UsageError(f"device is '{device}': {self.name} serves several searches on '{self._device}', use that")
        return self

    def facing(self, image: Tensor) -> Target:
        faced = self._target.facing(image)
        return self if faced is self._target else faced

    def in_words(self, image: Tensor) -> str:
        return self._target.in_words(image)


class _Elsewhere(torch.autograd.Function):
    """Scores whose gradients are computed with them: images of other threads need not wait for this one's backward."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, scored: Callable[[Tensor], _Scored]) -> Tensor:
        scores, gradient = scored(images.detach())
        ctx.save_for_backward(gradient)
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return given[0].to(gradient)[:, None, None, None] * gradient, None

"""Trying a target once before it is trusted: on noise, where a mistake shows in a second and costs no photo."""

from __future__ import annotations

import textwrap
import weakref

import torch

from camofilter.biqa.target import Target
from camofilter.errors import CamofilterError, TargetError, UsageError, is_out_of_memory

# Those that have passed, by their identity: not every target of one's own can be hashed.
_TRUSTED: weakref.WeakValueDictionary[int, Target] = weakref.WeakValueDictionary()


def trust(target: Target) -> Target:
    """The target, without a trial from now on."""
    _TRUSTED[id(target)] = target
    return target


def check(target: Target) -> None:
    """Refuses a target to hide from that does not work, unless it has passed before.

    Raises:
        UsageError: it fails, does not give one finite score an image, or has no gradient.
    """
    if _TRUSTED.get(id(target)) is target:
        return
    if not target.has_gradient:
        raise UsageError(f"{target.name} only scores, without gradients: use it with score, not to hide from")
    if not passes_gradients(target):
        raise UsageError(
            f"{target.name}: its scores have no finite gradient with respect to the image, which a search needs; "
            "give has_gradient = False and use it with score"
        )
    trust(target)


def passes_gradients(target: Target) -> bool:
    """Whether the scores of two images of noise have a finite gradient with respect to them.

    Raises:
        UsageError: the target fails, or does not give one finite score an image.
    """
    width, height = target.frame(1200, 900)
    noise = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)).requires_grad_()
    try:
        scores = target.checked(noise)
    except CamofilterError as error:
        raise UsageError(str(error)) from None
    except Exception as error:  # whatever a target by others may raise
        raise UsageError(str(failure(target.name, noise, error))) from None
    if not scores.requires_grad:
        return False
    try:
        (gradient,) = torch.autograd.grad(scores.sum(), noise, allow_unused=True)
    except RuntimeError:  # an operation without a derivative
        return False
    return gradient is not None and bool(gradient.isfinite().all())


def failure(name: str, image: torch.Tensor, error: Exception) -> TargetError:
    """What a target's or program's own error is for a person, in one line.

    Raises:
        MemoryError: it is that there was too little memory.
    """
    if is_out_of_memory(error):
        raise MemoryError from None
    size = "×".join(map(str, image.shape))
    return TargetError(f"{name}: failed on {size} RGB in [0, 1], float32, which it should take ({reason(error)})")


def reason(error: Exception) -> str:
    """What an error says, in one short line; of TorchScript's tracebacks, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1:] if any(line.startswith("Traceback") for line in lines) else lines
    return textwrap.shorten(" ".join(said), 160, placeholder="…") or type(error).__name__

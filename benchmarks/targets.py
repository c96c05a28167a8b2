"""What each target costs: ``python benchmarks/targets.py [NAME:WEIGHTS...]``.

Milliseconds for one photo, forward and with the gradient to the photo, for every target that comes with camofilter and
those given. KonCept512 and ResNet-50 are timed with random weights where none are given: the arithmetic is the same.
On a GPU, too, images a second of KonCept512 in batches of 1, 8 and 64, as float32, as bfloat16, and compiled.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from machine import keep, median_ms

from camofilter import biqa
from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.folding import ready
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Target

_RANDOM = ("koncept512", "places365_resnet50")


def main() -> None:
    torch.manual_seed(0)
    targets = [biqa.get(spec) for spec in [*biqa.SHIPPED, *sys.argv[1:]]]
    named = {target.name for target in targets}
    targets += [_with_random_weights(name) for name in _RANDOM if name not in named]
    results: dict[str, Any] = {}
    print(f"{'ms a photo':24} {'size':>9} {'forward':>9} {'+ backward':>11} {'bf16 + backward':>16}")
    for target in targets:
        results[target.name] = row = costs(target)
        print(
            f"{target.name:24} {row['size']:>9} {row['forward_ms']:9} {row['forward_backward_ms']:11} "
            f"{row['bf16_forward_backward_ms']!s:>16}"
        )
    if torch.cuda.is_available():
        results["gpu"] = _on_gpu()
    keep("targets", results)


def _with_random_weights(name: str) -> Target:
    return ModelTarget(f"{name} (random weights)", biqa.KNOWN[name].scale, ready(biqa.network(name)))


def costs(target: Target) -> dict[str, Any]:
    """Milliseconds on the CPU, one photo at a time."""
    width, height = (256, 256) if "places365" in target.name else target.frame(3, 2)
    image = torch.rand(1, 3, height, width, requires_grad=True)

    def forward() -> None:
        with torch.inference_mode():
            target.score(image)

    return {
        "size": f"{width}×{height}",
        "forward_ms": median_ms(forward),
        "forward_backward_ms": median_ms(lambda: _gradient(target.score, image)),
        "bf16_forward_backward_ms": median_ms(lambda: _gradient(target.score, image, _bf16("cpu")))
        if bfloat16_pays("cpu")
        else None,
    }


def _bf16(device: str) -> AbstractContextManager[Any]:
    return torch.autocast(device, torch.bfloat16)


def _gradient(
    score: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    context: AbstractContextManager[Any] | None = None,
) -> None:
    with context or nullcontext():
        scores = score(image)
    torch.autograd.grad(scores.float().sum(), image)


def _on_gpu() -> dict[str, Any]:
    """Images a second of KonCept512's shape, forward and backward to the input."""
    network = ready(biqa.network("koncept512")).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    compiled = torch.compile(network)
    rates: dict[str, Any] = {}
    for batch in (1, 8, 64):
        images = torch.rand(batch, 3, 384, 512, device="cuda").contiguous(memory_format=torch.channels_last)
        images.requires_grad_()
        for way, model, precision in (
            ("float32", network, None),
            ("bf16", network, _bf16("cuda")),
            ("bf16, compiled", compiled, _bf16("cuda")),
        ):
            rates[f"{way}, batch {batch}"] = rate = round(batch / _seconds(model, images, precision), 1)
            print(f"koncept512 {way}, batch {batch}: {rate} images/s")
    return rates


def _seconds(
    model: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    precision: AbstractContextManager[Any] | None,
    times: int = 10,
) -> float:
    """Seconds that a gradient takes on the GPU, a mean, after three of them."""
    for _ in range(3):
        _gradient(model, images, precision)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(times):
        _gradient(model, images, precision)
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / times


if __name__ == "__main__":
    main()

"""Whether searching several photos at once pays: ``python benchmarks/together.py [NAME:WEIGHTS]``.

Milliseconds an image of the model, forward and backward, by the size of the batch; and photos a minute of
``optim.camouflage``, in so many threads, with the model's calls joined (``optim.together``) or each thread for itself.
On a GPU where there is one; else on one core.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import keep, median_ms

import camofilter
from camofilter import biqa
from camofilter.biqa.devices import bfloat16_pays, device
from camofilter.biqa.model_target import ModelTarget
from camofilter.optim import camouflage
from camofilter.optim.together import Together

_EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"
_PHOTOS, _WIDTH, _HEIGHT = 8, 768, 576
_BATCHES = (3, 6, 12, 24)
_THREADS = (1, 2, 4)


def main() -> None:
    torch.set_num_threads(1)
    target = biqa.get(sys.argv[1] if len(sys.argv) > 1 else "compact_iqa").to(device("auto"))
    assert isinstance(target, ModelTarget)
    results: dict[str, Any] = {"target": target.name, "device": device("auto")}
    for bfloat16 in (False, True) if target.bfloat16 and bfloat16_pays(device("auto")) else (False,):
        name = f"ms an image, {'bfloat16' if bfloat16 else 'float32'}"
        results[name] = {batch: round(_gradient_ms(target, batch, bfloat16) / batch, 2) for batch in _BATCHES}
        print(f"{name}, by batch: {results[name]}")
    photos = crops(_PHOTOS)
    for threads in _THREADS:
        for joined in (True, False):
            name = f"{threads} threads, {'joined' if joined else 'each for itself'}"
            results[name] = searched(photos, target, threads, joined)
            print(f"{name:28} {results[name]}")
    keep("together", results)


def crops(count: int) -> list[camofilter.Photo]:
    """Parts of the example photos, from places drawn at random."""
    dice = np.random.default_rng(0)
    wholes = [camofilter.open_photo(path).pixels for path in sorted(_EXAMPLES.glob("*.jpg"))]
    found = []
    for i in range(count):
        pixels = wholes[i % len(wholes)]
        top, left = dice.integers(pixels.shape[0] - _HEIGHT), dice.integers(pixels.shape[1] - _WIDTH)
        found.append(camofilter.Photo.from_array(pixels[top : top + _HEIGHT, left : left + _WIDTH]))
    return found


def _gradient_ms(target: ModelTarget, batch: int, bfloat16: bool) -> float:
    width, height = target.frame(4, 3)
    images = torch.rand(batch, 3, height, width, device=target.device).contiguous(memory_format=torch.channels_last)
    images.requires_grad_()

    def work() -> None:
        with torch.autocast(target.device.type, torch.bfloat16, enabled=bfloat16):
            scores = target.score(images)
        (gradient,) = torch.autograd.grad(scores.float().sum(), images)
        gradient.sum().item()  # a GPU is waited for

    return median_ms(work)


def searched(photos: list[camofilter.Photo], target: ModelTarget, threads: int, joined: bool) -> dict[str, float]:
    """Photos a minute, what one cost, how many were hidden, and the mean size of the batches that the steps made.

    Processor seconds tell more than the clock where the machine has other work, too.
    """
    targets = Together([target], target.device.type).targets if joined else [target]
    sizes: list[int] = []
    noted = target.model.register_forward_pre_hook(
        lambda _, given: sizes.append(len(given[0])) if given[0].requires_grad else None
    )

    def hidden(photo: camofilter.Photo) -> bool:
        return camouflage(photo, targets, device=target.device.type).camouflaged

    began, busy = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        count = sum(pool.map(hidden, photos))
    seconds = time.perf_counter() - began
    noted.remove()
    return {
        "photos a minute": round(60 * len(photos) / seconds, 1),
        "processor seconds a photo": round((time.process_time() - busy) / len(photos), 1),
        "hidden": count,
        "images a batch": round(sum(sizes) / len(sizes), 2),
    }


if __name__ == "__main__":
    main()

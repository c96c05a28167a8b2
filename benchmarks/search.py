"""What a step of the searches costs, part by part, and what a photo does: ``python benchmarks/search.py [PHOTO...]``.

The first photo's steps are timed; every photo is camouflaged by each method of our own, file to file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import torch
from machine import keep, median_ms
from torch import Tensor

import camofilter
from camofilter import biqa
from camofilter.filters.arrays import onto_midtones
from camofilter.optim import Method
from camofilter.optim.channel import Courier
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.search import default_look
from camofilter.optim.space import Space
from camofilter.optim.tuning import tune
from camofilter.optim.watchers import Watchers
from camofilter.recipe import Recipe

_EXAMPLE = Path(__file__).parent.parent / "examples" / "photos" / "budgie_perched-osprey.jpg"
_STEPS = 10


def main() -> None:
    paths = [Path(path) for path in sys.argv[1:]] or [_EXAMPLE]
    results = parts(camofilter.open_photo(paths[0]))
    for path in paths:
        for method in get_args(Method):
            if method != "perturb":
                results[f"{method}, {path.name}"] = file_to_file(path, method)
    for name, value in results.items():
        print(f"{name:48} {value}")
    keep("search", results)


def parts(photo: camofilter.Photo) -> dict[str, Any]:
    """Milliseconds (medians) of the parts of a step of tuned grain, and of one of settings."""
    target = biqa.get("compact_iqa")
    watchers = Watchers(photo.pixels, [target], "cpu")
    (frame,) = watchers.frames
    room, space, courier = Darkroom(photo.pixels, frame, "cpu"), Space(default_look()), Courier(0)
    moves = space.look[None].clone().requires_grad_()
    copies = courier.kinds
    image = torch.rand(copies, 3, frame[1], frame[0], requires_grad=True)
    grain = torch.zeros(1, 1, frame[1], frame[0], requires_grad=True)
    bare = median_ms(lambda: _backward(watchers.seen({frame: image})))
    ends: list[float] = []
    tune(watchers, photo.pixels, Recipe(), steps=_STEPS, progress=lambda _: ends.append(time.perf_counter()))
    step = 1000 * statistics.median(later - earlier for earlier, later in pairwise(ends))
    return {
        "copies a step": copies,
        "model forward + backward, float32 ms": median_ms(lambda: _backward(target.margin(image))),
        "model forward + backward, as searched ms": bare,
        "real encoders, forward + backward ms": median_ms(lambda: _backward(courier.deliver(image, frame))),
        "differentiable JPEG, forward + backward ms": median_ms(lambda: _backward(_differentiable_jpeg(image))),
        "grain onto the photo, forward + backward ms": median_ms(lambda: _backward(onto_midtones(image, grain))),
        "step of tuned grain ms": round(step, 1),
        "  over the model as searched": round(step / bare, 2),
        "filters forward, 1 candidate ms": median_ms(lambda: room.develop(space.settings(moves))),
        "filters forward + backward ms": median_ms(lambda: _backward(room.develop(space.settings(moves)))),
        "step of settings ms": median_ms(lambda: _backward(_search_step(watchers, space.settings(moves), courier))),
    }


def _search_step(watchers: Watchers, chain: Any, courier: Courier) -> Tensor:
    return watchers.seen({f: courier.deliver(image, f) for f, image in watchers.developed(chain).items()})


def file_to_file(path: Path, method: Method) -> dict[str, Any]:
    """Seconds from file to file, and the scores."""
    began = time.perf_counter()
    photo = camofilter.open_photo(path)
    found = camofilter.camouflage(photo, method=method)
    with tempfile.TemporaryDirectory() as folder:
        camofilter.save_photo(found.photo, Path(folder) / path.name)
    verdict = found.verdicts[0]
    return {
        "megapixels": round(photo.width * photo.height / 1e6, 1),
        "seconds": round(time.perf_counter() - began, 2),
        "after": round(verdict.after.score, 1),
        "worst": round(verdict.worst, 1),
    }


def _differentiable_jpeg(image: Tensor) -> Tensor:
    """The arithmetic that any differentiable JPEG has at least: colour, block DCT, soft rounding, and back."""
    to_ycc = torch.tensor([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    place = torch.arange(8)
    cosines = torch.cos(torch.pi / 16 * (2 * place + 1) * place[:, None]) / 2
    cosines[0] /= 2**0.5
    step = (1 + place[:, None] + place) * (6 / 255)
    batch, _, height, width = image.shape
    planes = torch.einsum("dc,bchw->bdhw", to_ycc, image)
    blocks = planes.reshape(batch, 3, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    levels = cosines @ blocks @ cosines.T / step
    whole = levels.round().detach()
    rounded = whole + (levels - whole) ** 3  # Shin and Song 2017, "JPEG-resistant adversarial images"
    back = (cosines.T @ (rounded * step) @ cosines).permute(0, 1, 2, 4, 3, 5).reshape(planes.shape)
    return torch.einsum("dc,bchw->bdhw", to_ycc.inverse(), back).clamp(0, 1)


def _backward(result: Tensor) -> None:
    result.sum().backward()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

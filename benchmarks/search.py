"""What a step of the search costs, part by part, and what a photo does: ``python benchmarks/search.py [PHOTO]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from machine import keep, median_ms

import camofilter
from camofilter import biqa
from camofilter.optim.channel import deliver
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.search import default_look
from camofilter.optim.space import Space

_CANDIDATES = 2


def main() -> None:
    example = Path(__file__).parent.parent / "examples" / "photos" / "budgie_perched-osprey.jpg"
    photo = camofilter.open_photo(sys.argv[1] if len(sys.argv) > 1 else example)
    results = parts(photo)
    result = camofilter.camouflage(photo)
    results |= {"whole_photo_s": round(result.seconds, 2), "score_after": round(result.score_after, 1)}
    for name, value in results.items():
        print(f"{name:40} {value}")
    keep("search", results)


def parts(photo: camofilter.Photo) -> dict[str, Any]:
    """Milliseconds (medians) of the parts of a step with two candidates."""
    target = biqa.get("compact_iqa")
    frame = target.frame(photo.width, photo.height)
    room, space = Darkroom(photo.pixels, frame, "cpu"), Space(default_look())
    moves = space.look.repeat(_CANDIDATES, 1).requires_grad_()
    image = torch.rand(_CANDIDATES, 3, frame[1], frame[0], requires_grad=True)

    def step() -> None:
        _backward(target.margin(deliver(room.develop(space.settings(moves)), [90] * _CANDIDATES)))

    return {
        "candidates": _CANDIDATES,
        "darkroom_setup_ms": median_ms(lambda: Darkroom(photo.pixels, frame, "cpu")),
        "filters_forward_ms": median_ms(lambda: room.develop(space.settings(moves))),
        "filters_forward_backward_ms": median_ms(lambda: _backward(room.develop(space.settings(moves)))),
        "real_jpeg_ms": median_ms(lambda: deliver(image, [90] * _CANDIDATES)),
        "model_forward_backward_ms": median_ms(lambda: _backward(target.margin(image))),
        "step_ms": median_ms(step),
    }


def _backward(result: torch.Tensor) -> None:
    result.sum().backward()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

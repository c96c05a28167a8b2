"""How well the shipped judges agree with people, and how they fall.

Run ``python benchmarks/agreement.py MOS PRISTINE [NAME...]``; without names, of all judges that are shipped.

MOS is a folder with a ``mos.csv`` (file, mos from 0 to 1, split), of whose split "test" the figures are, without JPEG;
PRISTINE a folder with a dozen or so undistorted photos for the robustness tables.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import keep

import camofilter
from camofilter import biqa
from camofilter.biqa.fit import fit
from camofilter.biqa.training.agreement import figures
from camofilter.biqa.training.ratings import read
from camofilter.biqa.training.robustness import robustness, table


def main() -> None:
    folder, pristine = map(Path, sys.argv[1:3])
    rated = [photo for photo in read(folder / "mos.csv") if photo.split == "test"]
    results: dict[str, Any] = {}
    for name in sys.argv[3:] or biqa.SHIPPED:
        target = biqa.get(name)
        # Scores of faults are turned round; their scale is another than people's, so only the ranks compare.
        direction = 1 if target.scale.falls else -1
        scores = direction * np.array([_raw_score(photo.photo, target) for photo in rated])
        found = figures(scores, np.array([photo.score for photo in rated]))
        falls = robustness(target, sorted(p for p in pristine.iterdir() if p.suffix in (".png", ".jpg")))
        print(f"\n{name}: {found}\n{table(falls, falling=target.scale.falls)}")
        results[name] = {
            **asdict(found),
            "falls": {f.distortion: dict(zip(f.amounts, f.scores, strict=True)) for f in falls},
        }
    keep("agreement", results)


def _raw_score(path: Path, target: biqa.Target) -> float:
    photo = camofilter.open_photo(path)
    pixels = fit(photo.pixels, target.frame(photo.width, photo.height))
    with torch.inference_mode():
        return float(target.score(biqa.as_image(pixels)))


if __name__ == "__main__":
    main()

"""How well the embedded model agrees with people: ``python benchmarks/agreement.py FOLDER`` with a ``mos.csv`` in it.

The csv has columns file, mos (0..1) and split; the rows of split "test" are scored, without JPEG.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from machine import keep
from scipy import stats

import camofilter
from camofilter import biqa
from camofilter.biqa.fit import fit


def main() -> None:
    figures = agreement(Path(sys.argv[1]))
    for name, value in figures.items():
        print(f"{name:16} {value}")
    keep("agreement", figures)


def agreement(folder: Path) -> dict[str, float]:
    """SROCC, PLCC, RMSE (0..100) and the share on the right side of 50, over the test rows of ``mos.csv``."""
    with (folder / "mos.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    target = biqa.get("compact_iqa")
    scores = np.array([_raw_score(folder / row["file"], target) for row in rows])
    opinions = 100 * np.array([float(row["mos"]) for row in rows])
    return {
        "photos": len(rows),
        "srocc": round(float(stats.spearmanr(scores, opinions).statistic), 4),
        "plcc": round(float(stats.pearsonr(scores, opinions).statistic), 4),
        "rmse": round(float(np.sqrt(np.mean((scores - opinions) ** 2))), 2),
        "right_side": round(float(np.mean((scores > 50) == (opinions > 50))), 4),
    }


def _raw_score(path: Path, target: biqa.Target) -> float:
    photo = camofilter.open_photo(path)
    pixels = fit(photo.pixels, target.frame(photo.width, photo.height))
    with torch.inference_mode():
        return float(target.score(biqa.as_image(pixels)))


if __name__ == "__main__":
    main()

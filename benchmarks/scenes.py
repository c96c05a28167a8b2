"""How many photos leave their scene: ``python benchmarks/scenes.py NAME:WEIGHTS PHOTOS [--count 50]``.

First each photo is led away from the category that the classifier sees in it, then, of those that it takes for one of
the 60 sensitive ones, from all of these. The figures are of the finished files: encoded, decoded, delivered.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from machine import keep

import camofilter
from camofilter import biqa
from camofilter.biqa.scenes import SENSITIVE, SceneTarget, sensitive_categories
from camofilter.optim import judgement


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    target = biqa.get(options.target)
    assert isinstance(target, SceneTarget)
    paths = sorted(p for p in options.photos.iterdir() if p.suffix in (".jpg", ".png"))[: options.count]
    results = [row for path in paths for row in _rows(path, target)]
    summary = {what: _summed_up([r for r in results if r["leaves"] == what]) for what in ("its class", SENSITIVE)}
    for what, figures in summary.items():
        print(f"{what}: {figures}")
    keep("scenes", {"target": target.name, **summary, "photos": results})


def _rows(path: Path, target: SceneTarget) -> list[dict[str, Any]]:
    """One row for the photo's own class and, if that is a sensitive one, one for all of them."""
    photo = camofilter.open_photo(path)
    scene = judgement(photo.pixels, target).words.rpartition(" ")[0].rpartition(" ")[0]
    rows = [_row(path, photo, target, "its class")]
    if scene in sensitive_categories():
        rows.append(_row(path, photo, target.watching(SENSITIVE), SENSITIVE))
    return rows


def _row(path: Path, photo: camofilter.Photo, target: SceneTarget, leaves: str) -> dict[str, Any]:
    result = camofilter.camouflage(photo, method="filter", target=target)
    (verdict,) = result.verdicts
    row = {
        "photo": path.name,
        "leaves": leaves,
        "before": verdict.before.words,
        "after": verdict.after.words,
        "lead_before": round(verdict.before.score, 2),
        "lead_after": round(verdict.after.score, 2),
        "left": verdict.hidden,
        "seconds": round(result.seconds, 1),
    }
    print(f"{row['photo']}: {row['before']} → {row['after']}, {'left' if row['left'] else 'stays'}", flush=True)
    return row


def _summed_up(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "photos": len(rows),
        "left": sum(row["left"] for row in rows),
        "median_seconds": round(statistics.median(row["seconds"] for row in rows), 1) if rows else None,
    }


if __name__ == "__main__":
    main()

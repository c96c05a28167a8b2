"""Camouflages every photo of a folder by the command line, and sums up: how many are hidden, at what cost.

Run ``python benchmarks/development.py PHOTOS OUT [--preset NAME]``; the figures are kept as JSON, the photos in OUT.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from machine import keep


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = camouflaged(sorted(options.photos.iterdir()), options.out, options.preset)
    summary = summed_up(results)
    print(json.dumps(summary, indent=1))
    keep("development" + (f"_{options.preset}" if options.preset else ""), summary | {"photos": results})


def camouflaged(photos: list[Path], out: Path, preset: str | None) -> list[dict[str, Any]]:
    """What ``camofilter camouflage --json`` prints, a photo an object, without the paths' folders."""
    chosen = ["--preset", preset] if preset else []
    command = [
        sys.executable,
        "-m",
        "camofilter",
        "camouflage",
        *map(str, photos),
        "-o",
        str(out),
        "--json",
        "--force",
    ]
    done = subprocess.run([*command, *chosen], stdout=subprocess.PIPE, text=True, check=False)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return [o | {"input": Path(o["input"]).name, "output": Path(o.get("output", "")).name} for o in objects]


def summed_up(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of a run; errors count as not hidden."""
    done = [r for r in results if "error" not in r]
    return {
        "photos_given": len(results),
        "below_threshold": sum(r["camouflaged"] for r in done),
        "mean_before": round(statistics.mean(r["score_before"] for r in done), 2),
        "mean_after": round(statistics.mean(r["score_after"] for r in done), 2),
        "median_seconds": round(statistics.median(r["seconds"] for r in done), 2),
        "most_seconds": round(max(r["seconds"] for r in done), 2),
    }


if __name__ == "__main__":
    main()

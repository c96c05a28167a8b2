"""Hides the same photos from each judge in turn: how well, at what price, and how many of the others it deceives.

``python benchmarks/hide_from_each.py PHOTOS OUT [--targets NAME,NAME:WEIGHTS] [--every N]``

Each photo is hidden as ``camofilter camouflage`` does it unless told otherwise, from one judge alone, and shown to all
other judges that come with camofilter. OUT gets a folder a judge, with the finished photos and ``results.jsonl``, to
which every photo is added as it is done (a run that was stopped goes on from there), and a sheet a judge, before and
after.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from camouflage import SUFFIXES, Journal, Row, Trial, run
from machine import keep, markdown
from sheets import pairs

from camofilter import biqa
from camofilter.optim.channel import BATTERY

METHOD = "auto"  # of camouflage.py: what ``camofilter camouflage`` does unless told otherwise
MEDIANS = ("before", "after", "worst", "delta_e", "seconds")


def main() -> None:
    options = _options()
    photos = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in SUFFIXES)[:: options.every]
    if not photos:
        raise SystemExit(f"{options.photos} has no photos to hide: expected files such as NAME.jpg")
    summaries = {}
    for name in biqa.exact(options.targets):
        out = options.out / name.replace("/", "-")
        summaries[name] = summed_up(hidden_from(name, photos, out))
        pairs(options.photos, out / METHOD, len(photos)).save(options.out / f"{out.name}.png")
    print(f"{hiding_table(summaries)}\n\n{others_table(summaries)}")
    keep("hide_from_each", {"deliveries": list(BATTERY), "targets": summaries})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("out", type=Path, help="a folder for what is made of them")
    parser.add_argument("--targets", type=lambda text: text.split(","), default=biqa.SHIPPED)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photo")
    return parser.parse_args()


def hidden_from(name: str, photos: Sequence[Path], out: Path) -> list[Row]:
    """A row a photo, hidden from the judge NAME or NAME:WEIGHTS; those that OUT has already are taken from there."""
    out.mkdir(parents=True, exist_ok=True)
    trial = Trial(
        out=out,
        targets=[biqa.get(name)],
        robust=0,
        others=[],
        strangers=[],
        look=None,
        keep="natural",
        options={"target": name},
    )
    journal = Journal(out / "results.jsonl", trial.options)
    print(f"from {name}", file=sys.stderr)
    run(photos, [METHOD], trial, journal, float("inf"))
    names = {path.name for path in photos}
    return [row for row in journal.rows if row["photo"] in names]


def summed_up(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures of the photos hidden from one judge; what hiding costs and does to others is told of those it saw."""
    seen = [row for row in rows if row["seen"]]
    others: dict[str, dict[str, int]] = {}
    for name in rows[0]["unseen"]:
        verdicts = [row["unseen"][name] for row in seen]
        saw = [verdict for verdict in verdicts if verdict["saw"]]
        others[name] = {"saw": len(saw), "deceived": sum(verdict["hidden"] for verdict in saw)}
    return {
        "photos": len(rows),
        "seen before": len(seen),
        "hidden, file": sum(row["hidden"] for row in seen),
        "hidden, all deliveries": sum(row["survives"] for row in seen),
        "others": others,
    } | {f"median {figure}": _median(seen, figure) for figure in MEDIANS}


def _median(rows: Sequence[Row], figure: str) -> float | None:
    return round(statistics.median(row[figure] for row in rows), 1) if rows else None


def hiding_table(summaries: Mapping[str, dict[str, Any]]) -> str:
    """How well photos were hidden from each judge."""
    heading = ["hidden from", "photos seen before", "hidden in the file", "after all deliveries"]
    rows = []
    for name, found in summaries.items():
        before, after, worst, delta_e, seconds = (
            str(value) for key, value in found.items() if key.startswith("median")
        )
        seen = f"{found['seen before']} of {found['photos']}"
        hidden, survives = str(found["hidden, file"]), str(found["hidden, all deliveries"])
        rows.append([name, seen, hidden, survives, f"{before} → {after} → {worst}", delta_e, seconds])
    return markdown([*heading, "score: before → file → worst delivery", "ΔE2000", "seconds a photo"], rows)


def others_table(summaries: Mapping[str, dict[str, Any]]) -> str:
    """How many of the photos that another judge saw before it no longer sees in the file."""
    names = list(dict.fromkeys(name for found in summaries.values() for name in found["others"]))
    rows = []
    for target, found in summaries.items():
        told = (found["others"].get(name) for name in names)
        rows.append([target, *("–" if one is None else f"{one['deceived']} of {one['saw']}" for one in told)])
    return markdown(["hidden from", *names], rows)


if __name__ == "__main__":
    main()

"""How visible it is what hides photos, by yardsticks that no search knows.

``python benchmarks/visibility.py PHOTOS OUT [--every N] [--offset K] [--name NAME] [-- OPTION...]``: hides photos by
``camofilter camouflage --json``, with its options behind the ``--``, and holds each result against its look alone, the
recipe without tuned grain, at full size: SSIMULACRA2 (Sneyers 2022), ꟻLIP (Andersson 2020, 67 pixels a degree) and the
mean ΔE2000, which is blind to patterns; beside the result its file as written, and JPEG 90 and 70 of the same look.
``--results FILE`` measures what such a command has printed before.

OUT gets the photos, ``worst.png``, which shows where the difference lies in those that show it most, and
``results.jsonl``, to which every photo is added as it is done: a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import flip_evaluator
import matplotlib as mpl
import numpy as np
from camouflage import SUFFIXES, Journal, Row, cut, places
from machine import keep
from PIL import Image

from camofilter.biqa.fit import jpeg
from camofilter.filters.pipeline import render
from camofilter.optim.perception import change
from camofilter.optim.visibility import WORDS, how_visible, look_alone, ssimulacra2
from camofilter.photo import Photo, open_photo
from camofilter.photo.core import eight_bit
from camofilter.recipe import Recipe
from camofilter.sheets import Pictures, draw, thumbnail

# Of each yardstick, by which quantile the worst 5 % begin.
YARDSTICKS = {"SSIMULACRA2": 0.05, "FLIP": 0.95, "ΔE2000": 0.95}
QUALITIES = (90, 70)
ON_THE_SHEET, BRIGHTEST = 12, 0.25  # photos; ꟻLIP, 0 to 1
IN_DETAIL = ("options", "file", "recipe")

Record: TypeAlias = dict[str, Any]


class Versions(NamedTuple):
    """A photo's look alone, and what is held against it: H×W×3 uint8, each by its name."""

    look: np.ndarray
    others: dict[str, np.ndarray]


def main() -> None:
    options, hiding = _options()
    photos = {path.name: path for path in sorted(options.photos.iterdir()) if path.suffix.lower() in SUFFIXES}
    names = list(photos)[options.offset :: options.every]
    given = {"hiding": hiding, "results": str(options.results or "")}
    journal = Journal(options.out / "results.jsonl", given)
    done = {row["photo"] for row in journal.rows}
    missing = [photos[name] for name in names if name not in done]
    records = printed(options.results) if options.results else hidden(missing, options.out / "photos", hiding)
    for record in records if missing else ():
        path = options.photos / Path(record["input"]).name
        if path in missing:
            journal.add(measured(path, record) | {"options": given})
            _tell(journal.rows[-1], f"{len(journal.rows)} of {len(names)}")
    rows = [row for row in journal.rows if row["photo"] in names]
    if not rows:
        sys.exit(f"{options.photos}: no photos of it were hidden; expected files such as NAME.jpg")
    figures = summed_up(rows)
    print_table(figures)
    short = [{key: value for key, value in row.items() if key not in IN_DETAIL} for row in rows]
    keep(options.name, {"options": hiding, "photos": len(rows), "figures": figures, "each": short})
    worst = sorted(rows, key=lambda row: row["versions"]["result"]["SSIMULACRA2"])[:ON_THE_SHEET]
    draw(dict(_where(photos[row["photo"]], row) for row in worst), 5).save(options.out / "worst.png")


def _options() -> tuple[argparse.Namespace, list[str]]:
    """Our own options, and those for the command that hides."""
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("out", type=Path, help="a folder for what is made of them")
    parser.add_argument("--results", type=Path, metavar="FILE", help="lines of 'camouflage --json' of these photos")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photo")
    parser.add_argument("--offset", type=int, default=0, metavar="K", help="leave out the first K photos")
    parser.add_argument("--name", default="visibility", help="of the JSON file beside this script")
    options = parser.parse_args(given[:end])
    (options.out / "photos").mkdir(parents=True, exist_ok=True)
    return options, given[end + 1 :]


def hidden(photos: Sequence[Path], out: Path, options: Sequence[str]) -> Iterator[Record]:
    """What the command says of each photo, as it is done; photos that it cannot hide are left out."""
    command = [sys.executable, "-m", "camofilter", "camouflage", *map(str, photos), "-o", str(out), "--json", "--force"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        yield from _read(process.stdout)
    if process.returncode not in (0, 1):  # 1: some are still seen
        sys.exit(process.returncode)


def printed(results: Path) -> Iterator[Record]:
    """What was said of each photo in a file of such lines."""
    with results.open(encoding="utf-8") as lines:
        yield from _read(lines)


def _read(lines: Iterable[str]) -> Iterator[Record]:
    return (record for record in map(json.loads, lines) if "output" in record)


def measured(path: Path, record: Record) -> Row:
    """A result by all yardsticks, beside its look in JPEG; and by the one that is told, with what that costs."""
    versions = _versions(open_photo(path), record["recipe"], Path(record["output"]))
    began = time.process_time()
    figure = how_visible(versions.look, versions.others["result"])
    took = time.process_time() - began
    steps = [step["filter"] for step in record["recipe"]["filters"]]
    return {
        "photo": path.name,
        "file": record["output"],
        "hidden": record["camouflaged"],
        "survives": record["survives"],
        "seconds": record["seconds"],
        "softened": "soft_focus" in steps,
        "told": record.get("visibility"),
        "as looked at": {"SSIMULACRA2": round(figure, 2), "seconds of a core": round(took, 2)},
        "versions": {name: _by_all(versions.look, pixels) for name, pixels in versions.others.items()},
        "recipe": record["recipe"],
    }


def _versions(photo: Photo, found: dict[str, Any], file: Path) -> Versions:
    """Of a recipe without filters, which is what perturbations have, the result is known by its file alone."""
    recipe = Recipe.from_dict(found)
    look = eight_bit(render(photo.pixels, look_alone(recipe).chain()))
    written = eight_bit(open_photo(file).pixels)
    result = eight_bit(render(photo.pixels, recipe.chain())) if recipe.steps else written
    recompressed = {f"JPEG {quality}": jpeg(look, quality) for quality in QUALITIES}
    return Versions(look, {"result": result, "its file": written} | recompressed)


def _by_all(look: np.ndarray, other: np.ndarray) -> dict[str, float]:
    figures = ssimulacra2(look, other), float(_flip(look, other).mean()), change(look, other).delta_e
    return {name: round(figure, 4) for name, figure in zip(YARDSTICKS, figures, strict=True)}


def _flip(look: np.ndarray, other: np.ndarray) -> np.ndarray:
    """H×W errors, 0 to 1, of H×W×3 uint8 pixels, at 67 pixels a degree: a screen of 0.7 m seen from 0.7 m."""
    pair = (pixels.astype(np.float32) / 255 for pixels in (look, other))
    errors: np.ndarray = flip_evaluator.evaluate(*pair, "LDR", inputsRGB=True, applyMagma=False)[0]
    return errors.reshape(look.shape[:2])


def _tell(row: Row, count: str) -> None:
    figures = (f"{name} {found['SSIMULACRA2']:.0f} {found['FLIP']:.3f}" for name, found in row["versions"].items())
    print(f"{count} {row['photo'][:28]:28} {'; '.join(figures)}; {row['seconds']:.1f} s", flush=True)


def summed_up(rows: Sequence[Row]) -> dict[str, Any]:
    """Of all versions by all yardsticks the median, where the worst 5 % begin, and the worst; and what was told."""
    figures: dict[str, Any] = {}
    for version in rows[0]["versions"]:
        for yardstick, share in YARDSTICKS.items():
            found = [row["versions"][version][yardstick] for row in rows]
            ends = {"median": 0.5, "5 %": share, "worst": round(share)}
            figures[f"{version}, {yardstick}"] = {
                name: round(float(np.quantile(found, quantile)), 4) for name, quantile in ends.items()
            }
    small = [row["as looked at"] for row in rows]
    figures["as looked at"] = {f"{key}, median": statistics.median(one[key] for one in small) for key in small[0]}
    told = Counter(row["told"]["words"] for row in rows if row["told"])
    counts = {key: sum(row[key] for row in rows) for key in ("hidden", "survives", "softened")}
    return figures | {"photos": counts | {words: told[words] for words in WORDS}}


def print_table(figures: dict[str, Any]) -> None:
    """A line a version and yardstick."""
    for name, found in figures.items():
        print(f"{name:24}" + "  ".join(f"{key} {value:g}" for key, value in found.items()))


def _where(path: Path, row: Row) -> tuple[str, Pictures]:
    """The look, the result and the map of their difference; and both pixel for pixel where it is largest."""
    look, others = _versions(open_photo(path), row["recipe"], Path(row["file"]))
    errors = _flip(look, others["result"])
    colours = mpl.colormaps["magma"](np.clip(errors / BRIGHTEST, 0, 1), bytes=True)[..., :3]
    place = max(places(errors.shape), key=lambda place: float(cut(errors, place).mean()))
    wholes = {"look alone": look, "result": others["result"], f"FLIP, white {BRIGHTEST}": colours}
    cells = [(name, thumbnail(Photo.from_array(np.ascontiguousarray(pixels)))) for name, pixels in wholes.items()]
    details = [(f"{name}, 100 %", Image.fromarray(cut(wholes[name], place))) for name in list(wholes)[:2]]
    found = row["versions"]["result"]
    return f"{path.name}: SSIMULACRA2 {found['SSIMULACRA2']:.1f}, FLIP {found['FLIP']:.3f}", [*cells, *details]


if __name__ == "__main__":
    main()

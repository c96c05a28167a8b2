"""Hides the same photos by several methods and compares them: how well, what it does to the photos, how long.

``python benchmarks/camouflage.py PHOTOS OUT [--methods auto,pgd,curve] [--preset NAME] [--robust N] [--every N]``:
the looks (auto, filter, hybrid), the perturbations of the literature, each as published and in the channel, and the
adversarial colour filter. All are judged alike: on the finished file, after every delivery of ``channel.BATTERY``,
and by machines that no search knew, among them those of ``stand_ins.py`` where --stand-ins tells where they are; apart
from these after what published defences do (``channel.PURIFIERS``), which they do to the original, too.

OUT gets the finished photos, a folder a method, contact sheets, and ``results.jsonl``, to which every photo is added
as it is done: a run that was stopped goes on from there. Use another OUT for other options.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import stand_ins
import torch
from machine import keep
from PIL import Image
from sheets import pairs

from camofilter import biqa, presets
from camofilter.biqa import Target, as_image
from camofilter.biqa.devices import device
from camofilter.biqa.fit import fit
from camofilter.filters.pipeline import render
from camofilter.optim import Attack, Camouflaged, Keep, Method, Verdict, camouflage, joined_by, judgement, objective
from camofilter.optim.channel import BATTERY, PURIFIERS, Courier
from camofilter.optim.colour_curve import colour_curve
from camofilter.optim.methods import Job, Try, by_perturbation
from camofilter.optim.perception import change
from camofilter.optim.visibility import how_visible, look_alone
from camofilter.optim.watchers import Watchers, purified
from camofilter.photo import Photo, decode_photo, encode_photo, open_photo, output_suffix, save_photo
from camofilter.photo.core import eight_bit
from camofilter.recipe import FilterStep, Recipe
from camofilter.sheets import Pictures, draw, thumbnail

LOOKS: dict[str, Method] = {"auto": "auto", "filter": "filter", "hybrid": "hybrid"}
AS_PUBLISHED: dict[str, Attack] = {attack: attack for attack in get_args(Attack)}
IN_CHANNEL: dict[str, Attack] = {f"{name}-channel": attack for name, attack in AS_PUBLISHED.items()}
METHODS = (*LOOKS, *itertools.chain(*zip(AS_PUBLISHED, IN_CHANNEL, strict=True)), "curve")

FIRST = "compact_iqa"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
ON_A_SHEET, WITH_CROPS, CROP, STRIDE = 8, 12, 256, 64  # photos, photos, pixels, pixels
# What only results.jsonl tells of a photo.
IN_DETAIL = ("options", "file", "passes", "purified", "purified_before", "verdicts", "unseen", "recipe")

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What all photos of a run have in common.

    Attributes:
        out: folder of a folder for each method.
        targets: to hide from; the first one's scores are told.
        robust: how many of them were added for that.
        others: machines that come with camofilter and are not among the targets.
        strangers: machines that do not come with it.
        look: for those methods that start from one; None for the method's own.
        keep: how far they may go.
        options: what tells this run's rows from those of others.
    """

    out: Path
    targets: list[Target]
    robust: int
    others: list[Target]
    strangers: list[Target]
    look: Recipe | None
    keep: Keep
    options: dict[str, Any]


class Journal:
    """A file of results, a row a line, in which those of runs that were stopped remain.

    Args:
        path: of the file; a line that was cut off is dropped.
        options: those of this run: rows of others are left alone.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        path.write_text(whole, encoding="utf-8")
        self.path = path
        self.rows: list[Row] = [row for line in whole.splitlines() if (row := json.loads(line))["options"] == options]

    def has(self, photo: str, method: str) -> bool:
        """Whether there is a row of this photo's name and this method."""
        return any((row["photo"], row["method"]) == (photo, method) for row in self.rows)

    def add(self, row: Row) -> None:
        """Adds a row, in the file too."""
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def main() -> None:
    options = _options()
    photos = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in SUFFIXES)
    photos = photos[options.offset :: options.every]
    trial = _trial(options)
    journal = Journal(options.out / "results.jsonl", trial.options)
    run(photos, options.methods, trial, journal, options.seconds)
    names = {path.name for path in photos}
    results = {m: [r for r in journal.rows if r["method"] == m and r["photo"] in names] for m in options.methods}
    results = {method: rows for method, rows in results.items() if rows}
    if not results:
        raise SystemExit(f"{options.photos} has no photos to compare: expected files such as NAME.jpg")
    summaries = {method: summed_up(rows) for method, rows in results.items()}
    print_table(summaries)
    rows = [row for method in results for row in results[method]]
    short = [{key: value for key, value in row.items() if key not in IN_DETAIL} for row in rows]
    keep(options.name, {"options": trial.options, "methods": summaries, "photos": short})
    draw_sheets(photos, rows, options.photos, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("out", type=Path, help="a folder for what is made of them")
    parser.add_argument(
        "--methods", type=some_of("method", METHODS), default=METHODS, help=f"by default {','.join(METHODS)}"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photo")
    parser.add_argument("--offset", type=int, default=0, metavar="K", help="leave out the first K photos")
    parser.add_argument("--keep", choices=get_args(Keep), default="natural")
    parser.add_argument("--preset", metavar="NAME", help="the look, where the method starts from one")
    parser.add_argument("--robust", type=int, default=0, help="machines of other kinds to hide from, too, by settings")
    parser.add_argument("--ensemble", type=int, default=0, help="the same, by what the method does anyway")
    parser.add_argument("--stand-ins", type=Path, nargs=2, metavar=("FOLDER", "SQUEEZENET"))
    parser.add_argument("--name", default="camouflage", help="of the JSON file beside this script")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of a method, after which it is left")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def some_of(kind: str, known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """What reads an option of known names with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is no {kind}: expected some of {', '.join(known)}")
        return names

    return read


def _trial(options: argparse.Namespace) -> Trial:
    targets = joined_by([biqa.get(FIRST)], max(options.robust, options.ensemble))
    names = [target.name for target in targets]
    others = [name for name in biqa.SHIPPED if name not in names]
    strangers = stand_ins.load(*options.stand_ins) if options.stand_ins else []
    return Trial(
        out=options.out,
        targets=targets,
        robust=options.robust,
        others=[biqa.get(name) for name in others],
        strangers=strangers,
        look=presets.get(options.preset) if options.preset else None,
        keep=options.keep,
        options={
            "targets": names,
            "robust": options.robust,
            "keep": options.keep,
            "preset": options.preset,
            "stand_ins": [target.name for target in strangers],
        },
    )


def run(photos: Iterable[Path], methods: Sequence[str], trial: Trial, journal: Journal, seconds: float) -> None:
    """Does what the journal lacks, photo by photo; a method that took so many seconds in all is left."""
    spent: Counter[str] = Counter()
    for row in journal.rows:
        spent[row["method"]] += row["seconds"]
    for path, method in itertools.product(photos, methods):
        if journal.has(path.name, method) or spent[method] >= seconds:
            continue
        row = measured(path, method, trial)
        journal.add(row)
        spent[method] += row["seconds"]
        print(
            f"{row['photo']:24} {method:18} {row['before']:6.1f} → {row['after']:5.1f}, "
            f"worst {row['worst']:5.1f}, ΔE {row['delta_e']:5.2f}, {row['seconds']:6.1f} s",
            flush=True,
        )


def measured(path: Path, method: str, trial: Trial) -> Row:
    """One photo by one method, from file to file."""
    began = time.monotonic()
    photo = open_photo(path)
    done = hidden(photo, method, trial)
    output = trial.out / method / (path.stem + output_suffix(photo, path))
    output.parent.mkdir(exist_ok=True)
    save_photo(done.photo, output, force=True)
    seconds = time.monotonic() - began
    finished = open_photo(output).pixels
    unseen = [verdict.on(finished) for verdict in (*done.unseen, *_verdicts(trial.strangers, photo, done.photo))]
    defended = [(verdict, purified(finished, verdict.target)) for verdict in done.verdicts]
    defended_before = [(verdict, purified(photo.pixels, verdict.target)) for verdict in done.verdicts]
    first = done.verdicts[0]
    grains = [step.settings["amount"] for step in done.recipe.steps if step.filter == "tuned_grain"]
    return {
        "photo": path.name,
        "method": method,
        "options": trial.options,
        "file": output.name,
        "before": round(first.before.score, 2),
        "after": round(first.after.score, 2),
        "worst": round(first.worst, 2),
        "seen": not all(_hides(v, v.before.score) for v in done.verdicts),
        "hidden": done.camouflaged,
        "survives": done.survives,
        "passes": {way: all(_hides(v, v.deliveries[way]) for v in done.verdicts) for way in BATTERY},
        "purified": {way: all(_hides(v, scores[way]) for v, scores in defended) for way in PURIFIERS},
        "purified_before": {way: all(_hides(v, scores[way]) for v, scores in defended_before) for way in PURIFIERS},
        "delta_e": round(done.change.delta_e, 3),
        "ms_ssim": round(done.change.ms_ssim, 4),
        "clipped": round(done.change.clipped, 5),
        "visibility": round(done.visibility, 1),
        "delta_e_from_look": _from_look(photo, done) if grains else None,
        "grain": round(sum(grains), 5),
        "seconds": round(seconds, 2),
        "verdicts": {
            v.target.name: _figures(v) | {"deliveries": dict(v.deliveries), "purified": scores}
            for v, scores in defended
        },
        "unseen": {v.target.name: _figures(v) for v in unseen},
        "recipe": done.recipe.to_dict(),
    }


def hidden(photo: Photo, method: str, trial: Trial) -> Camouflaged:
    """The photo hidden by one of METHODS; one that no target sees stays as it is, unless a look is asked for."""
    if method in LOOKS:
        return camouflage(
            photo, trial.targets, look=trial.look, method=LOOKS[method], keep=trial.keep, robust=trial.robust
        )
    if method in IN_CHANNEL:
        return camouflage(photo, trial.targets, method="perturb", attack=IN_CHANNEL[method], keep=trial.keep)
    began = time.monotonic()
    job = Job(photo, Watchers(photo.pixels, trial.targets, device("auto")), trial.keep)
    done = Try(Recipe(), photo, job.watchers.verdicts(photo.pixels), job.survive)
    if done.exposure >= 0:
        attack = AS_PUBLISHED.get(method)
        done = by_perturbation(job, attack, in_channel=False) if attack else by_curve(job)
    return Camouflaged(
        photo=done.photo,
        recipe=done.recipe,
        verdicts=tuple(done.verdicts),
        unseen=tuple(_verdicts(trial.others, photo, done.photo)),
        change=change(photo.pixels, done.photo.pixels),
        visibility=how_visible(photo.pixels, done.photo.pixels),
        method="filter" if method == "curve" else "perturb",
        survive=job.survive,
        seconds=time.monotonic() - began,
    )


def by_curve(job: Job) -> Try:
    """The adversarial colour filter, found on what the machine looks at through the channel, applied at full size."""
    (frame,) = job.watchers.frames
    courier = Courier(job.seed, job.survive, job.watchers.size)

    def margin(images: torch.Tensor) -> torch.Tensor:
        return job.watchers.seen({frame: courier.deliver(images, frame)}) + objective.SAFETY

    _, p = colour_curve(as_image(fit(job.photo.pixels, frame)).to(job.watchers.device), margin)
    # Times K they are 1 to 16, as the filter takes them; it divides by their mean itself.
    slopes = dict(zip(("red", "green", "blue"), (p[0] * p.shape[2]).tolist(), strict=True))
    recipe = Recipe((FilterStep("tone_curve", slopes | {"smoothness": 0.0}),), name="adversarial colour filter")
    done = job.photo.with_pixels(render(job.photo.pixels, recipe.chain()))
    finished = decode_photo(encode_photo(done), max_pixels=done.width * done.height)
    return Try(recipe, done, job.watchers.verdicts(finished.pixels), job.survive)


def _verdicts(targets: Iterable[Target], before: Photo, after: Photo) -> list[Verdict]:
    return [Verdict(t, judgement(before.pixels, t), judgement(after.pixels, t)) for t in targets]


def _hides(verdict: Verdict, score: float) -> bool:
    return verdict.target.scale.margin(score) < 0


def _figures(verdict: Verdict) -> dict[str, Any]:
    """Scores before and after, and whether the photo was seen at first and is hidden at last."""
    return {
        "before": round(verdict.before.score, 2),
        "after": round(verdict.after.score, 2),
        "saw": not _hides(verdict, verdict.before.score),
        "hidden": verdict.hidden,
    }


def _from_look(photo: Photo, done: Camouflaged) -> float:
    """Mean ΔE2000 between the finished photo and the same without its tuned grain."""
    look = render(photo.pixels, look_alone(done.recipe).chain())
    return round(change(look, done.photo.pixels).delta_e, 3)


def summed_up(rows: Sequence[Row]) -> dict[str, float | None]:
    """The figures of a method's rows, at least one; None where there is nothing to take a mean of.

    What hiding costs a photo is told of those that were seen before and are hidden in their file.
    """
    found = [row for row in rows if row["seen"] and row["hidden"]]
    from_look = [row["delta_e_from_look"] for row in rows if row["delta_e_from_look"] is not None]
    seconds = [row["seconds"] for row in rows]
    figures: dict[str, float | None] = {
        "photos": len(rows),
        "seen before": sum(row["seen"] for row in rows),
        "hidden, file": sum(row["hidden"] for row in rows),
        "hidden, worst delivery": sum(row["survives"] for row in rows),
    }
    figures |= {f"share hidden, {way}": _mean(row["passes"][way] for row in rows) for way in BATTERY}
    for which, key in (("share", "purified"), ("share of the originals", "purified_before")):
        figures |= {f"{which} hidden, purified: {way}": _mean(row[key][way] for row in rows) for way in PURIFIERS}
    figures["share hidden, purified in any way"] = _mean(all(row["purified"].values()) for row in rows)
    figures |= {f"mean {when}": _mean((row[when] for row in rows), 1) for when in ("before", "after", "worst")}
    figures |= {
        "seconds, median": round(statistics.median(seconds), 1),
        "seconds, most": round(max(seconds), 1),
        "ΔE2000 of those it hid": _mean(row["delta_e"] for row in found),
        "MS-SSIM of those it hid": _mean((row["ms_ssim"] for row in found), 4),
        "clipped share of those it hid": _mean((row["clipped"] for row in found), 4),
        "SSIMULACRA2 from the look, median": round(statistics.median(row["visibility"] for row in rows), 1),
        "ΔE2000 from the look, median": round(float(np.median(from_look)), 2) if from_look else None,
        "ΔE2000 from the look, 90 %": round(float(np.quantile(from_look, 0.9)), 2) if from_look else None,
        "ΔE2000 from the look, share ≤ 1": _mean(value <= 1 for value in from_look),
    }
    for name in rows[0]["unseen"]:
        verdicts = [row["unseen"][name] for row in rows]
        figures[f"{name}: mean before"] = _mean((v["before"] for v in verdicts), 1)
        figures[f"{name}: mean after"] = _mean((v["after"] for v in verdicts), 1)
        figures[f"{name}: share hidden of the seen"] = _mean(v["hidden"] for v in verdicts if v["saw"])
    return figures


def _mean(values: Iterable[float], digits: int = 2) -> float | None:
    found = list(values)
    return round(statistics.fmean(found), digits) if found else None


def print_table(summaries: dict[str, dict[str, float | None]]) -> None:
    """A line a figure, a column a method."""
    widths = {method: max(len(method), 6) + 2 for method in summaries}
    figures = list(next(iter(summaries.values())))
    label = max(map(len, figures))
    print(" " * label + "".join(f"{method:>{width}}" for method, width in widths.items()))
    for figure in figures:
        values = (summaries[method][figure] for method in summaries)
        cells = ("–" if value is None else f"{value:g}" for value in values)
        print(f"{figure:{label}}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths.values(), strict=True)))


def draw_sheets(photos: Sequence[Path], rows: Sequence[Row], before: Path, out: Path) -> None:
    """METHOD.png, photos before | after; sheet-N.png, by all methods; crops.png, details before | after auto."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for method in methods:
        pairs(before, out / method).save(out / f"{method}.png")
    by_photo = {path: [row for row in rows if row["photo"] == path.name] for path in photos}
    sections = [(path.name, _versions(path, found, out)) for path, found in by_photo.items() if found]
    for number, start in enumerate(range(0, len(sections), ON_A_SHEET), 1):
        some = dict(sections[start : start + ON_A_SHEET])
        draw(some, 1 + len(methods)).save(out / f"sheet-{number}.png")
    by_auto = [(path, r["file"]) for path, found in by_photo.items() for r in found if r["method"] == "auto"]
    details = [cell for path, file in by_auto[:WITH_CROPS] for cell in _details(path, out / "auto" / file)]
    if details:
        draw({"": details}, 4).save(out / "crops.png")


def _versions(path: Path, rows: Sequence[Row], out: Path) -> Pictures:
    """The original and what each method made of it."""
    done = [(f"{r['method']} {r['after']:.1f}, worst {r['worst']:.1f}", out / r["method"] / r["file"]) for r in rows]
    cells = [(f"original {rows[0]['before']:.1f}", path), *done]
    return [(label, thumbnail(open_photo(file))) for label, file in cells]


def _details(path: Path, finished: Path) -> Pictures:
    """Pixel for pixel, before and after: the middle, and the smoothest part."""
    before, after = (eight_bit(open_photo(file).pixels) for file in (path, finished))
    height, width = before.shape[:2]
    middle = max(0, height - CROP) // 2, max(0, width - CROP) // 2
    places: dict[str, tuple[int, int]] = {"": middle, ", smoothest": smoothest(before)}
    return [
        (f"{path.stem if pixels is before else 'auto'}{label}", Image.fromarray(cut(pixels, place)))
        for label, place in places.items()
        for pixels in (before, after)
    ]


def smoothest(pixels: np.ndarray) -> tuple[int, int]:
    """Top and left of the window of CROP pixels, on a grid, in which H×W×3 pixels deviate least from their mean."""
    tones = pixels.mean(2)
    return min(places(tones.shape), key=lambda place: float(cut(tones, place).std()))


def places(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Tops and lefts of windows of CROP pixels, on a grid, in pixels of this height and width."""
    height, width = (range(0, max(1, side - CROP + 1), STRIDE) for side in shape[:2])
    return itertools.product(height, width)


def cut(pixels: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """The window of CROP pixels at a place."""
    top, left = place
    return pixels[top : top + CROP, left : left + CROP]


if __name__ == "__main__":
    main()

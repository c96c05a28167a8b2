"""The quality task of MediaEval 2020 from end to end, with the embedded model as judge.

``python benchmarks/mediaeval.py PHOTOS OUT [--runs auto,cw50] [--target koncept512:KonCept512.pth]``: prepares the
photos as the task did, makes the runs of RUNS in OUT/runs, and evaluates them by the task's protocol. Photos that are
in OUT already are not made again, so what was stopped goes on, and runs can be made by several processes at once.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from camouflage import SUFFIXES, by_curve, some_of
from machine import keep
from PIL import Image, ImageEnhance

import camofilter
from camofilter import biqa, presets
from camofilter.biqa import Target
from camofilter.biqa.devices import device
from camofilter.evaluation import records, report, tasks
from camofilter.evaluation.evaluate import evaluate
from camofilter.evaluation.results import Evaluation, Judge, RunResult
from camofilter.evaluation.runs import Originals, Run, open_runs
from camofilter.optim import Judgement, Method, Verdict, camouflage
from camofilter.optim.methods import Job, by_perturbation
from camofilter.optim.watchers import Watchers
from camofilter.photo import Photo, open_photo, save_photo
from camofilter.photo.writing import write_atomically
from camofilter.recipe import Recipe

PRESET = "warm"
ENHANCED = {ImageEnhance.Color: 1.5, ImageEnhance.Contrast: 1.5, ImageEnhance.Sharpness: 3.0}


@dataclass(frozen=True)
class Made:
    """A photo of a run, and the look it got; None for what is no look."""

    photo: Photo
    recipe: Recipe | None = None


Maker = Callable[[Photo, str], Made]  # of a prepared photo and the judge's NAME[:WEIGHTS]


def as_it_is(photo: Photo, _judge: str) -> Made:
    """The prepared photo."""
    return Made(photo)


def enhanced(photo: Photo, _judge: str) -> Made:
    """Pillow's enhancements, as in HCMUS's run."""
    picture = Image.fromarray(photo.pixels)
    for enhancement, factor in ENHANCED.items():
        picture = enhancement(picture).enhance(factor)
    return Made(photo.with_pixels(np.asarray(picture)))


def styled(photo: Photo, _judge: str) -> Made:
    """A preset, without asking the judge."""
    return Made(camofilter.apply(photo, PRESET), presets.get(PRESET))


def hidden(method: Method) -> Maker:
    """One of camofilter's own methods."""

    def make(photo: Photo, judge: str) -> Made:
        found = camouflage(photo, [_target(judge)], method=method)
        return Made(found.photo, found.recipe)

    return make


def attacked(threshold: float) -> Maker:
    """Carlini and Wagner's attack down to a score, without the JPEG in the loop, as in MMG's runs."""

    def make(photo: Photo, judge: str) -> Made:
        return Made(by_perturbation(_job(photo, _target(judge, threshold)), "cw", in_channel=False).photo)

    return make


def curved(photo: Photo, judge: str) -> Made:
    """The adversarial colour filter, K = 64."""
    found = by_curve(_job(photo, _target(judge)))
    return Made(found.photo, found.recipe)


RUNS: dict[str, Maker] = {
    "original": as_it_is,
    "enhance": enhanced,
    "preset": styled,
    "auto": hidden("auto"),
    "hybrid": hidden("hybrid"),
    "filter": hidden("filter"),
    "curve": curved,
    "cw50": attacked(50),
    "cw30": attacked(30),
    "cw10": attacked(10),
}


@functools.cache
def _target(judge: str, threshold: float | None = None) -> Target:
    return biqa.get(judge, threshold=threshold)


def _job(photo: Photo, target: Target) -> Job:
    return Job(photo, Watchers(photo.pixels, [target], device("auto")), "natural")


def prepare(photos: Iterable[Path], folder: Path) -> list[Path]:
    """The photos as the task gave them out."""
    folder.mkdir(parents=True, exist_ok=True)
    prepared = []
    for photo in photos:
        prepared.append(folder / f"{photo.stem}.png")
        if not prepared[-1].exists():
            save_photo(tasks.QUALITY.prepared(open_photo(photo)), prepared[-1])
    return prepared


def make(code: str, originals: Iterable[Path], folder: Path, judge: str) -> None:
    """The photos of a run that its folder lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    for original in originals:
        output = folder / f"{code}_{original.name}"
        if output.exists():
            continue
        made = RUNS[code](open_photo(original), judge)
        if made.recipe is not None:
            write_atomically(output.with_suffix(".json"), made.recipe.to_json().encode(), force=True)
        save_photo(made.photo, output)
        print(output.name, flush=True)


def main() -> None:
    options = _options()
    photos = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in SUFFIXES)
    # Every third, then the others: what there is time for is spread over all of them.
    photos = [path for first in range(3) for path in photos[first::3]][: options.first]
    prepared = prepare(photos, options.out / "originals")
    if options.only != "evaluate":
        for code in options.runs:
            make(code, prepared, options.out / "runs" / code, options.target)
    if options.only != "make":
        originals = Originals.of(options.out / "originals")
        runs = open_runs((options.out / "runs" / code for code in options.runs), originals.files)
        results = evaluated(originals, runs, options)
        judge, target = results.judges[0], _target(options.target)
        survival = {a.code: seen_after_all(a, b, judge, target) for a, b in zip(runs, results.runs, strict=True)}
        print_table(results, survival)
        made = {"preset": PRESET, "enhance": {enhancement.__name__: by for enhancement, by in ENHANCED.items()}}
        found = records.to_dict(results) | {"faults": len(results.all_faults())}
        keep("mediaeval", made | {"seen_by_the_worst_way": survival} | found)


def evaluated(originals: Originals, runs: Sequence[Run], options: argparse.Namespace) -> Evaluation:
    """The runs by the task's protocol, with a report."""
    by_code = {run.code: run for run in runs}
    results = evaluate(tasks.QUALITY, originals, runs, [_target(options.target)])
    report.write(
        results,
        lambda name: tasks.QUALITY.prepared(originals.photo(name)),
        lambda code, name: by_code[code].photo(name),
        options.out / "report",
        force=True,
    )
    return results


def seen_after_all(run: Run, result: RunResult, judge: Judge, target: Target) -> float:
    """Share of a run's photos that are seen after the worst way of passing them on, which the task did not ask."""
    unknown = Judgement(0, "")
    verdict = Verdict(target, unknown, unknown)
    return statistics.fmean(
        judge.sees(one.judged[0].after) or verdict.tried(run.photo(one.photo).pixels).worst_exposure > 0
        for one in result.photos
    )


def print_table(results: Evaluation, survival: Mapping[str, float]) -> None:
    """The table of the documentation: a run a line; accuracy is the share of photos that are still above 50."""
    common = frozenset.intersection(*(frozenset(one.photo for one in run.photos) for run in results.runs))
    names = ("run", "photos", "accuracy %", f"on {len(common)}, %", "worst way %", "mean", "ΔE2000", "MS-SSIM")
    print("".join(f"{name:>12}" for name in (*names, "colour", "contrast")))
    for run in results.runs:
        found, mean = results.summary(run), run.mean
        among = results.summary(run, among=common)  # where all runs can be compared
        shares = (found.accuracy_after, among.accuracy_after, survival[run.code])
        figures = [f"{found.photos}", *(f"{100 * share:.1f}" for share in shares), f"{found.mean_after:.1f}"]
        figures += [f"{mean('delta_e'):.2f}", f"{mean('ms_ssim'):.3f}"]
        figures += [f"{mean('colourfulness_after'):.1f}", f"{mean('contrast_after'):.3f}"]
        print("".join(f"{text:>12}" for text in (run.code, *figures)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("out", type=Path, help="a folder for the runs and the report")
    parser.add_argument("--runs", type=some_of("run", RUNS), default=tuple(RUNS), help=f"by default {','.join(RUNS)}")
    parser.add_argument("--first", type=int, metavar="N", help="only so many photos: every third, then the others")
    parser.add_argument("--only", choices=("make", "evaluate"), help="make the runs, or evaluate what there is of them")
    parser.add_argument("--target", default="compact_iqa", metavar="NAME[:WEIGHTS]", help="the judge")
    return parser.parse_args()


if __name__ == "__main__":
    main()

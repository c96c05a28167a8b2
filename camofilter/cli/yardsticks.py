"""The commands of the MediaEval tasks: prepare, evaluate, submit, jury."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from camofilter.cli.command import Command
from camofilter.cli.options import AsJson, Device, Force, Targets
from camofilter.cli.outputs import refuse_existing
from camofilter.cli.printing import Record, complain, print_json, say
from camofilter.cli.work import Bar
from camofilter.errors import PhotoError, UsageError

if TYPE_CHECKING:
    from camofilter.biqa import Target
    from camofilter.evaluation.lists import PhotoList
    from camofilter.evaluation.results import Evaluation, Fault, RunResult
    from camofilter.evaluation.runs import Run

jury = typer.Typer(help="Have people choose the most appealing versions of photos.")

TaskName = Annotated[
    Literal["quality", "scene"],
    typer.Argument(metavar="quality|scene", help="The task of 2020 (scores of quality) or of 2019 (scenes)."),
]
OriginalPhotos = Annotated[str, typer.Argument(metavar="ORIGINALS", help="Folder or zip of the untouched photos.")]
Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Folders or zips of photos named RUNCODE_original.jpg or .png."),
]
ListFile = Annotated[
    str | None, typer.Option("--list", metavar="FILE", help="The task's list: names, or names and labels.")
]
OutFolder = Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder to write to.")]


def prepare(
    task: TaskName,
    originals: OriginalPhotos,
    out: OutFolder,
    list_file: ListFile = None,
    force: Force = False,
) -> int:
    """Prepare photos as a MediaEval task gave them out.

    For quality the centre of 512×384 pixels, for scenes 256×256; both as PNG.
    """
    from camofilter.evaluation.runs import Originals
    from camofilter.evaluation.tasks import TASKS
    from camofilter.photo import save_photo
    from camofilter.photo.core import naming
    from camofilter.photo.writing import check_free

    found = Originals.of(Path(originals), _listed(list_file))
    Path(out).mkdir(parents=True, exist_ok=True)
    _complain_of(found.faults)
    undone = len(found.faults)
    with Bar(len(found.files)) as bar:
        for name in found.files:
            try:
                with naming(written := Path(out, name).with_suffix(".png")):
                    check_free(written, force)
                with naming(name):
                    prepared = TASKS[task].prepared(found.photo(name))
                save_photo(prepared, written, force=force)
            except PhotoError as error:
                complain(str(error))
                undone += 1
            bar.photo_done()
    say(f"{len(found.files) + len(found.faults) - undone} photos in {out}")
    return int(undone > 0)


def evaluate(
    task: TaskName,
    originals: OriginalPhotos,
    runs: Runs,
    targets: Targets = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Above which a photo counts as seen; 50 for quality.")
    ] = None,
    list_file: ListFile = None,
    manual: Annotated[
        str | None, typer.Option(metavar="FILE", help="List of the subset that was changed by hand, counted apart.")
    ] = None,
    aesthetic: Annotated[
        str | None, typer.Option(metavar="NAME[:WEIGHTS]", help="A model of beauty to ask, too, such as pyiqa:nima.")
    ] = None,
    categories: Annotated[
        str | None, typer.Option(metavar="FILE", help="The sensitive categories of a scene task, if not its own 60.")
    ] = None,
    csv_file: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write every photo's figures.")] = None,
    report: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write a page of figures and photos, sheets, CSV and JSON.")
    ] = None,
    device: Device = "auto",
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """Tell how many photos of runs a task's judge still sees.

    For quality each photo gets JPEG 90 and a score, and is seen above 50; for scenes a classifier tells its category.
    """
    from camofilter import biqa
    from camofilter.evaluation import evaluate as evaluation
    from camofilter.evaluation import lists
    from camofilter.evaluation import report as reports
    from camofilter.evaluation.records import to_csv, utf8
    from camofilter.evaluation.runs import Originals, open_runs
    from camofilter.evaluation.tasks import TASKS
    from camofilter.photo.core import naming
    from camofilter.photo.writing import write_atomically

    if task == "scene" and not targets:
        raise UsageError("no classifier was given: add --target places365_resnet50:resnet50_places365.pth.tar")
    if task == "quality" and categories is not None:
        raise UsageError("--categories was given for quality: it is for scene")
    if csv_file is not None:
        refuse_existing(csv_file, force, "--csv")
    found = Originals.of(Path(originals), _listed(list_file))
    opened = {run.code: run for run in open_runs(map(Path, runs), found.files)}
    if report is not None:
        reports.check(list(opened), Path(report), force=force)
    judges = [_judge(spec, device, threshold) for spec in biqa.exact(targets)]
    panel = None if aesthetic is None else _judge(aesthetic, device)
    by_hand = _listed(manual)
    photos = sum(len(run.files) for run in opened.values())
    with Bar(photos, as_json) as bar:
        results = evaluation.evaluate(
            TASKS[task],
            found,
            list(opened.values()),
            judges,
            manual=by_hand.among(found.files) if by_hand else (),
            aesthetic=panel,
            sensitive=None if categories is None else lists.read_categories(Path(categories)).keys(),
            progress=bar.photo_done,
        )
    if as_json:
        for run in results.runs:
            print_json(_record(results, run))
    else:
        _show(results)
    if csv_file is not None:
        with naming(csv_file):
            write_atomically(Path(csv_file), utf8(to_csv(results)), force)
    if report is not None:
        with Bar(photos, as_json) as bar:
            reports.write(
                results,
                lambda name: TASKS[task].prepared(found.photo(name)),
                lambda code, name: opened[code].photo(name),
                Path(report),
                force=force,
                progress=bar.photo_done,
            )
        if not as_json:
            say(f"the report is {Path(report, reports.PAGE)}")
    return int(bool(results.all_faults()))


def submit(
    run: Annotated[str, typer.Argument(metavar="RUN_DIR", help="Folder of the run's photos.")],
    code: Annotated[str, typer.Argument(metavar="RUNCODE", help="The team's name and the run's, without blanks.")],
    list_file: ListFile = None,
    task: Annotated[Literal["quality", "scene"], typer.Option(help="Whose sizes of photos count.")] = "quality",
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder for RUNCODE.zip.")] = ".",
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """Pack a run as the tasks ask for it, if it has no fault."""
    from camofilter.evaluation.submission import submit as submitted
    from camofilter.evaluation.tasks import TASKS

    listed = _listed(list_file)
    with Bar(1, as_json) as bar:
        done = submitted(
            Path(run),
            code,
            TASKS[task],
            Path(out),
            listed=None if listed is None else listed.labels,
            force=force,
            progress=lambda done, total: bar.at(done / total, "checking"),
        )
    if as_json:
        faults = [fault._asdict() for fault in done.faults]
        print_json({"run": code, "output": None if faults else str(done.path), "photos": done.photos, "faults": faults})
    else:
        _complain_of(done.faults)
        if done.faults:
            complain(f"{done.path} was not written: {_faults(len(done.faults))} in {run}")
        else:
            say(f"{done.path}: {done.photos} photos")
    return int(bool(done.faults))


@jury.command("make", cls=Command)
def make_jury(
    runs: Runs,
    out: OutFolder,
    originals: Annotated[
        str | None, typer.Option(metavar="DIR", help="The untouched photos, to be shown on request.")
    ] = None,
    photos: Annotated[int, typer.Option(metavar="N", min=1, help="Photos to ask about.")] = 20,
    list_file: Annotated[
        str | None, typer.Option("--list", metavar="FILE", help="Which photos, instead of those that differ most.")
    ] = None,
    task: Annotated[Literal["quality", "scene"], typer.Option(help="By whose protocol photos are scored.")] = "quality",
    target: Annotated[
        str, typer.Option(metavar="NAME[:WEIGHTS]", help="The judge of how much photos differ.")
    ] = "compact_iqa",
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Same seed, same page; by default one that nobody can guess."),
    ] = None,
    device: Device = "auto",
    force: Force = False,
) -> int:
    """Make a page on which people choose, blind and shuffled.

    Without a list they are asked about the photos whose scores vary most over the runs.
    """
    import secrets

    from camofilter.evaluation import jury as juries
    from camofilter.evaluation.runs import Originals, open_runs
    from camofilter.evaluation.tasks import TASKS

    juries.check(Path(out), force=force)
    found = None if originals is None else Originals.of(Path(originals))
    opened = {run.code: run for run in open_runs(map(Path, runs), None if found is None else found.files)}
    listed = _listed(list_file)
    names = dict.fromkeys(name for run in opened.values() for name in run.files)
    if listed is not None:
        shown = listed.among(names)
    else:
        everywhere = [name for name in names if all(name in run.files for run in opened.values())]
        shown = _most_varied(task, list(opened.values()), everywhere, _judge(target, device))[:photos]
    with Bar(len(shown)) as bar:
        made = juries.make(
            list(opened),
            shown,
            lambda code, name: opened[code].photo(name) if name in opened[code].files else None,
            Path(out),
            original=(lambda name: TASKS[task].prepared(found.photo(name))) if found else None,
            seed=secrets.randbits(32) if seed is None else seed,
            force=force,
            progress=lambda _: bar.photo_done(),
        )
    say(f"{made.page}: {len(shown)} photos, {len(opened)} versions; the page for the jurors, it works without network")
    say(f"{made.key_file}: which version is whose; keep it, and give it to 'camofilter jury tally' with the votes")
    return 0


@jury.command("tally", cls=Command)
def tally_jury(
    votes: Annotated[list[str], typer.Argument(metavar="JSON", help="What the jurors' pages gave.")],
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="key.json of the jury; without it, that beside the first vote.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the intervals' bootstrap.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Rank runs by how often jurors found them most appealing."""
    from camofilter.evaluation.jury import KEY
    from camofilter.evaluation.tally import tally

    key_file = Path(key) if key else Path(votes[0]).with_name(KEY)
    if key is None and not key_file.exists():
        raise UsageError(f"there is no {KEY} beside {votes[0]}: give the one that 'jury make' wrote with --key")
    counted = tally([Path(vote) for vote in votes], key_file, seed=seed)
    if as_json:
        print_json(counted.to_dict())
    else:
        for line in counted.in_words():
            say(line)
    return 0


def _listed(path: str | None) -> PhotoList | None:
    from camofilter.evaluation import lists

    return None if path is None else lists.read(Path(path))


def _judge(spec: str, device: str, threshold: float | None = None) -> Target:
    from camofilter import biqa
    from camofilter.biqa.devices import device as chosen

    return biqa.get(spec, threshold=threshold).to(chosen(device))


def _most_varied(task: Literal["quality", "scene"], runs: list[Run], names: list[str], judge: Target) -> list[str]:
    """Names of photos, those first whose scores vary most over the runs."""
    from camofilter.evaluation.evaluate import most_varied
    from camofilter.evaluation.tasks import TASKS

    with Bar(len(names) * len(runs)) as bar:
        return list(most_varied(TASKS[task], runs, names, judge, bar.photo_done))


def _complain_of(faults: Iterable[Fault]) -> None:
    for fault in faults:
        complain(fault.in_words())


def _faults(count: int) -> str:
    return "1 fault" if count == 1 else f"{count} faults"


def _record(results: Evaluation, run: RunResult) -> Record:
    """A run's line of JSON: the first judge's figures, then all."""
    from camofilter.evaluation.records import run_figures

    first = results.judges[0]
    about = {"target": first.name, "version": first.version, "threshold": first.scale.threshold}
    figures = run_figures(results, run)
    numbers = {key: value for key, value in figures["judges"][0].items() if key != "judge"}
    return {"run": run.code, **numbers, **about, **figures, "faults": [fault._asdict() for fault in run.faults]}


def _show(results: Evaluation) -> None:
    """What people are told: what is wrong, then each run, then where runs differ."""
    from camofilter.evaluation.records import most_varied

    _complain_of(results.all_faults())
    for run in results.runs:
        say(f"{run.code}: {len(run.photos)} of {len(results.originals)} photos, {_faults(len(run.faults))}")
        if not run.photos:
            continue
        for place in range(len(results.judges)):
            say(f"  {_figures(results, run, place)}")
            if results.manual:
                say(f"    by hand: {_figures(results, run, place, results.manual)}")
        say(f"  {_measures(run)}")
    if varied := most_varied(results):
        say(f"most different over the runs: {', '.join(f'{name} ({variance:.0f})' for name, variance in varied)}")


def _figures(results: Evaluation, run: RunResult, place: int, among: frozenset[str] | None = None) -> str:
    """One judge's of a run, such as "seen 100.0 % → 12.7 %, mean 72.8 → 44.1 by compact_iqa (…)"."""
    judge, found = results.judges[place], results.summary(run, place, among)
    seen = f"seen {found.accuracy_before:.1%} → {found.accuracy_after:.1%}".replace("%", " %")
    return f"{seen}, mean {found.mean_before:.1f} → {found.mean_after:.1f} by {judge.name} ({judge.scale.in_words()})"


def _measures(run: RunResult) -> str:
    """The panel's means."""
    from camofilter.evaluation.results import Measures

    mean = {measure: run.mean(measure) for measure in Measures._fields}
    pairs = {"colourfulness": 1, "contrast": 3, "aesthetic": 2}
    both = ((name, mean[f"{name}_before"], mean[f"{name}_after"], decimals) for name, decimals in pairs.items())
    shown = [f"{name} {old:.{n}f} → {new:.{n}f}" for name, old, new, n in both if old is not None and new is not None]
    reach = [] if mean["reach"] is None else [f"reach {mean['reach']:.2f}"]
    visible = [] if mean["visibility"] is None else [f"SSIMULACRA2 from the looks alone {mean['visibility']:.0f}"]
    change = (
        f"ΔE2000 {mean['delta_e']:.1f}, MS-SSIM {mean['ms_ssim']:.3f}, clipped {100 * (mean['clipped'] or 0):.1f} %"
    )
    return "; ".join([f"change: {change}", *visible, *shown, *reach])

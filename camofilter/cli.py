"""The command line: each command reads its options, calls the Python API and prints.

Nothing but typer and the standard library is imported before a command needs it, so that help is quick.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TextIO

import typer

import camofilter
from camofilter.errors import CamofilterError, PhotoError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from camofilter.optim import Progress
    from camofilter.photo import Photo
    from camofilter.recipe import Recipe

    Record = dict[str, Any]  # what --json prints of one photo, and what the people's lines are made of

_THRESHOLD = 50.0

app = typer.Typer(
    help="Gives photos a look that people like and quality-ranking machines do not.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The options that several commands share.
Photos = Annotated[list[str], typer.Argument(metavar="IN", help="The photos.")]
Out = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="OUT", help="File to write; for several photos, a folder."),
]
Preset = Annotated[str | None, typer.Option(metavar="NAME", help="A look by name; 'camofilter presets' lists them.")]
MetadataKept = Annotated[
    Literal["safe", "all", "none"],
    typer.Option("--metadata", help="What to keep of it; safe: all but place and serial numbers."),
]
MaxPixels = Annotated[int | None, typer.Option(metavar="N", min=1, help="Pixels of the largest photo that is opened.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist, never the photos given.")]
InPlace = Annotated[bool, typer.Option("--in-place", help="Replace the photos themselves.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; whatever goes wrong becomes one line on standard error.

    Args:
        argv: without the program's name; None for that of the process.

    Returns:
        The exit code: 0 all done, 1 some photos not, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may lack the letters of a file's name
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = app(args=argv, prog_name="camofilter", standalone_mode=False)
    except typer.TyperException as error:
        _complain(_usage_line(error, sys.argv[1:] if argv is None else argv))
        return error.exit_code
    except CamofilterError as error:
        _complain(str(error))
        return error.exit_code
    except OSError as error:  # of the output itself: those of photos have been reported
        _complain(f"cannot print: {error.strerror}")
        return 1
    if code == 130:
        _complain("stopped; the photos written so far are complete")
    return code


def _print_version(wanted: bool) -> None:
    if wanted:
        _say(f"camofilter {camofilter.__version__}")
        raise typer.Exit


@app.callback()
def _main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Declares the options that stand before a command."""


@app.command("apply")
def apply_look(
    inputs: Photos,
    out: Out = None,
    preset: Preset = None,
    recipe: Annotated[str | None, typer.Option(metavar="FILE.json", help="A look from a file.")] = None,
    cube: Annotated[
        str | None, typer.Option(metavar="FILE.cube", help="A look from a table of colours, or a Hald image.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FILTER.SETTING=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    strength: Annotated[float, typer.Option(metavar="0..1", help="How much of the look.")] = 1.0,
    metadata: MetadataKept = "safe",
    max_pixels: MaxPixels = None,
    force: Force = False,
    in_place: InPlace = False,
    as_json: AsJson = False,
) -> int:
    """Give photos a look, at full size."""

    look = _look(preset, recipe, cube, settings or []).at_strength(strength)
    tag = re.sub(r"[^\w-]+", "-", look.name or "").strip("-") or "look"
    outputs = _Outputs(inputs, "-o", out, tag=tag, in_place=in_place, force=force)

    def work(given: str, _bar: _Bar) -> list[Record]:
        start = time.perf_counter()
        photo, output = _open_for(outputs, given, max_pixels)
        camofilter.save_photo(camofilter.apply(photo, look), output, metadata=metadata, force=outputs.replace)
        return [
            {
                "input": given,
                "output": str(output),
                "recipe": look.to_dict(),
                "seconds": _seconds_since(start),
            }
        ]

    def show(done: Record) -> None:
        _say(f"{done['input']} → {done['output']}      {done['seconds']:.1f} s")

    return _exit_code(_each(inputs, work, _print_json if as_json else show, as_json))


@app.command()
def camouflage(
    inputs: Photos,
    out: Out = None,
    preset: Preset = None,
    target: Annotated[str, typer.Option(metavar="NAME[:WEIGHTS]", help="The machine to hide from.")] = "compact_iqa",
    threshold: Annotated[float, typer.Option(metavar="SCORE", help="Stay below this score.")] = _THRESHOLD,
    method: Annotated[
        Literal["auto", "filter"], typer.Option(help="How to hide; filter: by the look's settings alone.")
    ] = "auto",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What to search on.")] = "auto",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Same seed, same result.")] = 0,
    recipe_out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Save the look found; for several photos, a folder."),
    ] = None,
    metadata: MetadataKept = "safe",
    max_pixels: MaxPixels = None,
    force: Force = False,
    in_place: InPlace = False,
    as_json: AsJson = False,
) -> int:
    """Give photos a look with which a machine scores them low."""
    if not math.isfinite(threshold):
        raise UsageError(f"--threshold is {threshold}: expected a number, such as {_THRESHOLD:g}")
    from camofilter import biqa, presets

    anchor = presets.get(preset) if preset is not None else None
    outputs = _Outputs(inputs, "-o", out, tag="camo", in_place=in_place, force=force)
    recipes = _Outputs(inputs, "--recipe-out", recipe_out, suffix=".json", force=force) if recipe_out else None
    judge = biqa.get(target, threshold=threshold)

    def work(given: str, bar: _Bar) -> list[Record]:
        start = time.perf_counter()
        photo, output = _open_for(outputs, given, max_pixels)
        recipe_file = recipes.claim(given, ".json") if recipes else None
        found = camofilter.camouflage(
            photo,
            preset=anchor,
            target=judge,
            threshold=threshold,
            device=device,
            seed=seed,
            progress=bar.searching,
        )
        camofilter.save_photo(found.photo, output, metadata=metadata, force=outputs.replace)
        if recipe_file:
            with recipe_file.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
                file.write(found.recipe.to_json())
        # The claim is about the file that people will send, so that is what is scored.
        score_after = camofilter.score(_open(str(output), max_pixels), judge)
        return [
            {
                "input": given,
                "output": str(output),
                "target": judge.name,
                "threshold": threshold,
                "score_before": found.score_before,
                "score_after": score_after,
                "camouflaged": score_after < threshold,
                "method": found.method,
                "recipe": found.recipe.to_dict(),
                "seconds": _seconds_since(start),
            }
        ]

    records = _each(inputs, work, _print_json if as_json else _show_camouflaged, as_json)
    if len(inputs) > 1 and not as_json:
        _show_summary(records, threshold)
    return _exit_code(records)


@app.command()
def score(
    inputs: Photos,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="NAME[:WEIGHTS]", help="The machine to ask; may be repeated."),
    ] = None,
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
) -> int:
    """Tell how a machine scores photos, as it would be given them."""
    from camofilter import biqa

    judges = [biqa.get(spec) for spec in targets or ["compact_iqa"]]

    def work(given: str, _bar: _Bar) -> list[Record]:
        photo = _open(given, max_pixels)
        return [{"input": given, "target": j.name, "score": camofilter.score(photo, j)} for j in judges]

    def show(done: Record) -> None:
        _say(f"{done['score']:5.1f} of 100 by {done['target']}  {done['input']}")

    return _exit_code(_each(inputs, work, _print_json if as_json else show, as_json))


@app.command()
def presets(
    photo: Annotated[str | None, typer.Argument(metavar="[PHOTO]", help="The photo of the sheet.")] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="OUT.png", help="Draw the photo with every look, to choose from.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the sheet if it exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """List the looks there are, or draw them on a photo."""
    from camofilter import presets

    if (photo is None) != (sheet is None):
        raise UsageError("a sheet needs a photo, and the photo a sheet: give --sheet OUT.png PHOTO, or neither")
    if photo is not None and sheet is not None:
        return _draw_presets(photo, sheet, force, as_json)
    for family, names in presets.families().items():
        for recipe in map(presets.get, names):
            if as_json:
                about = {"preset": recipe.name, "family": family, "description": recipe.description}
                _print_json(about | {"recipe": recipe.to_dict()})
            else:
                _say(f"{recipe.name:<16} {family}: {recipe.description}")
                _say(f"{'':16} {recipe.in_words()}")
    return 0


def _draw_presets(photo: str, sheet: str, force: bool, as_json: bool) -> int:
    import numpy as np

    from camofilter import presets
    from camofilter.photo import Photo, check_output
    from camofilter.sheets import preset_sheet

    check_output(Path(sheet))
    if os.path.lexists(sheet) and not force:
        raise UsageError(f"{sheet} exists: add --force to replace it, or give another --sheet")
    if _identity(Path(sheet)) == _identity(Path(photo)) is not None:
        raise UsageError(f"{photo} would be replaced by its sheet: give another --sheet")
    drawn = preset_sheet(_open(photo, None))
    camofilter.save_photo(Photo.from_array(np.asarray(drawn)), sheet, force=force)
    names = presets.names()
    if as_json:
        _print_json({"input": photo, "output": sheet, "presets": names})
    else:
        _say(f"{photo} → {sheet}: {len(names)} looks")
    return 0


@app.command()
def filters(as_json: AsJson = False) -> int:
    """List the filters with their settings, units and ranges."""
    from camofilter import filters

    for found in map(filters.get, filters.NAMES):
        if as_json:
            keys = ("name", "unit", "identity", "range", "appealing", "help", "count")
            settings = [{key: getattr(s, key) for key in keys} for s in found.settings]
            _print_json(
                {
                    "filter": found.name,
                    "summary": found.summary,
                    "point": found.is_point,
                    "settings": settings,
                }
            )
            continue
        _say(f"{found.name}: {found.summary}")
        for s in found.settings:
            if isinstance(s, filters.FileSetting):
                _say(f"  {s.name:<11} a file: {s.help}")
                continue
            span, usual = (f"{low:.10g} to {high:.10g}" for low, high in (s.range, s.appealing))
            unit, mostly = f" {s.unit}" if s.unit else "", f", mostly {usual}" if s.searched else ""
            several = f"{s.how_many} numbers, " if s.count is not None else ""
            _say(f"  {s.name:<11} {several}{span}{unit}{mostly}: {s.help}")
    return 0


@app.command()
def targets(as_json: AsJson = False) -> int:
    """List the machines to hide from."""
    from camofilter import biqa

    for name, summary in biqa.SUMMARIES.items():
        if as_json:
            _print_json({"target": name, "summary": summary, "threshold": _THRESHOLD})
        else:
            _say(f"{name:<12} {summary}; hidden below {_THRESHOLD:g}")
    return 0


@app.command()
def export(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE.json", help="The look: a file, or a preset's name.")],
    out: Annotated[str, typer.Argument(metavar="OUT.cube", help="File to write.")],
    size: Annotated[int, typer.Option(metavar="N", min=2, max=129, help="Points of the table a side.")] = 33,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write a look as a table of colours for other programs."""
    from camofilter import presets
    from camofilter.filters.bake import bake
    from camofilter.filters.cube import Cube, write_cube
    from camofilter.recipe import Recipe

    if not out.lower().endswith(".cube"):  # so that no slip of the order replaces a photo or a recipe
        raise UsageError(f"{out}: only .cube files are written: name it {Path(out).stem or 'look'}.cube")
    is_file = os.path.lexists(recipe) or recipe.lower().endswith(".json")
    look = Recipe.load(recipe) if is_file else presets.get(recipe)
    chain = [(found, settings) for found, settings in look.chain() if found.acts(settings)]
    points = [(found, settings) for found, settings in chain if found.is_point]
    baked, left_out = ([f.name for f, _ in chain if f.is_point is is_point] for is_point in (True, False))
    if not baked:
        reason = f"only what depends on the place ({_listed(left_out)})" if left_out else "it changes nothing"
        raise UsageError(f"{recipe}: has nothing that a table of colours can hold: {reason}")
    write_cube(Cube(bake(points, size), title=look.name), out, force=force)
    if as_json:
        _print_json({"recipe": look.to_dict(), "output": out, "size": size, "baked": baked, "not_baked": left_out})
    else:
        without = f"; without what depends on the place: {_listed(left_out)}" if left_out else ""
        _say(f"{recipe} → {out}: {_listed(baked)}{without}")
    return 0


def _listed(filter_names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in filter_names)


def _look(preset: str | None, recipe_file: str | None, cube: str | None, settings: list[str]) -> Recipe:
    """The recipe that the options of ``apply`` describe.

    Raises:
        UsageError: none, two, or something wrong with it.
    """
    from camofilter import presets
    from camofilter.recipe import FilterStep, Recipe

    options = {"--preset": preset, "--recipe": recipe_file, "--cube": cube}
    given_options = [option for option, value in options.items() if value is not None]
    if len(given_options) > 1:
        both = " and ".join(given_options[:2])
        raise UsageError(f"{both} were both given: give one of them, and --set for changes")
    if not given_options and not settings:
        raise UsageError(
            "no look was given: give --preset NAME, --recipe FILE.json, --cube FILE.cube or --set FILTER.SETTING=VALUE"
        )
    look = presets.get(preset) if preset is not None else Recipe()
    if recipe_file is not None:
        look = Recipe.load(recipe_file)
    if cube is not None:
        look = Recipe((FilterStep("lut", {"amount": 1.0, "cube": cube}),), name=Path(cube).stem)
    for given in settings:
        look = look.with_setting(*_setting(given))
    return look


def _setting(given: str) -> tuple[str, str, float | list[float] | str]:
    """Filter, setting and value of ``FILTER.SETTING=VALUE``; numbers with commas between them are a list.

    A setting that is a file has its path as it stands.
    """
    from camofilter import filters

    name, _, value = given.partition("=")
    filter_name, _, setting = name.strip().partition(".")
    if filter_name in filters.NAMES and value:
        declared = {s.name: s for s in filters.get(filter_name).settings}
        if isinstance(declared.get(setting), filters.FileSetting):
            return filter_name, setting, value
    try:
        numbers = [float(number) for number in value.split(",")]
    except ValueError:
        numbers = []
    if not (filter_name and setting and numbers):
        raise UsageError(f"--set is '{given}': expected FILTER.SETTING=VALUE, such as exposure.ev=0.3")
    return filter_name, setting, numbers if len(numbers) > 1 else numbers[0]


class _Outputs:
    """Where the results go; never over one another or, but for ``--in-place``, a photo that was given.

    Args:
        inputs: the photos.
        option: what ``out`` was given by, for messages.
        out: a file or folder; None for files beside the photos.
        tag: what goes into the name of a file beside its photo.
        suffix: of the files, if not that of their photos.
        in_place: the photos themselves are the output.
        force: other files may be replaced.

    Raises:
        UsageError: two photos would be written to the same file, or several to one.
    """

    def __init__(
        self,
        inputs: list[str],
        option: str,
        out: str | None,
        *,
        tag: str = "",
        suffix: str | None = None,
        in_place: bool = False,
        force: bool = False,
    ) -> None:
        if in_place and out is not None:
            raise UsageError("--in-place and -o were both given: give one of them")
        self._option, self._out, self._tag = option, out, tag
        self._in_place = in_place
        self.replace = force or in_place
        self._into_folder = out is not None and (len(inputs) > 1 or out.endswith(("/", os.sep)) or os.path.isdir(out))
        if out is not None and self._into_folder and os.path.isfile(out):
            raise UsageError(f"{option} {out} is a file: for {len(inputs)} photos give a folder")
        self._planned: dict[str, str] = {}
        for given in inputs:
            path = self._path(given, suffix or _likely_suffix(given))
            if (other := self._planned.get(_place(path))) is not None:
                raise UsageError(f"{other} and {given} would both be written to {path}: give them one at a time")
            self._planned[_place(path)] = given
        # By what they are on disk, as the same file may have other names by links or capital letters.
        self._photos = {identity: given for given in inputs if (identity := _identity(Path(given)))}

    def _path(self, given: str, suffix: str) -> Path:
        path = Path(given)
        if self._in_place:
            return Path(os.path.realpath(path)) if path.is_symlink() else path
        if self._out is None:
            return path.parent / f"{path.stem}.{self._tag}{suffix}"
        return Path(self._out, f"{path.stem}{suffix}") if self._into_folder else Path(self._out)

    def claim(self, given: str, suffix: str) -> Path:
        """The file to write for a photo, checked before the work is done.

        Args:
            given: the photo's name.
            suffix: of the file, unless its name was given.

        Raises:
            PhotoError: it is there already, or a photo that must stay.
        """
        path = self._path(given, suffix)
        if self._in_place:
            if path.suffix != suffix:
                raise PhotoError(f"{given}: cannot be replaced by a {suffix} file: leave --in-place out")
            return path
        if self._into_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.parent.is_dir():
            raise PhotoError(f"{given}: {path} is in a folder that does not exist: create it first")
        identity = _identity(path)
        overwritten = self._photos.get(identity) if identity else None
        other = self._planned.setdefault(_place(path), given)  # only now is the suffix certain
        if overwritten == given:
            raise PhotoError(f"{given}: would be replaced: give another {self._option}, or --in-place if you mean it")
        if overwritten or other != given:
            raise PhotoError(f"{given}: would replace {overwritten or path}: give another {self._option}")
        if os.path.lexists(path) and not self.replace:
            raise PhotoError(f"{given}: {path} exists: add --force to replace it, or give another {self._option}")
        return path


def _likely_suffix(given: str) -> str:
    """The suffix of the photo that will be written, as far as its name tells."""
    suffix = Path(given).suffix
    return ".jpg" if suffix.lower() in (".heic", ".heif") else suffix


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _identity(path: Path) -> tuple[int, int] | None:
    """The same for two names of one file; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open(path: str, max_pixels: int | None) -> Photo:
    from camofilter.photo import DEFAULT_MAX_PIXELS

    return camofilter.open_photo(path, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)


def _open_for(outputs: _Outputs, given: str, max_pixels: int | None) -> tuple[Photo, Path]:
    """A photo and the file to write for it, checked before any work is done."""
    from camofilter.photo import check_output, output_suffix

    photo = _open(given, max_pixels)
    output = outputs.claim(given, output_suffix(photo, Path(given)))
    check_output(output)
    return photo, output


def _seconds_since(start: float) -> float:
    return round(time.perf_counter() - start, 3)


def _each(
    inputs: list[str],
    work: Callable[[str, _Bar], list[Record]],
    show: Callable[[Record], None],
    as_json: bool,
) -> list[Record]:
    """Works through the photos and shows each result, or why there is none, as it comes.

    Args:
        inputs: the photos.
        work: makes the records of one photo.
        show: prints a record of a photo that was done.
        as_json: print errors as JSON too, and no progress.

    Returns:
        All records; those with "error" are of photos that were not done.

    Raises:
        UsageError: what is wrong concerns all photos.
    """
    records: list[Record] = []
    with _Bar(len(inputs), shown=sys.stderr.isatty() and not as_json) as bar:
        for given in inputs:
            try:
                found = work(given, bar)
            except UsageError:
                raise
            except Exception as error:  # whatever it is, the other photos must not suffer from it
                found = [{"input": given, "error": _reason(given, error)}]
            bar.photo_done()
            for record in found:
                if "error" in record and not as_json:
                    _complain(record["error"])
                else:
                    show(record)
            records += found
    return records


def _reason(given: str, error: Exception) -> str:
    if isinstance(error, CamofilterError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{given}: does not fit in memory: make it smaller or close other programs"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or given}: {error.strerror}"
    return f"{given}: unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def _exit_code(records: list[Record]) -> int:
    return int(any("error" in record or record.get("camouflaged") is False for record in records))


class _Bar:
    """Progress on the terminal: the photos, or for a single one the steps of its search."""

    def __init__(self, photos: int, *, shown: bool) -> None:
        self._photos, self._done, self._start = photos, 0, time.monotonic()
        self._rich = _rich_progress() if shown else None

    def __enter__(self) -> Self:
        if self._rich:
            self._rich.start()
            self._task = self._rich.add_task("", total=self._photos)
        return self

    def __exit__(self, *_: object) -> None:
        if self._rich:
            self._rich.stop()

    def searching(self, progress: Progress) -> None:
        """Shows a step of the search in the current photo."""
        if self._photos == 1:
            self._show(progress.step, progress.steps, f"score {progress.score:.1f}")
        else:
            self._show(self._done + progress.step / progress.steps, self._photos, self._rate())

    def photo_done(self) -> None:
        """Shows that one more photo is finished."""
        self._done += 1
        self._show(self._done, self._photos, self._rate())

    def _rate(self) -> str:
        return f"{(time.monotonic() - self._start) / self._done:.1f} s a photo" if self._done else ""

    def _show(self, completed: float, total: float, note: str) -> None:
        if self._rich:
            self._rich.update(self._task, completed=completed, total=total, description=note)


def _rich_progress() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    # Lines for standard output go above the bar if they go to the same terminal, else where they belong.
    above = sys.stdout.isatty()
    return RichProgress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=above)


def _show_camouflaged(done: Record) -> None:
    from camofilter.recipe import Recipe

    scores = f"score {done['score_before']:.1f} → {done['score_after']:.1f} of 100 by {done['target']}"
    if done["camouflaged"]:
        colour, verdict = typer.colors.GREEN, f"(below {done['threshold']:g})"
    else:
        colour, verdict = typer.colors.YELLOW, f"(written, but not hidden: not below {done['threshold']:g})"
    _say(f"{done['input']} → {done['output']}")
    _say(f"  {scores} {verdict}      {done['seconds']:.1f} s", colour)
    _say(f"  {Recipe.from_dict(done['recipe']).in_words()}")


def _show_summary(records: list[Record], threshold: float) -> None:
    done = [record for record in records if "error" not in record]
    if not done:
        return
    hidden = sum(record["camouflaged"] for record in done)
    before, after = (statistics.mean(record[key] for record in done) for key in ("score_before", "score_after"))
    seconds = statistics.median(record["seconds"] for record in done)
    _say(
        f"{hidden} of {len(records)} photos below {threshold:g}; mean score {before:.1f} → {after:.1f};"
        f" {seconds:.1f} s a photo (median)"
    )


def _usage_line(error: typer.TyperException, args: list[str]) -> str:
    """What is wrong with a command line, in one line, and where to look it up."""
    message = error.format_message().replace("Value error, ", "").strip().rstrip(".")
    context = getattr(error, "ctx", None)  # typer leaves it out where an option lacks its value
    command = context.command_path if context else " ".join(["camofilter", *filter(str.isalpha, args[:1])])
    return f"{message[:1].lower()}{message[1:]}{'' if message.endswith('?') else ';'} try '{command} --help'"


def _complain(message: str) -> None:
    """Prints an error as one line on standard error."""
    _say(f"camofilter: {message}", typer.colors.RED, sys.stderr)


def _say(line: str, colour: str | None = None, stream: TextIO | None = None) -> None:
    """Prints one line, in colour on a terminal."""
    stream = stream or sys.stdout
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if colour and stream.isatty() and not os.environ.get("NO_COLOR"):
        line = typer.style(line, fg=colour)
    print(line, file=stream, flush=True)


def _print_json(record: Record) -> None:
    """Prints an object as one line of ASCII, so that any name of a file survives."""
    print(json.dumps(record), flush=True)

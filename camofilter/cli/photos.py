"""The commands that take photos: apply, camouflage, score."""

from __future__ import annotations

import functools
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import camofilter
from camofilter.cli.asked import asked_look, check_hiding, no_look, tag_of
from camofilter.cli.found import passed_on
from camofilter.cli.options import (
    AsJson,
    FileOptions,
    HidingOptions,
    LookOptions,
    MaxPixels,
    OutputOptions,
    Photos,
    Targets,
    spelled_out,
)
from camofilter.cli.outputs import Outputs
from camofilter.cli.printing import Record, print_json, say
from camofilter.cli.saving import check_in_place, notes, saved
from camofilter.cli.work import Bar, each, exit_code, opened, opened_for, seconds_since
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.biqa import Target
    from camofilter.cli.work import Part
    from camofilter.optim import Survive
    from camofilter.photo import Photo
    from camofilter.recipe import Recipe

_IN_FOLDERS = "'camofilter batch {folder} OUT %s' does all photos in it"


@spelled_out
def apply_look(
    inputs: Photos,
    look: LookOptions,
    to: OutputOptions,
    files: FileOptions,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:WEIGHTS]", help="Tell whether this machine still sees them; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Give photos a look, at full size."""
    check_in_place(to)
    recipe = asked_look(look)
    if recipe is None:
        raise no_look()
    outputs = Outputs(inputs, "-o", to.out, tag=tag_of(recipe, look), in_place=to.in_place, force=to.force)
    judges = functools.cache(lambda: _loaded(target) if target else [])

    def work(given: str, _bar: Bar) -> list[Record]:
        start = time.perf_counter()
        asked = judges()
        photo, output = opened_for(outputs, given, files.max_pixels)
        told = notes(photo, given, output, files.metadata)
        told += saved(camofilter.apply(photo, recipe), output, to, files.metadata)
        told += _other_versions(recipe, asked)
        about = {"input": given, "output": str(output), "recipe": recipe.to_dict(), "notes": told}
        verdicts = _verdicts(photo, opened(str(output), files.max_pixels), asked) if asked else {}
        return [{**about, **verdicts, "seconds": seconds_since(start)}]

    def show(done: Record) -> None:
        say(f"{done['input']} → {done['output']}      {done['seconds']:.1f} s")
        _show_verdicts(done.get("targets", []))
        _show_notes(done)

    shown = print_json if as_json else show
    return exit_code(each(inputs, work, shown, as_json, outputs=[outputs], in_folders=_IN_FOLDERS % "apply"))


@spelled_out
def camouflage(
    inputs: Photos,
    look: LookOptions,
    hiding: HidingOptions,
    *,
    variants: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many different looks to choose from, all hidden.")
    ] = None,
    recipe_out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Save the look found; for several photos, or without a suffix, a folder."),
    ] = None,
    to: OutputOptions,
    files: FileOptions,
    as_json: AsJson = False,
) -> int:
    """Give photos a look with which machines do not see them."""
    check_hiding(hiding, look)
    check_in_place(to)
    asked = asked_look(look)
    tag = "camo" if asked is None else f"{tag_of(asked, look)}.camo"
    if hiding.method == "perturb" and (variants is not None or recipe_out is not None):
        raise UsageError("--method perturb finds no look: leave --variants and --recipe-out out")
    numbers = [None] if variants is None else range(1, variants + 1)
    results = [Outputs(inputs, "-o", to.out, tag=tag, number=n, in_place=to.in_place, force=to.force) for n in numbers]
    recipes = [
        Outputs(inputs, "--recipe-out", recipe_out, suffix=".json", number=n, force=to.force)
        for n in numbers
        if recipe_out is not None
    ]
    hider = _Hider(hiding, to, files)

    def work(given: str, bar: Bar) -> list[Record]:
        start = time.perf_counter()
        bar.at(0, "loading the models")
        hider.load()
        bar.at(0.02, "opening")
        photo, first = opened_for(results[0], given, files.max_pixels)
        claimed = [first, *(outputs.claim(given, first.suffix) for outputs in results[1:])]
        kept: list[Path | None] = [outputs.claim(given, ".json") for outputs in recipes]
        kept = kept or [None] * len(claimed)
        looks = [asked] if variants is None else camofilter.variants(photo, variants, preset=asked, keep=hiding.keep)
        opening = seconds_since(start)
        records = []
        for done, (one, output, recipe_file) in enumerate(zip(looks, claimed, kept, strict=True)):
            part = bar.part(done / len(looks), 1 / len(looks))
            records.append(hider.hide(given, photo, one, output, recipe_file, part))
            records[-1]["seconds"] = round(records[-1]["seconds"] + opening, 3)
        return records

    shown = print_json if as_json else _show_camouflaged
    outputs = [*results, *recipes]
    records = each(inputs, work, shown, as_json, outputs=outputs, in_folders=_IN_FOLDERS % "camouflage")
    if len(inputs) > 1 and not as_json:
        _show_summary(records)
    return exit_code(records)


def score(
    inputs: Photos,
    targets: Targets = None,
    scene: Annotated[
        str | None, typer.Option(metavar="NAME", help="Score a scene target's lead for this scene, or 'sensitive'.")
    ] = None,
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
) -> int:
    """Tell how machines score photos, as they would be given them."""
    judges = functools.cache(lambda: _loaded(targets, scene=scene))

    def work(given: str, bar: Bar) -> list[Record]:
        from camofilter.optim import judgement

        bar.at(0, "loading the models")
        asked = judges()
        bar.at(0.1, "judging")
        photo = opened(given, max_pixels)
        records = []
        for judge in asked:
            found = judgement(photo.pixels, judge)
            scale = {"scale": judge.scale.in_words(), "hidden": judge.scale.margin(found.score) < 0}
            about = {"input": given, "target": judge.name, "version": judge.version}
            records.append({**about, "score": found.score, "sees": found.words, **scale})
        return records

    def show(done: Record) -> None:
        sees = f"{done['sees']}; " if done["sees"] else ""
        say(f"{done['score']:6.1f} by {done['target']} ({sees}{done['scale']})  {done['input']}")

    return exit_code(each(inputs, work, print_json if as_json else show, as_json))


def _loaded(targets: list[str] | None, threshold: float | None = None, scene: str | None = None) -> list[Target]:
    from camofilter import biqa

    return biqa.get_all(targets, threshold=threshold, scene=scene)


def _other_versions(look: Recipe | None, targets: list[Target]) -> list[str]:
    if look is None or not targets:
        return []
    from camofilter import biqa

    return biqa.other_versions(look.made_for, targets)


def _verdicts(before: Photo, written: Photo, targets: list[Target]) -> Record:
    """What targets think of a photo and of the file that was made of it, for JSON."""
    from camofilter.optim.records import comparison
    from camofilter.optim.watchers import verdict

    verdicts = [comparison(verdict(before.pixels, written.pixels, target)) for target in targets]
    return {"hidden": all(one["hidden"] for one in verdicts), "targets": verdicts}


class _Hider:
    """Hides photos one after the other, with the machines to hide from loaded for the first one."""

    def __init__(self, asked: HidingOptions, to: OutputOptions, files: FileOptions) -> None:
        self._asked, self._to, self._files = asked, to, files

    @functools.cached_property
    def _judges(self) -> list[Target]:
        return _loaded(self._asked.target, self._asked.threshold, self._asked.scene)

    def load(self) -> None:
        """Loads them, if that was not done before; raises UsageError where something is wrong with them."""
        assert self._judges

    def hide(
        self, given: str, photo: Photo, look: Recipe | None, output: Path, recipe_file: Path | None, part: Part
    ) -> Record:
        """Writes a photo hidden, and its recipe, and says what became of it."""
        from camofilter.optim.records import to_dict
        from camofilter.photo import encode_photo
        from camofilter.photo.core import naming
        from camofilter.photo.names import FORMAT_BY_SUFFIX
        from camofilter.photo.writing import write_atomically

        def encoded(done: Photo) -> bytes:
            with naming(given):
                return encode_photo(done, FORMAT_BY_SUFFIX[output.suffix.lower()])

        start, asked = time.perf_counter(), self._asked
        found = camofilter.camouflage(
            photo,
            preset=look,
            target=self._judges,
            method=asked.method,
            attack=asked.attack or "cw",
            keep=asked.keep,
            survive=asked.survive,
            robust=asked.robust,
            device=asked.device,
            seed=asked.seed,
            written_as=encoded,
            progress=lambda progress: part.at(0.05 + 0.9 * progress.done, progress.stage),
        )
        part.at(0.95, "writing")
        untouched = found.photo is photo
        told = notes(photo, given, None if untouched and self._to.out is None else output, self._files.metadata)
        told += _other_versions(look, self._judges)
        if untouched and self._to.out is None:
            output = Path(given)
        else:
            source = Path(given) if untouched else None
            told += saved(found.photo, output, self._to, self._files.metadata, source)
        if recipe_file:
            write_atomically(recipe_file, found.recipe.to_json().encode(), force=self._to.force)
        # The claim is about the file that people will send, so that is what is judged.
        written = opened(str(output), self._files.max_pixels).pixels
        record = to_dict(found, written, seconds_since(start))
        return {"input": given, "output": str(output), "untouched": untouched, "notes": told, **record}


def _show_camouflaged(done: Record) -> None:
    from camofilter.recipe import Recipe

    say(f"{_become(done)}      {done['seconds']:.1f} s")
    _show_verdicts(done["targets"], done["survive"])
    _show_notes(done)
    if done["untouched"]:
        return
    others = (f"{v['target']} {v['score_before']:.1f} → {v['score_after']:.1f}" for v in done["unseen"])
    say(f"  machines it was not tuned for: {'; '.join(others) or 'none'}")
    say(f"  change: ΔE2000 {done['change']['delta_e']:.1f}, MS-SSIM {done['change']['ms_ssim']:.3f}")
    visible = done["visibility"]
    say(f"  what is to hide it is {visible['words']} (SSIMULACRA2 {visible['ssimulacra2']:.0f} from its look alone)")
    settings = Recipe.from_dict(done["recipe"])
    say(f"  {settings.in_words() if settings.steps else 'no filters: its pixels were changed directly'}")


def _show_verdicts(verdicts: list[Record], survive: Survive = "file") -> None:
    for verdict in verdicts:
        scores = f"score {verdict['score_before']:.1f} → {verdict['score_after']:.1f} by {verdict['target']}"
        sees = f", {verdict['sees_before']} → {verdict['sees_after']}" if verdict["sees_before"] else ""
        words, colour = _hidden_in_words(verdict, survive)
        say(f"  {scores}{sees} ({verdict['scale']}): {words}", colour)
        if verdict["hidden"]:
            say(f"    passed on (recompressed, resized, cut) it {passed_on(verdict)}")


def _hidden_in_words(verdict: Record, survive: Survive) -> tuple[str, str]:
    """Whether a photo is hidden from a target as far as was asked, and the colour to say it in."""
    from camofilter.optim.channel import SURVIVE

    if not verdict["hidden"]:
        return "written, but not hidden", typer.colors.YELLOW
    if set(SURVIVE[survive]) & set(verdict["seen_after"]):
        return f"hidden, but not as far as --survive {survive} asks", typer.colors.YELLOW
    return "hidden", typer.colors.GREEN


def _show_notes(done: Record) -> None:
    for note in done["notes"]:
        say(f"  {note}", typer.colors.YELLOW)


def _become(done: Record) -> str:
    if not done["untouched"]:
        return f"{done['input']} → {done['output']}"
    if done["output"] == done["input"]:
        return f"{done['input']} was hidden already: left as it is, nothing was written"
    return f"{done['input']} was hidden already: its pixels are left as they are in {done['output']}"


def _show_summary(records: list[Record]) -> None:
    done = [record for record in records if "error" not in record]
    if not done:
        return
    from camofilter.optim.visibility import WORDS

    hidden, surviving = (sum(record[key] for record in done) for key in ("camouflaged", "survives"))
    before, after = (statistics.mean(record[key] for record in done) for key in ("score_before", "score_after"))
    seconds = statistics.median(record["seconds"] for record in done)
    words = Counter(record["visibility"]["words"] for record in done)
    also = f", {surviving} of them also after being passed on" * (done[0]["survive"] != "file")
    say(f"{hidden} of {len(records)} photos hidden{also}")
    say(f"what is to hide them is {', '.join(f'{word} in {words[word]}' for word in WORDS if words[word])}")
    say(f"mean score by {done[0]['target']} {before:.1f} → {after:.1f}; {seconds:.1f} s a photo (median)")

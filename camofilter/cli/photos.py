"""The commands that take photos: apply, camouflage, score."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import camofilter
from camofilter.cli.options import AsJson, Device, Force, InPlace, MaxPixels, MetadataKept, Out, Photos, Preset, Targets
from camofilter.cli.outputs import Outputs
from camofilter.cli.printing import Record, print_json, say
from camofilter.cli.work import Bar, each, exit_code, opened, opened_for, seconds_since
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.biqa import Target
    from camofilter.optim import Camouflaged, Verdict
    from camofilter.photo import Photo
    from camofilter.photo.core import Pixels
    from camofilter.recipe import Recipe


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
    outputs = Outputs(inputs, "-o", out, tag=tag, in_place=in_place, force=force)

    def work(given: str, _bar: Bar) -> list[Record]:
        start = time.perf_counter()
        photo, output = opened_for(outputs, given, max_pixels)
        camofilter.save_photo(camofilter.apply(photo, look), output, metadata=metadata, force=outputs.replace)
        return [
            {
                "input": given,
                "output": str(output),
                "recipe": look.to_dict(),
                "seconds": seconds_since(start),
            }
        ]

    def show(done: Record) -> None:
        say(f"{done['input']} → {done['output']}      {done['seconds']:.1f} s")

    return exit_code(each(inputs, work, print_json if as_json else show, as_json))


def camouflage(
    inputs: Photos,
    out: Out = None,
    preset: Preset = None,
    target: Targets = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Where the target stops seeing a photo; 50 for quality.")
    ] = None,
    scene: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What a scene target must not see: a scene, or 'sensitive' for all 60."),
    ] = None,
    method: Annotated[
        Literal["auto", "filter", "hybrid", "perturb"],
        typer.Option(
            help="How to hide; auto: the look and tuned grain, filter: settings alone, hybrid: settings and tuned "
            "grain, perturb: attacks of the literature."
        ),
    ] = "auto",
    attack: Annotated[
        Literal["cw", "ifgsm", "pgd", "perceptual"] | None, typer.Option(help="Which perturbation, for perturb.")
    ] = None,
    keep: Annotated[Literal["subtle", "natural", "bold"], typer.Option(help="How strong the look may be.")] = "natural",
    variants: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many different looks to choose from, all hidden.")
    ] = None,
    robust: Annotated[
        int, typer.Option(metavar="N", min=0, help="Hide from N machines of other kinds, too (0 to 3).")
    ] = 0,
    device: Device = "auto",
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
    """Give photos a look with which machines do not see them."""
    if threshold is not None and len(target or []) > 1:
        raise UsageError(f"--threshold is {threshold:g} and there are {len(target or [])} targets: each has its own")
    if attack is not None and method != "perturb":
        raise UsageError(f"--attack is {attack} and --method {method}: an attack is for --method perturb")
    from camofilter import presets
    from camofilter.photo.writing import write_atomically

    anchor = presets.get(preset) if preset is not None else None
    numbers = [None] if variants is None else range(1, variants + 1)
    outputs = [Outputs(inputs, "-o", out, tag="camo", number=n, in_place=in_place, force=force) for n in numbers]
    recipes = [Outputs(inputs, "--recipe-out", recipe_out, suffix=".json", number=n, force=force) for n in numbers]
    judges = _targets(target, threshold, scene)

    def hide(given: str, photo: Photo, look: Recipe | None, output: Path, recipe_file: Path | None, bar: Bar) -> Record:
        start = time.perf_counter()
        found = camofilter.camouflage(
            photo,
            preset=look,
            target=judges,
            method=method,
            attack=attack or "cw",
            keep=keep,
            robust=robust,
            device=device,
            seed=seed,
            progress=bar.searching,
        )
        camofilter.save_photo(found.photo, output, metadata=metadata, force=outputs[0].replace)
        if recipe_file:
            write_atomically(recipe_file, found.recipe.to_json().encode(), force=force)
        # The claim is about the file that people will send, so that is what is judged.
        written = opened(str(output), max_pixels).pixels
        return _record(given, output, found, written, seconds_since(start))

    def work(given: str, bar: Bar) -> list[Record]:
        start = time.perf_counter()
        photo, first = opened_for(outputs[0], given, max_pixels)
        files = [first, *(claimed.claim(given, first.suffix) for claimed in outputs[1:])]
        recipe_files = [claimed.claim(given, ".json") if recipe_out else None for claimed in recipes]
        looks = [anchor] if variants is None else camofilter.variants(photo, variants, preset=anchor, keep=keep)
        opening = seconds_since(start)
        records = []
        for look, file, recipe_file in zip(looks, files, recipe_files, strict=True):
            records.append(hide(given, photo, look, file, recipe_file, bar))
            records[-1]["seconds"] = round(records[-1]["seconds"] + opening, 3)
        return records

    records = each(inputs, work, print_json if as_json else _show_camouflaged, as_json)
    if len(inputs) > 1 and not as_json:
        _show_summary(records)
    return exit_code(records)


def _record(given: str, output: Path, found: Camouflaged, written: Pixels, seconds: float) -> Record:
    """What a photo's line of JSON says; ``written`` are the pixels of the file, read back."""
    verdicts = [_verdict(verdict.on(written)) for verdict in found.verdicts]
    first = {key: verdicts[0][key] for key in ("target", "threshold", "score_before", "score_after")}
    return {
        "input": given,
        "output": str(output),
        **first,
        "camouflaged": all(verdict["hidden"] for verdict in verdicts),
        "method": found.method,
        "recipe": found.recipe.to_dict(),
        "seconds": seconds,
        "survives": found.survives,
        "change": {key: round(value, 4) for key, value in found.change._asdict().items()},
        "targets": verdicts,
        "unseen": [_verdict(verdict) for verdict in found.unseen],
    }


def _verdict(verdict: Verdict) -> Record:
    return {
        "target": verdict.target.name,
        "threshold": verdict.target.scale.threshold,
        "scale": verdict.target.scale.in_words(),
        "score_before": verdict.before.score,
        "score_after": verdict.after.score,
        "sees_before": verdict.before.words,
        "sees_after": verdict.after.words,
        "hidden": verdict.hidden,
        "deliveries": dict(verdict.deliveries),
        "worst": verdict.worst,
    }


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
    from camofilter.optim import judgement

    judges = _targets(targets, None, scene)

    def work(given: str, _bar: Bar) -> list[Record]:
        photo = opened(given, max_pixels)
        records = []
        for judge in judges:
            found = judgement(photo.pixels, judge)
            scale = {"scale": judge.scale.in_words(), "hidden": judge.scale.margin(found.score) < 0}
            records.append({"input": given, "target": judge.name, "score": found.score, "sees": found.words, **scale})
        return records

    def show(done: Record) -> None:
        sees = f"{done['sees']}; " if done["sees"] else ""
        say(f"{done['score']:6.1f} by {done['target']} ({sees}{done['scale']})  {done['input']}")

    return exit_code(each(inputs, work, print_json if as_json else show, as_json))


def _targets(specs: list[str] | None, threshold: float | None, scene: str | None) -> list[Target]:
    """The targets that options name, loaded; "all" are those that come with camofilter.

    Raises:
        UsageError: no such target or scene, or a scene but no target that tells scenes apart.
    """
    from camofilter import biqa

    names = [name for spec in specs or ["compact_iqa"] for name in (biqa.SHIPPED if spec == "all" else [spec])]
    found = [biqa.get(name, threshold=threshold) for name in dict.fromkeys(names)]
    if scene is None:
        return found
    from camofilter.biqa.scenes import SceneTarget

    if not any(isinstance(target, SceneTarget) for target in found):
        raise UsageError(f"--scene is '{scene}', but no target tells scenes apart: add --target places365_resnet50:…")
    return [target.watching(scene) if isinstance(target, SceneTarget) else target for target in found]


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

    A setting that is a file or packed has its text as it stands.
    """
    from camofilter import filters

    name, _, value = given.partition("=")
    filter_name, _, setting = name.strip().partition(".")
    if filter_name in filters.NAMES and value:
        declared = {s.name: s for s in filters.get(filter_name).settings}
        if isinstance(declared.get(setting), filters.HeldSetting):
            return filter_name, setting, value
    try:
        numbers = [float(number) for number in value.split(",")]
    except ValueError:
        numbers = []
    if not (filter_name and setting and numbers):
        raise UsageError(f"--set is '{given}': expected FILTER.SETTING=VALUE, such as exposure.ev=0.3")
    return filter_name, setting, numbers if len(numbers) > 1 else numbers[0]


def _show_camouflaged(done: Record) -> None:
    from camofilter.recipe import Recipe

    say(f"{done['input']} → {done['output']}      {done['seconds']:.1f} s")
    for verdict in done["targets"]:
        scores = f"score {verdict['score_before']:.1f} → {verdict['score_after']:.1f} by {verdict['target']}"
        sees = f", {verdict['sees_before']} → {verdict['sees_after']}" if verdict["sees_before"] else ""
        hidden = "hidden" if verdict["hidden"] else "written, but not hidden"
        colour = typer.colors.GREEN if verdict["hidden"] else typer.colors.YELLOW
        say(f"  {scores}{sees} ({verdict['scale']}): {hidden}", colour)
        ways = len(verdict["deliveries"])
        say(f"    at worst {verdict['worst']:.1f} after {ways} ways of passing it on (recompressed, resized, cut)")
    others = (f"{v['target']} {v['score_before']:.1f} → {v['score_after']:.1f}" for v in done["unseen"])
    say(f"  machines it was not tuned for: {'; '.join(others) or 'none'}")
    say(f"  change: ΔE2000 {done['change']['delta_e']:.1f}, MS-SSIM {done['change']['ms_ssim']:.3f}")
    say(f"  {Recipe.from_dict(done['recipe']).in_words()}")


def _show_summary(records: list[Record]) -> None:
    done = [record for record in records if "error" not in record]
    if not done:
        return
    hidden, surviving = (sum(record[key] for record in done) for key in ("camouflaged", "survives"))
    before, after = (statistics.mean(record[key] for record in done) for key in ("score_before", "score_after"))
    seconds = statistics.median(record["seconds"] for record in done)
    say(f"{hidden} of {len(records)} photos hidden, {surviving} of them also after being passed on")
    say(f"mean score by {done[0]['target']} {before:.1f} → {after:.1f}; {seconds:.1f} s a photo (median)")

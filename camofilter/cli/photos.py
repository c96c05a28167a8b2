"""The commands that take photos: apply, camouflage, score."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import camofilter
from camofilter.cli.asked import asked_look, check_hiding
from camofilter.cli.options import (
    AsJson,
    CubeFile,
    Device,
    Force,
    HidingMethod,
    InPlace,
    Kept,
    MaxPixels,
    MetadataKept,
    Out,
    Perturbation,
    Photos,
    Preset,
    RecipeFile,
    Robust,
    Scene,
    Seed,
    Settings,
    Strength,
    Targets,
    Threshold,
)
from camofilter.cli.outputs import Outputs
from camofilter.cli.printing import Record, print_json, say
from camofilter.cli.work import Bar, each, exit_code, opened, opened_for, seconds_since

if TYPE_CHECKING:
    from camofilter.photo import Photo
    from camofilter.recipe import Recipe


def apply_look(
    inputs: Photos,
    out: Out = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    cube: CubeFile = None,
    settings: Settings = None,
    strength: Strength = 1.0,
    metadata: MetadataKept = "safe",
    max_pixels: MaxPixels = None,
    force: Force = False,
    in_place: InPlace = False,
    as_json: AsJson = False,
) -> int:
    """Give photos a look, at full size."""

    look = asked_look(preset, recipe, cube, settings).at_strength(strength)
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
    threshold: Threshold = None,
    scene: Scene = None,
    method: HidingMethod = "auto",
    attack: Perturbation = None,
    keep: Kept = "natural",
    variants: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many different looks to choose from, all hidden.")
    ] = None,
    robust: Robust = 0,
    device: Device = "auto",
    seed: Seed = 0,
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
    check_hiding(target, threshold, method, attack)
    from camofilter import biqa, presets
    from camofilter.optim.records import to_dict
    from camofilter.photo.writing import write_atomically

    anchor = presets.get(preset) if preset is not None else None
    numbers = [None] if variants is None else range(1, variants + 1)
    outputs = [Outputs(inputs, "-o", out, tag="camo", number=n, in_place=in_place, force=force) for n in numbers]
    recipes = [Outputs(inputs, "--recipe-out", recipe_out, suffix=".json", number=n, force=force) for n in numbers]
    judges = biqa.get_all(target, threshold=threshold, scene=scene)

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
        return {"input": given, "output": str(output), **to_dict(found, written, seconds_since(start))}

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
    from camofilter import biqa
    from camofilter.optim import judgement

    judges = biqa.get_all(targets, scene=scene)

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

"""The command about photos found again: verify."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Annotated

import typer

from camofilter.cli.options import AsJson, MaxPixels, Photos, Scene, Targets, Threshold
from camofilter.cli.printing import Record, print_json, say
from camofilter.cli.work import Bar, each, opened
from camofilter.errors import PhotoError, UsageError

if TYPE_CHECKING:
    from camofilter.biqa import Target
    from camofilter.photo import Photo


def verify(
    inputs: Photos,
    original: Annotated[
        str | None, typer.Option(metavar="FILE", help="What they were made of: tells what became of it.")
    ] = None,
    target: Targets = None,
    threshold: Threshold = None,
    scene: Scene = None,
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
) -> int:
    """Tell of photos found again whether they are still hidden."""

    @functools.cache
    def asked() -> tuple[list[Target], Photo | None]:
        from camofilter import biqa

        judges = biqa.get_all(target, threshold=threshold, scene=scene)
        try:
            return judges, None if original is None else opened(original, max_pixels)
        except PhotoError as error:  # without it none can be told
            raise UsageError(f"--original {error}") from None

    def work(given: str, bar: Bar) -> list[Record]:
        from camofilter.optim import verification

        bar.at(0, "loading the models")
        judges, held_against = asked()
        bar.at(0.1, "opening")
        photo = opened(given, max_pixels)
        bar.at(0.2, "trying how it travels")
        found = verification.to_dict(verification.verify(photo, judges, held_against))
        return [{"input": given, "bytes": os.path.getsize(given), **found}]

    records = each(inputs, work, print_json if as_json else _show, as_json)
    return int(any("error" in record or not record["hidden"] for record in records))


def _show(found: Record) -> None:
    quality = f" of quality {found['jpeg_quality']}" if found["jpeg_quality"] else ""
    detail = f", {found['jpeg_subsampling']}" if found["jpeg_subsampling"] else ""
    size = f"{found['width']}×{found['height']} px, {found['bytes'] / 1e3:,.0f} kB"
    say(f"{found['input']}: {found['format']}{quality}{detail}, {size}")
    if mark := found["mark"]:
        say(f"  made by camofilter {mark['version']}, recipe {mark['recipe'][:12]}")
    if found["original"]:
        for line in _origin_in_words(found["original"]):
            say(f"  {line}")
    for verdict in found["targets"]:
        _show_verdict(verdict)


def _show_verdict(verdict: Record) -> None:
    was = f"{verdict['score_original']:.1f} → " if verdict["score_original"] is not None else ""
    sees = f", {verdict['sees']}" if verdict["sees"] else ""
    told = "hidden" if verdict["hidden"] else "seen"
    colour = typer.colors.GREEN if verdict["hidden"] else typer.colors.YELLOW
    say(f"  score {was}{verdict['score']:.1f} by {verdict['target']}{sees} ({verdict['scale']}): {told}", colour)
    if verdict["hidden"]:
        say(f"    passed on once more it {passed_on(verdict)}")


def passed_on(verdict: Record) -> str:
    """What becomes of a hidden photo that is recompressed, resized or cut, in words."""
    ways = len(verdict["deliveries"])
    if again := [f"{way} ({verdict['deliveries'][way]:.1f})" for way in verdict["seen_after"]]:
        others = f"; not after {ways - len(again)} other ways" if len(again) < ways else ""
        return f"would be seen after {', '.join(again)}{others}"
    return f"stays hidden: at worst {verdict['worst']:.1f} after {ways} ways of it"


def _origin_in_words(origin: Record) -> list[str]:
    size = f"{origin['width']}×{origin['height']} px"
    if not origin["found"]:
        return [f"shows no part of the original ({size}) that could be found"]
    across, down = origin["scale"]
    even = abs(across / down - 1) < 0.01
    resized = f"resized to {across:.1%}" if even else f"resized to {across:.1%} of its width, {down:.1%} of its height"
    resized = "not resized" if even and abs(across - 1) < 0.003 else resized.replace("%", " %")
    turned = {"none": "", "mirrored": "mirrored, ", "upside down": "turned upside down, "}
    turn = turned.get(origin["turn"], f"turned to the {origin['turn']}, ")
    change = origin["change"]
    return [
        f"of the original, {size}: {turn}{resized}, {_cut_in_words(origin)}",
        f"differs from it by ΔE2000 {change['delta_e']:.1f}, MS-SSIM {change['ms_ssim']:.3f}",
    ]


def _cut_in_words(origin: Record) -> str:
    if min(origin["kept"]) > 0.995:
        return "nothing cut off"
    across, down = (f"{share:.0%}".replace("%", " %") for share in origin["kept"])
    left, top = (max(0, round(origin["crop"][side])) for side in ("left", "top"))
    return f"cut to {across} of its width, {down} of its height, from {left} px left, {top} px top"

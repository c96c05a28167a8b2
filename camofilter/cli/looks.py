"""The commands about looks: presets, filters, export."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import camofilter
from camofilter.cli.options import AsJson
from camofilter.cli.outputs import identity, refuse_existing
from camofilter.cli.printing import print_json, say
from camofilter.cli.work import opened
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.filters import Setting

_MUCH = 10.0  # levels of 255 by which an exported table may be off before that is said: it shows


def presets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PHOTO]", help="One look, to be told its settings; or the photo of --sheet."),
    ] = None,
    family: Annotated[str | None, typer.Option(metavar="FAMILY", help="Only the looks of a family.")] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="OUT.png", help="Draw the photo with every look, to choose from.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the sheet if it exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """List the looks, tell about one, or draw them on a photo."""
    from camofilter import presets
    from camofilter.photo.names import named_like_photo

    if sheet is not None or (name is not None and named_like_photo(name)):
        if sheet is None or name is None:
            raise UsageError("a sheet needs a photo, and the photo a sheet: give --sheet OUT.png PHOTO, or neither")
        return _draw_presets(name, family, sheet, force, as_json)
    if force:
        raise UsageError("--force is for --sheet OUT.png, which was not given")
    listed = [one for one in presets.by_family(family) if name in (None, one[0])]
    if not listed:
        presets.get(str(name))  # says what there is instead
        raise UsageError(f"preset {name} is not of the family {family}: leave --family out")
    for look, its in listed:
        recipe = presets.get(look)
        if as_json:
            print_json({"preset": look, "family": its, "description": recipe.description, "recipe": recipe.to_dict()})
            continue
        say(f"{look:<16} {its}: {recipe.description}")
        for step in recipe.steps if name is not None else ():
            say(f"  {step.in_words()}")
    return 0


def _draw_presets(photo: str, family: str | None, sheet: str, force: bool, as_json: bool) -> int:
    import numpy as np

    from camofilter import presets
    from camofilter.photo import Photo, check_output
    from camofilter.sheets import preset_sheet

    names = sorted(name for name, _ in presets.by_family(family))
    check_output(Path(sheet))
    refuse_existing(sheet, force, "--sheet")
    if identity(Path(sheet)) == identity(Path(photo)) is not None:
        raise UsageError(f"{photo} would be replaced by its sheet: give another --sheet")
    drawn = preset_sheet(opened(photo, None), family)
    camofilter.save_photo(Photo.from_array(np.asarray(drawn)), sheet, force=force)
    if as_json:
        print_json({"input": photo, "output": sheet, "presets": names})
    else:
        say(f"{photo} → {sheet}: {len(names)} looks")
    return 0


def filters(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One filter, to be told its settings.")] = None,
    as_json: AsJson = False,
) -> int:
    """List the filters, or the settings of one with their ranges."""
    from camofilter import filters

    for found in map(filters.get, filters.NAMES if name is None else [name]):
        if as_json:
            keys = ("name", "unit", "identity", "range", "appealing", "help", "count")
            settings = [{key: getattr(s, key) for key in keys} for s in found.settings]
            print_json(
                {
                    "filter": found.name,
                    "summary": found.summary,
                    "point": found.is_point,
                    "settings": settings,
                }
            )
            continue
        say(f"{found.name:<16} {found.summary}")
        for setting in found.settings if name is not None else ():
            say(_setting_in_words(setting))
    return 0


def _setting_in_words(s: Setting) -> str:
    from camofilter import filters

    if isinstance(s, filters.HeldSetting):
        return f"  {s.name:<11} {'a file' if isinstance(s, filters.FileSetting) else 'packed'}: {s.help}"
    span, usual = (f"{low:.10g} to {high:.10g}" for low, high in (s.range, s.appealing))
    unit, mostly = f" {s.unit}" if s.unit else "", f", mostly {usual}" if s.searched else ""
    several = f"{s.how_many} numbers, " if s.count is not None else ""
    return f"  {s.name:<11} {several}{span}{unit}{mostly}: {s.help}"


def export(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE.json", help="The look: a file, or a preset's name.")],
    out: Annotated[str, typer.Argument(metavar="OUT.cube", help="File to write.")],
    size: Annotated[int, typer.Option(metavar="N", min=2, max=129, help="Points of the table a side.")] = 33,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write a look as a table of colours for other programs."""
    from camofilter import presets
    from camofilter.filters.bake import SIZES, bake
    from camofilter.filters.cube import Cube, write_cube
    from camofilter.filters.point_run import off_by
    from camofilter.recipe import Recipe

    if not out.lower().endswith(".cube"):  # so that no slip of the order replaces a photo or a recipe
        raise UsageError(f"{out}: only .cube files are written: name it {Path(out).stem or 'look'}.cube")
    refuse_existing(out, force, "name")
    is_file = os.path.lexists(recipe) or recipe.lower().endswith(".json")
    look = Recipe.load(recipe) if is_file else presets.get(recipe)
    chain = [(found, settings) for found, settings in look.chain() if found.acts(settings)]
    points = [(found, settings) for found, settings in chain if found.is_point]
    baked, left_out = ([f.name for f, _ in chain if f.is_point is is_point] for is_point in (True, False))
    if not baked:
        reason = f"only what depends on the place ({_listed(left_out)})" if left_out else "it changes nothing"
        raise UsageError(f"{recipe}: has nothing that a table of colours can hold: {reason}")
    table = bake(points, size)
    write_cube(Cube(table, title=look.name), out, force=force)
    off = round(off_by(table, points), 2)
    if as_json:
        about = {"recipe": look.to_dict(), "output": out, "size": size, "baked": baked, "not_baked": left_out}
        print_json(about | {"off_by": off})
    else:
        without = f"; without what depends on the place: {_listed(left_out)}" if left_out else ""
        say(f"{recipe} → {out}: {_listed(baked)}{without}")
        if off > _MUCH:
            more = ": a larger --size holds more" if size < SIZES[1] else ""
            say(f"a table of {size} points a side cannot hold its steps: off by up to {off:.0f} levels of 255{more}")
    return 0


def _listed(filter_names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in filter_names)

"""Pictures to look at: contact sheets, and those of the documentation.

``pairs BEFORE AFTER OUT.png`` (folders), ``presets OUT.png PHOTO...``, ``ends FILTER OUT.png PHOTO...`` (both ends
of the appealing range of each setting), or ``docs``, which makes docs/filters.md and docs/presets.md anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import camofilter
from camofilter import filters, presets
from camofilter.filters import Filter, HeldSetting, Setting
from camofilter.filters.bake import bake
from camofilter.filters.cube import Cube
from camofilter.filters.pipeline import render
from camofilter.filters.plate import Plate
from camofilter.photo import Photo
from camofilter.recipe import Recipe
from camofilter.sheets import Pictures, draw, thumbnail

_ROOT = Path(__file__).parents[1]
_PHOTO = _ROOT / "examples" / "photos" / "budgie_roman-colosseum.jpg"


def main() -> None:
    kind, *rest = sys.argv[1:] or [""]
    if kind == "pairs" and len(rest) == 3:
        pairs(Path(rest[0]), Path(rest[1])).save(rest[2])
    elif kind == "presets" and len(rest) > 1:
        all_presets([Path(p) for p in rest[1:]]).save(rest[0])
    elif kind == "ends" and len(rest) > 2:
        all_ends(filters.get(rest[0]), [Path(p) for p in rest[2:]]).save(rest[1])
    elif kind == "docs":
        docs()
    else:
        sys.exit(__doc__)


def pairs(before: Path, after: Path, count: int = 24) -> Image.Image:
    """Before | after, three pairs a row, ``count`` photos spread evenly over the folder."""
    done = sorted(after.iterdir())
    done = done[:: max(1, len(done) // count)][:count]
    cells = []
    for path in done:
        original = next(before.glob(path.stem + ".*"))
        cells += [(p.name, thumbnail(camofilter.open_photo(p))) for p in (original, path)]
    return draw({"": cells}, 6)


def all_presets(photos: list[Path]) -> Image.Image:
    """A section a photo: as it is, then with every preset."""
    sections: dict[str, Pictures] = {}
    for path in photos:
        small = _small(path)
        looks = [(name, presets.get(name)) for name in presets.names()]
        sections[path.stem] = [("as it is", _picture(small)), *((n, _picture(small, look)) for n, look in looks)]
    return draw(sections, 8)


def all_ends(found: Filter, photos: list[Path]) -> Image.Image:
    """A section a setting: each photo at the low and the high end of its appealing range."""
    small = [_small(path) for path in photos]
    sections: dict[str, Pictures] = {}
    for setting in found.settings:
        cells = []
        for i, pixels in enumerate(small):
            cells += [(f"{i} {label}", _picture(pixels, look)) for label, look in _ends(found, setting)]
        if cells:
            sections[setting.name] = cells
    return draw(sections, 8)


def docs() -> None:
    """docs/filters.md and docs/presets.md with their pictures."""
    pictures = _ROOT / "docs" / "pictures"
    pictures.mkdir(exist_ok=True)
    small = _small(_PHOTO)
    lines = ["# The filters", "", _NOTE, ""]
    for found in map(filters.get, filters.NAMES):
        cells = [("as it is", _picture(small, size=240))]
        for setting in found.settings:
            cells += [(label, _picture(small, look, 240)) for label, look in _ends(found, setting)]
        draw({"": cells}, 5).save(pictures / f"{found.name}.jpg", quality=80)
        lines += [f"## {found.name}", "", found.summary, "", f"![{found.name}](pictures/{found.name}.jpg)", ""]
        lines += ["| setting | range | appealing | |", "|---|---|---|---|"]
        lines += [_row(setting) for setting in found.settings] + [""]
    (_ROOT / "docs" / "filters.md").write_text("\n".join(lines), encoding="utf-8")

    lines = ["# The presets", "", _NOTE, ""]
    for family, names in presets.families().items():
        cells = [(name, _picture(small, presets.get(name), 240)) for name in names]
        draw({"": cells}, 5).save(pictures / f"presets-{family}.jpg", quality=80)
        lines += [f"## {family}", "", f"![{family}](pictures/presets-{family}.jpg)", ""]
        for look in map(presets.get, names):
            lines += [f"- **{look.name}**: {look.description}. {look.in_words()}"]
        lines.append("")
    (_ROOT / "docs" / "presets.md").write_text("\n".join(lines), encoding="utf-8")


_NOTE = "Made by `python benchmarks/sheets.py docs`; the photo is CC0."


def _row(setting: Setting) -> str:
    if isinstance(setting, HeldSetting):
        return f"| {setting.name} | | | {setting.help} |"
    unit = f" {setting.unit}" if setting.unit else ""
    span, usual = (f"{low:.10g} to {high:.10g}{unit}" for low, high in (setting.range, setting.appealing))
    several = f"{setting.how_many} numbers, " if setting.count is not None else ""
    return f"| {setting.name} | {several}{span} | {usual if setting.searched else ''} | {setting.help} |"


def _ends(found: Filter, setting: Setting) -> list[tuple[str, Recipe]]:
    """Looks with the setting at both ends of its appealing range; at its identity it has no look of its own.

    Settings that only say how another one acts are shown with the others at the high end of their ranges. Lists
    run from one end to the other, and back.
    """
    if isinstance(setting, HeldSetting) or setting.appealing[0] == setting.appealing[1]:
        return []
    low, high = setting.appealing
    around = _full(found) if not setting.strength else _full(found, modifiers_only=True)
    looks = []
    for share in (0.0, 1.0):
        value: Any = low + share * (high - low)
        label = f"{setting.name} {value:.10g}"
        if setting.count is not None:
            value = np.linspace(*((low, high) if share else (high, low)), setting.count).tolist()
            label = f"{setting.name} {value[0]:g} … {value[-1]:g}"
        elif value == setting.identity and setting.strength:
            continue
        look = Recipe()
        for name, held in (around | {setting.name: value}).items():
            look = look.with_setting(found.name, name, held)
        if found.acts(look.steps[0].settings):
            looks.append((label, look))
    return looks


def _full(found: Filter, modifiers_only: bool = False) -> dict[str, Any]:
    """Settings at the high ends of their appealing ranges; those of files made from a preset."""
    held: dict[str, Any] = {}
    for s in found.settings:
        if isinstance(s, HeldSetting):
            held[s.name] = _example(s)
        elif s.strength and s.count is None and not modifiers_only:
            held[s.name] = s.appealing[1] if s.appealing[1] != s.identity else s.appealing[0]
    return held


def _example(setting: HeldSetting) -> Cube | Plate:
    """What such a setting may hold: a preset's colours, or a pattern by chance."""
    if setting.kind is Plate:
        return Plate.of(np.random.default_rng(0).normal(size=(256, 384)))
    return Cube(table=bake([link for link in presets.get("golden-hour").chain() if link[0].is_point], 33))


def _small(path: Path) -> np.ndarray:
    return np.asarray(thumbnail(camofilter.open_photo(path), 640))


def _picture(pixels: np.ndarray, look: Recipe | None = None, size: int = 320) -> Image.Image:
    done = render(pixels, look.chain()) if look else pixels
    return thumbnail(Photo.from_array(done), size)


if __name__ == "__main__":
    main()

"""The presets that come with camofilter: recipes with a name, one JSON file each, in a folder a family."""

from __future__ import annotations

from importlib import resources

from camofilter.errors import unknown_name
from camofilter.recipe import Recipe

# In the order in which they are shown.
_FAMILIES = ("natural", "warm-cool", "film", "matte", "cinematic", "black-and-white", "portrait", "food", "night")


def families() -> dict[str, list[str]]:
    """The names of all presets, sorted, by family."""
    listed = {family: (resources.files(__name__) / family).iterdir() for family in _FAMILIES}
    return {
        family: sorted(f.name.removesuffix(".json") for f in files if f.name.endswith(".json"))
        for family, files in listed.items()
    }


def names() -> list[str]:
    """The names of all presets, sorted."""
    return sorted(name for family in families().values() for name in family)


def by_family(family: str | None = None) -> list[tuple[str, str]]:
    """Names of presets with their families: of all, or of one.

    Raises:
        UsageError: no such family; the message names the nearest ones.
    """
    if family is not None and family not in _FAMILIES:
        raise unknown_name("family", family, _FAMILIES)
    return [(name, its) for its, held in families().items() for name in held if family in (None, its)]


def get(name: str) -> Recipe:
    """The preset of this name.

    Raises:
        UsageError: there is none; the message names the nearest ones.
    """
    for family, held in families().items():
        if name in held:
            text = (resources.files(__name__) / family / f"{name}.json").read_text(encoding="utf-8")
            return Recipe.from_json(text, f"{name}.json")
    raise unknown_name("preset", name, names())

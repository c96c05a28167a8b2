"""The presets that come with camofilter: recipes with a name, one JSON file each."""

from __future__ import annotations

import json
from importlib import resources

from camofilter.errors import unknown_name
from camofilter.recipe import Recipe


def names() -> list[str]:
    """The names of all presets, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".json") for f in files if f.name.endswith(".json"))


def get(name: str) -> Recipe:
    """The preset of this name.

    Raises:
        UsageError: there is none; the message names the nearest ones.
    """
    if name not in names():
        raise unknown_name("preset", name, names())
    text = (resources.files(__name__) / f"{name}.json").read_text(encoding="utf-8")
    return Recipe.from_dict(json.loads(text), f"{name}.json")

"""A recipe: an ordered list of filters with their settings; the product of a search, and what a preset is.

As JSON, schema version 1::

    {"camofilter": 1, "name": "warm", "filters": [{"filter": "exposure", "ev": 0.1}, ...]}

A recipe that a search found also says against which machines: ``"made_for": ["compact_iqa@2"]``. Settings that are left
out stay at their identity. A setting that is a file, such as ``lut.cube``, is its path: in a
JSON file relative to that file's folder, as it is written always from the root, so that it is right anywhere.
"""

from __future__ import annotations

import json
import os
import reprlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from camofilter import filters
from camofilter.errors import UsageError, unknown_name
from camofilter.filters import Filter, HeldSetting, PackedSetting

SCHEMA = 1
_KEYS = ("camofilter", "name", "description", "made_for", "filters")


class RecipeError(UsageError):
    """A recipe that is not one: wrong JSON, unknown keys, values out of range."""


@dataclass(frozen=True)
class FilterStep:
    """One filter of a recipe; settings that are not named stay at their identity.

    Raises:
        UsageError: no such filter or setting, or a value out of its range.
    """

    filter: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        found = filters.get(self.filter)
        checked = {k: found.setting(k).check(self.filter, v) for k, v in self.settings.items()}
        object.__setattr__(self, "settings", checked)

    def at_strength(self, strength: float) -> FilterStep:
        """Its settings drawn towards their identity; ``strength`` 0 does nothing, 1 is the step itself."""
        return FilterStep(self.filter, {k: self._blended(k, v, strength) for k, v in self.settings.items()})

    def _blended(self, name: str, value: Any, strength: float) -> Any:
        setting = filters.get(self.filter).setting(name)
        if not setting.strength:
            return value
        if setting.count is None:
            return setting.identity + (value - setting.identity) * strength
        return tuple(setting.identity + (v - setting.identity) * strength for v in value)

    def in_words(self) -> str:
        """Like ``exposure +0.30 EV`` or ``vignette amount 0.40 EV``; settings at their identity go without saying.

        So does what is packed, which says nothing to people.
        """
        found = filters.get(self.filter)
        said = (
            (name, value)
            for name, value in self.settings.items()
            if value != found.setting(name).identity and not isinstance(found.setting(name), PackedSetting)
        )
        words = [_setting_in_words(found, name, value) for name, value in said]
        return f"{self.filter.replace('_', ' ')} {', '.join(words)}".rstrip()


def _setting_in_words(found: Filter, name: str, value: Any) -> str:
    setting = found.setting(name)
    label = "" if len(found.settings) == 1 else f"{name.replace('_', ' ')} "
    if isinstance(setting, HeldSetting):
        return f"{label}{value.name}"
    if setting.count is not None:
        return f"{label}{' '.join(f'{v:.2f}' for v in value)}"
    signed = setting.range[0] < 0
    decimals = 0 if setting.range[1] > 20 else 3 if setting.range[1] < 0.2 else 2
    return f"{label}{value:{'+' if signed else ''}.{decimals}f}{' ' + setting.unit if setting.unit else ''}"


@dataclass(frozen=True)
class Recipe:
    """Filters with their settings, in the order in which they are applied.

    Attributes:
        steps: the filters.
        name: what it is called, if anything.
        description: one line for people, if any.
        made_for: the machines that a search hid a photo from by it, with their versions (``Target.full_name``); empty
            for looks that no search found.
    """

    steps: tuple[FilterStep, ...] = ()
    name: str | None = None
    description: str | None = None
    made_for: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Any, source: str = "recipe", folder: str | os.PathLike[str] = "") -> Self:
        """The recipe in a decoded JSON object.

        Args:
            data: the object.
            source: what to call it in messages (a file's name).
            folder: what relative paths in it are relative to; by default the current folder.

        Raises:
            RecipeError: anything in it is not as the schema says; the message names it.
        """
        try:
            return cls._from_dict(data, folder)
        except UsageError as error:
            raise RecipeError(f"{source}: {error}") from None

    @classmethod
    def _from_dict(cls, data: Any, folder: str | os.PathLike[str]) -> Self:
        if not isinstance(data, dict) or "camofilter" not in data:
            raise UsageError('not a recipe: expected a JSON object that begins {"camofilter": 1, "filters": [...]}')
        if data["camofilter"] is True or data["camofilter"] != SCHEMA:
            version = reprlib.repr(data["camofilter"])
            raise UsageError(f"schema version is {version}: this camofilter reads version {SCHEMA}")
        for key in data:
            if key not in _KEYS:
                raise unknown_name("key", key, _KEYS)
        listed = data.get("filters")
        if not isinstance(listed, list):
            raise UsageError('"filters" is missing or not a list: expected a list of objects')
        for key in ("name", "description"):
            if not isinstance(data.get(key), str | None):
                raise UsageError(f'"{key}" is {reprlib.repr(data[key])}: expected text')
        made_for = data.get("made_for", [])
        if not isinstance(made_for, list) or not all(isinstance(one, str) for one in made_for):
            raise UsageError(f'"made_for" is {reprlib.repr(made_for)}: expected a list of targets\' names')
        found = tuple(_step_from_dict(s, folder) for s in listed)
        return cls(found, data.get("name"), data.get("description"), tuple(made_for))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The recipe in a JSON file.

        Raises:
            RecipeError: the file is missing, not JSON, or not a recipe.
        """
        try:
            text = Path(path).read_text(encoding="utf-8-sig")  # with a byte order mark, as some editors write it
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise RecipeError(f"{path}: cannot read the recipe: {reason}") from None
        return cls.from_json(text, str(path), Path(path).parent)

    @classmethod
    def from_json(cls, text: str, source: str = "recipe", folder: str | os.PathLike[str] = "") -> Self:
        """The recipe in JSON text.

        Args:
            text: the whole of it.
            source, folder: as in :meth:`from_dict`.

        Raises:
            RecipeError: it is not JSON, has a key twice in one object, or is not a recipe.
        """
        try:
            data = json.loads(text, object_pairs_hook=_without_doubles)
        except UsageError as error:
            raise RecipeError(f"{source}: {error}") from None
        except json.JSONDecodeError as error:
            raise RecipeError(f"{source}: not JSON: {error}") from None
        except ValueError:  # Python's limit of digits
            raise RecipeError(f"{source}: not a recipe: a number in it has thousands of digits") from None
        except RecursionError:
            raise RecipeError(f"{source}: not a recipe: nested too deep") from None
        return cls.from_dict(data, source, folder)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as an object for JSON; :meth:`from_dict` reads it back to an equal recipe.

        Raises:
            UsageError: a setting that is a file's content came from no file.
        """
        named = {k: v for k, v in (("name", self.name), ("description", self.description)) if v is not None}
        found = {"made_for": list(self.made_for)} if self.made_for else {}
        return {"camofilter": SCHEMA} | named | found | {"filters": [_step_to_dict(s) for s in self.steps]}

    def to_json(self) -> str:
        """The recipe as indented JSON text, as written to files."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        return text.encode(
            errors="backslashreplace"
        ).decode()  # what is no character, as in names of files, by JSON's escape

    def chain(self) -> list[tuple[Filter, dict[str, Any]]]:
        """Each filter with a value for every setting, as the filters' pipeline takes it."""
        found = [(filters.get(step.filter), step.settings) for step in self.steps]
        return [(f, f.identity | settings) for f, settings in found]

    def at_strength(self, strength: float) -> Recipe:
        """The recipe blended with the identity in setting space.

        Args:
            strength: 0 (nothing) to 1 (the recipe itself).

        Raises:
            UsageError: outside 0 to 1.
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength is {strength:g}: expected a number from 0 to 1")
        return self if strength == 1 else replace(self, steps=tuple(s.at_strength(strength) for s in self.steps))

    def with_setting(self, filter_name: str, setting: str, value: Any) -> Recipe:
        """The recipe with one setting changed; a filter that it lacks is added at the end.

        Raises:
            UsageError: no such filter or setting, or the value is out of range.
        """
        names = [s.filter for s in self.steps]
        if filter_name not in names:
            return replace(self, steps=(*self.steps, FilterStep(filter_name, {setting: value})))
        at = len(names) - 1 - names[::-1].index(filter_name)
        changed = FilterStep(filter_name, self.steps[at].settings | {setting: value})
        return replace(self, steps=(*self.steps[:at], changed, *self.steps[at + 1 :]))

    def in_words(self) -> str:
        """The filters and settings as a photographer would note them down."""
        return "; ".join(step.in_words() for step in self.steps) or "nothing"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; JSON itself leaves open which value counts where a key stands twice (RFC 8259, section 4)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise UsageError(f"{reprlib.repr(twice)} stands twice in one object: keep one of them")
    return found


def _step_from_dict(data: Any, folder: str | os.PathLike[str]) -> FilterStep:
    if not isinstance(data, dict) or not isinstance(data.get("filter"), str):
        raise UsageError(
            f'"filters" has {reprlib.repr(data)}: expected objects like {{"filter": "exposure", "ev": 0.2}}'
        )
    found = filters.get(data["filter"])
    settings = {k: found.setting(k).from_json(v, folder) for k, v in data.items() if k != "filter"}
    return FilterStep(found.name, settings)


def _step_to_dict(step: FilterStep) -> dict[str, Any]:
    found = filters.get(step.filter)
    return {"filter": step.filter} | {k: found.setting(k).to_json(step.filter, v) for k, v in step.settings.items()}

"""What options that belong together ask for: a look, a way to hide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from camofilter.cli.options import HidingOptions, LookOptions
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.recipe import Recipe


def check_hiding(asked: HidingOptions, look: LookOptions) -> None:
    """Refuses options of ``camouflage`` that do not go together (UsageError)."""
    targets = len(asked.target or [])
    if asked.threshold is not None and targets > 1:
        raise UsageError(f"--threshold is {asked.threshold:g} and there are {targets} targets: each has its own")
    if asked.attack is not None and asked.method != "perturb":
        raise UsageError(f"--attack is {asked.attack} and --method {asked.method}: an attack is for --method perturb")
    if asked.method == "perturb" and look != LookOptions():
        raise UsageError("--method perturb was given with a look: it changes pixels without one, give one of them")


def asked_look(asked: LookOptions) -> Recipe | None:
    """The recipe that the options describe; None if they ask for none.

    Raises:
        UsageError: two looks, a strength of none, or something wrong with it.
    """
    from camofilter import presets
    from camofilter.recipe import FilterStep, Recipe

    options = {"--preset": asked.preset, "--recipe": asked.recipe, "--cube": asked.cube}
    given_options = [option for option, value in options.items() if value is not None]
    if len(given_options) > 1:
        both = " and ".join(given_options[:2])
        raise UsageError(f"{both} were both given: give one of them, and --set for changes")
    if not given_options and not asked.settings:
        if asked.strength != 1:
            raise no_look(f"--strength is {asked.strength:g}, but ")
        return None
    look = presets.get(asked.preset) if asked.preset is not None else Recipe()
    if asked.recipe is not None:
        look = Recipe.load(asked.recipe)
    if asked.cube is not None:
        look = Recipe((FilterStep("lut", {"amount": 1.0, "cube": asked.cube}),), name=Path(asked.cube).stem)
    for given in asked.settings or []:
        look = look.with_setting(*_setting(given))
    return look.at_strength(asked.strength)


def no_look(why: str = "") -> UsageError:
    """The error where a look is needed and none was given."""
    ways = "--preset NAME, --recipe FILE.json, --cube FILE.cube or --set FILTER.SETTING=VALUE"
    return UsageError(f"{why}no look was given: give {ways}")


def tag_of(look: Recipe, asked: LookOptions) -> str:
    """What tells a look in names of files: its name, or that of its file."""
    name = look.name or (Path(asked.recipe).stem if asked.recipe is not None else "")
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "look"


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

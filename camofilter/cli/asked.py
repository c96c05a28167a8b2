"""What options that belong together ask for: a look, a way to hide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.recipe import Recipe


def check_hiding(targets: list[str] | None, threshold: float | None, method: str, attack: str | None) -> None:
    """Refuses options of ``camouflage`` that do not go together (UsageError)."""
    if threshold is not None and len(targets or []) > 1:
        raise UsageError(f"--threshold is {threshold:g} and there are {len(targets or [])} targets: each has its own")
    if attack is not None and method != "perturb":
        raise UsageError(f"--attack is {attack} and --method {method}: an attack is for --method perturb")


def asked_look(preset: str | None, recipe_file: str | None, cube: str | None, settings: list[str] | None) -> Recipe:
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
    for given in settings or []:
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

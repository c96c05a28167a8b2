"""Options that several commands share, each declared once: alone, or in a group that a command takes as one parameter.

::

    @spelled_out
    def apply_look(inputs: Photos, look: LookOptions, as_json: AsJson = False) -> int: ...

has ``--preset``, ``--recipe`` and the others of ``LookOptions`` on its command line.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, get_type_hints

import typer

Photos = Annotated[list[str], typer.Argument(metavar="IN", help="The photos.")]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME[:WEIGHTS]", help="A machine; may be repeated. 'camofilter targets' lists them."
    ),
]
Threshold = Annotated[
    float | None, typer.Option(metavar="SCORE", help="Where the target stops seeing a photo; 50 for quality.")
]
Scene = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What a scene target must not see: a scene, or 'sensitive' for all 60."),
]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What to compute on.")]
MaxPixels = Annotated[int | None, typer.Option(metavar="N", min=1, help="Pixels of the largest photo that is opened.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist, never the photos given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@dataclass(frozen=True)
class LookOptions:
    """Which look is asked for; see ``asked.asked_look``."""

    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="A look by name; 'camofilter presets' lists them.")
    ] = None
    recipe: Annotated[str | None, typer.Option(metavar="FILE.json", help="A look from a file.")] = None
    cube: Annotated[
        str | None, typer.Option(metavar="FILE.cube", help="A look from a table of colours, or a Hald image.")
    ] = None
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FILTER.SETTING=VALUE", help="Change a setting; may be repeated."),
    ] = None
    strength: Annotated[float, typer.Option(metavar="0..1", help="How much of the look.")] = 1.0


@dataclass(frozen=True)
class HidingOptions:
    """From which machines a photo is hidden, and how."""

    target: Targets = None
    threshold: Threshold = None
    scene: Scene = None
    method: Annotated[
        Literal["auto", "filter", "hybrid", "perturb"],
        typer.Option(
            help="How to hide; auto: the look and tuned grain, filter: settings alone, hybrid: settings and tuned "
            "grain, perturb: attacks of the literature."
        ),
    ] = "auto"
    attack: Annotated[
        Literal["cw", "ifgsm", "pgd", "perceptual"] | None, typer.Option(help="Which perturbation, for perturb.")
    ] = None
    keep: Annotated[Literal["subtle", "natural", "bold"], typer.Option(help="How strong the look may be.")] = "natural"
    survive: Annotated[
        Literal["file", "platforms", "everything"],
        typer.Option(
            help="How far it is to stay hidden; file: as it is, platforms: also recompressed and reduced to 1080 px, "
            "everything: also at 512 px, as a screenshot, cut."
        ),
    ] = "platforms"
    robust: Annotated[
        int, typer.Option(metavar="N", min=0, help="Hide from N machines of other kinds, too (0 to 3).")
    ] = 0
    device: Device = "auto"
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Same seed, same result.")] = 0


@dataclass(frozen=True)
class OutputOptions:
    """Where results go."""

    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="OUT", help="File to write; for several photos, or without a suffix, a folder."
        ),
    ] = None
    force: Force = False
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Replace the photos themselves; 'camofilter undo' brings the originals back."),
    ] = False
    no_backup: Annotated[bool, typer.Option("--no-backup", help="With --in-place: keep no originals.")] = False


@dataclass(frozen=True)
class FileOptions:
    """What is read of photos' files, and what written ones carry on."""

    metadata: Annotated[
        Literal["safe", "creator", "all", "none"],
        typer.Option(
            "--metadata", help="What to keep; safe: date, camera, copyright; creator: and the names of who made it."
        ),
    ] = "safe"
    max_pixels: MaxPixels = None


def spelled_out(command: Callable[..., int]) -> Callable[..., int]:
    """The command with each option of its groups as a parameter of its own, which is what typer reads."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind) and isinstance(kind, type)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if group := groups.get(parameter.name):
            declared = get_type_hints(group, include_extras=True)
            parameters += [_option(field.name, field.default, declared[field.name]) for field in fields(group)]
        else:
            parameters.append(_option(parameter.name, parameter.default, hints[parameter.name]))

    @functools.wraps(command)
    def called(**given: Any) -> int:
        held = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**held, **given)

    del called.__wrapped__  # whose signature typer would read
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _option(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

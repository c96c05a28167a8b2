"""The command line: each command reads its options, calls the Python API and prints.

Nothing but typer and the standard library is imported before a command needs it, so that help is quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer

import camofilter
from camofilter.cli import found, library, looks, models, photos, undo, yardsticks
from camofilter.cli.command import Command
from camofilter.cli.printing import complain, prepare_streams, say, unprinted
from camofilter.errors import CamofilterError

app = typer.Typer(
    help="Gives photos a look that people like and quality-ranking machines do not.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: dict[str, Callable[..., int]] = {
    "apply": photos.apply_look,
    "camouflage": photos.camouflage,
    "undo": undo.undo,
    "score": photos.score,
    "verify": found.verify,
    "presets": looks.presets,
    "filters": looks.filters,
    "targets": models.targets,
    "export": looks.export,
    "train": models.train,
    "prepare": yardsticks.prepare,
    "evaluate": yardsticks.evaluate,
    "submit": yardsticks.submit,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, cls=Command)(_command)
app.add_typer(library.library, name="batch")
app.add_typer(yardsticks.jury, name="jury")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; whatever goes wrong becomes one line on standard error.

    Args:
        argv: without the program's name; None for that of the process.

    Returns:
        The exit code: 0 all done, 1 some photos not, or not all of it could be printed, 2 wrong usage, 130 stopped by
        Ctrl-C.
    """
    prepare_streams()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # its lines name no photo; what matters is an error here
    try:
        code: int = app(args=argv, prog_name="camofilter", standalone_mode=False)
    except typer.TyperException as error:
        complain(_usage_line(error, sys.argv[1:] if argv is None else argv))
        return error.exit_code
    except CamofilterError as error:
        complain(str(error))
        return error.exit_code
    except OSError as error:  # of what typer prints itself: those of photos have been reported
        complain(f"cannot print: {error.strerror}")
        return 1
    if code == 130:
        complain("stopped; the photos written so far are complete")
    if why := unprinted():
        complain(f"cannot print: {why}")
        return code or 1
    return code


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"camofilter {camofilter.__version__}")
        raise typer.Exit


@app.callback()
def _main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Declares the options that stand before a command."""


def _usage_line(error: typer.TyperException, args: list[str]) -> str:
    """What is wrong with a command line, in one line, and where to look it up."""
    message = " ".join(error.format_message().split()).replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None)  # typer leaves it out where an option lacks its value
    wrong, found = getattr(error, "param", None), getattr(error.__cause__, "errors", None)
    if wrong and found and ": Input should" in message:  # what pydantic, by which typer reads numbers, says
        should = message.partition(": Input ")[2].partition(",")[0]
        message = f"{wrong.opts[0]} is '{found()[0]['input']}': {should}"
    message += _meant(message, context, args)
    command = context.command_path if context else " ".join(["camofilter", *filter(str.isalpha, args[:1])])
    return f"{message[:1].lower()}{message[1:]}{'' if message.endswith('?') else ';'} try '{command} --help'"


def _meant(message: str, context: Any, args: list[str]) -> str:
    """What may have been meant by a word that is no command and no option; empty where that is not known."""
    if message.startswith("No such command") and os.path.lexists(args[0]):
        return f". Did you mean 'camofilter camouflage {args[0]}'?"
    if message.startswith("No such option") and context:
        known = {option for parameter in context.command.params for option in parameter.opts}
        for word in args:
            if word.startswith("-") and os.path.lexists(word):
                return f". For the file give './{word}'"
            if (doubled := "-" + word.partition("=")[0]) in known:
                return f". Did you mean '{doubled}'?"
    return ""

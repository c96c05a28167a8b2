"""Lines for people, and JSON for machines; what cannot be printed keeps no photo from being done."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any, TextIO

import typer

Record = dict[str, Any]  # what --json prints of one photo, and what the people's lines are made of


def prepare_streams() -> None:
    """Makes standard output and error usable, whatever this process was started with.

    Services and windows without a terminal (``2>&-``, pythonw) have none: what is printed is then lost, instead of
    going into whichever file of ours is opened first. And a terminal may lack the letters of a file's name.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(message: str) -> None:
    """Prints an error as one line on standard error."""
    say(f"camofilter: {message}", typer.colors.RED, sys.stderr)


def say(line: str, colour: str | None = None, stream: TextIO | None = None) -> None:
    """Prints one line, in colour on a terminal."""
    stream = stream or sys.stdout
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if colour and stream.isatty() and not os.environ.get("NO_COLOR"):
        line = typer.style(line, fg=colour)
    _print(line, stream)


def print_json(record: Record) -> None:
    """Prints an object as one line of ASCII, so that any name of a file survives."""
    _print(json.dumps(record), sys.stdout)


def _print(line: str, stream: TextIO) -> None:
    try:
        print(line, file=stream, flush=True)
    except OSError as error:
        _troubles.append(error)
        # What else goes there, what is left in the buffer too, is lost without another error.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


_troubles: list[OSError] = []


def unprinted() -> str | None:
    """Why something could not be printed, if that is so since it was last asked, and not that its reader has left."""
    reasons = [error.strerror for error in _troubles if not isinstance(error, BrokenPipeError)]
    _troubles.clear()
    return reasons[0] if reasons else None

"""Lines for people, and JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

import typer

Record = dict[str, Any]  # what --json prints of one photo, and what the people's lines are made of


def complain(message: str) -> None:
    """Prints an error as one line on standard error."""
    say(f"camofilter: {message}", typer.colors.RED, sys.stderr)


def say(line: str, colour: str | None = None, stream: TextIO | None = None) -> None:
    """Prints one line, in colour on a terminal."""
    stream = stream or sys.stdout
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if colour and stream.isatty() and not os.environ.get("NO_COLOR"):
        line = typer.style(line, fg=colour)
    print(line, file=stream, flush=True)


def print_json(record: Record) -> None:
    """Prints an object as one line of ASCII, so that any name of a file survives."""
    print(json.dumps(record), flush=True)

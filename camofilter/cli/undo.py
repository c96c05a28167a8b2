"""The command that brings back what --in-place replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from camofilter.cli.options import AsJson, Photos
from camofilter.cli.printing import Record, complain, print_json, say
from camofilter.cli.work import exit_code
from camofilter.errors import PhotoError


def undo(
    inputs: Photos,
    force: Annotated[
        bool, typer.Option("--force", help="Also where a photo has been changed by another program since.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Bring back the originals that --in-place kept."""
    records = []
    for given in inputs:
        record = _undone(given, force)
        records.append(record)
        if as_json:
            print_json(record)
        elif "error" in record:
            complain(record["error"])
        else:
            say(f"{given}: the original is back, as it was (from {record['original']})")
    return exit_code(records)


def _undone(given: str, force: bool) -> Record:
    from camofilter.photo.core import naming
    from camofilter.photo.originals import bring_back

    try:
        with naming(given):
            if os.path.isdir(given):
                raise PhotoError("is a folder; give the photos in it")
            path = Path(os.path.realpath(given)) if os.path.islink(given) else Path(given)
            return {"input": given, "original": str(bring_back(path, force=force))}
    except PhotoError as error:
        return {"input": given, "error": str(error)}

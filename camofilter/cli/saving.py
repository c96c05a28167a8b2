"""How a finished photo is written, and what people are told of it besides."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from camofilter.cli.options import OutputOptions
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.photo import Photo


def check_in_place(to: OutputOptions) -> None:
    """Refuses options that do not go together (UsageError)."""
    if to.no_backup and not to.in_place:
        raise UsageError("--no-backup was given without --in-place: only what replaces a photo keeps the original")


def saved(photo: Photo, output: Path, to: OutputOptions, metadata: str, untouched: Path | None = None) -> list[str]:
    """Writes a photo.

    Args:
        photo: finished.
        output: the file to write.
        to, metadata: the options.
        untouched: the file that the photo was read from, if nothing was changed.

    Returns:
        What could not stay as it was, one line each.

    Raises:
        PhotoError: it cannot be written.
    """
    from camofilter.photo.copying import as_it_was
    from camofilter.photo.core import naming
    from camofilter.photo.names import FORMAT_BY_SUFFIX
    from camofilter.photo.originals import replace_photo
    from camofilter.photo.reading import read_file
    from camofilter.photo.writing import encode_photo, write_atomically

    with naming(output):
        data = encode_photo(photo, FORMAT_BY_SUFFIX[output.suffix.lower()], metadata=metadata)
        if untouched:
            data = as_it_was(read_file(untouched), data)
        if to.in_place:
            return replace_photo(output, data, keep=not to.no_backup)
        write_atomically(output, data, to.force)
        return []


def notes(photo: Photo, given: str, output: Path | None, metadata: str) -> list[str]:
    """What is to be known of a photo that is worked on, one line each: it is a result already, it loses something.

    Args:
        photo: as it was opened.
        given: its name.
        output: the file to write; None for none.
        metadata: what that keeps.
    """
    from camofilter.photo.keeping import notes as notes_on
    from camofilter.photo.names import FORMAT_BY_SUFFIX
    from camofilter.photo.originals import is_kept

    told = notes_on(photo, FORMAT_BY_SUFFIX[output.suffix.lower()] if output else None, metadata)
    if photo.mark and is_kept(Path(os.path.realpath(given))):
        told[0] += "; 'camofilter undo' brings its original back"
    return told

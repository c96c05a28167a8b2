"""Photos replaced in place, with the original kept beside, from where it can be brought back.

``.camofilter-originals/NAME`` is the original of ``NAME`` in the folder around it, the file itself with its owner, mode
and times. ``NAME.json`` there (with a digest for a name that would be too long) lists SHA-256 of what was written in
its place, so that a result that is worked on again is not taken for an original. Where a photo of the same name that
is none of these is replaced later, it is kept, too, as ``2/NAME``, and so on: what is kept is never written over.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from camofilter.errors import PhotoError
from camofilter.photo.writing import write_atomically

FOLDER = ".camofilter-originals"
_LONGEST_NAME = 255  # bytes that file systems allow


def replace_photo(path: Path, data: bytes, *, keep: bool = True) -> list[str]:
    """Replaces a photo's file, whole or not at all; its mode, owner and extended attributes stay.

    Args:
        path: of the file, no link.
        data: of the new one.
        keep: the original is kept beside; what was kept before stays in any case.

    Returns:
        What could not stay as it was, one line each.

    Raises:
        PhotoError, OSError: it cannot be done, and nothing has been; the message lacks the file's name.
    """
    if FOLDER in path.absolute().parts:
        raise PhotoError("is an original that is kept; work on a copy of it elsewhere")
    before = path.stat()
    names = before.st_nlink - 1 - sum(kept.samefile(path) for kept in _kept(path))
    if keep:
        _keep(path, names > 0)
    if keep or _record(path).exists():
        _write_record(path, [*_results(path), hashlib.sha256(data).hexdigest()])
    write_atomically(path, data, force=True)
    notes = []
    if names > 0:
        others = "another name (a hard link)" if names == 1 else f"{names} other names (hard links)"
        notes.append(f"{path} had {others}, where the photo is as it was")
    after = path.stat()
    if (after.st_uid, after.st_gid) != (before.st_uid, before.st_gid):
        notes.append(f"the owner or group of {path} could not be kept")
    return notes


def bring_back(path: Path, *, force: bool = False) -> Path:
    """Puts the original that was kept last back into its place, as it was.

    Args:
        path: of the photo, which may be gone.
        force: also where the photo is no longer what camofilter wrote.

    Returns:
        Where the original was kept.

    Raises:
        PhotoError, OSError: it cannot be done, and nothing has been; the message lacks the file's name.
    """
    kept = list(_kept(path))
    if not kept:
        raise PhotoError(f"no original of it is kept in {path.parent / FOLDER}: nothing to bring back")
    if not force and path.exists() and _digest(path) not in {*_results(path), _digest(kept[-1])}:
        raise PhotoError("has been changed since by another program; --force brings the original back all the same")
    os.replace(kept[-1], path)
    if len(kept) == 1:
        _record(path).unlink(missing_ok=True)
    for folder in dict.fromkeys((kept[-1].parent, path.parent / FOLDER)):
        with suppress(OSError):  # there are others in it
            folder.rmdir()
    return kept[-1]


def is_kept(path: Path) -> bool:
    """Whether an original of a photo is kept beside it."""
    return next(_kept(path), None) is not None


def _places(path: Path) -> Iterator[Path]:
    folder = path.parent / FOLDER
    yield folder / path.name
    yield from (folder / str(number) / path.name for number in itertools.count(2))


def _kept(path: Path) -> Iterator[Path]:
    """The originals of a photo that are kept, the oldest first."""
    return itertools.takewhile(Path.exists, _places(path))


def _keep(path: Path, has_other_names: bool) -> None:
    """Keeps a photo, unless it is a result of one that is kept."""
    if (path.parent / FOLDER).is_symlink():
        raise PhotoError(f"{path.parent / FOLDER}, where its original would be kept, leads elsewhere: move that away")
    kept = list(_kept(path))
    if kept and _digest(path) in {*_results(path), _digest(kept[-1])}:
        return
    for place in _places(path):
        with suppress(FileExistsError):
            _make_folder(place.parent)
            _copy(path, place, has_other_names)
            return


def _make_folder(folder: Path) -> None:
    """Makes a folder for originals, which nobody else may read: they tell where they were taken."""
    if folder.parent.name == FOLDER:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _copy(path: Path, place: Path, has_other_names: bool) -> None:
    """A second name for the file, or a copy where it has others by which it could be changed; never over another."""
    if not has_other_names:
        try:
            return os.link(path, place)
        except OSError as error:
            if error.errno == errno.EEXIST:
                raise
    if os.path.lexists(place):
        raise FileExistsError
    write_atomically(place, path.read_bytes(), force=False, like=path)
    shutil.copystat(path, place)


def _record(path: Path) -> Path:
    name = os.fsencode(path.name)
    short = path.name if len(name) <= _LONGEST_NAME - len(".json") else hashlib.sha256(name).hexdigest()
    return path.parent / FOLDER / f"{short}.json"


def _results(path: Path) -> list[str]:
    """SHA-256 of what was written in a photo's place."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return [str(digest) for digest in json.loads(_record(path).read_text())["results"]]
    return []


def _write_record(path: Path, results: list[str]) -> None:
    write_atomically(_record(path), json.dumps({"results": results}).encode(), force=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

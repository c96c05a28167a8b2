"""A run as the tasks ask for it: ``RUNCODE.zip`` with a ``RUNCODE_original.png`` for every photo, and nothing else."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from camofilter.errors import UsageError
from camofilter.evaluation.lists import stem
from camofilter.evaluation.results import Fault
from camofilter.evaluation.runs import Run, Source
from camofilter.evaluation.tasks import Task
from camofilter.photo.core import naming
from camofilter.photo.writing import check_free, write_atomically

MOST_RUNS = 5  # of a team

# The oldest date that a zip can hold, so that the same photos make the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Submission:
    """A run, checked.

    Attributes:
        path: of the zip.
        photos: how many it holds, or would.
        faults: what is wrong; while there is anything no zip is written.
    """

    path: Path
    photos: int
    faults: tuple[Fault, ...]


def submit(
    folder: Path,
    code: str,
    task: Task,
    out: Path,
    *,
    listed: Iterable[str] | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Submission:
    """Packs a folder of photos into the zip that the organisers ask for, unless something is wrong with it.

    The photos' files go in as they are, under their originals' names with the run code before them. Recipes beside
    them are left out.

    Args:
        folder: the run, its photos under the originals' names, with or without the run code.
        code: letters, digits, "_" and "-"; by the tasks' rules it begins with the team's name.
        task: whose sizes count.
        out: folder for ``CODE.zip``.
        listed: names of all photos of the task; None for those that are there.
        force: replace the zip if it is there.
        progress: called after every photo with how many are checked, and how many there are.

    Raises:
        UsageError: no such folder, no photos, a code that is none, or the folder has five other runs already.
        PhotoError: the zip is there already, or cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", code):
        raise UsageError(f"the run code is {code!r}: expected letters, digits, _ and -, beginning with the team's name")
    path = out / f"{code}.zip"
    others = sorted(other.stem for other in out.glob("*.zip") if other != path and _is_run(other))
    if len(others) >= MOST_RUNS:
        raise UsageError(
            f"{out} has {len(others)} runs already ({', '.join(others)}): a team may hand in {MOST_RUNS},"
            " remove one or give another folder with -o"
        )
    with naming(path):
        check_free(path, force)
    source = Source.of(folder)
    if source.is_zip:
        raise UsageError(f"{folder} is a zip: give the folder of the run's photos")
    # The photos may bear the code that they are handed in under, that of their folder, or none.
    named = any(PurePosixPath(name).name.startswith(f"{code}_") for name in source.names)
    run = Run.of(folder, listed, code=code if named else None)
    faults = list(run.faults)
    for done, name in enumerate(run.files, 1):
        if isinstance(found := run.checked(name, task.size), Fault):
            faults.append(found)
        if progress is not None:
            progress(done, len(run.files))
    if not run.files and not faults:
        raise UsageError(f"{folder} has no photos: expected files such as photo.png")
    if not faults:
        with naming(path):
            write_atomically(path, _packed(run, code), force=force)
    return Submission(path, len(run.files), tuple(faults))


def _packed(run: Run, code: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:  # photos are compressed already
        for name in sorted(run.files):
            suffix = PurePosixPath(run.files[name]).suffix.lower()
            entry = zipfile.ZipInfo(f"{code}_{stem(name)}{suffix}", _DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, run.source.read(run.files[name]))
    return data.getvalue()


def _is_run(path: Path) -> bool:
    """Whether a zip's photos bear its name, as those of a run do."""
    try:
        source = Source.of(path)
    except UsageError:
        return False
    prefixed = [PurePosixPath(name).name.startswith(f"{path.stem}_") for name in source.names]
    return source.is_zip and bool(prefixed) and all(prefixed)

"""The folder of the results: all that a batch writes is written here, nothing outside of it or over others' files."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from camofilter.batch.jobs import file_digest
from camofilter.batch.journal import WHAT_TO_DO, Journal, Row
from camofilter.batch.work import Outcome
from camofilter.errors import BatchError, PhotoError, UsageError
from camofilter.photo.names import JOURNAL
from camofilter.photo.writing import is_leftover, write_atomically

_LOCK = ".camofilter.lock"
_WAY_OUT = "move it away and --retry, or --retry --force to replace it"
# What concerns the disk and not one photo.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Results:
    """A folder of results.

    Args:
        path: of the folder.
        force: files may be replaced that this batch did not write.
    """

    def __init__(self, path: Path, force: bool = False) -> None:
        self.path, self._force = path, force
        self._root = Path(os.path.realpath(path))
        self._lock = FileLock(self._root / _LOCK)

    def hold(self) -> None:
        """Makes the folder if its parent is there, and keeps other batches from it until this process ends.

        Raises:
            UsageError: it is no folder, or another batch is writing into it.
            BatchError: it cannot be written to.
        """
        try:
            self.path.mkdir(exist_ok=True)
            for name in (_LOCK, JOURNAL):
                if (self._root / name).is_symlink():
                    raise UsageError(f"{self.path / name} is a link, which may lead anywhere: remove it")
            self._lock.acquire(timeout=1)  # who asks for the status holds it for a moment
        except Timeout:
            raise UsageError(f"{self.path}: another batch is working on it: wait for it, or stop it") from None
        except FileExistsError:
            raise UsageError(f"{self.path} is a file: give a folder for the results") from None
        except FileNotFoundError:
            raise UsageError(f"{self.path} is in a folder that does not exist: create it first") from None
        except OSError as error:
            reason = f"{self.path}: cannot be written ({error.strerror})"
            raise BatchError(f"{reason}; give another folder for the results, or mend that") from None

    def release(self) -> None:
        """Lets others work on the folder."""
        self._lock.release()

    @property
    def is_held(self) -> bool:
        """Whether a batch is working on it now."""
        if self._lock.is_locked:  # by this very batch
            return True
        try:
            with self._lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # where nothing can be written, nobody works
            return False

    def sweep(self) -> None:
        """Removes files that were being written when a process was killed."""
        for folder, _, names in os.walk(self._root):
            for name in filter(is_leftover, names):
                with suppress(OSError):  # it is in nobody's way
                    os.unlink(os.path.join(folder, name))

    def exists(self, row: Row) -> bool:
        """Whether there is anything under the name of a photo's result."""
        return row.output is not None and os.path.lexists(self._root / row.output)

    def stands(self, row: Row) -> bool:
        """Whether a photo's result is there, by its size."""
        if row.output is None or row.output_size is None:
            return False
        try:
            found = os.lstat(self._root / row.output)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == row.output_size

    def digest(self, row: Row) -> str | None:
        """SHA-256 of what is under the name of a photo's result; None if that is no ordinary file of this folder."""
        path = self._root / str(row.output)
        if row.output is None or os.path.realpath(path) != str(path) or not os.path.isfile(path):
            return None
        with suppress(OSError):  # who may not read it cannot say that it is ours
            return file_digest(path)
        return None

    def is_ours(self, row: Row) -> bool:
        """Whether what is under the name of a photo's result is what this batch wrote there, to the byte."""
        ours = {row.output_sha256, row.next_sha256} - {None}
        return bool(ours) and self.digest(row) in ours

    def taken(self, row: Row) -> str:
        """Why a photo cannot be done whose result's name is taken."""
        return f"{self.shown(row)} is there, and not from this batch; {_WAY_OUT}"

    def changed(self, row: Row) -> str:
        """Why a photo's result no longer counts."""
        return f"{self.shown(row)} is no longer what was written; {_WAY_OUT}"

    def shown(self, row: Row) -> str:
        """A result's name for people."""
        return str(self.path / str(row.output))

    def keep(self, journal: Journal, outcome: Outcome) -> Row:
        """Writes what became of a photo, into the journal and the folder; either may stop at any moment.

        Args:
            journal: of the folder.
            outcome: of the photo.

        Returns:
            The photo's row, done or failed.

        Raises:
            BatchError: the disk is full, or cannot be written for other reasons.
        """
        error = outcome.error
        if error is None and outcome.data is not None:
            try:
                self._write(journal, outcome, outcome.data)
            except PhotoError as refused:
                error = str(refused)
        if error is None:
            journal.done(outcome.name)
        else:
            journal.failed(outcome.name, error, outcome.digest, outcome.seconds)
        return journal.row(outcome.name)

    def _write(self, journal: Journal, outcome: Outcome, data: bytes) -> None:
        row = journal.row(outcome.name)
        if not str(row.output).endswith(outcome.suffix):  # the photo is of another type than its name says
            row = self._renamed(journal, row, outcome.suffix)
        path = self._root / str(row.output)
        ours = self.is_ours(row)
        if self.exists(row) and not (ours or self._force):
            raise PhotoError(self.taken(row))
        written = hashlib.sha256(data).hexdigest()
        journal.writing(outcome.name, outcome.digest, written, len(data), outcome.record, outcome.seconds)
        try:
            self._make_folder(PurePosixPath(str(row.output)).parent)
            write_atomically(path, data, force=ours or self._force)
        except PhotoError as refused:
            raise PhotoError(f"{self.shown(row)}: {refused}") from None
        except OSError as error:
            if error.errno in _OF_THE_DISK:
                raise BatchError(f"{self.path}: {error.strerror}; {WHAT_TO_DO}") from None
            raise PhotoError(f"{self.shown(row)}: {error.strerror}; check the name and the folder") from None

    def _renamed(self, journal: Journal, before: Row, suffix: str) -> Row:
        """Gives a result another suffix; what was written under its name before is gone, if it was ours."""
        with journal.transaction():
            journal.claim(before.name, suffix)
            row = journal.row(before.name)
            if before.output != row.output and self.is_ours(before):
                with suppress(OSError):  # rather one file too many than no more photos
                    (self._root / str(before.output)).unlink()
        return row

    def _make_folder(self, within: PurePosixPath) -> None:
        """Makes a folder and those above it; PhotoError where a link would lead elsewhere."""
        folder = self._root
        for part in within.parts:
            folder /= part
            if folder.is_symlink() or part == "..":
                raise PhotoError(f"{self.path / within} leads out of {self.path}: move that link away and --retry")
            folder.mkdir(exist_ok=True)

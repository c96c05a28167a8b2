"""Many photos: a plan, a journal, workers on this machine or on many, and one writer.

::

    from camofilter import batch

    if __name__ == "__main__":  # the workers are processes, which import this script
        with batch.Batch("photos", "hidden", batch.Camouflage()) as run:
            print(run.plan.waiting, "photos to do")
            for record in run.work():
                print(record)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from camofilter.batch import plan
from camofilter.batch.engines import Engine
from camofilter.batch.jobs import ApplyLook, Camouflage, Job
from camofilter.batch.journal import Journal, Row, State
from camofilter.batch.local import Local
from camofilter.batch.plan import Plan
from camofilter.batch.results import Results
from camofilter.batch.sources import Settled, source

__all__ = ["ApplyLook", "Batch", "Camouflage", "Engine", "Job", "Local", "Plan", "Status", "records", "status"]

# Seconds between two looks for photos that came, and how many times as long as a look takes at least.
_PAUSE, _REST = 2.0, 10


class Batch:
    """A batch of photos whose results go into one folder, which it holds until it is closed.

    Args:
        photos: a folder, or a URL that fsspec knows.
        out: the folder of the results, with the journal.
        job: what is done with every photo.
        engine: what does it; None for worker processes on this machine.
        retry: photos that failed are tried again.
        force: files in the folder may be replaced that this batch did not write.

    Attributes:
        plan: what is to be done.

    Raises:
        UsageError: no such folders, another batch is working there, or the journal is of other photos.
        BatchError: the folder cannot be written to.
    """

    def __init__(
        self,
        photos: str,
        out: str | os.PathLike[str],
        job: Job,
        *,
        engine: Engine | None = None,
        retry: bool = False,
        force: bool = False,
    ) -> None:
        self._job, self._engine, self._force = job, engine or Local(), force
        self._source = source(photos, Path(out))
        self._results = Results(Path(out), force)
        self._results.hold()
        try:
            self._results.sweep()
            self._journal = Journal(Path(out))
            self.plan = self._planned(retry)
        except BaseException:
            self._results.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        self._results.release()

    def _planned(self, retry: bool = False) -> Plan:
        return plan.make(self._journal, self._source, self._results, self._job, retry=retry, force=self._force)

    def work(self) -> Iterator[dict[str, Any]]:
        """Does the photos that wait, and yields the record of each once it is in the folder and in the journal.

        A record has ``input``, ``output``, ``seconds`` and what the command of one photo says of it, or ``input`` and
        ``error``.

        Raises:
            UsageError: something in the job is wrong.
            BatchError: the disk is full, or no worker can start.
        """
        if not self.plan.waiting:
            return
        for outcome in self._engine.outcomes(self._job, self._source, plan.tasks(self._journal)):
            row = self._results.keep(self._journal, outcome)
            yield _record(self._source.shown(row.name), self._results, self._journal, row)

    def arrivals(self) -> Iterator[Plan]:
        """Waits for photos that come or change, and yields a plan whenever there are some; never ends.

        One that is still being copied is left until two looks in a row find it the same.
        """
        self._source = Settled(self._source)
        while True:
            began = time.monotonic()
            self.plan = self._planned()
            if self.plan.waiting:
                yield self.plan
            else:
                time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))

    def status(self) -> Status:
        """How far it is."""
        return _status(self._results, self._journal)


def _record(shown: str, results: Results, journal: Journal, row: Row) -> dict[str, Any]:
    if row.state == "failed":
        return {"input": shown, "error": row.error}
    return {"input": shown, "output": results.shown(row)} | journal.record(row.name)


@dataclass(frozen=True)
class Status:
    """How far a batch is.

    Attributes:
        photos: where they are.
        command: what is done with them.
        done: on disk.
        seen: of these, those that a target still sees.
        failed: could not be done.
        waiting: are to be done.
        lost: were done, but what was written is no longer there, or no longer as it was.
        running: whether a batch is working on it now.
    """

    photos: str
    command: str
    done: int
    seen: int
    failed: int
    waiting: int
    lost: int
    running: bool


def status(out: str | os.PathLike[str]) -> Status:
    """How far the batch of a folder is; nothing is changed, and it may be at work.

    Raises:
        UsageError: the folder has no journal.
        BatchError: it cannot be read.
    """
    journal = Journal(Path(out), create=False)
    try:
        return _status(Results(Path(out)), journal)
    finally:
        journal.close()


def records(out: str | os.PathLike[str], *states: State) -> Iterator[dict[str, Any]]:
    """What the journal of a folder says of every photo, by name: its record, and its ``state``.

    Args:
        out: the folder.
        states: of the photos that are asked for; none are all.

    Raises:
        UsageError: the folder has no journal.
        BatchError: it cannot be read.
    """
    journal, results = Journal(Path(out), create=False), Results(Path(out))
    root = journal.fact("root") or ""
    try:
        for row in journal.rows(*states):
            state = "lost" if row.state == "done" and not results.stands(row) else row.state
            if state in ("done", "failed"):
                yield {"state": state} | _record(f"{root}/{row.name}", results, journal, row)
            else:
                yield {"state": state, "input": f"{root}/{row.name}"}
    finally:
        journal.close()


def _status(results: Results, journal: Journal) -> Status:
    counts = journal.counts()
    done = seen = 0
    for row in journal.rows("done"):
        if results.stands(row):
            done, seen = done + 1, seen + (row.hidden == 0)
    return Status(
        photos=journal.fact("root") or "",
        command=journal.fact("command") or "",
        done=done,
        seen=seen,
        failed=counts.get("failed", 0),
        waiting=counts.get("waiting", 0) + counts.get("writing", 0),
        lost=counts.get("done", 0) - done,
        running=results.is_held,
    )

"""What is to be done: the photos there are, held against the journal and what lies in the folder of the results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from camofilter.batch import jobs
from camofilter.batch.jobs import Job
from camofilter.batch.journal import Journal, Row
from camofilter.batch.results import Results
from camofilter.batch.sources import Entry, Left, Source
from camofilter.batch.work import Task
from camofilter.errors import UsageError
from camofilter.photo.names import likely_suffix


@dataclass(frozen=True)
class Plan:
    """What a batch is going to do.

    Attributes:
        photos: there are.
        bytes: of their files.
        folders: that they are in.
        done: were done before, and are on disk.
        failed: are not tried again.
        waiting: are to be done.
        seconds: that it will take one worker, estimated.
        left: what else there is, and is left alone.
    """

    photos: int
    bytes: int
    folders: int
    done: int
    failed: int
    waiting: int
    seconds: float
    left: Left


def make(
    journal: Journal, source: Source, results: Results, job: Job, *, retry: bool = False, force: bool = False
) -> Plan:
    """Brings the journal up to date with the photos, the options and the folder, and says what is to be done.

    Args:
        journal: of the folder.
        source: of the photos.
        results: the folder.
        job: what is to be done.
        retry: those that failed are tried again.
        force: files may be replaced that this batch did not write.

    Raises:
        UsageError: the folder belongs to a batch of other photos.
        BatchError: the journal cannot be written.
    """
    left, folders, options = Left(), set[str](), jobs.digest(job)
    photos = size = 0
    with journal.transaction():
        _note_root(journal, source)
        journal.note("command", job.name)
        _settle(journal, results)
        journal.see(source.entries(left))
        new: list[str] = []
        for entry, row in journal.compared():
            photos, size = photos + 1, size + entry.size
            folders.add(os.path.dirname(entry.name))
            if row is None:
                journal.add(entry, options)
                new.append(entry.name)
            else:
                _update(journal, results, entry, row, options, retry, force)
        _name(journal, new)
        if not force:
            _refuse_taken(journal, results, new)
        if not left.unsettled:
            journal.forget_vanished(results.stands)
        counts = journal.counts(seen=True)
        seconds = _estimated(journal, job, options)
    done, failed, waiting = (counts.get(state, 0) for state in ("done", "failed", "waiting"))
    return Plan(photos, size, len(folders), done, failed, waiting, seconds, left)


def tasks(journal: Journal) -> Iterator[Task]:
    """The photos that wait, by name."""
    return (Task(row.name, row.size, row.input_sha256) for row in journal.rows("waiting"))


def _note_root(journal: Journal, source: Source) -> None:
    known = journal.fact("root")
    # A library that was moved is the same one.
    if known not in (None, source.root) and ("://" in known or os.path.isdir(known)):
        raise UsageError(f"{journal.path.parent} has the results of {known}: give another folder for those of this one")
    journal.note("root", source.root)


def _settle(journal: Journal, results: Results) -> None:
    """Finds out what became of results that were being written when a process was killed."""
    for row in journal.rows("writing"):
        if results.digest(row) == row.next_sha256:
            journal.done(row.name)
        else:
            journal.again(Entry(row.name, row.size, row.stamp), row.options_sha256, None)


def _update(journal: Journal, results: Results, entry: Entry, row: Row, options: str, retry: bool, force: bool) -> None:
    """Has a photo done again if something changed since it was last seen."""
    stands = results.stands(row)
    if row.options_sha256 != options:
        journal.again(entry, options, None)
    elif (row.size, row.stamp) != (entry.size, entry.stamp):
        journal.again(entry, options, row.input_sha256 if row.state == "done" and stands else None)
    elif row.state == "done" and not stands:
        if results.exists(row) and not force:
            journal.failed(row.name, results.changed(row), None)
        else:
            journal.again(entry, options, None)
    elif (row.state == "failed" and retry) or (row.state == "waiting" and row.input_sha256 and not stands):
        journal.again(entry, options, None)


def _name(journal: Journal, new: list[str]) -> None:
    """Gives results their names: first those that keep the photo's own, so that no other takes it."""
    for name in new:
        if likely_suffix(name) == os.path.splitext(name)[1]:
            journal.claim(name, likely_suffix(name), [1])
    for name in new:
        if journal.row(name).output is None:
            journal.claim(name, likely_suffix(name))


def _refuse_taken(journal: Journal, results: Results, new: list[str]) -> None:
    for name in new:
        row = journal.row(name)
        if results.exists(row):
            journal.failed(name, results.taken(row), None)


def _estimated(journal: Journal, job: Job, options: str) -> float:
    """Seconds of one worker for the photos that wait: as it was with those that are done, or else as measured once."""
    waiting, size = journal.waiting()
    known = journal.seconds_a_photo(options)
    a_photo, a_megabyte = job.seconds
    return waiting * known if known is not None else waiting * a_photo + size / 1e6 * a_megabyte

"""The journal of a batch: one SQLite file in the folder of the results, with what is known of every photo.

A result passes through two states. ``writing``, with the digest of its bytes, is committed before the file appears
under its name; ``done``, after that. Whenever a process is killed, the journal and the folder together tell what is
finished, and which files are ours. SQLite's rollback journal and its extra synchronisation, of the folder, too, keep
commits over a power cut.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from camofilter.batch.sources import Entry
from camofilter.errors import BatchError, UsageError
from camofilter.photo.names import JOURNAL

State: TypeAlias = Literal["waiting", "writing", "done", "failed"]

_APPLICATION, _VERSION = 0x63616D6F, 1  # "camo"; of the tables
_TABLES = (
    "CREATE TABLE batch (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE photos (
    name TEXT PRIMARY KEY,      -- within the source
    state TEXT NOT NULL CHECK (state IN ('waiting', 'writing', 'done', 'failed')),
    size INTEGER NOT NULL,      -- of the input, bytes
    stamp TEXT NOT NULL,        -- of its last change
    input_sha256 TEXT,          -- of the input of which there is a result
    options_sha256 TEXT,        -- of the options with which it is made
    output TEXT,                -- within the folder
    place TEXT UNIQUE,          -- the same for names that some file systems take for one
    output_sha256 TEXT,         -- of the file that we wrote there last
    output_size INTEGER,        -- bytes
    next_sha256 TEXT,           -- of the file that is to take its place
    next_size INTEGER,
    record TEXT,                -- JSON: scores, recipe and so on
    hidden INTEGER,             -- 1, or 0 where a target still sees it, as far as was asked; NULL where none was
    seconds REAL,
    error TEXT,
    changed TEXT NOT NULL       -- when the state last changed, UTC
) WITHOUT ROWID""",
    "CREATE INDEX photos_by_state ON photos (state, name)",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What the journal knows of a photo; see the table."""

    name: str
    state: State
    size: int
    stamp: str
    input_sha256: str | None
    options_sha256: str | None
    output: str | None
    output_sha256: str | None
    output_size: int | None
    next_sha256: str | None
    hidden: bool | None
    error: str | None


_COLUMNS = ", ".join(f"photos.{column}" for column in Row.__slots__)
_CHUNK = 1000  # rows


class Journal:
    """The journal of one folder.

    Args:
        out: the folder.
        create: make one if there is none; else an old one is read, and nothing is written.

    Raises:
        UsageError: there is none, or the file is something else.
        BatchError: it cannot be read or written.
    """

    def __init__(self, out: Path, create: bool = True) -> None:
        self.path = out / JOURNAL
        if not create and not self.path.is_file():
            raise UsageError(f"{out} has no journal ({JOURNAL}): give the folder that a batch wrote into")
        with self._explained():
            # Not "ro": a reader, too, may have to undo what was half written when a process was killed.
            uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=60)
            self._prepare(create)

    def _prepare(self, create: bool) -> None:
        self._db.execute("PRAGMA synchronous = EXTRA")
        (application,), (version,) = (
            self._db.execute(f"PRAGMA {pragma}").fetchone() for pragma in ("application_id", "user_version")
        )
        is_empty = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if is_empty and create:
            with self.transaction():
                for statement in _TABLES:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
        elif application != _APPLICATION or version != _VERSION:
            raise UsageError(f"{self.path} is not a journal of this camofilter: give another folder for the results")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is done within it is kept as a whole or not at all."""
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                raise UsageError(f"{self.path} is no journal, or damaged: move it away to begin anew") from None
            raise BatchError(f"{self.path}: {error}; {WHAT_TO_DO}") from None

    def fact(self, key: str) -> str | None:
        """What is noted of the batch as a whole: "root", "command", "options"."""
        found = self._db.execute("SELECT value FROM batch WHERE key = ?", (key,)).fetchone()
        return _given(found[0]) if found else None

    def note(self, key: str, value: str) -> None:
        """Notes something of the batch as a whole."""
        self._db.execute("INSERT OR REPLACE INTO batch VALUES (?, ?)", (key, _stored(value)))

    def see(self, entries: Iterable[Entry]) -> None:
        """Takes a listing of the photos, to be compared with what is known; within a transaction."""
        self._db.execute("DROP TABLE IF EXISTS temp.seen")
        self._db.execute("CREATE TEMP TABLE seen (name PRIMARY KEY, size, stamp) WITHOUT ROWID")
        rows = ((_stored(entry.name), entry.size, entry.stamp) for entry in entries)
        self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", rows)

    def compared(self) -> Iterator[tuple[Entry, Row | None]]:
        """Every photo of the listing with what was known of it, by name; rows may be changed on the way."""
        name: str | bytes = ""
        query = f"SELECT seen.*, {_COLUMNS} FROM seen LEFT JOIN photos USING (name) "
        while found := self._db.execute(
            f"{query} WHERE seen.name > ? ORDER BY seen.name LIMIT {_CHUNK}", (name,)
        ).fetchall():
            name = found[-1][0]
            for values in found:
                entry = Entry(_given(values[0]), *values[1:3])
                yield entry, _row(values[3:]) if values[4] is not None else None

    def forget_vanished(self, stands: Callable[[Row], bool]) -> None:
        """Forgets photos that are no longer there and whose result does not stand; others no longer wait."""
        for row in self._rows("NOT EXISTS (SELECT 1 FROM seen WHERE seen.name = photos.name)"):
            if not stands(row):
                self._db.execute("DELETE FROM photos WHERE name = ?", (_stored(row.name),))
            elif row.state != "done":
                self._set(row.name, state="done", options_sha256=None, error=None)

    def add(self, entry: Entry, options: str) -> None:
        """Adds a photo, waiting."""
        self._db.execute(
            "INSERT INTO photos (name, state, size, stamp, options_sha256, changed) VALUES (?, 'waiting', ?, ?, ?, ?)",
            (_stored(entry.name), entry.size, entry.stamp, options, _now()),
        )

    def again(self, entry: Entry, options: str | None, known: str | None) -> None:
        """Has a photo done once more; ``known`` is the digest of the content of which the result is right."""
        self._set(
            entry.name,
            state="waiting",
            size=entry.size,
            stamp=entry.stamp,
            options_sha256=options,
            input_sha256=known,
            error=None,
        )

    def claim(self, name: str, suffix: str, numbers: Iterable[int] | None = None) -> str | None:
        """A name for the result of a photo, which then is no other's; numbered where it would meet another.

        Args:
            name: of the photo.
            suffix: of the result.
            numbers: to try, 1 being no number; None for as many as it takes.

        Returns:
            The name within the folder, that of the photo with this suffix; None if all of these are taken.
        """
        path = PurePosixPath(name)
        for number in itertools.count(1) if numbers is None else numbers:
            output = path.with_name(f"{path.stem}{'' if number == 1 else f'-{number}'}{suffix}").as_posix()
            place, first_within, after = (_stored(_place(output) + end) for end in ("", "/", "0"))  # a folder's, too
            holder = self._db.execute(
                "SELECT name FROM photos WHERE place = ? OR (place > ? AND place < ?) ORDER BY place LIMIT 1",
                (place, first_within, after),
            ).fetchone()
            if holder is None or _given(holder[0]) == name:
                self._set(name, output=_stored(output), place=place)
                return output
        return None

    def failed(self, name: str, error: str, digest: str | None, seconds: float | None = None) -> None:
        """Notes why a photo was not done."""
        self._set(name, state="failed", error=_stored(error), input_sha256=digest, seconds=seconds)

    def writing(
        self, name: str, digest: str | None, written: str, size: int, record: dict[str, Any], seconds: float
    ) -> None:
        """Notes what is about to appear under the name of a result."""
        self._set(
            name,
            state="writing",
            input_sha256=digest,
            next_sha256=written,
            next_size=size,
            record=json.dumps(record),
            hidden=record.get("survives"),
            seconds=seconds,
            error=None,
        )

    def done(self, name: str) -> None:
        """Notes that a result is on disk: what was to take its place if that was noted, else the one before."""
        with self._explained():
            self._db.execute(
                "UPDATE photos SET state = 'done', error = NULL, output_sha256 = COALESCE(next_sha256, output_sha256),"
                " output_size = COALESCE(next_size, output_size), next_sha256 = NULL, next_size = NULL, changed = ?"
                " WHERE name = ?",
                (_now(), _stored(name)),
            )

    def _set(self, name: str, **values: Any) -> None:
        columns = ", ".join(f"{column} = ?" for column in values)
        with self._explained():
            self._db.execute(
                f"UPDATE photos SET {columns}, changed = ? WHERE name = ?", (*values.values(), _now(), _stored(name))
            )

    def row(self, name: str) -> Row:
        """What is known of a photo; KeyError if nothing is."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM photos WHERE name = ?", (_stored(name),)).fetchone()
        if found is None:
            raise KeyError(name)
        return _row(found)

    def rows(self, *states: State) -> Iterator[Row]:
        """All photos in these states, or in any, by name; they may be changed on the way."""
        marks = ", ".join("?" * len(states)) or "'waiting', 'writing', 'done', 'failed'"
        return self._rows(f"state IN ({marks})", states)

    def _rows(self, condition: str, values: tuple[str, ...] = ()) -> Iterator[Row]:
        name: str | bytes = ""
        query = f"SELECT {_COLUMNS} FROM photos WHERE {condition} AND name > ? ORDER BY name LIMIT {_CHUNK}"
        while True:
            with self._explained():
                found = self._db.execute(query, (*values, name)).fetchall()
            if not found:
                return
            name = found[-1][0]
            yield from map(_row, found)

    def record(self, name: str) -> dict[str, Any]:
        """What a photo's line of JSON says beyond its names; empty if nothing is known."""
        found = self._db.execute(
            "SELECT record, seconds FROM photos WHERE name = ? AND record IS NOT NULL", (_stored(name),)
        ).fetchone()
        return {} if found is None else json.loads(found[0]) | {"seconds": found[1]}

    def counts(self, seen: bool = False) -> dict[str, int]:
        """How many photos are in each state; of all, or of those of the last listing."""
        table = "seen JOIN photos USING (name)" if seen else "photos"
        with self._explained():
            return dict(self._db.execute(f"SELECT state, COUNT(*) FROM {table} GROUP BY state").fetchall())

    def waiting(self) -> tuple[int, int]:
        """How many photos wait, and the bytes of their files."""
        count, size = self._db.execute(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM photos WHERE state = 'waiting'"
        ).fetchone()
        return count, size

    def seconds_a_photo(self, options: str) -> float | None:
        """The mean time that a worker took for a photo with these options; None where none is done."""
        (seconds,) = self._db.execute(
            "SELECT AVG(seconds) FROM photos WHERE state = 'done' AND options_sha256 = ?", (options,)
        ).fetchone()
        return None if seconds is None else float(seconds)


WHAT_TO_DO = "what is done is kept: mend that, and give the same command again"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _row(values: tuple[Any, ...]) -> Row:
    named = dict(zip(Row.__slots__, values, strict=True))
    texts = {key: _given(named[key]) for key in ("name", "output", "error") if named[key] is not None}
    return Row(**named | texts)


def _stored(text: str) -> str | bytes:
    """A file's name, or a line with one, as SQLite holds it: text, or its bytes where they are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _given(stored: str | bytes) -> str:
    return os.fsdecode(stored)


def _place(output: str) -> str:
    """The same for names that only differ in capitals, or in how accents are put together."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", output).casefold())

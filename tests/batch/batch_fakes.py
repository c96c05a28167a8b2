"""A quick job, an engine in this process, and what must hold of every folder of results; for the tests of batches."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from camofilter.batch import Batch
from camofilter.batch.jobs import Job, Tool
from camofilter.batch.sources import Source
from camofilter.batch.work import Outcome, Task, Worker
from camofilter.cores import threads
from camofilter.errors import UsageError
from camofilter.photo import Photo

LOCK, JOURNAL = ".camofilter.lock", "camofilter.sqlite"
# First pixels that make the job misbehave.
KILLS, KILLS_ONCE, RAISES, EXITS, WAITS = (1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12), (13, 14, 15)


def write_photo(
    path: Path, seed: int = 0, format: str = "PNG", first: tuple[int, int, int] | None = None, side: int = 6
) -> Path:
    """Writes noise without losses (PNG, TIFF), or not a photo at all ("broken")."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "broken":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + f"not a photo {seed}".encode())
        return path
    pixels = np.random.default_rng(seed).integers(16, 256, (side, side + 2, 3), dtype=np.uint8)
    if first is not None:
        pixels[0, 0] = first
    Image.fromarray(pixels).save(path, format)
    return path


def pixels_of(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        image.load()
        return np.asarray(image)


@dataclass(frozen=True)
class Xor:
    """Every value of every pixel, in exclusive or with a level: quick, without losses, and easily told."""

    level: int = 1
    marker: str = ""
    metadata: str = "safe"
    max_pixels: int = 10_000

    name: ClassVar[str] = "xor"
    bytes_a_worker: ClassVar[int] = 1 << 20
    bytes_a_pixel: ClassVar[int] = 1
    seconds: ClassVar[tuple[float, float]] = (1.0, 2.0)
    photos_at_once: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        return {"level": self.level}

    def tool(self) -> Tool:
        return self._painted

    def _painted(self, photo: Photo) -> tuple[Photo, Any]:
        first = tuple(int(value) for value in photo.pixels[0, 0])
        if first == KILLS or (first == KILLS_ONCE and not Path(self.marker).exists()):
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if first == RAISES:
            raise ValueError("an odd\nmessage")
        if first == EXITS:
            raise SystemExit(3)
        if first == WAITS:
            Path(self.marker).touch()
            time.sleep(600)
        return photo.with_pixels(photo.pixels ^ np.uint8(self.level)), lambda data: {"level": self.level}


class TwoAtOnce(Xor):
    """The same in two threads of every worker."""

    photos_at_once: ClassVar[int] = 2


class Telling(Xor):
    """Tells which process did it and of how many threads, once a second one is there to do another."""

    def _painted(self, photo: Photo) -> tuple[Photo, Any]:
        here = Path(self.marker)
        (here / str(os.getpid())).touch()
        until = time.monotonic() + 30
        while len(list(here.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        return photo, lambda data: {"process": os.getpid(), "threads": threads()}


@dataclass(frozen=True)
class Unstartable(Xor):
    """A job of which no worker can start."""

    how: str = "usage"

    def tool(self) -> Tool:
        if self.how == "usage":
            raise UsageError("the weights are of another target: give others")
        if self.how == "bug":
            raise ValueError("an odd\nmessage")
        os._exit(3)


class Here:
    """An engine of one worker in this process."""

    def outcomes(self, job: Job, source: Source, tasks: Iterator[Task]) -> Iterator[Outcome]:
        worker = Worker(job, source)
        return (worker.do(task) for task in tasks)


def run(photos: Path | str, out: Path | str, job: Job | None = None, **options: Any) -> list[dict[str, Any]]:
    """A whole batch; the records."""
    with Batch(str(photos), out, job or Xor(), **{"engine": Here()} | options) as batch:
        return list(batch.work())


def plan(photos: Path | str, out: Path | str, job: Job | None = None, **options: Any) -> Any:
    """A batch's plan."""
    with Batch(str(photos), out, job or Xor(), **{"engine": Here()} | options) as batch:
        return batch.plan


def rows(out: Path) -> list[dict[str, Any]]:
    """The journal, read without our code; names as bytes. Empty where there is none yet."""
    if not (out / JOURNAL).exists():
        return []
    db = sqlite3.connect(out / JOURNAL)
    db.row_factory = sqlite3.Row
    try:
        is_empty = not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        found = [] if is_empty else [dict(row) for row in db.execute("SELECT * FROM photos")]
    finally:
        db.close()
    for row in found:
        row.update({key: os.fsencode(os.fsdecode(row[key])) for key in ("name", "output") if row[key] is not None})
    return found


def states(out: Path) -> dict[str, str]:
    return {os.fsdecode(row["name"]): row["state"] for row in rows(out)}


def contents(folder: Path) -> dict[bytes, str]:
    """SHA-256 of every file, the journal and the lock left out; of links, where they lead."""
    found = {}
    for path, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            file = os.path.join(path, name)
            within = os.path.relpath(file, os.fsencode(folder))
            if within in (LOCK.encode(), JOURNAL.encode(), f"{JOURNAL}-journal".encode()):
                continue
            if os.path.islink(file):
                found[within] = os.fsdecode(os.readlink(file))
            elif os.path.isfile(file):
                with open(file, "rb") as opened:
                    found[within] = hashlib.sha256(opened.read()).hexdigest()
            else:
                found[within] = "neither file nor link"
    return found


def check(photos: Path, out: Path, level: int = 1, theirs: dict[bytes, str] | None = None) -> None:
    """What must hold after every run that was not interrupted.

    Args:
        photos: the folder of the photos.
        out: that of the results.
        level: of the job.
        theirs: files that others put among the results, with their digests.
    """
    theirs, there, found = theirs or {}, contents(out), rows(out)
    assert theirs.items() <= there.items(), "a file of somebody else was touched"
    assert not [name for name in there if b".tmp" in name], "a file that is not whole was left"
    outputs = [row["output"] for row in found if row["output_sha256"] is not None]
    assert len(outputs) == len(set(outputs))
    ours = {row["output"]: row["output_sha256"] for row in found if row["output_sha256"] is not None}
    assert {name: digest for name, digest in there.items() if name not in theirs}.items() <= ours.items()
    for row in found:
        assert row["state"] != "done" or there[row["output"]] == row["output_sha256"], "done, but not on disk"
        assert row["state"] in ("done", "failed")
        assert (row["error"] is None) == (row["state"] == "done")
        file = Path(os.fsdecode(os.path.join(os.fsencode(photos), row["name"])))
        if row["state"] == "done" and file.exists():
            assert np.array_equal(pixels_of(out / os.fsdecode(row["output"])), pixels_of(file) ^ level)
            assert row["input_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()

"""One photo of a batch, from the bytes of its file to those of the finished one; what a worker of any kind does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from camofilter.batch.jobs import Job
from camofilter.batch.sources import Source
from camofilter.errors import PhotoError, reason
from camofilter.photo import decode_photo, encode_photo, output_suffix
from camofilter.photo.copying import as_it_was
from camofilter.photo.core import naming
from camofilter.photo.keeping import notes
from camofilter.photo.names import FORMAT_BY_SUFFIX
from camofilter.photo.reading import pixel_count

# Bytes of a file beyond which it holds more than the pixels it may: 16 bits of four channels, and room for metadata.
_BYTES_A_PIXEL, _ROOM = 8, 100 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """A photo to be done.

    Attributes:
        name: within the source.
        size: of its file, in bytes.
        known: SHA-256 of the content of which there is a result already; None if there is none.
    """

    name: str
    size: int
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a photo.

    Attributes:
        name: within the source.
        digest: SHA-256 of its file's content; None if that could not be read.
        data: of the finished file; None if there is none.
        suffix: for its name.
        record: what is said of it in JSON.
        seconds: that it took.
        error: one line, if it could not be done.
    """

    name: str
    digest: str | None = None
    data: bytes | None = None
    suffix: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None


class Worker:
    """Does photos of one job, with its models loaded.

    Args:
        job: what is done.
        source: where the photos are.

    Raises:
        UsageError: something in the job is wrong, such as a target or its weights.
    """

    def __init__(self, job: Job, source: Source) -> None:
        self._job, self._source = job, source
        self._tool = job.tool()

    def do(
        self, task: Task, get: Callable[[], bytes] | None = None, admit: Callable[[int], None] | None = None
    ) -> Outcome:
        """Does a photo; whatever is wrong with it becomes its outcome.

        Args:
            task: the photo.
            get: gives the bytes of its file; None reads them.
            admit: called with the number of its pixels before they are decoded; returns when there is memory for them.
        """
        began = time.perf_counter()
        shown = self._source.shown(task.name)
        found: dict[str, Any] = {}
        try:
            with naming(shown):
                data = get() if get else read(self._source, task, self._job.max_pixels)
            found["digest"] = hashlib.sha256(data).hexdigest()
            if found["digest"] != task.known:
                if admit:
                    admit(pixel_count(data))
                found |= self._done(task, shown, data)
        except Exception as error:  # whatever it is, the other photos must not suffer from it
            found["error"] = reason(shown, error)
        return Outcome(task.name, seconds=round(time.perf_counter() - began, 3), **found)

    def _done(self, task: Task, shown: str, data: bytes) -> dict[str, Any]:
        with naming(shown):
            photo = decode_photo(data, max_pixels=self._job.max_pixels)
        try:
            finished, describe = self._tool(photo)
        except PhotoError as error:  # as where its file cannot hold it
            raise PhotoError(f"{shown}: {error}") from error.__cause__
        with naming(shown):
            written = encode_photo(finished, metadata=self._job.metadata)
        if finished is photo:
            written = as_it_was(data, written)
        suffix = output_suffix(photo, Path(task.name))
        told = notes(photo, None if written is data else FORMAT_BY_SUFFIX[suffix.lower()], self._job.metadata)
        return {"data": written, "suffix": suffix, "record": {"notes": told} | describe(written)}


def read(source: Source, task: Task, max_pixels: int) -> bytes:
    """The bytes of a photo's file.

    Raises:
        PhotoError, OSError: it cannot be read, or is larger than a file with so many pixels can be.
    """
    if task.size > _BYTES_A_PIXEL * max_pixels + _ROOM:
        raise PhotoError(f"has {task.size:,} bytes, more than {max_pixels:,} pixels can need; check the file")
    return source.read(task.name)


def died(source: Source, task: Task, ending: str) -> Outcome:
    """The outcome of a photo on which workers have died again and again, the last one like this."""
    why = "it may need more memory than there is, or be damaged in a way that decoders do not bear"
    return Outcome(task.name, error=f"{source.shown(task.name)}: a worker died on it twice ({ending}): {why}")

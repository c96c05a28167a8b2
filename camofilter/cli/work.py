"""Working through photos one by one: opening them, showing how far it is, and what went wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import camofilter
from camofilter.cli.outputs import Outputs
from camofilter.cli.printing import Record, complain
from camofilter.errors import PhotoError, UsageError, reason

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from camofilter.photo import Photo


def opened(path: str, max_pixels: int | None) -> Photo:
    """A photo given on the command line, with no more than so many pixels."""
    from camofilter.photo import DEFAULT_MAX_PIXELS

    return camofilter.open_photo(path, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)


def opened_for(outputs: Outputs, given: str, max_pixels: int | None) -> tuple[Photo, Path]:
    """A photo and the file to write for it, checked before any work is done."""
    from camofilter.photo import output_suffix

    photo = opened(given, max_pixels)
    return photo, outputs.claim(given, output_suffix(photo, Path(given)))


def seconds_since(start: float) -> float:
    """Wall time since a ``perf_counter``, to the millisecond."""
    return round(time.perf_counter() - start, 3)


def each(
    inputs: list[str],
    work: Callable[[str, Bar], list[Record]],
    show: Callable[[Record], None],
    as_json: bool,
    *,
    outputs: Sequence[Outputs] = (),
    in_folders: str = "give the photos in it, such as {folder}/*.jpg",
) -> list[Record]:
    """Works through the photos and shows each result, or why there is none, as it comes.

    What is certain to fail is told first, before a photo is opened and before anything is loaded for the others.

    Args:
        inputs: the photos.
        work: makes the records of one photo.
        show: prints a record of a photo that was done.
        as_json: print errors as JSON too, and no progress.
        outputs: where the results are to go.
        in_folders: what to do where a folder was given, which is {folder} in it.

    Returns:
        All records; those with "error" are of photos that were not done.

    Raises:
        UsageError: what is wrong concerns all photos.
    """
    records: list[Record] = []

    def tell(found: list[Record]) -> None:
        for record in found:
            if "error" in record and not as_json:
                complain(record["error"])
            else:
                show(record)
        records.extend(found)

    ready = []
    for given in inputs:
        if refused := _refusal(given, outputs, in_folders):
            tell([{"input": given, "error": refused}])
        else:
            ready.append(given)
    with Bar(len(ready), as_json) as bar:
        for given in ready:
            try:
                found = work(given, bar)
            except UsageError:
                raise
            except Exception as error:  # whatever it is, the other photos must not suffer from it
                found = [{"input": given, "error": reason(given, error)}]
            bar.photo_done(failed=any("error" in record for record in found))
            tell(found)
    return records


def _refusal(given: str, outputs: Sequence[Outputs], in_folders: str) -> str | None:
    """Why a photo cannot be done, as far as that is certain before it is opened."""
    from camofilter.photo.core import naming

    try:
        with naming(given):
            os.stat(given)
        if os.path.isdir(given):
            raise PhotoError(f"{given}: is a folder: {in_folders.format(folder=given)}")
        for one in outputs:
            one.check(given)
    except PhotoError as error:
        return str(error)
    return None


def exit_code(records: list[Record]) -> int:
    """0 if every photo was done, and hidden as far as was asked where that was the job; else 1."""
    return int(any("error" in record or record.get("survives") is False for record in records))


class Bar:
    """Progress on the terminal: one bar from the first photo to the last, and in words what is done; none with JSON.

    Args:
        photos: how many there are.
        as_json: there is to be no bar.
        steady: whether its pace so far tells how long the rest will take, so that it can be said.
    """

    def __init__(self, photos: int, as_json: bool = False, *, steady: bool | None = None) -> None:
        self._photos, self._done, self._failed, self._start = photos, 0, 0, time.monotonic()
        shown = sys.stderr.isatty() and not as_json and photos > 0
        self._rich = _rich_progress(photos > 1 if steady is None else steady) if shown else None

    def __enter__(self) -> Self:
        if self._rich:
            self._rich.start()
            self._task = self._rich.add_task("", total=self._photos, count="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._rich:
            self._rich.stop()

    def at(self, share: float, stage: str) -> None:
        """Shows how far the present photo is, 0 to 1, and what is being done with it."""
        self._show(self._done + share, stage)

    def part(self, begin: float, length: float) -> Part:
        """A part of what is done with the present photo: one of several results."""
        return Part(self, begin, length)

    def photo_done(self, failed: bool = False) -> None:
        """Shows that one more photo is finished, or has failed."""
        self._done, self._failed = self._done + 1, self._failed + failed
        self._show(self._done, "")

    def _rate(self) -> str:
        if not self._done or self._photos == 1:
            return ""
        seconds = (time.monotonic() - self._start) / self._done
        rate = f"{seconds:.1f} s a photo" if seconds >= 1 else f"{1 / seconds:.1f} photos a second"
        return f"{rate}, {self._failed:,} failed" if self._failed else rate

    def _show(self, completed: float, stage: str) -> None:
        if self._rich:
            one = self._photos == 1
            count = f"{100 * completed:.0f} %" if one else f"{self._done:,} of {self._photos:,}"
            note = ", ".join(filter(None, (stage, self._rate())))
            self._rich.update(self._task, completed=completed, description=note, count=count)


class Part(NamedTuple):
    """A part of the bar of one photo, such as one of several looks for it: where it begins, 0 to 1, and its length."""

    bar: Bar
    begin: float
    length: float

    def at(self, share: float, stage: str) -> None:
        """Shows how far the part is, 0 to 1, and what is being done."""
        self.bar.at(self.begin + self.length * share, stage)


def _rich_progress(steady: bool) -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = [BarColumn(), TextColumn("{task.fields[count]}"), TextColumn("{task.description}")]
    remaining = [TimeRemainingColumn()] if steady else []
    # Lines for standard output go above the bar if they go to the same terminal, else where they belong.
    above = sys.stdout.isatty()
    return RichProgress(*columns, *remaining, console=Console(stderr=True), transient=True, redirect_stdout=above)

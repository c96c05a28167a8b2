"""Working through photos one by one: opening them, showing how far it is, and what went wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import camofilter
from camofilter.cli.outputs import Outputs
from camofilter.cli.printing import Record, complain
from camofilter.errors import UsageError, reason

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from camofilter.optim import Progress
    from camofilter.photo import Photo


def opened(path: str, max_pixels: int | None) -> Photo:
    """A photo given on the command line, with no more than so many pixels."""
    from camofilter.photo import DEFAULT_MAX_PIXELS

    return camofilter.open_photo(path, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)


def opened_for(outputs: Outputs, given: str, max_pixels: int | None) -> tuple[Photo, Path]:
    """A photo and the file to write for it, checked before any work is done."""
    from camofilter.photo import check_output, output_suffix

    photo = opened(given, max_pixels)
    output = outputs.claim(given, output_suffix(photo, Path(given)))
    check_output(output)
    return photo, output


def seconds_since(start: float) -> float:
    """Wall time since a ``perf_counter``, to the millisecond."""
    return round(time.perf_counter() - start, 3)


def each(
    inputs: list[str],
    work: Callable[[str, Bar], list[Record]],
    show: Callable[[Record], None],
    as_json: bool,
) -> list[Record]:
    """Works through the photos and shows each result, or why there is none, as it comes.

    Args:
        inputs: the photos.
        work: makes the records of one photo.
        show: prints a record of a photo that was done.
        as_json: print errors as JSON too, and no progress.

    Returns:
        All records; those with "error" are of photos that were not done.

    Raises:
        UsageError: what is wrong concerns all photos.
    """
    records: list[Record] = []
    with Bar(len(inputs), as_json) as bar:
        for given in inputs:
            try:
                found = work(given, bar)
            except UsageError:
                raise
            except Exception as error:  # whatever it is, the other photos must not suffer from it
                found = [{"input": given, "error": reason(given, error)}]
            bar.photo_done(failed=any("error" in record for record in found))
            for record in found:
                if "error" in record and not as_json:
                    complain(record["error"])
                else:
                    show(record)
            records += found
    return records


def exit_code(records: list[Record]) -> int:
    """0 if every photo was done, and hidden where that was the job; else 1."""
    return int(any("error" in record or record.get("camouflaged") is False for record in records))


class Bar:
    """Progress on the terminal: the photos, or for a single one the steps of its search; none while JSON is printed."""

    def __init__(self, photos: int, as_json: bool = False) -> None:
        self._photos, self._done, self._failed, self._start = photos, 0, 0, time.monotonic()
        self._rich = _rich_progress() if sys.stderr.isatty() and not as_json else None

    def __enter__(self) -> Self:
        if self._rich:
            self._rich.start()
            self._task = self._rich.add_task("", total=self._photos)
        return self

    def __exit__(self, *_: object) -> None:
        if self._rich:
            self._rich.stop()

    def searching(self, progress: Progress) -> None:
        """Shows a step of the search in the current photo."""
        if self._photos == 1:
            self._show(
                progress.step,
                progress.steps,
                f"{abs(progress.exposure):.1f} points {'above' if progress.exposure >= 0 else 'below'}",
            )
        else:
            self._show(self._done + progress.step / progress.steps, self._photos, self._rate())

    def stepping(self, done: float, total: float, note: str) -> None:
        """Shows how far a single long job is."""
        self._show(done, total, note)

    def photo_done(self, failed: bool = False) -> None:
        """Shows that one more photo is finished, or has failed."""
        self._done, self._failed = self._done + 1, self._failed + failed
        self._show(self._done, self._photos, self._rate())

    def _rate(self) -> str:
        if not self._done:
            return ""
        seconds = (time.monotonic() - self._start) / self._done
        rate = f"{seconds:.1f} s a photo" if seconds >= 1 else f"{1 / seconds:.1f} photos a second"
        return f"{rate}, {self._failed:,} failed" if self._failed else rate

    def _show(self, completed: float, total: float, note: str) -> None:
        if self._rich:
            self._rich.update(self._task, completed=completed, total=total, description=note)


def _rich_progress() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    # Lines for standard output go above the bar if they go to the same terminal, else where they belong.
    above = sys.stdout.isatty()
    return RichProgress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=above)

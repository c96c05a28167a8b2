"""An evaluation for other programs: a table of its photos, and figures of its runs."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import Any

from camofilter.evaluation.results import FOR_THE_JURY, Evaluation, Measures, PhotoResult, RunResult

Cell = str | int | float


def to_csv(evaluation: Evaluation) -> str:
    """``csv_rows`` as text, a line each; what is not known is an empty cell.

    Text that a spreadsheet would take for a formula, such as a file called ``=1+1``, gets an apostrophe before it.
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([_inert(cell) for cell in row] for row in csv_rows(evaluation))
    return file.getvalue()


def _inert(cell: Cell | None) -> Cell | None:
    """A cell that no spreadsheet computes; the first letters to mind are those of OWASP's page "CSV Injection"."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return "'" + cell
    return known(cell) if isinstance(cell, float) else cell


def csv_rows(evaluation: Evaluation) -> list[list[Cell | None]]:
    """A row for each photo of each run, in the order of the runs and their photos, below a row of headings.

    Columns: run, photo, file; for each judge, its name before each: before, after, where it says what it sees
    sees_before and sees_after, and hidden (1 or 0); all of ``Measures``; variance of the photo's first score over the
    runs; recipe, in words.
    """
    judges = evaluation.judges
    says = [_says_what_it_sees(evaluation, place) for place in range(len(judges))]
    heading: list[Cell | None] = ["run", "photo", "file"]
    for judge, says_so in zip(judges, says, strict=True):
        names = ("before", "after", *(("sees_before", "sees_after") if says_so else ()), "hidden")
        heading += [f"{judge.name}_{name}" for name in names]
    table = [[*heading, *Measures._fields, "variance", "recipe"]]
    variances = evaluation.variances()
    for run in evaluation.runs:
        for result in run.photos:
            row: list[Cell | None] = [run.code, result.photo, result.file]
            for judge, says_so, one in zip(judges, says, result.judged, strict=True):
                seen = (one.sees_before, one.sees_after) if says_so else ()
                row += [one.before, one.after, *seen, int(not judge.sees(one.after))]
            table.append([*row, *result.measures, variances.get(result.photo), look(result)])
    return table


def _says_what_it_sees(evaluation: Evaluation, place: int) -> bool:
    """Whether the judge of this place told so of any photo."""
    judged = (result.judged[place] for run in evaluation.runs for result in run.photos)
    return any(one.sees_before or one.sees_after for one in judged)


def look(result: PhotoResult) -> str:
    """A photo's recipe in words; empty without one."""
    return result.recipe.in_words() if result.recipe else ""


def to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """All that is said of whole runs, for JSON; what is not known is None.

    Keys: task; originals, how many; judges with name, version, low, high, threshold, reason and falls; aesthetic, its
    model; runs with run, judges (a ``Summary`` by each), manual (the same of the photos for changes by hand, where
    there are some) and means of ``Measures``; faults, all of them; most_varied, the photos that differ most over the
    runs.
    """
    return {
        "task": evaluation.task,
        "originals": len(evaluation.originals),
        "judges": [
            {"name": judge.name, "version": judge.version, **asdict(judge.scale)} for judge in evaluation.judges
        ],
        "aesthetic": evaluation.aesthetic,
        "runs": [run_figures(evaluation, run) for run in evaluation.runs],
        "faults": [fault._asdict() for fault in evaluation.all_faults()],
        "most_varied": [{"photo": photo, "variance": variance} for photo, variance in most_varied(evaluation)],
    }


def run_figures(evaluation: Evaluation, run: RunResult) -> dict[str, Any]:
    """What :func:`to_dict` says of a run."""

    def judges(among: frozenset[str] | None) -> list[dict[str, Any]]:
        found = [(judge.name, evaluation.summary(run, i, among)) for i, judge in enumerate(evaluation.judges)]
        return [{"judge": name} | {k: known(v) for k, v in summary._asdict().items()} for name, summary in found]

    manual = {"manual": judges(evaluation.manual)} if evaluation.manual else {}
    means = {measure: known(run.mean(measure)) for measure in Measures._fields}
    return {"run": run.code, "judges": judges(None), **manual, "means": means}


def known(value: float | None) -> float | None:
    """A number that JSON knows; None for nan and the infinite."""
    return value if value is not None and math.isfinite(value) else None


def most_varied(evaluation: Evaluation) -> list[tuple[str, float]]:
    """The photos that the jury would see, with their variances."""
    return list(evaluation.variances().items())[:FOR_THE_JURY]


def utf8(text: str) -> bytes:
    """Bytes of a text in which names of files that are no UTF-8 may stand."""
    return text.encode("utf-8", "backslashreplace")

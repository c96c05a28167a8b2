"""The report of an evaluation: a web page that needs no network, contact sheets, and tables for other programs.

In its folder: ``report.html``, ``sheet-CODE.png`` for each run with photos, ``photos.csv``, ``summary.json``.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from camofilter.biqa.target import Scale
from camofilter.errors import UsageError
from camofilter.evaluation import figures
from camofilter.evaluation.pages import data_uri, rendered
from camofilter.evaluation.records import known, look, most_varied, to_csv, to_dict, utf8
from camofilter.evaluation.results import Evaluation, Judge, PhotoResult, RunResult, Summary
from camofilter.evaluation.tasks import TASKS
from camofilter.optim.visibility import in_words
from camofilter.photo.core import Photo, naming
from camofilter.photo.writing import check_all_free, write_atomically
from camofilter.sheets import draw, thumbnail

Original = Callable[[str], Photo]
Version = Callable[[str, str], Photo]

PAGE, TABLE, SUMMARY = "report.html", "photos.csv", "summary.json"
SHEET_PAIRS, SHEET_COLUMNS = 24, 3
PICTURE = 512  # pixels of a picture's longer side in the page
# Base64 characters of pictures in the page: with all else, it stays below about 40 MB.
PAGE_BUDGET = 36_000_000
_WEBP_QUALITY = 80
_SVG = "image/svg+xml"


def write(
    evaluation: Evaluation,
    original: Original,
    version: Version,
    folder: Path,
    *,
    force: bool,
    progress: Callable[[], None] | None = None,
) -> list[Path]:
    """Writes the report, all of it or, where something is refused or fails to be made, nothing.

    Args:
        evaluation: what was found.
        original: gives a photo by its name, prepared as the runs had it.
        version: gives a run's photo by the run's code and the original's name.
        folder: for the files; made where it is missing.
        force: replace existing files.
        progress: called once for each photo of each run.

    Returns:
        The files written.

    Raises:
        UsageError: a package is missing, a run's code cannot be part of a file's name, or a file exists already.
        PhotoError: a photo cannot be read any more, or a file cannot be written.
    """
    check([run.code for run in evaluation.runs], folder, force=force)
    with naming(folder):  # before the work, as it may be a file, or on a disk that is not to be written to
        folder.mkdir(parents=True, exist_ok=True)
    page = _page(evaluation, original, version, progress or (lambda: None))
    summary = json.dumps(to_dict(evaluation), indent=2, allow_nan=False) + "\n"
    contents = {PAGE: utf8(page), TABLE: utf8(to_csv(evaluation)), SUMMARY: utf8(summary)}
    for run in filter(lambda run: run.photos, evaluation.runs):
        contents[_sheet_name(run.code)] = _sheet(evaluation, run, original, version)
    for name, data in contents.items():
        with naming(folder / name):
            write_atomically(folder / name, data, force)
    return [folder / name for name in contents]


def check(codes: Sequence[str], folder: Path, *, force: bool) -> None:
    """Refuses what :func:`write` could not write, before the runs of these codes are evaluated; raises UsageError."""
    for package in ("matplotlib", "jinja2"):
        if find_spec(package) is None:
            raise UsageError(f"a report is made with {package}, which is missing: pip install 'camofilter[report]'")
    for code in codes:
        if not code.isprintable() or {"/", "\\"} & set(code):
            raise UsageError(f"run code {code!r} cannot be part of a file's name: use letters, digits, - and _")
    if len({code.lower() for code in codes}) < len(codes):
        raise UsageError(f"two runs have the same code: {', '.join(codes)}; rename one of them")
    check_all_free((folder / name for name in (PAGE, TABLE, SUMMARY, *map(_sheet_name, codes))), force)


def _sheet_name(code: str) -> str:
    return f"sheet-{code}.png"


# Contact sheets


def _sheet(evaluation: Evaluation, run: RunResult, original: Original, version: Version) -> bytes:
    """PNG of a run's photos before and after, those seen best first."""
    scale = evaluation.judges[0].scale
    pictures: list[tuple[str, Image.Image]] = []
    for result in evaluation.worst_first(run)[:SHEET_PAIRS]:
        judged = result.judged[0]
        pictures.append((_label(result.photo), thumbnail(original(result.photo))))
        after = f"{_score(judged.before, scale)} to {_score(judged.after, scale)}"  # the sheets' font has no arrow
        pictures.append((after, thumbnail(version(run.code, result.photo))))
    file = io.BytesIO()
    draw({"": pictures}, columns=2 * SHEET_COLUMNS).save(file, "PNG")
    return file.getvalue()


def _label(name: str) -> str:
    """A name that fits above a picture, on one line."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= 38 else f"{shown[:26]}…{shown[-11:]}"


# The page


class _Card(NamedTuple):
    """A photo of a run as the page shows it.

    Attributes:
        result: what was found.
        before, after: places of its pictures in the page's list.
        width, height: of the pictures, in pixels.
    """

    result: PhotoResult
    before: int
    after: int
    width: int
    height: int


class _Pictures:
    """The pictures of a page, each there once, worst photos of all runs first until they would be too much to load."""

    def __init__(self, evaluation: Evaluation, original: Original, version: Version, progress: Callable[[], None]):
        self.uris: list[str] = []
        self.cards: dict[str, list[_Card]] = {run.code: [] for run in evaluation.runs}
        self._places: dict[str, int] = {}
        ranked = {run.code: evaluation.worst_first(run) for run in evaluation.runs}
        full = False
        for rank in range(max(map(len, ranked.values()), default=0)):
            for code, results in ranked.items():
                if rank < len(results):
                    if not full:
                        self._add(code, results[rank], original, version)
                    progress()
            # As many of every run, but for runs that have fewer.
            full = full or sum(map(len, self.uris)) * (rank + 2) > PAGE_BUDGET * (rank + 1)

    def _add(self, code: str, result: PhotoResult, original: Original, version: Version) -> None:
        if result.photo not in self._places:
            self._places[result.photo] = self._embed(thumbnail(original(result.photo), PICTURE))
        picture = thumbnail(version(code, result.photo), PICTURE)
        self.cards[code].append(_Card(result, self._places[result.photo], self._embed(picture), *picture.size))

    def _embed(self, picture: Image.Image) -> int:
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=_WEBP_QUALITY)
        self.uris.append(data_uri("image/webp", file.getvalue()))
        return len(self.uris) - 1


def _page(evaluation: Evaluation, original: Original, version: Version, progress: Callable[[], None]) -> str:
    pictures = _Pictures(evaluation, original, version, progress)
    scatter = figures.scatter(evaluation)
    return rendered(
        PAGE,
        {"number": _number, "percent": _percent, "score": _score, "sha256": _sha256},
        evaluation=evaluation,
        judge=evaluation.judges[0],
        jpeg_quality=TASKS[evaluation.task].jpeg_quality,
        has_recipes=any(run.mean("reach") is not None for run in evaluation.runs),
        others=_others(evaluation),
        histograms={code: data_uri(_SVG, svg) for code, svg in figures.histograms(evaluation).items()},
        scatter=scatter and data_uri(_SVG, scatter),
        most_varied=[(photo, variance, *_range(evaluation, photo)) for photo, variance in most_varied(evaluation)],
        cards=pictures.cards,
        uris=pictures.uris,
        other_judges=lambda result: list(zip(evaluation.judges, result.judged, strict=True))[1:],
        look=look,
        in_words=in_words,
    )


class _Other(NamedTuple):
    """The runs by another judge than the first, or by the photos for changes by hand alone."""

    title: str
    judge: Judge
    summaries: list[tuple[str, Summary]]


def _others(evaluation: Evaluation) -> list[_Other]:
    def by(place: int, title: str, among: frozenset[str] | None) -> _Other:
        summaries = [(run.code, evaluation.summary(run, place, among)) for run in evaluation.runs]
        return _Other(title, evaluation.judges[place], summaries)

    names = [judge.name for judge in evaluation.judges]
    found = [by(place, name, None) for place, name in enumerate(names)][1:]
    if evaluation.manual:
        title = f"the {len(evaluation.manual)} photos for changes by hand"
        found += [by(place, f"{name}, {title}", evaluation.manual) for place, name in enumerate(names)]
    return found


def _range(evaluation: Evaluation, photo: str) -> tuple[float, float]:
    """Lowest and highest first score of a photo after, over the runs."""
    scores = [result.judged[0].after for run in evaluation.runs for result in run.photos if result.photo == photo]
    return min(scores), max(scores)


def _number(value: float | None, decimals: int) -> str:
    """A number for people; a dash for what is not known."""
    return "–" if known(value) is None else f"{value:.{decimals}f}"


def _percent(value: float | None, decimals: int = 1) -> str:
    """A share of 0 to 1 for people; a dash for what is not known."""
    return "–" if known(value) is None else f"{value:.{decimals}%}".replace("%", "\u00a0%")


def _score(value: float, scale: Scale) -> str:
    """A score for people, to about a tenth of a point of its scale."""
    return _number(value, 1 if scale.points < 5 else 2)


def _sha256(text: str) -> str:
    """How a page's content security policy names the one script or style it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""The jury: a page on which people pick the most and the least appealing versions of photos, without knowing whose.

After the appeal test of Pixel Privacy at MediaEval 2020 (CEUR-WS Vol-2882): 7 people saw 20 photos, and of each the
versions of all runs, of which they picked the 3 most and the 2 least appealing.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from camofilter.errors import UsageError
from camofilter.evaluation.pages import data_uri, rendered
from camofilter.photo import Photo, encode_photo
from camofilter.photo.core import naming
from camofilter.photo.writing import check_all_free, write_atomically

PAGE, KEY = "jury.html", "key.json"


class Ballot(NamedTuple):
    """A photo as the jury sees it.

    Attributes:
        photo: its number on the page, from 1.
        name: of the original, which the page does not tell.
        most, least: how many versions each juror picks.
        versions: run codes by the versions' opaque codes, in the order of the page.
    """

    photo: int
    name: str
    most: int
    least: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Key:
    """What the organiser keeps: which version is whose.

    Attributes:
        jury: the jury's id, which its page and votes carry too.
        seed: by which the page was shuffled.
        runs: run codes in the order in which they were given.
        ballots: the photos in the order of the page.
    """

    jury: str
    seed: int
    runs: tuple[str, ...]
    ballots: tuple[Ballot, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :meth:`from_dict` reads it back."""
        return asdict(self) | {"ballots": [ballot._asdict() for ballot in self.ballots]}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """From what :meth:`to_dict` gave; KeyError, TypeError, ValueError or AttributeError for anything else."""
        ballots = tuple(
            Ballot(
                int(one["photo"]), str(one["name"]), int(one["most"]), int(one["least"]), dict(one["versions"].items())
            )
            for one in data["ballots"]
        )
        if not ballots or not all(set(ballot.versions.values()) <= set(data["runs"]) for ballot in ballots):
            raise ValueError("runs and ballots do not fit together")
        return cls(str(data["jury"]), int(data["seed"]), tuple(data["runs"]), ballots)


class Made(NamedTuple):
    """A jury.

    Attributes:
        key: which version is whose.
        page: the file for jurors.
        key_file: the file for the organiser.
    """

    key: Key
    page: Path
    key_file: Path


def picks(versions: int) -> tuple[int, int]:
    """How many of so many versions are picked as most and as least appealing: 3 and 2 of five or more, else fewer."""
    return min(3, (versions + 1) // 2), min(2, versions // 2)


def make(
    runs: Sequence[str],
    photos: Sequence[str],
    version: Callable[[str, str], Photo | None],
    folder: Path,
    *,
    original: Callable[[str], Photo | None] | None = None,
    seed: int,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Made:
    """Writes ``jury.html``, one file that works offline and that jurors get, and ``key.json``, which they must not see.

    Nothing on the page tells a run: photos and versions are shuffled and have numbers and codes in place of names. So
    that 20 photos of 10 runs take some 30 MB and not 90, pictures are JPEGs of quality 95 without subsampling and
    metadata.
    The same seed and photos give the same bytes.

    Args:
        runs: run codes, at least 2.
        photos: names of the photos to show.
        version: the photo that a run (first) made of a photo (second); None where it has none.
        folder: for both files; made where it is not there.
        original: the photo itself, which jurors can then look at; None for those without.
        seed: of codes and orders; the jurors should not know it either.
        force: replace what is there.
        progress: called with each photo's name when it is done.

    Raises:
        UsageError: fewer than 2 runs, no photos, a photo that fewer than 2 runs have, or files that are there already;
            told before anything is read but for the third.
        PhotoError: the files cannot be written, or whatever ``version`` and ``original`` raise.
    """
    if len(runs) < 2:
        raise UsageError(f"{len(runs)} run for a jury; expected at least 2: give more folders or zips of runs")
    if not photos:
        raise UsageError("no photos for a jury: expected at least one that two runs have")
    check(folder, force=force)
    drawn = random.Random(seed)
    ballots, shown = [], []
    for number, name in enumerate(drawn.sample(photos, len(photos)), 1):
        versions = {run: photo for run in runs if (photo := version(run, name)) is not None}
        if len(versions) < 2:
            raise UsageError(f"photo {name}: is in {len(versions)} of the runs; expected at least 2: leave it out")
        order = drawn.sample(list(versions), len(versions))
        codes = [f"{code:08x}" for code in drawn.sample(range(1 << 32), len(order))]
        ballots.append(Ballot(number, name, *picks(len(order)), dict(zip(codes, order, strict=True))))
        before = original(name) if original else None
        shown.append(_shown(ballots[-1], [versions[run] for run in order], before))
        if progress:
            progress(name)
    jury = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:12]
    key = Key(jury, seed, tuple(runs), tuple(ballots))
    made = Made(key, folder / PAGE, folder / KEY)
    _write(made.key_file, json.dumps(key.to_dict(), indent=2, ensure_ascii=False) + "\n", force)
    _write(made.page, rendered(PAGE, {}, jury={"jury": jury, "photos": shown}), force)
    return made


def check(folder: Path, *, force: bool) -> None:
    """Refuses a folder where a jury is already (UsageError), before photos are chosen."""
    check_all_free((folder / PAGE, folder / KEY), force)


def _shown(ballot: Ballot, versions: Sequence[Photo], original: Photo | None) -> dict[str, Any]:
    """What the page knows of a photo."""
    return {
        "photo": ballot.photo,
        "most": ballot.most,
        "least": ballot.least,
        "width": versions[0].width,
        "height": versions[0].height,
        "versions": [
            {"code": code, "picture": _picture(photo)} for code, photo in zip(ballot.versions, versions, strict=True)
        ],
        "original": _picture(original) if original else None,
    }


def _picture(photo: Photo) -> str:
    """A data: URI. Without what its file said, every photo becomes the same kind of JPEG: quality 95, 4:4:4."""
    jpeg = encode_photo(Photo.from_array(photo.pixels), "JPEG", metadata="none")
    return data_uri("image/jpeg", jpeg)


def _write(path: Path, text: str, force: bool) -> None:
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode(), force)

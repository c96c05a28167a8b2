"""Counting a jury's votes: which run people find most appealing, how sure that is, and how far the jurors agree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from camofilter.errors import UsageError
from camofilter.evaluation.jury import Ballot, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_Read = TypeVar("_Read")
_NEITHER, _MOST, _LEAST = range(3)
_NOT_SHOWN = -1


class RunTally(NamedTuple):
    """How the jury liked a run.

    Attributes:
        run: its code.
        rank: from 1, by ``most``; runs with as many share a rank, and ``least`` breaks no tie, as in 2020.
        most, least: how often it was picked as such.
        chances: how often it could have been: once a juror and photo, where the run has the photo.
        share: ``most`` of ``chances``, 0 to 1; None without chances.
        interval: 95 % interval of the share; None for fewer than 2 jurors or 2 photos, which tell nothing of others.
    """

    run: str
    rank: int
    most: int
    least: int
    chances: int
    share: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Tally:
    """The jury's verdict.

    Attributes:
        jury: its id.
        jurors: how many voted.
        photos: how many were shown.
        unfinished: photos judged by each juror who judged fewer than all, by the file of the votes.
        runs: best first; those of one rank in the order of the key.
        kappa: agreement of the jurors on most, least or neither (:func:`fleiss_kappa`); None where it is not defined.
        seed, draws: of the bootstrap.
    """

    jury: str
    jurors: int
    photos: int
    unfinished: dict[str, int]
    runs: tuple[RunTally, ...]
    kappa: float | None
    seed: int
    draws: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"runs": [run._asdict() for run in self.runs]}

    def in_words(self) -> list[str]:
        """For people: one line for the jury, one for each run and each unfinished file, one for the agreement."""
        lines = [f"{_number(self.jurors, 'juror')}, {_number(self.photos, 'photo')}"]
        for file, judged in self.unfinished.items():
            lines.append(f"{file}: unfinished, {judged} of {_number(self.photos, 'photo')}; counted as far as it goes")
        for run in self.runs:
            share = "never shown" if run.share is None else f"{run.share:.1%} of {_number(run.chances, 'chance')}"
            interval = f" (95 % interval {run.interval[0]:.1%} to {run.interval[1]:.1%})" if run.interval else ""
            lines.append(f"{run.rank}. {run.run}: most appealing {run.most}×, {share}{interval}; least {run.least}×")
        kappa = "not defined" if self.kappa is None else f"{self.kappa:.2f} (1 is full agreement, 0 that of chance)"
        lines.append(f"agreement of the jurors, Fleiss' kappa: {kappa}")
        return lines


def tally(votes: Sequence[Path], key: Path, *, seed: int = 0, draws: int = 10_000) -> Tally:
    """Counts the votes of a jury.

    Args:
        votes: the files that jurors downloaded, one each.
        key: the ``key.json`` of their jury.
        seed: of the bootstrap.
        draws: of the bootstrap.

    Raises:
        UsageError: no votes, a file that cannot be read or is no vote of this jury, or a juror who voted twice.
    """
    if not votes:
        raise UsageError("no votes to count; expected files such as votes-….json: give those that the jurors sent")
    known = _read(key, "key of a jury: give the key.json that 'camofilter jury make' wrote", Key.from_dict)
    cast = [_read(path, _NO_VOTE, partial(_Vote.checked, known, path)) for path in votes]
    by_juror: dict[str, Path] = {}
    for vote, path in zip(cast, votes, strict=True):
        if vote.juror in by_juror:
            raise UsageError(f"{path}: same juror as in {by_juror[vote.juror]}; expected each once: leave one out")
        by_juror[vote.juror] = path
    return _counted(known, cast, votes, seed, draws)


def fleiss_kappa(counts: NDArray[np.int64]) -> float | None:
    """Agreement of raters beyond chance (Fleiss 1971, Psychological Bulletin 76), 1 at best, 0 for that of chance.

    κ = (P − Pe) / (1 − Pe). With nᵢⱼ raters of nᵢ who put item i into category j, P is the mean over items of
    Σⱼ nᵢⱼ(nᵢⱼ − 1) / (nᵢ(nᵢ − 1)), the share of pairs of raters who agree, and Pe = Σⱼ pⱼ² with pⱼ the mean over items
    of nᵢⱼ / nᵢ. Items may have different numbers of raters, which Fleiss's have not, and all weigh the same; those
    with fewer than two tell nothing of agreement and are left out. With equal numbers this is Fleiss's formula.

    Args:
        counts: nᵢⱼ, items × categories.

    Returns:
        κ; None without items, or where all are in the same category, so that there is nothing to agree on.
    """
    raters = counts.sum(1, keepdims=True)
    rated = raters[:, 0] > 1
    counts, raters = counts[rated], raters[rated]
    if np.count_nonzero(counts.any(0)) < 2:
        return None
    agreement = float((counts * (counts - 1) / (raters * (raters - 1))).sum(1).mean())
    by_chance = float(((counts / raters).mean(0) ** 2).sum())
    return (agreement - by_chance) / (1 - by_chance)


def bootstrap(
    hits: NDArray[np.bool_], chances: NDArray[np.bool_], *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float] | None:
    """95 % interval of the share of chances that were hits, for other jurors and other photos.

    In each draw as many jurors as there are, and as many photos, are drawn with replacement, independently of each
    other (Owen 2007, Annals of Applied Statistics 1(2), which calls this the pigeonhole bootstrap); the interval goes
    from the 2.5th to the 97.5th percentile of the shares (Efron and Tibshirani 1993, An Introduction to the
    Bootstrap, chapter 13). Where every chance is a hit, or none, it is a point: nothing can be drawn that was not seen.

    Args:
        hits: jurors × photos; only where there is a chance.
        chances: jurors × photos.
        seed: of the draws.
        draws: how many.

    Returns:
        The interval; None for fewer than 2 jurors or 2 photos with chances.
    """
    jurors, photos = np.count_nonzero(chances.any(1)), np.count_nonzero(chances.any(0))
    if min(jurors, photos) < 2:
        return None
    hits, chances = (one[chances.any(1)][:, chances.any(0)].astype(float) for one in (hits, chances))
    random = np.random.default_rng(seed)
    times_juror, times_photo = (random.multinomial(n, np.full(n, 1 / n), draws).astype(float) for n in hits.shape)
    found, possible = (((times_juror @ one) * times_photo).sum(1) for one in (hits, chances))
    low, high = np.percentile(found[possible > 0] / possible[possible > 0], [2.5, 97.5])
    return float(low), float(high)


_NO_VOTE = "vote: give the files that jurors downloaded, as they are"


def _read(path: Path, expected: str, parse: Callable[[Any], _Read]) -> _Read:
    """What a JSON file holds; UsageError if it cannot be read or is not what was expected."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path}: cannot be read ({reason}); expected a {expected}") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not JSON ({error}); expected a {expected}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise UsageError(f"{path}: JSON of something else; expected a {expected}") from None


class _Vote(NamedTuple):
    """A juror's picks: codes as most and as least appealing, by the photo's number."""

    juror: str
    picked: dict[int, tuple[list[str], list[str]]]

    @classmethod
    def checked(cls, key: Key, path: Path, data: Any) -> _Vote:
        """From a file's JSON, held against the key; errors as of :func:`_read`'s parse."""
        if data["jury"] != key.jury:
            raise UsageError(
                f"{path}: a vote of jury {data['jury']!r:.20}; expected one of {key.jury}:"
                " give its own key, or leave it out"
            )
        ballots = {ballot.photo: ballot for ballot in key.ballots}
        picked: dict[int, tuple[list[str], list[str]]] = {}
        for one in data["votes"]:
            photo = one["photo"]
            if photo not in ballots:
                raise UsageError(f"{path}: votes on photo {photo!r:.20}; expected 1 to {len(ballots)}: {_ASK_AGAIN}")
            if photo in picked:
                raise UsageError(f"{path}: votes on photo {photo} twice; expected once: {_ASK_AGAIN}")
            picked[photo] = _picks(one, ballots[photo], path)
        if not isinstance(data["juror"], str):
            raise TypeError
        return cls(data["juror"], picked)


_ASK_AGAIN = "ask the juror for the file as it was downloaded"


def _picks(one: Any, ballot: Ballot, path: Path) -> tuple[list[str], list[str]]:
    """A photo's codes as most and as least appealing, if they are as the ballot wants them."""
    most, least = list(one["most"]), list(one["least"])
    at = f"{path}: photo {ballot.photo}"
    for kind, found, expected in (("most", most, ballot.most), ("least", least, ballot.least)):
        if len(found) != expected:
            raise UsageError(f"{at} has {len(found)} picked as {kind}; expected {expected}: {_ASK_AGAIN}")
    for code in most + least:
        if code not in ballot.versions:
            raise UsageError(f"{at} has the unknown version {code!r:.20}; expected those of the page: {_ASK_AGAIN}")
    if len(set(most + least)) < len(most + least):
        raise UsageError(f"{at} has a version picked twice; expected each once: {_ASK_AGAIN}")
    return most, least


def _counted(key: Key, votes: Sequence[_Vote], files: Sequence[Path], seed: int, draws: int) -> Tally:
    opinions = _opinions(key, votes)
    most, least, chances = opinions == _MOST, opinions == _LEAST, opinions != _NOT_SHOWN
    times = most.sum((0, 1))
    runs = [
        RunTally(
            run=run,
            rank=1 + int(np.count_nonzero(times > times[r])),
            most=int(times[r]),
            least=int(least[..., r].sum()),
            chances=(possible := int(chances[..., r].sum())),
            share=int(times[r]) / possible if possible else None,
            interval=bootstrap(most[..., r], chances[..., r], seed=seed, draws=draws),
        )
        for r, run in enumerate(key.runs)
    ]
    by_category = [(opinions == category).sum(0).ravel() for category in (_MOST, _NEITHER, _LEAST)]
    judged = {str(file): len(vote.picked) for file, vote in zip(files, votes, strict=True)}
    return Tally(
        jury=key.jury,
        jurors=len(votes),
        photos=len(key.ballots),
        unfinished={file: photos for file, photos in judged.items() if photos < len(key.ballots)},
        runs=tuple(sorted(runs, key=lambda run: run.rank)),
        kappa=fleiss_kappa(np.stack(by_category, axis=1)),
        seed=seed,
        draws=draws,
    )


def _opinions(key: Key, votes: Sequence[_Vote]) -> NDArray[np.int8]:
    """What each juror thought of each photo of each run: jurors × photos × runs."""
    opinions = np.full((len(votes), len(key.ballots), len(key.runs)), _NOT_SHOWN, np.int8)
    place = {run: r for r, run in enumerate(key.runs)}
    for vote, juror in zip(votes, opinions, strict=True):
        for ballot, photo in zip(key.ballots, juror, strict=True):
            if ballot.photo in vote.picked:
                most, least = vote.picked[ballot.photo]
                for code, run in ballot.versions.items():
                    photo[place[run]] = _MOST if code in most else _LEAST if code in least else _NEITHER
    return opinions


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"

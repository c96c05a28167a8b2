"""Votes are counted as they were cast; agreement and intervals against published and brute-force figures."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter.errors import UsageError
from camofilter.evaluation.jury import Ballot, Key, picks
from camofilter.evaluation.tally import bootstrap, fleiss_kappa, tally

# Fleiss 1971: 14 raters put 10 subjects into 5 categories.
FLEISS = """
    0 0 0 0 14
    0 2 6 4 2
    0 0 3 5 6
    0 3 9 2 0
    2 2 8 1 1
    7 7 0 0 0
    3 2 6 3 0
    2 5 3 2 2
    6 5 2 1 0
    0 2 2 3 7"""


def table(text: str) -> np.ndarray:
    return np.array([[int(n) for n in line.split()] for line in text.strip().splitlines()])


def test_kappa_of_the_published_example() -> None:
    assert fleiss_kappa(table(FLEISS)) == pytest.approx(0.210, abs=5e-4)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("5 0 0\n0 5 0\n0 0 5", 1.0),
        ("1 1\n1 1", -1.0),  # two raters who never agree
        ("3 0\n0 2\n1 0", 1.0),  # one rater alone tells nothing
        ("3 0\n3 0", None),
        ("1 0\n0 1", None),
        ("0 0\n0 0", None),
    ],
)
def test_kappa_at_its_ends(counts: str, expected: float | None) -> None:
    assert fleiss_kappa(table(counts)) == (None if expected is None else pytest.approx(expected))


def test_kappa_of_chance_is_zero() -> None:
    counts = np.random.default_rng(0).multinomial(6, [0.5, 0.3, 0.2], 5000)
    assert fleiss_kappa(counts) == pytest.approx(0, abs=0.01)


@pytest.mark.slow
@given(st.lists(st.lists(st.integers(0, 2), min_size=0, max_size=6), min_size=1, max_size=6))
def test_kappa_counts_pairs_that_agree(items: list[list[int]]) -> None:
    counts = np.array([[item.count(category) for category in range(3)] for item in items])
    rated = [item for item in items if len(item) > 1]
    found = fleiss_kappa(counts)
    if len({category for item in rated for category in item}) < 2:
        assert found is None
        return
    pairs = [list(itertools.combinations(item, 2)) for item in rated]
    agreement = np.mean([np.mean([a == b for a, b in item]) for item in pairs])
    by_chance = sum(np.mean([item.count(category) / len(item) for item in rated]) ** 2 for category in range(3))
    assert found == pytest.approx((agreement - by_chance) / (1 - by_chance))


def some_hits(jurors: int, photos: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Jurors and photos that differ, and a tenth of all chances missing."""
    random = np.random.default_rng(seed)
    liking = random.uniform(0, 0.6, (jurors, 1)) + random.uniform(0, 0.4, (1, photos))
    chances = random.random((jurors, photos)) < 0.9
    return (random.random((jurors, photos)) < liking) & chances, chances


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_contains_the_share(seed: int) -> None:
    hits, chances = some_hits(7, 20, seed)
    interval = bootstrap(hits, chances)
    assert interval is not None
    assert 0 <= interval[0] < hits.sum() / chances.sum() < interval[1] <= 1


def test_the_interval_is_that_of_drawing_one_by_one() -> None:
    hits, chances = some_hits(5, 8)
    random = np.random.default_rng(7)
    shares = []
    for _ in range(20_000):
        drawn = np.ix_(random.integers(0, 5, 5), random.integers(0, 8, 8))
        shares.append(hits[drawn].sum() / chances[drawn].sum())
    assert bootstrap(hits, chances, draws=20_000) == pytest.approx(np.percentile(shares, [2.5, 97.5]), abs=0.01)


def test_more_jurors_narrow_the_interval() -> None:
    hits, chances = some_hits(6, 20)
    more = bootstrap(np.tile(hits, (20, 1)), np.tile(chances, (20, 1)))
    assert width(more) < 0.8 * width(bootstrap(hits, chances))


def test_the_interval_is_the_same_by_seed() -> None:
    hits, chances = some_hits(6, 10)
    assert bootstrap(hits, chances, seed=1) == bootstrap(hits, chances, seed=1) != bootstrap(hits, chances, seed=2)


def test_the_interval_at_its_ends() -> None:
    all_of = np.ones((4, 5), bool)
    assert bootstrap(all_of, all_of) == (1, 1)
    assert bootstrap(~all_of, all_of) == (0, 0)
    assert bootstrap(all_of[:1], all_of[:1]) is None
    assert bootstrap(all_of[:, :1], all_of[:, :1]) is None
    seldom = np.eye(3, dtype=bool)  # draws without any chance are left out
    assert bootstrap(seldom, seldom) == (1, 1)


def jury(shown: Sequence[str]) -> Key:
    """One with a photo for each string of runs; the code of run A on photo 1 is A1."""
    ballots = [
        Ballot(photo, f"{photo}.png", *picks(len(runs)), {f"{run}{photo}": run for run in runs})
        for photo, runs in enumerate(shown, 1)
    ]
    return Key("1234", 9, tuple(sorted({run for runs in shown for run in runs})), tuple(ballots))


def cast(juror: str, *picked: str, jury: str = "1234") -> dict[str, Any]:
    """A vote: for each photo runs as most/least; "" for a photo not judged."""
    votes = [
        {"photo": photo, "most": [f"{run}{photo}" for run in most], "least": [f"{run}{photo}" for run in least]}
        for photo, one in enumerate(picked, 1)
        if one
        for most, least in [one.split("/")]
    ]
    return {"jury": jury, "juror": juror, "votes": votes, "finished": "2026-01-01T00:00:00.000Z"}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., list[Path]]:
    def save(*contents: Any) -> list[Path]:
        paths = [tmp_path / f"{i}.json" for i in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(json.dumps(content.to_dict() if isinstance(content, Key) else content), encoding="utf-8")
        return paths

    return save


def test_votes_are_counted(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["ABCDE", "EDCBA"]), cast("x", "ABC/DE", "ABD/CE"), cast("y", "ABC/DE", "ACE/BD"))
    found = tally(votes, key)
    assert [(run.rank, run.run, run.most, run.least) for run in found.runs] == [
        (1, "A", 4, 0),
        (2, "B", 3, 1),
        (2, "C", 3, 1),
        (4, "D", 1, 3),  # least more often than E, which breaks no tie
        (4, "E", 1, 3),
    ]
    assert {run.chances for run in found.runs} == {4}
    assert [run.share for run in found.runs] == [1, 0.75, 0.75, 0.25, 0.25]
    assert (found.jury, found.jurors, found.photos, found.unfinished) == ("1234", 2, 2, {})
    pairs = [1] * 5 + [1, 0, 0, 0, 0]  # of A to E on photo 1, then on 2
    p_most, p_least = 12 / 20, 8 / 20
    by_chance = p_most**2 + p_least**2
    assert found.kappa == pytest.approx((np.mean(pairs) - by_chance) / (1 - by_chance))


def test_least_breaks_no_tie(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["ABCD"]), cast("x", "AB/CD"), cast("y", "AC/BD"), cast("z", "BC/AD"))
    assert [(run.rank, run.run, run.least) for run in tally(votes, key).runs] == [
        (1, "A", 1),
        (1, "B", 1),
        (1, "C", 1),
        (4, "D", 3),
    ]


def test_a_run_has_chances_where_it_was_shown(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["ABCDE", "AB", "AB"]), cast("x", "ABC/DE", "A/B", ""), cast("y", "ABC/DE", "B/A", "A/B"))
    found = {run.run: run for run in tally(votes, key).runs}
    assert {code: (run.most, run.chances) for code, run in found.items()} == {
        "A": (4, 5),
        "B": (3, 5),
        "C": (2, 2),
        "D": (0, 2),
        "E": (0, 2),
    }
    assert found["C"].interval is None  # on one photo alone
    assert found["A"].interval is not None


def test_unfinished_votes_count_as_far_as_they_go(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["AB", "AB"]), cast("x", "A/B", "A/B"), cast("y", "", "B/A"), cast("z"))
    found = tally(votes, key)
    assert found.unfinished == {str(votes[1]): 1, str(votes[2]): 0}
    assert [(run.run, run.most, run.chances) for run in found.runs] == [("A", 2, 3), ("B", 1, 3)]


def test_one_juror_agrees_with_nobody(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["ABC", "ABC"]), cast("x", "AB/C", "AC/B"))
    found = tally(votes, key)
    assert found.kappa is None
    assert {run.interval for run in found.runs} == {None}
    assert [run.share for run in found.runs] == [1, 0.5, 0.5]


def test_nobody_judged_anything(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["ABC"]), cast("x"), cast("y"))
    found = tally(votes, key)
    assert {(run.rank, run.most, run.share, run.interval) for run in found.runs} == {(1, 0, None, None)}
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kappa"] is None
    assert "1. A: most appealing 0×, never shown; least 0×" in found.in_words()


def test_jurors_who_pick_at_random_agree_by_chance(saved: Callable[..., list[Path]]) -> None:
    random = np.random.default_rng(3)

    def any_picks() -> str:
        order = "".join(random.permutation(list("ABCDEFG")))
        return f"{order[:3]}/{order[3:5]}"

    key, *votes = saved(jury(["ABCDEFG"] * 60), *(cast(f"j{i}", *(any_picks() for _ in range(60))) for i in range(12)))
    found = tally(votes, key, draws=2000)
    assert found.kappa == pytest.approx(0, abs=0.02)
    assert sum(run.most for run in found.runs) == 12 * 60 * 3
    assert sum(run.least for run in found.runs) == 12 * 60 * 2
    assert sum(run.interval[0] <= 3 / 7 <= run.interval[1] for run in found.runs if run.interval) >= 6


def test_for_machines_and_in_words(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["AB", "AB"]), cast("x", "A/B", "A/B"), cast("y", "A/B", ""))
    found = tally(votes, key, seed=4, draws=100)
    assert json.loads(json.dumps(found.to_dict())) == {
        "jury": "1234",
        "jurors": 2,
        "photos": 2,
        "unfinished": {str(votes[1]): 1},
        "runs": [
            {"run": "A", "rank": 1, "most": 3, "least": 0, "chances": 3, "share": 1.0, "interval": [1.0, 1.0]},
            {"run": "B", "rank": 2, "most": 0, "least": 3, "chances": 3, "share": 0.0, "interval": [0.0, 0.0]},
        ],
        "kappa": 1.0,
        "seed": 4,
        "draws": 100,
    }
    assert found.in_words() == [
        "2 jurors, 2 photos",
        f"{votes[1]}: unfinished, 1 of 2 photos; counted as far as it goes",
        "1. A: most appealing 3×, 100.0% of 3 chances (95 % interval 100.0% to 100.0%); least 0×",
        "2. B: most appealing 0×, 0.0% of 3 chances (95 % interval 0.0% to 0.0%); least 3×",
        "agreement of the jurors, Fleiss' kappa: 1.00 (1 is full agreement, 0 that of chance)",
    ]
    alone = tally(votes[:1], key).in_words()
    assert alone[0] == "1 juror, 2 photos"
    assert alone[-1] == "agreement of the jurors, Fleiss' kappa: not defined"


def changed(**changes: Any) -> dict[str, Any]:
    """A vote with its first photo changed."""
    vote = cast("x", "ABC/DE", "ABC/DE")
    vote["votes"][0] |= changes
    return vote


ASK = "ask the juror for the file as it was downloaded"
FORM = "expected a vote: give the files that jurors downloaded, as they are"


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        (
            cast("x", jury="99"),
            "a vote of jury '99'; expected one of 1234: give its own key, or leave it out",
        ),
        (changed(photo=3), f"votes on photo 3; expected 1 to 2: {ASK}"),
        (changed(photo="1"), f"votes on photo '1'; expected 1 to 2: {ASK}"),
        (
            cast("x", "", "ABC/DE") | {"votes": cast("x", "", "ABC/DE")["votes"] * 2},
            f"votes on photo 2 twice; expected once: {ASK}",
        ),
        (changed(most=["A1", "B1"]), f"photo 1 has 2 picked as most; expected 3: {ASK}"),
        (changed(least=["D1", "E1", "C1"]), f"photo 1 has 3 picked as least; expected 2: {ASK}"),
        (
            changed(least=["D1", "E2"]),
            f"photo 1 has the unknown version 'E2'; expected those of the page: {ASK}",
        ),
        (changed(most=["A1", "A1", "B1"]), f"photo 1 has a version picked twice; expected each once: {ASK}"),
        (changed(least=["D1", "A1"]), f"photo 1 has a version picked twice; expected each once: {ASK}"),
        (changed(photo=[1]), f"JSON of something else; {FORM}"),
        (changed(most=5), f"JSON of something else; {FORM}"),
        (changed(most=[["A1"], "B1", "C1"]), f"JSON of something else; {FORM}"),
        ([1, 2], f"JSON of something else; {FORM}"),
        ({"jury": "1234", "votes": []}, f"JSON of something else; {FORM}"),
        (cast("x") | {"juror": None}, f"JSON of something else; {FORM}"),
        (jury(["ABCDE"]).to_dict(), f"JSON of something else; {FORM}"),
    ],
)
def test_a_wrong_vote_is_refused(saved: Callable[..., list[Path]], vote: Any, message: str) -> None:
    key, right, wrong = saved(jury(["ABCDE", "ABCDE"]), cast("other", "ABC/DE", "ABC/DE"), vote)
    with pytest.raises(UsageError) as error:
        tally([right, wrong], key)
    assert str(error.value) == f"{wrong}: {message}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "),
        (b"", "not JSON (Expecting value: line 1 column 1 (char 0)); "),
        (b"\xff\xfe\x00", "cannot be read (it is not UTF-8 text); "),
        (b"[" * 100_000, "JSON of something else; "),
        (None, "cannot be read (No such file or directory); "),
    ],
)
def test_damaged_files_are_refused(saved: Callable[..., list[Path]], data: bytes | None, message: str) -> None:
    key, right, wrong = saved(jury(["AB"]), cast("x", "A/B"), {})
    wrong.unlink()
    if data is not None:
        wrong.write_bytes(data)
    with pytest.raises(UsageError) as error:
        tally([right, wrong], key)
    assert str(error.value) == f"{wrong}: {message}{FORM}"
    with pytest.raises(UsageError) as error:
        tally([right], wrong)
    expected = "expected a key of a jury: give the key.json that 'camofilter jury make' wrote"
    assert str(error.value) == f"{wrong}: {message}{expected}"


def test_a_juror_votes_once(saved: Callable[..., list[Path]]) -> None:
    key, *votes = saved(jury(["AB"]), cast("x", "A/B"), cast("y", "A/B"), cast("x", "B/A"))
    for given_files in (votes, [votes[0], votes[0]]):
        with pytest.raises(UsageError) as error:
            tally(given_files, key)
        message = f"{given_files[-1]}: same juror as in {votes[0]}; expected each once: leave one out"
        assert str(error.value) == message


def test_no_votes_are_refused(saved: Callable[..., list[Path]]) -> None:
    with pytest.raises(UsageError) as error:
        tally([], saved(jury(["AB"]))[0])
    message = "no votes to count; expected files such as votes-….json: give those that the jurors sent"
    assert str(error.value) == message

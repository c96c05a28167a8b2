"""The figures of an evaluation, against numpy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camofilter.biqa.target import Scale
from camofilter.evaluation.results import (
    Evaluation,
    Fault,
    Judge,
    Judged,
    Measures,
    PhotoResult,
    RunResult,
    Summary,
    variances,
)

QUALITY, FAULTS = Judge("quality", Scale()), Judge("faults", Scale(0, 10, 5, "so", falls=False))
SCORES = st.floats(0, 100).map(lambda score: round(score, 3))


def photo(name: str, *judged: tuple[float, float], **measures: float | None) -> PhotoResult:
    found = Measures(1, 1, 0, 0, 0, 0, 0)._replace(**measures)
    return PhotoResult(name, f"run_{name}", tuple(Judged(*one) for one in judged), found)


def evaluation(*runs: RunResult, judges: tuple[Judge, ...] = (QUALITY,)) -> Evaluation:
    return Evaluation("quality", judges, list(runs), originals=())


def test_seen_is_above_the_threshold_as_the_task_counts() -> None:
    assert [QUALITY.sees(score) for score in (49.9, 50, 50.1)] == [False, False, True]
    assert [FAULTS.sees(score) for score in (4.9, 5, 5.1)] == [True, False, False]


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=9))
def test_a_summary_is_that_of_numpy(scores: list[tuple[float, float]]) -> None:
    run = RunResult("run", [photo(str(place), (1, 9), both) for place, both in enumerate(scores)])
    found = evaluation(run, judges=(FAULTS, QUALITY)).summary(run, judge=1)
    before, after = np.array(scores).T
    expected = (len(scores), (before > 50).mean(), (after > 50).mean(), before.mean(), after.mean())
    assert found == pytest.approx(expected)
    assert evaluation(run, judges=(FAULTS, QUALITY)).summary(run) == Summary(len(scores), 1, 0, 1, 9)


def test_a_summary_of_some() -> None:
    run = RunResult("run", [photo("a", (80, 20)), photo("b", (60, 60)), photo("c", (40, 10))])
    assert evaluation(run).summary(run, among={"a", "b", "nobody"}) == (2, 1.0, 0.5, 70, 40)


@pytest.mark.parametrize("among", [None, (), ("z",)])
def test_a_summary_of_none_is_no_number(among: tuple[str, ...] | None) -> None:
    run = RunResult("run", [] if among is None else [photo("a", (80, 20))])
    found = evaluation(run).summary(run, among=among)
    assert found.photos == 0
    assert all(math.isnan(number) for number in found[1:])


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(SCORES, max_size=4)))
def test_variances_are_those_of_numpy_largest_first(scores: dict[str, list[float]]) -> None:
    found = variances(scores)
    assert found == pytest.approx({name: np.var(some) for name, some in scores.items() if len(some) >= 2})
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_variances_of_an_evaluation_are_of_the_first_judges_scores_after() -> None:
    one = RunResult("one", [photo("a", (80, 20), (0, 9)), photo("b", (60, 60), (0, 1)), photo("c", (1, 1), (1, 1))])
    two = RunResult("two", [photo("b", (60, 10), (0, 2)), photo("a", (80, 22), (0, 0))])
    assert list(evaluation(one, two).variances().items()) == [("b", 625), ("a", 1)]


def test_the_worst_come_first() -> None:
    """Worst is seen best: with the highest score of quality, or the lowest of faults; equals stay in their order."""
    photos = [photo("a", (1, 40)), photo("b", (2, 70)), photo("c", (3, 40)), photo("d", (4, 55))]
    run = RunResult("run", photos)
    assert [one.photo for one in evaluation(run).worst_first(run)] == ["b", "d", "a", "c"]
    assert [one.photo for one in evaluation(run, judges=(FAULTS,)).worst_first(run)] == ["a", "c", "d", "b"]
    assert run.photos == photos


def test_means_of_measures_are_of_the_photos_that_have_them() -> None:
    run = RunResult("run", [photo("a", delta_e=1, reach=0.5), photo("b", delta_e=4), photo("c", delta_e=4, reach=0)])
    assert (run.mean("delta_e"), run.mean("reach"), run.mean("aesthetic_after")) == (3, 0.25, None)
    assert RunResult("run").mean("delta_e") is None


def test_faults_of_originals_come_before_those_of_the_runs() -> None:
    faults = [Fault(code, "x.png", "extra", "is odd") for code in ("originals", "one", "two")]
    found = Evaluation("quality", (QUALITY,), [RunResult(f.run, faults=[f]) for f in faults[1:]], (), faults[:1])
    assert found.all_faults() == faults


def test_a_fault_is_told_in_one_line() -> None:
    assert Fault("one", "größe.png", "size", "is 3×4").in_words() == "one: größe.png: is 3×4"
    assert Fault("one", "a\nb\udcff.png", "extra", "is odd").in_words() == "one: a?b?.png: is odd"

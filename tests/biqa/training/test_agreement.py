"""The figures of agreement: of known cases, against scipy, and how sure they are."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from camofilter.biqa.training.agreement import cells, figures, intervals


def judged(photos: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a judge who errs by 15 points, rounded so that some are equal, and those of people."""
    dice = np.random.default_rng(seed)
    people = dice.uniform(5, 95, photos)
    return (people + dice.normal(0, 15, photos)).round(), people


def test_figures_of_known_cases() -> None:
    people = np.array([10.0, 40.0, 60.0, 90.0])
    perfect = figures(people, people)
    assert (perfect.srocc, perfect.plcc, perfect.rmse, perfect.right_side) == pytest.approx((1, 1, 0, 1))
    upside_down = figures(100 - people, people)
    assert (upside_down.srocc, upside_down.right_side) == pytest.approx((-1, 0))
    shifted = figures(people + 15, people)
    assert (shifted.srocc, shifted.plcc, shifted.rmse, shifted.right_side) == pytest.approx((1, 1, 15, 0.75))


def test_figures_are_those_of_scipy() -> None:
    judge, people = judged(200)
    found = figures(judge, people)
    assert found.srocc == pytest.approx(stats.spearmanr(judge, people).statistic)
    assert found.plcc == pytest.approx(stats.pearsonr(judge, people).statistic)
    same = figures(np.full(7, 200 / 3), people[:7])
    assert np.isnan([same.srocc, same.plcc]).all(), "one who says the same of all agrees in no order"


def test_intervals_hold_the_figures_and_narrow_with_the_root_of_the_photos() -> None:
    judge, people = judged(400)
    wide, narrow = intervals(judge[:100], people[:100]), intervals(judge, people)
    for name, (low, high) in narrow.items():
        assert low < asdict(figures(judge, people))[name] < high
        assert (wide[name].high - wide[name].low) / (high - low) == pytest.approx(2, rel=0.3)
    assert intervals(judge, people) == narrow, "the same dice"
    assert intervals(judge, people, seed=1) != narrow


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The PLCC of endless photos is known: deviations of 26 points among photos, 15 among judgements."""
    truth = 90 / 12**0.5 / np.hypot(90 / 12**0.5, 15)
    spans = [intervals(*judged(100, seed), resamples=100)["plcc"] for seed in range(100)]
    assert np.mean([low <= truth <= high for low, high in spans]) == pytest.approx(0.95, abs=0.05)


def test_intervals_of_few_photos_and_of_perfect_judges() -> None:
    people = np.array([10.0, 40.0, 60.0, 90.0])
    perfect = intervals(people, people)
    assert perfect["srocc"] == perfect["plcc"] == perfect["right_side"] == pytest.approx((1, 1))
    assert perfect["rmse"] == (0, 0)
    two = intervals(people[:2], people[1:3])
    assert two["srocc"] == pytest.approx((1, 1)), "of two photos, only draws of both have an order"
    assert np.isnan(intervals(np.full(4, 50.0), people)["srocc"]).all()


def test_figures_and_intervals_are_cells_of_a_table() -> None:
    people = np.array([10.0, 40.0, 60.0, 90.0])
    shifted = cells(figures(people + 15, people), intervals(people + 15, people))
    assert shifted.startswith("1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) | 15.0 (15.0 to 15.0) | 75.0% (")

"""Stages of a job are told as one: forward only, never at the end before it is there."""

from __future__ import annotations

import itertools

import pytest

from camofilter.optim.search import Progress
from camofilter.optim.stages import Stages


def test_however_many_stages_there_are_it_only_goes_forward_and_never_arrives() -> None:
    told: list[Progress] = []
    stages = Stages(told.append)
    for words in ("looking", "trying") * 10:
        step = stages.begin(words)
        assert step is not None
        for number in range(1, 5):
            step(Progress(number, 4, 3.0))
        step(Progress(5, 4, 2.0))  # a search that takes longer than it said
    shares = [progress.done for progress in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.99 < shares[-1] < 1
    assert [progress.stage for progress in told[::6]] == ["looking", "trying"] * 10
    assert told[6].exposure == 2.0  # as it was found last


def test_one_stage_moves_evenly() -> None:
    told: list[Progress] = []
    step = Stages(told.append).begin("looking")
    assert step is not None
    for number in (1, 2, 3):
        step(Progress(number, 3, 0.0))
    gaps = [after.done - before.done for before, after in itertools.pairwise(told)]
    assert gaps == pytest.approx([gaps[0]] * 3)


def test_without_a_listener_searches_need_not_tell() -> None:
    assert Stages().begin("looking") is None

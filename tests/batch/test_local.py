"""Worker processes: all photos come back whatever the workers die of, memory is shared out, and nobody stays behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_fakes import (
    EXITS,
    KILLS,
    KILLS_ONCE,
    RAISES,
    WAITS,
    Telling,
    TwoAtOnce,
    Unstartable,
    Xor,
    check,
    run,
    states,
    write_photo,
)
from commands import living
from hypothesis import given
from hypothesis import strategies as st

from camofilter.batch import Local, local, memory
from camofilter.batch.jobs import Job
from camofilter.batch.sources import source
from camofilter.batch.work import Outcome, Task
from camofilter.cores import cores
from camofilter.errors import BatchError, UsageError

SOON = 60.0  # seconds


def children() -> set[int]:
    """Workers of this process that live."""
    return {process.pid for process in multiprocessing.active_children() if process.pid}


@pytest.fixture(autouse=True)
def _nobody_stays_behind() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(6):
        write_photo(tmp_path / "in" / f"{number}.png", number)
    return tmp_path / "in"


def outcomes(photos: Path, job: Job, workers: int = 1) -> Iterator[Outcome]:
    tasks = (Task(path.name, path.stat().st_size) for path in sorted(photos.iterdir()))
    return Local(workers).outcomes(job, source(str(photos), photos.parent / "out"), tasks)


@pytest.mark.parametrize(("job", "workers"), [(Xor(), 1), (Xor(), 2), (TwoAtOnce(), 1)])
def test_every_photo_comes_back_once(photos: Path, tmp_path: Path, job: Job, workers: int) -> None:
    records = run(photos, tmp_path / "out", job, engine=Local(workers))
    assert Counter(Path(record["input"]).name for record in records) == Counter(f"{n}.png" for n in range(6))
    check(photos, tmp_path / "out")


def test_each_of_two_workers_has_one_of_two_photos_and_no_third_is_started(tmp_path: Path) -> None:
    for number in range(2):
        write_photo(tmp_path / "in" / f"{number}.png", number)
    (tmp_path / "at work").mkdir()
    processes, alive = set(), set[int]()
    for outcome in outcomes(tmp_path / "in", Telling(marker=str(tmp_path / "at work")), workers=5):
        processes.add(outcome.record["process"])
        assert outcome.record["threads"] == 1, "two workers with a thread a core would wait for each other"
        alive |= children()
    assert len(processes) == 2
    assert alive == processes


def test_nothing_to_do_starts_nobody(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local._Pool, "_start", lambda _: pytest.fail("a worker was started"))
    assert list(Local().outcomes(Xor(), source(str(photos), tmp_path / "out"), iter(()))) == []


@pytest.mark.slow
@pytest.mark.parametrize("job", [Xor, TwoAtOnce])
def test_a_photo_that_kills_workers_is_left_out_and_the_others_are_not(
    photos: Path, tmp_path: Path, job: type[Xor]
) -> None:
    for name in ("0.png", "3.png"):
        write_photo(photos / name, 1, first=KILLS)
    write_photo(photos / "2.png", 1, first=RAISES)
    records = run(photos, tmp_path / "out", job(marker=str(tmp_path / "marker")), engine=Local(2))
    errors = {Path(record["input"]).name: record["error"] for record in records if "error" in record}
    assert errors.keys() == {"0.png", "2.png", "3.png"}
    assert all("a worker died on it twice (SIGKILL)" in errors[name] for name in ("0.png", "3.png"))
    assert len(records) == 6
    check(photos, tmp_path / "out")


@pytest.mark.slow
def test_a_photo_whose_worker_died_once_is_done(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "2.png", 9, first=KILLS_ONCE)
    records = run(photos, tmp_path / "out", Xor(marker=str(tmp_path / "marker")), engine=Local(1))
    assert (tmp_path / "marker").exists()
    assert len(records) == 6
    assert set(states(tmp_path / "out").values()) == {"done"}


def test_a_worker_that_is_killed_from_outside_is_replaced(photos: Path) -> None:
    found = outcomes(photos, Xor(), workers=1)
    first = next(found)
    (worker,) = children()
    os.kill(worker, signal.SIGKILL)
    names = [first.name, *(outcome.name for outcome in found)]
    assert sorted(names) == sorted(path.name for path in photos.iterdir())


def test_ctrl_c_is_not_for_workers_however_young(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, before = local._Pool._start, signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def start_and_interrupt(pool: Any) -> None:
        start(pool)
        for pid in children():
            os.kill(pid, signal.SIGINT)

    monkeypatch.setattr(local._Pool, "_start", start_and_interrupt)
    assert len([outcome for outcome in outcomes(photos, Xor(), 2) if not outcome.error]) == 6
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    ("how", "error", "what"),
    [
        ("usage", UsageError, "the weights are of another target: give others"),
        ("bug", BatchError, "a worker cannot start: unexpected ValueError: an odd message"),
        ("death", BatchError, r"a worker ended before it could begin \(exit code 3\)"),
    ],
)
def test_workers_that_cannot_start_stop_all_in_one_line(
    photos: Path, how: str, error: type[Exception], what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error, match=what) as stopped:
        list(outcomes(photos, Unstartable(how=how)))
    assert "\n" not in str(stopped.value)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
def test_a_job_that_wants_to_exit_is_one_bad_photo(photos: Path) -> None:
    write_photo(photos / "2.png", 9, first=EXITS)
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.extend(outcomes(photos, Xor())), daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive()
    (failed,) = [outcome for outcome in found if outcome.error]
    assert failed.name == "2.png"
    assert "a worker died on it twice (exit code 1)" in str(failed.error)
    assert len(found) == 6


def test_who_stops_listening_ends_the_workers(photos: Path) -> None:
    found = outcomes(photos, Xor(), 2)
    next(found)
    assert children()
    found.close()  # type: ignore[attr-defined]
    assert not children()


@pytest.mark.slow
def test_workers_end_with_a_process_that_is_killed(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "0.png", 9, first=WAITS)
    marker = tmp_path / "marker"
    script = (
        "from test_local import outcomes\nfrom batch_fakes import Xor\nfrom pathlib import Path\n"
        f"if __name__ == '__main__': list(outcomes(Path({str(photos)!r}), Xor(marker={str(marker)!r}), 2))\n"
    )
    file = tmp_path / "script.py"
    file.write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[:2]))},
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + SOON
    while not marker.exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    _, complaints = process.communicate()
    while living(process.pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not living(process.pid)
    assert complaints == b""


def test_photos_wait_for_memory(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With room for a byte each photo is worked on alone, but all are done.
    monkeypatch.setattr(memory, "free", lambda: 1)
    records = run(photos, tmp_path / "out", TwoAtOnce(), engine=Local(2))
    assert len(records) == 6
    check(photos, tmp_path / "out")


@pytest.mark.parametrize(("free", "wanted", "expected"), [(1, None, 1), (1 << 40, None, cores()), (1, 3, 3)])
def test_workers_fit_into_memory(monkeypatch: pytest.MonkeyPatch, free: int, wanted: int | None, expected: int) -> None:
    monkeypatch.setattr(memory, "free", lambda: free)
    pool: Any = local._Pool(Xor(), None, iter(()), wanted)  # type: ignore[arg-type]
    assert pool._workers(1) == expected


def test_a_gpu_has_one_worker() -> None:
    pool: Any = local._Pool(Xor(), None, iter(()), None)  # type: ignore[arg-type]
    assert pool._workers(8) == 1


@given(
    amount=st.integers(1, 100),
    steps=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 150)), max_size=40),
)
def test_a_budget_is_never_overdrawn_and_serves_all_in_turn(amount: int, steps: list[tuple[int, int]]) -> None:
    budget, served, asked = memory.Budget(amount), dict[int, int](), list[int]()
    order: list[int] = []
    for who, wants in steps:
        if who in served:
            del served[who]
            budget.back(who)
        elif who not in asked[len(order) :]:
            asked.append(who)

            def give(who: int = who, wants: int = wants) -> None:
                served[who] = wants
                order.append(who)

            budget.ask(who, wants, give)
        assert sum(served.values()) <= amount or len(served) == 1
        assert order == asked[: len(order)]
        assert served or len(order) == len(asked)
    while served:
        who = next(iter(served))
        del served[who]
        budget.back(who)
    assert order == asked


def test_who_asked_and_died_gives_its_turn_back() -> None:
    budget, served = memory.Budget(1), list[str]()
    for who in "abc":
        budget.ask(who, 1, lambda who=who: served.append(who))  # type: ignore[misc]
    budget.back("b")
    budget.back("a")
    assert served == ["a", "c"]


def test_free_memory_is_that_of_the_machine_or_its_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory.free() <= built_in
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.current").write_text("600\n")
    (tmp_path / "memory.stat").write_text("anon 500\nfile 100\ninactive_file 70\n")
    for limit, expected in (("1000\n", 470), ("500\n", 0)):
        (tmp_path / "memory.max").write_text(limit)
        assert memory.free() == expected
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free() > 1 << 20

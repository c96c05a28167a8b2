"""What a plan says, and what becomes of the journal when it is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from batch_fakes import JOURNAL, RAISES, Here, Xor, plan, rows, run, states, write_photo

from camofilter.batch import Batch
from camofilter.batch.journal import Journal
from camofilter.batch.plan import make, tasks
from camofilter.batch.results import Results
from camofilter.batch.sources import source


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "sub/b.png", "sub/c.png")):
        write_photo(tmp_path / "in" / name, number)
    write_photo(tmp_path / "in" / "z.png", 4, first=RAISES)
    (tmp_path / "in" / "notes.txt").write_text("x")
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_plan_counts_and_estimates_before_any_work(photos: Path, out: Path) -> None:
    found = plan(photos, out)
    size = sum(path.stat().st_size for path in photos.rglob("*.png"))
    assert (found.photos, found.bytes, found.folders) == (4, size, 2)
    assert (found.done, found.failed, found.waiting) == (0, 0, 4)
    assert dict(found.left.counts) == {"other files": 1}
    assert found.seconds == pytest.approx(4 * 1.0 + size / 1e6 * 2.0)
    assert set(states(out).values()) == {"waiting"}
    assert not list(out.rglob("*.png"))


def test_what_is_done_tells_how_long_the_rest_will_take(photos: Path, out: Path) -> None:
    with Batch(str(photos), out, Xor(), engine=Here()) as begun:
        work = begun.work()
        taken = [next(work)["seconds"] for _ in range(2)]
    assert plan(photos, out).seconds == pytest.approx(2 * sum(taken) / 2)
    # Others take another time.
    assert plan(photos, out, Xor(2)).seconds > 4.0


def test_a_plan_alone_changes_nothing_about_the_next(photos: Path, out: Path) -> None:
    first = plan(photos, out)
    assert plan(photos, out) == first
    run(photos, out)
    second = plan(photos, out)
    assert (second.done, second.failed, second.waiting) == (3, 1, 0)
    assert plan(photos, out) == second


def test_options_that_change_and_change_back_before_any_work_are_right(photos: Path, out: Path) -> None:
    run(photos, out, Xor(1))
    assert plan(photos, out, Xor(2)).waiting == 4
    run(photos, out, Xor(1))
    assert plan(photos, out, Xor(1)).waiting == 0


def test_failures_wait_again_only_where_that_may_help(photos: Path, out: Path) -> None:
    run(photos, out)
    assert plan(photos, out).failed == 1
    assert plan(photos, out, retry=True).waiting == 1
    run(photos, out)
    os.utime(photos / "z.png", ns=(5, 5))
    assert plan(photos, out).waiting == 1
    run(photos, out)
    assert plan(photos, out, Xor(2)).waiting == 4


def test_a_touched_photo_keeps_its_result_over_a_run_that_only_planned(photos: Path, out: Path) -> None:
    run(photos, out)
    os.utime(photos / "a.png", ns=(5, 5))
    (digest,) = [row["input_sha256"] for row in rows(out) if row["name"] == b"a.png"]
    for _ in range(2):
        with Batch(str(photos), out, Xor(), engine=Here()):
            (row,) = [row for row in rows(out) if row["state"] == "waiting"]
            assert (row["name"], row["input_sha256"]) == (b"a.png", digest)
    (out / "a.png").unlink()
    plan(photos, out)
    (row,) = [row for row in rows(out) if row["state"] == "waiting"]
    assert row["input_sha256"] is None


def test_tasks_are_those_that_wait(photos: Path, out: Path) -> None:
    out.mkdir()
    journal, results = Journal(out), Results(out)
    found = make(journal, source(str(photos), out), results, Xor())
    waiting = list(tasks(journal))
    assert [task.name for task in waiting] == ["a.png", "sub/b.png", "sub/c.png", "z.png"]
    assert sum(task.size for task in waiting) == found.bytes
    assert {task.known for task in waiting} == {None}


def test_photos_keep_their_names_where_a_heic_would_take_them(tmp_path: Path, out: Path) -> None:
    photos = tmp_path / "in"
    for name in ("IMG.heic", "IMG.jpg", "img.JPG", "IMG-2.jpg", "B.HEIC"):
        write_photo(photos / name)
    plan(photos, out)
    assert {row["name"]: row["output"] for row in rows(out)} == {
        b"IMG.jpg": b"IMG.jpg",
        b"IMG-2.jpg": b"IMG-2.jpg",
        b"img.JPG": b"img-4.JPG",
        b"IMG.heic": b"IMG-3.jpg",
        b"B.HEIC": b"B.jpg",
    }


def test_a_result_does_not_take_the_name_of_a_folder(tmp_path: Path, out: Path) -> None:
    photos = tmp_path / "in"
    write_photo(photos / "x.heic")
    write_photo(photos / "X.jpg/y.png", 2)
    write_photo(photos / "z.jpg", 3)
    write_photo(photos / "z.png/y.png", 4)
    assert not any("error" in record for record in run(photos, out))
    assert {row["name"]: row["output"] for row in rows(out)} == {
        b"X.jpg/y.png": b"X.jpg/y.png",
        b"x.heic": b"x.png",
        b"z.jpg": b"z-2.png",
        b"z.png/y.png": b"z.png/y.png",
    }


def test_names_stay_when_others_come(tmp_path: Path, out: Path) -> None:
    photos = tmp_path / "in"
    write_photo(photos / "b.PNG", 1)
    run(photos, out)
    write_photo(photos / "B.png", 2)
    run(photos, out)
    assert {row["name"]: row["output"] for row in rows(out)} == {b"b.PNG": b"b.PNG", b"B.png": b"B-2.png"}


def test_a_folder_that_cannot_be_listed_costs_no_results(
    photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(photos, out)
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/sub"):
            raise OSError(5, "Input/output error", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    found = plan(photos, out)
    assert (found.photos, found.done) == (2, 1)
    assert len(found.left.unreadable) == 1
    monkeypatch.undo()
    assert run(photos, out) == []
    assert (out / "sub/b.png").exists()


def test_no_photos_are_a_plan_too(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in").mkdir()
    found = plan(tmp_path / "in", out)
    assert (found.photos, found.bytes, found.waiting, found.seconds) == (0, 0, 0, 0)
    assert run(tmp_path / "in", out) == []
    assert (out / JOURNAL).exists()

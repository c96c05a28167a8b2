"""The one writer: what it writes, whom it keeps out, and what it leaves alone."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from batch_fakes import contents

from camofilter.batch.journal import Journal
from camofilter.batch.results import Results
from camofilter.batch.sources import Entry
from camofilter.batch.work import Outcome
from camofilter.errors import BatchError, UsageError


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def journal(out: Path) -> Journal:
    journal = Journal(out)
    for name in ("a.png", "d/e/b.png"):
        journal.add(Entry(name, 1, "1"), "options")
    return journal


def finished(name: str, data: bytes = b"data", suffix: str = ".png") -> Outcome:
    return Outcome(name, "digest", data, suffix, {"score": 1.0}, 0.5)


def test_a_result_is_written_and_noted(out: Path, journal: Journal) -> None:
    results = Results(out)
    row = results.keep(journal, finished("d/e/b.png"))
    assert (out / "d/e/b.png").read_bytes() == b"data"
    assert (row.state, row.output, row.output_size, row.input_sha256) == ("done", "d/e/b.png", 4, "digest")
    assert row.output_sha256 == hashlib.sha256(b"data").hexdigest() == results.digest(row)
    assert results.stands(row)
    assert results.is_ours(row)
    assert results.shown(row) == str(out / "d/e/b.png")
    assert contents(out).keys() == {b"d/e/b.png"}


def test_a_failure_is_noted_and_nothing_written(out: Path, journal: Journal) -> None:
    row = Results(out).keep(journal, Outcome("a.png", "digest", error="no", seconds=1.0))
    assert (row.state, row.error, row.input_sha256) == ("failed", "no", "digest")
    assert contents(out) == {}


def test_unchanged_content_keeps_the_result(out: Path, journal: Journal) -> None:
    results = Results(out)
    results.keep(journal, finished("a.png"))
    journal.again(Entry("a.png", 1, "2"), "options", "digest")
    row = results.keep(journal, Outcome("a.png", "digest"))
    assert (row.state, row.output_size, row.stamp) == ("done", 4, "2")
    assert journal.record("a.png") == {"score": 1.0, "seconds": 0.5}


def test_results_stand_only_as_ordinary_files_of_their_size(out: Path, journal: Journal) -> None:
    results = Results(out)
    row = results.keep(journal, finished("d/e/b.png"))
    path = out / "d/e/b.png"
    path.write_bytes(b"other")
    assert not results.stands(row)
    path.write_bytes(b"DATA")
    assert results.stands(row)  # by its size
    assert not results.is_ours(row)  # by its content
    path.unlink()
    (out / "elsewhere").write_bytes(b"data")
    path.symlink_to(out / "elsewhere")
    assert not results.stands(row)
    assert not results.is_ours(row)
    assert results.exists(row)
    path.unlink()
    assert not results.exists(row)
    path.mkdir()
    assert not results.stands(row)
    assert not results.is_ours(row)
    assert results.exists(row)


def test_what_is_ours_is_never_beyond_a_link(out: Path, journal: Journal) -> None:
    results = Results(out)
    row = results.keep(journal, finished("d/e/b.png"))
    (out / "d").rename(out.parent / "d")
    (out / "d").symlink_to(out.parent / "d")
    assert not results.is_ours(row)
    written = results.keep(journal, finished("d/e/b.png", b"new", ".tif"))
    assert written.state == "failed"
    assert "leads out of" in str(written.error)
    assert contents(out.parent / "d").keys() == {b"e/b.png"}


@pytest.mark.parametrize("name", ["../a.png", "d/../../a.png"])
def test_names_that_climb_are_refused(out: Path, journal: Journal, name: str) -> None:
    journal.add(Entry(name, 1, "1"), "options")
    row = Results(out, force=True).keep(journal, finished(name))
    assert row.state == "failed"
    assert contents(out) == {}
    assert os.listdir(out.parent) == ["out"]


def test_names_that_are_too_long_are_one_bad_photo(out: Path, journal: Journal) -> None:
    results, name = Results(out), "x" * 251 + ".png"
    journal.add(Entry(name, 1, "1"), "options")
    assert results.keep(journal, finished(name)).state == "done"
    row = results.keep(journal, finished(name, suffix=".webp"))
    assert row.state == "failed"
    assert "File name too long" in str(row.error)
    row = results.keep(journal, finished(name, suffix=".webp"))  # now that it is known by this name
    assert row.state == "failed"
    assert not results.stands(row)
    assert not results.exists(row)


def test_files_of_others_need_force(out: Path, journal: Journal) -> None:
    (out / "a.png").write_text("a diary")
    row = Results(out).keep(journal, finished("a.png"))
    assert (row.state, (out / "a.png").read_text()) == ("failed", "a diary")
    assert row.error == Results(out).taken(row)
    row = Results(out, force=True).keep(journal, finished("a.png"))
    assert (row.state, (out / "a.png").read_bytes()) == ("done", b"data")


def test_a_file_that_comes_at_the_last_moment_stays(
    out: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def late(descriptor: int) -> None:
        fsync(descriptor)
        (out / "a.png").write_text("a diary")

    monkeypatch.setattr("os.fsync", late)
    row = Results(out).keep(journal, finished("a.png"))
    assert (row.state, (out / "a.png").read_text()) == ("failed", "a diary")
    assert contents(out).keys() == {b"a.png"}


def test_without_hard_links_it_works_as_well(out: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", none)
    assert Results(out).keep(journal, finished("a.png")).state == "done"
    (out / "d").mkdir()
    (out / "d/e").mkdir()
    (out / "d/e/b.png").write_text("a diary")
    assert Results(out).keep(journal, finished("d/e/b.png")).state == "failed"
    assert (out / "d/e/b.png").read_text() == "a diary"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["os.fsync", "os.link", "pathlib.Path.mkdir"])
def test_a_disk_that_fails_stops_all(
    out: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(call, fail)
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(BatchError) as stopped:
        Results(out).keep(journal, finished("d/e/b.png"))
    assert str(stopped.value) == f"{out}: {os.strerror(number)}; what is done is kept: mend that, and give the same" + (
        " command again"
    )
    assert contents(out) == {}
    assert journal.row("d/e/b.png").state == "writing"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENAMETOOLONG])
def test_what_concerns_one_name_stops_one_photo(
    out: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", fail)
    row = Results(out).keep(journal, finished("a.png"))
    assert row.state == "failed"
    assert os.strerror(number) in str(row.error)


def test_a_result_that_may_not_be_read_or_removed_stops_one_photo_at_most(
    out: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(out)
    results.keep(journal, finished("a.png"))
    results.keep(journal, finished("d/e/b.png"))
    opened, unlink = Path.open, Path.unlink

    def refuse_to_open(path: Path, *args: object, **kwargs: object) -> object:
        if path.name == "a.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *args, **kwargs)  # type: ignore[call-overload]

    def refuse_to_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "b.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "open", refuse_to_open)
    monkeypatch.setattr(Path, "unlink", refuse_to_unlink)
    assert results.keep(journal, finished("a.png", b"new")).state == "failed"
    assert results.keep(journal, finished("d/e/b.png", b"new", ".tif")).state == "done"


@pytest.mark.slow
def test_only_one_holds_it(out: Path) -> None:
    first, second = Results(out), Results(out)
    assert not first.is_held
    first.hold()
    assert first.is_held
    assert second.is_held
    with pytest.raises(UsageError, match="another batch is working on it"):
        second.hold()
    first.release()
    assert not second.is_held
    second.hold()
    second.release()


@pytest.mark.slow
def test_two_names_of_a_folder_are_one(out: Path) -> None:
    (out.parent / "link").symlink_to("out")
    first, second = Results(out), Results(out.parent / "link")
    first.hold()
    with pytest.raises(UsageError):
        second.hold()
    first.release()


def test_only_our_leftovers_are_swept(out: Path) -> None:
    ours = [out / ".camofilter-0123.tmp", out / "d" / ".camofilter-ff.tmp"]
    theirs = [out / "x.tmp", out / ".camofilter.txt", out / "d" / "camofilter-1.tmp"]
    (out / "d").mkdir()
    for path in (*ours, *theirs):
        path.touch()
    (out / ".camofilter-folder.tmp").mkdir()
    (out.parent / "outside").mkdir()
    (out.parent / "outside" / ".camofilter-1.tmp").touch()
    (out / "link").symlink_to(out.parent / "outside")
    Results(out).sweep()
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in theirs)
    assert (out.parent / "outside" / ".camofilter-1.tmp").exists()

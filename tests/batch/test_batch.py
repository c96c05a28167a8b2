"""Whole batches: whatever happens between two runs, in one, or to one, the folder is what photos and options give."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from batch_fakes import (
    JOURNAL,
    LOCK,
    RAISES,
    Here,
    Xor,
    check,
    contents,
    pixels_of,
    plan,
    rows,
    run,
    states,
    write_photo,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from camofilter import batch
from camofilter.batch import Batch
from camofilter.errors import BatchError, UsageError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "sub/b.png", "sub/deep/er/c.tif")):
        write_photo(tmp_path / "in" / name, number, "TIFF" if name.endswith("tif") else "PNG")
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a disk of some size."""
    mounted: list[Path] = []

    def mount(size: str = "1M", *options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        mounted.append(place)
        return place

    try:
        yield mount
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)


def test_all_folders_are_mirrored(photos: Path, out: Path) -> None:
    before = contents(photos)
    records = run(photos, out)
    assert sorted(record["input"] for record in records) == sorted(str(photos / os.fsdecode(n)) for n in before)
    assert all(record.keys() == {"input", "output", "seconds", "notes", "level"} for record in records)
    assert contents(out).keys() == before.keys()
    assert contents(photos) == before
    check(photos, out)


def test_nothing_finished_is_done_again(photos: Path, out: Path) -> None:
    run(photos, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert run(photos, out) == []
    found = plan(photos, out)
    assert (found.photos, found.done, found.waiting, found.failed) == (3, 3, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*") if path.name not in (JOURNAL, LOCK)} == {
        path: stamp for path, stamp in stamps.items() if path.name not in (JOURNAL, LOCK)
    }


def test_a_changed_photo_is_done_again_and_a_touched_one_only_read(photos: Path, out: Path) -> None:
    run(photos, out)
    write_photo(photos / "a.png", 77)
    os.utime(photos / "sub/b.png", ns=(1, 1))
    stamp = (out / "sub/b.png").stat().st_mtime_ns
    assert {record["input"] for record in run(photos, out)} == {str(photos / "a.png"), str(photos / "sub/b.png")}
    assert (out / "sub/b.png").stat().st_mtime_ns == stamp
    check(photos, out)
    assert run(photos, out) == []


def test_other_options_do_all_again(photos: Path, out: Path) -> None:
    run(photos, out, Xor(1))
    assert len(run(photos, out, Xor(2))) == 3
    check(photos, out, level=2)
    assert run(photos, out, Xor(2)) == []


def test_a_deleted_output_is_made_again(photos: Path, out: Path) -> None:
    run(photos, out)
    shutil.rmtree(out / "sub")
    assert batch.status(out).lost == 2
    assert len(run(photos, out)) == 2
    check(photos, out)
    assert batch.status(out).lost == 0


def test_photos_and_results_that_were_both_deleted_are_forgotten(photos: Path, out: Path) -> None:
    run(photos, out)
    shutil.rmtree(photos / "sub")
    shutil.rmtree(out / "sub")
    run(photos, out)
    found = batch.status(out)
    assert (found.done, found.failed, found.waiting, found.lost) == (1, 0, 0, 0)


def test_results_of_deleted_photos_stay(photos: Path, out: Path) -> None:
    run(photos, out)
    shutil.rmtree(photos / "sub")
    before = contents(out)
    run(photos, out)
    assert contents(out) == before


def test_a_photo_that_broke_and_was_deleted_is_no_failure_for_ever(photos: Path, out: Path) -> None:
    run(photos, out)
    write_photo(photos / "a.png", 1, "broken")
    assert len(run(photos, out)) == 1
    (photos / "a.png").unlink()
    run(photos, out)
    assert batch.status(out).failed == 0


def test_one_bad_photo_stops_nothing(photos: Path, out: Path) -> None:
    write_photo(photos / "a0.png", 1, "broken")
    write_photo(photos / "a1.png", 1, first=RAISES)
    (photos / "a2.png").touch()
    write_photo(photos / "a3.png", 1, side=500)  # too many pixels
    os.mkfifo(photos / "a4.png")
    os.symlink("nowhere", photos / "a5.png")
    os.symlink("a6.png", photos / "a6.png")
    os.symlink("a.png/x", photos / "a7.png")
    (photos / "x.png").mkdir()
    write_photo(photos / "x.png" / "d.png", 8)
    records = run(photos, out)
    errors = {Path(record["input"]).name: record["error"] for record in records if "error" in record}
    assert sorted(errors) == [f"a{number}.png" for number in range(8)]
    for name, error in errors.items():
        assert "\n" not in error
        assert name in error
    assert "unexpected ValueError: an odd message" in errors["a1.png"]
    assert sum("error" not in record for record in records) == 4
    found = plan(photos, out)
    assert (found.done, found.failed, found.waiting) == (4, 8, 0)
    check(photos, out)


def test_failures_are_tried_again_when_asked(photos: Path, out: Path) -> None:
    write_photo(photos / "bad.png", 1, first=RAISES)
    run(photos, out)
    assert run(photos, out) == []
    assert len(run(photos, out, retry=True)) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("A.PNG", "a.png", "sub/x.png", "SUB/X.png"),
        (unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")),
        ("a.png", "a-2.png", "A.png", "A-2.png"),
        ("new\nline.png", " ", "  .png", "sp ace.png", "☀️🐪.png", "-x.png", "'\";%_.png"),
        (os.fsdecode(b"\xff\xfe.png"), os.fsdecode(b"dir\xff/x.png"), "ÿ.png"),
        ("x" * 251 + ".png", "X" * 251 + ".png"),
        ("a.b.c.png", "..a.png", "a..png", "123.png", "1e3.png", "NULL.png"),
    ],
)
def test_names(tmp_path: Path, out: Path, names: tuple[str, ...]) -> None:
    photos = tmp_path / "in"
    photos.mkdir()
    wanted = [name for name in names if name.endswith(".png") and not name.startswith(".")]
    for number, name in enumerate(wanted):
        write_photo(photos / name, number)
    before = contents(photos)
    records = run(photos, out)
    assert len(records) == len(wanted)
    assert contents(photos) == before
    failed = [record for record in records if "error" in record]
    # A number does not fit into the longest of names.
    assert all("File name too long" in record["error"] for record in failed)
    assert len(failed) == (len(names[0]) > 250)
    outputs = contents(out)
    folded = {unicodedata.normalize("NFC", os.fsdecode(name)).casefold() for name in outputs}
    assert len(folded) == len(outputs) == len(wanted) - len(failed)
    check(photos, out)
    assert run(photos, out) == []


def test_types_by_content(tmp_path: Path, out: Path) -> None:
    photos = tmp_path / "in"
    write_photo(photos / "x.png", 1, "TIFF")
    write_photo(photos / "x.tif", 2, "TIFF")
    write_photo(photos / "y.tif", 3, "PNG")
    write_photo(photos / "z.jpg", 4, "PNG")
    run(photos, out)
    assert contents(out).keys() == {b"x.tif", b"x-2.tif", b"y.png", b"z.png"}
    assert (pixels_of(out / "x.tif") == pixels_of(photos / "x.tif") ^ 1).all()
    check(photos, out)
    assert run(photos, out) == []


def test_a_photo_of_another_type_replaces_its_result(photos: Path, out: Path) -> None:
    run(photos, out)
    write_photo(photos / "a.png", 9, "TIFF")
    run(photos, out)
    assert b"a.tif" in contents(out)
    assert b"a.png" not in contents(out)
    check(photos, out)


@pytest.mark.parametrize("force", [False, True])
def test_files_of_others_in_the_folder(photos: Path, out: Path, force: bool) -> None:
    out.mkdir()
    (out / "a.png").write_text("a diary")
    (out / "other.txt").write_text("more of it")
    theirs = contents(out)
    run(photos, out)
    assert states(out)["a.png"] == "failed"
    check(photos, out, theirs=theirs)
    assert len(run(photos, out, retry=True, force=force)) == 1
    if force:
        del theirs[b"a.png"]
    check(photos, out, theirs=theirs)


@pytest.mark.parametrize("force", [False, True])
def test_a_result_that_somebody_edited(photos: Path, out: Path, force: bool) -> None:
    run(photos, out)
    (out / "a.png").write_bytes((out / "a.png").read_bytes() + b"edited")
    theirs = {} if force else {b"a.png": contents(out)[b"a.png"]}
    records = run(photos, out, force=force)
    assert len(records) == force
    check(photos, out, theirs=theirs)
    assert states(out)["a.png"] == ("done" if force else "failed")


def test_an_edited_result_of_the_same_size_outlives_other_options(photos: Path, out: Path) -> None:
    run(photos, out)
    data = bytearray((out / "a.png").read_bytes())
    data[-1] ^= 1
    (out / "a.png").write_bytes(data)
    (record,) = [record for record in run(photos, out, Xor(2)) if "error" in record]
    assert "not from this batch" in record["error"]
    assert (out / "a.png").read_bytes() == data


@pytest.mark.parametrize("places", [("in", "in"), ("in/sub", "in"), ("in", "."), ("in", "link"), ("link", "in")])
def test_results_do_not_go_among_the_photos(photos: Path, places: tuple[str, str]) -> None:
    os.symlink("in", photos.parent / "link")
    before = contents(photos)
    given, results = (str(photos.parent / place) for place in places)
    with pytest.raises(UsageError, match="give another folder"):
        Batch(given, results, Xor(), engine=Here())
    assert contents(photos) == before
    assert not list(photos.parent.rglob(JOURNAL))


@pytest.mark.parametrize("name", ["out", "sub/out", "link"])
def test_results_within_the_photos_are_no_photos(photos: Path, name: str) -> None:
    if name == "link":
        (photos / "out").mkdir()
        os.symlink("out", photos / "link")
    for _ in range(2):
        run(photos, photos / name)
    assert plan(photos, photos / name).photos == 3
    assert len(contents(photos / name)) == 3


@pytest.mark.parametrize("where", ["elsewhere", "in/sub"])
@pytest.mark.parametrize("force", [False, True])
def test_links_in_the_folder_are_not_followed(photos: Path, out: Path, where: str, force: bool) -> None:
    elsewhere = photos.parent / where
    elsewhere.mkdir(exist_ok=True)
    out.mkdir()
    os.symlink(elsewhere, out / "sub")
    os.symlink(photos / "a.png", out / "a.png")
    before, around = contents(photos), contents(elsewhere)
    records = run(photos, out, force=force)
    assert contents(photos) == before
    assert contents(elsewhere) == around
    assert sum("error" in record for record in records) + batch.status(out).failed >= 2
    assert (out / "a.png").is_symlink() == (not force)


def test_a_folder_of_results_that_was_moved_and_linked_loses_nothing(photos: Path, out: Path) -> None:
    run(photos, out)
    shutil.move(out / "sub", photos.parent / "moved")
    os.symlink("../moved", out / "sub")
    before = contents(photos.parent / "moved")
    write_photo(photos / "sub/b.png", 9, "TIFF")  # its old result would be removed
    run(photos, out)
    assert contents(photos.parent / "moved") == before
    assert states(out)["sub/b.png"] == "failed"


@pytest.mark.parametrize("name", [JOURNAL, LOCK])
@pytest.mark.parametrize("content", ["", "some text"])
def test_links_for_files_of_our_own_are_refused(photos: Path, out: Path, name: str, content: str) -> None:
    out.mkdir()
    (photos / "notes.txt").write_text(content)
    os.symlink(photos / "notes.txt", out / name)
    before = contents(photos)
    with pytest.raises(UsageError, match="is a link"):
        run(photos, out)
    assert contents(photos) == before


@pytest.mark.parametrize("what", ["file", "link to nothing", "in no folder", "file for a folder"])
def test_folders_that_cannot_be(photos: Path, out: Path, what: str) -> None:
    if what == "file":
        out.write_text("x")
    elif what == "link to nothing":
        os.symlink("nowhere", out)
    elif what == "in no folder":
        out = out / "deeper"
    else:
        out.mkdir()
        (out / "sub").write_text("x")
        records = run(photos, out)
        assert sum("error" in record for record in records) == 2
        assert (out / "sub").read_text() == "x"
        return
    with pytest.raises(UsageError):
        run(photos, out)


def test_other_photos_need_another_folder(photos: Path, out: Path) -> None:
    run(photos, out)
    with pytest.raises(UsageError, match="has the results of"):
        run(photos / "sub", out)
    moved = photos.rename(photos.parent / "moved")
    assert run(moved, out) == []


def test_a_folder_whose_name_is_no_text(photos: Path, out: Path) -> None:
    odd = photos.rename(photos.parent / os.fsdecode(b"in\xff"))
    out.mkdir()
    (out / os.fsdecode(b"\xff.png")).write_text("taken")
    write_photo(odd / os.fsdecode(b"\xff.png"), 5)
    for _ in range(2):
        run(odd, out)
    found = batch.status(out)
    assert (found.photos, found.done, found.failed) == (str(odd), 3, 1)
    (record,) = [record for record in batch.records(out) if record["state"] == "failed"]
    assert os.fsdecode(b"\xff.png") in record["error"]


@pytest.mark.parametrize("wrong", ["journal", "photos"])
def test_a_batch_that_cannot_begin_holds_nothing(photos: Path, out: Path, wrong: str) -> None:
    run(photos, out)
    other = out.parent / "other"
    other.mkdir()
    whole = (out / JOURNAL).read_bytes()
    if wrong == "journal":
        (out / JOURNAL).write_text("no journal")
    with pytest.raises(UsageError):
        Batch(str(photos if wrong == "journal" else other), out, Xor(), engine=Here())
    (out / JOURNAL).write_bytes(whole)
    assert run(photos, out) == []


@pytest.mark.slow
def test_a_second_batch_is_refused_until_the_first_is_closed(photos: Path, out: Path) -> None:
    with Batch(str(photos), out, Xor(), engine=Here()) as first:
        work = first.work()
        next(work)
        with pytest.raises(UsageError, match="another batch is working on it"):
            run(photos, out)
        found = batch.status(out)
        assert (found.running, found.done, found.waiting) == (True, 1, 2)
        assert first.status().running
        assert len(list(work)) == 2
    assert not batch.status(out).running
    check(photos, out)


def test_photos_that_come_while_watching(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photo(photos / "bad.png", 1, "broken")
    looks = 0

    def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            write_photo(photos / "new.png", 5)
        elif looks == 3:
            write_photo(photos / "new.png", 6)  # it was still being copied
            os.utime(photos / "new.png", ns=(3, 3))
        elif looks == 6:
            (out / "a.png").unlink()
        elif looks == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    done: list[tuple[int, str]] = []
    with Batch(str(photos), out, Xor(), engine=Here()) as watching:
        assert len(list(watching.work())) == 4
        with suppress(KeyboardInterrupt):
            for _ in watching.arrivals():
                done += [(looks, Path(record["input"]).name) for record in watching.work()]
    assert looks == 9
    assert done == [(4, "new.png"), (6, "a.png")]
    check(photos, out)


@needs_root
@pytest.mark.parametrize("size", ["64k", "96k", "200k"])
def test_a_full_disk_stops_and_the_next_run_goes_on(tmp_path: Path, disk: Callable[..., Path], size: str) -> None:
    photos = tmp_path / "in"
    for number in range(12):
        write_photo(photos / f"{number}.png", number, side=90)  # 25 kB each
    place = disk(size)
    with pytest.raises(BatchError) as full:
        run(photos, place / "out", Xor(max_pixels=10_000))
    assert "full" in str(full.value) or "No space" in str(full.value)
    assert "\n" not in str(full.value)
    assert not [name for name in contents(place) if b".tmp" in name]
    subprocess.run(["mount", "-o", "remount,size=4M", str(place)], check=True)
    done = len(contents(place / "out"))
    assert len(run(photos, place / "out", Xor(max_pixels=10_000))) == 12 - done
    check(photos, place / "out")


@needs_root
def test_a_disk_that_cannot_be_written(photos: Path, disk: Callable[..., Path]) -> None:
    place = disk()
    run(photos, place / "out")
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    for results in (place / "out", place / "new"):
        with pytest.raises(BatchError, match="Read-only"):
            run(photos, results)
    found = batch.status(place / "out")
    assert (found.done, found.running) == (3, False)


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_fails_on_the_way(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with Batch(str(photos), out, Xor(), engine=Here()) as begun:
        work = begun.work()
        next(work)
        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(BatchError, match=os.strerror(number)):
            list(work)
    monkeypatch.undo()
    assert len(contents(out)) == 1
    assert len(run(photos, out)) == 2
    check(photos, out)


# Calls after and before which a process may be killed with different things on disk.
_STEPS = {"execute", "link", "replace", "fsync", "unlink", "mkdir", "open", "write", "flush", "executemany"}


def killed_at(step: int, work: Callable[[], Any]) -> bool:
    """Does something in a child process that is killed at this step; whether it came so far."""
    child = os.fork()
    if not child:
        count = 0

        def watch(_: Any, event: str, what: Any) -> None:
            nonlocal count
            if event in ("c_call", "c_return") and what.__name__ in _STEPS:
                count += 1
                if count > step:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(watch)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, ended = os.waitpid(child, 0)
    assert ended in (0, signal.SIGKILL), "the child had an error of its own"
    return ended == signal.SIGKILL


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: these tests commit thousands of times."""
    memory = "/dev/shm"
    folder = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)


def _first(folder: Path) -> None:
    write_photo(folder / "in" / "sub" / "a.png", 1)


def _changed(folder: Path) -> None:
    _first(folder)
    run(folder / "in", folder / "out")
    write_photo(folder / "in" / "sub" / "a.png", 2)


def _other_type(folder: Path) -> None:
    _first(folder)
    run(folder / "in", folder / "out")
    write_photo(folder / "in" / "sub" / "a.png", 2, "TIFF")


def _touched(folder: Path) -> None:
    _first(folder)
    run(folder / "in", folder / "out")
    os.utime(folder / "in" / "sub" / "a.png", ns=(5, 5))


def _clashing(folder: Path) -> None:
    write_photo(folder / "in" / "a.png", 1)
    write_photo(folder / "in" / "A.png", 2, "TIFF")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "stride"), [(_first, 1), (_changed, 1), (_other_type, 1), (_touched, 1), (_clashing, 3)]
)
def test_killed_at_every_step(quick: Path, before: Callable[[Path], None], stride: int) -> None:
    step, killed = 0, True
    while killed:
        folder = quick / str(step)
        folder.mkdir()
        before(folder)
        photos, out = folder / "in", folder / "out"
        originals = contents(photos)
        killed = killed_at(step, lambda photos=photos, out=out: run(photos, out))  # type: ignore[misc]
        done = states(out) if before in (_first, _clashing) else {}
        records = run(photos, out)
        assert not any("error" in record for record in records), f"step {step}: {records}"
        assert not {str(photos / name) for name in done if done[name] == "done"} & {r["input"] for r in records}
        check(photos, out)
        assert contents(photos) == originals
        assert len(contents(out)) == len(originals)
        assert run(photos, out) == []
        shutil.rmtree(folder)
        step += stride
    assert step > 40


NAMES = ("a.png", "A.PNG", "sub/a.png", "sub/a.tif", "b.tif", "\u00e9.png", "e\u0301.png", "a-2.png")
EVENTS = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


class Library(RuleBasedStateMachine):
    """People, accidents and batches at work on the same two folders."""

    def __init__(self) -> None:
        super().__init__()
        memory = "/dev/shm"
        self.folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.photos, self.out = self.folder / "in", self.folder / "out"
        self.photos.mkdir()
        self.level, self.clock = 1, 1_000
        self.theirs: dict[bytes, str] = {}
        self.originals: dict[bytes, str] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def _stamp(self, name: str) -> None:
        self.clock += 1
        os.utime(self.photos / name, ns=(self.clock, self.clock))
        self.originals = contents(self.photos)

    def _output(self, number: int) -> str:
        ours = sorted(os.fsdecode(row["output"]) for row in rows(self.out) if self._is_there(row["output"]))
        return ours[number % len(ours)] if ours else ""

    def _is_there(self, output: bytes | None) -> bool:
        return output is not None and output not in self.theirs and output in contents(self.out)

    @property
    def has_results(self) -> bool:
        return any(self._is_there(row["output"]) for row in rows(self.out))

    @rule(name=st.sampled_from(NAMES), format=st.sampled_from(("PNG", "PNG", "TIFF", "broken")), seed=st.integers(0, 9))
    def a_photo_comes_or_changes(self, name: str, format: str, seed: int) -> None:
        write_photo(self.photos / name, seed, format)
        self._stamp(name)

    @rule(name=st.sampled_from(NAMES))
    def a_photo_is_touched(self, name: str) -> None:
        if (self.photos / name).exists():
            self._stamp(name)

    @rule(name=st.sampled_from(NAMES))
    def a_photo_goes(self, name: str) -> None:
        (self.photos / name).unlink(missing_ok=True)
        self.originals = contents(self.photos)

    @rule(level=st.integers(1, 2))
    def options_change(self, level: int) -> None:
        self.level = level

    @precondition(lambda self: self.has_results)
    @rule(number=st.integers(0, 7))
    def a_result_is_deleted(self, number: int) -> None:
        (self.out / self._output(number)).unlink()

    @precondition(lambda self: self.has_results)
    @rule(number=st.integers(0, 7))
    def a_result_is_edited(self, number: int) -> None:
        name = self._output(number)
        with (self.out / name).open("ab") as file:
            file.write(b"edited")
        self.theirs[os.fsencode(name)] = contents(self.out)[os.fsencode(name)]

    @rule(name=st.sampled_from((*NAMES, "a.tif", "diary.txt")))
    def somebody_puts_a_file_there(self, name: str) -> None:
        path = self.out / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"of somebody else {name}")
            self.theirs[os.fsencode(name)] = contents(self.out)[os.fsencode(name)]

    @precondition(lambda self: self.theirs)
    @rule(number=st.integers(0, 7))
    def somebody_takes_it_away(self, number: int) -> None:
        name = sorted(self.theirs)[number % len(self.theirs)]
        (self.out / os.fsdecode(name)).unlink()
        del self.theirs[name]

    @rule(step=st.integers(0, 250), retry=st.booleans())
    def a_batch_is_killed(self, step: int, retry: bool) -> None:
        killed_at(step, lambda: run(self.photos, self.out, Xor(self.level), retry=retry))

    @rule(retry=st.booleans())
    def a_batch_ends(self, retry: bool) -> None:
        run(self.photos, self.out, Xor(self.level), retry=retry)
        check(self.photos, self.out, self.level, self.theirs)
        found = plan(self.photos, self.out, Xor(self.level))
        assert found.waiting == 0
        assert found.photos == found.done + found.failed
        if retry:
            for row in rows(self.out):
                path = self.photos / os.fsdecode(row["name"])
                if row["state"] == "failed" and not path.read_bytes().startswith(b"\x89PNG\r\n\x1a\nnot"):
                    assert row["output"] in self.theirs, row["error"]

    @invariant()
    def no_photo_is_changed(self) -> None:
        assert contents(self.photos) == self.originals

    @invariant()
    def no_file_of_others_is_changed(self) -> None:
        assert self.theirs.items() <= contents(self.out).items()


TestLibrary = Library.TestCase
TestLibrary.settings = EVENTS
TestLibrary.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]

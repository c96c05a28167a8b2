"""Photos replaced in place: what stays as it was, what is kept beside, and how it comes back."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Ran
from PIL import Image

from camofilter.batch.sources import Folder, Left
from camofilter.cli import main
from camofilter.errors import PhotoError
from camofilter.photo import decode_photo
from camofilter.photo.originals import FOLDER, bring_back, replace_photo

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other modes and owners")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command line in a folder with a.jpg."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save("a.jpg")

    def command(line: str) -> Ran:
        code = main(line.split())
        return Ran(code, *capsys.readouterr())

    return command


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"original")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


WARM = "apply a.jpg --preset warm --in-place"


# --- What stays as it was ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [0o600, 0o644, 0o640, 0o777, 0o444])
def test_the_mode_is_kept_and_nobody_reads_a_private_photo_meanwhile(
    photo: Path, monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    photo.chmod(wanted)
    seen = []

    def spy(fd: int, sync: Callable[[int], None] = os.fsync) -> None:
        seen.append(stat.S_IMODE(os.fstat(fd).st_mode))
        sync(fd)

    monkeypatch.setattr(os, "fsync", spy)
    assert replace_photo(photo, b"result") == []
    assert (photo.read_bytes(), mode(photo)) == (b"result", wanted)
    assert seen[-1] == wanted
    assert mode(photo.parent / FOLDER) == 0o700


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_the_owner_is_kept(photo: Path) -> None:
    photo.chmod(0o640)
    os.chown(photo, 12345, 12346)
    assert replace_photo(photo, b"result") == []
    found = photo.stat()
    assert (found.st_uid, found.st_gid, mode(photo)) == (12345, 12346, 0o640)


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_where_the_group_cannot_be_kept_another_one_may_not_read_it(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(photo, 12345, 12346)
    photo.chmod(0o660)
    monkeypatch.setattr(os, "chown", no_links)
    assert replace_photo(photo, b"result") == [f"the owner or group of {photo} could not be kept"]
    assert mode(photo) == 0o600


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes here")
def test_extended_attributes_are_kept(photo: Path) -> None:
    try:
        os.setxattr(photo, "user.rating", b"5")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    replace_photo(photo, b"result")
    assert os.getxattr(photo, "user.rating") == b"5"


def test_a_hard_link_that_is_cut_is_said_and_the_kept_original_is_no_third_name(photo: Path) -> None:
    other = photo.with_name("other.jpg")
    os.link(photo, other)
    assert replace_photo(photo, b"result") == [f"{photo} had another name (a hard link), where the photo is as it was"]
    assert other.read_bytes() == b"original"
    other.write_bytes(b"changed")
    bring_back(photo)
    assert photo.read_bytes() == b"original"


def test_links_are_followed(run: Callable[[str], Ran]) -> None:
    Path("far").mkdir()
    os.rename("a.jpg", "far/b.jpg")
    os.symlink("far/b.jpg", "a.jpg")
    before = Path("far/b.jpg").read_bytes()
    assert run(WARM).code == 0
    assert os.path.islink("a.jpg")
    assert Path("far", FOLDER, "b.jpg").read_bytes() == before
    assert not Path(FOLDER).exists()
    assert "'camofilter undo' brings its original back" in run(WARM).out
    assert run("undo a.jpg").code == 0
    assert os.path.islink("a.jpg")
    assert Path("far/b.jpg").read_bytes() == before


# --- What is kept, and how it comes back ------------------------------------------------------------------


def test_the_true_original_comes_back_after_several_runs(run: Callable[[str], Ran]) -> None:
    photo = Path("a.jpg")
    photo.chmod(0o600)
    os.utime(photo, (1_000_000_000, 1_000_000_000))
    before = photo.read_bytes()
    for options in ("", "--metadata none", "--strength 0.5", "--no-backup"):
        assert run(f"{WARM} {options}").code == 0
        assert mode(photo) == 0o600
    assert sorted(os.listdir(FOLDER)) == ["a.jpg", "a.jpg.json"]
    ran = run("undo a.jpg")
    assert ran == (0, f"a.jpg: the original is back, as it was (from {FOLDER}/a.jpg)\n", "")
    assert (photo.read_bytes(), photo.stat().st_mtime, mode(photo)) == (before, 1_000_000_000, 0o600)
    assert os.listdir() == ["a.jpg"]


def test_a_new_photo_of_the_same_name_is_kept_as_well(photo: Path) -> None:
    for content in (b"original", b"another", b"a third"):
        photo.write_bytes(content)
        replace_photo(photo, b"result of " + content)
    for content in (b"a third", b"another", b"original"):
        bring_back(photo)
        assert photo.read_bytes() == content
        photo.unlink()
    with pytest.raises(PhotoError, match="nothing to bring back"):
        bring_back(photo)
    assert not list(photo.parent.iterdir())


def test_a_photo_changed_since_is_not_lost(run: Callable[[str], Ran]) -> None:
    before = Path("a.jpg").read_bytes()
    run(WARM)
    Path("a.jpg").write_bytes(b"my edit")
    ran = run("undo a.jpg")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "camofilter: a.jpg: has been changed since by another program; --force brings the original back all the same\n"
    )
    assert Path("a.jpg").read_bytes() == b"my edit"
    assert run("undo a.jpg --force").code == 0
    assert Path("a.jpg").read_bytes() == before


def test_a_photo_that_was_deleted_comes_back(run: Callable[[str], Ran]) -> None:
    before = Path("a.jpg").read_bytes()
    run(WARM)
    os.unlink("a.jpg")
    ran = run("undo a.jpg b.jpg . --json")
    assert ran.code == 1
    assert ran.records[0] == {"input": "a.jpg", "original": f"{FOLDER}/a.jpg"}
    assert ran.records[1] == {
        "input": "b.jpg",
        "error": f"b.jpg: no original of it is kept in {FOLDER}: nothing to bring back",
    }
    assert ran.records[2] == {"input": ".", "error": ".: is a folder; give the photos in it"}
    assert Path("a.jpg").read_bytes() == before


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_write_that_fails_loses_nothing(
    photo: Path, monkeypatch: pytest.MonkeyPatch, failing: int, links: bool
) -> None:
    calls = []

    def fail(fd: int, sync: Callable[[int], None] = os.fsync) -> None:
        calls.append(fd)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(fd)

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(2):
        before = photo.read_bytes()
        try:
            assert replace_photo(photo, b"result") == []
        except OSError:
            assert photo.read_bytes() == before
    assert photo.read_bytes() == b"result"
    assert not list(photo.parent.rglob("*.tmp"))
    bring_back(photo)
    assert photo.read_bytes() == b"original"
    assert list(photo.parent.iterdir()) == [photo]


def test_where_there_are_no_hard_links_originals_are_copied(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)
    photo.chmod(0o600)
    os.utime(photo, (1_000_000_000, 1_000_000_000))
    replace_photo(photo, b"result")
    photo.write_bytes(b"another")
    replace_photo(photo, b"result")
    bring_back(photo)
    assert photo.read_bytes() == b"another"
    photo.unlink()
    bring_back(photo)
    assert (photo.read_bytes(), mode(photo), photo.stat().st_mtime) == (b"original", 0o600, 1_000_000_000)


def test_without_a_backup_nothing_is_kept(run: Callable[[str], Ran]) -> None:
    assert run(f"{WARM} --no-backup").code == 0
    assert os.listdir() == ["a.jpg"]
    assert run("undo a.jpg").code == 1
    ran = run("apply a.jpg --preset warm --no-backup")
    assert (ran.code, ran.out) == (2, "")
    assert "--no-backup was given without --in-place" in ran.err


@pytest.mark.parametrize("letter", ["x", "ж"])
def test_names_as_long_as_may_be_come_back(tmp_path: Path, letter: str) -> None:
    path = tmp_path / (letter * (251 // len(letter.encode())) + ".jpg")
    path.write_bytes(b"original")
    replace_photo(path, b"result")
    assert path.read_bytes() == b"result"
    bring_back(path)
    assert path.read_bytes() == b"original"
    assert os.listdir(tmp_path) == [path.name]


def test_kept_originals_are_not_replaced(run: Callable[[str], Ran]) -> None:
    run(WARM)
    before = Path(FOLDER, "a.jpg").read_bytes()
    ran = run(f"apply {FOLDER}/a.jpg --preset warm --in-place")
    assert ran.code == 1
    assert ran.err == f"camofilter: {FOLDER}/a.jpg: is an original that is kept; work on a copy of it elsewhere\n"
    assert Path(FOLDER, "a.jpg").read_bytes() == before


def test_originals_are_not_kept_behind_a_link(run: Callable[[str], Ran]) -> None:
    before = Path("a.jpg").read_bytes()
    Path("elsewhere").mkdir()
    os.symlink("elsewhere", FOLDER)
    ran = run(WARM)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert f"a.jpg: {FOLDER}, where its original would be kept, leads elsewhere" in ran.err
    assert (Path("a.jpg").read_bytes(), os.listdir("elsewhere")) == (before, [])


def test_batches_leave_kept_originals_alone(run: Callable[[str], Ran], tmp_path: Path) -> None:
    run(WARM)
    assert [entry.name for entry in Folder.of(str(tmp_path), tmp_path / "out").entries(Left())] == ["a.jpg"]


# --- What a second run says -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_mark_names_the_recipe_that_is_written(run: Callable[[str], Ran]) -> None:
    run("camouflage a.jpg --preset warm --threshold 99.9 --recipe-out r.json -o b.jpg")
    mark = decode_photo(Path("b.jpg").read_bytes()).mark
    assert mark is not None
    assert mark.recipe == hashlib.sha256(Path("r.json").read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_second_run_says_that_the_photo_is_a_result(run: Callable[[str], Ran]) -> None:
    assert "is a result" not in run(WARM).out
    assert "  is a result of camofilter 0.1.0 already; 'camofilter undo' brings its original back\n" in run(WARM).out
    assert run("apply a.jpg --preset warm -o b.jpg --json").records[0]["notes"] == [
        "is a result of camofilter 0.1.0 already; 'camofilter undo' brings its original back"
    ]
    os.rename("b.jpg", "c.jpg")  # found again elsewhere
    ran = run("camouflage c.jpg --method filter --threshold 99 --json")
    assert ran.records[0]["notes"] == ["is a result of camofilter 0.1.0 already"]
    run("apply c.jpg --preset warm -o d.jpg --metadata none")
    assert decode_photo(Path("d.jpg").read_bytes()).mark is None
    assert run("apply d.jpg --preset warm -o e.jpg --json").records[0]["notes"] == []

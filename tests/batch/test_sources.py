"""What is listed and what is left alone, in folders and at URLs; and photos that are still being copied."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_fakes import JOURNAL, write_photo

from camofilter.batch.sources import Entry, Folder, Left, Remote, Settled, Source, source
from camofilter.errors import PhotoError, UsageError


def names(found: Source) -> tuple[set[str], Left]:
    left = Left()
    return {entry.name for entry in found.entries(left)}, left


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write_photo(folder / "a.png")
    write_photo(folder / "b/c.JPG")
    write_photo(folder / "x.jpg/d.HEIC")
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.jpg").write_text("x")
    (folder / ".git").mkdir()
    write_photo(folder / ".git/e.png")
    os.symlink("b", folder / "link")
    os.symlink("a.png", folder / "f.png")
    return folder


def test_a_folder_is_listed_with_all_below_it(photos: Path, tmp_path: Path) -> None:
    found, left = names(source(str(photos), tmp_path / "out"))
    assert found == {"a.png", "b/c.JPG", "x.jpg/d.HEIC", "f.png"}
    assert dict(left.counts) == {"other files": 1, "hidden files": 2, "links to folders": 1}
    assert not left.unreadable


def test_results_of_other_batches_are_no_photos_unless_they_are_what_was_given(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "hidden/sub/a.png")
    (photos / "hidden" / JOURNAL).touch()
    found, left = names(source(str(photos), tmp_path / "out"))
    assert "hidden/sub/a.png" not in found
    assert left.counts["folders of other batches' results"] == 1
    assert names(source(str(photos / "hidden"), tmp_path / "out"))[0] == {"sub/a.png"}


def test_a_change_is_told_where_size_and_time_were_set_back(photos: Path, tmp_path: Path) -> None:
    before = (photos / "a.png").stat()
    listing = {entry.name: entry for entry in source(str(photos), tmp_path / "out").entries(Left())}
    content = (photos / "a.png").read_bytes()
    (photos / "a.png").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(photos / "a.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    again = {entry.name: entry for entry in source(str(photos), tmp_path / "out").entries(Left())}
    assert {name for name in listing if listing[name] != again[name]} == {"a.png", "f.png"}


def test_entries_tell_size_and_change(photos: Path, tmp_path: Path) -> None:
    listing = {entry.name: entry for entry in source(str(photos), tmp_path / "out").entries(Left())}
    assert listing["a.png"].size == (photos / "a.png").stat().st_size == listing["f.png"].size
    os.utime(photos / "a.png", ns=(7, 7))
    again = {entry.name: entry for entry in source(str(photos), tmp_path / "out").entries(Left())}
    assert {name for name in listing if listing[name] != again[name]} == {"a.png", "f.png"}


@pytest.mark.parametrize("target", ["nowhere", "itself.png", "a.png/x", "x" * 300])
def test_links_that_lead_nowhere_are_photos_that_cannot_be_read(photos: Path, tmp_path: Path, target: str) -> None:
    os.symlink(target, photos / "itself.png")
    listed = source(str(photos), tmp_path / "out")
    found, _ = names(listed)
    assert {"itself.png", "a.png"} <= found
    with pytest.raises(OSError, match=r".+"):
        listed.read("itself.png")


def test_what_is_no_file_is_not_read(photos: Path, tmp_path: Path) -> None:
    os.mkfifo(photos / "pipe.png")
    listed = source(str(photos), tmp_path / "out")
    assert "pipe.png" in names(listed)[0]
    with pytest.raises(PhotoError, match="not an ordinary file"):
        listed.read("pipe.png")


def test_a_folder_that_cannot_be_listed_is_told(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    found, left = names(source(str(photos), tmp_path / "out"))
    assert found == {"a.png", "x.jpg/d.HEIC", "f.png"}
    assert left.unreadable == [f"{photos}/b: Permission denied; its photos are left out"]


@pytest.mark.parametrize("out", ["in/out", "in/b/out", "elsewhere"])
def test_the_folder_of_results_is_not_listed(photos: Path, tmp_path: Path, out: str) -> None:
    write_photo(tmp_path / out / "result.png")
    assert "result.png" not in {Path(name).name for name in names(source(str(photos), tmp_path / out))[0]}


@pytest.mark.parametrize("given", ["in", "file://in", "in/", "./in", "b/../in"])
def test_one_folder_has_one_root(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    found = source(given, Path("out"))
    assert found.root == str(photos)
    assert found.read("a.png") == (photos / "a.png").read_bytes()


@pytest.mark.parametrize(
    ("given", "what"),
    [("none", "does not exist"), ("in/a.png", "is not a folder"), ("file://none", "does not exist")],
)
def test_what_is_no_folder_is_refused(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=what):
        source(given, Path("out"))


@pytest.mark.parametrize("out", ["in", ".", "in/../in", "link"])
def test_photos_within_the_results_are_refused(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink("in", "link")
    with pytest.raises(UsageError, match="give another folder"):
        Folder.of("in", Path(out))


def test_a_name_that_begins_like_the_results_is_another_folder(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos-in/a.png")
    assert names(source(str(tmp_path / "photos-in"), tmp_path / "photos"))[0] == {"a.png"}


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket in memory with photos and odd names."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.store.clear()
    for name in ("a.png", "b/c.jpg", "b/notes.txt", ".hidden/d.png", "b/../e.png", "b/#?%.png"):
        files.pipe_file(f"/bucket/{name}", name.encode())
    yield "memory://bucket"
    files.store.clear()


def test_a_bucket_is_listed_and_read(bucket: str, tmp_path: Path) -> None:
    for given in (bucket, bucket + "/"):
        found = source(given, tmp_path / "out")
        listing, left = names(found)
        assert listing == {"a.png", "b/c.jpg", "b/#?%.png"}
        assert left.counts["other files"] == 1
        assert found.read("b/c.jpg") == b"b/c.jpg"
        assert found.shown("a.png") == "memory://bucket/a.png"
        assert found.root == "memory://bucket"


def test_objects_of_a_bucket_have_sizes_and_stamps(bucket: str, tmp_path: Path) -> None:
    entries = {entry.name: entry for entry in source(bucket, tmp_path / "out").entries(Left())}
    assert entries["b/c.jpg"].size == len("b/c.jpg")
    assert all(entry.stamp for entry in entries.values())


@pytest.mark.parametrize(
    ("given", "what"),
    [("memory://empty", "does not exist or is empty"), ("nosuch://x", "cannot be opened")],
)
def test_places_that_are_not_there(bucket: str, tmp_path: Path, given: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as refused:
        list(source(given, tmp_path / "out").entries(Left()))
    assert "\n" not in str(refused.value)


def test_an_object_that_is_gone_is_one_bad_photo(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="cannot be read"):
        source(bucket, tmp_path / "out").read("gone.png")


def test_sources_travel_to_workers(photos: Path, tmp_path: Path, bucket: str) -> None:
    for given in (str(photos), bucket):
        found = Settled(source(given, tmp_path / "out"))
        copy = pickle.loads(pickle.dumps(found))
        assert copy.root == found.root
        assert copy.read("a.png") == found.read("a.png")
        assert copy.shown("a.png") == found.shown("a.png")


def test_photos_are_left_while_they_are_copied(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "in" / "a.png")
    settled = Settled(source(str(tmp_path / "in"), tmp_path / "out"))
    seen = []
    for look in range(6):
        if look in (1, 2, 4):
            path.write_bytes(path.read_bytes() + b"more")
            os.utime(path, ns=(look, look))
        left = Left()
        found = list(settled.entries(left))
        seen.append(len(found))
        assert left.unsettled == 1 - len(found)
    assert seen == [0, 0, 0, 1, 0, 1]


def test_settled_photos_are_those_of_the_source(photos: Path, tmp_path: Path) -> None:
    plain = source(str(photos), tmp_path / "out")
    settled = Settled(plain)
    list(settled.entries(Left()))
    assert set(settled.entries(Left())) == set(plain.entries(Left()))
    assert all(isinstance(entry, Entry) for entry in plain.entries(Left()))


def test_a_url_that_cannot_be_opened_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        Remote("nosuch://bucket")

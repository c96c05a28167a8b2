"""What is handed in: exactly the files asked for, byte by byte, or nothing."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camofilter.errors import PhotoError, UsageError
from camofilter.evaluation.runs import Run
from camofilter.evaluation.submission import MOST_RUNS, Submission, submit
from camofilter.evaluation.tasks import QUALITY, SCENE

LISTED = ["a.jpg", "b.jpg", "cat_1.jpg"]


def photo(level: int, kind: str = "PNG", size: tuple[int, int] = (512, 384)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), level, np.uint8)).save(file, kind)
    return file.getvalue()


PHOTOS = {"a.png": photo(1), "b.jpg": photo(2, "JPEG"), "cat_1.PNG": photo(3)}
ZIPPED = {"team_one_a.png": photo(1), "team_one_b.jpg": photo(2, "JPEG"), "team_one_cat_1.png": photo(3)}


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def contents(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return [(one.filename, archive.read(one)) for one in archive.infolist()]


def refused(*arguments: object, **named: object) -> str:
    with pytest.raises(UsageError) as caught:
        submit(*arguments, **named)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return laid(tmp_path / "run", PHOTOS)


@pytest.mark.parametrize("prefix", ["", "team_one_", "run_"], ids=["no code", "the code", "the folder's code"])
@pytest.mark.parametrize("listed", [LISTED, None], ids=["list", "no list"])
def test_the_zip_has_the_files_asked_for_as_they_are(
    tmp_path: Path, out: Path, prefix: str, listed: list[str] | None
) -> None:
    folder = laid(tmp_path / "run", {prefix + name: data for name, data in PHOTOS.items()} | {"a.json": b"{}"})
    found = submit(folder, "team_one", QUALITY, out, listed=listed)
    assert found == Submission(out / "team_one.zip", 3, ())
    assert contents(out / "team_one.zip") == sorted(ZIPPED.items())
    assert os.listdir(out) == ["team_one.zip"]


def test_what_is_handed_in_is_a_run_without_faults(folder: Path, out: Path) -> None:
    path = submit(folder, "team_one", QUALITY, out, listed=LISTED).path
    run = Run.of(path, LISTED)
    assert (run.code, run.faults) == ("team_one", ())
    assert list(run.files) == LISTED
    assert [run.checked(name, QUALITY.size).pixels[0, 0, 0] for name in LISTED] == [1, 2, 3]  # type: ignore[union-attr]


def test_the_same_photos_make_the_same_bytes(folder: Path, tmp_path: Path, out: Path) -> None:
    first = submit(folder, "team-1", QUALITY, out).path.read_bytes()
    for place, name in enumerate(reversed(PHOTOS)):
        os.utime(folder / name, (place * 1e8, place * 1e8))
        (folder / name).chmod(0o600)
    assert submit(folder, "team-1", QUALITY, out, listed=LISTED[::-1], force=True).path.read_bytes() == first


def test_the_sizes_are_those_of_the_task(tmp_path: Path, out: Path) -> None:
    folder = laid(tmp_path / "run", {"a.png": photo(1, size=(256, 256))})
    assert submit(folder, "scenes", SCENE, out).faults == ()
    found = submit(folder, "quality", QUALITY, out)
    assert [fault.detail for fault in found.faults] == ["is 256×256; expected 512×384"]
    assert os.listdir(out) == ["scenes.zip"]


@pytest.mark.parametrize(
    ("change", "file", "kind"),
    [
        ({"a.png": None}, "run_a.jpg", "missing"),
        ({"x.png": photo(4)}, "x.png", "extra"),
        ({"notes.txt": b"x"}, "notes.txt", "extra"),
        ({"b.png": photo(2)}, "b.png", "twice"),
        ({"a.png": None, "old_a.png": photo(1)}, "old_a.png", "misnamed"),
        ({"a.png": None, "deep/a.png": photo(1)}, "deep/a.png", "nested"),
        ({"a.png": photo(1, size=(512, 383))}, "a.png", "size"),
        ({"a.png": photo(1)[:200]}, "a.png", "unreadable"),
        ({"a.png": b""}, "a.png", "unreadable"),
    ],
)
def test_while_anything_is_wrong_nothing_is_written(
    tmp_path: Path, out: Path, change: dict[str, bytes | None], file: str, kind: str
) -> None:
    files = {name: data for name, data in (PHOTOS | change).items() if data is not None}
    found = submit(laid(tmp_path / "run", files), "team_one", QUALITY, out, listed=LISTED)
    assert [(fault.file, fault.kind) for fault in found.faults] == [(file, kind)]
    assert found.path == out / "team_one.zip"
    assert os.listdir(out) == []


def test_a_zip_that_is_there_stays_while_anything_is_wrong(tmp_path: Path, folder: Path, out: Path) -> None:
    path = submit(folder, "team_one", QUALITY, out).path
    before = path.read_bytes()
    (folder / "x.txt").touch()
    assert submit(folder, "team_one", QUALITY, out, force=True).faults
    assert path.read_bytes() == before


def test_a_zip_that_is_there_is_replaced_only_when_asked(folder: Path, out: Path) -> None:
    path = out / "team_one.zip"
    path.write_bytes(b"precious")
    with pytest.raises(PhotoError) as caught:
        submit(folder, "team_one", QUALITY, out)
    assert str(caught.value) == f"{path}: exists already; replace it with --force or give another name"
    assert path.read_bytes() == b"precious"
    submit(folder, "team_one", QUALITY, out, force=True)
    assert contents(path) == sorted(ZIPPED.items())
    assert os.listdir(out) == ["team_one.zip"]


@pytest.mark.parametrize("code", ["", "a b", "_a", "-a", "../a", "a/b", "ä", "a.b", "a\n", "a\0"])
def test_what_is_no_run_code(folder: Path, out: Path, code: str) -> None:
    assert refused(folder, code, QUALITY, out) == (
        f"the run code is {code!r}: expected letters, digits, _ and -, beginning with the team's name"
    )
    assert os.listdir(out) == []


def test_a_sixth_run(folder: Path, out: Path) -> None:
    for number in range(MOST_RUNS):
        submit(folder, f"team_{number}", QUALITY, out)
    assert refused(folder, "team_5", QUALITY, out) == (
        f"{out} has 5 runs already (team_0, team_1, team_2, team_3, team_4): a team may hand in 5,"
        " remove one or give another folder with -o"
    )
    assert not (out / "team_5.zip").exists()
    assert submit(folder, "team_4", QUALITY, out, force=True).faults == ()


def test_other_zips_are_no_runs(folder: Path, out: Path) -> None:
    for number in range(MOST_RUNS - 1):
        submit(folder, f"team_{number}", QUALITY, out)
    data = bytearray((out / "team_0.zip").read_bytes())
    data[data.index(b"PK\1\2") + 6] = 99  # of a version of zip that nobody knows
    (out / "strange.zip").write_bytes(data)
    (out / "broken.zip").write_bytes(b"PK")
    laid(out / "folder.zip", {"folder_a.png": b""})
    for name, entry in (("empty", None), ("photos", "a.jpg")):
        with zipfile.ZipFile(out / f"{name}.zip", "w") as archive:
            if entry:
                archive.writestr(entry, b"")
    assert submit(folder, "team_4", QUALITY, out).path.is_file()


def test_what_is_no_run(folder: Path, tmp_path: Path, out: Path) -> None:
    path = submit(folder, "team_one", QUALITY, out).path
    assert refused(path, "team_two", QUALITY, out) == f"{path} is a zip: give the folder of the run's photos"
    (tmp_path / "bare").mkdir()
    assert refused(tmp_path / "bare", "team_two", QUALITY, out) == (
        f"{tmp_path / 'bare'} has no photos: expected files such as photo.png"
    )
    none = tmp_path / "none"
    assert refused(none, "team_two", QUALITY, out).startswith(f"{none}: cannot be read (No such file or directory)")
    assert os.listdir(out) == ["team_one.zip"]


def test_a_folder_that_is_not_there_to_write_to(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"none/team_one.zip: No such file or directory; check the name, the folder"):
        submit(folder, "team_one", QUALITY, tmp_path / "none")


def test_progress_counts_the_photos(folder: Path, out: Path) -> None:
    told: list[tuple[int, int]] = []
    submit(folder, "team_one", QUALITY, out, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]

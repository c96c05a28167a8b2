"""Runs and originals: which file is which photo, and what is said of every file that is none."""

from __future__ import annotations

import io
import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from camofilter.errors import PhotoError, UsageError
from camofilter.evaluation.lists import PhotoList, stem
from camofilter.evaluation.results import Fault
from camofilter.evaluation.runs import MAX_BYTES, Originals, Run, Source, open_runs
from camofilter.photo import Photo

SIZE = (40, 30)
Entries = Iterable[tuple[str, bytes]]


def photo(suffix: str = ".png", size: tuple[int, int] = SIZE) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG" if suffix == ".png" else "JPEG")
    return file.getvalue()


PNG, JPEG = photo(), photo(".jpg")


def zipped(path: Path, entries: Entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def laid(folder: Path, entries: Entries) -> Path:
    for name, data in entries:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def names_only(*names: str) -> Entries:
    return [(name, b"") for name in names]


def kinds(faults: Iterable[Fault]) -> list[tuple[str, str]]:
    return sorted((fault.file, fault.kind) for fault in faults)


def headers(data: bytearray, name: str) -> tuple[int, int]:
    """Where the two headers of a zip's file begin: beside its data (the flags at 6), and in the directory (at 8)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        local = archive.getinfo(name).header_offset
    directory = next(
        found.start()
        for found in re.finditer(rb"PK\x01\x02", data)
        if data[found.start() + 46 :].startswith(name.encode())
    )
    return local, directory


def locked(data: bytearray, name: str) -> None:
    local, directory = headers(data, name)
    data[local + 6] |= 1
    data[directory + 8] |= 1


def miscounted(data: bytearray, name: str) -> None:
    _, directory = headers(data, name)
    data[directory + 16] ^= 1  # the CRC


def garbled(data: bytearray, name: str) -> None:
    """The compressed data begin with a block of a kind that deflate does not know."""
    local, _ = headers(data, name)
    data[local + 30 + len(name.encode())] = 0b111


def packed_as(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("team_a.png", PNG)
    return file.getvalue()


def pixel_bomb() -> bytes:
    """A PNG whose header, rightly signed, claims 100,000 × 100,000 pixels."""
    header = b"IHDR" + struct.pack(">II", 100_000, 100_000) + PNG[24:29]
    return PNG[:12] + header + struct.pack(">I", zlib.crc32(header)) + PNG[33:]


def everything_under(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


# A run with every fault there is: what is expected of Run.of, and of the photos when they are opened.

INSIDE = {
    "team_small.png": ("size", "is 39×30; expected 40×30"),
    "team_turned.jpg": ("size", "is 30×40; expected 40×30"),
    "team_high.png": ("size", "is 40×31; expected 40×30"),
    "team_cut.png": ("unreadable", r"damaged or cut-off PNG file \(.*\); copy or export it again"),
    "team_text.jpg": ("unreadable", "is not a photo of a type that is read; give one of .*"),
    "team_empty.png": ("unreadable", "is empty; copy or export the photo again"),
    "team_bomb.png": ("unreadable", "has more than 64 MB: no photo of the tasks has"),
    "team_claims.png": (
        "unreadable",
        r"100000 × 100000 are 10,000,000,000 pixels, more than the limit of 50,000,000;.*",
    ),
}
INSIDE_ZIP = {
    "team_locked.png": ("unreadable", r"cannot be read \(File 'team_locked.png' is encrypted, password required.*\)"),
    "team_crc.png": ("unreadable", r"cannot be read \(Bad CRC-32 for file 'team_crc.png'\)"),
    "team_garbled.png": ("unreadable", r"cannot be read \(Error -3 while decompressing data: invalid block type\)"),
}
CONTENTS = {
    "team_small.png": photo(size=(39, 30)),
    "team_turned.jpg": photo(".jpg", (30, 40)),
    "team_high.png": photo(size=(40, 31)),
    "team_cut.png": PNG[: len(PNG) // 2],
    "team_text.jpg": b"This is no photo.\n",
    "team_empty.png": b"",
    "team_bomb.png": bytes(MAX_BYTES + 1),
    "team_claims.png": pixel_bomb(),
}
GOOD = {
    "team_good.png": PNG,
    "team_jpeg.jpg": JPEG,
    "team_größe 写真.PNG": PNG,
    "deep/er/team_nested.jpeg": JPEG,
    "team_twice.jpg": JPEG,
}
STRAY = {
    "team_twice.png": ("twice", "is made of the same original as team_twice.jpg, which is taken"),
    "team_nobody.png": ("extra", "is made of no original"),
    "other.jpg": ("extra", "is made of no original"),
    "other_wrong.png": ("misnamed", "has the wrong name: expected team_wrong.png"),
    "read me.txt": ("extra", "is no photo: expected PNG and JPEG files only"),
    "__MACOSX/._team_good.png": ("extra", "is no photo: expected PNG and JPEG files only"),
    "__MACOSX/._team_missing.png": ("extra", "is no photo: expected PNG and JPEG files only"),
    ".DS_Store": ("extra", "is no photo: expected PNG and JPEG files only"),
    "deep/Thumbs.db": ("extra", "is no photo: expected PNG and JPEG files only"),
    "other.json": ("extra", "is no photo: expected PNG and JPEG files only"),
}
MISSING = {"team_missing.png": ("missing", "is missing")}


def originals_of(*files: str) -> list[str]:
    """Names of the originals that photos are made of: all are PNG."""
    return [f"{stem(name).removeprefix('team_')}.png" for name in files]


def check(run: Run, outside: dict[str, tuple[str, str]], inside: dict[str, tuple[str, str]], good: set[str]) -> None:
    """Faults and photos are these and no others."""
    deep = [name for name in run.files.values() if "/" in name]
    nested = {name: ("nested", f"is in a folder: expected at the top, as {name.split('/')[-1]}") for name in deep}
    assert {(f.file, f.kind, f.detail) for f in run.faults} == {
        (name, *fault) for faults in (outside, nested) for name, fault in faults.items()
    }
    assert len(run.faults) == len(outside) + len(nested)
    assert {fault.run for fault in run.faults} == {"team"}
    found = {run.files[name]: run.checked(name, SIZE) for name in run.files}
    assert {name for name, one in found.items() if isinstance(one, Photo)} == good
    faults = {one.file: one for one in found.values() if isinstance(one, Fault)}
    assert faults.keys() == inside.keys()
    for name, (kind, detail) in inside.items():
        assert (faults[name].run, faults[name].kind) == ("team", kind)
        assert re.fullmatch(detail, faults[name].detail)


def test_a_zip_with_every_fault(tmp_path: Path) -> None:
    bad = dict.fromkeys(INSIDE_ZIP, PNG) | CONTENTS
    good = GOOD | {"/etc/team_absolute.png": PNG, "../../team_above.png": PNG, "C:/team_drive.png": PNG}
    back = {"dir\\team_back.png": ("misnamed", "has the wrong name: expected team_back.png")}
    recipes = {"team_good.json": ("extra", "is no photo: expected PNG and JPEG files only")}
    stray = STRAY | back | recipes
    path = zipped(tmp_path / "team.zip", [*(good | bad).items(), *((name, b"x") for name in stray), ("empty/", b"")])
    data = bytearray(path.read_bytes())
    locked(data, "team_locked.png")
    miscounted(data, "team_crc.png")
    garbled(data, "team_garbled.png")
    path.write_bytes(data)
    before = everything_under(tmp_path)
    originals = [*originals_of(*good, *bad), "wrong.png", "back.png", "missing.png"]
    run = Run.of(path, originals)
    check(run, stray | MISSING, INSIDE | INSIDE_ZIP, set(good))
    assert run.recipes == {}
    assert (np.asarray(Image.open(io.BytesIO(PNG))) == run.photo("good.png").pixels).all()
    assert everything_under(tmp_path) == before


def test_a_folder_with_every_fault(tmp_path: Path) -> None:
    good = GOOD | {"own.jpg": JPEG, "broken.png": PNG}
    recipe = b'{"camofilter": 1, "filters": [{"filter": "exposure", "ev": 0.5}]}'
    recipes = {"team_good.json": recipe, "own.json": recipe, "broken.json": b"{", "missing.JSON": recipe}
    stray = {name: fault for name, fault in STRAY.items() if not re.search(r"(^|/)\.", name)} | {
        "own.png": ("twice", "is made of the same original as own.jpg, which is taken"),
        "team_own.json": ("twice", "is the recipe of the same photo as own.json, which is taken"),
    }
    files = [*(good | CONTENTS | recipes).items(), *((name, b"x") for name in STRAY | stray)]
    folder = laid(tmp_path / "team", files)
    os.mkfifo(folder / "team_pipe.png")
    (folder / "team_gone.png").symlink_to(folder / "nowhere")
    before = everything_under(tmp_path)
    inside = INSIDE | {
        "team_pipe.png": ("unreadable", r"cannot be read \(not an ordinary file\)"),
        "team_gone.png": ("unreadable", r"cannot be read \(No such file or directory\)"),
    }
    originals = [*originals_of(*good, *inside), "wrong.png", "missing.png"]
    run = Run.of(folder, originals)
    check(run, stray | MISSING, inside, set(good))
    assert run.recipes == {
        "good.png": "team_good.json", "own.png": "own.json", "broken.png": "broken.json", "missing.png": "missing.JSON"
    }  # fmt: skip
    found = run.recipe("good.png")
    assert found is not None
    assert found.in_words() == "exposure +0.50 EV"
    assert run.recipe("jpeg.png") is None
    with pytest.raises(PhotoError, match=r"^is no recipe \(.*broken.json: not JSON: [^\n]*\)$"):
        run.recipe("broken.png")
    assert everything_under(tmp_path) == before


# Which name is which photo.


@pytest.mark.parametrize(
    ("run", "file", "original", "fault"),
    [
        ("team.zip", "team_a.png", "a.png", None),
        ("team.zip", "team_a.JPG", "a.png", None),
        ("team.zip", "x/team_a.png", "a.png", "nested"),
        ("team.zip", "a.png", None, "misnamed"),
        ("team.zip", "teama.png", None, "extra"),
        ("team.zip", "TEAM_a.png", None, "misnamed"),
        ("team.zip", "other_a.png", None, "misnamed"),
        ("team.zip", "team_team_a.png", None, "extra"),
        ("team.zip", "team_b.png", None, "extra"),
        ("team.zip", "team_a.gif", None, "extra"),
        ("team.zip", "team_cat_1.png", "cat_1.png", None),
        ("cat.zip", "cat_cat_1.jpg", "cat_1.png", None),
        ("cat.zip", "cat_1.png", None, "extra"),
        ("team", "team_a.png", "a.png", None),
        ("team", "a.png", "a.png", None),
        ("team", "a.jpeg", "a.png", None),
        ("team", "x/a.png", "a.png", "nested"),
        ("team", "other_a.png", None, "misnamed"),
        ("team", "b.png", None, "extra"),
        ("team", "team_b.png", None, "extra"),
        ("team", "a.json", None, None),
        ("team", "other_a.json", None, "extra"),
        ("team", ".a.png", None, None),
        ("team", ".camofilter-originals/a.png", None, None),
        ("team", "camofilter.sqlite-wal", None, None),
        ("team.zip", ".a.png", None, "extra"),
        ("cat", "cat_1.png", "cat_1.png", None),
        ("cat", "cat_cat_1.png", "cat_1.png", None),
        ("cat", "1.png", None, "extra"),
    ],
)
def test_names(tmp_path: Path, run: str, file: str, original: str | None, fault: str | None) -> None:
    make = zipped if run.endswith(".zip") else laid
    found = Run.of(make(tmp_path / run, names_only(file)), ["a.png", "cat_1.png"])
    assert found.files == ({} if original is None else {original: file})
    assert [f.kind for f in found.faults if f.file == file] == ([] if fault is None else [fault])


def test_names_of_the_longest_fit(tmp_path: Path) -> None:
    run = Run.of(zipped(tmp_path / "team.zip", names_only("other_big_cat.png")), ["cat.png", "big_cat.png"])
    assert kinds(run.faults) == [("other_big_cat.png", "misnamed"), ("team_cat.png", "missing")]
    assert run.faults[0].detail == "has the wrong name: expected team_big_cat.png"


def test_the_same_name_twice_in_a_zip(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "team.zip", names_only("team_a.png", "team_a.png"))
    run = Run.of(path, ["a.png"])
    assert run.files == {"a.png": "team_a.png"}
    assert kinds(run.faults) == [("team_a.png", "twice")]
    with pytest.raises(UsageError, match=r"team.zip: team_a.png and team_a.png have the same name: expected each"):
        Originals.of(path)


def test_without_originals_names_are_the_runs_own(tmp_path: Path) -> None:
    names = names_only("team_a.png", "b.jpg", "b.png", "a.json", "x.txt")
    run = Run.of(laid(tmp_path / "team", names))
    assert {stem(original): file for original, file in run.files.items()} == {"a": "team_a.png", "b": "b.jpg"}
    assert list(run.recipes.values()) == ["a.json"]
    assert kinds(run.faults) == [("b.png", "twice"), ("x.txt", "extra")]
    as_zip = Run.of(zipped(tmp_path / "team.zip", names))
    assert as_zip.files == {"a.png": "team_a.png"}
    assert kinds(as_zip.faults) == [
        ("a.json", "extra"), ("b.jpg", "misnamed"), ("b.png", "misnamed"), ("x.txt", "extra")
    ]  # fmt: skip


def test_a_run_code_may_be_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "upload (1).zip", names_only("team_a.png"))
    assert Run.of(path, ["a.png"], code="team").faults == ()
    assert kinds(Run.of(path, ["a.png"]).faults) == [("team_a.png", "misnamed")]


PIECES = st.sampled_from(["a", "b", "a_b", "b_a", "team", "c"])
FILES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "x/", "../", "__MACOSX/._"]),
    st.sampled_from(["", "team_", "other_", "team_team_"]),
    PIECES,
    st.sampled_from([".png", ".jpg", ".JPEG", ".json", ".txt", ""]),
)


@given(
    files=st.lists(FILES, unique=True, max_size=8),
    originals=st.lists(PIECES.map("{}.png".format), unique=True),
    as_zip=st.booleans(),
    told=st.booleans(),
)
def test_nothing_is_dropped_silently(files: list[str], originals: list[str], as_zip: bool, told: bool) -> None:
    """Each file is one original's photo or recipe, or has a fault; each original has a photo or is in a fault.

    But for hidden files of folders, which are nobody's work.
    """
    with tempfile.TemporaryDirectory() as folder:
        if as_zip:
            path = zipped(Path(folder, "team.zip"), names_only(*files))
        else:
            files = [file for file in files if not file.startswith("../")]
            path = laid(Path(folder, "team"), names_only(*files))
            path.mkdir(exist_ok=True)
            files = [file for file in files if not any(part.startswith(".") for part in file.split("/"))]
        run = Run.of(path, originals if told else None)
    used = [*run.files.values(), *run.recipes.values()]
    left = [fault.file for fault in run.faults if fault.kind in ("extra", "misnamed", "twice")]
    assert Counter([*used, *left]) == Counter(files)
    assert sorted(f.file for f in run.faults if f.kind == "nested") == sorted(f for f in run.files.values() if "/" in f)
    missing = [fault.file.removeprefix("team_") for fault in run.faults if fault.kind == "missing"]
    meant = {stem(fault.detail.split()[-1].removeprefix("team_")) for fault in run.faults if fault.kind == "misnamed"}
    assert len(missing) == len(set(missing))
    assert not set(missing) & (run.files.keys() | {f"{name}.png" for name in meant})
    if told:
        assert {*run.files, *missing, *(f"{name}.png" for name in meant)} == set(originals)
    else:
        assert missing == []


# Several runs.


def test_runs_in_the_order_given(tmp_path: Path) -> None:
    paths = [laid(tmp_path / code, names_only("a.png")) for code in ("two", "one")]
    runs = open_runs([*paths, zipped(tmp_path / "three.zip", names_only("three_a.png"))], iter(["a.png"]))
    assert [run.code for run in runs] == ["two", "one", "three"]
    assert [run.files.keys() for run in runs] == [{"a.png"}] * 3


def test_two_runs_of_one_code(tmp_path: Path) -> None:
    first, second = laid(tmp_path / "team", names_only("a.png")), zipped(tmp_path / "team.zip", [])
    with pytest.raises(UsageError) as caught:
        open_runs([first, second])
    assert str(caught.value) == f"{first} and {second} have the same run code team: rename one of them"


# Sources.


def test_a_folders_own_name_counts_whatever_way_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(tmp_path / "team", names_only("team_a.png", "x/b.png"))
    monkeypatch.chdir(tmp_path / "team")
    assert Run.of(Path()).code == "team"
    assert Source.of(Path()).names == ("team_a.png", "x/b.png")


@pytest.mark.parametrize("data", [b"", b"no zip", packed_as(zipfile.ZIP_DEFLATED)[:-30]])
def test_what_is_neither_a_folder_nor_a_zip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "team.zip"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        Run.of(path)
    assert str(caught.value) == f"{path}: cannot be read (no zip): give a folder or a zip of photos"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Originals.of(tmp_path / "none")
    reason = "cannot be read (No such file or directory): give a folder or a zip of photos"
    assert str(caught.value) == f"{tmp_path / 'none'}: {reason}"


@pytest.mark.parametrize("harm", ["version", "name"])
def test_a_zip_whose_directory_is_damaged(tmp_path: Path, harm: str) -> None:
    path = zipped(tmp_path / "team.zip", names_only("team_ä.png"))
    data = bytearray(path.read_bytes())
    _, directory = headers(data, "team_ä.png")
    if harm == "version":
        data[directory + 6] = 99
    else:
        data[directory + 46 + 5] = 0xFF  # no UTF-8
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"team.zip: cannot be read \(no zip\): give a folder or a zip of photos$"):
        Run.of(path)


def test_a_file_without_a_name_in_a_zip(tmp_path: Path) -> None:
    data = zipped(tmp_path / "team.zip", names_only("x")).read_bytes()
    # Lengths of names are at 26 of a local header and at 28 of one in the directory, names at 30 and 46.
    local, directory, end = (data.index(mark) for mark in (b"PK\3\4", b"PK\1\2", b"PK\5\6"))
    nameless = bytearray(data[:local + 30] + data[local + 31 : directory + 46] + data[directory + 47 :])  # fmt: skip
    nameless[local + 26] = nameless[directory - 1 + 28] = 0
    nameless[end - 2 + 12] -= 1  # size of the directory
    nameless[end - 2 + 16] -= 1  # its place
    (tmp_path / "team.zip").write_bytes(nameless)
    assert kinds(Run.of(tmp_path / "team.zip", []).faults) == [("", "extra")]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_that_can_fill_the_memory(tmp_path: Path, method: int) -> None:
    (tmp_path / "team.zip").write_bytes(packed_as(method))
    found = Run.of(tmp_path / "team.zip", ["a.png"]).checked("a.png", SIZE)
    assert isinstance(found, Fault)
    assert found.detail == "cannot be read (packed in another way than deflate)"


def test_a_file_as_large_as_allowed_is_read(tmp_path: Path) -> None:
    source = Source.of(zipped(tmp_path / "team.zip", [("a.png", bytes(MAX_BYTES))]))
    assert len(source.read("a.png")) == MAX_BYTES


# Originals.


def test_originals_are_photos_whatever_else_is_there(tmp_path: Path) -> None:
    entries = [("a.png", PNG), ("deep/b.JPG", JPEG), ("notes.txt", b"x"), ("._a.png", b"x"), (".DS_Store", b"x")]
    for path in (laid(tmp_path / "all", entries), zipped(tmp_path / "all.zip", entries)):
        found = Originals.of(path)
        assert found.files == {"a.png": "a.png", "b.JPG": "deep/b.JPG"}
        assert (found.labels, found.faults) == ({}, ())
        assert (found.photo("b.JPG").width, found.photo("b.JPG").format) == (40, "JPEG")


def test_originals_of_a_list_have_its_names_labels_and_order(tmp_path: Path) -> None:
    path = laid(tmp_path / "all", names_only("b.png", "a.png", "x.png"))
    found = Originals.of(path, PhotoList({"c.jpg": 3, "b.jpg": 7, "a.png": None}))
    assert list(found.files.items()) == [("b.jpg", "b.png"), ("a.png", "a.png")]
    assert found.labels == {"b.jpg": 7, "a.png": None}
    assert found.faults == (Fault("originals", "c.jpg", "missing", f"is on the list and not in {path}"),)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "has no photos: expected files such as photo.png"),
        (["a.txt", "._a.png"], "has no photos: expected files such as photo.png"),
        (["a.jpg", "a.png"], "a.jpg and a.png have the same name: expected each original once"),
        (["a.png", "x/a.png"], "a.png and x/a.png have the same name: expected each original once"),
    ],
)
def test_what_are_no_originals(tmp_path: Path, names: list[str], reason: str) -> None:
    (tmp_path / "all").mkdir()
    path = laid(tmp_path / "all", names_only(*names))
    with pytest.raises(UsageError) as caught:
        Originals.of(path)
    assert str(caught.value) == f"{path}: {reason}"


def test_a_photo_of_another_type_is_no_png_by_its_name(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", SIZE).save(file, "WEBP")
    run = Run.of(laid(tmp_path / "team", [("team_a.png", file.getvalue()), ("team_b.png", JPEG)]), ["a.png", "b.png"])
    found = run.checked("a.png", SIZE)
    assert isinstance(found, Fault)
    assert (found.kind, found.detail) == ("unreadable", "is WEBP by its content; expected PNG or JPEG")
    assert isinstance(run.checked("b.png", SIZE), Photo)

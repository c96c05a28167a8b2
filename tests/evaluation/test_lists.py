"""The tasks' lists: read with all their quirks, and refused in one line that names the row."""

from __future__ import annotations

import collections
import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from camofilter import tables
from camofilter.biqa.scenes import categories, sensitive_categories
from camofilter.errors import UsageError
from camofilter.evaluation import lists
from camofilter.evaluation.lists import PhotoList


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path) -> str:
    """What is said of it, without its path."""
    with pytest.raises(UsageError) as caught:
        lists.read(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


# What the organisers handed out: names, labels. Their sizes are those of the tasks' papers.


def test_the_sensitive_categories_are_those_that_come_with_camofilter(shared: Path) -> None:
    found = lists.read_categories(shared / "labels" / "MEPP18senscats.txt")
    assert len(found) == 60
    assert found.keys() == sensitive_categories()
    assert found == {name: categories().index(name) for name in found}


def test_the_categories_are_those_that_come_with_camofilter(shared: Path) -> None:
    found = lists.read_categories(shared / "labels" / "categories_places365.txt")
    assert list(found) == list(categories())
    assert list(found.values()) == list(range(365))


def test_the_validation_set_of_2018_has_fifty_photos_a_sensitive_category(shared: Path) -> None:
    found = lists.read(shared / "labels" / "MEPP18val.csv").labels
    assert list(found.items())[:2] == [("Places365_val_00000013.jpg", 49), ("Places365_val_00000015.jpg", 70)]
    assert len(found) == 3000
    sensitive = {categories().index(name) for name in sensitive_categories()}
    assert collections.Counter(found.values()) == dict.fromkeys(sensitive, 50)


@pytest.mark.parametrize(
    ("file", "photos"), [("MEPP19test.csv", 600), ("MEPP20test.csv", 550), ("MEPP20test_manual.csv", 60)]
)
def test_lists_of_bare_names(shared: Path, file: str, photos: int) -> None:
    path = shared / "labels" / file
    assert lists.read(path).labels == dict.fromkeys(path.read_text().split())
    assert len(lists.read(path).labels) == photos


def test_subsets_for_changes_by_hand_are_subsets(shared: Path) -> None:
    read = {path.name: lists.read(path) for path in (shared / "labels").glob("MEPP*test*.csv")}
    by_hand = read["MEPP19test_manual.csv"].labels
    assert len(by_hand) == 60
    assert (by_hand["Places365_val_00015483.jpg"], by_hand["Places365_val_00023136.jpg"]) == (230, 97)
    assert all(label is not None and label < 365 for label in by_hand.values())
    for year in ("19", "20"):
        subset = read[f"MEPP{year}test_manual.csv"]
        prepared = [f"{lists.stem(name)}.png" for name in read[f"MEPP{year}test.csv"].labels]
        among = subset.among(prepared)
        assert set(map(lists.stem, among)) == set(map(lists.stem, subset.labels))
        assert among == [name for name in prepared if name in among]


@pytest.mark.parametrize(("file", "photos"), [("MEPP20dev.csv", 1000), ("koniq10k_distributions_sets.csv", 10_073)])
def test_lists_with_a_heading(shared: Path, file: str, photos: int) -> None:
    path = shared / "labels" / file
    with path.open(newline="") as opened:
        names = [row["image_name"] for row in csv.DictReader(opened)]
    assert lists.read(path).labels == dict.fromkeys(names)
    assert len(names) == photos


# However they are written.

NAMES = st.lists(
    st.builds(
        "{}{}".format,
        st.text(st.characters(categories=("L", "N"), include_characters="_-,'\" "), min_size=1).map(str.strip),
        st.sampled_from([".jpg", ".JPG", ".jpeg", ".png"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lists.stem,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=NAMES,
    labelled=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    last_end=st.booleans(),
    heading=st.sampled_from(["", "image_name,label", "Index,Category,Image Name", "label,photo"]),
    data=st.data(),
)
def test_the_way_of_writing_makes_no_difference(
    tmp_path: Path,
    names: list[str],
    labelled: bool,
    quoting: int,
    end: str,
    bom: bool,
    last_end: bool,
    heading: str,
    data: st.DataObject,
) -> None:
    labels = {name: data.draw(st.integers(0, 364)) if labelled else None for name in names}
    columns = heading.lower().split(",") if heading else ["name", *["label"] * labelled]
    if not labelled:
        columns = [name for name in columns if name not in ("label", "category")]
    lines = [",".join(columns)] if heading else []
    for place, (name, label) in enumerate(labels.items()):
        values = {"index": place, "label": label, "category": label}
        line = io.StringIO()
        csv.writer(line, quoting=quoting, lineterminator="").writerow([values.get(key, name) for key in columns])
        lines += [line.getvalue() + data.draw(st.sampled_from(["", " ", " \t"])), *data.draw(st.sampled_from(EMPTY))]
    text = end.join(lines) + end * last_end
    path = written(tmp_path, ("\ufeff" * bom + text).encode())
    assert list(lists.read(path).labels.items()) == list(labels.items())


EMPTY: list[list[str]] = [[], [""], ["  ", ""]]


def test_blanks_after_a_comma_make_no_difference(tmp_path: Path) -> None:
    path = written(tmp_path, '"a.jpg", "49"\nb.jpg , 3\n')
    assert lists.read(path).labels == {"a.jpg": 49, "b.jpg": 3}


def test_a_heading_without_labels_has_none(tmp_path: Path) -> None:
    path = written(tmp_path, "mos,FILE\n49,a.jpg\n51,b.png\n")
    assert lists.read(path).labels == {"a.jpg": None, "b.png": None}


def test_among_others_suffixes_and_folders_make_no_difference() -> None:
    photos = PhotoList({"a.jpg": 1, "b.c.jpg": 2, "d.jpg": None})
    assert photos.among(["x.png", "deep/a.png", "b.c.JPEG", "b.png", "c.png"]) == ["deep/a.png", "b.c.JPEG"]
    assert photos.among([]) == []


# What is refused.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a photo's name a line"),
        ("\ufeff \r\n\n", "is empty; expected a photo's name a line"),
        ("mos,set\n3,test\n", "begins with 'mos,set'; expected names such as photo.jpg, or a heading"),
        ("a.tif\nb.jpg\n", "begins with 'a.tif'; expected names such as photo.jpg, or a heading"),
        ("image_name,label\n", "has no photos below its heading"),
        ("a.jpg\n\nb.gif\n", "row 2 has 'b.gif' for a photo; expected a name such as photo.jpg"),
        ("20,a.jpg,0.5\n", "row 1 has '20' for a photo; expected a name such as photo.jpg"),
        ("label,name\n3,a.jpg\n4\n", "row 3 has '' for a photo; expected a name such as photo.jpg"),
        ("a.jpg\nb.jpg\na.jpg\n", "row 3 has a.jpg once more; expected each photo once"),
        ("a.jpg\nb.jpg\na.png\n", "row 3 has a.png once more; expected each photo once"),
        ("x/a.jpg\ny/a.jpg\n", "row 2 has y/a.jpg once more; expected each photo once"),
        ("a.jpg,bar\n", "row 1 has the label 'bar'; expected the number of a category, from 0"),
        ("a.jpg,-1\n", "row 1 has the label '-1'; expected the number of a category, from 0"),
        ("a.jpg,1.5\n", "row 1 has the label '1.5'; expected the number of a category, from 0"),
        ("a.jpg,²\n", "row 1 has the label '²'; expected the number of a category, from 0"),
        ("a.jpg,7\nb.jpg\n", "row 2 has the label ''; expected the number of a category, from 0"),
        ("a.jpg\nb.jpg,7\n", "row 1 has the label ''; expected the number of a category, from 0"),
        ("image,class\na.jpg,7\nb.jpg\n", "row 3 has the label ''; expected the number of a category, from 0"),
        ('a.jpg\n"b.jpg\nc.jpg\n', "row 2 has a line break within quotes: check that each quote is closed"),
        ('"a\u2028b\n', "row 1 has a line break within quotes: check that each quote is closed"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refused(written(tmp_path, text)) == message


def test_what_is_no_text(tmp_path: Path) -> None:
    assert refused(written(tmp_path, "a.jpg\n".encode("utf-16"))) == ("cannot be read as csv: it is not UTF-8 text")
    assert refused(tmp_path / "none.csv") == "cannot be read as csv: No such file or directory"
    assert refused(tmp_path) == "cannot be read as csv: Is a directory"
    assert refused(written(tmp_path, "x" * 200_000)) == "cannot be read as csv: field larger than field limit (131072)"


@pytest.mark.parametrize("line", ["beach 48", "/b/beach", "/beach 48", "/b/beach -1", "/b/beach x", "/b/beach,", "48"])
def test_what_is_no_category(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"/a/airfield 0\n\n{line}\n")
    with pytest.raises(UsageError) as caught:
        lists.read_categories(path)
    assert str(caught.value) == f"{path}: row 2 is '{line}'; expected a category such as /b/beach 48"


def test_the_place_of_a_column() -> None:
    assert tables.column(["a", "Image Name", "FILE"], ("image name", "file")) == 1
    assert tables.column(["a", "Image Name", "FILE"], ("file", "image name")) == 2
    assert tables.column(["a"], ("b",)) is None
    assert tables.column([], tables.PHOTO_COLUMNS) is None

"""Rated photos from the csv files of data sets, and what is wrong with others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from camofilter.biqa.training.ratings import read
from camofilter.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b c.jpg", "D.JPG", "sub/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "scores.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_koniq(folder: Path) -> None:
    rows = ["a.jpg,0,1,61.5,0.5,training", "b c.jpg,0,1,40,0.5,validation", "D.JPG,1,0,20.25,0.5,test"]
    rated = read(written(folder, "\n".join(["image_name,c1,c2,MOS,SD,set", *rows])))
    assert [(r.photo.name, r.score, r.split) for r in rated] == [
        ("a.jpg", 61.5, "train"),
        ("b c.jpg", 40, "validation"),
        ("D.JPG", 20.25, "test"),
    ]


def test_biq2021_with_its_stray_commas_and_capitals(folder: Path) -> None:
    rated = read(written(folder, "Image Name,MOS,,\nd.jpg,0.8471,,\nb_c.jpg,0.2,,\n,,,\n", "utf-8-sig"))
    assert [(r.photo.name, r.score) for r in rated] == [("D.JPG", pytest.approx(84.71)), ("b c.jpg", 20)]


def test_plain_csv_beside_its_photos_or_not(folder: Path) -> None:
    path = written(folder, "image,score\nsub/e.jpg,70\na.jpg,30\n")
    assert [r.photo for r in read(path)] == [folder / "sub" / "e.jpg", folder / "a.jpg"]
    elsewhere = folder / "sub" / "scores.csv"
    path.rename(elsewhere)
    assert read(elsewhere, folder, split="test")[1].photo == folder / "a.jpg"
    assert {r.split for r in read(elsewhere, folder, split="test")} == {"test"}


def test_splits_are_drawn_by_name_alone(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(600)]
    for name in names:
        (tmp_path / name).touch()
    first = read(written(tmp_path, "\n".join(["image,score", *(f"{n},50" for n in names)])))
    again = read(written(tmp_path, "\n".join(["image,score", *(f"{n},20" for n in reversed(names))])))
    assert {r.photo.name: r.split for r in first} == {r.photo.name: r.split for r in again}
    counts = Counter(r.split for r in first)
    assert counts["train"] == pytest.approx(480, rel=0.1)
    assert counts["test"] == pytest.approx(60, rel=0.4)
    assert counts["validation"] == pytest.approx(60, rel=0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a heading with 'image' and 'score'"),
        ("photo\na.jpg", "expected a heading with 'image' and 'score'"),
        ("image,score\n", "has no rated photos"),
        ("image,score\na.jpg,good", "the score of a.jpg is 'good': expected a number"),
        ("image,score\na.jpg,nan", "the score of a.jpg is 'nan': expected a number"),
        ("image,score\na.jpg,120\nD.JPG,1", "scores from 1 to 120; expected 0 to 1, or 0 to 100"),
        ("image,score\na.jpg,-1\nD.JPG,1", "scores from -1 to 1"),
        ("image,score\nz.jpg,50", "z.jpg is not in .*: give the folder of the photos with --photos"),
        ("image,score,set\na.jpg,50,dev", "the split 'dev' is none of test, train"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        read(written(folder, text))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_koniqs_own_list(shared: Path, tmp_path: Path) -> None:
    """10,073 photos, 7,058 / 1,000 / 2,015; the photos themselves are not there, so empty files stand for them."""
    source = shared / "labels" / "koniq10k_distributions_sets.csv"
    for line in source.read_text().splitlines()[1:]:
        (tmp_path / line.partition(",")[0]).touch()
    counts = Counter(r.split for r in read(source, tmp_path))
    assert counts == {"train": 7058, "validation": 1000, "test": 2015}

"""The whole training as a command, its report, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import camofilter
from camofilter.cli import main


@pytest.fixture
def scores(tmp_path: Path, examples: list[Path]) -> Path:
    """A csv of twelve small photos: eight to train on, two to validate and two to test."""
    rows = ["image,score,split"]
    for number in range(12):
        name = f"{number}.jpg"
        with Image.open(examples[number % 3]) as opened:
            opened.crop((40 * number, 30, 40 * number + 512, 542)).save(tmp_path / name, quality=90)
        rows.append(f"{name},{30 + 5 * number},{'train' if number < 8 else ('validation', 'test')[number % 2]}")
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.mark.slow
def test_train_writes_a_model_that_scores(
    scores: Path, tmp_path: Path, examples: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    assert main(["train", str(scores), "-o", str(out), "--samples", "128", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((out / "report.json").read_text())
    assert report["photos"] == {"train": 8, "validation": 2, "test": 2}
    assert (report["start"], report["samples"]) == ("shipped", 128)
    assert report["history"][-1]["step"] == 2
    assert "| test photos | SROCC |" in (out / "card.md").read_text(encoding="utf-8")
    with Image.open(out / "curve.png") as curve:
        assert min(curve.size) > 300
    photo = camofilter.open_photo(examples[0])
    trained = camofilter.score(photo, f"compact_iqa:{out / 'weights.safetensors'}")
    assert trained == pytest.approx(camofilter.score(photo), abs=35), "two steps away from where it started"
    assert trained != camofilter.score(photo)

    # Finished already: called again it changes nothing but says the same.
    before = (out / "weights.safetensors").read_bytes()
    assert main(["train", str(scores), "-o", str(out), "--samples", "128"]) == 0
    assert (out / "weights.safetensors").read_bytes() == before
    said = capsys.readouterr().out
    assert said.splitlines()[-1].startswith("2 test photos: SROCC ")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (["a.jpg,50,train"], [], "0 photos to test on: expected some; name them with --test"),
        (["a.jpg,50,test", "b.jpg,40,test"], [], "0 photos to train on and 0 to validate"),
        (["a.jpg,50,train", "b.jpg,40,validation", "a.jpg,1,test", "b.jpg,1,test"], [], "2 photos are in training and"),
        (["a.jpg,50,train", "b.jpg,40,test", "c.jpg,1,test"], ["--start", "no.pth"], "no.pth: no such weight file"),
    ],
)
def test_what_cannot_be_trained_on_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[str], options: list[str], message: str
) -> None:
    for name in "abc":
        Image.new("RGB", (512, 384)).save(tmp_path / f"{name}.jpg")
    (tmp_path / "scores.csv").write_text("\n".join(["image,score,split", *rows]))
    assert main(["train", str(tmp_path / "scores.csv"), "-o", str(tmp_path / "out"), *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out" / "weights.safetensors").exists()

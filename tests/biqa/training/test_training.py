"""The whole training as a command, its report, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import camofilter
from camofilter.biqa import compact_iqa, delivered_score, training
from camofilter.biqa.target import Scale
from camofilter.biqa.training import Plan
from camofilter.cli import main
from camofilter.errors import UsageError


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
    scores: Path,
    tmp_path: Path,
    examples: list[Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "PRISTINE", 1)  # every rung of every ladder at two sizes takes its time
    started = compact_iqa.network().state_dict()
    save_file(started, tmp_path / "b.safetensors")
    out = tmp_path / "model"
    options = ["--samples", "96", "--backbone", str(tmp_path / "b.safetensors"), "--teacher", "compact_iqa", "--json"]
    assert main(["train", str(scores), "-o", str(out), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((out / "report.json").read_text())
    assert report["photos"] == {"train": 8, "validation": 2, "test": 2}
    assert (report["start"], report["samples"]) == ("backbone b.safetensors", 96)
    assert report["history"][-1]["step"] == 2
    assert report["falls"].keys() == report["falls_at_full_size"].keys()
    for word in ("--network compact_iqa --backbone", "--seed 0", "--teacher compact_iqa"):
        assert word in report["command"]
    card = (out / "card.md").read_text(encoding="utf-8")
    assert report["command"] in card
    assert re.search(r"\| 2 test photos \| -?1\.000 \(-?1\.000 to -?1\.000\) \|", card)
    with Image.open(out / "curve.png") as curve:
        assert min(curve.size) > 300
    weights = load_file(out / "weights.safetensors")
    early, late = (f"backbone.{layer}.weight" for layer in ("_conv_stem", "_conv_head"))
    assert torch.equal(weights[early], started[early].half())
    assert not torch.equal(weights[late], started[late].half())
    judge = compact_iqa.target(str(out / "weights.safetensors"), Scale())
    assert np.isfinite(delivered_score(camofilter.open_photo(examples[0]).pixels, judge))


def test_a_teacher_must_be_able_to_look_at_parts(tmp_path: Path) -> None:
    class Fixed(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 50 + image.reshape(len(image), 3 * 384 * 512).mean(1)

    path = tmp_path / "fixed.pt2"
    torch.export.save(torch.export.export(Fixed().eval(), (torch.rand(1, 3, 384, 512),)), path)
    with pytest.raises(UsageError, match=r"^--teacher is 'model_file:.*: failed on 1×3×288×288 RGB"):
        training._teacher(f"model_file:{path}")


def test_a_plan_says_the_command_that_makes_it(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "a b.csv", Path("out"), start="nothing", teachers=("one:w.pth", "two"), seed=4)
    assert plan.command() == (
        f"camofilter train '{tmp_path}/a b.csv' -o out --network compact_iqa --start nothing --samples 50000"
        " --reduced 2.0 --patience 6 --seed 4 --device auto --teacher one:w.pth --teacher two"
    )


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (["a.jpg,50,train"], [], "0 photos to test on: expected some; name them with --test"),
        (["a.jpg,50,test", "b.jpg,40,test"], ["--start", "nothing"], "0 photos to train on and 0 to validate"),
        (["a.jpg,50,train", "b.jpg,40,validation", "a.jpg,1,test", "b.jpg,1,test"], [], "2 photos are in training and"),
        (["a.jpg,50,train", "b.jpg,40,test", "c.jpg,1,test"], ["--start", "no.pth"], "no.pth: no such weight file"),
        ([], ["--start", "no.pth", "--backbone", "b.pth"], "--start and --backbone were both given: give one of them"),
        ([], ["--network", "niqe"], "unknown network 'niqe'"),
        (
            ["a.jpg,50,train", "b.jpg,40,test", "c.jpg,1,test"],
            ["--start", "nothing", "--teacher", "niqe"],
            "--teacher is 'niqe', 2 to 14, hidden above 6.8: expected a judge from 0 to 100, the best",
        ),
        (
            ["a.jpg,50,train", "b.jpg,40,test", "c.jpg,1,test"],
            ["--start", "nothing", "--network", "hybrid_iqa"],
            "the backbone of hybrid_iqa never learns: give --backbone, or weights to --start",
        ),
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
    assert printed.err.count("\n") == 1 + ("nothing" in options)
    assert ("from nothing " in printed.err) == ("nothing" in options)
    assert not (tmp_path / "out" / "weights.safetensors").exists()

"""The commands of the MediaEval tasks: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Ran
from PIL import Image, ImageFilter

import camofilter
from camofilter import biqa
from camofilter.cli import main

NAMES = ("a.jpg", "b.jpg", "c.jpg")
CONTRACT = {"run", "photos", "accuracy_before", "accuracy_after", "mean_before", "mean_after"}


Run = Callable[..., Ran]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples: list[Path]
) -> Run:
    """A command line in a folder with photos/, and prepared/, its photos as the task gave them out."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for source, name in zip(examples, NAMES, strict=True):
        with Image.open(source) as photo:
            photo.resize((640, 480)).save(Path("photos", name), quality=95)

    def command(*argv: object) -> Ran:
        code = main([str(word) for word in argv])
        return Ran(code, *capsys.readouterr())

    assert command("prepare", "quality", "photos", "-o", "prepared") == (0, "3 photos in prepared\n", "")
    return command


def make_run(code: str, change: Callable[[Image.Image], Image.Image] = lambda photo: photo) -> Path:
    folder = Path(code)
    folder.mkdir()
    for source in sorted(Path("prepared").iterdir()):
        with Image.open(source) as photo:
            change(photo).save(folder / f"{code}_{source.name}")
    return folder


def blurred(photo: Image.Image) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(4))


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return path


def test_prepared_photos_are_the_middle_of_the_photos(run: Run) -> None:
    for name in NAMES:
        whole = np.asarray(Image.open(Path("photos", name)))
        prepared = np.asarray(Image.open(Path("prepared", name).with_suffix(".png")))
        assert np.array_equal(prepared, whole[48:-48, 64:-64])
    again = run("prepare", "quality", "photos", "-o", "prepared")
    assert (again.code, again.out) == (1, "0 photos in prepared\n")
    assert again.err.count("exists already") == 3
    assert run("prepare", "scene", "photos", "-o", "small").code == 0
    assert Image.open("small/a.png").size == (256, 256)


@pytest.mark.slow
def test_json_tells_each_run(run: Run) -> None:
    same, soft = make_run("same"), zipped(make_run("soft", blurred))
    done = run("evaluate", "quality", "prepared", same, soft, "--json")
    assert (done.code, done.err) == (0, "")
    first, second = done.records
    assert first.keys() >= CONTRACT
    assert (first["run"], first["photos"], first["faults"]) == ("same", 3, [])
    assert (first["target"], first["version"]) == ("compact_iqa", biqa.KNOWN["compact_iqa"].version)
    scores = [camofilter.score(camofilter.open_photo(path)) for path in sorted(Path("prepared").iterdir())]
    assert first["mean_before"] == first["mean_after"] == pytest.approx(np.mean(scores))
    assert first["accuracy_after"] == pytest.approx(np.mean([score > 50 for score in scores]))
    assert second["mean_before"] == first["mean_before"] > second["mean_after"] + 20
    assert second["accuracy_after"] == 0


@pytest.mark.slow
def test_people_are_told_the_same(run: Run) -> None:
    done = run("evaluate", "quality", "prepared", make_run("same"), make_run("soft", blurred))
    assert done.code == 0
    same, soft = (line for line in done.out.splitlines() if "by compact_iqa" in line)
    assert "seen 100.0 % → 100.0 %" in same
    assert "seen 100.0 % → 0.0 %" in soft
    assert "most different over the runs: " in done.out
    assert {name for name in ("a.png", "b.png", "c.png") if f"{name} (" in done.out} == {"a.png", "b.png", "c.png"}


@pytest.mark.slow
def test_threshold_and_second_target(run: Run) -> None:
    make_run("soft", blurred)
    low = run("evaluate", "quality", "prepared", "soft", "--threshold", 1, "--target", "compact_iqa", "--json")
    assert low.records[0]["threshold"] == 1
    assert low.records[0]["accuracy_after"] == 1
    both = run("evaluate", "quality", "prepared", "soft", "--target", "compact_iqa", "--target", "niqe@1", "--json")
    assert [figures["judge"] for figures in both.records[0]["judges"]] == ["compact_iqa", "niqe"]


def test_faults_are_named_and_nothing_is_dropped(run: Run) -> None:
    folder = make_run("odd")
    (folder / "odd_a.png").rename(folder / "a_odd.png")
    Image.new("RGB", (512, 512)).save(folder / "odd_b.png")
    (folder / "odd_c.png").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("notes")
    done = run("evaluate", "quality", "prepared", folder)
    assert done.code == 1
    assert sorted(done.err.splitlines()) == [
        "camofilter: odd: a_odd.png: is made of no original",
        "camofilter: odd: notes.txt: is no photo: expected PNG and JPEG files only",
        "camofilter: odd: odd_a.png: is missing",
        "camofilter: odd: odd_b.png: is 512×512; expected 512×384",
        next(line for line in sorted(done.err.splitlines()) if line.startswith("camofilter: odd: odd_c.png: ")),
    ]
    assert done.out == "odd: 0 of 3 photos, 5 faults\n"
    machine = run("evaluate", "quality", "prepared", folder, "--json")
    (record,) = machine.records
    assert (record["photos"], record["accuracy_after"], len(record["faults"])) == (0, None, 5)


@pytest.mark.slow
def test_lists_choose_the_originals_and_the_subset(run: Run) -> None:
    make_run("soft", blurred)
    Path("list.csv").write_text("a.jpg\nb.jpg\nz.jpg\n")
    Path("manual.csv").write_text("b.jpg\n")
    done = run("evaluate", "quality", "prepared", "soft", "--list", "list.csv", "--manual", "manual.csv", "--json")
    assert done.code == 1
    (record,) = done.records
    assert record["photos"] == 2
    assert record["manual"][0]["photos"] == 1
    assert [fault["kind"] for fault in record["faults"]] == ["extra"]
    told = run("evaluate", "quality", "prepared", "soft", "--list", "list.csv", "--manual", "manual.csv")
    assert "camofilter: originals: z.jpg: is on the list and not in prepared" in told.err
    assert "    by hand: seen " in told.out


@pytest.mark.slow
def test_csv_has_every_photo_of_every_run(run: Run) -> None:
    make_run("same")
    make_run("soft", blurred)
    assert run("evaluate", "quality", "prepared", "same", "soft", "--csv", "all.csv").code == 0
    with open("all.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["photo"]) for row in rows] == [
        (code, f"{name}.png") for code in ("same", "soft") for name in "abc"
    ]
    before = Path("all.csv").read_bytes()
    again = run("evaluate", "quality", "prepared", "same", "soft", "--csv", "all.csv")
    assert (again.code, again.out) == (2, "")
    assert "all.csv exists: add --force" in again.err
    assert Path("all.csv").read_bytes() == before


@pytest.mark.slow
def test_report(run: Run) -> None:
    make_run("soft", blurred)
    done = run("evaluate", "quality", "prepared", "soft", "--report", "report")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "the report is report/report.html"
    assert {path.name for path in Path("report").iterdir()} == {
        "report.html", "photos.csv", "summary.json", "sheet-soft.png"
    }  # fmt: skip
    summary = json.loads(Path("report/summary.json").read_text())
    assert summary["runs"][0]["judges"][0]["accuracy_after"] == 0
    again = run("evaluate", "quality", "prepared", "soft", "--report", "report")
    assert again.code in (1, 2)
    assert "exists" in again.err


@pytest.mark.slow
def test_what_camouflage_writes_is_a_run(run: Run) -> None:
    """The way of a participant: prepare, camouflage into a folder, evaluate, submit."""
    photos = sorted(Path("prepared").iterdir())
    Path("mine").mkdir()
    hidden = run("camouflage", *photos, "-o", "mine", "--recipe-out", "mine")
    assert hidden.code == 0
    (record,) = run("evaluate", "quality", "prepared", "mine", "--json").records
    assert (record["photos"], record["faults"], record["accuracy_after"]) == (3, [], 0)
    assert record["means"]["reach"] > 0
    Path("list.csv").write_text("".join(f"{name}\n" for name in NAMES))
    packed = run("submit", "mine", "team_mine", "--list", "list.csv")
    assert (packed.code, packed.out) == (0, "team_mine.zip: 3 photos\n")
    (again,) = run("evaluate", "quality", "prepared", "team_mine.zip", "--json").records
    assert again["run"] == "team_mine"
    assert {key: again[key] for key in CONTRACT - {"run"}} == {key: record[key] for key in CONTRACT - {"run"}}


@pytest.mark.slow
def test_what_batch_writes_is_a_run(run: Run) -> None:
    """With its journal, its lock and what else lies hidden in folders."""
    assert run("batch", "prepared", "mine", "apply", "--set", "exposure.ev=0.1", "--workers", 1).code == 0
    assert Path("mine/.camofilter.lock").exists()
    for aside in (".camofilter-originals/a.png", ".DS_Store", "camofilter.sqlite-wal", "._a.png"):
        Path("mine", aside).parent.mkdir(exist_ok=True)
        Path("mine", aside).touch()
    (record,) = run("evaluate", "quality", "prepared", "mine", "--json").records
    assert (record["photos"], record["faults"]) == (3, [])
    assert run("submit", "mine", "team_mine")[:2] == (0, "team_mine.zip: 3 photos\n")
    assert run("jury", "make", "mine", "prepared", "-o", "jury", "--photos", 1).code == 0
    assert run("prepare", "quality", "mine", "-o", "again").out == "3 photos in again\n"


def test_submit_refuses_a_faulty_run(run: Run) -> None:
    folder = make_run("team")
    (folder / "team_b.png").unlink()
    Path("list.csv").write_text("".join(f"{name}\n" for name in NAMES))
    done = run("submit", folder, "team_one", "--list", "list.csv")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "camofilter: team_one.zip was not written: 1 fault in team"
    assert "team_b.jpg: is missing" in done.err
    assert not Path("team_one.zip").exists()
    machine = run("submit", folder, "team_one", "--list", "list.csv", "--json")
    assert machine.records[0]["output"] is None


def test_scenes_need_a_classifier(run: Run) -> None:
    done = run("evaluate", "scene", "prepared", make_run("same"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("camofilter: no classifier was given: add --target places365_resnet50:")
    wrong = run("evaluate", "scene", "prepared", "same", "--target", "compact_iqa")
    assert (wrong.code, wrong.out) == (2, "")
    assert "use it with 'evaluate quality'" in wrong.err


def test_scenes(run: Run, shared: Path) -> None:
    classifier = f"places365_squeezenet:{shared / 'weights' / 'squeezenet_places365_f32.npz'}"
    assert run("prepare", "scene", "photos", "-o", "prepared", "--force").code == 0
    make_run("same")
    done = run("evaluate", "scene", "prepared", "same", "--target", classifier, "--json")
    assert done.code == 0
    (record,) = done.records
    assert (record["accuracy_before"], record["accuracy_after"]) == (1, 1)
    assert [figures["judge"] for figures in record["judges"]] == [
        "places365_squeezenet", "places365_squeezenet sensitive"
    ]  # fmt: skip


@pytest.mark.slow
def test_jury_from_runs_to_ranking(run: Run) -> None:
    make_run("same")
    make_run("soft", blurred)
    made = run("jury", "make", "same", "soft", "-o", "jury", "--photos", 2, "--originals", "prepared")
    assert made.code == 0
    assert [line.split(":")[0] for line in made.out.splitlines()] == ["jury/jury.html", "jury/key.json"]
    key = json.loads(Path("jury/key.json").read_text())
    assert len(key["ballots"]) == 2
    for juror in ("one", "two"):
        votes = []
        for ballot in key["ballots"]:
            codes = {owner: code for code, owner in ballot["versions"].items()}
            votes.append({"photo": ballot["photo"], "most": [codes["same"]], "least": [codes["soft"]]})
        vote = {"jury": key["jury"], "juror": juror, "name": "", "votes": votes, "finished": "2026-01-01T00:00:00Z"}
        Path("jury", f"{juror}.json").write_text(json.dumps(vote))
    counted = run("jury", "tally", "jury/one.json", "jury/two.json", "--json")
    assert counted.code == 0
    (tally,) = counted.records
    assert [(one["run"], one["most"], one["least"]) for one in tally["runs"]] == [("same", 4, 0), ("soft", 0, 4)]
    assert tally["kappa"] == 1
    told = run("jury", "tally", "jury/one.json", "jury/two.json", "--key", "jury/key.json")
    assert told.out.splitlines()[1].startswith("1. same: most appealing 4×")
    again = run("jury", "make", "same", "soft", "-o", "jury", "--photos", 2)
    assert again.code in (1, 2)
    assert "exists" in again.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("evaluate", "quality", "nowhere", "same"),
            "nowhere: cannot be read (No such file or directory): give",
        ),
        (("evaluate", "quality", "photos", "photos/a.jpg"), "photos/a.jpg: cannot be read (no zip): give a folder"),
        (("evaluate", "beauty", "photos", "same"), "invalid value for 'quality|scene': 'beauty' is not one of"),
        (
            ("evaluate",),
            "missing argument 'quality|scene'. Choose from: quality, scene; try 'camofilter evaluate --help'",
        ),
        (("submit", "photos", "my run"), "the run code is 'my run': expected letters, digits, _ and -"),
        (("jury", "tally", "no.json"), "there is no key.json beside no.json: give the one that 'jury make' wrote"),
        (("prepare", "quality", "photos", "-o", "x", "--list", "no.csv"), "no.csv: cannot be read as csv"),
    ],
)
def test_one_line_for_what_is_wrong(run: Run, argv: tuple[str, ...], message: str) -> None:
    done = run(*argv)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert message in done.err

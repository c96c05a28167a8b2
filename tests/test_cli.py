"""The command line as people and scripts meet it: exit codes, messages, files and JSON."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import Ran
from PIL import Image

import camofilter
from camofilter import biqa, filters, presets
from camofilter.cli import main, work
from camofilter.optim.channel import BATTERY
from camofilter.recipe import FilterStep, Recipe
from camofilter.sheets import preset_sheet

EXAMPLES = sorted((Path(__file__).parents[1] / "examples" / "photos").glob("*.jpg"))
NAMES = ("a.jpg", "b.jpg", "c.jpg")
VERSION = biqa.KNOWN["compact_iqa"].version
# Blue where red was.
SWAP = "LUT_3D_SIZE 2\n0 0 0\n0 0 1\n0 1 0\n0 1 1\n1 0 0\n1 0 1\n1 1 0\n1 1 1\n"
RECIPE = {"camofilter": 1, "name": "My/look ☀", "filters": [{"filter": "exposure", "ev": 0.5}]}


@pytest.fixture(scope="session")
def small_photos(tmp_path_factory):
    """The example photos at a quarter of their size."""
    folder = tmp_path_factory.mktemp("photos")
    for source, name in zip(EXAMPLES, NAMES, strict=True):
        with Image.open(source) as photo:
            photo.thumbnail((320, 320))
            photo.save(folder / name, quality=92)
    return folder


@pytest.fixture
def here(small_photos, tmp_path, monkeypatch):
    """The current folder, with a.jpg, b.jpg, c.jpg, in/a.jpg and the files that the tables below need."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name, copy in [*zip(NAMES, NAMES, strict=True), ("a.jpg", "in/a.jpg"), ("b.jpg", "there.jpg")]:
        Path(copy).write_bytes((small_photos / name).read_bytes())
    os.symlink("a.jpg", "soft.jpg")
    os.link("a.jpg", "hard.jpg")
    Path("-a.jpg").write_text("not a photo")
    Path("notes.jpg").write_text("not a photo")
    Path("look.json").write_text(json.dumps(RECIPE))
    Path("nameless.json").write_text(json.dumps({"camofilter": 1, "filters": RECIPE["filters"]}))
    Path("broken.json").write_text("{")
    Path("swap.cube").write_text(SWAP)
    Path("cut.cube").write_text(SWAP[:-6])
    return tmp_path


@pytest.fixture
def run(here, capsys):
    def run(*argv):
        code = main([str(word) for word in argv])
        return Ran(code, *capsys.readouterr())

    return run


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pixels(path):
    with Image.open(path) as photo:
        return np.asarray(photo).astype(int)


USAGE_ERRORS = [
    # command line, what the one line must say
    ("", "missing command; try 'camofilter --help'"),
    ("aply a.jpg", "no such command 'aply'. Did you mean 'apply'? try 'camofilter --help'"),
    ("a.jpg", "no such command 'a.jpg'. Did you mean 'camofilter camouflage a.jpg'? try 'camofilter --help'"),
    ("--versio", "no such option: --versio (Possible options: --version); try 'camofilter --help'"),
    ("apply", "missing argument 'IN'; try 'camofilter apply --help'"),
    ("apply a.jpg", "no look was given: give --preset NAME, --recipe FILE.json, --cube FILE.cube or --set"),
    ("apply a.jpg --presett warm", "no such option: --presett (Possible options: --preset"),
    ("apply a.jpg --preset", "option '--preset' requires an argument; try 'camofilter apply --help'"),
    ("apply a.jpg --preset wram", "unknown preset 'wram': did you mean warm?"),
    ("apply a.jpg --preset warm --recipe look.json", "--preset and --recipe were both given"),
    ("apply a.jpg --preset warm --cube film.cube", "--preset and --cube were both given"),
    ("apply a.jpg --recipe look.json --cube film.cube", "--recipe and --cube were both given"),
    ("apply a.jpg --cube none.cube", "none.cube: cannot read the table: No such file or directory"),
    ("apply a.jpg --cube b.jpg", "b.jpg: is not plain text: expected a .cube file, or a Hald image"),
    ("apply a.jpg --cube cut.cube", "cut.cube: line 1: LUT_3D_SIZE 2 means 8 rows of numbers, but 7 follow"),
    ("apply a.jpg --set lut.cube=none.cube", "none.cube: cannot read the table: No such file"),
    ("apply a.jpg --set lut.cube=", "--set is 'lut.cube=': expected FILTER.SETTING=VALUE"),
    ("apply a.jpg --recipe none.json", "none.json: cannot read the recipe: No such file or directory"),
    ("apply a.jpg --recipe broken.json", "broken.json: not JSON"),
    ("apply a.jpg --recipe a.jpg", "a.jpg: cannot read the recipe: it is not UTF-8 text"),
    ("apply a.jpg --set exposure", "--set is 'exposure': expected FILTER.SETTING=VALUE"),
    ("apply a.jpg --set exposure=1", "--set is 'exposure=1': expected FILTER.SETTING=VALUE"),
    ("apply a.jpg --set exposure.ev=bright", "--set is 'exposure.ev=bright': expected"),
    ("apply a.jpg --set exposre.ev=1", "unknown filter 'exposre': did you mean exposure"),
    ("apply a.jpg --set exposure.evs=1", "unknown setting of exposure 'evs': did you mean ev?"),
    ("apply a.jpg --set exposure.ev=99", "exposure.ev is 99.0: expected a number from -3 to 3 EV"),
    ("apply a.jpg --set exposure.ev=nan", "exposure.ev is nan: expected a number from"),
    ("apply a.jpg --set exposure.ev=0,5", "exposure.ev is [0.0, 5.0]: expected a number from"),
    ("apply a.jpg --set tone_curve.red=1", "tone_curve.red is 1.0: expected a list of 2 to 64 numbers"),
    ("apply a.jpg --preset warm --strength 1.5", "strength is 1.5: expected a number from 0 to 1"),
    ("apply a.jpg --preset warm --strength nan", "strength is nan: expected a number from 0 to 1"),
    ("apply a.jpg --preset warm --strength much", "--strength is 'much': should be a valid number; try"),
    ("apply a.jpg --preset warm --metadata some", "'some' is not one of 'safe', 'creator', 'all', 'none'"),
    ("apply a.jpg --preset warm --max-pixels 0", "--max-pixels is '0': should be greater than"),
    ("apply a.jpg --preset warm -o x.jpg --in-place", "--in-place and -o were both given"),
    ("apply a.jpg b.jpg --preset warm -o there.jpg", "-o there.jpg is a file: for 2 photos give a folder"),
    ("apply a.jpg in/a.jpg --preset warm -o new", "a.jpg and in/a.jpg would both be written to new/a.jpg"),
    ("apply a.jpg b.jpg --preset warm -o two.jpg", "-o two.jpg is named like a file: for 2 photos give a folder"),
    ("apply a.jpg --preset warm -o notes.jpg/", "-o notes.jpg/ is a file: for files in it give a folder"),
    ("camouflage a.jpg b.jpg --recipe-out two.json", "--recipe-out two.json is named like a file: for 2 photos give"),
    ("camouflage a.jpg --strength 0.5", "--strength is 0.5, but no look was given: give --preset NAME"),
    ("camouflage a.jpg --preset warm --cube swap.cube", "--preset and --cube were both given"),
    ("camouflage a.jpg --set exposure.ev=99", "exposure.ev is 99.0: expected a number from -3 to 3 EV"),
    ("camouflage a.jpg --recipe broken.json", "broken.json: not JSON"),
    ("apply a.jpg a.jpg --preset warm", "a.jpg and a.jpg would both be written to a.warm.jpg"),
    ("apply a.heic a.jpg --preset warm", "a.heic and a.jpg would both be written to a.warm.jpg"),
    ("apply a.jpg in/../a.jpg --preset warm --in-place", "a.jpg and in/../a.jpg would both be written to"),
    ("apply a.jpg soft.jpg --preset warm --in-place", "a.jpg and soft.jpg would both be written to"),
    ("camouflage a.jpg --preset wram", "unknown preset 'wram': did you mean warm?"),
    ("camouflage a.jpg --target compact", "unknown target 'compact': did you mean compact_iqa?"),
    ("camouflage a.jpg --target compact_iqa:none.safetensors", "none.safetensors: no such weight file"),
    ("camouflage a.jpg --threshold nan", "the threshold is nan: expected a number from 0 to 100, such as 50"),
    ("camouflage a.jpg --threshold 150", "the threshold is 150: expected a number from 0 to 100, such as 50"),
    ("camouflage a.jpg --threshold -5", "the threshold is -5: expected a number from 0 to 100, such as 50"),
    (
        "camouflage a.jpg --target compact_iqa --target compact_iqa --threshold 9",
        "there are 2 targets: each has its own",
    ),
    ("camouflage a.jpg --scene beach", "--scene is 'beach', but no target tells scenes apart"),
    ("camouflage a.jpg --target koncept512", "target 'koncept512' needs the path of KonCept512.pth"),
    (
        "camouflage a.jpg --target koncept512:no.pth",
        "no.pth: no such weight file; expected KonCept512.pth (about 240 MB)",
    ),
    ("score a.jpg --target places365_resnet50:a.jpg", "a.jpg: weight files are named"),
    ("targets --convert koncept512", "--convert is 'koncept512': expected NAME:FILE"),
    ("targets --convert model_file:a.pt", "target 'model_file' has no weight file that can be converted"),
    ("targets --convert compact_iqa:none.pth", "none.pth: no such weight file"),
    ("targets --convert compact_iqa:a --check koncept512:b", "--convert and --check were both given"),
    ("targets --check compact_iqa:a --photos in", "scores were published with koncept512 only"),
    ("targets --check koncept512:a.pth", "--check needs the photos"),
    ("train none.csv -o out", "none.csv: cannot be read as csv"),
    ("train look.json -o out", "look.json: expected a heading with 'image' and 'score'"),
    ("camouflage a.jpg --method magic", "'--method': 'magic' is not one of 'auto', 'filter', 'hybrid', 'perturb'; try"),
    ("camouflage a.jpg --attack cw", "--attack is cw and --method auto: an attack is for --method perturb"),
    ("camouflage a.jpg --keep some", "'--keep': 'some' is not one of 'subtle', 'natural', 'bold'; try"),
    ("camouflage a.jpg --robust 4", "robust is 4: expected 0 to 3 machines of other kinds"),
    ("camouflage a.jpg --variants 0", "--variants is '0': should be greater than or equal to 1"),
    ("camouflage a.jpg --variants 99", "variants is 99: expected 1 to 12 looks"),
    ("camouflage a.jpg --variants 2 --in-place", "--in-place and --variants were both given"),
    ("camouflage a.jpg --device gpu", "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
    ("camouflage a.jpg --seed -1", "--seed is '-1': should be greater than or equal to 0"),
    (
        "camouflage a.jpg b.jpg --recipe-out look.json",
        "--recipe-out look.json is a file: for 2 photos give a folder",
    ),
    ("camouflage a.jpg in/a.jpg --recipe-out new", "would both be written to new/a.json"),
    ("score", "missing argument 'IN'; try 'camofilter score --help'"),
    ("score a.jpg --target compact_iqa --target x", "unknown target 'x': known are: compact_iqa, "),
    ("presets a.jpg b.jpg", "got unexpected extra argument(s) (b.jpg); try 'camofilter presets --help'"),
    ("presets wram", "unknown preset 'wram': did you mean warm?"),
    ("presets --family flim", "unknown family 'flim': did you mean film?"),
    ("presets warm --family film", "preset warm is not of the family film: leave --family out"),
    ("filters grian", "unknown filter 'grian': did you mean grain"),
    ("presets a.jpg", "a sheet needs a photo, and the photo a sheet: give --sheet OUT.png PHOTO, or neither"),
    ("presets --sheet new.png", "a sheet needs a photo, and the photo a sheet"),
    ("presets a.jpg --sheet b.jpg", "b.jpg exists: add --force to replace it, or give another --sheet"),
    ("presets WARM", "unknown preset 'WARM': did you mean warm?"),
    ("presets --force", "--force is for --sheet OUT.png, which was not given"),
    ("targets --half", "-o, --half and --force are for --convert NAME:FILE, which was not given"),
    ("targets --photos in", "--photos is for --check NAME:FILE, which was not given"),
    ("score a.jpg --target own.pt", "unknown target 'own.pt': for a model in a file give model_file:own.pt"),
    ("apply a.jpg --preset warm --preset cool", "--preset was given 2 times: give it once"),
    ("apply a.jpg --preset warm -o new --out=new", "-o was given 2 times: give it once"),
    ("batch in new apply --set exposure.ev=1 --strength 1 --strength 0.5", "--strength was given 2 times"),
    ("apply a.jpg --preset=", "--preset is empty: give it a value or leave it out"),
    ("apply a.jpg --preset warm -o -", "-o is '-': standard input and output are not read or written: give a file"),
    ("apply - --preset warm", "IN is '-': standard input and output are not read"),
    ("apply -a.jpg --preset warm", "no such option: -a. For the file give './-a.jpg'; try 'camofilter apply --help'"),
    ("apply a.jpg -preset=warm", "no such option: -p. Did you mean '--preset'? try 'camofilter apply --help'"),
    ("camouflage a.jpg --method perturb --set exposure.ev=0.1", "--method perturb was given with a look"),
    ("batch in new camouflage --method perturb --preset warm", "--method perturb was given with a look"),
    ("camouflage a.jpg --method perturb --variants 2", "--method perturb finds no look"),
    ("evaluate quality in in --categories look.json", "--categories was given for quality: it is for scene"),
    ("presets a.jpg --sheet in/../a.jpg --force", "a.jpg would be replaced by its sheet: give another --sheet"),
]


@pytest.mark.parametrize(("line", "message"), USAGE_ERRORS)
def test_wrong_usage_is_one_line_and_nothing_is_done(run, here, line, message):
    before = contents(here)
    ran = run(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("camofilter: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert contents(here) == before
    assert not Path("new").exists()


@pytest.mark.parametrize("words", [("apply", "", "--preset", "warm"), ("batch", "in", "", "apply", "--preset", "warm")])
def test_a_name_that_is_empty_is_not_the_current_folder(run, here, words):
    before = contents(here)
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert " is empty: give it a value or leave it out" in ran.err
    assert contents(here) == before


@pytest.mark.parametrize("line", ["apply a.jpg --oops", "apply a.jpg --preset wram", "score a.jpg --target x"])
def test_wrong_usage_with_json_is_still_on_standard_error(run, line):
    ran = run(*line.split(), "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == run(*line.split()).err


# Each of these keeps one photo from being done; c.jpg beside it must still be.
PHOTO_ERRORS = [
    # photo, options, what the one line must say
    ("none.jpg", "", "none.jpg: No such file or directory"),
    ("in", "", "in: is a folder: "),
    ("notes.jpg", "", "notes.jpg: is not a photo of a type that is read"),
    ("a.jpg", "--max-pixels 9", "57,600 pixels, more than the limit of 9"),
]


@pytest.mark.parametrize(("photo", "options", "message"), PHOTO_ERRORS)
@pytest.mark.parametrize("command", ["apply --preset warm", "score", "camouflage"])
def test_photo_that_cannot_be_opened(run, here, command, photo, options, message):
    before = contents(here)
    ran = run(*command.split(), photo, *options.split())
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    assert ran.err.startswith("camofilter: ")
    assert ran.err.count("\n") == 1
    as_json = run(*command.split(), photo, *options.split(), "--json")
    assert (as_json.code, as_json.err) == (1, "")
    assert as_json.records == [{"input": photo, "error": ran.err.removeprefix("camofilter: ").rstrip("\n")}]
    assert contents(here) == before


OUTPUT_ERRORS = [
    # photo, options, what the one line must say
    ("b.jpg", "-o there.jpg", "b.jpg: there.jpg exists: add --force to replace it"),
    ("a.jpg", "-o a.jpg --force", "a.jpg: would be replaced: give another -o, or --in-place"),
    ("a.jpg", "-o in/../a.jpg --force", "a.jpg: would be replaced"),
    ("a.jpg", "-o soft.jpg --force", "a.jpg: would be replaced"),
    ("soft.jpg", "-o a.jpg --force", "soft.jpg: would be replaced"),
    ("a.jpg", "-o hard.jpg --force", "a.jpg: would be replaced"),
    ("a.jpg", "-o . --force", "a.jpg: would be replaced"),
    ("a.jpg", "-o nowhere/x.jpg", "a.jpg: nowhere/x.jpg is in a folder that does not exist"),
    ("a.jpg", "-o notes.jpg/", "notes.jpg"),
    ("a.jpg", "-o /dev/null", "/dev/null: files without a suffix are not written; name it one of .jpg"),
    ("a.jpg", "-o new.gif", "new.gif: files named '.gif' are not written; name it one of .jpg"),
]


@pytest.mark.parametrize(("photo", "options", "message"), OUTPUT_ERRORS)
@pytest.mark.parametrize("command", ["apply --preset warm", "camouflage"])
def test_output_that_must_not_be_written(run, here, command, photo, options, message):
    before = contents(here)
    ran = run(*command.split(), photo, *options.split())
    assert ran.code in (1, 2)
    assert ran.out == ""
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert contents(here) == before


def test_other_photos_are_done(run):
    ran = run("apply", "--preset", "warm", "a.jpg", "none.jpg", "in", "c.jpg")
    assert ran.code == 1
    assert ran.err.count("\n") == 2
    assert [line.split("      ")[0] for line in ran.out.splitlines()] == [
        "a.jpg → a.warm.jpg",
        "c.jpg → c.warm.jpg",
    ]


def test_result_never_replaces_another_photo_that_was_given(run, here):
    run("apply", "a.jpg", "--preset", "warm")
    before = contents(here)
    ran = run("apply", "a.jpg", "a.warm.jpg", "--preset", "warm", "--force")
    assert ran.code == 1
    assert "a.jpg: would replace a.warm.jpg: give another -o" in ran.err
    after = contents(here)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"a.warm.warm.jpg"}


def test_results_whose_names_meet_only_when_the_photos_are_read(run):
    Image.open("b.jpg").save("a.png")
    os.rename("a.png", "a.jfif")  # holds PNG, so its result is a .png too
    Image.open("c.jpg").save("a.png")
    ran = run("apply", "a.jfif", "a.png", "--preset", "warm", "-o", "new", "--force", "--json")
    assert ran.code == 1
    assert {"input", "error"} == set(ran.records[0])
    assert "would replace" in ran.records[0]["error"]
    assert pixels("new/a.png").shape == pixels("c.jpg").shape


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ("--preset warm", "a.warm.jpg"),
        ("--recipe look.json", "a.My-look.jpg"),
        ("--set exposure.ev=0.4", "a.look.jpg"),
        ("--cube swap.cube", "a.swap.jpg"),
        ("--cube swap.cube --strength 0.5 --set exposure.ev=0.1", "a.swap.jpg"),
        ("--preset warm --set exposure.ev=0.4", "a.warm.jpg"),
        ("--preset warm -o x.png", "x.png"),
        ("--preset warm -o in", "in/a.jpg"),
        ("--preset warm -o newdir", "newdir/a.jpg"),
        ("--recipe nameless.json", "a.nameless.jpg"),
        ("--preset warm -o new/deep/", "new/deep/a.jpg"),
        ("--preset warm -o there.jpg --force", "there.jpg"),
    ],
)
def test_where_results_go(run, here, options, output):
    if output == "in/a.jpg":
        os.remove(output)
    ran = run("apply", "a.jpg", *options.split(), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [record["output"] for record in ran.records] == [output]
    assert pixels(output).shape == pixels("a.jpg").shape


def test_apply_several_into_a_new_folder(run, small_photos):
    ran = run("apply", *NAMES, "-o", "new", "--preset", "noir")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(os.listdir("new")) == list(NAMES)
    assert all(np.ptp(pixels(f"new/{name}"), axis=2).max() <= 3 for name in NAMES)  # black and white
    assert contents(small_photos).items() <= contents(Path()).items()


def test_apply_json(run):
    ran = run(
        "apply",
        "a.jpg",
        "--recipe",
        "look.json",
        "--set",
        "tone_curve.red=1,1.2",
        "--strength",
        "0.5",
        "--json",
    )
    assert (ran.code, ran.err) == (0, "")
    [record] = ran.records
    assert list(record) == ["input", "output", "recipe", "notes", "seconds"]
    expected = [{"filter": "exposure", "ev": 0.25}, {"filter": "tone_curve", "red": [1.0, 1.1]}]
    assert record["recipe"] == RECIPE | {"filters": expected}
    assert record["input"] == "a.jpg"
    assert record["seconds"] > 0


def test_apply_with_a_verdict(run):
    """Which says so where the look was found against another version of the judge, and only there."""
    as_now = RECIPE | {"made_for": [f"compact_iqa@{VERSION}"]}
    Path("now.json").write_text(json.dumps(as_now))
    Path("before.json").write_text(json.dumps(RECIPE | {"made_for": ["compact_iqa@1"]}))
    asked = ("--recipe", "now.json", "--target", "compact_iqa", "--target", "niqe")
    [record] = run("apply", "a.jpg", *asked, "--json").records
    assert list(record) == ["input", "output", "recipe", "notes", "hidden", "targets", "seconds"]
    assert (record["recipe"], record["notes"], record["hidden"]) == (as_now, [], False)
    judged = [(one["target"], one["version"], one["score_before"], one["score_after"]) for one in record["targets"]]
    before, after = (camofilter.open_photo(path) for path in ("a.jpg", record["output"]))
    assert judged == [
        (name, biqa.KNOWN[name].version, camofilter.score(before, name), camofilter.score(after, name))
        for name in ("compact_iqa", "niqe")
    ]
    said = run("apply", "a.jpg", "--recipe", "before.json", "--target", "compact_iqa", "-o", "again.jpg")
    assert (said.code, said.err) == (0, "")
    first, verdict, note = said.out.splitlines()
    assert first.startswith("a.jpg → again.jpg ")
    assert verdict.endswith("by compact_iqa (0 to 100, hidden below 50): written, but not hidden")
    assert note == f"  the look was found against compact_iqa@1, and is judged by compact_iqa@{VERSION}"
    assert run("apply", "a.jpg", "--recipe", "before.json", "-o", "third.jpg").out.count("\n") == 1
    refused = run("apply", "a.jpg", "--recipe", "before.json", "--target", "compact_iqa@1", "-o", "fourth.jpg")
    assert (refused.code, Path("fourth.jpg").exists()) == (2, False)


@pytest.mark.slow
def test_camouflage_from_a_look_found_against_another_version(run):
    Path("before.json").write_text(json.dumps(RECIPE | {"made_for": ["compact_iqa@1"]}))
    [record] = run("camouflage", "a.jpg", "--recipe", "before.json", "--threshold", "99", "--json").records
    assert record["notes"] == [f"the look was found against compact_iqa@1, and is judged by compact_iqa@{VERSION}"]
    assert record["recipe"]["made_for"] == [f"compact_iqa@{VERSION}"]


def test_recipe_from_json_gives_the_same_bytes(run):
    [record] = run("apply", "a.jpg", "--preset", "warm", "--strength", "0.5", "--json").records
    Path("again.json").write_text(json.dumps(record["recipe"]))
    assert run("apply", "a.jpg", "--recipe", "again.json", "-o", "again.jpg").code == 0
    assert Path("again.jpg").read_bytes() == Path(record["output"]).read_bytes()


def test_brighter_setting_is_brighter_and_strength_0_is_nothing(run):
    assert run("apply", "a.jpg", "--set", "exposure.ev=0.5", "-o", "bright.png").code == 0
    assert run("apply", "a.jpg", "--set", "exposure.ev=0.5", "--strength", "0", "-o", "same.png").code == 0
    assert pixels("bright.png").mean() > pixels("a.jpg").mean() + 5
    assert (pixels("same.png") == pixels("a.jpg")).all()


def test_metadata_option_reaches_the_file(run):
    photo = Image.open("a.jpg")
    exif = photo.getexif()
    exif[0x8298] = "Someone"  # copyright
    photo.save("tagged.jpg", exif=exif)
    for choice in ("safe", "none"):
        assert run("apply", "tagged.jpg", "--preset", "warm", "--metadata", choice, "-o", f"{choice}.jpg").code == 0
    assert Image.open("safe.jpg").getexif().get(0x8298) == "Someone"
    assert Image.open("none.jpg").getexif().get(0x8298) is None


def test_in_place_replaces_the_photo_behind_a_link(run):
    before = pixels("a.jpg")
    ran = run("apply", "soft.jpg", "--set", "exposure.ev=0.5", "--in-place", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert os.path.islink("soft.jpg")
    assert pixels("a.jpg").mean() > before.mean() + 5
    assert os.path.samefile(ran.records[0]["output"], "a.jpg")


def test_in_place_refuses_what_cannot_stay_what_it_is(run, here):
    Image.open("a.jpg").save("a.png")
    os.rename("a.png", "png.jpg")
    before = contents(here)
    ran = run("apply", "png.jpg", "--preset", "warm", "--in-place")
    assert ran.code == 1
    assert ran.err == "camofilter: png.jpg: cannot be replaced by a .png file: leave --in-place out\n"
    assert contents(here) == before


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist on Linux only")
def test_names_that_are_no_text_or_several_lines(run):
    name = os.fsdecode(b"line\nbreak \xff\x1b[31m.jpg")
    os.rename("a.jpg", name)
    done = run("apply", name, "--preset", "warm")
    assert done.code == 0
    assert done.out.count("\n") == 1
    assert "\x1b" not in done.out
    failed = run("apply", name, "--preset", "warm")
    assert failed.code == 1
    assert failed.err.count("\n") == 1
    [record] = run("score", name, "--json").records
    assert record["input"] == name


def test_score(run):
    plain = run("score", "a.jpg", "b.jpg")
    assert (plain.code, plain.err) == (0, "")
    as_json = run("score", "a.jpg", "b.jpg", "--json")
    keys = ["input", "target", "version", "score", "sees", "scale", "hidden"]
    assert [list(record) for record in as_json.records] == [keys] * 2
    for record, line in zip(as_json.records, plain.out.splitlines(), strict=True):
        assert record["score"] == camofilter.score(camofilter.open_photo(record["input"]))
        assert (record["target"], record["version"]) == ("compact_iqa", VERSION)
        assert line == f"{record['score']:6.1f} by compact_iqa (0 to 100, hidden below 50)  {record['input']}"


def test_score_by_several_targets_is_a_line_each(run):
    weights = Path(biqa.__file__).parent / "weights" / "compact_iqa.safetensors"
    ran = run("score", "a.jpg", "--target", "compact_iqa", "--target", f"compact_iqa:{weights}", "--json")
    assert ran.code == 0
    assert len(ran.records) == 2
    assert ran.records[0]["score"] == ran.records[1]["score"]
    named = [(record["target"], record["version"]) for record in ran.records]
    assert named == [("compact_iqa", VERSION), ("compact_iqa:compact_iqa.safetensors", None)]


CAMOUFLAGE_KEYS = [
    "input",
    "output",
    "untouched",
    "notes",
    "target",
    "version",
    "threshold",
    "score_before",
    "score_after",
    "camouflaged",
    "method",
    "recipe",
    "seconds",
    "survive",
    "survives",
    "change",
    "visibility",
    "targets",
    "unseen",
]


@pytest.mark.slow
def test_camouflage(run, here):
    before = contents(here)
    ran = run("camouflage", "a.jpg", "--json", "--recipe-out", "found.json")
    assert ran.err == ""
    [record] = ran.records
    assert list(record) == CAMOUFLAGE_KEYS
    assert record["output"] == "a.camo.jpg"
    assert record["score_before"] == camofilter.score(camofilter.open_photo("a.jpg"))
    assert record["score_after"] == camofilter.score(camofilter.open_photo("a.camo.jpg"))
    assert record["score_after"] < record["score_before"]
    assert record["camouflaged"] == (record["score_after"] < 50)
    assert ran.code == (0 if record["survives"] else 1)
    assert (record["target"], record["threshold"], record["method"]) == ("compact_iqa", 50, "auto")
    assert json.loads(Path("found.json").read_text()) == record["recipe"]
    assert record["recipe"]["made_for"] == [f"compact_iqa@{VERSION}"]
    assert pixels("a.camo.jpg").shape == pixels("a.jpg").shape
    assert contents(here).items() >= before.items()
    [target] = record["targets"]
    asked = ("JPEG 70", "WebP 80", "2048 px", "1080 px")
    assert record["survive"] == "platforms"
    assert record["survives"] == (max(target["score_after"], *(target["deliveries"][way] for way in asked)) < 50)
    assert target["worst"] == max(target["score_after"], *target["deliveries"].values())
    assert [other["target"] for other in record["unseen"]] == ["wavelet_iqa", "niqe", "brisque"]
    assert [other["version"] for other in record["unseen"]] == [
        biqa.KNOWN[o["target"]].version for o in record["unseen"]
    ]
    assert 0 < record["change"]["delta_e"] < 20
    assert record["visibility"]["ssimulacra2"] < 100
    assert record["visibility"]["words"] in ("not seen", "seen at 100 %", "seen")
    # The recipe is the product: applying it makes the same file.
    assert run("apply", "a.jpg", "--recipe", "found.json", "-o", "again.jpg").code == 0
    assert Path("again.jpg").read_bytes() == Path("a.camo.jpg").read_bytes()


@pytest.mark.slow
def test_camouflage_in_words_for_several_photos(run):
    look = ("--set", "exposure.ev=0.4", "--threshold", "99", "--recipe-out", "found")
    ran = run("camouflage", "a.jpg", "none.jpg", "b.jpg", *look)
    assert ran.code == 1  # for the photo that is missing
    assert ran.err.count("\n") == 1
    *photos, summary = ran.out.splitlines()
    *photos, count, visible = photos
    named = ["a.jpg → a.look.camo.jpg", "b.jpg → b.look.camo.jpg"]
    assert [line.rpartition("   ")[0].strip() for line in photos[0::7]] == named
    assert all(line.endswith("by compact_iqa (0 to 100, hidden below 99): hidden") for line in photos[1::7])
    assert all("stays hidden: at worst" in line and "after 7 ways of it" in line for line in photos[2::7])
    assert photos[3].startswith("  machines it was not tuned for: wavelet_iqa ")
    assert photos[4].startswith("  change: ΔE2000 ")
    assert photos[5] == "  what is to hide it is not seen (SSIMULACRA2 100 from its look alone)"
    assert photos[6] == "  exposure +0.40 EV"
    assert count == "2 of 3 photos hidden, 2 of them also after being passed on"
    assert visible == "what is to hide them is not seen in 2"
    assert summary.startswith("mean score by compact_iqa ")
    assert sorted(os.listdir("found")) == ["a.json", "b.json"]


LOOKS = [
    # options, the name of the result, settings of its look
    ("--preset warm", "a.warm.camo.jpg", presets.get("warm")),
    ("--recipe look.json --strength 0.5", "a.My-look.camo.jpg", Recipe((FilterStep("exposure", {"ev": 0.25}),))),
    ("--set exposure.ev=0.5", "a.look.camo.jpg", Recipe((FilterStep("exposure", {"ev": 0.5}),))),
    ("--cube swap.cube", "a.swap.camo.jpg", None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "output", "look"), LOOKS)
def test_camouflage_takes_the_looks_that_apply_takes(run, options, output, look):
    # Below a threshold that every photo meets, a look needs nothing else to be hidden.
    ran = run("camouflage", "a.jpg", *options.split(), "--threshold", "99.9", "--json")
    [record] = ran.records
    assert (ran.code, record["output"], record["untouched"]) == (0, output, False)
    assert look is None or record["recipe"]["filters"] == look.to_dict()["filters"]
    assert run("apply", "a.jpg", *options.split(), "-o", "applied.jpg").code == 0
    assert (pixels(output) == pixels("applied.jpg")).all()


@pytest.mark.slow
def test_photo_that_was_hidden_already_is_left_byte_for_byte(run, here):
    photo = Image.open("a.jpg")
    exif = photo.getexif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"  # a place, which no copy may tell
    photo.save("placed.jpg", exif=exif, quality=92)
    before = contents(here)
    easy = ("--threshold", "99.9")
    ran = run("camouflage", "a.jpg", *easy, "--in-place")
    assert (ran.code, ran.err, contents(here)) == (0, "", before)
    assert ran.out.startswith("a.jpg was hidden already: left as it is, nothing was written")
    assert len(ran.out.splitlines()) == 3
    [record] = run("camouflage", "a.jpg", *easy, "--json").records
    assert (record["untouched"], record["output"], record["camouflaged"]) == (True, "a.jpg", True)
    assert contents(here) == before
    ran = run("camouflage", "a.jpg", "placed.jpg", *easy, "-o", "new")
    assert "a.jpg was hidden already: its pixels are left as they are in new/a.jpg" in ran.out
    assert Path("new/a.jpg").read_bytes() == Path("a.jpg").read_bytes()
    exif = Image.open("new/placed.jpg").getexif()
    assert (exif[0x010F], dict(exif.get_ifd(0x8825))) == ("Maker", {})
    assert contents(here).items() >= before.items()


def test_what_is_certain_to_fail_is_told_before_anything_is_loaded(here):
    Path("a.camo.jpg").write_text("a diary")
    code = """
import sys
sys.modules["torch"] = None  # importing it fails
from camofilter.cli import main, work
sys.exit(main())
"""
    ran = process(code, "camouflage", "a.jpg", "in", "none.jpg", "--recipe-out", "looks/")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines() == [
        "camofilter: a.jpg: a.camo.jpg exists: add --force to replace it, or give another -o",
        "camofilter: in: is a folder: 'camofilter batch in OUT camouflage' does all photos in it",
        "camofilter: none.jpg: No such file or directory; check the name, the folder, its permissions and free space",
    ]
    assert Path("a.camo.jpg").read_text() == "a diary"


@pytest.mark.slow
def test_variants_are_numbered_and_all_done(run):
    ran = run("camouflage", "a.jpg", "--variants", "2", "-o", "choice/", "--recipe-out", "looks/", "--json")
    assert ran.err == ""
    assert [record["output"] for record in ran.records] == ["choice/a-1.jpg", "choice/a-2.jpg"]
    assert ran.records[0]["recipe"] != ran.records[1]["recipe"]
    assert sorted(os.listdir("looks")) == ["a-1.json", "a-2.json"]
    first, second = (pixels(record["output"]).astype(int) for record in ran.records)
    assert np.abs(first - second).mean() > 4


@pytest.mark.slow
def test_a_perturbation_has_no_recipe(run):
    ran = run("camouflage", "a.jpg", "--method", "perturb", "--attack", "pgd", "--json")
    [record] = ran.records
    assert (record["method"], record["recipe"]["filters"]) == ("perturb", [])
    assert record["score_after"] < record["score_before"]


@pytest.mark.slow
def test_photo_that_cannot_be_hidden_is_written_and_said_to_be_seen(run):
    ran = run("camouflage", "a.jpg", "--threshold", "0", "--method", "filter", "--keep", "subtle")
    assert (ran.code, ran.err) == (1, "")
    assert "by compact_iqa (0 to 100, hidden below 0): written, but not hidden" in ran.out
    assert pixels("a.camo.jpg").shape == pixels("a.jpg").shape


@pytest.mark.parametrize("options", ["--recipe-out look.json", "--recipe-out a.jpg --force"])
def test_recipe_file_that_must_not_be_written(run, here, options):
    before = contents(here)
    ran = run("camouflage", "a.jpg", *options.split())
    assert ran.code == 1
    assert "give another --recipe-out" in ran.err
    assert contents(here) == before


@pytest.mark.slow
def test_sheet_of_all_presets(run, here):
    before = contents(here)
    ran = run("presets", "--sheet", "in/sheet.png", "a.jpg")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"a.jpg → in/sheet.png: {len(presets.names())} looks\n"
    assert contents(here).items() - before.items() == {("in/sheet.png", contents(here)["in/sheet.png"])}
    np.testing.assert_array_equal(pixels("in/sheet.png"), np.asarray(preset_sheet(camofilter.open_photo("a.jpg"))))
    assert run("presets", "--sheet", "in/sheet.png", "b.jpg", "--force", "--json").records == [
        {"input": "b.jpg", "output": "in/sheet.png", "presets": presets.names()}
    ]
    ran = run("presets", "--sheet", "new.png", "notes.jpg")
    assert ran.code == 1
    assert not Path("new.png").exists()


def test_lists(run):
    for command in ("presets", "filters", "targets"):
        plain = run(command)
        assert (plain.code, plain.err) == (0, "")
        first = run(command, "--json").records[0]
        assert first[command.removesuffix("s")] in plain.out

    listed = run("presets", "--json").records
    assert sorted(record["preset"] for record in listed) == presets.names()
    for record in listed:
        assert list(record) == ["preset", "family", "description", "recipe"]
        assert record["preset"] in presets.families()[record["family"]]
        assert camofilter.Recipe.from_dict(record["recipe"]) == presets.get(record["preset"])

    assert len(run("presets").out.splitlines()) == len(listed)
    assert [one["preset"] for one in run("presets", "--family", "film", "--json").records] == presets.families()["film"]
    [warm] = run("presets", "warm", "--json").records
    assert warm["recipe"] == presets.get("warm").to_dict()
    heading, *settings = run("presets", "warm").out.splitlines()
    assert heading.startswith("warm             warm-cool: ")
    assert [line.strip() for line in settings] == presets.get("warm").in_words().split("; ")

    listed = run("filters", "--json").records
    assert len(run("filters").out.splitlines()) == len(listed)
    assert run("filters", "exposure", "--json").records == [one for one in listed if one["filter"] == "exposure"]
    assert run("filters", "exposure").out.splitlines()[1].startswith("  ev          -3 to 3 EV, mostly ")
    assert [record["filter"] for record in listed] == list(filters.NAMES)
    for record in listed:
        assert list(record) == ["filter", "summary", "point", "settings"]
        for setting in record["settings"]:
            assert list(setting) == ["name", "unit", "identity", "range", "appealing", "help", "count"]
    assert {record["filter"]: record["point"] for record in listed}["vignette"] is False

    listed = run("targets", "--json").records
    keys = ["target", "version", "summary", "needs", "low", "high", "threshold", "hidden_below", "reason"]
    assert [list(record) for record in listed] == [keys] * len(listed)
    assert {record["target"]: record["threshold"] for record in listed} == {
        name: known.scale.threshold for name, known in biqa.KNOWN.items()
    }


@pytest.mark.parametrize(
    "command", ["", "apply", "camouflage", "score", "presets", "filters", "targets", "export", "train", "verify"]
)
def test_help(run, command):
    ran = run(*command.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: camofilter {command}".rstrip())
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "..." not in ran.out.partition("\n")[2]  # no sentence is cut off


def test_version(run):
    assert run("--version") == (0, f"camofilter {camofilter.__version__}\n", "")


# --- As processes ------------------------------------------------------------------------------------------


def process(code, *argv, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "presets",
        "filters --json",
        "targets",
        "apply a.jpg --preset vintage",
        "apply a.jpg --cube swap.cube",
        "export look.json look.cube",
        "apply --oops",
    ],
)
def test_works_without_torch(here, line):
    code = """
import sys
sys.modules["torch"] = sys.modules["kornia"] = None  # importing them fails
from camofilter.cli import main, work
sys.exit(main())
"""
    ran = process(code, *line.split())
    assert ran.returncode == (2 if "oops" in line else 0), ran.stderr
    assert "Traceback" not in ran.stderr


def test_module_runs_the_command_line(here):
    ran = subprocess.run(
        [sys.executable, "-m", "camofilter", "apply", "none.jpg", "--preset", "warm"],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith("camofilter: none.jpg: ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes as on Unix")
class TestEndings:
    @pytest.mark.slow
    def test_reader_that_stops_early(self, here):
        line = f"{sys.executable} -m camofilter filters --json | {sys.executable} -c 'print(input()[:1])'"
        ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert (ran.stdout, ran.stderr) == ("{\n", "")

    @pytest.mark.slow
    def test_control_c(self, here):
        code = """
import os, signal, sys
import camofilter
from camofilter import cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits it ignored
def stop(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)
camofilter.open_photo = stop
sys.exit(cli.main())
"""
        ran = process(code, "apply", "a.jpg", "--preset", "warm")
        assert (ran.returncode, ran.stdout) == (130, "")
        assert ran.stderr == "camofilter: stopped; the photos written so far are complete\n"

    def test_control_c_before_the_commands_are_loaded(self, here):
        code = """
import sys
class Stop:
    def find_spec(name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop)
from camofilter.__main__ import run
sys.exit(run())
"""
        ran = process(code, "presets")
        assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")

    @pytest.mark.slow
    def test_full_disk_behind_standard_output(self, here):
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [sys.executable, "-m", "camofilter", "presets"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert (ran.returncode, ran.stderr) == (1, "camofilter: cannot print: No space left on device\n")

    @pytest.mark.parametrize("streams", ["2>&-", ">&-", "<&- >&- 2>&-"])
    def test_process_without_standard_streams(self, here, streams):
        line = f"{sys.executable} -m camofilter apply none.jpg a.jpg --preset warm {streams}"
        ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert ran.returncode == 1  # for the photo that is missing, which is told on no other stream
        assert "none.jpg" not in ran.stdout
        assert "a.jpg" not in ran.stderr
        assert pixels("a.warm.jpg").shape == pixels("a.jpg").shape

    @pytest.mark.parametrize("sink", ["| true", "> /dev/full", "2>&1 | true"])
    def test_photos_are_done_though_nothing_can_be_printed(self, here, sink):
        if "full" in sink and not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        line = f"{sys.executable} -m camofilter apply a.jpg none.jpg b.jpg c.jpg --preset warm {sink}"
        subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        for name in NAMES:
            assert pixels(name.replace(".", ".warm.")).shape == pixels(name).shape

    def test_terminal_that_lacks_letters(self, here):
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}
        ran = process("from camofilter.cli import main; main()", "apply", "a.jpg", "--preset", "warm", env=environment)
        assert ran.stdout.startswith("a.jpg \\u2192 a.warm.jpg")
        assert ran.stderr == ""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "a.jpg: does not fit in memory"),
        (RuntimeError("alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"), "a.jpg: does not fit in"),
        (OSError(5, "Input/output error"), "a.jpg: Input/output error"),
        (RuntimeError("several\n  lines"), "a.jpg: unexpected RuntimeError: several lines"),
    ],
)
def test_whatever_goes_wrong_with_a_photo_is_one_line(run, monkeypatch, error, message):
    opened = camofilter.open_photo

    def fail_once(path, **options):
        if path == "a.jpg":
            raise error
        return opened(path, **options)

    monkeypatch.setattr(camofilter, "open_photo", fail_once)
    ran = run("apply", "a.jpg", "b.jpg", "--preset", "warm")
    assert ran.code == 1
    assert ran.err.startswith(f"camofilter: {message}")
    assert ran.err.count("\n") == 1
    assert ran.out.startswith("b.jpg → b.warm.jpg")


@pytest.mark.slow
def test_the_verdict_is_on_the_file_that_is_written(run):
    (done,) = run("camouflage", "a.jpg", "-o", "out.webp", "--preset", "warm", "--threshold", "99", "--json").records
    (verdict,) = done["targets"]
    written, target = camofilter.open_photo("out.webp").pixels, biqa.get("compact_iqa")
    assert verdict["score_after"] == biqa.delivered_score(written, target)
    recompressed = BATTERY["JPEG 70"](written)
    assert verdict["deliveries"]["JPEG 70"] == biqa.delivered_score(recompressed, target)


def test_a_file_that_cannot_hold_the_photo_is_one_line_with_its_name(run):
    Image.new("RGB", (17_000, 2), "grey").save("long.png")
    ran = run("camouflage", "long.png", "-o", "out.webp")
    assert ran.code == 1
    assert ran.err.startswith("camofilter: long.png: 17000 × 2 cannot be written as WEBP")
    assert not Path("out.webp").exists()


def test_a_photo_of_which_a_model_makes_no_number_is_one_line(run):
    import torch

    class Contrast(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 50 * image.mean((1, 2, 3)) / (image.amax((1, 2, 3)) - image.amin((1, 2, 3)))

    Image.new("RGB", (30, 20), "black").save("flat.png")
    torch.jit.script(Contrast()).save("contrast.pt")
    ran = run("score", "flat.png", "a.jpg", "--target", "model_file:contrast.pt")
    assert ran.code == 1
    assert ran.err == "camofilter: flat.png: model_file:contrast.pt: gave [nan], expected finite scores\n"
    assert ran.out.endswith("a.jpg\n")


@pytest.mark.skipif(sys.platform == "win32", reason="limits as on Unix")
@pytest.mark.slow
def test_a_photo_that_does_not_fit_in_memory_does_not_end_the_call(here):
    Image.new("1", (17_000, 17_000)).save("large.png")
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)\n"
    code += "from camofilter.cli import main; raise SystemExit(main())"
    ran = process(code, "score", "large.png", "a.jpg")
    assert ran.returncode == 1
    assert ran.stderr == "camofilter: large.png: does not fit in memory; make it smaller or close other programs\n"
    assert ran.stdout.endswith("a.jpg\n")


@pytest.mark.slow
def test_one_bar_goes_forward_only_and_says_in_words_what_is_done(run, monkeypatch):
    shown = []

    class Recorder:
        start = stop = add_task = lambda *_, **__: None

        def update(self, _task, completed, description, count):
            shown.append((completed, description, count))

    monkeypatch.setattr(work, "_rich_progress", lambda steady: Recorder())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    look = ("--set", "exposure.ev=0.3", "--threshold", "99.9")
    assert run("camouflage", "a.jpg", "b.jpg", *look).code == 0
    shares = [completed for completed, _, _ in shown]
    assert shares == sorted(shares)
    assert [share for share in shares if share == 2] == [2]  # once all is done, and not before
    assert {"loading the models", "opening", "trying how it travels", "writing"} <= {
        description.partition(",")[0] for _, description, _ in shown
    }
    assert [count for _, _, count in shown[-2:]] == ["1 of 2", "2 of 2"]
    shown.clear()
    assert run("apply", "a.jpg", "--preset", "warm").code == 0
    assert shown == [(1, "", "100 %")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda _: camofilter.apply("a.jpg", "warm"), "the photo is a str: expected what open_photo"),
        (lambda photo: camofilter.apply(photo, None), "the look is a NoneType: expected a recipe"),
        (lambda photo: camofilter.score(photo.pixels), "the photo is a ndarray: expected what open_photo"),
        (lambda photo: camofilter.camouflage(photo, target=None), "the target is a NoneType: expected a biqa.Target"),
        (lambda photo: camofilter.camouflage(photo, preset={"camofilter": 1}), "the look is a dict: expected a recipe"),
        (lambda photo: camofilter.camouflage(photo, preset="warm", method="perturb"), "perturbations have none"),
        (lambda photo: camofilter.verify(photo, original="a.jpg"), "the photo is a str: expected what open_photo"),
        (lambda _: camofilter.variants("a.jpg", 2), "the photo is a str: expected what open_photo"),
    ],
)
def test_python_is_told_in_one_line_what_is_no_photo_look_or_target(here, wrong, message):
    with pytest.raises(camofilter.UsageError, match=message):
        wrong(camofilter.open_photo("a.jpg"))

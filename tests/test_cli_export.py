"""Looks as tables of colours on the command line: ``apply --cube`` and ``export``."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camofilter import presets
from camofilter.cli import main
from camofilter.filters.cube import Cube, read_cube, write_cube

# Blue where red was, and the other way round.
SWAP = "LUT_3D_SIZE 2\n0 0 0\n0 0 1\n0 1 0\n0 1 1\n1 0 0\n1 0 1\n1 1 0\n1 1 1\n"
LOOK = {
    "camofilter": 1,
    "name": "Mine",
    "filters": [
        {"filter": "exposure", "ev": 0.3},
        {"filter": "contrast", "amount": 0},
        {"filter": "vignette", "amount": 0.4},
        {"filter": "fade", "blacks": 0.1},
        {"filter": "grain", "amount": 0.0},
    ],
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command line in a folder with a.png, swap.cube, look.json and place.json."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(noise).save("a.png")
    Path("swap.cube").write_text(SWAP)
    Path("look.json").write_text(json.dumps(LOOK))
    Path("place.json").write_text(json.dumps(LOOK | {"filters": LOOK["filters"][2:3]}))
    Path("empty.json").write_text(json.dumps(LOOK | {"filters": []}))

    def run(line):
        code = main(line.split())
        return code, *capsys.readouterr()

    return run


def pixels(path):
    with Image.open(path) as photo:
        return np.asarray(photo).astype(int)


class TestApplyCube:
    def test_gives_the_colours_of_the_table(self, run):
        code, out, err = run("apply a.png --cube swap.cube -o b.png --json")
        assert (code, err) == (0, "")
        assert np.abs(pixels("b.png") - pixels("a.png")[..., ::-1]).max() <= 1
        recipe = json.loads(out)["recipe"]
        assert recipe["name"] == "swap"
        assert recipe["filters"] == [{"filter": "lut", "amount": 1.0, "cube": os.path.abspath("swap.cube")}]

    def test_strength_and_settings(self, run):
        assert run("apply a.png --cube swap.cube --strength 0.5 -o half.png")[0] == 0
        assert run("apply a.png --cube swap.cube --set lut.amount=0.5 -o set.png")[0] == 0
        assert run("apply a.png --set lut.cube=swap.cube --set lut.amount=0.5 -o both.png")[0] == 0
        assert run("apply a.png --cube swap.cube --strength 0 -o none.png")[0] == 0
        middle = (pixels("a.png") + pixels("a.png")[..., ::-1]) / 2
        assert np.abs(pixels("half.png") - middle).max() <= 1
        assert (pixels("set.png") == pixels("half.png")).all()
        assert (pixels("both.png") == pixels("half.png")).all()
        assert (pixels("none.png") == pixels("a.png")).all()

    def test_hald_image(self, run):
        levels = np.linspace(0, 255, 16).round().astype(np.uint8)
        blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
        Image.fromarray(np.stack([blue, green, red], -1).reshape(64, 64, 3)).save("hald.png")
        assert run("apply a.png --cube hald.png -o b.png")[0] == 0
        assert np.abs(pixels("b.png") - pixels("a.png")[..., ::-1]).max() <= 1

    def test_recipe_with_a_table_is_found_from_another_folder(self, run, monkeypatch):
        os.makedirs("looks/films")
        os.rename("swap.cube", "looks/films/swap.cube")
        lut = {"filter": "lut", "amount": 1, "cube": "films/swap.cube"}
        Path("looks/look.json").write_text(json.dumps({"camofilter": 1, "filters": [lut]}))
        code, out, _ = run("apply a.png --recipe looks/look.json -o b.png --json")
        assert code == 0
        # What is printed is right wherever it is written.
        Path("again.json").write_text(json.dumps(json.loads(out)["recipe"]))
        assert run("apply a.png --recipe again.json -o c.png")[0] == 0
        assert Path("b.png").read_bytes() == Path("c.png").read_bytes()


class TestExport:
    def test_what_is_baked_and_what_is_not(self, run):
        code, out, err = run("export look.json out.cube")
        assert (code, err) == (0, "")
        assert out == "look.json → out.cube: exposure, fade; without what depends on the place: vignette\n"
        cube = read_cube("out.cube")
        assert (cube.table.shape, cube.title) == ((33, 33, 33, 3), "Mine")

    def test_json(self, run):
        code, out, err = run("export look.json out.cube --size 5 --json")
        assert (code, err, out.count("\n")) == (0, "", 1)
        recipe = {
            **LOOK,
            "filters": [*LOOK["filters"][:1], {"filter": "contrast", "amount": 0.0}, *LOOK["filters"][2:]],
        }
        assert json.loads(out) == {
            "recipe": recipe,
            "output": "out.cube",
            "size": 5,
            "baked": ["exposure", "fade"],
            "not_baked": ["vignette"],
            "off_by": pytest.approx(4, abs=3),
        }
        assert read_cube("out.cube").table.shape == (5, 5, 5, 3)

    def test_looks_like_the_recipe(self, run):
        points = [step for step in LOOK["filters"] if step["filter"] in ("exposure", "fade")]
        Path("points.json").write_text(json.dumps(LOOK | {"filters": points}))
        assert run("export points.json out.cube")[1] == "points.json → out.cube: exposure, fade\n"
        run("apply a.png --recipe points.json -o exact.png")
        run("apply a.png --cube out.cube -o baked.png")
        assert np.abs(pixels("exact.png") - pixels("baked.png")).max() <= 1

    def test_what_a_table_cannot_hold_is_said(self, run):
        write_cube(Cube(curves=(np.linspace(0, 1, 4096) > 0.5).astype(float)[:, None].repeat(3, 1)), "step.cube")
        lut = {"filter": "lut", "amount": 1, "cube": "step.cube"}
        Path("step.json").write_text(json.dumps({"camofilter": 1, "filters": [lut]}))
        code, out, _ = run("export step.json out.cube")
        assert code == 0
        said = r"^a table of 33 points a side cannot hold its steps: off by up to 1\d\d levels of 255: a larger --size"
        assert re.search(said, out, re.MULTILINE)
        assert json.loads(run("export step.json out.cube --force --json")[1])["off_by"] > 100

    def test_preset_by_name(self, run):
        assert run("export warm warm.cube")[0] == 0
        assert read_cube("warm.cube").title == presets.get("warm").name

    def test_table_of_a_table_is_the_same(self, run):
        lut = {"filter": "lut", "amount": 1, "cube": "swap.cube"}
        Path("lut.json").write_text(json.dumps({"camofilter": 1, "filters": [lut]}))
        assert run("export lut.json out.cube --size 2")[0] == 0
        assert read_cube("out.cube") == read_cube("swap.cube")

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("export look.json", "missing argument 'OUT.cube'; try 'camofilter export --help'"),
            ("export look.json a.png --force", "a.png: only .cube files are written: name it a.cube"),
            ("export look.json swap.cube", "swap.cube exists: add --force to replace it, or give another name"),
            ("export look.json no/x.cube", "no/x.cube: cannot write the table: No such file or directory"),
            ("export look.json x.cube --size 1", "--size is '1': should be greater than or equal to 2"),
            ("export look.json x.cube --size 130", "--size is '130': should be less than or equal to 129"),
            ("export place.json x.cube", "place.json: has nothing that a table of colours can hold: only what depends"),
            (
                "export empty.json x.cube",
                "empty.json: has nothing that a table of colours can hold: it changes nothing",
            ),
            ("export wram x.cube", "unknown preset 'wram': did you mean warm"),
            ("export none.json x.cube", "none.json: cannot read the recipe: No such file"),
            ("export a.png x.cube", "a.png: cannot read the recipe: it is not UTF-8 text"),
        ],
    )
    def test_refusals_are_one_line_and_nothing_is_written(self, run, line, message):
        run("--version")
        before = {name: Path(name).read_bytes() for name in os.listdir()}
        code, out, err = run(line)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
        assert {name: Path(name).read_bytes() for name in os.listdir()} == before

    def test_force_replaces(self, run):
        assert run("export look.json swap.cube --force")[0] == 0
        assert read_cube("swap.cube").title == "Mine"
        assert not [name for name in os.listdir() if name.endswith(".tmp")]

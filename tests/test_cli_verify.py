"""``camofilter verify``: what people and scripts are told of a photo found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran
from PIL import Image, ImageFilter

from camofilter.cli import main

Run = Callable[..., Ran]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples: list[Path]
) -> Run:
    """A command line in a folder with a photo, and it blurred, cut and made smaller."""
    monkeypatch.chdir(tmp_path)
    with Image.open(examples[0]) as photo:
        photo.resize((400, 300)).save("photo.png")
        soft = photo.resize((400, 300)).filter(ImageFilter.GaussianBlur(2.5))
        soft.crop((40, 0, 400, 300)).resize((180, 150)).save("found.jpg", quality=85, subsampling=0)

    def command(*argv: str) -> Ran:
        return Ran(main(["verify", *argv]), *capsys.readouterr())

    return command


@pytest.mark.slow
def test_in_words(run: Run) -> None:
    ran = run("found.jpg", "photo.png", "none.jpg", "--original", "photo.png")
    assert ran.code == 1  # the original itself is seen, and one is missing
    assert ran.err.startswith("camofilter: none.jpg: No such file")
    lines = ran.out.splitlines()
    assert lines[0].startswith("found.jpg: JPEG of quality 85, 4:4:4, 180×150 px, ")
    cut = "cut to 90 % of its width, 100 % of its height, from 40 px left, 0 px top"
    assert lines[1] == f"  of the original, 400×300 px: resized to 50.0 %, {cut}"
    assert lines[2].startswith("  differs from it by ΔE2000 ")
    assert lines[3].endswith("(0 to 100, hidden below 50): hidden")
    assert lines[4].startswith("    passed on once more it ")
    assert lines[5].startswith("photo.png: PNG, 400×300 px, ")
    assert lines[6] == "  of the original, 400×300 px: not resized, nothing cut off"
    assert lines[8].endswith("(0 to 100, hidden below 50): seen")


def test_json(run: Run) -> None:
    ran = run("found.jpg", "--json", "--target", "compact_iqa", "--threshold", "1")
    assert (ran.code, ran.err) == (1, "")
    [record] = ran.records
    assert list(record) == [
        *("input", "bytes", "format", "width", "height", "jpeg_quality", "jpeg_subsampling", "mark"),
        *("hidden", "survives", "targets", "original"),
    ]
    assert (record["bytes"], record["hidden"]) == (Path("found.jpg").stat().st_size, False)
    assert record["targets"][0]["seen_after"] == list(record["targets"][0]["deliveries"])
    assert run("found.jpg", "--original", "none.png")[::2] == (
        2,
        "camofilter: --original none.png: No such file or directory; check the name, the folder, its permissions and "
        "free space\n",
    )

"""The README's commands run one after the other as they stand."""

from __future__ import annotations

import glob
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Ran
from PIL import Image, ImageFilter

from camofilter.cli import main
from camofilter.photo.names import named_like_photo

README = Path(__file__).parents[1] / "README.md"
_INTERRUPTIBLE = """
import signal, sys
from camofilter.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits it ignored
sys.exit(main())
"""


def commands() -> Iterator[list[str]]:
    """Each command of the README, as a shell would split it."""
    for block in re.findall(r"^```\n(.*?)^```", README.read_text(encoding="utf-8"), re.S | re.M):
        for line in block.splitlines():
            if line.startswith("camofilter "):
                yield shlex.split(line, comments=True)[1:]


def globbed(words: list[str]) -> list[str]:
    return [path for word in words for path in (sorted(glob.glob(word)) if "*" in word else [word])]


def watched(words: list[str]) -> Ran:
    """A command that goes on until Ctrl-C, which comes when it says that it watches."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _INTERRUPTIBLE, *words], text=True, **pipes) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if "watching" in line), "")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    return Ran(0, said + out, err.replace("camofilter: stopped; the photos written so far are complete\n", ""))


def wants_what_only_its_user_has(words: list[str], ran: Ran) -> bool:
    """Whether a command was refused for the lack of a file that it names and that is no photo: weights, ratings."""
    name = ran.err.removeprefix("camofilter: ").partition(": ")[0]
    named = any(word == name or word.endswith(f":{name}") for word in words)
    return ran.code == 2 and named and not Path(name).exists() and not named_like_photo(name)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], examples: list[Path]
) -> Callable[[list[str]], Ran]:
    """Runs a command in a folder with photo.jpg and photos/, both a little soft, so that they are soon hidden."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for source, name in zip(examples, ("photo.jpg", "photos/one.jpg"), strict=False):
        with Image.open(source) as photo:
            photo.resize((512, 384)).filter(ImageFilter.GaussianBlur(0.7)).save(name, quality=92)

    def run(words: list[str]) -> Ran:
        return watched(words) if "--watch" in words else Ran(main(globbed(words)), *capfd.readouterr())

    return run


@pytest.mark.slow
def test_they_run_in_order(run: Callable[[list[str]], Ran]) -> None:
    photo = Path("photo.jpg").read_bytes()
    lacking = 0
    for words in commands():
        ran = run(words)
        if wants_what_only_its_user_has(words, ran):
            lacking += 1
            continue
        assert ran.err == "", words
        assert ran.code == 0 or (ran.code == 1 and "not hidden" in ran.out), words
    assert lacking <= 2
    assert Path("photo.jpg").read_bytes() == photo
    for written in ("photo.camo.jpg", "photo.warm.camo.jpg", "photo.look.camo.jpg", "photo.r.jpg", "photo.look.jpg"):
        assert Path(written).exists()
    assert Path("photo.r.jpg").read_bytes() == Path("photo.look.camo.jpg").read_bytes()


def test_every_command_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    offered = re.findall(r"^  (\w+) ", capsys.readouterr().out.partition("Commands:")[2], re.M)
    assert {words[0] for words in commands()} >= set(offered) - {"targets"}

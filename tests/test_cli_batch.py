"""camofilter batch as people and scripts meet it: exit codes, messages, JSON, Ctrl-C, kill -9, what is left then."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from commands import Ran, living
from PIL import Image

import camofilter
from camofilter import presets
from camofilter.cli import main

SOON = 60.0  # seconds
WARM = ("apply", "--preset", "warm")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three photos and something else in "in"."""
    monkeypatch.chdir(tmp_path)
    write_photos(Path("in"), "a.jpg", "sub/b.PNG", "sub/c.webp")
    Path("in/notes.txt").write_text("x")
    return tmp_path


def write_photos(folder: Path, *names: str, side: int = 24) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (side, side + 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)


@pytest.fixture
def run(here: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*argv: str) -> Ran:
        code = main(["batch", *argv])
        return Ran(code, *capfd.readouterr())

    return run


def contents(folder: str) -> dict[str, str]:
    """SHA-256 of all files but those of our own, which come and go."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob("*")
        if path.is_file() and not path.name.startswith((".camofilter", "camofilter.sqlite"))
    }


USAGE_ERRORS = [
    ("", "missing command; try 'camofilter batch --help'"),
    ("in", "batch in: expected IN OUT apply, IN OUT camouflage, or status OUT"),
    ("in out", "batch in out: expected IN OUT apply"),
    ("in out aply --preset warm", "batch in out aply --preset warm: expected IN OUT apply"),
    ("in out apply", "no look was given: give --preset NAME"),
    ("in out apply --preset wram", "unknown preset 'wram': did you mean warm?"),
    ("in out apply --preset warm --workers 0", "--workers is '0': should be greater than or equal to 1"),
    ("in out apply --preset warm --engine cloud", "invalid value for '--engine'"),
    ("in out apply --preset warm --address x", "--address is x and --engine local: an address is for --engine ray"),
    ("in out apply --presett warm", "no such option: --presett"),
    ("in out camouflage --target nosuch", "unknown target 'nosuch'"),
    ("in out camouflage --attack cw", "--attack is cw and --method auto"),
    ("in out camouflage --strength 0.5", "--strength is 0.5, but no look was given: give --preset NAME"),
    ("none out apply --preset warm", "none does not exist: give the folder with the photos"),
    ("in/a.jpg out apply --preset warm", "in/a.jpg is not a folder: give the folder with the photos"),
    ("in in apply --preset warm", "in lies in in: results there could meet the photos"),
    ("in/sub in apply --preset warm", "in/sub lies in in: results there could meet the photos"),
    ("in in/a.jpg apply --preset warm", "in/a.jpg is a file: give a folder for the results"),
    ("in deep/er apply --preset warm", "deep/er is in a folder that does not exist: create it first"),
    ("status", "missing argument 'OUT'; try 'camofilter batch status --help'"),
    ("status none", "none has no journal (camofilter.sqlite): give the folder that a batch wrote into"),
    ("status in", "in has no journal (camofilter.sqlite)"),
]


@pytest.mark.parametrize(("line", "says"), USAGE_ERRORS)
def test_wrong_usage_is_one_line_and_changes_nothing(run: Callable[..., Ran], line: str, says: str) -> None:
    before = contents(".")
    ran = run(*line.split())
    assert ran.code == 2
    assert ran.err.startswith(f"camofilter: {says}")
    assert ran.err.count("\n") == 1
    assert contents(".") == before


def test_help_says_the_order(run: Callable[..., Ran]) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert "IN OUT apply|camouflage [OPTIONS]..." in ran.out
    for command in ("apply", "camouflage", "status"):
        ran = run(command, "--help")
        assert ran.code == 0


def test_help_comes_without_torch() -> None:
    script = "import sys; from camofilter.cli import main; main(['batch', '--help']); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_a_plan_then_the_work_then_the_end(run: Callable[..., Ran]) -> None:
    before = contents("in")
    ran = run("in", "out", *WARM, "--workers", "1")
    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert lines[0].startswith("3 photos in 2 folders, 0.0 MB; left alone: other files 1")
    assert lines[1].startswith("0 done before, 0 failed before, 3 to do: about ")
    assert lines[2] == "3 done, 0 failed, 0 waiting"
    assert contents("out").keys() == before.keys() - {"notes.txt"}
    assert contents("in") == before
    for name in contents("out"):
        photo = camofilter.open_photo(f"in/{name}")
        expected = camofilter.photo.encode_photo(camofilter.apply(photo, presets.get("warm")))
        assert Path("out", name).read_bytes() == expected
    ran = run("in", "out", *WARM)
    assert ran.out.splitlines()[1] == "3 done before, 0 failed before, 0 to do"
    ran = run("status", "out")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"out: apply of {Path('in').absolute()}; nobody is working on it",
        "3 done, 0 failed, 0 waiting",
    ]


LOOKS: list[tuple[list[str], list[dict[str, object]]]] = [
    (["--set", "exposure.ev=0.4", "--strength", "0.5"], [{"filter": "exposure", "ev": 0.2}]),
    (["--recipe", "look.json"], [{"filter": "fade", "blacks": 0.05}]),
]


@pytest.mark.slow
def test_camouflage_takes_the_looks_that_apply_takes_and_redoes_photos_for_another(
    run: Callable[..., Ran], small: Path
) -> None:
    Path("look.json").write_text(json.dumps({"camofilter": 1, "filters": [{"filter": "fade", "blacks": 0.05}]}))
    easy = ("--threshold", "99.9", "--workers", "1", "--device", "cpu", "--json")
    for options, filters in LOOKS:
        ran = run("other", "out", "camouflage", *options, *easy)
        assert (ran.code, ran.err) == (0, "")
        plan, record = ran.records
        assert plan["plan"]["waiting"] == 1
        assert record["recipe"]["filters"] == filters
    assert run("other", "out", "camouflage", *LOOKS[-1][0], *easy).records[0]["plan"]["waiting"] == 0


def test_json(run: Callable[..., Ran]) -> None:
    Path("in/bad.jpg").write_text("not a photo")
    ran = run("in", "out", *WARM, "--json", "--workers", "1")
    assert (ran.code, ran.err) == (1, "")
    first, *records = ran.records
    assert first.keys() == {"plan"}
    assert first["plan"].keys() == {
        *("photos", "bytes", "folders", "done", "failed", "waiting", "left_alone", "unreadable", "seconds")
    }
    good = {record["input"]: record for record in records if "error" not in record}
    assert good.keys() == {"in/a.jpg", "in/sub/b.PNG", "in/sub/c.webp"}
    assert all(record.keys() == {"input", "output", "recipe", "notes", "seconds"} for record in good.values())
    assert good["in/a.jpg"]["output"] == "out/a.jpg"
    assert good["in/a.jpg"]["recipe"] == presets.get("warm").to_dict()
    (bad,) = [record for record in records if "error" in record]
    assert bad.keys() == {"input", "error"}
    ran = run("status", "out", "--json")
    assert ran.code == 1
    assert Counter(record["state"] for record in ran.records) == {"done": 3, "failed": 1}
    (done,) = [record for record in ran.records if record["input"].endswith("a.jpg")]
    assert done.keys() == {"state", "input", "output", "recipe", "notes", "seconds"}


@pytest.mark.slow
def test_a_failure_is_one_line_and_can_be_retried(run: Callable[..., Ran], small: Path) -> None:
    Path("in/bad.jpg").write_text("not a photo")
    ran = run("in", "out", *WARM, "--workers", "1")
    assert ran.code == 1
    assert ran.err.startswith("camofilter: in/bad.jpg: ")
    assert ran.err.count("\n") == 1
    assert ran.out.splitlines()[-1] == "3 done, 1 failed, 0 waiting"
    ran = run("in", "out", *WARM, "--workers", "1")
    assert (ran.code, ran.err) == (1, "")
    assert "1 failed before (--retry: again), 0 to do" in ran.out
    ran = run("status", "out")
    assert "  in/bad.jpg: " in ran.out
    ran = run("in", "out", *WARM, "--retry", "--workers", "1")
    assert ran.err.count("in/bad.jpg") == 1
    shutil.copy(small, "in/bad.jpg")
    ran = run("in", "out", *WARM, "--workers", "1")
    assert ran.code == 0


@pytest.fixture
def small(here: Path) -> Path:
    write_photos(here / "other", "small.jpg")
    return here / "other" / "small.jpg"


def test_what_was_lost_is_told(run: Callable[..., Ran]) -> None:
    run("in", "out", *WARM, "--workers", "1")
    Path("out/a.jpg").unlink()
    ran = run("status", "out")
    assert ran.code == 1
    assert ran.out.splitlines()[1:] == [
        "2 done, 0 failed, 0 waiting",
        "1 results are gone or changed since: the same command sees to them",
    ]
    assert Counter(record["state"] for record in run("status", "out", "--json").records) == {"done": 2, "lost": 1}


@pytest.mark.parametrize("way", [["--retry"], ["--retry", "--force"]])
def test_the_ways_out_of_a_taken_name_are_those_that_are_told(run: Callable[..., Ran], way: list[str]) -> None:
    Path("out").mkdir()
    Path("out/a.jpg").write_text("a diary")
    assert run("in", "out", *WARM, "--workers", "1").code == 1
    ran = run("status", "out")
    assert ran.code == 1
    assert "out/a.jpg is there, and not from this batch; move it away and --retry, or --retry --force to" in ran.out
    assert Path("out/a.jpg").read_text() == "a diary"
    if "--force" not in way:
        Path("out/a.jpg").unlink()
    ran = run("in", "out", *WARM, "--workers", "1", *way)
    assert ran.code == 0
    with Image.open("out/a.jpg") as image:
        image.load()


def test_odd_names_stay_on_one_line(run: Callable[..., Ran]) -> None:
    names = [b"new\nline.jpg", b"\xff.jpg", b"\x1b[31m.jpg", "\u202e.jpg".encode()]
    for name in names:
        Path("in", os.fsdecode(name)).write_text("not a photo")
    Path(os.fsdecode(b"out\xff")).mkdir()
    for out in ("out", os.fsdecode(b"out\xff")):
        ran = run("in", out, *WARM, "--workers", "1")
        assert ran.err.count("\n") == len(names)
        assert "\x1b" not in ran.err
        status = run("status", out)
        assert len(status.out.splitlines()) == 2 + len(names)
        for json_line in run("status", out, "--json").out.splitlines():
            assert json_line.isascii()


def test_damaged_journals_and_others_are_one_line(run: Callable[..., Ran]) -> None:
    Path("out").mkdir()
    Path("out/camofilter.sqlite").write_text("no journal")
    for line in (["in", "out", *WARM], ["status", "out"]):
        ran = run(*line)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "is no journal, or damaged" in ran.err
    assert Path("out/camofilter.sqlite").read_text() == "no journal"


Start = Callable[..., subprocess.Popen[str]]
_SCRIPT = """
import signal, sys
from camofilter.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits it ignored
sys.exit(main())
"""


@pytest.fixture
def command() -> Iterator[Start]:
    """Starts the real command, in a session of its own; nothing of it outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, "batch", *argv], text=True, start_new_session=True, **pipes
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(so: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not so():
        assert time.monotonic() < end, "that took too long"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3, 1.5])  # seconds: workers start, are there, are at work
def test_ctrl_c_ends_in_one_line_whenever_it_comes(here: Path, delay: float, command: Start) -> None:
    write_photos(here / "in", *(f"{number}.png" for number in range(30)), side=400)
    process = command("in", "out", *WARM, "--workers", "2")
    wait_until(lambda: len(living(process.pid)) >= 3)  # this process, Python's own helper, and the first worker
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == 130 or "33 done" in out
    assert "Traceback" not in err
    assert err in ("camofilter: stopped; the photos written so far are complete\n", "")
    wait_until(lambda: not living(process.pid))
    assert not list(here.glob("out/**/.camofilter-*.tmp"))


@pytest.mark.slow
def test_watching_does_what_arrives_until_ctrl_c(here: Path, run: Callable[..., Ran], command: Start) -> None:
    process = command("in", "out", *WARM, "--watch", "--workers", "1")
    wait_until(lambda: len(contents("out")) == 3 if Path("out").exists() else False)
    assert "at work now" in run("status", "out").out
    second = run("in", "out", *WARM)
    assert (second.code, second.out) == (2, "")
    assert second.err == "camofilter: out: another batch is working on it: wait for it, or stop it\n"
    write_photos(here / "in" / "new", "d.png")
    wait_until(lambda: Path("out/new/d.png").exists())
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == 130
    assert err == "camofilter: stopped; the photos written so far are complete\n"
    assert out.splitlines()[2:] == ["3 done, 0 failed, 0 waiting", "watching in for more photos, until Ctrl-C"]
    wait_until(lambda: not living(process.pid))


@pytest.mark.slow
def test_killed_again_and_again_each_photo_is_done_once(here: Path, run: Callable[..., Ran], command: Start) -> None:
    write_photos(here / "in", *(f"{number}.png" for number in range(24)), side=300)
    (here / "in" / "bad.png").write_text("not a photo")
    before = contents("in")
    chance, lines = random.Random(0), list[str]()
    for _ in range(4):
        known = len(contents("out")) if Path("out").exists() else 0
        process = command("in", "out", *WARM, "--json", "--workers", "2")
        aim = known + chance.randrange(1, 6)
        wait_until(lambda aim=aim: Path("out").exists() and len(contents("out")) >= aim)  # type: ignore[misc]
        time.sleep(chance.random() * 0.05)
        process.kill()
        lines += process.communicate(timeout=SOON)[0].splitlines()
        wait_until(lambda process=process: not living(process.pid))  # type: ignore[misc]
        assert run("status", "out").code == 1
    ran = run("in", "out", *WARM, "--json", "--workers", "2")
    assert ran.code == 1
    records = [record for line in lines + ran.out.splitlines() if "input" in (record := json.loads(line))]
    done = Counter(record["input"] for record in records if "error" not in record)
    assert set(done.values()) == {1}
    # One that was in the folder, but not yet told when its process was killed, is not told again.
    assert len(done) >= 27 - 4
    assert contents("in") == before
    assert contents("out").keys() == before.keys() - {"notes.txt", "bad.png"}
    assert not list(here.glob("out/**/.camofilter-*.tmp"))
    told = {record["input"]: record for record in run("status", "out", "--json").records}
    assert Counter(record["state"] for record in told.values()) == {"done": 27, "failed": 1}
    for name in contents("out"):
        assert camofilter.open_photo(f"out/{name}").pixels.shape == camofilter.open_photo(f"in/{name}").pixels.shape
    assert run("in", "out", *WARM, "--json").records[0]["plan"]["waiting"] == 0


@pytest.mark.slow
def test_camouflage_of_a_batch_is_that_of_one_photo(here: Path, run: Callable[..., Ran], examples: list[Path]) -> None:
    import torch

    from camofilter import biqa, optim
    from camofilter.optim.records import to_dict
    from camofilter.photo import decode_photo, encode_photo

    # The second is so small that it is hidden already.
    for example, name, side in zip(examples, ("x.jpg", "y.jpg"), (320, 160), strict=False):
        with Image.open(example) as photo:
            photo.thumbnail((side, side))
            (here / "two").mkdir(exist_ok=True)
            photo.save(here / "two" / name, quality=92)
    ran = run("two", "out", "camouflage", "--json", "--workers", "2", "--device", "cpu")
    records = {Path(record["input"]).name: record for record in ran.records if "input" in record}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        targets = biqa.get_all(("compact_iqa",))
        for name, record in records.items():
            photo = camofilter.open_photo(here / "two" / name)
            found = optim.camouflage(photo, targets, device="cpu")
            assert (found.photo is photo) == (name == "y.jpg")
            data = (here / "two" / name).read_bytes() if found.photo is photo else encode_photo(found.photo)
            assert (here / "out" / name).read_bytes() == data
            expected = json.loads(json.dumps(to_dict(found, decode_photo(data).pixels, record["seconds"])))
            assert {key: record[key] for key in expected} == expected
    finally:
        torch.set_num_threads(threads)
    assert sorted(records) == ["x.jpg", "y.jpg"]
    hidden = [record["camouflaged"] for record in records.values()]
    assert ran.code == (not all(hidden))
    ran = run("status", "out")
    assert f"2 done ({sum(hidden)} hidden, {2 - sum(hidden)} written but not hidden)" in ran.out

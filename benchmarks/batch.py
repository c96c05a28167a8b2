"""Batches of a whole library: rates, memory, both engines, what survives being killed or a full disk.

``python benchmarks/batch.py LIBRARY DAMAGED [--only PART...]``, after ``benchmarks/photo_library.py LIBRARY ...``; the
parts are engines, camouflage, scaling, kills, disk, plan, writer. What ``benchmarks/batch.json`` has of others stays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import keep
from PIL import Image

_APPLY = ["apply", "--preset", "warm"]
_KEPT = Path(__file__).with_suffix(".json")


class Run:
    """One call of the command, with its memory watched.

    Args:
        photos, out: folders.
        options: of the command.
        kill_after: seconds after which it is killed, as by kill -9.
    """

    def __init__(self, photos: Path, out: Path, options: list[str], kill_after: float | None = None) -> None:
        command = [sys.executable, "-m", "camofilter", "batch", str(photos), str(out), *options, "--json"]
        self.peak = 0
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watch = threading.Thread(target=self._watch, args=(process,), daemon=True)
        watch.start()
        if kill_after is not None:
            killer = threading.Timer(kill_after, process.send_signal, [signal.SIGKILL])
            killer.start()
        printed, self.errors = process.communicate()
        self.seconds = time.monotonic() - began
        self.code = process.returncode
        whole = (line for line in printed.splitlines(keepends=True) if line.endswith("\n"))
        records = [json.loads(line) for line in whole]
        self.records = [record for record in records if "plan" not in record]

    def _watch(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            self.peak = max(self.peak, sum(map(_memory, _tree(process.pid))))
            time.sleep(2)  # looking takes the kernel long

    def figures(self) -> dict[str, Any]:
        """Photos, how many a second from call to end, and the peak of memory of all processes."""
        done = [record for record in self.records if "error" not in record]
        return {
            "photos": len(self.records),
            "failed": len(self.records) - len(done),
            "seconds": round(self.seconds, 1),
            "photos_a_second": round(len(self.records) / self.seconds, 2),
            "peak_mb": round(self.peak / 1e6),
            "exit_code": self.code,
        }


def _tree(pid: int) -> list[int]:
    """A process and all that come from it."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return [pid, *(one for child in children for one in _tree(child))]


def _memory(pid: int) -> int:
    """Bytes of a process, what it shares with others shared out among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def results(out: Path) -> dict[str, str]:
    """SHA-256 of every result, by its name."""
    files = (
        path for path in sorted(out.rglob("*")) if path.is_file() and not path.name.startswith((".", "camofilter."))
    )
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _digest(out: Path) -> str:
    """One digest of all results and their names."""
    return hashlib.sha256(json.dumps(results(out), sort_keys=True).encode()).hexdigest()


def journal(out: Path) -> list[tuple[Any, ...]]:
    """What the journal says of every photo, but for the times."""
    with sqlite3.connect(out / "camofilter.sqlite") as db:
        return db.execute(
            "SELECT name, state, input_sha256, options_sha256, output, output_sha256, json_remove(record, '$.seconds')"
            " FROM photos ORDER BY name"
        ).fetchall()


def disagreements(out: Path) -> list[str]:
    """What is wrong with a finished batch: rows without their file, files without a row, what does not open."""
    found = results(out)
    rows = {row[4]: row[5] for row in journal(out) if row[1] == "done"}
    wrong = [
        f"{name}: not as the journal says" for name in rows.keys() | found.keys() if rows.get(name) != found.get(name)
    ]
    for name in found:
        try:
            with Image.open(out / name) as photo:
                photo.load()
        except (OSError, SyntaxError) as error:
            wrong.append(f"{name}: does not open ({error})")
    wrong += [f"{path}: left over" for path in out.rglob(".camofilter-*")]
    return wrong


def engines(photos: Path, damaged: int, work: Path) -> dict[str, Any]:
    """The whole library through both engines."""
    found: dict[str, Any] = {}
    for engine in ("local", "ray"):
        found[engine] = Run(photos, work / engine, [*_APPLY, "--engine", engine]).figures()
        found[engine]["wrong"] = disagreements(work / engine)
        assert found[engine]["failed"] == damaged, found[engine]
    found["same_files"] = results(work / "local") == results(work / "ray")
    found["same_journal"] = journal(work / "local") == journal(work / "ray")
    found["digest"] = _digest(work / "local")
    again = Run(photos, work / "local", _APPLY)
    found["nothing_to_do"] = {"seconds": round(again.seconds, 2), "photos": len(again.records)}
    return found


def camouflage(photos: Path, damaged: int, work: Path, count: int = 24) -> dict[str, Any]:
    """Some photos of all sizes hidden by both engines, with a worker each and with two."""
    some = _some(photos, work / "some", count)
    found: dict[str, Any] = {"first": _size(some)}
    for name, options in {
        "local, 2 workers": [],
        "local, 1 worker": ["--workers", "1"],
        "ray, 2 workers": ["--engine", "ray", "--workers", "2"],
    }.items():
        run = Run(some, work / name, ["camouflage", *options])
        hidden = sum(record.get("camouflaged", False) for record in run.records)
        found[name] = run.figures() | {"hidden": hidden}
    first, *others = (work / name for name in found if "worker" in name)
    found["same_files"] = all(results(first) == results(other) for other in others)
    found["same_journal"] = all(journal(first) == journal(other) for other in others)
    return found


def scaling(photos: Path, damaged: int, work: Path, count: int = 240) -> dict[str, Any]:
    """A part of the library with one worker and with two."""
    some = _some(photos, work / "some", count)
    found: dict[str, Any] = {"photos": _size(some)}
    for engine in ("local", "ray"):
        for workers in ("1", "2"):
            options = [*_APPLY, "--engine", engine, "--workers", workers]
            found[f"{engine}, {workers}"] = Run(some, work / f"{engine}{workers}", options).figures()
    return found


def kills(photos: Path, damaged: int, work: Path, times: int = 10) -> dict[str, Any]:
    """The whole library, killed at random moments and gone on with; every photo is to be done once. After engines."""
    whole = json.loads(_KEPT.read_text())["engines"]
    dice, printed = random.Random(7), Counter[str]()
    killed: list[dict[str, Any]] = []
    while len(killed) < times:
        last_moment = 1.6 * whole["local"]["seconds"] / times
        run = Run(photos, work / "killed", _APPLY, kill_after=dice.uniform(0.3, last_moment))
        printed.update(record["input"] for record in run.records)
        killed.append({"after": round(run.seconds, 2), "exit_code": run.code, "printed": len(run.records)})
    last = Run(photos, work / "killed", _APPLY)
    printed.update(record["input"] for record in last.records)
    return {
        "killed": killed,
        "seconds_in_all": round(sum(kill["after"] for kill in killed) + last.seconds, 1),
        "printed_twice": sum(count > 1 for count in printed.values()),
        # Killed between the journal's word and the line on standard output.
        "never_printed": whole["local"]["photos"] - len(printed),
        "wrong": disagreements(work / "killed"),
        "same_files": _digest(work / "killed") == whole["digest"],
    }


def disk(photos: Path, damaged: int, work: Path, count: int = 60) -> dict[str, Any]:
    """A disk that is full, then made larger; and one that cannot be written to. Needs root, as it mounts."""
    some = _some(photos, work / "some", count)
    place = work / "mounted"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], check=True)
    try:
        full = Run(some, place / "out", _APPLY)
        subprocess.run(["mount", "-o", "remount,size=2g", str(place)], check=True)
        resumed = Run(some, place / "out", _APPLY)
        wrong = disagreements(place / "out")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        read_only = Run(some, place / "out", _APPLY)
    finally:
        subprocess.run(["umount", str(place)], check=True)

    def said(run: Run) -> list[str]:
        return run.errors.replace(str(place / "out"), "OUT").splitlines()

    return {
        "full": {"said": said(full)[-1:], "exit_code": full.code, "done": len(full.records)},
        "resumed": {"exit_code": resumed.code, "done": len(resumed.records), "wrong": wrong},
        "read_only": {"said": said(read_only), "exit_code": read_only.code},
    }


def plan(photos: Path, damaged: int, work: Path, count: int = 100_000) -> dict[str, Any]:
    """How long looking takes for very many photos, new ones and such as are known."""
    from camofilter import batch, presets

    for number in range(count):
        folder = work / "many" / f"{number // 1000:04d}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:07d}.jpg").touch()
    found: dict[str, Any] = {"photos": count}
    for name in ("new", "known"):
        began = time.monotonic()
        with batch.Batch(str(work / "many"), work / "planned", batch.ApplyLook(presets.get("warm"))) as run:
            assert run.plan.waiting == count
        found[f"{name}_seconds"] = round(time.monotonic() - began, 2)
    found["journal_mb"] = round((work / "planned" / "camofilter.sqlite").stat().st_size / 1e6, 1)
    return found


def writer(photos: Path, damaged: int, work: Path, count: int = 200, size: int = 1_500_000) -> dict[str, Any]:
    """How long the one writer takes for a result."""
    from camofilter.batch.journal import Journal
    from camofilter.batch.results import Results
    from camofilter.batch.sources import Entry
    from camofilter.batch.work import Outcome

    kept, data = Results(work), random.Random(0).randbytes(size)
    kept.hold()
    rows = Journal(work)
    names = [f"{number}.jpg" for number in range(count)]
    with rows.transaction():
        for name in names:
            rows.add(Entry(name, size, ""), "")
            rows.claim(name, ".jpg")
    began = time.monotonic()
    for name in names:
        kept.keep(rows, Outcome(name, "", data, ".jpg", {"recipe": "x" * 50_000}, 1.0))
    milliseconds = 1000 * (time.monotonic() - began) / count
    rows.close()
    kept.release()
    return {"bytes": size, "milliseconds": round(milliseconds, 1)}


def _some(photos: Path, folder: Path, count: int) -> Path:
    """Every so manieth good photo of a library, linked into a folder."""
    good = sorted(path for path in photos.rglob("*.*") if path.is_file() and "damaged" not in path.name)
    folder.mkdir()
    for path in good[:: max(1, len(good) // count)][:count]:
        os.link(path, folder / path.name)
    return folder


def _size(folder: Path) -> dict[str, Any]:
    sizes = [Image.open(path).size for path in folder.iterdir()]
    megapixels = [width * height / 1e6 for width, height in sizes]
    return {"count": len(sizes), "megapixels_mean": round(sum(megapixels) / len(sizes), 2)}


_PARTS: dict[str, Callable[[Path, int, Path], dict[str, Any]]] = {
    part.__name__: part for part in (engines, camouflage, scaling, kills, disk, plan, writer)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("damaged", type=int)
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS))
    given = parser.parse_args()
    kept = json.loads(_KEPT.read_text()) if _KEPT.exists() else {}
    kept.pop("machine", None)
    for part in given.only:
        work = Path(tempfile.mkdtemp(prefix="camofilter-", dir=given.library.parent))
        try:
            kept[part] = _PARTS[part](given.library, given.damaged, work)
        finally:
            shutil.rmtree(work)
        print(json.dumps({part: kept[part]}, indent=1, ensure_ascii=False))
        keep("batch", kept)


if __name__ == "__main__":
    main()

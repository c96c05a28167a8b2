"""The engine on Ray: the same outcomes as on this machine, each once, whatever dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from PIL import Image

from camofilter import presets
from camofilter.batch import ApplyLook, Camouflage, Job, Local
from camofilter.batch.jobs import Tool
from camofilter.batch.on_ray import OnRay, _shares
from camofilter.batch.sources import Folder, Remote, Source
from camofilter.batch.work import Outcome, Task, Worker
from camofilter.errors import BatchError, UsageError
from camofilter.photo import Photo

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
ray: Any = pytest.importorskip("ray", reason="the extra 'ray' is not installed")

WARM = ApplyLook(presets.get("warm"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of two cores, whose workers get this module by value: they cannot import it."""
    ray.init("local", num_cpus=2, object_store_memory=200 << 20, include_dashboard=False, log_to_driver=False)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    ray.shutdown()


@pytest.fixture
def folder(tmp_path: Path, examples: list[Path]) -> Path:
    """The example photos, made small, and eight of one colour each."""
    for path in examples:
        with Image.open(path) as photo:
            photo.thumbnail((384, 384))
            photo.save(tmp_path / path.name)
    for number in range(8):
        Image.new("RGB", (64, 48), (number * 30, 90, 200)).save(tmp_path / f"plain{number}.png")
    return tmp_path


def the_source(folder: Path) -> Folder:
    return Folder(str(folder), str(folder), str(folder / "out"))


def the_tasks(folder: Path) -> list[Task]:
    return [Task(path.name, path.stat().st_size) for path in sorted(folder.iterdir())]


def done(engine: OnRay | Local, job: Job, source: Source, tasks: list[Task]) -> dict[str, Outcome]:
    """The outcomes by name, each of which is there once."""
    outcomes = list(engine.outcomes(job, source, iter(tasks)))
    assert sorted(outcome.name for outcome in outcomes) == sorted(task.name for task in tasks)
    return {outcome.name: replace(outcome, seconds=0.0) for outcome in outcomes}


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "seconds"}


@dataclass(frozen=True)
class Slow(ApplyLook):
    """Takes its time, and says which process it is in."""

    pause: float = 0.3
    name: ClassVar[str] = "slow"

    def tool(self) -> Tool:
        def change(photo: Photo) -> tuple[Photo, Callable[[bytes], dict[str, Any]]]:
            time.sleep(self.pause)
            return photo, lambda _: {"process": os.getpid()}

        return change


@dataclass(frozen=True)
class Poisoned(ApplyLook):
    """Kills its process for photos of a certain width."""

    width: int = 0
    name: ClassVar[str] = "poisoned"

    def tool(self) -> Tool:
        def change(photo: Photo) -> tuple[Photo, Callable[[bytes], dict[str, Any]]]:
            if photo.pixels.shape[1] == self.width:
                os.kill(os.getpid(), signal.SIGKILL)
            return photo, lambda _: {}

        return change


@dataclass(frozen=True)
class Broken(ApplyLook):
    """Cannot even begin."""

    name: ClassVar[str] = "broken"

    def tool(self) -> Tool:
        raise ValueError("no such model\nanywhere")


@pytest.mark.parametrize("address", ["nonsense", "host:port", "ray://", "http://host:1"])
def test_a_malformed_address_is_refused(address: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="address"):
        next(iter(OnRay(1, address).outcomes(WARM, the_source(folder), iter(()))))


def test_a_cluster_that_is_not_there_is_said_at_once(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BatchError, match="cannot be reached"):
        next(iter(OnRay(1, f"127.0.0.1:{port}").outcomes(WARM, the_source(folder), iter(()))))


def test_without_ray_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install camofilter\[ray\]"):
        next(iter(OnRay(1).outcomes(WARM, the_source(folder), iter(()))))


def test_the_room_does_not_import_ray() -> None:
    code = "import sys, camofilter.batch.on_ray; sys.exit('ray' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("nodes", "job", "workers", "count", "cpus", "gpus"),
    [
        ([(2, 0, 8)], WARM, None, 2, 1, 0),
        ([(2, 0, 8), (16, 0, 0.5)], WARM, None, 2 + 3, 1, 0),  # memory for three
        ([(2, 0, 0.1)], WARM, None, 1, 1, 0),
        ([(2, 0, 8)], WARM, 3, 3, 0.6666, 0),
        ([(0, 0, 1), (8, 2, 64)], Camouflage(), None, 2, 1, 1),
        ([(8, 2, 64)], Camouflage(), 6, 6, 1, 0.3333),
        ([(8, 2, 64)], Camouflage(device="cpu"), None, 8, 1, 0),
    ],
)
def test_actors_share_what_there_is(
    nodes: list[tuple[float, float, float]], job: Job, workers: int | None, count: int, cpus: float, gpus: float
) -> None:
    resources = [{"CPU": cpu, "GPU": gpu, "memory": memory * 2**30} for cpu, gpu, memory in nodes]
    ray = SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": each} for each in resources])
    assert _shares(ray, job, workers) == (count, {"num_cpus": cpus, "num_gpus": gpus})  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_photo_that_kills_every_worker_is_left_out_alone_and_without_ado(folder: Path) -> None:
    Image.new("RGB", (77, 20)).save(folder / "poison.png")
    run = subprocess.run([sys.executable, __file__, str(folder)], capture_output=True, text=True, check=True)
    *lines, last = run.stdout.splitlines()
    assert sorted(lines) == [f"{task.name}: None" for task in the_tasks(folder) if task.name != "poison.png"]
    assert last.startswith(f"poison.png: {folder / 'poison.png'}: a worker died on it")
    assert run.stderr == ""


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestOnRay:
    @pytest.mark.slow
    def test_outcomes_are_those_of_this_machine_also_for_damaged_files(self, folder: Path) -> None:
        whole = (folder / "plain1.png").read_bytes()
        (folder / "empty.jpg").write_bytes(b"")
        (folder / "text.jpg").write_text("not a photo")
        (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
        (folder / os.fsdecode(b"no-utf8-\xff.png")).write_bytes(whole)
        tasks = [*the_tasks(folder), Task("missing.jpg", 5), Task("huge.jpg", 1 << 50)]
        found = done(OnRay(2), WARM, the_source(folder), tasks)
        worker = Worker(WARM, the_source(folder))
        assert found == {task.name: replace(worker.do(task), seconds=0.0) for task in tasks}
        assert {name for name, outcome in found.items() if outcome.error} == {
            "empty.jpg",
            "text.jpg",
            "cut.png",
            "missing.jpg",
            "huge.jpg",
        }

    @pytest.mark.slow
    def test_a_photo_known_already_is_not_done_again(self, folder: Path) -> None:
        task = the_tasks(folder)[-1]
        first = Worker(WARM, the_source(folder)).do(task)
        again = done(OnRay(1), WARM, the_source(folder), [replace(task, known=first.digest)])[task.name]
        assert (again.digest, again.data, again.error) == (first.digest, None, None)

    @pytest.mark.slow
    def test_a_search_finds_the_same_recipe(self, folder: Path) -> None:
        job = Camouflage(device="cpu", seed=3)
        tasks = the_tasks(folder)[:1]
        with Image.open(folder / tasks[0].name) as photo:
            photo.resize((96, 64)).save(folder / tasks[0].name)
        (ours,) = done(OnRay(1), job, the_source(folder), tasks).values()
        (local,) = done(Local(1), job, the_source(folder), tasks).values()
        assert untimed(ours.record) == untimed(local.record)
        assert ours.data == local.data
        assert "recipe" in ours.record

    @pytest.mark.slow
    def test_photos_come_from_anything_that_fsspec_reads(self, folder: Path, tmp_path_factory: Any) -> None:
        archive = tmp_path_factory.mktemp("archive") / "photos.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(folder.iterdir()):
                packed.write(path, path.name)
        tasks = [*the_tasks(folder), Task("missing.jpg", 5)]
        found = done(OnRay(2), WARM, Remote(f"zip::file://{archive}"), tasks)
        assert [name for name, outcome in found.items() if outcome.error] == ["missing.jpg"]
        worker = Worker(WARM, the_source(folder))
        assert all(found[task.name].data == worker.do(task).data for task in tasks[:-1])

    @pytest.mark.slow
    def test_photos_of_a_killed_worker_are_done_again(self, folder: Path) -> None:
        tasks = the_tasks(folder)
        outcomes = OnRay(2).outcomes(Slow(WARM.look), the_source(folder), iter(tasks))
        first = next(outcomes)
        os.kill(first.record["process"], signal.SIGKILL)
        names = [first.name, *(outcome.name for outcome in outcomes if outcome.error is None)]
        assert sorted(names) == [task.name for task in tasks]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("job", "kind", "says"),
        [
            (Camouflage(targets=("nobody",), device="cpu"), UsageError, "nobody"),
            (Camouflage(device="cuda"), UsageError, "GPU"),
            (Broken(WARM.look), BatchError, "no such model"),
        ],
    )
    def test_what_is_wrong_with_the_job_ends_it_with_one_line(
        self, folder: Path, job: Job, kind: type[Exception], says: str
    ) -> None:
        with pytest.raises(kind, match=says) as caught:
            list(OnRay(2).outcomes(job, the_source(folder), iter(the_tasks(folder))))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300

    @pytest.mark.slow
    def test_tasks_are_taken_in_portions(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("camofilter.batch.on_ray._PORTION", 3)
        tasks = iter(the_tasks(folder)[-7:])
        outcomes = OnRay(1).outcomes(WARM, the_source(folder), tasks)
        next(outcomes)
        assert len(list(tasks)) == 4
        assert len(list(outcomes)) == 2

    @pytest.mark.slow
    def test_closing_it_stops_the_work_and_leaves_the_callers_ray(self, folder: Path) -> None:
        job = Slow(WARM.look, pause=2.0)
        outcomes = OnRay(2).outcomes(job, the_source(folder), iter(the_tasks(folder)))
        process = next(outcomes).record["process"]
        began = time.perf_counter()
        outcomes.close()  # type: ignore[attr-defined]
        assert time.perf_counter() - began < 5
        assert ray.is_initialized()
        while Path(f"/proc/{process}").exists():
            assert time.perf_counter() - began < 10
            time.sleep(0.1)


if __name__ == "__main__":  # as a program of its own, with a Ray of its own
    for outcome in OnRay(2).outcomes(
        Poisoned(WARM.look, width=77), the_source(Path(sys.argv[1])), iter(the_tasks(Path(sys.argv[1])))
    ):
        print(f"{outcome.name}: {outcome.error}")

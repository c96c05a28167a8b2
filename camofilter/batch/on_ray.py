"""Photos on Ray: this machine's own, or the machines of a cluster.

Ray Data reads the photos ahead of actors, which hold the models; what became of them flows back to this process, no
faster than it is taken. The photos of an actor that dies are done once more. Those on which one dies again wait until
the others of their portion are done, and are then given to an actor one by one, with nothing beside them; where it
dies, too, they are left out.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import socket
import threading
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from types import ModuleType

from camofilter.batch import work
from camofilter.batch.jobs import Job
from camofilter.batch.sources import Source
from camofilter.batch.work import Outcome, Task, Worker, died
from camofilter.cores import keep_to
from camofilter.errors import BatchError, CamofilterError, UsageError
from camofilter.photo.core import one_line

# Photos that are given to Ray at a time for each actor: enough that starting actors again does not count.
_PORTION = 1000
# Photos that one task of Ray reads: a task for each would take as long as applying a look.
_A_READING = 8
# Bytes of memory for photos on their way, where Ray is our own.
_ON_THE_WAY = 1 << 30
# Calls that an actor on a GPU takes at once; the job says how many of them work.
_CALLS_ON_A_GPU = 16
_PATIENCE = 10.0  # seconds, for a cluster to answer

_Item = dict[str, bytes]  # a row of Ray Data: one pickled object, so that names and bytes arrive as they are


class OnRay:
    """Ray actors; see :class:`camofilter.batch.engines.Engine`.

    A Ray that this process has initialised is used, and left as it is.

    Args:
        workers: how many; None for one a GPU where the job computes on those, else one a core, as far as memory goes.
        address: of a cluster: "HOST:PORT", "ray://HOST:PORT" or "auto"; None for that of ``RAY_ADDRESS``, or else
            Ray is started on this machine, and ended again.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self._workers, self._address = workers, address

    def outcomes(self, job: Job, source: Source, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """What became of every photo, in the order in which they are finished."""
        ray = _ray()
        with _connected(ray, self._workers, self._address):
            workers, share = _shares(ray, job, self._workers)
            while portion := {task.name: task for task in islice(tasks, workers * _PORTION)}:
                yield from _done(_results(ray, job, source, portion.values(), workers, share), portion)
                yield from _done(_results(ray, job, source, portion.values(), 1, share, alone=True), portion)
                for task in portion.values():
                    yield died(source, task, "on Ray")


# What keeps Ray from reporting to its makers, and from writing to the screen, where no other wish is known.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}


def _ray() -> ModuleType:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("--engine ray needs an extra: pip install camofilter[ray]") from None
    return ray


@contextmanager
def _connected(ray: ModuleType, workers: int | None, address: str | None) -> Iterator[None]:
    """Has Ray initialised; what was done for that is undone."""
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    own = {"num_cpus": workers, "object_store_memory": _ON_THE_WAY, "include_dashboard": False}
    _knock(address)
    try:
        with _muted():
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **own if address == "local" else {})
    except Exception as error:  # of many kinds
        raise BatchError(f"Ray at '{address}' cannot be used ({one_line(error)}); check it with 'ray status'") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _muted() -> Iterator[None]:
    """Swallows what is written to standard error, by C++ as well."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _knock(address: str) -> None:
    """Finds out whether there is anybody, for which Ray takes many minutes."""
    if address in ("local", "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UsageError(f"Ray's address is '{address}': expected HOST:PORT, ray://HOST:PORT or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise BatchError(f"Ray at '{address}' cannot be reached ({one_line(error)}): is the cluster up?") from None


@contextmanager
def _settings(ray: ModuleType) -> Iterator[None]:
    """Has data sets that are made within it work without words, and go on when blocks of theirs are lost."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # see max_task_retries; and of the copy
        context = ray.data.DataContext.get_current().copy()
        context.enable_progress_bars = context.print_on_execution_start = False
        context.target_max_block_size = 1  # a block a photo: it is what is lost when an actor dies
        context.max_errored_blocks = -1
        with ray.data.DataContext.current(context):
            yield


def _shares(ray: ModuleType, job: Job, workers: int | None) -> tuple[int, dict[str, float]]:
    """How many actors there are to be, and what each is to have of the cluster; together no more than there is."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cpus, gpus = (sum(node.get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU"))
    device = getattr(job, "device", "cpu")
    on_gpus = device == "cuda" or (device == "auto" and gpus > 0)
    if on_gpus and not gpus:
        raise UsageError("device is 'cuda': the cluster has no GPU; use cpu or auto")
    if workers is None:
        fitting = sum(min(node.get("CPU", 0.0), node.get("memory", 0.0) // job.bytes_a_worker) for node in nodes)
        workers = int(gpus if on_gpus else fitting) or 1
    return workers, {"num_cpus": _share(cpus, workers), "num_gpus": _share(gpus, workers) if on_gpus else 0.0}


def _share(amount: float, workers: int) -> float:
    """What each can have, at most 1; rounded down to what Ray can tell apart, or the last would find too little."""
    return min(1.0, math.floor(1e4 * amount / workers) / 1e4)


def _results(
    ray: ModuleType,
    job: Job,
    source: Source,
    tasks: Iterable[Task],
    workers: int,
    share: dict[str, float],
    alone: bool = False,
) -> Generator[Outcome | CamofilterError, None, None]:
    """What actors say of photos: nothing of those on which they die.

    Args:
        ray: the package.
        job, source, tasks: see :class:`OnRay`.
        workers: how many actors.
        share: of the cluster, for each.
        alone: nothing is to be beside a photo, and none is tried twice.
    """
    items = [_item(task) for task in tasks]
    if not items:
        return
    workers = min(workers, len(items))
    calls = _CALLS_ON_A_GPU if share["num_gpus"] and not alone else 1
    actors = ray.data.ActorPoolStrategy(
        size=workers,
        max_tasks_in_flight_per_actor=1 if alone else 2 * calls,
        max_concurrent_calls_per_actor=calls,
        enable_true_multi_threading=True,
    )
    readings = math.ceil(len(items) / (1 if alone else _A_READING))
    readers = ray.data.TaskPoolStrategy(size=min(readings, (workers + 1) // 2))
    retries = {"max_task_retries": 0 if alone else 1}
    with _settings(ray):
        found = (
            ray.data.from_items(items, override_num_blocks=readings)
            .map(_read, fn_args=(source, job.max_pixels), compute=readers, num_cpus=0)
            .map(_Actor, fn_constructor_args=(job, source), compute=actors, **share, **retries)
        )
    with closing(iter(found.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))) as blocks:
        for block in blocks:
            for data in block["item"]:
                yield pickle.loads(data.as_buffer())


def _done(results: Generator[Outcome | CamofilterError, None, None], portion: dict[str, Task]) -> Iterator[Outcome]:
    """Passes outcomes on, and strikes their photos off."""
    try:
        with closing(results):
            for result in results:
                if isinstance(result, CamofilterError):
                    raise result
                if portion.pop(result.name, None):  # once, whatever Ray repeats
                    yield result
    except CamofilterError:
        raise
    except Exception as error:  # of many kinds
        *_, said = str(error).strip().splitlines() or [type(error).__name__]  # below the stack
        raise BatchError(f"Ray cannot go on ({said})") from None


def _item(thing: object) -> _Item:
    return {"item": pickle.dumps(thing)}


def _read(item: _Item, source: Source, max_pixels: int) -> _Item:
    """Adds the bytes of its file to a photo; None where the actor is to try for itself, and say why not."""
    task: Task = pickle.loads(item["item"])
    try:
        return _item((task, work.read(source, task, max_pixels)))
    except Exception:  # whatever it is, the other photos must not suffer from it
        return _item((task, None))


class _Actor:
    """A worker with its models, or the reason why there is none."""

    def __init__(self, job: Job, source: Source) -> None:
        try:
            if job.photos_at_once == 1:  # as on this machine: the cores are shared out among actors
                keep_to(1)
            self._worker: Worker | CamofilterError = Worker(job, source)
            self._turn = threading.BoundedSemaphore(job.photos_at_once)
        except CamofilterError as error:
            self._worker = error
        except Exception as error:
            self._worker = BatchError(f"a worker cannot begin ({type(error).__name__}: {one_line(error)})")

    def __call__(self, item: _Item) -> _Item:
        if isinstance(self._worker, CamofilterError):
            return _item(self._worker)
        task, data = pickle.loads(item["item"])
        with self._turn:
            return _item(self._worker.do(task, None if data is None else lambda: data))

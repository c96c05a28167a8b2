"""Worker processes on this machine.

Each has its models loaded and does one photo at a time, or on a GPU several in threads. It is given one photo more
than it does at once, so that it need not wait for the next, and sends finished ones from a thread of its own, so that
reading, work and writing overlap. Before it decodes a photo a worker asks for memory, which this process gives when
there is enough for all. A worker that dies is replaced and its photos are done once more, each with nothing beside
it; one on which a worker dies again is left out.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from camofilter.batch import memory
from camofilter.batch.jobs import Job
from camofilter.batch.sources import Source
from camofilter.batch.work import Outcome, Task, Worker, died
from camofilter.cores import cores, keep_to
from camofilter.errors import BatchError, CamofilterError, reason

# Share of the memory that is free in the beginning which workers and photos may fill.
_SHARE = 0.6


class _Ready(NamedTuple):
    """A worker's first words: how many photos it takes at once."""

    at_once: int


class _Asking(NamedTuple):
    """A worker's question whether there is memory for a photo."""

    name: str
    pixels: int


class _Granted(NamedTuple):
    """The answer: there is."""

    name: str


class Local:
    """Worker processes on this machine; see :class:`camofilter.batch.engines.Engine`.

    Args:
        workers: how many; None for one a core, as far as memory goes, or a single one where there is a GPU.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def outcomes(self, job: Job, source: Source, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """What became of every photo, in the order in which they are finished."""
        pool = _Pool(job, source, tasks, self._workers)
        try:
            yield from pool.run()
        finally:
            pool.stop()


@dataclass(eq=False)
class _Process:
    """A worker as this process sees it.

    Attributes:
        process, connection: to it.
        at_once: photos that it does at once; 0 until it is ready.
        tasks: the photos that it has, by name.
    """

    process: BaseProcess
    connection: Connection
    at_once: int = 0
    tasks: dict[str, Task] = field(default_factory=dict)

    def tell(self, message: Task | _Granted) -> None:
        """Sends a message; that it is dead is noticed when it is listened to."""
        with suppress(OSError):
            self.connection.send(message)


class _Pool:
    def __init__(self, job: Job, source: Source, tasks: Iterator[Task], workers: int | None) -> None:
        self._job, self._source, self._tasks, self._wanted = job, source, tasks, workers
        self._memory = int(_SHARE * memory.free())
        self._budget = memory.Budget(self._memory)
        self._processes: dict[Connection, _Process] = {}
        self._ahead: deque[Task] = deque()  # photos that are looked at before a worker takes them
        self._look_ahead(1)
        self._suspects: deque[Task] = deque()
        self._deaths: Counter[str] = Counter()

    def run(self) -> Iterator[Outcome]:
        """Does all photos."""
        while self._ahead or self._suspects or any(p.tasks for p in self._processes.values()):
            if not self._processes:
                self._start()
            for connection in wait(list(self._processes)):
                assert isinstance(connection, Connection)
                process = self._processes[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    yield from self._died(process)
                    message = None
                else:
                    self._hear(process, message)
                self._grow()
                self._feed()
                if isinstance(message, Outcome):
                    yield message

    def stop(self) -> None:
        """Ends all workers, whatever they are doing: only this process writes anything."""
        for process in self._processes.values():
            process.process.kill()
        for process in self._processes.values():
            process.process.join()
            process.connection.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._job, self._source), daemon=True)
        with _ctrl_c_held_back():
            process.start()
        theirs.close()
        self._processes[ours] = _Process(process, ours)

    def _hear(self, process: _Process, message: _Ready | _Asking | Outcome | CamofilterError) -> None:
        if isinstance(message, CamofilterError):
            raise message
        if isinstance(message, _Ready):
            process.at_once = message.at_once
            self._wanted = self._workers(message.at_once)
        elif isinstance(message, _Asking):
            give = partial(process.tell, _Granted(message.name))
            self._budget.ask(message.name, message.pixels * self._job.bytes_a_pixel, give)
        else:
            del process.tasks[message.name]
            self._budget.back(message.name)

    def _workers(self, at_once: int) -> int:
        """How many workers there are to be; what they compute on is known when the first is ready."""
        fitting = max(1, self._memory // self._job.bytes_a_worker)
        return self._wanted or (min(cores(), fitting) if at_once == 1 else 1)

    def _look_ahead(self, count: int) -> None:
        self._ahead.extend(islice(self._tasks, max(0, count - len(self._ahead))))

    def _grow(self) -> None:
        """Starts the workers that are still wanting, as far as there are photos for them."""
        idle = sum(not p.tasks for p in self._processes.values())
        lacking = (self._wanted or 1) - len(self._processes)
        self._look_ahead(lacking + idle)
        for _ in range(min(lacking, len(self._ahead) - idle)):
            self._start()

    def _feed(self) -> None:
        """Gives workers photos: as many as each does at once, then one to spare; suspects last, and one at a time."""
        ready = [p for p in self._processes.values() if p.at_once]
        everybody = len(ready) == len(self._processes)
        for spare in range(1 + everybody):  # before all are there, nobody takes what another could do
            for process in ready:
                self._look_ahead(process.at_once + 1)
                while self._ahead and len(process.tasks) < process.at_once + spare:
                    self._give(process, self._ahead.popleft())
        if self._suspects and ready and not self._ahead and not any(p.tasks for p in ready):
            self._give(ready[0], self._suspects.popleft())

    def _give(self, process: _Process, task: Task) -> None:
        process.tasks[task.name] = task
        process.tell(task)

    def _died(self, process: _Process) -> Iterator[Outcome]:
        """Notes that a worker is dead; yields its photos on which one had died before."""
        process.process.join()
        process.connection.close()
        del self._processes[process.connection]
        if not process.at_once:
            raise BatchError(f"a worker ended before it could begin ({_ending(process)}): is there enough memory?")
        for name, task in process.tasks.items():
            self._budget.back(name)
            self._deaths[name] += 1
            if self._deaths[name] == 1:
                self._suspects.append(task)
            else:
                yield died(self._source, task, _ending(process))


def _ending(process: _Process) -> str:
    code = process.process.exitcode or 0
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Holds Ctrl-C back; processes that start meanwhile do so for all their life, as it is not theirs to decide."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else the first start would let Ctrl-C through in the middle
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _or_else_death() -> Iterator[None]:
    """Ends the worker where a thread of it would end, and its photos would be waited for in vain."""
    try:
        yield
    except BaseException:
        os._exit(1)


def _work(connection: Connection, job: Job, source: Source) -> None:
    """A worker's life; it ends with the process that started it, or when that says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal: that one decides
    warnings.filterwarnings("ignore", module=r"PIL\.")  # as the command that started it
    try:
        if job.photos_at_once == 1:  # there is one a core; a GPU's only worker has them all
            keep_to(1)
        worker = Worker(job, source)
    except Exception as error:
        known = isinstance(error, CamofilterError)
        connection.send(error if known else BatchError(reason("a worker cannot start", error)))
        return
    outbox: queue.SimpleQueue[_Ready | _Asking | Outcome] = queue.SimpleQueue()
    granted: dict[str, threading.Event] = {}

    def send() -> None:
        with _or_else_death(), suppress(OSError):  # nobody listens any longer
            while True:
                connection.send(outbox.get())

    def do(task: Task) -> None:
        def admit(pixels: int) -> None:
            outbox.put(_Asking(task.name, pixels))
            granted[task.name].wait()

        with _or_else_death():
            outbox.put(worker.do(task, admit=admit))
            del granted[task.name]

    threading.Thread(target=send, daemon=True).start()
    outbox.put(_Ready(job.photos_at_once))
    threads = ThreadPoolExecutor(job.photos_at_once)
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # in the middle of photos, which nobody waits for
        if isinstance(message, Task):
            granted[message.name] = threading.Event()
            threads.submit(do, message)
        else:
            granted[message.name].set()

"""How much memory there is, and who may use it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def free() -> int:
    """Bytes of memory that this process and its children may still fill, by the machine or by its container."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2]
    with suppress(OSError, ValueError, StopIteration):  # where there is no such file, half of what is built in
        found = [1024 * _number(Path("/proc/meminfo"), "MemAvailable:")]
    with suppress(OSError, ValueError, StopIteration):  # "max" is no limit
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        # Files that were read count as used until somebody needs the room.
        found.append(max(limit - used + _number(_CGROUP / "memory.stat", "inactive_file"), 0))
    return min(found)


def _number(path: Path, label: str) -> int:
    """The number behind a label, in a file with one on each line; StopIteration if there is none."""
    return next(int(words[1]) for words in map(str.split, path.read_text().splitlines()) if words[0] == label)


class Budget:
    """Shares out an amount: who asks gets it in turn, as soon as there is enough; who asks for more than all, alone.

    Args:
        amount: to share out.
    """

    def __init__(self, amount: int) -> None:
        self._amount = amount
        self._held: dict[object, int] = {}
        self._asking: deque[tuple[object, int, Callable[[], None]]] = deque()

    def ask(self, who: object, amount: int, give: Callable[[], None]) -> None:
        """Asks for an amount; ``give`` is called once, when it is there, now or as others give back theirs."""
        self._asking.append((who, amount, give))
        self._serve()

    def back(self, who: object) -> None:
        """Takes back what somebody has or has asked for, if anything."""
        self._held.pop(who, None)
        self._asking = deque(asking for asking in self._asking if asking[0] != who)
        self._serve()

    def _serve(self) -> None:
        while self._asking:
            who, amount, give = self._asking[0]
            if self._held and sum(self._held.values()) + amount > self._amount:
                return
            self._asking.popleft()
            self._held[who] = amount
            give()

"""How many processor cores there are for this process, and pools of threads that do not outgrow them."""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_CGROUPS = Path("/sys/fs/cgroup")

Made = TypeVar("Made")
_most: int | None = None


def cores() -> int:
    """Cores that this process may use: as many as its affinity and its container's quota leave it, at least one.

    A quota is that of Linux's control groups, version 2 (``cpu.max``) or 1 (``cpu.cfs_quota_us``), rounded up.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(usable, _quota())))


def threads() -> int:
    """Threads that a pool of this process is to have: one a core, but no more than :func:`keep_to` said."""
    return min(cores(), _most or cores())


def keep_to(most: int) -> None:
    """Has this process use no more threads than these, such as one of several workers that share the cores."""
    global _most
    _most = most


def per_process(make: Callable[[], Made]) -> Callable[[], Made]:
    """Makes something when it is first asked for, and anew in a process that was forked: threads do not come along."""
    made = functools.cache(make)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=made.cache_clear)
    return made


def _after_fork() -> None:
    """Has torch compute in a single thread: it would wait for ever for OpenMP's, which did not come along."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _quota() -> float:
    """Cores' worth of time that the container may use; infinite where there is no limit."""
    with suppress(OSError, ValueError):  # "max" is no limit
        quota, period = map(float, (_CGROUPS / "cpu.max").read_text().split())
        return quota / period
    with suppress(OSError, ValueError):
        quota, period = (float((_CGROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        if quota > 0:  # -1 is no limit
            return quota / period
    return math.inf

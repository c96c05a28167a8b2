"""Times work, says on what machine a benchmark ran, keeps its results beside it as JSON, and sets them in tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from camofilter.cores import cores


def machine() -> dict[str, Any]:
    """Processor, cores, memory, Python and torch of this machine."""
    import torch

    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": cores(),
        "memory_gib": round(memory, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def keep(name: str, results: dict[str, Any]) -> None:
    """Writes ``benchmarks/NAME.json`` with the results and the machine they were measured on."""
    path = Path(__file__).parent / f"{name}.json"
    path.write_text(json.dumps({"machine": machine()} | results, indent=1, ensure_ascii=False) + "\n")
    print(f"kept in benchmarks/{path.name}")


def median_ms(work: Callable[[], Any], times: int = 7) -> float:
    """Milliseconds that the work takes once it has been done before: the median of so many times."""
    work()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return round(1000 * statistics.median(seconds), 1)


def markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of these cells."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *rows))

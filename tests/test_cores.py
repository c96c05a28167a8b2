"""How many cores a process takes itself to have, and what becomes of pools of threads where it is forked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from camofilter import cores

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork as on Unix")


@pytest.fixture
def without_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of that of the control groups, eight usable cores, and no limit of the process's own."""
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    yield tmp_path
    cores.keep_to(1 << 10)


@pytest.mark.parametrize(
    ("said", "expected"),
    [(None, 8), ("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("nonsense", 8)],
)
def test_a_containers_quota_counts(without_limits: Path, said: str | None, expected: int) -> None:
    if said:
        (without_limits / "cpu.max").write_text(f"{said}\n")
    assert cores.cores() == cores.threads() == expected


@pytest.mark.parametrize(("quota", "expected"), [(-1, 8), (300_000, 3)])
def test_so_does_that_of_older_control_groups(without_limits: Path, quota: int, expected: int) -> None:
    (without_limits / "cpu").mkdir()
    (without_limits / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (without_limits / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity as on Linux")
def test_only_the_cores_that_this_process_may_use_count() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores.cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_a_worker_keeps_to_its_threads(without_limits: Path) -> None:
    cores.keep_to(3)
    assert (cores.cores(), cores.threads()) == (8, 3)
    cores.keep_to(9)
    assert cores.threads() == 8


_FORKED = """
import os, signal
import torch
from camofilter import biqa
from camofilter.optim.channel import Courier

torch.set_num_threads(2)
target, images = biqa.get("compact_iqa"), torch.rand(3, 3, 384, 512, requires_grad=True)

def step():
    scores = target.score(Courier(0).deliver(images, (512, 384)))
    scores.sum().backward()
    return scores.detach()

before = step()
child = os.fork()
if child == 0:
    signal.alarm(40)
    os._exit(not torch.allclose(step(), before, atol=1e-2))
_, ended = os.waitpid(child, 0)
raise SystemExit(f"the child ended by {ended}" if ended or not torch.allclose(step(), before, atol=1e-2) else 0)
"""


@needs_fork
@pytest.mark.slow
def test_a_forked_process_goes_on_searching() -> None:
    """As servers fork that have loaded everything before; pools of encoders and of torch both hung."""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    ran = subprocess.run([sys.executable, "-c", _FORKED], env=environment, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 0, ran.stderr

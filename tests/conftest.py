"""What several test files need: the project's own photos, and the optional data beside the project."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no failure because the machine was busy.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

_CASES = 4  # of a test with many that a quick run does
ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "photos"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="no slow tests, and a few cases of tests that have many")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What ``make quick`` runs: no slow tests, and evenly chosen cases of the others."""
    if not config.getoption("--quick"):
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("slow") is None:
            cases[item.nodeid.partition("[")[0]].append(item)
    chosen = {found[len(found) * i // _CASES] for found in cases.values() for i in range(_CASES)}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


@pytest.fixture(scope="session")
def examples() -> list[Path]:
    """The photos that come with the project."""
    return sorted(EXAMPLES.glob("*.jpg"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts this process, also where it runs in the background and would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def shared() -> Path:
    """The optional folder of photos and human scores beside the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the optional data in ../shared are not there")
    return folder

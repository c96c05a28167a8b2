"""What several test files need: the project's own photos, and the optional data beside the project."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no failure because the machine was busy.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "photos"


@pytest.fixture
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

"""The examples run as they stand, and the README's Python is the one that runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import camofilter
from camofilter.photo import open_photo

ROOT = Path(__file__).parent.parent


@pytest.fixture
def small(tmp_path: Path, examples: list[Path]) -> Path:
    path = tmp_path / "photo.jpg"
    with Image.open(examples[0]) as photo:
        photo.thumbnail((600, 600))
        photo.save(path, quality=92)
    return path


@pytest.mark.slow
def test_python_api(small: Path, tmp_path: Path) -> None:
    script = ROOT / "examples" / "python_api.py"
    done = subprocess.run([sys.executable, script, small], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"camofilter": 1' in done.stdout
    assert camofilter.score(open_photo(tmp_path / "photo.camo.png")) < 50


def test_readme_shows_that_example() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    example = (ROOT / "examples" / "python_api.py").read_text(encoding="utf-8").split('"""\n\n')[1]
    assert [example.strip()] == [block.strip() for block in shown]


def test_api_names_are_there() -> None:
    for name in camofilter.__all__:
        assert getattr(camofilter, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'blur'"):
        camofilter.blur  # noqa: B018


@pytest.mark.slow
def test_a_target_of_ones_own(small: Path, tmp_path: Path) -> None:
    script = ROOT / "examples" / "own_target.py"
    done = subprocess.run([sys.executable, script, small], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("colourfulness, 0 to 109, hidden below 33: ")
    assert "with this recipe" in done.stdout

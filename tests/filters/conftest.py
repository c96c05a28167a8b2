"""Images that the tests of the filters share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_PHOTOS = sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.jpg"))


@pytest.fixture(scope="session", params=_PHOTOS, ids=lambda path: path.stem)
def photo(request: pytest.FixtureRequest) -> np.ndarray:
    """Each example photo in turn, 324×576×3 uint8."""
    with Image.open(request.param) as opened:
        return np.asarray(opened.convert("RGB").resize((576, 324), Image.Resampling.LANCZOS))


@pytest.fixture(scope="session")
def one_photo() -> np.ndarray:
    """One of the photos, 270×480×3 uint8: larger than the copy that spatial filters look at."""
    with Image.open(_PHOTOS[0]) as opened:
        return np.asarray(opened.convert("RGB").resize((480, 270), Image.Resampling.LANCZOS))


@pytest.fixture(scope="session")
def colours() -> np.ndarray:
    """1×3×8×64 float64: all colours of eight levels a channel, black and white among them."""
    levels = np.linspace(0, 1, 8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, 8, 64)


@pytest.fixture(scope="session")
def greys() -> np.ndarray:
    """1×3×1×1001 float64: a grey ramp from black to white."""
    return np.broadcast_to(np.linspace(0, 1, 1001), (1, 3, 1, 1001))

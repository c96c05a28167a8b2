"""The search and the whole job, with the real model on real photos."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from camofilter import Photo, biqa, filters, optim, presets
from camofilter.errors import UsageError
from camofilter.optim import Keep
from camofilter.optim.search import Progress, search
from camofilter.optim.watchers import Watchers
from camofilter.photo import decode_photo, encode_photo
from camofilter.recipe import Recipe


@pytest.fixture(scope="module")
def photo() -> Photo:
    """A photo that is liked (above 60), reduced to 640 pixels, as a JPEG of quality 92."""
    path = Path(__file__).parents[2] / "examples" / "photos" / "budgie_perched-osprey.jpg"
    with Image.open(path) as opened:
        opened.thumbnail((640, 640), Image.Resampling.LANCZOS)
        reduced = Photo.from_array(np.asarray(opened))
    return decode_photo(encode_photo(reduced, "JPEG"))


@pytest.mark.slow
def test_settings_alone_hide_and_a_preset_stays_the_look(photo: Photo) -> None:
    target = biqa.get("compact_iqa", threshold=60)
    result = optim.camouflage(photo, [target], look=presets.get("noir"), method="filter")
    assert result.score_before > 60
    assert result.camouflaged
    assert result.survives
    assert max(result.score_after, *result.verdicts[0].deliveries.values()) < 60
    spread = result.photo.pixels.max(2).astype(int) - result.photo.pixels.min(2)
    assert spread.max() <= 2, "black and white stays black and white"
    assert "tuned_grain" not in {step.filter for step in result.recipe.steps}


def short_search(photo: Photo, seed: int) -> tuple[Recipe, list[Progress]]:
    seen: list[Progress] = []
    watchers = Watchers(photo.pixels, [biqa.get("compact_iqa")], "cpu")
    recipe = search(watchers, presets.get("soft"), steps=4, seed=seed, progress=seen.append)
    return recipe, seen


@pytest.mark.slow
def test_same_seed_same_recipe_and_progress_counts(photo: Photo) -> None:
    first, seen = short_search(photo, 0)
    assert first == short_search(photo, 0)[0]
    assert [p.step for p in seen] == [1, 2, 3, 4]
    assert all(later.exposure <= earlier.exposure for earlier, later in pairwise(seen))


@pytest.mark.slow
def test_another_seed_another_channel(photo: Photo) -> None:
    assert short_search(photo, 0)[1] != short_search(photo, 1)[1]


@pytest.mark.parametrize(("device", "message"), [("gpu", "expected auto, cpu or cuda"), ("cuda", "no CUDA device")])
def test_wrong_devices_are_named(photo: Photo, device: str, message: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UsageError, match=message):
        optim.camouflage(photo, [biqa.get("compact_iqa")], device=device)


@pytest.mark.parametrize("wrong", [{"method": "atuo"}, {"attack": "pdg"}, {"keep": "naturel"}])
def test_wrong_words_are_named(photo: Photo, wrong: dict[str, Any]) -> None:
    (name, word), *_ = wrong.items()
    with pytest.raises(UsageError, match=f"unknown {name} '{word}': did you mean"):
        optim.camouflage(photo, [biqa.get("compact_iqa")], **wrong)


@pytest.mark.slow
def test_keep_is_how_far_it_goes(photo: Photo) -> None:
    def widest(keep: Keep) -> float:
        watchers = Watchers(photo.pixels, [biqa.get("compact_iqa")], "cpu")
        recipe = search(watchers, Recipe(), keep=keep, steps=1)
        return float(next(s.settings["amount"] for s in recipe.steps if s.filter == "soft_focus"))

    most = filters.get("soft_focus").setting("amount").appealing[1]
    assert widest("subtle") <= 0.6 * most + 1e-6
    assert widest("subtle") < widest("natural") <= most

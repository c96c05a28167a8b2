"""The darkroom: the fast differentiable path gives what the full-size path gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from camofilter import open_photo, presets
from camofilter.biqa.fit import fit
from camofilter.filters.pipeline import render
from camofilter.optim.darkroom import Darkroom
from camofilter.optim.space import Space
from camofilter.recipe import Recipe

FRAME = (512, 384)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    folder = Path(__file__).parents[2] / "examples" / "photos"
    return open_photo(folder / "budgie_lake-sherburne.jpg").pixels


def test_an_empty_chain_is_the_fitted_photo(pixels: np.ndarray) -> None:
    developed = Darkroom(pixels, FRAME, "cpu").develop([])
    assert np.abs(developed[0].permute(1, 2, 0).numpy() * 255 - fit(pixels, FRAME)).max() < 0.01


@pytest.mark.parametrize("name", presets.names())
def test_presets_look_as_at_full_size(pixels: np.ndarray, name: str) -> None:
    chain = presets.get(name).chain()
    fast = Darkroom(pixels, FRAME, "cpu").develop(chain)[0].permute(1, 2, 0).numpy() * 255
    full = fit(render(pixels, chain), FRAME)
    # Reducing first and filtering first differ where detail is fine; the 17³ lattice adds little to that.
    assert np.abs(fast - full).mean() < 1
    assert np.quantile(np.abs(fast - full), 0.99) < 8


def test_lattice_is_within_a_level_of_exact(pixels: np.ndarray) -> None:
    fitted = fit(pixels, FRAME)
    chain = presets.get("vivid").chain()[:-1]
    assert all(found.is_point for found, _ in chain)
    fast = Darkroom(fitted, FRAME, "cpu").develop(chain)[0].permute(1, 2, 0).numpy() * 255
    error = np.abs(fast - render(fitted, chain))
    assert error.mean() < 1
    assert np.quantile(error, 0.999) < 3


@pytest.mark.slow
def test_batch_equals_single(pixels: np.ndarray) -> None:
    room, space = Darkroom(pixels, FRAME, "cpu"), Space(presets.get("golden-hour"))
    moves = torch.stack([space.look, space.look * 0.3, torch.zeros_like(space.look)])
    both = room.develop(space.settings(moves))
    for i in range(3):
        assert torch.allclose(both[i : i + 1], room.develop(space.settings(moves[i : i + 1])), atol=1e-5)


def test_every_setting_of_the_look_has_a_gradient(pixels: np.ndarray) -> None:
    room, space = Darkroom(pixels, FRAME, "cpu"), Space(presets.get("soft"))
    moves = (space.look[None] * 0.9 + 0.05).requires_grad_()
    room.develop(space.settings(moves)).square().mean().backward()
    assert moves.grad is not None
    assert torch.isfinite(moves.grad).all()
    assert (moves.grad.abs() > 0).float().mean() > 0.9


def test_panorama_is_judged_in_its_middle_with_lengths_of_the_whole() -> None:
    wide = np.full((200, 1600, 3), 128, np.uint8)
    dark = Recipe.from_dict({"camofilter": 1, "filters": [{"filter": "vignette", "amount": 2, "roundness": 0}]})
    developed = Darkroom(wide, FRAME, "cpu").develop(dark.chain())
    assert developed.shape == (1, 3, 384, 512)
    full = fit(render(wide, dark.chain()), FRAME) / 255
    assert np.abs(developed[0].permute(1, 2, 0).numpy() - full).max() < 0.01


def test_filters_of_warnings_are_left_alone(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of the whole process, and a search may be one of several threads."""
    monkeypatch.setattr(warnings, "catch_warnings", lambda *_, **__: pytest.fail("they were changed"))
    before = list(warnings.filters)
    Darkroom(pixels, (96, 64), "cpu").develop([])
    assert warnings.filters == before

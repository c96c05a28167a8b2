"""The quality models that benchmarks/stand_ins.py trains, with random weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from camofilter.biqa import places365_squeezenet

NAMES = ["deep_features", "patch_net", "codebook"]


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    import stand_ins

    yield stand_ins
    for name in ("stand_ins", "machine"):
        sys.modules.pop(name)


@pytest.fixture
def squeezenet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    state = places365_squeezenet.network().state_dict()
    np.savez(tmp_path / "squeezenet.npz", **{key: value.numpy() for key, value in state.items()})
    return tmp_path / "squeezenet.npz"


@pytest.fixture
def models(stand_ins: ModuleType, squeezenet: Path) -> dict[str, torch.nn.Module]:
    """Models as they might have been trained."""
    models = stand_ins.networks(squeezenet)
    models["codebook"][0].words.normal_()
    with torch.no_grad():
        for _ in range(20):  # for the statistics of its batch norms
            models["patch_net"](torch.rand(4, 3, 64, 128))
    return {name: model.eval() for name, model in models.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_image_has_its_own_score_in_both_orientations(models: dict[str, torch.nn.Module], name: str) -> None:
    for size in ((384, 512), (512, 384)):
        images = torch.rand(2, 3, *size) * torch.tensor([0.3, 1]).view(2, 1, 1, 1)
        with torch.inference_mode():
            together = models[name](images)
            alone = torch.cat([models[name](image[None]) for image in images])
        assert together.shape == (2,)
        assert abs(together[0] - together[1]) > 1e-3
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_finite_in_flat_photos_and_leads_uphill(models: dict[str, torch.nn.Module], name: str) -> None:
    photo = torch.rand(1, 3, 384, 512) * 0.8 + 0.1
    for image in (photo, torch.zeros_like(photo), torch.full_like(photo, 0.5), torch.ones_like(photo)):
        image.requires_grad_()
        score = models[name](image)
        (gradient,) = torch.autograd.grad(score.sum(), image)
        assert gradient.isfinite().all()
        if image is photo:
            with torch.inference_mode():
                assert models[name](photo + 1e-3 * gradient.sign()) > score


@pytest.mark.slow
def test_load_hands_out_what_was_kept(
    stand_ins: ModuleType, models: dict[str, torch.nn.Module], squeezenet: Path, tmp_path: Path
) -> None:
    for name, model in models.items():
        save_file(stand_ins.own(model).state_dict(), tmp_path / f"{name}.safetensors")
    image = torch.rand(1, 3, 384, 512)
    targets = stand_ins.load(tmp_path, squeezenet)
    assert [target.name for target in targets] == NAMES
    for target in targets:
        torch.testing.assert_close(target.score(image), models[target.name](image).detach(), rtol=1e-4, atol=1e-3)


def test_the_scene_classifier_is_not_kept(stand_ins: ModuleType, models: dict[str, torch.nn.Module]) -> None:
    kept = stand_ins.own(models["deep_features"]).state_dict()
    assert kept
    assert not any("fire" in name for name in kept)


def test_a_codebook_finds_the_directions_of_its_patches(stand_ins: ModuleType) -> None:
    torch.manual_seed(0)
    images = (torch.rand(40, 3, 70, 70) * 255).to(torch.uint8)
    book = stand_ins.Codebook()
    stand_ins.learn_words(book, images, patches=2000, rounds=3)
    flat = book.words.flatten(1)
    assert flat.isfinite().all()
    assert len(torch.unique(flat.round(decimals=3), dim=0)) == len(flat)

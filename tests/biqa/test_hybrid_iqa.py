"""HybridIQA: what its tokens are, how its head is solved, any size and orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from camofilter.biqa import hybrid_iqa
from camofilter.biqa.efficientnet_lite import EfficientNetLite
from camofilter.biqa.hybrid_iqa import HybridIQA, TokenHead
from camofilter.biqa.rating_head import Seen
from camofilter.biqa.training.fitting import SEEN, fit
from camofilter.biqa.training.ratings import Rated
from camofilter.biqa.weight_files import write


@pytest.fixture(scope="module")
def model() -> HybridIQA:
    """Of random weights, what its transformer says among them."""
    torch.manual_seed(3)
    found = hybrid_iqa.network().eval()
    torch.nn.init.normal_(found.head.say.weight)
    return found


def image(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def test_parameters_and_size_of_a_weight_file(model: HybridIQA, tmp_path: Path) -> None:
    assert sum(p.numel() for p in model.backbone.parameters()) == pytest.approx(1.37e6, rel=0.05)
    assert sum(p.numel() for p in model.head.parameters()) == pytest.approx(0.47e6, rel=0.05)
    assert not model.backbone_learns
    assert all(p.requires_grad for p in model.head.parameters())
    write(model, tmp_path / "weights.safetensors", half=True, force=False)
    assert (tmp_path / "weights.safetensors").stat().st_size < 5e6
    loaded = hybrid_iqa.load(tmp_path / "weights.safetensors")
    assert loaded.state_dict().keys() == load_file(tmp_path / "weights.safetensors").keys()


def test_its_maps_are_those_of_the_whole_backbone(model: HybridIQA) -> None:
    whole = EfficientNetLite()
    whole.load_state_dict(whole.state_dict() | model.backbone.state_dict())
    seen: list[torch.Tensor] = []
    for number in (2, 4, 10, 12):
        whole._blocks[number].register_forward_hook(lambda *given: seen.append(given[2].clone()))
    with torch.inference_mode():
        whole(image(1, 3, 96, 64))
        for found, wanted in zip(model.backbone.maps(image(1, 3, 96, 64)), seen, strict=True):
            assert torch.equal(found, wanted)


def test_tokens_are_means_and_deviations_of_maps(model: HybridIQA) -> None:
    with torch.inference_mode():
        found, maps = model.statistics(image(1, 3, 384, 512)), model.backbone.maps(image(1, 3, 384, 512))
    assert found.shape == (1, 2 * (24 + 40 + 112) + 192, 12, 16)
    first = F.unfold(maps[0], 8, stride=8).reshape(24, 64, 12, 16)
    assert torch.allclose(found[0, :24], first.mean(1), atol=1e-4)
    assert torch.allclose(found[0, 24:48], (first.var(1, unbiased=False) + 1e-4).sqrt(), atol=1e-3)
    assert torch.equal(found[0, -192:], maps[-1][0])


def test_the_transformer_knows_where_tokens_are(model: HybridIQA) -> None:
    """Moved about, tokens have the same mean and deviation: only the transformer can tell."""
    with torch.inference_mode():
        tokens = model.statistics(image(1, 3, 384, 512))
        moved = tokens.flatten(2)[:, :, torch.randperm(192, generator=torch.Generator().manual_seed(0))]
        difference = model.head(tokens) - model.head(moved.reshape(tokens.shape))
        assert abs(float(difference)) > 1e-2


@pytest.mark.parametrize("shape", [(384, 512), (512, 384), (64, 64), (97, 203)])
def test_any_size_and_orientation(model: HybridIQA, shape: tuple[int, int]) -> None:
    photo = image(2, 3, *shape).requires_grad_()
    scores = model(photo)
    (gradient,) = torch.autograd.grad(scores.sum(), photo)
    assert scores.shape == (2,)
    assert gradient.isfinite().all()
    assert (gradient.abs().amax(1) > 0).float().mean() > 0.9, "all parts of the photo count"
    with torch.inference_mode():
        single = torch.cat([model(one[None]) for one in photo])
    assert torch.allclose(single, scores, atol=1e-2)


def test_the_first_time_it_is_solved_the_scale_is_set() -> None:
    torch.manual_seed(0)
    head, far = TokenHead(6).eval(), torch.tensor([1.0, 10, 0.1, 5, 2, 1])[:, None, None]
    batches = [3 + far * torch.randn(32, 6, 3, 4 + number) for number in range(8)]
    seen = [Seen(statistics, 50 + 4 * statistics[:, 1].mean((1, 2)), True) for statistics in batches]
    head.solve(seen)
    assert torch.allclose(head.mean, torch.full((6, 1, 1), 3.0), atol=0.5)
    assert torch.allclose(head.deviation, far, rtol=0.1)
    with torch.inference_mode():
        found = torch.cat([head(statistics) for statistics in batches])
    assert np.corrcoef(found.numpy(), torch.cat([scores for _, scores, _ in seen]).numpy())[0, 1] > 0.9


def test_solved_again_the_linear_part_takes_what_the_transformer_leaves() -> None:
    torch.manual_seed(0)
    head = TokenHead(6).eval()
    seen = [Seen(torch.randn(64, 6, 3, 4), 50 + 10 * torch.randn(64), True) for _ in range(4)]
    head.solve(seen)
    scale = head.deviation.clone()
    torch.nn.init.normal_(head.say.weight)
    head.solve(seen)
    assert torch.equal(head.deviation, scale), "which the transformer has learned for"
    with torch.inference_mode():
        corrections = torch.cat([head.correction(statistics) for statistics, *_ in seen])
        found = torch.cat([head(statistics) for statistics, *_ in seen])
    wanted = torch.cat([scores for _, scores, _ in seen])
    assert corrections.std() > 1
    assert (found - wanted).mean().abs() < 0.1
    linear = found - corrections
    assert np.corrcoef(linear.numpy(), (wanted - corrections).numpy())[0, 1] > 0.2


def test_half_the_tokens_are_seen_while_it_learns() -> None:
    head = TokenHead(4)
    seen: list[int] = []
    head.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    for training, side in ((True, 12), (True, 6), (False, 12)):
        head.train(training)(torch.rand(2, 4, side, side))
    assert seen == [72, 36, 144]


@pytest.mark.slow
def test_training_changes_the_head_alone(examples: list[Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = hybrid_iqa.network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rated = [Rated(path, score, "train") for path, score in zip(examples[:3], (30.0, 50.0, 70.0), strict=True)]
    fit(model, rated, rated, samples=SEEN, checkpoint=tmp_path / "c.pt", about={}, rate=5e-3, workers=0)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("backbone."), name

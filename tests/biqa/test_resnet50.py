"""ResNet-50 and its Places365 target: the published layout, folding, and files as they were published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter import biqa
from camofilter.biqa import places365_resnet50
from camofilter.biqa.resnet50 import Bottleneck, ResNet50
from camofilter.biqa.weight_files import WeightsError


def norm(key: str, channels: int) -> dict[str, tuple[int, ...]]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{key}.{name}": (channels,) for name in names} | {f"{key}.num_batches_tracked": ()}


def published_layout(classes: int) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of torchvision's resnet50."""
    shapes = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (classes, 2048), "fc.bias": (classes,)} | norm("bn1", 64)
    before = 64
    for stage, (blocks, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], start=1):
        for i in range(blocks):
            block = f"layer{stage}.{i}"
            shapes[f"{block}.conv1.weight"] = (width, before, 1, 1)
            shapes[f"{block}.conv2.weight"] = (width, width, 3, 3)
            shapes[f"{block}.conv3.weight"] = (4 * width, width, 1, 1)
            shapes |= norm(f"{block}.bn1", width) | norm(f"{block}.bn2", width) | norm(f"{block}.bn3", 4 * width)
            if i == 0:
                shapes[f"{block}.downsample.0.weight"] = (4 * width, before, 1, 1)
                shapes |= norm(f"{block}.downsample.1", 4 * width)
            before = 4 * width
    return shapes


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def test_keys_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        assert shapes_of(places365_resnet50.network()) == published_layout(365)


@pytest.mark.parametrize(("classes", "parameters"), [(1000, 25_557_032), (365, 24_255_917)])
def test_parameters(classes: int, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in ResNet50(classes).parameters()) == parameters


def test_the_maps_are_halved_five_times() -> None:
    """By the stem, the pool and the first 3×3 convolution of three stages: 256 pixels leave 8×8 cells."""
    with torch.device("meta"):
        model = ResNet50(365).eval()
        x = F.max_pool2d(model.conv1(torch.empty(1, 3, 256, 256)), 3, 2, 1)
        sides = [x.shape[2]]
        for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
            x = stage(x)
            sides.append(x.shape[2])
    assert sides == [64, 64, 32, 16, 8]
    first = model.layer2[0]
    assert isinstance(first, Bottleneck)
    assert (first.conv1.stride, first.conv2.stride) == ((1, 1), (2, 2))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A network whose batch norms fit its random weights."""
    torch.manual_seed(0)
    model = places365_resnet50.network()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over all batches
    with torch.no_grad():
        model(pictures(4))
    return model.eval().requires_grad_(False)


def pictures(count: int) -> Tensor:
    return F.interpolate(torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1)), 256, mode="bilinear")


@pytest.mark.slow
@pytest.mark.parametrize("published", [True, False])
def test_a_published_file_gives_the_logits_of_its_network(published: bool, network: nn.Module, tmp_path: Path) -> None:
    """Also: folding the batch norms changes nothing but rounding."""
    state = network.state_dict()
    path = tmp_path / ("resnet50_places365.pth.tar" if published else "own.pth")
    if published:  # in torch's old format, without what came later
        tracked = {f"module.{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}
        state = {"epoch": 80, "arch": "resnet50", "state_dict": tracked, "best_prec1": 54.7}
    torch.save(state, path, _use_new_zipfile_serialization=not published)
    target = biqa.get(f"places365_resnet50:{path}")
    assert not [module for module in places365_resnet50.load(path).modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.inference_mode():
        expected = network(pictures(2))
        assert expected.std() > 0.1
        lead = expected.topk(2, 1).values
        assert torch.allclose(target.score(pictures(2)), lead[:, 0] - lead[:, 1], atol=1e-3)


def test_normalisation_is_imagenets(network: nn.Module) -> None:
    """A picture of ImageNet's mean colour is black to the first convolution."""
    seen: list[Tensor] = []
    hook = network.get_submodule("conv1").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    network(torch.cat([mean, mean + torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)]))
    hook.remove()
    assert torch.allclose(seen[0][0], torch.zeros(3, 64, 64), atol=1e-6)
    assert torch.allclose(seen[0][1], torch.ones(3, 64, 64), atol=1e-5)


def test_a_missing_file_is_told_where_to_be_had() -> None:
    with pytest.raises(WeightsError, match=r"no such weight file; expected resnet50_places365\.pth\.tar"):
        biqa.get("places365_resnet50:no.pth.tar")

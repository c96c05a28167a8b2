"""The backbone: the published layout folded, statistics that are what they are said to be, and what it starts from."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from camofilter.biqa import compact_iqa, compact_iqa_2
from camofilter.biqa.efficientnet_lite import EfficientNetLite, folded
from camofilter.biqa.training import Plan, _started
from camofilter.biqa.weight_files import WeightsError, load_part

# Which batch norm follows a convolution, by the names of the published weights.
NORMS = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
    "_conv_head": "_bn1",
}


def with_norms(network: EfficientNetLite) -> EfficientNetLite:
    """The same network as it was before folding: convolutions without bias, each with a batch norm that has learned."""
    unfolded = copy.deepcopy(network)
    for module in list(unfolded.modules()):
        for name, conv in list(module.named_children()):
            if isinstance(conv, nn.Conv2d):
                conv.bias = None
                norm = nn.BatchNorm2d(conv.out_channels, eps=1e-3)
                for values, low, high in (
                    (norm.weight.data, 0.5, 1.5),
                    (norm.bias.data, -0.5, 0.5),
                    (norm.running_mean, -0.5, 0.5),
                    (norm.running_var, 0.5, 2.0),
                ):
                    assert values is not None
                    values.uniform_(low, high)
                setattr(module, name, nn.Sequential(conv, norm))
    return unfolded.eval()


def published(unfolded: EfficientNetLite) -> dict[str, Tensor]:
    """Its weights by their published names, a classifier among them."""
    state = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    for key, value in unfolded.state_dict().items():
        *block, conv, number, what = key.split(".")
        state[".".join([*block, conv if number == "0" else NORMS[conv], what])] = value
    return state


@pytest.mark.parametrize(("variant", "millions", "blocks"), [("lite0", 4.652, 16), ("lite2", 6.092, 21)])
def test_parameters_are_those_of_the_paper_less_those_folded(variant: str, millions: float, blocks: int) -> None:
    """The published counts are with a classifier of 1000 classes, and two numbers where folding leaves one."""
    network = EfficientNetLite(variant)
    saved = sum(conv.out_channels for conv in network.modules() if isinstance(conv, nn.Conv2d))
    own = sum(p.numel() for p in network.parameters())
    assert (own + saved + 1281 * 1000) / 1e6 == pytest.approx(millions, abs=1e-3)
    assert len(network._blocks) == blocks
    keys = network.state_dict().keys()
    for key in ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.1._expand_conv.bias"):
        assert key in keys
    assert "_blocks.0._expand_conv.weight" not in keys


def test_folded_sees_what_the_published_network_sees() -> None:
    reference = with_norms(EfficientNetLite())
    network = EfficientNetLite().eval()
    state = folded(published(reference))
    assert state.keys() == network.state_dict().keys()
    network.load_state_dict(state)
    image = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        wanted = reference(image)
        assert torch.allclose(network(image), wanted, atol=1e-4 * float(wanted.abs().max()))
    assert folded(state).keys() == state.keys(), "nothing is left to fold"


def test_random_weights_neither_fade_nor_grow_with_depth() -> None:
    with torch.inference_mode():
        found = EfficientNetLite().eval()(torch.rand(8, 3, 64, 64))
    assert 0.01 < found[:, -1280:].std(0).mean() < 10, "at the top"


def test_statistics_are_means_and_deviations_of_maps() -> None:
    network = EfficientNetLite().eval()
    seen: list[torch.Tensor] = []
    network._blocks[-1].register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.inference_mode():
        found = network(torch.rand(2, 3, 64, 96))
    assert found.shape == (2, network.features)
    maps = seen[0]
    assert maps.shape == (2, 320, 2, 3)
    assert torch.allclose(found[:, -1280 - 640 : -1280 - 320], maps.mean((2, 3)), atol=1e-5)
    deviation = (maps.var((2, 3), unbiased=False) + 1e-5).sqrt()
    assert torch.allclose(found[:, -1280 - 320 : -1280], deviation, atol=1e-5)


def test_a_backbone_is_taken_from_published_weights_or_those_of_a_judge(tmp_path: Path) -> None:
    judge = compact_iqa.network()
    save_file(judge.state_dict(), tmp_path / "judge.safetensors")
    reference = published(with_norms(judge.backbone))
    save_file(reference, tmp_path / "published.safetensors")
    for name, wanted in (("judge", judge.backbone.state_dict()), ("published", folded(reference))):
        empty = EfficientNetLite()
        load_part(empty, tmp_path / f"{name}.safetensors", "backbone.", folded)
        for key, value in empty.state_dict().items():
            assert torch.equal(value, wanted[key]), key


def test_weights_of_others_are_refused_in_one_line(tmp_path: Path) -> None:
    """Of another variant, of another network with batch norms or without, and of this one but for a norm."""
    save_file(compact_iqa.network().state_dict(), tmp_path / "judge.safetensors")
    save_file(compact_iqa_2.network().state_dict(), tmp_path / "convolutions.safetensors")
    save_file(nn.Linear(3, 2).state_dict(), tmp_path / "linear.safetensors")
    lacking = published(with_norms(EfficientNetLite()))
    del lacking["_bn1.weight"]
    save_file(lacking, tmp_path / "lacking.safetensors")
    for name, variant in (("judge", "lite2"), ("convolutions", "lite0"), ("linear", "lite0"), ("lacking", "lite0")):
        path = tmp_path / f"{name}.safetensors"
        with pytest.raises(WeightsError, match=r"expected weights of EfficientNetLite$") as error:
            load_part(EfficientNetLite(variant), path, "backbone.", folded)
        assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("start", ["nothing", "file", "backbone"])
def test_early_layers_that_have_learned_stay_as_they_are(tmp_path: Path, start: str) -> None:
    path = tmp_path / "judge.safetensors"
    save_file(compact_iqa.network().state_dict(), path)
    options = {"nothing": {"start": "nothing"}, "file": {"start": str(path)}, "backbone": {"backbone": path}}
    judge = _started(compact_iqa, Plan(tmp_path / "scores.csv", tmp_path, **options[start]))  # type: ignore[arg-type]
    judge(torch.rand(1, 3, 96, 96)).sum().backward()
    assert (judge.backbone._conv_stem.weight.grad is None) == (start != "nothing")
    last = judge.backbone._blocks[-1]._project_conv.weight
    assert isinstance(last, nn.Parameter)
    assert last.grad is not None
    assert last.grad.abs().max() > 0

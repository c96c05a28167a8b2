"""KonCept512: the published layout, its way of pooling, sizes, folding, and the check against published scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from camofilter import biqa
from camofilter.biqa import Scale, koncept512
from camofilter.biqa.inception_resnet_v2 import InceptionResNetV2, ResidualBranches
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import PhotoError, UsageError

# Convolutions by their place in ``base``: name, channels before and after, kernel's height and width.
STEM = ["0 3 32 3 3", "1 32 32 3 3", "2 32 64 3 3", "4 64 80 1 1", "5 80 192 3 3"]
MIXED_5B = [
    "7.branch0 192 96 1 1",
    *("7.branch1.0 192 48 1 1", "7.branch1.1 48 64 5 5"),
    *("7.branch2.0 192 64 1 1", "7.branch2.1 64 96 3 3", "7.branch2.2 96 96 3 3"),
    "7.branch3.1 192 64 1 1",
]
BLOCK35 = [
    "branch0 320 32 1 1",
    *("branch1.0 320 32 1 1", "branch1.1 32 32 3 3"),
    *("branch2.0 320 32 1 1", "branch2.1 32 48 3 3", "branch2.2 48 64 3 3"),
]
MIXED_6A = [
    "9.branch0 320 384 3 3",
    *("9.branch1.0 320 256 1 1", "9.branch1.1 256 256 3 3", "9.branch1.2 256 384 3 3"),
]
BLOCK17 = ["branch0 1088 192 1 1", "branch1.0 1088 128 1 1", "branch1.1 128 160 1 7", "branch1.2 160 192 7 1"]
MIXED_7A = [
    *("11.branch0.0 1088 256 1 1", "11.branch0.1 256 384 3 3"),
    *("11.branch1.0 1088 256 1 1", "11.branch1.1 256 288 3 3"),
    *("11.branch2.0 1088 256 1 1", "11.branch2.1 256 288 3 3", "11.branch2.2 288 320 3 3"),
]
BLOCK8 = ["branch0 2080 192 1 1", "branch1.0 2080 192 1 1", "branch1.1 192 224 1 3", "branch1.2 224 256 3 1"]
LAST = ["14 2080 1536 1 1"]
# Blocks with a skip connection: places, convolutions, channels stacked and channels given back.
RESIDUALS = [
    ([f"8.{i}" for i in range(10)], BLOCK35, 128, 320),
    ([f"10.{i}" for i in range(20)], BLOCK17, 384, 1088),
    ([f"12.{i}" for i in range(9)] + ["13"], BLOCK8, 448, 2080),
]


def norm(key: str, channels: int) -> dict[str, tuple[int, ...]]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{key}.{name}": (channels,) for name in names} | {f"{key}.num_batches_tracked": ()}


def published_layout() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of KonCept512.pth."""
    rows = [*STEM, *MIXED_5B, *MIXED_6A, *MIXED_7A, *LAST]
    shapes: dict[str, tuple[int, ...]] = {}
    for places, block, stacked, channels in RESIDUALS:
        rows += [f"{place}.{row}" for place in places for row in block]
        for place in places:
            shapes[f"base.{place}.conv2d.weight"] = (channels, stacked, 1, 1)
            shapes[f"base.{place}.conv2d.bias"] = (channels,)
    for row in rows:
        name, *numbers = row.split()
        before, after, height, width = map(int, numbers)
        shapes[f"base.{name}.conv.weight"] = (after, before, height, width)
        shapes |= norm(f"base.{name}.bn", after)
    for i, (before, after) in {0: (1536, 2048), 4: (2048, 1024), 8: (1024, 256), 12: (256, 1)}.items():
        shapes |= {f"fc.{i}.weight": (after, before), f"fc.{i}.bias": (after,)}
        shapes |= norm(f"fc.{i + 2}", after) if after > 1 else {}
    return shapes


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A network whose batch norms fit its random weights, so that photos have scores of their own."""
    torch.manual_seed(0)
    model = koncept512.network()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d)]
    for module in norms:
        module.momentum = None  # the plain mean over all batches
    with torch.no_grad():
        model(pictures(4))
        last = model.get_submodule("fc.12")
        assert isinstance(last, nn.Linear)
        last.weight *= 20
        last.bias.fill_(50)
    return model.eval().requires_grad_(False)


def pictures(count: int) -> Tensor:
    """Different pictures of 299×299: noise of growing coarseness and contrast."""
    noise = torch.Generator().manual_seed(1)
    sizes = [299 // (2 * i + 1) for i in range(count)]
    return torch.cat(
        [nn.functional.interpolate(torch.rand(1, 3, s, s, generator=noise), 299, mode="bilinear") for s in sizes]
    )


@pytest.fixture(scope="module")
def scores(network: nn.Module) -> Tensor:
    """Of two pictures by the network as it stands, its batch norms unfolded."""
    with torch.inference_mode():
        scores: Tensor = network(pictures(2))
    assert abs(float(scores[0] - scores[1])) > 1
    return scores


def test_keys_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        state = koncept512.network().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == published_layout()
    assert len(state) == 1327


def test_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in koncept512.network().parameters()) == 59_821_729
        # The whole published classifier of 1000 classes less its last layer.
        assert sum(p.numel() for p in InceptionResNetV2().parameters()) == 55_843_464 - 1537 * 1000


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "parallel", "old"])
def test_a_published_file_gives_the_scores_of_its_network(
    form: str, network: nn.Module, scores: Tensor, tmp_path: Path
) -> None:
    """Also: folding the batch norms changes nothing but rounding, nor do channels last."""
    state = network.state_dict()
    if form == "parallel":
        state = {"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 60}
    if form == "old":
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    path = tmp_path / "KonCept512.pth"
    torch.save(state, path)
    target = biqa.get(f"koncept512:{path}")
    path.unlink()
    with torch.inference_mode():
        assert torch.allclose(target.score(pictures(2)), scores, atol=0.01)


@pytest.mark.slow
def test_half_precision_errs_by_little(network: nn.Module) -> None:
    """bfloat16 autocast, as on a GPU: its 8 bits move the last maps by 8 % through 200 layers of random weights."""
    assert isinstance(network, koncept512.KonCept512)
    image = 2 * pictures(2) - 1
    with torch.inference_mode():
        exact = network.base(image)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network.base(image).float()
    assert (rough - exact).norm() < 0.15 * exact.norm()


@pytest.mark.slow
def test_the_gradient_is_finite_and_not_zero(network: nn.Module) -> None:
    image = pictures(1).requires_grad_()
    network(image).sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


@pytest.mark.slow
def test_only_the_top_left_cells_count(network: nn.Module) -> None:
    assert isinstance(network, koncept512.KonCept512)
    maps = torch.rand(1, 1536, 10, 14)
    outside, inside = maps.clone(), maps.clone()
    outside[:, :, 8:], outside[:, :, :, 8:] = 0, 9
    inside[:, :, 7, 7] += 1
    pooled = network.pool(maps).flatten(1)
    assert torch.equal(network.pool(outside).flatten(1), pooled)
    assert torch.allclose(network.pool(inside).flatten(1), pooled + 1 / 64, atol=1e-5)
    assert torch.allclose(pooled, maps[:, :, :8, :8].mean((2, 3)), atol=1e-5)


@pytest.mark.parametrize(("side", "cells"), [(298, 0), (299, 1), (384, 1), (512, 1), (554, 1), (555, 2)])
def test_sides_of_which_one_cell_remains(side: int, cells: int) -> None:
    with torch.device("meta"):
        model = koncept512.KonCept512()
        maps = model.base(torch.empty(1, 3, side, 320))
        assert maps.shape[2] // 8 == cells
        image = torch.empty(2, 3, side, 512)
        if cells == 1:
            assert model.eval()(image).shape == (2,)
        else:
            with pytest.raises(UsageError, match=f"given 512×{side} pixels: expected sides from 299 to 554"):
                model(image)


@pytest.mark.parametrize(("block", "scale"), [("8.0", 0.17), ("10.19", 0.1), ("12.8", 0.2), ("13", 1.0)])
def test_scales_of_the_residuals(block: str, scale: float, network: nn.Module) -> None:
    residual = network.get_submodule(f"base.{block}")
    assert isinstance(residual, ResidualBranches)
    conv = residual.conv2d
    x = torch.randn(1, conv.out_channels, 9, 9)
    stacked = torch.cat([residual.get_submodule(f"branch{i}")(x) for i in range(3 if block == "8.0" else 2)], 1)
    expected = x + scale * conv(stacked)
    assert torch.allclose(residual(x), expected if block == "13" else expected.clamp(min=0), atol=1e-4)


def test_the_border_is_not_averaged_with_padding(network: nn.Module) -> None:
    pool = network.get_submodule("base.7.branch3.0")
    assert torch.allclose(pool(torch.ones(1, 192, 5, 5)), torch.ones(1, 192, 5, 5))


def test_a_missing_file_is_told_where_to_be_had() -> None:
    with pytest.raises(WeightsError, match=r"no\.pth: no such weight file; expected KonCept512\.pth \(about 240 MB\)"):
        biqa.get("koncept512:no.pth")


def test_without_a_path_it_says_what_is_needed() -> None:
    with pytest.raises(UsageError, match=r"'koncept512' needs the path of KonCept512\.pth"):
        biqa.get("koncept512")


class Brightness(biqa.Target):
    """Scores a photo by its mean; the check needs no more to be tested."""

    name, scale = "brightness", Scale()

    def score(self, image: Tensor) -> Tensor:
        return 100 * image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


@pytest.fixture
def koniq(tmp_path: Path) -> Path:
    """A folder with grey photos by the published names, as bright as their scores."""
    for name, score in koncept512.PUBLISHED_SCORES.items():
        Image.new("RGB", (512, 384), (round(2.55 * score),) * 3).save(tmp_path / name, quality=100)
    return tmp_path


def test_check_compares_each_photo(koniq: Path) -> None:
    compared = koncept512.check(Brightness(), koniq)
    assert [(c.photo, c.published) for c in compared] == list(koncept512.PUBLISHED_SCORES.items())
    for comparison in compared:
        level = round(2.55 * comparison.published)
        assert comparison.score == pytest.approx(100 * level / 255, abs=1e-3)
        assert comparison.difference == pytest.approx(comparison.score - comparison.published)


def test_check_tells_agreement_from_disagreement() -> None:
    scores = [50 + koncept512.TOLERANCE * factor for factor in (0, 0.9, -0.9, 1.1, -1.1)]
    assert [koncept512.Comparison("a.jpg", 50, score).agrees for score in scores] == [True, True, True, False, False]


def test_check_scores_the_pixels_as_they_are(koniq: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (384, 512, 3), dtype=np.uint8)
    name = next(iter(koncept512.PUBLISHED_SCORES))
    Image.fromarray(pixels).save(koniq / name, "PNG")
    assert koncept512.check(Brightness(), koniq)[0].score == pytest.approx(pixels.mean() / 2.55, abs=1e-3)


def test_check_names_missing_photos(koniq: Path) -> None:
    (koniq / "107505789.jpg").unlink()
    with pytest.raises(UsageError, match=r"lacks 107505789\.jpg; expected these photos of KonIQ-10k"):
        koncept512.check(Brightness(), koniq)


def test_check_refuses_another_size(koniq: Path) -> None:
    Image.new("RGB", (1024, 768)).save(koniq / "107505789.jpg")
    with pytest.raises(UsageError, match=r"107505789\.jpg: 1024×768 pixels, expected KonIQ-10k's version of 512×384"):
        koncept512.check(Brightness(), koniq)


def test_check_names_an_unreadable_photo(koniq: Path) -> None:
    (koniq / "107505789.jpg").write_text("no photo")
    with pytest.raises(PhotoError, match=r"107505789\.jpg: cannot be read"):
        koncept512.check(Brightness(), koniq)

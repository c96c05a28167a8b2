"""Metrics of pyiqa: what is said where the package is missing, and the adapter on a stand-in with the package's API.

The stand-in follows pyiqa 0.1.16: names, attributes, arguments, and how its metrics treat gradients and batches.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from camofilter import biqa
from camofilter.errors import UsageError

# Name: mode, whether lower is better, range as pyiqa writes it.
METRICS = {
    "brightness": ("NR", False, "~0, ~1"),
    "darkness": ("NR", True, "~-1, ~0.1"),
    "rounded": ("NR", False, "0, 8"),
    "twofold": ("NR", False, "0, 1"),
    "fails": ("NR", False, "0, 1"),
    "unavailable": ("NR", False, "0, 1"),
    "open": ("NR", True, "0, ~"),
    "unsaid": ("NR", True, None),
    "likeness": ("FR", False, "0, 1"),
}


class Brightness(nn.Module):
    """Mean luminance, B×1, by weights that a metric has learned."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.luminance = nn.Parameter(torch.tensor([0.3, 0.6, 0.1]))

    def forward(self, image: Tensor) -> Tensor:
        if self.name == "fails":
            raise AssertionError("a caption is needed")
        bright = (image * self.luminance[:, None, None]).sum(1).mean((1, 2))[:, None]
        if self.name == "rounded":
            return bright.detach().round()
        if self.name == "twofold":
            return torch.cat([bright, bright], 1)
        return -bright if self.name == "darkness" else bright


class Metric(nn.Module):
    """pyiqa's InferenceModel."""

    def __init__(self, name: str, as_loss: bool, device: Any, loss_reduction: str) -> None:
        super().__init__()
        self.metric_mode, self.lower_better, self.score_range = METRICS[name]
        self.as_loss, self.loss_reduction = as_loss, loss_reduction
        self.net = Brightness(name).to(device).eval()

    def forward(self, target: Tensor, ref: Tensor | None = None) -> Tensor:
        assert len(target) == 1, "Currently, only support batch size 1."
        with torch.set_grad_enabled(self.as_loss):
            scores: Tensor = self.net(target)
        return scores.mean() if self.as_loss and self.loss_reduction == "mean" else scores


class StandIn(ModuleType):
    """What of the package is used."""

    @staticmethod
    def list_models(metric_mode: str | None = None, filter: str = "", exclude_filters: str = "") -> list[str]:
        return sorted(name for name, (mode, *_) in METRICS.items() if metric_mode in (None, mode))

    @staticmethod
    def create_metric(
        metric_name: str, as_loss: bool = False, device: Any = None, *, loss_reduction: str = "mean"
    ) -> Metric:
        if metric_name == "unavailable":
            raise OSError("cannot fetch\nits weights")
        return Metric(metric_name, as_loss, device, loss_reduction)


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", StandIn("pyiqa"))


@pytest.mark.skipif(importlib.util.find_spec("pyiqa") is not None, reason="pyiqa is installed")
def test_without_pyiqa_it_says_how_to_get_it_and_its_licence() -> None:
    with pytest.raises(UsageError) as caught:
        biqa.get("pyiqa:musiq")
    message = str(caught.value)
    assert message.startswith("pyiqa is not installed: pip install 'camofilter[pyiqa]'")
    assert "non-commercial" in message
    assert "PolyForm Noncommercial License 1.0.0" in message
    assert "\n" not in message


def test_what_pyiqa_itself_misses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def importing(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'torchvision'", name="torchvision")

    monkeypatch.setattr("camofilter.biqa.pyiqa.importlib", ModuleType("importlib"))
    monkeypatch.setattr("camofilter.biqa.pyiqa.importlib.import_module", importing, raising=False)
    with pytest.raises(UsageError, match=r"pyiqa cannot be imported \(No module named 'torchvision'\)"):
        biqa.get("pyiqa:musiq")


@pytest.mark.usefixtures("pyiqa")
def test_scores_are_the_metrics_one_for_each_photo() -> None:
    target = biqa.get("pyiqa:brightness")
    images = torch.rand(3, 3, 20, 30) * torch.tensor([0.2, 0.5, 1])[:, None, None, None]
    expected = (images * torch.tensor([0.3, 0.6, 0.1])[:, None, None]).sum(1).mean((1, 2))
    with torch.inference_mode():
        assert torch.allclose(target.to("cpu").score(images), expected)
    assert target.name == "pyiqa:brightness"
    assert target.frame(3, 2) == (512, 384)


@pytest.mark.usefixtures("pyiqa")
def test_the_image_has_a_gradient_and_the_metric_none() -> None:
    target = biqa.get("pyiqa:brightness")
    image = torch.rand(2, 3, 4, 5, requires_grad=True)
    target.score(image).sum().backward()
    assert image.grad is not None
    assert torch.allclose(image.grad[:, 1], torch.tensor(0.6 / 20))
    assert target.has_gradient
    assert not target.score(image.detach()).requires_grad
    assert not biqa.get("pyiqa:rounded").has_gradient


@pytest.mark.usefixtures("pyiqa")
def test_the_scale_is_the_metrics_range_and_direction() -> None:
    bright, dark = biqa.get("pyiqa:brightness").scale, biqa.get("pyiqa:darkness").scale
    assert (bright.low, bright.high, bright.threshold, bright.falls) == (0, 1, 0.5, True)
    assert (dark.low, dark.high, dark.threshold, dark.falls) == (-1, 0.1, pytest.approx(-0.45), False)
    assert bright.reason == "the middle of the metric's range"


@pytest.mark.usefixtures("pyiqa")
def test_a_threshold_that_is_asked_for_is_kept_within_the_metrics_range() -> None:
    scale = biqa.get("pyiqa:darkness", threshold=-0.3).scale
    assert (scale.low, scale.high, scale.threshold, scale.falls) == (-1, 0.1, -0.3, False)
    with pytest.raises(UsageError, match=r"the threshold is 50: expected a number from -1 to 0\.1"):
        biqa.get("pyiqa:darkness", threshold=50)
    assert scale.reason == "as asked"


@pytest.mark.usefixtures("pyiqa")
def test_a_photo_is_hidden_on_the_worse_side() -> None:
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    for name in ("brightness", "darkness"):
        target = biqa.get(f"pyiqa:{name}")
        assert target.margin(black).item() < 0 < target.margin(white).item()


@pytest.mark.usefixtures("pyiqa")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("likeness", "unknown no-reference metric of pyiqa 'likeness'"),
        ("brightnes", "did you mean brightness"),
        ("open", "pyiqa:open: its range is '0, ~', expected two numbers"),
        ("unsaid", "pyiqa:unsaid: its range is None, expected two numbers"),
        ("twofold", "pyiqa:twofold: gave 1×2 for 1 images"),
        ("fails", r"pyiqa:fails: failed on 1×3×384×512 .*\(a caption is needed\)"),
        ("unavailable", r"pyiqa:unavailable: pyiqa could not make this metric \(cannot fetch its weights\)"),
    ],
)
def test_a_metric_that_cannot_be_used_is_one_line(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        biqa.get(f"pyiqa:{name}")
    assert "\n" not in str(caught.value)


def test_a_metric_must_be_named() -> None:
    with pytest.raises(UsageError, match="'pyiqa' needs the name of a metric"):
        biqa.get("pyiqa")

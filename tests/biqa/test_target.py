"""Scales, what every target must be, and targets by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from camofilter import biqa
from camofilter.biqa.devices import bfloat16_pays
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale, Target
from camofilter.errors import UsageError

SHIPPED = [name for name, known in biqa.KNOWN.items() if not known.after_colon]
shipped = pytest.mark.parametrize("name", SHIPPED)


class Brightness(Target):
    name = "brightness"
    scale = Scale(low=0, high=1, threshold=0.4)

    def score(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.booleans())
def test_margin_is_positive_on_the_side_that_is_seen(score: float, threshold: float, falls: bool) -> None:
    margin = Scale(threshold=threshold, falls=falls).margin(score)
    assert (margin > 0) == (score > threshold if falls else score < threshold)
    assert abs(margin) == abs(score - threshold)


def test_a_scale_is_a_hundred_points_long() -> None:
    assert Scale().points == 1
    assert Scale(low=-10, high=10).points == 5


def test_scale_in_words_says_the_side() -> None:
    assert Scale(2, 12, 6.5, falls=False).in_words() == "2 to 12, hidden above 6.5"
    assert Scale().in_words() == "0 to 100, hidden below 50"


def test_another_threshold() -> None:
    assert Scale().at(None) == Scale()
    assert Scale(reason="a").at(40) == Scale(threshold=40, reason="as asked")
    for number in (float("nan"), float("inf"), 150, -5):
        with pytest.raises(UsageError, match=rf"the threshold is {number:g}: expected a number from 0 to 100, such as"):
            Scale().at(number)


def test_four_things_make_a_target() -> None:
    target, image = Brightness(), torch.full((2, 3, 4, 4), 0.5, requires_grad=True)
    assert target.margin(image).tolist() == pytest.approx([0.1, 0.1])
    assert target.frame(30, 20) == (512, 384)
    assert target.frame(20, 30) == (384, 512)
    assert target.facing(image) is target
    assert target.in_words(image) == ""
    assert target.has_gradient


def test_unknown_targets_and_missing_weights_are_named() -> None:
    with pytest.raises(UsageError, match="unknown target 'compact': did you mean compact_iqa"):
        biqa.get("compact")
    for name, known in biqa.KNOWN.items():
        if known.after_colon:
            with pytest.raises(UsageError, match=re.escape(f"target '{name}' needs {known.after_colon}")):
                biqa.get(name)


def test_networks_for_conversion() -> None:
    assert type(biqa.network("compact_iqa@2")).__name__ == "CompactIQA"
    with pytest.raises(UsageError, match="has no weight file that can be converted"):
        biqa.network("pyiqa")
    with pytest.raises(UsageError, match="unknown target 'koncept'"):
        biqa.network("koncept")


@shipped
def test_shipped_targets_score_photos_within_their_scale(name: str, examples: list[Path]) -> None:
    import camofilter

    target = biqa.get(name)
    assert target.name == name
    assert target.scale == biqa.KNOWN[name].scale
    for path in examples:
        score = camofilter.score(camofilter.open_photo(path), target)
        assert target.scale.low - 10 < score < target.scale.high + 10
        assert target.scale.margin(score) > 0, "a good photo is seen"


@pytest.mark.slow
@shipped
def test_shipped_targets_batch_equals_single_and_gradients_are_finite(name: str) -> None:
    target = biqa.get(name)
    noise = torch.rand(2, 3, 384, 512, generator=torch.Generator().manual_seed(1))
    plain = torch.stack([torch.full((3, 384, 512), level) for level in (0.0, 0.5, 1.0)])
    images = torch.cat([noise, plain]).requires_grad_()
    scores = target.score(images)
    single = torch.cat([target.score(image[None]) for image in images])
    assert torch.allclose(scores, single, atol=2e-3)
    (gradient,) = torch.autograd.grad(target.margin(images).sum(), images)
    assert gradient.isfinite().all()
    assert (gradient[:2].abs().amax((1, 2, 3)) > 0).all()


@shipped
def test_the_threshold_asked_for_is_kept(name: str) -> None:
    scale = biqa.KNOWN[name].scale
    asked = (scale.low + 2 * scale.high) / 3
    target = biqa.get(name, threshold=asked)
    assert target.scale.threshold == asked
    assert target.scale.falls == biqa.KNOWN[name].scale.falls


def test_the_callers_model_is_not_moved() -> None:
    """As other threads may be using it; "meta" stands for a device that is not here."""
    target = biqa.get("compact_iqa")
    moved = target.to("meta")
    assert isinstance(target, ModelTarget)
    assert isinstance(moved, ModelTarget)
    assert (target.device.type, moved.device.type) == ("cpu", "meta")
    assert target.to("cpu") is target
    again = target.to("meta")
    assert isinstance(again, ModelTarget)
    assert again.model is moved.model, "one copy a device"
    assert moved.score(torch.rand(2, 3, 384, 512)).device.type == "meta"
    assert target.score(torch.rand(2, 3, 384, 512)).isfinite().all()


def test_bfloat16_is_not_for_cards_that_only_emulate_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for real in (False, True):

        def supported(including_emulation: bool, real: bool = real) -> bool:
            return real or including_emulation

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        assert bfloat16_pays("cuda") == real

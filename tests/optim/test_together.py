"""Several searches that share a model: each gets what it would have got alone, and none waits for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from camofilter import Photo, biqa, optim, presets
from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.scenes import SceneTarget, categories
from camofilter.biqa.target import Scale, Target
from camofilter.errors import UsageError
from camofilter.optim.together import Together

Result = TypeVar("Result")
SOON = 20.0  # seconds


class Small(nn.Module):
    """A network of a few random weights that notes the batches it is given, and fails where an image is all 0."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.GELU(), nn.Conv2d(8, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1)
        )
        self.requires_grad_(False).eval()
        self.batches: list[int] = []
        self.failure: BaseException = RuntimeError("out of memory")

    def forward(self, image: Tensor) -> Tensor:
        self.batches.append(len(image))
        if not image.flatten(1).any(1).all():
            raise self.failure
        scores: Tensor = 100 * self.layers(image).squeeze(1)
        return scores


@pytest.fixture(name="small")
def fixture_small() -> Small:
    return Small()


def joined(small: Small) -> tuple[Together, Target, Target]:
    """The targets in their company, the one target in it, and the same without company."""
    together = Together([ModelTarget("small", Scale(), small)], "cpu")
    return together, together.targets[0], ModelTarget("alone", Scale(), small)


def noise(count: int, height: int = 12, width: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def points_and_gradient(target: Target, images: Tensor) -> tuple[Tensor, Tensor]:
    """Margins, and the gradient of a mixture of them in which each counts differently."""
    images = images.clone().requires_grad_()
    margins = target.margin(images)
    mixture = (margins.float() * torch.arange(1.0, 1 + len(images))).sum()
    return margins.detach(), torch.autograd.grad(mixture, images)[0]


def in_threads(*works: Callable[[], Result]) -> list[Future[Result]]:
    """What becomes of works that are done in a thread each."""

    def run(work: Callable[[], Result], outcome: Future[Result]) -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    outcomes: list[Future[Result]] = [Future() for _ in works]
    for work, outcome in zip(works, outcomes, strict=True):
        threading.Thread(target=run, args=(work, outcome), daemon=True).start()
    return outcomes


def at_once(together: Together, *works: Callable[[], Result]) -> list[Future[Result]]:
    """What becomes of works that each call a model, all while it computes something else."""
    with together._computing:
        outcomes = in_threads(*works)
        gathered(together, len(works))
    return outcomes


def gathered(together: Together, count: int) -> None:
    """Waits until so many calls wait."""
    until = time.monotonic() + SOON
    while sum(len(batch.images) for batch in together._gathering.values()) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


def assert_same(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(found[0], expected[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1], expected[1], atol=1e-5 * expected[1].abs().max().item(), rtol=1e-4)


@settings(max_examples=15)
@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_threads_that_call_at_once_are_one_batch_and_each_gets_its_own(counts: list[int], seed: int) -> None:
    small = Small()
    together, target, alone = joined(small)
    given = [noise(count, seed=seed + i) for i, count in enumerate(counts)]
    outcomes = at_once(together, *(lambda images=images: points_and_gradient(target, images) for images in given))
    found = [outcome.result(SOON) for outcome in outcomes]
    assert small.batches == [sum(counts)]
    for images, result in zip(given, found, strict=True):
        assert_same(result, points_and_gradient(alone, images))


def test_only_what_is_alike_is_joined(small: Small) -> None:
    together, target, alone = joined(small)
    given = [noise(2, 12, 16), noise(1, 16, 12), noise(3, 12, 16)]
    outcomes = at_once(together, *(lambda images=images: points_and_gradient(target, images) for images in given))
    found = [outcome.result(SOON) for outcome in outcomes]
    assert sorted(small.batches) == [1, 5]
    for images, result in zip(given, found, strict=True):
        assert_same(result, points_and_gradient(alone, images))


def test_targets_are_not_mixed_up() -> None:
    first, second = Small(), Small()
    second.layers[0].weight.neg_()  # type: ignore[operator]
    together = Together([ModelTarget(n, Scale(), m) for n, m in (("1", first), ("2", second))], "cpu")
    images = noise(2)
    outcomes = at_once(together, *(lambda target=t: points_and_gradient(target, images) for t in together.targets))
    for outcome, model in zip(outcomes, (first, second), strict=True):
        assert_same(outcome.result(SOON), points_and_gradient(ModelTarget("alone", Scale(), model), images))


@settings(max_examples=5)
@given(steps=st.lists(st.integers(0, 6), min_size=2, max_size=5))
def test_threads_come_and_go_as_they_like(steps: list[int]) -> None:
    small = Small()
    _, target, alone = joined(small)

    def descend(count: int) -> list[tuple[Tensor, Tensor]]:
        return [points_and_gradient(target, noise(2, seed=step)) for step in range(count)]

    results = [outcome.result(SOON) for outcome in in_threads(*(lambda count=count: descend(count) for count in steps))]
    assert sum(small.batches) == 2 * sum(steps)
    assert [len(result) for result in results] == steps
    for result in results:
        for step, found in enumerate(result):
            assert_same(found, points_and_gradient(alone, noise(2, seed=step)))


def test_those_that_come_while_the_model_computes_are_the_next_batch(small: Small) -> None:
    together, target, _ = joined(small)
    held, entered = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        entered.set()
        assert held.wait(SOON)

    small.register_forward_pre_hook(hold)
    first = in_threads(lambda: points_and_gradient(target, noise(1)))
    assert entered.wait(SOON)
    later = in_threads(*[lambda: points_and_gradient(target, noise(1))] * 3)
    gathered(together, 3)
    held.set()
    for outcome in first + later:
        outcome.result(SOON)
    assert small.batches == [1, 3]


def test_alone_nothing_is_copied(small: Small) -> None:
    _, target, _ = joined(small)
    seen: list[int] = []
    small.register_forward_pre_hook(lambda _, given: seen.append(given[0].data_ptr()))
    images = noise(1).contiguous(memory_format=torch.channels_last).requires_grad_()
    target.margin(images)
    assert seen == [images.data_ptr()]


def test_an_error_of_the_model_reaches_all_of_its_batch_and_no_one_else(small: Small) -> None:
    together, target, alone = joined(small)
    given = [noise(2), torch.zeros(1, 3, 12, 16), noise(1)]
    for outcome in at_once(together, *(lambda images=images: points_and_gradient(target, images) for images in given)):
        with pytest.raises(RuntimeError, match="out of memory"):
            outcome.result(SOON)
    for outcome in at_once(together, *[lambda: points_and_gradient(target, given[0])] * 2):
        assert_same(outcome.result(SOON), points_and_gradient(alone, given[0]))


def test_an_interrupt_in_the_model_leaves_no_one_waiting(small: Small) -> None:
    together, target, _ = joined(small)
    small.failure = KeyboardInterrupt()
    given = [torch.zeros(1, 3, 12, 16), noise(1), noise(1)]
    for outcome in at_once(together, *(lambda images=images: points_and_gradient(target, images) for images in given)):
        assert isinstance(outcome.exception(SOON), KeyboardInterrupt)


@pytest.mark.skipif(os.name != "posix", reason="a signal for one thread")
def test_an_interrupt_of_the_one_that_gathers_leaves_no_one_waiting(small: Small, interruptible: None) -> None:
    together, target, alone = joined(small)
    main, followers = threading.get_ident(), list[Future[tuple[Tensor, Tensor]]]()

    def interrupt() -> None:
        gathered(together, 1)
        followers.extend(in_threads(lambda: points_and_gradient(target, noise(1))))
        gathered(together, 2)
        signal.pthread_kill(main, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt, daemon=True)
    with together._computing:
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            points_and_gradient(target, noise(1))
        assert isinstance(followers[0].exception(SOON), KeyboardInterrupt)
    assert_same(points_and_gradient(target, noise(1)), points_and_gradient(alone, noise(1)))


def test_precision_is_that_of_each_caller(small: Small) -> None:
    together, target, alone = joined(small)
    images = noise(2)

    def in_bfloat16(target: Target) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            return points_and_gradient(target, images)

    outcomes = at_once(together, *[lambda: in_bfloat16(target)] * 2, lambda: points_and_gradient(target, images))
    low, low_too, high = (outcome.result(SOON) for outcome in outcomes)
    assert sorted(small.batches) == [2, 4]
    assert_same(high, points_and_gradient(alone, images))
    scores, gradient = in_bfloat16(alone)
    for found in (low, low_too):
        assert found[0].dtype == scores.dtype == torch.bfloat16
        torch.testing.assert_close(found, (scores, gradient), atol=0.03 * gradient.abs().max().item(), rtol=0.03)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_without_gradients_calls_are_the_targets_own(small: Small, mode: Callable[[], AbstractContextManager]) -> None:
    together, target, alone = joined(small)
    images = noise(3).requires_grad_()

    def scores() -> Tensor:
        with mode():
            return target.score(images)

    with together._computing:  # for which they do not wait
        (outcome,) = in_threads(scores)
        assert torch.equal(outcome.result(SOON), alone.score(images))


class Told(Target):
    """A target with everything of its own."""

    name, version, scale, has_gradient, bfloat16 = "told", 3, Scale(0, 1, 0.2, falls=False), False, True

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return height, width

    def score(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3))

    def to(self, device: str) -> Told:
        return self

    def in_words(self, image: Tensor) -> str:
        return f"{image.mean():.1f}"


def test_everything_else_is_as_the_target_says() -> None:
    (target,) = Together([Told()], "cpu").targets
    assert target.full_name == "told@3"
    assert (target.name, target.scale, target.has_gradient, target.bfloat16) == ("told", Told.scale, False, True)
    assert target.frame(3, 5) == (5, 3)
    assert target.in_words(torch.full((1, 3, 2, 2), 0.3)) == "0.3"
    assert target.margin(torch.full((1, 3, 2, 2), 0.3)).item() == pytest.approx(-0.1)
    assert target.facing(torch.zeros(1, 3, 2, 2)) is target


def test_a_target_is_not_moved_away_from_other_searches(small: Small) -> None:
    _, target, _ = joined(small)
    assert target.to("cpu") is target
    with pytest.raises(UsageError, match="device is 'cuda': small serves several searches on 'cpu', use that"):
        target.to("cuda")


def test_who_notes_what_a_photo_shows_searches_for_itself() -> None:
    model = nn.Sequential(nn.AvgPool2d(256), nn.Flatten(), nn.Linear(3, len(categories())))
    scene = SceneTarget("scene", Scale(-10, 10, 0), model)
    images = noise(1, 256, 256)
    told = scene.watching("beach")
    free, watching = Together([scene, told], "cpu").targets
    faced = free.facing(images)
    assert isinstance(faced, SceneTarget)
    assert faced.watched == scene.facing(images).watched
    assert watching.facing(images) is watching
    assert_same(points_and_gradient(watching, images), points_and_gradient(told, images))


def test_the_shipped_model_in_company() -> None:
    target = biqa.get("compact_iqa")
    together = Together([target], "cpu")
    given = [noise(count, 64, 96, seed=count) for count in (1, 3)]
    outcomes = at_once(
        together, *(lambda images=images: points_and_gradient(together.targets[0], images) for images in given)
    )
    for images, outcome in zip(given, outcomes, strict=True):
        assert_same(outcome.result(SOON), points_and_gradient(target, images))


class Brightness(Target):
    name, scale = "brightness", Scale(0, 1, 0.4)

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return 96, 64

    def score(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3))

    def to(self, device: str) -> Brightness:
        return self


@pytest.mark.slow
def test_photos_are_hidden_together_as_alone(examples: list[Path]) -> None:
    photos = []
    for path in examples:
        with Image.open(path) as opened:
            photos.append(Photo.from_array(np.asarray(opened.resize((192, 128)))))

    def hidden(photo: Photo, target: Target) -> optim.Camouflaged:
        return optim.camouflage(photo, [target], look=presets.get("soft"), method="filter", device="cpu")

    together = Together([Brightness()], "cpu")
    outcomes = in_threads(*(lambda photo=photo: hidden(photo, together.targets[0]) for photo in photos))
    for photo, outcome in zip(photos, outcomes, strict=True):
        result = outcome.result(10 * SOON)
        assert result.camouflaged
        assert result.score_after == pytest.approx(hidden(photo, Brightness()).score_after, abs=0.01)

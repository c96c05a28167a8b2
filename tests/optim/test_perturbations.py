"""The perturbations of the literature: against closed forms, foolbox, and the real model on a real photo."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from camofilter import biqa
from camofilter.biqa import Target, as_image
from camofilter.biqa.fit import fit, jpeg
from camofilter.optim import perturbations
from camofilter.optim.perception import delta_e_2000
from camofilter.optim.perturbations import Best, Margin, carlini_wagner, fgsm_iterative, perceptual, pgd
from camofilter.optim.search import Progress

Attack = Callable[[Tensor, Margin], Tensor]

ATTACKS: dict[str, Attack] = {
    "carlini_wagner": lambda image, margin: carlini_wagner(image, margin, steps=30, searches=3, constant=0.1),
    "fgsm_iterative": fgsm_iterative,
    "momentum": lambda image, margin: fgsm_iterative(image, margin, momentum=1.0),
    "pgd": pgd,
    "perceptual": lambda image, margin: perceptual(image, margin, steps=30, margin_step=0.3, colour_step=0.1),
}
attacks = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> Tensor:
    """Two small ones in 8-bit levels, away from black and white."""
    return (torch.rand(2, 3, 8, 8, generator=dice()) * 150 + 50).round() / 255


class Plane:
    """A margin that is a plane: an image's shortest way out is its points by the length of the slope."""

    def __init__(self, images: Tensor, points: list[float]) -> None:
        self.slope = torch.randn(images.shape[1:], generator=dice(1))
        self.level = (self.slope * images).sum((1, 2, 3)) - torch.tensor(points)

    def __call__(self, image: Tensor) -> Tensor:
        return (self.slope * image).sum((1, 2, 3)) - self.level

    def alone(self, index: int) -> Plane:
        """The margin of one of the images."""
        one = Plane.__new__(Plane)
        one.slope, one.level = self.slope, self.level[index : index + 1]
        return one


def length(change: Tensor) -> Tensor:
    return change.flatten(1).norm(dim=1)


@pytest.fixture
def target() -> Target:
    return biqa.get("compact_iqa")


@pytest.fixture
def photo(examples: list[Path]) -> Tensor:
    """1×3×384×512."""
    with Image.open(next(path for path in examples if "osprey" in path.name)) as opened:
        return as_image(fit(np.asarray(opened), (512, 384)))


def test_best_is_the_least_changed_success_or_the_one_seen_least() -> None:
    best = Best(torch.zeros(3, 1))
    exposures = [[5.0, 2.0, float("nan")], [-1.0, 3.0, 4.0], [-0.5, 1.0, 6.0], [-9.0, 1.5, float("nan")]]
    changes = [[1.0, 1.0, 1.0], [3.0, 1.0, 1.0], [2.0, 1.0, 1.0], [2.5, 1.0, 1.0]]
    for number, (exposure, change) in enumerate(zip(exposures, changes, strict=True), 1):
        best.offer(torch.full((3, 1), float(number)), torch.tensor(exposure), torch.tensor(change))
    assert best.values.flatten().tolist() == [3.0, 3.0, 2.0]
    assert best.exposure.tolist() == [-9.0, 1.0, 4.0]
    assert best.success.tolist() == [True, False, False]


def test_carlini_wagner_finds_the_shortest_way_to_a_plane(images: Tensor) -> None:
    margin = Plane(images, [2.0, 5.0])
    found = carlini_wagner(images, margin)
    assert (margin(found) < 0).all()
    shortest = torch.tensor([2.0, 5.0]) / margin.slope.norm()
    assert torch.allclose(length(found - images), shortest, rtol=0.02)


def test_carlini_wagner_finds_the_shortest_way_out_of_a_ball(images: Tensor) -> None:
    """Seen within 0.8 of a centre that is 0.5 and 0.2 away: 0.3 and 0.6 straight on lead out."""
    away = torch.randn(images.shape, generator=dice(2))
    distances = torch.tensor([0.5, 0.2])
    centre = images - away / length(away).reshape(-1, 1, 1, 1) * distances.reshape(-1, 1, 1, 1)

    def margin(image: Tensor) -> Tensor:
        return 10 * (0.64 - (image - centre).square().sum((1, 2, 3)))

    found = carlini_wagner(images, margin, steps=200, searches=8)
    assert (margin(found) < 0).all()
    assert torch.allclose(length(found - images), 0.8 - distances, rtol=0.03)


def test_carlini_wagner_weighs_twice_the_margin(images: Tensor) -> None:
    """Where ‖δ‖² + c · 2 · margin is least on a plane too far away, δ is −c · slope."""
    margin = Plane(images, [100.0, 100.0])
    found = carlini_wagner(images, margin, steps=300, searches=1, rate=5e-4, constant=0.01)
    assert torch.allclose(found - images, -0.01 * margin.slope.expand_as(images), atol=1e-3)


def test_carlini_wagner_goes_back_from_too_large_a_constant(images: Tensor) -> None:
    margin = Plane(images, [2.0, 5.0])

    def change(searches: int) -> Tensor:
        return length(carlini_wagner(images, margin, steps=30, searches=searches, rate=0.02, constant=10.0) - images)

    assert (change(6) < 0.95 * change(1)).all()


def test_carlini_wagner_leaves_the_confidence_asked_for(images: Tensor) -> None:
    margin = Plane(images, [2.0, 5.0])
    found = carlini_wagner(images, margin, confidence=6.0)
    assert (margin(found) < -3).all(), "points of logit difference are half a point of the margin"
    assert (margin(found) > -3.5).all()


@attacks
def test_what_is_seen_gets_hidden_and_the_same_again(images: Tensor, attack: Attack) -> None:
    margin = Plane(images, [1.0, 2.0])
    found = attack(images, margin)
    assert (margin(found) < 0).all()
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad
    assert torch.equal(found, attack(images, margin))


@attacks
def test_one_of_a_batch_is_as_alone(images: Tensor, attack: Attack) -> None:
    """The first: a random start goes through the batch in order."""
    margin = Plane(images, [1.0, 2.0])
    assert torch.allclose(attack(images, margin)[:1], attack(images[:1], margin.alone(0)), atol=1e-6)


@attacks
def test_what_is_not_seen_stays(images: Tensor, attack: Attack) -> None:
    margin = Plane(images, [-1.0, 4.0])
    found = attack(images, margin)
    assert torch.allclose(found[0], images[0], atol=1e-6)
    assert length(found - images)[1] > 0.1


@attacks
def test_what_cannot_be_hidden_is_at_least_seen_less(attack: Attack) -> None:
    """Black, white and grey images, and a margin nothing within [0, 1] brings below 0."""
    images = torch.stack([torch.full((3, 8, 8), level) for level in (0.0, 1.0, 0.5)])
    found = attack(images, lambda image: 1000 + image.mean((1, 2, 3)))
    assert torch.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found.mean((1, 2, 3)) <= images.mean((1, 2, 3)) + 1e-6).all()
    assert found[2].mean() < 0.49


@attacks
def test_without_a_gradient_nothing_breaks(images: Tensor, attack: Attack) -> None:
    assert torch.isfinite(attack(images, lambda image: 1 + 0 * image.sum((1, 2, 3)))).all()


@pytest.mark.parametrize("name", ["fgsm_iterative", "momentum", "pgd"])
def test_signed_steps_stay_in_the_ball_and_reach_its_edge(images: Tensor, name: str) -> None:
    found = ATTACKS[name](images, Plane(images, [1000.0, 1000.0]))
    change = (found - images).abs().flatten(1).amax(1)
    assert torch.allclose(change, torch.full((2,), perturbations.RADIUS), atol=1e-6)


def test_signed_steps_end_at_the_first_success(images: Tensor) -> None:
    """On a plane each of N steps takes a share of radius · ‖slope‖₁: how many it takes is known."""
    points = 0.5 * 4 / 255 * Plane(images, [0, 0]).slope.abs().sum()
    seen: list[Progress] = []
    margin = Plane(images, [points.item(), 0.3 * points.item()])
    found = fgsm_iterative(images, margin, radius=4 / 255, steps=25, progress=seen.append)
    steps = (found - images).abs().flatten(1).amax(1) / (4 / 255 / 25)
    assert steps.tolist() == pytest.approx([13, 4], abs=1e-3)
    assert seen[-1].step == 13
    assert seen[-1].exposure < 0 < seen[-2].exposure


def test_momentum_remembers(images: Tensor) -> None:
    """The slope turns round at the start: without momentum the next step goes back, with it the first one weighs in."""
    calls: list[float] = []

    def margin(image: Tensor) -> Tensor:
        calls.append(1.0 if not calls else -0.5)
        return 1000 + calls[-1] * image.sum((1, 2, 3))

    def third(momentum: float) -> float:
        calls.clear()
        means: list[float] = []
        fgsm_iterative(images, lambda i: (means.append(i.mean().item()), margin(i))[1], steps=2, momentum=momentum)
        return means[2] - means[1]

    assert third(0.0) > 0
    assert third(2.0) < 0


def test_another_seed_another_start(images: Tensor) -> None:
    margin = Plane(images, [1.0, 1.0])
    assert not torch.equal(pgd(images, margin, seed=0), pgd(images, margin, seed=1))


def test_perceptual_is_in_levels_and_changes_colours_less(images: Tensor) -> None:
    margin = Plane(images, [4.0, 4.0])
    found = perceptual(images, margin, steps=100, margin_step=0.3, colour_step=0.1)
    assert torch.allclose(found * 255, (found * 255).round(), atol=1e-4)

    def change(other: Tensor) -> Tensor:
        return delta_e_2000(images, other).square().sum((1, 2)).sqrt()

    shortest = carlini_wagner(images, margin)
    assert (margin(found) < 0).all()
    assert (change(found) < 0.9 * change(shortest)).all()
    assert (length(found - images) > length(shortest - images)).all()


def test_perceptual_takes_shorter_and_shorter_steps() -> None:
    """All numbers go down by like amounts, 10 levels first: the nine steps between ten places add up to 55."""
    images = torch.full((1, 3, 16, 16), 200 / 255)
    first = 10 / 255 * images.numel() ** 0.5
    found = perceptual(images, lambda image: 1000 + image.sum((1, 2, 3)), steps=10, margin_step=first)
    assert torch.allclose((images - found) * 255, torch.tensor(55.0), atol=0.01)


def test_progress_counts_every_step(images: Tensor) -> None:
    seen: list[Progress] = []
    margin = Plane(images, [2.0, 4.0])
    carlini_wagner(images, margin, steps=4, searches=3, progress=seen.append)
    assert [p.step for p in seen] == list(range(1, 13))
    assert seen[0].exposure == pytest.approx(4, abs=0.01), "of the image that is seen best"
    perceptual(images, margin, steps=3, progress=seen.append)
    assert [(p.step, p.steps) for p in seen[12:]] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "colour"),
    [
        (lambda image, margin: carlini_wagner(image, margin, steps=12, searches=1, constant=1.0), 0.7),
        (lambda image, margin: fgsm_iterative(image, margin, steps=8), 0.7),
        (lambda image, margin: pgd(image, margin, steps=8), 3.0),
        (lambda image, margin: perceptual(image, margin, steps=8), 0.5),
    ],
    ids=["carlini_wagner", "fgsm_iterative", "pgd", "perceptual"],
)
def test_the_real_model_no_longer_sees_a_photo(target: Target, photo: Tensor, attack: Attack, colour: float) -> None:
    assert target.score(photo).item() > 60
    found = attack(photo, target.margin)
    assert target.score(found).item() < 50
    assert delta_e_2000(photo, found).mean().item() < colour


def recompressed(image: Tensor, quality: int) -> Tensor:
    """1×3×H×W after a real JPEG; gradients pass as if nothing happened."""
    pixels = (image.detach()[0].permute(1, 2, 0) * 255).round().byte().numpy()
    return image + (as_image(jpeg(pixels, quality)) - image).detach()


def test_a_random_channel_may_be_in_the_margin(target: Target, photo: Tensor) -> None:
    """Searched through JPEG of qualities 80 to 95, and still hidden at one of them that it may not have met."""
    qualities = np.random.default_rng(0)
    found = pgd(photo, lambda image: target.margin(recompressed(image, int(qualities.integers(80, 96)))))
    assert target.score(recompressed(found, 90)).item() < 50


class TwoLogits(nn.Module):
    """A margin as a classifier of two classes, as the MMG entry of MediaEval 2020 made one of a quality score."""

    def __init__(self, margin: Margin) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, image: Tensor) -> Tensor:
        points = self.margin(image)
        return torch.stack([50 + points, 50 - points], 1)


@pytest.mark.slow
def test_carlini_wagner_is_as_good_as_foolbox(target: Target, photo: Tensor) -> None:
    foolbox = pytest.importorskip("foolbox")
    images = torch.cat([photo[:, :, 100:164, 200:264], photo[:, :, 150:214, 120:184]])
    level = target.score(images) - 8

    def margin(image: Tensor) -> Tensor:
        return target.score(image) - level

    ours = carlini_wagner(images, margin, steps=30, searches=3, rate=5e-3, constant=1e-2)
    attack = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=3, steps=30, stepsize=5e-3, initial_const=1e-2, confidence=0, abort_early=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = foolbox.PyTorchModel(TwoLogits(margin).eval(), bounds=(0, 1), device="cpu")
    _, theirs, success = attack(model, images, torch.zeros(2, dtype=torch.long), epsilons=None)
    assert success.all()
    assert (margin(ours) < 0).all()
    assert torch.allclose(length(ours - images), length(theirs - images), rtol=0.1)

"""What a search minimises: the worst target, the change from the look, and the prices."""

from __future__ import annotations

import math

import pytest
import torch

from camofilter.optim import objective
from camofilter.optim.objective import Appearance, worst
from camofilter.optim.perception import delta_e_2000


@pytest.mark.parametrize("softness", [0.1, 1.0, 4.0])
def test_the_worst_is_a_smooth_maximum(softness: float) -> None:
    points = torch.tensor([[3.0, -2.0, 0.0], [-9.0, 40.0, 0.0]], requires_grad=True)
    found = worst(points, softness)
    assert (found >= points.amax(0)).all()
    assert (found <= points.amax(0) + softness * math.log(2) + 1e-5).all()
    (gradient,) = torch.autograd.grad(found.sum(), points)
    assert torch.allclose(gradient.sum(0), torch.ones(3))
    assert gradient[:, 2].tolist() == pytest.approx([0.5, 0.5])
    assert torch.allclose(worst(points[:1], softness), points[0])


def test_softness_is_the_points_within_which_others_count() -> None:
    points = torch.tensor([10.0, 7.0], requires_grad=True)
    shares = [torch.autograd.grad(worst(points, softness), points)[0][1].item() for softness in (0.5, 1, 4, 100)]
    assert shares == sorted(shares)
    assert shares[0] < 0.01
    assert shares[-1] == pytest.approx(0.5, abs=0.01)
    assert shares[2] / (1 - shares[2]) == pytest.approx(math.exp(-3 / 4))  # a softmax


def test_far_points_stay_finite() -> None:
    assert worst(torch.tensor([[1e4], [-1e4]]), 0.1).item() == pytest.approx(1e4)


def test_objective_is_an_l1_norm_and_a_hinge() -> None:
    moves = torch.tensor([[1.0, -2.0, 5.0], [0.5, 0.0, 0.0]])
    look, costs = torch.tensor([0.5, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0])
    assert objective.change(moves, look, costs).tolist() == [2.5, 0.0]
    assert objective.exposed(torch.tensor([3.0, -2.0, -9.0]), 2.5).tolist() == [5.5, 0.5, 0.0]


def test_prices_rise_when_safe_and_fall_when_seen() -> None:
    prices = objective.Prices(2, "cpu")
    before = prices.values.clone()
    prices.update(torch.tensor([True, False]))
    assert prices.values[0] > before[0]
    assert prices.values[1] < before[1]
    for _ in range(200):
        prices.update(torch.tensor([True, False]))
    assert torch.isfinite(prices.values).all()
    assert (prices.values > 0).all()


class TestAppearance:
    """Colours that moved from a look, in steps."""

    def test_the_look_itself_costs_nothing(self) -> None:
        image = torch.rand(1, 3, 32, 48)
        assert Appearance(image).change(image).item() == pytest.approx(0, abs=1e-3)

    def test_skin_and_skies_cost_more_than_other_colours(self) -> None:
        def cost(colour: tuple[float, float, float]) -> float:
            image = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 32, 48)
            greener = image * torch.tensor([0.97, 1.04, 0.97]).view(1, 3, 1, 1)
            return Appearance(image).change(greener).item() / delta_e_2000(image, greener).mean().item()

        skin, sky, grass = cost((0.8, 0.6, 0.5)), cost((0.45, 0.65, 0.9)), cost((0.3, 0.6, 0.25))
        assert grass > 0
        assert min(skin, sky) > 1.5 * grass

    def test_batch_equals_single_and_gradients_are_finite(self) -> None:
        look, images = torch.rand(1, 3, 32, 48), torch.rand(2, 3, 32, 48, requires_grad=True)
        both = Appearance(look).change(images)
        for i in range(2):
            assert torch.allclose(both[i], Appearance(look).change(images[i : i + 1])[0])
        both.sum().backward()
        assert images.grad is not None
        assert torch.isfinite(images.grad).all()

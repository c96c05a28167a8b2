"""The head of a judge: solved as a ridge regression is, and then right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from camofilter.biqa.rating_head import KeptHead, QualityHead, RatingHead, Seen


def test_solve_is_the_ridge_regression_of_the_textbook() -> None:
    """Against the normal equations, with more and with fewer photos than statistics."""
    rng = np.random.default_rng(0)
    for photos, features in ((40, 7), (12, 30)):
        x = rng.normal(3, 2, (photos, features))
        y = 50 + 10 * x[:, 0] - 4 * x[:, 1] + rng.normal(0, 1, photos)
        head = RatingHead(features)
        head.solve(torch.from_numpy(x), torch.from_numpy(y), penalty=0.3)
        z = (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1).mean())
        t = (y - 50) / 25
        weights = np.linalg.solve(z.T @ z / photos + 0.3 * np.eye(features), z.T @ (t - t.mean()) / photos)
        with torch.no_grad():
            found = head(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(found, 50 + 25 * (z @ weights + t.mean()), atol=1e-3)


def test_without_a_penalty_it_fits_exactly() -> None:
    x = torch.randn(20, 4)
    y = 50 + x @ torch.tensor([3.0, -2.0, 0.5, 8.0])
    head = RatingHead(4)
    head.solve(x, y, penalty=1e-9)
    assert head(x).detach().numpy() == pytest.approx(y.numpy(), abs=1e-2)


def test_statistics_that_hardly_vary_hardly_count() -> None:
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.01])
    head = RatingHead(2)
    head.solve(x, 50 + 10 * x[:, 0] + 1000 * x[:, 1], penalty=1.0)
    assert abs(head.weigh.weight[0, 0]) > 5 * abs(head.weigh.weight[0, 1])


def test_a_statistic_that_never_changes_does_no_harm() -> None:
    x = torch.cat([torch.randn(20, 2), torch.full((20, 1), 7.0)], 1)
    head = RatingHead(3)
    head.solve(x, 50 + x[:, 0], penalty=0.1)
    assert torch.isfinite(head(x)).all()


def of_damage() -> list[Seen]:
    """Photos whose first statistic is what they are worth and whose second one is how damaged they are."""
    dice = torch.Generator().manual_seed(0)
    worth, damage = torch.rand(2, 4000, generator=dice)
    clean = torch.stack([worth, torch.zeros(4000)], 1)
    damaged = torch.stack([worth, damage], 1)
    return [Seen(clean, 20 + 70 * worth, True), Seen(damaged, (20 + 70 * worth) * (1 - 0.8 * damage), False)]


def test_damage_takes_its_share_of_what_there_was() -> None:
    """Which no sum of the two can say: half the points are left of any photo, all of undamaged ones."""
    head = QualityHead(2).eval()
    head.solve(of_damage() * 4, penalty=1e-6)
    with torch.inference_mode():
        for worth in (0.2, 0.8):
            clean, half = head(torch.tensor([[worth, 0.0], [worth, 0.625]])).tolist()
            assert clean == pytest.approx(20 + 70 * worth, abs=4)
            assert half == pytest.approx(clean / 2, abs=4)


def test_the_rating_is_of_what_people_rated_alone() -> None:
    head, alone = QualityHead(2), RatingHead(2)
    seen = of_damage()
    head.solve(seen, penalty=0.1)
    alone.solve(seen[0].shown, seen[0].scores, penalty=0.1)
    assert torch.equal(head.rating.weigh.weight, alone.weigh.weight)


def test_the_same_photos_give_the_same_head() -> None:
    torch.manual_seed(3)
    heads = [QualityHead(2), QualityHead(2)]
    heads[1].load_state_dict(heads[0].state_dict())
    for number, head in enumerate(heads):
        torch.manual_seed(number)
        head.solve(of_damage(), penalty=0.1)
    for name, value in heads[0].state_dict().items():
        assert torch.equal(value, heads[1].state_dict()[name]), name


def test_shares_lie_between_nothing_and_all_however_odd_the_statistics() -> None:
    kept = KeptHead(3).eval()
    shares = kept(torch.tensor([[0.0, 0, 0], [1e6, -1e6, 1e6]]))
    assert torch.isfinite(shares).all()
    assert ((shares > 0) & (shares < 1)).all()
    assert shares.min() > 0.9, "before it has learned nearly all is left"

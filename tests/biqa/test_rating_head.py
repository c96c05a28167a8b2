"""The head of a judge: solved as a ridge regression is, and then right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from camofilter.biqa.rating_head import RatingHead


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

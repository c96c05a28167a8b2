"""Filters as modules: the same result as the function, parameters that learn."""

from __future__ import annotations

import pytest
import torch
from tables import held
from torch import nn

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.module import FilterModule


def values_of(name: str) -> dict[str, object]:
    """A value off its identity for each setting."""
    found = {}
    for setting in filters.get(name).settings:
        if isinstance(setting, filters.HeldSetting):
            found[setting.name] = held(setting)
            continue
        middle = 0.3 * setting.appealing[0] + 0.7 * setting.appealing[1]
        several = [middle, 1.0, 0.8] if setting.counts[0] <= 3 else [middle] * setting.counts[0]
        found[setting.name] = several if setting.count else middle
    return found


@pytest.mark.parametrize("name", filters.NAMES)
def test_module_equals_function(name: str) -> None:
    image = torch.rand(2, 3, 24, 1024)  # long enough for fine detail
    values = values_of(name)
    called = filters.get(name)(image, **values)
    assert torch.allclose(FilterModule(name, **values)(image), called, atol=1e-6)
    assert (called - image).abs().max() > 1e-3


@pytest.mark.parametrize("name", filters.NAMES)
def test_every_searched_setting_is_a_parameter_with_a_gradient(name: str) -> None:
    module = FilterModule(name, **values_of(name))
    searched = {s.name for s in filters.get(name).settings if s.searched}
    assert {key for key, _ in module.named_parameters()} == searched
    module(torch.rand(1, 3, 24, 1024)).square().sum().backward()
    for parameter in module.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0


@pytest.mark.slow
def test_a_look_can_be_learnt() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 16, 16)
    wanted = nn.Sequential(FilterModule("exposure", ev=0.5), FilterModule("saturation", amount=-0.4))(image).detach()
    look = nn.Sequential(FilterModule("exposure"), FilterModule("saturation"))
    optimizer = torch.optim.Adam(look.parameters(), lr=0.05)
    for _ in range(100):
        loss = (look(image) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert [round(p.item(), 1) for p in look.parameters()] == [0.5, -0.4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"ev": 9}, "exposure.ev is 9: expected a number from -3 to 3 EV"), ({"eb": 0}, "did you mean ev")],
)
def test_wrong_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FilterModule("exposure", **settings)

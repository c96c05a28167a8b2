"""Filters as ``torch.nn.Module``: their settings are parameters, so that any optimizer can learn them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from camofilter import filters
from camofilter.filters.given import check_image


class FilterModule(nn.Module):
    """A filter with learnable settings; several make a look with ``nn.Sequential``.

    Each searched setting is an ``nn.Parameter`` of its name: a scalar, or K numbers for a setting of several
    values (one that is not given is left out). The others, such as a seed or a file, stay what they are.

    Args:
        name: of the filter.
        settings: initial values; those left out start at their identity.

    Raises:
        UsageError: no such filter or setting, or a value out of its range.

    Example:
        >>> look = nn.Sequential(FilterModule("exposure", ev=0.3), FilterModule("fade", blacks=0.05))
        >>> look(torch.full((1, 3, 4, 4), 0.5)).shape
        torch.Size([1, 3, 4, 4])
    """

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__()
        self.filter = filters.get(name)
        self._fixed: dict[str, Any] = {}
        for key, value in (self.filter.identity | settings).items():
            setting = self.filter.setting(key)
            checked = setting.check(name, value)
            if setting.searched:
                self.register_parameter(key, nn.Parameter(torch.tensor(checked)))
            else:
                self._fixed[key] = checked

    def forward(self, image: Tensor) -> Tensor:
        """The filtered image, B×3×H×W in [0, 1].

        What an optimizer has made of the settings is taken as it is, so that a step out of their ranges can be taken
        back.

        Raises:
            UsageError: the image is not B×3×H×W in [0, 1].
        """
        learnt = {key: value[None] for key, value in self.named_parameters()}
        check_image(self.filter.name, image)
        filtered: Tensor = self.filter.filtered(image, learnt | self._fixed)
        return filtered

    def extra_repr(self) -> str:
        """The filter's name."""
        return self.filter.name

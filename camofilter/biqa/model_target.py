"""Targets that are a torch module whose output is the score."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from camofilter.biqa.target import Scale, Target


class ModelTarget(Target):
    """A module as a target.

    Args:
        name: as people call it.
        scale: how its scores are read.
        model: B×3×H×W in [0, 1] → B; ready to judge: frozen and in eval mode.
        bfloat16: whether autocast to bfloat16 changes its scores by less than a point.
    """

    def __init__(self, name: str, scale: Scale, model: nn.Module, *, bfloat16: bool = False) -> None:
        self.name, self.scale, self.bfloat16 = name, scale, bfloat16
        # Convolutions on a CPU are faster with channels last.
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._models = {self.device.type: self.model}

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next((t.device for t in (*self.model.parameters(), *self.model.buffers())), torch.device("cpu"))

    def score(self, image: Tensor) -> Tensor:
        """B scores of a B×3×H×W image in [0, 1]."""
        scores: Tensor = self.model(image.to(self.device, memory_format=torch.channels_last))
        return scores

    def to(self, device: str) -> ModelTarget:
        """The target with a copy of its model there, made once; itself where the model is there already."""
        if device == self.device.type:
            return self
        if device not in self._models:
            self._models[device] = copy.deepcopy(self.model).to(device)
        other = copy.copy(self)
        other.model = self._models[device]
        return other

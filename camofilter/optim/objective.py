"""What a search minimises: being seen, and how far a look moved. What is noticed of grain is in ``masking``.

``worst`` and ``exposed`` are in points of a scale of 100; ``change`` in steps (half an appealing range of one setting),
and ``Appearance`` in the same, by prices in steps for each unit of ΔE2000. Clipping needs no term, as no filter clips;
nor does posterising, as curves are searched only where the look has them. Structure is what the steps of blurring
settings stand for: MS-SSIM would cost as much as the model (every result says it).

The price of a step in points is not a constant: each candidate has its own, which rises while the candidate is safe
and falls while it is seen, so that it ends just safely below the threshold, as near to the look as it can (the
exact-penalty form of a constraint; Nocedal and Wright 2006, "Numerical Optimization", §17.2). Grain has no price: what
is noticed of it (``masking``) is the norm itself that its search shrinks (``tuning``).
"""

from __future__ import annotations

import torch
from torch import Tensor

from camofilter.optim.perception import delta_e_2000, hue_shift, skin, sky

# Points below the threshold at which a photo counts as safe: another JPEG quality moves the score by a few points,
# and the full-size file is not quite the small photo that the search looks at.
SAFETY = 2.5

# Points within which targets count as about equally badly off.
_SOFTNESS = 1.0

# Steps for a unit of ΔE2000 on average, and for one of the hue of skin and skies.
_COLOUR, _HUE = 0.15, 0.3
_EVERY = 4  # pixels

_FIRST_PRICE, _LOWEST, _HIGHEST = 1.0, 0.2, 20.0
_RISE, _FALL = 1.2, 1.1


def worst(points: Tensor, softness: float = _SOFTNESS) -> Tensor:
    """B smooth maxima of T×B points: at least the largest, and above it by log T times the softness at most.

    The gradient goes to all targets that are about as badly off (log-sum-exp; Boyd and Vandenberghe 2004, "Convex
    Optimization", §3.1.5).
    """
    return softness * torch.logsumexp(points / softness, 0)


def exposed(points: Tensor, safety: float) -> Tensor:
    """B points by which a machine still sees more than is safe; 0 for safe candidates."""
    return torch.relu(points + safety)


def change(moves: Tensor, look: Tensor, costs: Tensor) -> Tensor:
    """B sums of steps from the look; the L1 norm moves few settings far rather than all a little.

    Args:
        moves: B×D.
        look: D, where the look is.
        costs: D, less for settings that only say how another one acts.
    """
    return ((moves - look).abs() * costs).sum(1)


class Appearance:
    """What an image lacks of its look, in steps: colours that moved, most of all the hues of skin and blue skies.

    On every fourth pixel of every fourth row: it is about colour, and would cost more than the model otherwise.

    Args:
        look: 1×3×h×w in [0, 1], the image after the look alone.
    """

    def __init__(self, look: Tensor) -> None:
        self._look = look[..., ::_EVERY, ::_EVERY].detach()
        self._tender = torch.maximum(skin(self._look), sky(self._look))

    def change(self, image: Tensor) -> Tensor:
        """B steps.

        Args:
            image: B×3×h×w in [0, 1].
        """
        small = image[..., ::_EVERY, ::_EVERY]
        before = self._look.expand_as(small)
        colour = delta_e_2000(before, small).mean((1, 2))
        return _COLOUR * colour + _HUE * hue_shift(before, small, self._tender.expand(len(small), -1, -1, -1))


class Prices:
    """What a step of change must buy, in points, for each of B candidates."""

    def __init__(self, candidates: int, device: torch.device | str) -> None:
        self.values = torch.full((candidates,), _FIRST_PRICE, device=device)

    def update(self, safe: Tensor) -> None:
        """Raises the prices of safe candidates and lowers the others'."""
        self.values = torch.where(safe, self.values * _RISE, self.values / _FALL).clamp(_LOWEST, _HIGHEST)

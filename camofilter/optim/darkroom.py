"""The part of a photo that a machine looks at, developed with many settings at once, differentiably and fast."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camofilter.biqa import as_image
from camofilter.biqa.fit import centre, cover, fit
from camofilter.filters import Filter
from camofilter.filters.arrays import Window
from camofilter.filters.pipeline import copy_side, develop, plan, reduce

# Set once: the filters of warnings are those of the whole process, and searches may run in several threads.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")

_Chain = list[tuple[Filter, dict[str, Any]]]


class Darkroom:
    """A photo at the scale at which a machine looks at it.

    Colour filters are evaluated on a 17³ lattice of colours instead of all pixels; where each pixel lies in the
    lattice never changes, so that the look of a whole photo is one product with a constant sparse matrix,
    however many colour filters there are.

    Args:
        pixels: H×W×3, uint8 or uint16.
        frame: width and height of the machine's input.
        device: where to work.
    """

    def __init__(self, pixels: np.ndarray, frame: tuple[int, int], device: torch.device | str) -> None:
        covering = cover(pixels, frame)
        self.height, self.width = covering.shape[:2]
        left, top = centre(self.width, self.height, frame)
        self.window = Window(top, left, frame[1], frame[0])
        self.device = device
        self._lattice = _Lattice(device)
        self._part = self._lattice.place(as_image(fit(covering, frame)))
        self._covering = covering
        self._copies: dict[int, _Placed] = {}

    def develop(self, chain: _Chain) -> Tensor:
        """The photo in the frame after a chain of filters.

        Args:
            chain: filters with settings that are B-vectors (floats where they are the same for all).

        Returns:
            B×3×h×w in [0, 1], differentiable in the settings.
        """
        colour = 0
        while colour < len(chain) and chain[colour][0].is_point:
            colour += 1
        table = self._lattice.colours
        for found, settings in chain[:colour]:
            table = found.filtered(table, settings)
        copy = self._copy(copy_side(chain[colour:]) or 1).look_up(table)
        steps = plan(copy, self.height, self.width, chain[colour:])
        developed: Tensor = develop(self._part.look_up(table), steps, self.height, self.width, self.window)
        return developed

    def _copy(self, side: int) -> _Placed:
        """The small copy on which the filters of a place are planned, its longer side at most this."""
        if side not in self._copies:
            self._copies[side] = self._lattice.place(torch.from_numpy(reduce(self._covering, side)))
        return self._copies[side]


class _Lattice:
    """n³ colours that span the cube, as an image, and the pixels of photos placed among them."""

    n = 17

    def __init__(self, device: torch.device | str) -> None:
        axis = torch.linspace(0, 1, self.n, device=device)
        red, green, blue = torch.meshgrid(axis, axis, axis, indexing="ij")
        self.colours = torch.stack([red, green, blue]).reshape(1, 3, 1, -1)

    def place(self, image: Tensor) -> _Placed:
        """A 1×3×H×W image's pixels as weights of the lattice's colours (trilinear interpolation)."""
        n, size = self.n, image.shape[2:]
        position = image[0].reshape(3, -1).T.double() * (n - 1)
        corner = position.long().clamp(max=n - 2)
        offset = position - corner
        strides = torch.tensor([n * n, n, 1])
        corners = torch.cartesian_prod(*[torch.tensor([0, 1])] * 3)
        index = ((corner[:, None] + corners) * strides).sum(-1)
        weight = torch.where(corners.bool(), offset[:, None], 1 - offset[:, None]).prod(-1)
        rows = torch.arange(len(index)).repeat_interleave(8)
        device = self.colours.device
        pairs = torch.stack([rows, index.reshape(-1)])
        shape = (len(index), n**3)
        spread = torch.sparse_coo_tensor(pairs, weight.reshape(-1).float(), shape, check_invariants=False)
        return _Placed(spread.to_sparse_csr().to(device), spread.T.coalesce().to_sparse_csr().to(device), *size)


class _Placed:
    """An image as a sparse matrix over the lattice, and its transpose."""

    def __init__(self, weights: Tensor, transposed: Tensor, height: int, width: int) -> None:
        self._weights, self._transposed = weights, transposed
        self._size = (height, width)

    def look_up(self, table: Tensor) -> Tensor:
        """The image after a look.

        Args:
            table: B×3×1×n³, the colours that the lattice's became (B may be 1).

        Returns:
            B×3×H×W.
        """
        columns = table.reshape(-1, table.shape[-1]).T.contiguous()
        pixels: Tensor = _SparseProduct.apply(self._weights, self._transposed, columns)  # type: ignore[no-untyped-call]
        # Without the copy every later operation would walk through memory in strides.
        return pixels.T.contiguous().reshape(table.shape[0], 3, *self._size)


class _SparseProduct(torch.autograd.Function):
    """Sparse times dense whose backward uses a transpose made once instead of at every step."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        ctx.transposed = transposed
        return weights @ dense

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ grad[0].contiguous()

"""Natural-scene statistics once more, in numpy, one map at a time: an oracle for the torch ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage, special

GRID = np.arange(0.2, 10.0005, 0.001)
RATIOS = special.gamma(2 / GRID) ** 2 / (special.gamma(1 / GRID) * special.gamma(3 / GRID))

Sides = Callable[[float, float, float], tuple[float, float]]


def window() -> np.ndarray:
    y, x = np.mgrid[-3:4, -3:4]
    weights = np.exp(-(x**2 + y**2) / (2 * (7 / 6) ** 2))
    return np.asarray(weights / weights.sum())


def mscn(levels: np.ndarray) -> np.ndarray:
    mean = ndimage.correlate(levels, window(), mode="nearest")
    variance = ndimage.correlate(levels**2, window(), mode="nearest") - mean**2
    return np.asarray((levels - mean) / (np.sqrt(np.abs(variance)) + 1))


def fitted(values: np.ndarray) -> tuple[float, float, float]:
    """Alpha by looking through the grid, and the root mean squares below and above 0."""
    left, right = np.sqrt(np.mean(values[values < 0] ** 2)), np.sqrt(np.mean(values[values > 0] ** 2))
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    return float(GRID[np.argmin((RATIOS - ratio) ** 2)]), float(left), float(right)


def betas(alpha: float, left: float, right: float) -> tuple[float, float]:
    ratio = float(np.sqrt(special.gamma(1 / alpha) / special.gamma(3 / alpha)))
    return left * ratio, right * ratio


def features(coefficients: np.ndarray, sides: Sides, wrap: bool) -> np.ndarray:
    """The 18 features of one h×w map."""
    shape = fitted(coefficients)
    found = [shape[0], sum(sides(*shape)) / 2]
    for down, right in ((0, 1), (1, 0), (1, 1), (-1, 1)):
        moved = np.roll(coefficients, (-down, -right), (0, 1))
        if not wrap:
            moved[:, -1] = 0 if right else moved[:, -1]
            if down:
                moved[-1 if down > 0 else 0] = 0
        shape = fitted(coefficients * moved)
        below, above = betas(*shape)
        mean = (above - below) * special.gamma(2 / shape[0]) / special.gamma(1 / shape[0])
        found += [shape[0], float(mean), *sides(*shape)]
    return np.array(found)


def halved(levels: np.ndarray, a: float, stretch: int) -> np.ndarray:
    """Half the size of h×w levels, both even, by a cubic kernel of slope a, stretched by 2 against aliasing, or by 1.

    Weights that fall outside are given to the pixel at the edge (stretch 1) or dropped (stretch 2).
    """
    for axis in (0, 1):
        size = levels.shape[axis]
        matrix = np.zeros((size // 2, size))
        for i in range(size // 2):
            centre = 2 * i + 0.5
            for j in range(int(centre) - 2 * stretch, int(centre) + 2 * stretch + 2):
                weight = _cubic((j - centre) / stretch, a)
                if stretch == 1 or 0 <= j < size:
                    matrix[i, min(max(j, 0), size - 1)] += weight
        matrix /= matrix.sum(1, keepdims=True)
        levels = np.moveaxis(np.tensordot(matrix, levels, (1, axis)), 0, axis)
    return levels


def _cubic(x: float, a: float) -> float:
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

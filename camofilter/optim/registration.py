"""Where in a photo a copy of it lies that was resized, cut, turned or recompressed on its way.

Found by normalised cross-correlation (Lewis 1995, *Fast Normalized Cross-Correlation*) of small copies over all
places and a ladder of sizes, then refined on larger ones by a simplex search (Nelder and Mead 1965).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import Image
from scipy import fft, ndimage, optimize

from camofilter.filters.arrays import fit_longer_side, luma
from camofilter.photo.core import eight_bit

Turn: TypeAlias = Literal["none", "mirrored", "left", "right", "upside down"]
_Grey: TypeAlias = np.ndarray  # H×W float32

# Longer sides of the small copies: of the search over all places, and of each refinement.
_COARSE, _FINE = 192, (256, 640)
# Of its sides, what is left of a photo at least; and the step from one size to the next, which the search can miss by.
_LEAST, _STEP = 0.3, 1.02
# Correlation at which a turn is taken without trying the others, and below which a copy is of no part of the photo.
_CERTAIN, _LIKELY = 0.7, 0.6
# Pixels of the larger small copy's shorter side of a photo, and of a place, that are too few to tell a place by.
_FEW = 12
# Of the longer side: a Gaussian's sigma; what is wider (light, look) or finer (grain, JPEG) tells no place.
_WIDE, _NARROW = 0.03, 0.004

_TURNS: dict[Turn, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda pixels: pixels,
    "mirrored": np.fliplr,
    "upside down": lambda pixels: np.rot90(pixels, 2),
    "left": np.rot90,
    "right": lambda pixels: np.rot90(pixels, 3),
}


@dataclass(frozen=True)
class Place:
    """Where in a photo a copy lies.

    Attributes:
        turn: what was done to the photo first: "none", "mirrored", or turned "left", "right" or "upside down".
        left, top, width, height: in pixels of the photo so turned, to about a thousandth of its longer side.
        scale_x, scale_y: pixels of the copy for each of the photo.
        likeness: correlation of both there, 1 at most.
    """

    turn: Turn
    left: float
    top: float
    width: float
    height: float
    scale_x: float
    scale_y: float
    likeness: float

    def cut_from(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """What the copy would be had it only been turned, cut and resized.

        Args:
            pixels: H×W×3 of the photo, uint8 or uint16.
            size: width and height of the copy.

        Returns:
            Height×width×3 uint8.
        """
        turned = Image.fromarray(np.ascontiguousarray(_TURNS[self.turn](eight_bit(pixels))))
        left, top = max(self.left, 0.0), max(self.top, 0.0)
        right, bottom = min(self.left + self.width, turned.width), min(self.top + self.height, turned.height)
        return np.asarray(turned.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)))


class _Found(NamedTuple):
    """A place in shares of a photo's sides, and the correlation there."""

    likeness: float
    left: float
    top: float
    width: float
    height: float


def registered(original: np.ndarray, copy: np.ndarray) -> Place | None:
    """Finds the part of a photo of which another one is a copy.

    Args:
        original: H×W×3, uint8 or uint16.
        copy: h×w×3, likewise; of a third of the original's sides at least, straight or turned by quarters.

    Returns:
        Where it lies, or None if the copy is of no part of the photo, or one of both is too small or narrow to tell.
    """
    if min(min(fit_longer_side(len(pixels), pixels.shape[1], _FINE[-1])) for pixels in (original, copy)) < _FEW:
        return None
    best: tuple[_Found, Turn] | None = None
    small = _reduced(copy, _COARSE)
    for turn, by in _TURNS.items():
        found = _searched(_reduced(by(original), _COARSE), small)
        if best is None or found.likeness > best[0].likeness:
            best = found, turn
        if found.likeness >= _CERTAIN:
            break
    assert best is not None
    found, turn = best
    turned = _TURNS[turn](original)
    for longest in _FINE:
        found = _refined(_reduced(turned, longest), copy, found)
    if found.likeness < _LIKELY:
        return None
    height, width = turned.shape[:2]
    across, down = found.width * width, found.height * height
    if min(across, down) < 1:
        return None
    scales = copy.shape[1] / across, copy.shape[0] / down
    return Place(turn, found.left * width, found.top * height, across, down, *scales, found.likeness)


def _reduced(pixels: np.ndarray, longest: int) -> _Grey:
    """H×W luma of pixels of which the longer side is at most so long."""
    height, width = fit_longer_side(pixels.shape[0], pixels.shape[1], longest)
    picture = Image.fromarray(np.ascontiguousarray(eight_bit(pixels)))
    small = np.asarray(picture.resize((width, height), Image.Resampling.BOX, reducing_gap=4), np.float32) / 255
    return np.asarray(luma(small.transpose(2, 0, 1)[None])[0, 0], np.float32)


def _resized(grey: _Grey, width: int, height: int) -> _Grey:
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BILINEAR))


def _structure(grey: _Grey, longest: int) -> _Grey:
    """What tells a place: neither how light and shadow lie nor the finest grain."""
    finer = ndimage.gaussian_filter(grey, _NARROW * longest)
    return np.asarray(finer - ndimage.gaussian_filter(grey, _WIDE * longest), np.float32)


def _sizes(height: int, width: int, aspect: float) -> Iterator[tuple[int, int]]:
    """Heights and widths that a copy of this aspect ratio may have in a photo, and the whole photo, as if stretched."""
    yield height, width
    most = min(width, height * aspect)
    for rung in range(int(math.log(1 / _LEAST) / math.log(_STEP)) + 1):
        across = most / _STEP**rung
        yield min(height, max(8, round(across / aspect))), min(width, max(8, round(across)))


def _searched(original: _Grey, copy: _Grey) -> _Found:
    """The best of all places and sizes, to a pixel of the small photo."""
    height, width = original.shape
    scene = _structure(original, max(height, width))
    shape = [fft.next_fast_len(side, real=True) for side in (2 * height, 2 * width)]
    spectrum = fft.rfft2(scene, shape)
    sums = [np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0))) for values in (scene, np.square(scene, dtype=float))]
    best = _Found(-1.0, 0.0, 0.0, 1.0, 1.0)
    for rows, columns in dict.fromkeys(_sizes(height, width, copy.shape[1] / copy.shape[0])):
        part = _structure(_resized(copy, columns, rows), max(height, width))
        part -= part.mean()
        found = fft.irfft2(spectrum * fft.rfft2(part, shape).conj(), shape)[: height - rows + 1, : width - columns + 1]
        mean, square = (_windows(values, rows, columns) / part.size for values in sums)
        spread = np.sqrt(np.maximum(square - mean**2, 1e-12) * np.square(part).mean() + 1e-12) * part.size
        likeness = found / spread
        top, left = np.unravel_index(int(likeness.argmax()), likeness.shape)
        if likeness[top, left] > best.likeness:
            best = _Found(float(likeness[top, left]), left / width, top / height, columns / width, rows / height)
    return best


def _windows(sums: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Sums over all windows of this size, from sums over all that is above and to the left."""
    both = sums[rows:, columns:] + sums[:-rows, :-columns]
    return np.asarray(both - sums[:-rows, columns:] - sums[rows:, :-columns])


def _refined(original: _Grey, copy: np.ndarray, found: _Found) -> _Found:
    """The place near one already found at which both are most alike."""
    height, width = original.shape
    longest = max(height, width)
    columns, rows = max(8, round(found.width * width)), max(8, round(found.height * height))
    scene = Image.fromarray(_structure(original, longest))
    part = _structure(_resized(_reduced(copy, max(columns, rows)), columns, rows), longest)
    edge = round(min(_WIDE * longest, columns / 8, rows / 8))  # where what was cut off is missing
    within = slice(edge, rows - edge), slice(edge, columns - edge)
    wanted = _unit(part[within])

    def unlikeness(shares: np.ndarray) -> float:
        left, top, across, down = shares
        affine = (across * width / columns, 0, left * width, 0, down * height / rows, top * height)
        there = scene.transform((columns, rows), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        return -float((_unit(np.asarray(there)[within]) * wanted).sum())

    start = np.array(found[1:])
    steps = 1.5 / longest * np.array([[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 2, 0], [0, -1, 0, 2]])
    best, likeness, *_ = optimize.fmin(
        unlikeness,
        start,
        initial_simplex=np.vstack([start, start + steps]),
        xtol=0.05 / longest,
        ftol=1e-5,
        maxfun=160,
        full_output=True,
        disp=False,
    )
    return _Found(-float(likeness), *map(float, best))


def _unit(values: _Grey) -> _Grey:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.sqrt(np.square(centred).sum())), 1e-12))

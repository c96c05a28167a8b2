"""The delivery channel: what happens to a photo between the person and the machine.

Two views of it. ``BATTERY`` is a fixed set of ways, at full size, by which a finished photo is tried. A ``Courier``
draws ways at random at the small scale at which a machine looks, for a search to average over. Apart from both,
``PURIFIERS`` are what a machine that suspects a photo may do to it first.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from camofilter.biqa import DELIVERY_QUALITY
from camofilter.biqa.fit import centre, fit, jpeg
from camofilter.cores import per_process, threads
from camofilter.filters.arrays import Window, luma, resize

Way: TypeAlias = Callable[[np.ndarray], np.ndarray]  # H×W×3 uint8 to h×w×3 uint8

_CROP = 0.9  # of each side: what is left of a photo that was cut to its middle
_JPEG_MOST, _WEBP_MOST = 65500, 16383  # pixels a side
_CUTS, _SHIFT = (0.86, 0.94), 6  # of the sides; pixels
_HIGHEST = 95  # quality of JPEG that is drawn
# Of an 8×8 DCT coefficient of the luma, below which JPEG has left nothing; and what of the gradient there is kept, as a
# larger change would come through.
_NOTHING, _LEAK = 2 / 255, 0.3
_KERNELS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)


def resized(pixels: np.ndarray, scale: float, kernel: Image.Resampling) -> np.ndarray:
    """H×W×3 uint8 pixels resized, antialiased where that reduces; a scale of 1 leaves them alone."""
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, kernel))


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """What remains of H×W×3 uint8 pixels after lossy WebP at this quality; larger ones than it holds are reduced."""
    pixels = resized(pixels, min(1.0, _WEBP_MOST / max(pixels.shape)), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=2)  # the quickest that platforms would use
    return np.asarray(Image.open(file).convert("RGB"))


def _within(longest: int, kernel: Image.Resampling, quality: int) -> Way:
    """A platform's copy: the longer side at most so long, then JPEG."""
    return lambda pixels: jpeg(resized(pixels, min(1.0, longest / max(pixels.shape[:2])), kernel), quality)


def _middle(pixels: np.ndarray) -> np.ndarray:
    height, width = (round(side * (1 - _CROP) / 2) for side in pixels.shape[:2])
    return pixels[height : pixels.shape[0] - height, width : pixels.shape[1] - width]


# What platforms and people do to a photo that they pass on; after each the machine fits it to its input, JPEG 90.
BATTERY: dict[str, Way] = {
    "JPEG 70": _within(_JPEG_MOST, Image.Resampling.BICUBIC, 70),
    "WebP 80": lambda pixels: webp(pixels, 80),
    "2048 px": _within(2048, Image.Resampling.BICUBIC, 85),
    "1080 px": _within(1080, Image.Resampling.LANCZOS, 85),
    "512 px": _within(512, Image.Resampling.BOX, 85),
    "screenshot": lambda pixels: resized(pixels, 0.7, Image.Resampling.BILINEAR),
    "crop": _middle,
}

Survive: TypeAlias = Literal["file", "platforms", "everything"]

# Which of them a photo has to bear, by how far it is to stay hidden; the file as it lies there is always among them.
SURVIVE: dict[Survive, tuple[str, ...]] = {
    "file": (),
    "platforms": ("JPEG 70", "WebP 80", "2048 px", "1080 px"),
    "everything": tuple(BATTERY),
}


def _turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Turned about its middle, and cut to the largest part of its own shape in which no corner is empty."""
    height, width = pixels.shape[:2]
    angle = math.radians(abs(degrees))
    left = 1 / (math.cos(angle) + max(height / width, width / height) * math.sin(angle))
    turned = np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))
    top, side = (math.ceil(length * (1 - left) / 2) for length in (height, width))
    return turned[top : max(height - top, top + 1), side : max(width - side, side + 1)]


def _halved_and_back(pixels: np.ndarray) -> np.ndarray:
    half = Image.fromarray(resized(pixels, 0.5, Image.Resampling.BICUBIC))
    return np.asarray(half.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BICUBIC))


# What published defences do to a photo that may be perturbed, at the scale at which the machine looks at it: the simple
# ones of those compared for models of quality by Gushchin et al. 2024 (arXiv 2408.01541); the median is that of Xu et
# al. 2018 (arXiv 1704.01155). No search knows them, and no result is chosen by them.
PURIFIERS: dict[str, Way] = {
    "mirror": lambda pixels: pixels[:, ::-1],
    "turn 2°": lambda pixels: _turned(pixels, 2),
    "turn -2°": lambda pixels: _turned(pixels, -2),
    "unsharp": lambda pixels: np.asarray(Image.fromarray(pixels).filter(ImageFilter.UnsharpMask(2, 150, 0))),
    "median 3": lambda pixels: np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(3))),
    "half and back": _halved_and_back,
}


@per_process
def _encoders() -> ThreadPoolExecutor:
    """Threads for encoders, which let others run; as each search sends a few images at a time, all share them."""
    return ThreadPoolExecutor(threads())


class Courier:
    """Delivers small images by ways that are drawn at random, each kind as often as the others.

    For a photo whose file alone is to be hidden, JPEG 90 to 95. For platforms, JPEG 70 to 95 and WebP 80 to 90, done to
    the photo at its own size: of a larger photo less is lost at the scale at which a machine looks. For everything,
    JPEG 70 to 95 at that scale; reduced to 0.65 to 1 of its size by one of four kernels, recompressed and enlarged
    again; or cut, to 0.86 to 0.94 of its sides. Gradients pass encoders and kernels as if nothing had happened (a
    straight-through estimate, Bengio et al. 2013, arXiv 1308.3432), but for what JPEG has wholly removed. The
    arithmetic of a differentiable JPEG takes as long as the real ones (``benchmarks/search.py``), and is only like one.

    Args:
        seed: of the dice.
        survive: how far the photo is to stay hidden.
        size: width and height of the photo; None for one that is as small as the images.

    Attributes:
        kinds: of ways, taken in turn by each image of a batch.
    """

    def __init__(self, seed: int, survive: Survive = "everything", size: tuple[int, int] | None = None) -> None:
        self._dice = np.random.default_rng(seed)
        self._turn = 0
        self._size = size
        self._draw: Sequence[Callable[[float], tuple[float, Way]]] = {
            "file": (self._of_file,),
            "platforms": (self._as_jpeg, self._as_webp),
            "everything": (self._as_cut, self._as_reduced, self._as_small_jpeg),
        }[survive]
        self.kinds = len(self._draw)

    def deliver(self, image: Tensor, frame: tuple[int, int]) -> Tensor:
        """What reaches a machine of each image.

        Args:
            image: B×3×H×W in [0, 1], at least as large as the frame.
            frame: width and height of the machine's input.

        Returns:
            B×3×h×w in [0, 1], on the same device.
        """
        width, height = self._size or frame
        reduced = max(1.0, min(width / frame[0], height / frame[1]))
        windows, ways = [], []
        self._turn += 1
        for i in range(len(image)):
            cut, way = self._draw[(self._turn + i) % self.kinds](reduced)
            windows.append(self._window(image, frame, cut))
            ways.append(way)
        delivered: Tensor = _Real.apply(image, frame, windows, ways)  # type: ignore[no-untyped-call]
        return delivered

    def _of_file(self, reduced: float) -> tuple[float, Way]:
        return 1.0, self._delivered(self._recompression(_as_seen_small(90, reduced)))

    def _as_jpeg(self, reduced: float) -> tuple[float, Way]:
        return 1.0, self._delivered(self._recompression(_as_seen_small(70, reduced)))

    def _as_webp(self, reduced: float) -> tuple[float, Way]:
        lowest = _as_seen_small(80, reduced)
        quality = int(self._dice.integers(lowest, max(lowest, 90), endpoint=True))
        return 1.0, self._delivered(lambda pixels: webp(pixels, quality))

    def _as_cut(self, _reduced: float) -> tuple[float, Way]:
        return self._dice.uniform(*_CUTS), self._recompression(DELIVERY_QUALITY)

    def _as_reduced(self, _reduced: float) -> tuple[float, Way]:
        return 1.0, self._reduction()

    def _as_small_jpeg(self, _reduced: float) -> tuple[float, Way]:
        return 1.0, self._recompression(70)

    def _delivered(self, way: Way) -> Way:
        """A way, and the task's own last step."""
        return lambda pixels: jpeg(way(pixels), DELIVERY_QUALITY)

    def _window(self, image: Tensor, frame: tuple[int, int], cut: float) -> Window:
        """A window of the frame's shape about the middle of the image."""
        width, height = (round(side * cut) for side in frame)
        left, top = centre(image.shape[3], image.shape[2], (width, height))
        if cut < 1:  # what is cut is seldom cut to a pixel's place
            left, top = self._near(left, image.shape[3] - width), self._near(top, image.shape[2] - height)
        return Window(top, left, height, width)

    def _near(self, place: int, most: int) -> int:
        """A place a few pixels from this one, from 0 to most."""
        return int(np.clip(place + self._dice.integers(-_SHIFT, _SHIFT, endpoint=True), 0, most))

    def _recompression(self, lowest: int) -> Way:
        quality = int(self._dice.integers(lowest, max(lowest, _HIGHEST), endpoint=True))
        return lambda pixels: jpeg(pixels, quality)

    def _reduction(self) -> Way:
        scale, kernel = self._dice.uniform(0.65, 1), _KERNELS[self._dice.integers(len(_KERNELS))]
        recompressed = self._recompression(80)

        def way(pixels: np.ndarray) -> np.ndarray:
            height, width = pixels.shape[:2]
            small = Image.fromarray(recompressed(resized(pixels, scale, kernel)))
            return jpeg(np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)), DELIVERY_QUALITY)

        return way


def _as_seen_small(quality: int, reduced: float) -> int:
    """The quality of JPEG at a machine's scale that loses about as much as this one does to a larger photo.

    Reduced, a frequency is one of a lower index in its block, and errors of several pixels average: both make the
    step of quantisation smaller in proportion. In the usual scaling of the tables (libjpeg's) the step of qualities
    from 50 on is proportional to 100 less the quality.

    Args:
        quality: from 50.
        reduced: how many times smaller the photo is at the machine's scale, at least 1.
    """
    return round(100 - (100 - quality) / reduced)


class _Real(torch.autograd.Function):
    """Windows with real 8-bit rounding and real encoders forward; backward as if they had only been resized."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, frame: tuple[int, int], windows: Sequence[Window], ways: Sequence[Way]
    ) -> Tensor:
        ctx.shape, ctx.windows = image.shape, windows
        levels = (image.detach().permute(0, 2, 3, 1) * 255).round().to("cpu", torch.uint8).numpy()
        cut = (fit(_cut(pixels, window), frame) for pixels, window in zip(levels, windows, strict=True))
        delivered = list(_encoders().map(lambda way, pixels: way(pixels), ways, cut))
        # Decoded pixels lie channels last, as convolutions like them.
        found = torch.from_numpy(np.stack(delivered)).to(image.device)
        arriving: Tensor = found.permute(0, 3, 1, 2).to(image.dtype) / 255
        ctx.save_for_backward(arriving)
        return arriving

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None, None, None]:
        height, width = grad[0].shape[2:]
        spread = grad[0].new_zeros(ctx.shape)
        surviving = _surviving(grad[0], *ctx.saved_tensors)
        for i, (top, left, rows, columns) in enumerate(ctx.windows):
            part = surviving[i : i + 1]
            if (rows, columns) != (height, width):  # what enlarging handed on to each pixel comes back together
                part = resize(part, rows, columns) * (height * width / (rows * columns))
            spread[i, :, top : top + rows, left : left + columns] = part[0]
        return spread, None, None, None


def _surviving(gradient: Tensor, delivered: Tensor) -> Tensor:
    """The gradient with less luma in the frequencies of which JPEG has left nothing in a block.

    A small change there is rounded away again; one in a frequency that is left comes through.

    Args:
        gradient: B×3×h×w.
        delivered: B×3×h×w, after a JPEG; sides that are multiples of 8, else the gradient is returned as it is.
    """
    if gradient.shape[2] % 8 or gradient.shape[3] % 8:
        return gradient
    cosines = _cosines().to(gradient)
    grey = gradient.mean(1, keepdim=True)
    gone = (_blocks(luma(delivered)) @ cosines.T).transpose(-1, -2) @ cosines.T
    lost = (_blocks(grey) @ cosines.T).transpose(-1, -2) @ cosines.T
    lost = lost * (gone.abs() < _NOTHING) * (1 - _LEAK)
    lost = (lost @ cosines).transpose(-1, -2) @ cosines
    surviving: Tensor = gradient - lost.permute(0, 1, 2, 4, 3, 5).reshape(grey.shape)
    return surviving


def _blocks(plane: Tensor) -> Tensor:
    """B×1×h×w in JPEG's blocks: B×1×h/8×w/8×8×8."""
    batch, _, height, width = plane.shape
    return plane.reshape(batch, 1, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)


@functools.cache
def _cosines() -> Tensor:
    """8×8: the orthonormal DCT-II of JPEG (ITU-T T.81, A.3.3), a frequency a row."""
    place = torch.arange(8)
    rows = torch.cos(torch.pi / 16 * (2 * place + 1) * place[:, None]) / 2
    rows[0] /= 2**0.5
    return rows


def _cut(pixels: np.ndarray, window: Window) -> np.ndarray:
    return pixels[window.top : window.top + window.height, window.left : window.left + window.width]

"""What cameras and pipelines do to photos, and how much of a photo's quality each leaves.

A distortion has a *ladder*: amounts from none to severe, and beside each the share of the opinion score that a
photo keeps, of photos 512 pixels wide. For blur, noise, JPEG, resampling and sharpening the shares lie halfway (as
geometric means) between our own grading by eye, of a photo seen alone, and the ratings of KADID-10k (Lin et al. 2019),
whose observers had the undamaged photo beside it; for light and colour they are our grading alone, as such observers
judge the difference and not the photo. ``benchmarks/grades.py`` prints both.

Photos are H×W×3 float32, sRGB-encoded, in [0, 1]; lengths are in pixels of a photo about 512 pixels wide.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import fft, ndimage

_Apply = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Distortion:
    """One kind of damage.

    Attributes:
        name: of the damage.
        unit: of its amounts.
        amounts: the ladder, from none to severe.
        kept: share of the opinion score that is left at each, from 1 downwards.
        weight: how often it is drawn.
        apply: photo, amount and dice → photo, not yet clipped.
        fades: how much of it goes when the damaged photo is made smaller by a factor f: what is left of a share k is
            k^(1/f^fades). 1 is what blur and noise do by themselves (a blur of 3 pixels is one of 2 after a reduction
            by 1.5, noise is averaged); 0 what light and colour do.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    kept: tuple[float, ...]
    weight: float
    apply: _Apply
    fades: float = 0.0

    def at(self, severity: float, smaller: float = 1.0) -> tuple[float, float]:
        """Amount and kept share at a severity from 0 (none) to 1 (the ladder's end).

        Args:
            severity: where on the ladder.
            smaller: the factor by which the photo is reduced after the damage.
        """
        steps = np.linspace(0, 1, len(self.amounts))
        share = float(np.interp(severity, steps, self.kept)) ** (smaller**-self.fades)
        return float(np.interp(severity, steps, self.amounts)), share

    def __call__(self, photo: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
        """The damaged photo, same shape, in [0, 1]."""
        return self.apply(photo, amount, rng).clip(0, 1).astype(np.float32, copy=False)


def gaussian_blur(photo: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """Blur with a Gaussian of this standard deviation in pixels."""
    return np.stack([ndimage.gaussian_filter(photo[..., c], sigma, truncate=3) for c in range(3)], -1)


def defocus(photo: np.ndarray, radius: float, _: np.random.Generator) -> np.ndarray:
    """Blur with a disc of this radius in pixels."""
    y, x = _grid(int(radius) + 2)
    return _convolved(photo, (radius + 0.5 - np.hypot(x, y)).clip(0, 1))


def motion_blur(photo: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Blur along a line of this length in pixels, in any direction."""
    angle = rng.uniform(0, np.pi)
    y, x = _grid(int(length / 2) + 2)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return _convolved(photo, (length / 2 + 0.5 - abs(along)).clip(0, 1) * (1 - abs(across)).clip(0, 1))


def noise(photo: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of this deviation: coloured or grey, fine or coarse, even or stronger in the light (shot)."""
    shape = photo.shape if rng.random() < 0.6 else (*photo.shape[:2], 1)
    grain = rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.3:
        grain = ndimage.gaussian_filter(grain, (0.7, 0.7, 0))
        grain /= grain.std()
    if rng.random() < 0.4:
        grain = grain * np.sqrt(photo.mean(-1, keepdims=True) + 0.05) * 1.3
    return np.asarray(photo + sigma * grain)


def white_noise(photo: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """White Gaussian noise of this deviation, each channel its own: the plain case of :func:`noise`."""
    return np.asarray(photo + sigma * rng.standard_normal(photo.shape, dtype=np.float32))


def jpeg(photo: np.ndarray, quality: float, _: np.random.Generator) -> np.ndarray:
    """JPEG (4:2:0) at this quality, 1 to 100."""
    return _through(photo, "JPEG", round(quality))


def webp(photo: np.ndarray, quality: float, _: np.random.Generator) -> np.ndarray:
    """WebP at this quality, 0 to 100."""
    return _through(photo, "WEBP", round(quality))


def resample(photo: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Made smaller by this factor and larger again."""
    height, width = photo.shape[:2]
    image = Image.fromarray(levels(photo))
    small = image.resize((max(1, round(width / factor)), max(1, round(height / factor))), Image.Resampling.BICUBIC)
    how = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.NEAREST)[rng.integers(3)]
    return np.asarray(small.resize((width, height), how), np.float32) / 255


def oversharpen(photo: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Unsharp masking by this amount with a radius of one pixel: halos."""
    return np.asarray(photo + amount * (photo - gaussian_blur(photo, 1.0, rng)))


def banding(photo: np.ndarray, levels: float, _: np.random.Generator) -> np.ndarray:
    """Only this many levels a channel."""
    return np.asarray((photo * (levels - 1)).round() / (levels - 1))


def exposure(photo: np.ndarray, ev: float, _: np.random.Generator) -> np.ndarray:
    """Exposure by EV stops in linear light (gamma 2.2), clipped as a sensor clips."""
    return np.asarray((photo**2.2 * 2**ev).clip(0, 1) ** (1 / 2.2))


def contrast(photo: np.ndarray, factor: float, _: np.random.Generator) -> np.ndarray:
    """Distances from the photo's mean times this factor."""
    mean = photo.mean()
    return np.asarray(mean + (photo - mean) * factor)


def haze(photo: np.ndarray, transmission: float, rng: np.random.Generator) -> np.ndarray:
    """A veil of light that lets this share of the photo through."""
    return np.asarray(photo * transmission + rng.uniform(0.75, 1) * (1 - transmission))


def saturation(photo: np.ndarray, factor: float, _: np.random.Generator) -> np.ndarray:
    """Distances from grey times this factor."""
    grey = photo @ np.array([[0.299], [0.587], [0.114]], np.float32)
    return np.asarray(grey + (photo - grey) * factor)


def colour_cast(photo: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A gain for each channel, apart by about this much."""
    gains = rng.uniform(-1, 1, 3)
    gains = (gains - gains.mean()) / (np.ptp(gains) + 1e-6)
    return np.asarray(photo * (1 + strength * gains).astype(np.float32))


DISTORTIONS = (
    Distortion(
        "gaussian blur",
        "px",
        (0, 0.5, 1, 1.5, 2, 3, 4, 6),
        (1, 0.94, 0.68, 0.51, 0.38, 0.25, 0.18, 0.09),
        2,
        gaussian_blur,
        fades=1,
    ),
    Distortion("defocus", "px", (0, 1, 2, 3, 5, 8), (1, 0.84, 0.56, 0.39, 0.21, 0.10), 1.5, defocus, fades=1),
    Distortion(
        "motion blur", "px", (0, 3, 6, 10, 16, 24), (1, 0.78, 0.47, 0.31, 0.20, 0.11), 1.5, motion_blur, fades=1
    ),
    Distortion(
        "noise",
        "σ",
        (0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.18, 0.25),
        (1, 0.97, 0.91, 0.74, 0.47, 0.34, 0.23, 0.13),
        3,
        noise,
        fades=1,
    ),
    Distortion(
        "white noise",
        "σ",
        (0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.18, 0.25),
        (1, 0.97, 0.91, 0.74, 0.47, 0.34, 0.23, 0.13),
        1,
        white_noise,
        fades=1,
    ),
    Distortion(
        "JPEG",
        "quality",
        (95, 75, 50, 30, 20, 12, 8, 5),
        (1, 0.97, 0.91, 0.80, 0.67, 0.45, 0.31, 0.17),
        4,
        jpeg,
        fades=0.5,
    ),
    Distortion("WebP", "quality", (95, 75, 40, 20, 8, 2), (1, 0.97, 0.88, 0.74, 0.54, 0.38), 0.5, webp, fades=0.5),
    Distortion("resampling", "×", (1, 1.3, 2, 3, 4.5), (1, 0.83, 0.57, 0.35, 0.21), 1.5, resample, fades=1),
    Distortion("oversharpening", "amount", (0, 1, 2, 4, 8), (1, 0.89, 0.74, 0.46, 0.24), 1, oversharpen, fades=0.5),
    Distortion("banding", "levels", (64, 24, 12, 8, 5), (1, 0.90, 0.70, 0.52, 0.30), 0.5, banding, fades=0.5),
    Distortion(
        "underexposure",
        "EV",
        (0, -0.5, -1, -1.5, -2, -3, -4),
        (1, 0.94, 0.83, 0.70, 0.55, 0.32, 0.17),
        2.5,
        exposure,
    ),
    Distortion("overexposure", "EV", (0, 0.5, 1, 1.5, 2, 3), (1, 0.95, 0.82, 0.65, 0.50, 0.25), 1, exposure),
    Distortion(
        "flatness",
        "× contrast",
        (1, 0.8, 0.6, 0.4, 0.3, 0.22, 0.12),
        (1, 0.93, 0.79, 0.60, 0.48, 0.37, 0.20),
        2.5,
        contrast,
    ),
    Distortion("hardness", "× contrast", (1, 1.4, 2, 3), (1, 0.96, 0.80, 0.50), 0.7, contrast),
    Distortion("haze", "transmission", (1, 0.8, 0.6, 0.4, 0.25), (1, 0.92, 0.75, 0.52, 0.33), 1.2, haze),
    Distortion("oversaturation", "× colour", (1, 1.4, 1.8, 2.5, 4), (1, 0.96, 0.84, 0.62, 0.38), 0.7, saturation),
    Distortion("paleness", "× colour", (1, 0.6, 0.3, 0), (1, 0.97, 0.92, 0.85), 0.6, saturation),
    Distortion("colour cast", "strength", (0, 0.1, 0.25, 0.5, 0.8), (1, 0.97, 0.84, 0.58, 0.38), 0.7, colour_cast),
)

_UNDER = 0.25  # share of damaged photos that have a second distortion
_UNTOUCHED = 1 / 3  # share of the milder ones that have none
_CHANCES = np.array([d.weight for d in DISTORTIONS]) / sum(d.weight for d in DISTORTIONS)


def damaged(photo: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A photo with one distortion, or sometimes two, of any severity.

    Args:
        photo: H×W×3 float32 in [0, 1].
        rng: the dice.

    Returns:
        The damaged photo, and the share of the opinion score that it keeps (the product of its distortions').
    """
    return damaged_twice(photo, rng)[1]


def damaged_twice(
    photo: np.ndarray, rng: np.random.Generator, smaller: float = 1.0
) -> tuple[tuple[np.ndarray, float], tuple[np.ndarray, float]]:
    """A photo with one distortion in two severities, the first the milder and in a third of all cases none at all.

    Sometimes a second distortion lies under both. The dice are the same for both, so that only the amount differs.

    Args:
        photo: H×W×3 float32 in [0, 1].
        rng: the dice.
        smaller: the factor by which the photo is reduced after the damage.

    Returns:
        Twice a damaged photo, and the share of the opinion score that it keeps.
    """
    first, second = (DISTORTIONS[i] for i in rng.choice(len(DISTORTIONS), size=2, replace=False, p=_CHANCES))
    share = 1.0
    if rng.random() < _UNDER:
        amount, share = second.at(rng.random(), smaller)
        photo = second(photo, amount, rng)
    severity, part, dice = rng.random(), rng.random(), rng.integers(2**62)
    found = []
    for at in (0.0 if part < _UNTOUCHED else severity * part, severity):
        amount, kept = first.at(at, smaller)
        changed = first(photo, amount, np.random.default_rng(dice)) if at > 0 else photo
        found.append((changed, share * (kept if at > 0 else 1.0)))
    return found[0], found[1]


def _grid(reach: int) -> tuple[np.ndarray, np.ndarray]:
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return y, x


def _convolved(photo: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Circular convolution of a photo that was mirrored at its edges, by FFT."""
    reach = kernel.shape[0] // 2
    padded = np.pad(photo, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    size = [fft.next_fast_len(s, real=True) for s in padded.shape[:2]]
    spectrum = fft.rfft2(kernel / kernel.sum(), size)[..., None]
    done = fft.irfft2(fft.rfft2(padded, size, axes=(0, 1)) * spectrum, size, axes=(0, 1))
    height, width = photo.shape[:2]
    return np.asarray(done[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width])


def levels(photo: np.ndarray) -> np.ndarray:
    """A photo rounded to 8 bits, H×W×3 uint8."""
    return np.asarray((photo * 255).round().clip(0, 255), np.uint8)


def _through(photo: np.ndarray, kind: str, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(levels(photo)).save(file, kind, quality=quality)
    return np.asarray(Image.open(file), np.float32) / 255

"""What is noticed of a pattern: less where the photo has as much in the same band, more where it is plain."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from camofilter.optim.masking import Masking, bands
from camofilter.optim.visibility import how_visible

HEIGHT, WIDTH = 96, 128
SKY, SKIN, GREY = (0.55, 0.65, 0.8), (0.8, 0.6, 0.5), (0.46, 0.46, 0.46)
PLAIN = torch.ones(1, 3, HEIGHT, WIDTH)


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """1×1×H×W: white noise of standard deviation 1."""
    return torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(seed))


def wave(period: float) -> Tensor:
    """1×1×H×W: an upright grating of standard deviation 1."""
    return (2**0.5 * torch.sin(2 * torch.pi / period * torch.arange(WIDTH))).expand(1, 1, HEIGHT, -1).clone()


def plain(colour: tuple[float, float, float]) -> Tensor:
    return PLAIN * torch.tensor(colour).view(1, 3, 1, 1)


def grass() -> Tensor:
    return (plain((0.35, 0.5, 0.25)) + 0.12 * noise(9)).clamp(0, 1)


def foggy() -> Tensor:
    """Coarse forms without anything fine."""
    return plain(GREY) + 0.1 * wave(24)


def as_pixels(image: Tensor) -> np.ndarray:
    """H×W×3 uint8."""
    return np.asarray((image.clamp(0, 1)[0].permute(1, 2, 0) * 255).round().byte())


def cost(image: Tensor, pattern: Tensor) -> float:
    return Masking(image).cost(pattern / 255).item()


# Two patterns, each with its photo: the first is noticed more.
RANKED: dict[str, tuple[Callable[[], tuple[Tensor, Tensor]], Callable[[], tuple[Tensor, Tensor]]]] = {
    "a wave in the sky, noise of twice the size in grass": (
        lambda: (plain(SKY), 1.5 * wave(16)),
        lambda: (grass(), 3 * noise(0)),
    ),
    "on fine texture a coarse wave, noise": (lambda: (grass(), 4 * wave(24)), lambda: (grass(), 4 * noise(0))),
    "twice as much": (lambda: (grass(), 4 * noise(0)), lambda: (grass(), 2 * noise(0))),
}


@pytest.mark.parametrize("pair", RANKED.values(), ids=RANKED)
class TestRanking:
    def test_as_people_have_it(self, pair: tuple[Callable[[], tuple[Tensor, Tensor]], ...]) -> None:
        more, less = (cost(*made()) for made in pair)
        assert more > 1.5 * less

    def test_as_ssimulacra2_has_it(self, pair: tuple[Callable[[], tuple[Tensor, Tensor]], ...]) -> None:
        """The yardstick of the JPEG XL people, which no search knows: 100 for what is not seen."""
        more, less = (
            how_visible(as_pixels(image), as_pixels(image + pattern / 255))
            for image, pattern in (made() for made in pair)
        )
        assert more < less


def test_what_is_just_noticed_costs_about_one() -> None:
    """Half a level of noise is a contrast of 1 %, where sensitivity is 100: about its peak for people."""
    assert cost(plain(GREY), 0.5 * noise(0)) == pytest.approx(1.2, abs=0.4)
    assert 2.2 * 0.5 / 255 / GREY[0] == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("tone", [0.0, 0.05, 0.1, 0.2, 0.3, 0.6, 0.8, 1.0])
def test_dark_and_light_tones_are_as_the_standard_display_function_has_them(tone: float) -> None:
    """DICOM PS3.14, eq. 7-2: steps just noticed a unit of sRGB on a display from 0.5 to 250 cd/m²."""

    def steps(level: float) -> float:
        linear = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
        log = math.log10(0.5 + 249.5 * linear)
        weights = (71.498068, 94.593053, 41.912053, 9.8247004, 0.28175407)
        weights += (-1.1878455, -0.18014349, 0.14710899, -0.017046845)
        return sum(weight * log**power for power, weight in enumerate(weights))

    def slope(level: float) -> float:
        low, high = max(level - 1e-3, 0), min(level + 1e-3, 1)
        return (steps(high) - steps(low)) / (high - low)

    borne = math.sqrt(cost(0.46 * PLAIN, noise(0)) / cost(tone * PLAIN, noise(0)))
    assert 0.7 < borne / (slope(0.46) / slope(tone)) < 1.15


def test_skin_is_tender() -> None:
    other = plain((0.5, 0.68, 0.45))  # of nearly the same luma
    assert cost(plain(SKIN), noise(0)) > 2 * cost(other, noise(0))


@pytest.mark.parametrize("period", [3, 8, 20])
def test_an_edge_hides_nothing_beside_it(period: int) -> None:
    """In each band a pattern that ends six of the band's pixels before an edge is noticed as if there were none."""
    edge = plain(GREY)
    edge[..., WIDTH // 2 :] = 0.9
    band = min(3, round(math.log2(period / 2.5)))
    far = WIDTH // 2 - 6 * 2**band
    left = wave(period) * (torch.arange(WIDTH) < far)
    assert cost(edge, left) > 0.8 * cost(plain(GREY), left)


def test_texture_hides_where_it_is() -> None:
    half = plain(GREY)
    half[..., 64:] += 0.08 * noise(9)[..., 64:]
    left, right = noise(0).clone(), noise(0).clone()
    left[..., 48:] = right[..., :80] = 0
    assert cost(half, left) > 5 * cost(half, right)


def test_coarse_forms_hardly_hide_fine_noise() -> None:
    """As bands overlap, a little; a wave of their own size they hide many times as well."""
    fine, coarse = (cost(foggy(), one) / cost(plain(GREY), one) for one in (noise(0), wave(24)))
    assert fine > 0.35
    assert coarse < 0.3 * fine


def test_peaks_cost_more_than_the_same_spread_out() -> None:
    even, peaks = noise(0), torch.zeros(1, 1, HEIGHT, WIDTH)
    peaks[..., 40:52, 60:76] = noise(1, 12, 16)
    peaks *= (even.square().mean() / peaks.square().mean()).sqrt()
    assert cost(plain(GREY), peaks) > 1.3 * cost(plain(GREY), even)


@pytest.mark.parametrize("size", [(96, 128), (97, 131), (5, 300), (1, 1), (17, 2)])
def test_bands_add_up(size: tuple[int, int]) -> None:
    plane = torch.rand(2, 1, *size)
    *octaves, whole = bands(plane)
    for band in reversed(octaves):
        whole = band + torch.nn.functional.interpolate(whole, band.shape[2:], mode="bilinear")
    assert torch.allclose(whole, plane, atol=1e-6)


def test_each_band_is_an_octave() -> None:
    for number, period in enumerate((2.5, 7, 14, 28)):
        energy = [band.square().mean().item() for band in bands(wave(period))[:-1]]
        assert max(range(4), key=energy.__getitem__) == number


@pytest.mark.parametrize("level", [0.0, 0.46, 1.0])
@pytest.mark.parametrize("strength", [0.0, 1 / 255])
def test_gradients_are_finite_at_black_white_and_grey(level: float, strength: float) -> None:
    masking = Masking(level * PLAIN)
    given = (strength * noise(0)).requires_grad_()
    shaped = masking.shaped(given)
    assert (shaped == 0).all() == (strength == 0)
    for one in (masking.cost(given), masking.cost(shaped), shaped):
        (gradient,) = torch.autograd.grad(one.sum(), given, retain_graph=True)
        assert torch.isfinite(gradient).all()
    assert masking.cost(torch.zeros_like(given)).item() < 1e-3


def test_batch_equals_single() -> None:
    masking = Masking(grass())
    patterns = torch.cat([noise(0), 3 * wave(16)]) / 255
    for found in (masking.cost, masking.shaped):
        for i in range(2):
            assert torch.allclose(found(patterns)[i], found(patterns[i : i + 1])[0], rtol=1e-5, atol=1e-7)


def test_what_is_shaped_is_noticed_alike_everywhere() -> None:
    """A pattern in what is just noticed is stronger in grass than in the sky, and costs about as much in each."""
    both = plain(SKY)
    both[:, :, HEIGHT // 2 :] = grass()[:, :, HEIGHT // 2 :]
    masking = Masking(both)
    upper, lower = noise(0).clone(), noise(0).clone()
    upper[:, :, 32:] = lower[:, :, :64] = 0
    above, below = masking.shaped(upper), masking.shaped(lower)
    assert below.std() > 3 * above.std()
    assert masking.cost(above).item() == pytest.approx(masking.cost(below).item(), rel=0.5)

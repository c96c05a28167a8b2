"""HSL: eight ranges of hues, each by itself."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma, maximum, minimum

hsl = filters.get("hsl")
CENTRES = {"red": 0, "orange": 30, "yellow": 60, "green": 120, "aqua": 180, "blue": 225, "purple": 280, "magenta": 320}
every_band = pytest.mark.parametrize("band", range(8), ids=CENTRES)


def ring(chroma: float = 0.4, steps: int = 360) -> np.ndarray:
    """1×3×1×steps: all hues of one HSL lightness and chroma, a degree or less apart."""
    colours = [colorsys.hls_to_rgb(i / steps, 0.5, chroma) for i in range(steps)]
    return np.array(colours).T.reshape(1, 3, 1, steps)


def one(band: int, value: float) -> list[float]:
    return [value if i == band else 0.0 for i in range(8)]


def chroma(image: np.ndarray) -> np.ndarray:
    return np.asarray((maximum(image) - minimum(image)).ravel())


@every_band
def test_a_band_changes_its_own_hues_most_and_far_ones_not(band: int) -> None:
    growth = chroma(hsl(ring(), saturation=one(band, 0.3))) / chroma(ring()) - 1
    centre = list(CENTRES.values())[band]
    distance = np.abs((np.arange(360) - growth.argmax() + 180) % 360 - 180)
    assert distance[centre] < 12
    assert 0.19 < growth.max() < 0.31
    assert np.abs(growth[distance > 100]).max() < 0.02
    assert np.abs(np.diff(growth, append=growth[0])).max() < 0.02, "a step between neighbouring hues"


def test_all_bands_alike_are_one_saturation(colours: np.ndarray) -> None:
    expected = filters.get("saturation")(colours, 0.25)
    np.testing.assert_allclose(hsl(colours, saturation=[0.25] * 8), expected, atol=1e-9)


@pytest.mark.parametrize("degrees", [-6.0, 6.0, 20.0])
def test_all_bands_alike_turn_every_hue_by_so_many_degrees(degrees: float) -> None:
    def angle(image: np.ndarray) -> np.ndarray:
        red, green, blue = image[0, :, 0]
        return np.asarray(np.degrees(np.arctan2((green - blue) * 0.75**0.5, red - (green + blue) / 2)))

    turned = (angle(hsl(ring(0.3), [degrees] * 8)) - angle(ring(0.3)) + 180) % 360 - 180
    np.testing.assert_allclose(turned, degrees, atol=1e-6)


@pytest.mark.parametrize("settings", [{"hue": [9.0] * 8}, {"saturation": [0.5, -0.5] * 4}, {"hue": one(1, -15.0)}])
def test_luma_stays_but_for_luminance(settings: dict[str, list[float]], colours: np.ndarray) -> None:
    np.testing.assert_allclose(luma(hsl(colours, **settings)), luma(colours), atol=2e-3)


@every_band
def test_luminance_lightens_its_band_and_keeps_the_hue(band: int) -> None:
    image = ring(0.4)[..., [list(CENTRES.values())[band]]]
    lighter = hsl(image, luminance=one(band, 0.3))
    assert 1.02 < (luma(lighter) / luma(image)).item() < 2 ** (0.3 / 2.2) * 1.05
    np.testing.assert_allclose(lighter / image, (lighter / image)[:, :1].repeat(3, 1), rtol=0.02)


def test_pale_colours_change_little() -> None:
    change = [np.abs(hsl(x, [6.0] * 8, [0.3] * 8, [0.3] * 8) - x).max() for x in (ring(c) for c in (0, 0.02, 0.1, 0.4))]
    assert change == sorted(change)
    assert change[0] < 1e-12
    assert change[1] < 0.01


@pytest.mark.parametrize("name", ["hue", "saturation", "luminance"])
def test_a_smooth_sky_stays_smooth(name: str) -> None:
    low, high = hsl.setting(name).appealing
    # From deep blue to pale orange, a quarter of a level a step, as a large photo has it.
    stops = np.array([(0.20, 0.38, 0.66), (0.55, 0.70, 0.85), (0.80, 0.80, 0.80), (0.95, 0.75, 0.55)])
    places = np.linspace(0, 3, 1200)
    sky = np.stack([np.interp(places, np.arange(4), stops[:, i]) for i in range(3)]).reshape(1, 3, 1, -1)
    for values in ([low, high] * 4, [high, low] * 4):
        steps = np.abs(np.diff(hsl(sky, **{name: values}), axis=3)).max() / np.abs(np.diff(sky, axis=3)).max()
        assert steps < 2.5

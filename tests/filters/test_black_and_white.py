"""Black and white: a weighted mean of the channels, by the filter before the lens."""

from __future__ import annotations

import numpy as np
import pytest

from camofilter import filters
from camofilter.filters.arrays import luma

black_and_white = filters.get("black_and_white")


def tone(colour: tuple[float, float, float], **settings: float) -> float:
    return float(black_and_white(np.array(colour).reshape(1, 3, 1, 1), 1.0, **settings)[0, 0, 0, 0])


@pytest.mark.parametrize("ev", [-4.0, 0.0, 2.0])
def test_without_colour_of_its_own_the_filter_leaves_luma(ev: float, colours: np.ndarray) -> None:
    out = black_and_white(colours, 1.0, ev, ev, ev)
    np.testing.assert_allclose(out, luma(colours).repeat(3, 1), atol=1e-12)


def test_amount_is_the_share_of_black_and_white(colours: np.ndarray) -> None:
    full = black_and_white(colours, 1.0, 2.0, -1.0, 0.5)
    np.testing.assert_allclose(black_and_white(colours, 0.3, 2.0, -1.0, 0.5), 0.7 * colours + 0.3 * full, atol=1e-12)


@pytest.mark.parametrize(("name", "i"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_filter_lightens_its_own_colour_and_darkens_the_others(name: str, i: int) -> None:
    primaries = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    for k, colour in enumerate(primaries):
        tones = [tone(colour, **{name: ev}) for ev in (-4.0, -1.0, 0.0, 1.0, 4.0)]
        assert tones == sorted(tones, reverse=k != i)
        assert tones[0] != tones[-1]


def test_ratio_of_two_primaries_is_the_filters_stops() -> None:
    ratio = tone((1.0, 0.0, 0.0), red=2.0, blue=-1.0) / tone((0.0, 0.0, 1.0), red=2.0, blue=-1.0)
    assert ratio == pytest.approx(0.2126 / 0.0722 * 2 ** (3 / 2.2))


def test_red_filter_darkens_the_sky_and_lightens_skin() -> None:
    sky, skin = (0.35, 0.55, 0.85), (0.76, 0.59, 0.51)
    assert tone(sky, red=2.0, blue=-2.0) < tone(sky) - 0.03
    assert tone(skin, red=2.0, blue=-2.0) > tone(skin) + 0.02

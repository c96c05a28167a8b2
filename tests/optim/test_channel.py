"""The delivery channel: really what Pillow makes of a photo forward, what comes through it backward."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.ndimage import median_filter
from torch import Tensor

from camofilter.biqa.fit import fit
from camofilter.filters.arrays import Window, luma
from camofilter.optim.channel import _CUTS, _SHIFT, BATTERY, PURIFIERS, Courier, _Real, _surviving

FRAME = (48, 32)
KINDS = 3


def encoded(image: Image.Image, kind: str, quality: int, **options: Any) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, kind, quality=quality, **options)
    return np.asarray(Image.open(file).convert("RGB"))


def by_pillow(pixels: np.ndarray, longest: int, kernel: Image.Resampling) -> np.ndarray:
    image = Image.fromarray(pixels)
    if max(image.size) > longest:
        width, height = (round(side * longest / max(image.size)) for side in image.size)
        image = image.resize((width, height), kernel)
    return encoded(image, "JPEG", 85)


ORACLES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG 70": lambda p: encoded(Image.fromarray(p), "JPEG", 70),
    "WebP 80": lambda p: encoded(Image.fromarray(p), "WEBP", 80, method=2),
    "2048 px": lambda p: by_pillow(p, 2048, Image.Resampling.BICUBIC),
    "1080 px": lambda p: by_pillow(p, 1080, Image.Resampling.LANCZOS),
    "512 px": lambda p: by_pillow(p, 512, Image.Resampling.BOX),
    "screenshot": lambda p: np.asarray(
        Image.fromarray(p).resize((round(p.shape[1] * 0.7), round(p.shape[0] * 0.7)), Image.Resampling.BILINEAR)
    ),
    "crop": lambda p: p[round(len(p) * 0.05) : -round(len(p) * 0.05), round(p.shape[1] * 0.05) :][
        :, : -round(p.shape[1] * 0.05)
    ],
}


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """H×W×3 uint8: smooth forms with some noise on them, as encoders expect."""
    dice = np.random.default_rng(seed)
    coarse = Image.fromarray(dice.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
    return np.clip(smooth + dice.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def as_image(pixels: np.ndarray) -> Tensor:
    return torch.tensor(pixels).permute(2, 0, 1)[None] / 255


def as_pixels(image: Tensor) -> np.ndarray:
    """B×H×W×3 uint8; the image must hold whole levels."""
    levels = image.detach().permute(0, 2, 3, 1).numpy() * 255
    np.testing.assert_allclose(levels, levels.round(), atol=1e-3)
    return levels.round().astype(np.uint8)


class TestBattery:
    @pytest.mark.parametrize("way", BATTERY)
    @pytest.mark.parametrize("size", [(97, 141), (640, 1130), (2100, 60)])
    def test_is_what_pillow_gives(self, way: str, size: tuple[int, int]) -> None:
        pixels = scene(*size)
        np.testing.assert_array_equal(BATTERY[way](pixels), ORACLES[way](pixels))

    @pytest.mark.parametrize("way", BATTERY)
    def test_takes_the_smallest_photo(self, way: str) -> None:
        assert BATTERY[way](np.full((1, 1, 3), 90, np.uint8)).shape == (1, 1, 3)

    @pytest.mark.parametrize("way", BATTERY)
    @pytest.mark.parametrize("size", [(8, 16384), (2, 70_000), (70_000, 2)])
    def test_takes_longer_photos_than_its_format(self, way: str, size: tuple[int, int]) -> None:
        assert BATTERY[way](np.zeros((*size, 3), np.uint8)).max() <= 2


class TestPurifiers:
    @pytest.mark.parametrize("way", PURIFIERS)
    @pytest.mark.parametrize("size", [(384, 512), (512, 384), (90, 3000)])
    def test_leave_no_empty_corner_and_plain_photos_plain(self, way: str, size: tuple[int, int]) -> None:
        plain = np.full((*size, 3), 201, np.uint8)
        assert (PURIFIERS[way](plain) == 201).all()

    def test_are_what_they_say(self) -> None:
        pixels = scene(96, 128)
        image = Image.fromarray(pixels)
        mirrored = np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        np.testing.assert_array_equal(PURIFIERS["mirror"](pixels), mirrored)
        half = image.resize((64, 48), Image.Resampling.BICUBIC).resize((128, 96), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(PURIFIERS["half and back"](pixels), np.asarray(half))
        medians = median_filter(pixels, (3, 3, 1), mode="nearest")
        np.testing.assert_array_equal(PURIFIERS["median 3"](pixels), medians)
        assert PURIFIERS["unsharp"](pixels).std() > 1.02 * pixels.std()

    @pytest.mark.parametrize("degrees", [2, -2])
    def test_turned_photos_are_cut_to_their_own_shape(self, degrees: int) -> None:
        """A line through the middle rises by the angle's tangent, and little more than a twentieth is lost."""
        pixels = np.zeros((384, 512, 3), np.uint8)
        pixels[190:194] = 255
        turned = PURIFIERS[f"turn {degrees}°"](pixels)
        assert turned.shape[1] / turned.shape[0] == pytest.approx(4 / 3, rel=0.01)
        assert 0.94 < turned.shape[1] / 512 < 0.97
        heights = (turned[..., 0] * np.arange(len(turned))[:, None]).sum(0) / turned[..., 0].sum(0)
        slope = np.polyfit(np.arange(len(heights)), heights, 1)[0]
        assert slope == pytest.approx(-np.tan(np.radians(degrees)), rel=0.03)


def deliveries(image: Tensor, count: int = 1, seed: int = 0) -> list[np.ndarray]:
    """B×h×w×3 uint8 each: what a courier makes of an image, time after time."""
    courier = Courier(seed)
    return [as_pixels(courier.deliver(image, FRAME)) for _ in range(count)]


def is_recompressed(delivered: np.ndarray, pixels: np.ndarray, lowest: int) -> bool:
    """Whether h×w×3 pixels are others after JPEG of some quality."""
    return any(
        np.array_equal(delivered, encoded(Image.fromarray(pixels), "JPEG", quality)) for quality in range(lowest, 96)
    )


def is_cut(delivered: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether it is any window of the pixels, enlarged to the frame and recompressed."""
    height, width = pixels.shape[:2]
    windows = {}
    for cut in np.linspace(*_CUTS, 50):
        w, h = round(FRAME[0] * cut), round(FRAME[1] * cut)
        for top in range(max(0, (height - h) // 2 - _SHIFT), min(height - h, (height - h) // 2 + _SHIFT) + 1):
            for left in range(max(0, (width - w) // 2 - _SHIFT), min(width - w, (width - w) // 2 + _SHIFT) + 1):
                windows[top, left, h, w] = fit(pixels[top : top + h, left : left + w], FRAME)
    # JPEG only for the few that are near.
    likely = sorted(windows.values(), key=lambda found: float(np.square(found.astype(float) - delivered).mean()))[:5]
    return any(is_recompressed(delivered, found, 90) for found in likely)


def is_reduced(delivered: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether it is the pixels reduced, recompressed, enlarged and recompressed again."""
    image = Image.fromarray(pixels)
    sizes = {tuple(round(side * scale) for side in image.size) for scale in np.linspace(0.65, 1, 2000)}
    kernels = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX
    for size in sizes:
        for kernel in kernels:
            small = image.resize(size, kernel)
            for quality in range(80, 96):
                again = Image.fromarray(encoded(small, "JPEG", quality)).resize(image.size, Image.Resampling.BICUBIC)
                if np.array_equal(encoded(again, "JPEG", 90), delivered):
                    return True
    return False


class TestForward:
    WHOLE = scene(36, 60)
    MIDDLE = WHOLE[2:34, 6:54]

    @pytest.mark.slow
    def test_each_copy_goes_another_way_as_real_encoders_do_it(self) -> None:
        (delivered,) = deliveries(as_image(self.WHOLE).expand(KINDS, -1, -1, -1))
        assert delivered.shape == (KINDS, FRAME[1], FRAME[0], 3)
        for others in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
            if is_recompressed(delivered[others[0]], self.MIDDLE, 70):
                assert is_reduced(delivered[others[2]], self.MIDDLE) != is_reduced(delivered[others[1]], self.MIDDLE)
                assert is_cut(delivered[others[2]], self.WHOLE) != is_cut(delivered[others[1]], self.WHOLE)
                break
        else:
            pytest.fail("no copy was recompressed alone")

    def test_one_image_goes_every_way_in_turn(self) -> None:
        delivered = deliveries(as_image(self.WHOLE), 3 * KINDS)
        plain = [i for i, found in enumerate(delivered) if is_recompressed(found[0], self.MIDDLE, 70)]
        assert len(plain) == 3
        assert set(np.diff(plain)) == {KINDS}
        assert Courier(0).kinds == KINDS

    @pytest.mark.parametrize(("reduced", "lowest"), [(1, 70), (2, 85), (5, 94)])
    def test_of_platforms_they_are_jpeg_and_webp_as_a_photo_of_this_size_bears_them(
        self, reduced: int, lowest: int
    ) -> None:
        """And after each, the task's own JPEG 90."""
        image = as_image(scene(FRAME[1], FRAME[0]))
        pixels = as_pixels(image)[0]
        courier = Courier(3, "platforms", (reduced * FRAME[0], reduced * FRAME[1]))
        assert courier.kinds == 2
        qualities = {
            kind: {
                encoded(
                    Image.fromarray(encoded(Image.fromarray(pixels), kind, quality, **options)), "JPEG", 90
                ).tobytes(): quality
                for quality in range(60, 101)
            }
            for kind, options in (("JPEG", {}), ("WEBP", {"method": 2}))
        }
        drawn: dict[str, list[int]] = {"JPEG": [], "WEBP": []}
        for turn in range(24):
            kind = ("WEBP", "JPEG")[turn % 2]
            drawn[kind].append(qualities[kind][as_pixels(courier.deliver(image, FRAME))[0].tobytes()])
        assert lowest <= min(drawn["JPEG"]) < max(drawn["JPEG"]) <= 95
        assert 100 - 20 / reduced - 0.5 <= min(drawn["WEBP"]) <= max(drawn["WEBP"]) <= max(90, 100 - 20 / reduced + 0.5)

    def test_of_the_file_alone_it_is_its_own_compression(self) -> None:
        courier = Courier(0, "file")
        image = as_image(scene(FRAME[1], FRAME[0]))
        pixels = as_pixels(image)[0]
        ways = {
            encoded(Image.fromarray(encoded(Image.fromarray(pixels), "JPEG", quality)), "JPEG", 90).tobytes()
            for quality in range(90, 96)
        }
        assert courier.kinds == 1
        assert {as_pixels(courier.deliver(image, FRAME))[0].tobytes() for _ in range(8)} <= ways

    def test_same_seed_same_deliveries(self) -> None:
        image = as_image(self.WHOLE).expand(2, -1, -1, -1)
        first, again, other = (np.stack(deliveries(image, 3, seed)) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any((2, 3, 4)).all()

    def test_images_of_a_batch_do_not_mix(self) -> None:
        pair = torch.cat([as_image(self.WHOLE), as_image(scene(36, 60, seed=1))])
        pair_delivered, first_delivered = (
            Courier(0).deliver(images, FRAME) for images in (pair, torch.cat([pair[:1], torch.zeros_like(pair[:1])]))
        )
        assert torch.equal(pair_delivered[0], first_delivered[0])


def through(image: Tensor, weight: Tensor, courier: Courier) -> Tensor:
    """The gradient of a weighted sum of what is delivered."""
    image = image.clone().requires_grad_()
    delivered = courier.deliver(image, (weight.shape[3], weight.shape[2]))
    (gradient,) = torch.autograd.grad((delivered * weight).sum(), image)
    return gradient


def only_recompressing() -> Courier:
    """A courier whose next way for a single image is recompression alone."""
    courier = Courier(0)
    courier.deliver(torch.zeros(1, 3, 8, 8), (8, 8))
    return courier


class TestBackward:
    @pytest.mark.parametrize("frame", [(48, 32), (50, 37)])
    def test_finite_and_something_everywhere_in_the_frame(self, frame: tuple[int, int]) -> None:
        image = as_image(scene(60, 70)).expand(KINDS, -1, -1, -1)
        weight = torch.rand(KINDS, 3, frame[1], frame[0])
        found = through(image, weight, Courier(1))
        assert torch.isfinite(found).all()
        assert (found != 0).any(1).flatten(1).float().mean(1).min() > 0.7 * frame[0] * frame[1] / (60 * 70)

    def test_nothing_of_what_the_machine_does_not_see(self) -> None:
        found = through(as_image(scene(60, 70)), torch.ones(1, 3, 32, 48), only_recompressing())
        inside = torch.zeros(60, 70, dtype=torch.bool)
        inside[14:46, 11:59] = True
        assert (found[0, :, ~inside] == 0).all()
        assert (found[0, :, inside] != 0).all()

    def test_identity_in_the_frequencies_that_survive(self) -> None:
        image = as_image(np.asarray(Image.fromarray(scene(2, 2)).resize((48, 32), Image.Resampling.BICUBIC)))
        blocks = torch.rand(1, 3, 4, 6).repeat_interleave(8, 2).repeat_interleave(8, 3)
        assert torch.allclose(through(image, blocks, only_recompressing()), blocks, atol=1e-5)
        colour = torch.rand(1, 3, 32, 48)
        colour = colour - colour.mean(1, keepdim=True)
        assert torch.allclose(through(image, colour, only_recompressing()), colour, atol=1e-5)

    def test_little_of_the_frequencies_that_do_not(self) -> None:
        image = torch.full((1, 3, 32, 48), 0.5)
        checks = (-1.0) ** torch.arange(32)[:, None] * (-1.0) ** torch.arange(48)
        found = through(image, checks.expand(1, 3, -1, -1).contiguous(), only_recompressing())
        assert (found * checks).mean() < 0.5
        assert (found * checks).mean() > 0.1, "a larger change would come through"

    @pytest.mark.parametrize("window", [Window(3, 4, 33, 45), Window(0, 0, 37, 50), Window(1, 2, 32, 44)])
    def test_of_a_cut_it_is_that_of_a_bilinear_resize(self, window: Window) -> None:
        frame = (50, 37)
        image = as_image(scene(40, 54))
        weight = as_image(scene(37, 50, seed=1)) - 0.5
        image.requires_grad_()
        delivered: Tensor = _Real.apply(image, frame, [window], [lambda pixels: pixels])  # type: ignore[no-untyped-call]
        (found,) = torch.autograd.grad((delivered * weight).sum(), image)
        top, left, height, width = window
        cut = image[:, :, top : top + height, left : left + width]
        resized = F.interpolate(cut, (37, 50), mode="bilinear", antialias=True)
        (real,) = torch.autograd.grad((resized * weight).sum(), image)
        assert F.cosine_similarity(found.flatten(), real.flatten(), 0) > 0.97
        assert found.norm() / real.norm() == pytest.approx(1, abs=0.1)
        assert found.sum() == pytest.approx(real.sum().item(), rel=0.05)


def in_blocks(plane: np.ndarray, change: Callable[..., np.ndarray]) -> np.ndarray:
    """An H×W plane with an orthonormal transform of every 8×8 block."""
    out = np.empty_like(plane)
    for y in range(0, plane.shape[0], 8):
        for x in range(0, plane.shape[1], 8):
            out[y : y + 8, x : x + 8] = change(plane[y : y + 8, x : x + 8], norm="ortho")
    return out


class TestSurviving:
    DELIVERED = as_image(encoded(Image.fromarray(scene(32, 48)), "JPEG", 80))
    GRADIENT = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))

    def test_takes_luma_where_a_coefficient_is_gone_and_nothing_else(self) -> None:
        left = np.abs(in_blocks(luma(self.DELIVERED)[0, 0].double().numpy(), dctn)) >= 2 / 255
        assert 0.1 < left.mean() < 0.9
        taken = (self.GRADIENT[:1] - _surviving(self.GRADIENT[:1], self.DELIVERED))[0].double().numpy()
        np.testing.assert_allclose(taken, taken[:1].repeat(3, 0), atol=1e-6)
        of_taken, of_grey = (in_blocks(p, dctn) for p in (taken[0], self.GRADIENT[0].mean(0).double().numpy()))
        np.testing.assert_allclose(of_taken[left], 0, atol=1e-5)
        shares = of_taken[~left] / of_grey[~left]
        np.testing.assert_allclose(shares, shares[0], atol=1e-2)
        assert 0.5 < shares[0] < 1

    def test_leaves_all_where_nothing_is_lost(self) -> None:
        coefficients = np.random.default_rng(0).choice([-0.1, 0.1], (32, 48))
        delivered = torch.tensor(in_blocks(coefficients, idctn)).float().expand(2, 3, -1, -1)
        assert torch.allclose(_surviving(self.GRADIENT, delivered), self.GRADIENT, atol=1e-6)

    def test_is_linear(self) -> None:
        first, second = self.GRADIENT[:1], self.GRADIENT[1:]
        apart = 2 * _surviving(first, self.DELIVERED) - 3 * _surviving(second, self.DELIVERED)
        assert torch.allclose(_surviving(2 * first - 3 * second, self.DELIVERED), apart, atol=1e-5)

    def test_other_sides_are_left_alone(self) -> None:
        gradient = self.GRADIENT[:, :, :30]
        assert torch.equal(_surviving(gradient, torch.zeros_like(gradient)), gradient)

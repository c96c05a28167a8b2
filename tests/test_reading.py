"""Files that other programs read wrongly or refuse, kind by kind. Oracles are formulas of the standards."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from photo_files import chunk, noise, oriented, pillow_bytes, smooth, tiff_bytes
from PIL import Image

from camofilter.errors import PhotoError
from camofilter.photo import Photo, decode_photo, open_photo
from camofilter.photo.colour import Encoding, to_srgb, tone_mapped
from camofilter.photo.reading import pixel_count

RGB = Image.fromarray(smooth())
ADOBE_RGB = imagecodecs.cms_profile("adobergb")
D65 = (0.3127, 0.3290)
SRGB, P3 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06), (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
BT2020, ADOBE = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def refused(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        decode_photo(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Colours told by numbers ------------------------------------------------------------------------------


def light(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """SMPTE RP 177, for a white of D65."""
    x, y = np.array(primaries[::2]), np.array(primaries[1::2])
    columns = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    return columns * np.linalg.solve(columns, white)


def as_srgb(samples: np.ndarray, primaries: tuple[float, ...], gamma: float | None = None) -> np.ndarray:
    """0 to 1 from whole numbers of the primaries, by a power or the curve of sRGB."""
    values = samples / np.iinfo(samples.dtype).max
    linear = light(values) if gamma is None else values**gamma
    return encoded(linear @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)).T)


def levels_off(photo: Photo, expected: np.ndarray) -> float:
    return float(np.abs(photo.pixels / np.iinfo(photo.pixels.dtype).max - expected).max() * 255)


def png(samples: np.ndarray | Image.Image, *chunks: bytes) -> bytes:
    is_image = isinstance(samples, Image.Image)
    data = pillow_bytes(samples, "PNG") if is_image else imagecodecs.png_encode(np.ascontiguousarray(samples))
    return data[:33] + b"".join(chunks) + data[33:]


def cicp(primaries: int, transfer: int, full_range: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, 0, full_range)))


def gama(number: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", number))


def chrm(primaries: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in (*D65, *primaries))))


ICCP = chunk(b"iCCP", b"Adobe\0\0" + zlib.compress(ADOBE_RGB))


def heif(samples: np.ndarray, format: str, primaries: int, transfer: int, **options: Any) -> bytes:
    """An AVIF or HEIC that tells its colours by code points."""
    image = Image.fromarray(samples) if samples.dtype == np.uint8 else None
    if format == "AVIF" and image:
        data = pillow_bytes(image, "AVIF", quality=100, subsampling="4:4:4", **options)
    elif format == "AVIF":
        data = imagecodecs.avif_encode(samples >> 6, bitspersample=10, level=100)
    else:
        pillow_heif = pytest.importorskip("pillow_heif")
        mode = "RGB" if samples.dtype == np.uint8 else "RGB;16"
        file = io.BytesIO()
        picture = pillow_heif.from_bytes(mode, samples.shape[1::-1], samples.tobytes())
        picture.save(file, quality=-1, chroma=444, matrix_coefficients=0, **options)
        data = file.getvalue()
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("chunks", "primaries", "gamma"),
    [
        ([cicp(12, 13)], P3, None),
        ([cicp(9, 14)], BT2020, None),
        ([cicp(1, 4)], SRGB, 2.2),
        ([cicp(12, 13), ICCP, gama(100_000)], P3, None),
        ([ICCP, gama(100_000)], ADOBE, 563 / 256),
        ([gama(100_000)], SRGB, 1.0),
        ([gama(55_556)], SRGB, 1.8),
        ([gama(45_455), chrm(ADOBE)], ADOBE, 2.2),
        ([chrm(P3)], P3, None),
        ([gama(100_000), chrm(BT2020)], BT2020, 1.0),
    ],
)
def test_png_tells_its_colours_in_the_order_of_the_standard(
    chunks: list[bytes], primaries: tuple[float, ...], gamma: float | None, dtype: Any
) -> None:
    samples = noise(dtype=dtype)
    photo = decode_photo(png(samples, *chunks))
    assert photo.bits == 8 * samples.itemsize
    assert levels_off(photo, as_srgb(samples, primaries, gamma)) < (1.1 if dtype == np.uint8 else 0.3)


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(45_455)],
        [gama(45_455), chrm(SRGB)],
        [chunk(b"sRGB", b"\0"), gama(100_000), chrm(P3)],
        [cicp(1, 13), ICCP],
        [cicp(2, 2)],
        [cicp(1, 1)],
        [chunk(b"cICP", b"\x0c")],
        [gama(0)],
        [chunk(b"gAMA", b"")],
        [chunk(b"cHRM", bytes(32))],
        [chunk(b"cHRM", struct.pack(">8I", *[33_000] * 8))],
    ],
)
def test_png_of_srgb_or_of_nonsense_is_left_as_it_is(chunks: list[bytes]) -> None:
    assert np.array_equal(decode_photo(png(smooth(), *chunks)).pixels, smooth())


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_gama_of_every_mode(mode: str) -> None:
    image = Image.fromarray(noise(channels=4)).convert("RGB" if mode == "P" else "RGBA").convert(mode)
    photo = decode_photo(png(image, gama(100_000)))
    plain = np.asarray(image.convert("RGBA"))
    assert levels_off(photo, as_srgb(plain[..., :3], SRGB, 1.0)) < 1.1
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))
    assert photo.alpha is None or np.array_equal(photo.alpha, plain[..., 3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_samples_of_video_range_are_stretched(dtype: Any) -> None:
    step = 1 if dtype == np.uint8 else 256
    levels = np.array([0, 16, 125.5, 235, 255]) * step
    samples = np.repeat(levels.astype(dtype)[np.newaxis, :, np.newaxis], 3, axis=2)
    photo = decode_photo(png(samples, cicp(1, 13, 0)))
    expected = np.clip((samples / step - 16) / 219, 0, 1)
    assert levels_off(photo, expected) <= 0.5 + 1e-6


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize(("code", "primaries"), [(12, P3), (9, BT2020), (1, SRGB), (2, SRGB)])
def test_avif_and_heic_tell_their_colours_by_code_points(format: str, code: int, primaries: tuple[float, ...]) -> None:
    data = heif(smooth(), format, code, 2 if code == 2 else 13)
    plain = decode_photo(heif(smooth(), format, 1, 13)).pixels
    assert levels_off(decode_photo(data), as_srgb(plain, primaries)) < 1.1


def test_colours_of_another_picture_are_not_those_of_the_photo() -> None:
    data = heif(smooth(), "AVIF", 12, 13)
    at = data.index(b"ipma") + 15
    assert data[at : at + 4] == b"\1\2\x83\4"  # the fourth is the colours
    other = decode_photo(data[: at + 3] + b"\2" + data[at + 4 :])
    assert np.array_equal(other.pixels, decode_photo(heif(smooth(), "AVIF", 1, 13)).pixels)


def test_avif_with_a_profile_and_code_points_follows_the_profile() -> None:
    data = heif(smooth(), "AVIF", 9, 16, icc_profile=ADOBE_RGB)
    plain = decode_photo(heif(smooth(), "AVIF", 1, 13)).pixels
    photo = decode_photo(data)
    assert photo.icc_profile == ADOBE_RGB
    assert levels_off(photo, as_srgb(plain, ADOBE, 563 / 256)) < 1.1


@pytest.mark.parametrize(
    "data", [png(smooth(), cicp(1, 9)), png(smooth(), cicp(77, 13)), heif(smooth(), "AVIF", 1, 77)]
)
def test_unknown_code_points_are_refused_in_words(data: bytes) -> None:
    assert "H.273" in refused(data)


def with_aperture(data: bytes, *numbers: int) -> bytes:
    """An AVIF of one picture whose profile gives way to what of it is to be seen (clap)."""
    at = data.index(b"colrprof")
    size = int.from_bytes(data[at - 4 : at], "big") - 8
    content = struct.pack(">IIIIiIiI", *numbers).ljust(size, b"\0")
    data = data[:at] + b"clap" + content + data[at + 4 + size :]
    table = data.index(b"ipma") + 15
    essential = bytes(number | 0x80 for number in data[table : table + data[table - 1]])
    return data[:table] + essential + data[table + len(essential) :]


@pytest.mark.parametrize("turns", [0, -1])
def test_of_an_avif_only_the_clean_aperture_is_seen(turns: int) -> None:
    plain = decode_photo(heif(smooth(), "AVIF", 1, 13)).pixels
    data = heif(smooth(), "AVIF", 1, 13, icc_profile=ADOBE_RGB, exif=oriented(6 if turns else 1))
    photo = decode_photo(with_aperture(data, 40, 1, 62, 2, 6, 2, -7, 2))  # 40×31, 3 right and 3.5 up of the middle
    assert np.array_equal(photo.pixels, np.rot90(plain[5:36, 15:55], turns))


@pytest.mark.parametrize(
    "numbers", [(40, 0, 31, 1, 0, 1, 0, 1), (65, 1, 48, 1, 0, 1, 0, 1), (40, 1, 31, 1, 90, 1, 0, 1)]
)
def test_a_clean_aperture_of_nonsense_is_left_out(numbers: tuple[int, ...]) -> None:
    data = with_aperture(heif(smooth(), "AVIF", 1, 13, icc_profile=ADOBE_RGB), *numbers)
    assert decode_photo(data).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_matrices_that_decoders_do_not_know_are_refused_in_words(format: str) -> None:
    data = heif(smooth(), format, 9, 13)
    at = data.index(b"nclx") + 8
    assert "H.273" in refused(data[:at] + struct.pack(">H", 10) + data[at + 2 :])


def box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return struct.pack(">I4s", len(joined) + 8, kind) + joined


def grid(tile: bytes, rows: int, columns: int, height: int, width: int) -> bytes:
    """A HEIC made of the same picture over and over, as telephones write it; the whole lies before its parts."""
    at = tile.index(b"hvcC") - 4
    configuration = tile[at : at + int.from_bytes(tile[at : at + 4], "big")]
    colours = box(b"colr", tile[tile.index(b"nclx") :][:11])
    picture = tile[tile.index(b"mdat") + 4 :]
    count = rows * columns
    whole = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, columns * width, rows * height)
    sizes = [
        box(b"ispe", struct.pack(">III", 0, *size)) for size in ((width, height), (columns * width, rows * height))
    ]
    kinds = [box(b"infe", struct.pack(">IHH4sx", 2 << 24, n, 0, b"hvc1" if n else b"grid")) for n in range(count + 1)]
    own = [struct.pack(">HBB", 0, 1, 3), *(struct.pack(">HBBBB", n, 3, 0x81, 2, 4) for n in range(1, count + 1))]
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(start: int) -> bytes:
        places = [(0, start, len(whole))]
        places += [(n, start + len(whole) + (n - 1) * len(picture), len(picture)) for n in range(1, count + 1)]
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", struct.pack(">IH", 0, 0)),
            box(
                b"iloc",
                struct.pack(">IHH", 0, 0x4400, count + 1),
                *(struct.pack(">HHHII", n, 0, 1, *p) for n, *p in places),
            ),
            box(b"iinf", struct.pack(">IH", 0, count + 1), *kinds),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{count}H", 0, count, *range(1, count + 1)))),
            box(
                b"iprp",
                box(b"ipco", configuration, *sizes, colours),
                box(b"ipma", struct.pack(">II", 0, count + 1), *own),
            ),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", whole, picture * count)


def test_a_heic_of_parts_of_which_one_is_missing_is_refused() -> None:
    pytest.importorskip("pillow_heif")
    tile = heif(smooth(64, 64), "HEIF", 12, 13)  # the whole has its colours from its parts
    data = grid(tile, 2, 3, 64, 64)
    assert np.array_equal(decode_photo(data).pixels, np.tile(decode_photo(tile).pixels, (2, 3, 1)))
    for cut in (1, 100, len(data) // 2):
        assert "pixels are missing" in refused(data[:-cut])


@pytest.mark.parametrize("kind", [b"unci", b"avc1", b"vvc1"])
def test_heif_of_other_codecs_is_no_damaged_one(kind: bytes) -> None:
    pytest.importorskip("pillow_heif")
    data = heif(smooth(64, 64), "HEIF", 1, 13)
    for photo in (data, grid(data, 2, 3, 64, 64)):
        assert repr(kind.decode()) in refused(photo.replace(b"hvc1", kind))


def test_an_avif_that_only_calls_itself_heif_is_read() -> None:
    pytest.importorskip("pillow_heif")
    data = heif(smooth(), "AVIF", 12, 13)
    other = data[:8] + data[8:40].replace(b"avif", b"mif1") + data[40:]
    assert np.array_equal(decode_photo(other).pixels, decode_photo(data).pixels)


def test_a_heic_without_a_photo_is_no_damaged_one() -> None:
    pytest.importorskip("pillow_heif")
    data = (
        box(b"ftyp", b"msf1", bytes(4), b"msf1hevc") + box(b"moov", box(b"mvhd", bytes(100))) + box(b"mdat", bytes(50))
    )
    assert "give a single photo" in refused(data)


@pytest.mark.parametrize("grey", [True, False])
def test_heic_of_video_range_is_stretched(grey: bool) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    levels = np.repeat(np.arange(16, 236, dtype=np.uint8)[np.newaxis], 32, axis=0)
    file = io.BytesIO()
    image = Image.fromarray(levels).convert("L" if grey else "RGB")
    pillow_heif.from_pillow(image).save(file, quality=-1, chroma=444, full_range_flag=1)
    data = file.getvalue()
    at = data.index(b"nclx") + 10
    photo = decode_photo(data[:at] + b"\0" + data[at + 1 :])
    assert levels_off(photo, (levels[..., np.newaxis] / 1.0 - 16) / 219) < 1.5


def nits(samples: np.ndarray, primaries: tuple[float, ...] = SRGB) -> np.ndarray:
    """Light of a display whose white has 203 cd/m², in other primaries than those of sRGB."""
    linear = light(samples / np.iinfo(samples.dtype).max)
    return 203 * (linear @ (np.linalg.inv(to_xyz(primaries)) @ to_xyz(SRGB)).T)


def pq_light(codes: np.ndarray) -> np.ndarray:
    """cd/m² by the decimals of BT.2100, table 4."""
    power = codes ** (1 / 78.84375)
    return 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def hdr(codes: Any) -> np.ndarray:
    """1×W×3 samples of codes, 0 to 1: of greys, or of colours."""
    codes = np.array(codes, float)
    rows = codes[np.newaxis] if codes.ndim == 2 else np.repeat(codes[np.newaxis, :, np.newaxis], 3, axis=2)
    return np.rint(rows * 65535).astype(np.uint16)


PQ, HLG = Encoding(primaries=BT2020, hdr=16), Encoding(primaries=BT2020, hdr=18)


def test_pq_within_ordinary_light_is_only_decoded() -> None:
    """BT.2100 and BT.2408 name these codes of 0, 100 and 203 cd/m²."""
    shown = nits(tone_mapped(hdr([0, 0.5081, 0.5807]), PQ))[0, :, 0]
    assert np.abs(shown - [0, 100, 203]).max() < 0.3


def test_pq_of_more_light_is_rolled_off() -> None:
    """As BT.2390 has it: exact below the knee, the peak becomes white, and more light is never darker."""
    codes = np.linspace(0, 0.7518, 400)  # up to 1000 cd/m²
    shown = nits(tone_mapped(hdr(codes), PQ))[0, :, 0]
    knee = 1.5 * 0.5807 - 0.5 * 0.7518
    assert np.abs(shown - pq_light(codes))[codes < knee].max() < 0.3
    assert (shown <= pq_light(codes) + 0.3).all()
    assert shown[-1] == pytest.approx(203, abs=0.1)
    assert (np.diff(shown) >= 0).all()


def test_hues_stay_in_tone_mapping() -> None:
    colours = np.array([[0.75, 0.6, 0.4], [0.3, 0.55, 0.7], [0.7518] * 3])
    shown = nits(tone_mapped(hdr(colours), PQ))[0]
    meant = pq_light(colours)
    assert shown / shown.max(axis=1, keepdims=True) == pytest.approx(meant / meant.max(axis=1, keepdims=True), abs=3e-3)


def test_hlg_is_shown_as_on_its_display_of_1000_nits() -> None:
    """White is HLG of 0.75 and PQ of 0.5807 (BT.2408), and both are rolled off alike."""
    one = tone_mapped(hdr([0, 0.75, 1]), HLG)
    other = tone_mapped(hdr([0, 0.5807, 0.7518]), PQ)
    assert np.abs(nits(one) - nits(other)).max() < 0.7
    codes = np.array([0.5, 0.4, 0.1])
    scene = codes**2 / 3
    expected = 1000 * (scene @ (0.2627, 0.6780, 0.0593)) ** 0.2 * scene  # BT.2100, table 5
    assert nits(tone_mapped(hdr([codes, [1, 1, 1]]), HLG))[0, 0] == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("code", [16, 18])
@pytest.mark.parametrize("container", ["PNG", "AVIF", "HEIF"])
def test_hdr_of_every_container_is_tone_mapped_with_all_its_bits(container: str, code: int) -> None:
    samples = np.repeat(np.linspace(0, 65535, 64 * 48).reshape(48, 64, 1), 3, axis=2).astype(np.uint16)
    samples[..., 2] //= 2
    data = png(samples, cicp(9, code)) if container == "PNG" else heif(samples, container, 9, code)
    photo = decode_photo(data)
    assert photo.bits == 16
    expected = to_srgb(samples, Encoding.cicp(9, code))
    assert np.abs(photo.pixels.astype(int) - expected).max() < (1 if container == "PNG" else 257 * 2)
    assert len(np.unique(photo.pixels)) > 300


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_10_bits_of_ordinary_light_are_kept_too(format: str) -> None:
    samples = np.repeat(np.linspace(0, 65535, 64 * 48).reshape(48, 64, 1), 3, axis=2).astype(np.uint16)
    photo = decode_photo(heif(samples, format, 12, 13))
    assert photo.bits == 16
    assert levels_off(photo, as_srgb(samples, P3)) < 0.6
    assert photo.pixels.max() > 65_500


def test_hdr_of_8_bits_and_transparency_stays_so() -> None:
    samples = noise(channels=4)
    photo = decode_photo(png(samples, cicp(9, 16)))
    assert photo.bits == 8
    assert np.array_equal(photo.alpha, samples[..., 3])
    assert not np.array_equal(photo.pixels, samples[..., :3])


# --- Parts of a PNG that are no pixels --------------------------------------------------------------------


def with_wrong_checksum(part: bytes) -> bytes:
    return part[:-1] + bytes([part[-1] ^ 1])


def damaged(data: bytes, kind: bytes) -> bytes:
    """The same PNG, of which the first chunk of a kind has a wrong checksum."""
    at = data.index(kind)
    end = at + 8 + struct.unpack_from(">I", data, at - 4)[0]
    return data[:at] + with_wrong_checksum(data[at:end]) + data[end:]


def test_long_chunks_are_read() -> None:
    profile = bytes((0, 0x1E, 0x84, 0x80)) + ADOBE_RGB[4:] + bytes(2_000_000 - len(ADOBE_RGB))
    photo = decode_photo(png(noise(), chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))))
    assert levels_off(photo, as_srgb(noise(), ADOBE, 563 / 256)) < 1.1
    assert photo.icc_profile == profile
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 400_000))
    assert np.array_equal(decode_photo(png(smooth(), text)).pixels, smooth())


def test_what_unpacks_to_too_much_is_left_out() -> None:
    packed = zlib.compress(bytes(9_000_000))
    texts = [chunk(b"zTXt", b"n%d\0\0" % number + packed) for number in range(4)]
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(17_000_000)))
    photo = decode_photo(png(smooth(), *texts, profile))
    assert np.array_equal(photo.pixels, smooth())
    assert sum(len(text) for _, text in photo.comments) < 17_000_000
    assert photo.icc_profile is None


@pytest.mark.parametrize("part", [ICCP, gama(100_000), cicp(12, 13), chunk(b"tEXt", b"a\0b"), chunk(b"pHYs", bytes(9))])
def test_what_is_no_pixels_is_left_out_where_its_checksum_is_wrong(part: bytes) -> None:
    for wrong in (with_wrong_checksum(part), with_wrong_checksum(part) + chunk(b"tIME", bytes(7))):
        assert np.array_equal(decode_photo(png(smooth(), wrong)).pixels, smooth())


def test_pixels_of_a_wrong_checksum_are_refused_in_words() -> None:
    palette = pillow_bytes(RGB.quantize(16), "PNG", transparency=3)
    assert decode_photo(palette).alpha is not None
    assert decode_photo(damaged(palette, b"tRNS")).alpha is None
    for data, kind in ((png(smooth()), b"IDAT"), (png(noise(dtype=np.uint16)), b"IDAT"), (palette, b"PLTE")):
        assert f"wrong checksum of its {kind.decode()}" in refused(damaged(data, kind))


@pytest.mark.parametrize("cut", [17, 13, 12, 8, 1])
def test_a_png_without_its_end_is_read(cut: int) -> None:
    for samples in (noise(), noise(dtype=np.uint16)):
        data = png(samples)
        assert np.array_equal(decode_photo(data[:-cut]).pixels, samples)
        for lacking in (22, 30, 100):
            assert "cut-off" in refused(data[:-lacking])
        half = zlib.compress(zlib.decompress(data[data.index(b"IDAT") + 4 : -16])[:500])
        assert "cut-off" in refused(data[: data.index(b"IDAT") - 4] + chunk(b"IDAT", half))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_level_of_a_grey_png_of_any_number_of_bits(bits: int) -> None:
    levels = np.rint(np.linspace(0, 2**bits - 1, 2 ** min(bits, 4))).astype(int)
    row = "".join(format(level, f"0{bits}b") for level in levels)
    packed = int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big")
    header = chunk(b"IHDR", struct.pack(">II5B", len(levels), 1, bits, 0, 0, 0, 0))
    for clear in levels:
        parts = [header, chunk(b"tRNS", struct.pack(">H", clear)), chunk(b"IDAT", zlib.compress(b"\0" + packed))]
        photo = decode_photo(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))
        assert photo.alpha is not None
        assert np.array_equal(photo.alpha[0] > 0, levels != clear)


@pytest.mark.parametrize("shape", [(21, 34), (1, 1), (3, 2), (1, 9)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_in_passes_are_read_without_a_warning(
    shape: tuple[int, int], channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = noise(*shape, channels=channels, dtype=np.uint16)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    lines = [row.astype(">u2").tobytes() for y, x, down, across in passes for row in samples[y::down, x::across]]
    packed = zlib.compress(b"".join(b"\0" + line for line in lines if line))
    header = struct.pack(">II5B", shape[1], shape[0], 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 1)
    clear = chunk(b"tRNS", samples[0, 0].astype(">u2").tobytes()) if channels in (1, 3) else b""
    parts = [chunk(b"IHDR", header), clear, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    photo = decode_photo(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    colours = samples[..., : 1 if channels < 3 else 3]
    assert np.array_equal(photo.pixels, np.broadcast_to(colours, (*shape, 3)))
    alpha = np.where((samples == samples[0, 0]).all(axis=2), 0, 65535) if clear else samples[..., -1]
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, alpha)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("part", [ICCP, gama(100_000), cicp(12, 13), chrm(P3)])
def test_colours_told_behind_the_pixels_are_nobodys(part: bytes) -> None:
    data = png(noise())
    assert np.array_equal(decode_photo(data[:-12] + part + data[-12:]).pixels, noise())


def test_a_png_of_xcode_is_named() -> None:
    data = png(smooth())
    assert "CgBI" in refused(data[:8] + chunk(b"CgBI", b"P\0 \2") + data[8:])


def test_an_animation_of_one_picture_is_a_photo() -> None:
    for frames in (0, 1):
        data = png(smooth(), chunk(b"acTL", struct.pack(">II", frames, 0)))
        assert np.array_equal(decode_photo(data).pixels, smooth())


# --- JPEG without its end, or of other bits ---------------------------------------------------------------

END = b"\xff\xd9"
LARGE = Image.fromarray(smooth(67, 101))
JPEGS = {
    "plain": pillow_bytes(LARGE, "JPEG", quality=92),
    "progressive": pillow_bytes(LARGE, "JPEG", quality=92, progressive=True),
    "grey": pillow_bytes(LARGE.convert("L"), "JPEG", quality=92),
    "grey progressive": pillow_bytes(LARGE.convert("L"), "JPEG", quality=92, progressive=True),
    "CMYK": pillow_bytes(LARGE.convert("CMYK"), "JPEG", quality=92),
    "CMYK progressive": pillow_bytes(LARGE.convert("CMYK"), "JPEG", quality=92, progressive=True),
    "4:4:4": pillow_bytes(LARGE, "JPEG", quality=92, subsampling=0),
    "restarts": pillow_bytes(LARGE, "JPEG", quality=92, restart_marker_blocks=3),
}
GREY = {"all of it mid-grey": pillow_bytes(Image.new("RGB", (101, 67), (128, 128, 128)), "JPEG")}


@pytest.mark.parametrize("kind", JPEGS | GREY)
def test_a_jpeg_without_its_end_marker_is_read(kind: str) -> None:
    data = (JPEGS | GREY)[kind]
    whole = decode_photo(data).pixels
    for ended in (data[:-2], data[:-1], data[:-2] + b"\0" * 9, data + data[:500]):
        assert np.array_equal(decode_photo(ended).pixels, whole)


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("behind", ["nothing", "end marker", "tail", "another photo"])
def test_a_jpeg_that_lacks_pixels_is_refused_whatever_stands_behind(kind: str, behind: str) -> None:
    data = JPEGS[kind]
    scan = data.index(b"\xff\xda") + 14
    more = {"nothing": b"", "end marker": END, "tail": data[-20:], "another photo": data}[behind]
    for part in (0.2, 0.5, 0.85):
        cut = int(scan + part * (len(data) - scan))
        assert "JPEG file" in refused(data[:cut] + more)


@pytest.mark.parametrize("channels", [0, 3])
def test_jpeg_of_12_bits_is_read_with_all_of_them(channels: int) -> None:
    samples = np.linspace(0, 4095, 48 * 64).reshape(48, 64).astype(np.uint16)
    samples = np.dstack([samples, samples[::-1], samples[:, ::-1]]) if channels else samples
    data = imagecodecs.jpeg8_encode(samples, 100, bitspersample=12, subsampling="444" if channels else None)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(oriented(3)) + 2) + oriented(3) + data[2:]
    photo = decode_photo(data)
    assert photo.bits == 16
    assert photo.format == "JPEG"
    turned = samples.reshape(48, 64, -1)[::-1, ::-1]
    assert np.abs(photo.pixels / 65535 - turned / 4095).max() < 0.3 / 255
    assert pixel_count(data) == 48 * 64


def with_segments(data: bytes, *parts: tuple[int, bytes]) -> bytes:
    """A JPEG with segments, marker and content, right behind its start."""
    joined = b"".join(struct.pack(">BBH", 255, marker, len(content) + 2) + content for marker, content in parts)
    return data[:2] + joined + data[2:]


def icc(number: int, count: int, part: bytes) -> tuple[int, bytes]:
    return 0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + part


HALVES = ADOBE_RGB[:300], ADOBE_RGB[300:]


@pytest.mark.parametrize(
    ("parts", "is_whole"),
    [
        ([icc(2, 2, HALVES[1]), icc(1, 2, HALVES[0])], True),
        ([icc(1, 2, HALVES[0]), icc(2, 2, HALVES[1]), icc(1, 2, HALVES[0])], True),
        ([icc(0, 0, ADOBE_RGB)], True),
        ([icc(0, 1, HALVES[0]), icc(1, 1, HALVES[1])], True),
        ([icc(1, 1, HALVES[0]), icc(1, 1, HALVES[1])], True),
        ([icc(1, 3, HALVES[0]), icc(2, 3, HALVES[1])], True),
        ([icc(1, 2, HALVES[0])], False),
        ([icc(2, 2, HALVES[1])], False),
        ([icc(0, 0, HALVES[0])], False),
        ([(0xE2, b"ICC_PROFILE\0")], False),
    ],
)
def test_of_a_profile_in_parts_all_are_there_or_it_is_left_out(parts: list[tuple[int, bytes]], is_whole: bool) -> None:
    photo = decode_photo(with_segments(JPEGS["plain"], *parts))
    assert photo.icc_profile == (ADOBE_RGB if is_whole else None)


@pytest.mark.parametrize("behind", [b"\0\x01\x02", b"\xff" * 3, bytes(range(256))])
def test_bytes_between_the_segments_of_a_jpeg_are_passed_over(behind: bytes) -> None:
    data = JPEGS["plain"]
    assert np.array_equal(decode_photo(data[:2] + behind + data[2:]).pixels, decode_photo(data).pixels)


@pytest.mark.parametrize("part", [(0xE0, b"JFIF\0"), (0xE0, b""), (0xEE, b"Adobe"), (0xEE, b"Adobe\0d\0\0\0\0")])
def test_segments_that_are_too_short_say_nothing_of_colours(part: tuple[int, bytes]) -> None:
    for data in (JPEGS["plain"], JPEGS["CMYK"]):
        assert np.array_equal(decode_photo(with_segments(data, part)).pixels, decode_photo(data).pixels)


@pytest.mark.parametrize("kind", ["plain", "progressive", "grey", "restarts"])
def test_rows_told_behind_the_first_scan_of_a_jpeg(kind: str) -> None:
    data = JPEGS[kind]
    at = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data) + 5
    scan = data.index(b"\xff\xda") + 2
    end = next(n for n in range(scan, len(data)) if data[n] == 255 and data[n + 1] not in (0, *range(0xD0, 0xD8)))
    late = data[:at] + b"\0\0" + data[at + 2 : end] + b"\xff\xdc\0\4" + data[at : at + 2] + data[end:]
    assert pixel_count(late) == 67 * 101
    assert np.array_equal(decode_photo(late).pixels, decode_photo(data).pixels)


# --- WebP whose length is wrong ---------------------------------------------------------------------------


def webps() -> dict[str, bytes]:
    alpha = Image.fromarray(noise(channels=4))
    exif = oriented(6)
    return {
        "lossy": pillow_bytes(LARGE, "WEBP", quality=80, exif=exif),
        "lossless": pillow_bytes(LARGE, "WEBP", lossless=True),
        "alpha": pillow_bytes(alpha, "WEBP", quality=80),
        "metadata": pillow_bytes(alpha, "WEBP", lossless=True, exif=exif, icc_profile=ADOBE_RGB),
    }


@pytest.mark.parametrize("kind", webps())
def test_a_webp_of_which_all_is_there_is_read_whatever_length_it_claims(kind: str) -> None:
    data = webps()[kind]
    whole = decode_photo(data)
    for claimed in (0, len(data) - 10, len(data) - 9, len(data), len(data) + 1000, 2**32 - 1):
        for tail in (b"", b"tail", b"JUNK" + b"\3\0\0\0abc\0"):
            photo = decode_photo(data[:4] + struct.pack("<I", claimed) + data[8:] + tail)
            assert np.array_equal(photo.pixels, whole.pixels)
            assert (photo.exif, photo.icc_profile) == (whole.exif, whole.icc_profile)
    for cut in (2, 20, len(data) // 2):
        assert "WEBP file" in refused(data[:-cut])


# --- The photo among the directories of a TIFF ------------------------------------------------------------


def pages(*parts: tuple[np.ndarray, dict[str, Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for samples, tags in parts:
            kind = "rgb" if samples.ndim == 3 else "minisblack"
            always = {"metadata": None, "software": False, "contiguous": False, "photometric": kind}
            writer.write(samples, **always | tags)
    return file.getvalue()


PHOTO, PREVIEW, MASK = smooth(), np.ascontiguousarray(255 - smooth()[::4, ::4]), smooth()[..., 0] > 99
REDUCED = {"subfiletype": 1}
OLD = {kind: {"extratags": [(255, 3, 1, kind, True)]} for kind in (1, 2)}


@pytest.mark.parametrize(
    "data",
    [
        pages((PHOTO, {}), (PREVIEW, REDUCED)),
        pages((PREVIEW, REDUCED), (PHOTO, {})),
        pages((PHOTO, {"tile": (16, 16)}), (PHOTO[::2, ::2], REDUCED), (PHOTO[::4, ::4], REDUCED), bigtiff=True),
        pages((PHOTO, {"subifds": 1}), (PREVIEW, REDUCED)),
        pages((PREVIEW, {"subifds": 1} | REDUCED), (PHOTO, {})),
        pages((PHOTO, {}), (MASK, {"subfiletype": 4})),
        pages((MASK, {"subfiletype": 4}), (PHOTO, {})),
        pages((PHOTO, {"subfiletype": 2})),
        pages((PHOTO, OLD[1]), (PREVIEW, OLD[2])).replace(
            struct.pack("<HHI", 254, 4, 1), struct.pack("<HHI", 253, 4, 1)
        ),
    ],
)
def test_a_tiff_with_previews_or_masks_is_one_photo(data: bytes) -> None:
    assert np.array_equal(decode_photo(data).pixels, PHOTO)
    assert pixel_count(data) == PHOTO.shape[0] * PHOTO.shape[1]


def test_of_several_photos_in_a_tiff_none_is_taken() -> None:
    for data in (pages((PHOTO, {}), (PHOTO, {})), pages((PREVIEW, REDUCED), (PHOTO, REDUCED))):
        assert "2 pages" in refused(data)


def test_a_tiff_of_nonsense_is_refused_in_plain_words() -> None:
    data = tiff_bytes(PHOTO, photometric="rgb", rowsperstrip=10)
    of_many_kinds = data.replace(struct.pack("<HHII", 262, 3, 1, 2), struct.pack("<HHII", 262, 3, 200, 8))
    assert "of kind unknown" in refused(of_many_kinds)
    at = data.index(struct.pack("<HH", 279, 3)) + 4
    assert "damaged or cut-off TIFF file;" in refused(data[:at] + struct.pack("<I", 4) + data[at + 4 :])


@pytest.mark.parametrize("count", [1, 2])
def test_directories_chained_to_a_circle_are_read_once(count: int) -> None:
    data = pages(*[(PHOTO, {})] * count)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        last = file.pages[count - 1].offset
        first = file.pages[0].offset
    at = last + 2 + 12 * int.from_bytes(data[last : last + 2], "little")
    circle = data[:at] + first.to_bytes(4, "little") + data[at + 4 :]
    if count == 1:
        assert np.array_equal(decode_photo(circle).pixels, PHOTO)
    else:
        assert "2 pages" in refused(circle)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 7, 10, 12, 14])
@pytest.mark.parametrize("white_is_0", [False, True])
def test_tiff_of_any_number_of_bits_is_read_over_its_full_range(bits: int, white_is_0: bool) -> None:
    levels = np.rint(np.linspace(0, 2**bits - 1, 34 * 5)).reshape(5, 34).astype(np.uint64)
    stream = ["".join(format(level, f"0{bits}b") for level in row) for row in levels]
    packed = b"".join(
        int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in stream
    )
    entries = [
        (256, 34),
        (257, 5),
        (258, bits),
        (259, 1),
        (262, int(not white_is_0)),
        (273, 8),
        (278, 5),
        (279, len(packed)),
    ]
    directory = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in entries)
    header = struct.pack(">2sHI", b"MM", 42, 8 + len(packed))
    photo = decode_photo(header + packed + struct.pack(">H", len(entries)) + directory + bytes(4))
    assert photo.bits == (8 if bits <= 8 else 16)
    expected = levels / (2**bits - 1) * (2**photo.bits - 1)
    expected = expected[::-1, ::-1] if white_is_0 else expected
    assert np.abs(photo.pixels - expected[..., np.newaxis]).max() < 1.01


def test_the_thumbnail_of_a_cameras_tiff_is_no_second_photo() -> None:
    def with_exif(*parts: tuple[np.ndarray, dict[str, Any]]) -> bytes:
        stand_in, tag = (struct.pack("<HHI", kind, 4, 1) for kind in (34666, 34665))
        return pages(*parts).replace(stand_in, tag)  # tifffile does not write it

    exif = {"extratags": [(34666, 4, 1, 8, True)]}
    assert np.array_equal(decode_photo(with_exif((PHOTO, exif), (PREVIEW, {}))).pixels, PHOTO)
    for others in ([(PHOTO, exif), (PHOTO, {})], [(PHOTO, {}), (PREVIEW, {})], [(PHOTO, exif), (PREVIEW, exif)]):
        assert "2 pages" in refused(with_exif(*others))


def ycbcr_tiff(compression: int, subsampling: tuple[int, int], *tags: tuple[int, list[float]]) -> bytes:
    """A TIFF of 34 × 21 pixels of noise in strips of 8 rows, in the data units of TIFF 6.0."""
    across, down = subsampling
    rng, starts, body = np.random.default_rng(0), [], b"II*\0" + bytes(4)
    sizes = []
    for rows in (8, 8, 5):
        units = -(-rows // down) * -(-34 // across)
        strip = rng.integers(40, 216, units * (across * down + 2)).astype(np.uint8).tobytes()
        strip = zlib.compress(strip) if compression == 8 else strip
        starts.append(len(body))
        sizes.append(len(strip))
        body += strip + bytes(len(strip) % 2)
    entries: list[tuple[int, int, list[Any]]] = [
        (kind, 4, values)
        for kind, values in ((256, [34]), (257, [21]), (258, [8, 8, 8]), (259, [compression]), (262, [6]))
    ]
    entries += [(273, 4, starts), (277, 4, [3]), (278, 4, [8]), (279, 4, sizes), (284, 4, [1])]
    entries += [(530, 3, list(subsampling))] + [(kind, 5, values) for kind, values in tags]
    directory, at = b"", 0
    for kind, width, values in sorted(entries):
        numbers = [round(part) for value in values for part in (value * 1000, 1000)] if width == 5 else values
        content = struct.pack(f"<{len(numbers)}{'H' if width == 3 else 'I'}", *numbers)
        at = len(body)
        if len(content) > 4:
            body += content
            content = struct.pack("<I", at)
        directory += struct.pack("<HHI4s", kind, width, len(values), content)
    directory = struct.pack("<H", len(entries)) + directory + bytes(4)
    return body[:4] + struct.pack("<I", len(body)) + body[8:] + directory


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2)])
@pytest.mark.parametrize(
    "tags",
    [
        [],
        [(529, [0.2126, 0.7152, 0.0722])],
        [(532, [16, 235, 128, 240, 128, 240])],
    ],
)
def test_ycbcr_of_cameras_is_read_as_libtiff_does(
    subsampling: tuple[int, int], tags: list[tuple[int, list[float]]]
) -> None:
    packed, plain = (ycbcr_tiff(compression, subsampling, *tags) for compression in (8, 1))
    expected = np.asarray(Image.open(io.BytesIO(packed)).convert("RGB")).astype(int)
    for data in (packed, plain):
        assert np.abs(decode_photo(data).pixels - expected).max() <= 3  # libtiff rounds on the way


@pytest.mark.parametrize("tags", [(529, [0, 0, 0]), (532, [0, 0, 0, 0, 0, 0])])
def test_nonsense_about_ycbcr_counts_as_nothing_said(tags: tuple[int, list[float]]) -> None:
    said = decode_photo(ycbcr_tiff(1, (2, 2), tags))
    assert np.array_equal(said.pixels, decode_photo(ycbcr_tiff(1, (2, 2))).pixels)


def test_tags_of_the_photos_own_directory_go_before() -> None:
    def tags(orientation: int, maker: str) -> dict[str, Any]:
        return {"extratags": [(274, 3, 1, orientation, True), (271, 2, None, maker, True)]}

    photo = decode_photo(pages((PREVIEW, REDUCED | tags(3, "Preview")), (PHOTO, tags(6, "Canikon"))))
    assert np.array_equal(photo.pixels, np.rot90(PHOTO, -1))
    assert photo.exif is not None
    assert b"Canikon" in photo.exif


@pytest.mark.parametrize("order", "<>")
def test_bigtiff_keeps_its_tags(order: Any) -> None:
    own = [(274, 3, 1, 6, True), (271, 2, None, "Canikon", True), (33432, 2, None, "(c) A. Photographer", True)]
    photo = decode_photo(pages((PHOTO, {"extratags": own, "resolution": (300, 150)}), bigtiff=True, byteorder=order))
    assert np.array_equal(photo.pixels, np.rot90(PHOTO, -1))
    assert photo.dpi == (150, 300)
    assert photo.exif is not None
    assert b"Canikon\0" in photo.exif
    assert b"(c) A. Photographer\0" in photo.exif


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}], ids=str)
def test_colour_maps_of_8_and_16_bits(options: dict[str, Any]) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    for scale in (1, 256, 257):
        data = pages((smooth()[..., 0], {"photometric": "palette", "colormap": colours * scale}), **options)
        assert np.array_equal(decode_photo(data).pixels, colours.T[smooth()[..., 0]])


def with_byte_counts(data: bytes, changed: Any) -> bytes:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        tag = page.tags[325 if page.is_tiled else 279]
        kind = f"<{tag.count}{ {3: 'H', 4: 'I'}[tag.dtype] }"
        counts = struct.pack(kind, *map(changed, page.databytecounts))
        return data[: tag.valueoffset] + counts + data[tag.valueoffset + len(counts) :]


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 10}, {"tile": (16, 32)}], ids=str)
def test_byte_counts_of_a_tiff_that_are_too_big(compression: str | None, options: dict[str, Any]) -> None:
    data = tiff_bytes(PHOTO, photometric="rgb", compression=compression, **options)
    for changed in (lambda count: count + 5000, lambda count: min(3 * count, 65535)):
        assert np.array_equal(decode_photo(with_byte_counts(data, changed)).pixels, PHOTO)


@pytest.mark.parametrize(
    "options", [{}, {"rowsperstrip": 10}, {"tile": (16, 32)}, {"planarconfig": "separate"}], ids=str
)
def test_byte_counts_that_are_too_small(options: dict[str, Any]) -> None:
    """Of pixels as they are the size is known; of packed ones nobody knows what is missing."""
    samples = np.moveaxis(PHOTO, -1, 0).copy() if "planarconfig" in options else PHOTO
    plain = tiff_bytes(samples, photometric="rgb", **options)
    packed = tiff_bytes(samples, photometric="rgb", compression="lzw", **options)
    for changed in (lambda _: 0, lambda count: count // 2):
        assert np.array_equal(decode_photo(with_byte_counts(plain, changed)).pixels, PHOTO)
        assert "TIFF file" in refused(with_byte_counts(packed, changed))
    assert "missing" in refused(plain[:8] + plain[8:].replace(PHOTO[40:].tobytes(), b"")[:9000])


# --- Warnings ---------------------------------------------------------------------------------------------


def test_nothing_is_printed_about_damaged_metadata(tmp_path: Path) -> None:
    block = b"Exif\0\0II*\0\xff\xff\0\0"
    far = b"Exif\0\0" + struct.pack("<2sHIHHHII", b"II", 42, 8, 2, 271, 2, 900, 90_000) + b"\x12\1"
    for name, exif in (("a", block), ("b", far)):
        for format in ("JPEG", "PNG", "WEBP"):
            (tmp_path / f"{name}.{format}").write_bytes(pillow_bytes(RGB, format, exif=exif))
    script = "import sys; from camofilter.photo import open_photo; [open_photo(path) for path in sys.argv[1:]]"
    command = [sys.executable, "-W", "always", "-c", script, *map(str, tmp_path.iterdir())]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == ""


def test_a_command_prints_no_warnings_of_pillow(tmp_path: Path) -> None:
    """Which reads EXIF of an AVIF itself, to correct its orientation."""
    exif = Image.Exif()
    exif.update({274: 6, 271: "Canikon" * 4})
    data = pillow_bytes(RGB, "AVIF", exif=exif.tobytes())
    entry = data.rindex(struct.pack(">HH", 271, 2)) + 4
    (tmp_path / "odd.avif").write_bytes(data[:entry] + b"\x7f\xff\xff\xff" * 2 + data[entry + 8 :])
    command = [sys.executable, "-m", "camofilter", "apply", "--set", "exposure.ev=0", str(tmp_path / "odd.avif")]
    run = subprocess.run([*command, "-o", str(tmp_path / "out.png")], capture_output=True, text=True, check=True)
    assert "Warning" not in run.stderr
    assert Image.open(tmp_path / "out.png").size == RGB.size[::-1]


# --- Files that failed ------------------------------------------------------------------------------------

# Red at the top left, green at the top right, blue at the bottom left of 97 × 61 pixels, in levels of 255; what is
# right was taken from ImageMagick, libvips, djpeg, lcms2 and exiftool.
PATCHES = ((230, 30, 40), (40, 200, 60), (40, 60, 220))
WIDE = ((251, 0, 19), (0, 204, 12), (34, 61, 229))
SWAPPED = ((35, 24, 231), (57, 201, 35), (221, 57, 35))
RIGHT: dict[str, tuple[tuple[int, ...], ...]] = {
    "a-p3-nclx.avif": WIDE,
    "h-p3-nclx.heic": WIDE,
    "p-cicp-p3.png": WIDE,
    "p-cicp-pq.png": ((255, 0, 0), (0, 255, 0), (0, 0, 255)),
    "p-gama-linear.png": ((244, 96, 110), (110, 229, 133), (110, 133, 239)),
    "p-gama-linear-16.png": ((244, 96, 110), (110, 229, 133), (110, 133, 239)),
    "p-gama-mac18.png": ((235, 40, 53), (53, 210, 77), (53, 77, 227)),
    "p-chrm-adobe.png": ((255, 24, 36), (0, 201, 37), (20, 57, 225)),
    "p-iccp-2MB.png": SWAPPED,
    "p-iccp-big-real.png": SWAPPED,
    "p-ztxt-2MB.png": PATCHES,
    "p-iccp-badcrc.png": PATCHES,
    "t-pal-8bit-colormap.tif": PATCHES,
    "t-thumb-ifd0.tif": PATCHES,
    "t-thumb-ifd1.tif": PATCHES,
    "t-vips-pyr.tif": ((231, 30, 40), (39, 199, 63), (40, 60, 207)),  # a JPEG inside
    "t-bytecount-too-big.tif": PATCHES,
    "j-no-eoi.jpg": PATCHES,
    "j-eoi-cut1.jpg": PATCHES,
    "j-12bit.jpg": PATCHES,
    "e-bad-offset.jpg": PATCHES,
    "a-xmp-orient6-noirot.avif": PATCHES,
}
TURNED = ("t-bigtiff-orient6.tif", "e-orient-xmp6-exiftool-shorthand.jpg", "e-orient-count2.jpg", "e-orient-ascii.jpg")
REFUSED = {"j-cut-half-then-jpegtail.jpg": "pixels are missing", "p-cgbi.png": "CgBI"}


def patches(photo: Photo) -> np.ndarray:
    levels = photo.pixels / np.iinfo(photo.pixels.dtype).max * 255
    return np.stack([levels[6, 6], levels[6, -7], levels[-7, 6]])


@pytest.mark.parametrize("name", RIGHT)
def test_a_file_that_failed(shared: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    if name.endswith("heic"):
        pytest.importorskip("pillow_heif")
    photo = open_photo(shared / "cases" / name)
    assert photo.pixels.shape == (61, 97, 3)
    assert np.abs(patches(photo) - RIGHT[name]).max() < 5
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", TURNED)
def test_a_file_that_failed_is_turned(shared: Path, name: str) -> None:
    photo = open_photo(shared / "cases" / name)
    assert photo.pixels.shape == (97, 61, 3)
    blue, red = PATCHES[2], PATCHES[0]
    assert np.abs(patches(photo)[:2] - [blue, red]).max() < 5


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_failed_is_refused_in_words(shared: Path, name: str) -> None:
    with pytest.raises(PhotoError, match=REFUSED[name]):
        open_photo(shared / "cases" / name)

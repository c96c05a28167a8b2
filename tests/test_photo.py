"""Photos: what is read, what is written, what is refused. Oracles are Pillow, tifffile and imagecodecs."""

from __future__ import annotations

import gc
import io
import os
import stat
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from photo_files import chunk, noise, oriented, pillow_bytes, smooth, tiff_bytes
from PIL import ExifTags, Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from camofilter.errors import CamofilterError, PhotoError, UsageError
from camofilter.photo import (
    Photo,
    core,
    decode_photo,
    encode_photo,
    jpeg,
    open_photo,
    output_suffix,
    save_photo,
    writing,
)
from camofilter.photo.colour import srgb_profile

EXAMPLES = sorted((Path(__file__).parent.parent / "examples" / "photos").glob("*.jpg"))
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(folder: Path, data: bytes, name: str = "photo.bin", **options: Any) -> Photo:
    return open_photo(put(folder, name, data), **options)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def levels_apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


# --- What is read -----------------------------------------------------------------------------------------

RGB = Image.fromarray(smooth())
RGBA = Image.fromarray(noise(channels=4))
PALETTE = RGB.quantize(16)

LOSSLESS = [
    ("PNG", RGB),
    ("PNG", RGBA),
    ("PNG", RGB.convert("L")),
    ("PNG", RGBA.convert("LA")),
    ("PNG", RGB.convert("1")),
    ("PNG", PALETTE),
    ("TIFF", RGB),
    ("TIFF", RGBA),
    ("TIFF", RGB.convert("L")),
    ("TIFF", RGBA.convert("LA")),
    ("TIFF", RGB.convert("1")),
    ("TIFF", PALETTE),
    ("TIFF", RGB.convert("CMYK")),
]


@pytest.mark.parametrize(("format", "image"), LOSSLESS, ids=lambda value: getattr(value, "mode", value))
def test_lossless_modes_are_read_as_pillow_converts_them(tmp_path: Path, format: str, image: Image.Image) -> None:
    photo = read(tmp_path, pillow_bytes(image, format))
    assert photo.format == format
    assert photo.pixels.flags.c_contiguous
    assert photo.pixels.flags.writeable
    assert np.array_equal(photo.pixels, np.asarray(image.convert("RGBA"))[..., :3])
    if image.mode in ("LA", "RGBA"):
        assert photo.alpha is not None
        assert np.array_equal(photo.alpha, np.asarray(image)[..., -1])
    else:
        assert photo.alpha is None


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 60, "subsampling": 0}])
def test_jpeg_is_read_as_pillow_decodes_it(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    data = pillow_bytes(RGB.convert(mode), "JPEG", **options)
    photo = read(tmp_path, data)
    assert np.array_equal(photo.pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert photo.format == "JPEG"
    assert photo.jpeg_progressive == ("progressive" in options)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "options", [{"mode": "RGB"}, {"mode": "L"}, {"progressive": True}, {"restart_marker_rows": 2}, {"keep_rgb": True}]
)
def test_the_quicker_decoder_gives_pillows_pixels(path: Path, options: dict[str, Any]) -> None:
    image = Image.open(path).convert(options.get("mode", "RGB")).crop((3, 5, 1000, 700))
    data = pillow_bytes(image, "JPEG", **options)
    expected = Image.open(io.BytesIO(data))
    found = jpeg._quickly(JpegImageFile(io.BytesIO(data)), data)
    assert found is not None
    assert np.array_equal(found, np.asarray(expected).reshape(found.shape))
    assert np.array_equal(decode_photo(data).pixels, np.asarray(expected.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_pictures_of_several_strips_are_read_exactly(mode: str) -> None:
    image = Image.fromarray(noise(150, 40, 4)).convert(mode)
    assert np.array_equal(decode_photo(pillow_bytes(image, "PNG")).pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("format", "name"), [("WEBP", "WEBP"), ("AVIF", "AVIF")])
@pytest.mark.parametrize("image", [RGB, RGBA], ids=["RGB", "RGBA"])
def test_webp_and_avif_are_read_as_pillow_decodes_them(
    tmp_path: Path, format: str, name: str, image: Image.Image
) -> None:
    data = pillow_bytes(image, format)
    photo = read(tmp_path, data)
    decoded = np.asarray(Image.open(io.BytesIO(data)))
    assert photo.format == name
    assert np.array_equal(photo.pixels, decoded[..., :3])
    assert (photo.alpha is not None) == (image.mode == "RGBA")


def test_heic_is_read_when_the_extra_is_there(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    try:
        pillow_heif.from_pillow(RGB).save(file, quality=95, exif=exif.tobytes())
    except RuntimeError as error:
        pytest.skip(f"this pillow_heif cannot write HEIC: {error}")
    photo = read(tmp_path, file.getvalue(), "photo.heic")
    assert photo.format == "HEIF"
    upright = RGB.transpose(Image.Transpose.ROTATE_270)
    assert photo.pixels.shape == np.asarray(upright).shape
    assert levels_apart(photo.pixels, np.asarray(upright)) < 40
    assert output_suffix(photo, Path("photo.heic")) == ".jpg"
    assert encode_photo(photo).startswith(b"\xff\xd8\xff")


def test_heic_without_the_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = put(tmp_path, "photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert "pip install camofilter[heif]" in refused(path)


def test_the_first_picture_of_an_mpo_is_read(tmp_path: Path) -> None:
    other = Image.fromarray(255 - smooth())
    data = pillow_bytes(RGB, "MPO", save_all=True, append_images=[other], quality=95)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    photo = read(tmp_path, data)
    assert photo.format == "JPEG"
    assert levels_apart(photo.pixels, smooth()) < 30
    assert b"MPF\0" not in encode_photo(photo, metadata="all")


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_png_transparent_colour_becomes_alpha(tmp_path: Path, mode: str) -> None:
    image = PALETTE if mode == "P" else RGB.convert(mode)
    colour = image.getpixel((3, 3))
    data = pillow_bytes(image, "PNG", transparency=colour)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    photo = read(tmp_path, data)
    assert photo.alpha is not None
    assert photo.alpha[3, 3] == 0
    assert np.array_equal(np.dstack([photo.pixels, photo.alpha]), expected)


@pytest.mark.parametrize("channels", [0, 2, 3, 4])
def test_16_bit_png_keeps_every_bit(tmp_path: Path, channels: int) -> None:
    samples = noise(channels=channels, dtype=np.uint16)
    photo = read(tmp_path, imagecodecs.png_encode(samples))
    planes = samples[..., np.newaxis] if channels == 0 else samples
    colours = planes[..., :-1] if channels in (2, 4) else planes
    assert photo.bits == 16
    assert np.array_equal(photo.pixels, np.broadcast_to(colours, photo.pixels.shape))
    assert (photo.alpha is not None) == (channels in (2, 4))


def test_16_bit_png_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    samples = noise(dtype=np.uint16)
    data = imagecodecs.png_encode(samples)
    data = data[:33] + chunk(b"tRNS", struct.pack(">3H", *samples[2, 5].tolist())) + data[33:]
    photo = read(tmp_path, data)
    assert photo.alpha is not None
    assert np.argwhere(photo.alpha == 0).tolist() == [[2, 5]]


TIFFS = [
    {},
    {"compression": "lzw"},
    {"compression": "zlib", "predictor": True},
    {"compression": "zlib", "rowsperstrip": 5},
    {"tile": (16, 16), "compression": "zlib"},
    {"byteorder": ">"},
    {"bigtiff": True},
]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", TIFFS, ids=str)
def test_tiff_of_any_layout_is_read_exactly(tmp_path: Path, options: dict[str, Any], dtype: Any) -> None:
    samples = noise(channels=4, dtype=dtype)
    together = tiff_bytes(samples, photometric="rgb", extrasamples=["unassalpha"], **options)
    planes = np.ascontiguousarray(np.moveaxis(samples, -1, 0))
    apart = tiff_bytes(planes, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"], **options)
    for data in (together, apart):
        photo = read(tmp_path, data)
        assert photo.pixels.dtype == dtype
        assert np.array_equal(photo.pixels, samples[..., :3])
        assert np.array_equal(photo.alpha, samples[..., 3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_where_white_is_zero(tmp_path: Path, dtype: Any) -> None:
    grey = noise(channels=0, dtype=dtype)
    photo = read(tmp_path, tiff_bytes(grey, photometric="miniswhite"))
    assert np.array_equal(photo.pixels[..., 1], np.iinfo(dtype).max - grey)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_with_alpha_multiplied_in(tmp_path: Path, dtype: Any) -> None:
    maximum = int(np.iinfo(dtype).max)
    colour = noise(dtype=dtype)
    alpha = np.full(colour.shape[:2], maximum // 2 + 1, dtype)
    alpha[0], alpha[1] = 0, maximum
    stored = np.rint(colour * (alpha[..., np.newaxis] / maximum)).astype(dtype)
    photo = read(tmp_path, tiff_bytes(np.dstack([stored, alpha]), photometric="rgb", extrasamples=["assocalpha"]))
    assert np.array_equal(photo.alpha, alpha)
    assert np.array_equal(photo.pixels[1], colour[1])
    assert levels_apart(photo.pixels[1:], colour[1:]) <= 1
    assert not photo.pixels[0].any()


def test_tiff_channel_that_is_not_alpha_is_left_out(tmp_path: Path) -> None:
    samples = noise(channels=4)
    photo = read(tmp_path, tiff_bytes(samples, photometric="rgb", extrasamples=["unspecified"]))
    assert photo.alpha is None
    assert np.array_equal(photo.pixels, samples[..., :3])


def test_tiff_of_jpeg_strips(tmp_path: Path) -> None:
    data = tiff_bytes(smooth(), photometric="rgb", compression="jpeg", compressionargs={"level": 95})
    assert levels_apart(read(tmp_path, data).pixels, smooth()) < 30


def test_dpi_is_kept(tmp_path: Path) -> None:
    for format in ("JPEG", "PNG", "TIFF"):
        photo = read(tmp_path, pillow_bytes(RGB, format, dpi=(300, 150)))
        assert photo.dpi == pytest.approx((300, 150), abs=0.02)
        written = Image.open(io.BytesIO(encode_photo(photo)))
        assert [float(value) for value in written.info["dpi"]] == pytest.approx([300, 150], abs=0.02)


# --- Upright ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_orientation_is_applied_once(tmp_path: Path, format: str, orientation: int) -> None:
    image = RGB if format == "JPEG" else Image.fromarray(np.dstack([smooth(), smooth()[..., 1]]))
    data = pillow_bytes(image, format, exif=oriented(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    photo = read(tmp_path, data)
    assert np.array_equal(photo.pixels, expected[..., :3])
    if image.mode == "RGBA":
        assert np.array_equal(photo.alpha, expected[..., 3])
    for metadata in ("safe", "all", "none"):
        written = Image.open(io.BytesIO(encode_photo(photo, metadata=metadata)))
        assert written.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert written.size == (photo.width, photo.height)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1, 700), (300, 1100), (1025, 129)])
def test_photos_of_several_tiles_are_turned(orientation: int, size: tuple[int, int]) -> None:
    image = Image.fromarray(noise(*size, 4))
    photo = decode_photo(pillow_bytes(image, "PNG", exif=oriented(orientation), compress_level=0))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    assert photo.pixels.flags.c_contiguous
    assert np.array_equal(photo.pixels, expected[..., :3])
    assert np.array_equal(photo.alpha, expected[..., 3])


def test_orientation_of_16_bit_files(tmp_path: Path) -> None:
    samples = noise(dtype=np.uint16)
    data = imagecodecs.png_encode(samples)
    data = data[:33] + chunk(b"eXIf", oriented(6).removeprefix(b"Exif\0\0")) + data[33:]
    assert np.array_equal(read(tmp_path, data).pixels, np.rot90(samples, -1))
    turned = tiff_bytes(samples, photometric="rgb", extratags=[(274, 3, 1, 8, True)])
    assert np.array_equal(read(tmp_path, turned).pixels, np.rot90(samples, 1))


def oriented_xmp(attributes: str = "", inside: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        f' xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:my="urn:my" {attributes}>{inside}</rdf:Description>'
        f"</rdf:RDF></x:xmpmeta>"
    ).encode()


ORIENTED_XMP = [
    oriented_xmp('tiff:Orientation="6"'),
    oriented_xmp("tiff:Orientation = '6'"),
    oriented_xmp("t:Orientation=' 6\n'"),
    oriented_xmp(inside="<tiff:Orientation>6</tiff:Orientation>"),
    oriented_xmp(inside="<t:Orientation>\n 6 </t:Orientation>"),
]


@pytest.mark.parametrize("packet", ORIENTED_XMP)
def test_orientation_in_xmp_alone(tmp_path: Path, packet: bytes) -> None:
    photo = read(tmp_path, pillow_bytes(RGB, "JPEG", xmp=packet))
    assert photo.pixels.shape[:2] == (RGB.width, RGB.height)


def test_orientation_in_xmp_of_something_else(tmp_path: Path) -> None:
    derived = "<my:from><rdf:Description tiff:Orientation='6'/></my:from>"
    for packet in (oriented_xmp("my:Orientation='6'"), oriented_xmp(inside=derived), b'<a tiff:Orientation="6"/>'):
        assert np.array_equal(read(tmp_path, pillow_bytes(RGB, "WEBP", lossless=True, xmp=packet)).pixels, smooth())


def test_orientation_in_xmp_of_avif_and_heic_is_ignored(tmp_path: Path) -> None:
    """The container tells it; those who read HEIF know no other place."""
    data = pillow_bytes(RGB, "AVIF", xmp=ORIENTED_XMP[0])
    assert b"Orientation" in data
    assert read(tmp_path, data).pixels.shape == smooth().shape
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(RGB).save(file, xmp=oriented_xmp('tiff:Orientation="1"'))  # of 6 it would tell both
    data = file.getvalue().replace(b'Orientation="1"', b'Orientation="6"')
    assert b'Orientation="6"' in data
    assert read(tmp_path, data).pixels.shape == smooth().shape


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "count", "value"),
    [
        (3, 2, "HH"),
        (1, 1, "B"),
        (6, 3, "bbb"),
        (4, 1, "I"),
        (8, 1, "h"),
        (9, 1, "i"),
        (2, 2, b"6\0"),
        (2, 4, b" 06\0"),
        (2, 8, b"6\0\0\0\0\0\0\0"),
    ],
)
def test_orientation_of_any_type(order: str, kind: int, count: int, value: str | bytes) -> None:
    """As exiftool and libvips take it, not only the one short of the standard."""
    content = value if isinstance(value, bytes) else struct.pack(order + value, 6, *[1] * (count - 1))
    place = content.ljust(4, b"\0") if len(content) <= 4 else struct.pack(order + "I", 26)
    block = struct.pack(f"{order}2sHIHHHI", b"II" if order == "<" else b"MM", 42, 8, 1, 274, kind, count) + place
    photo = decode_photo(pillow_bytes(RGB, "JPEG", exif=b"Exif\0\0" + block + bytes(4) + content * (len(content) > 4)))
    assert photo.pixels.shape[:2] == (RGB.width, RGB.height)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_out_of_range_is_upright(tmp_path: Path, value: int) -> None:
    assert np.array_equal(read(tmp_path, pillow_bytes(RGB, "PNG", exif=oriented(value))).pixels, smooth())


# --- Colour -----------------------------------------------------------------------------------------------

ADOBE_RGB = imagecodecs.cms_profile("adobergb")
GREY_18 = imagecodecs.cms_profile("gray", gamma=1.8)


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_to_srgb(encoded: np.ndarray) -> np.ndarray:
    """From the definitions of the two colour spaces, both of white point D65."""
    to_xyz = [
        [0.5767309, 0.1855540, 0.1881852],
        [0.2973769, 0.6273491, 0.0752741],
        [0.0270343, 0.0706872, 0.9911085],
    ]
    to_srgb = [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
    return srgb_encoded(encoded ** (563 / 256) @ np.transpose(to_xyz) @ np.transpose(to_srgb))


@pytest.mark.parametrize("bits", [8, 16])
def test_adobe_rgb_is_converted(tmp_path: Path, bits: int) -> None:
    samples = noise(dtype=np.uint8 if bits == 8 else np.uint16)
    maximum = 2**bits - 1
    if bits == 8:
        data = pillow_bytes(Image.fromarray(samples), "PNG", icc_profile=ADOBE_RGB)
    else:
        data = tiff_bytes(samples, photometric="rgb", iccprofile=ADOBE_RGB)
    photo = read(tmp_path, data)
    assert photo.bits == bits
    assert photo.icc_profile == ADOBE_RGB
    expected = adobe_to_srgb(samples / maximum)
    assert np.abs(photo.pixels / maximum - expected).max() < (1 if bits == 8 else 0.25) / 255
    assert np.abs(samples / maximum - expected).max() > 20 / 255


def test_8_bit_conversion_agrees_with_imagecms(tmp_path: Path) -> None:
    image = Image.fromarray(noise(90, 90))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(ADOBE_RGB))
    expected = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), renderingIntent=1)
    photo = read(tmp_path, pillow_bytes(image, "WEBP", lossless=True, icc_profile=ADOBE_RGB))
    assert levels_apart(photo.pixels, np.asarray(expected)) <= 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_grey_profile_is_applied(tmp_path: Path, format: str) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    data = pillow_bytes(
        Image.fromarray(ramp), format, icc_profile=GREY_18, **({"quality": 100} if format == "JPEG" else {})
    )
    photo = read(tmp_path, data)
    expected = 255 * srgb_encoded((ramp / 255) ** 1.8)
    assert np.abs(photo.pixels - expected[..., np.newaxis]).max() < 2


@pytest.mark.parametrize("profile", [imagecodecs.cms_profile("srgb"), srgb_profile()])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_srgb_comes_through_bit_identical(tmp_path: Path, profile: bytes, dtype: Any) -> None:
    samples = noise(60, 80, dtype=dtype)
    photo = read(tmp_path, tiff_bytes(samples, photometric="rgb", iccprofile=profile))
    assert np.array_equal(photo.pixels, samples)


def test_a_profile_that_is_nearly_srgb_is_converted(tmp_path: Path) -> None:
    gamma = imagecodecs.cms_profile(
        "rgb",
        gamma=2.2,
        whitepoint=(0.3127, 0.3290, 1.0),
        primaries=(0.64, 0.33, 1, 0.30, 0.60, 1, 0.15, 0.06, 1),
    )
    photo = read(tmp_path, pillow_bytes(RGB, "PNG", icc_profile=gamma))
    assert 1 < levels_apart(photo.pixels, smooth()) < 16


@pytest.mark.parametrize(
    "profile", [b"", b"junk" * 40, ADOBE_RGB[:200], ADOBE_RGB[:16] + b"Lab " + ADOBE_RGB[20:], GREY_18]
)
def test_broken_and_foreign_profiles_are_left_out(tmp_path: Path, profile: bytes) -> None:
    photo = read(tmp_path, tiff_bytes(smooth(), photometric="rgb", iccprofile=profile or b"\0"))
    assert np.array_equal(photo.pixels, smooth())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_without_profile(tmp_path: Path, dtype: Any) -> None:
    """Twelve tones: no ink, each ink, each pair, three inks, half inks, black, all."""
    tones = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (1, 1, 0, 0), (1, 0, 1, 0), (0, 1, 1, 0)]
    tones += [(1, 1, 1, 0), (0.5, 0.25, 0, 0), (0.5, 0.5, 0.5, 0.5), (0, 0, 0, 1), (1, 1, 1, 1)]
    maximum = int(np.iinfo(dtype).max)
    inks = np.rint(np.array([tones]) * maximum).astype(dtype)
    photo = read(tmp_path, tiff_bytes(inks, photometric="separated"))
    expected = maximum * (1 - inks[..., :3] / maximum) * (1 - inks[..., 3:] / maximum)
    assert np.abs(photo.pixels - expected).max() <= 0.5 + 1e-6
    if dtype == np.uint8:
        jpeg = pillow_bytes(Image.fromarray(np.kron(inks, np.ones((16, 16, 1), np.uint8)), "CMYK"), "JPEG", quality=100)
        read_back = read(tmp_path, jpeg).pixels[8, 8::16]
        assert levels_apart(read_back, photo.pixels[0]) <= 3


@pytest.mark.slow
def test_written_profile_is_srgb_and_fixed() -> None:
    script = "from camofilter.photo.colour import srgb_profile as profile; print(profile().hex())"
    runs = {subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1
    profile = srgb_profile()
    assert profile[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("metadata", ["safe", "all", "none"])
def test_every_written_file_carries_the_profile(format: str, metadata: str) -> None:
    data = encode_photo(Photo.from_array(smooth()), format, metadata=metadata)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == srgb_profile()


# --- What is refused --------------------------------------------------------------------------------------


def png_header(width: int, height: int, depth: int = 8) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def jpeg_header(width: int, height: int) -> bytes:
    data = bytearray(pillow_bytes(RGB, "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff_header(width: int, height: int, bits: int = 8) -> bytes:
    data = tiff_bytes(noise(2, 2, dtype=np.uint8 if bits == 8 else np.uint16), photometric="rgb")
    for tag, size in ((256, width), (257, height), (278, height)):
        at = data.index(struct.pack("<HHI", tag, 4, 1))
        data = data[: at + 8] + struct.pack("<I", size) + data[at + 12 :]
    return data


BOMBS = {
    "png": png_header(50_000, 50_000),
    "png16": png_header(50_000, 50_000, 16),
    "jpeg": jpeg_header(50_000, 50_000),
    "tiff": tiff_header(50_000, 50_000),
    "tiff16": tiff_header(50_000, 50_000, 16),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_from_their_header(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("png_decode", "zlib_decode", "jpeg8_decode"):
        monkeypatch.setattr(imagecodecs, name, lambda *_, **__: pytest.fail("decoded"))
    message = refused(put(tmp_path, "bomb", BOMBS[kind]))
    assert "50000 × 50000" in message
    assert "300,000,000" in message
    assert "--max-pixels" in message


def test_max_pixels_is_a_limit_of_the_caller(tmp_path: Path) -> None:
    path = put(tmp_path, "photo.png", pillow_bytes(RGB, "PNG"))
    before = Image.MAX_IMAGE_PIXELS
    assert open_photo(path, max_pixels=RGB.width * RGB.height).width == RGB.width
    assert "--max-pixels" in refused(path, max_pixels=RGB.width * RGB.height - 1)
    assert before == Image.MAX_IMAGE_PIXELS


def test_pillows_own_limit_does_not_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for format in ("JPEG", "PNG", "TIFF"):
        assert read(tmp_path, pillow_bytes(RGB, format)).width == RGB.width
    assert "smaller" in refused(put(tmp_path, "photo.webp", pillow_bytes(RGB, "WEBP")))


def test_a_tile_larger_than_the_photo_counts(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "tile.tif",
        tiff_bytes(noise(20, 20), photometric="rgb", tile=(1024, 1024), compression="zlib"),
    )
    assert "1024 × 1024" in refused(path, max_pixels=100_000)


@pytest.mark.slow
def test_metadata_bombs_do_not_crash(tmp_path: Path) -> None:
    plain = pillow_bytes(RGB, "PNG")
    huge = zlib.compress(bytes(100_000_000))
    for extra in (chunk(b"iCCP", b"x\0\0" + huge), chunk(b"zTXt", b"x\0\0" + huge)):
        path = put(tmp_path, "bomb.png", plain[:33] + extra + plain[33:])
        try:
            assert np.array_equal(open_photo(path).pixels, smooth())
        except PhotoError as error:
            assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)


def animations() -> dict[str, bytes]:
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - smooth())]}
    return {
        "apng": pillow_bytes(RGB, "PNG", **frames),
        "webp": pillow_bytes(RGB, "WEBP", **frames),
        "avif": pillow_bytes(RGB, "AVIF", **frames),
    }


@pytest.mark.parametrize("kind", ["apng", "webp", "avif"])
def test_animations_are_refused(tmp_path: Path, kind: str) -> None:
    assert "animation" in refused(put(tmp_path, "moving", animations()[kind]))


def test_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    data = pillow_bytes(RGB, "TIFF", save_all=True, append_images=[RGB, RGB])
    assert "3 pages" in refused(put(tmp_path, "pages.tif", data))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint32, np.int32, np.int16, np.int8])
def test_tiff_of_other_numbers_is_refused(tmp_path: Path, dtype: Any) -> None:
    for samples in (smooth().astype(dtype), smooth()[..., 0].astype(dtype)):
        kind = "rgb" if samples.ndim == 3 else "minisblack"
        message = refused(put(tmp_path, "photo.tif", tiff_bytes(samples, photometric=kind)))
        assert "8 or 16 bits" in message


def test_tiff_of_other_colours_is_refused(tmp_path: Path) -> None:
    image = Image.merge("LAB", RGB.split())
    assert "RGB, grey or CMYK" in refused(put(tmp_path, "photo.tif", pillow_bytes(image, "TIFF")))


@pytest.mark.parametrize("format", ["GIF", "BMP", "PPM", "ICO"])
def test_other_types_are_refused_with_the_list(tmp_path: Path, format: str) -> None:
    message = refused(put(tmp_path, "photo.jpg", pillow_bytes(RGB, format)))
    assert "JPEG, PNG, WebP, TIFF, AVIF and HEIC" in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Dear diary, " * 50, "not a photo"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff", "not a photo"),
    ],
)
def test_files_that_are_no_photos(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(put(tmp_path, "photo.jpg", data))


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "missing.jpg")
    with pytest.raises(PhotoError, match="not a file name"):
        open_photo("null\0character.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with FIFOs")
def test_fifos_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    assert "not an ordinary file" in refused(tmp_path / "fifo.jpg")
    assert "not an ordinary file" in refused(Path("/dev/zero"))


@pytest.mark.skipif(ROOT, reason="root reads every file")
def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "photo.png", pillow_bytes(RGB, "PNG"))
    path.chmod(0)
    assert "Permission denied" in refused(path)


def test_odd_characters_of_a_name_stay_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        open_photo(tmp_path / "two\nlines\x1b[31m.jpg")
    assert "two?lines?[31m.jpg: " in str(caught.value)


WHOLE = {
    "jpeg": pillow_bytes(RGB, "JPEG", quality=90),
    "progressive": pillow_bytes(RGB, "JPEG", quality=90, progressive=True),
    "png": pillow_bytes(RGB, "PNG"),
    "png16": imagecodecs.png_encode(noise(dtype=np.uint16)),
    "webp": pillow_bytes(RGB, "WEBP"),
    "webp lossless": pillow_bytes(RGB, "WEBP", lossless=True),
    "avif": pillow_bytes(RGB, "AVIF"),
    "tiff": pillow_bytes(RGB, "TIFF"),
    "tiff lzw": tiff_bytes(smooth(), photometric="rgb", compression="lzw"),
    "tiff16 deflate": tiff_bytes(noise(dtype=np.uint16), photometric="rgb", compression="zlib", rowsperstrip=4),
    "tiff own": encode_photo(Photo.from_array(smooth()), "TIFF"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_anywhere_is_refused_or_whole(tmp_path: Path, kind: str) -> None:
    """Never a picture with a part missing: after a cut behind the pixels all of them must be there."""
    data = WHOLE[kind]
    whole = read(tmp_path, data).pixels
    cuts = sorted({1, 5, 12, 20, 33, *range(40, len(data), max(1, len(data) // 25)), *range(len(data) - 8, len(data))})
    right = 0
    for cut in cuts:
        try:
            photo = read(tmp_path, data[:cut])
        except PhotoError as error:
            right += "\n" not in str(error)
        else:
            right += np.array_equal(photo.pixels, whole)
    assert right == len(cuts)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(set(WHOLE) - {"png16"})),
    position=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=20),
)
def test_damaged_files_give_a_photo_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, position: float, junk: bytes
) -> None:
    data = WHOLE[kind]
    at = int(position * len(data))
    path = put(tmp_path_factory.getbasetemp(), "damaged", data[:at] + junk + data[at + len(junk) :])
    try:
        photo = open_photo(path, max_pixels=1_000_000)
    except PhotoError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
    else:
        assert photo.pixels.shape == (photo.height, photo.width, 3)


def damaged_jpegs(count: int) -> Iterator[bytes]:
    """Cut off, with bits turned over or bytes left out, in the header or the pixels."""
    random = np.random.default_rng(1)
    photo = Image.open(EXAMPLES[0])
    whole = [pillow_bytes(photo.crop((0, 0, 320, 200)), "JPEG", progressive=bool(i)) for i in range(2)]
    for number in range(count):
        data = bytearray(whole[number // 4 % 2])
        first, at = random.integers(2, 600), random.integers(2, len(data))
        match number % 4:
            case 0:
                del data[at:]
            case 1:
                data[first] ^= 1 << random.integers(8)
            case 2:
                data[at] ^= 1 << random.integers(8)
            case 3:
                del data[at : at + random.integers(1, 300)]
        yield bytes(data)


@pytest.mark.slow
def test_damaged_jpegs_are_read_or_refused_as_by_pillow(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def outcome(data: bytes) -> np.ndarray | str:
        try:
            return decode_photo(data, max_pixels=1_000_000).pixels
        except PhotoError as error:
            return str(error)

    files = list(damaged_jpegs(200))
    quick = [outcome(data) for data in files]
    monkeypatch.setattr(jpeg, "_quickly", lambda *_: None)
    assert all(np.array_equal(one, outcome(data)) for one, data in zip(quick, files, strict=True))
    assert 50 < sum(isinstance(one, str) for one in quick) < 150
    assert capfd.readouterr().err == ""


def test_damaged_jpegs_leave_nothing_in_memory() -> None:
    def refuse(count: int) -> None:
        for data in damaged_jpegs(count):
            with suppress(PhotoError):
                decode_photo(data, max_pixels=1_000_000)

    refuse(20)  # what is imported on the way holds references of its own
    nothing = None
    gc.collect()  # what other tests left behind must not go in between
    references = sys.getrefcount(nothing)
    refuse(200)
    gc.collect()
    assert abs(sys.getrefcount(nothing) - references) < 100


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_of_reading_and_writing(tmp_path: Path) -> None:
    """Beside the photo at most one copy of it, also of one on its side; and nothing is left of damaged files."""
    height, width = 4000, 6000
    path = tmp_path / "large.jpg"
    Image.new("RGB", (width, height), "teal").save(path, exif=oriented(6))
    script = """if True:
        import resource, sys
        from pathlib import Path
        from camofilter.photo import decode_photo, encode_photo, open_photo
        from camofilter.errors import PhotoError
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        small = encode_photo(open_photo(sys.argv[2]))
        cut = small[:1000] + b"\\xff\\xd9" * 50 + small[1100:]
        def refuse(data):
            for damaged in (cut, data[:-2], data[:200] + data[300:]):
                try: decode_photo(damaged)
                except PhotoError: pass
        refuse(small)
        before = peak()
        for _ in range(30): refuse(small)
        print(peak() - before)
        before = peak()
        photo = open_photo(sys.argv[1])
        encode_photo(photo)
        print(peak() - before)
    """
    command = [sys.executable, "-c", script, str(path), str(EXAMPLES[0])]
    left, used = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert left < 10_000  # in kB
    assert used < 2.3 * height * width * 3 / 1024


def test_nothing_but_the_error_is_told_about_odd_tiffs(tmp_path: Path) -> None:
    path = put(tmp_path, "odd.tif", WHOLE["tiff"][:150])
    script = (
        "import sys; from camofilter.photo import open_photo\n"
        "try: open_photo(sys.argv[1])\nexcept Exception as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == 1


# --- What is written --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("with_alpha", [False, True])
@settings(max_examples=8, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_round_trip_is_bit_exact(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    dtype: Any,
    with_alpha: bool,
    height: int,
    width: int,
) -> None:
    samples = noise(height, width, 4, dtype)
    photo = Photo.from_array(samples[..., :3], samples[..., 3] if with_alpha else None)
    path = tmp_path_factory.getbasetemp() / f"photo{suffix}"
    save_photo(photo, path, force=True)
    again = open_photo(path)
    assert np.array_equal(again.pixels, photo.pixels)
    assert again.pixels.dtype == dtype
    assert np.array_equal(again.alpha, photo.alpha) if with_alpha else again.alpha is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_others_read_the_tiff_and_png_written(dtype: Any, channels: int) -> None:
    samples = noise(700, 50, channels, dtype)
    photo = Photo.from_array(samples[..., :3], samples[..., 3] if channels == 4 else None)
    tiff, png = encode_photo(photo, "TIFF"), encode_photo(photo, "PNG")
    assert np.array_equal(tifffile.imread(io.BytesIO(tiff)), samples)
    assert np.array_equal(imagecodecs.png_decode(png), samples)
    if dtype == np.uint8:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(tiff))), samples)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), samples)


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_alpha_is_kept_exactly(tmp_path: Path, suffix: str) -> None:
    samples = noise(channels=4)
    save_photo(Photo.from_array(samples[..., :3], samples[..., 3]), tmp_path / f"photo{suffix}")
    assert np.array_equal(open_photo(tmp_path / f"photo{suffix}").alpha, samples[..., 3])


def test_transparency_is_not_lost_in_jpeg(tmp_path: Path) -> None:
    opaque = np.full(smooth().shape[:2], 255, np.uint8)
    save_photo(Photo.from_array(smooth(), opaque), tmp_path / "opaque.jpg")
    see_through = opaque.copy()
    see_through[0, 0] = 254
    with pytest.raises(PhotoError, match=r"\.png or \.webp"):
        save_photo(Photo.from_array(smooth(), see_through), tmp_path / "photo.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["opaque.jpg"]


def test_16_bits_are_rounded_to_8() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    reduced = core.eight_bit(every)
    assert np.array_equal(reduced, np.rint(every / 257))
    lossless = Photo(np.dstack([every] * 3), format="WEBP", webp_lossless=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_photo(lossless))))[..., 0], reduced)


def test_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    photo = read(
        tmp_path,
        pillow_bytes(RGBA, "WEBP", lossless=True, exact=True, icc_profile=srgb_profile()),
    )
    assert photo.webp_lossless
    again = read(tmp_path, encode_photo(photo))
    assert np.array_equal(again.pixels, np.asarray(RGBA)[..., :3])
    assert not read(tmp_path, pillow_bytes(RGB, "WEBP")).webp_lossless


@pytest.mark.parametrize("quality", range(50, 101))
def test_jpeg_quality_is_told_exactly(tmp_path: Path, quality: int) -> None:
    assert read(tmp_path, pillow_bytes(RGB, "JPEG", quality=quality)).jpeg_quality == quality
    assert read(tmp_path, pillow_bytes(RGB.convert("L"), "JPEG", quality=quality)).jpeg_quality == quality


def test_jpeg_quality_of_other_tables_is_the_nearest(tmp_path: Path) -> None:
    tables = Image.open(io.BytesIO(pillow_bytes(RGB, "JPEG", quality=80))).quantization
    near = {number: [value + (at == 20) for at, value in enumerate(table)] for number, table in tables.items()}
    assert read(tmp_path, pillow_bytes(RGB, "JPEG", qtables=near)).jpeg_quality == 80


@pytest.mark.parametrize(("quality", "written"), [(60, 90), (90, 90), (93, 93), (100, 100)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_written_as_it_was(
    tmp_path: Path, quality: int, written: int, subsampling: int, progressive: bool
) -> None:
    large = Image.fromarray(smooth(200, 300))
    data = pillow_bytes(large, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
    photo = read(tmp_path, data)
    again = read(tmp_path, encode_photo(photo))
    assert (again.jpeg_quality, again.jpeg_subsampling) == (written, subsampling)
    assert again.jpeg_progressive == progressive


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_written_as_by_pillow(subsampling: int, progressive: bool) -> None:
    photo = Photo(
        open_photo(EXAMPLES[0]).pixels, jpeg_quality=93, jpeg_subsampling=subsampling, jpeg_progressive=progressive
    )
    options = {"quality": 93, "subsampling": subsampling, "progressive": progressive, "icc_profile": srgb_profile()}
    expected = pillow_bytes(Image.fromarray(photo.pixels), "JPEG", **options)
    assert encode_photo(photo, "JPEG", metadata="none") == expected


@pytest.mark.parametrize("dpi", [None, (300.0, 150.2), (0.2, 900_000.0)])
def test_jpeg_begins_with_jfif(dpi: tuple[float, float] | None) -> None:
    data = encode_photo(Photo(smooth(), dpi=dpi), "JPEG")
    unit, across, down = struct.unpack_from(">BHH", data, 13)
    assert data.startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1")
    assert data.count(b"JFIF\0") == 1
    if dpi is None:
        assert (unit, across, down) == (0, 1, 1)
    else:
        assert (unit, across, down) == (1, round(dpi[0]), min(round(dpi[1]), 65535))


def test_jpeg_of_noise_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    """Optimising fails in Pillow where a JPEG needs more than its buffer."""
    for quality in (90, 95, 100):
        photo = Photo(noise(300, 400), jpeg_quality=quality, jpeg_subsampling=0, jpeg_progressive=True)
        assert Image.open(io.BytesIO(encode_photo(photo, "JPEG"))).size == (400, 300)
    assert capfd.readouterr().err == ""


def test_photo_that_was_no_jpeg_gets_95_without_subsampling(tmp_path: Path) -> None:
    again = read(tmp_path, encode_photo(Photo.from_array(smooth()), "JPEG"))
    assert (again.jpeg_quality, again.jpeg_subsampling) == (95, 0)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_real_photos_keep_their_size_and_look(tmp_path: Path, path: Path) -> None:
    photo = open_photo(path)
    save_photo(photo, tmp_path / path.name)
    assert 0.5 < (tmp_path / path.name).stat().st_size / path.stat().st_size < 2.5
    difference = open_photo(tmp_path / path.name).pixels.astype(float) - photo.pixels
    assert np.sqrt((difference**2).mean()) < 4


def test_real_photos_are_there() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_same_photo_same_bytes(tmp_path: Path, format: str) -> None:
    exif = Image.Exif()
    exif.update({ExifTags.Base.Model: "Mark X", ExifTags.Base.Copyright: "me"})
    path = put(tmp_path, "photo.jpg", pillow_bytes(RGB, "JPEG", exif=exif, xmp=b"<a/>", comment=b"c"))
    one = encode_photo(open_photo(path), format, metadata="all")
    assert all(encode_photo(open_photo(path), format, metadata="all") == one for _ in range(2))


def test_photos_are_read_and_written_in_threads(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{kind}.bin", data) for kind, data in WHOLE.items()]
    expected = [encode_photo(open_photo(path)) for path in paths]
    results: dict[int, list[bytes]] = {}

    def work(number: int) -> None:
        results[number] = [encode_photo(open_photo(path)) for path in paths]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results.get(number) for number in range(4)] == [expected] * 4


def test_jpeg_too_large_for_the_format_is_one_line(tmp_path: Path) -> None:
    long = Photo.from_array(np.zeros((1, 70_000, 3), np.uint8))
    with pytest.raises(PhotoError, match=r"wide\.jpg: 70000 × 1 cannot be written as JPEG .* try \.png") as caught:
        save_photo(long, tmp_path / "wide.jpg")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["photo.heic", "photo.gif", "photo", "photo.jpg.bak"])
def test_suffixes_that_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(PhotoError, match=r"\.jpg .*\.png .*\.webp .*\.tif .*\.avif"):
        save_photo(Photo.from_array(smooth()), tmp_path / name)


def test_unknown_options_are_usage_errors(tmp_path: Path) -> None:
    photo = Photo.from_array(smooth())
    with pytest.raises(UsageError, match="did you mean none"):
        save_photo(photo, tmp_path / "photo.png", metadata="nome")
    with pytest.raises(UsageError, match="JPEG"):
        encode_photo(photo, "JPG")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("format", "given_path", "suffix"),
    [
        ("JPEG", "a.JPG", ".JPG"),
        ("JPEG", "a.jpeg", ".jpeg"),
        ("TIFF", "a.tif", ".tif"),
        ("PNG", "a.jpg", ".png"),
        ("HEIF", "a.heic", ".jpg"),
        ("HEIF", "a.jpg", ".jpg"),
        ("JPEG", "a", ".jpg"),
    ],
)
def test_output_suffix(format: str, given_path: str, suffix: str) -> None:
    assert output_suffix(Photo(smooth(), format=format), Path(given_path)) == suffix


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (smooth()[..., 0], None),
        (noise(channels=4), None),
        (smooth().astype(np.float32), None),
        (np.zeros((0, 4, 3), np.uint8), None),
        (smooth(), smooth()[..., :1]),
        (smooth(), smooth()[1:, :, 0]),
        (smooth(), smooth()[..., 0].astype(np.uint16)),
    ],
)
def test_arrays_of_another_shape_are_refused(pixels: np.ndarray, alpha: np.ndarray | None) -> None:
    with pytest.raises(PhotoError, match="give"):
        Photo.from_array(pixels, alpha)


def test_with_pixels() -> None:
    photo = Photo(smooth(), format="JPEG", jpeg_quality=93)
    changed = photo.with_pixels(255 - photo.pixels[:, ::-1][:, ::-1])
    assert changed.pixels.flags.c_contiguous
    assert (changed.jpeg_quality, changed.format, changed.bits) == (93, "JPEG", 8)
    assert np.array_equal(photo.pixels, smooth())
    for wrong in (smooth()[1:], smooth().astype(np.uint16)):
        with pytest.raises(PhotoError, match="give"):
            photo.with_pixels(wrong)


# --- Whole or not at all ----------------------------------------------------------------------------------


def test_an_existing_file_is_kept_without_force(tmp_path: Path) -> None:
    path = put(tmp_path, "photo.png", b"old")
    with pytest.raises(PhotoError, match="--force"):
        save_photo(Photo.from_array(smooth()), path)
    assert path.read_bytes() == b"old"
    save_photo(Photo.from_array(smooth()), path, force=True)
    assert np.array_equal(open_photo(path).pixels, smooth())
    assert [found.name for found in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    path = tmp_path / "photo.png"

    def encode(*_: Any, **__: Any) -> bytes:
        path.write_bytes(b"of another program")
        return b"new"

    monkeypatch.setattr(writing, "encode_photo", encode)
    if not hard_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no hard links")))
    with pytest.raises(PhotoError, match="--force"):
        save_photo(Photo.from_array(smooth()), path)
    assert path.read_bytes() == b"of another program"
    assert len(list(tmp_path.iterdir())) == 1


def test_without_hard_links_a_new_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no hard links")))
    save_photo(Photo.from_array(smooth()), tmp_path / "photo.png")
    assert [found.name for found in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    path = put(tmp_path, "photo.png", b"old")

    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(PhotoError if isinstance(failure, OSError) else type(failure)) as caught:
        save_photo(Photo.from_array(smooth()), path, force=True)
    if isinstance(failure, OSError):
        assert str(caught.value).startswith(f"{path}: No space left on device; ")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["photo.png"]


def test_a_failed_encoder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bytes:
        raise RuntimeError("two\nlines")

    monkeypatch.setitem(writing._ENCODERS, "PNG", fail)
    with pytest.raises(PhotoError, match=r"cannot be written as PNG \(two lines\)"):
        save_photo(Photo.from_array(smooth()), tmp_path / "photo.png")
    assert not list(tmp_path.iterdir())


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    photo = Photo.from_array(smooth())
    for path in (tmp_path / "missing" / "photo.png", put(tmp_path, "file", b"") / "photo.png"):
        with pytest.raises(PhotoError, match="check the name, the folder") as caught:
            save_photo(photo, path)
        assert str(caught.value).startswith(f"{path}: ")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PhotoError):
        save_photo(photo, tmp_path / "folder.png", force=True)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.skipif(ROOT, reason="root writes in every folder")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PhotoError, match="Permission denied"):
            save_photo(Photo.from_array(smooth()), tmp_path / "photo.png")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_photo(Photo.from_array(smooth()), tmp_path / "photo.png")
        save_photo(Photo.from_array(smooth()), tmp_path / "photo.png", force=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "photo.png").stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has other modes")
def test_a_private_file_that_is_replaced_stays_private(tmp_path: Path) -> None:
    path = put(tmp_path, "photo.png", b"old")
    path.chmod(0o600)
    save_photo(Photo.from_array(smooth()), path, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.symlink("photo.png", tmp_path / "link.png")
    save_photo(Photo.from_array(smooth()), tmp_path / "link.png", force=True)
    assert not (tmp_path / "link.png").is_symlink()


# --- The module -------------------------------------------------------------------------------------------


def test_reading_a_photo_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "small.jpg"
    Image.new("RGB", (8, 8)).save(path)
    heavy = {"torch", "scipy", "kornia", "tifffile", "pillow_heif"}
    script = f"import sys; from camofilter.photo import open_photo; open_photo({str(path)!r}); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert heavy.isdisjoint(modules.split())


def test_every_refusal_is_a_camofilter_error() -> None:
    assert issubclass(PhotoError, CamofilterError)
    assert PhotoError.exit_code == 1

"""TIFF, which Pillow reads and writes with 8 bits only."""

from __future__ import annotations

import io
import logging
import math
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from camofilter.cores import threads
from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble, plain_dpi
from camofilter.photo.colour import srgb_profile
from camofilter.photo.core import Photo, check_size, with_alpha
from camofilter.photo.metadata import Directory, Exif

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camofilter.photo.core import Pixels
    from camofilter.photo.keeping import Kept

# tifffile logs every oddity of a file; without a handler those lines would reach the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode_tiff(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from a TIFF of one page, 8 or 16 bits; PhotoError for what is no such photo."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        if len(file.pages) > 1:
            raise PhotoError(f"has {len(file.pages)} pages; give a single photo")
        page = file.pages.first
        # A tile can be larger than the picture, and is decoded whole.
        check_size(max(page.imagewidth, page.tilewidth), max(page.imagelength, page.tilelength), max_pixels)
        colours = _tiff_colours(page)
        ends = (start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=math.inf) > len(data):  # tifffile would fill up what is missing
            raise PhotoError("damaged or cut-off TIFF file (pixels are missing); copy or export it again")
        values, alpha = _tiff_samples(page, colours)
        xmp = page.tags.valueof(700)
        exif = Exif.parse(data)
        height, width = values.shape[:2]
        return assemble(
            format,
            values,
            alpha,
            orientation=exif.orientation(),
            exif=bytes(exif.everything(width, height)) or None,
            xmp=xmp if isinstance(xmp, bytes) else None,
            icc_profile=page.iccprofile,
            dpi=_tiff_dpi(page),
        )


def _tiff_colours(page: Any) -> int:
    """The number of colour samples of a TIFF page; refuses what is no photo of 8 or 16 bits."""
    import tifffile

    kind = tifffile.PHOTOMETRIC
    colours = {kind.MINISWHITE: 1, kind.MINISBLACK: 1, kind.PALETTE: 1, kind.RGB: 3, kind.SEPARATED: 4}
    if page.compression == tifffile.COMPRESSION.JPEG:
        colours[kind.YCBCR] = 3  # decoded to RGB along with the JPEG
    if page.photometric not in colours or page.samplesperpixel not in range(colours[page.photometric], 9):
        name = getattr(page.photometric, "name", page.photometric)
        raise PhotoError(f"TIFF of {page.samplesperpixel} samples of kind {name}; save it as RGB, grey or CMYK")
    bits = page.bitspersample
    if page.dtype not in (np.bool_, np.uint8, np.uint16) or (
        bits not in (1, 8, 16) and page.photometric != kind.PALETTE
    ):
        raise PhotoError(f"TIFF of {bits}-bit {page.dtype or 'mixed'} samples; save it with 8 or 16 bits per channel")
    return colours[page.photometric]


def _tiff_samples(page: Any, colours: int) -> tuple[Pixels, Pixels | None]:
    import tifffile

    stored = page.asarray(squeeze=False)  # planes × depth × height × width × samples
    samples = stored[:, 0].transpose(1, 2, 0, 3).reshape(*stored.shape[2:4], -1)
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * (1 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else 255)
    values = samples[..., :colours]
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        values = (page.colormap >> 8).astype(np.uint8).T[values[..., 0]]
    elif page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        values = ~values
    kind = page.extrasamples[0] if page.extrasamples else None
    if kind not in (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA):
        return values, None
    alpha = samples[..., colours]
    return (_unmultiplied(values, alpha) if kind == tifffile.EXTRASAMPLE.ASSOCALPHA else values), alpha


def _unmultiplied(values: Pixels, alpha: Pixels) -> Pixels:
    maximum = np.iinfo(values.dtype).max
    divisor = np.maximum(alpha, 1).astype(np.uint32)[..., np.newaxis]
    quotient: NDArray[np.uint32] = (values * np.uint32(maximum) + divisor // 2) // divisor  # 65535² + 32767 still fits
    return np.minimum(quotient, maximum).astype(values.dtype)


def _tiff_dpi(page: Any) -> tuple[float, float] | None:
    per_inch = {2: 1.0, 3: 2.54}.get(page.tags.valueof(296, default=2))
    with suppress(TypeError, ValueError, ZeroDivisionError):
        across, down = (n / d for n, d in (page.tags.valueof(282), page.tags.valueof(283)))
        return plain_dpi((across * per_inch, down * per_inch)) if per_inch else None
    return None


def encode_tiff(photo: Photo, texts: Kept) -> bytes:
    """Deflated strips of horizontal differences; written here as tifffile cannot add EXIF directories."""
    exif, samples = texts.exif, with_alpha(photo)
    height, width, channels = samples.shape
    rows = max(1, (1 << 18) // samples[0].nbytes)

    def deflated(top: int) -> bytes:
        strip = samples[top : top + rows].astype(samples.dtype.newbyteorder(exif.order))
        strip[:, 1:] -= samples[top : top + rows, :-1]
        packed = zlib.compress(strip.tobytes())
        return packed + b"\0" * (len(packed) % 2)

    with ThreadPoolExecutor(threads()) as pool:
        strips = list(pool.map(deflated, range(0, height, rows)))
    sizes = [len(strip) for strip in strips]
    starts = np.cumsum([8, *sizes])

    def entry(kind: str, *numbers: int) -> tuple[int, int, bytes]:
        return (
            {"H": 3, "I": 4}[kind],
            len(numbers),
            struct.pack(f"{exif.order}{len(numbers)}{kind}", *numbers),
        )

    def profile_like(kind: int, content: bytes) -> tuple[int, int, bytes]:
        return kind, len(content), content

    storage: Directory = {
        256: entry("I", width),
        257: entry("I", height),
        258: entry("H", *[photo.bits] * channels),
        259: entry("H", 8),  # deflate
        262: entry("H", 2),  # RGB
        273: entry("I", *starts[:-1].tolist()),
        277: entry("H", channels),
        278: entry("I", rows),
        279: entry("I", *sizes),
        284: entry("H", 1),  # samples side by side
        317: entry("H", 2),  # horizontal differences
        34675: profile_like(7, srgb_profile()),
    }
    if channels == 4:
        storage[338] = entry("H", 2)  # alpha that is not multiplied in
    if texts.xmp:
        storage[700] = profile_like(1, texts.xmp)
    if texts.iptc:
        storage[33723] = profile_like(7, texts.iptc)
    if photo.dpi:
        for tag, dpi in zip((282, 283), photo.dpi, strict=True):
            storage[tag] = 5, 1, struct.pack(exif.order + "II", round(dpi * 1000), 1000)
        storage[296] = entry("H", 2)  # per inch
    end = int(starts[-1])
    directory = replace(exif, main=exif.main | storage).pack(end)
    return b"".join([exif.header(end), *strips, directory])

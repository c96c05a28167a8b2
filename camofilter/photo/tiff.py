"""TIFF, which Pillow reads and writes with 8 bits only."""

from __future__ import annotations

import io
import logging
import math
import struct
import zlib
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from camofilter.cores import threads
from camofilter.errors import PhotoError
from camofilter.photo.assemble import assemble
from camofilter.photo.colour import srgb_profile
from camofilter.photo.core import Photo, check_size, with_alpha
from camofilter.photo.metadata import Directory, Exif
from camofilter.photo.samples import full_scale
from camofilter.photo.tiff_ycbcr import is_plain_ycbcr, plain_size, read_ycbcr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from camofilter.photo.core import Pixels
    from camofilter.photo.keeping import Kept

# tifffile logs every oddity of a file; without a handler those lines would reach the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height of the photo in a TIFF, from its directories alone."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = _photo_page(file)
        return int(page.imagewidth), int(page.imagelength)


def decode_tiff(data: bytes, format: str, max_pixels: int) -> Photo:
    """A photo from a TIFF of 1 to 16 bits; PhotoError for what is no such photo, or several."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = _photo_page(file)
        # A tile can be larger than the picture, and is decoded whole.
        check_size(max(page.imagewidth, page.tilewidth), max(page.imagelength, page.tilelength), max_pixels)
        colours = _tiff_colours(page)
        page.databytecounts = _byte_counts(page, data)
        values, alpha = _ycbcr_samples(page, data) if is_plain_ycbcr(page) else _tiff_samples(page, colours)
        xmp = page.tags.valueof(700)
        exif = Exif.parse(data, page.offset)
        height, width = values.shape[:2]
        return assemble(
            format,
            values,
            alpha,
            orientation=exif.orientation(),
            exif=bytes(exif.everything(width, height)) or None,
            xmp=xmp if isinstance(xmp, bytes) else None,
            icc_profile=page.iccprofile,
            dpi=exif.dpi(),
        )


def _photo_page(file: Any) -> Any:
    """The one directory of the photo itself, not of a preview, a level of its pyramid or a mask."""
    pages = list(_chain(file))
    # Where those of the chain are previews, the photo is below one of them, as cameras do it.
    below = (page for parent in pages for page in parent.pages or ())
    photos = [page for page in pages if not _is_part(page)] or [page for page in below if not _is_part(page)]
    if len(photos) == 2 and _is_thumbnail(*photos):
        return photos[0]
    if len(photos) > 1 or (not photos and len(pages) > 1):
        raise PhotoError(f"has {len(photos) or len(pages)} pages; give a single photo")
    return photos[0] if photos else pages[0]


def _chain(file: Any) -> Iterator[Any]:
    """The directories of a TIFF, which can be chained to a circle."""
    seen: set[int] = set()
    for page in file.pages:
        if page.offset in seen:
            return
        seen.add(page.offset)
        yield page.aspage()


def _is_thumbnail(photo: Any, second: Any) -> bool:
    """Whether the second directory is the thumbnail of a camera's photo, which Exif gives no NewSubfileType."""
    exif = 34665
    is_small = 2 * second.imagewidth <= photo.imagewidth and 2 * second.imagelength <= photo.imagelength
    return exif in photo.tags and exif not in second.tags and is_small


def _is_part(page: Any) -> bool:
    """Whether NewSubfileType, or its predecessor SubfileType, tells of a reduced copy or a mask (TIFF 6.0)."""
    import tifffile

    reduced, mask = 1, 4
    kind = page.tags.valueof(254)
    if kind is None:
        return bool(page.tags.valueof(255) == 2 or page.photometric == tifffile.PHOTOMETRIC.MASK)
    return bool(kind & (reduced | mask))


def _byte_counts(page: Any, data: bytes) -> tuple[int, ...]:
    """The sizes of strips or tiles, wrong ones put right as libtiff does; refuses a file that lacks pixels."""
    import tifffile

    plain = page.compression == tifffile.COMPRESSION.NONE
    counts: list[int] = []
    places = sorted({*page.dataoffsets, page.offset, len(data)})
    for number, (start, told) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        behind = min(bisect_right(places, start), len(places) - 1)
        count = _plain_size(page, number) if plain else min(told, places[behind] - start)
        packed = data[start : start + count]
        cut = len(packed) < count or (count < told and not plain and not _is_whole(page, number, packed))
        counts.append(0 if cut else count)
    if len(counts) < math.prod(page.chunked) or min(counts) <= 0:  # tifffile would fill up what is missing
        raise PhotoError("damaged or cut-off TIFF file (pixels are missing); copy or export it again")
    return tuple(counts)


def _is_whole(page: Any, number: int, packed: bytes) -> bool:
    """Whether a strip or tile that is shorter than told holds all of its pixels."""
    import tifffile

    if page.compression in (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG):
        return b"\xff\xd9" in packed
    size, unpack = _plain_size(page, number), tifffile.TIFF.DECOMPRESSORS[page.compression]
    # The bits of a code that is cut through would be made up: then what follows makes a difference.
    more = (b"", bytes(4), b"\xff" * 4) if page.compression == tifffile.COMPRESSION.LZW else (b"",)
    ends = {bytes(unpack(packed + bits, out=size))[:size] for bits in more}
    return len(ends) == 1 and len(ends.pop()) == size


def _plain_size(page: Any, number: int) -> int:
    """Bytes of an uncompressed strip or tile."""
    if page.is_tiled:
        rows, width = page.tilelength, page.tilewidth
    else:
        strips = math.ceil(page.imagelength / page.rowsperstrip)
        rows, width = min(page.rowsperstrip, page.imagelength - number % strips * page.rowsperstrip), page.imagewidth
    if is_plain_ycbcr(page):
        return plain_size(page, rows, width)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    return int(rows * math.ceil(width * samples * page.bitspersample / 8))


def _tiff_colours(page: Any) -> int:
    """The number of colour samples of a TIFF page; refuses what is no photo of 1 to 16 bits."""
    import tifffile

    kind = tifffile.PHOTOMETRIC
    colours = {kind.MINISWHITE: 1, kind.MINISBLACK: 1, kind.PALETTE: 1, kind.RGB: 3, kind.SEPARATED: 4}
    if page.compression in (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG) or is_plain_ycbcr(page):
        colours[kind.YCBCR] = 3  # decoded to RGB
    if page.photometric not in colours or page.samplesperpixel not in range(colours[page.photometric], 9):
        name = getattr(page.photometric, "name", "unknown")
        raise PhotoError(f"TIFF of {page.samplesperpixel} samples of kind {name}; save it as RGB, grey or CMYK")
    if page.dtype not in (np.bool_, np.uint8, np.uint16):
        what = f"{page.bitspersample}-bit {page.dtype or 'mixed'} samples"
        raise PhotoError(f"TIFF of {what}; save it with 8 or 16 bits per channel")
    return colours[page.photometric]


def _ycbcr_samples(page: Any, data: bytes) -> tuple[Pixels, None]:
    import tifffile

    unpack = tifffile.TIFF.DECOMPRESSORS[page.compression]

    def unpacked(number: int) -> bytes:
        start = page.dataoffsets[number]
        packed = data[start : start + page.databytecounts[number]]
        return packed if page.compression == tifffile.COMPRESSION.NONE else bytes(unpack(packed))

    return read_ycbcr(page, unpacked), None


def _tiff_samples(page: Any, colours: int) -> tuple[Pixels, Pixels | None]:
    import tifffile

    stored = page.asarray(squeeze=False)  # planes × depth × height × width × samples
    samples = stored[:, 0].transpose(1, 2, 0, 3).reshape(*stored.shape[2:4], -1)
    if page.photometric != tifffile.PHOTOMETRIC.PALETTE:
        samples = full_scale(samples, page.bitspersample)
    values = samples[..., :colours]
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        # A map of 16 bits by the standard; one that knows no number above 255 was written as of 8.
        colour_map = page.colormap if page.colormap.max() < 256 else page.colormap >> 8
        values = colour_map.astype(np.uint8).T[values[..., 0].astype(np.uint16)]
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

"""Writing photos, whole or not at all, with an sRGB profile and no more metadata than was asked for."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camofilter.errors import PhotoError, UsageError, unknown_name
from camofilter.photo.colour import srgb_profile
from camofilter.photo.core import Photo, eight_bit, naming, one_line, with_alpha
from camofilter.photo.iptc import as_resource
from camofilter.photo.keeping import Kept, kept
from camofilter.photo.metadata import METADATA
from camofilter.photo.names import FORMAT_BY_SUFFIX
from camofilter.photo.png import png_chunk
from camofilter.photo.tiff import encode_tiff
from camofilter.photo.xmp import extension_digest

if TYPE_CHECKING:
    from camofilter.photo.core import Pixels

_TEMPORARY = (".camofilter-", ".tmp")  # how names of files begin and end that are not yet whole
_LOWEST_JPEG_QUALITY = 90
_UNKNOWN_JPEG_QUALITY = 95
_WEBP_QUALITY = 92
_AVIF_QUALITY = 90
_COMMENT = 0xFE - 0xE0  # a segment of JPEG, as those of applications are counted


def output_suffix(photo: Photo, path: Path) -> str:
    """The suffix for a file next to the input.

    Args:
        photo: as read from ``path``.
        path: of the input.

    Returns:
        The input's own suffix where it names the type the file holds and that type is written; else that of
        the type to write, ".jpg" for HEIC.
    """
    format = _default_format(photo)
    if FORMAT_BY_SUFFIX.get(path.suffix.lower()) == format:
        return path.suffix
    return next(suffix for suffix, written in FORMAT_BY_SUFFIX.items() if written == format)


def encode_photo(photo: Photo, format: str | None = None, *, metadata: str = "safe") -> bytes:
    """The bytes of a photo's file.

    Quality: JPEG at the estimated quality of the JPEG read, at least 90, subsampled and progressive as it
    was; at 95 without subsampling where the photo was no JPEG. WebP at 92, or lossless where the photo was
    lossless WebP. AVIF at 90 without subsampling, or at 100 with transparency, exact only there. JPEG, WebP
    and AVIF round 16 bits to 8. JPEG, PNG and TIFF keep the pixels per inch.

    Metadata, wherever it stands (EXIF, XMP, IPTC, texts of PNG): "safe" keeps what
    :mod:`camofilter.photo.keeping` lists: dates, camera and lens models, exposure, copyright, and that camofilter
    made it; "creator" also the names of who made it; "all" also GPS and whatever else there is, but for
    thumbnails, other embedded pictures and the maker note; "none" keeps nothing.
    :func:`camofilter.photo.left_out` tells what could not be kept.

    Args:
        photo: to write.
        format: "JPEG", "PNG", "WEBP", "TIFF" or "AVIF"; that of the photo when None, JPEG for HEIC.
        metadata: "safe", "creator", "all" or "none".

    Returns:
        The whole file; the same for the same arguments.

    Raises:
        PhotoError: where the format cannot hold the photo: transparency in JPEG, too many pixels per side.
        UsageError: for an unknown format or choice of metadata.
    """
    format = format or _default_format(photo)
    if format not in _ENCODERS:
        raise unknown_name("format", format, _ENCODERS)
    if metadata not in METADATA:
        raise unknown_name("choice of metadata", metadata, METADATA)
    bare = replace(photo, dpi=None) if metadata == "none" else photo
    try:
        return _ENCODERS[format](bare, kept(photo, format, metadata))
    except PhotoError:
        raise
    except MemoryError:
        raise PhotoError("does not fit in memory; make it smaller or close other programs") from None
    except Exception as error:  # each encoder has its own errors for its own limits
        size = f"{photo.width} × {photo.height}"
        raise PhotoError(f"{size} cannot be written as {format} ({one_line(error)}); try .png or .tif") from error


def save_photo(photo: Photo, path: str | os.PathLike[str], *, metadata: str = "safe", force: bool = False) -> None:
    """Write a photo, whole or not at all; the suffix of the path tells the format.

    Args:
        photo: to write; see :func:`encode_photo`.
        path: of the new file, in an existing folder.
        metadata: "safe", "creator", "all" or "none".
        force: replace an existing file.

    Raises:
        PhotoError: where the file exists, cannot be written, or the format cannot hold the photo.
        UsageError: for an unknown choice of metadata.
    """
    path = Path(path)
    with naming(path):
        format = _format_by_suffix(path)
        check_free(path, force)
        write_atomically(path, encode_photo(photo, format, metadata=metadata), force)


def check_output(path: Path) -> None:
    """Refuses a file whose suffix names no type that is written (PhotoError), before the work is done."""
    with naming(path):
        _format_by_suffix(path)


def check_free(path: Path, force: bool) -> None:
    """Refuses a file that is there already and must stay (PhotoError without its name), before the work is done."""
    if not force and os.path.lexists(path):
        raise PhotoError(_EXISTS)


def check_all_free(paths: Iterable[Path], force: bool) -> None:
    """Refuses files of a folder that are there already and must stay (UsageError), before the work is done."""
    for path in paths:
        if not force and os.path.lexists(path):
            raise UsageError(f"{path} exists: add --force to replace it, or give another folder")


def _format_by_suffix(path: Path) -> str:
    format = FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if format is None:
        known = " ".join(FORMAT_BY_SUFFIX)
        ends = f"named '{path.suffix}'" if path.suffix else "without a suffix"
        raise PhotoError(f"files {ends} are not written; name it one of {known}")
    return format


_EXISTS = "exists already; replace it with --force or give another name"


def write_atomically(path: Path, data: bytes, force: bool, like: Path | None = None) -> None:
    """Writes a file beside its place and moves it there; PhotoError if one is there already and must stay.

    Args:
        path: of the file.
        data: its content.
        force: replace a file that is there; its mode, owner (where allowed) and extended attributes stay.
        like: another file from which it gets them.
    """
    if force and like is None and path.is_file() and not path.is_symlink():
        like = path
    temporary = path.with_name(f"{_TEMPORARY[0]}{os.urandom(8).hex()}{_TEMPORARY[1]}")
    mode = 0o666 if like is None else 0o600  # nobody else reads what may not be read by them later
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if like is not None:
                _resemble(temporary, like)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(temporary, path)
        else:
            _move_to_free_name(temporary, path)
    finally:
        with suppress(OSError):  # moved away already, or gone with its folder
            temporary.unlink()


def _resemble(file: Path, other: Path) -> None:
    """Gives a file the owner, the extended attributes (access lists among them) and the mode of another one."""
    wanted = other.stat()
    mode = stat.S_IMODE(wanted.st_mode)
    if hasattr(os, "chown"):
        for owner in (wanted.st_uid, -1):
            with suppress(OSError):
                os.chown(file, owner, wanted.st_gid)
                break
        if file.stat().st_gid != wanted.st_gid:  # what one group may do, another one may not: it is as all others
            mode = mode & ~0o070 | (mode & 0o007) << 3
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a file system without them
            for name in os.listxattr(other):
                with suppress(OSError):  # one that only the system may set
                    os.setxattr(file, name, os.getxattr(other, name))
    os.chmod(file, mode)


def is_leftover(name: str) -> bool:
    """Whether a file's name is of one that was being written when the power went."""
    return name.startswith(_TEMPORARY[0]) and name.endswith(_TEMPORARY[1])


def _move_to_free_name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise PhotoError(_EXISTS) from None
    except OSError:  # a file system without hard links, such as FAT
        if os.path.lexists(path):
            raise PhotoError(_EXISTS) from None
        os.replace(temporary, path)


def _default_format(photo: Photo) -> str:
    return "JPEG" if photo.format == "HEIF" else photo.format


def _is_transparent(photo: Photo) -> bool:
    return photo.alpha is not None and bool((photo.alpha < np.iinfo(photo.alpha.dtype).max).any())


def _save_with_pillow(values: Pixels, format: str, texts: Kept, **options: Any) -> bytes:
    block = {"exif": b"Exif\0\0" + bytes(texts.exif)} if bytes(texts.exif) else {}
    packet = {"xmp": texts.xmp} if texts.xmp else {}
    file = io.BytesIO()
    Image.fromarray(eight_bit(values)).save(file, format, icc_profile=srgb_profile(), **block, **packet, **options)
    return file.getvalue()


def _encode_jpeg(photo: Photo, texts: Kept) -> bytes:
    if _is_transparent(photo):
        raise PhotoError("JPEG cannot hold the transparent parts of this photo; name the output .png or .webp")
    import imagecodecs

    pixels = eight_bit(photo.pixels)
    quality = max(photo.jpeg_quality or _UNKNOWN_JPEG_QUALITY, _LOWEST_JPEG_QUALITY)
    subsampling = ("4:4:4", "4:2:2", "4:2:0")[photo.jpeg_subsampling or 0]
    # Huffman tables of its own would make a photo smaller by 0.3 to 3 %, and take three times as long.
    image = bytes(imagecodecs.jpeg8_encode(pixels, quality, subsampling=subsampling.replace(":", "")))
    # Pillow gives libjpeg a buffer of one byte per pixel for a progressive JPEG, and fails where noise needs more.
    if photo.jpeg_progressive and len(image) <= 0.8 * photo.width * photo.height:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling, progressive=True)
        image = file.getvalue()
    per_inch = (1, *(min(round(dpi), 65535) for dpi in photo.dpi)) if photo.dpi else (0, 1, 1)
    segments = _jpeg_segment(0, b"JFIF\0\1\1", struct.pack(">BHHBB", *per_inch, 0, 0))
    segments += _jpeg_texts(texts) + _jpeg_segment(2, b"ICC_PROFILE\0\1\1", srgb_profile())
    segments += b"".join(_jpeg_segment(_COMMENT, b"", text.encode()) for _, text in texts.comments)
    after_jfif = 20
    return image[:2] + segments + image[after_jfif:]


def _jpeg_texts(texts: Kept) -> bytes:
    segments, part = b"", 65_000
    if bytes(texts.exif):
        segments += _jpeg_segment(1, b"Exif\0\0", bytes(texts.exif))
    if texts.xmp:
        segments += _jpeg_segment(1, b"http://ns.adobe.com/xap/1.0/\0", texts.xmp)
    rest = texts.xmp_extension
    name = b"http://ns.adobe.com/xmp/extension/\0" + extension_digest(rest).encode()
    for at in range(0, len(rest), part):
        segments += _jpeg_segment(1, name + struct.pack(">II", len(rest), at), rest[at : at + part])
    resource = as_resource(texts.iptc) if texts.iptc else b""
    for at in range(0, len(resource), part):
        segments += _jpeg_segment(13, b"Photoshop 3.0\0", resource[at : at + part])
    return segments


def _jpeg_segment(number: int, name: bytes, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, 0xE0 + number, 2 + len(name) + len(content)) + name + content


def _encode_webp(photo: Photo, texts: Kept) -> bytes:
    quality = {"lossless": True, "exact": True} if photo.webp_lossless else {"quality": _WEBP_QUALITY}
    return _save_with_pillow(with_alpha(photo), "WEBP", texts, **quality)


def _encode_avif(photo: Photo, texts: Kept) -> bytes:
    quality = 100 if _is_transparent(photo) else _AVIF_QUALITY
    # The number of threads changes the bytes, so it is not left to the machine.
    options = {"quality": quality, "subsampling": "4:4:4", "max_threads": 4}
    # Pillow would write EXIF anew, without what it does not know, to take the orientation out: AVIF has it elsewhere.
    texts = replace(texts, exif=texts.exif.without_orientation())
    return _save_with_pillow(with_alpha(photo), "AVIF", texts, **options)


def _encode_png(photo: Photo, texts: Kept) -> bytes:
    import imagecodecs

    # Level 4 takes a third of the time of level 6, for 6 % more bytes.
    image = bytes(imagecodecs.png_encode(with_alpha(photo), level=4))
    chunks = png_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if photo.dpi:
        across, down = (round(dpi / 0.0254) for dpi in photo.dpi)
        chunks += png_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))  # per metre
    if bytes(texts.exif):
        chunks += png_chunk(b"eXIf", bytes(texts.exif))
    if texts.xmp:
        chunks += png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + texts.xmp)
    if texts.iptc:
        block = as_resource(texts.iptc)  # in the form of ImageMagick, which others read, too
        profile = f"\niptc\n{len(block):8d}\n{block.hex()}\n".encode()
        chunks += png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(profile))
    chunks += b"".join(_png_text(keyword, text) for keyword, text in texts.comments)
    after_header = 33
    return image[:after_header] + chunks + image[after_header:]


def _png_text(keyword: str, text: str) -> bytes:
    name = keyword.encode("latin-1") + b"\0"
    try:
        return png_chunk(b"tEXt", name + text.encode("latin-1"))
    except UnicodeEncodeError:
        return png_chunk(b"iTXt", name + b"\0\0\0\0" + text.encode())


_ENCODERS: dict[str, Callable[[Photo, Kept], bytes]] = {
    "JPEG": _encode_jpeg,
    "PNG": _encode_png,
    "WEBP": _encode_webp,
    "TIFF": encode_tiff,
    "AVIF": _encode_avif,
}

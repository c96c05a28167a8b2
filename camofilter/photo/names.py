"""What the names of files tell of photos; reading tells the type from the content."""

from __future__ import annotations

import os

FORMAT_BY_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
}
_HEIC = (".heic", ".heif", ".hif")  # read only


def named_like_photo(name: str) -> bool:
    """Whether a file's name ends like those of photos that are read; what it holds may be another matter."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in FORMAT_BY_SUFFIX or suffix in _HEIC


def likely_suffix(name: str) -> str:
    """The suffix of the photo that will be written for one of this name, as far as its name tells."""
    suffix = os.path.splitext(name)[1]
    return ".jpg" if suffix.lower() in _HEIC else suffix

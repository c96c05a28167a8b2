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
JOURNAL = "camofilter.sqlite"  # by which the folder of a batch's results is known
_HEIC = (".heic", ".heif", ".hif")  # read only


def named_like_photo(name: str) -> bool:
    """Whether a file's name ends like those of photos that are read; what it holds may be another matter."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in FORMAT_BY_SUFFIX or suffix in _HEIC


def is_aside(name: str) -> bool:
    """Whether a file is nobody's photo or data, by its name: hidden, in a hidden folder, or of a batch's journal.

    Args:
        name: within the folder that was given, "/" between folders.
    """
    parts = name.split("/")
    return any(part.startswith(".") for part in parts) or parts[-1].startswith(JOURNAL)


def likely_suffix(name: str) -> str:
    """The suffix of the photo that will be written for one of this name, as far as its name tells."""
    suffix = os.path.splitext(name)[1]
    return ".jpg" if suffix.lower() in _HEIC else suffix

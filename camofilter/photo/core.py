"""The photo itself: an array of pixels with what its file said about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from camofilter.errors import PhotoError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camofilter.photo.mark import Mark

    Pixels = NDArray[np.uint8 | np.uint16]

DEFAULT_MAX_PIXELS = 300_000_000


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo in memory.

    Attributes:
        pixels: H×W×3, uint8 or uint16 over their full range, sRGB-encoded RGB, upright, C-contiguous.
        alpha: H×W of the same type, 0 transparent; None for a photo without. It passes through untouched.
        format: what was read: "JPEG", "PNG", "WEBP", "TIFF", "AVIF" or "HEIF".
        exif: the EXIF block as read, of a TIFF its tags packed as one; filtered only on writing.
        xmp: the XMP packet as read, with its extension.
        iptc: the IPTC block as read.
        comments: keywords and texts of a PNG, or of a JPEG those of the keyword "Comment".
        others: in words, what the file holds besides and no written file does, such as a gain map.
        mark: that camofilter made it; see :mod:`camofilter.photo.mark`.
        icc_profile: the profile of the file, for information: the pixels are sRGB already.
        dpi: horizontal and vertical pixels per inch.
        jpeg_quality: IJG quality, 1 to 100, nearest to the quantisation tables of the file.
        jpeg_subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0; None where unknown or another.
        jpeg_progressive: whether the JPEG read was progressive.
        webp_lossless: whether the WebP read was lossless.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    format: str = "PNG"
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    comments: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    mark: Mark | None = None
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg_quality: int | None = None
    jpeg_subsampling: int | None = None
    jpeg_progressive: bool = False
    webp_lossless: bool = False

    def __post_init__(self) -> None:
        """Refuse arrays of another shape or type than documented."""
        pixels, alpha = self.pixels, self.alpha
        if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size or pixels.dtype not in (np.uint8, np.uint16):
            raise PhotoError(
                f"pixels are {pixels.dtype} of shape {pixels.shape}; give uint8 or uint16, height × width × 3"
            )
        if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != pixels.dtype):
            raise PhotoError(
                f"alpha is {alpha.dtype} of shape {alpha.shape}; give {pixels.dtype} of {pixels.shape[:2]}"
            )

    @classmethod
    def from_array(cls, pixels: Pixels, alpha: Pixels | None = None) -> Photo:
        """A photo from arrays, to be written as PNG by default.

        Args:
            pixels: H×W×3, uint8 or uint16, sRGB-encoded RGB; copied only where not C-contiguous.
            alpha: H×W of the same type, or None.

        Returns:
            The photo, without metadata.

        Raises:
            PhotoError: for another shape or type.
        """
        return cls(contiguous(pixels), None if alpha is None else contiguous(alpha))

    def with_pixels(self, pixels: Pixels) -> Photo:
        """The same photo and metadata with other pixels.

        Args:
            pixels: of the shape and type of ``self.pixels``.

        Returns:
            The new photo; this one is unchanged.

        Raises:
            PhotoError: for another shape or type.
        """
        if pixels.shape != self.pixels.shape or pixels.dtype != self.pixels.dtype:
            raise PhotoError(
                f"new pixels are {pixels.dtype} of shape {pixels.shape};"
                f" give {self.pixels.dtype} of {self.pixels.shape}"
            )
        return replace(self, pixels=contiguous(pixels))

    @property
    def bits(self) -> int:
        """Bits per channel, 8 or 16."""
        return 8 * self.pixels.dtype.itemsize

    @property
    def width(self) -> int:
        """Pixels per row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])


def contiguous(values: Pixels) -> Pixels:
    """C-contiguous, in the strides of one-pixel sides too: imagecodecs minds those, numpy does not."""
    return np.ascontiguousarray(values).reshape(-1).reshape(values.shape)


def eight_bit(values: Pixels) -> NDArray[np.uint8]:
    """The nearest of 256 levels."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    above = np.minimum(values, 65407) + 128  # ⌊(value + 128) / 257⌋, without copies of 32 bits
    nearest: NDArray[np.uint8] = ((above - (above >> 8)) >> 8).astype(np.uint8)
    return nearest


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuses a header's width and height that make more pixels than allowed (PhotoError)."""
    if width * height > max_pixels:
        raise PhotoError(
            f"{width} × {height} are {width * height:,} pixels, more than the limit of {max_pixels:,};"
            " if you trust the file, raise it with --max-pixels"
        )


def one_line(error: Exception) -> str:
    """The message of an error without line breaks, or else its name."""
    return " ".join(str(error).split()) or type(error).__name__


def with_alpha(photo: Photo) -> Pixels:
    """H×W×3 without alpha, H×W×4 with."""
    return photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what goes wrong with a file into one line that begins with its name."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))
    try:
        yield
    except PhotoError as error:
        raise PhotoError(f"{shown}: {error}") from error.__cause__
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise PhotoError(f"{shown}: {reason}; check the name, the folder, its permissions and free space") from error
    except ValueError as error:  # a name with a null character
        raise PhotoError(f"{shown}: not a file name ({one_line(error)}); check the name") from error

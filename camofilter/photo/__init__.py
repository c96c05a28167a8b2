"""One photo: its pixels and what its file says about them; reading and writing it.

Read are JPEG, PNG, WebP, TIFF and AVIF, and HEIC with the extra ``heif``. Whatever the file holds (grey,
palette, CMYK, a wide-gamut profile, a sideways orientation), the pixels of a :class:`Photo` are upright sRGB,
with 8 or 16 bits as in the file, 16 where it has 10 or 12. Pixels whose profile is sRGB in effect stay
exactly as they are. Colours are what an ICC profile says, or code points (cICP of PNG, nclx of AVIF and HEIC), or gAMA
and cHRM of PNG; PQ and HLG are tone-mapped. A file is read where all of its pixels are there, whatever else is damaged
or missing in it, and refused where some are not.

Written are JPEG, PNG, WebP, TIFF and AVIF, always as RGB with an sRGB profile. The same photo and options
give the same bytes.
"""

from __future__ import annotations

from camofilter.photo.core import DEFAULT_MAX_PIXELS, Photo
from camofilter.photo.keeping import left_out
from camofilter.photo.mark import Mark, marked
from camofilter.photo.metadata import METADATA, Metadata
from camofilter.photo.reading import decode_photo, open_photo
from camofilter.photo.writing import check_output, encode_photo, output_suffix, save_photo

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "METADATA",
    "Mark",
    "Metadata",
    "Photo",
    "check_output",
    "decode_photo",
    "encode_photo",
    "left_out",
    "marked",
    "open_photo",
    "output_suffix",
    "save_photo",
]

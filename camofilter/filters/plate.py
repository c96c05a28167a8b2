"""A grain plate: where on a photo the grain is light and where dark, in whole levels, as a search has found it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np

_MOST = 1 << 24  # cells; searched ones have about 200,000
# Levels in the root mean square of a pattern: plain skies get a tenth of what foliage does, and that has to be whole
# levels, too. Errors of a thirteenth are far below those of rounding a photo to 8 bits.
_FINENESS, _HIGHEST = 4, 127
_TEXT = re.compile(r"(\d{1,5})x(\d{1,5}):([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, eq=False)
class Plate:
    """Levels on a grid that spans the photo; only their proportions count.

    Attributes:
        levels: H×W int8.
    """

    levels: np.ndarray

    @property
    def name(self) -> str:
        """Its width and height in cells."""
        return f"{self.levels.shape[1]}×{self.levels.shape[0]}"

    @classmethod
    def of(cls, pattern: np.ndarray) -> Self:
        """The plate nearest to a pattern, in quarters of its root mean square, up to 127 of them.

        Args:
            pattern: H×W, any floating-point numbers; all zeros give a plate of zeros.
        """
        unit = float(np.sqrt(np.mean(np.square(pattern, dtype=np.float64)))) / _FINENESS or 1.0
        return cls(np.clip(np.rint(pattern / unit), -_HIGHEST, _HIGHEST).astype(np.int8))

    def pack(self) -> str:
        """The plate as text: width, height, and the deflated levels in base64 (RFC 1951, RFC 4648)."""
        height, width = self.levels.shape
        deflated = zlib.compress(self.levels.tobytes(), 9)
        return f"{width}x{height}:{base64.b64encode(deflated).decode('ascii')}"

    @classmethod
    def unpack(cls, text: str) -> Self:
        """The plate in a text made by :meth:`pack`.

        Raises:
            ValueError: it is none; the message says why.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("not WIDTHxHEIGHT:DATA")
        width, height = int(found[1]), int(found[2])
        if not 0 < width * height <= _MOST:
            raise ValueError(f"it has {width} × {height} cells, not 1 to {_MOST}")
        try:
            deflated = base64.b64decode(found[3], validate=True)
            levels = zlib.decompressobj().decompress(deflated, width * height + 1)
        except (binascii.Error, zlib.error):
            raise ValueError("its data are damaged") from None
        if len(levels) != width * height:
            raise ValueError(f"its data are not {width * height} levels")
        return cls(np.frombuffer(levels, np.int8).reshape(height, width))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plate) and np.array_equal(self.levels, other.levels)

    def __hash__(self) -> int:
        return hash(self.levels.tobytes())

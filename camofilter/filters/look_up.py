"""Colours looked up in a baked table: the compiled kernel of the full-size path.

The work is done by OpenColorIO: tetrahedral interpolation, of curves linear, with the processor's vector
instructions, outside Python's global lock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import PyOpenColorIO as ocio


class LookUp:
    """A map from colours to colours. In a chain it stands for the point filters that were baked into it.

    One object may be used from several threads at once.

    Args:
        table: n×n×n×3 float32, the colours that those at (r, g, b)·(n − 1) become; n×3, a curve for each channel,
            linear between its points; None changes nothing.
    """

    copy_side = 0

    def __init__(self, table: np.ndarray | None = None) -> None:
        self._compiled = None
        if table is not None:
            if table.ndim == 4:
                transform = ocio.Lut3DTransform(len(table))
                transform.setInterpolation(ocio.INTERP_TETRAHEDRAL)
            else:
                transform = ocio.Lut1DTransform(len(table), False)
                transform.setInterpolation(ocio.INTERP_LINEAR)
            transform.setData(np.ascontiguousarray(table, np.float32).reshape(-1))
            processor = ocio.Config.CreateRaw().getProcessor(transform)
            self._compiled = processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)

    def __call__(self, colours: np.ndarray) -> None:
        """Looks up H×W×3 float32 colours, C-contiguous, in place; what lies outside [0, 1] is taken as its end."""
        if self._compiled is not None:
            self._compiled.apply(ocio.PackedImageDesc(colours, colours.shape[1], colours.shape[0], 3))

    def maps(self, copy: np.ndarray, height: int, width: int, settings: dict[str, Any]) -> None:
        """None, as of any point filter."""

    def blend(self, image: np.ndarray, maps: None = None, settings: dict[str, Any] | None = None) -> np.ndarray:
        """The colours of a 1×3×h×w float32 image looked up."""
        colours = image[0].transpose(1, 2, 0).copy("C")
        self(colours)
        return np.ascontiguousarray(colours.transpose(2, 0, 1))[None]

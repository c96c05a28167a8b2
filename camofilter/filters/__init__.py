"""The filters: what they are, which there are, and how one is called.

**The image convention** (said here, kept everywhere): an image is B×3×H×W, RGB, sRGB-encoded, floating point,
in [0, 1]; a torch tensor where gradients are wanted, a numpy array where they are not. Each formula is written
once, for both. Every length is a fraction of the image's longer side, never pixels, so that a recipe found on a
small copy looks the same on the full-size photo. At its identity settings a filter returns its input exactly.

A filter lives in the file of its name and is fetched by it: ``get("exposure")(image, ev=0.5)``.
"""

from __future__ import annotations

import importlib

from camofilter.errors import unknown_name
from camofilter.filters.base import FileSetting, Filter, HeldSetting, PackedSetting, Setting

__all__ = ["NAMES", "FileSetting", "Filter", "HeldSetting", "PackedSetting", "Setting", "get"]

# In the order in which a search chains them: what maps colour to colour first, since that can be baked.
NAMES = (
    "white_balance",
    "exposure",
    "brightness",
    "tones",
    "levels",
    "contrast",
    "tone_curve",
    "channel_mixer",
    "hsl",
    "saturation",
    "vibrance",
    "black_and_white",
    "colour_grading",
    "lut",
    "fade",
    "dehaze",
    "clarity",
    "texture",
    "sharpen",
    "dodge_and_burn",
    "tilt_shift",
    "soft_focus",
    "glow",
    "bloom",
    "halation",
    "light_leak",
    "vignette",
    "grain",
    "tuned_grain",
)


def get(name: str) -> Filter:
    """The filter of this name.

    Raises:
        UsageError: there is none; the message names the nearest ones.
    """
    if name not in NAMES:
        raise unknown_name("filter", name, NAMES)
    module = importlib.import_module(f"camofilter.filters.{name}")
    found: Filter = getattr(module, name)
    return found

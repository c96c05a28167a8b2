"""The mark of a result: that camofilter made a photo, by which version and recipe; nothing that tells of a person.

It stands in XMP, which all types of files that are written carry, in a namespace of its own: by their standards
``xmp:CreatorTool`` is the first program that a photo came from, and EXIF's ``Software`` that of the camera.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camofilter.photo import xmp

if TYPE_CHECKING:
    from camofilter.photo.core import Photo

_VERSION, _RECIPE = xmp.name("camofilter:Version"), xmp.name("camofilter:Recipe")


@dataclass(frozen=True)
class Mark:
    """What a result says of itself.

    Attributes:
        version: of the camofilter that made it.
        recipe: SHA-256 of the recipe's JSON, in hexadecimal: that of the file which ``--recipe-out`` writes.
    """

    version: str
    recipe: str

    def properties(self) -> xmp.Properties:
        """As XMP."""
        return {_VERSION: xmp.Property.of(self.version), _RECIPE: xmp.Property.of(self.recipe)}


def read(packet: bytes | None) -> Mark | None:
    """The mark in an XMP packet; None where there is none."""
    if xmp.NAMESPACES["camofilter"].encode() not in (packet or b""):
        return None
    found = xmp.properties(xmp.parse(packet))
    version, recipe = (found[name].texts[0] if name in found else "" for name in (_VERSION, _RECIPE))
    is_one = re.fullmatch(r"[\w.+-]{1,40}", version, re.ASCII) and re.fullmatch("[0-9a-f]{64}", recipe)
    return Mark(version, recipe) if is_one else None


def marked(photo: Photo, recipe: str) -> Photo:
    """The photo, marked as made by a recipe, given as its JSON."""
    from camofilter import __version__

    return replace(photo, mark=Mark(__version__, hashlib.sha256(recipe.encode()).hexdigest()))

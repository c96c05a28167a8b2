"""The two tasks: how their photos are prepared, and how a machine is asked what it sees in one.

Pixel Privacy at MediaEval 2019 (scenes) and 2020 (quality camouflage); CEUR-WS Vol-2670 and Vol-2882.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from camofilter.biqa.fit import centre, fit, jpeg
from camofilter.errors import PhotoError
from camofilter.photo.core import Photo, eight_bit

if TYPE_CHECKING:
    from torch import Tensor

    from camofilter.biqa import Target
    from camofilter.optim import Judgement
    from camofilter.photo.core import Pixels


@dataclass(frozen=True)
class Task:
    """What both tasks have in common.

    Attributes:
        name: "quality" or "scene".
        size: width and height of its photos, in pixels.
        jpeg_quality: with which the organisers recompressed what they were given; None where they did not.
    """

    name: Literal["quality", "scene"]
    size: tuple[int, int]
    jpeg_quality: int | None

    def prepared(self, photo: Photo) -> Photo:
        """A photo as the task gave it out, 8 bit, without metadata.

        For quality the centre is cut out as it is; a scene is scaled until it just covers the size, then cut.

        Raises:
            PhotoError: smaller than what is cut out.
        """
        width, height = self.size
        if self.name == "scene":
            return Photo.from_array(fit(photo.pixels, self.size))
        if photo.width < width or photo.height < height:
            raise PhotoError(f"is {photo.width}×{photo.height}; expected at least {width}×{height} to cut out")
        left, top = centre(photo.width, photo.height, self.size)
        return Photo.from_array(eight_bit(photo.pixels[top : top + height, left : left + width]))

    def arriving(self, pixels: Pixels, target: Target) -> Tensor:
        """H×W×3 pixels of the task's size as they reach a target, recompressed first where the organisers did that.

        Returns:
            1×3×h×w in [0, 1], of the target's frame.
        """
        from camofilter.biqa import as_image

        pixels = eight_bit(pixels) if self.jpeg_quality is None else jpeg(eight_bit(pixels), self.jpeg_quality)
        return as_image(fit(pixels, target.frame(pixels.shape[1], pixels.shape[0])))

    def judgement(self, pixels: Pixels, target: Target) -> Judgement:
        """What a target thinks of H×W×3 pixels of the task's size."""
        from camofilter.optim.watchers import judged

        return judged(self.arriving(pixels, target), target)


QUALITY = Task("quality", (512, 384), 90)
SCENE = Task("scene", (256, 256), None)
TASKS = {task.name: task for task in (QUALITY, SCENE)}

"""Photos found again: whether machines still see them, and what became of them on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from camofilter.biqa import Target
from camofilter.optim.perception import Change, change
from camofilter.optim.records import verdict_to_dict
from camofilter.optim.registration import Place, registered
from camofilter.optim.watchers import Verdict, judgement, verdict
from camofilter.photo import Photo
from camofilter.photo.core import eight_bit

_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True)
class Origin:
    """What became of an original on the way to a file found again.

    Attributes:
        width, height: of the original, in pixels.
        place: the part of it that the file shows; None if it shows no part of it.
        change: how the file differs from that part, resized to its size; None if it shows none.
    """

    width: int
    height: int
    place: Place | None
    change: Change | None

    @property
    def kept(self) -> tuple[float, float]:
        """The shares of the (turned) original's width and height that the file shows; 0 if it shows none of it."""
        if self.place is None:
            return 0.0, 0.0
        upright = self.place.turn not in ("left", "right")
        width, height = (self.width, self.height) if upright else (self.height, self.width)
        return min(self.place.width / width, 1.0), min(self.place.height / height, 1.0)


@dataclass(frozen=True)
class Verified:
    """What is to be said of a file found again.

    Attributes:
        photo: as read, with what its file tells: format, JPEG quality, the mark of camofilter.
        verdicts: of each target: on the original, if one was given, else on the file; on the file; and on what would
            become of that by each way of passing it on (``optim.channel.BATTERY``).
        origin: what became of the original; None if none was given.
    """

    photo: Photo
    verdicts: tuple[Verdict, ...]
    origin: Origin | None = None

    @property
    def hidden(self) -> bool:
        """Whether no target sees the file as it is."""
        return all(verdict.hidden for verdict in self.verdicts)

    @property
    def survives(self) -> bool:
        """Whether no target would see it after any delivery that was tried, either."""
        return all(verdict.survives for verdict in self.verdicts)


def verify(photo: Photo, targets: Sequence[Target], original: Photo | None = None) -> Verified:
    """Has a photo that was found again judged, and held against what it was made of.

    Args:
        photo: any size.
        targets: the machines; scorers without gradients will do.
        original: what it was made of, before or after it was hidden.
    """
    if original is not None:
        against = tuple(verdict(original.pixels, photo.pixels, target) for target in targets)
        return Verified(photo, against, _origin(photo, original))
    seen = [(target, judgement(photo.pixels, target)) for target in targets]
    return Verified(photo, tuple(Verdict(target, one, one).tried(photo.pixels) for target, one in seen))


def _origin(photo: Photo, original: Photo) -> Origin:
    place = registered(original.pixels, photo.pixels)
    if place is None:
        return Origin(original.width, original.height, None, None)
    was = place.cut_from(original.pixels, (photo.width, photo.height))
    return Origin(original.width, original.height, place, change(was, eight_bit(photo.pixels)))


def to_dict(found: Verified) -> dict[str, Any]:
    """All of it, for JSON."""
    photo, mark = found.photo, found.photo.mark
    jpeg = photo.format == "JPEG"
    return {
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "jpeg_quality": photo.jpeg_quality if jpeg else None,
        "jpeg_subsampling": None if photo.jpeg_subsampling is None else _SUBSAMPLINGS[photo.jpeg_subsampling],
        "mark": None if mark is None else {"version": mark.version, "recipe": mark.recipe},
        "hidden": found.hidden,
        "survives": found.survives,
        "targets": [_verdict(verdict, found.origin is not None) for verdict in found.verdicts],
        "original": None if found.origin is None else _origin_to_dict(found.origin),
    }


def _verdict(verdict: Verdict, against: bool) -> dict[str, Any]:
    scores = {
        "score_original": verdict.before.score if against else None,
        "score": verdict.after.score,
        "sees": verdict.after.words,
    }
    return verdict_to_dict(verdict, scores)


def _origin_to_dict(origin: Origin) -> dict[str, Any]:
    place, differs = origin.place, origin.change
    size = {"width": origin.width, "height": origin.height, "found": place is not None}
    if place is None or differs is None:
        return size
    return size | {
        "turn": place.turn,
        "scale": [round(place.scale_x, 4), round(place.scale_y, 4)],
        "crop": {key: round(getattr(place, key), 1) for key in ("left", "top", "width", "height")},
        "kept": [round(share, 4) for share in origin.kept],
        "likeness": round(place.likeness, 4),
        "change": {key: round(value, 4) for key, value in differs._asdict().items()},
    }

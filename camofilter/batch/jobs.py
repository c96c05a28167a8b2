"""What is done with every photo of a batch: a look applied, or a search; both can be sent to other processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from camofilter.photo.core import DEFAULT_MAX_PIXELS, Photo
from camofilter.photo.reading import decode_photo
from camofilter.recipe import Recipe

if TYPE_CHECKING:
    from camofilter.optim import Attack, Keep, Method, Survive

# Makes the finished photo, and what is to be said of it once its file's bytes are there.
Tool = Callable[[Photo], tuple[Photo, Callable[[bytes], dict[str, Any]]]]


class Job(Protocol):
    """What is done with every photo.

    Attributes:
        name: of the command.
        metadata: what a written photo carries on: "safe", "creator", "all" or "none".
        max_pixels: of the largest photo that is opened.
        bytes_a_worker: of memory that a worker needs for a small photo (``benchmarks/batch.py``).
        bytes_a_pixel: that it needs besides for a larger one, at most.
        seconds: that it takes for a photo, and for each megabyte of its file.
    """

    name: ClassVar[str]
    bytes_a_worker: ClassVar[int]
    bytes_a_pixel: ClassVar[int]
    seconds: ClassVar[tuple[float, float]]

    @property
    def metadata(self) -> str: ...  # noqa: D102

    @property
    def max_pixels(self) -> int: ...  # noqa: D102

    @property
    def photos_at_once(self) -> int:
        """Photos that a worker takes at once, each in a thread of its own: more than one where that fills a GPU."""
        ...

    def settings(self) -> dict[str, Any]:
        """All that the results depend on, for JSON; what files hold by its digest."""
        ...

    def tool(self) -> Tool:
        """What does it, with all models loaded.

        Raises:
            UsageError: something in the job is wrong, such as a target or its weights.
        """
        ...


def digest(job: Job) -> str:
    """SHA-256 of what a job's results depend on, in hexadecimal."""
    text = json.dumps({"command": job.name} | job.settings(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ApplyLook:
    """A look for every photo.

    Attributes:
        look: the recipe.
        metadata, max_pixels: see :class:`Job`.
    """

    look: Recipe
    metadata: str = "safe"
    max_pixels: int = DEFAULT_MAX_PIXELS

    name: ClassVar[str] = "apply"
    bytes_a_worker: ClassVar[int] = 150 << 20
    bytes_a_pixel: ClassVar[int] = 20
    seconds: ClassVar[tuple[float, float]] = (0.05, 0.5)
    photos_at_once: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        """The recipe and the options."""
        return {
            "look": self.look.to_dict(),
            "files": _digests(_files_of(self.look)),
            "metadata": self.metadata,
            "max_pixels": self.max_pixels,
        }

    def tool(self) -> Tool:
        """The look, applied at full size."""
        import camofilter

        recipe = self.look.to_dict()
        return lambda photo: (camofilter.apply(photo, self.look), lambda _: {"recipe": recipe})


@dataclass(frozen=True)
class Camouflage:
    """A look for every photo with which machines do not see it; see :func:`camofilter.camouflage`.

    Attributes:
        look: the recipe to stay near; None for one that suits each photo.
        targets: ``NAME`` or ``NAME:WEIGHTS`` of each machine.
        scene: what scene targets must not see.
        threshold, method, attack, keep, survive, robust, device, seed: as there.
        metadata, max_pixels: see :class:`Job`.
    """

    look: Recipe | None = None
    targets: tuple[str, ...] = ("compact_iqa",)
    threshold: float | None = None
    scene: str | None = None
    method: Method = "auto"
    attack: Attack = "cw"
    keep: Keep = "natural"
    survive: Survive = "platforms"
    robust: int = 0
    device: str = "auto"
    seed: int = 0
    metadata: str = "safe"
    max_pixels: int = DEFAULT_MAX_PIXELS

    name: ClassVar[str] = "camouflage"
    bytes_a_worker: ClassVar[int] = 1 << 30
    bytes_a_pixel: ClassVar[int] = 50
    seconds: ClassVar[tuple[float, float]] = (11.0, 1.5)

    @property
    def photos_at_once(self) -> int:
        """Several on a GPU, which a single photo leaves idle; one on a processor."""
        from camofilter.biqa.devices import device

        return 8 if device(self.device) == "cuda" else 1

    def settings(self) -> dict[str, Any]:
        """The options; not the device, whose results differ by rounding alone."""
        from camofilter import biqa

        named = (target.partition(":")[2] for target in self.targets)
        weights = (Path(path) for path in named if path and Path(path).exists())
        files = [*weights, *(_files_of(self.look) if self.look else ())]
        joining = ["all"] if self.robust else []
        return {
            "look": self.look.to_dict() if self.look else None,
            "files": _digests(files),
            "targets": biqa.exact([*self.targets, *joining]),
            "threshold": self.threshold,
            "scene": self.scene,
            "method": self.method,
            "attack": self.attack if self.method == "perturb" else None,
            "keep": self.keep,
            "survive": self.survive,
            "robust": self.robust,
            "seed": self.seed,
            "metadata": self.metadata,
            "max_pixels": self.max_pixels,
        }

    def tool(self) -> Tool:
        """The search, with the targets loaded."""
        import torch

        from camofilter import biqa, optim
        from camofilter.biqa.devices import device
        from camofilter.optim.records import to_dict
        from camofilter.optim.together import Together

        # So that results do not depend on how many workers share the cores, and workers do not wait for each other.
        torch.set_num_threads(1)
        targets = biqa.get_all(self.targets, threshold=self.threshold, scene=self.scene)
        chosen = device(self.device)
        if self.photos_at_once > 1:
            targets = Together(optim.joined_by(targets, self.robust), chosen).targets

        def hide(photo: Photo) -> tuple[Photo, Callable[[bytes], dict[str, Any]]]:
            found = optim.camouflage(
                photo,
                targets,
                look=self.look,
                method=self.method,
                attack=self.attack,
                keep=self.keep,
                survive=self.survive,
                robust=self.robust,
                device=chosen,
                seed=self.seed,
            )

            def describe(data: bytes) -> dict[str, Any]:
                return to_dict(found, decode_photo(data, max_pixels=self.max_pixels).pixels, found.seconds)

            return found.photo, describe

        return hide


def _files_of(look: Recipe) -> Iterator[Path]:
    """The files that settings of a look came from, such as tables of colours."""
    values = (value for step in look.steps for value in step.settings.values())
    return (path for value in values if (path := getattr(value, "path", None)) is not None)


def _digests(paths: Iterator[Path] | list[Path]) -> dict[str, str]:
    """SHA-256 of files, and of all files in folders."""
    files = (file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]))
    return {str(file): file_digest(file) for file in files if file.is_file()}


def file_digest(path: Path) -> str:
    """SHA-256 of a file of any size, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

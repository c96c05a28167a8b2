"""What is trained, from what, and how: what the command's options say and a card repeats."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from camofilter.errors import UsageError, unknown_name

# What can be trained: modules of camofilter.biqa.
NETWORKS = ("compact_iqa", "strong_iqa", "hybrid_iqa")


@dataclass(frozen=True)
class Plan:
    """A training, before it is done.

    Attributes:
        csv: rated photos, see :func:`camofilter.biqa.training.ratings.read`.
        out: folder to write to, made if need be.
        photos: folder of the photos; None for the csv's own.
        test: csv of the test photos; those that ``csv`` says or draws for testing are then trained on.
        network: what is trained, one of :data:`NETWORKS`.
        start: "shipped" weights, "nothing", or the path of a weight file; None for the shipped ones if there is no
            backbone.
        backbone: weights of EfficientNet-Lite to start from, as published for ImageNet or of another judge; the rest
            then starts from nothing.
        teachers: targets, as :func:`camofilter.biqa.get` takes them, whose scores are mixed into people's.
        samples: to see at most, clean and damaged ones counted.
        reduced: the factor by which damaged photos are made smaller at most; 1 for damage at the judge's own size.
        patience: looks at the validation photos without a better one after which it ends.
        seed: same seed, same samples.
        device: "auto", "cpu" or "cuda".

    Raises:
        UsageError: no such network, or two starts.
    """

    csv: Path
    out: Path
    photos: Path | None = None
    test: Path | None = None
    network: str = "compact_iqa"
    start: str | None = None
    backbone: Path | None = None
    teachers: tuple[str, ...] = ()
    samples: int = 50_000
    reduced: float = 2.0
    patience: int = 6
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise unknown_name("network", self.network, NETWORKS)
        if self.start and self.backbone:
            raise UsageError("--start and --backbone were both given: give one of them")

    @property
    def from_nothing(self) -> bool:
        """Whether the weights start at random."""
        return not self.backbone and self.start == "nothing"

    @property
    def origin(self) -> str:
        """What the weights start from, without a path."""
        if self.backbone:
            return f"backbone {self.backbone.name}"
        return Path(self.start or "shipped").name

    @property
    def has_head(self) -> bool:
        """Whether what it starts from is a whole judge."""
        return not self.backbone and not self.from_nothing

    def about(self) -> dict[str, Any]:
        """What a run that goes on with another has to share with it; not how long it learns."""
        return {"network": self.network, "start": self.origin, "teachers": list(self.teachers)}

    def command(self) -> str:
        """The command line that does it, every setting in it."""
        words = ["camofilter", "train", str(self.csv), "-o", str(self.out)]
        given = asdict(self)
        teachers = given.pop("teachers")
        for name, value in list(given.items())[2:]:
            words += [] if value is None else [f"--{name}", f"{value}"]
        for teacher in teachers:
            words += ["--teacher", teacher]
        return shlex.join(words)

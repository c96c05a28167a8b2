"""Scene classifiers as targets: a photo hides when they take it for another scene.

``labels/places365.txt`` are the 365 categories of Places365 (Zhou et al. 2018, "Places: a 10 million image database for
scene recognition") in the order of a classifier's outputs, from its repository's ``categories_places365.txt``;
``labels/sensitive.txt`` the 60 of them that the MediaEval 2018 and 2019 Pixel Privacy tasks call privacy-sensitive,
from their ``MEPP18senscats.txt``. Both without the leading letter: ``beach`` for ``/b/beach``.
"""

from __future__ import annotations

import functools
from collections.abc import Set
from importlib import resources

import torch
from torch import Tensor, nn

from camofilter.biqa.model_target import ModelTarget
from camofilter.biqa.target import Scale
from camofilter.errors import unknown_name

# What to watch, besides a category by its name.
SENSITIVE = "sensitive"


@functools.cache
def categories() -> tuple[str, ...]:
    """The 365 names, in the order of a classifier's outputs."""
    return _lines("places365.txt")


@functools.cache
def sensitive_categories() -> frozenset[str]:
    """Names of the 60 that are privacy-sensitive."""
    return frozenset(_lines("sensitive.txt"))


def _lines(name: str) -> tuple[str, ...]:
    return tuple((resources.files("camofilter.biqa") / "labels" / name).read_text("utf-8").split())


def watched_by(scene: str) -> frozenset[str]:
    """The categories meant by a name: "beach", "/b/beach", "field/cultivated"; or "sensitive" for all those.

    Raises:
        UsageError: no such category; the message names the nearest ones.
    """
    if scene == SENSITIVE:
        return sensitive_categories()
    name = scene.removeprefix(f"/{scene[3:4]}/")
    if name not in categories():
        raise unknown_name("scene", scene, [*categories(), SENSITIVE])
    return frozenset({name})


class SceneTarget(ModelTarget):
    """A classifier of scenes as a target.

    Its score is a lead in logits: that of the best of the watched categories over the best of all others. While none is
    watched, it is that of the first category over the second.

    Args:
        name: as people call it.
        scale: how its scores are read.
        model: B×3×256×256 in [0, 1] → B×365 logits; ready to judge: frozen and in eval mode.
        watched: names of categories to leave; empty for whatever the first is that :meth:`facing` a photo shows.
    """

    def __init__(self, name: str, scale: Scale, model: nn.Module, watched: Set[str] = frozenset()) -> None:
        super().__init__(name, scale, model)
        self.watched = watched
        self._is_watched = torch.tensor([category in watched for category in categories()])

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """256×256, as in the MediaEval 2019 task, whatever the photo's shape."""
        return 256, 256

    def logits(self, image: Tensor) -> Tensor:
        """B×365 logits of a B×3×256×256 image in [0, 1]."""
        return super().score(image)

    def score(self, image: Tensor) -> Tensor:
        """B leads of a B×3×256×256 image in [0, 1]."""
        logits = self.logits(image)
        if not self.watched:
            first, second = logits.topk(2, 1).values.unbind(1)
            return first - second
        is_watched = self._is_watched.to(logits.device)
        watched = logits.masked_fill(~is_watched, -torch.inf).amax(1)
        return watched - logits.masked_fill(is_watched, -torch.inf).amax(1)

    def watching(self, scene: str) -> SceneTarget:
        """The same classifier, to be led away from this scene.

        Args:
            scene: a category's name, or "sensitive": then the photo is to leave all 60 sensitive categories.

        Raises:
            UsageError: no such category; the message names the nearest ones.
        """
        return self.watching_any(watched_by(scene))

    def watching_any(self, watched: Set[str]) -> SceneTarget:
        """The same classifier, to be led away from all of these categories."""
        return SceneTarget(self.name, self.scale, self.model, watched)

    def facing(self, image: Tensor) -> SceneTarget:
        """The same classifier, to be led away from what it sees in a 1×3×256×256 image, unless it is told already."""
        return self if self.watched else self.watching_any({self._first(image)[0]})

    def in_words(self, image: Tensor) -> str:
        """The first category of a 1×3×256×256 image, such as "beach 83 %".

        Where the sensitive categories are watched it is said if it is one of them: "bedroom 61 %, sensitive".
        """
        name, probability = self._first(image)
        mark = f", {SENSITIVE}" if name in self.watched == sensitive_categories() else ""
        return f"{name} {100 * probability:.0f} %{mark}"

    def _first(self, image: Tensor) -> tuple[str, float]:
        with torch.inference_mode():
            probability, index = self.logits(image).softmax(1)[0].max(0)
        return categories()[int(index)], float(probability)

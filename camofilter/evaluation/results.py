"""What an evaluation found, photo by photo, and the figures that are taken of it."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from camofilter.biqa.target import Scale
from camofilter.recipe import Recipe

# Photos that the jury of 2020 saw: those on which the runs differ most.
FOR_THE_JURY = 20

Kind: TypeAlias = Literal["missing", "extra", "misnamed", "twice", "nested", "size", "unreadable"]


class Fault(NamedTuple):
    """Something wrong with a file of a run.

    Attributes:
        run: its code; "originals" for a photo that no run can be held against.
        file: its name as found, or as expected for a missing one.
        kind: what is wrong; "nested" and nothing else leaves the photo in the figures.
        detail: in words, for people: what was found and what was expected.
    """

    run: str
    file: str
    kind: Kind
    detail: str

    def in_words(self) -> str:
        """One line; what cannot be printed in a name is a question mark."""
        words = f"{self.run}: {self.file}: {self.detail}"
        return "".join(letter if letter.isprintable() else "?" for letter in words)


@dataclass(frozen=True)
class Judge:
    """A machine that judged the photos, or a question that one was asked.

    Attributes:
        name: the target's, and the question where there are several.
        scale: how its scores are read; for scenes they are leads in logits of what should not be seen.
        version: the target's.
    """

    name: str
    scale: Scale
    version: int | None = None

    def sees(self, score: float) -> bool:
        """Whether a photo of this score is still seen: above the threshold, as the task counts."""
        return self.scale.margin(score) > 0


class Judged(NamedTuple):
    """What a judge thought of a photo before and after.

    Attributes:
        before, after: scores.
        sees_before, sees_after: what it saw, such as "beach 83 %"; empty for quality.
    """

    before: float
    after: float
    sees_before: str = ""
    sees_after: str = ""


class Measures(NamedTuple):
    """The automatic panel on how a photo changed and how it looks (``panel``).

    Attributes:
        delta_e, ms_ssim, clipped: as in ``optim.perception.Change``.
        colourfulness_before, colourfulness_after: Hasler and Süsstrunk's, 0 for grey to about 110.
        contrast_before, contrast_after: root mean square of the luma, 0 to 0.5.
        reach: how far the boldest setting of the recipe goes in its appealing range: 0 identity, 1 its end, more
            outside; None without a recipe.
        visibility: of what hides it: SSIMULACRA2 between the look alone (the recipe on the original, without its tuned
            grain) and the photo, 100 for equal (``optim.visibility``); None without a recipe.
        aesthetic_before, aesthetic_after: scores of the aesthetic model, on its own scale; None without one.
    """

    delta_e: float
    ms_ssim: float
    clipped: float
    colourfulness_before: float
    colourfulness_after: float
    contrast_before: float
    contrast_after: float
    reach: float | None = None
    visibility: float | None = None
    aesthetic_before: float | None = None
    aesthetic_after: float | None = None


@dataclass(frozen=True)
class PhotoResult:
    """One photo of one run.

    Attributes:
        photo: the original's name.
        file: the run's.
        judged: by each judge, in the evaluation's order of them.
        measures: of the change.
        recipe: the look, where the run tells it.
    """

    photo: str
    file: str
    judged: tuple[Judged, ...]
    measures: Measures
    recipe: Recipe | None = None


class Summary(NamedTuple):
    """The figures of one judge over some photos of a run; nan without photos.

    Attributes:
        photos: how many could be judged.
        accuracy_before, accuracy_after: share of them that is seen, 0 to 1.
        mean_before, mean_after: scores.
    """

    photos: int
    accuracy_before: float
    accuracy_after: float
    mean_before: float
    mean_after: float


@dataclass(frozen=True)
class RunResult:
    """A run: its photos that could be judged, and what is wrong with the others."""

    code: str
    photos: list[PhotoResult] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def mean(self, measure: str) -> float | None:
        """Mean of one of ``Measures`` over the photos that have it; None where none has."""
        found = [value for photo in self.photos if (value := getattr(photo.measures, measure)) is not None]
        return statistics.fmean(found) if found else None


@dataclass(frozen=True)
class Evaluation:
    """Runs by the yardsticks of a task.

    Attributes:
        task: "quality" or "scene".
        judges: at least one; the first is the task's own.
        runs: as they were given.
        originals: names of all photos that a run should have.
        faults: of originals; those of runs are in the runs.
        manual: names of the subset for changes by hand; may be empty.
        aesthetic: name of the aesthetic model; None without.
    """

    task: Literal["quality", "scene"]
    judges: tuple[Judge, ...]
    runs: list[RunResult]
    originals: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list)
    manual: frozenset[str] = frozenset()
    aesthetic: str | None = None

    def all_faults(self) -> list[Fault]:
        """Those of originals, then those of each run."""
        return [*self.faults, *(fault for run in self.runs for fault in run.faults)]

    def summary(self, run: RunResult, judge: int = 0, among: Collection[str] | None = None) -> Summary:
        """The figures of a run.

        Args:
            run: one of ``runs``.
            judge: its place in ``judges``.
            among: names of originals to count; None for all.
        """
        judged = [result.judged[judge] for result in run.photos if among is None or result.photo in among]
        if not judged:
            return Summary(0, *[float("nan")] * 4)
        sees = self.judges[judge].sees
        return Summary(
            photos=len(judged),
            accuracy_before=statistics.fmean(sees(one.before) for one in judged),
            accuracy_after=statistics.fmean(sees(one.after) for one in judged),
            mean_before=statistics.fmean(one.before for one in judged),
            mean_after=statistics.fmean(one.after for one in judged),
        )

    def variances(self) -> dict[str, float]:
        """Of the first judge's scores after, as :func:`variances`; the first ``FOR_THE_JURY`` are what the
        jury of 2020 was shown.
        """
        scores: dict[str, list[float]] = {}
        for run in self.runs:
            for result in run.photos:
                scores.setdefault(result.photo, []).append(result.judged[0].after)
        return variances(scores)

    def worst_first(self, run: RunResult) -> Sequence[PhotoResult]:
        """A run's photos by how far the first judge still sees them, those seen best first."""
        return sorted(run.photos, key=lambda result: -self.judges[0].scale.margin(result.judged[0].after))


def variances(scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Population variance of each photo's scores over the runs, largest first; of those in two runs or more."""
    found = {photo: statistics.pvariance(values) for photo, values in scores.items() if len(values) > 1}
    return dict(sorted(found.items(), key=lambda item: -item[1]))

"""Runs by a task's yardsticks: every photo scored before and after, measured, and nothing left out silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace

from camofilter.biqa import Target
from camofilter.biqa.scenes import SENSITIVE, SceneTarget, categories, sensitive_categories
from camofilter.errors import PhotoError, UsageError, unknown_name
from camofilter.evaluation.panel import measured
from camofilter.evaluation.results import Evaluation, Fault, Judge, Judged, PhotoResult, RunResult, variances
from camofilter.evaluation.runs import Originals, Run
from camofilter.evaluation.tasks import Task
from camofilter.photo import Photo
from camofilter.photo.core import naming


def evaluate(
    task: Task,
    originals: Originals,
    runs: Sequence[Run],
    targets: Sequence[Target],
    *,
    manual: Iterable[str] = (),
    aesthetic: Target | None = None,
    sensitive: Set[str] | None = None,
    progress: Callable[[], None] | None = None,
) -> Evaluation:
    """Holds runs against originals.

    For quality each target gives scores. For scenes each classifier is asked two questions: whether it still sees the
    right category, which is that of the list, or where there is none what it sees in the original; and whether it still
    sees any of the sensitive ones.

    Args:
        task: by whose protocol.
        originals: all photos that a run should have.
        runs: with the names of the originals.
        targets: at least one; quality models or scene classifiers.
        manual: names of the originals that are the subset for changes by hand.
        aesthetic: a model of the panel, whose score of each photo is told beside the others.
        sensitive: names of the categories that are; None for the 60 of the tasks.
        progress: called after every photo of every run.

    Returns:
        Results of all photos that could be judged, and what is wrong with all others.

    Raises:
        UsageError: a target of the other task, a classifier of scenes as aesthetic model, a label that is the number of
            no category, or a category that is none.
    """
    for target in targets:
        if isinstance(target, SceneTarget) != (task.name == "scene"):
            other = "quality" if task.name == "scene" else "scene"
            raise UsageError(f"{target.name} is no judge of the task '{task.name}': use it with 'evaluate {other}'")
    if isinstance(aesthetic, SceneTarget):
        raise UsageError(f"{aesthetic.name} tells scenes apart: expected a model of beauty or quality")
    watched = sensitive_categories() if sensitive is None else sensitive
    if task.name == "scene":
        _check_categories(originals, watched)
    results = [RunResult(run.code, faults=list(run.faults)) for run in runs]
    faults = list(originals.faults)
    for name in originals.files:
        trial = None
        original = _prepared(task, originals, name)
        if isinstance(original, Fault):
            faults.append(original)
        else:
            trial = _Trial(task, original, targets, originals.labels.get(name), watched, aesthetic)
        for run, result in zip(runs, results, strict=True):
            if name in run.files:
                if trial is not None:
                    _hold(trial, run, name, result)
                if progress is not None:
                    progress()
    return Evaluation(
        task=task.name,
        judges=tuple(judge for target in targets for judge in _judges(target)),
        runs=results,
        originals=(*originals.files, *(fault.file for fault in originals.faults)),
        faults=faults,
        manual=frozenset(manual),
        aesthetic=None if aesthetic is None else aesthetic.name,
    )


def most_varied(
    task: Task, runs: Sequence[Run], names: Iterable[str], target: Target, progress: Callable[[], None] | None = None
) -> dict[str, float]:
    """Variance of the score over the runs, largest first, of photos that all runs have.

    Args:
        task: by whose protocol they are scored.
        runs: two or more.
        names: of the originals.
        target: the judge.
        progress: called after every photo of every run.

    Raises:
        PhotoError: a photo that cannot be read; the run and the file are named.
    """
    scores: dict[str, list[float]] = {}
    for name in names:
        scores[name] = []
        for run in runs:
            with naming(f"{run.code}/{run.files[name]}"):
                scores[name].append(task.judgement(run.photo(name).pixels, target).score)
            if progress is not None:
                progress()
    return variances(scores)


def _judges(target: Target) -> list[Judge]:
    judge = Judge(target.name, target.scale, target.version)
    return [judge, replace(judge, name=f"{target.name} {SENSITIVE}")] if isinstance(target, SceneTarget) else [judge]


def _check_categories(originals: Originals, watched: Set[str]) -> None:
    if unknown := sorted(watched - set(categories())):
        raise unknown_name("category", unknown[0], categories())
    last = len(categories()) - 1
    for name, label in originals.labels.items():
        if label is not None and label > last:
            raise UsageError(f"{name} has the label {label}; expected the number of a category, 0 to {last}")


def _prepared(task: Task, originals: Originals, name: str) -> Photo | Fault:
    try:
        photo = originals.photo(name)
    except PhotoError as error:
        return Fault("originals", name, "unreadable", str(error))
    try:
        return task.prepared(photo)
    except PhotoError as error:
        return Fault("originals", name, "size", str(error))


def _hold(trial: _Trial, run: Run, name: str, result: RunResult) -> None:
    """Adds a photo of a run to its results, or to its faults."""
    found = run.checked(name, trial.task.size)
    if isinstance(found, Fault):
        result.faults.append(found)
        return
    recipe = None
    try:
        recipe = run.recipe(name)
    except PhotoError as error:
        result.faults.append(Fault(run.code, run.recipes[name], "unreadable", str(error)))
    measures = measured(trial.original.pixels, found.pixels, recipe, trial.looks(found))
    result.photos.append(PhotoResult(name, run.files[name], trial.judged(found), measures, recipe))


class _Trial:
    """An original as the judges see it, and what they are asked of the photos made of it."""

    def __init__(
        self,
        task: Task,
        original: Photo,
        targets: Sequence[Target],
        label: int | None,
        sensitive: Set[str],
        aesthetic: Target | None,
    ) -> None:
        self.task, self.original, self._sensitive = task, original, sensitive
        self._asked = [question for target in targets for question in self._questions(target, label)]
        self._before = [task.judgement(original.pixels, target) for target in self._asked]
        self._aesthetic = aesthetic
        self._look = 0.0 if aesthetic is None else task.judgement(original.pixels, aesthetic).score

    def judged(self, photo: Photo) -> tuple[Judged, ...]:
        after = [self.task.judgement(photo.pixels, target) for target in self._asked]
        pairs = zip(self._before, after, strict=True)
        return tuple(Judged(old.score, new.score, old.words, new.words) for old, new in pairs)

    def looks(self, photo: Photo) -> tuple[float, float] | None:
        """What the aesthetic model says of the original and of the photo; None without one."""
        if self._aesthetic is None:
            return None
        return self._look, self.task.judgement(photo.pixels, self._aesthetic).score

    def _questions(self, target: Target, label: int | None) -> list[Target]:
        if not isinstance(target, SceneTarget):
            return [target]
        if label is None:
            right = target.facing(self.task.arriving(self.original.pixels, target))
        else:
            right = target.watching(categories()[label])
        return [right, target.watching_any(self._sensitive)]

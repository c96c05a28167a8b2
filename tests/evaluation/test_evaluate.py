"""Evaluations, against figures worked out here: each photo delivered, scored and counted by hand."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

import camofilter
from camofilter import biqa
from camofilter.biqa.scenes import SceneTarget, categories, sensitive_categories
from camofilter.biqa.target import Scale, Target
from camofilter.errors import PhotoError, UsageError
from camofilter.evaluation import panel
from camofilter.evaluation.evaluate import evaluate, most_varied
from camofilter.evaluation.lists import PhotoList
from camofilter.evaluation.results import Evaluation, Fault
from camofilter.evaluation.runs import Originals, Run, open_runs
from camofilter.evaluation.tasks import QUALITY, SCENE, Task

RECIPE = '{"camofilter": 1, "filters": [{"filter": "exposure", "ev": 0.3}]}'


@pytest.fixture(scope="module")
def judge() -> Target:
    return biqa.get("compact_iqa")


@pytest.fixture
def classifier(shared: Path) -> SceneTarget:
    found = biqa.get(f"places365_squeezenet:{shared / 'weights' / 'squeezenet_places365_f32.npz'}")
    assert isinstance(found, SceneTarget)
    return found


class Levels(Target):
    """The mean level of what arrives, times 10: a panel's model with a scale of its own."""

    name = "levels"
    scale = Scale(0, 10, 5, "so")

    def score(self, image: torch.Tensor) -> torch.Tensor:
        return 10 * image.mean((1, 2, 3))

    def to(self, device: str) -> Target:
        return self


@functools.cache
def prepared(path: Path, task: Task) -> dict[str, bytes]:
    """A photo's files in the sets, by their folders."""
    whole = Image.fromarray(task.prepared(camofilter.open_photo(path)).pixels)
    files = {name: io.BytesIO() for name in ("same", "blurred")}
    whole.save(files["same"], "PNG", compress_level=1)
    whole.filter(ImageFilter.GaussianBlur(3)).save(files["blurred"], "PNG", compress_level=1)
    return {name: file.getvalue() for name, file in files.items()}


@pytest.fixture
def sets(tmp_path: Path, examples: list[Path]) -> Path:
    """Originals of both tasks, and runs of each: the same, and blurred."""
    for task in (QUALITY, SCENE):
        for run in ("originals", "same", "blurred"):
            (tmp_path / task.name / run).mkdir(parents=True)
            for path in examples:
                data = prepared(path, task)["blurred" if run == "blurred" else "same"]
                (tmp_path / task.name / run / f"{path.stem}.png").write_bytes(data)
    return tmp_path


def opened(folder: Path, *runs: str) -> tuple[Originals, list[Run]]:
    originals = Originals.of(folder / "originals")
    return originals, open_runs([folder / run for run in runs], originals.files)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def arriving(path: Path, task: Task) -> torch.Tensor:
    """A file's pixels as a judge of the task's size gets them: of quality through Pillow's JPEG 90."""
    found = pixels(path)
    if task is QUALITY:
        file = io.BytesIO()
        Image.fromarray(found).save(file, "JPEG", quality=90)
        found = np.asarray(Image.open(file))
    return torch.tensor(found.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def score(path: Path, target: Target) -> float:
    with torch.inference_mode():
        return target.score(arriving(path, QUALITY)).item()


def logits(path: Path, target: SceneTarget) -> np.ndarray:
    with torch.inference_mode():
        return target.logits(arriving(path, SCENE))[0].numpy()


def lead(values: np.ndarray, names: set[str]) -> float:
    """Of the best of some categories over the best of all others."""
    among = np.array([name in names for name in categories()])
    return float(values[among].max() - values[~among].max())


# Quality.


@pytest.mark.slow
def test_the_figures_are_those_by_hand(sets: Path, judge: Target) -> None:
    folder = sets / "quality"
    names = sorted(path.name for path in (folder / "originals").iterdir())
    before = np.array([score(folder / "originals" / name, judge) for name in names])
    after = np.array([score(folder / "blurred" / name, judge) for name in names])
    # A threshold that the examples lie on both sides of, before and after.
    middle = float(np.median(np.concatenate([before, after])))
    judge_of_some = biqa.get("compact_iqa", threshold=middle)
    assert 0 < (before > middle).mean() + (after > middle).mean() < 2
    found = evaluate(QUALITY, *opened(folder, "same", "blurred"), [judge_of_some])
    same, blurred = found.runs
    assert [photo.photo for photo in blurred.photos] == names
    assert found.summary(blurred) == pytest.approx(
        (3, (before > middle).mean(), (after > middle).mean(), before.mean(), after.mean()), abs=1e-4
    )
    assert found.summary(same) == pytest.approx((3, *[(before > middle).mean()] * 2, *[before.mean()] * 2), abs=1e-4)
    differences = dict(zip(names, (before - after) ** 2 / 4, strict=True))
    assert found.variances() == pytest.approx(differences, abs=1e-3)
    assert (found.task, found.originals, found.all_faults()) == ("quality", tuple(names), [])
    version = biqa.KNOWN["compact_iqa"].version
    assert [(one.name, one.version, one.scale.threshold) for one in found.judges] == [("compact_iqa", version, middle)]


@pytest.mark.slow
def test_an_unchanged_run_is_unchanged(sets: Path, judge: Target) -> None:
    found = evaluate(QUALITY, *opened(sets / "quality", "same"), [judge])
    for photo in found.runs[0].photos:
        assert photo.judged[0].before == photo.judged[0].after
        assert photo.measures[:2] == (0, pytest.approx(1, abs=1e-6))
        assert photo.measures.clipped == 0
        assert photo.measures.colourfulness_before == photo.measures.colourfulness_after > 0
        assert photo.measures.contrast_before == photo.measures.contrast_after > 0
        assert photo.measures[7:] == (None, None, None, None), "no recipe, so no grain that could be seen"
    summary = found.summary(found.runs[0])
    assert summary.accuracy_before == summary.accuracy_after


@pytest.mark.slow
def test_the_panel_is_asked_of_each_photo(sets: Path, judge: Target) -> None:
    folder = sets / "quality"
    name = "budgie_lake-sherburne"
    (folder / "blurred" / f"{name}.json").write_text(RECIPE)
    levels = Levels()
    found = evaluate(QUALITY, *opened(folder, "blurred"), [judge], aesthetic=levels)
    assert found.aesthetic == "levels"
    photo = next(photo for photo in found.runs[0].photos if photo.photo == f"{name}.png")
    assert photo.recipe is not None
    files = [folder / run / f"{name}.png" for run in ("originals", "blurred")]
    scores = score(files[0], levels), score(files[1], levels)
    assert photo.measures == panel.measured(*map(pixels, files), photo.recipe, scores)
    assert photo.measures.reach == pytest.approx(0.5)
    assert [other.measures.reach for other in found.runs[0].photos].count(None) == 2


@pytest.mark.slow
def test_the_subset_by_hand(sets: Path, judge: Target) -> None:
    originals, runs = opened(sets / "quality", "blurred")
    listed = PhotoList({"budgie_perched-osprey.jpg": None, "elsewhere.jpg": None})
    found = evaluate(QUALITY, originals, runs, [judge], manual=iter(listed.among(originals.files)))
    assert found.manual == {"budgie_perched-osprey.png"}
    photo = next(photo for photo in found.runs[0].photos if photo.photo in found.manual)
    expected = (1, float(photo.judged[0].before > 50), float(photo.judged[0].after > 50), *photo.judged[0][:2])
    assert found.summary(found.runs[0], among=found.manual) == expected


@pytest.mark.slow
def test_several_judges_answer_in_their_order(sets: Path, judge: Target) -> None:
    folder = sets / "quality"
    found = evaluate(QUALITY, *opened(folder, "blurred"), [Levels(), judge])
    assert [one.name for one in found.judges] == ["levels", "compact_iqa"]
    for photo in found.runs[0].photos:
        file = folder / "blurred" / photo.file
        assert [one.after for one in photo.judged] == pytest.approx(
            [score(file, Levels()), score(file, judge)], abs=1e-4
        )


def test_originals_are_prepared_before_runs_are_held_against_them(sets: Path, examples: list[Path]) -> None:
    """Full-size originals and the photos cut out of them are the same photos."""
    whole = Originals.of(examples[0].parent)
    run = Run.of(sets / "quality" / "same", whole.files)
    found = evaluate(QUALITY, whole, [run], [Levels()])
    assert [(one.judged[0].before == one.judged[0].after, one.measures.delta_e) for one in found.runs[0].photos] == [
        (True, 0)
    ] * 3


def test_nothing_is_left_out_silently(sets: Path) -> None:
    """Originals that are missing, too small or broken, and photos of runs that are, each where it belongs."""
    folder = sets / "quality"
    names = ["budgie_lake-sherburne", "budgie_perched-osprey", "budgie_roman-colosseum"]
    Image.new("RGB", (511, 384)).save(folder / "originals" / "small.png")
    (folder / "originals" / "broken.png").write_bytes(b"broken")
    for name in ("small", "broken", "absent"):
        Image.new("RGB", (512, 384)).save(folder / "same" / f"{name}.png")
    Image.new("RGB", (384, 512)).save(folder / "same" / f"{names[1]}.png")
    (folder / "same" / f"{names[2]}.png").unlink()
    (folder / "same" / f"{names[0]}.json").write_text("{")
    listed = PhotoList(dict.fromkeys(f"{name}.jpg" for name in [*names, "small", "broken", "absent"]))
    originals = Originals.of(folder / "originals", listed)
    calls: list[None] = []
    runs = open_runs([folder / "same", folder / "blurred"], originals.files)
    found = evaluate(QUALITY, originals, runs, [Levels()], progress=lambda: calls.append(None))
    assert sorted(found.originals) == sorted(listed.labels)
    assert sorted((fault.run, fault.file, fault.kind) for fault in found.faults) == [
        ("originals", "absent.jpg", "missing"),
        ("originals", "broken.jpg", "unreadable"),
        ("originals", "small.jpg", "size"),
    ]
    details = {fault.file: fault.detail for fault in found.faults}
    assert details["small.jpg"] == "is 511×384; expected at least 512×384 to cut out"
    same, blurred = found.runs
    assert sorted((fault.file, fault.kind) for fault in same.faults) == [
        ("absent.png", "extra"),
        (f"{names[0]}.json", "unreadable"),
        (f"{names[1]}.png", "size"),
        (f"same_{names[2]}.jpg", "missing"),
    ]
    assert [photo.photo for photo in same.photos] == [f"{names[0]}.jpg"]
    assert same.photos[0].recipe is same.photos[0].measures.reach is None
    assert [photo.photo for photo in blurred.photos] == [f"{name}.jpg" for name in names]
    assert [fault.kind for fault in blurred.faults] == ["missing", "missing"]
    assert found.all_faults() == [*found.faults, *same.faults, *blurred.faults]
    assert len(calls) == sum(len(run.files) for run in runs) == 4 + 3
    # What was opened before keeps its own faults.
    assert runs[0].faults == tuple(fault for fault in same.faults if fault.kind in ("missing", "extra"))


# Scenes.


def test_scenes_by_the_lists_labels(sets: Path, classifier: SceneTarget) -> None:
    """Right for the first photo, the second best for the second, and for the third what it is not at all."""
    folder = sets / "scene"
    names = sorted(path.name for path in (folder / "originals").iterdir())
    before = {name: logits(folder / "originals" / name, classifier) for name in names}
    after = {name: logits(folder / "blurred" / name, classifier) for name in names}
    labels = {name: int(before[name].argsort()[rank]) for name, rank in zip(names, (-1, -2, 0), strict=True)}
    originals = Originals.of(folder / "originals", PhotoList(dict(labels)))
    found = evaluate(SCENE, originals, open_runs([folder / "same", folder / "blurred"], originals.files), [classifier])
    same, blurred = found.runs
    assert found.summary(same)[:3] == (3, pytest.approx(1 / 3), pytest.approx(1 / 3))
    right = np.mean([after[name].argmax() == labels[name] for name in names])
    assert found.summary(blurred)[:3] == (3, pytest.approx(1 / 3), pytest.approx(right))
    for photo in blurred.photos:
        name = photo.photo
        for place, watched in enumerate(({categories()[labels[name]]}, set(sensitive_categories()))):
            judged = photo.judged[place]
            assert judged.before == pytest.approx(lead(before[name], watched), abs=1e-4)
            assert judged.after == pytest.approx(lead(after[name], watched), abs=1e-4)
            assert judged.sees_after.startswith(f"{categories()[after[name].argmax()]} ")
            assert judged.sees_before.startswith(f"{categories()[before[name].argmax()]} ")


def test_scenes_without_labels_are_what_was_seen_in_the_original(sets: Path, classifier: SceneTarget) -> None:
    folder = sets / "scene"
    found = evaluate(SCENE, *opened(folder, "same", "blurred"), [classifier])
    assert [one.name for one in found.judges] == ["places365_squeezenet", "places365_squeezenet sensitive"]
    same, blurred = found.runs
    assert found.summary(same)[:3] == (3, 1, 1)
    for photo in blurred.photos:
        seen = categories()[logits(folder / "originals" / photo.photo, classifier).argmax()]
        after = logits(folder / "blurred" / photo.photo, classifier)
        assert photo.judged[0].after == pytest.approx(lead(after, {seen}), abs=1e-4)
        with torch.inference_mode():
            by_hand = classifier.watching("sensitive").score(arriving(folder / "blurred" / photo.file, SCENE)).item()
        assert photo.judged[1].after == by_hand


def test_a_label_of_no_category_is_refused_before_anything_is_scored(sets: Path, classifier: SceneTarget) -> None:
    folder = sets / "scene"
    listed = PhotoList({"budgie_lake-sherburne.jpg": 364, "budgie_perched-osprey.jpg": 365})
    originals = Originals.of(folder / "originals", listed)
    calls: list[None] = []
    with pytest.raises(UsageError) as caught:
        evaluate(SCENE, originals, open_runs([folder / "same"]), [classifier], progress=lambda: calls.append(None))
    assert str(caught.value) == (
        "budgie_perched-osprey.jpg has the label 365; expected the number of a category, 0 to 364"
    )
    assert calls == []


def test_labels_make_no_difference_to_quality(sets: Path) -> None:
    folder = sets / "quality"
    originals = Originals.of(folder / "originals", PhotoList({"budgie_lake-sherburne.png": 9999}))
    found = evaluate(QUALITY, originals, [Run.of(folder / "same", originals.files)], [Levels()])
    assert found.summary(found.runs[0]).photos == 1


def test_a_judge_of_the_other_task_is_refused(sets: Path, judge: Target) -> None:
    says = SceneTarget("says", Scale(-10, 10, 0), torch.nn.Identity())
    for task, target, other in ((SCENE, judge, "quality"), (QUALITY, says, "scene")):
        with pytest.raises(UsageError) as caught:
            evaluate(task, *opened(sets / task.name, "same"), [target])
        assert str(caught.value) == (
            f"{target.name} is no judge of the task '{task.name}': use it with 'evaluate {other}'"
        )


# For the jury.


def test_the_photos_on_which_runs_differ_most_come_first(sets: Path) -> None:
    folder = sets / "quality"
    originals, runs = opened(folder, "same", "blurred")
    names = list(originals.files)
    for place, level in enumerate((200, 0, 90)):
        Image.new("RGB", (512, 384), (level,) * 3).save(folder / "blurred" / names[place])
    calls: list[None] = []
    found = most_varied(QUALITY, runs, names, Levels(), lambda: calls.append(None))
    by_hand = {name: np.var([score(folder / run / name, Levels()) for run in ("same", "blurred")]) for name in names}
    assert list(found.items()) == sorted(
        ((name, pytest.approx(value, rel=1e-4)) for name, value in by_hand.items()), key=lambda one: -by_hand[one[0]]
    )
    assert len(calls) == 6
    evaluated: Evaluation = evaluate(QUALITY, originals, runs, [Levels()])
    assert list(evaluated.variances().items()) == list(found.items())


def test_a_photo_that_cannot_be_read_is_named(sets: Path) -> None:
    folder = sets / "quality"
    originals, runs = opened(folder, "same", "blurred")
    (folder / "blurred" / "budgie_perched-osprey.png").write_bytes(b"")
    with pytest.raises(PhotoError) as caught:
        most_varied(QUALITY, runs, originals.files, Levels())
    assert str(caught.value) == "blurred/budgie_perched-osprey.png: is empty; copy or export the photo again"
    evaluated = evaluate(QUALITY, originals, runs, [Levels()])
    assert evaluated.all_faults() == [
        Fault("blurred", "budgie_perched-osprey.png", "unreadable", "is empty; copy or export the photo again")
    ]


def test_other_categories_may_be_the_sensitive_ones(sets: Path, classifier: SceneTarget) -> None:
    folder = sets / "scene"
    originals, runs = opened(folder, "blurred")
    found = evaluate(SCENE, originals, runs, [classifier], sensitive={"beach", "sky"})
    for photo in found.runs[0].photos:
        by_hand = lead(logits(folder / "blurred" / photo.file, classifier), {"beach", "sky"})
        assert photo.judged[1].after == pytest.approx(by_hand, abs=1e-4)
    with pytest.raises(UsageError, match="unknown category 'beech': did you mean beach"):
        evaluate(SCENE, originals, runs, [classifier], sensitive={"beech"})


def test_a_classifier_is_no_model_of_beauty(sets: Path, judge: Target, classifier: SceneTarget) -> None:
    originals, runs = opened(sets / "quality", "same")
    with pytest.raises(UsageError, match="places365_squeezenet tells scenes apart"):
        evaluate(QUALITY, originals, runs, [judge], aesthetic=classifier)

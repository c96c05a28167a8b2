"""Versions of judges: what they are called, which one is meant, and what is said of recipes found against others."""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from camofilter import biqa
from camofilter.batch import jobs
from camofilter.biqa import compact_iqa
from camofilter.errors import UsageError

NEWEST = f"compact_iqa@{biqa.KNOWN['compact_iqa'].version}"
SHIPPED_WEIGHTS = Path(biqa.__file__).parent / "weights" / "compact_iqa.safetensors"
# The beginning of each version's SHA256: other weights are another version.
WEIGHTS = {
    "compact_iqa@3": "1e41881d",
    "compact_iqa@2": "2befe31b",
    "wavelet_iqa@1": "d14f617a",
    "niqe@1": "1f22284d",
    "brisque@1": "4bc614fe",
}


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> str:
    """A version 1 beside the newest, with the newest one's network and weights."""
    monkeypatch.setitem(biqa.KNOWN, "compact_iqa@1", replace(biqa.KNOWN["compact_iqa"], version=1))
    monkeypatch.setitem(sys.modules, "camofilter.biqa.compact_iqa_1", compact_iqa)
    return "compact_iqa@1"


def test_what_comes_with_camofilter_has_a_version_and_nothing_else() -> None:
    for name, known in biqa.KNOWN.items():
        assert (known.version is None) == bool(known.after_colon)
        plain, _, version = name.partition("@")
        if version:
            newest = biqa.KNOWN[plain].version
            assert newest is not None
            assert int(version) == known.version < newest
            assert name not in biqa.SHIPPED


def test_a_version_is_one_set_of_weights() -> None:
    listed = {name.partition("@")[0]: name for name in biqa.exact(["all"])} | {n: n for n in biqa.KNOWN if "@" in n}
    module = {
        name: importlib.import_module(f"camofilter.biqa.{file.replace('@', '_')}") for file, name in listed.items()
    }
    assert {name: found.SHA256[:8] for name, found in module.items()} == WEIGHTS


@pytest.mark.parametrize("spec", ["compact_iqa", NEWEST])
def test_the_newest_needs_no_number(spec: str) -> None:
    target = biqa.get(spec, threshold=40)
    assert (target.name, target.full_name, target.scale.threshold) == ("compact_iqa", NEWEST, 40)
    assert type(biqa.network(spec)) is type(biqa.network("compact_iqa"))


def test_an_older_one_is_called_by_its_number(older: str) -> None:
    assert (biqa.get(older).name, biqa.get(older).full_name) == (older, older)
    assert [target.name for target in biqa.get_all([older, NEWEST, "compact_iqa"])] == [older, "compact_iqa"]


@pytest.mark.parametrize("spec", ["compact_iqa", NEWEST, "compact_iqa@1"])
def test_weights_of_ones_own_are_no_version_and_their_folder_is_not_told(spec: str, older: str, tmp_path: Path) -> None:
    path = shutil.copy(SHIPPED_WEIGHTS, tmp_path / "m@1.safetensors")
    (target,) = biqa.get_all([f"{spec}:{path}"])
    assert target.name == target.full_name == f"{older if spec == older else 'compact_iqa'}:m@1.safetensors"
    assert target.version is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("compact_iqa@7", rf"target 'compact_iqa' has no version '7': known are: .*compact_iqa@1, {NEWEST}$"),
        ("compact_iqa@", r"has no version '': known are: "),
        ("compact_iqa@02:a.safetensors", r"has no version '02': known are: "),
        ("niqe@7", r"target 'niqe' has no version '7': known are: niqe@1$"),
        ("koncept512@1:a.pth", r"target 'koncept512' has no versions: leave @1 out"),
        ("compact@2", r"unknown target 'compact@2': did you mean compact_iqa"),
        ("judge@2.pt", r"for a model in a file give model_file:judge@2\.pt"),
    ],
)
def test_an_unknown_version_is_one_line_with_what_there_is(older: str, spec: str, message: str) -> None:
    for ask in (biqa.get, lambda given: biqa.exact([given])):
        with pytest.raises(UsageError, match=message):
            ask(spec)


def test_a_look_found_against_another_version_is_told(older: str) -> None:
    target, before, niqe = biqa.get("compact_iqa"), biqa.get(older), biqa.get("niqe")
    assert biqa.other_versions([older], [niqe, target]) == [
        f"the look was found against {older}, and is judged by {NEWEST}"
    ]
    assert len(biqa.other_versions([NEWEST, "niqe@1"], [before, target, niqe])) == 1
    assert len(biqa.other_versions(["compact_iqa:mine.safetensors"], [target])) == 1


def test_a_look_is_not_told_of_where_the_version_is_its_own_or_the_machine_another(older: str) -> None:
    target, niqe = biqa.get("compact_iqa"), biqa.get("niqe")
    for made_for in ([], [NEWEST], [older, NEWEST], ["pyiqa:musiq", "mine", "compact"]):
        assert biqa.other_versions(made_for, [target]) == []
    assert biqa.other_versions([older], [niqe]) == []
    niqe.name, niqe.version = "pyiqa:niqe", None
    assert biqa.other_versions(["pyiqa:musiq"], [niqe]) == []


def test_a_batch_by_another_version_is_another_batch(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> list[str]:
        asked = ("compact_iqa",), (NEWEST,), (older,), ("all",)
        return [jobs.digest(jobs.Camouflage(targets=targets)) for targets in asked]

    now = digests()
    assert now[0] == now[1]
    assert len({*now}) == 3
    monkeypatch.setitem(biqa.KNOWN, NEWEST, biqa.KNOWN["compact_iqa"])
    monkeypatch.setitem(biqa.KNOWN, "compact_iqa", replace(biqa.KNOWN["compact_iqa"], version=8))
    assert [one == other for one, other in zip(digests(), now, strict=True)] == [False, True, True, False]

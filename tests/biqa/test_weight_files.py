"""Weight files of every kind: read, checked, converted; nothing in them is run."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from camofilter.biqa.weight_files import WeightsError, convert, load_state

State = dict[str, Tensor]


class Small(nn.Module):
    """A convolution with batch norm, and nothing else."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        nn.init.normal_(self.norm.running_mean)  # type: ignore[arg-type]


def same(model: nn.Module, state: State, tolerance: float = 0) -> bool:
    own = model.state_dict()
    return all(torch.allclose(own[k], v.to(own[k].dtype), rtol=tolerance, atol=tolerance) for k, v in state.items())


def save(state: State, path: Path) -> None:
    if path.name.endswith(".npz"):
        np.savez(path, allow_pickle=False, **{key: value.numpy() for key, value in state.items()})
    elif path.name.endswith(".safetensors"):
        save_file(state, path)
    else:
        torch.save(state, path)


ENDINGS = [".safetensors", ".pth", ".pt", ".pth.tar", ".PTH", ".npz"]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_file_loads(ending: str, half: bool, tmp_path: Path) -> None:
    state = {k: v.half() if half and v.is_floating_point() else v for k, v in Small().state_dict().items()}
    save(state, tmp_path / f"own{ending}")
    model = Small(seed=1)
    load_state(model, tmp_path / f"own{ending}")
    assert same(model, state)
    assert model.conv.weight.dtype == torch.float32


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [False, True])
def test_checkpoints_of_a_training_load(prefix: str, zipped: bool, tmp_path: Path) -> None:
    """As torch's ImageNet example wrote them, in torch's old format as well."""
    state = Small().state_dict()
    checkpoint = {"epoch": 9, "arch": "small", "state_dict": {f"{prefix}{k}": v for k, v in state.items()}}
    torch.save(checkpoint, tmp_path / "own.pth.tar", _use_new_zipfile_serialization=zipped)
    model = Small(seed=1)
    load_state(model, tmp_path / "own.pth.tar")
    assert same(model, state)


def test_counts_of_batches_may_be_missing(tmp_path: Path) -> None:
    state = Small().state_dict()
    del state["norm.num_batches_tracked"]
    save(state, tmp_path / "own.pth")
    model = Small(seed=1)
    load_state(model, tmp_path / "own.pth")
    assert same(model, state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv.bias": None}, r"lacks conv\.bias; expected weights of Small"),
        ({"tail": torch.zeros(1)}, "has unexpected tail; expected weights of Small"),
        ({"conv.bias": torch.zeros(5)}, r"has wrong shapes for conv\.bias;"),
        ({f"more{i}": torch.zeros(1) for i in range(5)}, "has unexpected more0, more1, more2 and 2 more;"),
    ],
)
@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".npz"])
def test_another_layout_is_named(changes: dict[str, Tensor | None], message: str, ending: str, tmp_path: Path) -> None:
    state = {k: v for k, v in (Small().state_dict() | changes).items() if v is not None}
    path = tmp_path / f"own{ending}"
    save(state, path)
    model = Small(seed=1)
    with pytest.raises(WeightsError, match=message):
        load_state(model, path)
    assert same(model, Small(seed=1).state_dict())


class Trap:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("kind", ["torch", "old torch", "pickle", "inside"])
def test_a_program_in_a_file_is_not_run(kind: str, tmp_path: Path) -> None:
    path, sprung = tmp_path / "own.pth", tmp_path / "sprung"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    else:
        content = {"state_dict": Small().state_dict(), "extra": Trap(sprung)} if kind == "inside" else Trap(sprung)
        torch.save(content, path, _use_new_zipfile_serialization=kind != "old torch")
    with pytest.raises(
        WeightsError, match=r"own\.pth: not a readable \.pth file \(damaged, or it holds more"
    ) as caught:
        load_state(Small(), path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert not sprung.exists()
    if kind != "pickle":
        torch.load(path, weights_only=False)
        assert sprung.is_dir(), "the trap works when it is sprung"


def test_a_program_in_an_npz_is_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    np.savez(tmp_path / "own.npz", allow_pickle=True, **{"conv.weight": np.array([Trap(sprung)], dtype=object)})
    with pytest.raises(WeightsError, match=r"own\.npz: not a readable \.npz file"):
        load_state(Small(), tmp_path / "own.npz")
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(1)], "it holds no state dict"),
        (torch.zeros(3), "it holds no state dict"),
        ({"epoch": 3, "model": {}}, "'epoch' in it is no tensor with a name"),
        ({"state_dict": {1: torch.zeros(1)}}, "1 in it is no tensor with a name"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "own.pth")
    with pytest.raises(WeightsError, match=message):
        load_state(Small(), tmp_path / "own.pth")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("damage", ["text", "empty", "cut", "flipped"])
def test_damage_is_one_line(ending: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / f"own{ending}"
    save(Small().state_dict(), path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "text": b"not weights",
            "empty": b"",
            "cut": whole[:middle],
            "flipped": bytes(255 - byte for byte in whole[:64]) + whole[64:],
        }[damage]
    )
    with pytest.raises(WeightsError, match=r"own.*not a readable") as caught:
        load_state(Small(), path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.pth").mkdir()
    with pytest.raises(WeightsError, match=r"own\.pth: not a readable \.pth file"):
        load_state(Small(), tmp_path / "own.pth")


def test_an_array_without_a_name_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(WeightsError, match="it holds a single array without a name"):
        load_state(Small(), tmp_path / "own.npz")


def test_a_missing_file_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"no\.pth: no such weight file; expected the path of a \.safetensors, \.pth"
    ):
        load_state(Small(), tmp_path / "no.pth")
    with pytest.raises(WeightsError, match="no such weight file; expected a letter to Santa"):
        load_state(Small(), tmp_path / "no.pth", expected="a letter to Santa")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"own\.h5: weight files are named \.safetensors, \.pth"):
        load_state(Small(), tmp_path / "own.h5")


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".npz"])
def test_the_digest_is_checked(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"own{ending}"
    save(Small().state_dict(), path)
    load_state(Small(), path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match=r"its sha256 is .* expected 000000000000…: fetch it again"):
        load_state(Small(), path, sha256="0" * 64)


@pytest.mark.parametrize("half", [False, True])
def test_conversion(half: bool, tmp_path: Path) -> None:
    state = Small().state_dict()
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "in.pth.tar")
    convert(Small(seed=1), tmp_path / "in.pth.tar", tmp_path / "out.safetensors", half=half)
    written = load_file(tmp_path / "out.safetensors")
    assert written.keys() == state.keys()
    assert {v.dtype for v in written.values()} == {torch.float16 if half else torch.float32, torch.int64}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.pth.tar", "out.safetensors"]
    model = Small(seed=2)
    load_state(model, tmp_path / "out.safetensors")
    assert same(model, state, tolerance=1e-3 if half else 0)


def test_what_half_precision_cannot_hold_stays_wide(tmp_path: Path) -> None:
    state = Small().state_dict()
    state["norm.running_var"][0] = 1e6
    save(state, tmp_path / "in.pth")
    convert(Small(), tmp_path / "in.pth", tmp_path / "out.safetensors", half=True)
    written = load_file(tmp_path / "out.safetensors")
    assert torch.equal(written["norm.running_var"], state["norm.running_var"])
    assert written["conv.weight"].dtype == torch.float16


def test_conversion_replaces_only_when_forced(tmp_path: Path) -> None:
    state, out = Small().state_dict(), tmp_path / "out.safetensors"
    save(state, tmp_path / "in.pth")
    out.write_text("mine")
    with pytest.raises(WeightsError, match=r"out\.safetensors: exists already; replace it with --force"):
        convert(Small(), tmp_path / "in.pth", out)
    assert out.read_text() == "mine"
    convert(Small(), tmp_path / "in.pth", out, force=True)
    assert load_file(out).keys() == state.keys()


def test_conversion_of_other_weights_writes_nothing(tmp_path: Path) -> None:
    save({"conv.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "in.pth")
    with pytest.raises(WeightsError, match=r"in\.pth: lacks conv\.bias"):
        convert(Small(), tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["in.pth"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.pth", r"out\.pth: only \.safetensors files are written"),
        ("nowhere/out.safetensors", r"out\.safetensors: cannot write the weights: No such file or directory"),
    ],
)
def test_impossible_destinations(name: str, message: str, tmp_path: Path) -> None:
    save(Small().state_dict(), tmp_path / "in.pth")
    with pytest.raises(WeightsError, match=message):
        convert(Small(), tmp_path / "in.pth", tmp_path / name)

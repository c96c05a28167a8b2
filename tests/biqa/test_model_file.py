"""Models in files: the scores and gradients of the network that was saved, and one line where a file will not do."""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from camofilter import biqa
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import CamofilterError, TargetError, UsageError

pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.(script|freeze|save)` is:DeprecationWarning")

HEIGHT, WIDTH = 48, 64
FREE = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}


class Judge(nn.Module):
    """Two convolutions and a mean, around 50 points; the first convolution is the edge of a program's input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 1, 3, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.second(F.relu(self.first(image)))
        return 50 + 40 * maps.mean((2, 3))


def export(model: nn.Module, path: Path, *, size: tuple[int, ...] = (2, 3, HEIGHT, WIDTH), free: bool = True) -> Path:
    torch.export.save(torch.export.export(model, (torch.rand(size),), dynamic_shapes=(FREE,) if free else None), path)
    return path


def script(model: nn.Module, path: Path) -> Path:
    torch.jit.script(model).save(path)  # type: ignore[no-untyped-call]
    return path


def to_onnx(judge: Judge, path: Path, *, size: tuple[Any, ...] = ("B", 3, "H", "W"), kind: int = 1) -> Path:
    """The judge's formula in ONNX's own operations."""
    weights = {name.replace(".", "_"): p.detach().numpy() for name, p in judge.named_parameters()}
    constants = {"fifty": np.float32([50]), "forty": np.float32([40]), "axes": np.int64([2, 3])}
    step = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "first_weight", "first_bias"], ["a"], **step),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second_weight", "second_bias"], ["c"], **step),
        helper.make_node("ReduceMean", ["c", "axes"], ["d"], keepdims=0),
        helper.make_node("Mul", ["d", "forty"], ["e"]),
        helper.make_node("Add", ["e", "fifty"], ["score"]),
    ]
    if kind != TensorProto.FLOAT:
        nodes = [helper.make_node("Cast", ["given"], ["image"], to=TensorProto.FLOAT), *nodes]
    graph = helper.make_graph(
        nodes,
        "judge",
        [helper.make_tensor_value_info("image" if kind == TensorProto.FLOAT else "given", kind, size)],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, (size[0], 1))],
        [numpy_helper.from_array(array, name) for name, array in (weights | constants).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


SAVED: dict[str, Callable[[Judge, Path], Path]] = {
    "scripted": lambda judge, folder: script(judge, folder / "judge.pt"),
    "frozen": lambda judge, folder: script(torch.jit.freeze(torch.jit.script(judge.eval())), folder / "judge.TS"),
    "exported": lambda judge, folder: export(judge, folder / "judge.pt2"),
    "onnx": lambda judge, folder: to_onnx(judge, folder / "judge.onnx"),
}


def get(path: Path, **given: Any) -> biqa.Target:
    return biqa.get(f"model_file:{path}", **given)


def one_line(error: pytest.ExceptionInfo[CamofilterError]) -> bool:
    return "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.slow
@pytest.mark.parametrize("how", SAVED)
def test_scores_are_those_of_the_network(how: str, tmp_path: Path) -> None:
    judge = Judge()
    path = SAVED[how](judge, tmp_path)
    target = get(path)
    images = torch.rand(3, 3, 384, 512)
    with torch.inference_mode():
        expected = judge(images).squeeze(1)
        assert torch.allclose(target.score(images), expected, atol=1e-4)
        assert torch.allclose(target.to("cpu").score(images[:1, :, :200, :300]), judge(images[:1, :, :200, :300])[0])
    assert expected.std() > 1e-3
    assert target.name == f"model_file:{path.name}"
    assert target.frame(30, 20) == (512, 384)
    assert target.frame(20, 30) == (384, 512)
    assert target.scale == biqa.Scale()
    assert get(path, threshold=30).scale.threshold == 30


@pytest.mark.parametrize("how", ["scripted", "frozen", "exported"])
def test_gradients_are_those_of_the_network_also_after_scoring(how: str, tmp_path: Path) -> None:
    judge = Judge()
    target = get(SAVED[how](judge, tmp_path))
    assert target.has_gradient
    image = torch.rand(2, 3, HEIGHT, WIDTH, requires_grad=True)
    (expected,) = torch.autograd.grad(judge(image).sum(), image)
    for _ in range(3):  # TorchScript rewrites a program after its first calls
        with torch.inference_mode():
            target.score(torch.rand(2, 3, HEIGHT, WIDTH))
        (gradient,) = torch.autograd.grad(target.margin(image).sum(), image)
        assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-8)
    assert expected.abs().max() > 0


def test_a_script_with_linear_layers_scores_in_inference_mode_after_gradients(tmp_path: Path) -> None:
    class Headed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 1))

        def forward(self, image: Tensor) -> Tensor:
            moments = torch.cat([image.mean((2, 3)), (image.var((2, 3)) + 1e-5).sqrt()], 1)
            return self.head(moments).squeeze(1)  # type: ignore[no-any-return]

    model = Headed().eval()
    target = get(script(model, tmp_path / "headed.pt"))
    images = torch.rand(2, 3, 16, 16)
    for _ in range(3):
        target.score(images.clone().requires_grad_()).sum().backward()
        with torch.inference_mode():
            assert torch.allclose(target.score(images.clone()), model(images), atol=1e-6)


@pytest.mark.parametrize("how", SAVED)
def test_only_the_image_gets_gradients(how: str, tmp_path: Path) -> None:
    target = get(SAVED[how](Judge(), tmp_path))
    assert not target.score(torch.rand(1, 3, 32, 32)).requires_grad


def test_onnx_says_that_it_has_no_gradient(tmp_path: Path) -> None:
    target = get(to_onnx(Judge(), tmp_path / "judge.onnx"))
    assert not target.has_gradient
    assert not target.score(torch.rand(1, 3, 32, 32, requires_grad=True)).requires_grad


def test_a_program_that_rounds_its_scores_has_no_gradient(tmp_path: Path) -> None:
    class Counts(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return (image > 0.5).sum((1, 2, 3))

    assert not get(script(Counts(), tmp_path / "counts.pt")).has_gradient


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_a_fixed_size_is_the_frame_and_a_fixed_batch_is_kept(kind: str, tmp_path: Path) -> None:
    judge, path, size = Judge(), tmp_path / f"judge.{kind}", (1, 3, HEIGHT, WIDTH)
    target = get(export(judge, path, size=size, free=False) if kind == "pt2" else to_onnx(judge, path, size=size))
    assert target.frame(2000, 3000) == (WIDTH, HEIGHT)
    images = torch.rand(3, 3, HEIGHT, WIDTH)
    assert torch.allclose(target.score(images), judge(images).squeeze(1), atol=1e-4)
    photo = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    assert np.isfinite(biqa.delivered_score(photo, target))
    with pytest.raises(TargetError, match=r"judge\.\w+: failed on 1×3×50×64 RGB") as caught:
        target.score(torch.rand(1, 3, 50, WIDTH))
    assert one_line(caught)


def test_an_export_that_views_its_input_takes_images_in_any_layout(tmp_path: Path) -> None:
    class Flat(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.view(image.shape[0], -1).mean(1)

    target = get(export(Flat(), tmp_path / "flat.pt2"))
    image = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last)
    assert torch.allclose(target.score(image), image.mean((1, 2, 3)))


class Answering(nn.Module):
    """Gives something that is no score for each image."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, image: Tensor) -> Tensor:
        if self.what == "mean":
            return image.mean()
        if self.what == "five":
            return image.new_zeros(len(image), 5)
        if self.what == "turned":
            return image.new_zeros(1, len(image))
        return image.mean((1, 2, 3)) / 0


class Pair(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.mean((1, 2, 3)), image.mean((1, 2, 3))


class Picky(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 8 * 8, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(image.flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Answering("mean"), "gave one number for 2 images, expected a tensor with one score for each"),
        (Answering("five"), "gave 2×5 for 2 images"),
        (Answering("turned"), "gave 1×2 for 2 images"),
        (Answering("inf"), r"gave \[inf, inf\], expected finite scores"),
        (Pair(), "gave tuple for 2 images"),
        (Picky(), r"failed on 2×3×384×512 RGB in \[0, 1\], float32.*mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_a_program_that_does_not_score_images_is_named(model: nn.Module, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^model_file:odd\.pt: " + message) as caught:
        get(script(model, tmp_path / "odd.pt"))
    assert one_line(caught)


def test_what_does_not_fit_in_memory_is_no_fault_of_the_program(tmp_path: Path) -> None:
    class Greedy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            if image.shape[2] > 384:
                image = image + torch.empty((len(image), 3, 1 << 44, 512))
            return image.mean((1, 2, 3))

    target = get(script(Greedy(), tmp_path / "greedy.pt"))
    with pytest.raises(MemoryError):
        target.score(torch.rand(1, 3, 512, 512))


@pytest.mark.parametrize(
    ("size", "kind", "message"),
    [
        (("B", 1, 48, 64), TensorProto.FLOAT, r"takes \?×1×48×64, expected B×3×H×W with any B, or 1×3×H×W"),
        ((4, 3, 48, 64), TensorProto.FLOAT, "takes 4×3×48×64"),
        (("B", 3, "W"), TensorProto.FLOAT, r"takes \?×3×\?"),
        (("B", 3, 48, 64), TensorProto.UINT8, r"takes tensor\(uint8\), expected float32"),
    ],
)
def test_another_input_is_named(size: tuple[Any, ...], kind: int, message: str, tmp_path: Path) -> None:
    values = helper.make_tensor_value_info("image", kind, size)
    out = helper.make_tensor_value_info("score", kind, size)
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["score"])], "odd", [values], [out])
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    with pytest.raises(WeightsError, match=r"odd\.onnx: " + message) as caught:
        get(path)
    assert one_line(caught)


def test_two_inputs_are_too_many(tmp_path: Path) -> None:
    class Compares(nn.Module):
        def forward(self, image: Tensor, other: Tensor) -> Tensor:
            return (image - other).mean((1, 2, 3))

    path = tmp_path / "two.pt2"
    image = torch.rand(1, 3, 8, 8)
    torch.export.save(torch.export.export(Compares(), (image, image)), path)
    with pytest.raises(WeightsError, match=r"two\.pt2: takes 2 inputs, expected one, B×3×H×W"):
        get(path)


@pytest.mark.parametrize("ending", ["pt", "ts", "pt2", "onnx"])
@pytest.mark.parametrize("content", ["text", "empty", "weights", "cut"])
def test_a_file_of_another_kind_is_one_line_and_nothing_is_printed(
    ending: str, content: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"judge.{ending}"
    if content == "text":
        path.write_text("not a model")
    elif content == "empty":
        path.touch()
    elif content == "weights":
        torch.save(Judge().state_dict(), path)
    else:
        whole = {"pt2": export, "onnx": to_onnx}.get(ending, script)(Judge(), path).read_bytes()  # type: ignore[operator]
        path.write_bytes(whole[: len(whole) // 2])
    capfd.readouterr()
    with pytest.raises(WeightsError, match=rf"judge\.{ending}: damaged, or not an? .*\(.+\)$") as caught:
        get(path)
    assert one_line(caught)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pt2: no such file; expected a program as torch\.export\.save"):
        get(tmp_path / "nowhere.pt2")
    with pytest.raises(WeightsError, match=r"judge\.pth: models are saved as \.pt, \.ts, \.pt2, \.onnx"):
        get(tmp_path / "judge.pth")
    with pytest.raises(UsageError, match=r"'model_file' needs the path of a \.pt"):
        biqa.get("model_file")


class Burglar:
    """Leaves a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize(
    "where", ["data/sample_inputs/model.pt", "data/constants/opaque_obj_0", "data/weights/model.pt"]
)
def test_pickled_objects_in_an_export_are_refused(where: str, tmp_path: Path) -> None:
    trace, clean, path = tmp_path / "trace", export(Judge(), tmp_path / "clean.pt2"), tmp_path / "odd.pt2"
    torch.save(((Burglar(trace),), {}), pickled := io.BytesIO())
    with zipfile.ZipFile(clean) as source, zipfile.ZipFile(path, "w") as odd:
        for name in source.namelist():
            if not name.endswith(where):
                odd.writestr(name, source.read(name))
        odd.writestr(f"clean/{where}", pickled.getvalue())
    before = dict(os.environ)
    with pytest.raises(WeightsError, match=r"odd\.pt2: holds pickled Python objects, which are not loaded") as caught:
        get(path)
    assert one_line(caught)
    assert not trace.exists()
    assert dict(os.environ) == before


def test_a_pickled_module_is_not_turned_to(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "judge.pt"
    torch.save(Burglar(trace), path)
    with pytest.raises(WeightsError, match="not a TorchScript program"):
        get(path)
    path.write_bytes(pickle.dumps(Burglar(trace)))
    with pytest.raises(WeightsError, match="not a TorchScript program"):
        get(path)
    assert not trace.exists()


def test_machine_code_in_an_export_is_refused(tmp_path: Path) -> None:
    path = export(Judge(), tmp_path / "judge.pt2")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("judge/data/aotinductor/model/judge.so", b"")
    with pytest.raises(WeightsError, match="holds machine code, which is not loaded"):
        get(path)


def test_without_onnxruntime_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = to_onnx(Judge(), tmp_path / "judge.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"judge\.onnx: ONNX files need onnxruntime: pip install 'camofilter\[onnx\]'"):
        get(path)

"""Scene classifiers as targets: names, leads, words; and SqueezeNet on real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from camofilter import biqa
from camofilter.biqa import places365_squeezenet
from camofilter.biqa.scenes import SceneTarget, categories, sensitive_categories
from camofilter.biqa.weight_files import WeightsError
from camofilter.errors import UsageError

SCALE = biqa.KNOWN["places365_squeezenet"].scale
IMAGE = torch.rand(1, 3, 256, 256)


class Says(nn.Module):
    """A classifier that says the same of every image: these logits by name, 0 for the rest."""

    def __init__(self, **logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor([logits.get(name, 0.0) for name in categories()])

    def forward(self, image: Tensor) -> Tensor:
        return self.logits.expand(len(image), -1)


def target(**logits: float) -> SceneTarget:
    return SceneTarget("says", SCALE, Says(**logits))


def score(target: biqa.Target) -> float:
    return float(target.score(IMAGE))


def test_names() -> None:
    assert len(categories()) == len(set(categories())) == 365
    assert list(categories()) == sorted(categories())
    assert all(name.isascii() and name == name.strip() for name in categories())
    assert (categories()[0], categories()[48], categories()[364]) == ("airfield", "beach", "zen_garden")


def test_sixty_are_sensitive() -> None:
    assert len(sensitive_categories()) == 60
    assert sensitive_categories() <= set(categories())
    assert {"bedroom", "hospital_room", "church/indoor"} <= sensitive_categories()
    assert "lighthouse" not in sensitive_categories()


def test_the_names_are_those_of_the_lists(shared: Path) -> None:
    lines = (shared / "labels" / "categories_places365.txt").read_text("utf-8").splitlines()
    assert [f"/{name[0]}/{name} {i}" for i, name in enumerate(categories())] == [line.strip() for line in lines]
    listed = (shared / "labels" / "MEPP18senscats.txt").read_text("utf-8-sig").split("\n")
    assert {f"/{name[0]}/{name} {categories().index(name)}" for name in sensitive_categories()} == {
        line.strip() for line in listed if line.strip()
    }


def test_the_scale_calls_a_photo_hidden_below_nought() -> None:
    for name in ("places365_resnet50", "places365_squeezenet"):
        assert biqa.KNOWN[name].scale.in_words() == "-10 to 10, hidden below 0"


def test_at_first_the_lead_is_that_over_the_second() -> None:
    assert score(target(beach=5, castle=3, bar=-9)) == 2


def test_the_frame_is_256_whatever_the_shape() -> None:
    assert {target().frame(*size) for size in ((4000, 3000), (30, 40), (256, 256))} == {(256, 256)}


@pytest.mark.parametrize("name", ["castle", "/c/castle"])
def test_the_lead_of_a_watched_scene(name: str) -> None:
    assert score(target(beach=5, castle=3).watching(name)) == -2
    assert score(target(beach=5, castle=8).watching(name)) == 3


def test_a_name_of_two_parts_is_watched() -> None:
    says = Says(**{"church/indoor": 4, "church/outdoor": 1})
    assert score(SceneTarget("says", SCALE, says).watching("church/outdoor")) == -3
    assert score(SceneTarget("says", SCALE, says).watching("/c/church/indoor")) == 3


def test_the_lead_of_the_sensitive_scenes() -> None:
    """Best of the sixty against best of the rest; lighthouse and canyon are not of the sixty."""
    logits = {"bedroom": 4.0, "beach": 6.0, "lighthouse": 5.0, "canyon": 3.0}
    assert score(target(**logits).watching("sensitive")) == 1
    assert score(target(**logits | {"canyon": 7.5}).watching("sensitive")) == -1.5


def test_an_unknown_scene_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown scene 'beech': did you mean beach"):
        target().watching("beech")


@pytest.mark.parametrize("scene", ["", "/", "/b/", "48", "b/beach", "/c/beach"])
def test_what_is_no_scene_is_refused(scene: str) -> None:
    with pytest.raises(UsageError, match="unknown scene"):
        target().watching(scene)


def test_facing_a_photo_notes_what_is_seen() -> None:
    """The class first seen stays the one to leave when another one leads later."""
    facing = target(beach=5, castle=3).facing(IMAGE)
    assert score(facing) == 2
    facing.model = Says(beach=5, castle=6)
    assert score(facing) == -1
    assert facing.margin(IMAGE).item() == -1


def test_facing_leaves_the_target_as_it_was() -> None:
    first = target(beach=5, castle=3)
    first.facing(IMAGE)
    assert first.watched == frozenset()


def test_scoring_on_another_device_changes_nothing_here() -> None:
    watching = target(beach=5, castle=3).watching("castle")
    moved = watching.to("meta")
    moved.model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 365, device="meta"))
    assert moved.score(torch.rand(2, 3, 1, 1, device="meta")).shape == (2,)
    assert score(watching) == -2


def test_what_is_watched_stays_watched_when_facing() -> None:
    watching = target(beach=5, castle=3).watching("castle")
    assert watching.facing(IMAGE).watched == {"castle"}


def test_scores_of_a_batch_are_those_of_its_images() -> None:
    torch.manual_seed(0)
    model = places365_squeezenet.network().eval().requires_grad_(False)
    images = torch.rand(3, 3, 256, 256)
    for some in (SceneTarget("s", SCALE, model), SceneTarget("s", SCALE, model).watching("sensitive")):
        single = torch.cat([some.score(image[None]) for image in images])
        assert some.score(images).shape == (3,)
        assert torch.allclose(some.score(images), single, atol=1e-5)


@pytest.mark.parametrize("scene", ["beach", "sensitive", None])
def test_the_gradient_is_finite_and_not_zero(scene: str | None) -> None:
    torch.manual_seed(0)
    some = SceneTarget("s", SCALE, places365_squeezenet.network().eval().requires_grad_(False))
    some = some.watching(scene) if scene else some.facing(IMAGE)
    image = IMAGE.clone().requires_grad_()
    some.margin(image).sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


def probable(name: str, probability: float) -> dict[str, float]:
    return {name: float(np.log(probability / (1 - probability) * 364))}


def test_words() -> None:
    beach, lighthouse = target(**probable("beach", 0.83)), target(**probable("lighthouse", 0.61))
    assert beach.in_words(IMAGE) == "beach 83 %"
    assert beach.watching("beach").in_words(IMAGE) == "beach 83 %"
    assert beach.watching("castle").in_words(IMAGE) == "beach 83 %"
    assert beach.watching("sensitive").in_words(IMAGE) == "beach 83 %, sensitive"
    assert lighthouse.watching("sensitive").in_words(IMAGE) == "lighthouse 61 %"


def test_squeezenet_sees_the_middle_in_blue_green_red_less_the_mean() -> None:
    """The border of 16 pixels does not count, and the mean picture itself is black."""
    model = places365_squeezenet.network().eval()
    seen: list[Tensor] = []
    model.get_submodule("conv1").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mean = 255 * torch.rand(3, 256, 256)
    model.load_state_dict(model.state_dict() | {"mean_bgr_256": mean})
    with torch.inference_mode():
        model(mean.flip(0)[None] / 255)
        border = IMAGE.clone()
        border[..., 16:-16, 16:-16] = 0
        assert torch.equal(model(border), model(torch.zeros_like(IMAGE)))
    assert seen[0].shape == (1, 3, 224, 224)
    assert torch.allclose(seen[0], torch.zeros(1), atol=1e-6)


def test_squeezenet_is_the_papers() -> None:
    """Parameters as in SqueezeNet 1.1, whose 1000 classes take 1,235,496."""
    model = places365_squeezenet.network().eval()
    assert sum(p.numel() for p in model.parameters()) == 1_235_496 - 513 * 1000 + 513 * 365
    sides: list[int] = []
    for layer in ("fire2", "fire4", "fire6", "conv10"):
        model.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[2]))
    assert model(IMAGE).shape == (1, 365)
    assert sides == [55, 27, 13, 13]


def test_squeezenet_leaks() -> None:
    """With weights that pass on one number, each of the units below 0 leaves 0.55 of it."""
    model = places365_squeezenet.network()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    nn.init.constant_(model.get_parameter("conv10.bias"), -2)
    assert torch.allclose(model(IMAGE), torch.full((1, 365), -1.1))
    fire = model.get_submodule("fire2")
    nn.init.constant_(fire.get_parameter("squeeze1x1.bias"), -1)
    nn.init.ones_(fire.get_parameter("expand1x1.weight"))
    maps = fire(torch.zeros(1, 64, 5, 5))
    assert torch.allclose(maps[:, :64], torch.full((1, 64, 5, 5), -0.55 * 0.55 * 16))
    assert not maps[:, 64:].any()


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"no\.npz: no such weight file; expected squeezenet_places365_f32\.npz"):
        biqa.get("places365_squeezenet:no.npz")


# What a person sees, and the classifier should have among its first five.
SEEN = {
    "kodak/kodim13.png": "creek",
    "kodak/kodim21.png": "lighthouse",
    "kodak/kodim11.png": "harbor",
    "landscape/budgie_extreme-desert-hike.jpg": "desert/sand",
    "landscape/budgie_lake-sherburne.jpg": "mountain_snowy",
    "landscape/pop_jad-limcaco-183877.jpg": "canyon",
    "landscape/solus_vents-du-sud.jpg": "pier",
    "unsplash/ss03_6221.jpg": "forest_path",
    "unsplash/ss03_4916.jpg": "wave",
    "unsplash/ss03_2782.jpg": "skyscraper",
}


@pytest.fixture
def squeezenet(shared: Path) -> biqa.Target:
    return biqa.get(f"places365_squeezenet:{shared / 'weights' / 'squeezenet_places365_f32.npz'}")


@pytest.mark.parametrize(("file", "scene"), SEEN.items())
def test_squeezenet_sees_what_a_person_sees(file: str, scene: str, squeezenet: SceneTarget, shared: Path) -> None:
    with Image.open(shared / "photos" / file) as photo:
        image = biqa.delivered(np.asarray(photo.convert("RGB")), squeezenet)
    with torch.inference_mode():
        first = squeezenet.logits(image)[0].topk(5).indices.tolist()
    assert scene in [categories()[i] for i in first]


def test_squeezenet_is_sure_of_the_lighthouse(squeezenet: SceneTarget, shared: Path) -> None:
    with Image.open(shared / "photos" / "kodak" / "kodim21.png") as photo:
        image = biqa.delivered(np.asarray(photo.convert("RGB")), squeezenet)
    assert squeezenet.in_words(image) == "lighthouse 99 %"
    assert squeezenet.score(image) > 3
    assert squeezenet.watching("sensitive").score(image) < -3

"""The jury's page and key: right, the same by seed, and blind."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from camofilter.errors import UsageError
from camofilter.evaluation.jury import Ballot, Key, Made, make, picks
from camofilter.photo import Photo

RUNS = ["Stockholm_run", "Ljubljana_run", "Reykjavik_run", "Vilnius_run", "Bratislava_run"]
PHOTOS = ["beach_0017.png", "market_0333.png", "harbour_0042.png"]


def plain(*colour: int) -> Photo:
    return Photo.from_array(np.full((8, 12, 3), colour, np.uint8))


def version(run: str, photo: str) -> Photo:
    """A colour by which run and photo can be told."""
    return plain(10 + 40 * RUNS.index(run), 10 + 40 * PHOTOS.index(photo), 128)


def never(*_: str) -> Photo:
    raise AssertionError("was read")


def shown(made: Made) -> dict[str, Any]:
    """What the page knows."""
    html = made.page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found[1])


def opened(uri: str) -> Image.Image:
    kind, data = uri.split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def colour(uri: str) -> list[float]:
    return np.asarray(opened(uri)).mean((0, 1)).tolist()


def test_the_key_tells_which_picture_is_whose(tmp_path: Path) -> None:
    made = make(RUNS, PHOTOS, version, tmp_path, original=lambda photo: plain(PHOTOS.index(photo), 0, 0), seed=1)
    page = shown(made)
    key = Key.from_dict(json.loads(made.key_file.read_text(encoding="utf-8")))
    assert key == made.key
    assert page["jury"] == key.jury
    assert key.runs == tuple(RUNS)
    assert sorted(ballot.name for ballot in key.ballots) == sorted(PHOTOS)
    for ballot, photo in zip(key.ballots, page["photos"], strict=True):
        assert (photo["photo"], photo["most"], photo["least"]) == (ballot.photo, 3, 2)
        assert (photo["width"], photo["height"]) == (12, 8)
        assert [one["code"] for one in photo["versions"]] == list(ballot.versions)
        assert sorted(ballot.versions.values()) == sorted(RUNS)
        for one in photo["versions"]:
            expected = version(ballot.versions[one["code"]], ballot.name).pixels[0, 0]
            assert colour(one["picture"]) == pytest.approx(expected, abs=3)
        assert colour(photo["original"]) == pytest.approx([PHOTOS.index(ballot.name), 0, 0], abs=3)


def test_without_originals(tmp_path: Path) -> None:
    assert {photo["original"] for photo in shown(make(RUNS, PHOTOS, version, tmp_path, seed=1))["photos"]} == {None}


def test_nothing_on_the_page_tells_a_run(tmp_path: Path) -> None:
    def telling(run: str, photo: str) -> Photo:
        exif = Image.Exif()
        exif[0x010E] = run  # ImageDescription
        return Photo(version(run, photo).pixels, exif=exif.tobytes(), xmp=run.encode(), dpi=(72, 72), jpeg_quality=90)

    made = make(RUNS, PHOTOS, telling, tmp_path, seed=1)
    codes = [code for ballot in made.key.ballots for code in ballot.versions]
    assert len(set(codes)) == len(RUNS) * len(PHOTOS)
    assert all(re.fullmatch("[0-9a-f]{8}", code) for code in codes)
    pictures = [one["picture"] for photo in shown(made)["photos"] for one in photo["versions"]]
    bare = made.page.read_bytes() + b"".join(base64.b64decode(picture.split(",")[1]) for picture in pictures)
    for name in [*RUNS, *PHOTOS, *(photo.split(".")[0] for photo in PHOTOS), str(tmp_path)]:
        assert name.encode() not in bare


def test_the_page_reaches_for_no_network(tmp_path: Path) -> None:
    html = make(RUNS, PHOTOS, version, tmp_path, seed=1).page.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert policy[1].split("; ")[:2] == ["default-src 'none'", "img-src data:"]
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest|WebSocket", html)
    assert re.search('<html lang="en">', html)
    assert re.search('<meta name="viewport" content="width=device-width, initial-scale=1">', html)


def test_pictures_are_jpegs_of_quality_95_without_subsampling(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (32, 48, 3), np.uint16)
    as_read = Photo(noise, format="JPEG", jpeg_quality=90, jpeg_subsampling=2, jpeg_progressive=True, dpi=(300, 300))

    def some_jpegs(run: str, photo: str) -> Photo:
        return as_read if run == RUNS[0] else Photo.from_array(noise)

    made = make(RUNS, PHOTOS, some_jpegs, tmp_path, seed=1)
    pictures = {one["picture"] for photo in shown(made)["photos"] for one in photo["versions"]}
    assert len(pictures) == 1  # the kind of file does not tell whose it is
    picture = opened(pictures.pop())
    like = io.BytesIO()
    Image.fromarray((noise >> 8).astype(np.uint8)).save(like, "JPEG", quality=95, subsampling=0)
    expected = Image.open(like)
    assert picture.quantization == expected.quantization
    assert JpegImagePlugin.get_sampling(picture) == 0
    assert not picture.getexif()
    assert np.abs(np.asarray(picture).astype(float) - noise / 257).mean() < 4


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    once, again, other = (make(RUNS, PHOTOS, version, tmp_path / str(i), seed=seed) for i, seed in enumerate([5, 5, 6]))
    assert once.page.read_bytes() == again.page.read_bytes()
    assert once.key_file.read_bytes() == again.key_file.read_bytes()
    assert once.key.jury != other.key.jury
    assert [list(b.versions.values()) for b in once.key.ballots] != [
        list(b.versions.values()) for b in other.key.ballots
    ]
    assert not {c for b in once.key.ballots for c in b.versions} & {c for b in other.key.ballots for c in b.versions}


def test_other_pictures_make_another_jury(tmp_path: Path) -> None:
    one = make(RUNS, PHOTOS, version, tmp_path / "one", seed=1)
    other = make(RUNS, PHOTOS, lambda run, photo: plain(1, 2, 3), tmp_path / "other", seed=1)
    assert one.key.jury != other.key.jury


def test_every_run_stands_at_every_place_as_often(tmp_path: Path) -> None:
    photos, runs = [f"{i}.png" for i in range(400)], RUNS[:4]
    made = make(runs, photos, lambda run, photo: plain(0, 0, 0), tmp_path, seed=2)
    places = Counter((place, run) for b in made.key.ballots for place, run in enumerate(b.versions.values()))
    assert len(places) == 16
    assert all(abs(count - 100) < 5 * np.sqrt(400 / 4 * 3 / 4) for count in places.values())


def test_photos_are_shuffled(tmp_path: Path) -> None:
    orders = {
        tuple(b.name for b in make(RUNS, PHOTOS, version, tmp_path, seed=seed, force=True).key.ballots)
        for seed in range(40)
    }
    assert len(orders) == 6


@pytest.mark.parametrize(("versions", "expected"), [(2, (1, 1)), (3, (2, 1)), (4, (2, 2)), (5, (3, 2)), (20, (3, 2))])
def test_how_many_are_picked(versions: int, expected: tuple[int, int]) -> None:
    assert picks(versions) == expected
    assert sum(expected) <= versions


def test_a_run_without_the_photo_is_left_out_of_it(tmp_path: Path) -> None:
    def some(run: str, photo: str) -> Photo | None:
        return None if photo == PHOTOS[0] and run in RUNS[:2] else version(run, photo)

    ballots = {ballot.name: ballot for ballot in make(RUNS, PHOTOS, some, tmp_path, seed=1).key.ballots}
    assert sorted(ballots[PHOTOS[0]].versions.values()) == sorted(RUNS[2:])
    assert (ballots[PHOTOS[0]].most, ballots[PHOTOS[0]].least) == (2, 1)
    assert len(ballots[PHOTOS[1]].versions) == 5


def test_progress_is_told_once_a_photo(tmp_path: Path) -> None:
    told: list[str] = []
    made = make(RUNS, PHOTOS, version, tmp_path, seed=1, progress=told.append)
    assert told == [ballot.name for ballot in made.key.ballots]


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(UsageError) as error:
        make(*args, seed=1, **options)
    return str(error.value)


def test_too_few_runs_or_photos_are_refused(tmp_path: Path) -> None:
    message = "1 run for a jury; expected at least 2: give more folders or zips of runs"
    assert refused(RUNS[:1], PHOTOS, never, tmp_path) == message
    message = "no photos for a jury: expected at least one that two runs have"
    assert refused(RUNS, [], never, tmp_path) == message
    message = f"photo {PHOTOS[0]}: is in 1 of the runs; expected at least 2: leave it out"
    assert refused(RUNS, PHOTOS[:1], lambda r, p: version(r, p) if r == RUNS[3] else None, tmp_path) == message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["jury.html", "key.json"])
def test_files_that_are_there_stay_without_force(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    message = f"{tmp_path / name} exists: add --force to replace it, or give another folder"
    assert refused(RUNS, PHOTOS, never, tmp_path) == message
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]
    made = make(RUNS, PHOTOS, version, tmp_path, seed=1, force=True)
    assert sorted(tmp_path.iterdir()) == [made.page, made.key_file]
    assert (tmp_path / name).read_text() != "mine"


@pytest.mark.parametrize(
    "damage",
    [lambda key: key | {"ballots": []}, lambda key: key | {"runs": RUNS[1:]}, lambda key: {}, lambda key: [key]],
)
def test_a_key_of_another_form_is_none(damage: Any) -> None:
    key = Key("id", 1, tuple(RUNS), (Ballot(1, "a", 1, 1, {"x": RUNS[0], "y": RUNS[1]}),))
    assert Key.from_dict(json.loads(json.dumps(key.to_dict()))) == key
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Key.from_dict(damage(key.to_dict()))


def test_no_torch_is_needed() -> None:
    code = "import sys, camofilter.evaluation.tally; sys.exit('torch' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The report of an evaluation: its figures are the evaluation's, its page is whole, inert and works in a browser."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from camofilter import presets
from camofilter.biqa.target import Scale
from camofilter.errors import PhotoError, UsageError
from camofilter.evaluation import figures, records, report
from camofilter.evaluation.results import Evaluation, Fault, Judge, Judged, Measures, PhotoResult, RunResult
from camofilter.photo import Photo, open_photo
from camofilter.sheets import CELL, thumbnail

pytest.importorskip("matplotlib", reason="reports are drawn with matplotlib")
pytest.importorskip("jinja2", reason="reports are written with jinja2")

HOSTILE = (
    "<script>alert(1)</script>.png",
    "\"'><img src=x onerror=alert(1)>.png",
    "=1+1.png",
    "@SUM(1)",
    "</script></style>{{ 7 * 7 }}.png",
    'a,b;"c"\nd.png',
    "not-utf-8-\udcff.png",
    "long" * 50 + ".png",
)
SCENE = Judge("a_classifier", Scale(-10, 10, 0, "in logits, where another scene leads"))
JUDGES = (Judge("one_model", Scale(), 3), Judge("faults_model", Scale(2, 14, 6.8, "as fitted", falls=False)))


def result(
    photo: str, *scores: tuple[float, float] | Judged, delta_e: float = 1.0, recipe: str | None = None
) -> PhotoResult:
    """A result by these scores before and after."""
    judged = tuple(Judged(*one) for one in scores)
    of_recipe = {"reach": 0.5, "visibility": 77.4} if recipe else {}
    measures = Measures(delta_e, 0.9, 0.01, 40.0, 45.5, 0.2, 0.25, **of_recipe)
    return PhotoResult(photo, f"run_{photo}", judged, measures, presets.get(recipe) if recipe else None)


@dataclass
class Job:
    """An evaluation with its photos: the project's own, made small, and brightened in the runs."""

    evaluation: Evaluation
    pictures: list[Photo]

    def original(self, name: str) -> Photo:
        return self.pictures[self.evaluation.originals.index(name) % len(self.pictures)]

    def version(self, code: str, name: str) -> Photo:
        brighter = 20 * (1 + [run.code for run in self.evaluation.runs].index(code))
        return Photo.from_array(np.minimum(self.original(name).pixels.astype(int) + brighter, 255).astype(np.uint8))

    def write(self, folder: Path, force: bool = False, **others: Any) -> list[Path]:
        return report.write(self.evaluation, self.original, self.version, folder, force=force, **others)

    def page(self, folder: Path) -> Page:
        return Page(next(path for path in self.write(folder) if path.suffix == ".html").read_text("utf-8"))


@pytest.fixture
def pictures(examples: list[Path]) -> list[Photo]:
    return [Photo.from_array(np.asarray(thumbnail(open_photo(path), 64))) for path in examples]


@pytest.fixture
def job(pictures: list[Photo]) -> Job:
    """Two judges, three runs: one of three photos, one of two, one of none."""
    first = [
        result("a.png", (71.5, 42.25), (3.5, 6.0), delta_e=0.5, recipe="warm"),
        result("b.png", (80.0, 50.0), (4.0, 6.8), delta_e=2.5),
        result("c.png", (60.0, 65.0), (5.0, 9.0), delta_e=1.5),
    ]
    second = [result("a.png", (71.5, 71.5), (3.5, 3.5)), result("b.png", (80.0, 20.0), (4.0, 12.0))]
    missing = [Fault("third", f"third_{name}.png", "missing", "is missing") for name in "abc"]
    runs = [RunResult("first", first), RunResult("second", second), RunResult("third", faults=missing)]
    originals = ("a.png", "b.png", "c.png", "d.png")
    fault = Fault("originals", "d.png", "unreadable", "cannot be read")
    return Job(Evaluation("quality", JUDGES, runs, originals, [fault], manual=frozenset({"a.png", "d.png"})), pictures)


@pytest.fixture
def hostile(pictures: list[Photo]) -> Job:
    runs = [
        RunResult(code, [result(name, (70.0, 40.0 + i)) for i, name in enumerate(HOSTILE)])
        for code in ("=x$^$<b>", "_quiet")
    ]
    runs[0].faults.append(Fault("=x$^$<b>", "<script>alert(2)</script>", "extra", "<b>is no photo</b>"))
    return Job(Evaluation("quality", JUDGES[:1], runs, HOSTILE), pictures)


class Page(HTMLParser):
    """A page taken apart.

    Attributes:
        text: the whole file.
        tags: names and attributes of all elements.
        cards: names of the photos of each run, in the order of the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cards: list[list[str]] = []
        self._open: list[str] = []
        self._texts: list[tuple[str, list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._texts.append((tag, []))
        if tag not in ("meta", "img", "input"):
            self._open.append(tag)
        if tag == "details":
            self.cards.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            next(texts for tag, texts in reversed(self._texts) if tag == self._open[-1]).append(data)
            if self._open[-1] == "h3":
                self.cards[-1].append(data)

    def texts(self, tag: str) -> list[str]:
        """What stands in the elements of a kind, in itself, in one line each."""
        return [" ".join("".join(texts).split()) for name, texts in self._texts if name == tag]

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def uris(self) -> list[str]:
        (script,) = re.findall(r'id="pictures">(.*?)</script>', self.text)
        found: list[str] = json.loads(script)
        return found


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# Figures


scores = st.floats(0, 100)


@given(st.lists(st.lists(st.tuples(scores, scores, st.floats(2, 14), st.floats(2, 14)), max_size=4), max_size=3))
def test_tables_tell_what_the_evaluation_says(rolled: list[list[tuple[float, float, float, float]]]) -> None:
    runs = [
        RunResult(f"r{i}", [result(f"{j}.png", (a, b), (c, d)) for j, (a, b, c, d) in enumerate(photos)])
        for i, photos in enumerate(rolled)
    ]
    evaluation = Evaluation("quality", JUDGES, runs, tuple(f"{j}.png" for j in range(4)), manual=frozenset({"1.png"}))
    rows = read_csv(records.to_csv(evaluation))
    told = json.loads(json.dumps(records.to_dict(evaluation), allow_nan=False))
    assert len(rows) == sum(map(len, rolled))
    assert len(told["runs"]) == len(runs)
    for run, one in zip(runs, told["runs"], strict=True):
        mine = [row for row in rows if row["run"] == run.code]
        assert [row["photo"] for row in mine] == [photo.photo for photo in run.photos]
        for place, judge in enumerate(JUDGES):
            for among, figures_ in ((None, one["judges"][place]), (evaluation.manual, one["manual"][place])):
                summary = evaluation.summary(run, place, among)._asdict()
                assert figures_ == {"judge": judge.name} | {k: None if v != v else v for k, v in summary.items()}
            if mine:  # and what the rows add up to is the same
                mean = statistics.fmean(float(row[f"{judge.name}_after"]) for row in mine)
                assert mean == pytest.approx(one["judges"][place]["mean_after"])
                seen = statistics.fmean(1 - int(row[f"{judge.name}_hidden"]) for row in mine)
                assert seen == pytest.approx(one["judges"][place]["accuracy_after"])
    variances = evaluation.variances()
    assert {(v["photo"], v["variance"]) for v in told["most_varied"]} == set(variances.items())
    for row in rows:
        assert row["variance"] == (str(variances[row["photo"]]) if row["photo"] in variances else "")


def test_every_measure_is_in_the_tables(job: Job) -> None:
    rows = read_csv(records.to_csv(job.evaluation))
    told = records.to_dict(job.evaluation)["runs"]
    assert told[0]["means"]["delta_e"] == pytest.approx(1.5)
    assert [row["delta_e"] for row in rows[:3]] == ["0.5", "2.5", "1.5"]
    assert [row["reach"] for row in rows[:2]] == ["0.5", ""]
    assert rows[0]["aesthetic_after"] == ""
    assert told[0]["means"].keys() == set(Measures._fields) <= rows[0].keys()
    assert told[2]["means"] == dict.fromkeys(Measures._fields)
    assert rows[0]["recipe"] == presets.get("warm").in_words()
    assert not any(key.endswith("sees_before") for key in rows[0])


def test_what_is_not_a_number_is_empty(job: Job) -> None:
    odd = result("a.png", (math.inf, math.nan), (1.0, 2.0))
    evaluation = replace(job.evaluation, runs=[RunResult("first", [odd])])
    (row,) = read_csv(records.to_csv(evaluation))
    assert (row["one_model_before"], row["one_model_after"]) == ("", "")
    json.dumps(records.to_dict(evaluation), allow_nan=False)


def test_written_tables_are_those_of_the_evaluation(job: Job, tmp_path: Path) -> None:
    job.write(tmp_path / "new" / "folder")
    written = tmp_path / "new" / "folder"
    assert (written / "photos.csv").read_text("utf-8") == records.to_csv(job.evaluation)
    assert json.loads((written / "summary.json").read_text()) == records.to_dict(job.evaluation)
    assert sorted(path.name for path in written.iterdir()) == [
        "photos.csv",
        "report.html",
        "sheet-first.png",
        "sheet-second.png",
        "summary.json",
    ]


def test_spreadsheets_do_not_compute_names(hostile: Job) -> None:
    cells = [cell for row in csv.reader(io.StringIO(records.to_csv(hostile.evaluation), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
    assert {"'=1+1.png", "'@SUM(1)", HOSTILE[5]} <= set(cells)
    negative = result("a.png", (-1.5, -2.5))
    evaluation = replace(hostile.evaluation, runs=[RunResult("r", [negative])])
    (row,) = read_csv(records.to_csv(evaluation))
    assert float(row["one_model_after"]) == -2.5  # a number stays one


# The page


def test_worst_photos_come_first(job: Job, tmp_path: Path) -> None:
    assert job.page(tmp_path).cards == [["c.png", "b.png", "a.png"], ["a.png", "b.png"], []]


def test_page_says_what_was_found(job: Job, tmp_path: Path) -> None:
    page = job.page(tmp_path)
    assert page.texts("td")[:4] == ["3 of 4", "0", "100.0 → 33.3 %", "70.5 → 52.4"]
    assert page.texts("td")[9:11] == ["77", "0.50"]
    assert page.texts("td")[22:26] == ["0 of 4", "3", "– → –", "– → –"]
    for fault in job.evaluation.all_faults():
        assert fault.in_words() in page.texts("li")
    assert presets.get("warm").in_words() in page.texts("p")
    assert "what is to hide it is seen at 100 % (SSIMULACRA2 77 from its look alone)" in page.texts("p")
    assert "JPEG 90" in page.texts("p")[0]
    assert "scored by one_model, version 3 (" in page.texts("p")[0]
    assert all(image.get("alt") for image in page.of("img"))
    assert len(page.of("img")) == 3 + 2 * 5  # two histograms, the scatter plot, a pair for each photo


@pytest.mark.parametrize("which", ["job", "hostile"])
def test_page_needs_nothing_else(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which).page(tmp_path)
    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r"base64,[\w+/=]*", "", page.text))
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
    (policy,) = [meta["content"] for meta in page.of("meta") if "http-equiv" in meta]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_names_are_inert(hostile: Job, tmp_path: Path) -> None:
    page = hostile.page(tmp_path)
    assert len(page.of("script")) == 2
    assert not page.of("b")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    readable = [name.encode("utf-8", "backslashreplace").decode() for name in HOSTILE]
    assert page.cards == [readable[::-1]] * 2
    assert "=x$^$<b>: <script>alert(2)</script>: <b>is no photo</b>" in page.texts("li")


def test_pictures_are_those_of_the_photos_and_each_there_once(job: Job, tmp_path: Path) -> None:
    page = job.page(tmp_path)
    assert len(page.uris()) == len(set(page.uris())) == 3 + 5
    shown = [image for image in page.of("img") if "data-picture" in image]
    for image in shown:
        name, kind = str(image["alt"]).split(",")[0].split()
        found = Image.open(io.BytesIO(base64.b64decode(page.uris()[int(str(image["data-picture"]))].split(",")[1])))
        run = str(image["alt"]).split()[-1]
        expected = job.original(name) if kind == "before" else job.version(run, name)
        difference = np.asarray(found.convert("RGB")).astype(int) - expected.pixels
        assert found.format == "WEBP"
        assert np.abs(difference).mean() < 8  # the runs are 20 levels apart


def test_page_stays_usable(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = job.page(tmp_path / "whole")
    monkeypatch.setattr(report, "PAGE_BUDGET", sum(map(len, whole.uris())) * 9 // 8)
    page = job.page(tmp_path / "small")
    assert page.cards == [["c.png", "b.png"], ["a.png", "b.png"], []]
    assert len(page.uris()) == 3 + 4
    assert "first: 2 of 3 photos" in page.texts("summary")
    assert len(read_csv((tmp_path / "small" / "photos.csv").read_text())) == 5
    monkeypatch.setattr(report, "PAGE_BUDGET", 1)
    assert job.page(tmp_path / "smallest").cards == [["c.png"], ["a.png"], []]


def test_same_evaluation_same_bytes(job: Job, tmp_path: Path) -> None:
    for one, other in zip(job.write(tmp_path / "1"), job.write(tmp_path / "2"), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_run_without_photos_only(job: Job, tmp_path: Path) -> None:
    job.evaluation = replace(job.evaluation, runs=job.evaluation.runs[2:])
    page = job.page(tmp_path)
    assert page.cards == [[]]
    assert "third: third_a.png: is missing" in page.texts("li")
    assert not page.of("img")
    assert "nan" not in "".join(page.texts("td"))
    assert not list(tmp_path.glob("*.png"))


def test_scenes(job: Job, tmp_path: Path) -> None:
    seen = Judged(5.0, -1.25, "beach 83 %", "<coast> 40 %")
    judges = (SCENE, replace(SCENE, name="a_classifier sensitive"))
    results = [result("a.png", seen, (-1.0, -2.0)), result("b.png", (4.0, 2.0), (-1.0, 1.0))]
    job.evaluation = Evaluation("scene", judges, [RunResult("first", results)], ("a.png", "b.png"))
    page = job.page(tmp_path)
    assert "sees beach 83 % → <coast> 40 %" in page.texts("p")
    assert "JPEG" not in page.texts("p")[0]
    (first, _) = read_csv((tmp_path / "photos.csv").read_text())
    assert first["a_classifier_sees_after"] == "<coast> 40 %"
    assert first["a_classifier_hidden"] == first["a_classifier sensitive_hidden"] == "1"
    assert "a_classifier sensitive_sees_after" not in first
    assert [one["accuracy_after"] for one in records.to_dict(job.evaluation)["runs"][0]["judges"]] == [0.5, 0.5]


# Sheets and figures


def test_sheet_begins_with_the_worst_photo(job: Job, tmp_path: Path) -> None:
    job.write(tmp_path)
    sheet = np.asarray(Image.open(tmp_path / "sheet-first.png"))
    for photo, left in ((job.original("c.png"), 8), (job.version("first", "c.png"), 16 + photo_width(job))):
        assert (sheet[28 : 28 + photo.height, left : left + photo.width] == photo.pixels).all()


def photo_width(job: Job) -> int:
    return max(photo.width for photo in job.pictures)


def test_sheet_holds_24_pairs_at_most(job: Job, tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(30)]
    runs = [
        RunResult("few", [result("0.png", (60, 40))]),
        RunResult("many", [result(name, (60, 40)) for name in names]),
    ]
    job.evaluation = Evaluation("quality", JUDGES[:1], runs, tuple(names))
    job.write(tmp_path)
    few, many = (Image.open(tmp_path / f"sheet-{code}.png") for code in ("few", "many"))
    assert many.height - 8 == 8 * (max(photo.height for photo in job.pictures) + 28)
    assert many.width - 8 == 3 * (few.width - 8) <= 6 * (CELL + 8)


def test_figures_are_well_formed_whatever_a_run_is_called(hostile: Job) -> None:
    drawn = figures.histograms(hostile.evaluation)
    scatter = figures.scatter(hostile.evaluation)
    assert scatter is not None
    assert drawn.keys() == {"=x$^$<b>", "_quiet"}
    for svg in (*drawn.values(), scatter):
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert b"_quiet" in scatter  # matplotlib leaves names with an underscore out of legends that it makes itself
    for colour in figures.COLOURS[:2]:
        assert colour.lower().encode() in scatter


def test_histograms_share_their_axes() -> None:
    many = [result(f"{i}.png", (70.0, 40.0)) for i in range(9)]
    runs = [RunResult("many", many), RunResult("one", [result("0.png", (50.5, 130.0))])]
    evaluation = Evaluation("quality", JUDGES[:1], runs, tuple(f"{i}.png" for i in range(9)))
    ticks = [re.findall(r"<!-- ([\d.]+) -->", svg.decode()) for svg in figures.histograms(evaluation).values()]
    assert ticks[0] == ticks[1]
    assert {"8", "120"} <= set(ticks[0])


@given(st.lists(st.floats(-1e6, 1e6)), st.floats(0, 100))
def test_bins_hold_all_scores_and_end_at_the_threshold(found: list[float], threshold: float) -> None:
    scale = Scale().at(threshold)
    edges = figures.bin_edges(found, scale)
    assert threshold in edges
    assert 20 <= len(edges) - 1 <= 22
    assert edges[0] <= min([0, *found]) + 1e-6
    assert edges[-1] >= max([100, *found]) - 1e-6
    assert np.diff(edges) == pytest.approx(edges[1] - edges[0])


def test_runs_are_told_apart_in_the_scatter_plot() -> None:
    looks = {(figures.COLOURS[i % len(figures.COLOURS)], figures.MARKERS[i % len(figures.MARKERS)]) for i in range(40)}
    assert len(looks) == 40


# Refusals


@pytest.mark.parametrize("name", ["report.html", "photos.csv", "summary.json", "sheet-second.png"])
def test_existing_files_stay(name: str, job: Job, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    untouched = Job(job.evaluation, [])  # reading a photo would fail: nothing is to be done
    with pytest.raises(UsageError, match="exists: add --force") as caught:
        untouched.write(tmp_path)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    job.write(tmp_path, force=True)
    assert (tmp_path / name).read_bytes() != b"mine"


def test_nothing_is_written_when_a_photo_is_gone(job: Job, tmp_path: Path) -> None:
    def gone(code: str, name: str) -> Photo:
        raise PhotoError(f"{code}/{name}: cannot be read")

    with pytest.raises(PhotoError, match="cannot be read"):
        report.write(job.evaluation, job.original, gone, tmp_path, force=False)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PhotoError, match="file: "):
        job.write(tmp_path / "file")


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_missing_package_is_told_first(package: str, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(UsageError, match=rf"{package}.*pip install 'camofilter\[report\]'"):
        job.write(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("codes", [("a/b", "c"), ("..\\a", "c"), ("a\nb", "c"), ("same", "Same")])
def test_codes_that_name_no_file_or_one_twice(codes: tuple[str, str], job: Job, tmp_path: Path) -> None:
    job.evaluation = replace(job.evaluation, runs=[RunResult(code) for code in codes])
    with pytest.raises(UsageError, match=r"run code|two runs"):
        job.write(tmp_path / "folder")


@pytest.mark.slow
def test_progress_is_told_of_every_photo(job: Job, tmp_path: Path) -> None:
    told: list[None] = []
    job.write(tmp_path, progress=lambda: told.append(None))
    assert len(told) == 5


# In a browser


@pytest.fixture(scope="module")
def open_page() -> Iterator[Callable[[Path, int], Any]]:
    """Opens a page at a width in a headless Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium, which moves the browser, is missing")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium and its chromedriver are not on the path")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"):
        options.add_argument(f"--{flag}")
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-component-update")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))

    def opened(path: Path, width: int) -> Any:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get_log("performance")
        browser.get(path.as_uri())
        return browser

    yield opened
    browser.quit()


def test_page_loads_by_itself(hostile: Job, tmp_path: Path, open_page: Callable[[Path, int], Any]) -> None:
    hostile.write(tmp_path)
    browser = open_page(tmp_path / "report.html", 1200)
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert (tmp_path / "report.html").as_uri() in asked
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert sum(url.startswith("file:") for url in asked) == 1
    loads = "const i = new Image(), done = arguments[0]; i.onload = i.onerror = e => done(e.type); i.src = {}"
    assert browser.execute_async_script(loads.format("uris[0]")) == "load"
    assert browser.execute_async_script(loads.format("'page.png'")) == "error"
    assert "Content Security Policy" in browser.get_log("browser")[-1]["message"]


def test_slider_moves_the_line(job: Job, tmp_path: Path, open_page: Callable[[Path, int], Any]) -> None:
    from selenium.webdriver import ActionChains, Keys

    job.write(tmp_path)
    browser = open_page(tmp_path / "report.html", 1200)
    slider = browser.find_element("css selector", ".pair input")
    after = browser.find_element("css selector", ".pair img:last-of-type")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", slider)

    def shown_before() -> float:
        found = re.fullmatch(r"inset\(0(?:px)? 0(?:px)? 0(?:px)? ([\d.]+)%\)", after.value_of_css_property("clip-path"))
        assert found
        return float(found[1])

    assert shown_before() == 50
    slider.send_keys(Keys.ARROW_RIGHT)
    assert shown_before() == 51
    quarter = -browser.find_element("css selector", ".pair").size["width"] // 4
    ActionChains(browser).move_to_element_with_offset(slider, quarter, 20).click().perform()
    assert shown_before() == pytest.approx(25, abs=1.5)
    assert slider.get_attribute("aria-label").startswith("c.png")


def test_pictures_come_when_they_are_looked_at(job: Job, tmp_path: Path, open_page: Callable[[Path, int], Any]) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    job.write(tmp_path)
    browser = open_page(tmp_path / "report.html", 1200)
    loaded = "return [...document.querySelectorAll('details')[1].querySelectorAll('img')].filter(i => i.naturalWidth)"
    assert browser.execute_script(loaded) == []
    summary = browser.find_elements("css selector", "summary")[1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
    summary.click()
    WebDriverWait(browser, 10).until(lambda _: len(browser.execute_script(loaded)) == 4)


def test_print_shows_both_pictures_whole(job: Job, tmp_path: Path, open_page: Callable[[Path, int], Any]) -> None:
    job.write(tmp_path)
    browser = open_page(tmp_path / "report.html", 1200)
    browser.execute_script(
        "document.querySelectorAll('details')[1].open = true; dispatchEvent(new Event('beforeprint'))"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    pictures = browser.find_elements("css selector", "details[open] .pair img")
    assert len(pictures) == 2 * 5
    assert all(picture.get_attribute("src") for picture in pictures)
    assert {picture.value_of_css_property("clip-path") for picture in pictures} == {"none"}
    assert pictures[0].location["x"] + pictures[0].size["width"] <= pictures[1].location["x"] + 1
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("which", ["job", "hostile"])
def test_page_fits_a_phone(
    which: str, tmp_path: Path, open_page: Callable[[Path, int], Any], request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(which).write(tmp_path)
    browser = open_page(tmp_path / "report.html", 360)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.execute_script("return innerWidth") == 360
    room, taken = browser.execute_script("const d = document.documentElement; return [d.clientWidth, d.scrollWidth]")
    assert taken == room

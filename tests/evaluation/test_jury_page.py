"""The jury's page in a real browser: by keyboard, mouse and touch, from the first photo to the counted votes."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from camofilter.evaluation.jury import Ballot, Made, make
from camofilter.evaluation.tally import tally
from camofilter.photo import Photo

pytest.importorskip("selenium", reason="selenium is not installed: the page is not tried in a browser")

from selenium import webdriver
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as-it-is": lambda image: image,
    "pale": lambda image: ImageEnhance.Color(image).enhance(0.3),
    "soft": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "hard": lambda image: ImageEnhance.Contrast(image).enhance(1.6),
    "upside-down": ImageOps.flip,
}
# Places, from 1, that are picked on each of three photos as most and as least appealing.
MOST, LEAST = ((1, 2, 3), (2, 4, 6), (5, 1, 4)), ((5, 6), (1, 3), (2, 3))


def example(name: str) -> Image.Image:
    return ImageOps.fit(Image.open(EXAMPLES / name).convert("RGB"), (384, 288))


def as_photo(image: Image.Image) -> Photo:
    return Photo.from_array(np.asarray(image))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    photos = sorted(path.name for path in EXAMPLES.glob("*.jpg"))
    return make(
        list(EDITS),
        photos,
        lambda run, photo: as_photo(EDITS[run](example(photo))),
        tmp_path_factory.mktemp("jury"),
        original=lambda photo: as_photo(example(photo)),
        seed=7,
    )


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("chromium or chromedriver is not installed: the page is not tried in a browser")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield browser
    browser.quit()


class Page:
    """The page as a juror uses it."""

    def __init__(self, driver: webdriver.Chrome, made: Made, downloads: Path) -> None:
        self.driver, self.made, self.downloads = driver, made, downloads
        allow = {"behavior": "allow", "downloadPath": str(downloads)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", allow)

    def open(self, width: int, height: int, touch: bool = False) -> None:
        """For the first time, in a window of this size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        self.driver.get(self.made.page.as_uri())
        self.run("localStorage.clear()")
        self.driver.refresh()

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def keys(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def shifted(self, *keys: str) -> None:
        chain = webdriver.ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(*keys)
        chain.key_up(Keys.SHIFT).perform()

    def tap(self, selector: str, by: tuple[int, int] = (0, 0)) -> None:
        """Put a finger on the middle of something, drag it by so many pixels, lift it."""
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        finger = ActionBuilder(self.driver, mouse=PointerInput(interaction.POINTER_TOUCH, "finger"))
        finger.pointer_action.move_to(element).pointer_down()
        if any(by):
            finger.pointer_action.move_to(element, *by)
        finger.pointer_action.pointer_up()
        finger.perform()

    def click(self, selector: str) -> None:
        self.find(selector).click()

    @property
    def heading(self) -> str:
        shown = [one.text for one in self.driver.find_elements(By.TAG_NAME, "h1") if one.is_displayed()]
        assert len(shown) == 1
        return shown[0]

    @property
    def message(self) -> str:
        places = "dialog .message" if self.is_large() else "footer .message, #review .message"
        return " ".join(one.text for one in self.driver.find_elements(By.CSS_SELECTOR, places)).strip()

    def picked(self, kind: str) -> list[int]:
        """Places whose button is pressed, from 1."""
        pressed = "return [...document.querySelectorAll('.version .' + arguments[0])].map(one => one.ariaPressed)"
        return [place for place, state in enumerate(self.run(pressed, kind), 1) if state == "true"]

    def pictures(self) -> list[str]:
        return list(self.run("return [...document.querySelectorAll('.version img')].map(one => one.src)"))

    def boxes(self, selector: str) -> list[dict[str, float]]:
        """Where in the window those stand that are shown."""
        found = "return [...document.querySelectorAll(arguments[0])].map(one => one.getBoundingClientRect().toJSON())"
        return [box for box in self.run(found, selector) if box["width"]]

    def is_large(self) -> bool:
        return self.find("#large").is_displayed()

    def stored(self) -> dict[str, Any]:
        key = f"camofilter-jury-{self.made.key.jury}"
        return dict(json.loads(self.run("return localStorage.getItem(arguments[0])", key)))

    def is_within_its_width(self) -> bool:
        return bool(self.run("return document.documentElement.scrollWidth <= innerWidth"))

    def saved(self) -> Path:
        """The file of votes."""
        self.click("#download")
        path = self.downloads / f"votes-{self.made.key.jury}-{self.stored()['juror']}.json"
        for _ in range(100):
            if path.exists() and path.stat().st_size:
                break
            time.sleep(0.05)
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(self.find("#json").get_attribute("value"))
        return path


@pytest.fixture
def page(driver: webdriver.Chrome, made: Made, tmp_path: Path) -> Iterator[Page]:
    """The page; in the end nothing was loaded, and nothing went wrong."""
    page = Page(driver, made, tmp_path)
    yield page
    assert page.run("return performance.getEntriesByType('resource').map(one => one.name.slice(0, 99))") == []
    assert driver.get_log("browser") == []


def versions(made: Made, photo: int) -> list[str]:
    """Runs in the order of the page."""
    return list(made.key.ballots[photo].versions.values())


def check_counted(page: Page, votes: Path, name: str | None = None) -> None:
    """The file holds what was picked, and is counted so."""
    data = json.loads(votes.read_text(encoding="utf-8"))
    assert data.get("name") == name
    assert [one["photo"] for one in data["votes"]] == [1, 2, 3]

    def codes(ballot: Ballot, places: tuple[int, ...]) -> set[str]:
        return {list(ballot.versions)[place - 1] for place in places}

    for one, ballot, most, least in zip(data["votes"], page.made.key.ballots, MOST, LEAST, strict=True):
        assert set(one["most"]) == codes(ballot, most)
        assert set(one["least"]) == codes(ballot, least)
    counted = tally([votes], page.made.key_file, draws=10)
    for kind, places in (("most", MOST), ("least", LEAST)):
        expected = Counter(versions(page.made, i)[place - 1] for i in range(3) for place in places[i])
        assert Counter({run.run: getattr(run, kind) for run in counted.runs if getattr(run, kind)}) == expected
    assert counted.unfinished == {}


def test_by_keyboard(page: Page) -> None:
    page.open(1280, 800)
    assert page.heading == "Which versions do you like?"
    assert "the 3 most appealing versions and the 2 least appealing" in page.find("#scope").text
    page.keys(Keys.ENTER)
    assert page.heading == "Photo 1 of 3"
    page.keys("1", "2", "3", "4")
    assert page.picked("most") == [1, 2, 3]
    assert page.message == ("You have picked 3 as most appealing. To pick version 4, first take back 1, 2 or 3.")
    page.shifted("5")
    page.keys(Keys.ENTER)
    assert page.heading == "Photo 1 of 3"
    assert page.message == "Before you go on, pick 1 as least appealing."
    page.keys("3")  # takes back
    page.keys(Keys.ARROW_RIGHT)
    assert page.message == "Before you go on, pick 1 as most appealing and 1 as least appealing."
    page.shifted("3")
    page.keys("3")  # from least to most
    assert (page.picked("most"), page.picked("least")) == ([1, 2, 3], [5])
    page.shifted("6")
    page.keys(Keys.ARROW_RIGHT)
    assert page.heading == "Photo 2 of 3"
    page.keys(Keys.NUMPAD2, "4")
    page.driver.refresh()
    assert page.heading == "Photo 2 of 3"
    assert (page.picked("most"), page.picked("least")) == ([2, 4], [])
    page.shifted("1", "3")
    page.keys("6", Keys.ARROW_LEFT)
    assert page.heading == "Photo 1 of 3"
    assert (page.picked("most"), page.picked("least")) == ([1, 2, 3], [5, 6])
    page.keys(Keys.ENTER, Keys.ENTER)
    assert page.heading == "Photo 3 of 3"
    page.keys("9", "0", "7")  # there are six versions
    assert page.picked("most") == []
    page.keys("5", "1", "4")
    page.shifted("2", "3")
    page.keys(Keys.ENTER)
    assert page.heading == "Done. Thank you!"
    check_counted(page, page.saved())


def test_by_mouse(page: Page) -> None:
    page.open(1280, 800)
    page.find("#name").send_keys("Ann O'Nymous")
    page.click("#go")
    for photo in range(3):
        assert page.heading == f"Photo {photo + 1} of 3"
        for kind, places in (("most", MOST), ("least", LEAST)):
            for place in places[photo]:
                page.click(f".version:nth-child({place}) .{kind}")
            assert page.picked(kind) == sorted(places[photo])
        other = next(place for place in range(1, 7) if place not in MOST[photo])
        page.click(f".version:nth-child({other}) .most")
        assert page.message.startswith("You have picked 3 as most appealing.")
        assert page.picked("most") == sorted(MOST[photo])
        if photo == 1:
            page.keys(Keys.ENTER)  # goes on, although a button was pressed last
        else:
            page.click("#next")
    assert page.heading == "Done. Thank you!"
    check_counted(page, page.saved(), "Ann O'Nymous")
    page.click("#copy")
    assert page.message in (
        "Copied.",
        "⚠ This browser does not let the page copy: the text is selected, copy it yourself.",
    )
    page.click("#picked li:nth-child(2) button")
    assert page.heading == "Photo 2 of 3"


def test_by_touch_on_a_phone(page: Page) -> None:
    page.open(360, 740, touch=True)
    assert page.is_within_its_width()
    page.tap("#go")
    for photo in range(3):
        assert page.heading == f"Photo {photo + 1} of 3"
        assert page.is_within_its_width()
        for kind, places in (("most", MOST), ("least", LEAST)):
            for place in places[photo]:
                page.tap(f".version:nth-child({place}) .{kind}")
        assert (page.picked("most"), page.picked("least")) == (sorted(MOST[photo]), sorted(LEAST[photo]))
        if photo == 1:
            page.driver.refresh()
            assert page.heading == "Photo 2 of 3"
        assert page.is_within_its_width()
        page.tap("#next")
    assert page.heading == "Done. Thank you!"
    assert page.is_within_its_width()
    check_counted(page, page.saved())


@pytest.mark.parametrize(
    ("width", "height", "columns"), [(360, 740, 1), (740, 360, 2), (1280, 800, 3), (1920, 1080, 3)]
)
def test_pictures_are_as_large_as_they_fit(page: Page, width: int, height: int, columns: int) -> None:
    page.open(width, height, touch=width < 800)
    page.keys(Keys.ENTER)
    boxes = page.boxes(".picture")
    assert len({box["left"] for box in boxes}) == columns
    assert {round(box["width"] / box["height"], 1) for box in boxes} == {1.3}
    assert page.is_within_its_width()
    if width > 800:
        assert page.run("return document.documentElement.scrollHeight <= innerHeight")
    else:
        assert columns * (boxes[0]["width"] + 12) == pytest.approx(width - 12, abs=columns)
    buttons = page.boxes("button")
    assert all(box["height"] >= 44 for box in buttons)  # as fingers need
    assert all(box["left"] >= 0 and box["right"] <= width for box in buttons)


def test_a_large_picture(page: Page) -> None:
    page.open(1280, 800)
    page.keys(Keys.ENTER)
    pictures = page.pictures()
    page.click(".version:nth-child(2) .picture")
    large = page.find("#large-picture")
    assert page.is_large()
    assert large.get_attribute("src") == pictures[1]
    assert large.rect["width"] > 1.5 * page.find(".picture").rect["width"]
    page.keys(Keys.ARROW_RIGHT)
    assert (large.get_attribute("src"), page.find("#large-label").text) == (pictures[2], "3 of 6")
    page.click("#large-most")
    page.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert large.get_attribute("src") == pictures[5]
    page.click("#large-least")
    page.keys("4", "5", "1")
    assert page.message == "You have picked 3 as most appealing. To pick version 1, first take back 3, 4 or 5."
    page.keys(Keys.ESCAPE)
    assert not page.is_large()
    assert (page.picked("most"), page.picked("least")) == ([3, 4, 5], [6])
    page.keys("z")
    assert page.is_large()
    page.keys("z")
    assert not page.is_large()


def test_swiping_flips_through_large_pictures(page: Page) -> None:
    page.open(360, 740, touch=True)
    page.tap("#go")
    pictures = page.pictures()
    page.tap(".version:nth-child(3) .picture")
    assert page.is_large()
    for by, expected in ((-100, 3), (100, 2), (100, 1), (10, 1)):
        page.tap("#stage", (by, 0))
        assert page.find("#large-picture").get_attribute("src") == pictures[expected]
    assert all(box["left"] >= 0 and box["right"] <= 360 and box["bottom"] <= 740 for box in page.boxes("#large button"))
    page.tap("#close")
    assert not page.is_large()


def test_the_original_is_shown_once_or_while_held(page: Page) -> None:
    page.open(1280, 800)
    page.keys(Keys.ENTER)
    pictures = page.pictures()
    original = page.run("return JURY.photos[0].original")
    button = page.find("#top .original")
    for toggle in (lambda: page.keys("o"), lambda: page.click("#top .original"), lambda: button.send_keys(Keys.SPACE)):
        toggle()
        assert page.pictures() == [original] * 6
        assert button.get_attribute("aria-pressed") == "true"
        toggle()
        assert page.pictures() == pictures
        assert button.get_attribute("aria-pressed") == "false"
    chain = webdriver.ActionChains(page.driver)
    chain.key_down("o").pause(0.5).perform()
    assert page.pictures() == [original] * 6
    webdriver.ActionChains(page.driver).key_up("o").perform()
    assert page.pictures() == pictures
    webdriver.ActionChains(page.driver).click_and_hold(button).pause(0.5).perform()
    assert page.pictures() == [original] * 6
    webdriver.ActionChains(page.driver).release().perform()
    assert page.pictures() == pictures


def test_stopping_early_hands_in_what_is_done(page: Page) -> None:
    page.open(1280, 800)
    page.keys(Keys.ENTER)
    page.click("#overview")
    assert page.heading == "You have judged 0 of 3 photos"
    assert not page.find("#download").is_displayed()
    page.click("#go-on")
    page.keys("1", "2", "3")
    page.shifted("5", "6")
    page.keys(Keys.ENTER, "1")
    page.click("#overview")
    assert page.heading == "You have judged 1 of 3 photos"
    votes = page.saved()
    counted = tally([votes], page.made.key_file, draws=10)
    assert counted.unfinished == {str(votes): 1}
    assert {run.run for run in counted.runs if run.most} == set(versions(page.made, 0)[:3])
    page.click("#go-on")
    assert page.heading == "Photo 2 of 3"
    assert page.picked("most") == [1]


def test_beginning_anew_asks_first(page: Page) -> None:
    page.open(1280, 800)
    page.keys(Keys.ENTER, "1")
    juror = page.stored()["juror"]
    assert len(juror) == 16
    page.keys(Keys.ARROW_LEFT)
    assert page.find("#go").text == "Go on"
    page.click("#intro .anew")
    page.driver.switch_to.alert.dismiss()
    assert page.stored()["picks"]["1"]["most"]
    page.click("#intro .anew")
    page.driver.switch_to.alert.accept()
    assert page.find("#go").text == "Start"
    page.keys(Keys.ENTER)
    assert page.picked("most") == []
    assert page.stored()["juror"] == juror  # who votes once more, and not as another


def test_it_works_where_nothing_may_be_stored(page: Page) -> None:
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
    page.open(1280, 800)
    assert not page.find("#forgetful").is_displayed()
    added = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": refuse})
    try:
        page.driver.refresh()
        assert page.find("#forgetful").is_displayed()
        page.keys(Keys.ENTER, "1")
        assert page.picked("most") == [1]
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_the_page_is_not_allowed_to_reach_the_network(page: Page) -> None:
    page.open(1280, 800)
    blocked = page.driver.execute_async_script("""
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation", event => done(event.blockedURI));
        document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/spy.png" }));
    """)
    assert blocked == "http://127.0.0.1:9/spy.png"
    assert "Content Security Policy" in page.driver.get_log("browser")[0]["message"]
    page.driver.get("about:blank")


def test_what_is_pressed_is_told_and_seen(page: Page) -> None:
    page.open(1280, 800)
    page.keys(Keys.ENTER, "1")
    most, least = (page.find(f".version .{kind}") for kind in ("most", "least"))
    assert most.accessible_name == "Version 1: most appealing"
    assert (most.get_attribute("aria-pressed"), least.get_attribute("aria-pressed")) == ("true", "false")
    before = "return getComputedStyle(arguments[0], '::before').content"
    assert page.run(before, most) == '"✓"'
    assert page.run(before, least) == "none"
    assert page.run("return document.activeElement.textContent") == "Photo 1 of 3"
    page.keys(Keys.TAB)
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    unnamed = [
        one.get_attribute("outerHTML")
        for one in page.driver.find_elements(By.CSS_SELECTOR, "#top *, #ballot button, #bottom *, #ballot img")
        if one.aria_role in ("button", "image", "progressbar") and not one.accessible_name
    ]
    assert unnamed == []
    surround = page.run("return getComputedStyle(document.body).backgroundColor")
    assert surround == "rgb(51, 51, 51)"

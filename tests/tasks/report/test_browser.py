"""The report in a browser: headless Chromium, as a reader would use it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil

import pytest

from tasks.report.groups import groups_of
from tasks.results.folder import load_results
from tasks.results.measures import measure

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="there is no Chromium here: apt-get install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def driver():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which root can't have
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, report_of_everything):
    """The report, loaded and unpacked."""
    resize(driver, 1280)
    driver.get((report_of_everything / "report.html").as_uri())
    WebDriverWait(driver, 60).until(lambda _: "examples" in text_of(driver, "count"))
    return driver


@pytest.fixture(scope="module")
def group(report_of_everything):
    return groups_of(measure(load_results(report_of_everything)))[0]


def resize(driver, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def text_of(driver, identifier: str) -> str:
    return driver.find_element(By.ID, identifier).text


def count(driver) -> int:
    return int(re.match(r"[\d,]+", text_of(driver, "count"))[0].replace(",", ""))


def choose(driver, name: str, text: str) -> None:
    Select(driver.find_element(By.NAME, name)).select_by_visible_text(text)


def press(driver, element) -> None:
    # By script, for the page scrolls smoothly, and what moves is hard to hit.
    driver.execute_script("arguments[0].click()", element)


def test_loads_without_errors_and_without_the_network(driver, page):
    assert driver.get_log("browser") == []
    asked = [
        message["params"]["request"]["url"]
        for entry in driver.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"]
        == "Network.requestWillBeSent"
    ]
    assert asked
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_every_figure_is_drawn(driver, page):
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('figure.drawing svg')].map(svg => "
        "[svg.closest('figure').dataset.figure, svg.querySelectorAll('path').length])"
    )
    names = [name for name, _ in drawn]
    for start in "accuracy pairs structures noise fraction slice confusion training tuning".split():
        assert any(name.startswith(start) for name in names), start
    assert all(paths > 3 for _, paths in drawn)


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_is_no_wider_than_the_screen(driver, page, width):
    resize(driver, width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


def test_letters_are_large_enough_on_a_phone(driver, page):
    resize(driver, 390)
    smallest = driver.execute_script(
        "return Math.min(...[...document.querySelectorAll('#accuracy svg text, #structures svg text')]"
        ".map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"
    )
    assert smallest >= 8


def test_filters_by_text_and_label(driver, page, group):
    assert count(driver) == len(group.gold)
    driver.find_element(By.NAME, "text").send_keys("Never")
    assert count(driver) == 16
    choose(driver, "label", "high")
    assert count(driver) == 0  # all with this word are low
    driver.find_element(By.NAME, "text").clear()
    assert count(driver) == group.gold.count("high")


def test_filters_by_slice(driver, page):
    slices = Select(driver.find_element(By.NAME, "slice"))
    for option in slices.options[1:]:
        slices.select_by_value(option.get_attribute("value"))
        assert f"({count(driver)})" in option.text


def test_filters_by_which_encoders_are_right(driver, page, group):
    right = {member.encoder: member.scores.mean(0) > 0.5 for member in group.members}
    structured = right["child_sum_tree_lstm"] & right["bilstm>gat"]
    choose(driver, "verdict", "trees and graphs right, sequences wrong")
    assert count(driver) == int((structured & ~right["bilstm"]).sum())
    choose(driver, "verdict", "all right")
    assert count(driver) == int((structured & right["bilstm"] & right["bag"]).sum())
    choose(driver, "verdict", "any")
    button = driver.find_element(By.XPATH, "//div[@id='encoders']/button[text()='bag']")
    for expected in (right["bag"].sum(), (~right["bag"]).sum(), len(right["bag"])):
        press(driver, button)
        assert count(driver) == int(expected)


def test_another_group_has_its_own_predictions(driver, page):
    first = [square.get_attribute("title") for square in squares(driver)]
    choose(driver, "group", "toys, wordllama")
    assert [square.get_attribute("title") for square in squares(driver)] != first


def squares(driver):
    return driver.find_elements(By.CSS_SELECTOR, "#list .squares i")


def test_an_example_unfolds_to_its_tree_and_predictions(driver, page, group):
    item = driver.find_element(By.CSS_SELECTOR, "#list summary")
    press(driver, item)
    detail = WebDriverWait(driver, 20).until(
        lambda _: driver.find_element(By.CSS_SELECTOR, "#list .detail")
    )
    parse, phrases = detail.find_elements(By.CSS_SELECTOR, "svg")
    for tree in (parse, phrases):
        words = [text.text for text in tree.find_elements(By.CSS_SELECTOR, "text")]
        assert {"Why", "never", "like"} <= set(words)
        assert tree.size["height"] > 100
    assert parse.location["y"] + parse.size["height"] <= phrases.location["y"]
    assert {"0", "1", "2", "3", "4"} <= set(words)  # sentiments of phrases
    shown = [one.text for one in detail.find_elements(By.CSS_SELECTOR, ".predictions span")]
    for member, text in zip(group.members, shown, strict=True):
        labels = {of_seed[0] for of_seed in member.predictions}
        assert text.startswith(member.encoder + ": ")
        assert all(label in text for label in labels)


def test_pages_of_examples_turn(driver, page, group):
    first = driver.find_element(By.CSS_SELECTOR, "#list li").text
    after = driver.find_element(By.ID, "after")
    press(driver, after)
    assert text_of(driver, "page") == f"2 of {-(-len(group.gold) // 20)}"
    assert driver.find_element(By.CSS_SELECTOR, "#list li").text != first


def test_tables_are_sorted_by_their_headings(driver, page):
    table = driver.find_element(By.CSS_SELECTOR, "#table table")
    heading = table.find_element(By.XPATH, ".//th[normalize-space()='test %']/button")
    for order in (-1, 1):
        press(driver, heading)
        cells = [row.text for row in table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(5)")]
        scores = [float(cell.split(" ±")[0]) for cell in cells]
        assert scores == sorted(scores, reverse=order < 0)


def test_prints(driver, page):
    settings = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    printed = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", settings)["data"])
    assert printed.startswith(b"%PDF")
    assert 4 < len(re.findall(rb"/Type\s*/Page\b", printed)) < 40

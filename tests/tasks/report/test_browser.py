"""The report in a browser: headless Chromium, as a reader would use it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parsers import draw, explore
from structnn import Sentence, Tree
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.data.setting import Setting
from tasks.experiments.run import execute
from tasks.report import write_report
from tasks.report.browser import tree_of
from tasks.report.groups import groups_of
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import ExampleDescription, read_predictions
from tasks.results.run import Run
from tasks.training.options import TrainingOptions
from tests.tasks.made_up import make_examples, make_grid, write_experiment
from tests.tasks.questions.test_questions import dataset as numbers_dataset
from tests.tasks.questions.test_tokens import MODEL as TAGGER
from tests.tasks.questions.test_tokens import dataset as tagged_dataset

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
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


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_letters_of_figures_are_large_enough(driver, page, width):
    resize(driver, width)
    smallest = driver.execute_script(
        "for (const part of document.querySelectorAll('details')) part.open = true;"
        "return Math.min(...[...document.querySelectorAll('.drawing svg text')].map(text => {"
        "  const {a, b} = text.getScreenCTM();"  # text may be turned
        "  return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b) }))"
    )
    assert smallest >= 9


def test_encoders_and_accuracies_are_on_a_phone_at_once(driver, page):
    resize(driver, 360)
    name, accuracy = driver.execute_script(
        "const {cells} = document.querySelector('#table tbody').rows[0];"
        "return [cells[0], cells[1]].map(cell => cell.getBoundingClientRect().right)"
    )
    assert name < accuracy <= 360


@pytest.mark.parametrize("width", [360, 390, 768, 1100, 1280, 1920])
def test_trees_fit_their_cards(driver, page, width):
    resize(driver, width)
    beyond = driver.execute_script(
        "return [...document.querySelectorAll('.example svg')].map(svg =>"
        "  svg.getBoundingClientRect().right"
        "  - svg.closest('.example').getBoundingClientRect().right)"
    )
    assert beyond
    assert max(beyond) <= 0


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


def sorted_column(driver, table, heading: str) -> tuple[str | None, list[str]]:
    """Press a heading; the order that it then tells, and the cells below it."""
    found = next(th for th in table.find_elements(By.TAG_NAME, "th") if th.text == heading)
    found.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    place = table.find_elements(By.CSS_SELECTOR, "thead th").index(found) + 1
    cells = table.find_elements(By.CSS_SELECTOR, f"tbody tr > :nth-child({place})")
    return found.get_attribute("aria-sort"), [cell.text for cell in cells]


def test_tables_are_sorted_by_their_headings(driver, page):
    table = driver.find_element(By.CSS_SELECTOR, "#table table")
    for order in ("descending", "ascending", "descending"):
        told, cells = sorted_column(driver, table, "test %")
        assert told == order
        scores = [float(cell.split(" ±")[0]) for cell in cells]
        assert scores == sorted(scores, reverse=order == "descending")
    told, cells = sorted_column(driver, table, "encoder")
    assert (told, cells) == ("ascending", sorted(cells))
    assert len(table.find_elements(By.CSS_SELECTOR, "[aria-sort]")) == 1


def test_tables_sort_numbers_of_every_kind_and_what_is_missing_last(driver, page):
    driver.execute_script(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        "  '<table id=made><thead><tr><th>value</th></tr></thead><tbody>'"
        "  + arguments[0].map(text => `<tr><td>${text}</td></tr>`).join('') + '</tbody></table>');"
        "sortable(document.getElementById('made'))",
        ["9.5 %", "", "1,296", "85.8 ± 1.3", "-", "-0.7 to +0.6", "\u22122.0"],
    )
    table = driver.find_element(By.ID, "made")
    down = ["1,296", "85.8 ± 1.3", "9.5 %", "-0.7 to +0.6", "\u22122.0", "", "-"]
    assert sorted_column(driver, table, "value") == ("descending", down)
    assert sorted_column(driver, table, "value") == ("ascending", [*down[4::-1], "", "-"])


def test_prints_on_white_though_dark_is_preferred(driver, page):
    emulate = "Emulation.setEmulatedMedia"
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd(emulate, dark)
    assert background(driver) != "rgb(255, 255, 255)"
    driver.execute_cdp_cmd(emulate, {"media": "print", **dark})
    assert background(driver) == "rgb(255, 255, 255)"
    driver.execute_cdp_cmd(emulate, {"media": "", "features": []})


def background(driver) -> str:
    return driver.execute_script("return getComputedStyle(document.body).backgroundColor")


def test_prints(driver, page):
    settings = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    printed = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", settings)["data"])
    assert printed.startswith(b"%PDF")
    assert 4 < len(re.findall(rb"/Type\s*/Page\b", printed)) < 40


SENTENCE = Sentence(
    ["dogs", "chase", "cats"],
    dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
    tags=["NOUN", "VERB", "NOUN"],
)

PAGES: dict[str, Callable[[Path], None]] = {
    "tree": lambda path: draw(SENTENCE).save(path),
    "explorer": lambda path: explore([SENTENCE] * 3, path),
}
"""How each page is made, other than the report."""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    package = pytest.importorskip("axe_core_python.base", reason="axe-core-python is not installed")
    return package.AXE_SCRIPT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_report(driver, axe, report_of_everything, scheme):
    assert serious(driver, axe, report_of_everything / "report.html", scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(driver, axe, tmp_path, name, scheme):
    PAGES[name](tmp_path / "page.html")
    assert serious(driver, axe, tmp_path / "page.html", scheme) == []


def serious(driver, axe, path, scheme):
    """What axe-core finds in a page that is more than a small thing."""
    resize(driver, 1280)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    driver.set_script_timeout(300)
    driver.get(path.as_uri())
    driver.execute_script(axe)
    violations = driver.execute_async_script(
        "const done = arguments[0];"
        "for (const part of document.querySelectorAll('details')) part.open = true;"
        "axe.run({resultTypes: ['violations']}).then(found => done(found.violations.map(one =>"
        "  [one.impact, one.id, one.nodes.length, one.nodes[0].html.slice(0, 300)])))"
    )
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return [found for found in violations if found[0] in ("serious", "critical")]


def test_spans_are_marked_in_the_tree():
    """Each of their words; but tokens that have such marks themselves are left as they are."""
    row = {
        "source": "a:1",
        "label": "x",
        "columns": {},
        "heads": [2, 0, 2, 5, 3],
        "relations": ["dep"] * 5,
        "tags": None,
        "unknown_share": 0.0,
        "overlap": False,
    }
    tokens = ["The", "food", "was", "not", "good"]
    svg = tree_of(ExampleDescription(**row, text="[[The food]] was not [[good]]", tokens=tokens))
    for word in ("[[The]]", "[[food]]", "was", "not", "[[good]]"):
        assert f">{word}<" in svg
    tokens[0] = "[[The"
    svg = tree_of(ExampleDescription(**row, text="[[The food]] was not good", tokens=tokens))
    assert ">food<" in svg


def test_tags_are_shown_in_their_sentence(driver, tmp_path):
    data = tagged_dataset((60, 20, 20))
    training = TrainingOptions(epochs=3, batch_size=10, learning_rate=0.02)
    runs = [Run(TAGGER, training, seed, Setting()) for seed in range(2)]
    for run in runs:
        execute(run, data, tmp_path, parser=ParserOptions())
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    write_report(measure(load_results(tmp_path)), tmp_path)
    resize(driver, 1280)
    driver.get((tmp_path / "report.html").as_uri())
    WebDriverWait(driver, 60).until(lambda _: "examples" in text_of(driver, "count"))

    test = data.dataset.test
    choose(driver, "label", "B-LOC")
    with_label = [place for place, one in enumerate(test) if "B-LOC" in one.label.split()]
    assert count(driver) == len(with_label)
    choose(driver, "label", "any")
    choose(driver, "verdict", "all wrong")
    predicted = [
        [row.prediction.split() for row in read_predictions(tmp_path / run.folder / "test.jsonl")]
        for run in runs
    ]
    gold = [one.label.split() for one in test]
    rights = [sum(seed[place] == own for seed in predicted) for place, own in enumerate(gold)]
    wrong = [place for place, right in enumerate(rights) if right / len(runs) <= 0.5]
    assert count(driver) == len(wrong) > 0

    press(driver, driver.find_element(By.CSS_SELECTOR, "#list summary"))
    detail = WebDriverWait(driver, 20).until(
        lambda _: driver.find_element(By.CSS_SELECTOR, "#list .detail")
    )
    place = wrong[0]
    shown = detail.find_elements(By.CSS_SELECTOR, ".tagged span")
    assert [tuple(one.text.split()) for one in shown] == list(
        zip(test[place].text, gold[place], strict=True)
    )
    missed = [any(seed[place][k] != tag for seed in predicted) for k, tag in enumerate(gold[place])]
    assert ["wrong" in one.get_attribute("class") for one in shown] == missed
    (said,) = (one.text for one in detail.find_elements(By.CSS_SELECTOR, ".predictions span"))
    for seed in predicted:
        for token, tag, guess in zip(test[place].text, gold[place], seed[place], strict=True):
            assert tag == guess or f"{token} {guess} " in said


def test_numbers_are_near_or_far_and_not_right_or_wrong(driver, tmp_path):
    data = numbers_dataset(Question("sentence", "score"), (60, 20, 20))
    training = TrainingOptions(epochs=1, batch_size=10)
    runs = [Run(TAGGER, training, seed, Setting()) for seed in range(2)]
    for run in runs:
        execute(run, data, tmp_path, parser=ParserOptions())
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    write_report(measure(load_results(tmp_path)), tmp_path)
    driver.get((tmp_path / "report.html").as_uri())
    WebDriverWait(driver, 60).until(lambda _: "examples" in text_of(driver, "count"))
    examples = driver.find_element(By.ID, "examples")
    assert "right" not in examples.text
    assert "wrong" not in examples.text

    predicted = [
        [
            float(f"{float(row.prediction):.3g}")
            for row in read_predictions(tmp_path / run.folder / "test.jsonl")
        ]
        for run in runs
    ]
    gold = float(data.dataset.test[0].label)
    off = sum(abs(seed[0] - gold) for seed in predicted) / len(runs)
    said = driver.find_element(By.CSS_SELECTOR, "#list .line").text
    assert float(re.search(r"are ([\d.]+) off", said)[1]) == pytest.approx(off, rel=0.06)
    press(driver, driver.find_element(By.CSS_SELECTOR, "#list summary"))
    spans = WebDriverWait(driver, 20).until(
        lambda _: driver.find_elements(By.CSS_SELECTOR, "#list .predictions span")
    )
    values = re.findall(r"-?[\d.e-]+", spans[0].text.partition(":")[2])
    assert list(map(float, values)) == [seed[0] for seed in predicted]


@pytest.mark.parametrize("layout", ["tree", "aligned", "arcs"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_sentence_is_drawn_to_be_read(driver, tmp_path, layout, width):
    """It opens where it begins, with letters of 10 pixels; a double click shows all of it."""
    words = [f"word{place}" for place in range(80)]
    tree = Tree([place // 3 - 1 if place > 2 else [-1, 0, 0][place] for place in range(80)])
    draw(Sentence(words, dependencies=tree), tmp_path / "long.html", layout=layout)
    resize(driver, width)
    driver.get((tmp_path / "long.html").as_uri())
    seen = (
        "const box = [...document.querySelectorAll('text[data-node]')].find(one =>"
        " one.textContent === 'word0').getBoundingClientRect(), svg = document.querySelector('svg');"
        "return [box.left, box.right, parseFloat(svg.style.transform.match(/scale\\((.*)\\)/)[1]),"
        " svg.getBoundingClientRect().width]"
    )
    left, right, scale, _ = driver.execute_script(seen)
    assert 0 <= left < right <= width
    assert scale >= 0.8
    driver.execute_script("document.getElementById('stage').dispatchEvent(new Event('dblclick'))")
    assert driver.execute_script(seen)[-1] <= width + 1


def test_a_drawing_is_read_and_folded_from_the_keyboard(driver, tmp_path):
    words = [f"word{place}" for place in range(80)]
    tree = Tree([-1, 0, 1, *[0] * 77], labels=["root", *["dep"] * 79])
    draw(Sentence(words, dependencies=tree), tmp_path / "long.html")
    resize(driver, 390)
    driver.get((tmp_path / "long.html").as_uri())

    def press_key(key: str) -> str:
        driver.switch_to.active_element.send_keys(key)
        return WebDriverWait(driver, 10).until(lambda _: text_of(driver, "details"))  # it fades in

    def place() -> list[float]:
        box = "document.querySelector('svg').getBoundingClientRect()"
        return driver.execute_script(f"return [{box}.left, {box}.top, {box}.width]")

    assert press_key(Keys.TAB).startswith("word0")
    assert "dep" in press_key(Keys.TAB)
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    folded = driver.execute_script(
        "return [...document.querySelectorAll('rect.folded')].map(shape => +shape.dataset.node)"
    )
    assert folded == [2]
    assert press_key(Keys.TAB).startswith("word3")  # word2 is folded away
    for _ in range(40):
        press_key(Keys.TAB)
    left, right = driver.execute_script(
        "const box = document.activeElement.getBoundingClientRect(); return [box.left, box.right]"
    )
    assert 0 <= left < right <= 390
    x, y, wide = place()
    press_key(Keys.ARROW_RIGHT)
    press_key(Keys.ARROW_UP)
    assert place() == pytest.approx([x - 80, y + 80, wide], abs=0.1)
    press_key("+")
    assert place()[2] > wide
    press_key("0")
    assert place()[2] <= 391


def test_what_is_said_of_a_word_at_the_edge_is_not_squeezed(driver, tmp_path):
    sentence = Sentence(["a", "b"], dependencies=Tree([-1, 0], labels=["root", "acl:relcl"]))
    draw(sentence, tmp_path / "small.html")
    resize(driver, 390)
    driver.get((tmp_path / "small.html").as_uri())
    widths = [
        driver.execute_script(
            "const box = document.getElementById('details');"
            "say('b', [['relation', 'acl:relcl']], {clientX: arguments[0], clientY: 50});"
            "return box.offsetWidth",
            across,
        )
        for across in (10, 380, 10)
    ]
    assert len(set(widths)) == 1


def test_labels_of_any_length_and_direction(driver, tmp_path):
    labels = ("مختلط", "a label with a very long name that goes on and on and on", "high")
    rows = [
        {**row, "label": labels[place % 3], "text": f"كلب {row['text']}"}
        for place, row in enumerate(make_examples(12))
    ]
    grid = make_grid(encoders=("bag", "bilstm", "gat"))
    folder = write_experiment(tmp_path, {"toys": rows}, grid, labels={"toys": labels})
    write_report(measure(load_results(folder)), folder)
    resize(driver, 360)
    driver.get((folder / "report.html").as_uri())
    WebDriverWait(driver, 60).until(lambda _: "examples" in text_of(driver, "count"))
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    # Counts stand behind their labels, and texts from right to left begin on the right.
    for opened in driver.find_elements(By.CSS_SELECTOR, "#list details"):
        driver.execute_script("arguments[0].open = true", opened)
    WebDriverWait(driver, 10).until(
        lambda _: driver.find_elements(By.CSS_SELECTOR, "#list .predictions")
    )
    texts = driver.execute_script(
        "return [...document.querySelectorAll('.predictions span')].map(one => one.textContent)"
    )
    arabic = [text for text in texts if labels[0] in text and "\u00d7" in text]
    assert arabic
    assert all(f"\u2068{labels[0]}\u2069 \u00d7" in text for text in arabic)
    directions = driver.execute_script(
        "return [...document.querySelectorAll('#list summary > span[dir], figcaption q')]"
        ".map(one => getComputedStyle(one).direction)"
    )
    assert set(directions) == {"rtl"}

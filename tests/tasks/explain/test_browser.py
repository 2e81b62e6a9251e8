"""The page of explanations in a browser: headless Chromium, as a reader would use it."""

from __future__ import annotations

import pytest

from tasks.explain import explain, to_html
from tests.tasks.explain.test_explain import TEXT, make_predictor
from tests.tasks.explain.test_writing import writer
from tests.tasks.report.test_browser import By, driver, press, pytestmark, resize

__all__ = [
    "driver",
    "make_predictor",
    "pytestmark",
    "writer",
]  # fixtures, and where there is no browser


@pytest.fixture
def explanations(make_predictor):
    return [explain(make_predictor(name), TEXT, "no") for name in ("gat", "child_sum_tree_lstm")]


def shown(driver, selector: str) -> list[str]:
    return [found.text for found in driver.find_elements(By.CSS_SELECTOR, selector)]


def test_a_head_is_picked(driver, explanations, tmp_path):
    (tmp_path / "page.html").write_text(to_html(explanations), encoding="utf-8")
    resize(driver, 1280)
    driver.get((tmp_path / "page.html").as_uri())
    assert driver.get_log("browser") == []
    assert shown(driver, ".chosen") == ["mean of all layers"]
    button = driver.find_elements(By.CSS_SELECTOR, "th[data-row] button")[8]
    assert button.text == "layer 2, head 3"
    press(driver, button)
    assert shown(driver, ".chosen") == ["layer 2, head 3"]
    assert button.get_attribute("aria-pressed") == "true"
    weights = explanations[0].attention[1].weights[2]
    rows = driver.find_elements(By.CSS_SELECTOR, ".detail tbody tr")
    for row, expected in zip(rows, weights.tolist(), strict=True):
        cells = row.find_elements(By.CSS_SELECTOR, "td")
        for cell, value in zip(cells, expected, strict=True):
            assert cell.get_attribute("title").endswith(f": {value:.3f}")
            assert float(cell.text.strip("↑↓") or 0) == pytest.approx(value, abs=0.0051)


def test_a_written_word_is_picked(driver, writer, tmp_path):
    explanation = explain(writer(), "good a ugly b new", token=1)
    (tmp_path / "page.html").write_text(explanation.to_html(), encoding="utf-8")
    resize(driver, 1280)
    driver.get((tmp_path / "page.html").as_uri())
    assert driver.get_log("browser") == []
    writing = explanation.chosen.writing
    assert shown(driver, ".looked-tree .chosen") == [writing.pieces[0]]
    buttons = driver.find_elements(By.CSS_SELECTOR, ".alignment th button")
    assert [button.text for button in buttons] == list(writing.pieces)
    press(driver, buttons[-1])
    assert shown(driver, ".looked-tree .chosen") == [writing.pieces[-1]]
    fills = {
        chip.get_attribute("data-node"): chip.get_attribute("style")
        for chip in driver.find_elements(By.CSS_SELECTOR, ".looked-tree .light rect[data-node]")
    }
    for node, share in enumerate(writing.alignment[-1].tolist()):
        assert f" {round(75 * share)}%" in fills[str(node)] or round(75 * share) == 0


def test_it_fits_a_phone_and_follows_the_reader_s_colours(driver, explanations, tmp_path):
    (tmp_path / "page.html").write_text(to_html(explanations), encoding="utf-8")
    resize(driver, 390)
    try:
        for scheme, pictures in (("dark", ".dark svg"), ("light", ".light svg")):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            driver.get((tmp_path / "page.html").as_uri())
            assert driver.execute_script("return document.documentElement.scrollWidth") == 390
            seen = driver.find_elements(By.CSS_SELECTOR, ".tree-part > .tree svg")
            seen = [picture for picture in seen if picture.is_displayed()]
            assert seen
            assert set(seen) <= set(driver.find_elements(By.CSS_SELECTOR, pictures))
        first = driver.find_element(By.CSS_SELECTOR, "#compared tbody tr")
        assert first.rect["y"] < 844  # the prediction is seen at once
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        resize(driver, 1280)

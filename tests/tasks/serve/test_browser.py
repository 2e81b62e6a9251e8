"""The page of the service in a browser: headless Chromium, as a reader would use it."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.tasks.explain.test_explain import WORDS, make_predictor
from tests.tasks.report.test_browser import By, Keys, WebDriverWait, driver, pytestmark, resize

__all__ = ["driver", "make_predictor", "pytestmark"]  # fixtures, and where there is no browser

uvicorn = pytest.importorskip(
    "uvicorn", reason="the extra serve is not installed: pip install 'structnn[serve]'"
)
pytest.importorskip("fastapi", reason="the extra serve is not installed")


@pytest.fixture
def predictor(make_predictor):
    return make_predictor("gat")


@pytest.fixture
def address(predictor):
    """Where the service listens, in a thread of this process."""
    from tasks.serve.app import make_app

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(make_app(predictor), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(60)


def said(driver) -> str:
    return driver.find_element(By.ID, "said").text


def wait_for(driver, words: str) -> None:
    WebDriverWait(driver, 30).until(lambda _: words in said(driver))


def test_a_sentence_is_edited(driver, address, predictor):
    answers = {one.label: one.text for one in predictor.predict(WORDS.split())}
    (first, one), (second, other) = list(answers.items())[:2]
    resize(driver, 1280)
    driver.get(address)
    box = driver.switch_to.active_element  # one can type at once
    assert box.get_attribute("name") == "text"
    box.send_keys(f"{one} {one}")
    wait_for(driver, f"gat says {predictor.predict([f'{one} {one}'])[0].label}")
    words = [found.text for found in driver.find_elements(By.CSS_SELECTOR, ".strip li > span")]
    assert words == [one, one]
    seen = [
        tree for tree in driver.find_elements(By.CSS_SELECTOR, ".tree svg") if tree.is_displayed()
    ]
    assert len(seen) == 1

    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(one, Keys.ENTER)  # which asks, and is no line
    wait_for(driver, f"gat says {first}")
    assert box.get_attribute("value") == one
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(other)
    wait_for(driver, f"gat says {second}")

    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.BACKSPACE)
    WebDriverWait(driver, 30).until(lambda _: not said(driver))
    assert driver.find_element(By.ID, "shown").get_attribute("innerHTML") == ""
    low = box.size["height"]
    box.send_keys("a " * 300)
    assert box.size["height"] > low  # a long text is seen
    wait_for(driver, "256 at most can be explained")
    logs = [entry for entry in driver.get_log("browser") if "422" not in entry["message"]]
    assert logs == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_and_axe(driver, address, scheme):
    axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        resize(driver, 390)
        driver.get(address)
        driver.find_element(By.NAME, "text").send_keys("good a ugly unheard b c bad d a c")
        wait_for(driver, "gat says")
        assert driver.execute_script("return document.documentElement.scrollWidth") == 390
        seen = driver.find_elements(By.CSS_SELECTOR, ".tree svg")
        shown = driver.find_elements(By.CSS_SELECTOR, f".{scheme} svg")
        assert {tree for tree in seen if tree.is_displayed()} == set(shown)
        found = axe.Axe().run(driver)["violations"]
        assert [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found] == []
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        resize(driver, 1280)

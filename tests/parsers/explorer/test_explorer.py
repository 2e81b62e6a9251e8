"""The corpus page: it holds the corpus, counts and finds as Python does, and needs nothing else."""

from __future__ import annotations

import base64
import gzip
import re
import subprocess
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlencode

import networkx
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from parsers import (
    Query,
    QueryError,
    explore,
    read_conllu,
    search,
    statistics_of,
    to_networkx,
    write_conllu,
)
from parsers.explorer.explorer import is_projective
from parsers.explorer.query import EXAMPLES
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.drawing.test_drawing import browser  # noqa: F401
from tests.parsers.explorer.queries import queries, tagged_sentences
from tests.parsers.explorer.test_query import LETTERS, SENTENCE, WRONG
from tests.parsers.sentence_strategies import dependency_trees, sentences

CORPUS = [
    Sentence(
        ["dogs", "chase", "cats"],
        dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
        tags=["NOUN", "VERB", "NOUN"],
        lemmas=["dog", "chase", "cat"],
        metadata={"sent_id": "one"},
    ),
    Sentence(["</script>"]),
    Sentence(["a", "b", "c", "d"], dependencies=Tree([2, 3, -1, 2], labels=["x"] * 4)),
]


def test_statistics() -> None:
    counts = statistics_of(CORPUS)
    assert (counts.sentences, counts.tokens, counts.unparsed, counts.projective) == (3, 8, 1, 1)
    assert counts.lengths == {1: 1, 3: 1, 4: 1}
    assert counts.depths == {1: 1, 2: 1}
    assert counts.branching == {0: 4, 1: 1, 2: 2}
    assert counts.relations == {"x": 4, "nsubj": 1, "root": 1, "obj": 1}
    assert counts.tags == {"NOUN": 2, "VERB": 1}
    assert counts.mean_distance == (1 + 1 + 2 + 2 + 1) / 5
    assert counts.heads_on_the_left == 2 / 5


@settings(deadline=None)
@given(st.data())
def test_projective_means_that_no_word_below_another_is_cut_off(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(1, 8))))
    graph = to_networkx(Sentence(["w"] * len(tree), dependencies=tree))
    expected = all(
        between in networkx.descendants(graph, head)
        for head, tail in graph.edges
        for between in range(min(head, tail) + 1, max(head, tail))
    )
    assert is_projective(tree) == expected


def test_the_page_holds_the_corpus(tmp_path: Path) -> None:
    page = explore(CORPUS, tmp_path / "page.html", title="Dogs & <cats>").read_text()
    assert "<title>Dogs &amp; &lt;cats&gt;</title>" in page
    found = re.search(r'const packed = "(.*?)"', page)
    assert found is not None
    lines = gzip.decompress(base64.b64decode(found[1])).decode().split("\n")
    assert read_conllu(lines) == CORPUS


def test_a_query_that_is_wrong_is_told_before_a_page_is_written(tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        explore(CORPUS, tmp_path / "page.html", query="[")
    assert not list(tmp_path.iterdir())


def test_half_a_character_is_told(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="half a character"):
        explore([Sentence(["\ud800"])], tmp_path / "page.html")


def test_no_sentence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no sentence"):
        explore([], tmp_path / "page.html")


def test_the_page_stands_alone(browser: list[str], tmp_path: Path) -> None:  # noqa: F811
    path = explore(CORPUS, tmp_path / "page.html")
    page = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://[\w.]+", page) == []
    done = subprocess.run([*browser, path.as_uri()], capture_output=True, text=True, timeout=60)
    assert "CONSOLE" not in done.stderr
    assert "3 of 3 sentences" in done.stdout
    assert "chase" in done.stdout


# In the browser.


@pytest.fixture(scope="module")
def driver():
    """A Chromium; without one, or without selenium, the tests are skipped."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.common.exceptions import WebDriverException

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        driver = webdriver.Chrome(options=options)
    except WebDriverException as fault:
        pytest.skip(f"no Chromium with its driver: {str(fault).splitlines()[0]}")
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


def opened(driver, page: Path, **fragment: object):
    """The driver, with a page that is ready."""
    from selenium.webdriver.support.wait import WebDriverWait

    driver.get("about:blank")
    driver.get(f"{page.as_uri()}#{urlencode(fragment)}")
    ready = "return document.body.dataset.ready === 'yes'"
    WebDriverWait(driver, 30).until(lambda driver: driver.execute_script(ready))
    assert driver.get_log("browser") == []
    return driver


def drawn(strategy: st.SearchStrategy, number: int) -> list:
    """The same examples each time."""
    found: list = []

    @seed(0)
    @settings(max_examples=number, database=None, deadline=None, derandomize=False)
    @given(strategy)
    def collect(example) -> None:
        found.append(example)

    collect()
    return found[:number]


@pytest.fixture(scope="module")
def corpus() -> list[Sentence]:
    """Sentences that are read, as the page reads them: what is all ``_`` is not known."""
    return [SENTENCE, *CORPUS, LETTERS, *drawn(tagged_sentences(), 60)]


@pytest.fixture(scope="module")
def page(corpus, tmp_path_factory) -> Path:
    return explore(corpus, tmp_path_factory.mktemp("page") / "page.html", "Some")


def test_page_and_python_find_the_same(driver, page, corpus):
    opened(driver, page)
    asked = [
        *EXAMPLES,
        "caf\u00e9",
        "CAFE\u0301",
        "ΟΣ*",
        "*Σ",
        *(made.text() for made in drawn(queries(), 80)),
    ]
    found = driver.execute_script(
        """return arguments[0].map(query => {
          const compiled = compile(query), found = {};
          for (let sentence = 0; sentence < corpus.size; sentence++) {
            const matches = compiled.matches(sentence, Infinity);
            if (matches.length) found[sentence] = matches;
          }
          return found;
        })""",
        asked,
    )
    some = 0
    for query, hits in zip(asked, found, strict=True):
        expected = {
            str(hit.place): [list(match) for match in hit.matches] for hit in search(corpus, query)
        }
        assert hits == expected, query
        some += bool(hits)
    assert some > len(asked) / 3


def test_page_and_python_refuse_the_same(driver, page):
    opened(driver, page)
    found = driver.execute_script(
        """return arguments[0].map(query => {
          try { readQuery(query); return null; }
          catch (error) { return [[...query.slice(0, error.place)].length, error.message]; }
        })""",
        list(WRONG),
    )
    for query, told in zip(WRONG, found, strict=True):
        with pytest.raises(QueryError) as raised:
            Query(query)
        assert told == [raised.value.place, raised.value.problem]


def test_statistics_are_of_the_sentences_found(driver, page, corpus):
    opened(driver, page)
    for query in ("", "NOUN", "!dogs"):
        found = driver.execute_script(
            "return statisticsOf(hits({...asks(), query: arguments[0]}))", query
        )
        some = [hit.sentence for hit in search(corpus, query)] if query else corpus
        expected = asdict(statistics_of(some))
        for name in ("lengths", "depths", "branching"):
            expected[name] = {str(key): count for key, count in expected[name].items()}
        _check_close(found, expected)


def _check_close(found, expected) -> None:
    averages = ("mean_distance", "heads_on_the_left")
    for name in averages:
        assert found.pop(name) == pytest.approx(expected.pop(name))
    assert found == expected


def test_hits_are_saved_as_they_were_read(driver, page, corpus, tmp_path):
    opened(driver, page, query="NOUN")
    write_conllu([hit.sentence for hit in search(corpus, "NOUN")], tmp_path / "hits.conllu")
    assert driver.execute_script("return conllu(found)") == (tmp_path / "hits.conllu").read_text()


def test_any_sentence_is_shown(driver, tmp_path):
    """With any characters, with and without trees; columns are as Python has them."""
    made = drawn(sentences(), 30)
    write_conllu(made, tmp_path / "any.conllu")
    known = read_conllu(tmp_path / "any.conllu")
    opened(driver, explore(known, tmp_path / "any.html"))
    for name, column in (
        ("form", [sentence.tokens for sentence in known]),
        ("lemma", [sentence.lemmas or ["_"] * len(sentence) for sentence in known]),
        ("feats", [s.columns.get("feats", ["_"] * len(s)) for s in known]),
    ):
        found = driver.execute_script(
            "return Array.from(corpus[arguments[0]], place => corpus.tables[arguments[0]][place])",
            name,
        )
        assert found == [value for sentence in column for value in sentence]
    driver.execute_script("for (let i = 0; i < corpus.size; i++) { choose(i); marked(i); }")
    assert driver.get_log("browser") == []


def test_the_text_as_it_was_written(driver, tmp_path):
    lines = [
        "# text = Je vais du bois,  dit-il...",
        *("1 Je", "2 vais", "3-4 du", "3 de", "4 le", "5 bois", "6 ,", "7 dit", "8 -il"),
    ]
    rows = [line if line[0] == "#" else "\t".join([*line.split(), *"________"]) for line in lines]
    other = [*rows]
    other[0] = "# text = something else"
    known = read_conllu([*rows, "", *other])
    opened(driver, explore(known, tmp_path / "page.html"))
    pieces = driver.execute_script("return [written(0), written(1)]")
    assert "".join(text for text, _ in pieces[0]) == "Je vais du bois,  dit-il..."
    assert ["du", [2, 3]] in pieces[0]
    assert "".join(text for text, _ in pieces[1]) == "Je vais du bois , dit -il"


def test_a_link_opens_with_the_same(driver, page, corpus):
    places = [hit.place for hit in search(corpus, "VERB -nsubj-> *")]
    opened(driver, page, query="VERB -nsubj-> *", sentence=places[1] + 1, view="arcs")
    shown = (
        "return [found, chosen, view, $('query').value, "
        "$('list').querySelector('[aria-selected=true]').id]"
    )
    before = driver.execute_script(shown)
    assert before == [places, places[1], "arcs", "VERB -nsubj-> *", f"row-{places[1]}"]
    address = driver.current_url
    driver.get("about:blank")
    driver.get(address)
    opened_again = driver.execute_async_script(
        "const done = arguments[0]; const wait = () => document.body.dataset.ready ? done(1)"
        " : setTimeout(wait, 20); wait()"
    )
    assert opened_again == 1
    assert driver.execute_script(shown) == before
    assert driver.current_url == address


def test_words_and_edges_that_match_are_marked(driver, page):
    opened(driver, page, query="VERB -nsubj-> NOUN", sentence=1)
    marks = "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)"
    assert driver.execute_script(marks, ".text mark") == ["dog", "chased"]
    for view in ("tree", "arcs"):
        driver.execute_script("view = arguments[0]; show()", view)
        assert len(driver.find_elements("css selector", "svg rect.hit")) == 2
        assert len(driver.find_elements("css selector", "svg path.hit")) == 1


def test_sentences_from_right_to_left(driver, tmp_path):
    hebrew = Sentence(
        ["הכלבים", "נובחים", "."], Tree([1, -1, 1], labels=["nsubj", "root", "punct"])
    )
    opened(driver, explore([hebrew, *CORPUS], tmp_path / "page.html"))
    shown = (
        "view = arguments[0]; choose(arguments[1]); return [document.querySelector('.text').dir,"
        "$('row-' + chosen).lastChild.dir, [...document.querySelectorAll('svg rect')].sort("
        "(one, other) => one.x.baseVal.value - other.x.baseVal.value).map("
        "one => one.nextSibling.textContent)]"
    )
    for view in ("tree", "arcs"):
        words = driver.execute_script(shown, view, 0)
        assert words == ["rtl", "rtl", list(reversed(hebrew.tokens))]
        assert driver.execute_script(shown, view, 1) == ["ltr", "ltr", list(CORPUS[0].tokens)]
        ends = (
            "const box = document.querySelector('svg').getBBox(), {width} = document.querySelector("
        )
        ends += "'svg').viewBox.baseVal; return [box.x, width - box.x - box.width]"
        assert min(driver.execute_script(ends)) >= 2  # room for the outline of a match
    # An arrow points to the word whose relation it is.
    driver.execute_script(shown, "arcs", 0)
    points = "return [...document.querySelectorAll('svg polygon')].map(one => one.points[0].x)"
    subject, full_stop = driver.execute_script(points)
    assert subject > full_stop


def test_a_sentence_without_a_tree_has_no_depth_and_no_edges(driver, page):
    opened(driver, explore([CORPUS[1]], page.with_name("one.html")))
    assert driver.execute_script("return document.querySelector('.facts small').textContent") == (
        "#1 · 1 word"
    )
    driver.execute_script("view = 'statistics'; show()")
    statistics = driver.execute_script("return $('view').textContent")
    assert "1 sentence, 1 word, 1 sentence without a parse." in statistics
    for asked in ({"shallow": 0}, {"deep": 9}, {"crossing": 0}):
        opened(driver, page.with_name("one.html"), **asked)
        assert driver.execute_script("return found") == []


def test_the_keyboard_and_what_is_wrong(driver, page):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    opened(driver, page)
    box = driver.find_element("id", "query")
    box.send_keys("NOUN <-nsubj VERB")
    problem = driver.find_element("id", "problem")
    WebDriverWait(driver, 10).until(lambda _: "is no arrow" in problem.text)
    assert (
        driver.execute_script("return $('problem').querySelector('mark').textContent") == "<-nsubj"
    )
    box.clear()
    box.send_keys("VREB", Keys.ENTER)
    assert problem.text == "Nothing here has the word or lemma VREB."
    box.clear()
    box.send_keys("NOUN", Keys.ENTER)
    assert not problem.is_displayed()
    found = driver.execute_script("return found")
    driver.find_element("id", "list").send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert driver.execute_script("return chosen") == found[1]


@pytest.mark.parametrize("view", ["tree", "arcs", "statistics"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_out_of_reach(driver, page, view, width, scheme):
    """By axe-core, and no page is wider than the screen."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened(driver, page, query="NOUN", view=view)
        driver.execute_script("$('help').open = $('filters').open = true")
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        driver.execute_script(script)
        faults = driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(found => done(found.violations.map("
            "fault => [fault.id, fault.impact, fault.nodes[0].html])))"
        )
        assert faults == []
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

"""The service: what it answers, what it refuses, and that requests are answered together."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from structnn import UNIVERSAL_RELATIONS, Vocabulary, __version__
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.explain import INTEGRATED_GRADIENTS, explain
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.serve import Limits, serve
from tasks.serve.batching import BusyError, ModelThread
from tasks.serve.server import PATIENCE
from tests.tasks.explain.test_explain import TEXT, ToyParser, make_predictor

__all__ = ["make_predictor"]  # a fixture

REASON = "the extra serve is not installed: pip install 'structnn[serve]' httpx2"
for package in ("fastapi", "uvicorn", "httpx2"):
    pytest.importorskip(package, reason=REASON)

import httpx2  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402

from tasks.serve.app import make_app  # noqa: E402

TEXTS = [f"{a} {b} {c}" for a in ("good", "bad", "ugly") for b in "abcd" for c in ("a", "bad b")]


@pytest.fixture
def client(make_predictor):
    with TestClient(make_app(make_predictor("bag"), Limits(texts=30, characters=60))) as client:
        yield client


@pytest.fixture
def ask_about(tmp_path):
    """The client of an untrained run, for a question."""

    def make(question: Question) -> tuple[Predictor, TestClient]:
        options = ModelOptions(encoder="child_sum_tree_lstm", hidden_dim=8, embedding_dim=6)
        labels = [] if question.answer in ("score", "sequence") else ["red", "blue", "green"]
        task = Task(labels=labels, question=question, pieces=["red", "blue"], longest=3)
        classifier = build_model(options, task, Vocabulary("a b good bad".split()))
        saved = SavedModel(classifier, options, UNIVERSAL_RELATIONS, "parse", ParserOptions(), task)
        save_model(tmp_path, saved)
        predictor = Predictor(tmp_path, ToyParser())
        return predictor, TestClient(make_app(predictor))

    return make


def as_json(predictions):
    return [
        {
            **{name: value for name, value in vars(one).items() if value is not None},
            "probabilities": pytest.approx(one.probabilities),
            **({} if one.tokens is None else {"tokens": list(one.tokens)}),
        }
        for one in predictions
    ]


def test_it_answers_as_the_predictor(client, make_predictor):
    answer = client.post("/predict", json={"texts": TEXTS[:20]})
    assert answer.status_code == 200
    assert answer.json() == as_json(make_predictor("bag").predict(TEXTS[:20]))
    assert client.post("/predict", json={"texts": []}).json() == []


def test_it_says_what_it_is(client):
    found = client.get("/health").json()
    assert (found["status"], found["encoder"], found["version"]) == ("ok", "bag", __version__)
    assert found["labels"] == ["no", "yes", "maybe"]
    assert found["question"] == "sentence (a text), label (3 classes)"


@pytest.mark.parametrize("path", ["/", "/health"])
def test_the_head_of_a_page_is_there(client, path):
    found = client.head(path)
    assert (found.status_code, found.content) == (200, b"")
    assert found.headers["Content-Type"] == client.get(path).headers["Content-Type"]


def test_it_explains(client, make_predictor):
    found = client.post("/explain", json={"text": TEXT}).json()
    expected = explain(make_predictor("bag"), TEXT)
    assert found["label"] == expected.prediction.label
    assert found["tokens"] == TEXT.split()
    assert found["attributions"][INTEGRATED_GRADIENTS] == pytest.approx(
        expected.attributions[INTEGRATED_GRADIENTS], abs=1e-4
    )


@pytest.mark.parametrize(
    ("path", "asked", "status", "message"),
    [
        ("/predict", {"texts": ["a", " "]}, 422, "text 2 is empty; give it some words"),
        (
            "/predict",
            {"texts": ["a"], "second": ["b"]},
            422,
            "1 text and 1 second text; give none",
        ),
        ("/predict", {}, 422, "texts: Field required"),
        (
            "/predict",
            {"texts": ["a"], "text": "b"},
            422,
            "text: there is no such field; GET /openapi",
        ),
        ("/explain", {"text": "a", "lable": "no"}, 422, "lable: there is no such field"),
        (
            "/answer",
            {},
            404,
            "there is no POST /answer here: ask POST /predict, POST /explain or GET",
        ),
        ("/health", {}, 405, "there is no POST /health here"),
        ("/predict", {"texts": "a"}, 422, "texts: Input should be a valid list"),
        ("/predict", {"texts": [3]}, 422, "texts.0: Input should be a valid string"),
        ("/predict", {"texts": ["\ud800 a"]}, 422, "text 1 of texts has half of a character"),
        (
            "/predict",
            {"texts": ["a"] * 31},
            413,
            "31 texts, and a request may have 30: divide them",
        ),
        ("/predict", {"texts": ["a", "b" * 61]}, 413, "text 2 of texts has 61 characters"),
        ("/explain", {"text": "a" * 61}, 413, "a text may have 60: shorten it"),
        ("/explain", {"text": ""}, 422, "text 1 is empty"),
        ("/explain", {"text": "a", "second": "b"}, 422, "1 second text; give none"),
        ("/explain", {"text": "a", "label": "b"}, 422, "is no label of this run; its labels are"),
        ("/explain", {"text": "a", "token": 1}, 422, "leave it out"),
        ("/show", {"text": "a", "second": "b"}, 422, "1 second text; give none"),
        ("/predict", {"texts": ["a" * 9_000_000]}, 413, "bytes, and may have"),
    ],
)
def test_it_says_what_is_wrong_and_how_to_mend_it(client, path, asked, status, message):
    answer = client.post(
        path, content=json.dumps(asked), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.json()


def test_programs_are_told_what_a_refusal_looks_like(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/predict", "/explain"):
        answers = paths[path]["post"]["responses"]
        assert sorted(answers) == ["200", "411", "413", "422", "503"]
        schema = answers["422"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Refusal"}  # detail is a string


def test_what_is_not_json(client):
    typed = {"Content-Type": "application/json"}
    answer = client.post("/predict", content='{"texts": ["a', headers=typed)
    assert (answer.status_code, "is not JSON" in answer.json()["detail"]) == (422, True)
    answer = client.post(
        "/predict", content='{"texts": ["a"]}', headers={"Content-Type": "text/plain"}
    )
    assert "Content-Type: application/json" in answer.json()["detail"]
    for unreadable in (b'{"texts": ["sch\xf6n"]}', b"[" * 20_000):
        answer = client.post("/predict", content=unreadable, headers=typed)
        assert (answer.status_code, "in UTF-8" in answer.json()["detail"]) == (422, True)
    # A body of unknown length could have any.
    assert client.post("/predict", content=iter([b"{}"]), headers=typed).status_code == 411


@pytest.mark.parametrize(
    ("question", "asked", "wrong", "message"),
    [
        (
            Question("pair"),
            {"texts": ["good a", "bad"], "second": ["a", "b b"]},
            {"texts": ["good a"]},
            "1 text and 0 second texts; give each text a second one",
        ),
        (
            Question("span"),
            {"texts": ["good [[a]] b"]},
            {"texts": ["good a"]},
            "mark them as in 'The [[food]] was good'",
        ),
        (Question("sentence", "labels"), {"texts": ["good a"]}, {"texts": [""]}, "is empty"),
        (Question("sentence", "score"), {"texts": ["good a"]}, {"texts": [""]}, "is empty"),
        (Question("tokens"), {"texts": ["good a", "bad"]}, {"texts": [""]}, "is empty"),
        (Question("arcs"), {"texts": ["good a", "bad"]}, {"texts": [""]}, "is empty"),
        (Question(answer="sequence"), {"texts": ["good a", "bad"]}, {"texts": [""]}, "is empty"),
    ],
)
def test_other_questions_are_answered_and_shown(ask_about, question, asked, wrong, message):
    predictor, client = ask_about(question)
    with client:
        found = client.post("/predict", json=asked)
        assert found.json() == as_json(predictor.predict(asked["texts"], asked.get("second", ())))
        refused = client.post("/predict", json=wrong)
        assert (refused.status_code, message in refused.json()["detail"]) == (422, True)
        one = {"text": asked["texts"][0]}
        if question.reads == "pair":
            one["second"] = "b b"
        found = client.post("/explain", json=one).json()
        expected = explain(predictor, one["text"], second=one.get("second"))
        assert found["explained"]["name"] == expected.quantity.name
        assert ("second" in found) == (question.reads == "pair")
        shown = client.post("/show", json=one).json()
        says = "writes" if question.is_sequence else "says"
        assert shown["said"].startswith(f"child_sum_tree_lstm {says} ")
        # Each tree in light and in dark.
        assert shown["html"].count("<svg") == (4 if question.reads == "pair" else 2)
        assert ("<h2>Probabilities" in shown["html"]) != question.is_number
        assert "What each word adds to" in shown["html"]
        assert ("good red, a " in shown["said"].replace("green", "red").replace("blue", "red")) == (
            question.reads == "tokens"
        )
        page = client.get("/").text
        assert ('name="second"' in page) == (question.reads == "pair")
        assert ("[[food]]" in page) == (question.reads == "span")


def test_what_is_shown_is_escaped_and_needs_no_network(client):
    shown = client.post("/show", json={"text": "<script>bad</script> good a"}).json()
    assert "<script" not in shown["html"]
    assert "What each word adds to" in shown["html"]
    page = client.get("/")
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert "src=" not in page.text
    assert client.get("/docs").status_code == 404  # it would load scripts from elsewhere


class Counted:
    """A predictor that counts how often it is asked, and for how many texts."""

    def __init__(self, predictor):
        self.predictor, self.question, self.sizes = predictor, predictor.question, []

    def predict(self, texts, second=()):
        self.sizes.append(len(texts))
        return self.predictor.predict(texts, second)


@pytest.fixture
def held(make_predictor):
    """The thread of a model, which is busy until the event is set."""
    counted = Counted(make_predictor("bag"))
    model, event = ModelThread(counted, most=100, wait=0.01, waiting=60), threading.Event()
    begun = threading.Event()
    model.call(lambda: (begun.set(), event.wait(60)))
    begun.wait(60)
    yield model, event, counted
    event.set()
    model.close()


def test_requests_that_wait_are_answered_together(held):
    model, event, counted = held
    with ThreadPoolExecutor(24) as threads:
        futures = dict(
            zip(TEXTS, threads.map(lambda text: model.predict([text, "a"]), TEXTS), strict=True)
        )
    event.set()
    expected = counted.predictor.predict(TEXTS)
    for (text, future), right in zip(futures.items(), expected, strict=True):
        first, second = future.result(60)
        assert (first.text, first.label, second.text) == (text, right.label, "a")
        assert first.probabilities == pytest.approx(right.probabilities)
    assert counted.sizes == [2 * len(TEXTS)]


def test_a_batch_has_no_more_texts_than_asked(held):
    model, event, counted = held
    futures = [model.predict(["a"] * 40) for _ in range(5)]
    event.set()
    assert [len(future.result(60)) for future in futures] == [40] * 5
    assert counted.sizes == [80, 80, 40]


def test_a_fault_is_that_of_its_own_request(held):
    model, event, _ = held
    futures = [
        model.predict(texts, second)
        for texts, second in (
            (["a"], []),
            (["b", ""], []),
            (["bad"], ["a"]),
            (["good"], []),
        )
    ]
    gone = model.predict(["c"])
    assert gone.cancel()
    called = model.call(lambda: 3)
    event.set()
    assert futures[0].result(60)[0].text == "a"
    with pytest.raises(ValueError, match="text 2 is empty"):
        futures[1].result(60)
    with pytest.raises(ValueError, match="1 second text; give none"):
        futures[2].result(60)
    assert futures[3].result(60)[0].text == "good"
    assert called.result(60) == 3


def test_too_many_do_not_wait(held):
    model, _, _ = held
    for _ in range(60):
        model.predict(["a"])
    with pytest.raises(BusyError, match="60 requests wait already: ask again"):
        model.predict(["a"])


def test_second_texts_stay_with_their_request(ask_about):
    """Where one request lacks a second text and another has one too many."""
    predictor, _ = ask_about(Question("pair"))
    model, event = ModelThread(predictor, wait=0.01), threading.Event()
    model.call(lambda: event.wait(60))
    futures = [
        model.predict(["a", "b"], ["a"]),
        model.predict(["a"], ["b", "a"]),
        model.predict(["a"], ["b"]),
    ]
    event.set()
    for wrong in futures[:2]:
        with pytest.raises(ValueError, match="give each text a second one"):
            wrong.result(60)
    assert futures[2].result(60)[0].text == "a || b"
    model.close()


def test_many_clients_get_their_own_answers(client, make_predictor):
    def ask(text):
        (found,) = client.post("/predict", json={"texts": [text]}).json()
        return found["text"], found["label"]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, TEXTS))
    assert found == [(one.text, one.label) for one in make_predictor("bag").predict(TEXTS)]


def test_the_command(make_predictor, monkeypatch, capsys):
    import uvicorn

    from tasks.command.cli import main

    run = make_predictor("bag").run
    served = []

    def listen(server, sockets):
        (listening,) = sockets
        served.append(listening.getsockname())
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)  # not yet refused
        # A client that has stalled does not keep the service from ending.
        assert server.config.timeout_graceful_shutdown == PATIENCE
        assert TestClient(server.config.app).get("/health").json()["run"] == str(run)

    monkeypatch.setattr("tasks.models.prediction.make_parser", lambda *_, **given: ToyParser())
    monkeypatch.setattr(uvicorn.Server, "run", listen)
    monkeypatch.setattr("sys.argv", ["structnn", "serve", str(run), "--port", "0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    ((host, port),) = served
    assert host == "127.0.0.1"
    assert f"http://127.0.0.1:{port}" in "".join(capsys.readouterr().err.split("\n"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"can't listen .* give another --port"):
            serve(run, port=taken.getsockname()[1])


def test_a_second_ctrl_c_ends_it_at_once_and_quietly(make_predictor, monkeypatch, caplog):
    import uvicorn

    begun, event = threading.Event(), threading.Event()
    predictor = make_predictor("bag")
    monkeypatch.setattr(predictor, "predict", lambda *_: (begun.set(), event.wait(60)))
    server = uvicorn.Server(uvicorn.Config(make_app(predictor), log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        serving = threading.Thread(target=server.run, args=([listening],))
        serving.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/predict"
        asked = threads.submit(httpx2.post, address, json={"texts": ["a"]}, timeout=60)
        begun.wait(60)
        server.should_exit = server.force_exit = True
        answer = asked.result(60)
        event.set()
        serving.join(60)
    assert (answer.status_code, "the service ended" in answer.json()["detail"]) == (503, True)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'structnn\[serve\]'"):
        serve(tmp_path)

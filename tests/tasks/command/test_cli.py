"""The command from end to end, as a user runs it: in a process of its own, without a network."""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import structnn as structnn_package
from parsers import read_conllu
from structnn.fused.store import open_folder
from tasks.command.cli import main
from tasks.data.structure_test import generate
from tasks.report.words import structure_findings
from tests.tasks.made_up import make_examples, make_grid, write_experiment

ROOT = Path(__file__).parents[3]
REFUSED = "http://127.0.0.1:9"  # a proxy that isn't there: every download fails at once


def environment(tmp_path: Path) -> dict[str, str]:
    """Parses in a cache of its own, which begins empty; operators compiled before, as they take long."""
    operators = tmp_path / "cache" / "structnn" / "fused"
    if not operators.exists():
        operators.parent.mkdir(parents=True)
        operators.symlink_to(open_folder())
    return {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "http_proxy": REFUSED,
        "https_proxy": REFUSED,
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


def structnn(tmp_path: Path, *arguments: object):
    done = subprocess.run(
        [sys.executable, "-m", "tasks", *map(str, arguments)],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs the command within the process of the tests, which has loaded everything."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, status: int = 0):
        monkeypatch.setattr("sys.argv", ["structnn", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == status, said
        return said

    return run


def kill_at(line: str, tmp_path: Path, *arguments: object) -> None:
    """Run the command until it says a line that begins like this, then kill it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tasks", *map(str, arguments)],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for said in process.stderr:
            if said.startswith(line):
                process.send_signal(signal.SIGKILL)
                break
        process.wait(timeout=60)


@pytest.fixture
def questions(tmp_path):
    """Sentences about animals or about weather, which a few epochs tell apart."""
    generator = random.Random(0)
    animals, weather = ["dog", "cat", "horse", "bird"], ["rain", "snow", "wind", "fog"]
    rows = []
    for index in range(80):
        label = ("animal", "weather")[index % 2]
        noun = generator.choice(animals if label == "animal" else weather)
        verb = generator.choice(["comes", "stops", "moves"])
        when = generator.choice(["today", "again", "in the evening"])
        rows.append({"text": f"The {noun} {verb} {when}.", "label": label, "row": index})
    path = tmp_path / "weather.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


QUICK = ("--epochs", 4, "--hidden-dim", 8, "--embedding-dim", 16, "--batch-size", 8)
QUICK = (*QUICK, "--learning-rate", 0.02)


@pytest.mark.slow
def test_parse_keeps_every_line(tmp_path):
    lines = [
        "\ufeffDogs bark.",
        "",
        "Stop",
        "她 喜欢 猫 。",
        "a 🙂 smiles\tat you",
        " ".join(f"word{n}" for n in range(2000)),
    ]
    (tmp_path / "in.txt").write_bytes("\r\n".join(lines).encode())
    done = structnn(tmp_path, "parse", "in.txt", "-o", "out.conllu")
    assert "5 texts parsed" in done.stderr
    assert "1 of 6 texts are empty (line 2): there is no sentence for them" in done.stderr
    sentences = read_conllu(tmp_path / "out.conllu")
    assert [len(sentence) for sentence in sentences][1] == 1
    assert sentences[0].tokens[:2] == ("Dogs", "bark")
    assert [sentence.metadata["line"] for sentence in sentences] == ["1", "3", "4", "5", "6"]
    for sentence, line in zip(sentences, [line for line in lines if line], strict=True):
        written = line.removeprefix("\ufeff")
        # Whatever the tokenizer splits, no character is lost.
        assert "".join("".join(sentence.tokens).split()) == "".join(written.split())
    assert all(sentence.dependencies is not None for sentence in sentences)


def test_parse_reads_its_input(tmp_path, here, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Do n't go !\n")))
    here("parse", "-", "-o", "out.conllu", "--pretokenized")
    assert read_conllu(tmp_path / "out.conllu")[0].tokens == ("Do", "n't", "go", "!")


@pytest.mark.parametrize("name", ["multiword_tokens", "multiword_columns", "empty_nodes"])
def test_parse_keeps_no_column_that_is_lines_of_conllu(tmp_path, here, name):
    (tmp_path / "in.csv").write_text(f"text,{name}\nStop,x\n")
    done = here("parse", tmp_path / "in.csv", "--keep", name, "-o", tmp_path / "o.conllu", status=1)
    assert f"the column '{name}' can't go along" in " ".join(done.err.split())
    assert not (tmp_path / "o.conllu").exists()


@pytest.mark.parametrize("name", ["a=b", "=", "x = y"])
def test_parse_keeps_no_column_that_no_comment_can_be(tmp_path, here, monkeypatch, name):
    """It says so before it parses."""
    monkeypatch.setattr("parsers.cache.CachedParser.parse", None)
    (tmp_path / "in.csv").write_text(f"text,{name}\nStop,x\n")
    done = here("parse", tmp_path / "in.csv", "--keep", name, "-o", tmp_path / "o.conllu", status=1)
    assert f"the column '{name}' can't go along: the name of a" in " ".join(done.err.split())


@pytest.mark.slow
def test_compare_then_predict(tmp_path, questions, here):
    encoders = "bag,child_sum_tree_lstm,bilstm>gat"
    command = ("compare", "--data", questions, "--encoders", encoders, "--seeds", 1, *QUICK)
    command = (*command, "--workers", 1, "--no-report")
    done = structnn(tmp_path, *command, "--out", "runs/w")
    for name in encoders.split(","):
        assert name in done.stdout
    assert "held out" in done.stdout
    table = (tmp_path / "runs/w/table.md").read_text()
    again = here(*command, "--out", "runs/w")
    assert (tmp_path / "runs/w/table.md").read_text() == table
    assert "child_sum_tree_lstm" in again.out

    run = "runs/w/child_sum_tree_lstm/seed-0"
    done = structnn(
        tmp_path, "predict", run, "--json", "The cat stops today.", "The fog comes again."
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["label"], second["label"]) == ("animal", "weather")
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    done = here("predict", run, "The [bold] cat stops today.")  # no markup of ours
    assert "[bold]" in done.out
    assert "animal" in done.out
    done = here("predict", "runs/w", "Hello", status=1)
    assert "bag/seed-0" in done.err.replace("\n", "")


def test_training_says_what_must_be_said_of_its_data(tmp_path, questions, here):
    given = ("--data", questions, "--test", questions, "--encoder", "bag", "--structure", "flat")
    done = here("train", *given, *QUICK, "--out", "one")
    told = [line for line in done.err.splitlines() if line.startswith("- ")]
    assert "held out" in told[0]
    assert "test texts also occur in train or dev" in told[1]
    assert len(done.out.splitlines()) == 1
    assert "- " not in here("--quiet", "train", *given, *QUICK, "--out", "other").err


@pytest.mark.slow
def test_a_killed_comparison_goes_on_to_the_same_result(tmp_path, questions, here):
    command = ["train", "--data", questions, "--encoder", "bilstm", *QUICK, "--epochs", 8]
    command += ["--patience", 8]
    here(*command, "--out", "unbroken")
    kill_at("epoch 2", tmp_path, *command, "--out", "killed")
    assert not (tmp_path / "killed/bilstm/seed-0/result.json").exists()
    done = structnn(tmp_path, *command, "--out", "killed")
    assert "epoch 1:" not in done.stderr
    for name in ("test.jsonl", "weights.safetensors"):
        found = [
            (tmp_path / out / "bilstm/seed-0" / name).read_bytes() for out in ("unbroken", "killed")
        ]
        assert found[0] == found[1]


@pytest.mark.slow
def test_an_encoder_of_ones_own(tmp_path, questions, here):
    (tmp_path / "mine.py").write_text(
        "from structnn import Encoder, register_encoder\n"
        "class Mine(Encoder):\n"
        "    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = 'mean'):\n"
        "        super().__init__(input_dim, input_dim, readout=readout)\n"
        "    def encode(self, x, batch):\n"
        "        return x.tanh()\n"
        "register_encoder('mine', Mine)\n"
    )
    given = ("--data", questions, "--encoders", "mine,bag", "--seeds", 1, *QUICK, "--out", "runs/m")
    given = (*given, "--workers", 1, "--no-report")
    done = structnn(tmp_path, "compare", *given, "--plugin", "mine.py", "--cache", "parses.sqlite")
    assert "mine" in done.stdout
    assert (tmp_path / "parses.sqlite").exists()
    run = "runs/m/mine/seed-0"
    done = here("predict", run, "The rain stops.", status=1)
    assert "unknown encoder 'mine'" in " ".join(done.err.split())
    done = here("predict", run, "--plugin", "mine.py", "--json", "The rain stops.")
    assert json.loads(done.out)["label"] == "weather"
    here("push", run, "somebody/mine", "--card-only", "--plugin", "mine.py")
    assert "# mine on" in (tmp_path / run / "README.md").read_text()
    done = here("compare", *given, "--plugin", "no.py", status=1)
    assert "no.py can't be imported" in " ".join(done.err.split())


def test_draw(tmp_path, here):
    here("draw", "The dogs that the cat chased bark.", "-o", "tree.png")
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")
    done = here("draw", "Dogs bark.", "--text", "--structure", "left_chain")
    assert "Dogs" in done.out
    (tmp_path / "two.conllu").write_text(
        "1\tStop\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n1\tGo\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n"
    )
    done = here("explore", "two.conllu", "-o", "two.html")
    assert "2 sentences" in done.err
    assert "<!doctype html>" in (tmp_path / "two.html").read_text().lower()
    assert "Stop" in here("draw", "two.conllu", "--text").out
    assert "Go" in here("draw", "two.conllu", "--text", "--sentence", "2").out
    for status, message, *arguments in (
        (1, "2 sentences in it, and no sentence 3", "two.conllu", "--sentence", "3"),
        (1, "error: none.conllu: can't be read: No such file or directory", "none.conllu"),
        (2, "the text is empty; give a sentence", ""),
        (2, "two.html is a file, but not of CoNLL-U; parse it first", "two.html"),
        (2, "--sentence is for a file of CoNLL-U", "Dogs bark.", "--sentence", "2"),
        (2, "--layout, --width and --dark are for a picture", "two.conllu", "--layout", "arcs"),
        (2, "--layout, --width and --dark are for a picture", "two.conllu", "--dark"),
    ):
        done = here("draw", *arguments, "--text", status=status)
        assert message in " ".join(done.err.replace("│", "").split())
    with (tmp_path / "two.conllu").open("a") as file:
        file.write("1\tStop\n")
    assert (
        "two.conllu:5: there are 2 columns"
        in here("explore", "two.conllu", "-o", "x.html", status=1).err
    )
    with pytest.warns(match="1 of 3 records are faulty"):
        assert "2 sentences" in here("explore", "two.conllu", "-o", "x.html", "--skip-faulty").err


def test_explore_with_a_query(tmp_path, here):
    (tmp_path / "two.conllu").write_text(
        "# text = Dogs bark.\n1\tDogs\t_\tNOUN\t_\tNumber=Plur\t2\tnsubj\t_\t_\n"
        "2\tbark\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n1\tGo\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n"
    )
    query = ("--query", "VERB -nsubj-> NOUN[Number=Plur]")
    done = here("explore", "two.conllu", *query)
    assert done.out == "1: Dogs bark\n"
    assert "1 of 2 sentences" in done.err
    done = here("explore", "two.conllu", *query, "--out", "some hits.conllu")
    assert "1 of 2 sentences, written to some hits.conllu" in done.err
    (hit,) = read_conllu(tmp_path / "some hits.conllu")
    assert (hit.text, hit.columns["feats"]) == ("Dogs bark.", ("Number=Plur", "_"))
    here("explore", "two.conllu", *query, "-o", "two.html")
    assert "VERB -nsubj-> NOUN[Number=Plur]" in (tmp_path / "two.html").read_text()
    done = here("explore", "two.conllu", "--query", "!*", "-o", "none.conllu")
    assert "0 of 2 sentences" in done.err
    done = here("explore", "two.conllu", "--query", "VERB -nsubj", status=1)
    assert "character 6: '-nsubj' is no arrow" in " ".join(done.err.split())
    for arguments in ((), ("-o", "hits.conllu")):
        done = here("explore", "two.conllu", *arguments, status=2)
        assert "or a --query" in done.err
        assert ("whose hits go into hits.conllu" in done.err) == bool(arguments)
    done = here("explore", "two.conllu", "-o", "two.txt", status=2)
    assert "a page of HTML, as page.html" in done.err
    assert not (tmp_path / "two.txt").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("parse", "texts.txt", "-o", "new/folder/texts.conllu"),
        ("shuffle", "two.conllu", "-o", "new/folder/two.jsonl"),
        ("explore", "two.conllu", "-o", "new/folder/two.html"),
        ("explore", "two.conllu", "--query", "VERB", "-o", "new/folder/hits.conllu"),
        *(
            ("draw", "two.conllu", "-o", f"new/folder/two.{ending}")
            for ending in ("png", "svg", "html", "dot")
        ),
    ],
)
def test_the_folder_of_a_file_is_made(tmp_path, here, arguments):
    (tmp_path / "texts.txt").write_text("Dogs bark.\n")
    (tmp_path / "two.conllu").write_text("1\tStop\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n")
    assert not re.search(r"\b1 \w+s ", here(*arguments).err)  # one text, not one texts
    assert (tmp_path / arguments[-1]).stat().st_size > 0
    (tmp_path / "new").rename(tmp_path / "old")
    (tmp_path / "new").write_text("no folder")
    assert "new is a file" in here(*arguments, status=1).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("parse", "two.conllu"),
        ("shuffle", "two.conllu"),
        ("explore", "two.conllu"),
        ("explore", "two.conllu", "--query", "VERB"),
    ],
)
def test_the_file_that_is_read_is_not_replaced(tmp_path, here, arguments):
    corpus = "1\tStop\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n1\tHere\t_\tADV\t_\t_\t0\troot\t_\t_\n\n"
    (tmp_path / "two.conllu").write_text(corpus)
    (tmp_path / "link").symlink_to("two.conllu")
    # Under another name it is the same file.
    for output in ("link", *["two.conllu"] * ("--query" in arguments)):
        said = here(*arguments, "-o", output, status=1).err
        assert f"{output} is the file to read, and would be replaced" in said
    assert (tmp_path / "two.conllu").read_text() == corpus


@pytest.mark.parametrize(
    "arguments",
    [
        ("draw", "none.conllu", "--text"),
        ("explore", "none.conllu", "-o", "none.html"),
        ("explore", "none.conllu", "-o", "none.html", "--skip-faulty"),
        ("shuffle", "none.conllu", "-o", "none.jsonl"),
        ("lab", "path-length", "--data", "none.conllu"),
        ("pretrain", "none.conllu", "--encoder", "lstm", "--out", "lm"),
        ("train", "--data", "none.conllu", "--encoder", "lstm", "--out", "one"),
    ],
)
def test_a_file_that_is_not_there_is_named(here, arguments):
    said = here(*arguments, status=1).err
    assert "error: none.conllu: can't be read: No such file or directory" in said


@pytest.mark.parametrize(
    "place",
    [
        "tasks.experiments.experiment.parse_and_show",  # before the first run
        "tasks.experiments.experiment.show_summary",  # after the last one
    ],
)
def test_an_interrupted_comparison_says_that_it_can_be_resumed(questions, here, monkeypatch, place):
    def stop(*_, **__):
        raise KeyboardInterrupt

    given = ("--data", questions, "--encoders", "bag", "--seeds", 1, "--workers", 1)
    with monkeypatch.context() as patched:
        patched.setattr(place, stop)
        said = here("compare", *given, *QUICK, "--out", "many", status=130).err
    assert said.endswith("interrupted; the same command resumes from here\n")
    here("compare", *given, *QUICK, "--out", "many")


def test_a_map_asks_each_experiment_once(tmp_path, here, monkeypatch):
    both = make_grid(encoders=["gat"], structures=("parse", "random"))
    for name in ("one", "other"):
        write_experiment(tmp_path / name, {"toys": make_examples(20)}, both)
    asked = []

    def findings(group):
        asked.append(group)
        return structure_findings(group)

    monkeypatch.setattr("tasks.report.map.structure_findings", findings)
    here("map", "one", "other", "--out", "map")
    assert len(asked) == 2


def test_a_map_names_experiments_that_have_nothing_to_show(tmp_path, here):
    examples = make_examples(20)
    both = make_grid(encoders=["gat"], structures=("parse", "random"))
    write_experiment(tmp_path / "both", {"toys": examples}, both)
    write_experiment(tmp_path / "one", {"toys": examples}, make_grid(encoders=["gat"]))
    said = here("map", "both", "one", "--out", "map").err
    assert "one: no control structures" in said
    assert "both: " not in said


def test_other_commands_say_that_they_were_interrupted(here, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("parsers.read_conllu", stop)
    assert here("explore", "two.conllu", "-o", "two.html", status=130).err == "interrupted\n"


def test_data_without_the_trees_that_are_asked_for(questions, here):
    given = ("--data", questions, "--encoder", "gat", "--structure", "given", "--out", "one")
    said = here("train", *given, status=1).err
    assert "this example has no tree and no graph. --structure constituency is for" in said


def test_a_file_that_is_no_cache_is_refused_and_left_alone(tmp_path, here):
    (tmp_path / "two.txt").write_text("Dogs bark.\n")
    done = here("parse", "two.txt", "--cache", "two.txt", "-o", "two.conllu", status=1)
    assert "two.txt is not a parse cache" in " ".join(done.err.split())
    assert (tmp_path / "two.txt").read_text() == "Dogs bark.\n"
    assert not (tmp_path / "two.conllu").exists()


@pytest.mark.slow
def test_demo(tmp_path, here, monkeypatch):
    few = partial(generate, dev=40, test=120)
    monkeypatch.setattr("tasks.command.demo.generate", few)
    done = here("demo", "--out", "demo", "--seeds", 1, "--epochs", 1, "--pairs", 40)
    assert "bag" in done.out
    assert "random" in done.out
    assert "three words in order, adjacent or not, is right on 50.0 % of test" in done.out
    assert (tmp_path / "demo/tree.png").exists()


@pytest.mark.parametrize("pairs", [18, 41])
def test_pairs_that_a_demo_cannot_have(here, pairs):
    done = here("demo", "--pairs", pairs, status=1)
    said = " ".join(done.err.split())
    assert f"--pairs must be an even number of at least 20, but is {pairs}" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--encoders", "bilsm"), "did you mean 'bilstm'"),
        (("--encoders", "gat", "--option", "gat.head=3"), "did you mean 'heads'"),
        (
            ("--encoders", "gat", "--option", "gut.heads=3"),
            "encoder 'gut', which is not trained here",
        ),
        (("--encoders", "bag", "--data", "nothing.csv"), "nothing.csv"),
        (("--encoders", "bag", "--label-column", "class"), "there is no column 'class'"),
        (("--encoders", "bag", "--epochs", 0), "--epochs must be at least 1, but is 0"),
        (("--encoders", "bag", "--dev-fraction", 1), "--dev-fraction must be above 0 and below 1"),
        (("--encoders", "bag", "--fractions", "0.1,2"), "--fractions takes numbers above 0 and at"),
        (("--encoders", "bag", "--folds", 1), "--folds must be 0 or at least 2"),
        (("--encoders", "bag", "--embedding", "glove"), "--embedding must be one of learned"),
        (("--encoders", "bag", "--language", "xx"), "xx"),
        (
            ("--encoders", "bag", "--structure", "spiral"),
            "--structure must be one of parse, left_ch",
        ),
    ],
)
def test_wrong_options_end_in_one_clear_line(tmp_path, questions, here, arguments, message):
    given = ("--data", questions, "--out", "runs/x")
    done = here("compare", *given, *arguments, status=1)
    assert message in " ".join(done.err.split())
    assert not (tmp_path / "runs").exists()


def test_data_that_would_have_to_be_downloaded_say_how(tmp_path, here, monkeypatch):
    monkeypatch.setattr("nltk.data.path", [])  # whatever this machine has
    given = ("--data", "trec", "--encoders", "bag", "--out", "x")
    folder = ("--data-dir", tmp_path / "empty")
    done = here("compare", *given, *folder, status=1)
    said = " ".join(done.err.split())
    assert "--download" in said
    assert "python -m nltk.downloader -d" in said
    done = here("compare", *given, *folder, "--download", status=1)
    assert "qc" in done.err


class TestEncoders:
    def test_all_are_listed(self, here):
        done = here("encoders")
        for name in ("gat", "bilstm", "child_sum_tree_lstm", "k_max"):
            assert name in done.out

    def test_options_of_one(self, here):
        done = here("encoders", "relational_tree_lstm")
        assert "relations" in done.out
        assert "38" in done.out

    def test_an_unknown_one_is_told(self, here):
        done = here("encoders", "gta", status=1)
        assert "did you mean 'gat'" in done.err


def test_the_version(here):
    assert here("--version").out == f"structnn {structnn_package.__version__}\n"


def test_quietly(tmp_path, questions, here):
    """Results and errors, and nothing else; a run is then as loud as before."""
    options = ("train", "--data", questions, "--encoder", "bag", "--structure", "left_chain")
    options = (*options, "--epochs", 1, "--hidden-dim", 4, "--embedding-dim", 4, "--out")
    done = here("--quiet", *options, "quiet")
    assert "saved in quiet" in done.out
    assert not done.err
    assert "epoch 1" in here(*options, "loud").err
    missing = ("train", "--data", "none.csv", "--encoder", "bag", "--out", "no")
    assert "none.csv" in here("--quiet", *missing, status=1).err


def test_the_last_line_has_the_metric_that_selected(tmp_path, questions, here):
    options = ("train", "--data", questions, "--encoder", "bag", "--structure", "left_chain")
    options = (*options, "--epochs", 2, "--hidden-dim", 4, "--embedding-dim", 4)
    assert "selected by" not in here(*options, "--out", "one").out
    options = (*options, "--select", "macro_f1", "--out", "two")
    done = here(*options)
    scores = re.findall(r"epoch \d: .*, dev macro-F1 (\d+\.\d) %", done.err)
    number = int(re.search(r"\(epoch (\d) of 2", done.out)[1])
    assert f", selected by dev macro-F1 {scores[number - 1]} %; saved" in " ".join(done.out.split())
    assert here(*options).out == done.out  # of a finished run


def test_completion(tmp_path):
    words = {"_STRUCTNN_COMPLETE": "complete_bash", "COMP_WORDS": "structnn tr", "COMP_CWORD": "1"}
    program = "import sys; from structnn.__main__ import main; sys.argv = ['structnn']; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path) | words,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["train"]


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize(
    ("closed", "arguments", "status", "said"),
    [
        (">&-", ("--version",), 0, ""),
        ("2>&-", ("--version",), 0, f"structnn {structnn_package.__version__}"),
        ("<&-", ("parse", "-", "-o", "x.conllu"), 1, "error: standard input: there are no texts"),
    ],
)
def test_streams_that_are_closed(tmp_path, closed, arguments, status, said):
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "structnn", *arguments]
    done = subprocess.run(
        shell, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == status
    assert (done.stdout + done.stderr).startswith(said)
    assert "Traceback" not in done.stderr


def test_an_encoding_that_lacks_a_character_says_how_to_have_another(tmp_path, here, monkeypatch):
    (tmp_path / "one.conllu").write_text("1\tStop\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n")
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "latin-1"))
    said = here("draw", "one.conllu", "--text", status=1)
    assert "can't be written in latin-1, the encoding here; set PYTHONUTF8=1" in said.err

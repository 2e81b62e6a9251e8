"""Parsers by options: Stanza's, and runs."""

from __future__ import annotations

import pytest

from parsers import CachedParser, read_conllu
from structnn import Sentence, Tree, Vocabulary
from structnn.arcs import arcs_of
from tasks.command.cli import main
from tasks.data.options import ParserOptions, ParsingOptions
from tasks.data.questions import Question
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions
from tasks.models.parser import RunParser, cached_parser, make_parser
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.storage import StorageError
from tests.tasks.toys import make_sentence


class ToyParser:
    fingerprint = "toy"

    def parse(self, texts):
        split = [text.split() if isinstance(text, str) else text for text in texts]
        return [make_sentence(tuple(tokens)) for tokens in split]


def save(folder, question=None, weight=0.5):
    """An untrained model."""
    import torch

    from structnn import UNIVERSAL_RELATIONS

    torch.manual_seed(0)
    task = Task(question or Question("arcs"), ("dep", "root"))
    reader = "arcs(arc_dim=4, relation_dim=4)" if question is None else None
    options = ModelOptions(encoder="bilstm", hidden_dim=4, embedding_dim=4, reader=reader)
    model = build_model(options, task, Vocabulary(["a", "b", "c"]))
    if question is None:
        torch.nn.init.normal_(model.head.arcs, std=weight)
    folder.mkdir()
    saved = SavedModel(
        model.eval(), options, UNIVERSAL_RELATIONS, "left_chain", ParserOptions(), task
    )
    save_model(folder, saved)
    return folder


def test_a_run_is_a_parser(tmp_path):
    parser = RunParser(save(tmp_path / "run"), ToyParser())
    texts = ["a b c a", ("c", "b b"), "b"]
    sentences = parser.parse(texts)
    assert [sentence.tokens for sentence in sentences] == [
        ("a", "b", "c", "a"),
        ("c", "b b"),
        ("b",),
    ]
    found = Predictor(tmp_path / "run", ToyParser()).predict(texts)
    for sentence, prediction in zip(sentences, found, strict=True):
        assert " ".join(arcs_of(sentence.dependencies)) == prediction.label
    # The trees are not those of the parser that made the tokens, whose tree is another one.
    assert (
        sentences[0].dependencies.parents != make_sentence(sentences[0].tokens).dependencies.parents
    )
    assert parser.parse([]) == []


def test_parses_of_other_weights_are_not_mixed(tmp_path):
    one = RunParser(save(tmp_path / "one"), ToyParser())
    other = RunParser(save(tmp_path / "other", weight=3.0), ToyParser())
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == RunParser(tmp_path / "one", ToyParser()).fingerprint

    class Renamed(ToyParser):
        fingerprint = "another"

    assert one.fingerprint != RunParser(tmp_path / "one", Renamed()).fingerprint
    cached = CachedParser(one, tmp_path / "parses.sqlite")
    assert cached.parse(["a b c"]) == cached.parse(["a b c"]) == one.parse(["a b c"])
    assert (cached.hits, cached.misses) == (1, 1)
    assert CachedParser(other, tmp_path / "parses.sqlite").parse(["a b c"]) == other.parse(
        ["a b c"]
    )


def test_options_choose_the_run(tmp_path):
    parser = make_parser(ParserOptions(parser=str(save(tmp_path / "run"))))
    assert isinstance(parser, RunParser)
    assert "StanzaParser" in repr(parser.tokenizer)
    with pytest.raises(OptionError, match="parser must be a run that parses"):
        RunParser(save(tmp_path / "labels", Question()), ToyParser())
    with pytest.raises(StorageError, match=r"no saved model in .*; there are models in .*run"):
        RunParser(tmp_path, ToyParser())
    with pytest.raises(OptionError, match="split_sentences goes with Stanza"):
        ParserOptions(parser="run", split_sentences=True)


def test_tokens_alone_need_no_weights_of_the_run(tmp_path):
    run = save(tmp_path / "run")
    (run / "weights.safetensors").unlink()
    parser = make_parser(ParserOptions(parser=str(run)), trees=False)
    assert "StanzaParser" in repr(parser)
    with pytest.raises(StorageError, match=r"no saved model in .*; there are models in .*run"):
        make_parser(ParserOptions(parser=str(tmp_path)), trees=False)
    labels = save(tmp_path / "labels", Question())
    with pytest.raises(OptionError, match="parser must be a run that parses"):
        make_parser(ParserOptions(parser=str(labels)), trees=False)


def test_the_command_parses_with_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr("parsers.StanzaParser", lambda *arguments, **options: ToyParser())
    run = save(tmp_path / "run")
    (tmp_path / "texts.txt").write_text("a b c a\nb\n", encoding="utf-8")
    out = tmp_path / "out.conllu"
    arguments = ["parse", str(tmp_path / "texts.txt"), "--parser", str(run), "-o", str(out)]
    monkeypatch.setattr("sys.argv", ["structnn", *arguments, "--cache", str(tmp_path / "c.sqlite")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    expected = RunParser(run, ToyParser()).parse(["a b c a", "b"])
    found = read_conllu(out)
    assert [one.dependencies for one in found] == [one.dependencies for one in expected]


def test_trees_of_several_sentences_are_one_tree(tmp_path):
    from parsers.stanza.texts import JOINED_SENTENCES

    class Joining(ToyParser):
        def parse(self, texts):
            tree = Tree([-1, 0], labels=["root", "parataxis"])
            return [
                Sentence(("a", "b"), dependencies=tree, metadata={JOINED_SENTENCES: "2", "id": "7"})
                for _ in texts
            ]

    (sentence,) = RunParser(save(tmp_path / "run"), Joining()).parse(["a b"])
    assert dict(sentence.metadata) == {"id": "7"}


def test_a_relative_cache_folder_is_not_made_where_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.models.parser.make_parser", lambda options: ToyParser())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    cached_parser(ParsingOptions()).parse([("a", "b")])
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_parses_are_kept_where_the_options_say(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.models.parser.make_parser", lambda options: ToyParser())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    for options, file in (
        (ParsingOptions(cache=tmp_path / "mine.sqlite"), tmp_path / "mine.sqlite"),
        (ParsingOptions(), tmp_path / "user" / "structnn" / "parses.sqlite"),
    ):
        seen = []
        parser = cached_parser(options, lambda done, of, seen=seen: seen.append((done, of)))
        assert parser.parse([("a", "b")])[0].tokens == ("a", "b")
        assert parser.fingerprint == "toy"
        assert file.exists()
        assert seen[-1] == (1, 1)

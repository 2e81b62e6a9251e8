"""Sequences as answers, through a whole experiment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nltk.translate.bleu_score import corpus_bleu

from structnn import InputError, Search, SequenceHead
from tasks.command.cli import app
from tasks.data.columns import columns_of
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.files import read_table
from tasks.data.options import DataOptions, ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.data.questions import Question
from tasks.data.setting import Setting
from tasks.data.suites import generate
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.metrics import BLEU, EDIT_DISTANCE, bleu, chosen_metric, edit_distance, metrics_for
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.models.searching import SearchOptions
from tasks.options import OptionError
from tasks.report import write_report
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.run import Run
from tasks.results.summary import summarise
from tasks.training.evaluation import evaluate
from tasks.training.gold import Gold
from tasks.training.options import TrainingOptions
from tests.structnn.decoders.common import tiny_tokenizer
from tests.tasks.questions.test_tokens import dataset as tagged
from tests.tasks.toys import make_sentence

SEQUENCE = Question(answer="sequence")
TRAINING = TrainingOptions(epochs=3, patience=3, batch_size=20, learning_rate=0.01)
MODEL = ModelOptions(encoder="bigru", hidden_dim=32, embedding_dim=16, dropout=0.0, word_dropout=0)


def dataset(sizes=(200, 30, 30)) -> ParsedDataset:
    """The first and the last word, and names that train has once."""
    rng = np.random.default_rng(0)
    splits, number = {}, 0
    for split, size in zip(SPLITS, sizes, strict=True):
        examples = []
        for place in range(size):
            words = [str(word) for word in rng.choice(["a", "b", "c", "d"], rng.integers(1, 6))]
            words.append(f"name{number}")
            number += 1
            examples.append(
                Example(tuple(words), f"{words[-1]} and {words[0]}", f"{split}:{place + 1}")
            )
        splits[split] = tuple(examples)
    made = Dataset("toy", **splits, labels=(), question=SEQUENCE)
    sentences = {
        split: tuple(make_sentence(example.text) for example in examples)
        for split, examples in splits.items()
    }
    return ParsedDataset(made, sentences, parser="toy parser")


class ToyParser:
    fingerprint = "toy"

    def parse(self, texts):
        return [
            make_sentence(tuple(text.split()) if isinstance(text, str) else text) for text in texts
        ]


def run_of(seed=0, training=TRAINING, **options):
    return Run(replace(MODEL, **options), training, seed, Setting())


def test_from_data_to_verdicts_and_back(tmp_path):
    """Names that train lacks are copied; a decoder without copying can't have them."""
    data = dataset()
    training = replace(TRAINING, epochs=20, patience=20)
    copying = {"decoder": "gru(copy=True)", "min_count": 2}
    runs = [run_of(seed, training, **copying) for seed in range(2)]
    runs += [run_of(seed, training, **copying, encoder="bag") for seed in range(2)]
    results = [execute(run, data, tmp_path, parser=ParserOptions()) for run in runs]
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    assert results[0].test_score > 0.9
    assert results[0].parameters["head"] > results[0].parameters["encoder"]
    found = measure(load_results(tmp_path))
    first, bag = found.scored
    assert [metric.key for metric in found.metrics["toy"]] == [
        "exact_match",
        "bleu",
        "edit_distance",
    ]
    assert first.values["bleu"][0] > bag.values["bleu"][0]
    assert first.values["edit_distance"][0] < bag.values["edit_distance"][0]
    assert "toy" not in found.majority
    assert summarise(found)
    page = write_report(found, tmp_path).read_text()
    assert "edit distance" in page

    folder = tmp_path / runs[0].folder
    written = [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]
    predictor = Predictor(folder, ToyParser())
    texts = [example.text for example in data.dataset.test]
    predictions = predictor.predict(texts)
    assert [one.label for one in predictions] == [row["prediction"] for row in written]
    (one,) = predictor.predict(["b a Zaphod"])
    assert (one.label, one.probabilities, one.written) == ("Zaphod and b", {}, None)
    (one,) = predictor.predict(["b a Zaphod"], search=Search(beam=4, n_best=2))
    assert one.label == one.written[0].text == "Zaphod and b"
    assert one.written[0].score > one.written[1].score
    assert predictor.search == Search()


def test_without_copying_a_new_name_is_unknown(tmp_path):
    data = dataset((100, 10, 10))
    execute(run_of(min_count=2), data, tmp_path, parser=ParserOptions())
    rows = (tmp_path / run_of(min_count=2).folder / "test.jsonl").read_text()
    assert "name" not in "".join(json.loads(row)["prediction"] for row in rows.splitlines())


def test_a_resumed_run_gives_the_same(tmp_path):
    data = dataset((60, 10, 10))
    options = {"decoder": "lstm(copy=True,coverage=True,dropout=0.1)", "dropout": 0.2, "beam": 2}
    training = replace(TRAINING, label_smoothing=0.1, scheduled_sampling=0.2)
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    execute(run_of(0, training, **options), data, whole, parser=ParserOptions())

    class Stop(Exception):
        pass

    def stop(epoch):
        if epoch.number == 2:
            raise Stop

    run = run_of(0, training, **options)
    with pytest.raises(Stop):
        execute(run, data, parted, parser=ParserOptions(), on_epoch=stop)
    execute(run, data, parted, parser=ParserOptions())
    for name in ("test.jsonl", "weights.safetensors"):
        assert (whole / run.folder / name).read_bytes() == (parted / run.folder / name).read_bytes()
    head = load_model(whole / run.folder).classifier.head
    assert isinstance(head, SequenceHead)
    assert head.search.beam == 2
    assert seconds_per_epoch(run, data) > 0


@pytest.mark.parametrize("encoder", ["child_sum_tree_lstm", "gat", "transformer>bag"])
@pytest.mark.parametrize(
    "decoder", ["transformer(layers=1)", "gru(attention='none')", "gru(attention='location')"]
)
def test_other_encoders_and_decoders(tmp_path, encoder, decoder):
    data = dataset((20, 4, 4))
    run = run_of(0, replace(TRAINING, epochs=1), encoder=encoder, decoder=decoder)
    result = execute(run, data, tmp_path, parser=ParserOptions())
    assert 0 <= result.test_score <= 1
    loaded = load_model(tmp_path / run.folder).classifier.head
    assert isinstance(loaded, SequenceHead)


def test_characters(tmp_path):
    data = dataset((40, 4, 4))
    run = run_of(0, replace(TRAINING, epochs=1), pieces="characters")
    execute(run, data, tmp_path, parser=ParserOptions())
    head = load_model(tmp_path / run.folder).classifier.head
    assert set(head.target.vocabulary.words) >= {"n", " ", "7"}


def test_pieces_of_a_tokenizer(tmp_path):
    """They are saved with the model: the file isn't needed again."""
    data = dataset((60, 4, 4))
    file = tmp_path / "tokenizer.json"
    file.write_text(tiny_tokenizer(data.dataset.answers("train")), encoding="utf-8")
    run = run_of(0, replace(TRAINING, epochs=1), pieces=f"tokenizer:{file}")
    execute(run, data, tmp_path, parser=ParserOptions())
    file.unlink()
    head = load_model(tmp_path / run.folder).classifier.head
    answer = data.dataset.train[0].label
    assert head.target.decode(head.target.encode(answer)[:-1]) == answer
    assert len(head.target.encode(answer)) > len(answer.split()) + 1
    predictor = Predictor(tmp_path / run.folder, ToyParser())
    rows = (tmp_path / run.folder / "test.jsonl").read_text().splitlines()
    written = [json.loads(row)["prediction"] for row in rows]
    texts = [example.text for example in data.dataset.test]
    assert [one.label for one in predictor.predict(texts)] == written


def test_tokenizers_that_can_not_be_used(tmp_path):
    pytest.importorskip("tokenizers")
    data = dataset((10, 4, 4))
    (tmp_path / "empty.json").write_text("{}")
    for name, message in (
        ("missing", "can't be read: .*missing.json: No such"),
        ("empty", "no tok"),
    ):
        run = run_of(pieces=f"tokenizer:{tmp_path / name}.json")
        with pytest.raises(OptionError, match=message):
            execute(run, data, tmp_path / name, parser=ParserOptions())
    with pytest.raises(OptionError, match="pieces must be words, characters or tokenizer:FILE"):
        run_of(pieces="syllables")


def test_rows_of_gold_are_the_pieces_of_each_example():
    from tasks.models.preparation import prepare

    data = dataset((10, 4, 4))
    prepared = prepare(
        replace(MODEL, decoder="gru(copy=True)", min_count=2),
        data,
        seed=0,
        parser=ParserOptions(),
        pretrained=None,
    )
    model, inputs = prepared.model.classifier, prepared.inputs["train"]
    sentences = inputs.corpus.sentences
    gold = Gold.of(data.dataset.answers("train"), model.head, sentences)
    assert gold.ptr.tolist() == list(range(0, 44, 4))
    places = np.array([3, 1])
    both = [data.dataset.train[place].label for place in places]
    wanted = model.head.targets(both, [sentences[place] for place in places])
    assert gold.of_examples(places).tolist() == wanted.tolist()
    # The loss of all is the mean over all pieces, whatever the batches.
    model.eval()
    found = evaluate(model, inputs, gold)
    batch, _ = inputs.batch(np.arange(10))
    assert found.loss == pytest.approx(model.head.loss(model(batch), gold.rows).item(), abs=1e-5)


def test_options_that_do_not_fit_are_refused(tmp_path):
    data = dataset((10, 4, 4))
    for options, message in (
        ({"decoder": "grue"}, r"decoder can't be 'grue': unknown decoder 'grue' \(did you mean"),
        ({"decoder": "gru(layers=0)"}, "layers must be at least 1"),
        (
            {"decoder": "gru(copy=True)", "pieces": "characters"},
            "source words can't be copied where",
        ),
    ):
        with pytest.raises(OptionError, match=message):
            execute(run_of(**options), data, tmp_path / message, parser=ParserOptions())
    for options, message in (
        ({"reader": "pair"}, "reader goes with questions that are answered by a head"),
        ({"head_dim": 4}, "head_dim goes with questions that are answered by a head"),
    ):
        with pytest.raises(OptionError, match=message):
            execute(run_of(**options), data, tmp_path / message, parser=ParserOptions())
    tags = tagged((10, 4, 4))
    for options in ({"decoder": "lstm"}, {"pieces": "characters"}, {"beam": 2}):
        with pytest.raises(OptionError, match="goes with questions that are answered by a seq"):
            execute(run_of(**options), tags, tmp_path / str(options), parser=ParserOptions())
    training = replace(TRAINING, class_weights="balanced")
    with pytest.raises(OptionError, match="class_weights goes with"):
        execute(run_of(0, training), data, tmp_path / "weights", parser=ParserOptions())
    training = replace(TRAINING, label_smoothing=0.1)
    with pytest.raises(OptionError, match="label_smoothing goes with"):
        execute(run_of(0, training), tagged((10, 4, 4)), tmp_path, parser=ParserOptions())


def test_options_of_the_search():
    """What isn't given is as the run has it, whose beam doesn't stand in the way of what is drawn."""
    own = Search(beam=4, length_penalty=0.5)
    assert SearchOptions().search(own) is None
    assert SearchOptions(n_best=2, min_length=1).search(own) == replace(own, n_best=2, min_length=1)
    drawn = SearchOptions(top_p=0.9, temperature=0.5, draw_seed=3).search(own)
    assert drawn == replace(own, beam=1, top_p=0.9, temperature=0.5, seed=3)
    with pytest.raises(OptionError, match="n_best is for runs that write sequences"):
        SearchOptions(n_best=2).search(None)
    with pytest.raises(OptionError, match="top_p must be above 0 and at most 1, but is 2"):
        SearchOptions(top_p=2)
    with pytest.raises(ValueError, match="either drawn"):
        SearchOptions(top_p=0.9, beam=2).search(own)


# The columns.


def test_source_and_target(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("source\ttarget\tid\nein  Hund\ta   dog\t1\nzwei Hunde\ttwo dogs\t2\n")
    table = read_table(file)
    assert table.question == SEQUENCE
    assert [(example.text, example.label) for example in table.examples] == [
        ("ein  Hund", "a dog"),
        ("zwei Hunde", "two dogs"),
    ]
    assert table.examples[0].columns == {"id": "1"}
    assert SEQUENCE.in_words(()) == "sentence (a text), sequence (a text, word by word)"


def test_lists_of_words_and_other_columns(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"de": ["ein", "Hund"], "en": ["a", "dog"]}\n{"de": ["zwei"], "en": "two"}\n')
    options = DataOptions(text_column="de", label_column="en", answer="sequence")
    examples = read_table(file, options).examples
    assert [(one.text, one.label) for one in examples] == [
        (("ein", "Hund"), "a dog"),
        (("zwei",), "two"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"source": "a", "target": {"b": 1}}', "the target must be a text or a list of words"),
        ('{"source": "a", "target": " "}', "the label is empty"),
        ('{"source": "", "target": "b"}', "the text is empty"),
    ],
)
def test_faulty_rows(tmp_path, row, message):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"source": "x", "target": "y"}\n' + row + "\n")
    with pytest.raises(InputError, match=message) as found:
        read_table(file)
    assert "pairs.jsonl:2" in str(found.value)


def test_a_target_beside_a_text_is_a_span_still():
    columns = columns_of([{"text": "good food", "target": "food", "label": "+"}], DataOptions(), "")
    assert columns.question == Question("span")
    example = Example(("a", "b"), "c", "x:1", spans=((0, 1),))
    with pytest.raises(DataError, match="a sequence answers questions about a sentence"):
        Dataset("toy", (example,) * 2, (example,), (), (), question=Question("span", "sequence"))


def test_the_command(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    lines = [f'{{"source": "{w} {n}", "target": "{n} {w}"}}' for w in "abcd" for n in range(10)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    options = "--data data.jsonl --epochs 2 --seeds 2 --structure left_chain --out runs"
    made = runner.invoke(app, f"compare --encoders bilstm,gat --hidden-dim 8 {options}".split())
    assert made.exit_code == 0, made.output
    assert "exact match" in made.output
    (run,) = map(str, Path("runs").glob("**/bilstm/seed-0"))
    made = runner.invoke(app, ["predict", run, "a dog"])
    assert made.exit_code == 0, made.output
    assert "likeliest" not in made.output  # there are no classes
    Path("more.tsv").write_text("source\tid\na 1\tx\nb 2\ty\n")
    made = runner.invoke(app, ["predict", run, "--file", "more.tsv", "--json"])
    assert made.exit_code == 0, made.output
    assert [json.loads(line)["text"] for line in made.stdout.splitlines()] == ["a 1", "b 2"]
    searched = ["predict", run, "a 1", "--beam", "4", "--n-best", "3"]
    made = runner.invoke(app, [*searched, "--min-length", "1", "--max-length", "2", "--json"])
    assert made.exit_code == 0, made.output
    (row,) = map(json.loads, made.stdout.splitlines())
    assert row["label"] == row["written"][0]["text"]
    assert len({one["text"] for one in row["written"]}) == 3
    assert all(1 <= len(one["text"].split()) <= 2 for one in row["written"])
    made = runner.invoke(app, searched)
    assert made.exit_code == 0, made.output
    assert "log p" in made.output
    made = runner.invoke(app, ["predict", run, "a 1", "--n-best", "3"])
    assert "a beam of 1 finds no 3 sequences" in str(made.exception)
    made = runner.invoke(app, ["explain", run, "a dog", "-o", "why"])
    assert made.exit_code == 0, made.output
    assert "The search, step by step" in Path("why/explanation.html").read_text()


@pytest.mark.slow
def test_a_hundred_sentences_are_translated(tmp_path):
    """Two files of lines, from the command: the loss falls, and what was read is learned."""
    from typer.testing import CliRunner

    folder = Path(__file__).parent / "pairs"
    pairs = f"{folder / 'english.txt'}+{folder / 'german.txt'}"
    options = (
        "--structure left_chain --encoder bigru --hidden-dim 48 --embedding-dim 24 --dropout 0 "
    )
    options += "--word-dropout 0 --batch-size 10 --learning-rate 0.01 --epochs 18"
    # What train has is asked again, which shows whether it was learned.
    given = ["--data", pairs, "--dev", pairs, "--test", pairs, "--out", str(tmp_path / "run")]
    made = CliRunner().invoke(app, ["train", *given, *options.split()])
    assert made.exit_code == 0, made.output
    (history,) = (tmp_path / "run").rglob("history.json")
    losses = [epoch["train_loss"] for epoch in json.loads(history.read_text())]
    assert losses[-1] < losses[0] / 5
    (result,) = (tmp_path / "run").rglob("result.json")
    assert json.loads(result.read_text())["test_score"] > 0.8
    made = CliRunner().invoke(app, ["predict", str(result.parent), "the dog sleeps"])
    assert "der Hund schläft" in made.output


# The metrics.


def test_bleu_is_that_of_nltk():
    rng = np.random.default_rng(1)
    gold = [" ".join(rng.choice(list("abc"), rng.integers(4, 12))) for _ in range(40)]
    found = [" ".join(rng.choice(list("abc"), rng.integers(4, 14))) for _ in range(40)]
    wanted = corpus_bleu([[text.split()] for text in gold], [text.split() for text in found])
    assert bleu(gold, found) == pytest.approx(wanted)
    for place in range(3):
        rest = [gold[:place] + gold[place + 1 :], found[:place] + found[place + 1 :]]
        assert BLEU.left_out(gold, found)[place] == pytest.approx(bleu(*rest))


def test_bleu_is_that_of_sacrebleu():
    """Figures of sacrebleu 2.6.0, ``BLEU(tokenize="none", smooth_method="none").corpus_score``."""
    gold = ["the cat sat on the mat .", "der Hund schläft heute nicht , sagt er .", "a , b"]
    found = ["the cat sat on a mat .", "der Hund schläft heute sagt er .", "a , b c"]
    assert 100 * bleu(gold, found) == pytest.approx(49.073737, abs=1e-6)
    assert 100 * bleu(gold, ["", *found[1:]]) == pytest.approx(25.763993, abs=1e-6)


def test_bleu_at_the_edges():
    assert bleu(["a b"], ["a b"]) == 1  # sizes that no gold text has are left out
    assert bleu(["a b c d e"], ["a b c d e"]) == 1
    assert bleu(["a b"], [""]) == 0
    assert bleu(["a b"], ["b a"]) == 0
    assert bleu(["a b c d"] * 2, ["a b c d", ""]) == pytest.approx(np.exp(-1))
    assert BLEU.scores(["a b", "c"], ["a b", ""]).shape == (2,)


def test_edit_distance():
    assert edit_distance("a b c", "a c") == 1
    assert edit_distance("a b c", "c b a") == 2
    assert edit_distance("a", "") == 1
    assert EDIT_DISTANCE(["a b", "c"], ["a b", "d e"]) == 1


def test_which_metrics_there_are():
    assert metrics_for(SEQUENCE, ())[0].key == "exact_match"
    assert chosen_metric("bleu", SEQUENCE, ()) is BLEU
    with pytest.raises(OptionError, match="there are exact_match, bleu, edit_distance"):
        chosen_metric("accuracy", SEQUENCE, ())


@pytest.mark.slow
def test_reversal_is_learned_with_attention(tmp_path):
    data = generate("reversal")
    short = tuple(e for e in data.train if len(e.text) <= 6)[:600]
    kept = replace(data, train=short, dev=short[:50], test=short[:50])
    sentences = {split: tuple(e.sentence for e in getattr(kept, split)) for split in SPLITS}
    training = replace(TRAINING, epochs=12, patience=12)
    found = execute(
        run_of(0, training), ParsedDataset(kept, sentences), tmp_path, parser=ParserOptions()
    )
    assert found.test_score > 0.9

"""What columns say is asked, and how spans are found in texts."""

from __future__ import annotations

import gzip
import json

import pytest

from parsers.controls import right_chain
from structnn import SentenceGraph, Tree
from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.files import read_examples, read_table
from tasks.data.options import DataOptions
from tasks.data.parsing import parse_dataset
from tasks.data.questions import (
    Question,
    offsets_of,
    token_span,
    with_marks,
    without_marks,
)
from tasks.data.setting import Setting, view
from tasks.options import OptionError


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def question(path, **options):
    return read_table(path, DataOptions(**options)).question


@pytest.mark.parametrize(
    ("row", "reads", "answer"),
    [
        ({"text": "a", "label": "x"}, "sentence", "label"),
        ({"text": "a", "text2": "b", "label": "x"}, "pair", "label"),
        ({"text": "a", "text2": "b", "score": 1.5}, "pair", "score"),
        ({"text": "a b", "target": "b", "label": "x"}, "span", "label"),
        ({"text": "a b", "start": 2, "end": 3, "label": "x"}, "span", "label"),
        ({"text": "a b", "subject": [0, 1], "object": [2, 3], "label": "x"}, "spans", "label"),
        ({"text": "a [[b]]", "label": "x"}, "span", "label"),
        ({"text": "[[a]] [[b]]", "label": "x"}, "spans", "label"),
        ({"text": "a", "labels": ["x", "y"]}, "sentence", "labels"),
    ],
)
def test_columns_say_what_is_asked(tmp_path, row, reads, answer):
    table = read_table(lines(tmp_path / "a.jsonl", row, row))
    assert table.question == Question(reads, answer)
    example = table.examples[0]
    assert len(example.spans) == table.question.spans
    assert (example.text2 is not None) == (reads == "pair")
    assert "[[" not in example.text


def test_options_say_otherwise(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"text": "a", "text2": "b", "label": "3", "n": "0.5"})
    assert question(path, reads="sentence").reads == "sentence"
    assert question(path, label_column="n", answer="score") == Question("pair", "score")
    assert read_table(path, DataOptions(reads="sentence")).examples[0].columns["text2"] == "b"
    with pytest.raises(DataError, match=r"a span, which takes the column 'target' or one span"):
        question(path, reads="span")
    with pytest.raises(OptionError, match=r"reads must be one of sentence, pair, span, spans"):
        DataOptions(reads="two")
    with pytest.raises(OptionError, match="answer must be one of label, labels, score, scale"):
        DataOptions(answer="number")


@pytest.mark.parametrize(("text", "marks"), [("so good", 1), ("so good", 2), (["so", "good"], 1)])
def test_where_most_texts_have_marks_those_without_are_faulty(tmp_path, text, marks):
    marked = {"text": "[[a]] and [[b]]" if marks == 2 else "so [[red]]", "label": "x"}
    path = lines(tmp_path / "a.jsonl", marked, marked, {"text": text, "label": "y"})
    reason = rf"a.jsonl:3: spans between \[\[ and ]] in this text: 0, in most others: {marks}; mark"
    with pytest.raises(DataError, match=reason):
        read_table(path)
    faults = []
    table = read_table(path, on_error=faults.append)
    assert (len(table.examples), table.question.spans, len(faults)) == (2, marks, 1)
    assert question(path, reads="sentence") == Question()


def test_brackets_in_most_texts_are_no_marks_where_columns_say_where_spans_are(tmp_path):
    cited = {"text": "see [[1]] there", "target": "see", "label": "x"}
    plain = {"text": "see there", "target": "see", "label": "y"}
    table = read_table(lines(tmp_path / "a.jsonl", cited, cited, plain))
    assert [example.spans for example in table.examples] == [((0, 3),)] * 3
    assert table.examples[0].text == "see [[1]] there"


def test_marks_in_half_of_the_texts_say_nothing(tmp_path):
    path = lines(
        tmp_path / "a.jsonl",
        {"text": "see [[1]] there", "label": "x"},
        {"text": "no reference", "label": "y"},
    )
    assert question(path) == Question()
    assert read_table(path).examples[0].text == "see [[1]] there"
    with pytest.raises(DataError, match="takes the column 'target' or one span between"):
        question(path, reads="span")


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ([4, 8], (4, 8)),
        ("4:8", (4, 8)),
        ("[4, 8]", (4, 8)),
        ("food", (4, 8)),
        (" food ", (4, 8)),
    ],
)
def test_a_target_by_place_or_by_its_words(tmp_path, target, found):
    row = {"text": "The food was seafood.", "target": target, "label": "x"}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.spans == (found,)


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("食物很好吃", "食物", (0, 2)),
        ("这家店的食物好", "食物", (4, 6)),
        ("iPhone的电池很好", "iPhone", (0, 6)),
        ("อาหารอร่อยมาก", "อาหาร", (0, 5)),
        ("التطعيم قبل الطعام", "الطعام", (12, 18)),
    ],
)
def test_words_of_a_target_in_scripts_with_and_without_spaces(tmp_path, text, target, found):
    row = {"text": text, "target": target, "label": "x"}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.spans == (found,)


@pytest.mark.parametrize("places", [(4, 8), (4.0, 8.0), ("4.0", "8.0")])
def test_places_of_a_table_may_be_numbers_with_a_point(tmp_path, places):
    row = {"text": "The food", "start": places[0], "end": places[1], "label": "x"}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.spans == ((4, 8),)


@pytest.mark.parametrize("answers", ["labels", "tags", "label"])
def test_an_object_is_no_answer(tmp_path, answers):
    row = {"text": "a", "tokens": ["a"], answers: {"x": 1}}
    with pytest.raises(DataError, match=r":1: the \w+ must be .*, but is"):
        read_table(lines(tmp_path / "a.jsonl", row))


@pytest.mark.parametrize(
    ("text", "target", "span"),
    [
        ("the cafe\u0301 closed", "cafe\u0301", (4, 9)),
        ("cafe cafe\u0301", "cafe", (0, 4)),
        ("I \u2764\ufe0f it", "\u2764", (2, 3)),
    ],
)
def test_accents_belong_to_words(tmp_path, text, target, span):
    row = {"text": text, "target": target, "label": "x"}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.spans == (span,)


def test_offsets_count_from_the_beginning_of_the_file_s_text(tmp_path):
    row = {"text": "  The food", "start": 6, "end": 10, "label": "x"}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.text[slice(*example.spans[0])] == "food"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "a b", "target": "c"}, r":1: the target 'c' doesn't occur in the text"),
        ({"text": "b a b", "target": "b"}, r":1: the target 'b' occurs 2 times"),
        ({"text": "a cafe\u0301", "target": "cafe"}, r":1: the target 'cafe' doesn't occur"),
        ({"text": "e\u0301tat", "target": "tat"}, r":1: the target 'tat' doesn't occur"),
        ({"text": "हिन्दी", "target": "हिन्द"}, r":1: the target 'हिन्द' doesn't occur"),
        ({"text": "a b", "target": [0, 9]}, r":1: a span is from 0 to 9, but the text has 3 char"),
        ({"text": "a b", "target": [2, 2]}, r":1: a span is from 2 to 2"),
        ({"text": "a b", "target": None}, r":1: the target must be where it begins and ends"),
        ({"text": ["a", "b"], "target": "b"}, r":1: the text is tokens, so the target must be"),
        ({"text": ["a", "b"], "target": [1, 3]}, r"from 1 to 3, but the text has 2 tokens"),
        ({"text": "a", "text2": " "}, r":1: the second text is empty"),
        ({"text": "a b", "subject": [0, 1]}, r"takes the column 'subject' and 'object'"),
    ],
)
def test_faults_name_line_and_remedy(tmp_path, row, message):
    reads = "spans" if "subject" in row else None
    path = lines(tmp_path / "a.jsonl", {**row, "label": "x"})
    with pytest.raises(DataError, match=message):
        read_table(path, DataOptions(reads=reads))


def test_numbers_must_be_numbers(tmp_path):
    rows = [{"text": "a", "score": score} for score in (1, 2.5, "3", "many")]
    path = lines(tmp_path / "a.jsonl", *rows)
    with pytest.raises(DataError, match=r":4: the answer must be a number, but is 'many'"):
        load_dataset(path, DataOptions(dev=path, test=path))


def test_a_scale_is_that_of_train():
    question = Question(answer="scale")
    one, two, five = (Example("a b", label, label) for label in ("1", "2.5", "5"))
    Dataset("d", (one, five), (two,), (), (), question=question)
    with pytest.raises(DataError, match="5: 5 is not on the scale of train, from 1 to 3"):
        Dataset("d", (one, two), (five,), (), (), question=question)
    with pytest.raises(DataError, match="have the number 1; there is nothing to learn"):
        Dataset("d", (one, one), (one,), (), (), question=question)
    million = Example("a b", "1e6", "6")
    with pytest.raises(DataError, match=r"from 1 to 1000000 has 1,000,000 steps.*--answer score"):
        Dataset("d", (one, million), (two,), (), (), question=question)
    Dataset("d", (one, million), (two,), (), (), question=Question(answer="score"))


def test_numbers_that_cannot_be_squared_are_told():
    examples = tuple(Example("a b", number, number) for number in ("-1e300", "0"))
    with pytest.raises(DataError, match=r"1e\+300 in train is beyond 1e\+150.*divide all"):
        Dataset("d", examples, examples, (), (), question=Question(answer="score"))


def test_files_must_ask_the_same(tmp_path):
    train = lines(tmp_path / "a.jsonl", {"text": "a", "label": "x"}, {"text": "b", "label": "y"})
    dev = lines(tmp_path / "b.jsonl", {"text": "a", "text2": "b", "label": "x"})
    with pytest.raises(DataError, match=r"b.jsonl asks pair .*a.jsonl asks sentence .*--reads"):
        load_dataset(train, DataOptions(dev=dev))


def test_the_fingerprint_tells_questions_apart():
    def dataset(question=Question(), **given):  # noqa: B008
        examples = tuple(Example("a b", label, label, **given) for label in ("x", "y"))
        return Dataset("d", examples, examples, (), ("x", "y"), question=question)

    found = {
        dataset().fingerprint,
        dataset(Question("pair"), text2="c").fingerprint,
        dataset(Question("pair"), text2="d").fingerprint,
        dataset(Question("span"), spans=((0, 1),)).fingerprint,
        dataset(Question("span"), spans=((2, 3),)).fingerprint,
    }
    assert len(found) == 5


def test_marks_there_and_back():
    for text in ("The [[food]] was good.", "[[a]][[b]]", "[[a]] and [[b c]]", "none", "[[x"):
        plain, spans = without_marks(text)
        assert with_marks(plain, spans) == text
    assert with_marks(("a", "b", "c"), [(1, 3)]) == "a [[b c]]"


@pytest.mark.parametrize(
    ("text", "tokens", "offsets"),
    [
        ("He didn't.", ["He", "did", "n't", "."], [(0, 2), (3, 6), (6, 9), (9, 10)]),
        ("a  b\tc", ["a", "b", "c"], [(0, 1), (3, 4), (5, 6)]),
        ("我喜欢狗", ["我", "喜欢", "狗"], [(0, 1), (1, 3), (3, 4)]),
        ("so 😀👍 good", ["so", "😀", "👍", "good"], [(0, 2), (3, 4), (4, 5), (6, 10)]),
        # A token that can't be found has the gap between its neighbours.
        ("(a)", ["-LRB-", "a", "-RRB-"], [(0, 1), (1, 2), (2, 3)]),
    ],
)  # fmt: skip
def test_tokens_are_found_in_their_text(text, tokens, offsets):
    assert offsets_of(text, tokens) == offsets


def test_the_words_of_one_token_share_its_characters():
    found = offsets_of("je viens du nord", ["je", "viens", "de", "le", "nord"])
    assert found[2][0] == 9
    assert found[4] == (12, 16)
    assert token_span((9, 11), found)[0] == (2, 4)


def test_a_span_is_the_tokens_that_it_touches():
    offsets = [(0, 4), (5, 9), (10, 13)]
    assert token_span((5, 9), offsets) == ((1, 2), True)
    assert token_span((0, 9), offsets) == ((0, 2), True)
    assert token_span((6, 9), offsets) == ((1, 2), False)
    assert token_span((4, 5), offsets) == ((1, 2), False)


def test_a_span_within_a_token_is_counted(tmp_path):
    from tasks.data.parsing import parse_dataset
    from tests.tasks.toys import make_sentence

    class Parser:
        fingerprint = "toy"

        def parse(self, texts):
            return [make_sentence(tuple(text.split())) for text in texts]

    rows = [
        {"text": "the seafood here", "target": [7, 11], "label": "x"},
        {"text": "the food here", "target": [4, 8], "label": "y"},
    ]
    path = lines(tmp_path / "a.jsonl", *rows)
    parsed = parse_dataset(load_dataset(path, DataOptions(dev=path, test=path)), Parser())
    assert parsed.spans["train"] == (((1, 2),), ((1, 2),))
    assert any(note.startswith("3 of 6 spans begin or end within a token") for note in parsed.notes)


def test_packed_fasttext_and_conllu_files(tmp_path):
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"text,label\na b,x\nc,y\n"))
    assert [example.text for example in read_table(packed).examples] == ["a b", "c"]
    packed.write_bytes(b"text,label\n")
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_table(packed)

    path = tmp_path / "a.ft"
    path.write_text("__label__x a b\n\n__label__y c\n")
    table = read_table(path)
    assert [(example.text, example.label) for example in table.examples] == [
        ("a b", "x"),
        ("c", "y"),
    ]
    path.write_text("__label__x __label__y a b\n__label__y c\n")
    table = read_table(path)
    assert table.question.answer == "labels"
    assert [example.label for example in table.examples] == ["x|y", "y"]
    path.write_text("a b\n")
    with pytest.raises(DataError, match=r"a.ft:1: the line doesn't begin with a label"):
        read_table(path)

    path = tmp_path / "a.conllu"
    word = "{}\t{}\t_\tNOUN\t_\t_\t{}\t{}\t_\t_\n"
    path.write_text(
        "# label = x\n"
        + word.format(1, "dogs", 2, "nsubj")
        + word.format(2, "bark", 0, "root")
        + "\n"
    )
    (example,) = read_table(path).examples
    assert (example.text, example.label) == (("dogs", "bark"), "x")
    assert example.sentence.dependencies.parents == (1, -1)
    path.write_text(word.format(1, "dogs", 5, "nsubj") + "\n")
    with pytest.raises(DataError, match=r"a.conllu:1: "):
        read_table(path)


TAGGED = [
    ({"tokens": ["a", "b"], "tags": ["X", "Y"]}, {}),
    ({"text": ["a", "b"], "tags": ["X", "Y"]}, {}),
    ({"text": "a b", "tags": "X Y"}, {}),
    ({"text": "ab", "tokens": ["a", "b"], "tags": ["X", "Y"]}, {}),
    ({"tokens": ["a", "b"], "ner": ["X", "Y"]}, {"label_column": "ner"}),
    ({"tokens": "a  b", "ner": "X Y"}, {"label_column": "ner", "reads": "tokens"}),
    ({"words": ["a", "b"], "tags": ["X", "Y"]}, {"text_column": "words"}),
]


@pytest.mark.parametrize(("row", "options"), TAGGED, ids=str)
def test_tags_are_of_tokens(tmp_path, row, options):
    table = read_table(lines(tmp_path / "a.jsonl", row), DataOptions(**options))
    assert table.question == Question("tokens")
    assert (table.examples[0].text, table.examples[0].label) == (("a", "b"), "X Y")
    assert table.examples[0].columns in ({}, {"text": "ab"})


def test_tokens_can_be_the_text_of_any_question(tmp_path):
    (example,) = read_table(lines(tmp_path / "a.jsonl", {"tokens": ["a"], "label": "x"})).examples
    assert example.text == ("a",)
    both = {"text": "a b", "tokens": ["a"], "label": "x"}
    assert read_table(lines(tmp_path / "a.jsonl", both)).examples[0].text == "a b"


def test_tags_in_tables_of_text(tmp_path):
    (tmp_path / "a.csv").write_text('tokens,tags\n"so, what ?",O O B-X\nStop,O\n')
    (tmp_path / "a.tsv").write_text("text\ttags\nso, what ?\tO O B-X\n")
    one, two = read_table(tmp_path / "a.csv").examples
    assert (one.text, one.label) == (("so,", "what", "?"), "O O B-X")
    assert (two.text, two.label) == (("Stop",), "O")
    assert read_table(tmp_path / "a.tsv").examples[0].label == "O O B-X"


def test_numbers_can_be_tags(tmp_path):
    table = read_table(lines(tmp_path / "a.jsonl", {"tokens": ["a", "b"], "tags": [0, 3]}))
    assert table.examples[0].label == "0 3"


def test_a_tree_goes_along_with_tags(tmp_path):
    row = {"tokens": ["a", "b"], "tags": ["X", "Y"], "heads": [2, 0], "relations": ["det", "root"]}
    (example,) = read_table(lines(tmp_path / "a.jsonl", row)).examples
    assert example.sentence.dependencies.labels == ("det", "root")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["X"]}, r"a.jsonl:2: 2 tokens and 1 tag; give"),
        ({"tokens": ["a"], "tags": []}, "1 token and 0 tags"),
        ({"tokens": ["a", "b"], "tags": ["X", " "]}, "the tag of token 2 is empty; give each"),
        ({"tokens": ["a", "b"], "tags": ["X Y", "Z"]}, "token 1 is 'X Y', with white space in"),
        (
            {"tokens": ["a", "b"], "tags": ["X", None]},
            "tag of token 2 must be a string, but is null",
        ),
        ({"tokens": ["a", ""], "tags": ["X", "Y"]}, "a.jsonl:2: token 1 is empty"),
        ({"tokens": [], "tags": []}, "the text is empty"),
        ({"tokens": ["a"], "tags": None}, "1 token and 0 tags"),
    ],
)
def test_tags_that_fit_no_tokens_are_told_with_their_line(tmp_path, row, message):
    good = {"tokens": ["a"], "tags": ["X"]}
    with pytest.raises(DataError, match=message):
        read_table(lines(tmp_path / "a.jsonl", good, row))


def test_rows_with_faulty_tags_can_be_left_out(tmp_path):
    good = {"tokens": ["a"], "tags": ["X"]}
    path = lines(tmp_path / "a.jsonl", good, {"tokens": ["a", "b"], "tags": ["X"]}, good)
    faults = []
    assert len(read_table(path, on_error=faults.append).examples) == 2
    assert "a.jsonl:2" in str(faults[0])


def test_a_list_for_a_text_is_still_an_error(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"text": "a b", "label": ["X", "Y"]})
    with pytest.raises(DataError, match="must be one string or number"):
        read_table(path)


def test_tags_have_a_note_in_words_and_other_answers_are_refused(tmp_path):
    rows = [{"tokens": ["a", f"b{number}"], "tags": ["X", "Y"]} for number in range(30)]
    path = lines(tmp_path / "a.jsonl", *rows)
    data = load_dataset(path)
    assert repr(data).endswith("; tokens (each token of a sentence), label (2 classes))")
    with pytest.raises(DataError, match="one label each; leave out --answer score"):
        load_dataset(path, DataOptions(answer="score", reads="tokens"))
    few = lines(tmp_path / "few.jsonl", *rows[:1] * 9)
    with pytest.raises(DataError, match="9 examples are only 1 different text, too few"):
        load_dataset(few)


def pair(first="not well", second="it is", **changes):
    row = {
        "text": first.split(),
        "text2": second.split(),
        "label": "no",
        "heads": [2, 0],
        "relations": ["advmod", "root"],
        "heads2": [0, 1],
        "relations2": ["root", "cop"],
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not None}


def test_both_texts_of_a_pair_have_given_trees(tmp_path):
    rows = [pair(f"not{number} well", label=("no", "yes")[number % 2]) for number in range(20)]
    data = load_dataset(lines(tmp_path / "a.jsonl", *rows))
    example = data.train[0]
    assert example.sentence.dependencies.parents == (1, -1)
    assert example.sentence2.dependencies == Tree([-1, 0], labels=["root", "cop"])
    assert not example.columns  # nothing else is said of it
    seen = view(parse_dataset(data, None), Setting(structure="given"))
    assert {s.dependencies.parents for s in seen.second["train"]} == {(-1, 0)}
    chained = view(parse_dataset(data, None), Setting(structure="right_chain"))
    assert chained.second["train"][0].dependencies == right_chain(example.sentence2)
    # Another tree of the second text makes other data.
    rows[0] = {**rows[0], "heads2": [2, 0]}
    other = load_dataset(lines(tmp_path / "b.jsonl", *rows))
    assert other.fingerprint != data.fingerprint


def test_constituents_and_graphs_of_second_texts(tmp_path):
    graph = {"tokens": [0, 1], "edges": [[0, 1]], "labels": ["ARG0"]}
    row = pair(tree="(S (A not) (B well))", tree2="(S (C it) (D is))", graph=graph, graph2=graph)
    (example,) = read_examples(lines(tmp_path / "a.jsonl", row))
    assert example.sentence.constituency.labels == ("S", "A", "B")
    assert example.sentence2.constituency.labels == ("S", "C", "D")
    assert example.sentence.graph == example.sentence2.graph == SentenceGraph(**graph)
    assert not example.columns


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text2": "it is"}, "`heads2` belong to tokens, but the text is one string"),
        ({"heads2": [0, 0]}, r"tree is not well formed: .*\(`heads2` count from 1"),
        ({"heads2": "0"}, "`heads2` must be an array"),
        ({"relations2": [1, 2]}, "`relations2` must hold strings"),
    ],
)
def test_a_wrong_tree_of_a_second_text_is_told(tmp_path, changes, message):
    with pytest.raises(DataError, match=rf"a\.jsonl:1: .*{message}"):
        read_examples(lines(tmp_path / "a.jsonl", pair(**changes)))


def test_a_second_text_without_its_tree_is_told(tmp_path):
    rows = [pair(f"not{number} well", label=("no", "yes")[number % 2]) for number in range(20)]
    rows[3] = {**rows[3], "heads2": None}
    data = load_dataset(lines(tmp_path / "a.jsonl", *rows))
    with pytest.raises(DataError, match=r"second text\): this example has no .*heads2"):
        view(parse_dataset(data, None), Setting(structure="given"))

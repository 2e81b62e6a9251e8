from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from structnn import (
    READERS,
    Batch,
    DistributionAnswer,
    LabelAnswer,
    LabelsAnswer,
    ScoreAnswer,
    Sentence,
    StructuredModel,
    Tree,
    UnknownNameError,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)

VOCABULARY = Vocabulary(["a", "b", "c", "d"])
TEXTS = ["a b c d", "b a", "c", "d a c"]
SPANS = [[(0, 2), (3, 4)], [(1, 2), (0, 1)], [(0, 1), (0, 1)], [(0, 3), (1, 2)]]


def sentence(text):
    words = text.split()
    parents = [-1, *(max(0, place - 2) for place in range(1, len(words)))]
    return Sentence(words, dependencies=Tree(parents))


def batch(texts=TEXTS):
    return Batch.from_sentences(map(sentence, texts), vocabulary=VOCABULARY)


def spans(count, examples=(0, 1, 2, 3)):
    return torch.tensor([SPANS[place][:count] for place in examples])


def model(reader, answer=None, encoder="bilstm", **options):
    torch.manual_seed(0)
    made = build_encoder(encoder, 6, 8, **({} if encoder == "bag" else {"readout": "max"}))
    head = build_head(reader, answer or LabelAnswer(["no", "yes", "maybe"]), made, **options)
    return StructuredModel(WordEmbedding(VOCABULARY, 6), made, head).double().eval()


ALL_READERS = [
    "sentence",
    "pair",
    "pair(features='product_difference')",
    *(f"span(span={how!r})" for how in ("mean", "max", "first", "attention")),
    "span(sentence=False)",
    *(f"spans(span={how!r})" for how in ("mean", "max", "first", "attention")),
    "tokens",
    "nodes",
]


def slow_reading(reader, encoding, texts, spans):
    """What a reader gives, by its equations, sentence by sentence."""
    states, at = [], 0
    for text in texts:
        states.append(encoding.tokens[at : at + len(text.split())])
        at += len(text.split())
    if reader.rows != "example":
        return encoding.tokens  # every node is a word here
    if reader.texts == 2:
        half = len(texts) // 2
        rows = []
        for u, v in zip(encoding.sentence[:half], encoding.sentence[half:], strict=True):
            both = [u * v, (u - v).abs()]
            all_of = [u, v, *reversed(both)]
            rows.append(torch.cat(both if reader.features != "all" else all_of))
        return torch.stack(rows)
    if not reader.spans:
        return encoding.sentence
    rows = []
    for number, own in enumerate(states):
        row = [encoding.sentence[number]] if reader.reads_sentences else []
        for begin, end in spans[number].tolist():
            inside = own[begin:end]
            if reader.span == "first":
                row.append(own[begin])
            elif reader.span == "max":
                row.append(inside.max(0).values)
            elif reader.span == "mean":
                row.append(inside.mean(0))
            else:
                query = reader.match.weight @ inside.mean(0)
                row.append((own @ query).softmax(0) @ own)
        rows.append(torch.cat(row))
    return torch.stack(rows)


@pytest.mark.parametrize("spec", ALL_READERS)
@pytest.mark.parametrize("encoder", ["bag", "bilstm", "gat", "child_sum_tree_lstm", "bilstm>gat"])
def test_readers_against_their_equations(spec, encoder):
    made = model(spec, encoder=encoder)
    reader = made.head.reader
    encoding = made.encode(batch())
    given = spans(reader.spans) if reader.spans else None
    wanted = slow_reading(reader, encoding, TEXTS, given)
    found = reader(encoding, batch(), given)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)
    assert found.shape[1] == reader.output_dim


@pytest.mark.parametrize("spec", ALL_READERS)
def test_a_batch_is_its_examples_one_by_one(spec):
    made = model(spec)
    reader = made.head.reader
    together = made(batch(), spans(reader.spans) if reader.spans else None)
    apart = []
    examples = len(TEXTS) // reader.texts
    for place in range(examples):
        texts = TEXTS[place::examples]
        given = spans(reader.spans, [place]) if reader.spans else None
        apart.append(made(batch(texts), given))
    torch.testing.assert_close(together, torch.cat(apart), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("spec", ALL_READERS)
@pytest.mark.parametrize("hidden_dim", [0, 5])
def test_every_parameter_learns(spec, hidden_dim):
    made = model(spec, hidden_dim=hidden_dim, activation="tanh")
    reader = made.head.reader
    scores = made(batch(), spans(reader.spans) if reader.spans else None)
    made.head.loss(scores, torch.arange(len(scores)) % 3).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()), name


def test_spans_that_do_not_fit_are_told():
    made = model("span")
    with pytest.raises(ValueError, match=r"\(examples, 1, 2\) = \(4, 1, 2\), but got None"):
        made(batch())
    with pytest.raises(ValueError, match=r"\(4, 1, 2\), but got \(4, 2, 2\)"):
        made(batch(), spans(2))
    wrong = spans(1)
    wrong[2, 0] = torch.tensor([0, 2])
    with pytest.raises(ValueError, match=r"span 0 of example 2 is from 0 to 2.* has 1 tokens"):
        made(batch(), wrong)
    wrong[2, 0] = torch.tensor([0, 0])
    with pytest.raises(ValueError, match="from 0 to 0"):
        made(batch(), wrong)


def test_half_a_pair_is_told():
    with pytest.raises(ValueError, match="has 3 sentences"):
        model("pair")(batch(TEXTS[:3]))


def test_unknown_readers_are_told():
    with pytest.raises(UnknownNameError, match=r"did you mean 'span'.*sentence"):
        model("spam")
    with pytest.raises(UnknownNameError, match="has no option 'width'"):
        model("span(width=2)")
    with pytest.raises(ValueError, match="one reader"):
        model("span+pair")
    assert "count" not in READERS.options("spans")


def test_a_head_equals_torch_modules_with_the_same_weights():
    """Tai et al. 2015, 4.2: sigmoid layer over product and difference, then a softmax."""
    made = model(
        "pair(features='product_difference')",
        DistributionAnswer(1, 5),
        hidden_dim=7,
        activation="sigmoid",
    )
    first, last = made.head.hidden[0], made.head.output
    encoding = made.encode(batch())
    u, v = encoding.sentence[:2], encoding.sentence[2:]
    by_product = nn.functional.linear(u * v, first.weight[:, : u.shape[1]])
    by_difference = nn.functional.linear((u - v).abs(), first.weight[:, u.shape[1] :])
    hidden = torch.sigmoid(by_product + by_difference + first.bias)
    torch.testing.assert_close(made(batch()), hidden @ last.weight.T + last.bias)


def test_label_loss_is_cross_entropy_weighted_and_focused():
    torch.manual_seed(1)
    scores, gold = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 2, -100, 0])
    weights, gamma = [1.0, 2.0, 0.5], 1.5
    probabilities = scores.softmax(1)
    total = norm = 0.0
    for row, label in enumerate(gold.tolist()):
        if label < 0:
            continue
        p = float(probabilities[row, label])
        total -= weights[label] * (1 - p) ** gamma * math.log(p)
        norm += weights[label]
    made = LabelAnswer(["a", "b", "c"], weights=weights, focus=gamma).double()
    assert made.loss(scores, gold).item() == pytest.approx(total / norm, abs=1e-12)
    # With nothing to focus on it is PyTorch's, and focusing by 0 is the same path's limit.
    plain = LabelAnswer(["a", "b", "c"], weights=weights).double()
    nearly = LabelAnswer(["a", "b", "c"], weights=weights, focus=1e-12).double()
    assert nearly.loss(scores, gold).item() == pytest.approx(plain.loss(scores, gold).item())


@pytest.mark.parametrize("focus", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(
    ("weights", "gold"), [([0.0, 1.0], [0, 0]), (None, [-100, -100]), ([0.0, 1.0], [0, -100])]
)
def test_what_weighs_nothing_costs_nothing(focus, weights, gold):
    scores = torch.randn(2, 2, requires_grad=True)
    loss = LabelAnswer(["a", "b"], weights=weights, focus=focus).loss(scores, torch.tensor(gold))
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("focus", [0.01, 0.5, 1.0, 2.0])
def test_focal_loss_of_a_sure_answer_has_a_slope(focus):
    scores = torch.tensor([[300.0, 0.0], [1.0, 0.0]], requires_grad=True)
    LabelAnswer(["a", "b"], focus=focus).loss(scores, torch.tensor([0, 0])).backward()
    assert scores.grad[0].tolist() == [0, 0]
    assert scores.grad[1, 0].item() < 0


def test_each_label_is_there_once():
    with pytest.raises(ValueError, match=r"each label must be there once, .*'a', 'b', 'a'"):
        LabelAnswer(["a", "b", "a"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LabelsAnswer(["a|b"]), r"'a\|b' has the separator '\|' in it"),
        (lambda: LabelsAnswer(["a", ""]), r"labels must be strings that aren't empty, .*'a', ''"),
        (lambda: LabelAnswer(["", "b"]), r"labels must be strings that aren't empty, .*'', 'b'"),
        (lambda: LabelAnswer([1, 2]), r"labels must be strings that aren't empty, .*1, 2"),
        (lambda: LabelsAnswer(["a"], separator=""), "separator must be at least one character"),
        (
            lambda: LabelsAnswer("ab"),
            "labels must be a list of strings, but is the one string 'ab'",
        ),
        (lambda: LabelAnswer("ab"), "labels must be a list of strings, but is the one string 'ab'"),
        (lambda: LabelAnswer(["a", "b"], weights=[-1, 1]), "weights must be finite and at least 0"),
        (lambda: LabelAnswer(["a", "b"], weights=[math.nan, 1]), "weights must be finite"),
        (lambda: LabelAnswer(["a", "b"], focus=math.inf), "focus must be finite and at least 0"),
        (lambda: ScoreAnswer(mean=math.nan), "mean must be finite"),
        (lambda: ScoreAnswer(deviation=math.inf), "deviation must be finite and above 0"),
        (lambda: DistributionAnswer(0.5, 2), "least must be a whole number, but is 0.5"),
        (lambda: DistributionAnswer(1, math.inf), "most must be a whole number, but is inf"),
        (lambda: READERS["sentence"].cls(0, 4), "sentence_dim must be at least 1, but is 0"),
        (lambda: READERS["span"].cls(4, 4, count=0), "count must be at least 1, but is 0"),
    ],
)
def test_what_could_never_be_answered_is_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_labels_there_and_back():
    answer = LabelAnswer(["no", "yes"])
    assert answer.encode(["yes", "no", ""]).tolist() == [1, 0, -100]
    assert answer.decode(torch.tensor([[0.0, 1.0], [2.0, 1.0]])) == ["yes", "no"]
    with pytest.raises(ValueError, match="'perhaps' is none of the labels no, yes"):
        answer.encode(["perhaps"])
    with pytest.raises(ValueError, match="at least two labels"):
        LabelAnswer(["only"])
    with pytest.raises(ValueError, match="1 weights for 2 labels"):
        LabelAnswer(["a", "b"], weights=[1.0])
    with pytest.raises(ValueError, match="focus"):
        LabelAnswer(["a", "b"], focus=-1)


def test_several_labels_there_and_back():
    answer = LabelsAnswer(["a", "b", "c"])
    gold = answer.encode(["a|c", "|", "b"])
    assert gold.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    scores = torch.where(gold > 0, 2.0, -2.0)
    assert answer.decode(scores) == ["a|c", "|", "b"]
    with pytest.raises(ValueError, match="'d' is none"):
        answer.encode(["a|d"])


def test_thresholds_are_those_of_the_best_f1():
    torch.manual_seed(2)
    answer = LabelsAnswer(["a", "b", "never"])
    scores = torch.randn(60, 3)
    gold = (scores + 1.5 * torch.randn(60, 3) > 0.8).float()
    gold[:, 2] = 0
    answer.calibrate(scores, gold)

    def f1(threshold, place):
        said = scores[:, place].sigmoid() >= threshold
        return 2 * (said & (gold[:, place] > 0)).sum() / (said.sum() + gold[:, place].sum())

    for place in range(2):
        best = max(f1(tried, place) for tried in torch.linspace(0, 1, 2001))
        assert f1(answer.thresholds[place], place) >= best
    assert answer.thresholds[2] == 0.5
    assert "thresholds" in answer.state_dict()


def test_scores_are_told_on_their_own_scale():
    answer = ScoreAnswer(mean=10.0, deviation=2.0)
    gold = answer.encode(["12", "7"])
    assert answer.loss(torch.tensor([[1.0], [-1.5]]), gold) == 0
    assert answer.loss(torch.tensor([[0.0], [-1.5]]), gold) == 0.5
    assert answer.decode(torch.tensor([[1.0], [-1.5]])) == ["12", "7"]
    assert answer.probabilities(torch.zeros(1, 1)) is None
    with pytest.raises(ValueError, match="above 0"):
        ScoreAnswer(deviation=0)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1.7e9, 1.7e9 + 50), ["1700000000", "1700000050"]),  # times in seconds
        ((1e-60, 3e-60), ["1e-60", "3e-60"]),
        ((-1e300, 1e300), ["-1e+300", "1e+300"]),
        ((2011.25, 2024.5), ["2011.25", "2024.5"]),
        ((1.123456789, 4), ["1.12346", "4"]),
    ],
)
def test_scores_that_differ_in_late_digits(numbers, told):
    mean, deviation = sum(numbers) / 2, (numbers[1] - numbers[0]) / 2
    answer = ScoreAnswer(mean=mean, deviation=deviation)
    scores = torch.tensor([[-1.0], [1.0]])
    assert answer.loss(scores, answer.encode([repr(number) for number in numbers])) < 1e-12
    assert answer.decode(scores) == told


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_told_as_such(score):
    assert ScoreAnswer(mean=1.0).decode(torch.tensor([[score]])) == [str(score)]


def test_a_distribution_has_the_gold_number_as_its_mean():
    answer = DistributionAnswer(1, 5).double()
    numbers = ["1", "1.25", "3", "4.9", "5"]
    gold = answer.encode(numbers)
    assert ((gold > 0).sum(1) <= 2).all()
    assert (gold @ answer.steps).tolist() == pytest.approx([float(number) for number in numbers])
    torch.testing.assert_close(gold.sum(1), torch.ones(5, dtype=torch.float64))
    # A perfect prediction costs nothing.
    assert answer.loss((gold + 1e-300).log(), gold).item() == pytest.approx(0, abs=1e-12)
    assert answer.decode((gold + 1e-300).log()) == numbers
    for wrong in ("0.5", "5.1", "nan"):
        with pytest.raises(ValueError, match="not on the scale from 1 to 5"):
            answer.encode([wrong])
    with pytest.raises(ValueError, match="at least two numbers"):
        DistributionAnswer(3, 3)


@pytest.mark.parametrize(
    ("reader", "answer", "gold"),
    [
        ("pair", LabelAnswer(["no", "yes"]), ["yes", "no"]),
        ("pair", DistributionAnswer(1, 5), ["1.5", "4"]),
        ("pair", ScoreAnswer(), ["-1", "1"]),
        ("span", LabelAnswer(["no", "yes"]), ["yes", "no", "no", "yes"]),
        ("spans", LabelsAnswer(["x", "y"]), ["x", "y", "x|y", "|"]),
        ("tokens", LabelAnswer(["A", "B", "C", "D"]), list("ABCDBACDAC")),
    ],
)
def test_training_fits_a_few_examples(reader, answer, gold):
    made = model(reader, copy.deepcopy(answer)).float().train()
    given = spans(made.head.reader.spans) if made.head.reader.spans else None
    wanted = made.head.answer.encode(gold)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.02)
    for _ in range(120):
        optimiser.zero_grad()
        made.head.loss(made(batch(), given), wanted).backward()
        optimiser.step()
    found = made.eval().head.answer.decode(made(batch(), given))
    if answer.labels:
        assert found == gold
    else:
        assert list(map(float, found)) == pytest.approx(list(map(float, gold)), abs=0.15)


def test_labels_that_are_missing_or_doubled_are_told():
    with pytest.raises(ValueError, match="at least one label"):
        LabelsAnswer([])
    with pytest.raises(ValueError, match=r"each label must be there once, .*'x', 'x'"):
        LabelsAnswer(["x", "x"])


def test_a_hidden_layer_that_cannot_be_is_told():
    with pytest.raises(ValueError, match="hidden_dim must be at least 0, but is -2"):
        model("sentence", hidden_dim=-2)
    with pytest.raises(ValueError, match=r"activation must be 'relu', .* but is 'gelu'"):
        model("sentence", activation="gelu")


def test_repr_says_what_an_answer_is():
    assert repr(LabelsAnswer(["x", "y"])) == "LabelsAnswer(labels=('x', 'y'), separator='|')"
    assert repr(ScoreAnswer(mean=2, deviation=0.5)) == "ScoreAnswer(mean=2, deviation=0.5)"
    assert repr(DistributionAnswer(1, 5)) == "DistributionAnswer(1, 5)"

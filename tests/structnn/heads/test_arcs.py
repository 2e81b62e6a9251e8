from __future__ import annotations

from itertools import product

import networkx as nx
import pytest
import torch

from structnn import (
    ArcsAnswer,
    ArcsHead,
    Batch,
    Encoding,
    LabelAnswer,
    Sentence,
    StructuredModel,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)
from structnn.arcs import arc_of
from structnn.heads.arcs import SLOPE

VOCABULARY = Vocabulary(["a", "b", "c", "d"])
TEXTS = ["a b c d", "b a", "c", "d a c a b b"]
RELATIONS = ["root", "nsubj", "obj"]
GOLD = (
    "2:nsubj 0:root 2:obj 3:obj | 0:root 1:obj | 0:root | 2:obj 6:nsubj 2:obj 5:obj 6:nsubj 0:root"
)


def batch(texts=TEXTS):
    sentences = []
    for text in texts:
        words = text.split()
        sentences.append(Sentence(words, dependencies=Tree(range(-1, len(words) - 1))))
    return Batch.from_sentences(sentences, vocabulary=VOCABULARY)


def gold():
    return GOLD.replace("|", " ").split()


def model(encoder="bilstm", spec="arcs(arc_dim=7, relation_dim=5)", **options):
    torch.manual_seed(0)
    made = build_encoder(encoder, 6, 8)
    head = build_head(spec, ArcsAnswer(RELATIONS), made, **options)
    # What begins as zeros would hide what is wrong.
    for zeros in (head.arcs, head.head_prior, head.relations.weight):
        torch.nn.init.normal_(zeros)
    made.without_readout()
    return StructuredModel(WordEmbedding(VOCABULARY, 6), made, head).double().eval()


def encode(made, texts=TEXTS):
    """A batch and its token states."""
    given = batch(texts)
    return given, made.encode(given).tokens


def encoding_of(states):
    return Encoding(states, states, states[:0])


def slow_scores(head, states, texts):
    """The score of each pair, by loops: ``arcs[sentence][i][j]`` and ``relations[sentence][i][j]``."""

    def vectors(state):
        found = head.reader.layer.weight @ state + head.reader.layer.bias
        found = torch.where(found > 0, found, SLOPE * found)
        return found[:7], found[7:14], found[14:19], found[19:]

    arcs, relations, at = [], [], 0
    for text in texts:
        own = states[at : at + len(text.split())]
        at += len(own)
        nodes = [vectors(head.reader.root), *map(vectors, own)]
        arcs.append({})
        relations.append({})
        for i, j in product(range(1, len(nodes)), range(len(nodes))):
            if i == j:
                continue
            arcs[-1][i, j] = nodes[i][0] @ head.arcs @ nodes[j][1] + head.head_prior @ nodes[j][1]
            both = torch.cat([nodes[i][2], nodes[j][3]])
            relations[-1][i, j] = torch.stack(
                [
                    nodes[i][2] @ head.relations.weight[:, r] @ nodes[j][3]
                    + head.relations.linear.weight[r] @ both
                    + head.relations.linear.bias[r]
                    for r in range(len(RELATIONS))
                ]
            )
    return arcs, relations


@pytest.mark.parametrize("encoder", ["bag", "bilstm", "gat", "child_sum_tree_lstm", "bilstm>gat"])
def test_scores_are_those_of_all_pairs(encoder):
    made = model(encoder)
    given, states = encode(made)
    found = made.head(encoding_of(states), given)
    arcs, relations = slow_scores(made.head, states, TEXTS)
    row = 0
    for number, text in enumerate(TEXTS):
        length = len(text.split())
        for i in range(1, length + 1):
            for j in range(found.arcs.shape[1]):
                if j == i or j > length:
                    assert found.arcs[row, j] == -torch.inf
                else:
                    torch.testing.assert_close(found.arcs[row, j], arcs[number][i, j])
            row += 1
    for chosen in (0, 1):  # the root, and the first word but for itself
        heads = given.positions.ne(0).long() * chosen
        wanted = [
            relations[number][place + 1, chosen if place else 0]
            for number, text in enumerate(TEXTS)
            for place in range(len(text.split()))
        ]
        torch.testing.assert_close(found.relations(heads), torch.stack(wanted))


def test_the_loss_is_that_of_heads_and_of_relations_at_right_heads():
    made = model()
    given, states = encode(made)
    arcs, relations = slow_scores(made.head, states, TEXTS)
    total, count = 0.0, 0
    for number, answers in enumerate(GOLD.split(" | ")):
        length = len(TEXTS[number].split())
        for i, answer in enumerate(answers.split(), start=1):
            head, relation = arc_of(answer)
            others = torch.stack([arcs[number][i, j] for j in range(length + 1) if j != i])
            total += others.logsumexp(0) - arcs[number][i, head]
            own = relations[number][i, head]
            total += own.logsumexp(0) - own[RELATIONS.index(relation)]
            count += 1
    found = made.head.loss(made.head(encoding_of(states), given), made.head.answer.encode(gold()))
    torch.testing.assert_close(found, total / count, atol=1e-12, rtol=1e-12)


def test_the_loss_of_each_token_is_multiplied_by_its_weight():
    made = model()
    given = batch()
    scores = made(given)
    right = made.head.answer.encode(gold())
    weights = torch.rand(len(right), dtype=torch.double)
    heads, relations = right.unbind(1)
    each = range(len(right))
    by_hand = -scores.arcs.log_softmax(1)[each, heads]
    by_hand = by_hand - scores.relations(heads).log_softmax(1)[each, relations]
    assert torch.allclose(made.head.loss(scores, right, weights), (weights * by_hand).mean())
    ones = torch.ones_like(weights)
    assert made.head.loss(scores, right, ones) == made.head.loss(scores, right)


def test_unknown_relations_add_no_loss():
    made = model()
    given, states = encode(made, TEXTS[1:2])
    scores = made.head(encoding_of(states), given)
    known, none = (made.head.answer.encode(["0:root", f"1:{name}"]) for name in ("obj", "new"))
    assert none.tolist() == [[0, 0], [1, -100]]
    of_heads = torch.nn.functional.cross_entropy(scores.arcs, known[:, 0])
    of_root = torch.nn.functional.cross_entropy(scores.relations(known[:, 0])[:1], known[:1, 1])
    torch.testing.assert_close(made.head.loss(scores, none), of_heads + of_root)
    nothing = made.head.answer.encode(["0:new", "1:new"])
    torch.testing.assert_close(made.head.loss(scores, nothing), of_heads)


def test_a_batch_is_its_sentences_one_by_one():
    made = model()
    together = made.head(encoding_of(encode(made)[1]), batch())
    found = made.head.answer.decode(together)
    heads = made.head.answer.encode(found)[:, 0]
    row = 0
    for text in TEXTS:
        given, states = encode(made, [text])
        alone = made.head(encoding_of(states), given)
        rows = slice(row, row + len(states))
        row += len(states)
        torch.testing.assert_close(together.arcs[rows, : len(states) + 1], alone.arcs)
        torch.testing.assert_close(together.relations(heads)[rows], alone.relations(heads[rows]))
        assert made.head.answer.decode(alone) == found[rows]


def test_every_parameter_learns():
    made = model().train()
    given, states = encode(made)
    made.head.loss(
        made.head(encoding_of(states), given), made.head.answer.encode(gold())
    ).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool(parameter.grad.any()), name


def test_one_word_is_the_root():
    made = model()
    scores = made(batch(["c"]))
    assert scores.arcs.shape == (1, 2)
    assert [one.partition(":")[0] for one in made.head.answer.decode(scores)] == ["0"]
    loss = made.head.loss(scores, made.head.answer.encode(["0:root"]))
    assert 0 < loss.item() < torch.inf


def _best_tree(scores, length):
    """The heads of the best of all trees with one child of the root."""
    best = None
    for heads in product(range(length + 1), repeat=length):
        graph = nx.DiGraph([(head, i) for i, head in enumerate(heads, start=1)])
        if heads.count(0) == 1 and nx.is_arborescence(graph):
            total = sum(float(scores[i - 1, head]) for i, head in enumerate(heads, start=1))
            best = max(best or (total, heads), (total, heads))
    return list(best[1])


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_decoding_finds_the_best_of_all_trees(length, seed):
    made = model()
    generator = torch.Generator().manual_seed(seed)
    given = Batch.from_sentences([Sentence(["a"] * length)], vocabulary=VOCABULARY)
    states = torch.randn(length, 16, generator=generator, dtype=torch.float64)
    scores = made.head(encoding_of(states), given)
    assert scores.best_heads().tolist() == _best_tree(scores.arcs.detach(), length)


def test_decoding_of_a_batch_against_networkx():
    made = model()
    lengths = [9, 1, 14, 2]
    given = Batch.from_sentences([Sentence(["a"] * n) for n in lengths], vocabulary=VOCABULARY)
    states = torch.randn(sum(lengths), 16, dtype=torch.float64)
    scores = made.head(encoding_of(states), given)
    found = scores.best_heads().split(lengths)
    for number, length in enumerate(lengths):
        begin = int(given.token_ptr[number])
        arcs = scores.arcs.detach()[begin : begin + length, : length + 1]
        # With one root: of all choices of it the best one.
        best = -torch.inf
        for root in range(1, length + 1):
            graph = nx.DiGraph()
            graph.add_edge(0, root, weight=float(arcs[root - 1, 0]))
            for i, j in product(range(1, length + 1), repeat=2):
                if i != j:
                    graph.add_edge(j, i, weight=float(arcs[i - 1, j]))
            tree = nx.maximum_spanning_arborescence(graph, preserve_attrs=True)
            best = max(best, sum(weight for *_, weight in tree.edges(data="weight")))
        heads = found[number].tolist()
        assert heads.count(0) == 1
        assert nx.is_arborescence(nx.DiGraph(zip(heads, range(1, length + 1), strict=True)))
        own = sum(float(arcs[i, head]) for i, head in enumerate(heads))
        assert own == pytest.approx(best, abs=1e-4)


def test_training_fits_a_few_sentences():
    torch.manual_seed(0)
    encoder = build_encoder("bilstm", 12, 16).without_readout()
    head = build_head("arcs(arc_dim=20, relation_dim=10)", ArcsAnswer(RELATIONS), encoder)
    made = StructuredModel(WordEmbedding(VOCABULARY, 12), encoder, head)
    assert isinstance(head, ArcsHead)
    wanted = head.answer.encode(gold())
    optimiser = torch.optim.Adam(made.parameters(), lr=0.02)
    given = batch()
    for _ in range(60):
        optimiser.zero_grad()
        head.loss(made(given), wanted).backward()
        optimiser.step()
    assert head.answer.decode(made(given)) == gold()


def test_what_can_not_be_is_told():
    encoder = build_encoder("bilstm", 6, 8)
    with pytest.raises(ValueError, match="must be an ArcsAnswer"):
        build_head("arcs", LabelAnswer(["no", "yes"]), encoder)
    with pytest.raises(ValueError, match="goes with the reader 'arcs', but the reader is 'tokens'"):
        build_head("tokens", ArcsAnswer(RELATIONS), encoder)
    with pytest.raises(ValueError, match=r"instead of hidden_dim=5 .* arcs\(arc_dim=500"):
        build_head("arcs", ArcsAnswer(RELATIONS), encoder, hidden_dim=5)
    with pytest.raises(ValueError, match="at least one relation"):
        ArcsAnswer([])
    with pytest.raises(ValueError, match="relations must be strings that aren't empty"):
        ArcsAnswer(["nsubj", ""])
    with pytest.raises(ValueError, match=r"but relations are \['nsubj', 'nsubj'\]"):
        ArcsAnswer(["nsubj", "nsubj"])
    with pytest.raises(ValueError, match="no scores of nodes"):
        model("gat")(batch(), nodes=True)

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import (
    Batch,
    GraphConstruction,
    Sentence,
    StructureError,
    Tree,
)
from tests.structnn.examples import batch_of, phrase_trees, random_sentences, trees


@given(st.lists(trees(), min_size=1, max_size=4))
def test_flat_dependency_trees(forest):
    batch = batch_of(forest)
    lengths = [len(tree) for tree in forest]
    assert batch.lengths.tolist() == lengths
    assert batch.num_tokens == batch.num_nodes == sum(lengths)
    assert batch.nodes_are_tokens
    assert batch.max_length == max(lengths)
    expected_batch = [index for index, length in enumerate(lengths) for _ in range(length)]
    assert batch.token_batch.tolist() == batch.node_batch.tolist() == expected_batch
    assert batch.positions.tolist() == [place for length in lengths for place in range(length)]
    offset = 0
    for index, tree in enumerate(forest):
        parents = batch.parents[offset : offset + len(tree)].tolist()
        assert parents == [-1 if parent < 0 else parent + offset for parent in tree.parents]
        assert batch.roots[index] == offset + tree.root
        offset += len(tree)


@given(st.lists(phrase_trees(), min_size=1, max_size=4))
def test_nodes_and_tokens_of_phrase_trees(forest):
    batch = batch_of(forest)
    x = torch.arange(1.0, batch.num_tokens + 1)[:, None]
    nodes = batch.to_nodes(x)
    expected, first = [], 0
    for tree in forest:
        words = [token for token in tree.tokens if token >= 0]
        expected += [0.0 if token < 0 else 1.0 + first + token for token in tree.tokens]
        first += len(words)
    assert nodes[:, 0].tolist() == expected
    assert torch.equal(batch.to_tokens(nodes), x)
    assert batch.node_tokens[batch.token_nodes].tolist() == list(range(batch.num_tokens))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_padding_and_packing(lengths):
    batch = Batch.from_sentences([Sentence(["w"] * length) for length in lengths])
    x = torch.randn(batch.num_tokens, 3)
    pieces = x.split(lengths)
    padded = torch.nn.utils.rnn.pad_sequence(list(pieces), batch_first=True)
    assert torch.equal(batch.pad(x), padded)
    assert torch.equal(batch.unpad(padded), x)
    assert batch.padding_mask.sum(1).tolist() == lengths
    packed = torch.nn.utils.rnn.pack_sequence(list(pieces), enforce_sorted=False)
    order, inverse, sizes = batch.packing
    assert torch.equal(sizes, packed.batch_sizes)
    assert torch.equal(x[order][inverse], x)
    assert torch.equal(x[order].sum(1).sort().values, packed.data.sum(1).sort().values)


def test_labels_are_numbered():
    tree = Tree([1, -1, 1], labels=["nsubj:pass", "root", "mystery"])
    batch = Batch.from_sentences([Sentence(["a", "b", "c"], dependencies=tree)])
    assert batch.node_labels.tolist() == [2, 1, 0]


def test_errors_say_what_to_do():
    parsed, bare = random_sentences(1, [3])[0], Sentence(["not", "parsed"])
    batch = Batch.from_sentences([parsed, bare])
    with pytest.raises(StructureError, match=r"sentence 1 .*'not parsed'.*StanzaParser"):
        _ = batch.schedule
    with pytest.raises(StructureError, match=r"no constituency.*read_brackets"):
        _ = Batch.from_sentences([parsed], structure="constituency").schedule
    with pytest.raises(ValueError, match="unknown structure 'depedencies'"):
        Batch.from_sentences([parsed], structure="depedencies")
    with pytest.raises(ValueError, match="at least one sentence"):
        Batch.from_sentences([])
    with pytest.raises(StructureError, match="does not hold each of the 2 tokens"):
        Batch.from_sentences([bare], structure=lambda sentence: Tree([-1]))


def test_any_function_gives_structure():
    bare = Sentence(["a", "b", "c"])
    batch = Batch.from_sentences([bare], structure=lambda sentence: Tree([1, 2, -1]))
    assert batch.parents.tolist() == [1, 2, -1]


def test_moving_keeps_what_was_prepared():
    batch = Batch.from_sentences(random_sentences(1, [4, 2]))
    construction = GraphConstruction()
    batch.prepare({"tree", "sequence"}, [construction])
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    assert moved.schedule.order.is_meta
    assert moved.graph(construction).edge_index.is_meta
    assert not moved.packing[2].is_meta
    assert moved.token_ptr.is_meta


def test_batches_travel_between_processes():
    batch = Batch.from_sentences(random_sentences(1, [4, 2])).prepare({"tree", "sequence"})
    again = pickle.loads(pickle.dumps(batch))
    assert torch.equal(again.schedule.order, batch.schedule.order)


def test_pyg_view():
    batch = Batch.from_sentences(random_sentences(1, [4, 2]))
    x = torch.randn(6, 3)
    data = batch.to_pyg(x)
    assert torch.equal(data.x, x)
    assert data.num_nodes == 6
    assert data.validate()
    assert (data.batch[data.edge_index[0]] == data.batch[data.edge_index[1]]).all()


def test_reprs_say_what_is_held_and_make_nothing():
    parsed, bare = random_sentences(1, [4, 2]), Sentence(["not", "parsed"])
    batch = Batch.from_sentences(parsed)
    made = dict(vars(batch))
    assert repr(batch) == "Batch(sentences=2, tokens=6, nodes=6, trees='dependencies')"
    assert vars(batch) == made
    assert repr(Batch.from_sentences([bare])) == "Batch(sentences=1, tokens=2, trees=None)"
    assert repr(batch.to("meta")).endswith("trees='dependencies', device='meta')")


def test_a_repr_names_the_structure_function():
    def to_the_first(sentence):
        return Tree([-1] + [0] * (len(sentence) - 1))

    batch = Batch.from_sentences([Sentence(["a", "b"])], structure=to_the_first)
    assert repr(batch) == "Batch(sentences=1, tokens=2, nodes=2, trees='to_the_first')"

"""Structure as a variable: every encoder of trees and graphs on every structure there is."""

from __future__ import annotations

import pytest
import torch

from parsers import STRUCTURES, narrowed, read_brackets, with_structure
from structnn import ENCODERS, Batch, Sentence, StructureError, Tree, build_encoder

INPUT, HIDDEN = 4, 8
SENTENCES = [
    Sentence(
        ["the", "old", "dogs", "chase", "a", "cat", "there"],
        dependencies=Tree(
            [2, 2, 3, -1, 5, 3, 3],
            labels=["det", "amod", "nsubj", "root", "det", "obj", "advmod"],
        ),
    ),
    Sentence(["stop"], dependencies=Tree([-1], labels=["root"])),
    Sentence(["do", "stop"], dependencies=Tree([1, -1], labels=["aux", "root"])),
]


def reads_structure(name):
    cls, _ = ENCODERS.get(name)
    return bool(cls.reads & {"tree", "graph"})


@pytest.mark.parametrize("name", [name for name in ENCODERS.names() if reads_structure(name)])
def test_every_structure(name):
    """In a batch as one by one; and the structure makes a difference."""
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, readout="mean").double().eval()
    x = torch.randn(10, INPUT, dtype=torch.float64)
    seen = []
    for structure in STRUCTURES:
        sentences = with_structure(SENTENCES, structure)
        if "arity" in ENCODERS.options(name):
            sentences = [
                sentence.replace(dependencies=narrowed(sentence.dependencies, 2))
                for sentence in sentences
            ]
        found = encoder(x, Batch.from_sentences(sentences)).sentence
        pieces = x.split([len(sentence) for sentence in sentences])
        for row, piece, sentence in zip(found, pieces, sentences, strict=True):
            alone = encoder(piece, Batch.from_sentences([sentence])).sentence[0]
            torch.testing.assert_close(row, alone, rtol=1e-10, atol=1e-12)
        seen.append(found[0])
    different = [not torch.allclose(one, other) for k, one in enumerate(seen) for other in seen[:k]]
    # Edges without a direction make one graph of both chains; narrowed, a flat tree is almost one.
    assert sum(different) >= len(different) - 1


def test_a_left_chain_is_read_as_an_lstm_reads():
    lstm = build_encoder("lstm", INPUT, HIDDEN).double()
    tree_lstm = build_encoder("child_sum_tree_lstm", INPUT, HIDDEN).double()
    network = lstm.network
    i, f, g, o = network.weight_ih_l0.data.chunk(4)
    tree_lstm.words.weight.data = torch.cat([i, o, g, f])
    i, f, g, o = (network.bias_ih_l0 + network.bias_hh_l0).data.chunk(4)
    tree_lstm.words.bias.data = torch.cat([i, o, g, f])
    i, f, g, o = network.weight_hh_l0.data.chunk(4)
    tree_lstm.cell.child_gates.weight.data = torch.cat([i, o, g])
    tree_lstm.cell.forget_gate.weight.data = f
    batch = Batch.from_sentences(with_structure(SENTENCES, "left_chain"))
    x = torch.randn(10, INPUT, dtype=torch.float64)
    one, other = lstm(x, batch), tree_lstm(x, batch)
    torch.testing.assert_close(one.tokens, other.tokens, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.sentence, other.sentence, rtol=0, atol=1e-12)


def test_brackets_are_binarised_for_encoders_with_places():
    text = "(S (NP (D the) (A old) (N dogs)) (VP (V bark)) (P loudly))"
    encoder = build_encoder("nary_tree_lstm", INPUT, HIDDEN)
    x = torch.randn(5, INPUT)

    def batch(**options):
        return Batch.from_sentences(read_brackets([text], **options), structure="constituency")

    with pytest.raises(StructureError, match=r"'the old dogs bark loudly'.*parsers\.grouped"):
        encoder(x, batch())
    collapsed = batch(binarise="right", collapse_unaries=True)
    encoding = encoder(x, collapsed)
    assert encoding.tokens.shape == (5, HIDDEN)
    assert len(encoding.nodes) == collapsed.num_nodes
    assert len(build_encoder("nary_tree_lstm", INPUT, HIDDEN, arity=3)(x, batch()).nodes) == 8

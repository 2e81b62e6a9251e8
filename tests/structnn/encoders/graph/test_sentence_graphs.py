"""Every graph encoder on graphs that are no trees."""

from __future__ import annotations

import pytest
import torch

from structnn import ENCODERS, Batch, SentenceGraph, StructureError, build_encoder
from structnn.ops.paths import steps_where
from tests.structnn.examples import assert_close, sentence_of

INPUT, HIDDEN = 6, 8
GRAPHS = [
    SentenceGraph([0, 1, 2], [(0, 1), (1, 2), (2, 0), (0, 2)], ["obj", "nsubj", "obj", "det"]),
    SentenceGraph([0, 1, 2, 3, -1], [(4, 0), (4, 3)]),  # disconnected, and a node with no word
    SentenceGraph([0, 1]),  # without an edge
    SentenceGraph([3, -1, 0], [(0, 1), (1, 2), (0, 1), (2, 2)]),  # tokens 1 and 2 are left out
]
VARIANTS = [
    *((name, {}) for name in ENCODERS.names() if "graph" in build_encoder(name, 4, 4).reads),
    ("bilstm>gat", {"relations": 38}),
    ("gcn", {"normalisation": "symmetric", "readout": "attention"}),
    ("gat", {"neighbours": True, "hops": 3, "readout": "k_max"}),
    ("rgcn", {"latent": "soft", "jump": "concat", "readout": "mean+last"}),
]


def batch_of(graphs):
    return Batch.from_sentences(map(sentence_of, graphs), structure="graph")


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_one_by_one_as_in_a_batch(name, options):
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, **options).double().eval()
    batch = batch_of(GRAPHS)
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64, requires_grad=True)
    encoding = encoder(x, batch)
    assert encoding.nodes.shape == (13, encoder.output_dim)
    assert encoding.tokens.shape == (13, encoder.output_dim)
    for index, (begin, end) in enumerate(zip(batch.token_ptr, batch.token_ptr[1:], strict=False)):
        alone = encoder(x[begin:end], batch_of([GRAPHS[index]]))
        assert_close(alone.tokens, encoding.tokens[begin:end])
        assert_close(alone.sentence, encoding.sentence[index : index + 1])
    assert not encoding.tokens[10:12].any()  # those that the last graph leaves out
    (encoding.sentence.sin().sum() + encoding.tokens.sin().sum()).backward()
    assert x.grad.isfinite().all()
    if "bilstm" in name:
        assert x.grad.abs().sum(1).all()
    else:
        assert not x.grad[10:12].any()
        assert x.grad[:10].abs().sum(1).all()


@pytest.mark.parametrize("name", [name for name, options in VARIANTS if not options])
def test_words_are_seen_as_far_as_edges_lead(name):
    """The steps that are declared say on which words a state depends."""
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, directions="down").double().eval()
    for graph in GRAPHS:
        batch = batch_of([graph])
        x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(lambda x, b=batch: encoder.encode(x, b), x)
        seen = jacobian.abs().sum((1, 3)) > 0
        steps = encoder.steps(batch)
        assert torch.equal(seen, steps.isfinite())
        assert torch.equal(steps, steps_where(seen, len(encoder.norms)))


def test_tree_encoders_say_that_they_can_not_read_graphs():
    batch = batch_of(GRAPHS)
    x = torch.randn(batch.num_tokens, INPUT)
    names = [name for name in ENCODERS.names() if "tree" in build_encoder(name, 4, 4).reads]
    assert names
    for name in names:
        with pytest.raises(StructureError, match=r"tree encoder.*can't read them"):
            build_encoder(name, INPUT, HIDDEN)(x, batch)
        with pytest.raises(StructureError, match=r"tree encoder.*can't read them"):
            batch.prepare({"tree"})
    with pytest.raises(StructureError, match=r"the readout 'root', can't read them"):
        build_encoder("gcn", INPUT, HIDDEN, readout="root")(x, batch)

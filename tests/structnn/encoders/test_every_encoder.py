"""What holds for every encoder, whatever it computes. A newly registered one is tested at once."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from structnn import (
    ENCODERS,
    READOUTS,
    Batch,
    Encoder,
    Sentence,
    StructureError,
    Tree,
    UnknownNameError,
    build_encoder,
)
from tests.structnn.examples import chain, encode_one_by_one, random_sentences, sentence_of

INPUT, HIDDEN = 6, 8
SIZES = (5, 1, 9, 2, 14)

# Trees in these have at most two children at each node.
BINARY = {"nary_tree_lstm", "recursive_nn", "rntn"}

# Beside each encoder as it comes, some of its options.
VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in ENCODERS.names()),
    ("bag", {"readout": "max", "layers": 2, "dropout": 0.2}),
    ("lstm", {"layers": 2, "dropout": 0.2}),
    ("bilstm", {"layers": 2, "readout": "attention"}),
    ("min_gru", {"layers": 2, "bidirectional": True, "dropout": 0.2}),
    ("fast_weights", {"steps": 2}),
    ("cnn", {"widths": (1, 2, 5)}),
    ("cnn", {"layers": 3, "dilation": 2, "k_max": 2, "readout": "k_max(k=2)"}),
    ("cnn", {"stride": 3}),
    ("transformer", {"norm": "post", "positions": "learned", "readout": "cls"}),
    ("transformer", {"positions": "rotary"}),
    ("transformer", {"positions": "none"}),
    ("transformer", {"causal": True}),
    ("bilstm>transformer", {"readout": "cls"}),
    ("bilstm>gcn", {}),
    ("transformer>child_sum_tree_lstm", {}),
    ("bilstm>child_sum_tree_lstm>gat", {}),
    ("cnn>transformer>gat", {}),
    ("tree_transformer", {"ancestors_only": True, "max_distance": 2}),
    ("gcn", {"layers": 3, "readout": "root", "hops": 3, "norm": "layer", "activation": "tanh"}),
    ("gat", {"neighbours": True, "jump": "concat", "heads": 2, "relations": 38}),
    ("gatv2", {"latent": "soft", "jump": "max"}),
    ("rgcn", {"relations": 0, "neighbours": True}),
    ("syntactic_gcn", {"residual": False, "hops": 2}),
    ("syntactic_gcn", {"parse": False, "latent": "gumbel"}),
    ("ggnn", {"parse": False, "neighbours": True}),
    ("gcn", {"parse": False, "latent": "soft"}),
]


def describe(variant: tuple[str, dict[str, object]]) -> str:
    name, options = variant
    return ",".join([name, *(f"{key}={value}" for key, value in options.items())])


every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=describe)
every_name = pytest.mark.parametrize("name", ENCODERS.names())


def build(variant: tuple[str, dict[str, object]], dtype: torch.dtype = torch.float64) -> Encoder:
    name, options = variant
    torch.manual_seed(1)
    return build_encoder(name, INPUT, HIDDEN, **options).to(dtype).eval()


def examples(variant: tuple[str, dict[str, object]], sizes: tuple[int, ...] = SIZES) -> Batch:
    arity = 2 if set(variant[0].split(">")) & BINARY else None
    return Batch.from_sentences(random_sentences(7, sizes, arity))


def vectors(batch: Batch, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(batch.num_tokens)
    return torch.randn(batch.num_tokens, INPUT, dtype=dtype, generator=generator)


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@every_variant
def test_shapes(variant):
    encoder, batch = build(variant), examples(variant)
    encoding = encoder(vectors(batch), batch)
    assert encoding.tokens.shape == (batch.num_tokens, encoder.output_dim)
    assert encoding.sentence.shape == (len(batch), encoder.sentence_dim)
    assert encoding.nodes is encoding.tokens


@every_variant
def test_batch_equals_one_by_one(variant):
    encoder, batch = build(variant), examples(variant)
    x = vectors(batch)
    encoding = encoder(x, batch)
    tokens, sentence = encode_one_by_one(encoder, x, batch)
    assert_same(encoding.tokens, tokens)
    assert_same(encoding.sentence, sentence)


@every_variant
def test_sentences_do_not_leak_into_each_other(variant):
    encoder, batch = build(variant), examples(variant)
    x = vectors(batch)
    begin, end = batch.token_ptr[2], batch.token_ptr[3]
    changed = x.clone()
    changed[begin:end] += 100
    before, after = encoder(x, batch), encoder(changed, batch)
    others = [0, 1, 3, 4]
    assert_same(after.sentence[others], before.sentence[others])
    assert_same(after.tokens[:begin], before.tokens[:begin])
    assert_same(after.tokens[end:], before.tokens[end:])
    assert not torch.allclose(after.sentence[2], before.sentence[2])


@every_variant
def test_order_of_sentences_is_immaterial(variant):
    encoder, batch = build(variant), examples(variant)
    x = vectors(batch)
    order = [3, 0, 4, 2, 1]
    shuffled = Batch.from_sentences([batch.sentences[index] for index in order])
    pieces = x.split(batch.lengths.tolist())
    found = encoder(torch.cat([pieces[index] for index in order]), shuffled)
    assert_same(found.sentence, encoder(x, batch).sentence[order])


@every_variant
def test_one_token_sentences(variant):
    encoder, batch = build(variant), examples(variant, (1, 1, 1))
    encoding = encoder(vectors(batch), batch)
    assert encoding.sentence.isfinite().all()
    alone = examples(variant, (1,))
    assert_same(encoder(vectors(batch)[:1], alone).sentence, encoding.sentence[:1])


@every_variant
def test_gradients_reach_every_parameter(variant):
    encoder, batch = build(variant).train(), examples(variant, (12, 1, 8, 15))
    x = vectors(batch).requires_grad_()
    encoding = encoder(x, batch)
    (encoding.sentence.square().sum() + encoding.tokens.sin().sum()).backward()
    for name, parameter in [("x", x), *encoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@every_variant
def test_states_need_no_readout_and_leave_no_parameter_without_use(variant):
    encoder, batch = build(variant), examples(variant, (12, 1, 8, 15))
    x = vectors(batch)
    expected = encoder(x, batch)
    encoding = encoder.without_readout().states(x, batch)
    assert_same(encoding.tokens, expected.tokens)
    assert_same(encoding.nodes, expected.nodes)
    assert encoding.sentence.shape == (4, 0)
    encoding = encoder.train().states(x.requires_grad_(), batch)
    encoding.tokens.sin().sum().backward()
    for name, parameter in [("x", x), *encoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@every_variant
def test_a_batch_first_read_in_inference_mode_can_be_trained_on(variant):
    encoder, batch = build(variant), examples(variant)
    with torch.inference_mode():
        batch = Batch.from_sentences(batch.sentences)
        expected = encoder(vectors(batch), batch).sentence
    x = vectors(batch).requires_grad_()
    found = encoder(x, batch).sentence
    assert_same(found, expected)
    found.square().sum().backward()
    assert x.grad.any()


@every_variant
@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_forward_mode_derivatives_are_right_or_refused(variant, mode):
    """They don't depend on whether gradients are recorded."""
    encoder, batch = build(variant), examples(variant)
    x = vectors(batch).requires_grad_()
    direction = torch.randn_like(x)
    with mode(), forward_ad.dual_level():
        try:
            states = encoder(forward_ad.make_dual(x.detach(), direction), batch).tokens
        except NotImplementedError:  # told by PyTorch
            return
        tangent = forward_ad.unpack_dual(states).tangent
    assert tangent is not None
    weights = torch.randn_like(tangent)
    (gradient,) = torch.autograd.grad((encoder(x, batch).tokens * weights).sum(), x)
    assert_same((tangent * weights).sum(), (gradient * direction).sum())


@every_variant
def test_a_seed_decides_everything(variant):
    batch = examples(variant)
    x = vectors(batch)
    torch.manual_seed(5)
    runs = []
    for _ in range(2):
        encoder = build(variant).train()
        torch.manual_seed(2)
        runs.append(encoder(x, batch).sentence)
    assert torch.equal(*runs)


@every_variant
def test_state_dict_round_trip(variant):
    encoder, batch = build(variant), examples(variant)
    torch.manual_seed(99)
    other = build_encoder(variant[0], INPUT, HIDDEN, **variant[1]).double().eval()
    other.load_state_dict(encoder.state_dict())
    x = vectors(batch)
    expected = encoder(x, batch).sentence
    assert torch.equal(other(x, batch).sentence, expected)
    travelled = pickle.loads(pickle.dumps(encoder))  # to another process, say
    assert torch.equal(travelled(x, batch).sentence, expected)


@every_variant
def test_bf16_autocast(variant):
    encoder, batch = build(variant, torch.float32).train(), examples(variant)
    x = vectors(batch, torch.float32).requires_grad_()
    for within in (False, True):  # PyTorch advises against a backward pass within the block
        with torch.autocast("cpu", torch.bfloat16):
            loss = encoder(x, batch).sentence.float().square().sum()
            if within:
                loss.backward()
        if not within:
            loss.backward()
        assert all(
            parameter.grad is None or parameter.grad.isfinite().all()
            for parameter in (x, *encoder.parameters())
        )
    exact = build(variant, torch.float32)(x, batch).sentence
    if "dropout" not in variant[1]:
        found = build(variant, torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            rough = found(x, batch).sentence.float()
        torch.testing.assert_close(rough, exact, rtol=0.1, atol=0.1)


@pytest.mark.slow
@every_variant
def test_a_chain_of_a_thousand_words(variant):
    encoder = build(variant, torch.float32)
    sentence = sentence_of(chain(1000))
    batch = Batch.from_sentences([sentence])
    x = vectors(batch, torch.float32).requires_grad_()
    encoding = encoder(x, batch)
    (encoding.sentence.sum() + encoding.tokens.sum()).backward()
    assert encoding.sentence.isfinite().all()
    assert x.grad.isfinite().all()


@every_variant
def test_a_missing_tree_is_told(variant):
    encoder = build(variant)
    batch = Batch.from_sentences([Sentence(["no", "tree"])])
    x = vectors(batch)
    if encoder.reads & {"tree", "graph"}:
        with pytest.raises(StructureError, match=r"'no tree'.*parse it first"):
            encoder(x, batch)
    else:
        encoder(x, batch)


@every_variant
def test_phrase_trees(variant):
    """Trees with more nodes than words: states of both, words in order, one by one as in a batch."""
    trees = [
        Tree([2, 2, -1], tokens=[0, 1, -1]),
        Tree([-1]),
        Tree([4, 3, 3, 4, -1], tokens=[0, 1, 2, -1, -1], labels=["obj"] * 5),
    ]
    sentences = [sentence_of(tree).replace(constituency=tree) for tree in trees]
    batch = Batch.from_sentences(sentences, structure="constituency")
    name, options = variant
    if "readout" in ENCODERS.options(name.split(">")[-1]):  # roots have no word here
        options = {**options, "readout": "mean"}
    encoder = build((name, options))
    x = vectors(batch)
    encoding = encoder(x, batch)
    if encoder.has_node_states:
        assert encoding.nodes.shape == (9, encoder.output_dim)
        assert_same(encoding.nodes[batch.token_nodes], encoding.tokens)
    else:
        assert encoding.nodes is encoding.tokens
    assert encoding.tokens.shape == (6, encoder.output_dim)
    for index, (begin, end) in enumerate([(0, 2), (2, 3), (3, 6)]):
        alone = Batch.from_sentences([sentences[index]], structure="constituency")
        found = encoder(x[begin:end], alone)
        assert_same(found.tokens, encoding.tokens[begin:end])
        assert_same(found.sentence, encoding.sentence[index : index + 1])


@every_variant
def test_order_of_siblings_matters_only_where_the_class_says_so(variant):
    """The same phrase tree, its nodes numbered backwards: the children of each in reverse."""
    tree = Tree([5, 5, 6, 7, 7, 6, 8, 8, -1], tokens=[0, 1, 2, 3, 4, -1, -1, -1, -1])
    tree = Tree(tree.parents, tree.tokens, labels=["obj"] * 9)
    mirrored = Tree(
        [-1 if parent < 0 else 8 - parent for parent in reversed(tree.parents)],
        tree.tokens[::-1],
        tree.labels,
    )
    name, options = variant
    if "readout" in ENCODERS.options(name.split(">")[-1]):  # roots have no word here
        options = {**options, "readout": "mean"}
    encoder = build((name, options))
    x = torch.randn(5, INPUT, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    one, other = (
        encoder(x, Batch.from_sentences([sentence_of(each)], structure="constituency")).sentence
        for each in (tree, mirrored)
    )
    ordered = any(getattr(part, "ordered_children", False) for part in encoder.modules())
    assert torch.allclose(one, other, rtol=1e-10, atol=1e-12) != ordered


@every_variant
def test_a_wrong_width_is_told(variant):
    encoder, batch = build(variant), examples(variant)
    with pytest.raises(ValueError, match=rf"\({batch.num_tokens}, {INPUT}\).*\(3, 4\)"):
        encoder(torch.zeros(3, 4, dtype=torch.float64), batch)


@every_variant
def test_word_order_matters_only_where_the_class_says_so(variant):
    """Words change places and take their heads and dependents along."""
    encoder, batch = build(variant), examples(variant, (12,))
    (sentence,) = batch.sentences
    x = vectors(batch)
    place = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    tree = sentence.dependencies
    parents, labels = [-1] * 12, [""] * 12
    for node, parent in enumerate(tree.parents):
        parents[place[node]] = -1 if parent < 0 else int(place[parent])
        labels[place[node]] = tree.labels[node]
    moved = sentence.replace(dependencies=type(tree)(parents, labels=labels))
    found = encoder(x.new_zeros(x.shape).index_copy(0, place, x), Batch.from_sentences([moved]))
    same = torch.allclose(found.tokens[place], encoder(x, batch).tokens, rtol=1e-10, atol=1e-12)
    blind = variant[1].get("positions") == "none"
    assert same == (blind or not encoder.reads_order)


@every_name
def test_unknown_options_are_told(name):
    with pytest.raises(UnknownNameError, match=r"no option 'no_such'.*its options are: "):
        build_encoder(name, INPUT, HIDDEN, no_such=1)


@every_name
def test_sizes_are_checked(name):
    with pytest.raises(ValueError, match=r"input_dim must be at least 1, but is 0"):
        build_encoder(name, 0, HIDDEN)
    with pytest.raises(ValueError, match="hidden_dim"):
        build_encoder(name, INPUT, -8)
    for wrong in (8.0, float("nan"), "8", None, True):
        with pytest.raises(ValueError, match="hidden_dim must be a whole number, but is "):
            build_encoder(name, INPUT, wrong)
    encoder, batch = build_encoder(name, np.int64(INPUT), np.int32(HIDDEN)), examples((name, {}))
    assert encoder(vectors(batch, torch.float32), batch).tokens.shape[1] == encoder.output_dim


def refusal(name: str, option: str, value: object) -> str:
    """What is said of a value; nothing if it is taken."""
    try:
        build_encoder(name, INPUT, HIDDEN, **{option: value})
    except ValueError as error:
        return str(error)
    return ""


@every_name
def test_impossible_values_are_told(name):
    """Of another type, negative, or zero where that means nothing; the message names the option."""
    wrong: dict[type, tuple[object, ...]] = {
        bool: (1, "yes"),
        int: (-1, 2.5, "2", True),
        float: ("0.5", True, float("nan"), float("inf")),
        str: ("no_such", 1),
        tuple: ((), (0,), ("3",), 3, "3", (2.5,), (True,)),
    }
    for option, parameter in ENCODERS.options(name).items():
        for value in wrong[type(parameter.default)]:
            assert option in refusal(name, option, value), (option, value)
        if type(parameter.default) is int and not refusal(name, option, 0):
            encoder, batch = build((name, {option: 0})), examples((name, {}))
            assert encoder(vectors(batch), batch).sentence.isfinite().all(), option
        if option in ("dropout", "decay"):
            assert option in refusal(name, option, 1.5), option


@every_name
def test_every_option_is_documented(name):
    cls, _ = ENCODERS.get(name)
    documentation = "\n".join(inspect.getdoc(base) or "" for base in cls.__mro__)
    for option in ("input_dim", "hidden_dim", *ENCODERS.options(name)):
        assert f"{option}: " in documentation, option


@every_name
def test_options_are_plain(name):
    for option in ENCODERS.options(name).values():
        assert isinstance(option.default, bool | int | float | str | tuple), option


@pytest.mark.parametrize(
    "name", [name for name in ENCODERS.names() if "readout" in ENCODERS.options(name)]
)
def test_every_readout(name):
    """Alone or side by side: as wide as it says, in a batch as one by one, and it learns."""
    heads = {"multi_head_attention": "multi_head_attention(heads=2)"}  # widths are even
    specs = [heads.get(spec, spec) for spec in READOUTS.names()]
    batch = examples((name, {}), (4, 1, 6))
    x = vectors(batch)
    for spec in [*specs, "mean + max + attention"]:
        encoder = build((name, {"readout": spec}))
        sentence = encoder(x, batch).sentence
        assert sentence.shape == (3, encoder.sentence_dim)
        assert_same(sentence, encode_one_by_one(encoder, x, batch)[1])
        sentence.sin().sum().backward()
        for parameter in encoder.readout.parameters():
            assert parameter.grad.isfinite().all()
            assert parameter.grad.any()


def test_only_self_attention_has_its_readout_built_in():
    without = [name for name in ENCODERS.names() if "readout" not in ENCODERS.options(name)]
    assert without == ["self_attentive"]


def test_an_unknown_name_is_told():
    with pytest.raises(UnknownNameError, match=r"did you mean 'bilstm'\?.*there are: .*bag"):
        build_encoder("bilsm", INPUT, HIDDEN)
    with pytest.raises(UnknownNameError, match="unknown encoder 'gta'"):
        build_encoder("bilstm>gta", INPUT, HIDDEN)

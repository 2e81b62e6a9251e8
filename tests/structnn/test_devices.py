"""What holds on a GPU; and, on any machine, that a pass neither reads from one nor sends to it.

Tensors on the device ``meta`` have shapes and no values: who reads a value of theirs gets an error.
A pass that runs there, and mixes in nothing of the CPU's, runs on a GPU without waiting for it.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from structnn import (
    ENCODERS,
    ArcsAnswer,
    Batch,
    DistributionAnswer,
    Encoder,
    Encoding,
    LabelAnswer,
    LabelsAnswer,
    ScoreAnswer,
    Sentence,
    SequenceHead,
    StructuredModel,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)
from structnn.decoders import DECODERS
from structnn.language_models import LanguageModel, language_vocabulary
from tests.structnn.decoders.common import SPECS, TEXTS, example, head_of
from tests.structnn.encoders.test_every_encoder import (
    BINARY,
    INPUT,
    VARIANTS,
    build,
    describe,
    examples,
    vectors,
)

every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=describe)
of_phrases = [name for name in ENCODERS.names() if ENCODERS[name].cls.reads & {"tree", "graph"}]

VOCABULARY = Vocabulary(["dogs", "cats", "bark", "the"])
ANSWERS = {
    "label": LabelAnswer(["no", "yes"]),
    "weighted": LabelAnswer(["no", "yes"], weights=[1.0, 2.0]),
    "labels": LabelsAnswer(["no", "yes"]),
    "score": ScoreAnswer(),
    "scale": DistributionAnswer(1, 5),
}
GOLD = {"label": "yes", "weighted": "no", "labels": "no|yes", "score": "2.5", "scale": "2.5"}
READERS = {"sentence": 4, "pair": 2, "span": 4, "span(span='max')": 4}
READERS |= {"span(span='attention')": 4, "spans": 4, "tokens": 8, "nodes": 8}


def sentences() -> list[Sentence]:
    texts = ["the dogs bark", "cats bark", "the cats", "bark"]
    heads = [[1, 2, -1], [1, -1], [1, -1], [-1]]
    return [
        Sentence(text.split(), dependencies=Tree(parents))
        for text, parents in zip(texts, heads, strict=True)
    ]


def phrases() -> Batch:
    """Two constituency trees, whose inner nodes have no words."""
    made = [
        Sentence(["a", "b", "c"], constituency=Tree([1, -1, 1, 2, 2], tokens=[0, -1, -1, 1, 2])),
        Sentence(["d"], constituency=Tree([-1], tokens=[0])),
    ]
    return Batch.from_sentences(made, structure="constituency")


@pytest.fixture
def made_late(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pieces of a batch that are made, and sent, when a pass has begun."""
    late: list[str] = []
    make = Batch._tensor

    def noted(self: Batch, array: object) -> torch.Tensor:
        if self.device.type == "meta":
            late.append(repr(array))
        return make(self, array)

    monkeypatch.setattr(Batch, "_tensor", noted)
    return late


class Apart(TorchDispatchMode):
    """Within this block no operation mixes what is on ``meta`` with what is on the CPU.

    On a GPU it would fail; on ``meta`` some operations go through. (Single numbers are mixed in
    everywhere.)

    Attributes:
        sent: The operations that copied something from the CPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given, found = _devices((args, kwargs)), func(*args, **kwargs or {})
        is_copy = func.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_)
        assert is_copy or given != {"cpu", "meta"}, f"{func} mixes them"
        if "cpu" in given and "meta" in given | _devices(found):
            self.sent.append(str(func))
        return found


def _devices(values: object) -> set[str]:
    tensors = (one for one in tree_leaves(values) if isinstance(one, Tensor))
    return {one.device.type for one in tensors if one.dim()}


def pass_elsewhere(encoder: Encoder, batch: Batch) -> None:
    encoder.prepare(batch)
    away = batch.to("meta")
    x = torch.empty(batch.num_tokens, INPUT, device="meta", requires_grad=True)
    encoder.to("meta").train()
    with Apart() as apart:
        encoding = encoder(x, away)
        (encoding.sentence.sum() + encoding.nodes.sum() + encoding.tokens.sum()).backward()
    assert x.grad is not None
    assert apart.sent == []


@every_variant
def test_nothing_is_read_back(variant, made_late):
    pass_elsewhere(build(variant, torch.float32), examples(variant))
    assert made_late == []


@pytest.mark.parametrize("name", of_phrases)
def test_nothing_is_read_back_from_phrases(name, made_late):
    pass_elsewhere(build((name, {}), torch.float32), phrases())
    assert made_late == []


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_read_back_by_a_head(reader, answer, made_late):
    model, batch, spans = model_of(reader, answer)
    model.encoder.prepare(batch)
    gold = model.head.answer.encode([GOLD[answer]] * READERS[reader])
    model, batch = model.to("meta").train(), batch.to("meta")
    spans = None if spans is None else spans.to("meta")
    with Apart() as apart:
        model.head.loss(model(batch, spans), gold).backward()
    assert made_late == []
    assert len(apart.sent) == 1  # the answers


def test_nothing_is_read_back_by_a_head_for_trees(made_late):
    model, batch = parser()
    gold = model.head.answer.encode(["0:root"] * batch.num_tokens)
    model.encoder.prepare(batch)
    model, batch = model.to("meta").train(), batch.to("meta")
    with Apart() as apart:
        model.head.loss(model(batch), gold).backward()
    assert made_late == []
    assert len(apart.sent) == 1


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        *((spec, {}) for spec in SPECS),
        ("gru(copy=True)", {"label_smoothing": 0.1}),
        ("gru(copy=True,copy_once=True)", {"scheduled_sampling": 0.5}),
    ],
)
def test_nothing_is_read_back_by_a_head_for_sequences(spec, options, made_late):
    encoder, batch, _ = example()
    head: SequenceHead = head_of(spec, encoder, **options)
    gold = head.targets(TEXTS, batch.sentences)
    encoder.prepare(batch)
    encoder, head, batch = encoder.to("meta"), head.to("meta").train(), batch.to("meta")
    x = torch.empty(batch.num_tokens, encoder.input_dim, dtype=torch.float64, device="meta")
    with Apart() as apart:
        head.loss(head(encoder(x, batch), batch), gold).backward()
    assert made_late == []
    # The targets, how they are padded, which pieces are there, and the words that can be copied.
    assert len(apart.sent) == 3 + head.decoder.copy


@pytest.mark.parametrize("objective", ["causal", "masked", "prefixes"])
def test_nothing_is_read_back_by_a_language_model(objective, made_late):
    vocabulary = language_vocabulary(["dogs", "cats", "bark", "the"], objective)
    encoder = build_encoder("lstm", INPUT, 8)
    model = LanguageModel(WordEmbedding(vocabulary, INPUT), encoder, objective=objective)
    batch = model.batch(sentences())
    if objective == "masked":
        batch, gold = model.hide(batch, 0.5)
    else:
        gold = model.next_words(batch)
    model.encoder.prepare(batch)
    model, batch = model.to("meta").train(), batch.to("meta")
    with Apart() as apart:
        model.loss(batch, gold).backward()
    assert made_late == []
    assert len(apart.sent) == 2  # which words are asked for, and what they are


def model_of(reader: str, answer: str) -> tuple[StructuredModel, Batch, torch.Tensor | None]:
    torch.manual_seed(0)
    encoder = build_encoder("bilstm", INPUT, 8)
    model = StructuredModel(
        WordEmbedding(VOCABULARY, INPUT), encoder, build_head(reader, ANSWERS[answer], encoder)
    )
    count = {"span": 1, "spans": 2}.get(reader.partition("(")[0])
    spans = None if count is None else torch.tensor([[[0, 1]] * count] * 4)
    return model, Batch.from_sentences(sentences(), vocabulary=VOCABULARY), spans


def parser() -> tuple[StructuredModel, Batch]:
    torch.manual_seed(0)
    encoder = build_encoder("bilstm", INPUT, 8)
    head = build_head("arcs(arc_dim=4, relation_dim=3)", ArcsAnswer(["root", "dep"]), encoder)
    model = StructuredModel(WordEmbedding(VOCABULARY, INPUT), encoder, head)
    return model, Batch.from_sentences(sentences(), vocabulary=VOCABULARY)


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.fixture(autouse=True)
def whole_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN computes with all bits of float32, and not, as by default, with ten of 23."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@gpu
@every_variant
def test_a_gpu_gives_the_same(variant):
    encoder, batch = build(variant, torch.float32), examples(variant)
    x = vectors(batch, torch.float32)
    there = copy.deepcopy(encoder).cuda()
    found, expected = there(x.cuda(), encoder.prepare(batch).to("cuda")), encoder(x, batch)
    for part in ("tokens", "nodes", "sentence"):
        torch.testing.assert_close(
            getattr(found, part).cpu(), getattr(expected, part), rtol=1e-4, atol=1e-4
        )
    found.sentence.square().sum().backward()
    expected.sentence.square().sum().backward()
    for here, away in zip(encoder.parameters(), there.parameters(), strict=True):
        if here.grad is not None:
            torch.testing.assert_close(away.grad.cpu(), here.grad, rtol=1e-3, atol=1e-3)


@gpu
@every_variant
def test_a_gpu_computes_in_half_precision(variant):
    encoder, batch = build(variant, torch.float32).cuda(), examples(variant)
    x = vectors(batch, torch.float32).cuda()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        encoding = encoder(x, encoder.prepare(batch).to("cuda"))
    assert torch.isfinite(encoding.sentence).all()


@gpu
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("reader", READERS)
def test_a_head_gives_the_same_on_a_gpu(reader, answer):
    model, batch, spans = model_of(reader, answer)
    there = copy.deepcopy(model).cuda()
    away = None if spans is None else spans.cuda()
    torch.testing.assert_close(
        there(batch.to("cuda"), away).cpu(), model(batch, spans), rtol=1e-4, atol=1e-4
    )


@gpu
def test_trees_are_scored_the_same_on_a_gpu():
    model, batch = parser()
    there = copy.deepcopy(model).cuda()
    assert there.head.answer.decode(there(batch.to("cuda"))) == model.head.answer.decode(
        model(batch)
    )


@gpu
@pytest.mark.parametrize("name", DECODERS.names())
def test_a_decoder_writes_the_same_on_a_gpu(name):
    encoder, batch, x = example()
    head, encoding = head_of(name, encoder).eval(), encoder(x, batch)
    there, away = copy.deepcopy(head).cuda(), batch.to("cuda")
    moved = Encoding(*(part.cuda() for part in encoding))
    found, expected = there.generate(there(moved, away)), head.generate(head(encoding, batch))
    assert [own[0].text for own in found] == [own[0].text for own in expected]


@gpu
@pytest.mark.parametrize("name", [*sorted({"gat", "gcn", "lstm", "bilstm"} | BINARY)])
def test_a_gpu_compiles(name):
    encoder, batch = build((name, {}), torch.float32).cuda(), examples((name, {}))
    x = vectors(batch, torch.float32).cuda()
    there = encoder.prepare(batch).to("cuda")
    torch.testing.assert_close(
        torch.compile(encoder)(x, there).sentence, encoder(x, there).sentence, rtol=1e-4, atol=1e-4
    )

"""Sentences, trees and comparisons that the tests of this package share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from structnn import UNIVERSAL_RELATIONS, Batch, Encoder, Sentence, SentenceGraph, Tree

LABELS = [*UNIVERSAL_RELATIONS.words[1:8], "never-heard-of"]


@st.composite
def trees(draw: st.DrawFn, max_size: int = 10, arity: int | None = None) -> Tree:
    """Trees with a word at each node, of any shape and any numbering of the nodes."""
    size = draw(st.integers(1, max_size))
    parents = [-1]
    room = [arity or size]
    for _ in range(1, size):
        parent = draw(st.sampled_from([node for node, left in enumerate(room) if left]))
        parents.append(parent)
        room[parent] -= 1
        room.append(arity or size)
    number = draw(st.permutations(range(size)))
    return renumber(Tree(parents, labels=[draw(st.sampled_from(LABELS)) for _ in parents]), number)


def random_tree(generator: random.Random, size: int, arity: int | None = None) -> Tree:
    parents = [-1]
    room = [arity or size]
    for _ in range(1, size):
        parent = generator.choice([node for node, left in enumerate(room) if left])
        parents.append(parent)
        room[parent] -= 1
        room.append(arity or size)
    number = generator.sample(range(size), size)
    return renumber(Tree(parents, labels=generator.choices(LABELS, k=size)), number)


def renumber(tree: Tree, number: Sequence[int]) -> Tree:
    """The same tree, node *i* now being ``number[i]``; words stay in the order of the nodes."""
    parents = [-1] * len(tree)
    labels = [""] * len(tree)
    for node, parent in enumerate(tree.parents):
        parents[number[node]] = -1 if parent < 0 else number[parent]
        labels[number[node]] = tree.labels[node] if tree.labels else ""
    return Tree(parents, labels=labels)


@st.composite
def phrase_trees(draw: st.DrawFn, max_words: int = 6, arity: int = 2) -> Tree:
    """Trees in which words are at the leaves alone, numbered from the bottom up."""
    words = draw(st.integers(1, max_words))
    tokens = list(range(words))
    parents = [-1] * words
    top = list(range(words))
    while len(top) > 1:
        take = min(draw(st.integers(1, arity)), len(top))
        take = max(take, 2) if len(parents) > 3 * words else take
        first = draw(st.integers(0, len(top) - take))
        node = len(parents)
        for child in top[first : first + take]:
            parents[child] = node
        parents.append(-1)
        tokens.append(-1)
        top[first : first + take] = [node]
    return Tree(parents, tokens, labels=[draw(st.sampled_from(LABELS)) for _ in parents])


@st.composite
def sentence_graphs(draw: st.DrawFn, max_size: int = 6) -> SentenceGraph:
    """Graphs of any shape: with nodes and tokens that have no word and no node, cycles and loops."""
    size = draw(st.integers(1, max_size))
    tokens = draw(st.permutations([*range(size), *[-1] * draw(st.integers(0, 2))]))
    tokens = tokens[: draw(st.integers(1, len(tokens)))]
    node = st.integers(0, len(tokens) - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=2 * size))
    labels = st.lists(st.sampled_from(LABELS), min_size=len(edges), max_size=len(edges))
    names = st.lists(st.sampled_from(["go", "", "w"]), min_size=len(tokens), max_size=len(tokens))
    return SentenceGraph(
        tokens,
        edges,
        draw(st.none() | labels),
        draw(st.none() | names),
        draw(st.lists(node, max_size=2)),
    )


def sentence_of(tree: Tree | SentenceGraph) -> Sentence:
    """A sentence that has this tree or graph, whichever kind it is."""
    if isinstance(tree, SentenceGraph):
        return Sentence([f"w{index}" for index in range(max(0, *tree.tokens) + 1)], graph=tree)
    words = [f"w{index}" for index in range(sum(token >= 0 for token in tree.tokens))]
    if -1 in tree.tokens:
        return Sentence(words, constituency=tree)
    return Sentence(words, dependencies=tree)


def batch_of(trees: Sequence[Tree | SentenceGraph]) -> Batch:
    """A batch of the sentences of these trees, all dependency trees, all phrase trees or all graphs."""
    if isinstance(trees[0], SentenceGraph):
        return Batch.from_sentences(map(sentence_of, trees), structure="graph")
    kind = "constituency" if any(-1 in tree.tokens for tree in trees) else "dependencies"
    sentences = [sentence_of(tree).replace(**{kind: tree}) for tree in trees]
    return Batch.from_sentences(sentences, structure=kind)


def chain(size: int, *, left: bool = True) -> Tree:
    """Each word heads the one before it (left) or the one behind it (right)."""
    if left:
        return Tree([*range(1, size), -1])
    return Tree([-1, *range(size - 1)])


def random_sentences(seed: int, sizes: Sequence[int], arity: int | None = None) -> list[Sentence]:
    generator = random.Random(seed)
    return [sentence_of(random_tree(generator, size, arity)) for size in sizes]


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Within it PyTorch and the operators have so many threads."""
    usual = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def encode_one_by_one(encoder: Encoder, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Token states and sentence vectors, from batches of a single sentence."""
    encodings = [
        encoder(x[begin:end], Batch.from_sentences([sentence]))
        for sentence, begin, end in zip(
            batch.sentences, batch.token_ptr[:-1], batch.token_ptr[1:], strict=True
        )
    ]
    return (
        torch.cat([encoding.tokens for encoding in encodings]),
        torch.cat([encoding.sentence for encoding in encodings]),
    )


Reference = Callable[[Encoder, Tensor, Any], Tensor]


def assert_computes(
    encoder: Encoder,
    reference: Reference,
    trees: Sequence[Tree | SentenceGraph],
    *,
    sentence: bool = False,
) -> None:
    """What an encoder gives, and all gradients through it, are those of a plain reference.

    Args:
        encoder: In float64; it is put into evaluation mode.
        reference: Called for one sentence with ``(encoder, x, tree)``, x being ``(words, input)``;
            gives ``(nodes, output)`` or ``(words, output)`` as the encoder does.
        trees: One for each sentence.
        sentence: Compare sentence vectors; the reference then gives one, ``(output,)``.
    """
    encoder.eval()
    batch = batch_of(trees)
    generator = torch.Generator().manual_seed(len(trees) + batch.num_tokens)
    x = torch.randn(
        batch.num_tokens, encoder.input_dim, dtype=torch.float64, generator=generator
    ).requires_grad_()
    pieces = x.split(batch.lengths.tolist())
    wanted = [reference(encoder, piece, tree) for piece, tree in zip(pieces, trees, strict=True)]
    sources = {
        name: parameter
        for name, parameter in encoder.named_parameters()
        if sentence or "readout." not in name
    }
    if sentence:
        found, expected = encoder(x, batch).sentence, torch.stack(wanted)
    else:
        found, expected = encoder.encode(x, batch), torch.cat(wanted)
    assert_equal_with_gradients(found, expected, {"x": x, **sources})


def assert_equal_with_gradients(
    found: Tensor, expected: Tensor, sources: Mapping[str, Tensor]
) -> None:
    """Two results are equal, and so are the gradients that they pass on, seen from some direction.

    Args:
        found: What is tested.
        expected: What it should be.
        sources: The tensors that both were made from, by name. Those that are not used have zeros.
    """
    assert_close(found, expected)
    generator = torch.Generator().manual_seed(found.numel())
    direction = torch.randn(found.shape, dtype=found.dtype, generator=generator)
    gradients, wanted = (
        torch.autograd.grad(
            (result * direction).sum(),
            list(sources.values()),
            allow_unused=True,
            materialize_grads=True,
        )
        for result in (found, expected)
    )
    for name, one, other in zip(sources, gradients, wanted, strict=True):
        assert_close(one, other, name)


def assert_close(found: Tensor, expected: Tensor, name: str = "output") -> None:
    """Equal to 1e-10, of the largest entry where that is above one."""
    scale = max(1.0, float(expected.detach().abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(
        found, expected, rtol=0, atol=1e-10 * scale, msg=lambda text: f"{name}: {text}"
    )


def functions_behind(result: Tensor) -> set[str]:
    """The names of the functions that its gradient goes back through."""
    names, waiting = set(), [result.grad_fn]
    while waiting:
        function = waiting.pop()
        if function is not None:
            names.add(function.name())
            waiting += [before for before, _ in function.next_functions]
    return names

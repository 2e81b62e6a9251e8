"""Sentences, trees and comparisons that the tests of this package share."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from structnn import UNIVERSAL_RELATIONS, Batch, Encoder, Sentence, Tree

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


def sentence_of(tree: Tree) -> Sentence:
    """A sentence that has this tree, whichever kind it is."""
    words = [f"w{index}" for index in range(sum(token >= 0 for token in tree.tokens))]
    if -1 in tree.tokens:
        return Sentence(words, constituency=tree)
    return Sentence(words, dependencies=tree)


def batch_of(trees: Sequence[Tree]) -> Batch:
    """A batch of the sentences of these trees, all dependency trees or all phrase trees."""
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


Reference = Callable[[Encoder, Tensor, Tree], Tensor]


def assert_computes(
    encoder: Encoder, reference: Reference, trees: Sequence[Tree], *, sentence: bool = False
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


# What holds of any operator of a Tree-LSTM.


def check_operator(compute: Callable[[str, torch.dtype], list[Tensor]]) -> None:
    """It gives what PyTorch does, to rounding, in both precisions.

    Args:
        compute: Called with what the switch of the operators is set to, and the type of numbers;
            gives states and gradients.
    """
    exact, found = compute("0", torch.float64), compute("1", torch.float64)
    rough = compute("1", torch.float32)
    for one, other, single in zip(exact, found, rough, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-10)
        # Gradients of weights sum over all nodes: the tolerance is of the largest one.
        torch.testing.assert_close(
            single.double(), one, rtol=0, atol=1e-5 * one.abs().amax().item()
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


def check_frozen(compute: Callable[[], Tensor], sources: Sequence[Tensor], frozen: int) -> None:
    """What does not learn gets no gradient, and all else the one that it gets anyway."""
    full = torch.autograd.grad(compute().square().sum(), sources)
    sources[frozen].requires_grad_(False)
    compute().square().sum().backward()
    for index, source in enumerate(sources):
        if index == frozen:
            assert source.grad is None
        else:
            assert source.grad is not None
            assert_close(source.grad, full[index])


def check_threads(threads: int, compute: Callable[[], list[Tensor]]) -> None:
    """Nothing changes with the number of threads, nor from one time to the next."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = compute()
        torch.set_num_threads(threads)
        for _ in range(3):
            assert all(map(torch.equal, compute(), alone))
    finally:
        torch.set_num_threads(before)


def check_without_gradients(encoder: Encoder, batch: Batch) -> None:
    """The states are the same where no gradients are wanted."""
    x = torch.randn(batch.num_tokens, encoder.input_dim, dtype=torch.float64)
    expected = encoder.encode(x, batch)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(encoder.encode(x, batch), expected)


def check_repeated_backward(encoder: Encoder, batch: Batch) -> None:
    """Going back twice gives twice the gradient."""
    x = torch.randn(batch.num_tokens, encoder.input_dim, dtype=torch.float64, requires_grad=True)
    total = encoder.encode(x, batch).sum()
    total.backward(retain_graph=True)
    assert x.grad is not None
    once = x.grad.clone()
    total.backward()
    assert torch.equal(x.grad, 2 * once)


def check_not_finite(encoder: Encoder) -> None:
    """A word that is not a number leaves its mark on its ancestors alone."""
    batch = batch_of([Tree([1, -1, 1]), Tree([-1])])
    x = torch.randn(4, encoder.input_dim, dtype=torch.float64)
    x[0, 0] = torch.nan
    h = encoder.encode(x, batch)
    assert h[[0, 1]].isnan().all()
    assert h[[2, 3]].isfinite().all()

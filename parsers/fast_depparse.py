"""Faster decoding for Stanza's dependency parser, with the same trees.

Stanza scores every relation for every pair of words and runs Chu-Liu-Edmonds in Python for every
sentence.  Both are rarely needed:

- Where the best head of each word, taken alone, already makes a tree with one root, that tree *is*
  the maximum spanning tree: no other tree can have a better score at any word.
- Only the relations of the chosen heads are read, so only those are scored.

A sentence whose greedy heads are no such tree, that has a near tie, or that violates Stanza's
constraints on subjects and objects goes through Stanza's own functions.

The layer knows the insides of Stanza's graph parser, so it is used only with versions on which it
was checked; with any other version, or another kind of model, Stanza's own code runs unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

CHECKED_VERSIONS = ("1.15.",)
"""Prefixes of the Stanza versions whose decoder this layer reproduces."""

NEAR_TIE = 1e-3
"""A score gap below which rounding might pick another winner than Stanza's order of sums."""


def is_supported(pipeline: Any) -> bool:
    """Whether the pipeline's parser is one whose decoding this layer reproduces."""
    import stanza

    if not stanza.__version__.startswith(CHECKED_VERSIONS):
        return False
    model = _model(pipeline)
    if model is None:
        return False
    from stanza.models.depparse.model import GraphParser

    return (
        type(model) is GraphParser
        and not any(
            model.args.get(name) for name in ("use_arc_embedding", "linearization", "distance")
        )
        and hasattr(model, "unlabeled")
        and hasattr(model, "deprel")
    )


def accelerate(pipeline: Any) -> bool:
    """Let the pipeline decode through this layer; False, and no change, where it isn't supported."""
    if not is_supported(pipeline):
        return False
    model = _model(pipeline)
    layer: list[tuple[Any, str, Any]] = [(model, "predict", MethodType(_predict, model))]
    for processor in ("pos", "depparse"):
        vocabulary = (
            pipeline.processors[processor].vocab if processor in pipeline.processors else {}
        )
        layer += _remembered(vocabulary)
    setattr(pipeline, _LAYER, layer)
    for target, name, replacement in layer:
        setattr(target, name, replacement)
    return True


@contextmanager
def stock_decoding(pipeline: Any) -> Iterator[None]:
    """Within the block the pipeline runs Stanza's own code alone, for comparison."""
    layer = getattr(pipeline, _LAYER, [])
    for target, name, _ in layer:
        delattr(target, name)  # an attribute of the instance; the method of its class reappears
    try:
        yield
    finally:
        for target, name, replacement in layer:
            setattr(target, name, replacement)


_LAYER = "_structnn_layer"


def _model(pipeline: Any) -> Any:
    processor = pipeline.processors.get("depparse")
    return getattr(getattr(processor, "_trainer", None), "model", None)


def _remembered(vocabulary: Any) -> list[tuple[Any, str, Any]]:
    """Look-ups of morphological features that remember their results.

    A treebank has a few hundred different feature strings, and Stanza takes one apart, or puts one
    together, for every word.
    """
    from stanza.models.common.vocab import CompositeVocab

    layer: list[tuple[Any, str, Any]] = []
    for column in ("xpos", "feats"):
        vocab = vocabulary[column] if vocabulary else None
        if not isinstance(vocab, CompositeVocab):
            continue
        name = lru_cache(maxsize=8192)(vocab.id2unit)
        layer.append((vocab, "unit2id", lru_cache(maxsize=8192)(vocab.unit2id)))
        layer.append((vocab, "id2unit", partial(_with_tuple, name)))
    return layer


def _with_tuple(function: Any, key: Any) -> Any:
    return function(tuple(key) if isinstance(key, list) else key)


def is_single_rooted_tree(heads: np.ndarray) -> bool:
    """Whether ``heads`` (for each node its head; node 0, the root, is its own) is a tree with one
    child of the root.

    Every node's pointer is doubled until it must have reached the root: log2(n) steps.
    """
    if np.count_nonzero(heads[1:] == 0) != 1:
        return False
    reached = heads
    for _ in range(int(len(heads)).bit_length()):
        reached = reached[reached]
    return not reached.any()


class RelationScores:
    """Label log-probabilities of one sentence, computed one dependent at a time when asked for.

    Stands in for Stanza's ``(words, words, relations)`` array, of which its repair of violated
    constraints reads a few rows; the array of a sentence of 2,000 words takes a gigabyte.
    """

    def __init__(self, dependents: Tensor, heads: Tensor, bilinear: Any) -> None:
        self.dependents = dependents  # (words, biaffine + 1)
        self.heads = heads  # (words, biaffine + 1)
        self.bilinear = bilinear
        self.shape = (len(heads), len(heads), bilinear.output_size)
        self._rows: dict[int, np.ndarray] = {}

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        row = self._rows.get(key[0])
        if row is None:
            left = torch.tensordot(self.dependents[key[0]], self.bilinear.weight, 1)
            scores = self.heads @ left + self.bilinear.bias
            row = self._rows[key[0]] = functional.log_softmax(scores, 1).cpu().numpy()
        return row[key[1:]]


def _label_scores(dependents: Tensor, heads: Tensor, bilinear: Any) -> Tensor:
    """Scores of the relations between row i of ``dependents`` and row i of ``heads``.

    Shapes:
        dependents, heads: ``(pairs, biaffine + 1)``; result ``(pairs, relations)``.
    """
    pieces = []
    for start in range(0, len(heads), 2048):  # the intermediate result is 20 kB a pair
        part = slice(start, start + 2048)
        left = (dependents[part] @ bilinear.weight.flatten(1)).unflatten(1, (heads.size(1), -1))
        pieces.append(torch.bmm(heads[part].unsqueeze(1), left).squeeze(1) + bilinear.bias)
    return torch.cat(pieces)


def _predict(
    self: Any, *inputs: Any, resolve_head_constraints: bool = False
) -> list[list[list[Any]]]:
    """``GraphParser.predict`` with the shortcuts described above.

    Returns:
        For each sentence of the batch, ``[head, relation]`` for each word.
    """
    from stanza.models.common.vocab import VOCAB_PREFIX_SIZE
    from stanza.models.depparse.head_constraints import (
        find_head_constraint_violations,
        resolve_head_constraint_violations,
    )

    lengths: list[int] = inputs[12]
    vocab = self.vocab["deprel"]
    states = self.embed(*inputs)  # (sentences, words + 1, 2 * hidden)
    arcs = self.unlabeled(states, states).squeeze(3)
    own = torch.eye(arcs.size(1), dtype=torch.bool, device=arcs.device)
    arcs = functional.log_softmax(arcs.masked_fill_(own, -torch.inf), 2).cpu()

    scorer = self.deprel
    dependents = functional.pad(scorer.hidden_func(scorer.W1(states)), (0, 1), value=1.0)
    governors = functional.pad(scorer.hidden_func(scorer.W2(states)), (0, 1), value=1.0)
    bilinear = scorer.scorer.W_bilin

    trees = [best_tree(arcs[sentence, :length, :length]) for sentence, length in enumerate(lengths)]

    # the relations of all chosen heads of the batch at once
    sentences = torch.repeat_interleave(torch.tensor([length - 1 for length in lengths]))
    words = torch.cat([torch.arange(1, length) for length in lengths])
    chosen = torch.cat([torch.from_numpy(tree[1:]) for tree in trees])
    scores = _label_scores(dependents[sentences, words], governors[sentences, chosen], bilinear)
    relations = scores.argmax(1).tolist()

    predictions = []
    start = 0
    for sentence, tree in enumerate(trees):
        length = len(tree)
        labels = relations[start : start + length - 1]
        start += length - 1
        names = vocab.unmap([label + VOCAB_PREFIX_SIZE for label in labels])
        if resolve_head_constraints and find_head_constraint_violations(tree, names):
            tree, labels = resolve_head_constraint_violations(
                arcs[sentence, :length, :length].numpy(),
                RelationScores(
                    dependents[sentence, :length], governors[sentence, :length], bilinear
                ),
                tree,
                vocab,
            )
            names = vocab.unmap([label + VOCAB_PREFIX_SIZE for label in labels])
        predictions.append([[head, name] for head, name in zip(tree[1:], names, strict=True)])
    return predictions


def best_tree(scores: Tensor) -> np.ndarray:
    """Heads of the maximum spanning tree with one child of the root; node 0 is the root.

    Shapes:
        scores: ``(n, n)``, row i the scores of each head of node i; result ``(n,)``.
    """
    best = scores.topk(min(2, scores.size(1)), dim=1)
    heads: np.ndarray = best.indices[:, 0].numpy().copy()
    heads[0] = 0
    certain = scores.size(1) < 3 or bool((best.values[1:, 0] - best.values[1:, 1] > NEAR_TIE).all())
    if certain and is_single_rooted_tree(heads):
        return heads
    return maximum_spanning_tree(scores.numpy())


def find_cycle(heads: np.ndarray) -> np.ndarray | None:
    """A mask of the nodes of one cycle that the pointers make, or None; node 0 points to itself."""
    state = [0] * len(heads)  # 0: not seen; a number: seen on that walk
    state[0] = -1
    pointers = heads.tolist()
    for start in range(1, len(pointers)):
        node = start
        while state[node] == 0:
            state[node] = start
            node = pointers[node]
        if state[node] == start:  # the walk met itself
            cycle = np.zeros(len(pointers), dtype=bool)
            while not cycle[node]:
                cycle[node] = True
                node = pointers[node]
            return cycle
    return None


def maximum_spanning_tree(scores: np.ndarray) -> np.ndarray:
    """Chu-Liu-Edmonds as in Stanza, with the cycle found by following pointers.

    Stanza runs Tarjan's algorithm for strongly connected components at every contraction; where
    every node has one head, walking up finds a cycle in linear time.  One cycle is contracted at a
    time, so which one is found first doesn't change the tree.
    """
    from stanza.models.common.chuliu_edmonds import (
        expand_contracted_tree,
        prepare_scores,
        process_cycle,
    )

    scores = scores.astype(np.float64)
    lowest = scores[np.isfinite(scores)].min()
    scores[:, 0] += lowest * len(scores)  # one arc from the root costs more than all others
    contractions = []
    while True:
        prepare_scores(scores)
        tree: np.ndarray = np.argmax(scores, axis=1)
        cycle = find_cycle(tree)
        if cycle is None:
            break
        contracted, *rest = process_cycle(tree, cycle, scores)
        contractions.append((tree, rest))
        scores = contracted
    for outer, rest in reversed(contractions):
        tree = expand_contracted_tree(outer, tree, *rest)
    return tree

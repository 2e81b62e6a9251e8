"""Faster decoding for Stanza's dependency parser, with the same trees.

Stanza scores every relation for every pair of words, and runs Chu-Liu-Edmonds in Python for every
sentence. Both are rarely necessary:

- If the best head of each word forms a tree with one root, that tree is the maximum spanning tree:
  no other tree has a better score at any word.
- Only the relations to the chosen heads are used, so only those are scored.
- The same characters, words and tags are looked up many times, so the results are cached.
- LSTMs of the tagger and the parser are read by :class:`structnn.fused.lstm.InferenceLSTM`.

Other sentences, and those with a near tie, are decoded by Chu-Liu-Edmonds in
:mod:`structnn.ops.spanning_tree`. Two subjects of one head are resolved by Stanza's own function.

The module depends on the internals of Stanza's graph parser, so it is used only with the versions on
which it was checked. With other versions, or other kinds of models, Stanza's own code runs unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from structnn.fused.lstm import replace_lstms
from structnn.ops.spanning_tree import best_tree

CHECKED_VERSIONS = ("1.15.",)
"""Prefixes of the Stanza versions whose decoder this module reproduces."""

REPAIR_LIMIT = 500
"""The length of the longest sentence in which two subjects of one head are resolved, in cubic time."""


def is_supported(pipeline: Any) -> bool:
    """Whether this module reproduces the decoding of a pipeline's parser."""
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
    """Make a pipeline decode by this module.

    Returns:
        False, and no change, if the pipeline is not supported.
    """
    if not is_supported(pipeline):
        return False
    model = _model(pipeline)
    model.predict = MethodType(_predict, model)
    bilinear = model.deprel.scorer.W_bilin
    # (biaffine + 1 of the head, (biaffine + 1 of the dependent) * relations): a copy of 1.5 MB, once.
    bilinear.by_head = bilinear.weight.detach().transpose(0, 1).flatten(1)
    for name in ("pos", "depparse"):
        processor = pipeline.processors.get(name)
        if processor is not None:
            replace_lstms(processor.trainer.model.eval())  # a loaded model is in training mode
            columns = processor.vocab.keys()
            for column in columns:
                _cache_lookups(processor.vocab[column])
            if processor.pretrain is not None:
                _cache_lookups(processor.pretrain.vocab)
    return True


def _model(pipeline: Any) -> Any:
    processor = pipeline.processors.get("depparse")
    return getattr(getattr(processor, "_trainer", None), "model", None)


class _Cached(dict[Any, Any]):
    """The results of a function of one argument, computed when first asked for."""

    limit = 200_000  # then it is emptied, as texts have any number of different words

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, key: Any) -> Any:
        if len(self) >= self.limit:
            self.clear()
        value = self[key] = self.function(key)
        return value


def _cache_lookups(vocab: Any) -> None:
    """Make a vocabulary cache the results of ``map`` and ``unmap``.

    Stanza looks up every character, word, tag and feature string of every text through several
    Python calls, and parses feature strings each time, which takes a quarter of the time of a small
    model.
    """
    ids, units = _Cached(vocab.unit2id), _Cached(vocab.id2unit)

    def map_units(sequence: Iterable[Any]) -> list[Any]:
        return [ids[unit] for unit in sequence]

    def unmap_ids(sequence: Iterable[Any]) -> list[Any]:
        return [units[tuple(i) if isinstance(i, list) else i] for i in sequence]

    vocab.map, vocab.unmap = map_units, unmap_ids


class RelationScores:
    """The log-probabilities of relations in a sentence, computed for a dependent when first asked for.

    Replaces Stanza's ``(words, words, relations)`` array, which takes a gigabyte for 2,000 words,
    and of which the resolution of violated constraints reads a few rows.

    Args:
        dependents: ``(words, biaffine + 1)``, the projections of the words as dependents.
        heads: ``(words, biaffine + 1)``, their projections as heads.
        bilinear: Stanza's bilinear layer.
    """

    def __init__(self, dependents: Tensor, heads: Tensor, bilinear: Any) -> None:
        self.dependents = dependents
        self.heads = heads
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


def _label_scores(dependents: Tensor, heads: Tensor, head_of: Tensor, bilinear: Any) -> Tensor:
    """The scores of the relations between each dependent and its head.

    Two words in three have no dependents, so the large product is computed for heads.

    Args:
        dependents: ``(words, biaffine + 1)``.
        heads: ``(heads, biaffine + 1)``.
        head_of: ``(words,)``, the row of ``heads`` of each dependent's head.
        bilinear: Stanza's bilinear layer, with ``by_head`` of :func:`accelerate`.

    Returns:
        ``(words, relations)``.
    """
    used, head_of = head_of.unique(return_inverse=True)
    left = (heads[used] @ bilinear.by_head).unflatten(1, (dependents.shape[1], -1))
    pieces = []
    for start in range(0, len(dependents), 512):  # each word reads 20 kB of `left`
        part = slice(start, start + 512)
        pieces.append(torch.bmm(dependents[part].unsqueeze(1), left[head_of[part]]).squeeze(1))
    scores: Tensor = torch.cat(pieces) + bilinear.bias
    return scores


def _predict(
    self: Any, *inputs: Any, resolve_head_constraints: bool = False
) -> list[list[list[Any]]]:
    """``GraphParser.predict`` with the decoding of this module.

    Returns:
        For each sentence of the batch, ``[head, relation]`` for each word.
    """
    trees = decode(
        self, self.embed(*inputs), inputs[12], resolve_head_constraints=resolve_head_constraints
    )
    return [[list(pair) for pair in zip(*tree, strict=True)] for tree in trees]


def decode(
    model: Any, states: Tensor, lengths: Sequence[int], *, resolve_head_constraints: bool
) -> list[tuple[list[int], list[str]]]:
    """The trees of a batch, from the states of a ``GraphParser``'s LSTM.

    Args:
        model: The ``GraphParser`` of a pipeline after :func:`accelerate`.
        states: ``(sentences, words + 1, 2 * hidden)``, the states of the root and of the words.
        lengths: The number of words of each sentence, with the root.
        resolve_head_constraints: Resolve two subjects of one head, as Stanza does.

    Returns:
        For each sentence the head and the relation of each word; words count from 1, and 0 is the root.
    """
    from stanza.models.common.vocab import VOCAB_PREFIX_SIZE
    from stanza.models.depparse.head_constraints import (
        find_head_constraint_violations,
        resolve_head_constraint_violations,
    )

    vocab = model.vocab["deprel"]
    arcs = model.unlabeled(states, states).squeeze(3)
    arcs.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
    for part in arcs.split(1024, dim=1):  # in place: of a text of 20,000 words it takes 1.6 GB
        part.copy_(functional.log_softmax(part, 2))
    arcs = arcs.cpu()

    scorer = model.deprel
    dependents = functional.pad(scorer.hidden_func(scorer.W1(states)), (0, 1), value=1.0)
    governors = functional.pad(scorer.hidden_func(scorer.W2(states)), (0, 1), value=1.0)
    bilinear = scorer.scorer.W_bilin

    trees = [best_tree(arcs[sentence, :length, :length]) for sentence, length in enumerate(lengths)]

    # The relations to all chosen heads of the batch at once.
    sentences = torch.repeat_interleave(torch.tensor([length - 1 for length in lengths]))
    words = torch.cat([torch.arange(1, length) for length in lengths])
    chosen = torch.cat([torch.from_numpy(tree[1:]) for tree in trees])
    scores = _label_scores(
        dependents[sentences, words],
        governors.flatten(0, 1),
        sentences * governors.size(1) + chosen,
        bilinear,
    )
    relations = scores.argmax(1).tolist()

    results = []
    start = 0
    for sentence, tree in enumerate(trees):
        length = len(tree)
        labels = relations[start : start + length - 1]
        start += length - 1
        names = vocab.unmap([label + VOCAB_PREFIX_SIZE for label in labels])
        if (
            resolve_head_constraints
            and length <= REPAIR_LIMIT
            and find_head_constraint_violations(tree, names)
        ):
            tree, labels = resolve_head_constraint_violations(
                arcs[sentence, :length, :length].numpy(),
                RelationScores(
                    dependents[sentence, :length], governors[sentence, :length], bilinear
                ),
                tree,
                vocab,
            )
            names = vocab.unmap([label + VOCAB_PREFIX_SIZE for label in labels])
        results.append(([int(head) for head in tree[1:]], names))
    return results

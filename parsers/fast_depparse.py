"""Faster decoding for Stanza's dependency parser, with the same trees.

Stanza scores every relation for every pair of words and runs Chu-Liu-Edmonds in Python for every
sentence.  Both are rarely needed:

- Where the best head of each word, taken alone, already makes a tree with one root, that tree *is*
  the maximum spanning tree: no other tree can have a better score at any word.
- Only the relations of the chosen heads are read, so only those are scored.
- The same characters, words and tags are looked up again and again, so results are remembered.

A sentence whose greedy heads are no such tree, that has a near tie, or that violates Stanza's
constraints on subjects and objects goes through Stanza's own functions.

The layer knows the insides of Stanza's graph parser, so it is used only with versions on which it
was checked; with any other version, or another kind of model, Stanza's own code runs unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

REPAIR_LIMIT = 500
"""Longest sentence in which two subjects of one head are repaired; Stanza's repair is cubic."""


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
    for name in ("pos", "depparse"):
        processor = pipeline.processors.get(name)
        if processor is not None:
            columns = processor.vocab.keys()
            vocabularies = [processor.vocab[column] for column in columns]
            if processor.pretrain is not None:
                vocabularies.append(processor.pretrain.vocab)
            layer += [entry for vocab in vocabularies for entry in _remembered(vocab)]
    setattr(pipeline, _LAYER, layer)
    for target, name, replacement in layer:
        setattr(target, name, replacement)
    return True


@contextmanager
def stock_decoding(pipeline: Any) -> Iterator[None]:
    """Within the block the pipeline runs Stanza's own code alone, for comparison."""
    layer = getattr(pipeline, _LAYER, [])
    for target, name, _ in layer:
        vars(target).pop(
            name, None
        )  # an attribute of the instance; the method of its class reappears
    try:
        yield
    finally:
        for target, name, replacement in layer:
            setattr(target, name, replacement)


_LAYER = "_structnn_layer"  # attribute of the pipeline: what was put where


def _model(pipeline: Any) -> Any:
    processor = pipeline.processors.get("depparse")
    return getattr(getattr(processor, "_trainer", None), "model", None)


class _Remembered(dict[Any, Any]):
    """Results of a function of one argument, computed when first asked for."""

    limit = 200_000  # then it starts anew: texts hold no end of different words

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, key: Any) -> Any:
        if len(self) >= self.limit:
            self.clear()
        value = self[key] = self.function(key)
        return value


def _remembered(vocab: Any) -> list[tuple[Any, str, Any]]:
    """``map`` and ``unmap`` of a vocabulary with remembered results.

    Stanza looks up every character, word, tag and feature string of every text through several
    Python calls, and takes feature strings apart each time: a quarter of the time of a small model.
    """
    ids, units = _Remembered(vocab.unit2id), _Remembered(vocab.id2unit)

    def map_units(sequence: Iterable[Any]) -> list[Any]:
        return [ids[unit] for unit in sequence]

    def unmap_ids(sequence: Iterable[Any]) -> list[Any]:
        return [units[tuple(i) if isinstance(i, list) else i] for i in sequence]

    return [(vocab, "map", map_units), (vocab, "unmap", unmap_ids)]


def is_single_rooted_tree(heads: np.ndarray) -> bool:
    """Whether pointers to heads make a tree with one child of the root.

    Node 0 is the root and points to itself.
    Every node's pointer is doubled until it must have reached the root: log2(n) steps.
    """
    if np.count_nonzero(heads[1:] == 0) != 1:
        return False
    reached = heads
    for _ in range(len(heads).bit_length()):
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


def maximum_spanning_tree(scores: np.ndarray) -> np.ndarray:
    """Chu-Liu-Edmonds with one child of the root, in O(n^2) as Tarjan (1977) does it.

    A path grows from a node along best heads.  Where it meets itself, the cycle becomes one node in
    place: its row (ways in) is the best of the members' rows, each less the arc it would replace, and
    its column (ways out) the best of theirs.  Stanza copies the whole matrix at every cycle.

    Args:
        scores: ``(n, n)``, row i the scores of each head of node i; node 0 is the root.

    Returns:
        For each node its head, ``(n,)``; 0 for the root itself.
    """
    size = len(scores)
    scores = scores.astype(np.float64)
    finite = scores[np.isfinite(scores)]
    # Stanojevic & Cohen (2021): with root arcs this dear, a second one never pays
    scores[:, 0] -= (finite.max() - finite.min() + 1) * size
    np.fill_diagonal(scores, -np.inf)
    # the arc between words for which an entry stands after contractions
    dependent = np.repeat(np.arange(size)[:, None], size, axis=1)
    head = np.repeat(np.arange(size)[None, :], size, axis=0)
    name = list(range(size))  # the node that now lives in a row: a word, or a contracted cycle
    members: dict[int, list[int]] = {}  # of a contracted cycle
    above: dict[int, int] = {}  # the contracted cycle that a node is a member of
    chosen: dict[int, tuple[int, int]] = {}  # the best arc into a node
    done = [True] + [False] * (size - 1)  # rows whose path has reached the root
    place: dict[int, int] = {}  # where on the path a row is
    for start in range(1, size):
        path: list[int] = []
        place.clear()
        row = start
        while not done[row]:
            place[row] = len(path)
            path.append(row)
            column = int(scores[row].argmax())
            chosen[name[row]] = (int(dependent[row, column]), int(head[row, column]))
            if column not in place:
                row = column
                continue
            cycle = path[place[column] :]
            del path[place[column] :]
            into = scores[cycle] - scores[cycle].max(axis=1, keepdims=True)
            into[:, cycle] = -np.inf
            best = into.argmax(axis=0)
            everywhere = np.arange(size)
            rows = np.asarray(cycle)
            ways_in = into[best, everywhere]
            arcs_in = dependent[rows[best], everywhere], head[rows[best], everywhere]
            out = rows[scores[:, rows].argmax(axis=1)]
            ways_out = scores[everywhere, out]
            arcs_out = dependent[everywhere, out], head[everywhere, out]
            row = cycle[0]
            scores[:, rows] = -np.inf
            scores[row], dependent[row], head[row] = ways_in, *arcs_in
            scores[:, row], dependent[:, row], head[:, row] = ways_out, *arcs_out
            scores[row, rows] = -np.inf
            contracted = size + len(members)
            members[contracted] = [name[member] for member in cycle]
            above.update(dict.fromkeys(members[contracted], contracted))
            name[row] = contracted
            for member in cycle[1:]:
                done[member] = True  # lives on in `row`
                scores[member] = -np.inf
        for row in path:
            done[row] = True

    heads = np.zeros(size, dtype=np.int64)
    for node in sorted(chosen, reverse=True):  # a contracted cycle comes before its members
        word, word_head = chosen[node]
        if node in members:
            inner = word
            while above[inner] != node:
                inner = above[inner]
            chosen[inner] = word, word_head  # the member that is entered gives up its own arc
        else:
            heads[node] = word_head
    return heads

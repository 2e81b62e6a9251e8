"""Dependency parsing as a question: a biaffine head over the states of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.arcs import arc_of
from structnn.data.batch import Batch
from structnn.encoders.base import Encoding
from structnn.heads.answers import NO_ANSWER, check_labels
from structnn.heads.readers import READERS, Reader
from structnn.ops.devices import sent
from structnn.ops.dropout import Dropout
from structnn.ops.spanning_tree import best_tree
from structnn.options import Size

__all__ = ["ArcScores", "ArcsAnswer", "ArcsHead", "ArcsReader"]

SLOPE = 0.1
"""Of the leaky rectifier for numbers below 0, as in Dozat and Manning's code."""


class ArcsReader(Reader):
    r"""What each token is as the dependent and as the head of an arc, and of its relation.

    .. math::
        h_t^{(\mathrm{arc\text{-}dep})}, h_t^{(\mathrm{arc\text{-}head})},
        h_t^{(\mathrm{rel\text{-}dep})}, h_t^{(\mathrm{rel\text{-}head})} = f(W r_t + b)

    for the state :math:`r_t` of each token and for a learned state of the root, with the leaky rectifier
    *f* (Dozat and Manning 2017, equations 4 and 5).

    Args:
        sentence_dim: The width of the encoder's sentence vectors.
        state_dim: The width of its states.
        arc_dim: The width of a token's vectors as dependent and as head.
        relation_dim: The width of those for its relation.

    Shapes:
        - output: ``(1 + tokens, 2 arc_dim + 2 relation_dim)``, the root first; in each row the four
          vectors side by side, in the order above
    """

    rows = "token"
    reads_sentences = False

    def __init__(
        self,
        sentence_dim: int,
        state_dim: int,
        *,
        arc_dim: Size = 500,
        relation_dim: Size = 100,
    ) -> None:
        super().__init__(sentence_dim, state_dim)
        self.widths = (arc_dim, arc_dim, relation_dim, relation_dim)
        self.output_dim = sum(self.widths)
        self.root = nn.Parameter(
            torch.empty(state_dim).uniform_(-(state_dim**-0.5), state_dim**-0.5)
        )
        self.layer = nn.Linear(state_dim, self.output_dim)

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        states = torch.cat([self.root[None].to(encoding.tokens), encoding.tokens])
        return F.leaky_relu(self.layer(states), SLOPE)


READERS.add("arcs", ArcsReader)


class Relations(nn.Module):
    r"""The scores of each relation *r* of an arc from the head *j* to the dependent *i*.

    .. math:: s_r = {h_i}^\top U_r h_j + w_r^\top [h_i; h_j] + b_r

    Args:
        width: The width of :math:`h_i` and of :math:`h_j`.
        count: The number of relations.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, count, width))  # U, the dependent first
        self.linear = nn.Linear(2 * width, count)

    def forward(self, dependents: Tensor, heads: Tensor) -> Tensor:
        """``(arcs, count)``, from ``(arcs, width)`` twice."""
        of_dependents = (dependents @ self.weight.flatten(1)).unflatten(1, self.weight.shape[1:])
        bilinear = (of_dependents @ heads[:, :, None]).squeeze(2)
        scores: Tensor = bilinear + self.linear(torch.cat([dependents, heads], dim=1))
        return scores


@dataclass(frozen=True)
class ArcScores:
    """What :class:`ArcsHead` says of the arcs of a batch. Relations are scored for chosen heads alone.

    Attributes:
        arcs: ``(tokens, longest + 1)``, the score of each head of each token: column 0 is the root, and
            column *j* the token *j* of its sentence, from 1. The token itself and columns beyond its
            sentence have the score -inf.
        ptr: ``(sentences + 1,)``, where each sentence begins.
        dependents: ``(tokens, relation_dim)``.
        heads: ``(1 + tokens, relation_dim)``, the root first.
        layer: Scores relations.
    """

    arcs: Tensor
    ptr: Tensor
    dependents: Tensor
    heads: Tensor
    layer: Relations

    def relations(self, heads: Tensor) -> Tensor:
        """The scores of the relations of the arc from a head to each token, ``(tokens, relations)``.

        Args:
            heads: ``(tokens,)``, the head of each token: its number in the sentence, from 1; 0 is the
                root.
        """
        begin = torch.repeat_interleave(self.ptr[:-1], self.ptr.diff(), output_size=len(heads))
        rows = torch.where(heads > 0, begin + heads, 0)
        scores: Tensor = self.layer(self.dependents, self.heads.index_select(0, rows))
        return scores

    def best_heads(self) -> Tensor:
        """The heads of the maximum spanning tree of each sentence, with one child of the root.

        Returns:
            ``(tokens,)``, as :meth:`relations` takes them.
        """
        found = np.concatenate([best_tree(scores)[1:] for scores in self._by_sentence()])
        return sent(torch.from_numpy(found), self.arcs.device)

    def _by_sentence(self) -> Iterator[Tensor]:
        """For each sentence ``(n + 1, n + 1)``, with a row for the root, which has no head."""
        arcs = self.arcs.detach().float().cpu()
        for begin, end in pairwise(self.ptr.tolist()):
            yield F.pad(arcs[begin:end, : end - begin + 1], (0, 0, 1, 0))


class ArcsAnswer(nn.Module):
    r"""The head of each token and its relation, by two softmaxes and their cross-entropies.

    The loss is the mean over tokens of

    .. math:: -\log p(y_i^{(\mathrm{head})}) - \log p(y_i^{(\mathrm{rel})} \mid y_i^{(\mathrm{head})})

    where relations are scored at the right heads. An answer is ``"2:nsubj"`` for each token: the number
    of its head in the sentence, from 1, or 0 where it is the root; and behind the colon its relation.

    Args:
        relations: The names of the relations.

    Raises:
        ValueError: There are none, or one is there twice or empty.
    """

    def __init__(self, relations: Sequence[str]) -> None:
        super().__init__()
        check_labels("relations", relations)
        if not relations:
            raise ValueError("a parser needs at least one relation, but got none")
        self.labels = tuple(relations)

    def loss(self, scores: ArcScores, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss.

        Args:
            scores: What :class:`ArcsHead` gives.
            gold: ``(tokens, 2)``, as :meth:`encode` makes them.
            weights: ``(tokens,)``, by which the loss of each token is multiplied; 1 by default.
        """
        heads, relations = gold.unbind(1)
        of_heads = F.cross_entropy(scores.arcs, heads, reduction="none")
        of_relations = F.cross_entropy(
            scores.relations(heads), relations, ignore_index=NO_ANSWER, reduction="none"
        )
        if weights is not None:
            of_heads, of_relations = of_heads * weights, of_relations * weights
        # Not the mean of cross_entropy: that of no known relation at all isn't a number.
        return of_heads.mean() + of_relations.sum() / (relations != NO_ANSWER).sum().clamp_min(1)

    def encode(self, gold: Sequence[str]) -> Tensor:
        """``(tokens, 2)``: the number of the head, and that of the relation.

        A relation that is none of :attr:`labels` adds no loss; no prediction of it is right.

        Raises:
            ValueError: An answer is no head with a relation.
        """
        index = {relation: number for number, relation in enumerate(self.labels)}
        arcs = [arc_of(one) for one in gold]
        numbers = [(head, index.get(relation, NO_ANSWER)) for head, relation in arcs]
        return torch.tensor(numbers, dtype=torch.long).view(-1, 2)

    @torch.no_grad()
    def decode(self, scores: ArcScores) -> list[str]:
        """The best tree of each sentence, and the best relation of each of its arcs."""
        heads = scores.best_heads()
        relations = scores.relations(heads).argmax(1)
        return [
            f"{head}:{self.labels[relation]}"
            for head, relation in zip(heads.tolist(), relations.tolist(), strict=True)
        ]

    def extra_repr(self) -> str:
        """The relations."""
        return f"relations={self.labels}"


class ArcsHead(nn.Module):
    r"""Deep biaffine attention: how well each token suits as the head of each other one.

    .. math::
        s_{ij} = {h_i^{(\mathrm{arc\text{-}dep})}}^\top U h_j^{(\mathrm{arc\text{-}head})}
            + u^\top h_j^{(\mathrm{arc\text{-}head})}

    with the vectors of :class:`ArcsReader`, and relations as in :class:`Relations` (Dozat and Manning
    2017, equations 3 and 6). *U* and *u* begin as zeros: all heads are equally probable.

    Args:
        reader: Gives the vectors.
        answer: The relations, and the loss.
        dropout: The dropout rate of the vectors.

    Shapes:
        - output: :class:`ArcScores`
    """

    __call__: Callable[..., ArcScores]  # nn.Module's gives Any

    def __init__(self, reader: ArcsReader, answer: ArcsAnswer, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.reader = reader
        self.answer = answer
        self.dropout = Dropout(dropout)
        arc_dim, _, relation_dim, _ = reader.widths
        self.arcs = nn.Parameter(torch.zeros(arc_dim, arc_dim))
        self.head_prior = nn.Parameter(torch.zeros(arc_dim))
        self.relations = Relations(relation_dim, len(answer.labels))

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> ArcScores:
        """The scores."""
        vectors = self.dropout(self.reader(encoding, batch, spans))
        arc_dependents, arc_heads, dependents, heads = vectors.split(self.reader.widths, dim=1)
        return ArcScores(
            arcs=self._arcs(arc_dependents[1:], arc_heads, batch),
            ptr=batch.token_ptr,
            dependents=dependents[1:],
            heads=heads,
            layer=self.relations,
        )

    def _arcs(self, dependents: Tensor, heads: Tensor, batch: Batch) -> Tensor:
        """``(tokens, longest + 1)``, from ``(tokens, arc_dim)`` and ``(1 + tokens, arc_dim)``."""
        # The products of all pairs within a sentence are dense, so sentences are padded for them.
        root = heads[:1].expand(len(batch), 1, -1)
        padded = torch.cat([root, batch.pad(heads[1:])], dim=1)  # (sentences, longest + 1, arc_dim)
        # The prior of a head is what it would have of a further, constant column of dependents.
        queries = batch.pad(dependents @ self.arcs + self.head_prior)
        scores = batch.unpad(queries @ padded.transpose(1, 2))
        columns = torch.arange(scores.shape[1], device=scores.device)
        own = batch.positions[:, None] + 1
        beyond = columns > batch.lengths.index_select(0, batch.token_batch)[:, None]
        return scores.masked_fill(beyond | (columns == own), -torch.inf)

    def loss(self, scores: ArcScores, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss; see :meth:`ArcsAnswer.loss`. Answers and weights may still be on the CPU."""
        device = scores.arcs.device
        weights = None if weights is None else sent(weights, device)
        return self.answer.loss(scores, sent(gold, device), weights)

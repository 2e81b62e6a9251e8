"""Language models: the next word, or hidden words, from the states of an encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from structnn.data.batch import Batch
from structnn.data.flat import check_sentences
from structnn.data.vocabulary import UNKNOWN, Vocabulary
from structnn.decoders.search import Found, Search
from structnn.embeddings.words import WordEmbedding
from structnn.encoders.base import Carried, Encoder
from structnn.heads.answers import NO_ANSWER
from structnn.heads.head import StructuredModel
from structnn.language_models.head import WordsHead
from structnn.language_models.prefixes import END, prefixes_of
from structnn.ops.devices import sent
from structnn.options import at_least
from structnn.sentence import Sentence

__all__ = ["END", "MASK", "SPECIAL", "LanguageModel", "Objective", "language_vocabulary"]

Objective: TypeAlias = Literal["causal", "masked", "prefixes"]
"""What is predicted: each word from the states of those before it, hidden words from all others, or each
word from those before it and their tree, encoded anew for each."""

MASK = "<mask>"
"""Stands in the place of a hidden word."""

SPECIAL = 1
"""The number of the one entry of a vocabulary that is no word: :data:`END` or :data:`MASK`."""

_SYMBOLS: Mapping[str, str] = {"causal": END, "masked": MASK, "prefixes": END}
"""That entry for each objective."""

_UNKNOWN = 0


def _symbol_of(objective: str) -> str:
    if objective not in _SYMBOLS:
        *others, last = map(repr, _SYMBOLS)
        raise ValueError(f"objective must be {', '.join(others)} or {last}, but is {objective!r}")
    return _SYMBOLS[objective]


def language_vocabulary(
    words: Iterable[str],
    objective: Objective,
    counts: Mapping[str, int] | None = None,
    *,
    lowercase: bool = False,
) -> Vocabulary:
    """The vocabulary of a language model: the unknown word, one symbol, and the words.

    The symbol stands for the end of a sentence, or of a masked model for a hidden word.

    Args:
        words: The words; those that are written as one of the symbols are left out.
        objective: The objective of the model: ``"causal"``, ``"masked"`` or ``"prefixes"``.
        counts: How often each word occurs in the training set.
        lowercase: Look words up in lower case.

    Raises:
        ValueError: There is no such objective.
    """
    special = _symbol_of(objective)
    # It is given on purpose, so that word dropout must never take it.
    known = {**(counts or {}), special: 2**62}
    listed = (special, *(word for word in words if word not in (UNKNOWN, END, MASK)))
    return Vocabulary(listed, known, lowercase=lowercase)


class LanguageModel(StructuredModel[WordsHead]):
    r"""A language model: an embedding, an encoder, and the softmax over all words.

    A *causal* one (Bengio et al. 2003; Mikolov et al. 2010) gives a text the probability

    .. math:: p(w_1, \dots, w_n) = \prod_{t=1}^{n+1} p(w_t \mid w_0, \dots, w_{t-1})

    where :math:`w_0` and :math:`w_{n+1}` are the end symbol, and each factor is made of the state of
    :math:`w_{t-1}`. So it takes an encoder whose states depend on the words up to their own alone
    (``encoder.causal``): a recurrent one that reads from left to right, ``transformer(causal=True)``,
    or a bag, whose states are the words themselves.

    A *masked* one (Devlin et al. 2019) predicts some words from the others and their structure. It
    takes any encoder, of sequences, trees or graphs. In place of a hidden word all that is read is the
    mask, before any state is computed: no path through the structure leads from the word to its
    prediction. (Devlin et al. leave a tenth of the words to be predicted as they are, and put others
    in the place of another tenth; here all are hidden.)

    One of *prefixes* gives a text the same product as a causal one, but each factor is made of the
    vector of the sentence :math:`w_0, \dots, w_{t-1}`, which is encoded by itself with the part of the
    tree that lies within it: see :func:`~structnn.language_models.prefixes_of`. So it takes any encoder,
    and as many times longer as a sentence has words.

    Args:
        embedding: The word vectors; their vocabulary is a :func:`language_vocabulary`.
        encoder: The encoder; unless prefixes are read, it loses its readout.
        objective: ``"causal"``, ``"masked"`` or ``"prefixes"``.
        tied: Whether word vectors are also the weights of the softmax: see :class:`WordsHead`.
        dropout: The dropout rate of word vectors and of states.

    Shapes:
        - output: ``(tokens, states)``, see :class:`WordsHead`

    Raises:
        ValueError: There is no such objective, the encoder is not causal, or the vocabulary lacks the
            symbol of the objective.

    Example:
        >>> from structnn import build_encoder
        >>> vocabulary = language_vocabulary(["dogs", "bark"], "causal")
        >>> encoder = build_encoder("lstm", input_dim=20, hidden_dim=30)
        >>> model = LanguageModel(WordEmbedding(vocabulary, 20), encoder, objective="causal")
        >>> batch = model.batch([Sentence(["dogs", "bark"])])
        >>> model.log_probabilities(batch).shape  # of what follows the start, dogs, and bark
        torch.Size([3, 4])
        >>> model.loss(batch, model.next_words(batch)).shape
        torch.Size([])
    """

    head: WordsHead
    embedding: WordEmbedding

    def __init__(
        self,
        embedding: WordEmbedding,
        encoder: Encoder,
        *,
        objective: Objective,
        tied: bool = True,
        dropout: float = 0.0,
    ) -> None:
        special = _symbol_of(objective)
        if objective == "causal" and not encoder.causal:
            raise ValueError(
                f"the states of this {type(encoder).__name__} depend on later words too, which a causal "
                "language model has to predict: take bag, dan, rnn, lstm, gru, min_gru, fast_weights, "
                "hyper_lstm or transformer(causal=True), or the objective 'masked' or 'prefixes'"
            )
        if embedding.vocabulary.words[SPECIAL : SPECIAL + 1] != (special,):
            raise ValueError(
                f"the first word of the vocabulary must be {special!r}: make it with language_vocabulary"
            )
        reads: Literal["tokens", "sentence"] = "tokens"
        if objective == "prefixes":
            reads = "sentence"
        else:
            encoder = encoder.without_readout()
        head = WordsHead(embedding, encoder, tied=tied, dropout=dropout, reads=reads)
        super().__init__(embedding, encoder, head, dropout=dropout)
        self.objective: Objective = objective

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that are read and predicted."""
        return self.embedding.vocabulary

    def batch(self, sentences: Sequence[Sentence]) -> Batch:
        """A batch of sentences as this model reads them: with the end before each, or as prefixes.

        Raises:
            TypeError: Something is no :class:`~structnn.Sentence`.
        """
        check_sentences(sentences)
        if self.objective == "causal":
            sentences = [Sentence((END, *sentence.tokens)) for sentence in sentences]
        elif self.objective == "prefixes":
            sentences = [prefix for sentence in sentences for prefix in prefixes_of(sentence)]
        return Batch.from_sentences(sentences, vocabulary=self.vocabulary)

    def next_words(self, batch: Batch) -> Tensor:
        """``(tokens,)`` or ``(prefixes,)``: the number of the word that follows each; then the end.

        Raises:
            ValueError: The model predicts hidden words.
        """
        if self.objective == "masked":
            raise ValueError("a masked language model predicts hidden words: hide(batch, share)")
        assert batch.token_ids is not None
        if self.objective == "prefixes":
            last = batch.token_ids[batch.token_ptr[1:] - 1]
            # The next prefix is a word longer, if it is of the same sentence.
            goes_on = batch.lengths.roll(-1) == batch.lengths + 1
            return last.roll(-1).masked_fill(~goes_on, SPECIAL)
        following = batch.token_ids.roll(-1)
        following[batch.token_ptr[1:] - 1] = SPECIAL
        return following

    def hide(
        self, batch: Batch, share: float, generator: torch.Generator | None = None
    ) -> tuple[Batch, Tensor]:
        """Hide words, at least one.

        Args:
            batch: The batch.
            share: The probability of each word to be hidden.
            generator: What draws; by default torch's own.

        Returns:
            The same batch with the mask in the place of hidden words; and ``(tokens,)``, the number of
            each hidden word, ``NO_ANSWER`` elsewhere.

        Raises:
            ValueError: The model predicts next words.
        """
        if self.objective != "masked":
            raise ValueError(
                "words are hidden from a masked language model alone: this one predicts what "
                "follows, next_words(batch)"
            )
        assert batch.token_ids is not None
        chance = sent(torch.rand(batch.num_tokens, generator=generator), batch.device)
        hidden = (chance < share) | (chance == chance.min())
        words = batch.token_ids
        return (
            batch.with_token_ids(words.masked_fill(hidden, SPECIAL)),
            words.masked_fill(~hidden, NO_ANSWER),
        )

    def carry(self, batch: Batch, before: Carried | None) -> tuple[Tensor, Carried]:
        """The states where each text goes on from what was read before: see ``Encoder.carry``."""
        return self.encoder.carry(self.dropout(self.embedding(batch)), batch, before)

    def log_probabilities(self, batch: Batch) -> Tensor:
        """``(tokens, words)``: what follows each token, or stands in its place if it is hidden."""
        return self.head.log_probabilities(self(batch))

    def loss(self, batch: Batch, gold: Tensor) -> Tensor:
        """The mean loss in nats.

        Args:
            batch: What is read.
            gold: ``(tokens,)`` or ``(prefixes,)``, from :meth:`next_words` or :meth:`hide`.
        """
        return self.head.loss(self(batch), gold)

    @torch.no_grad()
    def sample(
        self, prompt: Sequence[str], search: Search, *, count: int = 1, length: int = 50
    ) -> list[list[Found]]:
        """Go on from a prompt, with a causal model in evaluation mode.

        The unknown word is never written. An encoder that carries what it remembers reads each word
        once; others read the text anew at each step.

        Args:
            prompt: The first words.
            search: How the others are drawn, or searched for.
            count: How many texts.
            length: The largest number of words behind the prompt, unless the search says.

        Returns:
            For each text the best found, without the prompt; numbers are those of the vocabulary.

        Raises:
            ValueError: The model is not causal, the prompt is one string, or a number is below 1.
        """
        if self.objective != "causal":
            raise ValueError(
                "only a causal language model writes text: this one is of another kind"
            )
        at_least(1, count=count, length=length)
        if isinstance(prompt, str):
            raise ValueError(
                f"the prompt must be a list of words, but is one string: {prompt!r:.40}"
            )
        device = self.head.bias.device
        waiting = [self.vocabulary[word] for word in prompt]

        def step(last: Tensor, state: Carried) -> tuple[Tensor, Carried]:
            new = last[:, :, None]  # (texts, hypotheses, words)
            if waiting:  # behind the start
                first = torch.tensor(waiting, device=device)
                new = torch.cat([new, first.expand(*last.shape, -1)], dim=2)
                waiting.clear()
            if self.encoder.carries:
                before = tuple(part.flatten(0, 1) for part in state) or None
                states, after = self.carry(_batch_of(new.flatten(0, 1)), before)
            else:
                new = torch.cat([*state, new], dim=2)
                states, after = self(_batch_of(new.flatten(0, 1))), (new.flatten(0, 1),)
            ends = states.unflatten(0, (-1, new.shape[2]))[:, -1]
            scores = self.head.scores(ends)
            scores[:, _UNKNOWN] = -torch.inf
            logs = scores.log_softmax(1).unflatten(0, last.shape)
            return logs, tuple(part.unflatten(0, last.shape) for part in after)

        limits = torch.full((count,), length, device=device)
        return search(step, (), SPECIAL, limits)


def _batch_of(ids: Tensor) -> Batch:
    """A batch of texts of one length, given the numbers of their words, ``(texts, length)``."""
    place = Sentence(["-"] * ids.shape[1])  # the words are known by their numbers
    return Batch.from_sentences([place] * len(ids)).to(ids.device).with_token_ids(ids.flatten())

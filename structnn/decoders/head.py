"""The head that answers with a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from structnn.data.batch import Batch
from structnn.decoders.base import Decoder, Memory, State, all_steps, chosen
from structnn.decoders.output import Output, Source
from structnn.decoders.reading import Hypothesis, Reading, StatesReader
from structnn.decoders.search import GREEDY, Found, Search, Watcher
from structnn.decoders.target import TargetVocabulary
from structnn.encoders.base import Encoding
from structnn.notes import note
from structnn.ops.devices import sent
from structnn.ops.dropout import Dropout
from structnn.ops.segments import Padding
from structnn.readouts import state_padding
from structnn.sentence import Sentence

__all__ = ["SequenceHead"]

_PADDING = -1


class SequenceHead(nn.Module):
    r"""A decoder with the vectors of its pieces and their probabilities.

    Training maximises the probability of the target given the source, each step being given the pieces
    of the target before it (teacher forcing). The loss is the mean over pieces, the ends included, of

    .. math:: -(1 - \epsilon) \log p(w_t) - \frac{\epsilon}{|V|} \sum_{v \in V} \log p(v)

    (label smoothing, Szegedy et al. 2016), and with coverage :math:`\sum_i \min(a_{ti}, c_{ti})` more
    (See et al. 2017), where :math:`c_t` is the sum of the attention before.

    A step reads the vector :math:`e` of the piece before; with ``selective_read`` the states *h* of the
    source words that it equals, too, so that a copied word is known by where it stands in the sentence
    or its tree (Gu et al. 2016, but with equal shares in place of attention, which steps of training
    can then go without waiting for each other):

    .. math:: x_t = e(w_{t-1}) + W \frac{1}{n} \sum_{i: w_i = w_{t-1}} h_i

    where *n* is the number of these states; nothing is added if the source has no such word.

    Args:
        decoder: What makes the outputs, see :func:`~structnn.build_decoder`.
        target: The pieces.
        reads: Which states of an encoding are read: those of all ``"nodes"``, or of ``"tokens"``.
        dropout: The dropout rate of the vectors of pieces.
        label_smoothing: :math:`\epsilon`.
        scheduled_sampling: The probability that a step of training is given the piece that the model
            finds most likely, not the one of the target (Bengio et al. 2015).
        search: How sequences are searched for where nothing else is said.

    Raises:
        ValueError: Words are to be copied, but the pieces are not words; or ``label_smoothing`` or
            ``scheduled_sampling`` is not from 0 to 1.

    Example:
        >>> from structnn import TargetVocabulary, build_decoder, build_encoder
        >>> encoder = build_encoder("bilstm", input_dim=5, hidden_dim=8)
        >>> decoder = build_decoder("gru", encoder, input_dim=6, hidden_dim=8)
        >>> head = SequenceHead(decoder, TargetVocabulary.from_texts(["two dogs", "a cat"]))
        >>> sentences = [Sentence(["deux", "chiens"]), Sentence(["un", "chat"])]
        >>> batch = Batch.from_sentences(sentences)
        >>> reading = head(encoder(torch.randn(4, 5), batch), batch)
        >>> head.loss(reading, head.targets(["two dogs", "a cat"], sentences)).shape
        torch.Size([])
        >>> len(head.generate(reading))  # a list of hypotheses for each sentence
        2
    """

    __call__: Callable[..., Reading]  # nn.Module's gives Any

    def __init__(
        self,
        decoder: Decoder,
        target: TargetVocabulary,
        *,
        reads: Literal["nodes", "tokens"] = "nodes",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
        search: Search = GREEDY,
    ) -> None:
        super().__init__()
        for name, share in (
            ("label_smoothing", label_smoothing),
            ("scheduled_sampling", scheduled_sampling),
        ):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be from 0 to 1, but is {share}")
        if decoder.copy and target.unit != "words":
            raise ValueError(
                f"copying takes source words, but the unit of the target is {target.unit!r}: use "
                "words, or a decoder with copy=False"
            )
        self.target = target
        self.search = search
        self.reader = StatesReader(
            decoder.sentence_dim,
            decoder.state_dim,
            states=reads,
            sentences=decoder.reads_sentences,
        )
        self.label_smoothing = label_smoothing
        self.scheduled_sampling = scheduled_sampling
        self.embedding = nn.Embedding(len(target), decoder.input_dim)
        nn.init.normal_(self.embedding.weight, std=decoder.input_dim**-0.5)
        self.dropout = Dropout(dropout)
        self.decoder = decoder
        self.read = (
            nn.Linear(decoder.state_dim, decoder.input_dim, bias=False)
            if decoder.selective_read
            else None
        )
        self.output = Output(
            decoder.output_dim, len(target), copy=decoder.copy, copy_once=decoder.copy_once
        )

    @property
    def answer(self) -> TargetVocabulary:
        """What is predicted."""
        return self.target

    def targets(self, texts: Sequence[str], sentences: Sequence[Sentence]) -> Tensor:
        """Texts as numbers, ``(pieces,)``: all in a row, each with the end behind it.

        Args:
            texts: The target of each example.
            sentences: The source of each, from which words are copied.

        Raises:
            ValueError: There are more or fewer texts than sentences.
        """
        if len(texts) != len(sentences):
            raise ValueError(
                f"each sentence needs one target, but there are {len(texts)} targets for "
                f"{len(sentences)} sentences"
            )
        copies = self.decoder.copy
        numbers = [
            self.target.encode(text, sentence.tokens if copies else ())
            for text, sentence in zip(texts, sentences, strict=True)
        ]
        return torch.tensor([number for own in numbers for number in own])

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Reading:
        """What the decoder reads of an encoding; the other methods take it.

        Args:
            encoding: The encoding.
            batch: Its sentences.
            spans: Not read; there for all heads to be called alike.
        """
        states = self.reader(encoding, batch)
        memory = self.decoder.prepare(Memory.of(encoding, batch, states))
        source = None
        if self.decoder.copy:
            padding = state_padding(states, encoding.tokens, batch)
            source = self._source(padding, batch, of_tokens=states is encoding.tokens)
        return Reading(memory, source, batch.sentences)

    def log_probabilities(self, reading: Reading, gold: Tensor) -> tuple[Tensor, Tensor | None]:
        """The logarithms of the probabilities at each piece, given the pieces of the target before it.

        Args:
            reading: What :meth:`forward` gave.
            gold: The targets, as :meth:`targets` gives them. If they are on the CPU, no GPU is waited
                for to see where each ends.

        Returns:
            ``(pieces, numbers)``; and ``(pieces, longest source)``, the alignment, or None for a decoder
            without attention.
        """
        made, rows = self._forced(reading, gold)
        alignment, source = self._copies(made, rows, reading.source)
        return self.output(_at(made.output, rows), alignment, source), alignment

    def loss(self, reading: Reading, gold: Tensor) -> Tensor:
        """The mean loss over pieces; arguments as for :meth:`log_probabilities`."""
        made, rows = self._forced(reading, gold)
        output, copies = _at(made.output, rows), self._copies(made, rows, reading.source)
        gold = sent(gold, output.device)
        if self.training and self.label_smoothing:
            logs = self.output(output, *copies)
            even = -logs[:, : len(self.target)].mean()
            loss: Tensor = -logs.gather(1, gold[:, None]).mean()
            loss = (1 - self.label_smoothing) * loss + self.label_smoothing * even
        else:
            loss = -self.output.of_gold(output, gold, *copies).mean()
        if self.training and self.decoder.has_coverage and made.alignment is not None:
            before = made.alignment.cumsum(1) - made.alignment
            loss = loss + _at(torch.minimum(made.alignment, before).sum(2), rows).mean()
        return loss

    @torch.no_grad()
    def generate(
        self, reading: Reading, search: Search | None = None, watch: Watcher | None = None
    ) -> list[list[Hypothesis]]:
        """The sequences that a search finds, best first, for each sentence.

        Args:
            reading: What :meth:`forward` gave.
            search: How to search; by default as the head's :attr:`search` says.
            watch: Sees each step of the search.
        """
        memory = reading.memory
        lengths = memory.mask.sum(1)
        limits = torch.maximum(2 * lengths + 10, torch.full_like(lengths, 2 * self.target.longest))

        def step(last: Tensor, state: State) -> tuple[Tensor, State]:
            made = self._step(last, state, reading)
            logs = self._logs(made, reading.source)
            if reading.source is not None:
                # A beam with room takes any number that is likelier than nothing.
                foreign = reading.source.foreign(logs.shape[2])
                logs = logs.masked_fill(foreign[:, None], -torch.inf)
            return logs, made.state

        search = self.search if search is None else search
        state = self._start(reading)
        found = search(step, state, self.target.end, limits, watch, select=self._select)
        alignments = self._alignments(found, reading) if self.decoder.has_alignment else None
        copies = self.decoder.copy
        return [
            [
                Hypothesis(
                    self.target.decode(one.pieces, sentence.tokens if copies else ()),
                    self.target.decode_pieces(one.pieces, sentence.tokens if copies else ()),
                    one.log_probability,
                    one.score,
                    None if alignments is None else alignments[number][rank],
                )
                for rank, one in enumerate(own)
            ]
            for number, (own, sentence) in enumerate(zip(found, reading.sentences, strict=True))
        ]

    def extra_repr(self) -> str:
        return (
            f"{self.target!r}, label_smoothing={self.label_smoothing:g}, "
            f"scheduled_sampling={self.scheduled_sampling:g}"
        )

    def _source(self, padding: Padding, batch: Batch, *, of_tokens: bool) -> Source:
        """The words that can be copied, laid out as the memory is."""
        numbers = [self.target.numbers_of(sentence.tokens) for sentence in batch.sentences]
        flat = sent(torch.tensor([number for own in numbers for number in own]), batch.device)
        if not of_tokens:
            words = batch.node_tokens  # (nodes,), -1 for a node with no word
            flat = flat[words].masked_fill(words < 0, -1)
        laid_out = padding.pad(flat + 1) - 1  # -1 where there is nothing
        return Source(laid_out, max(0, max(map(max, numbers)) + 1 - len(self.target)))

    def _forced(self, reading: Reading, gold: Tensor) -> tuple[_Made, Tensor]:
        """All steps, given the pieces of the target before each; which of them have a piece."""
        wanted, device = self._padded(gold), reading.memory.states.device
        rows = (wanted != _PADDING).flatten().nonzero()[:, 0]
        return self._run(sent(wanted, device), reading), sent(rows, device)

    @staticmethod
    def _copies(
        made: _Made, rows: Tensor, source: Source | None
    ) -> tuple[Tensor | None, Source | None]:
        """The alignment of the pieces that there are, and what can be copied at each."""
        alignment = None if made.alignment is None else _at(made.alignment, rows)
        if source is not None:
            counts = None if made.counts is None else _at(made.counts, rows)
            source = source.select(rows // made.output.shape[1], counts)
        return alignment, source

    def _padded(self, gold: Tensor) -> Tensor:
        """``(examples, longest)``, -1 behind the end of each target."""
        ends = (gold == self.target.end).nonzero()[:, 0] + 1
        sizes = ends.diff(prepend=ends.new_zeros(1)).tolist()
        return pad_sequence(list(gold.split(sizes)), batch_first=True, padding_value=_PADDING)

    def _vectors(self, pieces: Tensor) -> Tensor:
        """The vectors of pieces; copied words that are not listed have that of the unknown one."""
        known = pieces.masked_fill((pieces >= len(self.target)) | (pieces < 0), 0)
        vectors: Tensor = self.dropout(self.embedding(known))
        return vectors

    def _inputs(self, pieces: Tensor, reading: Reading) -> Tensor:
        """What the decoder reads of the pieces before, for each of ``(sentences, pieces)``."""
        vectors = self._vectors(pieces)
        if self.read is None or reading.source is None:
            return vectors
        states = reading.memory.states
        same = reading.source.at(pieces)
        shares = same.to(states.dtype) / same.sum(2, keepdim=True).clamp(min=1)
        read: Tensor = self.read(shares @ states)
        return vectors + read

    def _start(self, reading: Reading) -> State:
        """What is remembered before the first step: counts, if they are asked, then the decoder's."""
        state = self.decoder.start(reading.memory)
        if not self.decoder.copy_once or reading.source is None:
            return state
        return torch.zeros_like(reading.source.numbers)[:, None], *state

    def _select(self, state: State, places: Tensor) -> State:
        """What is remembered of chosen hypotheses."""
        if not self.decoder.copy_once:
            return self.decoder.select(state, places)
        counts, *own = state
        return chosen(counts, places), *self.decoder.select(tuple(own), places)

    def _step(self, last: Tensor, state: State, reading: Reading) -> _Made:
        """One step of each hypothesis, given its last piece."""
        x = self._inputs(last, reading)
        if not self.decoder.copy_once or reading.source is None:
            made = self.decoder.step(x, state, reading.memory)
            return _Made(made.output, made.alignment, None, made.state)
        counts, *own = state
        counts = counts + reading.source.at(last)
        made = self.decoder.step(x, tuple(own), reading.memory)
        return _Made(made.output, made.alignment, counts, (counts, *made.state))

    def _before(self, wanted: Tensor) -> Tensor:
        """The piece before each; the end stands before the first."""
        first = torch.full_like(wanted[:, :1], self.target.end)
        return torch.cat([first, wanted[:, :-1]], dim=1)

    def _run(self, wanted: Tensor, reading: Reading) -> _Made:
        given = self._before(wanted)
        if self.training and self.scheduled_sampling:
            return self._run_on_own(given, reading)
        made = self.decoder.run(self._inputs(given, reading), reading.memory)
        if made.alignment is not None:
            note("alignment", made.alignment)
        counts = None
        if self.decoder.copy_once and reading.source is not None:
            counts = reading.source.at(given).cumsum(1)
        return _Made(made.output, made.alignment, counts)

    def _run_on_own(self, given: Tensor, reading: Reading) -> _Made:
        """Step by step, some pieces of the target being replaced by those that the model predicts."""
        own = torch.rand(given.shape, device=given.device) < self.scheduled_sampling
        own[:, 0] = False
        state = self._start(reading)
        predicted = given[:, :1]
        steps: list[_Made] = []
        for place in range(given.shape[1]):
            now = slice(place, place + 1)
            last = torch.where(own[:, now], predicted, given[:, now])
            steps.append(self._step(last, state, reading))
            state = steps[-1].state
            predicted = self._logs(steps[-1], reading.source).argmax(2)
        return _Made(
            torch.cat([made.output for made in steps], dim=1),
            all_steps([made.alignment for made in steps]),
            all_steps([made.counts for made in steps]),
        )

    def _logs(self, made: _Made, source: Source | None) -> Tensor:
        """``(sentences, hypotheses, numbers)``."""
        shape = made.output.shape[:2]
        alignment = None if made.alignment is None else made.alignment.flatten(0, 1)
        if source is not None:
            rows = torch.arange(shape[0], device=made.output.device).repeat_interleave(shape[1])
            counts = None if made.counts is None else made.counts.flatten(0, 1)
            source = source.select(rows, counts)
        logs: Tensor = self.output(made.output.flatten(0, 1), alignment, source).unflatten(0, shape)
        return logs

    def _alignments(self, found: Sequence[Sequence[Found]], reading: Reading) -> list[list[Tensor]]:
        """The alignment of each sequence found, by a run over all of it."""
        made: list[list[Tensor]] = [[] for _ in found]
        memory, lengths = reading.memory, reading.memory.mask.sum(1).tolist()
        for rank in range(max(map(len, found))):
            own = [sequences[min(rank, len(sequences) - 1)].pieces for sequences in found]
            gold = torch.tensor([piece for pieces in own for piece in [*pieces, self.target.end]])
            wanted = sent(self._padded(gold), memory.states.device)
            inputs = self._inputs(self._before(wanted), reading)
            alignment = self.decoder.run(inputs, memory).alignment
            assert alignment is not None
            for number, (pieces, length) in enumerate(zip(own, lengths, strict=True)):
                if rank < len(found[number]):
                    made[number].append(alignment[number, : len(pieces) + 1, :length])
        return made


def _at(steps: Tensor, rows: Tensor) -> Tensor:
    """``(sentences, steps, ...)`` at these of all steps, ``(rows, ...)``."""
    return steps.flatten(0, 1).index_select(0, rows)


class _Made(NamedTuple):
    """What the decoder gave for one step of each hypothesis, or for all steps: a step, and counts.

    Attributes:
        output: ``(sentences, hypotheses or steps, output_dim)``.
        alignment: ``(sentences, hypotheses or steps, longest)``, or None.
        counts: Of the same shape, how often the word of each state was written; None where that isn't
            asked.
        state: What is remembered.
    """

    output: Tensor
    alignment: Tensor | None
    counts: Tensor | None
    state: State = ()

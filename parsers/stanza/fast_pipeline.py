"""Stanza's tagger and parser for many sentences at once, without its documents.

Between its networks Stanza makes an object of each word, and lists of their fields for each batch,
which takes half the time of small models. Here words stay strings and indices, and the results are
the same:

- Apart from tags, the inputs of the networks depend on the form of a word alone, so embeddings and
  character LSTMs run once for each distinct form, and not for each word.
- Each batch is tagged and parsed before the next.
- Morphological features are left out: neither the parser nor a :class:`~structnn.Sentence` needs them.

The module depends on the internals of Stanza's networks, so it is used only with the versions on
which it was checked, and with networks of the kinds that :mod:`parsers.training` trains: with
character LSTMs, and without language models and lemmas. Other pipelines run through
:mod:`parsers.stanza.documents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
    pad_sequence,
)

from parsers.stanza import fast_depparse, fast_tokenizer
from parsers.stanza.documents import Annotation, Token
from parsers.stanza.fast_tokenizer import BATCH_CHARACTERS, FastTokenizer, batches_by_length

__all__ = ["FastPipeline", "is_supported"]


def is_supported(pipeline: Any) -> bool:
    """Whether this module can run the networks of a pipeline."""
    from stanza.models.common.vocab import CompositeVocab

    processors = pipeline.processors
    needed = {"tokenize", "pos", "depparse"}
    if not (
        needed <= processors.keys() <= needed | {"mwt"}
        and fast_depparse.is_supported(pipeline)
        and fast_tokenizer.is_supported(processors["tokenize"])
    ):
        return False
    tagger, parser = (processors[name].trainer.model for name in ("pos", "depparse"))
    return (
        _reads_forms(tagger)
        and tagger.share_hid
        and not isinstance(tagger.vocab["xpos"], CompositeVocab)
        and _reads_forms(parser)
        and parser.args["tag_emb_dim"] > 0
        and parser.args.get("use_upos", True)
        and parser.args.get("use_xpos", True)
        and not parser.args.get("use_ufeats", True)
        and not parser.args.get("reversed")
    )


def _reads_forms(model: Any) -> bool:
    """Whether all inputs of a network for a word, apart from tags, depend on its form alone."""
    return (
        model.bert_model is None
        and not model.args.get("charlm")
        and bool(model.args["char"])
        and all(model.args[name] > 0 for name in ("word_emb_dim", "char_emb_dim"))
    )


class _Forms(NamedTuple):
    """The inputs of a network for each distinct form: a row each, after the root's if there is one.

    Attributes:
        word: ``(forms, d)``, word embeddings.
        pretrained: ``(forms, d)``, projected pretrained vectors; ``d`` is 0 without them.
        characters: ``(forms, d)``, projected states of the character LSTM.
    """

    word: Tensor
    pretrained: Tensor
    characters: Tensor


class _FormTable:
    """The forms that were read, so that none is read twice.

    Args:
        tagger: Stanza's processor of tags.
        parser: Its processor of trees.
    """

    limit = 20_000  # then it is emptied: a form takes about 2 kB

    def __init__(self, tagger: Any, parser: Any) -> None:
        self._processors = (tagger, parser)
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._number_of: dict[str, int] = {}
        tagger, parser = self._processors
        self._read = [_read(tagger, []), _read(parser, [], root=True)]

    def look_up(self, sentences: Sequence[Sequence[str]]) -> tuple[list[Tensor], list[_Forms]]:
        """The number of each word's form, and the inputs of both networks by these numbers.

        The parser's begin with those of the root, so a form is one row further down there.
        """
        from stanza.models.common.utils import simplify_punct

        with self._lock:  # what was returned before is not changed
            if len(self._number_of) > self.limit:
                self._clear()
            known = len(self._number_of)
            number_of = self._number_of
            numbers = [
                torch.tensor([number_of.setdefault(token, len(number_of)) for token in sentence])
                for sentence in sentences
            ]
            if len(number_of) > known:
                tokens = [*number_of][known:]
                forms = [form for (form,) in simplify_punct([[[token] for token in tokens]])[0]]
                for network, (kept, processor) in enumerate(
                    zip(self._read, self._processors, strict=True)
                ):
                    begin = known + network
                    self._read[network] = _Forms(
                        *(
                            _put(part, begin, new)
                            for part, new in zip(kept, _read(processor, forms), strict=True)
                        )
                    )
            return numbers, [*self._read]


def _put(rows: Tensor, begin: int, new: Tensor) -> Tensor:
    """Rows with new ones from there on, in place where there is room."""
    end = begin + len(new)
    if end > len(rows):
        longer = rows.new_empty(max(end, 2 * len(rows)), rows.size(1))
        longer[:begin] = rows[:begin]
        rows = longer
    rows[begin:end] = new
    return rows


class FastPipeline:
    """A ``stanza.Pipeline`` without its documents.

    Args:
        pipeline: A ``stanza.Pipeline`` for which :func:`is_supported` is true, after
            :func:`parsers.stanza.fast_depparse.accelerate`.
    """

    def __init__(self, pipeline: Any) -> None:
        processors = pipeline.processors
        self._tokenizer = FastTokenizer(processors["tokenize"], processors.get("mwt"))
        self.longest_token = self._tokenizer.longest_token
        self._tagger, self._parser = processors["pos"], processors["depparse"]
        with torch.inference_mode():
            self._forms = _FormTable(self._tagger, self._parser)
        self._device = self._parser.trainer.model.get_device()
        self._no_lemma = self._parser.vocab["lemma"].unit2id("_")
        # Tagger and parser have different indices for the same tags.
        self._renumbered = [
            torch.tensor(
                [theirs.unit2id(ours.id2unit(tag)) for tag in range(len(ours))],
                device=self._device,
            )
            for ours, theirs in (
                (self._tagger.vocab[name], self._parser.vocab[name]) for name in ("upos", "xpos")
            )
        ]

    def tokenize(self, texts: Sequence[str]) -> list[list[list[Token]] | None]:
        """The sentences of each text; no characters are lost."""
        return self._tokenizer.tokenize(texts)

    @torch.inference_mode()
    def annotate(self, sentences: Sequence[Sequence[str]]) -> list[Annotation]:
        """Tag and parse sentences."""
        words, (read_by_tagger, read_by_parser) = self._forms.look_up(sentences)
        annotations: dict[int, Annotation] = {}
        for batch in batches_by_length(
            [len(each) + 1 for each in words], self._parser.config["batch_size"]
        ):
            lengths = [len(words[index]) for index in batch]
            numbers = pad_sequence([words[index] for index in batch], batch_first=True).to(
                self._device
            )
            tags = self._tags(numbers, lengths, read_by_tagger)
            trees = self._trees(numbers, tags, lengths, read_by_parser)
            for index, length, upos, (heads, relations) in zip(
                batch, lengths, tags[..., 0].tolist(), trees, strict=True
            ):
                names = self._tagger.vocab["upos"].unmap(upos[:length])
                annotations[index] = Annotation(names, heads, relations)
        return [annotations[index] for index in range(len(sentences))]

    def _tags(self, numbers: Tensor, lengths: list[int], forms: _Forms) -> Tensor:
        """The universal and the language-specific tag of each word, as by Stanza's ``Tagger``.

        Args:
            numbers: ``(sentences, words)``, the row in ``forms`` of each word.
            lengths: The number of words of each sentence, in descending order.
            forms: The inputs of the tagger.

        Returns:
            ``(sentences, words, 2)``, the indices of the tags.
        """
        model = self._tagger.trainer.model
        words = pack_padded_sequence(numbers, lengths, batch_first=True)
        inputs = torch.cat([part[words.data] for part in forms], 1)
        states = _states(model, "taggerlstm", PackedSequence(inputs, words.batch_sizes))
        hidden = torch.relu(model.upos_hid(states.data))  # (all words, hidden)
        tags = [layer(hidden).argmax(1) for layer in (model.upos_clf, model.tag_clf["xpos"])]
        packed = PackedSequence(torch.stack(tags, 1), words.batch_sizes)
        return pad_packed_sequence(packed, batch_first=True)[0]

    def _trees(
        self, numbers: Tensor, tags: Tensor, lengths: list[int], forms: _Forms
    ) -> list[tuple[list[int], list[str]]]:
        """The heads and relations of the words, as by Stanza's ``GraphParser``.

        Args:
            numbers: ``(sentences, words)``, the row in ``forms`` of each word, without the root's.
            tags: ``(sentences, words, 2)``, the tags that the tagger predicts.
            lengths: The number of words of each sentence, in descending order.
            forms: The inputs of the parser.

        Returns:
            For each sentence the head and the relation of each word; words count from 1, and 0 is
            the root.
        """
        from stanza.models.common.vocab import ROOT_ID

        model = self._parser.trainer.model
        lengths = [length + 1 for length in lengths]
        columns = [functional.pad(numbers + 1, (1, 0))] + [
            functional.pad(renumbered[tags[..., column]], (1, 0), value=ROOT_ID)
            for column, renumbered in enumerate(self._renumbered)
        ]
        words = pack_padded_sequence(torch.stack(columns, 2), lengths, batch_first=True)
        number, upos, xpos = words.data.unbind(1)
        inputs = torch.cat(
            [
                forms.pretrained[number],
                forms.word[number],
                model.lemma_emb(torch.where(number == 0, ROOT_ID, self._no_lemma)),
                model.upos_emb(upos) + model.xpos_emb(xpos),
                forms.characters[number],
            ],
            1,
        )
        states = _states(model, "parserlstm", PackedSequence(inputs, words.batch_sizes))
        return fast_depparse.decode(
            model,
            pad_packed_sequence(states, batch_first=True)[0],
            lengths,
            resolve_head_constraints=self._parser.config.get("resolve_head_constraints", True),
        )


def _read(processor: Any, forms: Sequence[str], *, root: bool = False) -> _Forms:
    """The inputs of a processor's network for these forms, with ``root`` after those of the root."""
    from stanza.models.common.vocab import ROOT_ID

    model, vocab = processor.trainer.model, processor.vocab
    before = [ROOT_ID] if root else []

    def indices(found: list[int]) -> Tensor:
        return torch.tensor(before + found, dtype=torch.long, device=model.word_emb.weight.device)

    word = model.word_emb(indices(vocab["word"].map(forms)))
    pretrained = word.new_empty(len(word), 0)
    if model.args["pretrain"]:
        known = processor.pretrain.vocab.map([form.lower() for form in forms])
        pretrained = model.trans_pretrained(model.pretrained_emb(indices(known)))
    units = [torch.tensor(row) for row in [before] * root + [vocab["char"].map(f) for f in forms]]
    lengths = [len(row) for row in units]
    characters = word.new_empty(len(units), model.trans_char.out_features)
    for batch in batches_by_length(lengths, BATCH_CHARACTERS):
        padded = pad_sequence([units[index] for index in batch], batch_first=True).to(word.device)
        order, count = range(len(batch)), [len(batch)]  # in this order, all of one sentence
        read = model.charmodel(padded, None, order, count, [lengths[index] for index in batch])
        characters[batch] = model.trans_char(read.data)
    return _Forms(word, pretrained, characters)


def _states(model: Any, name: str, inputs: PackedSequence) -> PackedSequence:
    """The states of the LSTM of this name, which begins with its learned initial state."""
    start = [
        getattr(model, f"{name}_{part}_init")
        .expand(-1, int(inputs.batch_sizes[0]), -1)
        .contiguous()
        for part in ("h", "c")
    ]
    states: PackedSequence
    states, _ = getattr(model, name)(inputs, None, hx=start)
    return states

"""Stanza's tokenizer for many texts at once, without its documents; the tokens are the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from parsers.stanza.documents import Token
from structnn.fused.lstm import replace_lstms

__all__ = ["BATCH_CHARACTERS", "FastTokenizer", "batches_by_length", "is_supported"]

BATCH_CHARACTERS = 4_000
"""The number of characters that a character LSTM reads at once, with padding."""

_MOST_EXPANSIONS = 10_000  # then they are forgotten

_POSITION_FEATURES = ("end_of_para", "start_of_para")  # in the order in which Stanza appends them


def is_supported(tokenizer: Any) -> bool:
    """Whether this module can run a tokenize processor of Stanza."""
    from stanza.models.tokenization.data import PER_CHAR_FEAT_FUNCS

    if tokenizer.trainer is None:  # another library's tokenizer, or none
        return False
    config = tokenizer.config
    return (
        not any(config.get(name) for name in ("postprocessor", "speaker_delim", "use_dictionary"))
        and tokenizer.trainer.model.charmodel is None
        and tokenizer.trainer.args["shorthand"] != "la_ittb"  # splits where its network doesn't
        and set(config["feat_funcs"]) <= {*PER_CHAR_FEAT_FUNCS, *_POSITION_FEATURES}
    )


class FastTokenizer:
    """Splits texts into sentences and words.

    The network marks the last character of each token, and whether it ends a sentence and whether
    the token is a multiword token (``don't``).

    Args:
        tokenizer: A tokenize processor of Stanza for which :func:`is_supported` is true.
        expander: Stanza's processor of multiword tokens; None if the pipeline has none.
    """

    def __init__(self, tokenizer: Any, expander: Any = None) -> None:
        self.longest_token: int = tokenizer.config.get("max_seqlen", 1000)
        self._window = max(1000, self.longest_token)
        self._config = tokenizer.config
        self._vocab = tokenizer.vocab
        self._model = tokenizer.trainer.model.eval()
        replace_lstms(self._model)
        self._expander = expander
        self._expanded: dict[str, tuple[str, ...]] = {}

    @torch.inference_mode()
    def tokenize(self, texts: Sequence[str]) -> list[list[list[Token]] | None]:
        """The sentences of each text, with the words of multiword tokens; no characters are lost."""
        paragraphs = [self._paragraphs(text) for text in texts]
        labels = iter(self._labels([part for parts in paragraphs for part in parts]))
        marked = [
            [sentence for part in parts for sentence in self._sentences(part, next(labels))]
            for parts in paragraphs
        ]
        expansions = self._expansions(
            {
                token
                for text in marked
                for sentence in text
                for token, several in sentence
                if several
            }
        )
        return [
            [
                [
                    Token(token, expansions.get(token, (token,)) if several else (token,))
                    for token, several in sentence
                ]
                for sentence in text
            ]
            for text in marked
        ]

    def _paragraphs(self, text: str) -> list[str]:
        """The paragraphs of a text, separated by empty lines, with one space for any white space."""
        from stanza.models.tokenization.data import NEWLINE_WHITESPACE_RE, WHITESPACE_RE

        parts = [part.rstrip() for part in NEWLINE_WHITESPACE_RE.split(text)]
        if self._config.get("skip_newline"):
            parts = [part.replace("\n", "") for part in parts]
        return [re.sub(" +", " ", WHITESPACE_RE.sub(" ", part)) for part in parts if part]

    def _labels(self, paragraphs: Sequence[str]) -> list[np.ndarray]:
        """For each character 0 inside a token, 1 at its end, and 2 at the end of a sentence.

        For multiword tokens 3 and 4 in place of 1 and 2.
        """
        from stanza.models.tokenization.utils import update_pred_regex

        device = next(self._model.parameters()).device
        inputs = self._inputs(paragraphs)
        labels = [np.zeros(len(units), dtype=np.int64) for units, _ in inputs]
        begins = dict.fromkeys(range(len(paragraphs)), 0)
        while begins:  # a paragraph longer than a window continues after its last sentence
            spans = [
                (index, begin, min(begin + self._window, len(labels[index])))
                for index, begin in begins.items()
            ]
            begins = {}
            for batch in batches_by_length(
                [end - begin for _, begin, end in spans], BATCH_CHARACTERS
            ):
                rows = [spans[number] for number in batch]
                units, features = (
                    pad_sequence(
                        [inputs[i][part][begin:end] for i, begin, end in rows], batch_first=True
                    )
                    for part in (0, 1)
                )
                scores = self._model(
                    units.to(device), features.to(device), [end - begin for _, begin, end in rows]
                )  # (spans, characters, labels)
                for (i, begin, end), found in zip(
                    rows, scores.argmax(2).cpu().numpy(), strict=True
                ):
                    ends = np.flatnonzero((found == 2) | (found == 4))
                    if len(ends) and begin + self._window < len(labels[i]):
                        end = begin + int(ends[-1]) + 1
                    labels[i][begin:end] = found[: end - begin]
                    if end < len(labels[i]):
                        begins[i] = end
        for number, part in enumerate(paragraphs):
            found = labels[number] = labels[number][: len(part)]
            found[-1] = 4 if found[-1] > 2 else 2
            update_pred_regex(part, found)  # an address is one token
        return labels

    def _inputs(self, paragraphs: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
        """The index and the features of each character.

        If it fits into the window, a padding character follows the paragraph, as in training.

        Returns:
            For each paragraph ``(characters,)`` and ``(characters, features)``.
        """
        from stanza.models.tokenization.data import PER_CHAR_FEAT_FUNCS

        names = self._config["feat_funcs"]
        functions = [PER_CHAR_FEAT_FUNCS[name] for name in names if name in PER_CHAR_FEAT_FUNCS]
        positions = [name for name in _POSITION_FEATURES if name in names]
        alphabet = sorted(set().union(*paragraphs))
        row_of = {character: row for row, character in enumerate(alphabet, start=1)}
        units = torch.tensor([self._vocab.unit2id(unit) for unit in ("<PAD>", *alphabet)])
        features = torch.zeros(len(units), len(functions) + len(positions))
        for column, function in enumerate(functions):
            features[1:, column] = torch.tensor([float(function(unit)) for unit in alphabet])
        inputs = []
        for part in paragraphs:
            rows = [row_of[character] for character in part]
            if len(part) < self._window:
                rows.append(0)
            known = features[rows]
            for column, name in enumerate(positions, start=len(functions)):
                known[len(part) - 1 if name == "end_of_para" else 0, column] = 1
            inputs.append((units[rows], known))
        return inputs

    def _sentences(self, paragraph: str, labels: np.ndarray) -> Iterator[list[tuple[str, bool]]]:
        """The tokens of each sentence, each with whether it is a multiword token."""
        sentence: list[tuple[str, bool]] = []
        begin = 0
        for last in np.flatnonzero(labels).tolist():
            token = self._vocab.normalize_token(paragraph[begin : last + 1])
            begin = last + 1
            if not token:
                continue
            sentence.append((token, labels[last] > 2))
            if labels[last] in (2, 4) and not self._config.get("no_ssplit"):
                yield sentence
                sentence = []
        if sentence:
            yield sentence

    def _expansions(self, tokens: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The words of multiword tokens; none is expanded twice, as *don't* comes again and again."""
        from stanza.models.common.doc import ID, MISC, TEXT, Document

        if self._expander is None:
            return {}
        tokens = [token for token in tokens if len(token) <= self.longest_token]
        known = self._expanded
        new = sorted(token for token in tokens if token not in known)
        if new:
            document = Document([[{ID: (1,), TEXT: token, MISC: "MWT=Yes"}] for token in new])
            expanded = self._expander.process(document).sentences
            found = (tuple(word.text for word in sentence.words) for sentence in expanded)
            if len(known) > _MOST_EXPANSIONS:
                known = {token: known[token] for token in tokens if token in known}
            self._expanded = known = known | dict(zip(new, found, strict=True))
        return {token: known[token] for token in tokens}


def batches_by_length(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Batches of sequences, the longest first, of limited size with padding.

    Args:
        lengths: The length of each sequence.
        limit: The largest size of a batch with padding; a longer sequence is a batch of its own.

    Yields:
        The indices of the sequences of a batch.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    begin = 0
    while begin < len(order):
        end = begin + max(1, limit // max(1, lengths[order[begin]]))
        yield order[begin:end]
        begin = end

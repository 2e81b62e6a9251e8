"""The states of a contextual model as an input of Stanza's tagger and parser, for their training.

Stanza looks for the pieces of a sentence anew in each epoch, computes in single precision, takes one
piece of each word, and refuses what is longer than the model's positions. Here pieces are kept, the
model computes in bfloat16, a word is the mean of its pieces, and what is too long is cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor

__all__ = ["contextual_options", "contextual_states"]

_LAYERS = 4
_LONGEST_WORD = 24  # pieces: the rest of a web address says little


def contextual_options(name: str | None) -> dict[str, Any]:
    """Options of Stanza's training that put a contextual model in front; none for None.

    Args:
        name: A model's name on Hugging Face's hub, or its folder.
    """
    if name is None:
        return {}
    return {"bert_model": name, "bert_finetune": True, "bert_hidden_layers": _LAYERS}


class _States:
    """Takes the place of Stanza's ``extract_bert_embeddings``."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[int]] = {}  # of each word

    def __call__(
        self,
        model_name: str,
        tokenizer: Any,
        model: Any,
        data: Sequence[Sequence[str]],
        device: Any,
        keep_endpoints: bool,
        detach: bool = True,
        bert_layer_mix: Any = None,
        peft_name: str | None = None,
    ) -> list[Tensor]:
        """For each sentence ``(words, width)``, with ``keep_endpoints`` two more rows around them.

        A word behind the model's last position has zeros.
        """
        start, end = tokenizer("")["input_ids"]
        limit = model.config.max_position_embeddings - 2
        rows: list[list[int]] = []
        owners: list[int] = []
        sizes = [len(sentence) + 2 for sentence in data]
        first = 0  # the row of the sentence's start
        for sentence, size in zip(data, sizes, strict=True):
            ids, owned = [start], [first]
            for number, word in enumerate(sentence, start=first + 1):
                pieces = self._pieces(tokenizer, word)[: limit - 1 - len(ids)]
                ids += pieces
                owned += [number] * len(pieces)
            rows.append([*ids, end])
            owners += [*owned, first + size - 1]
            first += size
        longest = max(map(len, rows))
        pad = tokenizer.pad_token_id
        ids_of_rows = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        real = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        with (
            torch.set_grad_enabled(torch.is_grad_enabled() and not detach),
            torch.autocast("cpu", torch.bfloat16),
        ):
            found = model(ids_of_rows, attention_mask=real, output_hidden_states=True)
        layers = found.hidden_states[-_LAYERS:]
        mix = torch.softmax(_LAYERS * bert_layer_mix.weight[0, : len(layers)], 0)  # at first a mean
        states = sum(weight * layer.float() for weight, layer in zip(mix, layers, strict=True))
        states = states[real.bool()]
        owner = torch.tensor(owners)
        sums = states.new_zeros(first, states.size(1)).index_add(0, owner, states)
        means = sums / torch.bincount(owner, minlength=first).clamp_min(1)[:, None]
        parts = list(means.split(sizes))
        return parts if keep_endpoints else [part[1:-1] for part in parts]

    def _pieces(self, tokenizer: Any, word: str) -> list[int]:
        if word not in self.pieces:
            text = word.replace("\xa0", " ")
            ids = tokenizer(text, add_special_tokens=False)["input_ids"][:_LONGEST_WORD]
            self.pieces[word] = ids or [tokenizer.unk_token_id]
        return self.pieces[word]


@contextmanager
def contextual_states() -> Iterator[None]:
    """Within it Stanza's taggers and parsers read states of contextual models as above."""
    # oneDNN keeps what it made for each shape of a batch, megabytes for each, and no two are alike.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    states = _States()
    with (
        mock.patch("stanza.models.pos.model.extract_bert_embeddings", states),
        mock.patch("stanza.models.depparse.model.extract_bert_embeddings", states),
    ):
        yield

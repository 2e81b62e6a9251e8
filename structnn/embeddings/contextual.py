"""Contextual embeddings from any Hugging Face encoder (extra ``hf``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.ops.segments import segment_sum

__all__ = ["ContextualEmbedding"]


class ContextualEmbedding(nn.Module):
    r"""The last hidden states of a pretrained encoder, averaged over the subwords of each token.

    A token for which the tokenizer makes no subword (one of control characters, for example) gets a
    vector of zeros. A sentence with more subwords than the model has positions is read in parts.

    Args:
        model: A Hugging Face encoder, or its name or folder.
        tokenizer: The encoder's tokenizer, a fast one; by default the one that belongs to the name.
        frozen: Do not train the encoder, and keep it in evaluation mode.
        static: Use the encoder's input embeddings alone, without context; its layers are not kept.

    Attributes:
        dim: The dimension of the vectors.

    Shapes:
        - output: ``(tokens, dim)``

    Raises:
        ImportError: A name is given, and ``transformers`` is not installed.
        ValueError: The tokenizer is missing, or not a fast one.

    Example:
        >>> embedding = ContextualEmbedding("bert-base-uncased")  # doctest: +SKIP
        >>> encoder = build_encoder("gat", embedding.dim, 150)  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | nn.Module,
        tokenizer: Any = None,
        *,
        frozen: bool = True,
        static: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(model, str):
            model, tokenizer = _load(model, tokenizer)
        if tokenizer is None or not tokenizer.is_fast:
            raise ValueError(
                "ContextualEmbedding needs a fast tokenizer, which tells the subwords of each token: "
                "give a transformers.PreTrainedTokenizerFast, which AutoTokenizer makes by default"
            )
        self.tokenizer = tokenizer
        self.static = static
        self.frozen = frozen
        source: Any = model
        self.dim = int(source.config.hidden_size)
        self.max_pieces = _places(source)
        self.model: nn.Module = source.get_input_embeddings() if static else source
        self.model.requires_grad_(not frozen)
        self._before, self._behind = _special(tokenizer)
        self.train(self.training)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, frozen={self.frozen}, static={self.static}"

    def train(self, mode: bool = True) -> ContextualEmbedding:
        """Set the training mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's tokens."""
        pieces, counts = self._pieces(batch)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if self.static:
                flat = [piece for sentence in pieces for piece in sentence]
                vectors: Tensor = self.model(torch.tensor(flat, device=batch.device))
            else:
                vectors = self._in_context(pieces, batch.device)
            size = torch.tensor(counts, device=batch.device)
            ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
            return segment_sum(vectors, ptr) / size.clamp_min(1)[:, None]

    def _pieces(self, batch: Batch) -> tuple[list[list[int]], list[int]]:
        """The subwords of each sentence, and the number of subwords of each token of the batch."""
        words = [list(sentence.tokens) for sentence in batch.sentences]
        made = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False)
        counts: list[int] = []
        for index, sentence in enumerate(words):
            here = [0] * len(sentence)
            for word in made.word_ids(index):
                here[word] += 1
            counts += here
        return made["input_ids"], counts

    def _in_context(self, pieces: list[list[int]], device: torch.device) -> Tensor:
        """``(pieces, dim)``: the last hidden states of all subwords."""
        room = self.max_pieces - len(self._before) - len(self._behind)
        parts = [
            sentence[begin : begin + room]
            for sentence in pieces
            for begin in range(0, len(sentence), room)
        ]
        if not parts:
            return torch.zeros(0, self.dim, device=device)
        rows = [torch.tensor([*self._before, *part, *self._behind]) for part in parts]
        padding = self.tokenizer.pad_token_id or 0
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding).to(device)
        lengths = torch.tensor([len(part) for part in parts], device=device)[:, None]
        columns = torch.arange(ids.shape[1], device=device)[None]
        first = len(self._before)
        present = columns < lengths + first + len(self._behind)
        states = self.model(input_ids=ids, attention_mask=present.long()).last_hidden_state
        own: Tensor = states[(columns >= first) & (columns < lengths + first)]
        return own


def _load(name: str, tokenizer: Any) -> tuple[nn.Module, Any]:
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise ImportError(
            "contextual embeddings need the package transformers: pip install 'structnn[hf]'"
        ) from None
    model: nn.Module = AutoModel.from_pretrained(name)
    # Word boundaries matter to byte-level tokenizers; others ignore the option.
    return model, tokenizer or AutoTokenizer.from_pretrained(name, add_prefix_space=True)


def _places(model: Any) -> int:
    """The number of subwords for which the model has positions."""
    places = int(getattr(model.config, "max_position_embeddings", 0))
    for name, module in model.named_modules():
        # In RoBERTa and similar models positions begin after the index of the padding token.
        padding = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            places -= padding + 1
    return places if places > 0 else 512  # relative positions, so no limit


def _special(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and after a sentence."""
    plain = tokenizer(["a"], is_split_into_words=True, add_special_tokens=False)["input_ids"]
    full = tokenizer(["a"], is_split_into_words=True)["input_ids"]
    for begin in range(len(full) - len(plain) + 1):
        if full[begin : begin + len(plain)] == plain:
            return full[:begin], full[begin + len(plain) :]
    raise ValueError(
        "this tokenizer does not put its special tokens only before and after a sentence; give another"
    )

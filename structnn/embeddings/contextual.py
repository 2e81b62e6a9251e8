"""Contextual embeddings from any Hugging Face encoder (extra ``hf``)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.ops.devices import sent
from structnn.ops.segments import segment_sum

__all__ = ["ContextualEmbedding", "StateStore"]

Tokens = tuple[str, ...]

_AT_ONCE = 64
"""Sentences that are computed at once for a store; evaluation keeps no activations."""


class StateStore(Protocol):
    """Where the states of a frozen encoder are kept, by the tokens of sentences."""

    def load(self, sentences: Sequence[Tokens]) -> dict[Tokens, Tensor]:
        """The states of those that are there, each ``(layers, tokens, dim)``."""
        ...

    def save(self, states: Mapping[Tokens, Tensor]) -> None:
        """Keep the states of sentences."""
        ...


class ContextualEmbedding(nn.Module):
    r"""The hidden states of a pretrained encoder, averaged over the subwords of each token.

    They are those of one layer, or with ``layer="mix"`` of all of them, weighed as is learned (Peters et
    al. 2018):

    .. math:: x_t = \gamma \sum_l \mathrm{softmax}(w)_l h_t^{(l)}

    A token for which the tokenizer makes no subword (one of control characters, for example) gets a
    vector of zeros. A sentence with more subwords than the model has positions is read in parts.

    Args:
        model: A Hugging Face encoder, or its name or folder.
        tokenizer: The encoder's tokenizer, a fast one; by default the one that belongs to the name.
        frozen: Do not train the encoder, and keep it in evaluation mode.
        static: Use the encoder's input embeddings alone, without context; its layers are not kept.
        layer: ``"last"``, the number of a layer (0 for what the first one reads), or ``"mix"``.

    Attributes:
        dim: The dimension of the vectors.
        store: Where states of a frozen encoder are kept, so that none is computed twice; None to
            compute them for each batch.

    The ``state_dict`` of a frozen one has no weights of the encoder, which :attr:`fingerprint` names.

    Shapes:
        - output: ``(tokens, dim)``

    Raises:
        ImportError: A name is given, and ``transformers`` is not installed.
        ValueError: The tokenizer is missing, or not a fast one.

    Example:
        >>> embedding = ContextualEmbedding("bert-base-uncased")  # doctest: +SKIP
        >>> encoder = build_encoder("gat", embedding.dim, 150)  # doctest: +SKIP
    """

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(
        self,
        model: str | nn.Module,
        tokenizer: Any = None,
        *,
        frozen: bool = True,
        static: bool = False,
        layer: int | str = "last",
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
        layers = int(getattr(source.config, "num_hidden_layers", 0))
        if layer not in ("last", "mix") and layer not in range(layers + 1):
            raise ValueError(f"layer must be 'last', 'mix' or from 0 to {layers}, but is {layer!r}")
        self.layer = layer
        if layer == "mix":
            self.mix = nn.Parameter(torch.zeros(layers + 1))
            self.scale = nn.Parameter(torch.ones(()))
        self.store: StateStore | None = None
        if frozen:
            nn.Module.register_state_dict_post_hook(self, _without_model)
            nn.Module.register_load_state_dict_pre_hook(self, _with_model)
        self._before, self._behind = _special(tokenizer)
        self.train(self.training)

    def extra_repr(self) -> str:
        layer = "" if self.layer == "last" else f", layer={self.layer!r}"
        return f"dim={self.dim}, frozen={self.frozen}, static={self.static}{layer}"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the weights and of the tokenizer, as they are when it is first asked for."""
        digest = hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def train(self, mode: bool = True) -> ContextualEmbedding:
        """Set the training mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's tokens."""
        sentences = [tuple(sentence.tokens) for sentence in batch.sentences]
        if self.store is not None and self.frozen:
            known = self.remember(sentences)
            states = sent(torch.cat([known[tokens] for tokens in sentences], dim=1), batch.device)
        else:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
                states = self._states(sentences, batch.device)
        if self.layer == "mix":
            mixed: Tensor = torch.einsum("l,ltd->td", self.mix.softmax(0), states)
            return self.scale.mul(mixed)
        only: Tensor = states[0]
        return only

    @torch.no_grad()
    def remember(self, sentences: Sequence[Tokens]) -> dict[Tokens, Tensor]:
        """The states of sentences, from :attr:`store`; those that it lacks are computed and put there.

        Args:
            sentences: Their tokens.

        Returns:
            ``(layers, tokens, dim)`` for each, on the CPU.
        """
        assert self.store is not None
        device = next(self.model.parameters()).device
        distinct = list(dict.fromkeys(sentences))
        known = self.store.load(distinct)
        missing = sorted((s for s in distinct if s not in known), key=lambda s: (len(s), s))
        for begin in range(0, len(missing), _AT_ONCE):
            part = missing[begin : begin + _AT_ONCE]
            lengths = [len(tokens) for tokens in part]
            made = dict(zip(part, self._states(part, device).cpu().split(lengths, 1), strict=True))
            self.store.save(made)
            known |= made
        return known

    def _states(self, sentences: Sequence[Tokens], device: torch.device) -> Tensor:
        """``(layers, tokens, dim)``: the states of the layers that are used."""
        pieces, counts = self._pieces(sentences)
        if self.static:
            flat = [piece for sentence in pieces for piece in sentence]
            vectors: Tensor = self.model(sent(torch.tensor(flat), device))[:, None]
        else:
            vectors = self._in_context(pieces, device)  # (pieces, layers, dim)
        size = sent(torch.tensor(counts), device)
        ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
        means = segment_sum(vectors.flatten(1), ptr) / size.clamp_min(1)[:, None]
        layered: Tensor = means.reshape(len(means), *vectors.shape[1:])
        return layered.transpose(0, 1)

    def _pieces(self, sentences: Sequence[Tokens]) -> tuple[list[list[int]], list[int]]:
        """The subwords of each sentence, and the number of subwords of each token."""
        words = [list(tokens) for tokens in sentences]
        made = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False)
        counts: list[int] = []
        for index, sentence in enumerate(words):
            here = [0] * len(sentence)
            for word in made.word_ids(index):
                here[word] += 1
            counts += here
        return made["input_ids"], counts

    def _in_context(self, pieces: list[list[int]], device: torch.device) -> Tensor:
        """``(pieces, layers, dim)``: the hidden states of all subwords."""
        room = self.max_pieces - len(self._before) - len(self._behind)
        parts = [
            sentence[begin : begin + room]
            for sentence in pieces
            for begin in range(0, len(sentence), room)
        ]
        if not parts:
            layers = len(self.mix) if self.layer == "mix" else 1
            return torch.zeros(0, layers, self.dim, device=device)
        rows = [torch.tensor([*self._before, *part, *self._behind]) for part in parts]
        padding = self.tokenizer.pad_token_id or 0
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
        lengths = torch.tensor([len(part) for part in parts])[:, None]
        columns = torch.arange(ids.shape[1])[None]
        first = len(self._before)
        present = columns < lengths + first + len(self._behind)
        mask = (columns >= first) & (columns < lengths + first)
        inside = sent(mask.flatten().nonzero()[:, 0], device)
        made = self.model(
            input_ids=sent(ids, device),
            attention_mask=sent(present.long(), device),
            output_hidden_states=self.layer != "last",
        )
        if self.layer == "last":
            chosen = [made.last_hidden_state]
        elif self.layer == "mix":
            chosen = made.hidden_states
        else:
            chosen = [made.hidden_states[int(self.layer)]]
        return torch.stack(
            [states.flatten(0, 1).index_select(0, inside) for states in chosen], dim=1
        )


def _without_model(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, metadata: object
) -> None:
    """Leave the weights of a frozen encoder out of what is saved."""
    for name in [name for name in state_dict if name.startswith(f"{prefix}model.")]:
        del state_dict[name]


def _with_model(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *arguments: object
) -> None:
    """Where what was saved has no weights of a frozen encoder, they stay as they are."""
    assert isinstance(module, ContextualEmbedding)
    for name, value in module.model.state_dict().items():
        state_dict.setdefault(f"{prefix}model.{name}", value)


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

"""A tiny contextual model with random weights, and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "bark", "##ed", "cat"]


def make_tokenizer():
    import tokenizers
    import transformers

    made = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]"
    )


def make_model(seed: int = 0):
    import transformers

    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    return transformers.BertModel(config)


def save_tiny(folder: Path, seed: int = 0) -> Path:
    """Write the model to a folder, as Hugging Face does."""
    make_model(seed).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder

"""The example of the README, to the letter."""

from __future__ import annotations


def test_the_example():
    import torch

    from structnn import Batch, Sentence, Tree, build_encoder

    sentences = [
        Sentence(
            ["dogs", "chase", "cats"],
            dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
        ),
        Sentence(["stop"], dependencies=Tree([-1], labels=["root"])),
    ]
    batch = Batch.from_sentences(sentences)
    encoder = build_encoder("child_sum_tree_lstm", input_dim=300, hidden_dim=150)
    encoding = encoder(torch.randn(batch.num_tokens, 300), batch)
    assert encoding.tokens.shape == (4, 150)
    assert encoding.sentence.shape == (2, 150)

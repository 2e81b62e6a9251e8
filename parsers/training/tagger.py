"""Training and use of the tagger (UPOS, XPOS, features), a model of Stanza."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from parsers.training.contextual import contextual_options
from parsers.training.loop import Budget, fit
from parsers.training.treebank import Block, with_columns, write_blocks
from parsers.training.vectors import load_table

OPTIONS: dict[str, Any] = {
    "share_hid": True,  # else the bilinear layers for tags take a third of the time
    "tag_emb_dim": 0,
    "hidden_dim": 150,
    "num_layers": 1,
    "word_emb_dim": 50,
    "char_emb_dim": 50,
    "char_hidden_dim": 100,
    "transformed_dim": 100,
    "deep_biaff_hidden_dim": 200,
    "word_cutoff": 7,
    "dropout": 0.25,
    "word_dropout": 0.1,
    "augment_nopunct": 0.1,
    "batch_size": 50,
}

WITH_SILVER: dict[str, Any] = {"word_cutoff": 10, "dropout": 0.2}
"""What a tagger that also learns from a teacher's tags has in place of :data:`OPTIONS`."""


_LEARNING_RATE = 3e-3
_BATCH_WORDS = 800


def length_batches(lengths: list[int], words: int, generator: random.Random) -> Iterator[list[int]]:
    """Infinite batches of sentences of similar length.

    Recurrent layers take as many steps as the longest sentence of a batch has words, so batches of
    similar lengths are several times faster than mixed ones.

    Args:
        lengths: The number of words of each sentence.
        words: The number of words of a batch.
        generator: The source of randomness.

    Yields:
        The indices of the sentences of a batch.
    """
    while True:
        order = sorted(range(len(lengths)), key=lambda i: lengths[i] + 3 * generator.random())
        batches: list[list[int]] = [[]]
        filled = 0
        for index in order:
            if batches[-1] and filled + lengths[index] > words:
                batches.append([])
                filled = 0
            batches[-1].append(index)
            filled += lengths[index]
        generator.shuffle(batches)
        yield from batches


def train_tagger(
    train: Path,
    dev: Path | None,
    output: Path,
    *,
    lang: str,
    package: str,
    table: Path | None,
    budget: Budget,
    seed: int = 1,
    options: dict[str, Any] | None = None,
    contextual: str | None = None,
) -> dict[str, float]:
    """Train a tagger on gold tags, and save it as Stanza does.

    The arguments and the result are those of :func:`parsers.training.parser.train_parser`, but ``train``
    has gold tags, and the dev score is the accuracy of UPOS.
    """
    from stanza.models import tagger
    from stanza.models.common.doc import UPOS, Document
    from stanza.models.common.utils import set_random_seed
    from stanza.models.pos.data import Dataset
    from stanza.models.pos.trainer import Trainer
    from stanza.utils.conll import CoNLL

    set_random_seed(seed)
    arguments = tagger.parse_args(["--lang", lang, "--shorthand", f"{lang}_{package}"])
    arguments.update(OPTIONS, pretrain=table is not None, charlm=False)
    arguments.update((options or {}) | contextual_options(contextual))
    pretrain = load_table(table)
    document = Document(CoNLL.conll2dict(input_file=str(train))[0])
    vocab = Dataset.init_vocab([document], arguments)
    data = Dataset(document, arguments, pretrain, vocab=vocab, evaluation=False)
    for column in data.has_tags:  # an empty column is learned as empty
        data.has_tags[column] = True
    trainer = Trainer(args=arguments, vocab=vocab, pretrain=pretrain, device="cpu")

    def batches() -> Iterator[Any]:
        lengths = [len(sample.text) for sample in data.data]
        for indices in length_batches(lengths, _BATCH_WORDS, random.Random(seed)):
            yield data.collate_fn([data[index] for index in indices])

    evaluate = None
    if dev is not None:
        dev_document = CoNLL.conll2doc(input_file=str(dev))
        gold = dev_document.get([UPOS])

        def evaluate() -> float:
            predicted = [word[0] for word in _predict(trainer, dev_document, pretrain)]
            return sum(map(str.__eq__, gold, predicted)) / len(gold)

    return fit(
        trainer,
        batches(),
        budget=budget,
        learning_rate=_LEARNING_RATE,
        output=output,
        evaluate=evaluate,
    )


def _predict(trainer: Any, document: Any, pretrain: Any) -> list[list[str]]:
    """``[UPOS, XPOS, features]`` of every word of the document, in order."""
    from stanza.models.common.utils import unsort
    from stanza.models.pos.data import Dataset

    data = Dataset(
        document,
        trainer.args,
        pretrain,
        vocab=trainer.vocab,
        evaluation=True,
        sort_during_eval=True,
    )
    predictions: list[Any] = []
    order: list[int] = []
    indices = sorted(range(len(data)), key=lambda i: len(data.data[i].text))
    with torch.no_grad():
        for start in range(0, len(indices), 100):
            batch = data.collate_fn([data[index] for index in indices[start : start + 100]])
            order.extend(batch.idx)
            predictions += trainer.predict(batch)
    return [word for sentence in unsort(predictions, order) for word in sentence]


def tag_blocks(blocks: list[Block], model: Path, table: Path | None, output: Path) -> Path:
    """Write sentences with the tags and features that a model predicts.

    Args:
        blocks: The sentences.
        model: The model file of the tagger.
        table: Stanza's file of pretrained vectors; None without vectors.
        output: The CoNLL-U file to write.

    Returns:
        ``output``.
    """
    from stanza.models.pos.trainer import Trainer
    from stanza.utils.conll import CoNLL

    source = write_blocks(blocks, output.with_suffix(".untagged.conllu"))
    pretrain = load_table(table)
    trainer = Trainer(pretrain=pretrain, model_file=str(model), device="cpu")
    words = iter(_predict(trainer, CoNLL.conll2doc(input_file=str(source)), pretrain))
    source.unlink()
    return write_blocks([with_columns(block, words, (3, 4, 5)) for block in blocks], output)

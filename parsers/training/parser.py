"""Training of the dependency parser, Stanza's biaffine graph parser (Dozat and Manning 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from parsers.training.contextual import contextual_options
from parsers.training.loop import Budget, fit
from parsers.training.treebank import Block, with_columns, write_blocks
from parsers.training.vectors import load_table

OPTIONS: dict[str, Any] = {
    "hidden_dim": 200,
    "num_layers": 2,
    "word_emb_dim": 50,
    "tag_emb_dim": 50,
    "char_emb_dim": 32,
    "char_hidden_dim": 64,
    "transformed_dim": 100,
    "deep_biaff_hidden_dim": 100,  # the label scorer grows with its square
    "use_ufeats": False,  # Stanza 1.15 adds the tag vector twice where features should go
    "linearization": False,
    "distance": False,
    "word_cutoff": 7,
    "dropout": 0.33,
    "word_dropout": 0.2,
    "augment_nopunct": 0.1,
    "batch_size": 1200,
}

WITH_SILVER: dict[str, Any] = {
    "num_layers": 3,
    "word_cutoff": 10,
    "dropout": 0.25,
    "word_dropout": 0.15,
}
"""What a parser that also learns from a teacher's trees has in place of :data:`OPTIONS`: several times
as many sentences leave more to learn, and less to learn by heart."""


_LEARNING_RATE = 2e-3


def _training_trainer() -> Any:
    """A graph trainer of Stanza whose parser scores labels of gold heads alone in its loss."""
    from stanza.models.common.vocab import VOCAB_PREFIX_SIZE
    from stanza.models.depparse.model import GraphParser
    from stanza.models.depparse.trainer import GraphTrainer
    from torch.nn import functional

    class GoldHeadParser(GraphParser):
        """The same model and loss, without the scores of labels that are not in the loss."""

        def loss(self, *inputs: Any, **named: Any) -> tuple[torch.Tensor, None]:
            word_mask, wordchars, head, deprel = inputs[1], inputs[2], inputs[9], inputs[10]
            states = self.embed(*inputs, **named)  # (sentences, words + 1, 2 * hidden)
            arcs = self.unlabeled(self.drop(states), self.drop(states)).squeeze(3)
            own = torch.eye(states.size(1), dtype=torch.bool).unsqueeze(0)
            arcs = arcs.masked_fill(own | word_mask.unsqueeze(1), -torch.inf)[:, 1:]
            real = ~word_mask[:, 1:]
            loss = functional.cross_entropy(arcs[real], head[real], reduction="sum")

            scorer = self.deprel
            dependents = scorer.dropout(
                scorer.hidden_func(scorer.W1(self.drop(states[:, 1:][real])))
            )
            heads = scorer.dropout(scorer.hidden_func(scorer.W2(self.drop(states))))
            heads = heads[real.nonzero(as_tuple=True)[0], head[real]]  # (all words, biaffine)
            dependents = functional.pad(dependents, (0, 1), value=1.0)
            heads = functional.pad(heads, (0, 1), value=1.0)
            bilinear = scorer.scorer.W_bilin
            left = dependents @ bilinear.weight.flatten(1)
            left = left.view(len(heads), heads.size(1), -1)
            labels = torch.bmm(heads.unsqueeze(1), left).squeeze(1) + bilinear.bias
            loss = loss + functional.cross_entropy(
                labels, deprel[real] - VOCAB_PREFIX_SIZE, reduction="sum"
            )
            return loss / wordchars.size(0), None

    class GoldHeadTrainer(GraphTrainer):
        @staticmethod
        def build_model(*arguments: Any, **named: Any) -> GoldHeadParser:
            return GoldHeadParser(*arguments, **named)

    return GoldHeadTrainer


def train_parser(
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
    """Train a parser on gold trees and predicted tags, and save it as Stanza does.

    Args:
        train: A CoNLL-U file whose tags were predicted by taggers that were not trained on it.
        dev: A CoNLL-U file with predicted tags, for the dev score (LAS); None for no scores.
        output: The model file to write; the checkpoint is next to it.
        lang: The language code, in the model's name.
        package: The package, in the model's name.
        table: Stanza's file of pretrained vectors; None without vectors.
        budget: When to stop.
        seed: The random seed of weights, batches and dropout.
        options: Options of Stanza's training that replace :data:`OPTIONS`.
        contextual: The name or folder of a contextual model, to be tuned as a part of the parser.

    Returns:
        What :func:`parsers.training.loop.fit` returns.
    """
    from stanza.models import parser as stanza_parser
    from stanza.models.common.doc import DEPREL, HEAD, Document
    from stanza.models.common.utils import set_random_seed
    from stanza.models.depparse.data import DataLoader, InfiniteBatch
    from stanza.models.depparse.utils import predict_dataset
    from stanza.utils.conll import CoNLL

    set_random_seed(seed)
    arguments = stanza_parser.parse_args(["--lang", lang, "--shorthand", f"{lang}_{package}"])
    arguments.update(OPTIONS, pretrain=table is not None, charlm=False, second_optim=None)
    arguments.update((options or {}) | contextual_options(contextual))
    pretrain = load_table(table)
    document = Document(CoNLL.conll2dict(input_file=str(train))[0])
    data = DataLoader(document, arguments["batch_size"], arguments, pretrain, evaluation=False)
    trainer = _training_trainer()(args=arguments, vocab=data.vocab, pretrain=pretrain, device="cpu")
    data.reshuffle()  # the first epoch, too, which Stanza reads from short to long
    infinite = InfiniteBatch(data)

    def batches() -> Iterator[Any]:
        while True:
            yield infinite.next_batch()

    evaluate = None
    if dev is not None:
        dev_document = CoNLL.conll2doc(input_file=str(dev))
        dev_data = _to_predict(dev_document, arguments, pretrain, data.vocab)
        gold = [(int(head), relation) for head, relation in dev_document.get([HEAD, DEPREL])]

        def evaluate() -> float:
            predicted = [arc for tree in predict_dataset(trainer, dev_data) for arc in tree]
            right = sum(
                int(head) == gold_head and relation.split(":")[0] == gold_relation.split(":")[0]
                for (head, relation), (gold_head, gold_relation) in zip(
                    predicted, gold, strict=True
                )
            )
            return float(right) / len(gold)

    return fit(
        trainer,
        batches(),
        budget=budget,
        learning_rate=_LEARNING_RATE,
        output=output,
        evaluate=evaluate,
    )


def _to_predict(document: Any, arguments: dict[str, Any], pretrain: Any, vocab: Any) -> Any:
    """The batches of a document whose trees are wanted."""
    from stanza.models.depparse.data import DataLoader

    return DataLoader(
        document,
        1000,
        arguments,
        pretrain,
        vocab=vocab,
        evaluation=True,
        sort_during_eval=True,
    )


def parse_blocks(blocks: list[Block], model: Path, table: Path | None, output: Path) -> Path:
    """Write sentences with the trees that a model predicts from their words and tags.

    Args:
        blocks: The sentences, with tags.
        model: The model file of the parser.
        table: Stanza's file of pretrained vectors; None without vectors.
        output: The CoNLL-U file to write.

    Returns:
        ``output``.
    """
    from stanza.models.depparse.trainer import Trainer
    from stanza.models.depparse.utils import predict_dataset
    from stanza.utils.conll import CoNLL

    source = write_blocks(blocks, output.with_suffix(".unparsed.conllu"))
    pretrain = load_table(table)
    trainer = Trainer.load(str(model), pretrain, device="cpu")
    document = CoNLL.conll2doc(input_file=str(source))
    data = _to_predict(document, trainer.args, pretrain, trainer.vocab)
    with torch.no_grad():
        arcs = iter([arc for tree in predict_dataset(trainer, data) for arc in tree])
    source.unlink()
    return write_blocks([with_columns(block, arcs, (6, 7)) for block in blocks], output)

"""What test_processes.py does in one process, and launches in two."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import torch

from structnn.arcs import arcs_of
from tasks.command import cli
from tasks.data.examples import Dataset, Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.data.questions import Question
from tasks.models.options import ModelOptions
from tasks.models.preparation import prepare
from tasks.training import step
from tasks.training.loop import train
from tasks.training.options import TrainingOptions
from tasks.training.processes import Processes
from tests.tasks.toys import make_parsed

# Batches of eight, so that the last of 41 has one example: of it one process has nothing.
SIZES = (41, 17, 0)
OPTIONS = TrainingOptions(epochs=4, patience=4, batch_size=8, learning_rate=0.02)


def labels() -> ParsedDataset:
    return make_parsed(SIZES)


def arcs() -> ParsedDataset:
    """Each word hangs on the first, which has a relation of its own."""
    parsed = make_parsed(SIZES)
    splits = {
        split: tuple(
            Example(example.text, " ".join(arcs_of(sentence.dependencies)), example.source)
            for example, sentence in zip(
                getattr(parsed.dataset, split), parsed.sentences[split], strict=True
            )
        )
        for split in SPLITS
    }
    return ParsedDataset(
        Dataset("arcs", **splits, labels=("dep", "root"), question=Question("arcs")),
        parsed.sentences,
    )


def trained(kind, checkpoint: Path, until: int = OPTIONS.epochs) -> dict[str, object]:
    """The losses and the final weights; broken off after an epoch, if it isn't the last."""
    step.SMALL_TABLE = 0  # so that the word vectors have an optimiser of their own
    options = ModelOptions(
        encoder="bilstm" if kind is arcs else "child_sum_tree_lstm",
        hidden_dim=8,
        embedding_dim=8,
        dropout=0.0,
        word_dropout=0.0,
    )
    made = prepare(options, kind(), seed=0, parser=ParserOptions(), pretrained=None)
    model = made.model.classifier
    if kind is labels:
        model.head.answer.weights = torch.tensor([0.5, 2.0])
    else:
        # Biaffine weights begin as zeros, and Adam divides by the size of gradients that are hardly more
        # than rounding: in single precision two runs of anything drift apart.
        model.double()
    seen = []

    def on_epoch(epoch):
        seen.append((epoch.train_loss, epoch.dev_loss, epoch.dev_score))
        if epoch.number == until < OPTIONS.epochs:
            raise KeyboardInterrupt

    answers = {split: kind().dataset.answers(split) for split in ("train", "dev")}
    with suppress(KeyboardInterrupt):
        train(
            model, made.inputs, answers, OPTIONS, seed=0, checkpoint=checkpoint, on_epoch=on_epoch
        )
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return {"epochs": seen, "weights": weights}


def command(folder: Path, out: str) -> list[str]:
    """The command that trains on the files of the folder."""
    options = "--encoder child_sum_tree_lstm --structure left_chain --hidden-dim 8 --dropout 0"
    options += " --word-dropout 0 --epochs 3 --batch-size 7 --learning-rate 0.02"
    names = {"data": "train", "dev": "dev", "test": "test"}
    files = [f"--{name}={folder / split}.jsonl" for name, split in names.items()]
    return ["train", *files, *options.split(), f"--out={folder / out}"]


def main(folder: Path) -> None:
    index = Processes(cpu=True).index
    found = {
        kind.__name__: trained(kind, folder / f"two-{kind.__name__}") for kind in (labels, arcs)
    }
    trained(labels, folder / "of-two", until=2)
    found["resumed"] = trained(labels, folder / "of-one")
    (folder / f"{index}.json").write_text(json.dumps(found))
    sys.argv = ["structnn", *command(folder, "two")]
    cli.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A small data set that sequence, tree and graph encoders can all learn."""

from __future__ import annotations

import random

from structnn import Sentence, Tree
from tasks.data.examples import Dataset, Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.experiments.execution import execute_all
from tasks.experiments.options import ExecutionOptions


def make_sentence(tokens: tuple[str, ...]) -> Sentence:
    parents = [-1, *(position // 2 for position in range(len(tokens) - 1))]
    return Sentence(
        tokens, dependencies=Tree(parents, labels=["root"] + ["dep"] * (len(tokens) - 1))
    )


def make_parsed(sizes=(60, 20, 20), seed=0) -> ParsedDataset:
    """The label is whether "good" is among the words."""
    generator = random.Random(seed)
    examples = {}
    for split, size in zip(SPLITS, sizes, strict=True):
        examples[split] = []
        for index in range(size):
            label = ("no", "yes")[index % 2]
            words = generator.choices(["a", "b", "c", "d"], k=generator.randrange(1, 7))
            words.insert(generator.randrange(len(words) + 1), "good" if label == "yes" else "bad")
            examples[split].append(Example(tuple(words), label, f"{split}:{index + 1}"))
    dataset = Dataset("toy", *(tuple(examples[split]) for split in SPLITS), labels=("no", "yes"))
    sentences = {
        split: tuple(make_sentence(example.text) for example in examples[split]) for split in SPLITS
    }
    return ParsedDataset(dataset, sentences, parser="toy parser")


def execute_here(runs, data, out, workers=1):
    """Execute runs in processes of this machine."""
    execution = ExecutionOptions(workers=workers)
    return execute_all(runs, data, out, parser=ParserOptions(), execution=execution)

"""Memory and time of a corpus that stays on disk: ``python -m benchmarks.streaming --help``."""

from __future__ import annotations

import itertools
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
import typer
from rich.table import Table

from benchmarks.report import console, machine, write_json
from benchmarks.timing import use_one_thread
from parsers import StanzaParser, StoredSentences, parse_each, with_structure
from structnn import Corpus, Sentence, Vocabulary
from tasks.models.building import Task, build_model
from tasks.models.options import ModelOptions
from tasks.training.inputs import Inputs
from tasks.training.loop import train
from tasks.training.options import TrainingOptions

__all__ = ["main", "sentences_of", "texts_of"]

T = TypeVar("T")

NOUNS = 20_000
VERBS = {"yes": ("sing", "smile", "dance", "laugh"), "no": ("weep", "suffer", "fall", "fail")}
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in")]
DEV = 100  # one sentence in so many is held out
AT_ONCE = 1000  # sentences that get a control structure together


def main(
    sentences: Annotated[int, typer.Option(min=DEV, help="Number of sentences.")] = 50_000,
    structure: Annotated[
        str, typer.Option(help="parse, or a control structure, which takes less time.")
    ] = "parse",
    in_memory: Annotated[
        bool, typer.Option("--in-memory", help="Keep all sentences in memory instead, to compare.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for streaming.json.")] = Path("runs/bench"),
) -> None:
    """Parse sentences of four to six words into files, and train a child-sum Tree-LSTM for an epoch."""
    use_one_thread()
    steps: dict[str, dict[str, float]] = {"start": {"seconds": 0.0, "peak_mib": peak_mib()}}

    def timed(name: str, step: Callable[[], T]) -> T:
        started = time.perf_counter(), time.process_time()
        result = step()
        steps[name] = {
            "seconds": time.perf_counter() - started[0],
            "processor_seconds": time.process_time() - started[1],
            "peak_mib": peak_mib(),
        }
        console.print(f"{name}: {steps[name]}")
        return result

    with tempfile.TemporaryDirectory() as folder:
        made = sentences_of(sentences, structure)
        stored: Any
        if in_memory:
            stored = timed(f"{structure}, kept", lambda: list(made))
        else:
            stored = timed(f"{structure}, written", lambda: StoredSentences.write(folder, made))
        timed("one epoch", lambda: train_once(stored, Path(folder) / "checkpoint"))
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20
    table = Table(
        "", title=f"{sentences:,} sentences, {size:.0f} MiB in files", title_justify="left"
    )
    for heading in (
        "seconds",
        "of the processor",
        "sentences a second of it",
        "peak of memory, MiB",
    ):
        table.add_column(heading, justify="right")
    for name, row in steps.items():
        busy = row.get("processor_seconds", 0.0)
        rate = f"{sentences / busy:,.0f}" if busy else ""
        table.add_row(name, f"{row['seconds']:.1f}", f"{busy:.1f}", rate, f"{row['peak_mib']:,.0f}")
    console.print(table)
    result = {"sentences": sentences, "steps": steps, "files_mib": size, "machine": machine()}
    write_json(out / "streaming.json", result)


def texts_of(count: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Sentences of four to six words, each with the label that its verb decides; some 20,000 words."""
    draw = random.Random(0)
    nouns = ["".join(draw.choices(SYLLABLES, k=3)) for _ in range(NOUNS)]
    for _ in range(count):
        label = draw.choice(("yes", "no"))
        words = ["The", draw.choice(nouns), f"{draw.choice(VERBS[label])}s"]
        if draw.random() < 0.5:
            words.insert(1, draw.choice(("old", "small", "quiet")))
        if draw.random() < 0.5:
            words.append(draw.choice(("often", "alone", "again")))
        yield (*words, "."), label


def sentences_of(count: int, structure: str) -> Iterator[Sentence]:
    """The same sentences with trees, made as they are asked for."""
    tokens = (words for words, _ in texts_of(count))
    if structure == "parse":
        yield from parse_each(StanzaParser("en"), tokens)
        return
    while part := [Sentence(words) for words in itertools.islice(tokens, AT_ONCE)]:
        yield from with_structure(part, structure)


def train_once(sentences: StoredSentences | list[Sentence], checkpoint: Path) -> None:
    """Train for an epoch, with the last sentences as dev."""
    labels = [label for _, label in texts_of(len(sentences))]
    cut = len(sentences) - len(sentences) // DEV
    torch.manual_seed(0)
    if isinstance(sentences, StoredSentences):
        vocabulary = sentences[:cut].vocabulary()
    else:
        vocabulary = Vocabulary.from_tokens(sentence.tokens for sentence in sentences[:cut])
    options = ModelOptions(encoder="child_sum_tree_lstm")
    model = build_model(options, Task(labels=("no", "yes")), vocabulary)

    def inputs(part: StoredSentences | list[Sentence]) -> Inputs:
        return Inputs(Corpus(part, vocabulary=vocabulary))

    train(
        model,
        {"train": inputs(sentences[:cut]), "dev": inputs(sentences[cut:])},
        {"train": labels[:cut], "dev": labels[cut:]},
        TrainingOptions(epochs=1, device="cpu"),
        seed=0,
        checkpoint=checkpoint,
        on_epoch=console.print,
    )


def peak_mib() -> float:
    """The most memory that this process has had at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    typer.run(main)

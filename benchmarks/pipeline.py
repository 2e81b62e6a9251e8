"""Training and inference of every encoder, end to end: ``python -m benchmarks.pipeline --help``.

What is timed is :func:`tasks.training.loop.train` itself, as ``structnn train`` calls it: collation,
word table, dropout, encoder, loss, clipping and optimiser. Encoders take turns, an epoch each, so that a
machine that gets slower is slow for all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import torch
import typer
from accelerate import Accelerator
from rich.table import Table

from benchmarks.report import console, write_json
from benchmarks.timing import Quartiles, use_one_thread
from structnn import (
    ENCODERS,
    UNIVERSAL_RELATIONS,
    Batch,
    Corpus,
    StructuredModel,
    Vocabulary,
)
from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError
from tasks.data.options import ParsingOptions
from tasks.data.parsing import ParsedDataset, parse_dataset
from tasks.models.building import Task, build_model, make_corpus
from tasks.models.options import ModelOptions
from tasks.models.parser import cached_parser
from tasks.training import loop as training
from tasks.training.deferred_adam import DeferredAdamW
from tasks.training.evaluation import predict_scores
from tasks.training.inputs import Inputs
from tasks.training.options import TrainingOptions

__all__ = ["Pipeline", "Shares", "measure_pipelines"]

REFERENCE = "bilstm"
Methods = tuple[tuple[Any, str], ...]
PARTS: dict[str, Methods] = {
    "collation": ((Corpus, "batch"), (Batch, "prepare")),
    "forward": ((StructuredModel, "forward"),),
    "backward": ((Accelerator, "backward"),),
    "optimiser": (
        (torch.optim.AdamW, "step"),
        (DeferredAdamW, "catch_up"),
        (DeferredAdamW, "step"),
        (DeferredAdamW, "settle"),
    ),
}


# Evaluation is not in the time of training: nothing within it counts.
STEP: dict[str, Methods] = {**PARTS, "evaluation": ((training, "evaluate"),)}


class Shares:
    """Seconds within parts of the work, by a clock around the methods that do them.

    Args:
        parts: The methods of each part; by default those of a training step.
        clock: Tells the time.
    """

    def __init__(
        self,
        parts: Mapping[str, Methods] = STEP,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._parts, self._clock = parts, clock
        self._inside = False

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Clock what happens in this context."""
        with ExitStack() as stack:
            for part, methods in self._parts.items():
                for owner, name in methods:
                    clocked = self._clocked(part, getattr(owner, name))
                    stack.enter_context(patch.object(owner, name, clocked))
            yield

    def _clocked(self, part: str, method: Any) -> Any:
        @wraps(method)
        def clocked(*args: Any, **kwargs: Any) -> Any:
            if self._inside:  # catch_up within step
                return method(*args, **kwargs)
            self._inside = True
            started = self._clock()
            try:
                return method(*args, **kwargs)
            finally:
                elapsed = self._clock() - started
                self.seconds[part] = self.seconds.get(part, 0.0) + elapsed
                self._inside = False

        return clocked


@dataclass
class Pipeline:
    """An encoder on its data, and what was measured of it.

    Args:
        encoder: Its name.
        model: The classifier.
        train: The training sentences.
        dev: One sentence, since training ends with an evaluation, which is not in its time.
        answers: The labels.
    """

    encoder: str
    model: StructuredModel
    train: Inputs
    dev: Inputs
    answers: list[str]
    training: list[float] = field(default_factory=list)  # seconds a sentence, in each repeat
    inference: list[float] = field(default_factory=list)
    shares: Shares = field(default_factory=Shares)

    def run(self, batch_size: int) -> tuple[float, float]:
        """An epoch of training, then inference; seconds for each sentence."""
        options = TrainingOptions(epochs=1, batch_size=batch_size, device="cpu")
        inputs = {"train": self.train, "dev": self.dev}
        answers = {"train": self.answers, "dev": self.answers[:1]}
        with tempfile.TemporaryDirectory() as folder, self.shares.counting():
            checkpoint = Path(folder) / "checkpoint.safetensors"
            result = training.train(
                self.model, inputs, answers, options, seed=0, checkpoint=checkpoint
            )
        started = time.perf_counter()
        predict_scores(self.model, self.train)
        inference = time.perf_counter() - started
        return result.seconds / len(self.train), inference / len(self.train)

    def share(self, part: str) -> float:
        """How much of the time of training a part took."""
        return self.shares.seconds.get(part, 0.0) / (sum(self.training) * len(self.train))

    def as_json(self, reference: Pipeline | None) -> dict[str, Any]:
        """All of it; with speeds as multiples of a reference's, within each repeat."""
        row: dict[str, Any] = {"encoder": self.encoder}
        for what in ("training", "inference"):
            times: list[float] = getattr(self, what)
            row[what] = vars(Quartiles.of([1 / seconds for seconds in times]))
            if reference is not None:
                pairs = zip(getattr(reference, what), times, strict=True)
                row[f"{what} ratio"] = vars(Quartiles.of([one / own for one, own in pairs]))
        return row | {part: self.share(part) for part in PARTS}


def measure_pipelines(
    pipelines: Sequence[Pipeline], repeats: int, batch_size: int
) -> Iterator[list[dict[str, Any]]]:
    """An epoch of each in turn, ``repeats`` times and once before; after each turn all rows so far."""
    reference = next((each for each in pipelines if each.encoder == REFERENCE), None)
    for repeat in range(-1, repeats):
        for pipeline in pipelines:
            training, inference = pipeline.run(batch_size)
            if repeat < 0:
                pipeline.shares = Shares()
                continue
            pipeline.training.append(training)
            pipeline.inference.append(inference)
        if repeat >= 0:
            yield [pipeline.as_json(reference) for pipeline in pipelines]


def make_pipeline(encoder: str, data: ParsedDataset, sentences: int, hidden_dim: int) -> Pipeline:
    """The classifier that ``structnn train`` makes for this encoder, and so many sentences."""
    # The whole vocabulary, as in training on all of it: the table is what costs.
    given = data.sentences["train"]
    vocabulary = Vocabulary.from_tokens((sentence.tokens for sentence in given), lowercase=True)
    torch.manual_seed(0)
    options = ModelOptions(encoder=encoder, hidden_dim=hidden_dim)
    model = build_model(options, Task.of(data.dataset, options), vocabulary)
    train, dev = (
        Inputs(
            make_corpus(some, vocabulary, UNIVERSAL_RELATIONS, data.structure, model.encoder.arity)
        )
        for some in (given[:sentences], given[:1])
    )
    return Pipeline(encoder, model, train, dev, data.dataset.answers("train")[:sentences])


def load(name: str, cache: Path | None) -> ParsedDataset:
    """A parsed data set; the generated one where it is not there."""
    try:
        dataset = load_dataset(name)
    except DataError as error:
        console.print(f"{error}\nMeasuring on the generated structure-test instead.")
        dataset = load_dataset("structure-test")
    return parse_dataset(dataset, cached_parser(ParsingOptions(cache=cache)))


def print_rows(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """A line for each encoder, the fastest in training first."""
    table = Table(title=title, title_justify="left")
    table.add_column("encoder", no_wrap=True)
    headings = ("training/s", f"x {REFERENCE}", "inference/s", f"x {REFERENCE}", *PARTS)
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in sorted(rows, key=lambda row: -row["training"]["median"]):
        cells = []
        for what in ("training", "inference"):
            cells.append(f"{row[what]['median']:,.0f}")
            ratio = row.get(f"{what} ratio")
            cells.append("" if ratio is None else f"{ratio['median']:.2f}")
        table.add_row(row["encoder"], *cells, *(f"{100 * row[part]:.1f} %" for part in PARTS))
    console.print(table)


def profile_operations(
    pipeline: Pipeline, batch_size: int, limit: int = 15
) -> list[dict[str, Any]]:
    """The operations that an epoch spends its time in, by the time in each itself."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        pipeline.run(batch_size)
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [
        {
            "operation": event.key,
            "share": event.self_cpu_time_total / total,
            "calls": event.count,
        }
        for event in events[:limit]
    ]


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    data: Annotated[str, typer.Option(help="A data set by name, or a file.")] = "trec",
    encoders: Annotated[str, typer.Option(help="Which; all by default.")] = "",
    sentences: Annotated[int, typer.Option(help="Of an epoch.", min=1)] = 2000,
    repeats: Annotated[int, typer.Option(help="Epochs of each encoder.", min=1)] = 3,
    batch: Annotated[int, typer.Option(help="Sentences in a batch.", min=1)] = 50,
    hidden: Annotated[int, typer.Option(help="Width of the states.", min=1)] = 128,
    profile: Annotated[str, typer.Option(help="The encoder to profile.")] = "child_sum_tree_lstm",
    cache: Annotated[
        Path | None, typer.Option(help="The file that keeps parses.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for pipeline.json.")] = Path("runs/bench"),
) -> None:
    """Time training and inference of every encoder, on one thread."""
    names = encoders.split(",") if encoders else ENCODERS.names()
    parsed = load(data, cache)
    use_one_thread()
    pipelines = [make_pipeline(name, parsed, sentences, hidden) for name in names]
    results: dict[str, Any] = {"data": parsed.dataset.name, "batch": batch}
    for rows in measure_pipelines(pipelines, repeats, batch):
        results["pipelines"] = rows
        write_json(out / "pipeline.json", results)  # what is done is not lost
    title = (
        f"{parsed.dataset.name}, batches of {batch}, {hidden} wide, epochs of "
        f"{len(pipelines[0].train):,} sentences: sentences a second, shares of training"
    )
    print_rows(title, results["pipelines"])
    if chosen := [pipeline for pipeline in pipelines if pipeline.encoder == profile]:
        results["profile"] = {profile: profile_operations(chosen[0], batch)}
        console.print(f"Where {profile} spends an epoch and its inference:")
        for row in results["profile"][profile]:
            console.print(f"{100 * row['share']:6.1f} %  {row['calls']:6}  {row['operation']}")
    write_json(out / "pipeline.json", results)
    console.print(f"Written to {out / 'pipeline.json'}")


if __name__ == "__main__":
    app()

"""Graph encoders, and PyG's layers beside ours: ``python -m benchmarks.graphs --help``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.agreement import check_agreement
from benchmarks.options import TreebankFile, read_treebank
from benchmarks.report import console, print_measurement, write_json
from benchmarks.timing import Contender, measure, use_one_thread
from benchmarks.tree_contenders import OfStructnn, operators_off
from benchmarks.tree_data import (
    DEFAULT_CONLLU,
    Draw,
    corpus_of,
    draws,
    random_tree,
)
from structnn import Sentence, build_encoder
from structnn.data.batch import Batch
from structnn.data.corpus import Corpus
from structnn.encoders.base import Encoder
from structnn.fused.build import load

INPUT_DIM = 300
PASSES = ("forward", "forward + backward")
ATTENDING = ("gat", "gatv2", "graph_transformer")
# What stands in the second table: every graph encoder, and two others to compare them with.
EVERYONE = (
    *ATTENDING,
    *("gcn", "sage", "gin", "rgcn", "syntactic_gcn", "ggnn"),
    *("lstm", "child_sum_tree_lstm"),
)
SHORT = (5, 16)  # words; most questions of TREC are as long

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class OnBatch(OfStructnn):
    """An encoder of structnn, with everything that it reads made at collation.

    Args:
        corpus: The sentences that batches are drawn from.
        encoder: The encoder; nothing is dropped.
        name: As it stands in the tables.
        on_pyg: Whether it computes on PyG's layers, as where there is no compiler.
    """

    def __init__(
        self, corpus: Corpus, encoder: Encoder, name: str, *, on_pyg: bool = False
    ) -> None:
        super().__init__(corpus, encoder.eval(), name)
        self.on_pyg = on_pyg

    def forward(self, x: Tensor, data: Batch) -> Tensor:
        with self._operators():
            return self.encoder.encode(x, data)

    def _operators(self) -> AbstractContextManager[None]:
        return operators_off() if self.on_pyg else nullcontext()


class LayerProducts(OnBatch):
    """The matrix products of an attending encoder's words, and nothing else that it does."""

    def __init__(self, corpus: Corpus, encoder: Encoder) -> None:
        super().__init__(corpus, encoder, "products alone")

    def forward(self, x: Tensor, data: Batch) -> Tensor:
        encoder: Any = self.encoder
        states: Tensor = encoder.projection(x)
        for layer in encoder.layers:
            products = [
                linear(states)
                for name, linear in layer.convolution.named_children()
                if name.startswith("lin") and name != "lin_edge"
            ]
            states = products[0]
            for product in products[1:]:
                states = states + product
        return states


@app.command()
def main(
    conllu: TreebankFile = None,
    hidden: Annotated[int, typer.Option(help="Width of the states.")] = 128,
    batch: Annotated[int, typer.Option(help="Sentences in a batch.")] = 50,
    seconds: Annotated[float, typer.Option(help="Time for each table.")] = 5.0,
    out: Annotated[Path, typer.Option(help="Folder for graphs.json.")] = Path("runs/bench"),
) -> None:
    """Time graph encoders of two layers, in one process, on one thread."""
    sentences = read_treebank(conllu)
    if sentences is None:
        console.print(
            f"No treebank: {DEFAULT_CONLLU.name} is not in ../shared/ud/en_ewt. Name any CoNLL-U file "
            "with --conllu FILE. Made-up trees are measured."
        )
        sentences = [random_tree(2 + seed % 30, seed) for seed in range(2000)]
    if load("graph_attention") is None:
        console.print("The operator can't be built here: what is called structnn is PyG's layers.")
    use_one_thread()
    torch.manual_seed(0)
    short = [sentence for sentence in sentences if SHORT[0] <= len(sentence) <= SHORT[1]]
    results: dict[str, Any] = {"attention": [], "encoders": []}
    for title, chosen in (
        ("all lengths", sentences),
        (f"{SHORT[0]} to {SHORT[1]} words", short),
    ):
        results["attention"] += compare_with_pyg(title, chosen, hidden, batch, seconds)
    results["encoders"] = compare_encoders(sentences, hidden, batch, seconds)
    write_json(out / "graphs.json", results)
    console.print(f"Written to {out / 'graphs.json'}")


def compare_with_pyg(
    title: str, sentences: Sequence[Sentence], hidden: int, batch_size: int, seconds: float
) -> list[dict[str, Any]]:
    """Encoders that attend, by the fused operator and on PyG's layers, beside their products."""
    corpus = corpus_of(sentences)
    results = []
    for name in ATTENDING:
        encoder = build_encoder(name, INPUT_DIM, hidden)
        alike = [
            OnBatch(corpus, encoder, "structnn"),
            OnBatch(corpus, encoder, "PyG", on_pyg=True),
        ]
        batches = draws(corpus, batch_size, INPUT_DIM, hidden)
        drawn = next(batches).mixed
        differences = check_agreement(
            {one.name: one.results(drawn.x, drawn.grad, one.collate(drawn.chosen)) for one in alike}
        )
        for which in PASSES:
            contenders = [*alike, LayerProducts(corpus, encoder)]
            measurement = measure(
                [as_timed(contender, which) for contender in contenders], batches, seconds=seconds
            )
            print_measurement(
                f"{name}, {title}, hidden {hidden}, batch {batch_size}, {which}",
                measurement,
                "structnn",
            )
            row = {"encoder": name, "trees": title, "batch": batch_size, "pass": which}
            results.append(row | {"differences": differences} | measurement.as_json("structnn"))
    return results


def compare_encoders(
    sentences: Sequence[Sentence], hidden: int, batch_size: int, seconds: float
) -> list[dict[str, Any]]:
    """What a node costs in every graph encoder."""
    corpus = corpus_of(sentences)
    contenders = [
        OnBatch(corpus, build_encoder(name, INPUT_DIM, hidden), name) for name in EVERYONE
    ]
    results = []
    for which in PASSES:
        batches = draws(corpus, batch_size, INPUT_DIM, hidden)
        measurement = measure(
            [as_timed(contender, which) for contender in contenders],
            batches,
            seconds=2 * seconds,
        )
        title = f"graph encoders, hidden {hidden}, batch {batch_size}, {which}"
        print_measurement(title, measurement, "gcn")
        row = {"hidden": hidden, "batch": batch_size, "pass": which}
        results.append(row | measurement.as_json("gcn"))
    return results


def as_timed(contender: OnBatch, which: str) -> Contender:
    """A contender for one pass, on batches of sentences of mixed lengths."""

    def collate(draw: Draw) -> tuple[Draw, Batch]:
        return draw, contender.collate(draw.mixed.chosen)

    def run(given: tuple[Draw, Batch]) -> None:
        draw, data = given
        x, grad = draw.mixed.x, draw.mixed.grad
        if which == PASSES[1]:
            contender.train(x, grad, data)
        else:
            with torch.no_grad():
                contender.forward(x, data)

    return Contender(contender.name, run, collate, lambda draw: len(draw.mixed.grad))


if __name__ == "__main__":
    app()

"""Tree-LSTMs beside their peers: ``python -m benchmarks.trees --help``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.table import Table

from benchmarks.agreement import Disagreement, check_agreement
from benchmarks.growth import draw_growth, measure_growth
from benchmarks.memory import peak_of_process, peak_of_tensors
from benchmarks.options import TreebankFile, numbers, read_treebank
from benchmarks.report import bar_chart, console, print_measurement, write_json
from benchmarks.timing import Contender, Quartiles, measure, use_one_thread
from benchmarks.tree_contenders import (
    Dgl,
    LeanRecursion,
    Lstm,
    NodeByNode,
    Ours,
    Products,
    PytorchTreeLstm,
    Recursion,
    TreeContender,
    WithoutOperator,
    installed,
)
from benchmarks.tree_data import (
    DEFAULT_CONLLU,
    SYNTHETIC,
    Draw,
    Portion,
    all_left_chains,
    corpus_of,
    draws,
    synthetic,
    tree_of,
)
from benchmarks.tree_tables import markdown
from benchmarks.tree_variants import (
    DglNary,
    Nary,
    NaryProducts,
    Variant,
    binary_trees,
    multiplications,
)
from parsers.drawing.theme import blend
from structnn import Sentence, build_encoder
from structnn.data.corpus import Corpus
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.encoders.tree.nary import NaryTreeLSTM
from structnn.fused.build import load
from tasks.palette import FAMILIES, colour_of

INPUT_DIM = 300
FORWARD, TRAINING = PASSES = ("forward", "forward + backward")
BUCKETED = "nn.LSTM, by length"
SECTIONS = ("treebank", "synthetic", "variants", "depth", "memory", "growth")


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    conllu: TreebankFile = None,
    hidden: Annotated[str, typer.Option(help="Widths of the states.")] = "150,300",
    batch: Annotated[str, typer.Option(help="Sentences in a batch.")] = "25,128,512",
    synthetic_batch: Annotated[
        str, typer.Option(help="Sentences in a batch of synthetic trees.")
    ] = "128",
    sections: Annotated[str, typer.Option(help="What to measure.")] = ",".join(SECTIONS),
    seconds: Annotated[float, typer.Option(help="Time for each table.")] = 6.0,
    quick: Annotated[bool, typer.Option(help="A look: one width, one size of batch.")] = False,
    out: Annotated[
        Path, typer.Option(help="Folder for tables (trees.json, trees.md) and charts.")
    ] = Path("runs/bench"),
) -> None:
    """Time Tree-LSTMs beside their peers, in one process, on one thread."""
    widths, sizes = numbers("--hidden", hidden), numbers("--batch", batch)
    synthetic_sizes = numbers("--synthetic-batch", synthetic_batch)
    wanted = sections.split(",")
    if unknown := [section for section in wanted if section not in SECTIONS]:
        raise typer.BadParameter(
            f"--sections knows {', '.join(SECTIONS)}, but not {', '.join(unknown)}"
        )
    if quick:
        widths, sizes, synthetic_sizes, seconds = widths[:1], sizes[:1], sizes[:1], 0.3
    sentences = read_treebank(conllu)
    use_one_thread()
    torch.manual_seed(0)
    if sentences is None:
        console.print(
            f"No treebank: {DEFAULT_CONLLU.name} is not in ../shared/ud/en_ewt. Name any CoNLL-U file "
            "with --conllu FILE. Only made-up trees are measured."
        )
    for module, package in (("treelstm", "pytorch-tree-lstm==0.1.3"), ("dgl", "dgl==1.1.3")):
        if not installed(module):
            console.print(f"{package} is not installed and left out: pip install '.\\[bench]'")
    if load("child_sum") is None:
        console.print(
            "structnn's C++ operator can't be built or is switched off: plain PyTorch runs."
        )

    results: dict[str, Any] = {}

    def keep(section: str, rows: list[dict[str, Any]]) -> None:
        results.setdefault(section, []).extend(rows)
        write_json(out / "trees.json", results)  # what is done is not lost
        (out / "trees.md").write_text(markdown(results), encoding="utf-8")

    if "treebank" in wanted and sentences is not None:
        name = "EWT dev" if conllu is None else conllu.stem
        keep("peers", compare_peers(name, sentences, widths, sizes, seconds))
    if "synthetic" in wanted:
        for name, (structure, nodes) in SYNTHETIC.items():
            trees = synthetic(structure, nodes, max(synthetic_sizes))
            keep("peers", compare_peers(name, trees, widths, synthetic_sizes, seconds))
    if "peers" in results:
        print_ratios(results["peers"])
        draw_chart(results["peers"], out / "trees.png")
    if "variants" in wanted:
        keep("variants", compare_nary(widths[0], seconds, count=300 if quick else 2000))
        if sentences is not None:
            keep("variants", compare_variants(sentences, widths[0], seconds))
    if "depth" in wanted:
        keep("depth", compare_deep_chains(widths[0], depth=200 if quick else 5000))
    if "memory" in wanted and sentences is not None:
        keep("memory", compare_memory(sentences, widths[0], quick=quick))
    if "growth" in wanted:
        keep("growth", measure_growth(sentences, largest=10_000 if quick else 1_000_000))
        print_growth(results["growth"])
        draw_growth(results["growth"], out / "growth.png")
    console.print(f"Written to {out}: trees.json, trees.md and charts")


# Child-sum Tree-LSTMs.


def compare_peers(
    name: str,
    sentences: Sequence[Sentence],
    widths: Sequence[int],
    batch_sizes: Sequence[int],
    seconds: float,
) -> list[dict[str, Any]]:
    """A table for each width, batch size and pass on one kind of trees."""
    corpus = corpus_of(sentences)
    results = []
    for hidden in widths:
        encoder = ChildSumTreeLSTM(INPUT_DIM, hidden)
        everyone = peers(corpus, encoder)
        for size in batch_sizes:
            contenders = [
                contender
                for contender in everyone
                # It takes nearly all the time, and tells nothing new elsewhere.
                if (name not in SYNTHETIC and size <= 128) or not isinstance(contender, NodeByNode)
            ]
            batches = draws(corpus, size, INPUT_DIM, hidden)
            differences = compare_results(contenders, encoder, to_compare(corpus, size, hidden))
            for which in PASSES:
                timed = [as_timed(contender, which) for contender in contenders]
                timed += [
                    as_timed(contender, which, bucketed=True)
                    for contender in contenders
                    if isinstance(contender, Lstm) and name not in SYNTHETIC
                ]
                measurement = measure(timed, batches, seconds=seconds)
                title = f"{name}, hidden {hidden}, batch {size}, {which}"
                print_measurement(title, measurement, Ours.name)
                row = {"trees": name, "hidden": hidden, "batch": size, "pass": which}
                results.append(row | {"differences": differences} | measurement.as_json(Ours.name))
    return results


def peers(corpus: Corpus, encoder: ChildSumTreeLSTM) -> list[TreeContender]:
    """All contenders that can be had here."""
    ours = Ours(corpus, encoder)
    found: list[TreeContender] = [ours]
    if load("child_sum") is not None:
        found.append(WithoutOperator(ours))
    found += [Recursion(corpus, encoder), LeanRecursion(corpus, encoder)]
    if installed("treelstm"):
        found.append(PytorchTreeLstm(corpus, encoder))
    if installed("dgl"):
        found.append(Dgl(corpus, encoder))
    return [*found, Lstm(corpus, encoder), Products(corpus, encoder)]


def compare_results(
    contenders: Sequence[TreeContender], encoder: ChildSumTreeLSTM, batch: Portion
) -> dict[str, float]:
    """Make sure that what computes the same function gives the same outputs and gradients.

    Returns:
        For each contender the largest difference to structnn.

    Raises:
        typer.Exit: It is above 1e-5; the message says where.
    """
    corpus = contenders[0].corpus
    only_chains = all_left_chains(corpus.sentences[index] for index in batch.chosen)
    alike = [
        contender
        for contender in contenders
        if not isinstance(contender, (Products, Dgl))
        and (only_chains or not isinstance(contender, Lstm))
    ]
    without_words = copy.deepcopy(encoder)  # for the forget gate, as DGL has it
    without_words.words.weight.data[3 * encoder.output_dim :] = 0
    like_dgl: list[TreeContender] = [Ours(corpus, without_words)]
    like_dgl += [contender for contender in contenders if isinstance(contender, Dgl)]
    return agreement(alike, batch) | agreement(like_dgl, batch)


def to_compare(corpus: Corpus, batch_size: int, hidden: int) -> Portion:
    """A batch like those that are timed, of about 10,000 nodes at most.

    Single precision rounds a weight's gradient, a sum over all nodes, by more than the contenders may
    differ if there are many more.
    """
    mean = sum(len(tree_of(sentence)) for sentence in corpus.sentences) / len(corpus)
    batch_size = max(1, min(batch_size, round(10_000 / mean)))
    return next(draws(corpus, batch_size, INPUT_DIM, hidden)).mixed


def agreement(contenders: Sequence[TreeContender], batch: Portion) -> dict[str, float]:
    """For each contender the largest difference to the first; see :func:`check_agreement`."""
    results = {
        contender.name: contender.results(batch.x, batch.grad, contender.collate(batch.chosen))
        for contender in contenders
    }
    try:
        return check_agreement(results)
    except Disagreement as error:
        console.print(f"[bold]{error}[/bold]")
        raise typer.Exit(1) from None


def as_timed(contender: TreeContender, which: str, *, bucketed: bool = False) -> Contender:
    """A contender for one pass.

    Args:
        contender: The network.
        which: ``FORWARD``, with no gradients wanted, or ``TRAINING``.
        bucketed: On batches of sentences of about one length.
    """

    def portion(draw: Draw) -> Portion:
        return draw.bucketed if bucketed else draw.mixed

    def collate(draw: Draw) -> tuple[Portion, Any]:
        return portion(draw), contender.collate(portion(draw).chosen)

    def run(given: tuple[Portion, Any]) -> None:
        batch, data = given
        if which == TRAINING:
            contender.train(batch.x, batch.grad, data)
        else:
            with torch.no_grad():
                contender.forward(batch.x, data)

    name = BUCKETED if bucketed else contender.name
    return Contender(name, run, collate, lambda draw: len(portion(draw).grad))


def print_ratios(results: Sequence[dict[str, Any]]) -> None:
    """One table of all ratios: how many times as long as structnn each contender takes."""
    places = list(dict.fromkeys((row["trees"], row["hidden"], row["batch"]) for row in results))
    ratios = {
        (row["trees"], row["hidden"], row["batch"], row["pass"], name): times["ratio"]["median"]
        for row in results
        for name, times in row["contenders"].items()
    }
    names = [name for name in dict.fromkeys(key[-1] for key in ratios) if name != Ours.name]
    table = Table(
        title=f"time / time of {Ours.name}, medians of ratios: {' / '.join(PASSES)}",
        title_justify="left",
    )
    for heading in ("trees", "hidden", "batch", *names):
        table.add_column(heading)
    for place in places:
        cells = [
            " / ".join(f"{ratios[*place, which, name]:.2f}" for which in PASSES)
            if (*place, FORWARD, name) in ratios
            else ""
            for name in names
        ]
        table.add_row(*map(str, place), *cells)
    console.print(table)


def draw_chart(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Ratios of forward and backward at the first width; recursion is off the scale."""
    first = results[0]["hidden"]
    groups = {
        f"{row['trees']}\nbatch {row['batch']}": {
            name: times["ratio"]["median"]
            for name, times in row["contenders"].items()
            if name not in (Recursion.name, LeanRecursion.name)
        }
        for row in results
        if row["hidden"] == first and row["pass"] == TRAINING
    }
    title = f"Tree-LSTMs and LSTMs, input {INPUT_DIM}, hidden {first}, one thread\n"
    title += "green: child-sum Tree-LSTM, pale if not ours as it is used; blue: LSTM"
    # The colour says which encoder is computed; ours is full, other software is paler.
    tree, chain = colour_of("child_sum_tree_lstm"), colour_of("lstm")
    names = {name for bars in groups.values() for name in bars}
    colours = {
        name: blend((chain if name.startswith("nn.LSTM") else tree, "#ffffff"), 0.45)
        for name in names
    }
    colours[Ours.name], colours[Products.name] = tree, FAMILIES["words alone"][1]
    label = f"time / time of {Ours.name}, {TRAINING} (medians of ratios)"
    bar_chart(path, groups, title, label, colours)


# The other Tree-LSTMs.


def compare_nary(hidden: int, seconds: float, count: int) -> list[dict[str, Any]]:
    """The binary Tree-LSTM beside DGL's, on so many random binary trees."""
    corpus = corpus_of(binary_trees(count))
    encoder = NaryTreeLSTM(INPUT_DIM, hidden)
    ours = Nary(corpus, encoder)
    contenders: list[TreeContender] = [ours]
    if load("nary") is not None:
        contenders.append(WithoutOperator(ours))
    if installed("dgl"):
        contenders.append(DglNary(corpus, encoder))
    batches = draws(corpus, 128, INPUT_DIM, hidden)
    differences = agreement(contenders, to_compare(corpus, 128, hidden))
    contenders.append(NaryProducts(corpus, encoder))
    results = []
    for which in PASSES:
        timed = [as_timed(contender, which) for contender in contenders]
        measurement = measure(timed, batches, seconds=seconds)
        print_measurement(
            f"Binary Tree-LSTM, hidden {hidden}, batch 128, {which}", measurement, Nary.name
        )
        row = {"trees": "binary", "hidden": hidden, "batch": 128, "pass": which}
        results.append(row | {"differences": differences} | measurement.as_json(Nary.name))
    return results


def compare_variants(
    sentences: Sequence[Sentence], hidden: int, seconds: float
) -> list[dict[str, Any]]:
    """What a node costs in the bidirectional and the relational Tree-LSTM, beside the work it adds."""
    corpus = corpus_of(sentences)
    names = ("child_sum_tree_lstm", "relational_tree_lstm", "bidirectional_tree_lstm")
    contenders = [Variant(corpus, build_encoder(name, INPUT_DIM, hidden), name) for name in names]
    work = {name: multiplications(name, corpus, INPUT_DIM, hidden) for name in names}
    added = {name: work[name] / work[names[0]] for name in names}
    results = []
    for which in PASSES:
        batches = draws(corpus, 128, INPUT_DIM, 2 * hidden)  # as wide as the widest
        timed = [as_timed(contender, which) for contender in contenders]
        measurement = measure(timed, batches, seconds=seconds)
        title = f"Tree-LSTMs of structnn, hidden {hidden}, batch 128, {which}"
        print_measurement(title, measurement, names[0])
        for name in names[1:]:
            ratio = measurement.ratio(name, names[0]).median
            console.print(
                f"{name}: {added[name]:.2f} times the products of child-sum, {ratio:.2f} times its "
                f"time: {ratio / added[name]:.2f}"
            )
        row = {"trees": "treebank", "hidden": hidden, "batch": 128, "pass": which, "work": added}
        results.append(row | measurement.as_json(names[0]))
    return results


def compare_deep_chains(hidden: int, depth: int) -> list[dict[str, Any]]:
    """Chains as deep as no sentence is, beside ``nn.LSTM``, which computes the same."""
    results = []
    for size in (1, 25):
        corpus = corpus_of(synthetic("left_chain", depth, size))
        encoder = ChildSumTreeLSTM(INPUT_DIM, hidden)
        contenders = [Ours(corpus, encoder), Lstm(corpus, encoder)]
        batches = draws(corpus, size, INPUT_DIM, hidden)
        differences = agreement(contenders, to_compare(corpus, size, hidden))
        for which in PASSES:
            timed = [as_timed(contender, which) for contender in contenders]
            measurement = measure(timed, batches, seconds=1, least=3, warmup=1, settle=0)
            title = f"Chains of {depth:,}, hidden {hidden}, batch {size}, {which}"
            print_measurement(title, measurement, Ours.name)
            row = {"trees": f"chains of {depth:,}", "hidden": hidden, "batch": size, "pass": which}
            results.append(row | {"differences": differences} | measurement.as_json(Ours.name))
    return results


# Memory and growth.


def compare_memory(
    sentences: Sequence[Sentence], hidden: int, *, quick: bool
) -> list[dict[str, Any]]:
    """The most memory that a training step takes for each node, beside ``nn.LSTM``."""
    corpus = corpus_of(sentences)
    contenders = [
        contender
        for contender in peers(corpus, ChildSumTreeLSTM(INPUT_DIM, hidden))
        if not isinstance(contender, (NodeByNode, Products))
    ]
    results = []
    measures: list[tuple[int, int, Callable[[Callable[[], object]], int | None]]] = [
        (128, 3 if quick else 15, peak_of_tensors)
    ]
    if not quick:  # a small batch drowns in what the process needs anyway
        measures.append((len(corpus), 1, peak_of_process))
    for size, count, peak in measures:
        needed: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        for draw in islice(draws(corpus, size, INPUT_DIM, hidden), count):
            for contender in contenders:
                step = training_step(contender, draw.mixed)
                needed[contender.name].append((peak(step) or 0) / len(draw.mixed.grad))
        rows = {
            name: {
                "bytes a node": vars(Quartiles.of(values)),
                "ratio": vars(Quartiles.of(np.divide(values, needed[Lstm.name]).tolist())),
            }
            for name, values in needed.items()
        }
        results.append(
            {"batch": size, "hidden": hidden, "measure": peak.__name__, "contenders": rows}
        )
        table = Table(
            title=f"{peak.__name__.replace('_', ' ')}: bytes a node in a training step, batch {size}",
            title_justify="left",
        )
        for heading in ("contender", "bytes a node", f"ratio to {Lstm.name}"):
            table.add_column(heading, justify="left" if heading == "contender" else "right")
        for name, row in rows.items():
            cells = f"{row['bytes a node']['median']:,.0f}", f"{row['ratio']['median']:.2f}"
            table.add_row(name, *cells)
        console.print(table)
    return results


def training_step(contender: TreeContender, batch: Portion) -> Callable[[], None]:
    """A step after one that came before, so that nothing is done for the first time."""
    data = contender.collate(batch.chosen)
    contender.train(batch.x, batch.grad, data)
    return lambda: contender.train(batch.x, batch.grad, data)


def print_growth(results: Sequence[dict[str, Any]]) -> None:
    """Microseconds a node at each size."""
    steps = ("collation", *PASSES)
    table = Table(title="growth: microseconds a node", title_justify="left")
    for heading in ("trees", "nodes", "levels", *steps):
        table.add_column(heading, justify="left" if heading == "trees" else "right")
    for row in results:
        times = (f"{row[step] / row['nodes'] * 1e6:.2f}" for step in steps)
        table.add_row(row["trees"], f"{row['nodes']:,}", str(row["levels"]), *times)
    console.print(table)


if __name__ == "__main__":
    app()

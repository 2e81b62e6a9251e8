"""Two threads beside one: ``python -m benchmarks.threads --help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table

from benchmarks.options import TreebankFile, numbers, read_treebank
from benchmarks.report import console, write_json
from benchmarks.timing import Contender, measure
from benchmarks.tree_contenders import OfStructnn
from benchmarks.tree_data import Draw, corpus_of, draws
from structnn import Batch, build_encoder

INPUT_DIM = 300


def main(
    conllu: TreebankFile = None,
    encoders: Annotated[
        str, typer.Option(help="Encoders, with commas between them.")
    ] = "child_sum_tree_lstm,bidirectional_tree_lstm,gat(heads=2)",
    hidden: Annotated[str, typer.Option(help="Widths of the states.")] = "150,300",
    batch: Annotated[str, typer.Option(help="Sentences in a batch.")] = "25,128",
    threads: Annotated[int, typer.Option(min=2, help="Threads beside one.")] = 2,
    seconds: Annotated[float, typer.Option(help="Time for each row.")] = 3.0,
    out: Annotated[Path, typer.Option(help="Folder for threads.json.")] = Path("runs/bench"),
) -> None:
    """Time encoders with one thread and with several by turns, in one process: forward, and training.

    Elapsed time, so that the machine has to have so many cores with nothing else to do.
    """
    sentences = read_treebank(conllu)
    if sentences is None:
        raise typer.BadParameter("no treebank is there: name a CoNLL-U file", param_hint="--conllu")
    torch.manual_seed(0)
    corpus = corpus_of(sentences)
    table = Table(
        "encoder", "states", "batch", "forward", "quartiles", "forward + backward", "quartiles",
        title=f"Time of one thread, divided by that of {threads}",
    )  # fmt: skip
    results = []
    for name in encoders.split(","):
        for width in numbers("--hidden", hidden):
            encoder = build_encoder(name, INPUT_DIM, width)
            contender = OfStructnn(corpus, encoder, name)
            for size in numbers("--batch", batch):
                row = [name, str(width), str(size)]
                for training in (False, True):
                    made = measure(
                        [_with_threads(contender, count, training) for count in (1, threads)],
                        draws(corpus, size, INPUT_DIM, encoder.output_dim),
                        seconds=seconds,
                    )
                    ratio = made.ratio("1", str(threads))
                    row += [f"{ratio.median:.2f}", f"{ratio.lower:.2f} to {ratio.upper:.2f}"]
                    place = {"encoder": name, "hidden": width, "batch": size, "training": training}
                    results.append(place | made.as_json(str(threads)))
                table.add_row(*row)
                write_json(out / "threads.json", {"threads": results})
    console.print(table)


def _with_threads(contender: OfStructnn, threads: int, training: bool) -> Contender:
    """The contender for one pass; batches are collated outside the time."""

    def collate(draw: Draw) -> tuple[Draw, Batch]:
        torch.set_num_threads(threads)
        return draw, contender.collate(draw.mixed.chosen)

    def run(given: tuple[Draw, Batch]) -> None:
        draw, batch = given
        if training:
            contender.train(draw.mixed.x, draw.mixed.grad, batch)
        else:
            with torch.no_grad():
                contender.forward(draw.mixed.x, batch)

    return Contender(str(threads), run, collate)


if __name__ == "__main__":
    typer.run(main)

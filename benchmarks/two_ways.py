"""An encoder computed in two ways, by turns: ``python -m benchmarks.two_ways --help``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table
from torch import Tensor

from benchmarks.options import TreebankFile, numbers, read_treebank
from benchmarks.report import console, write_json
from benchmarks.timing import measure, use_one_thread
from benchmarks.tree_contenders import OfStructnn, TreeContender, WithoutOperator
from benchmarks.tree_data import Indices, corpus_of, draws
from benchmarks.trees import INPUT_DIM, PASSES, TRAINING, as_timed
from structnn import Batch, build_encoder

SEQUENCES = "lstm,bilstm,gru,bigru,cnn,transformer(heads=5)"
TREES = "child_sum_tree_lstm,bidirectional_tree_lstm,gat(heads=2)"

Encoders = Annotated[str, typer.Option(help="Encoders, with commas between them.")]
Widths = Annotated[str, typer.Option(help="Widths of the states.")]
Sizes = Annotated[str, typer.Option(help="Sentences in a batch.")]
Seconds = Annotated[float, typer.Option(help="Time for each row.")]
Folder = Annotated[Path, typer.Option(help="Folder of a JSON file with all that was measured.")]

Ways = Callable[[OfStructnn], tuple[TreeContender, TreeContender]]

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def operators(
    conllu: TreebankFile = None,
    encoders: Encoders = f"{SEQUENCES},tree_transformer(heads=5),{TREES}",
    hidden: Widths = "150,300",
    batch: Sizes = "25,128",
    seconds: Seconds = 3.0,
    out: Folder = Path("runs/bench"),
) -> None:
    """With the operators in C++ and without them, on one thread: PyTorch then computes all."""
    use_one_thread()

    def ways(contender: OfStructnn) -> tuple[TreeContender, TreeContender]:
        return contender, WithoutOperator(contender)

    _compare("operators", ways, conllu, encoders, (hidden, batch), seconds, out)


@app.command()
def threads(
    conllu: TreebankFile = None,
    encoders: Encoders = f"bilstm,{TREES}",
    hidden: Widths = "150,300",
    batch: Sizes = "25,128",
    seconds: Seconds = 3.0,
    count: Annotated[int, typer.Option(min=2, help="Threads beside one.")] = 2,
    out: Folder = Path("runs/bench"),
) -> None:
    """With several threads and with one, on a machine that has so many cores with nothing else to do."""

    def ways(contender: OfStructnn) -> tuple[TreeContender, TreeContender]:
        return _Threads(contender, count), _Threads(contender, 1)

    _compare("threads", ways, conllu, encoders, (hidden, batch), seconds, out)


class _Threads(TreeContender):
    """A contender with so many threads.

    Args:
        contender: Of structnn.
        count: The threads.
    """

    def __init__(self, contender: OfStructnn, count: int) -> None:
        self.contender, self.count = contender, count
        self.name = f"threads: {count}"

    def collate(self, chosen: Indices) -> Batch:
        return self.contender.collate(chosen)

    def forward(self, x: Tensor, data: Batch) -> Tensor:
        torch.set_num_threads(self.count)
        return self.contender.forward(x, data)

    def parameters(self) -> dict[str, Tensor]:
        return self.contender.parameters()


def _compare(
    what: str,
    ways: Ways,
    conllu: Path | None,
    encoders: str,
    sizes: tuple[str, str],
    seconds: float,
    out: Path,
) -> None:
    """Time each encoder in two ways and print how many times as long the second takes."""
    sentences = read_treebank(conllu)
    if sentences is None:
        raise typer.BadParameter("no treebank is there: name a CoNLL-U file", param_hint="--conllu")
    widths, batches = numbers("--hidden", sizes[0]), numbers("--batch", sizes[1])
    torch.manual_seed(0)
    corpus = corpus_of(sentences)
    table = Table("encoder", "states", "batch", *PASSES)
    results = []
    for name in encoders.split(","):
        for width in widths:
            encoder = build_encoder(name, INPUT_DIM, width)
            first, second = ways(OfStructnn(corpus, encoder, "structnn"))
            table.title = f"Time ({second.name}) / time ({first.name}): median (quartiles)"
            for size in batches:
                row = [name, str(width), str(size)]
                for which in PASSES:
                    made = measure(
                        [as_timed(way, which) for way in (first, second)],
                        draws(corpus, size, INPUT_DIM, encoder.output_dim),
                        seconds=seconds,
                    )
                    ratio = made.ratio(second.name, first.name)
                    row.append(f"{ratio.median:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f})")
                    place = {"encoder": name, "hidden": width, "batch": size}
                    results.append(
                        place | {"training": which == TRAINING} | made.as_json(first.name)
                    )
                table.add_row(*row)
                write_json(out / f"{what}.json", {what: results})
    console.print(table)


if __name__ == "__main__":
    app()

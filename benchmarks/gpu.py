"""Encoders on a GPU, beside cuDNN's LSTM and others: ``python -m benchmarks.gpu --help``.

Everything that a CPU can do is done first. Then the GPU is used for a limited time: for the tests that
need one, for times, and for a count of what is launched in one pass. Without a GPU all of it runs on
the CPU: that shows that the script works, and says nothing about GPUs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.table import Table
from torch import Tensor, nn

from benchmarks.graphs import OnBatch
from benchmarks.options import TreebankFile, read_treebank
from benchmarks.report import console, print_measurement, write_json
from benchmarks.timing import Contender, Measurement, measure
from benchmarks.tree_contenders import (
    Lstm,
    OfStructnn,
    PytorchTreeLstm,
    TreeContender,
    installed,
)
from benchmarks.tree_data import Indices, Portion, corpus_of, draws, random_tree
from benchmarks.tree_variants import Variant, binary_trees
from structnn import Sentence, build_encoder
from structnn.data.batch import Batch
from structnn.data.corpus import Corpus

INPUT_DIM = 300
PASSES = ("forward", "forward + backward")
PREPARED = 12  # batches of each kind and size, made before the clock starts
WARMUP = 3
TESTS = "tests/structnn/test_devices.py"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class PlainPyg(TreeContender):
    """Two layers of PyG over the edges of the parse, as one writes them with nothing else.

    Args:
        corpus: The sentences that batches are drawn from.
        name: As it stands in the tables.
        layers: PyG's.
    """

    def __init__(self, corpus: Corpus, name: str, layers: Sequence[nn.Module]) -> None:
        self.corpus = corpus
        self.name = name
        self.network = nn.ModuleList(layers)

    def collate(self, chosen: Indices) -> Tensor:
        batch = self.corpus.batch(chosen)
        nothing = torch.empty(batch.num_tokens, 0)
        edges: Tensor = batch.to_pyg(nothing).edge_index
        return edges

    def forward(self, x: Tensor, data: Tensor) -> Tensor:
        for layer in self.network:
            x = layer(x, data).relu()
        return x

    def parameters(self) -> dict[str, Tensor]:
        return dict(self.network.named_parameters())


@app.command()
def main(
    conllu: TreebankFile = None,
    hidden: Annotated[int, typer.Option(help="Width of the states.")] = 150,
    batch: Annotated[str, typer.Option(help="Sentences in a batch.")] = "25,128,512,4096",
    minutes: Annotated[float, typer.Option(help="Time on the GPU.")] = 8.0,
    checks: Annotated[bool, typer.Option(help="Run the tests that need a GPU.")] = True,
    out: Annotated[Path, typer.Option(help="Folder for gpu.json.")] = Path("runs/bench"),
) -> None:
    """Time Tree-LSTMs and graph encoders on a GPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        console.print("There is no GPU here: all times are the CPU's, and say nothing about GPUs.")
    sentences = read_treebank(conllu) or [random_tree(2 + n % 40, n) for n in range(2000)]
    torch.manual_seed(0)
    # cuDNN's LSTM would multiply with ten bits of 23, all others with all.
    torch.backends.cudnn.allow_tf32 = False
    sizes = [int(size) for size in batch.split(",")]
    sentences = [*sentences] * -(-max(sizes) // len(sentences))  # as many as the largest batch
    groups = [of_parses(sentences, hidden), of_binary_trees(max(sizes), hidden)]
    work = [
        (group, size, prepared_batches(group, size, hidden)) for size in sizes for group in groups
    ]

    begin = time.perf_counter()
    results: dict[str, Any] = {"device": name_of(device), "times": [], "launches": []}

    def keep() -> None:
        """Write what there is so far: who lends a GPU may take it back at any time."""
        results["seconds"] = time.perf_counter() - begin
        write_json(out / "gpu.json", results)

    if checks:
        results["checks"] = run_checks(minutes * 60 * 0.4)
        keep()
    for contender in (one for group in groups for one in group):
        move_weights(contender, device)
    asked = [(one, which) for one in work for which in PASSES]
    for number, ((group, size, portions), which) in enumerate(asked):
        timed = [on_device(contender, which, device) for contender in group]
        left = begin + minutes * 60 * 0.9 - time.perf_counter()
        measurement = measure(
            timed,
            again_and_again(portions),
            seconds=left / (len(asked) - number),  # what took longer is saved on those behind it
            least=3,
            warmup=WARMUP,
            settle=0,
        )
        show(f"{which}, batches of {size}", measurement)
        row = {"pass": which, "batch": size, "hidden": hidden}
        results["times"].append(row | measurement.as_json(group[0].name))
        keep()
    for group, size, portions in work[: len(groups)]:
        for contender in group:
            results["launches"].append(
                {
                    "contender": contender.name,
                    "batch": size,
                    **count_launches(contender, portions[0], device),
                }
            )
            keep()
    print_launches(results["launches"])
    console.print(
        f"{results['seconds']:.0f} s on {results['device']}; written to {out / 'gpu.json'}"
    )


def of_parses(sentences: Sequence[Sentence], hidden: int) -> list[TreeContender]:
    """Who reads dependency trees; the first is compared with all others."""
    corpus = corpus_of(sentences)
    child_sum: Any = build_encoder("child_sum_tree_lstm", INPUT_DIM, hidden)
    contenders: list[TreeContender] = [Lstm(corpus, child_sum)]
    contenders.append(OfStructnn(corpus, child_sum, "child-sum"))
    both_ways = build_encoder("bidirectional_tree_lstm", INPUT_DIM, hidden // 2)
    contenders.append(Variant(corpus, both_ways, "bidirectional"))
    for name in ("gat", "gcn"):
        width = hidden - hidden % 4  # of four heads
        contenders.append(Narrow(corpus, build_encoder(name, INPUT_DIM, width), name))
    if installed("treelstm"):
        contenders.append(PytorchTreeLstm(corpus, child_sum))
    else:
        console.print("pytorch-tree-lstm is not installed, and left out.")
    if not installed("torch_geometric"):
        console.print("PyG is not installed, and left out.")
        return contenders
    from torch_geometric.nn import GATConv, GCNConv

    for layer in (GATConv, GCNConv):
        layers = [layer(INPUT_DIM, hidden), layer(hidden, hidden)]
        contenders.append(PlainPyg(corpus, f"PyG's {layer.__name__}", layers))
    return contenders


class Narrow(OnBatch, Variant):
    """A graph encoder, whose width is a multiple of its heads."""


def of_binary_trees(count: int, hidden: int) -> list[TreeContender]:
    """The binary Tree-LSTM, on trees of its own."""
    corpus = corpus_of(binary_trees(count))
    encoder = build_encoder("nary_tree_lstm", INPUT_DIM, hidden)
    return [OfStructnn(corpus, encoder, "binary")]


def prepared_batches(group: Sequence[TreeContender], size: int, hidden: int) -> list[Portion]:
    """Some batches of a group's corpus."""
    drawn = islice(draws(group[0].corpus, size, INPUT_DIM, hidden), PREPARED)
    return [draw.mixed for draw in drawn]


def again_and_again(portions: Sequence[Portion]) -> Iterator[Portion]:
    """The batches in turn, with other vectors each time."""
    while True:
        for portion in portions:
            yield replace(portion, x=torch.randn_like(portion.x))


def move_weights(contender: TreeContender, device: torch.device) -> None:
    """Put a contender's weights on a device."""
    module = contender.encoder if isinstance(contender, OfStructnn) else contender.network
    module.to(device)


def moved(data: Any, device: torch.device) -> Any:
    """What a contender reads of a batch, on a device; sizes of sequences and trees stay behind."""
    if isinstance(data, Tensor | Batch):
        return data.to(device)
    if isinstance(data, dict):
        return {name: moved(part, device) for name, part in data.items()}
    if isinstance(data, list):  # pytorch-tree-lstm's sizes of trees
        return data
    batch, sizes, words = data  # of nn.LSTM
    return batch, sizes, words.to(device)


def on_device(contender: TreeContender, which: str, device: torch.device) -> Contender:
    """A contender for one pass; its time ends when the device is done."""

    def collate(portion: Portion) -> tuple[Tensor, Tensor, Any]:
        data = moved(contender.collate(portion.chosen), device)
        given = portion.x.to(device), portion.grad.to(device), data
        finish(device)
        return given

    def run(given: tuple[Tensor, Tensor, Any]) -> None:
        x, grad, data = given
        if which == PASSES[0]:
            with torch.no_grad():
                contender.forward(x, data)
        else:
            contender.train(x, grad, data)
        finish(device)

    return Contender(contender.name, run, collate, lambda portion: len(portion.grad))


def finish(device: torch.device) -> None:
    """Wait until a GPU has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def count_launches(
    contender: TreeContender, portion: Portion, device: torch.device
) -> dict[str, float]:
    """What is launched in one pass forward and backward: kernels on a GPU, operators on a CPU."""
    from torch.profiler import DeviceType, ProfilerActivity, profile

    timed = on_device(contender, PASSES[1], device)
    given = timed.collate(portion)
    timed.run(given)
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiled:
        timed.run(given)
    if device.type == "cuda":
        events = [one for one in profiled.events() if one.device_type == DeviceType.CUDA]
        microseconds = sum(one.self_device_time_total for one in events)
    else:
        events = list(profiled.events())
        microseconds = sum(one.self_cpu_time_total for one in events)
    return {"launches": len(events), "milliseconds on the device": microseconds / 1e3}


def print_launches(rows: Sequence[dict[str, Any]]) -> None:
    """A row for each contender."""
    table = Table(title="one pass, forward + backward", title_justify="left")
    for heading in rows[0]:
        table.add_column(heading)
    for row in rows:
        table.add_row(
            *(f"{value:.3g}" if isinstance(value, float) else f"{value}" for value in row.values())
        )
    console.print(table)


def show(title: str, measurement: Measurement) -> None:
    """The table of one measurement."""
    print_measurement(title, measurement, measurement.names[0], unit="us a node")


def name_of(device: torch.device) -> str:
    """What a device is called."""
    return torch.cuda.get_device_name() if device.type == "cuda" else "the CPU"


def run_checks(seconds: float) -> str:
    """Run the tests that need a GPU, for a limited time.

    Returns:
        The last line that pytest says.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-k", "gpu", TESTS]
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, cwd=root, check=False
        )
    except subprocess.TimeoutExpired as stopped:
        said = f"not done after {seconds:.0f} s"
        console.print((stopped.stdout or b"").decode(errors="replace")[-4000:])
    else:
        said = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-500:]
        if done.returncode:
            console.print(done.stdout[-4000:])
    console.print(f"{TESTS}: {said}")
    return said


if __name__ == "__main__":
    app()

"""Where the time of a whole experiment goes: ``python -m benchmarks.experiments --help``.

What is timed is :func:`tasks.experiments.experiment.run_experiment`, as ``structnn compare`` calls it,
except that its runs are in this process, one after the other: training, evaluation on dev after each
epoch, checkpoints, all files of a run, statistics and the report. Times are those of the processor, so
that other work on the machine changes them less.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest.mock import patch

import typer
from rich.table import Table

from benchmarks.pipeline import PARTS, Methods, Shares
from benchmarks.report import console, write_json
from benchmarks.timing import use_one_thread
from tasks.experiments import execution, experiment, fitting
from tasks.experiments import run as runs
from tasks.experiments.options import CompareOptions
from tasks.training import loop, step

__all__ = ["Clocked", "measure_experiment"]

IN_RUNS: dict[str, Methods] = {
    "data": ((runs, "view"), (fitting, "prepare")),
    **PARTS,
    "clipping": ((step, "clip_gradients"),),
    "evaluation": ((loop, "evaluate"), (runs, "evaluate")),
    "checkpoints": ((loop, "save_checkpoint"),),
    "files": ((runs, "_save"), (runs, "read_result")),
}
"""The parts of runs, by the functions that do them."""

AROUND: dict[str, Methods] = {
    "data, parses": ((experiment, "_dataset"), (experiment, "parse_and_show")),
    "estimate": ((experiment, "_sample"), (experiment, "_show_plan")),
    "statistics": ((experiment, "measure"), (experiment, "summarise")),
    "report": ((experiment, "write_report"),),
}
"""What is done once for all runs."""


class Clocked:
    """Processor seconds of an experiment.

    Attributes:
        runs: For each encoder the seconds of all its runs, whole and by part.
        around: Those of what is done once.
    """

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, float]] = {}
        self.around = Shares(AROUND, time.process_time)

    def in_this_process(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], **_: Any
    ) -> Iterator[Any]:
        """What takes the place of :func:`tasks.experiments.backends.in_parallel`."""
        for call in calls:
            shares = Shares(IN_RUNS, time.process_time)
            started = time.process_time()
            with shares.counting():
                result = function(*call)
            found = {"whole": time.process_time() - started, **shares.seconds}
            own = self.runs.setdefault(call[0].model.encoder, {})
            for part, seconds in found.items():
                own[part] = own.get(part, 0.0) + seconds
            yield result


def measure_experiment(options: CompareOptions, out: Path) -> dict[str, Any]:
    """Clock an experiment.

    Args:
        options: The experiment.
        out: Its folder, new.

    Returns:
        ``runs`` and ``around`` of :class:`Clocked`, and the ``start`` of this process until now.
    """
    start, clocked = time.process_time(), Clocked()
    with (
        patch.object(execution, "in_parallel", clocked.in_this_process),
        clocked.around.counting(),
    ):
        experiment.run_experiment(options, out)
    return {"start": start, "around": clocked.around.seconds, "runs": clocked.runs}


def print_shares(found: dict[str, Any], seeds: int) -> None:
    """A line for each encoder, and one for what is done once."""
    table = Table(title="processor seconds of a run, and shares", title_justify="left")
    for heading in ("encoder", "seconds", *IN_RUNS, "rest"):
        justify: Literal["left", "right"] = "left" if heading == "encoder" else "right"
        table.add_column(heading, justify=justify, no_wrap=heading == "encoder")
    for encoder, seconds in found["runs"].items():
        whole = seconds["whole"]
        shares = [seconds.get(part, 0.0) / whole for part in IN_RUNS]
        cells = [f"{100 * share:.1f} %" for share in (*shares, 1 - sum(shares))]
        table.add_row(encoder, f"{whole / seeds:.2f}", *cells)
    console.print(table)
    once = {"start": found["start"], **found["around"]}
    console.print("once: " + ", ".join(f"{part} {seconds:.1f} s" for part, seconds in once.items()))


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    data: Annotated[str, typer.Option(help="A data set by name, or a file.")] = "trec",
    encoders: Annotated[
        str, typer.Option(help="Separated by commas.")
    ] = "bag,bilstm,child_sum_tree_lstm,gat",
    seeds: Annotated[int, typer.Option(help="Runs of each.", min=1)] = 1,
    epochs: Annotated[int, typer.Option(help="Of each run.", min=1)] = 3,
    out: Annotated[Path, typer.Option(help="Folder for experiments.json.")] = Path("runs/bench"),
) -> None:
    """Time a comparison of encoders, on one thread."""
    use_one_thread()
    options = CompareOptions(
        data=data, encoders=encoders, seeds=seeds, epochs=epochs, patience=epochs, device="cpu"
    )
    with tempfile.TemporaryDirectory() as folder:
        found = measure_experiment(options, Path(folder) / "experiment")
    print_shares(found, seeds)
    write_json(out / "experiments.json", {"data": data, "epochs": epochs, "seeds": seeds, **found})
    console.print(f"Written to {out / 'experiments.json'}")


if __name__ == "__main__":
    app()

"""The ``structnn`` command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tasks.options import ExperimentOptions, ParserOptions, spread

# What a command needs beyond this is imported when it runs, so that --help answers at once.
if TYPE_CHECKING:
    from tasks.compare import Comparison
    from tasks.parsing import ParsedDataset
    from tasks.runs import Run, RunResult
    from tasks.training import Epoch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Does structure help? Parse text, train sequence, tree and graph encoders, compare them.",
)
out_console = Console()
console = Console(stderr=True)


@app.command()
@spread(ParserOptions)
def parse(
    options: ParserOptions,
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A text file, one text a line; a .csv, .tsv or .jsonl file; - for standard input.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CoNLL-U file to write.")],
    pretokenized: Annotated[
        bool, typer.Option("--pretokenized", help="Tokens are given, with spaces between.")
    ] = False,
    text_column: Annotated[str, typer.Option(help="The column of the text.")] = "text",
) -> None:
    """Parse texts into a CoNLL-U file.

    `structnn parse questions.txt -o questions.conllu`

    `structnn parse reviews.csv --text-column review -o reviews.conllu`
    """
    from parsers import CachedParser, write_conllu
    from tasks.files import read_texts
    from tasks.parsing import default_cache, make_parser

    texts, blank = read_texts(source, text_column=text_column)
    if pretokenized:
        texts = [tuple(text.split()) if isinstance(text, str) else text for text in texts]
    parser = make_parser(options.parser())
    cache = options.cache or default_cache()
    with _progress("parsing") as progress:
        sentences = CachedParser(parser, cache, progress=progress).parse(texts)
    write_conllu(sentences, output)
    passed_over = f" ({blank} blank lines passed over)" if blank else ""
    console.print(f"{len(sentences)} texts parsed into {output}{passed_over}", highlight=False)


@app.command()
@spread(ExperimentOptions)
def train(
    options: ExperimentOptions,
    encoder: Annotated[str, typer.Option(help="Its name, or several as bilstm>gat.")],
    out: Annotated[Path, typer.Option(help="The folder of the result.")],
    seed: Annotated[int, typer.Option(help="One seed gives one result.")] = 0,
    threads: Annotated[int, typer.Option(help="Of the processor.")] = 1,
) -> None:
    """Train one encoder. The same command again goes on where it stopped.

    `structnn train --data trec --encoder bilstm --out runs/one`

    `structnn train --data my.csv --dev dev.csv --test test.csv --encoder gat --out runs/mine`
    """
    import torch

    from tasks.runs import Run, execute

    options.check_encoders([encoder])
    run = Run(options.model(encoder), options.training(), seed)
    parsed = _parsed_data(options)
    torch.set_num_threads(threads)
    with _progress("epochs", options.epochs) as progress:

        def report(epoch: Epoch) -> None:
            progress(epoch.number, options.epochs)
            console.print(
                f"epoch {epoch.number}: train loss {epoch.train_loss:.4f}, dev loss "
                f"{epoch.dev_loss:.4f}, dev accuracy {100 * epoch.dev_accuracy:.1f} %",
                highlight=False,
            )

        result = execute(run, parsed, out, parser=options.parser(), on_epoch=report)
    out_console.print(f"{_outcome(result)}; saved in {out / run.folder}", highlight=False)


@app.command()
@spread(ExperimentOptions)
def compare(
    options: ExperimentOptions,
    encoders: Annotated[str, typer.Option(help="Names with commas between them.")],
    out: Annotated[Path, typer.Option(help="The folder of the results.")],
    seeds: Annotated[int, typer.Option(help="Runs of each encoder.")] = 3,
    workers: Annotated[
        int | None, typer.Option(help="Processes; one a core by default.", show_default=False)
    ] = None,
) -> None:
    """Train several encoders alike, and print a table. The same command again goes on.

    `structnn compare --data trec --encoders bag,bilstm,child_sum_tree_lstm,gat --out runs/trec`

    `structnn compare --data my.csv --encoders bilstm,gat --seeds 5 --option gat.heads=8 --out runs/my`
    """
    from tasks.compare import plan

    names = [name.strip() for name in encoders.split(",") if name.strip()]
    options.check_encoders(names)
    runs = plan([options.model(name) for name in names], seeds, options.training())
    parsed = _parsed_data(options)
    comparison = run_comparison(runs, parsed, options.parser(), out, workers)
    if comparison.failures:
        raise typer.Exit(1)


@app.command()
def predict(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run, such as runs/trec/bilstm/seed-0.")
    ],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A file of texts, one a line; - for standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
) -> None:
    """Classify new text with a saved run.

    `structnn predict runs/trec/bilstm/seed-0 "Who wrote Middlemarch?"`

    `structnn predict runs/trec/bilstm/seed-0 --file questions.txt --json > labels.jsonl`
    """
    from tasks.files import read_texts
    from tasks.prediction import Predictor

    wanted = list(texts or [])
    if file is not None:
        wanted += [
            text if isinstance(text, str) else " ".join(text) for text in read_texts(file)[0]
        ]
    if not wanted:
        raise typer.BadParameter("give at least one text, or --file")
    predictions = Predictor(run).predict(wanted)
    if as_json:
        for prediction in predictions:
            print(json.dumps(vars(prediction), ensure_ascii=False))
        return
    labels = list(predictions[0].probabilities)
    table = Table("text", "label", *labels)
    for prediction in predictions:
        shares = (f"{share:.3f}" for share in prediction.probabilities.values())
        table.add_row(prediction.text, prediction.label, *shares)
    out_console.print(table)


@app.command()
@spread(ParserOptions)
def draw(
    options: ParserOptions,
    text: Annotated[str, typer.Argument(help="A sentence.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")],
) -> None:
    """Parse a sentence and draw its tree.

    `structnn draw "The dogs that the cat chased bark." -o tree.png`
    """
    from parsers import draw as draw_sentence
    from tasks.parsing import make_parser

    draw_sentence(make_parser(options.parser()).parse([text])[0], output)
    console.print(f"drawn in {output}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder of the results.")] = Path("runs/demo"),
    seeds: Annotated[int, typer.Option(help="Runs of each encoder.")] = 2,
) -> None:
    """Show it all on sentences that no bag of words can tell apart; needs no data and no network."""
    from tasks.demo import run_demo

    run_demo(out, seeds)


def run_comparison(
    runs: list[Run],
    parsed: ParsedDataset,
    parser: Mapping[str, Any],
    out: Path,
    workers: int | None = None,
) -> Comparison:
    """Execute runs, telling of each as it ends, then print the table and say where it is."""
    from tasks.compare import HEADER, Failure, cells, summarise
    from tasks.compare import compare as execute_all

    outcomes = []
    with _progress("runs", len(runs)) as progress:
        for outcome in execute_all(runs, parsed, out, parser=parser, workers=workers):
            outcomes.append(outcome)
            name = (
                f"{len(outcomes)}/{len(runs)} {outcome.run.model.encoder}, seed {outcome.run.seed}"
            )
            if isinstance(outcome, Failure):
                console.print(f"{name}: failed: {_plain(outcome.error)}", highlight=False)
            else:
                console.print(f"{name}: {_outcome(outcome)}", highlight=False)
            progress(len(outcomes), len(runs))
    comparison = summarise(runs, outcomes, out)
    seeds = len({run.seed for run in runs})
    table = Table(*HEADER, title=f"{parsed.dataset.name}: mean ± standard deviation, {seeds} seeds")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in comparison.rows:
        table.add_row(*cells(row))
    out_console.print(table)
    for note in parsed.dataset.notes:
        out_console.print(f"- {note}", highlight=False)
    for failure in comparison.failures:
        where = out / failure.run.folder / "error.txt"
        out_console.print(f"- failed: {failure.run.folder}, see {where}", highlight=False)
    out_console.print(f"- saved in {out}: table.md, runs.csv, every prediction of every run")
    return comparison


def main() -> None:
    """Run the command; faults of the input end in one line, not in a traceback."""
    import logging

    logging.getLogger("stanza").setLevel(logging.ERROR)
    try:
        app()
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        sys.exit(130)
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        if os.environ.get("STRUCTNN_DEBUG"):
            raise
        console.print(f"[bold red]error:[/bold red] {_plain(error)}", highlight=False)
        sys.exit(1)


def _parsed_data(options: ExperimentOptions) -> ParsedDataset:
    """Load and parse the data that the options describe."""
    from tasks.parsing import default_cache, make_parser, parse_dataset

    dataset = options.dataset()
    sizes = ", ".join(
        f"{len(getattr(dataset, split))} {split}" for split in ("train", "dev", "test")
    )
    console.print(f"{dataset.name}: {sizes}, {len(dataset.labels)} labels", highlight=False)
    with _progress("parsing") as progress:
        return parse_dataset(
            dataset,
            make_parser(options.parser()),
            options.cache or default_cache(),
            structure=options.structure,
            progress=progress,
        )


def _outcome(result: RunResult) -> str:
    test = "" if result.test_accuracy is None else f", test {100 * result.test_accuracy:.1f} %"
    return (
        f"dev {100 * result.dev_accuracy:.1f} %{test} "
        f"(epoch {result.best_epoch} of {result.epochs}, {result.train_speed:,.0f} sentences/s)"
    )


def _plain(error: BaseException) -> str:
    return str(error).replace("[", "\\[")


@contextmanager
def _progress(what: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; nothing elsewhere, where lines of their own tell what goes on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)

"""The ``structnn`` command."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tasks.command.lab import app as lab
from tasks.console import progress, results, resumable, status
from tasks.data.options import ParsingOptions, TextOptions
from tasks.experiments.options import CompareOptions, ExperimentOptions
from tasks.options import spread

# What a command needs beyond this is imported when it runs, so that --help answers at once.
if TYPE_CHECKING:
    from tasks.training.epoch import Epoch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Parse text; train, compare and explain sequence, tree and graph encoders of sentences.",
)
app.add_typer(lab, name="lab")


@dataclass(frozen=True, kw_only=True)
class ParseOptions(TextOptions, ParsingOptions):
    """How texts are read and parsed."""


@app.command()
@spread(ParseOptions)
def parse(
    options: ParseOptions,
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="Text file with a text on each line; .csv, .tsv or .jsonl file; - for standard input.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="CoNLL-U file to write.")],
    pretokenized: Annotated[
        bool,
        typer.Option(
            "--pretokenized", help="Texts are tokenised already, with spaces between tokens."
        ),
    ] = False,
) -> None:
    """Parse texts into a CoNLL-U file.

    `structnn parse questions.txt -o questions.conllu`

    `structnn parse reviews.csv --text-column review -o reviews.conllu`
    """
    from parsers import write_conllu
    from tasks.data.files import read_texts
    from tasks.data.parsing import cached_parser, parser_notes

    texts, blank = read_texts(source, options)
    if pretokenized:
        texts = [tuple(text.split()) if isinstance(text, str) else text for text in texts]
    with resumable(), progress("parsing") as show:
        sentences = cached_parser(options, show).parse(texts)
    write_conllu(sentences, output)
    for note in parser_notes(sentences):
        status.print(note)
    passed_over = f" ({blank} blank lines passed over)" if blank else ""
    status.print(f"{len(sentences)} texts parsed into {output}{passed_over}")


@app.command()
@spread(ExperimentOptions)
def train(
    options: ExperimentOptions,
    encoder: Annotated[
        str,
        typer.Option(
            help="Encoder: a name, a chain as bilstm>gat, options as gat(heads=8). structnn encoders "
            "lists them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Number of CPU threads.")] = 1,
) -> None:
    """Train one encoder. The same command again resumes an interrupted run.

    `structnn train --data trec --encoder bilstm --out runs/one`

    `structnn train --data my.csv --dev dev.csv --test test.csv --encoder gat --out runs/mine`
    """
    import torch

    from tasks.data.setting import Setting
    from tasks.experiments.display import outcome_line, parse_and_show
    from tasks.experiments.run import execute
    from tasks.results.run import Run

    options.check_encoders([encoder])
    setting = Setting(structure=options.structure)
    run = Run(options.model(encoder), options.training, seed, setting)
    parsed = parse_and_show(options.dataset(), options)
    torch.set_num_threads(threads)
    with resumable(), progress("epochs", options.epochs) as show:

        def report(epoch: Epoch) -> None:
            show(epoch.number, options.epochs)
            status.print(
                f"epoch {epoch.number}: train loss {epoch.train_loss:.4f}, dev loss "
                f"{epoch.dev_loss:.4f}, dev accuracy {100 * epoch.dev_accuracy:.1f} %",
                highlight=False,
            )

        result = execute(run, parsed, out, parser=options.parser, on_epoch=report)
    results.print(f"{outcome_line(result)}; saved in {out / run.folder}")


def _from_file(context: typer.Context, file: Path | None) -> Path | None:
    """Make the options of a TOML file the defaults of the command."""
    if file is not None:
        from tasks.command.toml_options import read_options

        options = {
            parameter.name or "": bool(getattr(parameter, "multiple", False))
            for parameter in context.command.params
            if parameter.param_type_name == "option"
        }
        repeated = [name for name, several in options.items() if several]
        context.default_map = read_options(file, options, repeated)
    return file


@app.command()
@spread(CompareOptions)
def compare(
    options: CompareOptions,
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    experiment: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EXPERIMENT.toml]",
            help="TOML file of options, named as below with _ for -; the command line has precedence.",
            is_eager=True,
            callback=_from_file,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the number of runs and an estimate of their time, and run nothing.",
        ),
    ] = False,
) -> None:
    """Compare encoders, structures, embeddings and amounts of data, with tables, tests and a report.

    The same command again resumes interrupted runs, and repeats no finished one.

    `structnn compare --data trec --encoders bag,bilstm,child_sum_tree_lstm,gat --out runs/trec`

    `structnn compare --data my.csv --encoders bilstm,gat --seeds 5 --option gat.heads=8 --out runs/my`

    `structnn compare experiment.toml --match-params 300k --structure parse,random --out runs/grid`
    """
    from tasks.experiments.experiment import run_experiment

    run_experiment(options, out, dry_run=dry_run)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment, such as runs/trec.")],
) -> None:
    """Write tables, figures and report.html again, from the results in the folder of an experiment.

    `structnn report runs/trec`
    """
    from tasks.report import write_report
    from tasks.results.folder import load_results
    from tasks.results.measures import measure
    from tasks.results.summary import summarise

    found = measure(load_results(folder))
    summarise(found)
    status.print(f"written: {write_report(found, folder)}")


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/trec/bilstm/seed-0.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify.")] = None,
    file: Annotated[
        str | None, typer.Option(help="File with a text on each line; - for standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
    plugin: Annotated[
        list[str] | None,
        typer.Option(help="Module or .py file that registers the run's encoder; may be repeated."),
    ] = None,
) -> None:
    """Classify new text with a saved run.

    `structnn predict runs/trec/bilstm/seed-0 "Who wrote Middlemarch?"`

    `structnn predict runs/trec/bilstm/seed-0 --file questions.txt --json > labels.jsonl`
    """
    from tasks.data.files import read_texts
    from tasks.experiments.plugins import load_plugins
    from tasks.models.prediction import Predictor

    load_plugins(plugin or ())
    wanted = list(texts or [])
    if file is not None:
        wanted += [
            text if isinstance(text, str) else " ".join(text) for text in read_texts(file)[0]
        ]
    if not wanted:
        raise typer.BadParameter("give at least one text, or a --file of texts")
    predictions = Predictor(run).predict(wanted)
    if as_json:
        for prediction in predictions:
            print(json.dumps(vars(prediction), ensure_ascii=False))
        return
    # There may be fifty labels: the likeliest three fit into a line, and --json has all.
    table = Table("text", "label", "likeliest")
    for prediction in predictions:
        shares = sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:3]
        likeliest = ", ".join(f"{label} {share:.3f}" for label, share in shares)
        table.add_row(*map(escape, (prediction.text, prediction.label, likeliest)))
    results.print(table)


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/trec/bilstm/seed-0.")],
    text: Annotated[str, typer.Argument(help="A sentence.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")],
    plugin: Annotated[
        list[str] | None,
        typer.Option(help="Module or .py file that registers the run's encoder; may be repeated."),
    ] = None,
) -> None:
    """Explain why a saved run classifies a sentence as it does, with numbers and pictures.

    `structnn explain runs/trec/gat/seed-0 "Who wrote Middlemarch?" -o why`
    """
    from tasks.experiments.plugins import load_plugins
    from tasks.explain import explain as explain_text
    from tasks.explain import in_words, save, word_rows
    from tasks.models.prediction import Predictor

    load_plugins(plugin or ())
    explanation = explain_text(Predictor(run), text)
    title = f"what adds to the log-odds of {escape(explanation.prediction.label)}"
    table = Table("word", *explanation.attributions, "subtree effect", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in word_rows(explanation):
        table.add_row(*map(escape, row))
    results.print(table)
    for line in in_words(explanation):
        results.print(f"- {escape(line)}")
    status.print(f"{len(save(explanation, output))} pictures and explanation.json in {output}")


@app.command()
@spread(ParsingOptions)
def draw(
    options: ParsingOptions,
    text: Annotated[str, typer.Argument(help="A sentence.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write: .png, .svg, .pdf, .html or .dot."),
    ] = None,
    as_text: Annotated[bool, typer.Option("--text", help="Print the tree as text.")] = False,
    layout: Annotated[
        str | None, typer.Option(help="tree, aligned, arcs, or a layout of networkx.")
    ] = None,
    structure: Annotated[
        str,
        typer.Option(
            help="parse, or a control in its place: left_chain, right_chain, balanced, random, "
            "shuffled, flat."
        ),
    ] = "parse",
    dark: Annotated[bool, typer.Option("--dark", help="Dark background.")] = False,
) -> None:
    """Parse a sentence and draw its dependency tree.

    `structnn draw "The dogs that the cat chased bark." -o tree.png`

    `structnn draw "The dogs that the cat chased bark." --text`
    """
    if output is None and not as_text:
        raise typer.BadParameter("give --output, as tree.png, or --text")
    from parsers import draw as draw_sentence
    from parsers import text_tree, with_structure
    from tasks.data.parsing import cached_parser

    (sentence,) = with_structure(cached_parser(options).parse([text]), structure)
    if as_text:
        print(text_tree(sentence))
    if output is not None:
        draw_sentence(sentence, output, layout=layout, dark=dark)
        status.print(f"drawn in {output}")


@app.command()
def explore(
    source: Annotated[Path, typer.Argument(metavar="FILE.conllu", help="Parsed corpus.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")],
) -> None:
    """Write an HTML page to search a parsed corpus, count in it, and see its trees; it opens offline.

    `structnn explore questions.conllu -o questions.html`
    """
    from parsers import explore as write_page
    from parsers import read_conllu

    sentences = read_conllu(source)
    write_page(sentences, output, title=source.stem)
    status.print(f"{len(sentences)} sentences in {output}")


@app.command()
def encoders(
    name: Annotated[str | None, typer.Argument(help="Encoder or readout.")] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(help="Module or .py file of yours that registers encoders; may be repeated."),
    ] = None,
) -> None:
    """List the encoders and readouts, or the options of one of them.

    `structnn encoders`

    `structnn encoders gat`
    """
    from tasks.command.encoders import show_all, show_one
    from tasks.experiments.plugins import load_plugins

    load_plugins(plugin or ())
    if name is None:
        show_all()
    else:
        show_one(name)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/demo"),
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of runs of each encoder with each structure.")
    ] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 10,
    pairs: Annotated[
        int, typer.Option(help="Pairs of sentences to train on, an even number.")
    ] = 1008,
    data_seed: Annotated[int, typer.Option(help="Random seed of the sentences.")] = 0,
) -> None:
    """Train, compare and draw on generated sentences with gold trees; needs no data and no network.

    The sentences are in pairs with the same words and opposite labels, so that word order or structure
    is needed to tell them apart. Trees and graphs are also made of random trees, to compare with.
    """
    from tasks.command.demo import run_demo

    run_demo(out, seeds, epochs, pairs, data_seed)


def main() -> None:
    """Run the command. Errors of the input are printed in a line, without a traceback."""
    import logging

    logging.getLogger("stanza").setLevel(logging.ERROR)
    try:
        app()
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        if os.environ.get("STRUCTNN_DEBUG"):
            raise
        status.print(f"[bold red]error:[/bold red] {escape(str(error))}")
        sys.exit(1)

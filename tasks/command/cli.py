"""The ``structnn`` command."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

import structnn
from structnn import InputError
from tasks.command.lab import app as lab
from tasks.command.texts import ParseOptions, PredictOptions
from tasks.console import (
    progress,
    reopen_streams,
    results,
    resumable,
    show_table,
    status,
    warnings_in_a_line,
)
from tasks.data.options import ParsingOptions
from tasks.experiments.options import CompareOptions, ExperimentOptions
from tasks.models.devices import DeviceOptions
from tasks.options import OUT, OptionError, spread
from tasks.pretraining.options import PretrainOptions
from tasks.storage import StorageError, check_not_read, check_output_file, check_output_folder

# What a command needs beyond this is imported when it runs, so that --help answers at once.
if TYPE_CHECKING:
    from tasks.report.groups import Group
    from tasks.training.epoch import Epoch


class _Commands(TyperGroup):
    """The commands; on Ctrl-C each says that it was interrupted, and whether it can be resumed."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            status.print(str(stopped) or "interrupted")
            raise


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(lab, name="lab")

RunPlugin = Annotated[
    list[str] | None,
    typer.Option(help="Module or .py file that registers the run's encoder; may be repeated."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"structnn {structnn.__version__}")
        raise typer.Exit


def _check_launched(command: str | None) -> None:
    """Make sure that a launcher of several processes was given a command that they can share.

    Raises:
        InputError: It was given another one, or the number of its processes is none.
    """
    given = os.environ.get("WORLD_SIZE", "1")
    if not (given.isascii() and given.isdecimal() and int(given) >= 1):
        raise InputError(
            "the environment variable WORLD_SIZE, in which a launcher says how many processes it "
            f"started, must be a whole number of at least 1, but is {given!r}; unset it if there is none"
        )
    if int(given) > 1 and command != "train":
        raise InputError(
            f"structnn {command} doesn't run in the processes of a launcher, as structnn train does; "
            "run it without one (structnn compare and structnn parse start processes of their own)"
        )


@app.callback()
def about(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print results and errors, no progress and no notes.")
    ] = False,
) -> None:
    """Parse text; train, compare and explain sequence, tree and graph encoders of sentences."""
    _check_launched(context.invoked_subcommand)
    status.quiet = quiet


@app.command()
@spread(ParseOptions)
@resumable()
def parse(
    options: ParseOptions,
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="Text file with a text on each line; .csv, .tsv or .jsonl file; - for standard input.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(*OUT, help="CoNLL-U file to write.", callback=check_output_file),
    ],
    pretokenized: Annotated[
        bool,
        typer.Option(
            "--pretokenized", help="Texts are tokenised already, with spaces between tokens."
        ),
    ] = False,
) -> None:
    """Parse texts into a CoNLL-U file. A comment says from which line of the input a sentence is.

    `structnn parse questions.txt -o questions.conllu`

    `structnn parse reviews.csv --text-column review -o reviews.conllu`
    """
    from parsers import write_conllu
    from parsers.formats.conllu import LINES_OF_THEIR_OWN
    from tasks.command.texts import check_comments, check_kept, with_origin
    from tasks.data.examples import DataError, counted
    from tasks.data.parsing import parser_notes
    from tasks.data.texts import empty_note, name_of, read_texts
    from tasks.models.parser import cached_parser

    check_not_read(output, source)
    records = read_texts(source, options, options.keep or ())
    check_kept(records, ("line", "text", "constituency", *LINES_OF_THEIR_OWN), "CoNLL-U comments")
    check_comments(records)
    full = [record for record in records if record.text]
    if not full:
        raise DataError(f"{name_of(source)}: all its texts are empty")
    texts = [
        tuple(record.text.split()) if pretokenized and isinstance(record.text, str) else record.text
        for record in full
    ]
    with progress("parsing") as show:
        sentences = cached_parser(options, show).parse(texts)
    origins = zip(sentences, full, strict=True)
    write_conllu([with_origin(sentence, record) for sentence, record in origins], output)
    empty = empty_note(records, "there is no sentence for them")
    for note in (*parser_notes(sentences), *([empty] if empty else [])):
        status.print(note)
    status.print(f"{counted(len(sentences), 'text')} parsed into {output}")


@app.command()
def shuffle(
    source: Annotated[Path, typer.Argument(metavar="FILE.conllu", help="Parsed sentences.")],
    output: Annotated[
        Path,
        typer.Option(*OUT, help=".jsonl file to write.", callback=check_output_file),
    ],
    lemmas: Annotated[
        bool, typer.Option("--lemmas", help="Give lemmas: forms are to be found, too.")
    ] = False,
    features: Annotated[
        bool,
        typer.Option(
            "--features", help="Give features (FEATS), too, as nodes that hang from their words."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Random seed of the order.")] = 0,
) -> None:
    """Put the words of sentences in random order: data for surface realisation, with their trees.

    `structnn shuffle train.conllu -o train.jsonl`

    `structnn shuffle train.conllu --lemmas --features -o train.jsonl`

    `structnn compare --data train.jsonl --structure given --encoders gcn --decoder gru --out runs/order`
    """
    from parsers import iter_conllu
    from tasks.data.realisation import shuffled_rows
    from tasks.storage import write_json_lines

    check_not_read(output, source)
    rows = shuffled_rows(
        iter_conllu(source), lemmas=lemmas, features=features, seed=seed, name=str(source)
    )
    write_json_lines(output, rows)
    status.print(f"{output}: source (shuffled), heads and relations, target")


@app.command()
@spread(ExperimentOptions)
@resumable()
def train(
    options: ExperimentOptions,
    encoder: Annotated[
        str,
        typer.Option(
            help="Encoder: a name, a chain as bilstm>gat, options as gat(heads=8). structnn encoders "
            "lists them."
        ),
    ],
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder for the result.", callback=check_output_folder)
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Number of CPU threads.")] = 1,
) -> None:
    """Train one encoder. The same command again resumes an interrupted run.

    `structnn train --data trec --encoder bilstm --out runs/one`

    `torchrun --nproc-per-node 2 -m structnn train --data trec --encoder bilstm --out runs/one`

    `structnn train --data my.csv --dev dev.csv --test test.csv --encoder gat --out runs/mine`
    """
    from contextlib import nullcontext

    import torch

    from tasks.command.texts import save_reading
    from tasks.console import quietly
    from tasks.data.setting import Setting
    from tasks.experiments.display import outcome_line, parse_and_show
    from tasks.experiments.fitting import selecting_metric
    from tasks.experiments.run import execute
    from tasks.experiments.tracking import check_tracker
    from tasks.metrics import metrics_for
    from tasks.results.records import read_history
    from tasks.results.run import Run
    from tasks.training.processes import Processes

    options.check_encoders([encoder])
    check_tracker(options.track)
    setting = Setting(structure=options.read_structure)
    run = Run(options.model(encoder), options.training, seed, setting)
    processes = Processes(cpu=options.device == "cpu")
    with nullcontext() if processes.is_main else quietly():
        with processes.main_first():  # which keeps parses
            parsed = parse_and_show(options.dataset(), options)
        dataset = parsed.dataset
        selecting = selecting_metric(options.training, dataset)
        torch.set_num_threads(threads)
        with progress("epochs", options.epochs) as show:

            def report(epoch: Epoch) -> None:
                show(epoch.number, options.epochs)
                status.print(
                    f"epoch {epoch.number}: train loss {epoch.train_loss:.4f}, dev loss "
                    f"{epoch.dev_loss:.4f}, dev {selecting.name} "
                    f"{selecting.unit.full(selecting.sign * epoch.dev_score)}",
                    highlight=False,
                )

            result = execute(
                run,
                parsed,
                out,
                parser=options.parser_options,
                on_epoch=report,
                track=options.track,
            )
        if processes.is_main:
            save_reading(out / run.folder, options)
        for note in parsed.notes:
            status.print(f"- {escape(note)}", highlight=False)
        first = metrics_for(dataset.question, dataset.labels)[0]
        line = outcome_line(result, first)
        if selecting.key != first.key:
            best = read_history(out / run.folder / "history.json")[result.best_epoch - 1]
            score = selecting.unit.full(selecting.sign * best.dev_score)
            line += f", selected by dev {selecting.name} {score}"
        results.print(f"{line}; saved in {out / run.folder}")


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
        flags = [p.name or "" for p in context.command.params if getattr(p, "is_flag", False)]
        context.default_map = read_options(file, options, repeated, flags)
    return file


@app.command()
@spread(CompareOptions)
@resumable()
def compare(
    options: CompareOptions,
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder for the results.", callback=check_output_folder)
    ],
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
@spread(PretrainOptions)
@resumable()
def pretrain(
    options: PretrainOptions,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Text file with a text on each line; .conllu, .ptb or .mrg file of trees; .csv, .tsv, "
            ".jsonl, .ft, .parquet, .arrow or .feather file (labels are not read); or a data set by its "
            "name, as trec.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder for the model.", callback=check_output_folder)
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Number of CPU threads.")] = 1,
    plugin: Annotated[
        list[str] | None,
        typer.Option(help="Module or .py file that registers the encoder; may be repeated."),
    ] = None,
) -> None:
    """Train a language model on plain or parsed text. The same command again resumes.

    `structnn pretrain corpus.txt --encoder lstm --bptt 35 --out runs/lm`

    `structnn pretrain train.conllu --dev dev.conllu --encoder gat --objective masked --out runs/masked`

    `structnn pretrain trec --encoder "transformer(causal=True)" --out runs/questions`
    """
    import torch

    from tasks.command.language_models import quality_table
    from tasks.experiments.plugins import load_plugins
    from tasks.pretraining.loop import perplexity_of
    from tasks.pretraining.run import pretrain as run_pretraining

    load_plugins(plugin or ())
    torch.set_num_threads(threads)
    with progress("epochs", options.epochs) as show:

        def report(epoch: Epoch) -> None:
            show(epoch.number, options.epochs)
            train, dev = map(perplexity_of, (epoch.train_loss, epoch.dev_loss))
            status.print(
                f"epoch {epoch.number}: perplexity on train {train:.1f}, on dev {dev:.1f}",
                highlight=False,
            )

        found = run_pretraining(data, options, out, seed=seed, on_epoch=report)
    show_table(quality_table(found, options.objective), "pretraining.json")
    for note in found.notes:
        results.print(f"- {escape(note)}")
    status.print(
        f"epoch {found.best_epoch} of {found.epochs}, {found.words:,} words; saved in {out}"
    )


@app.command()
@spread(DeviceOptions)
def sample(
    options: DeviceOptions,
    run: Annotated[Path, typer.Argument(help="Folder of a causal model of structnn pretrain.")],
    prompt: Annotated[
        str, typer.Option(help="The first words, with spaces between tokens; none by default.")
    ] = "",
    temperature: Annotated[
        float, typer.Option(help="Below 1 likely words become likelier, above 1 less likely.")
    ] = 1.0,
    top_p: Annotated[
        float,
        typer.Option(help="Draw from the likeliest words that have this probability together."),
    ] = 0.95,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of texts.")] = 5,
    length: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Largest number of words drawn.")
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    plugin: RunPlugin = None,
) -> None:
    """Write texts with a causal language model, one on each line.

    `structnn sample runs/lm --prompt "The dogs" --temperature 0.8 --top-p 0.9`
    """
    from tasks.command.language_models import sampled
    from tasks.experiments.plugins import load_plugins

    load_plugins(plugin or ())
    for text in sampled(
        run,
        prompt,
        temperature=temperature,
        top_p=top_p,
        count=count,
        length=length,
        seed=seed,
        device=options.device,
    ):
        print(text)


@app.command()
def report(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of an experiment, such as runs/trec.", callback=check_output_folder
        ),
    ],
    metric: Annotated[
        str | None, typer.Option(help="Compare this metric, not that of the experiment.")
    ] = None,
    rope: Annotated[
        float | None, typer.Option(help="Another margin within which encoders are equal.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Compare each encoder with this one alone.")
    ] = None,
) -> None:
    """Write tables, figures and report.html again, from the results in the folder of an experiment.

    `structnn report runs/trec`

    `structnn report runs/trec --metric macro_f1 --rope 2`
    """
    from dataclasses import replace

    from tasks.experiments.display import show_summary
    from tasks.report import write_report
    from tasks.results.folder import load_results
    from tasks.results.measures import measure
    from tasks.results.summary import summarise

    loaded = load_results(folder)
    given: dict[str, Any] = {"metric": metric, "rope": rope, "reference": reference}
    changed = {name: value for name, value in given.items() if value is not None}
    found = measure(loaded, replace(loaded.experiment.verdicts, **changed))
    show_summary(summarise(found))
    status.print(f"written: {write_report(found, folder)}")
    if damaged := found.results.damaged:
        raise StorageError(f"left out, since damaged: {', '.join(map(str, damaged))}")


@app.command("map")
def draw_map(
    folders: Annotated[list[Path], typer.Argument(help="Folders of experiments.")],
    out: Annotated[
        Path,
        typer.Option(
            *OUT,
            help="Folder to write map.md, .csv, .svg and .png to.",
            callback=check_output_folder,
        ),
    ],
) -> None:
    """Show in one picture where structure helps, over several experiments with control structures.

    `structnn map runs/trec runs/mr runs/suites --out runs/map`
    """
    from tasks.report import load_groups, write_map

    groups, damaged = load_groups(folders)
    sharing = Counter(group.folder for group in groups)

    def say(group: Group, reason: str) -> None:
        data = f" ({group.name})" if sharing[group.folder] > 1 else ""
        status.print(f"{escape(str(group.folder) + data)}: {reason}, so nothing to show")

    show_table(write_map(groups, out, on_missing=say), "map.csv")
    status.print(f"written: {out / 'map.md'}, map.csv, map.svg, map.png")
    if damaged:
        raise StorageError(f"left out, since damaged: {', '.join(map(str, damaged))}")


@app.command()
@spread(PredictOptions)
def predict(
    options: PredictOptions,
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/trec/bilstm/seed-0.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to answer for.")] = None,
    text2: Annotated[
        list[str] | None,
        typer.Option(
            help="Second text, where the run answers questions about pairs; one for each."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="File with a text on each line; - for standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
    plugin: RunPlugin = None,
) -> None:
    """Predict the answer of a saved run for new text: labels, tags, trees, numbers or other texts.

    Texts of a file keep their line; empty ones have no answer.

    `structnn predict runs/trec/bilstm/seed-0 "Who wrote Middlemarch?"`

    `structnn predict runs/trec/bilstm/seed-0 --file questions.txt --json > labels.jsonl`

    `structnn predict runs/my/gat/seed-0 --file new.csv --keep author --json > labels.jsonl`

    `structnn predict runs/sick/bilstm/seed-0 "A man sings." --text2 "Somebody is singing."`

    `structnn predict runs/mams/gat/seed-0 "The [[food]] was good, the staff was not."`

    `structnn predict runs/en-de/gat/seed-0 "The house is old." --beam 5 --n-best 3`
    """
    from tasks.command.texts import (
        check_kept,
        likeliest_labels,
        prediction_rows,
        read_asked,
        reading_of,
        tagged_tokens,
        written_texts,
    )
    from tasks.data.options import TextOptions
    from tasks.data.texts import empty_note
    from tasks.experiments.plugins import load_plugins
    from tasks.models.prediction import Predictor

    load_plugins(plugin or ())
    if not texts and file is None:
        raise typer.BadParameter("give at least one text, or a --file of texts")
    if options.keep and file is None:
        raise typer.BadParameter("--keep names columns of a --file")
    predictor = Predictor(run, device=options.device)
    search = options.search(predictor.search)
    records = []
    if file is not None:
        reading = reading_of(run, options)
        records = read_asked(file, reading, predictor, options.keep or ())
        if options.encoding is None and reading.encoding != TextOptions.encoding:
            status.print(
                f"read as {reading.encoding}, as the run's data; --encoding says otherwise"
            )
        reserved = ("line", "text", "label", "probabilities", "tokens", "written")
        check_kept(records, reserved, "predictions")
    rows = prediction_rows(predictor, texts or (), records, text2 or (), search)
    if note := empty_note(records, "they have no label"):
        status.print(note)
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    if predictor.question.has_parts:
        show_table(tagged_tokens(rows, predictor.question), "--json")
        return
    if search is not None:
        show_table(written_texts(rows), "--json")
        return
    show_table(likeliest_labels(rows), "--json")


@app.command()
def explain(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, such as runs/trec/bilstm/seed-0, or of an experiment, such as "
            "runs/trec: one run of each of its encoders. Several are shown side by side.",
        ),
    ],
    text: Annotated[
        str,
        typer.Argument(
            help="A sentence. Spans that are asked about are marked: 'The [[food]] was good.'"
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            *OUT,
            help="Folder for the page and the pictures.",
            callback=check_output_folder,
        ),
    ],
    text2: Annotated[
        str | None, typer.Option(help="The second text, where the question is about pairs.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The label or tag to explain; by default the most probable one."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="Where tokens have answers, the one to explain: its number, from 1, or the word; by "
            "default the one whose answer is the least certain."
        ),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(
            help="The right answer; by default that of the test example with this text, if there is one."
        ),
    ] = None,
    plugin: RunPlugin = None,
) -> None:
    """Explain why saved runs answer as they do, in one page and in pictures.

    `structnn explain runs/trec/gat/seed-0 "Who wrote Middlemarch?" -o why`

    `structnn explain runs/trec "Who wrote Middlemarch?" -o why`

    `structnn explain runs/sick/gat/seed-0 "A man sings." --text2 "Somebody is singing." -o why`

    `structnn explain runs/ewt/bilstm/seed-0 "The dogs bark." --token dogs -o why`
    """
    from tasks.experiments.plugins import load_plugins
    from tasks.explain import choose_runs, in_words, known_label, save, save_all, word_rows
    from tasks.explain import explain as explain_text
    from tasks.explain.page import compared
    from tasks.models.prediction import Predictor
    from tasks.results.table import text_table

    load_plugins(plugin or ())
    chosen = choose_runs(runs)
    explanations = []
    of: int | str | None = token
    for run in chosen.folders:
        if len(chosen.folders) > 1:
            status.print(f"explaining {escape(str(run))}")
        right = gold or known_label(run, " || ".join(filter(None, (text, text2))))
        explanation = explain_text(Predictor(run), text, right, second=text2, label=label, token=of)
        explanations.append(explanation)
        if of is None and explanation.question.has_parts:
            of = explanation.chosen.token_number  # all runs explain the same one
    for note in chosen.notes:
        status.print(escape(note))
    if len(explanations) > 1:
        show_table(compared(explanations), "explanation.html")
        saved = save_all(explanations, output, chosen.notes)
        status.print(
            f"explanation.html in {output}, and {len(saved)} pictures in the folders there"
        )
        return
    table = text_table(
        f"what adds to the {explanation.quantity.name}",
        ("word", *explanation.attributions, "subtree effect"),
        word_rows(explanation),
    )
    show_table(table, "explanation.json")
    for line in in_words(explanation):
        results.print(f"- {escape(line)}")
    saved = save(explanation, output)
    status.print(f"explanation.html, {len(saved)} pictures and explanation.json in {output}")


@app.command()
def push(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or of a saved estimator.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Name on the hub.")],
    private: Annotated[
        bool, typer.Option("--private", help="Let nobody else see a repository that is made.")
    ] = False,
    card_only: Annotated[
        bool,
        typer.Option("--card-only", help="Write the model card, README.md, and upload nothing."),
    ] = False,
    plugin: RunPlugin = None,
) -> None:
    """Upload a model to the hub of Hugging Face, with a model card that holds its figures.

    `structnn push runs/trec/bilstm/seed-0 somebody/questions`

    `structnn predict hf:somebody/questions "Who wrote Middlemarch?"`
    """
    from tasks.experiments.plugins import load_plugins
    from tasks.models.hub import FILES, upload
    from tasks.results.card import write_card

    load_plugins(plugin or ())
    card = write_card(run, repository)
    there = ", ".join(name for name in FILES if (run / name).exists())
    if card_only:
        status.print(f"written: {card}; {there} would be uploaded")
        return
    results.print(upload(run, repository, private=private or None))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or of a saved estimator.")],
    out: Annotated[
        Path,
        typer.Option(
            *OUT, help="File for the program, such as model.pt2.", callback=check_output_file
        ),
    ],
    plugin: RunPlugin = None,
) -> None:
    """Write a model as a program of torch.export, which runs without structnn, on batches of any size.

    For encoders of sequences and one sentence. Those of trees and graphs can't be exported: the shape
    of the structure differs from sentence to sentence.

    `structnn export runs/trec/bilstm/seed-0 --out bilstm.pt2`
    """
    from tasks.experiments.plugins import load_plugins
    from tasks.models.export import write_program
    from tasks.models.model import model_in

    load_plugins(plugin or ())
    write_program(model_in(run), out)
    status.print(
        f"written: {out}, a program from token_ids (sentences, longest) and lengths (sentences) to "
        "scores (sentences, answers); its words and labels are in structnn.json"
    )


@app.command()
@spread(DeviceOptions)
def serve(
    options: DeviceOptions,
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/trec/bilstm/seed-0.")],
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines ask.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0 is any free one.")
    ] = 8000,
    plugin: RunPlugin = None,
) -> None:
    """Answer over HTTP with a saved run, and show a page in which a sentence is edited.

    `structnn serve runs/trec/gat/seed-0`

    `curl localhost:8000/predict --json '{"texts": ["Who wrote Middlemarch?"]}'`

    Needs an extra: `pip install 'structnn[serve]'`.
    """
    from tasks.experiments.plugins import load_plugins
    from tasks.serve import serve as serve_run

    load_plugins(plugin or ())
    serve_run(run, host, port, device=options.device)


@app.command()
@spread(ParsingOptions)
def draw(
    options: ParsingOptions,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT|FILE.conllu", help="A sentence, or a file of parsed ones."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            *OUT,
            help="File to write: .png, .svg, .pdf, .html, .tex (LaTeX) or .dot.",
            callback=lambda file: file and check_output_file(file),
        ),
    ] = None,
    as_text: Annotated[bool, typer.Option("--text", help="Print the tree as text.")] = False,
    sentence_number: Annotated[
        int | None,
        typer.Option("--sentence", min=1, help="Which sentence of a file; by default the first."),
    ] = None,
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
    width: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Width of lines of arcs, in points (1/72 inch); by default 800. inf: one line.",
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Dark background.")] = False,
) -> None:
    """Draw the dependency tree of a sentence: parsed now, or from a file of CoNLL-U.

    `structnn draw "The dogs that the cat chased bark." -o tree.png`

    `structnn draw "The dogs that the cat chased bark." --text`

    `structnn draw questions.conllu --sentence 5 -o fifth.png`

    `structnn draw questions.conllu --layout arcs --width 450 -o paper.svg`

    `structnn draw questions.conllu --layout arcs -o tree.tex`
    """
    if output is None and not as_text:
        raise typer.BadParameter("give --output, as tree.png, or --text")
    if output is None and (dark or (layout, width) != (None, None)):
        raise typer.BadParameter(
            "--layout, --width and --dark are for a picture: give --output, as tree.png, too"
        )
    if width is not None and layout != "arcs":
        raise typer.BadParameter("--width is for lines of arcs: give --layout arcs too")
    from parsers import text_tree, with_structure
    from tasks.command.sentences import is_conllu, nth_sentence
    from tasks.data.examples import is_visible
    from tasks.models.parser import cached_parser

    if not any(map(is_visible, text)):
        raise typer.BadParameter("the text is empty; give a sentence, or a file of CoNLL-U")
    if is_conllu(text):
        parsed = nth_sentence(text, sentence_number or 1)
    elif os.path.isfile(text):
        raise typer.BadParameter(
            f"{text} is a file, but not of CoNLL-U; parse it first: structnn parse {text} -o "
            "parsed.conllu"
        )
    elif sentence_number is not None:
        raise typer.BadParameter("--sentence is for a file of CoNLL-U, whose name ends in .conllu")
    else:
        (parsed,) = cached_parser(options).parse([text])
    (sentence,) = with_structure([parsed], structure)
    if as_text:
        print(text_tree(sentence))
    if output is not None:
        from parsers import (
            draw as draw_sentence,
        )  # with matplotlib, which a tree of text does without

        draw_sentence(sentence, output, layout=layout, width=width, dark=dark)
        status.print(f"drawn in {output}")


@app.command()
def explore(
    source: Annotated[Path, typer.Argument(metavar="FILE.conllu", help="Parsed corpus.")],
    output: Annotated[
        Path | None,
        typer.Option(
            *OUT,
            help="HTML page to write, or a .conllu file for the sentences that --query finds.",
            callback=lambda file: file and check_output_file(file),
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            help="Pattern of words and relations; without --output the sentences found are printed."
        ),
    ] = None,
    skip_faulty: Annotated[
        bool,
        typer.Option("--skip-faulty", help="Leave out sentences that are not CoNLL-U; count them."),
    ] = False,
) -> None:
    """Search a parsed corpus: in an HTML page that counts and shows trees, offline; or with a query.

    `structnn explore questions.conllu -o questions.html`

    `structnn explore questions.conllu --query "VERB -nsubj-> NOUN[Number=Plur]"`

    `structnn explore questions.conllu --query "v:VERB; !v: -nsubj-> *" --out without-subject.conllu`

    The page says how a query is written, as does docs/explore.md.
    """
    from parsers import Query, read_conllu, search, write_conllu
    from parsers import explore as write_page
    from tasks.command.sentences import show_hit
    from tasks.data.examples import counted

    of_hits = output is not None and output.name.endswith((".conllu", ".conllu.gz"))
    if query is None and (output is None or of_hits):
        whose = f" whose hits go into {output}" if output is not None else ""
        raise typer.BadParameter(f"give --output, as page.html, or a --query{whose}")
    if output is not None and not of_hits and output.suffix.lower() not in ("", ".html", ".htm"):
        raise typer.BadParameter(
            "--output writes a page of HTML, as page.html, or hits of a --query, as hits.conllu, but "
            f"is {output}"
        )
    if output is not None:
        check_not_read(output, source)
    pattern = Query(query) if query is not None else None
    sentences = read_conllu(source, on_error="skip" if skip_faulty else "raise")
    if output is not None and not of_hits:
        write_page(sentences, output, title=source.stem, query=query or "")
        status.print(f"{counted(len(sentences), 'sentence')} in {output}")
        return
    assert pattern is not None
    hits = list(search(sentences, pattern))
    if output is None:
        for hit in hits:
            show_hit(hit)
    else:
        write_conllu([hit.sentence for hit in hits], output)
    where = f", written to {output}" if output is not None else ""
    status.print(f"{len(hits)} of {counted(len(sentences), 'sentence')}{where}")


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
@resumable()
def demo(
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder for the results.", callback=check_output_folder)
    ] = Path("runs/demo"),
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of runs of each encoder with each structure.")
    ] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 10,
    pairs: Annotated[
        int, typer.Option(help="Pairs of sentences to train on, an even number.")
    ] = 1120,
    data_seed: Annotated[int, typer.Option(help="Random seed of the sentences.")] = 0,
) -> None:
    """Train, compare and draw on generated sentences with gold trees; needs no data and no network.

    The sentences come four at a time with the same words, two of them with the answer yes, so that no
    bag of words can tell them apart. The tree and the graph encoder are run with random trees too.
    """
    from tasks.command.demo import run_demo

    run_demo(out, seeds, epochs, pairs, data_seed)


def _check_arguments(arguments: Sequence[str]) -> None:
    """Make sure that arguments are text, for they are written into results.

    Raises:
        ValueError: One has bytes that aren't UTF-8, which Python reads as halves of characters.
    """
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise ValueError(
                f"the argument {argument!r} holds bytes that are not UTF-8; rename the file, or correct "
                "the text"
            )


def main() -> None:
    """Run the command. Errors of the input are printed in a line, without a traceback."""
    import logging

    logging.getLogger("stanza").setLevel(logging.ERROR)
    reopen_streams()
    warnings_in_a_line()
    try:
        _check_arguments(sys.argv[1:])
        app()
    except (ValueError, OSError, ImportError, ArithmeticError, MemoryError, RuntimeError) as error:
        message = _message(error)
        if message is None or os.environ.get("STRUCTNN_DEBUG"):
            raise
        status.quiet = False
        status.print(f"[bold red]error:[/bold red] {escape(message)}")
        sys.exit(1)


def _message(error: Exception) -> str | None:
    """What to tell the user of an error; None if it is one of ours."""
    if isinstance(error, OptionError):
        return error.as_flag
    if isinstance(error, InputError):  # some of them are RuntimeErrors too
        return str(error)
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        lacking = error.object[error.start : error.end]
        return (
            f"{lacking!r} can't be written in {error.encoding}, the encoding here; set PYTHONUTF8=1 "
            "(and unset PYTHONIOENCODING)"
        )
    if isinstance(error, RecursionError):
        return "something in the input is nested too deeply to be read"
    if isinstance(error, MemoryError):
        return f"there is not enough memory {error}".rstrip()
    # As PyTorch words it; as Python, and what Stanza asks, say that there is no home folder.
    of_machine = ("can't allocate memory", "out of memory", "home directory")
    if isinstance(error, RuntimeError) and not any(words in str(error) for words in of_machine):
        return None
    return str(error)

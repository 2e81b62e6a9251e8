"""``structnn lab``: experiments, each with a figure, the numbers, and what they say."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from tasks.console import progress, results, show_table, status
from tasks.data.options import ParserOptions, ParsingOptions, TextOptions
from tasks.options import OUT, OptionError, Options, Range, cli_option, names_in, spread
from tasks.storage import check_output_folder

# What an experiment needs beyond this is imported when it runs, so that --help answers at once.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from structnn import Sentence
    from tasks.lab.experiments import Measured
    from tasks.lab.subjects import Subject
    from tasks.models.options import ModelOptions

__all__ = [
    "DECODERS",
    "ENCODERS",
    "AlignmentOptions",
    "BackpropagationOptions",
    "DecodingOptions",
    "FigureOptions",
    "LabOptions",
    "SequenceOptions",
    "app",
]

ENCODERS = (
    "rnn,lstm,bilstm(readout='max'),bilstm(readout='attention'),transformer,child_sum_tree_lstm,gat"
)

DECODERS = "gru,gru(attention='none')"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Where gradients vanish and explode, how long paths are, how far encoders see, what decoders "
    "look at.",
)


_SEQUENCE_RUNS = cli_option(
    "Decoders",
    "Saved run on such sequences, such as runs/x/bigru/seed-0, or folder of several; may be repeated.",
)


@dataclass(frozen=True, kw_only=True)
class FigureOptions(Options):
    """Where an experiment is written to."""

    out: Annotated[
        Path,
        typer.Option(
            *OUT, help="Folder for the figure and the numbers.", callback=check_output_folder
        ),
    ] = Path("runs/lab")


@dataclass(frozen=True, kw_only=True)
class SequenceOptions(FigureOptions):
    """Which sequences decoders write."""

    split_seed: Annotated[
        int, cli_option("Data", "Random seed of the sequences; that of the runs' data.")
    ] = 0


@dataclass(frozen=True, kw_only=True)
class LabOptions(TextOptions, ParsingOptions, FigureOptions):
    """Which encoders are measured, on which sentences."""

    encoders: Annotated[
        str | None,
        cli_option(
            "Encoders",
            "Untrained encoders, separated by commas. By default seven of all kinds, or none if there "
            "is a --run.",
        ),
    ] = None
    run: Annotated[
        list[Path] | None,
        cli_option(
            "Encoders",
            "Saved run, such as runs/x/bilstm/seed-0, or folder of several: its encoder before and "
            "after training; may be repeated.",
        ),
    ] = None
    seeds: Annotated[
        int,
        Range(least=1),
        cli_option("Encoders", "Random seeds of each untrained encoder: 0, 1, 2, ..."),
    ] = 3
    hidden_dim: Annotated[
        int,
        Range(least=1, most=1_000_000),
        cli_option("Encoders", "Width of the hidden states of untrained encoders."),
    ] = 64
    embedding_dim: Annotated[
        int,
        Range(least=1, most=1_000_000),
        cli_option("Encoders", "Width of the word vectors of untrained encoders."),
    ] = 64
    plugin: Annotated[
        list[str] | None,
        cli_option(
            "Encoders", "Module or .py file of yours that registers encoders; may be repeated."
        ),
    ] = None
    data: Annotated[
        str,
        cli_option(
            "Data",
            "built-in, structure-test, a .conllu file, or a text file with a text on each line.",
        ),
    ] = "built-in"
    sentences: Annotated[
        int,
        Range(least=1),
        cli_option("Data", "Maximum number of sentences; of more, evenly spaced ones are taken."),
    ] = 40
    structure: Annotated[
        str,
        cli_option(
            "Data",
            "What untrained tree and graph encoders read: parse, or a control in its place: "
            "left_chain, right_chain, balanced, random, shuffled, flat.",
        ),
    ] = "parse"

    def names(self) -> list[str]:
        """The untrained encoders."""
        default = "" if self.run else ENCODERS
        return names_in(default if self.encoders is None else self.encoders)


@app.command("gradient-flow")
@spread(LabOptions)
def gradient_flow(options: LabOptions) -> None:
    """How much of its gradient the sentence vector sends to each word, by where the word is.

    `structnn lab gradient-flow`

    `structnn lab gradient-flow --run runs/x/lstm --run runs/x/gat/seed-0 --out runs/lab/trained`
    """
    from tasks.lab.experiments import gradient_flow as measure
    from tasks.lab.figures import draw_flow
    from tasks.lab.summaries import common_reach, flow_summaries
    from tasks.lab.words import flow_in_words, flow_row
    from tasks.results.table import text_table

    subjects = _subjects(options)
    with progress("sentences") as show:
        measured = measure(subjects, show)
    summaries = flow_summaries(measured)
    far = common_reach(summary.from_end for summary in summaries)
    table = text_table(
        "gradient of the sentence vector, and what a step, a word, an edge multiplies it by",
        (
            "encoder",
            "steps",
            "a step",
            "a word",
            "< 1 % from",
            f"at {far}",
            "an edge",
            "< 1 % below",
        ),
        [flow_row(summary, far) for summary in summaries],
    )
    show_table(table, "gradient-flow.json")
    _finish(
        options,
        "gradient-flow",
        draw_flow(summaries, _with_seeds(subjects)),
        measured,
        summaries,
        flow_in_words(summaries),
    )


@app.command("path-length")
@spread(LabOptions)
def path_length(options: LabOptions) -> None:
    """How many steps lie between each word and the sentence vector, and what is not seen at all.

    `structnn lab path-length`

    `structnn lab path-length --encoders "lstm,gat(layers=4,readout='root')" --data my.conllu`
    """
    from tasks.lab.experiments import path_length as measure
    from tasks.lab.experiments import within_edges
    from tasks.lab.figures import ExamplePaths, draw_paths
    from tasks.lab.summaries import path_summaries
    from tasks.lab.words import path_row, paths_in_words
    from tasks.results.table import text_table

    first = {subject.name: subject for subject in reversed(_subjects(options))}
    subjects = list(reversed(first.values()))
    with progress("sentences") as show:
        measured = measure(subjects, show)
    summaries = path_summaries(measured)
    sentences = subjects[0].sentences
    within = within_edges(sentences)
    index = min(range(len(sentences)), key=lambda place: abs(len(sentences[place]) - 12))
    paths = {s.name: s.encoder.sentence_steps(s.corpus.batch([index])).numpy() for s in subjects}
    table = text_table(
        "steps between a word and the sentence vector",
        (
            "encoder",
            "least",
            "mean",
            "most",
            "a word of length",
            "words reached",
            "seen by a state",
        ),
        [path_row(summary) for summary in summaries],
    )
    show_table(table, "path-length.json")
    _finish(
        options,
        "path-length",
        draw_paths(summaries, ExamplePaths(sentences[index], paths), within, _caption(subjects)),
        measured,
        summaries,
        paths_in_words(summaries, within),
    )


@app.command("receptive-field")
@spread(LabOptions)
def receptive_field(options: LabOptions) -> None:
    """How much the state of a word is moved by other words, by how far they are.

    `structnn lab receptive-field`

    `structnn lab receptive-field --encoders "gat(layers=1),gat(layers=2),gat(layers=4)"`
    """
    from tasks.lab.experiments import receptive_field as measure
    from tasks.lab.figures import draw_field
    from tasks.lab.summaries import field_summaries
    from tasks.lab.words import field_in_words, field_row
    from tasks.results.table import text_table

    subjects = _subjects(options, of_sentences=False)
    with progress("sentences") as show:
        measured = measure(subjects, show)
    summaries = field_summaries(measured)
    table = text_table(
        "gradient of the state of a word",
        ("encoder", "moved by", "90 % within words", "edges", "< 1 % from words", "edges"),
        [field_row(summary) for summary in summaries],
    )
    show_table(table, "receptive-field.json")
    _finish(
        options,
        "receptive-field",
        draw_field(summaries, _with_seeds(subjects)),
        measured,
        summaries,
        field_in_words(summaries),
    )


@dataclass(frozen=True, kw_only=True)
class AlignmentOptions(SequenceOptions):
    """Which decoders are looked at, on which sequences."""

    run: Annotated[list[Path], _SEQUENCE_RUNS]
    data: Annotated[
        str,
        cli_option(
            "Data",
            "Sequences to be written again (copy), or in reverse (reversal); or a .jsonl file that "
            "structnn shuffle wrote, whose words are to be put in order.",
        ),
    ] = "reversal"


@app.command("alignment")
@spread(AlignmentOptions)
def alignment(options: AlignmentOptions) -> None:
    """Where a trained decoder looks while it writes, beside where it should, and what it gets right.

    `structnn compare --data reversal --structure given --encoders bigru --decoder gru --out runs/gru`

    `structnn lab alignment --run runs/gru`

    `structnn lab alignment --run runs/realisation --data test.jsonl`
    """
    import torch

    from tasks.data.examples import counted
    from tasks.lab.alignment import aligned_examples, alignment_in_words, measure_alignment
    from tasks.lab.figures import draw_alignment
    from tasks.models.model import load_model
    from tasks.results.run import seed_of

    torch.set_num_threads(1)
    examples, longest = aligned_examples(options.data, options.split_seed)
    found = []
    runs = _saved(options.run)
    with progress("runs") as show:
        for number, run in enumerate(runs, start=1):
            model = load_model(run)
            name = f"{model.options.encoder}>{model.options.decoder}"
            found.append(measure_alignment(name, seed_of(run), model, examples, options.data))
            show(number, len(runs))
    summaries = [summary for _, summary in found]
    words = alignment_in_words(summaries, longest)
    caption = f"{options.data}: {counted(len(examples), 'sequence')}; framed: the true places"
    figure = draw_alignment(summaries, longest, caption)
    tables = [table for table, _ in found]
    _finish(options, "alignment", figure, tables, summaries, words, row="sequence")


@dataclass(frozen=True, kw_only=True)
class DecodingOptions(SequenceOptions):
    """Which decoders are trained, or were, on which sequences."""

    data: Annotated[
        Literal["copy", "reversal"],
        cli_option("Data", "Sequences to be written again (copy), or in reverse (reversal)."),
    ] = "reversal"
    decoders: Annotated[
        str | None,
        cli_option(
            "Decoders",
            "Decoders to train, separated by commas. By default one with attention and one without, or "
            "none if there is a --run.",
        ),
    ] = None
    run: Annotated[list[Path] | None, _SEQUENCE_RUNS] = None
    encoder: Annotated[str, cli_option("Decoders", "The encoder of those that are trained.")] = (
        "bigru"
    )
    widths: Annotated[
        str,
        cli_option(
            "Decoders",
            "Widths of the states, separated by commas, in each of which a decoder without attention "
            "is trained; one with attention is trained in the first.",
        ),
    ] = "64,16,32,128"
    seeds: Annotated[
        int, Range(least=1), cli_option("Decoders", "Random seeds of each: 0, 1, 2, ...")
    ] = 1
    epochs: Annotated[int, Range(least=1), cli_option("Decoders", "Maximum number of epochs.")] = 12
    examples: Annotated[
        int, Range(least=10), cli_option("Data", "Sequences to train on; a twentieth more for dev.")
    ] = 4000
    tests: Annotated[int, Range(least=2), cli_option("Data", "Sequences to test on.")] = 1000

    def names(self) -> list[str]:
        """The decoders to train."""
        default = "" if self.run else DECODERS
        return names_in(default if self.decoders is None else self.decoders)


@app.command("decoding")
@spread(DecodingOptions)
def decoding(options: DecodingOptions) -> None:
    """How long a sequence decoders write without a fault, with attention and from one vector.

    `structnn lab decoding`

    `structnn lab decoding --decoders "gru,transformer" --widths 64 --data copy`
    """
    import torch

    from tasks.data.examples import counted
    from tasks.data.suites import generate
    from tasks.lab.decoding import (
        decoding_in_words,
        decoding_row,
        measure_decoding,
        train_decoder,
        with_trees,
    )
    from tasks.lab.figures import draw_decoding
    from tasks.models.model import load_model
    from tasks.results.run import seed_of
    from tasks.results.table import text_table
    from tasks.training.options import TrainingOptions

    torch.set_num_threads(1)  # batches are small: more threads would wait for each other
    runs = _saved(options.run)
    models = _decoders(options)
    if not runs and not models:
        raise typer.BadParameter("name at least one decoder with --decoders, or a --run")
    sizes = {"train": options.examples, "dev": max(2, options.examples // 20)}
    dataset = generate(options.data, options.split_seed, **sizes, test=options.tests)
    training = TrainingOptions(
        epochs=options.epochs, patience=options.epochs, batch_size=32, learning_rate=2e-3
    )
    found = [measure_decoding(load_model(run), seed_of(run), dataset) for run in runs]
    data, epochs = with_trees(dataset), len(models) * options.seeds * options.epochs
    with progress("epochs", epochs) as show:
        count = _counting(show, epochs)
        for model in models:
            for seed in range(options.seeds):
                trained = train_decoder(model, data, training, seed, count)
                found.append(measure_decoding(trained, seed, dataset))
                one = found[-1][1]
                status.print(escape(f"{one.label}, seed {seed}: trained and measured"))
    summaries = [summary for _, summary in found]
    longest = max(len(example.text) for example in dataset.train)
    table = text_table(
        f"{options.data}: sequences that are right throughout",
        ("decoder", "width", "seed", f"up to {longest}", "beyond", "half up to"),
        [decoding_row(summary) for summary in summaries],
    )
    show_table(table, "decoding.json")
    words = decoding_in_words(summaries, longest)
    caption = f"{options.data}: {counted(len(dataset.test), 'sequence')}; dashed: without attention"
    figure = draw_decoding(summaries, longest, caption)
    tables = [table for table, _ in found]
    _finish(options, "decoding", figure, tables, summaries, words, row="sequence")


@dataclass(frozen=True, kw_only=True)
class BackpropagationOptions(FigureOptions):
    """Which recurrent network is trained, and how its gradients are cut."""

    encoder: Annotated[
        str, cli_option("Training", "The encoder that is trained: rnn, lstm, gru or min_gru.")
    ] = "rnn"
    windows: Annotated[
        str,
        cli_option(
            "Training",
            "Numbers of words, separated by commas, in parts of which the text is read (truncated "
            "backpropagation through time: pretrain's --bptt).",
        ),
    ] = "2,6,24"
    clips: Annotated[
        str,
        cli_option(
            "Training",
            "Largest norms of the gradient, separated by commas (pretrain's --gradient-clip); none for "
            "gradients as they are.",
        ),
    ] = "none,0.5"
    farthest: Annotated[
        int,
        Range(least=1, most=1000),
        cli_option("Training", "How many steps a symbol is to be remembered at most."),
    ] = 10
    updates: Annotated[int, Range(least=1), cli_option("Training", "Updates of each.")] = 300
    learning_rate: Annotated[
        float, Range(above=0), cli_option("Training", "AdamW learning rate.")
    ] = 1e-2
    hidden_dim: Annotated[
        int, Range(least=1, most=1_000_000), cli_option("Training", "Width of the states.")
    ] = 32
    seeds: Annotated[
        int, Range(least=1), cli_option("Training", "Random seeds of each: 0, 1, 2, ...")
    ] = 1


@app.command("backpropagation")
@spread(BackpropagationOptions)
def backpropagation(options: BackpropagationOptions) -> None:
    """What clipping the gradient and truncating backpropagation do, in a test of memory.

    `structnn lab backpropagation`

    `structnn lab backpropagation --encoder lstm --windows 4,40 --clips none,1,0.1 --farthest 30`
    """
    import tempfile

    import torch

    from tasks.data.examples import counted
    from tasks.lab.backpropagation import (
        ROWS,
        backpropagation_in_words,
        backpropagation_row,
        memory_texts,
        train_in_parts,
    )
    from tasks.lab.figures import draw_backpropagation
    from tasks.models.options import ModelOptions
    from tasks.results.table import text_table
    from tasks.training.options import TrainingOptions

    torch.set_num_threads(1)  # batches are small: more threads would wait for each other
    model = ModelOptions(
        encoder=options.encoder,
        hidden_dim=options.hidden_dim,
        embedding_dim=16,
        dropout=0.0,
        word_dropout=0.0,
    )
    settings = [
        (_whole("windows", window), _clip(clip), seed)
        for window in names_in(options.windows)
        for clip in names_in(options.clips)
        for seed in range(options.seeds)
    ]
    if not settings:
        raise typer.BadParameter("name at least one number each with --windows and --clips")
    found, updates = [], len(settings) * options.updates
    with (
        tempfile.TemporaryDirectory() as folder,
        progress("updates", updates) as show,
    ):
        vocabulary, texts = memory_texts(Path(folder), options.farthest)
        count = _counting(show, updates)
        for window, clip, seed in settings:
            training = TrainingOptions(
                batch_size=ROWS,
                learning_rate=options.learning_rate,
                gradient_clip=clip,
                device="cpu",
            )
            found.append(
                train_in_parts(
                    model,
                    vocabulary,
                    texts,
                    training,
                    window=window,
                    updates=options.updates,
                    seed=seed,
                    on_update=count,
                )
            )
    summaries = [summary for _, summary in found]
    table = text_table(
        f"{options.encoder}: gradients of {options.updates} updates, and what is remembered after them",
        (
            "encoder",
            "words",
            "clip",
            "seed",
            "median norm",
            "largest",
            "exploding",
            "loss",
            "within",
            "beyond",
        ),
        [backpropagation_row(summary) for summary in summaries],
    )
    show_table(table, "backpropagation.json")
    caption = (
        f"{options.encoder}, {options.hidden_dim} wide, {counted(options.seeds, 'seed')}, "
        f"learning rate {options.learning_rate:g}; dashed: not clipped"
    )
    _finish(
        options,
        "backpropagation",
        draw_backpropagation(summaries, caption),
        [table for table, _ in found],
        summaries,
        backpropagation_in_words(summaries),
        row="symbol",
    )


def _counting(show: Callable[[int, int], None], total: int) -> Callable[[], None]:
    """What shows, each time that it is called, that one more is done."""
    done = itertools.count(1)
    return lambda: show(next(done), total)


def _clip(text: str) -> float:
    """The largest norm of a gradient that the option ``clips`` names."""
    from tasks.lab.backpropagation import UNCLIPPED
    from tasks.training.options import TrainingOptions

    if text == "none":
        return UNCLIPPED
    try:
        clip = float(text)
        TrainingOptions.check("gradient_clip", clip)
    except ValueError:
        raise OptionError("clips", f"has {text!r}, which is no norm: write none or 0.5,5") from None
    return clip


def _decoders(options: DecodingOptions) -> list[ModelOptions]:
    """What is trained: each decoder in the first width, those without attention in all."""
    from structnn import build_encoder
    from tasks.models.building import decoder_of
    from tasks.models.options import ModelOptions

    widths = [_whole("widths", name) for name in names_in(options.widths)]
    made = []
    for name in options.names():
        for width in widths:
            model = ModelOptions(
                encoder=options.encoder,
                decoder=name,
                hidden_dim=width,
                embedding_dim=32,
                dropout=0.0,
                word_dropout=0.0,
            )
            # A wrong name or size is found before any work.
            encoder = build_encoder(model.encoder, 32, width)
            attends = decoder_of(model, encoder).has_alignment
            if width == widths[0] or not attends:
                made.append(model)
    return made


def _whole(option: str, text: str) -> int:
    """One of the whole numbers of an option that is a list of them."""
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(
            option, f"has {text!r}, which is no whole number above 0: write 64 or 32,64"
        )
    return int(text)


def _subjects(options: LabOptions, *, of_sentences: bool = True) -> list[Subject]:
    """The encoders that the options name, with their sentences.

    Args:
        options: The options.
        of_sentences: Whether sentence vectors are looked at, not the states of words alone.
    """
    import torch

    from tasks.experiments.grid import encoder_of
    from tasks.experiments.plugins import load_plugins
    from tasks.lab.sentences import read_sentences, spread_out
    from tasks.lab.subjects import subject_of_run, subject_untrained
    from tasks.models.options import ModelOptions

    torch.set_num_threads(1)  # batches are small: more threads would wait for each other
    load_plugins(options.plugin or ())
    parsed: dict[ParserOptions, list[Sentence]] = {}

    def read(parser: ParserOptions) -> list[Sentence]:
        """The sentences, parsed once by each parser."""
        if parser not in parsed:
            parsing = ParsingOptions(**vars(parser), cache=options.cache)
            found = read_sentences(options.data, parsing, options)
            parsed[parser] = spread_out(found, options.sentences)
        return parsed[parser]

    models = [
        ModelOptions(
            encoder=name, hidden_dim=options.hidden_dim, embedding_dim=options.embedding_dim
        )
        for name in options.names()
    ]
    for model in models:
        encoder_of(model)  # a wrong name or size is found before any work
    runs = _saved(options.run)
    subjects = [
        subject for run in runs for subject in subject_of_run(run, read, of_sentences=of_sentences)
    ]
    # All of one name follow each other: the runs of an encoder, before training and then after it.
    subjects.sort(key=lambda subject: subject.name)
    subjects += [
        subject_untrained(model, read(options.parser_options), options.structure, seed)
        for model in models
        for seed in range(options.seeds)
    ]
    if not subjects:
        raise typer.BadParameter("name at least one encoder with --encoders, or a --run")
    for subject, times in Counter((s.name, s.seed) for s in subjects).items():
        if times > 1:
            raise typer.BadParameter(
                f"{subject[0]}, seed {subject[1]}, is there {times} times: name each encoder once, "
                "and look at runs on different data one after the other"
            )
    return subjects


def _caption(subjects: Sequence[Subject]) -> str:
    """What a figure is of."""
    from tasks.data.examples import counted

    sentences = subjects[0].sentences
    lengths = sorted(len(sentence) for sentence in sentences)
    structures = ", ".join(sorted({subject.model.structure for subject in subjects}))
    return (
        f"{counted(len(sentences), 'sentence')} of {lengths[0]} to {lengths[-1]} "
        f"tokens, structure: {structures}"
    )


def _with_seeds(subjects: Sequence[Subject]) -> str:
    """The same where seeds matter."""
    from tasks.data.examples import counted

    seeds = len({subject.seed for subject in subjects})
    bands = "; bands from the least to the greatest of them" if seeds > 1 else ""
    return f"{_caption(subjects)}; {counted(seeds, 'seed')}{bands}"


def _saved(folders: Sequence[Path] | None) -> list[Path]:
    """The folders of the saved runs in some folders."""
    from tasks.lab.subjects import runs_below

    return [run for folder in folders or () for run in runs_below(folder)]


def _finish(
    options: FigureOptions,
    name: str,
    figure: Figure,
    measured: Sequence[Measured],
    summaries: Sequence[Any],
    words: Sequence[str],
    *,
    row: str = "measurement",
) -> None:
    """Print what was found, and write figure and numbers; a row of these is of a ``row``."""
    from tasks.lab.figures import save_figure
    from tasks.lab.numbers import write_numbers

    for line in words:
        results.print(f"- {escape(line)}")
    path = options.out / name
    save_figure(figure, path)
    write_numbers(path, measured, summaries, words)
    status.print(f"{path}.png and .svg; .csv has a row for each {row}, .json what is drawn")

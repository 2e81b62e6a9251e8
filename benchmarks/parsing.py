"""Parsing in bulk compared with Stanza, text by text: ``python -m benchmarks.parsing --help``."""

from __future__ import annotations

import cProfile
import pstats
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.agreement import Disagreement
from benchmarks.report import console, write_json
from benchmarks.timing import Contender, Measurement, measure, use_one_thread
from benchmarks.tree_data import DEFAULT_CONLLU
from parsers import CachedParser, StanzaParser, write_conllu

ONE_BY_ONE, STANZA_BULK = "nlp(text)", "nlp.bulk_process(texts)"
BULK, COMMAND = "StanzaParser", "StanzaParser, cache, CoNLL-U"
BATCH = 500  # texts that the parse cache gives a parser at once

# The file and the function whose time each line of the profile shows.
PARTS = {
    "tokenizer": ("parsers/stanza/fast_tokenizer.py", "split"),
    "  its network": ("stanza/models/tokenization/model.py", "forward"),
    "embeddings and character LSTMs": ("parsers/stanza/fast_pipeline.py", "_read"),
    "tagger": ("parsers/stanza/fast_pipeline.py", "_tags"),
    "parser": ("parsers/stanza/fast_pipeline.py", "_trees"),
    "  arcs, trees and relations": ("parsers/stanza/fast_depparse.py", "decode"),
    "sentences": ("parsers/stanza/texts.py", "join_sentences"),
    "cache": ("parsers/cache.py", "_save"),
}
PRODUCTS = ("<built-in method torch.lstm>", "<built-in method torch._C._nn.linear>")
OPERATOR = ("structnn/fused/lstm.py", "_read")  # a profile counts its C++ as the caller's own time

TextFile = Annotated[
    Path | None,
    typer.Argument(
        help="Texts, one a line, or a CoNLL-U file with `# text` comments; by default the dev set "
        "of UD English EWT, if it is there.",
        exists=True,
        dir_okay=False,
    ),
]


def main(
    file: TextFile = None,
    sentences: Annotated[
        int, typer.Option(help="Largest number of texts, drawn at random.")
    ] = 2000,
    workers: Annotated[
        str,
        typer.Option(help="Time these numbers of processes instead, such as 1,2, on all texts."),
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder for parsing.json.")] = Path("runs/bench"),
) -> None:
    """Time parsing with the shipped models on one thread; the contenders take turns."""
    texts = list(dict.fromkeys(read_texts(file or DEFAULT_CONLLU)))
    random.Random(0).shuffle(texts)
    texts = texts[:sentences]
    results: dict[str, Any] = {"file": (file or DEFAULT_CONLLU).name, "sentences": len(texts)}
    if workers:
        counts = [int(count) for count in workers.split(",")]
        results["workers"] = {count: time_workers(texts, count) for count in counts}
        table = Table("processes", "seconds", "sentences/s", title="Cold start included")
        for count, seconds in results["workers"].items():
            table.add_row(str(count), f"{seconds:.1f}", f"{len(texts) / seconds:.0f}")
        console.print(table)
    else:
        use_one_thread()
        parser = StanzaParser("en")
        measurement = compare(parser, texts)
        print_speeds(measurement, sum(map(len, parser.parse(texts))) / len(texts))
        results |= measurement.as_json(ONE_BY_ONE)
        results["profile"] = profile(parser, texts)
    write_json(out / "parsing.json", results)


def read_texts(path: Path) -> list[str]:
    """The ``# text`` comments of a CoNLL-U file, or the lines of any other file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    if path.suffix == ".conllu":
        lines = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    return [line for line in lines if line.strip()]


def compare(parser: StanzaParser, texts: Sequence[str]) -> Measurement:
    """Time all ways to parse, each on the same portions of the texts.

    Raises:
        Disagreement: Two of them parsed a text differently.
    """
    stock = StanzaParser("en", fast=False).pipeline  # Stanza's own code

    def command(portion: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cached = CachedParser(parser, Path(folder) / "parses.sqlite", workers=1)
            write_conllu(cached.parse(portion), Path(folder) / "parses.conllu")

    for text, sentence in zip(texts[:50], parser.parse(texts[:50]), strict=True):
        (own,) = stock(text).sentences
        trees = [[(word.text, word.upos, word.head, word.deprel) for word in own.words]]
        trees.append(list(zip(*columns(sentence), strict=True)))
        if trees[0] != trees[1]:
            raise Disagreement(f"Stanza and this package parse {text!r} differently")
    return measure(
        [
            Contender(ONE_BY_ONE, lambda portion: [stock(text) for text in portion], size=len),
            Contender(STANZA_BULK, lambda portion: stock.bulk_process(list(portion)), size=len),
            Contender(BULK, parser.parse, size=len),
            Contender(COMMAND, command, size=len),
        ],
        [texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)],
        seconds=float("inf"),
        least=1,
        warmup=0,
        settle=0,
    )


def columns(sentence: Any) -> Iterator[Sequence[Any]]:
    """Tokens, tags, heads and relations, with heads numbered as in Stanza."""
    tree = sentence.dependencies
    yield from (sentence.tokens, sentence.tags, [head + 1 for head in tree.parents], tree.labels)


def print_speeds(measurement: Measurement, words: float) -> None:
    """Print a row for each contender.

    Args:
        measurement: Seconds per sentence.
        words: The mean number of words of a sentence.
    """
    title = f"{measurement.repeats} portions of up to {BATCH} sentences"
    table = Table("", title=title, title_justify="left")
    for heading in ("sentences/s", "words/s", "times as fast", "quartiles"):
        table.add_column(heading, justify="right")
    for name in measurement.names:
        rate = 1 / measurement.seconds(name).median
        faster = measurement.ratio(ONE_BY_ONE, name)
        table.add_row(
            name,
            f"{rate:.0f}",
            f"{rate * words:.0f}",
            f"{faster.median:.1f}",
            f"{faster.lower:.1f} to {faster.upper:.1f}",
        )
    console.print(table)


def profile(parser: StanzaParser, texts: Sequence[str]) -> dict[str, float]:
    """Print the time of each part; returns its share of the whole."""
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedParser(parser, Path(folder) / "parses.sqlite", workers=1)
        profiler = cProfile.Profile()
        profiler.runcall(cached.parse, texts)
    entries = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in entries.values())
    seconds = {
        part: sum(
            cumulative
            for (file, _, name), (_, _, _, cumulative, _) in entries.items()
            if file.endswith(ending) and name == function
        )
        for part, (ending, function) in PARTS.items()
    }
    top = sum(value for part, value in seconds.items() if not part.startswith(" "))
    seconds["everything else"] = total - top
    seconds["of all: LSTMs and linear layers"] = sum(
        own
        for (file, _, name), (_, _, own, _, _) in entries.items()
        if name in PRODUCTS or (file.endswith(OPERATOR[0]) and name == OPERATOR[1])
    )
    table = Table("part", "seconds", "share", title="With Python's profiler running")
    for part, value in seconds.items():
        table.add_row(part, f"{value:.2f}", f"{value / total:.0%}")
    console.print(table)
    return {part.strip(): value / total for part, value in seconds.items()}


def time_workers(texts: Sequence[str], workers: int) -> float:
    """Seconds to parse into a new cache, with starting the processes and loading the models."""
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedParser(StanzaParser("en"), Path(folder) / "parses.sqlite", workers=workers)
        begin = time.perf_counter()
        cached.parse(texts)
        return time.perf_counter() - begin


if __name__ == "__main__":
    typer.run(main)

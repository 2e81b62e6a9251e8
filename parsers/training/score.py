"""CoNLL 2018 scores of a model directory, from raw text and from gold tokens.

    python -m parsers.training.score --models parsers/models --lang en FILE.conllu [FILE.conllu ...]

The scores are those of Stanza's own pipeline. The same files are also parsed with the decoder of
this package (:mod:`parsers.stanza.fast_depparse`), and the sentences with other tags or trees are
counted.

``--by kind`` gives scores for each value of the comment ``# kind = ...`` instead, such as those of the
plain sentences of :data:`parsers.training.plain.EVALUATION`.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parsers.training.treebank import (
    Block,
    Treebank,
    TreebankError,
    raw_text,
    read_treebank,
    word_rows,
)

Scores = dict[str, dict[str, dict[str, float]]]
"""For the name of each file the scores of each kind of input, by metric."""

_COLUMNS = {"XPOS": 4, "UFeats": 5}
"""The columns that a gold file may leave empty."""

METRICS = ("Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "UAS", "LAS", "CLAS")

_BY = ("UPOS", "UAS", "LAS")
"""The metrics of groups of sentences, which may be small."""


def load_pipeline(models: Path, lang: str, package: str) -> Any:
    """A ``stanza.Pipeline`` from a model directory without a lemmatizer; nothing is downloaded."""
    import stanza

    return stanza.Pipeline(
        lang,
        model_dir=str(models),
        package=package,
        download_method=None,
        depparse_pretagged=True,  # the parser asks for lemmas otherwise
        use_gpu=False,
        logging_level="ERROR",
        verbose=False,
    )


def without_annotation(blocks: Sequence[Block]) -> str:
    """The CoNLL-U text of sentences with their tokens alone: without tags, features and trees."""
    lines = []
    for block in blocks:
        for line in block:
            if line.startswith("#"):
                continue
            columns = line.split("\t")
            lines.append("\t".join([*columns[:2], *"_" * 7, columns[9]]))
        lines.append("")
    return "\n".join(lines) + "\n"


def conll_scores(gold: Sequence[Block], predicted: Any) -> dict[str, float]:
    """The F1 score of each of :data:`METRICS`, in percent, but not of columns that gold leaves empty."""
    from stanza.models.common.utils import ud_scores

    gold_text = "".join("\n".join(block) + "\n\n" for block in gold)
    result = ud_scores(io.StringIO(gold_text), io.StringIO(f"{predicted:C}\n\n"))
    rows = [line.split("\t") for block in gold for line in block if not line.startswith("#")]
    empty = [name for name, column in _COLUMNS.items() if all(row[column] == "_" for row in rows)]
    return {metric: 100 * result[metric].f1 for metric in METRICS if metric not in empty}


def score_raw_text(pipeline: Any, blocks: Sequence[Block]) -> dict[str, float]:
    """The scores from raw text, in which the pipeline finds sentences and words itself.

    Raises:
        TreebankError: The tokens of the pipeline have not the characters of the text.
    """
    from stanza.models.common.utils import UDError

    predicted = pipeline(raw_text(blocks))
    try:
        return conll_scores(blocks, predicted)
    except UDError as error:
        # Stanza writes <UNK> for a token of more characters than a model takes.
        raise TreebankError(
            "raw text can't be scored, since tokens that the tokenizer finds have not the characters "
            f"of the text ({str(error).splitlines()[-1][:200]}); train it longer (--tokenizer-steps)"
        ) from error


def annotate_gold_tokens(pipeline: Any, blocks: Sequence[Block]) -> tuple[Any, float]:
    """Predict tags and trees for gold tokens.

    Returns:
        The document, and the speed of tagger and parser in words per second of CPU time, which does not
        depend on other programs on the machine.
    """
    from stanza.utils.conll import CoNLL

    document = CoNLL.conll2doc(input_str=without_annotation(blocks))
    gc.collect()
    gc.disable()  # as timeit does
    try:
        start = time.process_time()
        for processor in ("pos", "depparse"):
            document = pipeline.processors[processor].process(document)
        seconds = time.process_time() - start
    finally:
        gc.enable()
    return document, document.num_words / seconds


def compare_decoders(pipeline: Any, blocks: Sequence[Block], stock: Any) -> dict[str, float]:
    """Compare the decoder of this package with Stanza's on the same sentences.

    Args:
        pipeline: Stanza's pipeline, which is changed to use the decoder.
        blocks: The sentences.
        stock: The document that Stanza's own code made from them.

    Returns:
        ``words/s``, and ``different``, the number of sentences with another tag, head or relation.
        Empty if the decoder does not support the pipeline.
    """
    from parsers.stanza.fast_depparse import accelerate

    if not accelerate(pipeline):
        return {}
    document, speed = annotate_gold_tokens(pipeline, blocks)

    def annotations(sentence: Any) -> list[tuple[Any, ...]]:
        return [(w.upos, w.xpos, w.feats, int(w.head), w.deprel) for w in sentence.words]

    different = sum(
        annotations(one) != annotations(other)
        for one, other in zip(stock.sentences, document.sentences, strict=True)
    )
    return {"words/s": speed, "different": different}


def score_directory(models: Path, lang: str, package: str, files: Sequence[Path]) -> Scores:
    """Score the models of a directory.

    Args:
        models: The Stanza model directory.
        lang: The language code.
        package: The name of the package.
        files: Gold CoNLL-U files.

    Returns:
        For the name of each file the scores from ``raw text`` and ``gold tokens``, and the
        comparison with the ``fast`` decoder.
    """
    results: Scores = {}
    for path in files:
        pipeline = load_pipeline(models, lang, package)
        blocks = read_treebank(path).blocks
        annotate_gold_tokens(pipeline, blocks[:100])  # the first call sets things up
        stock, speed = annotate_gold_tokens(pipeline, blocks)
        results[path.stem] = {
            "raw text": score_raw_text(pipeline, blocks),
            "gold tokens": conll_scores(blocks, stock) | {"words/s": speed},
            "fast": compare_decoders(pipeline, blocks, stock),
        }
    return results


def as_table(results: Scores) -> str:
    """The result of :func:`score_directory` as a Markdown table."""
    lines = [
        "| file | input | " + " | ".join(METRICS) + " |",
        "|---|---|" + "---|" * len(METRICS),
    ]
    for name, inputs in results.items():
        for kind in ("raw text", "gold tokens"):
            values = inputs[kind]
            cells = [f"{values[metric]:.2f}" if metric in values else "-" for metric in METRICS]
            lines.append(f"| {name} | {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def score_by(
    models: Path, lang: str, package: str, treebank: Treebank, comment: str
) -> dict[str, dict[str, float]]:
    """Score the sentences of a file apart by the value of one of their comments.

    Args:
        models: The Stanza model directory.
        lang: The language code.
        package: The name of the package.
        treebank: The gold sentences.
        comment: The comment's name: ``kind`` for ``# kind = ...``.

    Returns:
        For each value in the order of the file, and for ``all``: how many ``sentences`` and ``words``,
        UPOS, UAS and LAS from gold tokens, ``trees``, the sentences of which every head and relation is
        right, subtypes included, and UPOS, UAS and LAS from ``raw`` text.

    Raises:
        TreebankError: A sentence doesn't have the comment.
    """
    groups: dict[str, list[Block]] = {}
    start = f"# {comment} = "
    for number, block in enumerate(treebank.blocks, start=1):
        values = [line.removeprefix(start) for line in block if line.startswith(start)]
        if not values:
            raise TreebankError(
                f"{treebank.path}: sentence {number} has no comment '{start}...' for --by {comment}"
            )
        groups.setdefault(values[0], []).append(block)
    groups["all"] = treebank.blocks
    pipeline = load_pipeline(models, lang, package)
    results = {}
    for value, blocks in groups.items():
        document, _ = annotate_gold_tokens(pipeline, blocks)
        given, raw = conll_scores(blocks, document), score_raw_text(pipeline, blocks)
        trees = sum(
            [[str(word.head), word.deprel] for word in sentence.words]
            == [row[6:8] for row in word_rows(block)]
            for sentence, block in zip(document.sentences, blocks, strict=True)
        )
        results[value] = {
            "sentences": len(blocks),
            "words": document.num_words,
            **{metric: given[metric] for metric in _BY},
            "trees": trees,
            **{f"raw {metric}": raw[metric] for metric in _BY},
        }
    return results


def by_as_table(results: dict[str, dict[str, float]], comment: str) -> str:
    """The result of :func:`score_by` as a Markdown table."""
    names = list(next(iter(results.values())))
    lines = [f"| {comment} | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for value, row in results.items():
        cells = [f"{row[name]:.1f}" if name.endswith(_BY) else str(row[name]) for name in names]
        lines.append(f"| {value} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_speeds(results: Scores) -> str:
    """The result of :func:`score_directory` in lines: words per second, and sentences that differ."""
    lines = []
    for name, inputs in results.items():
        stock, fast = inputs["gold tokens"]["words/s"], inputs["fast"]
        line = f"- {name}: {stock:.0f} words/s by Stanza's own code"
        if fast:
            line += (
                f", {fast['words/s']:.0f} by this package's decoder "
                f"({fast['words/s'] / stock:.2f} times), sentences that differ: "
                f"{fast['different']:.0f}"
            )
        lines.append(line)
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="gold CoNLL-U files")
    parser.add_argument("--models", type=Path, required=True, help="Stanza model directory")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--package", default="default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--by", help="score by the values of this comment, such as kind")
    options = parser.parse_args(arguments)
    logging.getLogger("stanza").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    where = (options.models, options.lang, options.package)
    try:
        if options.by:
            for path in options.files:
                found = score_by(*where, read_treebank(path), options.by)
                print(
                    json.dumps(found, indent=1) if options.json else by_as_table(found, options.by)
                )
        else:
            results = score_directory(*where, options.files)
            print(json.dumps(results, indent=1) if options.json else as_table(results))
            print(as_speeds(results))
    except TreebankError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""CoNLL 2018 scores of a model directory, from raw text and from gold tokens.

    python -m parsers.training.score --models parsers/models --lang en FILE.conllu [FILE.conllu ...]

Everything here is Stanza's own pipeline; ``--fast`` turns on this package's decoder.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parsers.training.treebank import Block, raw_text, read_treebank

METRICS = ("Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "UAS", "LAS", "CLAS")


def load_pipeline(models: Path, lang: str, package: str = "default", **options: Any) -> Any:
    """Stanza's ``Pipeline`` over a model directory without lemmatizer; never downloads."""
    import stanza

    settings: dict[str, Any] = {
        "depparse_pretagged": True,  # the parser asks for lemmas otherwise
        "use_gpu": False,
        "logging_level": "ERROR",
        "verbose": False,
    }
    return stanza.Pipeline(
        lang, model_dir=str(models), package=package, download_method=None, **settings | options
    )


def without_annotation(blocks: Sequence[Block]) -> str:
    """The CoNLL-U text of the sentences with tokens alone: no tags, no features, no trees."""
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
    """F1 in per cent for each of :data:`METRICS`."""
    from stanza.models.common.utils import ud_scores

    gold_text = "".join("\n".join(block) + "\n\n" for block in gold)
    result = ud_scores(io.StringIO(gold_text), io.StringIO(f"{predicted:C}\n\n"))
    return {metric: 100 * result[metric].f1 for metric in METRICS}


def score_raw_text(pipeline: Any, blocks: Sequence[Block]) -> dict[str, float]:
    """Scores when the pipeline is given plain text and finds sentences and words itself."""
    return conll_scores(blocks, pipeline(raw_text(blocks)))


def score_gold_tokens(pipeline: Any, blocks: Sequence[Block]) -> tuple[dict[str, float], float]:
    """Scores with gold words and predicted tags, and words a second of tagger and parser."""
    from stanza.utils.conll import CoNLL

    document = CoNLL.conll2doc(input_str=without_annotation(blocks))
    start = time.perf_counter()
    for processor in ("pos", "depparse"):
        document = pipeline.processors[processor].process(document)
    seconds = time.perf_counter() - start
    return conll_scores(blocks, document), document.num_words / seconds


def score_directory(
    models: Path, lang: str, package: str, files: Sequence[Path], fast: bool = False
) -> dict[str, dict[str, dict[str, float]]]:
    """``{file name: {"raw text" | "gold tokens": {metric: per cent}}}``."""
    pipeline = load_pipeline(models, lang, package)
    if fast:
        from parsers.fast_depparse import accelerate

        accelerate(pipeline)
    results = {}
    for path in files:
        blocks = read_treebank(path).blocks
        gold_tokens, speed = score_gold_tokens(pipeline, blocks)
        gold_tokens["words/s"] = speed
        results[path.stem] = {
            "raw text": score_raw_text(pipeline, blocks),
            "gold tokens": gold_tokens,
        }
    return results


def as_table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """A Markdown table of :func:`score_directory`'s result."""
    lines = [
        "| file | input | " + " | ".join(METRICS) + " |",
        "|---|---|" + "---|" * len(METRICS),
    ]
    for name, inputs in results.items():
        for kind, values in inputs.items():
            cells = [f"{values[metric]:.2f}" for metric in METRICS]
            lines.append(f"| {name} | {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line entry."""
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="gold CoNLL-U files")
    parser.add_argument("--models", type=Path, required=True, help="Stanza model directory")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--package", default="default")
    parser.add_argument("--fast", action="store_true", help="use this package's decoder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    logging.getLogger("stanza").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    results = score_directory(
        arguments.models, arguments.lang, arguments.package, arguments.files, arguments.fast
    )
    print(json.dumps(results, indent=1) if arguments.json else as_table(results))
    for name, inputs in results.items():
        print(f"{name}: {inputs['gold tokens']['words/s']:.0f} words/s, tagger and parser")


if __name__ == "__main__":
    main()

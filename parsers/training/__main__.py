"""``python -m parsers.training``: train a small Stanza pipeline on any UD treebank."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import MISSING, fields
from pathlib import Path

from parsers.training.recipe import Recipe
from parsers.training.score import as_speeds, as_table
from parsers.training.stages import STAGES, run

_HELP = {
    "train": "CoNLL-U file to train on",
    "dev": "CoNLL-U file scored during training",
    "test": "CoNLL-U file scored once at the end",
    "lang": "language code, e.g. en",
    "package": "name of the package in the model directory",
    "output": "model directory to write",
    "work": "folder of intermediate results, from which a second run of the same recipe continues; "
    "default: OUTPUT.work",
    "data": "sentence for the model card: the treebank, its version and licence",
    "vectors": "word2vec text file, most frequent words first; by default no vectors are used",
    "plain_sentences": "number of generated plain sentences that are mixed into train, in English "
    "alone; default: 0",
    "contextual": "name or folder of a contextual model: the teacher of the sentences of --text",
    "text": "CoNLL-U file of further sentences (structnn parse writes them), whose words are read",
    "notes": "Markdown file appended to the model card",
    "vectors_source": "sentence for the model card: which vectors these are",
}


def build_parser() -> argparse.ArgumentParser:
    """The command line: one option for each field of :class:`Recipe`."""
    parser = argparse.ArgumentParser(
        prog="python -m parsers.training",
        description="Train, pack and score a small Stanza pipeline on a UD treebank.",
    )
    for field in fields(Recipe):
        name = "--" + field.name.replace("_", "-")
        required = field.default is MISSING and field.name != "work"
        kind: type = str
        if "Path" in str(field.type):
            kind = Path
        elif "int" in str(field.type):
            kind = int
        elif "float" in str(field.type):
            kind = float
        aliases = ["--out"] if field.name == "output" else []
        default = None if field.default is MISSING else field.default
        parser.add_argument(
            name,
            *aliases,
            dest=field.name,
            type=kind,
            required=required,
            default=default,
            help=_HELP.get(field.name, f"default: {default}"),
        )
    parser.add_argument(
        "--stages",
        default=",".join(STAGES),
        help="the stages to run, separated by commas; default: all, " + ", ".join(STAGES),
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    import torch

    given = sys.argv[1:] if arguments is None else arguments
    parser = build_parser()
    options = vars(parser.parse_args(given))
    stages = tuple(options.pop("stages").split(","))
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        parser.error(f"no stage {unknown[0]!r}; stages: {', '.join(STAGES)}")
    torch.set_num_threads(options.pop("threads"))
    options["work"] = options["work"] or options["output"].with_name(
        options["output"].name + ".work"
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("stanza").setLevel(logging.WARNING)
    try:
        scores = run(Recipe(**options), stages, ["python", "-m", "parsers.training", *given])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if scores:
        print(as_table(scores), as_speeds(scores), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

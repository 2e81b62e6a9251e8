"""Tokenizer and multiword-token expander, through Stanza's own training commands."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from parsers.training.treebank import Treebank, raw_text, write_blocks

MAXIMUM_TOKEN = 1000
"""Longest token and window at inference, in characters; training windows are shorter."""


def prepare_tokenizer_files(treebank: Treebank, part: str, folder: Path) -> dict[str, Path]:
    """Write the text, the label of each character, the multiword tokens and the sentences.

    The four files are those of Stanza's ``prepare_tokenizer_data``; the text is made from the
    treebank itself.
    """
    from stanza.utils.datasets import prepare_tokenizer_data

    files = {
        "text": folder / f"{part}.txt",
        "labels": folder / f"{part}.labels",
        "multiword": folder / f"{part}.multiword.json",
        "conllu": folder / f"{part}.tokens.conllu",
    }
    write_blocks(treebank.blocks, files["conllu"])
    files["text"].write_text(raw_text(treebank.blocks), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        prepare_tokenizer_data.main(
            [str(files["text"]), str(files["conllu"]), "-o", str(files["labels"]),
             "-m", str(files["multiword"])]
        )  # fmt: skip
    return files


def train_tokenizer(
    train: dict[str, Path],
    dev: dict[str, Path],
    output: Path,
    *,
    lang: str,
    package: str,
    steps: int,
    seed: int = 1,
    extra: Sequence[str] = (),
) -> None:
    """Train Stanza's tokenizer; the step with the best dev score is kept.

    Args:
        train: files of :func:`prepare_tokenizer_files` for the training part.
        dev: the same for dev.
        output: model file.
        lang: language code of the model's name.
        package: the rest of its name.
        steps: number of updates.
        seed: seed of weights, batches and dropout.
        extra: more options of ``stanza.models.tokenizer``.
    """
    from stanza.models import tokenizer

    output.parent.mkdir(parents=True, exist_ok=True)
    arguments = {
        "txt_file": train["text"],
        "label_file": train["labels"],
        "mwt_json_file": train["multiword"],
        "dev_txt_file": dev["text"],
        "dev_label_file": dev["labels"],
        "dev_conll_gold": dev["conllu"],
        "conll_file": output.with_suffix(".dev.conllu"),
        "lang": lang,
        "shorthand": f"{lang}_{package}",
        "max_seqlen": 300,
        "batch_size": 16,
        "lr0": 4e-3,
        "anneal": 0.9,
        "anneal_after": steps // 2,
        "dropout": 0.2,
        "unit_dropout": 0.2,
        "steps": steps,
        "eval_steps": max(1, min(200, steps // 5)),
        "save_dir": output.parent,
        "save_name": output.name,
        "seed": seed,
    }
    tokenizer.main([f"--{name}={value}" for name, value in arguments.items()] + ["--cpu", *extra])


def train_multiword(
    train: Treebank, dev: Treebank, output: Path, *, lang: str, package: str, epochs: int, seed: int
) -> bool:
    """Train the expander of multiword tokens; False if the treebank has none to learn from.

    Where every multiword token is the concatenation of its words (English), Stanza trains a
    classifier of split points, else a character-level sequence-to-sequence model.
    """
    from stanza.models import mwt_expander
    from stanza.utils.datasets.contract_mwt import contract_mwt

    if not train.has_multiword_tokens():
        return False
    if not dev.has_multiword_tokens():  # the early stopping needs some: a part of train stands in
        dev = train
    folder = output.parent
    folder.mkdir(parents=True, exist_ok=True)
    train_file = write_blocks(train.blocks, folder / "multiword.train.conllu")
    gold_file = write_blocks(dev.blocks, folder / "multiword.dev.gold.conllu")
    dev_file = folder / "multiword.dev.conllu"
    contract_mwt(str(gold_file), str(dev_file))
    arguments = {
        "train_file": train_file,
        "eval_file": dev_file,
        "gold_file": gold_file,
        "lang": lang,
        "shorthand": f"{lang}_{package}",
        "num_epoch": epochs,
        "save_dir": folder,
        "save_name": output.name,
        "seed": seed,
    }
    mwt_expander.main([f"--{name}={value}" for name, value in arguments.items()] + ["--cpu"])
    return True


def multiword_count(files: dict[str, Path]) -> int:
    """Number of different multiword tokens in the files of a part."""
    return len(json.loads(files["multiword"].read_text(encoding="utf-8")))

"""The tokenizer and the expander of multiword tokens, trained by Stanza's own commands."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from parsers.training.treebank import Treebank, raw_text, write_blocks

MAXIMUM_TOKEN = 1000
"""The longest token and window of the tokenizer at inference, in characters."""


def prepare_tokenizer_files(treebank: Treebank, part: str, folder: Path) -> dict[str, Path]:
    """Write the four files of Stanza's ``prepare_tokenizer_data``; the text is made from the treebank.

    Args:
        treebank: The sentences.
        part: The beginning of the files' names: ``train`` or ``dev``.
        folder: The folder to write to.

    Returns:
        The files of the ``text``, of the ``labels`` of its characters, of the ``multiword`` tokens,
        and of the sentences as ``conllu``.
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
) -> None:
    """Train Stanza's tokenizer; the weights with the best dev score are kept.

    Args:
        train: The files of :func:`prepare_tokenizer_files` for train.
        dev: The files for dev.
        output: The model file to write.
        lang: The language code, in the model's name.
        package: The package, in the model's name.
        steps: The number of updates.
        seed: The random seed of weights, batches and dropout.
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
        "batch_size": 32,
        "lr0": 3e-3,
        "anneal": 0.8,
        "anneal_after": int(0.45 * steps),
        "dropout": 0.2,
        "unit_dropout": 0.2,
        "steps": steps,
        "eval_steps": max(1, min(400, steps // 5)),
        "save_dir": output.parent,
        "save_name": output.name,
        "seed": seed,
    }
    tokenizer.main([f"--{name}={value}" for name, value in arguments.items()] + ["--cpu"])


def train_multiword(
    train: Treebank, dev: Treebank, output: Path, *, lang: str, package: str, epochs: int, seed: int
) -> bool:
    """Train the expander of multiword tokens.

    If every multiword token is the concatenation of its words, as in English, Stanza trains a classifier
    of split points, and otherwise a character-level sequence-to-sequence model.

    Args:
        train: The treebank to train on.
        dev: The treebank for early stopping; train if it has no multiword tokens.
        output: The model file to write.
        lang: The language code, in the model's name.
        package: The package, in the model's name.
        epochs: The number of epochs.
        seed: The random seed.

    Returns:
        False, and no file, if ``train`` has no multiword tokens.
    """
    from stanza.models import mwt_expander
    from stanza.utils.datasets.contract_mwt import contract_mwt

    if not train.has_multiword_tokens():
        return False
    if not dev.has_multiword_tokens():  # early stopping needs some
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

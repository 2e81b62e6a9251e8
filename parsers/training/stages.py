"""The stages of a recipe: from the files of a UD treebank to a packed and scored model directory.

Each stage writes its result into the work folder and is skipped if the result is there, so a run
that was stopped continues where it stopped; tagger and parser also continue from their checkpoints.
The folder belongs to one recipe (:mod:`parsers.training.workfolder`).
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from pathlib import Path

from parsers.training import parser, tagger
from parsers.training.card import model_card
from parsers.training.loop import Budget
from parsers.training.pack import pack
from parsers.training.parser import train_parser
from parsers.training.plain import interleaved, plain_sentences
from parsers.training.recipe import Recipe
from parsers.training.score import Scores, score_directory
from parsers.training.tagger import tag_blocks, train_tagger
from parsers.training.teacher import silver_tags, silver_trees, teach
from parsers.training.tokenizer import (
    prepare_tokenizer_files,
    train_multiword,
    train_tokenizer,
)
from parsers.training.treebank import Block, folds, read_treebank, word_forms, write_blocks
from parsers.training.vectors import build_table
from parsers.training.workfolder import claim

__all__ = ["STAGES", "run"]

logger = logging.getLogger(__name__)

STAGES = (
    "prepare",
    "jackknife",
    "tokenizer",
    "multiword",
    "teacher",
    "tagger",
    "parser",
    "pack",
    "score",
)
"""The stages in their order."""


def run(
    recipe: Recipe, stages: tuple[str, ...] = STAGES, command: list[str] | None = None
) -> Scores:
    """Run stages in order, except those whose result is there.

    Args:
        recipe: What to train.
        stages: The stages to run, some of :data:`STAGES`, to spread the work over several processes.
        command: The command line, for the model card.

    Returns:
        The scores of dev and test; empty without the stage ``"score"``.

    Raises:
        WorkFolderError: The work folder has results of another recipe.
        TreebankError: A treebank can't be used.
    """
    actions: dict[str, Callable[[Recipe], None]] = {
        "prepare": _prepare,
        "jackknife": _jackknife,
        "tokenizer": _tokenizer,
        "multiword": _multiword,
        "teacher": lambda recipe: teach(recipe, _train_blocks(recipe)),
        "tagger": _tagger,
        "parser": _parser,
        "pack": _pack,
        "score": lambda recipe: scores.update(_score(recipe, command or [])),
    }
    scores: Scores = {}
    claim(recipe)
    for stage in STAGES:
        if stage in stages:
            logger.info("stage %s", stage)
            actions[stage](recipe)
    return scores


def _note(recipe: Recipe, stage: str, result: dict[str, float]) -> None:
    path = recipe.work / f"{stage}.result.json"
    path.write_text(json.dumps(result), encoding="utf-8")


def _train_blocks(recipe: Recipe) -> list[Block]:
    """What tagger and parser learn from: train, and plain sentences among its sentences.

    Tokenizer and expander read the texts of train, whose paragraphs a sentence from elsewhere would
    divide.
    """
    return interleaved(
        read_treebank(recipe.train).blocks, plain_sentences(recipe.plain_sentences, recipe.seed)
    )


def _prepare(recipe: Recipe) -> None:
    for path in (recipe.train, recipe.dev, recipe.test, recipe.text):
        if path is not None:
            read_treebank(path)  # reports a bad file now, and not after an hour of training
    table = recipe.table
    if table is not None and recipe.vectors is not None and not table.is_file():
        build_table(
            recipe.vectors,
            word_forms(_train_blocks(recipe)),
            recipe.vector_words,
            recipe.vector_dimensions,
            table,
        )


def _jackknife(recipe: Recipe) -> None:
    """Tag each part of train by a tagger trained on the other parts, and dev by the first tagger."""
    tagged = recipe.work / "train.tagged.conllu"
    if tagged.is_file():
        return
    blocks = _train_blocks(recipe)
    parts = []
    for index, (rest, part) in enumerate(folds(blocks, recipe.folds)):
        output = recipe.work / f"train.fold{index}.conllu"
        parts.append(output)
        if output.is_file():
            continue
        model = recipe.work / f"tagger.fold{index}.pt"
        if not model.is_file():
            train_tagger(
                write_blocks(rest, recipe.work / f"tagger.fold{index}.train.conllu"),
                None,
                model,
                **recipe.model,
                budget=Budget(recipe.fold_steps),
                seed=recipe.seed + index,
            )
        if index == 0:
            dev = read_treebank(recipe.dev).blocks
            tag_blocks(dev, model, recipe.table, recipe.work / "dev.tagged.conllu")
        tag_blocks(part, model, recipe.table, output)
    write_blocks([block for path in parts for block in read_treebank(path).blocks], tagged)


def _tokenizer(recipe: Recipe) -> None:
    output = recipe.work / "tokenizer.pt"
    if output.is_file():
        return
    partial = recipe.work / "tokenizer.unfinished.pt"
    train_tokenizer(
        prepare_tokenizer_files(read_treebank(recipe.train), "train", recipe.work),
        prepare_tokenizer_files(read_treebank(recipe.dev), "dev", recipe.work),
        partial,
        lang=recipe.lang,
        package=recipe.package,
        steps=recipe.tokenizer_steps,
        seed=recipe.seed,
    )
    partial.replace(output)


def _multiword(recipe: Recipe) -> None:
    output = recipe.work / "mwt.pt"
    if output.is_file():
        return
    partial = recipe.work / "mwt.unfinished.pt"
    if train_multiword(
        read_treebank(recipe.train),
        read_treebank(recipe.dev),
        partial,
        lang=recipe.lang,
        package=recipe.package,
        epochs=recipe.multiword_epochs,
        seed=recipe.seed,
    ):
        partial.replace(output)


def _with_silver(recipe: Recipe, gold: list[Block], silver: Path, output: Path) -> Path:
    """A file of what is learned from: the treebank and, with a teacher, what it made of the text."""
    if recipe.text is None:
        return write_blocks(gold, output)
    # Gold counts twice: it is of the text that is asked about, and right.
    return write_blocks([*gold, *gold, *read_treebank(silver).blocks], output)


def _tagger(recipe: Recipe) -> None:
    output = recipe.work / "tagger.pt"
    if output.is_file():
        return
    gold = _train_blocks(recipe)
    result = train_tagger(
        _with_silver(recipe, gold, silver_tags(recipe), recipe.work / "tagger.train.conllu"),
        write_blocks(read_treebank(recipe.dev).blocks, recipe.work / "dev.conllu"),
        output,
        **recipe.model,
        budget=Budget(recipe.tagger_steps, recipe.tagger_minutes),
        seed=recipe.seed,
        options=None if recipe.text is None else tagger.WITH_SILVER,
    )
    _note(recipe, "tagger", result)


def _parser(recipe: Recipe) -> None:
    output = recipe.work / "parser.pt"
    if output.is_file():
        return
    gold = read_treebank(recipe.work / "train.tagged.conllu").blocks
    result = train_parser(
        _with_silver(recipe, gold, silver_trees(recipe), recipe.work / "parser.train.conllu"),
        recipe.work / "dev.tagged.conllu",
        output,
        **recipe.model,
        budget=Budget(recipe.parser_steps, recipe.parser_minutes),
        seed=recipe.seed,
        options=None if recipe.text is None else parser.WITH_SILVER,
    )
    _note(recipe, "parser", result)


def _pack(recipe: Recipe) -> None:
    models = {
        "tokenize": recipe.work / "tokenizer.pt",
        "pos": recipe.work / "tagger.pt",
        "depparse": recipe.work / "parser.pt",
    }
    if (recipe.work / "mwt.pt").is_file():
        models["mwt"] = recipe.work / "mwt.pt"
    if recipe.table is not None:
        models["pretrain"] = recipe.table
    size = pack(models, recipe.output, lang=recipe.lang, package=recipe.package)
    logger.info("%.1f MB in %s", size / 1e6, recipe.output)


def _score(recipe: Recipe, command: list[str]) -> Scores:
    scores = score_directory(recipe.output, recipe.lang, recipe.package, [recipe.dev, recipe.test])
    results = {
        stage: json.loads(path.read_text(encoding="utf-8"))
        for stage in ("tagger", "parser")
        if (path := recipe.work / f"{stage}.result.json").is_file()
    }
    text = model_card(recipe, scores, results, shlex.join(command))
    (recipe.output / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    (recipe.work / "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
    return scores

"""The whole recipe: UD files in, a packed and scored Stanza model directory out, stage by stage.

Each stage writes its result into the work folder and is skipped when it is there, so a run that was
stopped continues where it was; tagger and parser also continue within themselves.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from parsers.training import card
from parsers.training.loop import Budget
from parsers.training.pack import pack
from parsers.training.parser import train_parser
from parsers.training.score import score_directory
from parsers.training.tagger import tag_blocks, train_tagger
from parsers.training.tokenizer import (
    prepare_tokenizer_files,
    train_multiword,
    train_tokenizer,
)
from parsers.training.treebank import folds, read_treebank, word_forms, write_blocks
from parsers.training.vectors import build_table

logger = logging.getLogger(__name__)

STAGES = ("prepare", "jackknife", "tokenizer", "multiword", "tagger", "parser", "pack", "score")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run.

    Attributes:
        train, dev, test: CoNLL-U files; ``test`` is only scored, once, at the end.
        lang: language code of the model directory, as Stanza names it.
        package: name of the package in it.
        output: the model directory to write.
        work: folder of intermediate results.
        data: one sentence for the model card: which treebank, version, licence.
        vectors: word2vec text file, or None to train without pretrained vectors.
        vector_words, vector_dimensions: size of the table kept of it.
        vectors_source: one sentence for the model card on what the vectors are.
        notes: Markdown file with what else the model card should say: licence, limits.
        seed: seed of all random choices.
        folds: taggers for the parser's training tags; each tags the part it hasn't seen.
        tokenizer_steps, multiword_epochs, fold_steps, tagger_steps, parser_steps: budgets.
        tagger_minutes, parser_minutes: end these stages earlier than their steps.
    """

    train: Path
    dev: Path
    test: Path
    lang: str
    package: str
    output: Path
    work: Path
    data: str = ""
    vectors: Path | None = None
    vector_words: int = 100_000
    vector_dimensions: int = 128
    vectors_source: str = ""
    notes: Path | None = None
    seed: int = 1
    folds: int = 4
    tokenizer_steps: int = 1500
    multiword_epochs: int = 15
    fold_steps: int = 1800
    tagger_steps: int = 4000
    parser_steps: int = 9000
    tagger_minutes: float | None = None
    parser_minutes: float | None = None

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds must be at least 2, not {self.folds}")
        if not self.lang.islower() or not self.package or "/" in self.package:
            raise ValueError(
                f"not a language code and package name: {self.lang!r}, {self.package!r}"
            )

    @property
    def table(self) -> Path | None:
        """Stanza's pretrain file, where there are vectors."""
        return self.work / "pretrain.pt" if self.vectors is not None else None


def run(recipe: Recipe, stages: tuple[str, ...] = STAGES, command: list[str] | None = None) -> None:
    """Run the stages that have no result yet, in order.

    Args:
        recipe: what to train.
        stages: a part of :data:`STAGES`, to spread the work over several processes.
        command: the command line, for the model card.
    """
    actions: dict[str, Callable[[Recipe], None]] = {
        "prepare": _prepare,
        "jackknife": _jackknife,
        "tokenizer": _tokenizer,
        "multiword": _multiword,
        "tagger": _tagger,
        "parser": _parser,
        "pack": _pack,
        "score": lambda recipe: _score(recipe, command or []),
    }
    recipe.work.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        if stage in stages:
            logger.info("stage %s", stage)
            actions[stage](recipe)


def _note(recipe: Recipe, stage: str, result: dict[str, float]) -> None:
    path = recipe.work / f"{stage}.result.json"
    path.write_text(json.dumps(result), encoding="utf-8")


def _prepare(recipe: Recipe) -> None:
    for path in (recipe.train, recipe.dev, recipe.test):
        read_treebank(path)  # complains about a bad file now, not after an hour of training
    table = recipe.table
    if table is not None and recipe.vectors is not None and not table.is_file():
        build_table(
            recipe.vectors,
            word_forms(read_treebank(recipe.train).blocks),
            recipe.vector_words,
            recipe.vector_dimensions,
            table,
        )


def _jackknife(recipe: Recipe) -> None:
    """Tag each part of train by a tagger of the other parts, and dev by the first of them."""
    tagged = recipe.work / "train.tagged.conllu"
    if tagged.is_file():
        return
    blocks = read_treebank(recipe.train).blocks
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
                lang=recipe.lang,
                package=recipe.package,
                table=recipe.table,
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


def _tagger(recipe: Recipe) -> None:
    output = recipe.work / "tagger.pt"
    if output.is_file():
        return
    result = train_tagger(
        write_blocks(read_treebank(recipe.train).blocks, recipe.work / "train.conllu"),
        write_blocks(read_treebank(recipe.dev).blocks, recipe.work / "dev.conllu"),
        output,
        lang=recipe.lang,
        package=recipe.package,
        table=recipe.table,
        budget=Budget(recipe.tagger_steps, recipe.tagger_minutes),
        seed=recipe.seed,
    )
    _note(recipe, "tagger", result)


def _parser(recipe: Recipe) -> None:
    output = recipe.work / "parser.pt"
    if output.is_file():
        return
    result = train_parser(
        recipe.work / "train.tagged.conllu",
        recipe.work / "dev.tagged.conllu",
        output,
        lang=recipe.lang,
        package=recipe.package,
        table=recipe.table,
        budget=Budget(recipe.parser_steps, recipe.parser_minutes),
        seed=recipe.seed,
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


def _score(recipe: Recipe, command: list[str]) -> None:
    scores = score_directory(recipe.output, recipe.lang, recipe.package, [recipe.dev, recipe.test])
    results = {
        stage: json.loads(path.read_text(encoding="utf-8"))
        for stage in ("tagger", "parser")
        if (path := recipe.work / f"{stage}.result.json").is_file()
    }
    settings = {name: str(value) for name, value in asdict(recipe).items()}
    text = card.model_card(recipe, scores, results, shlex.join(command))
    (recipe.output / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    (recipe.work / "recipe.json").write_text(
        json.dumps({"settings": settings, "scores": scores}, indent=1), encoding="utf-8"
    )

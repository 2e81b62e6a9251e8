"""A teacher: a tagger and a parser on a contextual model, from whose answers small ones learn.

The contextual model knows words and constructions that no treebank has, and is too large to ship. What
it makes of further sentences is more training data ("silver" trees), right more often than what the
small model finds itself.
"""

from __future__ import annotations

from pathlib import Path

from parsers.training.contextual import contextual_states
from parsers.training.loop import Budget
from parsers.training.parser import parse_blocks, train_parser
from parsers.training.recipe import Recipe
from parsers.training.tagger import tag_blocks, train_tagger
from parsers.training.treebank import Block, folds, read_treebank, write_blocks

__all__ = ["silver_tags", "silver_trees", "teach"]


def silver_tags(recipe: Recipe) -> Path:
    """The file of the recipe's text with the teacher's tags and trees, for the tagger."""
    return recipe.work / "silver.conllu"


def silver_trees(recipe: Recipe) -> Path:
    """The file of the recipe's text with the teacher's trees and tags of the folds' taggers.

    The parser is used on the tags of a tagger that hasn't seen the sentence, so it learns from such.
    """
    return recipe.work / "silver.tagged.conllu"


def teach(recipe: Recipe, train: list[Block]) -> None:
    """Train the teacher, and write its tags and trees of the recipe's text.

    Args:
        recipe: A recipe with a contextual model and a text, whose work folder has the results of the
            stages before.
        train: The sentences to train on.
    """
    if recipe.text is None or silver_trees(recipe).is_file():
        return
    tagger, parser = recipe.work / "teacher.tagger.pt", recipe.work / "teacher.parser.pt"
    with contextual_states():
        if not tagger.is_file():
            train_tagger(
                write_blocks(train, recipe.work / "teacher.train.conllu"),
                write_blocks(read_treebank(recipe.dev).blocks, recipe.work / "dev.conllu"),
                tagger,
                **recipe.model,
                budget=Budget(recipe.teacher_tagger_steps),
                seed=recipe.seed,
                contextual=recipe.contextual,
            )
        if not parser.is_file():
            train_parser(
                recipe.work / "train.tagged.conllu",
                recipe.work / "dev.tagged.conllu",
                parser,
                **recipe.model,
                budget=Budget(recipe.teacher_parser_steps),
                seed=recipe.seed,
                contextual=recipe.contextual,
            )
        trees = parse_blocks(
            _tagged_by_folds(recipe), parser, recipe.table, recipe.work / "silver.unfinished.conllu"
        )
        tag_blocks(read_treebank(trees).blocks, tagger, recipe.table, silver_tags(recipe))
    trees.replace(silver_trees(recipe))


def _tagged_by_folds(recipe: Recipe) -> list[Block]:
    """The text, each part with the tags of another of the taggers of the stage ``jackknife``."""
    assert recipe.text is not None
    tagged: list[Block] = []
    for index, (_, part) in enumerate(folds(read_treebank(recipe.text).blocks, recipe.folds)):
        model = recipe.work / f"tagger.fold{index}.pt"
        output = recipe.work / f"text.fold{index}.conllu"
        tagged += read_treebank(tag_blocks(part, model, recipe.table, output)).blocks
    return tagged

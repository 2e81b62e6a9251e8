"""The model card: the data, training and scores of a packed model."""

from __future__ import annotations

from pathlib import Path

from parsers.training.recipe import Recipe
from parsers.training.score import Scores, as_speeds, as_table
from parsers.training.treebank import read_treebank


def model_card(
    recipe: Recipe,
    scores: Scores,
    results: dict[str, dict[str, float]],
    command: str,
) -> str:
    """The text of ``MODEL_CARD.md``.

    Args:
        recipe: The recipe of the model.
        scores: The result of :func:`parsers.training.score.score_directory`.
        results: ``steps`` and ``seconds`` of the training of tagger and parser.
        command: The command line of the training.
    """
    # The directory may hold models of other languages too.
    files = sorted((recipe.output / recipe.lang).rglob(f"{recipe.package}.pt"))
    sizes = "\n".join(
        f"| `{path.relative_to(recipe.output)}` | {path.stat().st_size / 1e6:.2f} MB |"
        for path in files
    )
    total = sum(path.stat().st_size for path in files) / 1e6
    treebanks = "\n".join(
        f"| {path.name} | {len(treebank)} | {treebank.words} |"
        for path in (recipe.train, recipe.dev, recipe.test)
        for treebank in [read_treebank(path)]
    )
    steps = "\n".join(
        f"- {stage}: {result['steps']:.0f} steps in {result['seconds'] / 60:.0f} minutes"
        for stage, result in results.items()
    )
    vectors = (
        f"Word vectors: {recipe.vectors_source or recipe.vectors.name}, reduced to "
        f"{recipe.vector_dimensions} dimensions, {recipe.vector_words} words."
        if recipe.vectors is not None
        else "No pretrained word vectors."
    )
    plain = (
        f"\nTagger and parser also learned from {recipe.plain_sentences} generated sentences of "
        "`parsers/training/plain`, spread among those of train.\n"
        if recipe.plain_sentences
        else ""
    )
    teacher = ""
    if recipe.text is not None:
        text = read_treebank(recipe.text)
        model = Path(recipe.contextual or "").name
        teacher = (
            f"\nTagger and parser also learned from {len(text)} further sentences ({text.words} words), "
            f"with tags and trees of a teacher: a tagger and a parser with `{model}` in front of them, "
            "trained on the same treebank. The treebank counts twice beside them.\n"
        )
    ending = "\n" + recipe.notes.read_text(encoding="utf-8") if recipe.notes is not None else ""
    names = " ".join(Path(path).name for path in (recipe.dev, recipe.test))
    return f"""# Model card: {recipe.lang}, {recipe.package}

A pipeline for [Stanza](https://stanfordnlp.github.io/stanza/): tokenizer, multiword tokens, tagger
(UPOS, XPOS, features) and dependency parser. No lemmatizer: load it with `depparse_pretagged=True`.

## Data

{recipe.data or "Treebank: " + recipe.train.name}

| file | sentences | words |
|---|---|---|
{treebanks}

{vectors}
{plain}{teacher}
The parser was trained on the tags of {recipe.folds} taggers, each tagging the part of the training
set that it hadn't seen. The test file took no part in any choice; it was scored at the end.

## Files

| file | size |
|---|---|
{sizes}
| all | {total:.2f} MB |

Weights are in half precision, the word-vector table in single precision.

## Training

    {command}

Seed {recipe.seed}. Weights are exponential moving averages over the updates.

{steps}

## Scores

F1 by the CoNLL 2018 evaluation script, Stanza's own code throughout:

{as_table(scores)}

    python -m parsers.training.score --models DIR --lang {recipe.lang} {names}

Tagger and parser on all gold tokens, one thread, words per second of CPU time:

{as_speeds(scores)}
{ending}"""

"""Making a structure test: templates, words, and which of them each split has."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

from structnn.sentence import Sentence
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.structure_test.phenomena import PHENOMENA, TEMPLATES, Template
from tasks.data.structure_test.phrases import to_sentence
from tasks.data.structure_test.words import Words, lexicons

__all__ = ["generate"]

PARTS = {
    "train": {"": "train"},
    "dev": {"": "dev"},
    "test": {"new words": "train", "new templates": "new", "deeper": "deeper"},
}
"""For each split its named parts, and which templates they have."""

WHOLE = 3
"""One foursome in so many is whole in train; the others lack the pair that goes against the order."""


def generate(
    train_pairs: int = 1500, dev_pairs: int = 200, test_pairs: int = 720, seed: int = 0
) -> Dataset:
    """Make a structure test.

    Phenomena, and the parts of test, take turns, so that each has as many pairs as any other, to
    within two. No sentence comes twice. Both sentences of a pair stand next to each other, and so do
    both pairs of a foursome. Each has ``dependencies`` and ``constituency``, and the columns
    ``phenomenon``; ``template``, which tells it from all templates; ``pair`` and ``foursome``, which
    tell them from all others of the data; and in test ``split``.

    Args:
        train_pairs: Pairs to train on; there are twice as many sentences.
        dev_pairs: Pairs with templates and words of their own.
        test_pairs: Pairs with words of their own: a third with train's templates, a third with
            templates of test's own, a third with templates that are deeper than train's.
        seed: Decides words and pairs: one seed gives one set.

    Returns:
        The data, with the labels *no* and *yes*.

    Raises:
        DataError: A split would lack a phenomenon, or there are not so many pairs.
    """
    sizes = {"train": train_pairs, "dev": dev_pairs, "test": test_pairs}
    for split, pairs in sizes.items():
        least = 2 * len(PHENOMENA) * len(PARTS[split])
        if pairs < least:
            raise DataError(f"the structure test needs at least {least} {split} pairs, not {pairs}")
    rng = random.Random(seed)
    lexicon = lexicons(rng)
    train, dev, test = (
        tuple(_examples(split, sizes[split], lexicon[split], rng)) for split in PARTS
    )
    return Dataset(
        name="structure-test",
        train=train,
        dev=dev,
        test=test,
        labels=("no", "yes"),
        notes=(
            f"generated with seed {seed}; no noun, verb or adjective of test occurs in train, and of "
            "the templates only those of 'new words' do",
        ),
    )


def _examples(
    split: str, pairs: int, lexicon: Mapping[str, list[str]], rng: random.Random
) -> Iterator[Example]:
    made = islice(_pairs(split, lexicon, rng), pairs)
    for pair, (part, template, foursome, both) in enumerate(made):
        columns = {
            "phenomenon": template.phenomenon,
            "template": template.name,
            "pair": f"{split}-{pair}",
            "foursome": f"{split}-{foursome}",
        }
        if part:
            columns["split"] = part
        for label, sentence in both:
            source = f"structure-test/{split}:{pair}:{label}"
            yield Example(tuple(sentence.tokens), label, source, sentence, columns)


def _pairs(
    split: str, lexicon: Mapping[str, list[str]], rng: random.Random
) -> Iterator[tuple[str, Template, int, Sequence[tuple[str, Sentence]]]]:
    """The part, the template, the number of the foursome, and a pair."""
    round_size = len(PHENOMENA) * len(PARTS[split])
    for number, (part, template, made) in enumerate(_foursomes(split, lexicon, rng)):
        yield part, template, number, made[:2]
        if split != "train" or number // round_size % WHOLE == 0:
            yield part, template, number, made[2:]


def _foursomes(
    split: str, lexicon: Mapping[str, list[str]], rng: random.Random
) -> Iterator[tuple[str, Template, list[tuple[str, Sentence]]]]:
    """Two pairs with the same words at a time, for phenomenon after phenomenon and part after part."""
    turns = cycle(
        [
            (part, _in_turn([found for found in TEMPLATES[name] if found.part == templates], rng))
            for part, templates in PARTS[split].items()
            for name in PHENOMENA
        ]
    )
    seen: set[tuple[str, ...]] = set()
    for part, templates in turns:
        for _ in range(1000):
            template = next(templates)
            words = Words(lexicon, rng)
            made = [(label, to_sentence(root, words.fill)) for label, root in template.sentences()]
            texts = {tuple(sentence.tokens) for _, sentence in made}
            if not texts & seen:
                break
        else:
            raise DataError(f"there are no more different {split} pairs; ask for fewer")
        seen |= texts
        yield part, template, made


def _in_turn(templates: Sequence[Template], rng: random.Random) -> Iterator[Template]:
    """Each template once before any comes again, in a random order each time."""
    while True:
        yield from rng.sample(templates, len(templates))

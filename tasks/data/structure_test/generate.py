"""Making a structure test: templates in turn, with words of their split."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

from tasks.data.examples import DataError, Dataset, Example
from tasks.data.structure_test.notation import sentence_of
from tasks.data.structure_test.templates import PHENOMENA, TEMPLATES, Template
from tasks.data.structure_test.words import OPEN, Words
from tasks.data.suites.sampling import divide_words

__all__ = ["generate"]

SPLITS = {
    "train": {"train": "train"},
    "dev": {"dev": "dev"},
    "test": {"new words": "train", "new templates": "new", "deeper": "deeper"},
}
"""For each part of the data its named splits, and which templates they have."""

PATIENCE = 1000
"""So many foursomes in a row that are there already mean that there are no more."""


def generate(train: int = 3120, dev: int = 480, test: int = 1440, seed: int = 0) -> Dataset:
    """Make a structure test.

    Splits and phenomena take turns, so that each has as many foursomes as any other, to within one. No
    sentence comes twice. The sentences of a foursome stand side by side.

    Args:
        train: Examples to train on.
        dev: Examples with words and templates of their own.
        test: Examples with words of their own: a third with the templates of train (``new words``), a
            third with templates of their own (``new templates``), a third with deeper ones (``deeper``).
        seed: Decides words and foursomes: one seed gives one set.

    Returns:
        The data, each sentence with its trees, and with the columns ``phenomenon``, ``frame``,
        ``template``, ``pair`` (one name for the four sentences of a foursome) and ``split``.

    Raises:
        DataError: A number of examples that isn't a multiple of four or that leaves out a phenomenon,
            or more examples than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    for part, size in sizes.items():
        least = 4 * len(PHENOMENA) * len(SPLITS[part])
        if size < least or size % 4:
            raise DataError(
                f"structure-test: the number of {part} examples must be at least {least} and a "
                f"multiple of 4, but is {size}"
            )
    lexicons = divide_words(OPEN, random.Random(f"words {seed}"))
    streams = dict.fromkeys(PHENOMENA, random.Random(f"structure-test {seed}"))
    # It came later: a stream of its own leaves the sentences of the others as they were.
    streams["relative pronouns"] = random.Random(f"relative pronouns {seed}")
    parts = {
        part: tuple(islice(_examples(part, lexicons[part], streams), size))
        for part, size in sizes.items()
    }
    return Dataset(
        "structure-test",
        parts["train"],
        parts["dev"],
        parts["test"],
        labels=("no", "yes"),
        notes=(
            f"generated with seed {seed}; nouns and verbs of test don't occur in train, and of its "
            "templates only those of new words",
        ),
    )


def _examples(
    part: str, lexicon: Mapping[str, Sequence[str]], streams: Mapping[str, random.Random]
) -> Iterator[Example]:
    """Foursome after foursome; each split and phenomenon in turn, with the stream of the latter."""
    turns = cycle(
        [
            (
                split,
                streams[name],
                _in_turn([t for t in TEMPLATES[name] if t.part == templates], streams[name]),
            )
            for split, templates in SPLITS[part].items()
            for name in PHENOMENA
        ]
    )
    seen: set[tuple[str, ...]] = set()
    for number, (split, rng, templates) in enumerate(turns):
        for _ in range(PATIENCE):
            template = next(templates)
            words = Words(lexicon, rng)
            made = [(label, sentence_of(line, words.fill)) for label, line in template.lines()]
            tokens = {tuple(sentence.tokens) for _, sentence in made}
            if not tokens & seen:
                break
        else:
            raise DataError(f"structure-test: there are no more {part} examples; ask for fewer")
        seen |= tokens
        columns = {
            "split": split,
            "phenomenon": template.phenomenon,
            "frame": template.frame,
            "template": template.name,
            "pair": f"{part}-{number}",
        }
        for place, (label, sentence) in enumerate(made):
            source = f"structure-test/{part}:{4 * number + place}"
            yield Example(tuple(sentence.tokens), label, source, sentence, columns)


def _in_turn(templates: Sequence[Template], rng: random.Random) -> Iterator[Template]:
    """Each template once before any comes again, in a random order each time."""
    while True:
        yield from rng.sample(templates, len(templates))

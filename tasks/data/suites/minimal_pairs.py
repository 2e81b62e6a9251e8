r"""Minimal pairs of English sentences: is this sentence acceptable?

The natural-language suite beside the formal ones, with sentences of its own. The words of an
unacceptable sentence are those of an acceptable one with two stretches swapped, and the two stand
side by side:

============ ============================================ ========================================
phenomenon   acceptable                                   unacceptable
============ ============================================ ========================================
agreement    this duke near these monks is calm           these monks near this duke is calm
reflexives   this duke near these monks blamed himself    these monks near this duke blamed himself
polarity     no duke near the monk has ever yawned        the duke near no monk has ever yawned
filler-gap   the duke knew what the monk admired and      the duke knew that the monk admired and
             heard that the son blamed the boy            heard what the son blamed the boy
word order   the monk has blamed the duke                 the monk blamed has the duke
============ ============================================ ========================================

**What train and test share.** Nouns, verbs and adjectives of train, dev and test are disjoint, and so
are the templates, but for the split ``new words`` of test, which has the templates of train. The words
that carry the answer are shared: determiners that show number, auxiliaries, reflexives, *no*, *ever*,
*what*, *that*, prepositions, the verbs that take a clause, and the adjectives that are swapped with a
noun. So no label depends on a word that train lacks.

**Trees.** The suite is meant to be parsed. The gold trees of an unacceptable sentence are those of the
acceptable one, place by place: what it would be if it were acceptable, so that the shape of a tree
never tells the label.

**What can be reached.** Both labels are equally frequent (majority 50 %), and a bag of words gives
both sentences of a pair one answer: exactly 50 %. Each template of train can be told right by the order
of a few words, so that order suffices for ``new words``; for ``new templates`` the relation of two
words must be found in a construction that train lacks. A tree network with gold dependencies that sees
neither order nor relations can't tell *near the duke* from *the near duke*, so that it can expect about
97 % of ``new words`` at most.

**Elsewhere.** BLiMP (Warstadt et al. 2020) has minimal pairs of 67 kinds, for language models that
are trained on other text and give the acceptable sentence of a pair the higher probability. There
is no training set and a pair is judged as one, so its figures don't compare with these.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from tasks.data.examples import Dataset
from tasks.data.suites.phrases import Phrase, phrase_of
from tasks.data.suites.sampling import Draw, Drawn, assemble, divide_words

__all__ = ["LABELS", "PHENOMENA", "generate"]

LABELS = ("acceptable", "unacceptable")

# All of them are men, so that "himself" goes with each.
NOUNS = """
    actor bachelor baron barber bishop boy brother butler cowboy duke emperor father godfather
    grandfather grandson groom king knight landlord lord monk nephew postmaster prince schoolboy son
    stepfather stepson steward uncle waiter widower wizard baronet headmaster godson
""".split()
# Past and participle are the same, an object can't be left out, and it may be a reflexive.
VERBS = """
    accused admired amused betrayed blamed calmed criticized defended deceived described disguised
    embarrassed entertained examined flattered humiliated identified introduced mentioned mocked
    praised protected recommended surprised thanked tormented trusted
""".split()
INTRANSITIVES = """
    blinked coughed cried fainted frowned hesitated knelt laughed limped panicked relaxed shivered
    sighed sneezed snored stumbled vanished yawned
""".split()
ADJECTIVES = """
    angry bald brave busy clever famous friendly generous happy honest hungry jealous lazy lonely
    nervous polite proud rude shy sick thirsty tired wealthy wise
""".split()

LEXICON = {"NOUN": NOUNS, "VERB": VERBS, "INTRANSITIVE": INTRANSITIVES, "ADJECTIVE": ADJECTIVES}
"""What is divided among train, dev and test."""

SHARED = {
    "PREPOSITION": ("near", "behind", "beside"),
    "CLAUSAL": ("knew", "heard", "remembered", "forgot", "guessed", "understood"),
    "DETERMINER": ("the", "this", "every"),
    "MODIFIER": ("old", "tall", "young"),
}
NUMBERED = {
    "DETERMINER": (("this", "every"), ("these", "many")),
    "BE": (("is", "was"), ("are", "were")),
    "HAVE": (("has",), ("have",)),
    "REFLEXIVE": (("himself",), ("themselves",)),
}
"""Words of the singular and of the plural."""


# Templates are trees in brackets. A phrase is labelled by its relation to its head, and has one word
# with a star, which heads the others; these have their relation behind a slash. Capitals are slots:
# LIKE and UNLIKE agree or don't agree with the subject. What is marked ^1 is swapped with what is
# marked ^2 in the unacceptable sentence.
_SUBJECT = "LIKE-DETERMINER^1/det LIKE-NOUN^1*"
_OTHER = "UNLIKE-DETERMINER^2/det UNLIKE-NOUN^2*"
_NP = "the/det NOUN*"

TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "agreement": {
        "train": (
            f"(nsubj {_SUBJECT} (nmod PREPOSITION/case {_OTHER})) BE/cop ADJECTIVE* ./punct",
            f"(nsubj {_SUBJECT} (acl that/nsubj VERB* (obj {_OTHER}))) HAVE/aux INTRANSITIVE* ./punct",
            f"(obl PREPOSITION/case {_OTHER}) ,/punct (nsubj {_SUBJECT}) BE/cop ADJECTIVE* ./punct",
        ),
        "dev": (
            f"(nsubj {_SUBJECT} (acl that/obj (nsubj {_OTHER}) VERB*)) BE/cop ADJECTIVE* ./punct",
            f"(nsubj {_SUBJECT} (nmod PREPOSITION/case {_OTHER})) HAVE/aux INTRANSITIVE* ./punct",
        ),
        "test": (
            f"(nsubj {_SUBJECT} (acl that/nsubj VERB* (obj {_OTHER}))) BE/cop ADJECTIVE* ./punct",
            f"(nsubj {_SUBJECT} (nmod PREPOSITION/case {_NP} (acl that/nsubj VERB* (obj {_OTHER})))) "
            "BE/cop ADJECTIVE* ./punct",
            f"(nsubj {_NP}) CLAUSAL* (ccomp that/mark (nsubj {_SUBJECT} (nmod PREPOSITION/case "
            f"{_OTHER})) BE/cop ADJECTIVE*) ./punct",
        ),
    },
    "reflexives": {
        "train": (
            f"(nsubj {_SUBJECT} (nmod PREPOSITION/case {_OTHER})) VERB* REFLEXIVE/obj ./punct",
            f"(nsubj {_SUBJECT} (acl that/nsubj VERB* (obj {_OTHER}))) VERB* REFLEXIVE/obj ./punct",
            f"(obl PREPOSITION/case {_OTHER}) ,/punct (nsubj {_SUBJECT}) VERB* REFLEXIVE/obj ./punct",
        ),
        "dev": (
            f"(nsubj {_SUBJECT} (acl that/obj (nsubj {_OTHER}) VERB*)) VERB* REFLEXIVE/obj ./punct",
        ),
        "test": (
            f"(nsubj {_OTHER}) CLAUSAL* (ccomp that/mark (nsubj {_SUBJECT}) VERB* REFLEXIVE/obj) "
            "./punct",
            f"(nsubj {_SUBJECT} (nmod PREPOSITION/case {_NP} (acl that/nsubj VERB* (obj {_OTHER})))) "
            "VERB* REFLEXIVE/obj ./punct",
        ),
    },
    "polarity": {
        "train": (
            "(nsubj no^1/det NOUN* (nmod PREPOSITION/case the^2/det NOUN*)) has/aux ever/advmod "
            "INTRANSITIVE* ./punct",
            "(obl PREPOSITION/case the^2/det NOUN*) ,/punct (nsubj no^1/det NOUN*) has/aux "
            "ever/advmod INTRANSITIVE* ./punct",
            "(nsubj no^1/det NOUN* (acl that/nsubj VERB* (obj the^2/det NOUN*))) has/aux ever/advmod "
            f"VERB* (obj {_NP}) ./punct",
        ),
        "dev": (
            "(nsubj no^1/det NOUN* (acl that/obj (nsubj the^2/det NOUN*) VERB*)) has/aux ever/advmod "
            "INTRANSITIVE* ./punct",
        ),
        "test": (
            "(nsubj no^1/det NOUN* (acl that/nsubj VERB* (obj the^2/det NOUN*))) has/aux ever/advmod "
            "INTRANSITIVE* ./punct",
            "(nsubj the^2/det NOUN*) INTRANSITIVE* ,/punct (conj but/cc (nsubj no^1/det NOUN*) "
            "has/aux ever/advmod INTRANSITIVE*) ./punct",
        ),
    },
    "filler-gap": {
        "train": (
            f"(nsubj {_NP}) CLAUSAL* (ccomp what^1/obj (nsubj {_NP}) VERB*) (conj and/cc CLAUSAL* "
            f"(ccomp that^2/mark (nsubj {_NP}) VERB* (obj {_NP}))) ./punct",
            f"(nsubj {_NP}) CLAUSAL* (ccomp that^2/mark (nsubj {_NP}) VERB* (obj {_NP})) (conj and/cc "
            f"CLAUSAL* (ccomp what^1/obj (nsubj {_NP}) VERB*)) ./punct",
        ),
        "dev": (
            f"(nsubj {_NP}) CLAUSAL* (ccomp what^1/obj (nsubj {_NP}) VERB*) ,/punct (conj but/cc "
            f"(nsubj {_NP}) CLAUSAL* (ccomp that^2/mark (nsubj {_NP}) VERB* (obj {_NP}))) ./punct",
        ),
        "test": (
            f"(nsubj {_NP} (acl who/nsubj CLAUSAL* (ccomp what^1/obj (nsubj {_NP}) VERB*))) CLAUSAL* "
            f"(ccomp that^2/mark (nsubj {_NP}) VERB* (obj {_NP})) ./punct",
            f"(nsubj {_NP} (acl who/nsubj CLAUSAL* (ccomp that^2/mark (nsubj {_NP}) VERB* "
            f"(obj {_NP})))) CLAUSAL* (ccomp what^1/obj (nsubj {_NP}) VERB*) ./punct",
        ),
    },
    "word order": {
        "train": (
            "(nsubj DETERMINER/det NOUN*) has^1/aux VERB^2* (obj DETERMINER/det NOUN*) ./punct",
            "(nsubj DETERMINER/det MODIFIER^1/amod NOUN^2*) VERB* (obj DETERMINER/det NOUN*) ./punct",
            "(nsubj DETERMINER/det NOUN*) VERB* (obj DETERMINER/det NOUN* (nmod PREPOSITION^1/case "
            "the^2/det NOUN*)) ./punct",
        ),
        "dev": (
            "(nsubj DETERMINER/det NOUN*) was^1/cop ADJECTIVE^2* ./punct",
            "(nsubj DETERMINER/det NOUN* (nmod PREPOSITION^1/case the^2/det NOUN*)) INTRANSITIVE* "
            "./punct",
        ),
        "test": (
            "(nsubj DETERMINER/det NOUN* (acl that^1/obj (nsubj the^2/det NOUN*) VERB*)) "
            "INTRANSITIVE* ./punct",
            "(obl PREPOSITION/case DETERMINER/det NOUN*) ,/punct (nsubj the/det NOUN*) has^1/aux "
            "INTRANSITIVE^2* ./punct",
            "(nsubj DETERMINER/det NOUN*) VERB* (obj DETERMINER/det MODIFIER^1/amod NOUN^2*) ./punct",
        ),
    },
}

PHENOMENA = tuple(TEMPLATES)
"""The names of the phenomena, as in the column ``phenomenon``."""


def generate(train: int = 3000, dev: int = 500, test: int = 2000, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on: pairs, with equally many of each phenomenon to within one.
        dev: Examples with words and templates of their own.
        test: Examples of two splits: with words of their own and the templates of train (``new
            words``), and with templates of their own too (``new templates``).
        seed: Decides words and pairs: one seed gives one set.

    Returns:
        The data, with the columns ``split``, ``phenomenon``, ``template``, ``length`` and ``pair``.

    Raises:
        DataError: An odd number of examples, fewer than two of each phenomenon and split, or more
            than there are.
    """
    lexicons = divide_words(LEXICON, random.Random(f"words {seed}"))

    def draws(split: str, templates: str, words: str) -> list[tuple[str, Draw]]:
        return [
            (split, partial(_draw, phenomenon, templates, lexicons[words]))
            for phenomenon in PHENOMENA
        ]

    return assemble(
        "minimal-pairs",
        {
            "train": (train, draws("train", "train", "train")),
            "dev": (dev, draws("dev", "dev", "dev")),
            "test": (
                test,
                draws("new words", "train", "test") + draws("new templates", "test", "test"),
            ),
        },
        LABELS,
        seed=seed,
        notes=[f"generated with seed {seed}; words of test don't occur in train"],
        group=2,
    )


@dataclass(frozen=True)
class _Template:
    """A phrase of slots, and the places of the two stretches to swap."""

    phrase: Phrase
    first: tuple[int, ...]
    second: tuple[int, ...]


@cache
def _templates(phenomenon: str, part: str) -> tuple[_Template, ...]:
    return tuple(map(_template, TEMPLATES[phenomenon][part]))


def _template(text: str) -> _Template:
    marked = phrase_of(text)
    first, second = (
        tuple(place for place, slot in enumerate(marked.tokens) if slot.endswith(mark))
        for mark in ("^1", "^2")
    )
    plain = marked.with_tokens([slot.partition("^")[0] for slot in marked.tokens])
    return _Template(plain, first, second)


def _draw(
    phenomenon: str, part: str, lexicon: Mapping[str, list[str]], rng: random.Random
) -> Sequence[Drawn]:
    """A pair with a template of this phenomenon and words of this lexicon."""
    template = rng.choice(_templates(phenomenon, part))
    slots = template.phrase.tokens
    tokens = _words(slots, lexicon, rng)
    swapped = list(tokens)
    for one, other in zip(template.first, template.second, strict=True):
        swapped[one], swapped[other] = tokens[other], tokens[one]
    columns = {
        "phenomenon": phenomenon,
        "template": " ".join(slots),
        "length": str(len(tokens)),
    }
    return [
        Drawn(template.phrase.with_tokens(words), label, columns)
        for words, label in zip((tokens, swapped), LABELS, strict=True)
    ]


def _words(slots: Sequence[str], lexicon: Mapping[str, list[str]], rng: random.Random) -> list[str]:
    """A word for each slot; no noun, verb or adjective comes twice."""
    unused = {slot: rng.sample(words, len(words)) for slot, words in lexicon.items()}
    subject = rng.randrange(2)
    words = []
    for slot in slots:
        number, _, kind = slot.rpartition("-")
        plural = subject != (number == "UNLIKE")
        if kind == "NOUN":
            words.append(unused[kind].pop() + "s" * (bool(number) and plural))
        elif kind in unused:
            words.append(unused[kind].pop())
        elif kind in NUMBERED and (number or kind not in SHARED):
            words.append(rng.choice(NUMBERED[kind][plural]))
        else:
            words.append(rng.choice(SHARED.get(kind, (kind,))))
    return words

r"""The structure test: pairs of sentences with the same words and opposite labels.

A model that reads a bag of words gives both sentences of a pair the same answer, so it is right on
exactly one of them: it can't beat 50 %. What is left to learn from is order or structure. Four
phenomena, each with one question, whose answer is the label:

============ ========================================== ===========================================
phenomenon   the question                               yes / no
============ ========================================== ===========================================
agreement    Does the verb agree with its subject?      this dog near these cats is calm /
                                                        these cats near this dog is calm
roles        Is it the child who does it?               the child helped the doctor /
                                                        the doctor helped the child
negation     Is the main clause negated?                the king that was late was not calm /
                                                        the king that was not late was calm
attachment   Does the adjective or adverb belong to     the old poet near the king has smiled /
             the higher of two nouns or two verbs?      the poet near the old king has smiled
============ ========================================== ===========================================

**How a pair is made.** A context-free grammar for each phenomenon derives templates with two holes,
X and Y. The *yes* sentence has the first filler in X and the second in Y, the *no* sentence the other
way round. The second filler may be nothing: then a word moves. That both have the same words is so by
construction.

**What train and test share.** Nouns, verbs and adjectives of train, dev and test are disjoint, and
train and test have no template in common (dev has the templates of train). The words that carry the
answer are shared: determiners that show number, auxiliaries, *the child*, *that*, *by*, *not*,
prepositions, subordinators, and the adjectives and adverbs that move (only the *it* of clefts is
new). So a label never depends on a word unseen in training, and a model must carry what it learned
over to deeper and newly combined templates: an attractor two phrases away, a fronted clause, a
passive inside a relative clause, a cleft.

**What it doesn't show.** The language is small and regular. The templates of train can be told apart
by the order of a few words, and those of test are chosen so that such shortcuts fail: a sequence
model that learned them is right on nearly all of dev and may fall below 50 % on test. A model of trees
that sees neither order nor relations, for its part, can't tell subject from object in *the child
helped the doctor*, on dev or on test. Numbers on this test rank models on this test.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import nltk
from nltk.parse.generate import generate as derive

from parsers.formats.brackets import from_nltk
from structnn.sentence import Sentence
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.suites.sampling import divide_words

__all__ = ["PHENOMENA", "generate"]

NOUNS = """
    actor artist aunt baker banker bird boy brother butcher captain cat clerk clown cousin cow dancer
    doctor dog driver editor engineer farmer father friend gardener girl goat guest horse hunter king
    lawyer leader lion manager monkey mother neighbor nurse officer owner painter pilot player plumber
    poet prince queen rabbit reporter sailor scientist singer sister soldier stranger student tailor
    teacher tiger tourist uncle visitor waiter worker writer
""".split()
VERBS = """
    admired amused annoyed answered avoided blamed called chased cheered consulted copied described
    followed greeted helped hired ignored imitated invited joined liked mentioned missed noticed obeyed
    painted passed praised remembered rescued served stopped surprised tested thanked tricked trusted
    visited warned watched welcomed
""".split()
INTRANSITIVES = """
    agreed apologized arrived blinked complained coughed cried danced disappeared escaped fainted
    hesitated jumped laughed listened moved panicked paused prayed relaxed rested returned shouted
    smiled sneezed snored stayed stumbled talked traveled vanished waited walked whispered worked yawned
""".split()
ADJECTIVES = """
    angry brave busy calm careful cheerful clever cold curious famous friendly gentle grateful happy
    healthy honest hungry jealous late lazy lonely loud nervous patient polite proud quiet ready rude
    sad safe serious shy sick silly strong thirsty warm weak wise
""".split()

LEXICON = {
    "NOUN": NOUNS,
    "VERB": VERBS,
    "INTRANSITIVE": INTRANSITIVES,
    "ADJECTIVE": ADJECTIVES,
}

# Words that every split shares.
SHARED = {
    "SINGULAR": ("this", "every"),
    "PLURAL": ("these", "many"),
    "PREPOSITION": ("near", "behind", "with"),
    "SUBORDINATOR": ("although", "while", "when"),
    "MODIFIER": ("old", "young", "tall", "rich"),
    "ADVERB": ("yesterday", "today", "again", "recently"),
    "AUX": ("is", "was"),
}
# Verbs of an agreement sentence, singular and plural.
NUMBERED = {"BE": (("is", "are"), ("was", "were")), "HAVE": (("has", "have"),)}


@dataclass(frozen=True)
class TemplateGroup:
    """Templates of one phenomenon that have the same fillers.

    Args:
        phenomenon: The phenomenon's name.
        first: What stands in X in a *yes* sentence: a tree over slots, in brackets.
        second: What stands in Y there; nothing where empty.
        grammar: Templates from ``TRAIN`` and ``TEST``, in NLTK's notation. A terminal is X, Y, a
            slot in capitals or a word as it is. What follows a hyphen in a nonterminal is not part
            of the phrase's label.
    """

    phenomenon: str
    first: str
    second: str
    grammar: str


TEMPLATE_GROUPS = (
    TemplateGroup(
        "agreement",
        first="(NP (DET DET-LIKE-VERB) (NOUN NOUN-LIKE-VERB))",
        second="(NP (DET DET-UNLIKE-VERB) (NOUN NOUN-UNLIKE-VERB))",
        grammar="""
            TRAIN -> NP-near VP '.' | PP ',' 'X' VP '.'
            TEST -> NP-far VP '.' | PP ',' NP-plain VP '.'
            NP-near -> 'X' PP | 'X' SBAR
            PP -> 'PREPOSITION' 'Y'
            SBAR -> 'that' S | 'that' VP-in
            S -> 'Y' VP-gap
            VP-gap -> 'VERB'
            VP-in -> 'VERB' 'Y'
            NP-far -> 'X' PP-far | 'X' SBAR-far
            PP-far -> 'PREPOSITION' NP-far2 | 'PREPOSITION' NP-rel
            NP-far2 -> NP PP
            NP-rel -> 'Y' SBAR-rel
            SBAR-rel -> 'that' VP-rel
            VP-rel -> 'VERB' NP
            SBAR-far -> 'that' VP-far | 'that' S-far
            VP-far -> 'VERB' NP-far2
            S-far -> NP-y VP-gap
            NP-y -> 'Y' PP-plain
            NP-plain -> 'X' PP-plain
            PP-plain -> 'PREPOSITION' NP
            NP -> 'the' 'NOUN'
            VP -> 'BE' 'ADJECTIVE' | 'HAVE' 'INTRANSITIVE'
        """,
    ),
    TemplateGroup(
        "roles",
        first="(NP (DET the) (NOUN child))",
        second="(NP (DET the) (NOUN NOUN))",
        grammar="""
            TRAIN -> 'X' VP-active '.' | 'Y' VP-passive '.' | NP-agent VP '.' | NP-patient VP '.'
            TRAIN -> 'X' VP-both '.'
            TEST -> NP-passive VP '.' | 'it' VP-cleft '.' | NP-x VP-active '.' | NP-y VP-passive '.'
            VP-active -> 'VERB' 'Y'
            VP-passive -> 'was' VP-by
            VP-by -> 'VERB' PP-by
            PP-by -> 'by' 'X'
            NP-agent -> 'X' SBAR-agent
            SBAR-agent -> 'that' VP-active
            NP-patient -> 'Y' SBAR-patient
            SBAR-patient -> 'that' S-gap
            S-gap -> 'X' VP-gap
            VP-gap -> 'VERB'
            VP-both -> VP-one 'and' VP-active
            VP-one -> 'INTRANSITIVE'
            NP-passive -> 'Y' SBAR-passive
            SBAR-passive -> 'that' VP-passive
            VP-cleft -> 'was' NP-agent | 'was' NP-patient
            NP-x -> 'X' PP
            NP-y -> 'Y' PP
            PP -> 'PREPOSITION' NP
            NP -> 'the' 'NOUN'
            VP -> 'has' 'INTRANSITIVE' | 'was' 'ADJECTIVE'
        """,
    ),
    TemplateGroup(
        "negation",
        first="(PART not)",
        second="",
        grammar="""
            TRAIN -> NP-rel VP-be '.' | NP VP-subbe '.' | NP VP-subhas '.'
            TEST -> SBAR-be ',' NP VP-be '.' | NP-deep VP-be '.' | NP-has VP-has '.'
            NP-rel -> NP SBAR-rel
            SBAR-rel -> 'that' VP-bein
            VP-be -> 'AUX' 'X' 'ADJECTIVE'
            VP-bein -> 'AUX' 'Y' 'ADJECTIVE'
            VP-has -> 'has' 'X' 'INTRANSITIVE'
            VP-subbe -> 'AUX' 'X' 'ADJECTIVE' SBAR-be
            VP-subhas -> 'has' 'X' 'INTRANSITIVE' SBAR-has
            SBAR-be -> 'SUBORDINATOR' S-be
            S-be -> NP VP-bein
            SBAR-has -> 'SUBORDINATOR' S-has
            S-has -> NP VP-hasin
            VP-hasin -> 'has' 'Y' 'INTRANSITIVE'
            NP-deep -> NP PP
            PP -> 'PREPOSITION' NP-rel
            NP-has -> NP SBAR-hasrel
            SBAR-hasrel -> 'that' VP-hasrel
            VP-hasrel -> 'has' 'Y' 'VERB' NP
            NP -> 'the' 'NOUN'
        """,
    ),
    TemplateGroup(
        "attachment",
        first="(ADJ MODIFIER)",
        second="",
        grammar="""
            TRAIN -> NP-pp VP '.' | NP-rel VP '.' | NP-passive VP '.'
            TEST -> NP-far VP '.' | NP-gap VP '.' | PP ',' NP-x VP '.'
            NP-pp -> NP-x PP
            NP-x -> 'the' 'X' 'NOUN'
            NP-y -> 'the' 'Y' 'NOUN'
            PP -> 'PREPOSITION' NP-y
            NP-rel -> NP-x SBAR
            SBAR -> 'that' VP-in
            VP-in -> 'VERB' NP-y
            NP-passive -> NP-x SBAR-passive
            SBAR-passive -> 'that' VP-passive
            VP-passive -> 'was' VP-by
            VP-by -> 'VERB' PP-by
            PP-by -> 'by' NP-y
            NP-far -> NP-x PP-far
            PP-far -> 'PREPOSITION' NP-farther
            NP-farther -> NP PP
            NP-gap -> NP-x SBAR-gap
            SBAR-gap -> 'that' S-gap
            S-gap -> NP-y VP-gap
            VP-gap -> 'VERB'
            NP -> 'the' 'NOUN'
            VP -> 'has' 'INTRANSITIVE' | 'was' 'ADJECTIVE'
        """,
    ),
    TemplateGroup(
        "attachment",
        first="(ADV ADVERB)",
        second="",
        grammar="""
            TRAIN -> NP-rel VP '.'
            TEST -> NP-deep VP '.' | NP-object VP '.'
            NP-rel -> NP SBAR
            SBAR -> 'that' VP-in
            VP-in -> 'has' 'INTRANSITIVE' 'Y'
            VP -> 'has' 'INTRANSITIVE' 'X'
            NP-deep -> NP PP
            PP -> 'PREPOSITION' NP-rel
            NP-object -> NP SBAR-object
            SBAR-object -> 'that' VP-object
            VP-object -> 'has' 'VERB' NP 'Y'
            NP -> 'the' 'NOUN'
        """,
    ),
)

PHENOMENA = tuple(dict.fromkeys(group.phenomenon for group in TEMPLATE_GROUPS))
"""The names of the phenomena, as in the column ``phenomenon``."""

_POS = {
    "the": "DET", "that": "PRON", "it": "PRON", "by": "ADP", "and": "CCONJ", ",": "PUNCT",
    ".": "PUNCT", "was": "AUX", "has": "AUX", "BE": "AUX", "HAVE": "AUX",
    "NOUN": "NOUN", "VERB": "VERB", "INTRANSITIVE": "VERB", "ADJECTIVE": "ADJ",
    "PREPOSITION": "ADP", "AUX": "AUX", "SUBORDINATOR": "SCONJ",
}  # fmt: skip


def generate(
    train_pairs: int = 1500, dev_pairs: int = 200, test_pairs: int = 500, seed: int = 0
) -> Dataset:
    """Make a structure test.

    Each split has equally many pairs of each phenomenon (to within one), and no sentence twice. Both
    sentences of a pair stand next to each other. Each has the ``constituency`` that its grammar
    gives, and the columns ``phenomenon``, ``template`` and ``pair``.

    Args:
        train_pairs: Pairs to train on; there are twice as many sentences.
        dev_pairs: Pairs with the templates of train and words of their own.
        test_pairs: Pairs with templates and words of their own.
        seed: Decides words and pairs: one seed gives one set.

    Returns:
        The data, with the labels *no* and *yes*.

    Raises:
        DataError: Fewer pairs than phenomena in a split, or more than there are.
    """
    rng = random.Random(seed)
    lexicons = divide_words(LEXICON, rng)
    train, dev, test = (
        tuple(_examples(split, pairs, lexicons[split], rng))
        for split, pairs in (("train", train_pairs), ("dev", dev_pairs), ("test", test_pairs))
    )
    return Dataset(
        name="structure-test",
        train=train,
        dev=dev,
        test=test,
        labels=("no", "yes"),
        notes=(f"generated with seed {seed}; words and templates of test don't occur in train",),
    )


def _examples(
    split: str, pairs: int, lexicon: Mapping[str, list[str]], rng: random.Random
) -> Iterator[Example]:
    if pairs < len(PHENOMENA):
        raise DataError(f"the structure test needs at least {len(PHENOMENA)} {split} pairs")
    start = "TEST" if split == "test" else "TRAIN"
    seen: set[tuple[str, ...]] = set()
    for pair in range(pairs):
        phenomenon = PHENOMENA[pair % len(PHENOMENA)]
        choices = [
            (group, template)
            for group in TEMPLATE_GROUPS
            if group.phenomenon == phenomenon
            for template in templates(group.grammar, start)
        ]
        for _ in range(1000):
            group, template = rng.choice(choices)
            made = _pair(group, template, lexicon, rng)
            if made[0].tokens not in seen:
                break
        else:
            raise DataError(f"there are no {pairs} different {split} pairs; ask for fewer")
        columns = {
            "phenomenon": phenomenon,
            "template": " ".join(template.leaves()),
            "pair": f"{split}-{pair}",
        }
        for sentence, label in zip(made, ("yes", "no"), strict=True):
            seen.add(tuple(sentence.tokens))
            source = f"structure-test/{split}:{pair}:{label}"
            yield Example(tuple(sentence.tokens), label, source, sentence, columns)


@cache
def templates(grammar: str, start: str) -> tuple[nltk.Tree, ...]:
    """Every tree that ``grammar`` derives from ``start``, with slots at the leaves."""
    productions = nltk.CFG.fromstring(grammar).productions()
    rooted = nltk.CFG(nltk.Nonterminal(start), productions)
    parser = nltk.ChartParser(rooted)
    return tuple(tree for slots in derive(rooted) for tree in parser.parse(slots))


def _pair(
    group: TemplateGroup, template: nltk.Tree, lexicon: Mapping[str, list[str]], rng: random.Random
) -> tuple[Sentence, Sentence]:
    """The *yes* and the *no* sentence of a template, with words drawn for its slots."""
    draw = _Words(lexicon, rng)
    first, second = (
        tree and _fill(nltk.Tree.fromstring(tree), map(draw, nltk.Tree.fromstring(tree).leaves()))
        for tree in (group.first, group.second)
    )
    slots = template.leaves()
    words = [None if slot in "XY" else nltk.Tree(_POS[slot], [draw(slot)]) for slot in slots]

    def sentence(x: nltk.Tree | str, y: nltk.Tree | str) -> Sentence:
        holes = {"X": x, "Y": y}
        leaves = (holes.get(slot, word) for slot, word in zip(slots, words, strict=True))
        return from_nltk(_fill(template, leaves))

    return sentence(first, second), sentence(second, first)


def _fill(tree: nltk.Tree, leaves: Iterator[nltk.Tree | str]) -> nltk.Tree | None:
    """``tree`` with its leaves replaced in order; a phrase that is left with nothing is left out."""
    children = [
        filled
        for child in tree
        if (filled := next(leaves) if isinstance(child, str) else _fill(child, leaves))
    ]
    label = "S" if tree.label() in ("TRAIN", "TEST") else tree.label().split("-")[0]
    return nltk.Tree(label, children) if children else None


class _Words:
    """Draws a word for each slot of a pair of sentences; no noun, verb or adjective comes twice."""

    def __init__(self, lexicon: Mapping[str, list[str]], rng: random.Random) -> None:
        self.rng = rng
        self.unused = {slot: rng.sample(words, len(words)) for slot, words in lexicon.items()}
        self.plural = rng.random() < 0.5

    def __call__(self, slot: str) -> str:
        if slot in NUMBERED:
            return self.rng.choice(NUMBERED[slot])[self.plural]
        if slot.endswith("LIKE-VERB"):
            plural = self.plural != ("UNLIKE" in slot)
            if slot.startswith("DET"):
                return self.rng.choice(SHARED["PLURAL" if plural else "SINGULAR"])
            return self("NOUN") + "s" * plural
        if slot in SHARED:
            return self.rng.choice(SHARED[slot])
        if slot in self.unused:
            return self.unused[slot].pop()
        return slot

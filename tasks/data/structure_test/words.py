"""The words of the structure test: those of one split alone, and those that all splits share."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["OPEN", "SHARED", "Words", "inflected", "lexicons"]

_TRANSITIVES = """
    amuse annoy answer avoid call chase cheer consult copy describe follow greet help hire ignore
    imitate join like mention miss notice obey paint pass photograph remember rescue serve support
    surprise test trust visit warn watch welcome
""".split()
_INTRANSITIVES = """
    agree apologize arrive blink complain cough cry dance disappear escape faint gasp giggle
    groan hesitate hike jump laugh limp listen march move mumble mutter pause pray relax rest
    return sail scream shiver shout sigh skate smile sneeze snore stay stumble stutter surrender
    talk tremble vote wait walk wander whisper wonder work yawn
""".split()


def _past(verb: str) -> str:
    """The past tense, and the participle, of a regular verb that doubles no consonant."""
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if verb[-1] == "y" and verb[-2] not in "aeou" else verb + "ed"


def _gerund(verb: str) -> str:
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"


OPEN: Mapping[str, tuple[str, ...]] = {
    "NOUN": tuple(
        """
        actor artist aunt author baker banker boy brother butcher captain chef clerk clown
        coach colonel composer cousin cyclist dancer dealer dentist designer detective
        doctor driver editor emperor engineer explorer farmer father firefighter florist
        friend gardener general girl governor grocer guard guest hunter inspector inventor
        janitor jeweler jockey journalist judge king knight lawyer leader librarian magician
        manager mayor mechanic merchant miller minister mother musician neighbor novelist
        nurse officer owner painter pianist pilot player plumber poet porter president
        prince printer producer professor queen reporter sailor scientist sculptor senator
        shepherd singer sister soldier stranger student surgeon swimmer tailor teacher
        tenant tourist trainer translator uncle violinist visitor waiter wizard worker
        writer
        """.split()
    ),
    "VERB": tuple(_TRANSITIVES),
    "INTRANSITIVE": tuple(_INTRANSITIVES),
    "ADJECTIVE": tuple(
        """
        angry brave busy calm careful cheerful clever cold curious famous friendly gentle grateful happy
        healthy honest hungry jealous late lazy lonely loud nervous patient polite proud quiet ready rude
        sad safe serious shy sick silly strong thirsty warm weak wise
        """.split()
    ),
    # Verbs whose object is the one that acts in the clause below them.
    "TO-VERB": tuple(
        "advise ask command counsel encourage instruct invite order remind request tempt urge".split()
    ),
    "FROM-VERB": tuple(
        "discourage dissuade distract exclude excuse hinder prohibit restrain".split()
    ),
    "INTO-VERB": tuple("bully coax force frighten lure pressure push trick".split()),
    "FOR-VERB": tuple("admire blame criticize honor praise punish reward thank".split()),
}
"""Words of which each split has its own, verbs in their base form."""

SHARED: Mapping[str, tuple[str, ...]] = {
    "PREPOSITION": ("near", "behind", "beside"),
    "WITH": ("with", "near", "behind"),
    "ADJUNCT": ("after", "before", "without"),
    "MODIFIER": ("old", "young"),
    "ADVERB": ("quietly", "again", "alone"),
    "OUTSIDE": ("outside", "upstairs"),
    "GUARD": ("often", "clearly"),
    "THOUGHT": ("knew", "said", "thought", "believed"),
    "PLACE": ("house", "garden", "office"),
    "SINGULAR": ("this", "every"),
    "PLURAL": ("these", "many"),
    "CONTROL": ("persuaded", "told"),
    "RAISING": ("seem", "appear"),
}
"""Words that all splits share; a word in no list stands for itself."""


def lexicons(rng: random.Random) -> dict[str, dict[str, list[str]]]:
    """The open words of each split: a sixth for each of dev and test, the others for train."""
    splits: dict[str, dict[str, list[str]]] = {"train": {}, "dev": {}, "test": {}}
    for name, words in OPEN.items():
        shuffled = rng.sample(words, len(words))
        cut = len(words) // 6
        splits["dev"][name] = shuffled[:cut]
        splits["test"][name] = shuffled[cut : 2 * cut]
        splits["train"][name] = shuffled[2 * cut :]
    return splits


class Words:
    """Draws the words of sentences that have the same words.

    The slots of a sentence are filled in order, and the first, second ... slot of a name gets the same
    word in each sentence. A slot is the name of a list, with a form if need be: ``NOUN/plural``,
    ``VERB/gerund``, ``VERB/base``; verbs are in the past tense otherwise, which is their participle
    too. What follows a blank tells a slot from others: ``NOUN x``. No open word stands in two slots.

    Args:
        lexicon: The open words of the split.
        rng: Decides.
    """

    def __init__(self, lexicon: Mapping[str, list[str]], rng: random.Random) -> None:
        self._rng = rng
        self._unused = {name: rng.sample(words, len(words)) for name, words in lexicon.items()}
        self._drawn: dict[tuple[str, int], str] = {}

    def fill(self, slots: Iterable[str]) -> list[str]:
        """The words of one sentence; what is no slot stands for itself."""
        seen: Counter[str] = Counter()
        return [self._word(slot, seen) for slot in slots]

    def _word(self, slot: str, seen: Counter[str]) -> str:
        name, _, form = slot.partition(" ")[0].partition("/")
        if name not in SHARED and name not in OPEN:
            return slot
        seen[slot] += 1
        key = slot, seen[slot]
        if key not in self._drawn:
            self._drawn[key] = (
                self._rng.choice(SHARED[name])
                if name in SHARED
                else inflected(self._unused[name].pop(), name, form)
            )
        return self._drawn[key]


def inflected(word: str, name: str, form: str = "") -> str:
    """A word of the list of this name in a form: ``plural``, ``gerund``, ``base`` or the usual one."""
    if form == "plural":
        return word + "s"
    if form == "gerund":
        return _gerund(word)
    return _past(word) if name.endswith(("VERB", "INTRANSITIVE")) and form != "base" else word

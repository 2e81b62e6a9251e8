"""The words of the structure test: those of one split alone, and those that all splits share."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["OPEN", "SHARED", "Words"]

OPEN: Mapping[str, tuple[str, ...]] = {
    "NOUN": tuple(
        """
        actor artist aunt author baker banker boy brother butcher captain chef clerk clown
        colonel composer cousin cyclist dancer dealer dentist designer detective doctor driver editor
        emperor engineer explorer farmer father friend gardener general girl governor grocer guard
        guest hunter inspector inventor janitor jockey journalist judge king knight lawyer leader
        librarian magician manager mayor mechanic merchant miller minister mother musician neighbor
        novelist nurse officer owner pianist pilot player plumber poet porter president prince printer
        producer professor queen reporter sailor scientist sculptor senator shepherd singer sister
        soldier stranger student surgeon swimmer tailor teacher tenant tourist trainer translator uncle
        violinist visitor waiter wizard writer
        """.split()
    ),
    # Transitive.
    "VERB": tuple(
        """
        address alarm annoy avoid bother charm cheer comfort consult disappoint disturb greet impress
        insult interview join mention miss offend reward trick visit warn
        """.split()
    ),
    # Intransitive.
    "ACT": tuple(
        """
        applaud blink bow complain cough faint falter frown gasp growl grunt jump kneel laugh limp
        linger listen march mutter pray protest relax rest return scream shiver shout sigh snort
        stagger stammer stay surrender sweat talk wait walk wander whisper wink work yawn yell
        """.split()
    ),
    # With an object or without one.
    "HELP": tuple(
        """
        answer attack call draw entertain fight follow guide help interrupt lead drive obey paint serve
        sketch teach watch
        """.split()
    ),
}
"""Words of which each split has its own. Verbs are regular: "ed" and "ing" are added to them."""

SHARED: Mapping[str, tuple[str, ...]] = {
    "PREPOSITION": ("near", "behind"),
    "MODIFIER": ("old", "young"),
    "ADVERB": ("quietly", "again", "twice"),
    "OFTEN": ("often", "openly", "quickly"),
    "OUTSIDE": ("outside", "upstairs", "inside"),
    "THOUGHT": ("knew", "said", "thought", "believed"),
    "PLACE": ("house", "garden", "office"),
    "SINGULAR": ("this", "every"),
    "PLURAL": ("these", "many"),
    "REFUSED": ("refused", "agreed", "managed"),
    "FORCED": ("forced", "ordered", "urged"),
    "ASKED": ("asked", "told", "begged"),
    "THANKED": ("thanked", "praised", "blamed"),
    "AFTER": ("after", "before"),
}
"""Words that all splits share; a word in no list stands for itself."""

_SLOT = re.compile(r"([A-Z]+)(\d?)([a-z]*)")


class Words:
    """Draws the words of sentences that have the same words.

    A slot is the name of a list, a digit if need be to tell it from others, and an ending. The first,
    second ... slot of a name gets the same word in each sentence; no open word stands in two slots.

    Args:
        lexicon: The open words of the split.
        rng: Decides.
    """

    def __init__(self, lexicon: Mapping[str, Sequence[str]], rng: random.Random) -> None:
        self._rng = rng
        self._unused = {name: rng.sample(words, len(words)) for name, words in lexicon.items()}
        self._drawn: dict[tuple[str, int], str] = {}

    def fill(self, slots: Sequence[str]) -> list[str]:
        """The words of one sentence."""
        seen: Counter[str] = Counter()
        return [self._word(slot, seen) for slot in slots]

    def _word(self, slot: str, seen: Counter[str]) -> str:
        match = _SLOT.fullmatch(slot)
        if match is None or match[1] not in {**OPEN, **SHARED}:
            return slot
        name, number, ending = match.groups()
        seen[name + number] += 1
        key = name + number, seen[name + number]
        if key not in self._drawn:
            self._drawn[key] = (
                self._rng.choice(SHARED[name]) if name in SHARED else self._unused[name].pop()
            )
        return self._drawn[key] + ending

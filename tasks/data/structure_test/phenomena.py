"""The phenomena of the structure test: for each, the templates of train, dev and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tasks.data.structure_test.constructions import (
    BESIDE,
    MODIFIERS,
    OPENINGS,
    WRAPPERS,
    Gap,
    Participant,
    clause,
    noun_phrase,
    prepositional,
)
from tasks.data.structure_test.phrases import Phrase, phrase, word

__all__ = ["PHENOMENA", "TEMPLATES", "Template"]

Make = Callable[[Participant, Participant, bool], Phrase]
"""Makes a clause of two participants; True for the order of the moving words that belongs to Y."""


@dataclass(frozen=True)
class Template:
    """Four sentences with the same words.

    Args:
        phenomenon: What it is about.
        number: Its number in the phenomenon.
        part: ``train``, ``dev``, ``new`` or ``deeper``.
        construction: What it has in common with templates that are deeper, or less deep.
        make: Makes the sentence, given whether the marked participant is X, and whether the words
            that move belong to Y.
    """

    phenomenon: str
    number: int
    part: str
    construction: str
    make: Callable[[bool, bool], Phrase]

    @property
    def name(self) -> str:
        """Which no other template has."""
        return f"{self.phenomenon}/{self.number}"

    def sentences(self) -> Iterator[tuple[str, Phrase]]:
        """Two pairs of sentences, each with its label."""
        for belongs_to_y in (False, True):
            for x_is_marked in (not belongs_to_y, belongs_to_y):
                label = "yes" if x_is_marked != belongs_to_y else "no"
                yield label, self.make(x_is_marked, belongs_to_y)


def _the(*words: Phrase) -> Participant:
    return (word("DET", "the").to("det"), *words)


def _child(marked: bool, place: str) -> Participant:
    return _the(word("NOUN", "child" if marked else "NOUN other"))


def _numbered(marked: bool, place: str) -> Participant:
    if marked:
        return word("DET", "SINGULAR").to("det"), word("NOUN", "NOUN one")
    return word("DET", "PLURAL").to("det"), word("NOUN", "NOUN/plural many")


def _modified(marked: bool, place: str) -> Participant:
    noun = word("NOUN", f"NOUN {place}")
    return _the(word("ADJ", "MODIFIER").to("amod"), noun) if marked else _the(noun)


def _verbs(*words: Phrase | None) -> Phrase:
    return phrase("VP", *words)


def _aux(form: str, relation: str = "aux") -> Phrase:
    return word("AUX", form).to(relation)


def _adverb(form: str) -> Phrase:
    return word("ADV", form).to("advmod")


def _beside(name: str, predicate: Callable[[bool, bool, bool], Phrase]) -> Make:
    """Two clauses, in one of which the moving word stands.

    Args:
        name: The construction.
        predicate: Makes a verb phrase, given whether it lacks an object, whether it is about Y, and
            whether the moving words belong to Y.
    """

    def make(x: Participant, y: Participant, belongs_to_y: bool) -> Phrase:
        return BESIDE[name](
            x,
            y,
            lambda gap: predicate(gap, True, belongs_to_y),
            lambda gap: predicate(gap, False, belongs_to_y),
        )

    return make


def _agreement(name: str, style: str) -> Make:
    def predicate(gap: bool, about_y: bool, belongs_to_y: bool) -> Phrase:
        singular = about_y == belongs_to_y
        if style == "be":
            verb = word("VERB", "VERB/gerund") if gap else word("ADJ", "ADJECTIVE")
            return _verbs(_aux("is" if singular else "are", "aux" if gap else "cop"), verb)
        verb = word("VERB", "VERB" if gap else "INTRANSITIVE")
        return _verbs(_aux("has" if singular else "have"), verb)

    return _beside(name, predicate)


def _negation(name: str, style: str) -> Make:
    def predicate(gap: bool, about_y: bool, belongs_to_y: bool) -> Phrase:
        no = word("PART", "not").to("advmod") if about_y == belongs_to_y else None
        often = _adverb("GUARD")
        if style == "be" and not gap:
            return _verbs(_aux("was", "cop"), often, no, word("ADJ", "ADJECTIVE"))
        return _verbs(_aux("had"), often, no, word("VERB", "VERB" if gap else "INTRANSITIVE"))

    return _beside(name, predicate)


def _attachment(name: str, style: str) -> Make:
    def predicate(gap: bool, about_y: bool, belongs_to_y: bool) -> Phrase:
        adverb = _adverb("ADVERB") if about_y == belongs_to_y else None
        verb = word("VERB", "VERB" if gap else "INTRANSITIVE")
        return _verbs(_aux("had"), verb, adverb)

    return _beside(name, predicate)


def _coordination(name: str, style: str) -> Make:
    """Y did it first, X did it last; who did it in between depends on where *and* stands."""

    def make(x: Participant, y: Participant, belongs_to_y: bool) -> Phrase:
        first = _adverb("GUARD"), word("VERB", "INTRANSITIVE")
        middle = word("VERB", "INTRANSITIVE"), _adverb("ADVERB")
        last = word("VERB", "INTRANSITIVE")
        also = word("CCONJ", "and").to("cc")
        if belongs_to_y:
            joined = _verbs(*first, _verbs(also, *middle).to("conj"))
            return BESIDE[name](x, y, lambda gap: joined, lambda gap: _verbs(last))
        joined = _verbs(*middle, _verbs(also, last).to("conj"))
        return BESIDE[name](x, y, lambda gap: _verbs(*first), lambda gap: joined)

    return make


def _roles(name: str, style: str) -> Make:
    """The clause about X and Y is active or passive, and the other clause the other of the two."""

    def make(x: Participant, y: Participant, belongs_to_y: bool) -> Phrase:
        had, often, been = _aux("had"), _adverb("GUARD"), _aux("been", "aux:pass")
        verb = word("VERB", "VERB")
        by = word("ADP", "by").to("case", head="gap")
        agent = prepositional(noun_phrase(), "by").to("obl:agent")
        if belongs_to_y:
            gap: Gap = "obj", "", _verbs(had, often, verb)
            return OPENINGS[name](x, y, gap, _verbs(had, been, verb, agent))
        gap = "obl:agent", "", _verbs(had, often, been, verb, by)
        return OPENINGS[name](x, y, gap, _verbs(had, verb, noun_phrase().to("obj")))

    return make


def _control(name: str, style: str) -> Make:
    """Of two verbs, one has its subject act and the other its object; each is in one of two clauses."""

    def make(x: Participant, y: Participant, belongs_to_y: bool) -> Phrase:
        had, often, act = _aux("had"), _adverb("GUARD"), _to("INTRANSITIVE/base")
        if style == "promise":
            about, beside = ("promised", "CONTROL") if belongs_to_y else ("CONTROL", "promised")
            gap: Gap = "obj", "", _verbs(had, often, word("VERB", about), act)
            other = _verbs(had, word("VERB", beside), noun_phrase().to("obj"), act)
            return OPENINGS[name](x, y, gap, other)
        about, beside = ("RAISING", "appeal") if belongs_to_y else ("appeal", "RAISING")
        begun, to_whom = word("VERB", "begun"), prepositional(noun_phrase(), "to").to("obl")
        gap = "obl", "to", _verbs(had, often, begun, _to(about, act))
        return OPENINGS[name](x, y, gap, _verbs(had, begun, _to(beside, to_whom, act)))

    return make


def _to(verb: str, *others: Phrase | None) -> Phrase:
    return _verbs(word("PART", "to").to("mark"), word("VERB", verb), *others).to("xcomp")


def _adjuncts(name: str, style: str) -> Make:
    """X acts in the adjunct, Y in the complement; an adverb stands in one of them."""
    return _beneath(name, style == "having", lambda: _adverb("ADVERB"))


def _comparison(name: str, style: str) -> Make:
    """X acts in the adjunct, Y in the complement; one of them is compared with *you*."""
    than = {"more": "than", "less": "than", "as": "as"}[style]

    def comparison() -> Phrase:
        you_did = clause(word("PRON", "you"), _verbs(word("AUX", "did")))
        than_you_did = phrase("SBAR", word("SCONJ", than).to("mark"), you_did).to("advcl")
        return phrase("ADVP", _adverb(style), word("ADV", "often"), than_you_did).to("advmod")

    return _beneath(name, False, comparison)


def _beneath(name: str, having: bool, moving: Callable[[], Phrase]) -> Make:
    """A verb with an adjunct, in which its subject acts, and a complement, in which its object does."""

    def make(x: Participant, y: Participant, belongs_to_y: bool) -> Phrase:
        of_x, of_y = (None, moving()) if belongs_to_y else (moving(), None)
        mark = word("SCONJ", "ADJUNCT").to("mark")
        if having:
            adjunct = _verbs(mark, _aux("having"), word("VERB", "INTRANSITIVE"), of_x)
        else:
            adjunct = _verbs(mark, word("VERB", "INTRANSITIVE/gerund"), of_x)
        if name == "to":
            complement = _to("INTRANSITIVE/base", of_y)
        else:
            by = word("SCONJ", name).to("mark")
            complement = _verbs(by, word("VERB", "INTRANSITIVE/gerund"), of_y).to("advcl")
        verb, y_is = word("VERB", f"{name.upper()}-VERB"), noun_phrase(*y).to("obj")
        return clause(noun_phrase(*x), _verbs(verb, y_is, adjunct.to("advcl"), complement))

    return make


@dataclass(frozen=True)
class _Phenomenon:
    """How the templates of a phenomenon are made.

    Args:
        participant: X or Y, given whether it is the marked one.
        make: Makes the clause for a construction and a style.
        constructions: The constructions and styles of train, dev and of test's new templates.
        bare: Whether Y may have nothing behind it.
    """

    participant: Callable[[bool, str], Participant]
    make: Callable[[str, str], Make]
    constructions: dict[str, Sequence[tuple[str, str]]]
    bare: bool = True


def _each(names: str, styles: str = "-") -> list[tuple[str, str]]:
    return [(name.strip(), style) for name, style in product(names.split(","), styles.split())]


_PHENOMENA = {
    "agreement": _Phenomenon(
        _numbered,
        _agreement,
        {
            "train": _each("that, beside, thought", "be have"),
            "dev": _each("place", "be have"),
            "new": _each("whom, where", "be have"),
        },
        bare=False,
    ),
    "roles": _Phenomenon(
        _child,
        _roles,
        {
            "train": _each("subject, one, because"),
            "dev": _each("which"),
            "new": _each("cleft"),
        },
        bare=False,
    ),
    "negation": _Phenomenon(
        _child,
        _negation,
        {
            "train": _each("whom, thought, who and", "be have"),
            "dev": _each("place", "be have"),
            "new": _each("whose, where", "be have"),
        },
    ),
    "attachment": _Phenomenon(
        _modified,
        _attachment,
        {
            "train": _each("that, beside, where"),
            "dev": _each("whom"),
            "new": _each("whose, thought"),
        },
    ),
    "coordination": _Phenomenon(
        _child,
        _coordination,
        {
            "train": _each("whom, whose, where"),
            "dev": _each("place"),
            "new": _each("thought"),
        },
    ),
    "control": _Phenomenon(
        _child,
        _control,
        {
            "train": _each("which, cleft, because", "promise seem"),
            "dev": _each("object", "promise seem"),
            "new": _each("subject, one", "promise seem"),
        },
        bare=False,
    ),
    "adjuncts": _Phenomenon(
        _child,
        _adjuncts,
        {
            "train": [*_each("to, into", "plain"), *_each("from, for", "having")],
            "dev": _each("from", "plain"),
            "new": [*_each("to, into", "having"), *_each("for", "plain")],
        },
    ),
    "comparison": _Phenomenon(
        _child,
        _comparison,
        {
            "train": [*_each("to", "more"), *_each("into", "less"), *_each("from", "as")],
            "dev": _each("into", "as"),
            "new": [*_each("for", "more"), *_each("from", "less"), *_each("to", "as")],
        },
    ),
}

PHENOMENA = tuple(_PHENOMENA)
"""The names of the phenomena, as in the column ``phenomenon``."""


_SHALLOW: Sequence[str] = ("", "fronted", "reported")
_DEEP: Sequence[str] = ("reported twice", "fronted, reported twice")


def _templates(name: str, phenomenon: _Phenomenon) -> Iterator[Template]:
    number = 0
    for part in ("train", "dev", "new", "deeper"):
        around, behind, constructions = _SHALLOW, ("", "PP"), phenomenon.constructions.get(part, ())
        if part == "deeper":
            around, behind = _DEEP, ("PP in PP", "relative in PP")
            constructions = phenomenon.constructions["train"]
        for (construction, style), wrapper, behind_x, behind_y in product(
            constructions, around, behind, behind
        ):
            if not (behind_y or phenomenon.bare):
                continue
            number += 1
            make = _whole(phenomenon, construction, style, wrapper, behind_x, behind_y)
            yield Template(name, number, part, f"{construction}/{style}", make)


def _whole(
    phenomenon: _Phenomenon,
    construction: str,
    style: str,
    wrapper: str,
    behind_x: str,
    behind_y: str,
) -> Callable[[bool, bool], Phrase]:
    inner = phenomenon.make(construction, style)

    def make(x_is_marked: bool, belongs_to_y: bool) -> Phrase:
        x, y = (
            tuple(part for part in (*words, MODIFIERS[behind]()) if part is not None)
            for words, behind in (
                (phenomenon.participant(x_is_marked, "x"), behind_x),
                (phenomenon.participant(not x_is_marked, "y"), behind_y),
            )
        )
        return WRAPPERS[wrapper](inner(x, y, belongs_to_y))

    return make


TEMPLATES = {name: tuple(_templates(name, _PHENOMENA[name])) for name in PHENOMENA}
"""The templates of each phenomenon."""

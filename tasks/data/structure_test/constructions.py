"""The constructions of the structure test: two participants, X and Y, and what is said of each.

In every construction, X and Y stand before all words that can move between what is said of X and what
is said of Y. So the order of three words can't relate the two. A new construction must see to it that
no word stands both between X and Y and among the words that others move past.
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.data.structure_test.phrases import Phrase, phrase, word

__all__ = [
    "BESIDE",
    "MODIFIERS",
    "OPENINGS",
    "WRAPPERS",
    "Gap",
    "Participant",
    "Predicate",
    "clause",
    "noun_phrase",
    "prepositional",
]

Participant = tuple[Phrase, ...]
"""The words of a noun phrase: a determiner, an adjective if any, a noun."""

Gap = tuple[str, str, Phrase]
"""The relation of X to a verb, its preposition if any, and the verb phrase that lacks X."""

Predicate = Callable[[bool], Phrase]
"""Makes a verb phrase, given whether its object is the relative pronoun before it."""


def noun_phrase(*words: Phrase | None) -> Phrase:
    """``the NOUN``, or a participant with all that modifies it."""
    return phrase("NP", *(words or (word("DET", "the").to("det"), word("NOUN", "NOUN"))))


def prepositional(inner: Phrase, preposition: str = "PREPOSITION") -> Phrase:
    """A preposition and a noun phrase."""
    return phrase("PP", word("ADP", preposition).to("case"), inner)


def clause(subject: Phrase, verbs: Phrase) -> Phrase:
    """A subject and a verb phrase."""
    return phrase("S", _as_subject(subject, verbs), verbs)


def _as_subject(subject: Phrase, verbs: Phrase) -> Phrase:
    passive = any(part.relation == "aux:pass" for part in verbs.parts)
    return subject.to("nsubj:pass" if passive else "nsubj")


def _comma() -> Phrase:
    return word("PUNCT", ",").to("punct")


# What can stand behind a participant, from shallow to deep.


def _plain() -> Phrase | None:
    return None


def _near() -> Phrase:
    return prepositional(noun_phrase()).to("nmod")


def _near_near() -> Phrase:
    the, noun = noun_phrase().parts
    return prepositional(noun_phrase(the, noun, _near())).to("nmod")


def _near_relative() -> Phrase:
    the, noun = noun_phrase().parts
    verbs = phrase("VP", word("AUX", "was").to("cop"), word("ADV", "OUTSIDE"))
    relative = phrase("SBAR", word("PRON", "that").to("nsubj"), verbs).to("acl:relcl")
    return prepositional(noun_phrase(the, noun, relative)).to("nmod")


MODIFIERS: dict[str, Callable[[], Phrase | None]] = {
    "": _plain,
    "PP": _near,
    "PP in PP": _near_near,
    "relative in PP": _near_relative,
}


# What can stand around a clause.


def _alone(inner: Phrase) -> Phrase:
    return phrase("S", *inner.parts, word("PUNCT", ".").to("punct"))


def _fronted(inner: Phrase) -> Phrase:
    return _alone(phrase("S", word("ADV", "OUTSIDE").to("advmod"), _comma(), *inner.parts))


def _reported(inner: Phrase) -> Phrase:
    return _alone(_report(inner))


def _reported_twice(inner: Phrase) -> Phrase:
    return _alone(_report(_report(inner)))


def _fronted_and_reported_twice(inner: Phrase) -> Phrase:
    return _fronted(_report(_report(inner)))


def _report(inner: Phrase) -> Phrase:
    that = phrase("SBAR", word("SCONJ", "that").to("mark"), inner).to("ccomp")
    return clause(noun_phrase(), phrase("VP", word("VERB", "THOUGHT"), that))


WRAPPERS: dict[str, Callable[[Phrase], Phrase]] = {
    "": _alone,
    "fronted": _fronted,
    "reported": _reported,
    "reported twice": _reported_twice,
    "fronted, reported twice": _fronted_and_reported_twice,
}


# Two clauses, one of them inside the other: what is said of Y comes first.


def _relative(x: Participant, parts: list[Phrase], verbs: Phrase) -> Phrase:
    return clause(noun_phrase(*x, phrase("SBAR", *parts).to("acl:relcl")), verbs)


def _that(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    gap = word("PRON", "that").to("obj")
    return _relative(x, [gap, clause(noun_phrase(*y), of_y(True))], of_x(False))


def _whom(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    gap = prepositional(word("PRON", "whom"), "WITH").to("obl")
    return _relative(x, [gap, clause(noun_phrase(*y), of_y(False))], of_x(False))


def _place(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    whose = word("PRON", "whose").to("nmod:poss")
    gap = prepositional(noun_phrase(whose, word("NOUN", "PLACE")), "in").to("obl")
    return _relative(x, [gap, clause(noun_phrase(*y), of_y(False))], of_x(False))


def _where(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    where = word("ADV", "where").to("advmod")
    relative = phrase("SBAR", where, clause(noun_phrase(*y), of_y(False))).to("acl:relcl")
    the = word("DET", "the").to("det")
    place = prepositional(noun_phrase(the, word("NOUN", "PLACE"), relative), "in").to("nmod")
    return clause(noun_phrase(*x, place), of_x(False))


def _whose(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    possessed = noun_phrase(word("PRON", "whose").to("nmod:poss"), *y[1:])
    return _relative(x, [clause(possessed, of_y(False))], of_x(False))


def _thought(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    inner = clause(noun_phrase(*y), of_y(False))
    that = phrase("SBAR", word("SCONJ", "that").to("mark"), inner).to("ccomp")
    verbs = phrase("VP", word("VERB", "THOUGHT"), that)
    return _relative(x, [word("PRON", "that").to("nsubj"), verbs], of_x(False))


def _beside(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    gap = word("PRON", "that").to("obj")
    relative = phrase("SBAR", gap, clause(noun_phrase(*y), of_y(True))).to("acl:relcl")
    beside = prepositional(noun_phrase(*noun_phrase().parts, relative)).to("nmod")
    return clause(noun_phrase(*x, beside), of_x(False))


def _who_and(x: Participant, y: Participant, of_y: Predicate, of_x: Predicate) -> Phrase:
    who = phrase("SBAR", _comma(), word("PRON", "who").to("nsubj"), of_y(False), _comma())
    verbs = of_x(False)
    also = phrase(verbs.label, word("CCONJ", "and").to("cc"), *verbs.parts).to("conj")
    met = noun_phrase(*y, who.to("acl:relcl")).to("obj")
    return clause(noun_phrase(*x), phrase("VP", word("VERB", "VERB"), met, also))


BESIDE = {
    "that": _that,
    "whom": _whom,
    "place": _place,
    "where": _where,
    "whose": _whose,
    "thought": _thought,
    "beside": _beside,
    "who and": _who_and,
}
"""Clauses about X and about Y, the one about Y inside the other or before it."""


# A clause in which X and Y take part, X moved to its front, and another clause as its counterweight.


def _fronted_x(pronoun: Phrase, relation: str, preposition: str) -> Phrase:
    """What stands at the front of the clause, with the preposition that belongs to it if any."""
    front = pronoun.called("gap")
    return (prepositional(front, preposition) if preposition else front).to(relation)


def _gap(relation: str, preposition: str, y: Participant, verbs: Phrase) -> Phrase:
    pronoun = word("PRON", "whom" if preposition else "that")
    front = _fronted_x(pronoun, relation, preposition)
    return phrase("SBAR", front, clause(noun_phrase(*y), verbs)).to("acl:relcl")


def _and(verbs: Phrase) -> Phrase:
    subject = _as_subject(noun_phrase(), verbs)
    return phrase("S", _comma(), word("CCONJ", "and").to("cc"), subject, verbs).to("conj")


def _subject(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    return clause(noun_phrase(*x, _gap(*gap[:2], y, gap[2])), other)


def _cleft(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    it, was = word("PRON", "it").to("nsubj"), word("AUX", "was").to("cop")
    return phrase(
        "S", it, phrase("VP", was, noun_phrase(*x, _gap(*gap[:2], y, gap[2]))), _and(other)
    )


def _object(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    met = noun_phrase(*x, _gap(*gap[:2], y, gap[2])).to("obj")
    verbs = phrase("VP", word("VERB", "VERB"), met)
    return phrase("S", noun_phrase().to("nsubj"), verbs, _and(other))


def _because(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    reason = phrase("SBAR", word("SCONJ", "because").to("mark"), clause(noun_phrase(), other))
    verbs = phrase("VP", word("VERB", "INTRANSITIVE"), reason.to("advcl"))
    return clause(noun_phrase(*x, _gap(*gap[:2], y, gap[2])), verbs)


def _which(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    relation, preposition, verbs = gap
    which = noun_phrase(word("DET", "which").to("det"), *x[1:])
    front = _fronted_x(which, relation, preposition)
    question = phrase("SBAR", front, clause(noun_phrase(*y), verbs)).to("ccomp")
    knew = phrase("VP", word("VERB", "knew"), question)
    return phrase("S", noun_phrase().to("nsubj"), knew, _and(other))


def _one(x: Participant, y: Participant, gap: Gap, other: Phrase) -> Phrase:
    the, was = word("DET", "the").to("det"), word("AUX", "was").to("cop")
    one = noun_phrase(the, word("NOUN", "one"), _gap(*gap[:2], y, gap[2]))
    return phrase("S", noun_phrase(*x).to("nsubj"), phrase("VP", was, one), _and(other))


OPENINGS = {
    "subject": _subject,
    "cleft": _cleft,
    "object": _object,
    "because": _because,
    "which": _which,
    "one": _one,
}
"""Sentences in which X stands at the front of a clause about X and Y; another verb phrase follows."""

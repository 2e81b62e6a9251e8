"""The templates of the structure test: for each phenomenon those of train, of dev and of test.

A template is written as :mod:`tasks.data.structure_test.notation` says, with these holes:

- ``{A}`` and ``{B}``, the two participants, each with what modifies it. One of them is marked: it is
  *the child*, the *old* one, or singular. (``{B:possessed}`` is the second one without a determiner.)
- What is said of them: either the verb phrase of A (``{of_A}``) has the mark (it is negated, compared,
  done *quietly* ...) or that of B (``{of_B}``; ``{gap_of_B}`` where B's verb lacks an object). Where
  the mark is to act: the role of each (``{role_of_A}``, ``{role_of_B}``) and the relative clause that
  begins with *who* or *whom* (``{who_of_A}``, ``{who_of_B}``).

Four sentences with the same words follow from a template. The answer is *yes* where the mark of the
verbs belongs to the marked participant.

In every frame but one, all of A and B stand before all words that can move between what is said of A and
what is said of B. (In "one, whose" some stand before A and some behind B, and none moves from there to
here.) So to relate the two takes four words: two of them say who is marked, and two what. A new
frame must see to it that no word stands both between A and B and among the words that others move past;
the tests count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from tasks.data.structure_test.notation import slots_of

__all__ = ["PHENOMENA", "TEMPLATES", "Template"]

FRAMES = {
    "that": "(nsubj {A} (acl:relcl that/obj (nsubj {B}) {gap_of_B})) {of_A}",
    "whom": "(nsubj {A} (acl:relcl (obl PREPOSITION/case whom*) (nsubj {B}) {of_B})) {of_A}",
    "whose": "(nsubj {A} (acl:relcl (nsubj whose/nmod:poss {B:possessed}) {of_B})) {of_A}",
    "place": "(nsubj {A} (nmod in/case the/det PLACE* (acl:relcl where/advmod (nsubj {B}) {of_B}))) "
    "{of_A}",
    "thought": "(nsubj {A} (acl:relcl that/nsubj (* THOUGHT* (ccomp that/mark (nsubj {B}) {of_B})))) "
    "{of_A}",
    "beside": "(nsubj {A} (nmod beside/case the/det NOUN* (acl:relcl that/obj (nsubj {B}) "
    "{gap_of_B}))) {of_A}",
    "when": "(nsubj {A} (acl:relcl that/nsubj (* ACTed* (advcl when/mark (nsubj {B}) {of_B})))) {of_A}",
    # A is the subject of the first verb, and B's clause comes last.
    "object": "(nsubj {A}) (* VERBed* (obj {B}) {after_A} (acl:relcl>b who/nsubj (* ACTed* {after_B})))",
    "near": "(nsubj {A}) (* ACTed* (obl PREPOSITION/case {B}) {after_A} (acl:relcl>b who/nsubj "
    "(* ACTed* {after_B})))",
    # A clause about both, and another one that has the words it does without.
    "because": "(nsubj {A} {of_both}) (* ACTed* (advcl because/mark {of_others}))",
    "while": "(nsubj {A} {of_both}) (* ACTed* (advcl while/mark {of_others}))",
    "and": "(nsubj {A} {of_both}) (* ACTed*) (conj ,/punct and/cc {of_others})",
    "although": "(nsubj {A} {of_both}) (* ACTed* (advcl although/mark {of_others}))",
    # An adjunct, in which the subject acts, and a complement, in which the object does.
    "to, after": "(nsubj {A}) (* ASKED* (obj {B}) (xcomp to/mark ACT* {after_B}) (advcl AFTER/mark "
    "ACTing* {after_A}))",
    "after, to": "(nsubj {A}) (* ASKED* (obj {B}) (advcl AFTER/mark ACTing* {after_A}) (xcomp to/mark "
    "ACT* {after_B}))",
    "for, after": "(nsubj {A}) (* THANKED* (obj {B}) (advcl for/mark ACTing* {after_B}) (advcl "
    "AFTER/mark ACTing* {after_A}))",
    "after, for": "(nsubj {A}) (* THANKED* (obj {B}) (advcl AFTER/mark ACTing* {after_A}) (advcl "
    "for/mark ACTing* {after_B}))",
    # A relative clause about each: one of them acts in its own, to the other one something is done.
    "whose, one": "(nsubj {A} (acl:relcl ({role_of_B} whose/nmod:poss {B:possessed}) {of_B})) "
    "(* was/cop the/det one* (acl:relcl that/{role_of_A} {of_A}))",
    "one, whose": "(nsubj the/det one* (acl:relcl that/{role_of_A} {of_A})) (* was/cop {A} (acl:relcl "
    "({role_of_B} whose/nmod:poss {B:possessed}) {of_B}))",
    "it, whose": "it/nsubj (* was/cop {A} (acl:relcl ({role_of_B} whose/nmod:poss {B:possessed}) "
    "{of_B}) (acl:relcl that/{role_of_A} {of_A}))",
    "beside, one": "(nsubj {A} (nmod beside/case {B} {who_of_B})) (* was/cop the/det one* {who_of_A})",
    "it, beside": "it/nsubj (* was/cop {A} (nmod beside/case {B} {who_of_B}) {who_of_A})",
    "where, one": "(nsubj {A} (nmod in/case the/det PLACE* (acl:relcl where/advmod (nsubj {B} "
    "{who_of_B}) (* ACTed*)))) (* was/cop the/det one* {who_of_A})",
    "it, where": "it/nsubj (* was/cop {A} (nmod in/case the/det PLACE* (acl:relcl where/advmod (nsubj "
    "{B} {who_of_B}) (* ACTed*))) {who_of_A})",
}
"""Ways to say something of two participants, without what may stand around them."""

_NOUN = "PREPOSITION/case the/det NOUN*"
_PLACE = "from/case the/det PLACE*"
NEAR, NEAR_NEAR = f"(nmod {_NOUN})", f"(nmod {_NOUN} (nmod {_NOUN}))"
NEAR_THAT = f"(nmod {_NOUN} (acl:relcl that/nsubj (* ACTed* OUTSIDE/advmod)))"
FROM, FROM_NEAR = f"(nmod {_PLACE})", f"(nmod {_PLACE} (nmod {_NOUN}))"
FROM_BEHIND = f"(nmod {_PLACE} (nmod behind/case the/det PLACE*))"
"""What can modify a participant."""

_REPORT = "(nsubj the/det NOUN*) (* THOUGHT* (ccomp that/mark ...))"
_REPORT_TWICE = _REPORT.replace("...", _REPORT)
_OTHER = "(nsubj the/det NOUN*) (* ACTed*)"


@dataclass(frozen=True)
class _Part:
    """What the templates of a part have around their frames.

    Args:
        around: What stands around the clause, in place of the dots.
        behind_a: What modifies A, if anything.
        behind_b: What modifies B; always something, lest B stand beside what moves.
    """

    around: Sequence[str]
    behind_a: Sequence[str]
    behind_b: Sequence[str]


_PARTS = {
    "train": _Part(("...", "OUTSIDE/advmod ,/punct ...", _REPORT), ("", NEAR), (NEAR, FROM)),
    "dev": _Part(
        (f"... (advcl while/mark {_OTHER})", f"(advcl because/mark {_OTHER}) ,/punct ..."),
        ("", FROM),
        (FROM_NEAR,),
    ),
    "new": _Part(
        (
            f"... (conj ,/punct and/cc {_OTHER})",
            f"... (advcl because/mark {_OTHER})",
            f"(advcl while/mark {_OTHER}) ,/punct ...",
        ),
        ("", FROM, NEAR_THAT),
        (NEAR_THAT,),
    ),
    "deeper": _Part(
        (_REPORT_TWICE, f"OUTSIDE/advmod ,/punct {_REPORT_TWICE}"),
        (NEAR_NEAR, NEAR_THAT),
        (NEAR_NEAR, NEAR_THAT),
    ),
}


@dataclass(frozen=True)
class _Phenomenon:
    """What is said of whom.

    Args:
        marked: The marked participant.
        other: The other one.
        frames: The frames of ``train`` (and of ``deeper``), of ``dev`` and of ``new``.
        said: A verb phrase that has the mark; ``DO`` is a verb, transitive or not.
        unsaid: A verb phrase without it.
        after: The mark by itself, for frames that have it at the end of a clause.
        joined: B's verb phrase where the verb that is asked about is joined to B's, and A's verb phrase
            where it is joined to A's.
        both: The clause about both participants and the one about others: where the mark is A's, and
            where it is B's.
    """

    marked: str
    other: str
    frames: Mapping[str, Sequence[str]]
    said: str = ""
    unsaid: str = ""
    after: str = ""
    joined: tuple[str, str] | None = None
    both: tuple[tuple[str, str], tuple[str, str]] | None = None

    def holes(self, of_a: bool) -> dict[str, str]:
        """What stands in the holes for verb phrases, given whether the mark belongs to A."""
        on_a, on_b = (self.said, self.unsaid) if of_a else (self.unsaid, self.said)
        role_a, role_b = ("nsubj", "obj") if of_a else ("obj", "nsubj")
        found = {
            "of_A": on_a.replace("DO", "ACT"),
            "of_B": on_b.replace("DO", "ACT"),
            "gap_of_B": on_b.replace("DO", "VERB"),
            "after_A": self.after if of_a else "",
            "after_B": "" if of_a else self.after,
            "role_of_A": role_a,
            "role_of_B": role_b,
            "who_of_A": f"(acl:relcl {_PRONOUNS[role_a]}/{role_a} {on_a})",
            "who_of_B": f"(acl:relcl {_PRONOUNS[role_b]}/{role_b} {on_b})",
        }
        if self.joined is not None:
            first, last = self.joined
            found["of_A"], found["of_B"] = (last, "(* ACTed*)") if of_a else ("(* ACTed*)", first)
        if self.both is not None:
            found["of_both"], found["of_others"] = self.both[0 if of_a else 1]
        return found


_CHILD = "the/det child*", "the/det NOUN1*"
_PRONOUNS = {"nsubj": "who", "obj": "whom"}

_PHENOMENA = {
    "agreement": _Phenomenon(
        "SINGULAR/det NOUN1*",
        "PLURAL/det NOUN2s*",
        {"train": ("that", "place", "thought"), "dev": ("whom",), "new": ("beside", "when")},
        said="(* is/aux DOing*)",
        unsaid="(* are/aux DOing*)",
    ),
    "roles": _Phenomenon(
        *_CHILD,
        {"train": ("because", "although"), "dev": ("and",), "new": ("while",)},
        both=(
            (
                "(acl:relcl that/obl:agent#w (nsubj:pass {B}) (* had/aux been/aux:pass VERBed* "
                "by/case>w))",
                "(nsubj the/det NOUN*) (* had/aux VERBed* (obj the/det NOUN*))",
            ),
            (
                "(acl:relcl that/obj (nsubj {B}) (* had/aux VERBed*))",
                "(nsubj:pass the/det NOUN*) (* had/aux been/aux:pass VERBed* (obl:agent by/case "
                "the/det NOUN*))",
            ),
        ),
    ),
    "negation": _Phenomenon(
        *_CHILD,
        {"train": ("whom", "thought", "beside"), "dev": ("place",), "new": ("whose", "when")},
        said="(* had/aux not/advmod DOed*)",
        unsaid="(* had/aux DOed*)",
    ),
    "attachment": _Phenomenon(
        "the/det MODIFIER/amod NOUN1*",
        "the/det NOUN2*",
        {
            "train": ("that", "place", "when", "object"),
            "dev": ("whom",),
            "new": ("whose", "thought", "near"),
        },
        said="(* had/aux DOed* ADVERB/advmod)",
        unsaid="(* had/aux DOed*)",
        after="ADVERB/advmod",
    ),
    "coordination": _Phenomenon(
        *_CHILD,
        {"train": ("whom", "place", "thought"), "dev": ("whose",), "new": ("when",)},
        joined=(
            "(* ACTed* (conj and/cc ACTed* ADVERB/advmod))",
            "(* ACTed* ADVERB/advmod (conj and/cc ACTed*))",
        ),
    ),
    "control": _Phenomenon(
        *_CHILD,
        {"train": ("while", "and"), "dev": ("because",), "new": ("although",)},
        both=(
            (
                "(acl:relcl that/obj (nsubj {B}) (* had/aux FORCED* (xcomp to/mark HELP*)))",
                "(nsubj the/det NOUN*) (* had/aux REFUSED* (xcomp to/mark HELP* (obj the/det NOUN*)))",
            ),
            (
                "(acl:relcl that/obj>h (nsubj {B}) (* had/aux REFUSED* (xcomp to/mark HELP*#h)))",
                "(nsubj the/det NOUN*) (* had/aux FORCED* (obj the/det NOUN*) (xcomp to/mark HELP*))",
            ),
        ),
    ),
    "ellipsis": _Phenomenon(
        *_CHILD,
        {"train": ("that", "place", "thought"), "dev": ("whose",), "new": ("whom", "when")},
        said="(* DOed* (advcl just/advmod as/mark you/nsubj did*))",
        unsaid="(* DOed*)",
    ),
    "comparison": _Phenomenon(
        *_CHILD,
        {"train": ("whom", "whose", "when"), "dev": ("that",), "new": ("thought", "beside")},
        said="(* DOed* (advmod more/advmod OFTEN* (advcl than/mark you/nsubj did*)))",
        unsaid="(* DOed*)",
    ),
    "adjuncts": _Phenomenon(
        *_CHILD,
        {"train": ("to, after", "after, for"), "dev": ("after, to",), "new": ("for, after",)},
        after="ADVERB/advmod",
    ),
    "relative pronouns": _Phenomenon(
        *_CHILD,
        {
            "train": ("whose, one", "beside, one", "it, where"),
            "dev": ("one, whose", "it, beside"),
            "new": ("it, whose", "where, one"),
        },
        said="(* had/aux VERBed* (obj the/det NOUN*))",
        unsaid="(nsubj the/det NOUN*) (* had/aux VERBed*)",
    ),
}

PHENOMENA = tuple(_PHENOMENA)
"""The names of the phenomena, as in the column ``phenomenon``."""


@dataclass(frozen=True)
class Template:
    """Four sentences with the same words.

    Args:
        phenomenon: What it is about.
        part: ``train``, ``dev``, ``new`` or ``deeper``.
        frame: The name of its frame.
        around: What stands around the clause.
        behind: What modifies A, and what modifies B.
    """

    phenomenon: str
    part: str
    frame: str
    around: str
    behind: tuple[str, str]

    @property
    def name(self) -> str:
        """Which no other template has: its phenomenon, its frame and its words."""
        return " ".join((f"{self.phenomenon}:", *slots_of(next(self.lines())[1])))

    def lines(self) -> Iterator[tuple[str, str]]:
        """The four sentences, each with its label; those with the same mark of verbs in a row."""
        phenomenon = _PHENOMENA[self.phenomenon]
        for of_a in (False, True):
            holes = phenomenon.holes(of_a)
            for a_is_marked in (False, True):
                a, b = phenomenon.marked, phenomenon.other
                if not a_is_marked:
                    a, b = b, a
                line = FRAMES[self.frame].replace("{of_both}", holes.get("of_both", ""))
                line = line.format(
                    A=f"{a}#a {self.behind[0]}", B=_Second(f"{b}#b {self.behind[1]}"), **holes
                )
                yield (
                    "yes" if a_is_marked == of_a else "no",
                    f"(root {self.around.replace('...', line)} ./punct)",
                )


class _Second(str):
    """The text of B, which can be had without its determiner."""

    def __format__(self, how: str) -> str:
        return self.partition(" ")[2] if how == "possessed" else str(self)


def _templates(name: str, phenomenon: _Phenomenon) -> Iterator[Template]:
    for part, has in _PARTS.items():
        for frame in phenomenon.frames["train" if part == "deeper" else part]:
            behind_b = has.behind_b
            if "who/" in FRAMES[frame] or "{who_of_B}" in FRAMES[frame]:
                # The clause with *who* stands behind what modifies B: no other person may come between.
                behind_b = (FROM_BEHIND,) if part == "deeper" else (FROM,)
            for around, a, b in product(has.around, has.behind_a, behind_b):
                yield Template(name, part, frame, around, (a, b))


TEMPLATES = {name: tuple(_templates(name, _PHENOMENA[name])) for name in PHENOMENA}
"""The templates of each phenomenon."""

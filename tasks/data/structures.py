"""The structures that encoders read: what each is, where it is from, whether new text can have it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from parsers.controls import CONTROLS
from tasks.data.questions import PLAIN_QUESTION, Question
from tasks.options import OptionError

__all__ = ["GIVEN_STRUCTURES", "Structure", "needs_parser", "structure_of"]

TreeField: TypeAlias = Literal["dependencies", "constituency", "graph"]


@dataclass(frozen=True)
class Structure:
    """A structure, as ``--structure`` names it.

    Args:
        name: Its name.
        origin: Where it is from: a ``"parser"``; the ``"data"``; a ``"control"``, made in place of the
            parse; or made of the parse for the ``"spans"`` that a question is about.
        field: The field of a :class:`structnn.Sentence` that holds it.
        of_parse: Whether it is a parser's tree, or is made of one.
        of_new_text: Whether a text that comes without a tree can have it.
        spans: The number of spans that it is made for; 0 if it is made for none.
        within: Of a path between two spans, how many edges from it a word may be:
            see :func:`parsers.path_between`.
        noun: What an example lacks that doesn't have it: ``"constituency tree"``.
        plural: Those of many examples: ``"constituency trees"``.
    """

    name: str
    origin: Literal["parser", "data", "control", "spans"]
    field: TreeField = "dependencies"
    of_parse: bool = False
    of_new_text: bool = True
    spans: int = 0
    within: float = 0
    noun: str = ""
    plural: str = ""

    @property
    def is_graph(self) -> bool:
        """Whether it is a graph that need not be a tree, or that leaves words out."""
        return self.field == "graph"

    @property
    def label_kind(self) -> Literal["relations", "constituents", "graph"]:
        """What its labels are: universal relations, or what the data call constituents or edges."""
        if self.field == "constituency":
            return "constituents"
        return "graph" if self.name == "graph" else "relations"

    @property
    def is_given(self) -> bool:
        """Whether it comes with the data."""
        return self.origin == "data"

    @property
    def is_syntax(self) -> bool:
        """Whether it is what controls stand in for: a whole parse, or what the data have."""
        return self.origin in ("parser", "data")

    @property
    def is_control(self) -> bool:
        """Whether it stands in for a real structure, and says nothing of one."""
        return self.origin == "control"


_PLAIN = (
    Structure("parse", "parser", of_parse=True, noun="parse", plural="parses"),
    # Where the tree is shuffled that came with the data, no parser is needed: see needs_parser.
    *(Structure(name, "control", of_parse=name == "shuffled") for name in CONTROLS),
    Structure(
        *("constituency", "data", "constituency"),
        of_new_text=False,
        noun="constituency tree",
        plural="constituency trees",
    ),
    # Of new text they are a parser's: both are dependency trees.
    Structure("given", "data", noun="given dependency tree", plural="given trees"),
    Structure(
        *("enhanced", "data", "graph"),
        of_new_text=False,
        noun="enhanced dependencies",
        plural="enhanced dependencies",
    ),
    Structure(
        *("graph", "data", "graph"),
        of_new_text=False,
        noun="graph",
        plural="graphs of the data",
    ),
    Structure("rerooted", "spans", of_parse=True, spans=1),
)

_BY_NAME = {structure.name: structure for structure in _PLAIN}

_PATH = re.compile(r"path(0|[1-9][0-9]{0,2}|_inf)?", re.ASCII)

GIVEN_STRUCTURES = tuple(structure.name for structure in _PLAIN if structure.is_given)
"""The names of the structures that come with the data: constituency trees, dependency trees, graphs."""


@cache
def structure_of(name: str) -> Structure:
    """The structure of this name.

    Raises:
        OptionError: There is none; the message lists those that there are.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    path = _PATH.fullmatch(name)
    if path is None:
        known = (*_BY_NAME, "path", "path1", "path2", "path_inf")
        raise OptionError("structure", f"must be one of {', '.join(known)}, but is {name!r}")
    within = math.inf if path[1] == "_inf" else int(path[1] or 0)
    return Structure(name, "spans", "graph", of_parse=True, spans=2, within=within)


def needs_parser(structures: Collection[str], question: Question = PLAIN_QUESTION) -> bool:
    """Whether an experiment with these structures needs parses.

    Where trees come with the data, controls are made from their tokens, and the shuffled tree from the
    given one. Where trees are asked about, the tokens are given, and the shuffled tree is that of a
    parser.

    Args:
        structures: Their names.
        question: What is asked.
    """
    if question.reads != "arcs" and not set(structures) & set(GIVEN_STRUCTURES):
        return True  # all encoders read its tokens
    ready = {"shuffled"} if question.reads != "arcs" and "given" in structures else set()
    return any(structure_of(name).of_parse for name in {*structures} - ready)

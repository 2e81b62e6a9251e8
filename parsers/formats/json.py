"""Sentences as JSON, one a line."""

from __future__ import annotations

import json
from typing import Any

from parsers.formats.files import shown
from structnn.sentence import Sentence, StructureError, Tree
from structnn.sentence_graph import SentenceGraph

__all__ = ["graph_fields", "sentence_from_json", "sentence_to_json"]


def sentence_to_json(sentence: Sentence) -> str:
    """A sentence with all its fields as one line of JSON."""
    fields: dict[str, Any] = {"tokens": sentence.tokens}
    for name in ("dependencies", "constituency"):
        tree: Tree | None = getattr(sentence, name)
        if tree is not None:
            fields[name] = {
                "parents": tree.parents,
                "tokens": tree.tokens,
                "labels": tree.labels,
            }
    for name in ("tags", "lemmas", "text"):
        if getattr(sentence, name) is not None:
            fields[name] = getattr(sentence, name)
    for name in ("metadata", "columns"):
        if getattr(sentence, name):
            fields[name] = dict(getattr(sentence, name))
    if sentence.graph is not None:
        fields["graph"] = graph_fields(sentence.graph)
    return json.dumps(fields, separators=(",", ":"))


def graph_fields(graph: SentenceGraph) -> dict[str, Any]:
    """The fields of a graph that hold something: ``SentenceGraph(**fields)`` is the graph again."""
    fields = {
        name: getattr(graph, name) for name in ("tokens", "edges", "labels", "names", "roots")
    }
    return {name: value for name, value in fields.items() if value is not None and value != ()}


def sentence_from_json(line: str) -> Sentence:
    """The sentence that :func:`sentence_to_json` wrote.

    Raises:
        StructureError: The line is not JSON, or not that of a valid sentence.
    """
    try:
        fields = json.loads(line)
        for name in ("dependencies", "constituency"):
            if name in fields:
                fields[name] = Tree(**fields[name])
        if "graph" in fields:
            fields["graph"] = SentenceGraph(**fields["graph"])
        return Sentence(**fields)
    except StructureError:
        raise
    except (ValueError, RecursionError, TypeError) as fault:
        raise StructureError(
            f"the line {shown(line)} is not the JSON of a sentence: {fault}"
        ) from None

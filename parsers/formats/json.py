"""Sentences as JSON, one a line."""

from __future__ import annotations

import json
from typing import Any

from parsers.formats.files import shown
from structnn.sentence import Sentence, StructureError, Tree

__all__ = ["sentence_from_json", "sentence_to_json"]


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
    return json.dumps(fields, separators=(",", ":"))


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
        return Sentence(**fields)
    except StructureError:
        raise
    except (ValueError, RecursionError, TypeError) as fault:
        raise StructureError(
            f"the line {shown(line)} is not the JSON of a sentence: {fault}"
        ) from None

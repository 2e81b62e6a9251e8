"""Trees and graphs in DOT, the language of Graphviz."""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsers.formats.networkx import to_networkx
from structnn.sentence import Sentence

# Graphviz ends a text at NUL, and UTF-8 has no halves of characters.
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def to_dot(sentences: Sequence[tuple[Sentence, str]]) -> str:
    """Convert sentences to DOT, side by side in one graph.

    Args:
        sentences: Sentences, each with the name of a structure, as for :func:`parsers.to_networkx`.

    Returns:
        The text of one ``digraph``.
    """
    lines = [
        "digraph sentence {",
        "  ordering=out;",
        '  node [shape=box, style="rounded,filled", fillcolor="#f1f4f7", color="#9aa5b1"];',
        '  edge [color="#9aa5b1", fontsize=10];',
    ]
    for number, (sentence, structure) in enumerate(sentences):
        graph = to_networkx(sentence, structure)
        for node, attributes in graph.nodes(data=True):
            text = attributes["token"] or attributes.get("name", "")
            if "constituent" in attributes:
                word = f"\n{text}" if attributes["position"] != -1 else ""
                text = attributes["constituent"] + word
            lines.append(f"  n{number}_{node} [label={_quoted(text)}];")
        for head, tail, attributes in graph.edges(data=True):
            label = attributes.get("relation") or (
                attributes["kind"] if graph.is_multigraph() else ""
            )
            suffix = f" [label={_quoted(label)}]" if label else ""
            lines.append(f"  n{number}_{head} -> n{number}_{tail}{suffix};")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    text = _NO_CHARACTER.sub("\ufffd", text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

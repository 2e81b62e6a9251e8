"""Enhanced dependencies: the graph that the DEPS column of CoNLL-U describes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from parsers.formats.conllu import empty_nodes_of
from parsers.formats.files import shown
from structnn.sentence import Sentence, StructureError, quoted
from structnn.sentence_graph import SentenceGraph

__all__ = ["enhanced_graph"]

_HEAD = re.compile(r"(0|[1-9][0-9]{0,8})(\.[1-9][0-9]{0,8})?", re.ASCII)


def enhanced_graph(sentence: Sentence) -> SentenceGraph:
    """The enhanced dependencies of a sentence, as its DEPS column has them.

    Node *i* is token *i*. Behind the tokens come the empty nodes (``8.1``), in order: they have no
    token, since they stand for words that the text doesn't have, and their form is their name. Edges
    lead from heads to dependents, labelled with the relation; what is attached to 0 is among the roots.

    Args:
        sentence: A sentence that :func:`parsers.read_conllu` read, with ``columns["deps"]`` and perhaps
            ``metadata["empty_nodes"]``.

    Returns:
        The graph, for :attr:`Sentence.graph`.

    Raises:
        StructureError: The sentence has no DEPS column, or it is not well formed; the message says at
            which word.

    Example:
        >>> sentence = Sentence(["she", "sings"], columns={"deps": ["2:nsubj", "0:root"]})
        >>> enhanced_graph(sentence).edges
        ((1, 0),)
    """
    if "deps" not in sentence.columns:
        raise StructureError(
            f"{quoted(sentence)} has no enhanced dependencies: the DEPS column of its CoNLL-U is "
            "empty; take its HEAD column (the structure 'given'), or a file that has them"
        )
    empty = empty_nodes_of(sentence)
    idents = [str(number) for number in range(1, len(sentence) + 1)]
    idents += sorted(empty, key=lambda ident: tuple(map(int, ident.split("."))))
    index = {ident: node for node, ident in enumerate(idents)}
    deps: Mapping[str, str] = {
        **dict(zip(idents, sentence.columns["deps"], strict=False)),
        **{ident: columns.get("deps", "_") for ident, columns in empty.items()},
    }
    edges, labels, roots = [], [], []
    for ident in idents:
        for item in deps[ident].split("|") if deps[ident] not in ("_", "") else ():
            head, colon, relation = item.partition(":")
            if not (colon and relation and _HEAD.fullmatch(head)):
                raise StructureError(
                    f"the DEPS of word {ident} of {quoted(sentence)} have {shown(item)}, which is not "
                    "head:relation, such as 4:nsubj; correct it, and put | between several"
                )
            if head == "0":
                roots.append(index[ident])
            elif head in index:
                edges.append((index[head], index[ident]))
                labels.append(relation)
            else:
                raise StructureError(
                    f"the DEPS of word {ident} of {quoted(sentence)} name the head {head}, but there "
                    "is no such word or empty node"
                )
    names = [""] * len(sentence) + [
        empty[ident].get("form", "") for ident in idents[len(sentence) :]
    ]
    return SentenceGraph(
        [*range(len(sentence)), *[-1] * len(empty)],
        edges,
        labels,
        names if empty else None,
        roots,
    )

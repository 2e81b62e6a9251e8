"""A parsed corpus as one HTML page to search, with the tree of each sentence and statistics."""

from __future__ import annotations

import base64
import gzip
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from parsers.drawing.svg import as_script
from parsers.explorer.query import LANGUAGE, Query
from parsers.formats.conllu import format_conllu
from parsers.formats.files import atomic_writer, encoded
from structnn.sentence import Sentence, Tree

__all__ = ["CorpusStatistics", "explore", "is_projective", "statistics_of"]

_TEMPLATE = Path(__file__).parent / "template"


@dataclass(frozen=True)
class CorpusStatistics:
    """Statistics of a parsed corpus.

    Sentences without dependencies count only in ``sentences``, ``tokens``, ``unparsed``, ``lengths`` and
    ``tags``.

    Attributes:
        sentences: The number of sentences.
        tokens: The number of tokens.
        unparsed: The number of sentences without dependencies.
        projective: The number of projective sentences: no edge crosses another, or spans the root.
        mean_distance: The mean distance in tokens between a dependent and its head; 1 for neighbours.
        heads_on_the_left: The share of edges whose head precedes its dependent, from 0 to 1.
        lengths: The number of sentences of each length in tokens.
        depths: The number of sentences of each depth: edges from the root to the deepest token.
        branching: The number of tokens with each number of dependents.
        relations: The number of tokens with each relation, most frequent first; ``_`` is none.
        tags: The number of tokens with each part of speech, most frequent first; ``_`` is none.
    """

    sentences: int
    tokens: int
    unparsed: int
    projective: int
    mean_distance: float
    heads_on_the_left: float
    lengths: dict[int, int]
    depths: dict[int, int]
    branching: dict[int, int]
    relations: dict[str, int]
    tags: dict[str, int]


def statistics_of(sentences: Iterable[Sentence]) -> CorpusStatistics:
    """Compute the statistics of a parsed corpus.

    Args:
        sentences: The corpus, such as :func:`parsers.read_conllu` returns.

    Returns:
        The statistics.

    Example:
        >>> from structnn import Tree
        >>> tree = Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
        >>> statistics_of([Sentence(["dogs", "chase", "cats"], dependencies=tree)]).relations
        {'nsubj': 1, 'root': 1, 'obj': 1}
    """
    lengths: Counter[int] = Counter()
    depths: Counter[int] = Counter()
    branching: Counter[int] = Counter()
    relations: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    parsed = projective = distance = left = 0
    for sentence in sentences:
        lengths[len(sentence)] += 1
        tags.update(tag for tag in sentence.tags or () if tag != "_")
        tree = sentence.dependencies
        if tree is None:
            continue
        parsed += 1
        projective += is_projective(tree)
        depths[max(tree.depths)] += 1
        branching.update(map(len, tree.children))
        relations.update(label for label in tree.labels or () if label != "_")
        for token, head in enumerate(tree.parents):
            if head != -1:
                distance += abs(token - head)
                left += head < token
    edges = max(sum(dependents * count for dependents, count in branching.items()), 1)
    return CorpusStatistics(
        sentences=lengths.total(),
        tokens=sum(length * count for length, count in lengths.items()),
        unparsed=lengths.total() - parsed,
        projective=projective,
        mean_distance=distance / edges,
        heads_on_the_left=left / edges,
        lengths=dict(sorted(lengths.items())),
        depths=dict(sorted(depths.items())),
        branching=dict(sorted(branching.items())),
        relations=dict(relations.most_common()),
        tags=dict(tags.most_common()),
    )


def is_projective(tree: Tree) -> bool:
    """Whether each word and all its descendants are contiguous in the sentence."""
    first, last, size = list(range(len(tree))), list(range(len(tree))), [1] * len(tree)
    for node in reversed(tree.top_down):
        if last[node] - first[node] + 1 != size[node]:
            return False
        parent = tree.parents[node]
        if parent != -1:
            first[parent] = min(first[parent], first[node])
            last[parent] = max(last[parent], last[node])
            size[parent] += size[node]
    return True


def explore(
    sentences: Iterable[Sentence],
    path: str | os.PathLike[str],
    title: str = "A parsed corpus",
    query: str = "",
) -> Path:
    """Write a parsed corpus as one HTML page: search, statistics, and the tree of each sentence.

    The page holds the corpus as compressed CoNLL-U. It needs no server and no network. Statistics are of
    the sentences found, which it also saves as CoNLL-U; the address has the query and the sentence that
    is shown, so that a link to it opens with the same.

    Args:
        sentences: The corpus, such as :func:`parsers.read_conllu` returns.
        path: The HTML file to write.
        title: The title of the page.
        query: What is searched when the page opens, in the language of :mod:`parsers.explorer.query`; by
            default nothing, which finds all sentences.

    Returns:
        The path of the page.

    Raises:
        ValueError: There are no sentences.
        QueryError: The query can't be read.
        StructureError: A sentence can't be written as CoNLL-U (see :func:`parsers.write_conllu`).

    Example:
        >>> explore(read_conllu("corpus.conllu"), "corpus.html")  # doctest: +SKIP
    """
    if query:
        Query(query)
    lines = b"".join(encoded(sentence, format_conllu(sentence) + "\n") for sentence in sentences)
    if not lines:
        raise ValueError("there are no sentences to explore")
    script = "\n".join(
        (_TEMPLATE / name).read_text(encoding="utf-8")
        for name in ("corpus.js", "query.js", "pictures.js", "page.js")
    )
    page = Template((_TEMPLATE / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=(_TEMPLATE / "style.css").read_text(encoding="utf-8"),
        language=as_script(LANGUAGE),
        packed=base64.b64encode(gzip.compress(lines, compresslevel=6, mtime=0)).decode(),
        name=as_script(title),
        query=as_script(query),
        script=script,
    )
    with atomic_writer(path) as file:
        file.write(page)
    return Path(path)

"""A parsed corpus as one HTML page to search, with the tree of each sentence and statistics."""

from __future__ import annotations

import base64
import gzip
import json
import os
import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from parsers.formats.files import atomic_writer
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
        relations: The number of tokens with each relation, most frequent first.
        tags: The number of tokens with each part of speech, most frequent first.
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
    """
    lengths: Counter[int] = Counter()
    depths: Counter[int] = Counter()
    branching: Counter[int] = Counter()
    relations: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    parsed = projective = distance = left = 0
    for sentence in sentences:
        lengths[len(sentence)] += 1
        tags.update(sentence.tags or ())
        tree = sentence.dependencies
        if tree is None:
            continue
        parsed += 1
        projective += is_projective(tree)
        depths[max(tree.depths)] += 1
        branching.update(map(len, tree.children))
        relations.update(tree.labels or ())
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
    sentences: Iterable[Sentence], path: str | os.PathLike[str], title: str = "A parsed corpus"
) -> Path:
    """Write a parsed corpus as one HTML page: search, statistics, and the tree of each sentence.

    The page holds the compressed corpus, about 6 MB for 50,000 sentences of 20 words. It needs no server
    and no network.

    Args:
        sentences: The corpus, such as :func:`parsers.read_conllu` returns.
        path: The HTML file to write.
        title: The title of the page.

    Returns:
        The path of the page.

    Raises:
        ValueError: There are no sentences.

    Example:
        >>> explore(read_conllu("corpus.conllu"), "corpus.html")  # doctest: +SKIP
    """
    corpus = list(sentences)
    if not corpus:
        raise ValueError("there are no sentences to explore")
    packed = base64.b64encode(gzip.compress(_packed(corpus), compresslevel=6, mtime=0)).decode()
    statistics = json.dumps(asdict(statistics_of(corpus))).replace("<", "\\u003c")
    style, script = (
        (_TEMPLATE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js")
    )
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header><h1>{escape(title)}</h1><form id="query"></form><span id="count"></span></header>
<main><section id="list"></section><section id="view"></section></main>
<script>const statistics = {statistics};
const packed = "{packed}";

{script}</script>
</body>
</html>
"""
    with atomic_writer(path) as file:
        file.write(page)
    return Path(path)


def _packed(corpus: list[Sentence]) -> bytes:
    """The corpus by columns: a line of JSON with all strings, then unsigned integers of 4 bytes.

    The integers are, one column after the other: where each sentence begins, and the end; the depth of
    each sentence, and whether it has crossing edges; for all tokens the word, the lemma, the tag and the
    relation (as indices into the lists of strings), and the head (its position + 1, 0 for the root, and
    the largest integer where there is no tree).
    """
    tables: dict[str, dict[str, int]] = {
        name: {"": 0} for name in ("words", "lemmas", "tags", "relations")
    }
    columns = [array("I") for _ in range(8)]
    starts, depths, crossing, words, lemmas, tags, relations, heads = columns

    def place(table: str, values: Iterable[str]) -> list[int]:
        known = tables[table]
        return [known.setdefault(value, len(known)) for value in values]

    for sentence in corpus:
        size, tree = len(sentence), sentence.dependencies
        unknown = [0] * size
        starts.append(len(words))
        depths.append(max(tree.depths) if tree is not None else 0)
        crossing.append(tree is not None and not is_projective(tree))
        words.extend(place("words", sentence.tokens))
        lemmas.extend(place("lemmas", sentence.lemmas) if sentence.lemmas else unknown)
        tags.extend(place("tags", sentence.tags) if sentence.tags else unknown)
        labels = tree.labels if tree is not None else None
        relations.extend(place("relations", labels) if labels else unknown)
        heads.extend((head + 1 for head in tree.parents) if tree else [2**32 - 1] * size)
    starts.append(len(words))
    strings = {name: list(table) for name, table in tables.items()}
    names = [sentence.metadata.get("sent_id", "") for sentence in corpus]
    head = json.dumps({"names": names, **strings}).encode()
    head += b" " * (-(len(head) + 1) % 4) + b"\n"  # numbers begin at a multiple of 4
    return head + b"".join(_little_endian(column) for column in columns)


def _little_endian(column: array[int]) -> bytes:
    # `I` has 4 bytes on every platform that Python runs on today.
    if sys.byteorder == "big":
        column = array("I", column)
        column.byteswap()
    return column.tobytes()

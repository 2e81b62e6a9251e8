"""A parsed corpus as one HTML page: search it, count it, see each tree. No server, no network."""

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

from parsers.explorer.page import SCRIPT, STYLE
from parsers.formats.files import atomic_writer
from structnn.sentence import Sentence, Tree

__all__ = ["CorpusStatistics", "explore", "is_projective", "statistics_of"]


@dataclass(frozen=True)
class CorpusStatistics:
    """What a parsed corpus is like.

    Attributes:
        sentences: How many there are.
        tokens: How many there are.
        unparsed: Sentences that have no dependencies, and count in none of what follows.
        projective: Sentences in which no edge crosses another, nor covers the root.
        mean_distance: Words from a head to its dependent, 1 for neighbours.
        heads_on_the_left: The share of edges whose head comes before its dependent.
        lengths: Sentences by number of tokens.
        depths: Sentences by number of edges from the root to the deepest token.
        branching: Tokens by number of dependents.
        relations: Tokens by relation.
        tags: Tokens by part of speech.
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
    """Count what a parsed corpus is like."""
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
    """Whether the words below each word are an unbroken stretch of the sentence, with it."""
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
    """Write one HTML page with which to search a parsed corpus, count it, and see each tree.

    Everything is within the page, packed: 50,000 sentences of 20 words are some 6 MB.

    Args:
        sentences: The corpus, such as :func:`parsers.read_conllu` gives.
        path: The page to write.
        title: Of the page.

    Returns:
        The path of the page.

    Raises:
        ValueError: There is no sentence.
    """
    corpus = list(sentences)
    if not corpus:
        raise ValueError("there is no sentence to explore")
    packed = base64.b64encode(gzip.compress(_packed(corpus), compresslevel=6, mtime=0)).decode()
    statistics = json.dumps(asdict(statistics_of(corpus))).replace("<", "\\u003c")
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{escape(title)}</h1><form id="query"></form><span id="count"></span></header>
<main><section id="list"></section><section id="view"></section></main>
<script>const statistics = {statistics};
const packed = "{packed}";
{SCRIPT}</script>
</body>
</html>
"""
    with atomic_writer(path) as file:
        file.write(page)
    return Path(path)


def _packed(corpus: list[Sentence]) -> bytes:
    """The corpus in columns: a line of JSON with all strings, then numbers of 4 bytes.

    The numbers are, one row after another: where each sentence begins, and the end; for each sentence
    its depth, and whether it has crossing edges; then for all tokens the word, the lemma, the tag, the
    relation (as places in the lists of strings) and the head (its position + 1, 0 for the root, and
    the largest number where there is no tree).
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

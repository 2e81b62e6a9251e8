"""Hypothesis strategies for sentences with all that a sentence can hold."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from structnn.sentence import COLUMNS, Sentence, Tree
from structnn.sentence_graph import SentenceGraph

# Surrogates can't be saved as UTF-8. What ends a line, or seems to, is frequent.
anything = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\n\r\f \x1c\x85\u2028|=\\#_"),
    max_size=12,
)
relations = st.sampled_from(["nsubj", "obj", "nmod:poss", "punct", "root"])


@st.composite
def parents(draw: st.DrawFn, size: int) -> list[int]:
    """The parents of a random tree: nodes in a random order, each under one that came before."""
    order = draw(st.permutations(range(size)))
    heads = [-1] * size
    for rank in range(1, size):
        heads[order[rank]] = order[draw(st.integers(0, rank - 1))]
    return heads


@st.composite
def dependency_trees(draw: st.DrawFn, size: int) -> Tree:
    """A dependency tree over ``size`` tokens, with or without relations."""
    labels = draw(st.none() | st.lists(relations, min_size=size, max_size=size))
    return Tree(draw(parents(size)), labels=labels)


@st.composite
def constituency_trees(draw: st.DrawFn, size: int) -> Tree:
    """A tree with the words at its leaves, in order, numbered in preorder, with or without labels."""
    heads: list[int] = []
    tokens: list[int] = []

    def grow(first: int, last: int, parent: int, spare: int) -> None:
        node = len(heads)
        heads.append(parent)
        if last - first == 1 and not (spare and draw(st.booleans())):
            tokens.append(first)
            return
        tokens.append(-1)
        cuts = sorted(draw(st.sets(st.integers(first + 1, last - 1)))) if last - first > 1 else []
        spare = spare if cuts else spare - 1
        edges = [first, *cuts, last]
        if spare < 0:  # no longer chains of one child: split
            edges = list(range(first, last + 1))
        for left, right in pairwise(edges):
            grow(left, right, node, max(spare, 0))

    grow(0, size, -1, 2)
    phrases = st.sampled_from(["S", "NP", "VP", "X-1", "0", "4"])
    labels = draw(st.none() | st.lists(phrases, min_size=len(heads), max_size=len(heads)))
    return Tree(heads, tokens=tokens, labels=labels)


@st.composite
def sentences(
    draw: st.DrawFn,
    max_size: int = 8,
    characters: st.SearchStrategy[str] = anything,
    *,
    graphs: bool = False,
) -> Sentence:
    """A sentence with any of the things that a sentence can hold, in any characters or in these.

    ``graphs`` adds graphs that need not be trees.
    """
    size = draw(st.integers(1, max_size))
    words = characters.map(lambda text: text[:8])

    def column(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str] | None]:
        # A column of nothing but `_` means "unknown" in CoNLL-U, so that is not what to ask of it.
        known = st.lists(values, min_size=size, max_size=size)
        return st.none() | known.filter(lambda column: set(column) != {"_"})

    names = st.text("abc_-. é#\u2028", max_size=5).filter(lambda key: key == key.strip())
    keys = names | st.sampled_from(
        ["text", "constituency", "exact_values", "sentence_graph", "#multiword_tokens"]
    )
    values = characters.map(lambda text: text[:12])
    others = st.fixed_dictionaries({}, optional={name: column(words) for name in COLUMNS})
    return Sentence(
        draw(st.lists(words, min_size=size, max_size=size)),
        dependencies=draw(st.none() | dependency_trees(size)),
        constituency=draw(st.none() | constituency_trees(size)),
        tags=draw(column(words)),
        lemmas=draw(column(words)),
        text=draw(st.none() | values),
        metadata=draw(st.dictionaries(keys, values, max_size=3)),
        columns={name: values for name, values in draw(others).items() if values is not None},
        graph=draw(st.none() | sentence_graphs(size, words)) if graphs else None,
    )


@st.composite
def sentence_graphs(
    draw: st.DrawFn, size: int, texts: st.SearchStrategy[str] = relations
) -> SentenceGraph:
    """A graph over ``size`` tokens: any edges, with nodes that have no word and words without a node."""
    tokens = draw(st.permutations([*range(size), *[-1] * draw(st.integers(0, 2))]))
    tokens = tokens[: draw(st.integers(1, len(tokens)))]
    node = st.integers(0, len(tokens) - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=size))
    return SentenceGraph(
        tokens,
        edges,
        draw(st.none() | st.lists(texts, min_size=len(edges), max_size=len(edges))),
        draw(st.none() | st.lists(texts, min_size=len(tokens), max_size=len(tokens))),
        draw(st.lists(node, max_size=2)),
    )

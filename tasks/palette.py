"""The colour of each encoder, the same in all figures.

It says what an encoder reads: blue for sequences, green for trees, orange for graphs, grey for words
alone, purple for several. The first of each family is Okabe and Ito's (2008) or close to it, so that
colour-blind readers can tell families apart; encoders of one family differ in lightness.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from structnn.encoders import ENCODERS

__all__ = ["FAMILIES", "colour_of"]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "words alone": ("#6b7280", "#a3abb8", "#3b424d"),
    "sequence": ("#0072b2", "#56b4e9", "#1f2a78", "#7b8fe0", "#00a3c4", "#004c6d"),
    "tree": ("#009e73", "#7fbf5a", "#005c3f", "#3fc9a0", "#8a9a1f", "#2f7d32"),
    "graph": ("#d55e00", "#e69f00", "#8c3a00", "#f2916b", "#b8860b", "#c23b22"),
    "combined": ("#a3488c", "#cc79a7", "#5f2160", "#b48ad6"),
}
"""The colours of each kind of encoder; the first stands for the kind."""

# The most frequent come first: those that are often in one figure have the colours that differ most.
_ORDER = {
    "words alone": "bag dan",
    "sequence": "lstm bilstm rnn transformer gru cnn bigru birnn self_attentive min_gru hyper_lstm "
    "fast_weights",
    "tree": "child_sum_tree_lstm tree_gru nary_tree_lstm recursive_nn relational_tree_lstm "
    "tree_transformer bidirectional_tree_lstm attentive_tree_lstm rntn",
    "graph": "gat gcn syntactic_gcn ggnn graph_transformer gatv2 rgcn gin sage",
}
_COLOURS = {
    name: FAMILIES[kind][place % len(FAMILIES[kind])]
    for kind, names in _ORDER.items()
    for place, name in enumerate(names.split())
}


def colour_of(encoder: str) -> str:
    """The colour of an encoder, whatever else is in a figure.

    Args:
        encoder: A name, with or without options, or a chain; options don't change the colour.

    Raises:
        UnknownNameError: There is no such encoder.
    """
    names = [name for name, _ in ENCODERS.parse(encoder, ">")]
    if len(names) == 1 and names[0] in _COLOURS:
        return _COLOURS[names[0]]
    reads = frozenset[str]().union(*(ENCODERS[name].cls.reads for name in names))
    colours = FAMILIES["combined" if len(reads) > 1 else next(iter(reads), "words alone")]
    return colours[crc32(">".join(names).encode()) % len(colours)]

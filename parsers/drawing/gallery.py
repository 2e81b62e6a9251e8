"""Make the pictures of ``docs/gallery.md``: ``python -m parsers.drawing.gallery [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

import networkx as nx

from parsers.drawing.drawing import draw, draw_pair
from parsers.drawing.presets import attention, sentiment
from parsers.formats.brackets import read_brackets
from parsers.formats.conllu import read_conllu
from parsers.formats.networkx import to_networkx
from structnn.sentence import Sentence, Tree


def make_gallery(folder: Path) -> list[Path]:
    """Draw the pictures of the gallery.

    Args:
        folder: A folder with ``sentences.conllu`` and ``phrases.txt``, in which the pictures are saved.

    Returns:
        The files of the pictures.
    """
    named = {
        sentence.metadata["sent_id"]: sentence
        for sentence in read_conllu(folder / "sentences.conllu")
    }
    review, fox = read_brackets(folder / "phrases.txt")
    austen, dogs, hearing = named["austen"], named["dogs"], named["hearing"]
    drawings = {
        "tree.png": draw(austen),
        "aligned.png": draw(dogs, layout="aligned"),
        "arcs.png": draw(hearing, layout="arcs"),
        "lines.png": draw(austen, layout="arcs", width=500),
        "constituency.png": draw(fox),
        "sentiment.png": draw(review, **sentiment(review), dark=True),
        "network.png": draw(austen, layout="kamada_kawai"),
        "numbers.png": draw(
            austen,
            layout="arcs",
            node_values=_words_below(austen),
            node_title="words in the subtree",
            edge_values=_distances(austen),
            edge_title="words from head to dependent",
        ),
        "heatmap.png": draw(austen, **attention(_nearness(austen), least=0, most=None)),
        "parsers.png": draw_pair(dogs, named["dogs-parser"], titles=("by hand", "by the parser")),
        "attachment.png": draw_pair(
            named["telescope"],
            named["telescope-his"],
            titles=("I have the telescope", "He has the telescope"),
            layout="arcs",
            dark=True,
        ),
        "chinese.png": draw(named["laozi"], layout="arcs"),
        "arabic.png": draw(named["cradle"], layout="arcs"),
        "chain.png": draw(dogs, structure="left_chain", title="left chain"),
        "balanced.png": draw(dogs, structure="balanced", title="balanced"),
        "shuffled.png": draw(dogs, structure="shuffled", title="shuffled"),
    }
    for name, drawing in drawings.items():
        drawing.save(folder / name)
    draw(austen, folder / "tree.html")
    draw(hearing, folder / "arcs.tex", layout="arcs")
    return [folder / name for name in (*drawings, "tree.html", "arcs.tex")]


def _tree(sentence: Sentence) -> Tree:
    assert sentence.dependencies is not None
    return sentence.dependencies


def _words_below(sentence: Sentence) -> list[int]:
    tree = _tree(sentence)
    sizes = [1] * len(tree)
    for node in reversed(tree.top_down[1:]):
        sizes[tree.parents[node]] += sizes[node]
    return sizes


def _distances(sentence: Sentence) -> list[int]:
    return [abs(token - head) for token, head in enumerate(_tree(sentence).parents)]


def _nearness(sentence: Sentence) -> list[list[float]]:
    """Weights that add up to 1 in each row, halved by each edge of the tree between two words."""
    graph = to_networkx(sentence).to_undirected()
    steps = dict(nx.all_pairs_shortest_path_length(graph))
    words = range(len(sentence))
    rows = [[0.0 if one == other else 0.5 ** steps[one][other] for other in words] for one in words]
    return [[weight / sum(row) for weight in row] for row in rows]


if __name__ == "__main__":
    for picture in make_gallery(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/gallery")):
        print(picture)

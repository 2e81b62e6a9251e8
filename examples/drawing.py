"""Draw a parse, and what a network does with it.

python examples/drawing.py pictures
"""

import sys
from pathlib import Path

import torch

from parsers import StanzaParser, draw, draw_pair, with_structure
from structnn import Batch, build_encoder, noting


def main(folder: str | Path, text: str = "The dogs that the cat chased bark.") -> list[Path]:
    """Write four pictures: arcs, a tree, a tree with gates, and the parse beside a random tree."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (sentence,) = StanzaParser("en").parse([text])
    draw(sentence, folder / "arcs.svg", layout="arcs")
    draw(sentence, folder / "tree.svg", layout="tree", title=text)

    torch.manual_seed(0)
    encoder = build_encoder("child_sum_tree_lstm", input_dim=32, hidden_dim=32).eval()
    batch = Batch.from_sentences([sentence])
    with noting() as notes, torch.no_grad():
        encoder(torch.randn(batch.num_tokens, 32), batch)
    gates = notes.of("forget gates").mean(1)  # (nodes,), of each node as a child
    draw(
        sentence,
        folder / "gates.svg",
        edge_values=gates.tolist(),
        edge_title="mean forget gate, before training",
    )

    (random,) = with_structure([sentence], "random")
    draw_pair(sentence, random, folder / "pair.svg", titles=("parse", "random tree"))
    return sorted(folder.iterdir())


if __name__ == "__main__":
    for picture in main(sys.argv[1] if len(sys.argv) > 1 else "pictures"):
        print(picture)

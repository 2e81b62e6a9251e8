"""The sentences of a treebank with 4 to 15 words, on which more can be trained in the same time.

``python docs/results/short_sentences.py FOLDER OUT`` reads ``train.conllu``, ``dev.conllu`` and
``test.conllu`` in FOLDER and writes three files of the same names in OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path

from parsers import read_conllu, write_conllu

SHORTEST, LONGEST = 4, 15


def main(folder: Path, out: Path) -> None:
    """Write the three files."""
    out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        sentences = read_conllu(folder / f"{split}.conllu")
        short = [one for one in sentences if SHORTEST <= len(one) <= LONGEST]
        write_conllu(short, out / f"{split}.conllu")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

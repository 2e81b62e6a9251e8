"""The sentences of a treebank whose words are to be put in order, by length.

``python docs/results/realisation.py FOLDER OUT`` reads ``train.conllu``, ``dev.conllu`` and
``test.conllu`` in FOLDER and writes the rows of those with 4 to 20 words as ``structnn shuffle`` writes
them, for each a ``.jsonl`` in OUT.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from parsers import read_conllu
from tasks.data.realisation import shuffled_rows

SHORTEST, LONGEST = 4, 20
"""In words: with fewer there is little to be put in order, and longer ones take most of the time."""


def main(folder: Path, out: Path) -> None:
    """Write the three files."""
    out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        sentences = [
            sentence
            for sentence in read_conllu(folder / f"{split}.conllu")
            if SHORTEST <= len(sentence) <= LONGEST
        ]
        rows = shuffled_rows(sentences, name=str(folder / f"{split}.conllu"))
        with (out / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

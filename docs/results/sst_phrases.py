"""The labelled phrases of SST's training trees, each an example of its own, as Kim (2014) has them.

``python docs/results/sst_phrases.py FOLDER OUT`` reads the treebank in FOLDER and writes
``train.jsonl``, every different phrase that is positive or negative, and whole sentences in
``dev.jsonl`` and ``test.jsonl``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from parsers import read_brackets
from structnn import Sentence
from tasks.data.corpora import node_labels


def labelled(sentence: Sentence, *, phrases: bool) -> Iterator[tuple[list[str], str]]:
    """Tokens and label of the sentence, or of every phrase in it; none of what is neutral."""
    tree, names = sentence.constituency, node_labels(fine=False)
    assert tree is not None
    assert tree.labels is not None
    words: list[list[int]] = [[] for _ in tree.parents]
    for node in reversed(
        range(len(tree))
    ):  # nodes are in preorder: children come behind their parent
        words[node] += [tree.tokens[node]] if tree.tokens and tree.tokens[node] >= 0 else []
        if tree.parents[node] >= 0:
            words[tree.parents[node]] += words[node]
        if tree.labels[node] in names and (phrases or tree.parents[node] < 0):
            yield (
                [sentence.tokens[place] for place in sorted(words[node])],
                names[tree.labels[node]],
            )


def main(folder: Path, out: Path) -> None:
    """Write the three files."""
    out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        found = [
            json.dumps({"text": tokens, "label": label}, ensure_ascii=False)
            for sentence in read_brackets(folder / f"{split}.txt")
            for tokens, label in labelled(sentence, phrases=split == "train")
        ]
        lines = dict.fromkeys(found)
        (out / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{split}: {len(lines)} of {len(found)}, each once")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

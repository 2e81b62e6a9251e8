"""Which test examples each run got right, as bits; and what they say of the encoders.

``python docs/results/bits.py write EXPERIMENT FILE`` writes them from the folder of an experiment.
``python docs/results/bits.py decide FILE`` makes every comparison again from the file alone.

The file is JSON Lines: for each data set a line with the kind of each encoder and the examples that
belong together, then a line for each run. Bits are hexadecimal, the first example first; of what was
varied only what isn't the default of :class:`tasks.results.condition.Condition` is written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tasks.results.condition import Condition
from tasks.results.families import families_of
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.summary import family_in_words
from tasks.results.verdicts import numbered


def lines_of(experiment: Path) -> Iterator[dict[str, object]]:
    """What the file of an experiment holds: for each data set its head, then its runs."""
    results = load_results(experiment)
    cells = measure(results).scored
    for data in results.data:
        examples = results.examples[data]
        # Experiments of version 0.2.0 and before don't say what belongs together.
        clusters = numbered([one.cluster or place for place, one in enumerate(examples)])
        places = [
            np.flatnonzero(clusters == number).tolist() for number in range(clusters.max() + 1)
        ]
        of_data = [cell for cell in cells if cell.condition.data == data]
        yield {
            "data": data,
            "examples": len(clusters),
            "together": [group for group in places if len(group) > 1],
            "kinds": {cell.encoder: cell.kind for cell in of_data},
        }
        for cell in of_data:
            for seed, correct in zip(cell.seeds, cell.own_scores, strict=True):
                bits = np.packbits(correct.astype(bool)).tobytes().hex()
                yield {**_varied(cell.condition), "seed": seed, "correct": bits}


def _varied(condition: Condition) -> dict[str, object]:
    plain = vars(Condition(condition.data, ""))
    return {name: value for name, value in vars(condition).items() if value != plain[name]}


def decide(file: Path) -> Iterator[str]:
    """The comparisons of all encoders and conditions, in words."""
    heads: list[dict[str, Any]] = []
    runs: list[dict[Condition, list[np.ndarray]]] = []
    for text in file.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "kinds" in line:
            heads.append(line)
            runs.append({})
            continue
        packed = np.frombuffer(bytes.fromhex(line.pop("correct")), np.uint8)
        del line["seed"]
        condition = Condition(data=heads[-1]["data"], **line)
        runs[-1].setdefault(condition, []).append(np.unpackbits(packed)[: heads[-1]["examples"]])
    for head, rows in zip(heads, runs, strict=True):
        clusters = list(range(head["examples"]))
        for group in head["together"]:
            for place in group:
                clusters[place] = group[0]
        scores = {condition: np.array(of_seeds) for condition, of_seeds in rows.items()}
        for family in families_of(scores, head["kinds"], clusters={head["data"]: clusters}):
            yield f"## {head['data']}: {family.question}"
            yield from (f"- {line}" for line in family_in_words(family))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write")
    write.add_argument("experiment", type=Path)
    write.add_argument("file", type=Path)
    commands.add_parser("decide").add_argument("file", type=Path)
    given = parser.parse_args()
    if given.command == "write":
        text = "".join(json.dumps(line) + "\n" for line in lines_of(given.experiment))
        given.file.write_text(text, encoding="utf-8")
    else:
        print("\n".join(decide(given.file)))


if __name__ == "__main__":
    main()

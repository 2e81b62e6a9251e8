"""The folder of an experiment as `structnn compare` leaves it, with made-up predictions."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tasks.results.condition import Condition
from tasks.storage import write_json, write_json_lines

READS = {
    "bag": [],
    "cnn": ["sequence"],
    "bilstm": ["sequence"],
    "transformer": ["sequence"],
    "child_sum_tree_lstm": ["tree"],
    "gat": ["graph"],
    "gcn": ["graph"],
    "bilstm>gat": ["graph", "sequence"],
}
SKILL = {"bag": 1.0, "cnn": 2.0, "bilstm": 1.8, "transformer": 1.7, "gat": 2.1, "bilstm>gat": 2.2}


def make_examples(size: int = 60, seed: int = 0) -> list[dict[str, Any]]:
    """Small sentences with trees, some of them questions, negated, coordinated, seen in train."""
    rng = np.random.default_rng(seed)
    subjects, verbs, objects = ("dogs", "people", "<b>doctors</b>"), ("like", "see"), ("cats", "it")
    rows = []
    for number in range(size):
        verb = 2 + (number % 3 == 0) + (number % 4 == 0)
        words = []  # (token, head, relation, tag)
        if number % 4 == 0:
            words.append((("Why", "Who", "What")[number // 4 % 3], verb, "advmod", "ADV"))
        words.append((subjects[number % 3], verb, "nsubj", "NOUN"))
        if number % 3 == 0:
            words.append(("never", verb, "advmod", "ADV"))
        words.append((verbs[number % 2], 0, "root", "VERB"))
        words.append((objects[number % 2], verb, "obj", "NOUN"))
        for _ in range(int(rng.integers(0, 6))):
            words.append(("and", len(words) + 2, "cc", "CCONJ"))
            words.append(("birds", verb + 1, "conj", "NOUN"))
        if number % 4 == 0:
            words.append(("?", verb, "punct", "PUNCT"))
        tokens, heads, relations, tags = map(list, zip(*words, strict=True))
        rows.append(
            {
                "source": f"made up:{number + 1}",
                "text": " ".join(tokens),
                "label": ("low", "middle", "high")[number % 3],
                "columns": {"genre": ("news", "novel")[number % 2], "id": f"x{number}"},
                "tokens": tokens,
                "heads": heads,
                "relations": relations,
                "tags": tags,
                "trees": {},
                "unknown_share": number % 5 / 10,
                "overlap": number % 10 == 0,
            }
        )
    return rows


def with_phrases(row: Mapping[str, Any]) -> dict[str, Any]:
    """An example with a constituency tree too: words hang on a spine, all with sentiments."""
    words = len(row["tokens"])
    # The spine is 0, 2, 4, ...; on each node of it hang a word and the rest, on the last one two words.
    parents = [-1, *(node for spine in range(0, 2 * words - 2, 2) for node in (spine, spine))]
    tokens = [-1] * len(parents)
    tokens[1::2] = range(words - 1)
    tokens[-1] = words - 1
    labels = [str(node % 5) for node in range(len(parents))]
    tree = {"parents": parents, "tokens": tokens, "labels": labels}
    return {**row, "trees": {"constituency": tree}}


def make_grid(
    data: Sequence[str] = ("toys",),
    encoders: Sequence[str] = tuple(READS),
    structures: Sequence[str] = ("parse",),
    noises: Sequence[float] = (0.0,),
    embeddings: Sequence[str] = ("learned",),
    fractions: Sequence[float] = (1.0,),
) -> list[Condition]:
    """All conditions; encoders of sequences are not run on other structures or noisier parses."""
    grid = []
    for name, embedding, encoder in itertools.product(data, embeddings, encoders):
        reads = bool({"tree", "graph"} & set(READS[encoder]))
        settings = [(structure, 0.0, 1.0) for structure in structures[: None if reads else 1]]
        settings += [("parse", noise, 1.0) for noise in noises if noise and reads]
        settings += [("parse", 0.0, fraction) for fraction in fractions if fraction < 1]
        for structure, noise, fraction in settings:
            grid.append(Condition(name, encoder, structure, noise, embedding, fraction))
    return grid


def write_experiment(
    folder: Path,
    examples: Mapping[str, Sequence[Mapping[str, Any]]],
    grid: Sequence[Condition],
    *,
    seeds: int = 2,
    folds: int = 0,
    labels: Mapping[str, Sequence[str]] | None = None,
    ordered: bool = False,
    tuning: Mapping[str, Sequence[float]] | None = None,
    unfinished: Sequence[tuple[Condition, str]] = (),
) -> Path:
    """Write a whole experiment, each run in its folder.

    Args:
        folder: Where.
        examples: For each data set its test examples.
        grid: The conditions.
        seeds: Seeds of each.
        folds: Folds of each seed; none if 0.
        labels: For each data set its labels.
        ordered: Whether they are a scale.
        tuning: The scores of trials on dev.
        unfinished: Conditions that failed with seed 0, and why.
    """
    runs = []
    failed = dict(unfinished)
    for number, condition in enumerate([*grid, *failed]):
        for seed, fold in itertools.product(range(seeds), range(1, folds + 1) if folds else [None]):
            path = f"run-{number}" + (f"/fold={fold}-of-{folds}" if folds else "") + f"/seed-{seed}"
            runs.append(
                {"folder": path, "seed": seed, "fold": fold, "condition": asdict(condition)}
            )
            if condition in failed:
                (folder / path).mkdir(parents=True, exist_ok=True)
                (folder / path / "error.txt").write_text(f"Traceback\n{failed[condition]}\n")
                continue
            rows = examples[condition.data]
            if fold is not None:
                bounds = np.linspace(0, len(rows), folds + 1).astype(int)
                rows = rows[bounds[fold - 1] : bounds[fold]]
            _write_run(
                folder / path, condition, seed, rows, _labels(examples, labels, condition.data)
            )
    known = {}
    for name, rows in examples.items():
        write_json_lines(folder / "examples" / f"{name}.jsonl", rows)
        known[name] = {
            "labels": _labels(examples, labels, name),
            "ordered": ordered,
            "notes": [f"{name} is made up"],
            "sizes": {"train": 100, "dev": 20, "test": len(rows)},
            "fingerprint": "f00d" * 16,
            "parser": "beef" * 16,
        }
    write_json(
        folder / "experiment.json",
        {
            "command": ["structnn", "compare", "--data", ",".join(examples), "--seeds", str(seeds)],
            "options": {"data": ",".join(examples), "seeds": seeds, "epochs": 20},
            "encoders": {
                c.encoder: {"reads": READS[c.encoder], "width": 128, "arity": None} for c in grid
            },
            "versions": {"python": "3.11", "structnn": "0.1.0", "torch": "2.13.0"},
            "tuning": tuning or {},
            "data": known,
            "runs": runs,
        },
    )
    return folder


def _labels(examples, labels, name) -> list[str]:
    if labels is not None:
        return list(labels[name])
    return list(dict.fromkeys(row["label"] for row in examples[name]))


def _write_run(
    folder: Path, condition: Condition, seed: int, rows: Sequence[Mapping[str, Any]], labels
) -> None:
    key = json.dumps(asdict(condition)) + str(seed)
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    skill = SKILL.get(condition.encoder, 2.0) + 0.15 * rng.standard_normal()
    skill -= {"parse": 0.0, "random": 0.7, "balanced": 0.4}.get(condition.structure, 0.3)
    skill += 0.6 * np.log10(condition.fraction) * 2 - 2 * condition.noise
    skill += 0.2 * (condition.embedding != "learned")
    structured = bool({"tree", "graph"} & set(READS[condition.encoder]))
    predictions = []
    for row in rows:
        ease = np.random.default_rng(zlib.crc32(row["text"].encode())).normal(0, 1.5)
        lean = np.random.default_rng(zlib.crc32(row["source"].encode())).normal(0, 1.2)
        ease += lean if structured else -lean
        ease -= 0.05 * (len(row["tokens"]) - 8) * (1 if structured else 2)
        right = rng.random() < 1 / (1 + np.exp(-(skill + ease)))
        others = [label for label in labels if label != row["label"]]
        guess = row["label"] if right else others[int(len(others) * rng.random() ** 2)]
        sure = min(0.98, max(1 / len(labels) + 0.05, float(rng.beta(6, 1.5))))
        rest = (1 - sure) / (len(labels) - 1)
        predictions.append(
            {
                "source": row["source"],
                "text": row["text"],
                "label": row["label"],
                "prediction": guess,
                "probabilities": {label: sure if label == guess else rest for label in labels},
            }
        )
    accuracy = float(np.mean([row["label"] == row["prediction"] for row in predictions]))
    best = int(rng.integers(4, 9))
    history = [
        {
            "number": number,
            "train_loss": 1.5 * 0.8**number,
            "dev_loss": 0.6 + 0.9 * 0.7**number + 0.02 * number,
            "dev_score": accuracy * (1 - 0.5 * 0.6**number) + 0.01 * float(rng.standard_normal()),
            "seconds": 2.0,
            "sentences": 100,
        }
        for number in range(1, best + 3)
    ]
    width = 1 + zlib.crc32(condition.encoder.encode()) % 5
    write_json_lines(folder / "test.jsonl", predictions)
    write_json(folder / "history.json", history)
    write_json(
        folder / "result.json",
        {
            "parameters": {"embedding": 100_000, "encoder": 60_000 * width, "head": 390},
            "dev_score": min(1.0, accuracy + 0.01),
            "test_score": accuracy,
            "best_epoch": best,
            "epochs": best + 2,
            "train_speed": 900.0 * (6 - width) + float(rng.normal(0, 20)),
            "inference_speed": 5000.0 * (6 - width),
            "node_accuracy": None,
            "words_with_vectors": None,
        },
    )

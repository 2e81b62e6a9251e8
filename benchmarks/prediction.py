"""One prediction by a model that is loaded already: ``python -m benchmarks.prediction --help``."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.parsing import TextFile, read_texts
from benchmarks.report import console, write_json
from benchmarks.timing import use_one_thread
from benchmarks.tree_data import DEFAULT_CONLLU
from structnn import UNIVERSAL_RELATIONS, Vocabulary
from structnn.fused.build import SWITCH
from tasks.data.options import ParserOptions
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor

WAYS = {"with operators": "1", "PyTorch alone": "0"}
WARM_UP = 20  # predictions that are not counted


def main(
    file: TextFile = None,
    encoders: Annotated[
        str, typer.Option(help="Encoders, with commas between them.")
    ] = "bilstm,child_sum_tree_lstm,gat",
    texts: Annotated[int, typer.Option(min=1, help="Largest number of texts for each.")] = 200,
    out: Annotated[Path, typer.Option(help="Folder for prediction.json.")] = Path("runs/bench"),
) -> None:
    """Time predictions for one text at a time, on one thread, with parsing.

    Texts have 8 to 16 words with spaces between them. Weights are random, which takes the time that
    trained ones take. Each text is new to all, and those that compute without operators
    (`STRUCTNN_FUSED=0`) take turns with those that have them.
    """
    use_one_thread()
    read = [text for text in dict.fromkeys(read_texts(file or DEFAULT_CONLLU)) if is_short(text)]
    if not read:
        raise typer.BadParameter("there is no text of 8 to 16 words in it")
    random.Random(0).shuffle(read)
    read = read[: texts + WARM_UP]
    results: dict[str, Any] = {"file": (file or DEFAULT_CONLLU).name, "encoders": {}}
    table = Table("encoder", "", title="Milliseconds for a text")
    for clock in ("processor", "quartiles", "wall", "quartiles"):
        table.add_column(clock, justify="right")
    for encoder in encoders.split(","):
        found = results["encoders"][encoder] = measure(encoder, read)
        for way, clocks in found.items():
            cells = []
            for quartiles in clocks.values():
                lower, median, upper = quartiles
                cells += [f"{median:.1f}", f"{lower:.1f} to {upper:.1f}"]
            table.add_row(encoder, way, *cells)
    console.print(table)
    write_json(out / "prediction.json", results)


def is_short(text: str) -> bool:
    """Whether a text is a sentence as people write them into a form."""
    return 8 <= len(text.split()) <= 16


def measure(encoder: str, texts: list[str]) -> dict[str, dict[str, list[float]]]:
    """The quartiles of the milliseconds that a prediction takes, by way and by clock."""
    predictors = {way: Predictor(untrained(encoder, texts)) for way in WAYS}
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    before = os.environ.get(SWITCH)
    try:
        for number, text in enumerate(texts):
            for way in sorted(WAYS, reverse=bool(number % 2)):
                os.environ[SWITCH] = WAYS[way]
                begin = time.process_time(), time.perf_counter()
                predictors[way].predict([text])
                end = time.process_time(), time.perf_counter()
                taken[way].append((end[0] - begin[0], end[1] - begin[1]))
    finally:
        os.environ.pop(SWITCH)
        if before is not None:
            os.environ[SWITCH] = before
    found = {}
    for way, pairs in taken.items():
        counted = np.array(pairs[WARM_UP:] or pairs) * 1000
        quartiles = np.percentile(counted, [25, 50, 75], axis=0).T.tolist()
        found[way] = dict(zip(("processor", "wall"), quartiles, strict=True))
    return found


def untrained(encoder: str, texts: list[str]) -> SavedModel:
    """A classifier of the usual widths that knows all words."""
    task = Task(labels=("one", "other"))
    words = Vocabulary(sorted({word for text in texts for word in text.lower().split()}))
    options = ModelOptions(encoder=encoder)
    model = build_model(options, task, words).eval()
    return SavedModel(model, options, UNIVERSAL_RELATIONS, "parse", ParserOptions(), task)


if __name__ == "__main__":
    typer.run(main)

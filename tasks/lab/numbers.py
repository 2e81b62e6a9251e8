"""The numbers of an experiment as files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.lab.experiments import Measured
from tasks.storage import write_json, write_text

__all__ = ["write_numbers"]


def write_numbers(
    path: Path, measured: Sequence[Measured], summaries: Sequence[Any], words: Sequence[str]
) -> None:
    """Write ``path.csv``, a row for each measurement, and ``path.json``, what was made of them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    columns = list(dict.fromkeys(name for table in measured for name in table.columns))
    rows.writerow(["encoder", "seed", *columns])
    for table in measured:
        size = len(table.columns["sentence"])
        listed = [
            [_cell(value) for value in table.columns[name].tolist()]
            if name in table.columns
            else [""] * size
            for name in columns
        ]
        rows.writerows([table.name, table.seed, *row] for row in zip(*listed, strict=True))
    write_text(path.with_suffix(".csv"), text.getvalue())
    write_json(
        path.with_suffix(".json"),
        {"found": list(words), "encoders": [_plain(summary) for summary in summaries]},
    )


def _cell(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.6g}"


def _plain(value: Any) -> Any:
    """A dataclass, an array or a number as JSON has them."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return [_plain(entry) for entry in value.tolist()]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

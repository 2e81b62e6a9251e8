"""What a benchmark leaves behind: tables on the terminal, a JSON file, and a chart."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Measurement, Quartiles
from structnn.fused import processor
from structnn.fused.build import instructions

__all__ = ["bar_chart", "console", "machine", "print_measurement", "write_json"]

console = Console(width=None if sys.stdout.isatty() else 110)
PACKAGES = ("structnn", "torch", "torch-geometric", "dgl", "pytorch-tree-lstm", "stanza", "numpy")


def machine() -> dict[str, Any]:
    """The processor, the system, and the versions of what was measured."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "processor": processor.model(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "operators": " ".join(instructions()) or "none",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def print_measurement(
    title: str, measurement: Measurement, reference: str, *, unit: str = "us a node"
) -> None:
    """A row for each contender: its time, and how many times that of the reference it takes.

    Args:
        title: What was measured.
        measurement: Times in seconds for one unit of size.
        reference: The contender that the others are compared with.
        unit: What the times are called once they are in microseconds.
    """
    table = Table(title=f"{title}; {measurement.repeats} batches", title_justify="left")
    table.add_column("contender")
    for heading in (unit, "quartiles", "ratio", "quartiles", "with collation", "ratio"):
        table.add_column(heading, justify="right")
    for name in measurement.names:
        alone = measurement.seconds(name)
        ratio = measurement.ratio(name, reference)
        collated = measurement.seconds(name, collation=True)
        collated_ratio = measurement.ratio(name, reference, collation=True)
        table.add_row(
            name,
            f"{alone.median * 1e6:.3g}",
            _range(alone, 1e6),
            f"{ratio.median:.2f}",
            _range(ratio, 1),
            f"{collated.median * 1e6:.3g}",
            f"{collated_ratio.median:.2f}",
        )
    console.print(table)


def _range(quartiles: Quartiles, factor: float) -> str:
    return f"{quartiles.lower * factor:.3g} to {quartiles.upper * factor:.3g}"


def write_json(path: Path, results: Mapping[str, Any]) -> None:
    """The results and the machine that they come from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), **results}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def bar_chart(
    path: Path,
    groups: Mapping[str, Mapping[str, float]],
    title: str,
    label: str,
    colours: Mapping[str, str],
) -> None:
    """Bars side by side for the contenders of each group.

    Args:
        path: A PNG file.
        groups: For each group the length of each contender's bar.
        title: Above the chart.
        label: What the lengths are.
        colours: The colour of each contender.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 0.22 * sum(map(len, groups.values()))), layout="constrained")
    axes = figure.add_subplot()
    row, ticks = 0.0, []
    for group, bars in groups.items():
        start = row
        for name, length in bars.items():
            axes.barh(row, length, color=colours[name], height=0.9)
            axes.text(length, row, f" {name}: {length:.3g}", va="center", fontsize=7)
            row += 1
        ticks.append(((start + row - 1) / 2, group))
        row += 0.8
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.set_ylim(row - 0.8, -1)
    axes.set_xlabel(label)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)

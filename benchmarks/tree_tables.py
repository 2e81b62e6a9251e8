"""The results of :mod:`benchmarks.trees` as Markdown, for ``docs/performance.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["markdown"]

Row = Mapping[str, Any]
PASSES = ("forward", "forward + backward")


def markdown(results: Mapping[str, Sequence[Row]]) -> str:
    """All tables, each under a line that says what it shows."""
    parts = []
    peers = results.get("peers", ())
    for which in PASSES:
        parts.append((f"Child-sum Tree-LSTM, {which}", _times(peers, which)))
    for title, key in (("without", "ratio"), ("with", "ratio with collation")):
        parts.append(
            (
                f"Time / time of structnn, {title} collation: {' / '.join(PASSES)}",
                _ratios(peers, key),
            )
        )
    variants = results.get("variants", ())
    binary = [row for row in variants if "work" not in row]
    parts.append((f"Binary Tree-LSTM: {' / '.join(PASSES)}", _ratios(binary, "ratio")))
    beside = [row for row in variants if "work" in row]
    parts.append((f"Beside child-sum: {' / '.join(PASSES)}", _work(beside)))
    parts.append(("Deep chains", _ratios(results.get("depth", ()), "ratio")))
    parts.append(("Bytes a node, training", _memory(results.get("memory", ()))))
    parts.append(("Microseconds a node", _growth(results.get("growth", ()))))
    return "\n".join(f"{title}\n\n{table}\n" for title, table in parts if table)


def _times(rows: Sequence[Row], which: str) -> str:
    """Microseconds a node, medians with quartiles."""
    chosen = [row for row in rows if row["pass"] == which]
    names = _names(chosen)
    lines = []
    for row in chosen:
        cells = []
        for name in names:
            times = row["contenders"].get(name)
            if times is None:
                cells.append("")
            else:
                lower, median, upper = (
                    times["seconds"][key] * 1e6 for key in ("lower", "median", "upper")
                )
                cells.append(f"{median:.3g} ({lower:.3g} to {upper:.3g})")
        lines.append([*_place(row), *cells])
    return _table(["trees", "hidden", "batch", *names], lines)


def _ratios(rows: Sequence[Row], key: str) -> str:
    """Medians of the ratios within each repeat, both passes in one cell."""
    places: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        places.setdefault(_place(row), {})[row["pass"]] = row["contenders"]
    names = [name for name in _names(rows) if name != rows[0]["reference"]]
    lines = []
    for place, passes in places.items():
        cells = [
            " / ".join(f"{passes[which][name][key]['median']:.2f}" for which in PASSES)
            if name in passes[PASSES[0]]
            else ""
            for name in names
        ]
        lines.append([*place, *cells])
    return _table(["trees", "hidden", "batch", *names], lines)


def _work(rows: Sequence[Row]) -> str:
    """What each Tree-LSTM takes beside the child-sum one, and beside the products that it adds."""
    lines = []
    for name in _names(rows):
        work = rows[0]["work"][name]
        ratios = [row["contenders"][name]["ratio"]["median"] for row in rows]
        times = " / ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(
            [name, f"{work:.2f}", times, " / ".join(f"{ratio / work:.2f}" for ratio in ratios)]
        )
    return _table(["", "products", "time", "time / products"], lines)


def _memory(rows: Sequence[Row]) -> str:
    names = _names(rows)
    lines = [
        [
            f"{row['measure'].replace('_', ' ')}, batch {row['batch']}",
            *(
                f"{row['contenders'][name]['bytes a node']['median']:,.0f} "
                f"({row['contenders'][name]['ratio']['median']:.2f})"
                for name in names
            ),
        ]
        for row in rows
    ]
    return _table(["", *names], lines)


def _growth(rows: Sequence[Row]) -> str:
    steps = ("collation", *PASSES)
    lines = [
        [
            row["trees"],
            f"{row['nodes']:,}",
            str(row["levels"]),
            *(f"{row[step] / row['nodes'] * 1e6:.2f}" for step in steps),
        ]
        for row in rows
    ]
    return _table(["trees", "nodes", "levels", *steps], lines)


def _place(row: Row) -> tuple[str, str, str]:
    return str(row["trees"]), str(row["hidden"]), str(row["batch"])


def _names(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row["contenders"]))


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

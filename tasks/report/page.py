"""The report as one HTML page that needs no network, with tables and figures as files beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from tasks.data.examples import counted
from tasks.folders import folder_name
from tasks.report import tables
from tasks.report.browser import browser
from tasks.report.groups import Group, groups_of
from tasks.report.sections import Card, Section, cards, reproduction, sections
from tasks.report.shell import style, templates
from tasks.report.words import listed, structure_findings
from tasks.results.folder import Results, load_results
from tasks.results.measures import Measures, measure
from tasks.results.slices import Dimension, divide
from tasks.results.summary import runs_without_result
from tasks.storage import write_text

__all__ = ["run_report", "write_report"]


def run_report(folder: Path) -> Path:
    """Make the report of a saved experiment anew; nothing is trained.

    Args:
        folder: The folder of the experiment.

    Returns:
        The page.

    Raises:
        StorageError: There is no experiment in the folder, or a file is damaged.
        ValueError: No run has predictions on a test set.
    """
    return write_report(measure(load_results(folder)), folder)


def write_report(measures: Measures, out: Path) -> Path:
    """Write ``report.html``, ``results.csv``, ``results.md``, ``results.tex`` and ``figures/``.

    Args:
        measures: The experiment.
        out: The folder to write to.

    Returns:
        The page.

    Raises:
        ValueError: No run has predictions on a test set.
    """
    results, groups = measures.results, groups_of(measures)
    dimensions = {
        name: divide(results.examples[name], results.data[name].question)
        for name in dict.fromkeys(g.data for g in groups)
    }
    findings = {group.name: structure_findings(group) for group in groups}
    found = sections(results, groups, dimensions, findings)
    _write_tables(groups, results, out)
    _write_figures(found, out / "figures")
    page = out / "report.html"
    write_text(page, _page(results, groups, found, dimensions, cards(groups, findings, dimensions)))
    return page


def _page(
    results: Results,
    groups: Sequence[Group],
    found: Sequence[Section],
    dimensions: Mapping[str, Sequence[Dimension]],
    summary: Sequence[Card],
) -> str:
    environment = templates("tasks.report")
    script = files("tasks.report") / "template" / "report.js"
    unfinished = [
        (path.relative_to(results.folder).as_posix(), results.error(path) or "not run yet")
        for path in results.unfinished
    ]
    encoders = {member.encoder for group in groups for member in group.members}
    environment.filters["named"] = _marking(encoders)
    names = [group.name for group in groups]
    environment.filters["apart"] = lambda title: _apart(title, names)
    seeds = max(len(member.seeds) for group in groups for member in group.members)
    data = list(dict.fromkeys(group.data for group in groups))
    return environment.get_template("report.html").render(
        title=f"{', '.join(data)}: does structure help?",
        subtitle=(
            f"{counted(len(encoders), 'encoder')} on {listed(data)}, "
            f"{'one seed' if seeds == 1 else f'{seeds} seeds'} each"
        ),
        cards=summary,
        sections=found,
        unfinished=unfinished,
        reproduction=reproduction(results),
        browser=browser(groups, results.examples, dimensions),
        style=style(),
        script=Markup(script.read_text(encoding="utf-8")),
    )


def _marking(names: Iterable[str]) -> Callable[[str], Markup]:
    """A filter that sets the names of encoders in a text apart."""
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w>])(" + "|".join(map(re.escape, longest)) + r")(?![\w>(])")

    def marked(text: str) -> Markup:
        parts = pattern.split(text)
        return Markup("").join(
            Markup('<b class="name">{}</b>').format(part) if place % 2 else part
            for place, part in enumerate(parts)
        )

    return marked


def _apart(title: str, groups: Sequence[str]) -> str:
    """A title without the name of the group, where there is only one."""
    if len(groups) > 1 or not title.startswith(groups[0]):
        return title
    rest = title.removeprefix(groups[0]).removeprefix(": ")
    return rest[:1].upper() + rest[1:]


def _write_tables(groups: Sequence[Group], results: Results, out: Path) -> None:
    shown = [
        table(group) for group in groups for table in (tables.encoder_table, tables.pair_table)
    ]
    shown = [table for table in shown if table.rows]
    write_text(out / "results.csv", tables.results_table(groups).to_csv())
    missing = [line for name in results.data for line in runs_without_result(results, name)]
    sections = [f"## {table.title}\n\n{table.to_markdown()}" for table in shown]
    if missing:
        sections.append("## Runs without a result\n\n" + "".join(f"- {line}\n" for line in missing))
    write_text(out / "results.md", "\n".join(sections))
    write_text(out / "results.tex", "\n".join(table.to_latex() for table in shown))


def _write_figures(found: Sequence[Section], folder: Path) -> None:
    times: Counter[str] = Counter()
    for section in found:
        for part in section.parts:
            for figure in part.figures:
                # Names of data sets and encoders are in them: long ones, or alike but for marks.
                name = folder_name(figure.name, longest=200)
                times[name] += 1
                name += f"-{times[name]}" * (times[name] > 1)
                figure.save(folder, name)

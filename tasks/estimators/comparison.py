"""A comparison of encoders in one call, as ``structnn compare`` makes it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, cast

import torch
from markupsafe import Markup

from tasks.console import progress, quietly
from tasks.data.columns import text_column
from tasks.data.options import DataOptions
from tasks.data.parsing import SPLITS, ParsedDataset, with_sentences
from tasks.data.questions import Answers, Question, Reads
from tasks.data.structures import needs_parser
from tasks.estimators.answers import Numbers, Values, are_numbers, are_sets, are_trees, values_for
from tasks.estimators.asked import Part, asked_data, part_of
from tasks.estimators.columns import Column, Row
from tasks.estimators.reading import caching_parser, read, texts_to_parse
from tasks.experiments.experiment import ExperimentFailed, run_on
from tasks.experiments.options import CompareOptions
from tasks.options import names_in, part
from tasks.report import run_report
from tasks.results.measures import CellMeasures, ScoredCell
from tasks.results.statistics import Comparison, OverSeeds
from tasks.results.summary import Summary
from tasks.storage import StorageError

__all__ = ["EncoderComparison", "compare_encoders"]

NAME = "texts"
"""What the data set is called in tables."""


@dataclass(frozen=True, eq=False)
class EncoderComparison:
    """The outcome of a comparison; a notebook shows its table and verdicts.

    Attributes:
        summary: The outcome as the command prints it.
        folder: What the runs wrote: models, predictions, tables and the report. Unless a folder was
            given, it is deleted with this object.
    """

    summary: Summary
    folder: Path

    @property
    def table(self) -> Any:
        """A row for each encoder: a ``pandas.DataFrame`` if pandas is installed, else a list of dicts.

        Scores are from 0 to 1, over the seeds: ``test`` is the mean, ``test_sd`` the standard deviation,
        ``test_low`` and ``test_high`` the ends of the 95 % confidence interval over seeds and examples.
        """
        rows = [self._row(cell) for cell in self.summary.rows]
        if importlib.util.find_spec("pandas") is None:
            return rows
        import pandas as pd

        return pd.DataFrame(rows)

    @property
    def verdicts(self) -> tuple[Comparison, ...]:
        """Each comparison of two, with its verdict; ``str`` of it says it in words."""
        return tuple(pair for family in self.summary.families for pair in family.pairs.values())

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML page that needs no other file and no network.

        Args:
            path: The file.

        Returns:
            The file.

        Raises:
            StorageError: The file can't be written.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (self.folder / "report.html").exists():
                run_report(self.folder)
            shutil.copyfile(self.folder / "report.html", path)
        except OSError as fault:
            raise StorageError(f"{path} can't be written: {fault.strerror or fault}") from None
        return path

    def __repr__(self) -> str:
        return f"EncoderComparison({len(self.summary.rows)} rows, {len(self.verdicts)} verdicts)"

    def __str__(self) -> str:
        return self.summary.to_markdown()

    def _repr_html_(self) -> str:
        lines = [*self.summary.words(NAME), *self.summary.notes[NAME]]
        said = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
        return f"{self.summary.table(NAME).to_html()}<ul>{said}</ul>"

    def _row(self, cell: CellMeasures) -> dict[str, object]:
        varied = {name: getattr(cell.condition, name) for name in self.summary.varied}
        row = {
            "encoder": cell.encoder,
            **varied,
            "parameters": cell.parameters,
            "seeds": len(cell.seeds),
            **_over_seeds("dev", cell.dev),
        }
        if isinstance(cell, ScoredCell):
            row |= _over_seeds("test", cell.test)
            row |= {"test_low": cell.low, "test_high": cell.high}
        return row | {"train_speed": cell.train_speed, "inference_speed": cell.inference_speed}


def compare_encoders(
    texts: Column,
    labels: Column | None = None,
    encoders: str | Iterable[str] = (),
    *,
    seeds: int = 5,
    dev: tuple[Column, Column | None] | None = None,
    test: tuple[Column, Column | None] | None = None,
    folder: str | Path | None = None,
    verbose: int = 0,
    **options: Any,
) -> EncoderComparison:
    """Compare encoders on texts (or pairs, spans, tokens) and their answers.

    It is what ``structnn compare`` does: each encoder is trained with each seed in processes of their
    own, the best epoch chosen on dev, and the differences on test decided together.

    Args:
        texts: The texts, pairs, or rows with columns, as :class:`StructuredEstimator` takes them.
        labels: The answer of each: a class, a list of classes (or a row of a matrix of 0 and 1), a
            number, or for a list of tokens a list of tags or a tree; None if it is a column of
            ``texts``. Whole numbers are classes, unless ``answer="score"``. The options ``reads`` and
            ``answer`` say what else is asked (``answer="scale"``, ``"sequence"``).
        encoders: Their names, with options if wanted (``"gat(heads=8)"``).
        seeds: Number of runs of each encoder; no verdict is given with fewer than 3.
        dev: Texts and labels to choose epochs on; by default the fraction ``dev_fraction`` of ``texts``.
        test: Texts and labels to compare on; by default the fraction ``test_fraction`` of ``texts``.
        folder: Where to write models, predictions, tables and the report. The same call with the same
            folder repeats no finished run. By default a temporary folder, without a report until it is
            asked for.
        verbose: 0, or 1 to print what the command prints.
        **options: Any other option of ``structnn compare`` with ``_`` in place of ``-``:
            ``structure``, ``embedding``, ``epochs``, ``workers``, ``match_params``, ``reference`` ... An
            option that takes several names takes a list of them too.

    Raises:
        TypeError: There is no such option, or no encoder is given.
        ValueError: A text or an option can't be used; the message says which and why.
        ExperimentFailed: Some runs ended in an error.

    Example:
        >>> result = compare_encoders(texts, labels, ["bag", "gat"], seeds=5)  # doctest: +SKIP
        >>> print(*result.verdicts, sep="; ")  # doctest: +SKIP
        >>> result.report("report.html")  # doctest: +SKIP
    """
    if not encoders:
        raise TypeError('compare_encoders needs encoders, such as encoders=["bag", "bilstm"]')
    known = {field.name for field in fields(CompareOptions) if field.default is not MISSING}
    known -= {"dev", "test", "folds"}
    if unknown := sorted(options.keys() - known):
        raise TypeError(
            f"compare_encoders has no option {unknown[0]!r}; there are: {', '.join(sorted(known))}"
        )
    for name in ("structure", "embedding", "init"):
        if options.get(name) is not None:
            options[name] = _listed(options[name])
    options.setdefault("report", folder is not None)  # else it is made when it is asked for
    labels = list(labels) if isinstance(labels, Iterator) else labels
    if options.get("reads") is None and are_trees(labels):
        options["reads"] = "arcs"  # which also decides the usual structure
    chosen = CompareOptions(data=NAME, encoders=_listed(encoders), seeds=seeds, **options)
    out = Path(tempfile.mkdtemp(prefix="structnn-") if folder is None else folder)
    try:
        with (
            nullcontext() if verbose else quietly(),
            torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        ):
            data = _parsed(texts, labels, dev, test, chosen)
            summary = run_on(data, chosen, out, command=["compare_encoders"])
    except BaseException as error:
        if isinstance(error, ExperimentFailed):
            error = ExperimentFailed("; ".join([str(error), *_errors(out)]))
        if folder is None:
            shutil.rmtree(out, ignore_errors=True)
        raise error from None
    result = EncoderComparison(summary, out)
    if folder is None:
        weakref.finalize(result, shutil.rmtree, out, ignore_errors=True)
    return result


def _parsed(
    texts: Column,
    labels: Column | None,
    dev: tuple[Column, Column | None] | None,
    test: tuple[Column, Column | None] | None,
    options: CompareOptions,
) -> ParsedDataset:
    """The data set, and a sentence for each example."""
    parts = {"train": Part(texts, labels, ("texts", "labels"))}
    for split, given in (("dev", dev), ("test", test)):
        if given is not None:
            parts[split] = part_of(given, split)
    data_options = part(DataOptions, options)
    dataset = asked_data(NAME, parts, data_options, _kind_of_values, tested=True).dataset
    examples = [example for split in SPLITS for example in getattr(dataset, split)]
    structures = names_in(options.read_structure)
    parsed = dataset.question.reads != "arcs" or needs_parser(structures, dataset.question)
    total = texts_to_parse(examples, structures, needs_tree=parsed)
    with progress("parsing", total) as show:
        parser = caching_parser(options.parser_options, options.cache, show)
        first, second = read(examples, structures, parser, needs_tree=parsed)
        return with_sentences(dataset, first, second, parser=parser.fingerprint)


def _kind_of_values(rows: Sequence[Row], y: Column, options: DataOptions) -> type[Values] | Values:
    """What answers are: what the options say, or else what they look like."""
    kind, reads = options.answer, options.reads
    if kind is None and reads is None and are_sets(y) and not hasattr(y, "shape"):
        texts = (row.get(text_column(row, options.text_column, tagged=True)) for row in rows)
        reads = "tokens" if all(isinstance(text, list) for text in texts) else None
    if kind is None and reads != "tokens":
        kind = "labels" if are_sets(y) else "score" if are_numbers(y) else "label"
    question = Question(cast("Reads", reads or "sentence"), cast("Answers", kind or "label"))
    found = values_for(question)
    return Numbers(question.answer) if found is Numbers else found


def _listed(names: str | Iterable[str]) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _over_seeds(name: str, found: OverSeeds) -> dict[str, object]:
    return {name: found.mean, f"{name}_sd": found.sd}


def _errors(out: Path) -> Iterator[str]:
    """What each failed run says."""
    for file in sorted(out.rglob("error.txt")):
        *_, last = file.read_text(encoding="utf-8").strip().splitlines()
        yield f"{file.parent.relative_to(out)}: {last}"

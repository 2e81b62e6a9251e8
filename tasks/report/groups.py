"""Which cells of an experiment's grid stand side by side in a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path

from tasks.data.questions import Question
from tasks.metrics import AnyMetric, Metric
from tasks.results.condition import Condition
from tasks.results.families import KINDS_QUESTION, Pair, comparisons_in, on_equal_terms, usual
from tasks.results.measures import MajorityClass, Measures, ScoredCell, check_one_test_set
from tasks.results.options import VerdictOptions
from tasks.results.records import KINDS
from tasks.results.statistics import Comparison
from tasks.results.summary import notes_on

__all__ = ["Group", "groups_of"]


@dataclass(frozen=True)
class Group:
    """The encoders on equal terms: one data set, one embedding, the usual structure, all of train.

    Attributes:
        data: The data set.
        embedding: Where word vectors are from.
        name: What to call the group: the data set, with the embedding where there are several.
        usual: What the members have in common.
        members: The cells compared, one for each encoder.
        varied: All cells of this data set and embedding, whatever structure, noise and fraction.
        comparisons: The comparison of every two cells that are compared: see
            :mod:`tasks.results.families`.
        labels: The labels, in order.
        gold: The label of each test example.
        metrics: What is measured on test; the first is tested.
        options: What is compared.
        kinds: The comparisons of sequence, tree and graph encoders by the means of their kinds.
        majority: What the most frequent label of train has; None where it isn't known.
        notes: What must be said of the data and of some encoders.
        question: What was asked.
        folder: Of the experiment.
        fingerprint: Of the examples of the data set.
    """

    data: str
    embedding: str
    name: str
    usual: Condition
    members: tuple[ScoredCell, ...]
    varied: tuple[ScoredCell, ...]
    comparisons: Mapping[Pair, Comparison]
    labels: tuple[str, ...]
    gold: tuple[str, ...]
    metrics: tuple[Metric[str], ...]
    options: VerdictOptions = field(default_factory=VerdictOptions)
    kinds: tuple[Comparison, ...] = ()
    majority: MajorityClass | None = None
    notes: tuple[str, ...] = ()
    question: Question = field(default_factory=Question)
    folder: Path = Path()
    fingerprint: str = ""

    @property
    def metric(self) -> AnyMetric:
        """The metric that is tested."""
        return self.metrics[0]

    @property
    def pairs(self) -> list[tuple[ScoredCell, ScoredCell, Comparison]]:
        """Every two encoders that are compared; none where there is only one."""
        return [
            (one, other, self.between(one, other))
            for one, other in combinations(self.members, 2)
            if self.compared(one, other)
        ]

    def compared(self, one: ScoredCell, other: ScoredCell) -> bool:
        """Whether two cells are compared: with a reference, only those that it is one of."""
        pair = one.condition, other.condition
        return pair in self.comparisons or pair[::-1] in self.comparisons

    def between(self, one: ScoredCell, other: ScoredCell) -> Comparison:
        """The comparison of two cells, the one less the other."""
        pair = one.condition, other.condition
        if pair in self.comparisons:
            return self.comparisons[pair]
        return self.comparisons[pair[::-1]].reversed()

    @cached_property
    def best(self) -> ScoredCell:
        """The member with the best mean on test."""
        return max(self.members, key=self._rank)

    @property
    def margin(self) -> float:
        """The difference that counts as none, in units of the scores."""
        return self.options.margin

    @property
    def reference(self) -> str | None:
        """The encoder that all others are compared with; None where every two are compared."""
        return self.options.reference

    @property
    def anchor(self) -> ScoredCell:
        """The member that a table compares all others with: the reference, or the best."""
        named = (member for member in self.members if member.encoder == self.reference)
        return next(named, self.best)

    def labels_of(self, answers: Sequence[str]) -> list[str]:
        """The labels of answers, one after the other: an answer may have several."""
        return [label for answer in answers for label in self.question.labels_in(answer)]

    @property
    def examples(self) -> int:
        """How many test examples there are."""
        return len(self.gold)

    def best_of(self, structured: bool) -> ScoredCell | None:
        """The best member that reads trees or graphs, or that reads sequences; None without one."""
        found = [
            member
            for member in self.members
            if member.structured == structured and member.kind != KINDS[0]
        ]
        return max(found, key=self._rank) if found else None

    def with_structures(self) -> dict[str, list[ScoredCell]]:
        """For each encoder that was run on several structures, its cells, the usual one first."""
        return self._series(
            "structure", self.usual, lambda cell: cell.condition.structure != self.usual.structure
        )

    def with_noise(self) -> dict[str, list[ScoredCell]]:
        """For each encoder that was run on noisy parses, its cells by noise, none first."""
        parsed = replace(self.usual, structure="parse")
        return self._series("noise", parsed, lambda cell: cell.condition.noise)

    def with_fractions(self) -> dict[str, list[ScoredCell]]:
        """For each encoder that was run on parts of train, its cells by the size of the part."""
        return self._series("fraction", self.usual, lambda cell: cell.condition.fraction)

    def _rank(self, member: ScoredCell) -> float:
        return self.metric.sign * member.test.mean

    def _series(
        self, varied: str, plain: Condition, order: Callable[[ScoredCell], float]
    ) -> dict[str, list[ScoredCell]]:
        """For each encoder its cells that are as usual but for what was varied."""
        structured = {cell.encoder for cell in self.varied if cell.structured}
        series: dict[str, list[ScoredCell]] = {}
        for cell in self.varied:
            if on_equal_terms(cell.condition, plain, structured, varied):
                series.setdefault(cell.encoder, []).append(cell)
        return {
            encoder: sorted(cells, key=order) for encoder, cells in series.items() if len(cells) > 1
        }


def groups_of(measures: Measures) -> tuple[Group, ...]:
    """Put side by side the cells that can be compared.

    Raises:
        ValueError: No run has predictions on a test set, or runs were tested on different examples.
    """
    results = measures.results
    found: dict[tuple[str, str], list[ScoredCell]] = {}
    for cell in measures.scored:
        key = (cell.condition.data, cell.condition.embedding)
        found.setdefault(key, []).append(cell)
    comparisons = comparisons_in(measures.families)
    embeddings = Counter(data for data, _ in found)
    groups: list[Group] = []
    for (data, embedding), cells in found.items():
        _check_test_set(measures, data, cells)
        whole = [cell.condition for key in found if key[0] == data for cell in found[key]]
        plain = replace(usual(whole), embedding=embedding)
        members = [c for c in cells if on_equal_terms(c.condition, plain, results.structured)]
        if members:
            group = Group(
                data=data,
                embedding=embedding,
                name=f"{data}, {embedding}" if embeddings[data] > 1 else data,
                usual=plain,
                members=tuple(members),
                varied=tuple(cells),
                comparisons=comparisons,
                labels=tuple(results.data[data].labels),
                gold=tuple(example.label for example in results.examples[data]),
                metrics=measures.metrics[data],
                options=measures.options,
                kinds=tuple(
                    pair
                    for family in measures.families
                    if family.data == data and family.question == KINDS_QUESTION
                    for pair in family.pairs.values()
                )
                if embedding == whole[0].embedding
                else (),
                majority=measures.majority.get(data),
                notes=notes_on(measures, data),
                question=results.data[data].question,
                folder=results.folder,
                fingerprint=results.data[data].fingerprint,
            )
            groups.append(group)
    if not groups:
        raise ValueError(
            f"no run in {results.folder} has predictions on a test set, so there is nothing to report"
        )
    return tuple(groups)


def _check_test_set(measures: Measures, data: str, cells: Sequence[ScoredCell]) -> None:
    sizes = {cell.scores.shape[1] for cell in cells} | {len(measures.results.examples[data])}
    check_one_test_set(data, sizes)
    if data in measures.uncompared:
        raise ValueError(
            f"{data}: {measures.uncompared[data]}, which allows no comparison, and a report is of "
            "comparisons: give a larger or more varied test set"
        )

"""What an experiment shows, in words: which encoder is best, and whether structure helps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.report.groups import Group
from tasks.results.families import REAL_STRUCTURES
from tasks.results.measures import ScoredCell, of_examples
from tasks.results.slices import Dimension, Slice
from tasks.results.statistics import Comparison
from tasks.results.summary import ENOUGH_SEEDS, median_pair, seeds_in_words
from tasks.results.verdicts import FEWEST_SEEDS, Verdict

__all__ = [
    "StructureFinding",
    "enough_train",
    "listed",
    "most_apart",
    "noisy_parses",
    "ranking",
    "sensitivity",
    "spread",
    "standing",
    "structure_findings",
    "structure_verdict",
]


def listed(names: Iterable[str], conjunction: str = "and") -> str:
    """Names as in a sentence: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def standing(group: Group, member: ScoredCell) -> str:
    """How an encoder compares with the reference, or the best one: the verdict, in a word."""
    if member is group.anchor:
        return "reference" if group.reference else "best"
    verdict = group.between(member, group.anchor).verdict
    return "-" if verdict is Verdict.NONE else str(verdict)


def ranking(group: Group) -> list[str]:
    """Which encoder is the best, and how the others compare with it or with the reference."""
    best, anchor, unit = group.best, group.anchor, group.metric.unit
    size = f"{group.examples:,} test examples, {seeds_in_words(len(best.seeds))}"
    lines = [
        f"The best mean {group.metric.name} on {group.name} is that of {best.encoder}: "
        f"{unit.full(best.test.mean)} (95 % interval {unit.text(best.low)} to {unit.text(best.high)}; "
        f"{size})."
    ]
    pairs = [pair for *_, pair in group.pairs]
    if not pairs:
        return lines
    if all(pair.verdict is Verdict.NONE for pair in pairs):
        fewest = seeds_in_words(min(pair.seeds for pair in pairs))
        lines.append(
            f"No verdict is given on {fewest}: run at least {FEWEST_SEEDS}, better {ENOUGH_SEEDS}."
        )
        return lines
    by_standing: dict[str, list[str]] = {}
    for member in group.members:
        if member is not anchor:
            by_standing.setdefault(standing(group, member), []).append(member.encoder)
    if found := by_standing.get("better"):
        lines.append(f"Better than {anchor.encoder}: {listed(found)}.")
    if found := by_standing.get("worse"):
        lines.append(f"Worse than {anchor.encoder}: {listed(found)}.")
    if found := by_standing.get("equal"):
        margin = unit.distance(pairs[0].margin)
        lines.append(f"Equal to {anchor.encoder} to within {margin}: {listed(found)}.")
    if found := by_standing.get("undecided"):
        lines.append(f"Undecided beside {anchor.encoder}: {listed(found)}.")
    if len(pairs) > 1:
        counts = [
            f"{sum(pair.told_apart for pair in pairs)} are told apart",
            f"{sum(pair.verdict is Verdict.EQUAL for pair in pairs)} are equal",
            f"{sum(pair.verdict is Verdict.UNDECIDED for pair in pairs)} are undecided",
        ]
        lines.append(f"Of {len(pairs)} pairs of encoders {listed(counts)}.")
    return lines


def sensitivity(group: Group) -> str:
    """How large a difference must be to be found."""
    pairs = [pair for *_, pair in group.pairs]
    if not pairs:
        return ""
    middle, unit = median_pair(pairs), group.metric.unit
    several = f", all {len(pairs)} pairs considered" if len(pairs) > 1 else ""
    more = 2 * middle.seeds
    return (
        f"With {group.examples:,} examples and {seeds_in_words(middle.seeds)}, a true difference of "
        f"{unit.distance(middle.detectable)} between two encoders is found four times in five{several}. "
        f"With {more} seeds it is {unit.distance(middle.detectable_with(more))}, with any number "
        f"{unit.distance(middle.detectable_with_any_seeds)}; to find less takes more test examples."
    )


@dataclass(frozen=True)
class StructureFinding:
    """How one encoder does on the parse, compared with each control.

    Args:
        encoder: The encoder.
        real: What the controls were compared with: ``parse``, say.
        comparisons: The real structure and each other one, by the other's name.
    """

    encoder: str
    real: str
    comparisons: Mapping[str, Comparison]

    @property
    def controls(self) -> dict[str, Comparison]:
        """The comparisons with controls."""
        return {
            name: found for name, found in self.comparisons.items() if name not in REAL_STRUCTURES
        }

    def which(self, *verdicts: Verdict) -> list[str]:
        """The controls of which one of these is the verdict of the real structure."""
        return [name for name, found in self.controls.items() if found.verdict in verdicts]

    @property
    def helps(self) -> bool:
        """Whether the real structure is better than every control."""
        return bool(self.controls) and len(self.which(Verdict.BETTER)) == len(self.controls)

    @property
    def does_not_help(self) -> bool:
        """Whether some control is as good to within the margin, or better."""
        return bool(self.which(Verdict.EQUAL, Verdict.WORSE))

    def __str__(self) -> str:
        if not self.controls:
            others = "; ".join(map(str, self.comparisons.values()))
            return f"{self.encoder}: no control structure was run. {others}."
        pairs = [
            f"{name} {found.metric.unit.signed(found.difference)} "
            f"({found.metric.unit.signed(found.low)} to {found.metric.unit.signed(found.high)})"
            for name, found in self.controls.items()
        ]
        told = (
            (Verdict.BETTER, "is better than {}"),
            (Verdict.EQUAL, "is equal to {}"),
            (Verdict.WORSE, "is worse than {}"),
            (Verdict.UNDECIDED, "is undecided beside {}"),
            (Verdict.NONE, "was run on too few seeds beside {}"),
        )
        parts = [words.format(listed(found)) for v, words in told if (found := self.which(v))]
        return (
            f"{self.encoder}: the {self.real} {listed(parts)}. "
            f"Its gain over each: {'; '.join(pairs)}."
        )


def spread(group: Group, dimension: Dimension) -> float:
    """How far apart encoders are on some slice, beyond what so few examples would let them be."""
    return max((_beyond_chance(group, part) for part in dimension.slices), default=0.0)


def most_apart(group: Group, dimensions: Sequence[Dimension]) -> str:
    """The slice on which encoders differ most, the best and the worst of them; empty if none does."""
    slices = [(part, dimension) for dimension in dimensions for part in dimension.slices]
    if len(group.members) < 2 or not slices:
        return ""
    part, dimension = max(slices, key=lambda pair: _beyond_chance(group, pair[0]))
    if _beyond_chance(group, part) <= 0:
        return ""
    means = _means(group, part)
    metric = of_examples(group.metric)
    worst, *_, best = sorted(means, key=lambda name: metric.sign * means[name])
    return (
        f'By {dimension.name}, on "{part.name}" ({len(part):,} examples): {best} has '
        f"{metric.unit.full(means[best])}, {worst} {metric.unit.full(means[worst])}."
    )


def _means(group: Group, part: Slice) -> dict[str, float]:
    places = list(part.members)
    return {member.encoder: float(member.own_scores[:, places].mean()) for member in group.members}


def _beyond_chance(group: Group, part: Slice) -> float:
    means = list(_means(group, part).values())
    places = list(part.members)
    # At least that of the whole test set: in a few examples that all encoders get right it is 0.
    deviation = float(
        np.mean(
            [
                max(member.own_scores[:, places].std(), member.own_scores.std())
                for member in group.members
            ]
        )
    )
    return max(means) - min(means) - 3 * deviation * math.sqrt(2 / len(places))


def structure_findings(group: Group) -> list[StructureFinding]:
    """For each encoder that was run on controls, how the parse compares."""
    real = group.usual.structure
    if real not in REAL_STRUCTURES:
        return []
    return [
        StructureFinding(
            encoder,
            real,
            {other.condition.structure: group.between(first, other) for other in others},
        )
        for encoder, (first, *others) in group.with_structures().items()
        if first.condition.structure == real
    ]


def structure_verdict(group: Group, findings: Sequence[StructureFinding]) -> tuple[str, list[str]]:
    """Whether structure helps on this data: an answer in a few words, and its grounds.

    Args:
        group: The encoders.
        findings: What :func:`structure_findings` gave.
    """
    lines = [f"{found}." for found in group.kinds]
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    if structured is None:
        return "No encoder here reads a tree or a graph.", lines
    if sequence is not None and group.compared(structured, sequence):
        lines.append(
            f"Best with structure: {structured.encoder}; best of sequences: {sequence.encoder}. "
            f"{group.between(structured, sequence)}."
        )
    tested = [finding for finding in findings if finding.controls]
    if not tested:
        lines.append(
            "Whether it is the parse that matters was not tested: that takes control structures "
            "(--structure parse,left_chain,balanced,random)."
        )
        return "Can't tell: no control structures were run.", lines
    lines += map(str, tested)
    return _answer(tested), lines


def _answer(tested: Sequence[StructureFinding]) -> str:
    """*Helps*, *does not help* or *can't tell*, over all encoders that were run on controls."""
    real = tested[0].real
    helped = [finding for finding in tested if finding.helps]
    useless = [finding for finding in tested if finding.does_not_help]
    pairs = [pair for finding in tested for pair in finding.controls.values()]
    unit = pairs[0].metric.unit
    if all(pair.verdict is Verdict.NONE for pair in pairs):
        fewest = seeds_in_words(min(pair.seeds for pair in pairs))
        return (
            f"Can't tell: no verdict is given on {fewest}; run at least {FEWEST_SEEDS}, better "
            f"{ENOUGH_SEEDS}."
        )
    if len(helped) == len(tested):
        # The ends of intervals that are nearest to no difference; where lower is better, both are below.
        least = min(min(abs(pair.low), abs(pair.high)) for pair in pairs)
        return (
            f"It helps: the {real} beats every control, by at least {unit.distance(least)}, for "
            f"{listed(finding.encoder for finding in helped)}."
        )
    if len(useless) == len(tested):
        bound = unit.distance(pairs[0].margin)
        return (
            f"It does not help by more than {bound}: some control is as good for "
            f"{listed(finding.encoder for finding in useless)}."
        )
    parts = []
    if helped:
        parts.append(
            f"the {real} beats every control for {listed(finding.encoder for finding in helped)}"
        )
    if useless:
        parts.append(
            f"a control is as good, to within {unit.distance(pairs[0].margin)}, for "
            f"{listed(finding.encoder for finding in useless)}"
        )
    open_ones = [finding for finding in tested if finding not in helped and finding not in useless]
    if not parts:
        undecided = [
            pair
            for finding in open_ones
            for pair in finding.controls.values()
            if pair.verdict is Verdict.UNDECIDED
        ]
        worst = max(undecided, key=lambda pair: pair.detectable)
        more = 2 * worst.seeds
        return (
            "Can't tell: this experiment would have missed differences under "
            f"{unit.distance(worst.detectable)}; {more} seeds would show "
            f"{unit.distance(worst.detectable_with(more))}."
        )
    if open_ones:
        parts.append(f"it is undecided for {listed(finding.encoder for finding in open_ones)}")
    return f"In part: {'; '.join(parts)}."


def noisy_parses(group: Group) -> list[str]:
    """How the metric changes where heads are reattached at random, for the largest share of them."""
    lines = []
    for encoder, (clean, *_, noisy) in group.with_noise().items():
        if clean.condition.noise:
            continue
        change = group.between(noisy, clean)
        noise = f"{100 * noisy.condition.noise:g} % of heads reattached at random"
        lines.append(f"With {noise} {encoder} changes by {_change(change)}.")
    return lines


def enough_train(group: Group) -> list[str]:
    """How the best structured and the best sequence encoder compare on parts of train."""
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    series = group.with_fractions()
    if structured is None or sequence is None:
        return []
    ours, theirs = (
        {cell.condition.fraction: cell for cell in series.get(member.encoder, ())}
        for member in (structured, sequence)
    )
    lines = []
    for fraction in sorted(ours.keys() & theirs.keys()):
        if not group.compared(ours[fraction], theirs[fraction]):
            continue
        pair = group.between(ours[fraction], theirs[fraction])
        share = f"{100 * fraction:g} % of train" if fraction < 1 else "all of train"
        lines.append(
            f"With {share}, {structured.encoder} less {sequence.encoder} is {_change(pair)}."
        )
    return lines


_MEANING = {
    Verdict.BETTER: "a gain",
    Verdict.WORSE: "a loss",
    Verdict.EQUAL: "equal",
    Verdict.UNDECIDED: "undecided",
    Verdict.NONE: "no verdict",
}


def _change(pair: Comparison) -> str:
    """The difference with its interval and its verdict."""
    unit = pair.metric.unit
    size = f"{unit.signed(pair.difference)} {unit.difference}".rstrip()
    interval = f"{unit.signed(pair.low)} to {unit.signed(pair.high)}"
    return f"{size} (95 % interval {interval}): {_MEANING[pair.verdict]}"

"""What an experiment shows, in words: which encoder is best, and whether structure helps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.data.structures import structure_of
from tasks.directions import isolated
from tasks.report.groups import Group
from tasks.results.measures import ScoredCell, of_examples
from tasks.results.slices import Dimension, Slice
from tasks.results.statistics import Comparison
from tasks.results.summary import ENOUGH_SEEDS, median_pair, seeds_in_words
from tasks.results.verdicts import FEWEST_SEEDS, Verdict

__all__ = [
    "Outlier",
    "StructureFinding",
    "enough_train",
    "listed",
    "meanings",
    "noisy_parses",
    "nothing_learned",
    "outliers",
    "ranking",
    "sensitivity",
    "spread",
    "standing",
    "structure_findings",
    "structure_verdict",
    "telling_slice",
]


BY_LABEL = "label"
"""The dimension whose slices have one label each."""

NAMED = 4
"""The most encoders that a sentence names; more are counted."""

_MEANINGS = {
    "left_chain": "each word under the next one",
    "right_chain": "each word under the one before",
    "flat": "all words under the first",
    "balanced": "the middle word above both halves, and so on within them",
    "random": "any tree over the words",
    "shuffled": "the parse, with its words exchanged at random",
}


def meanings(structures: Iterable[str]) -> list[str]:
    """What the controls among some structures are, in a sentence; none if there is none."""
    told = [f"{name} ({_MEANINGS[name]})" for name in structures if name in _MEANINGS]
    return [f"Controls: {listed(told)}."] if told else []


def listed(names: Iterable[str]) -> str:
    """Names as in a sentence: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


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
        f"{best.encoder} has the best mean {group.metric.name} on {group.name}: "
        f"{unit.full(best.test.mean)} (95 % interval {unit.text(best.low)} to {unit.text(best.high)}; "
        f"{size})."
    ]
    pairs = [pair for *_, pair in group.pairs]
    if not pairs:
        return lines
    if all(pair.verdict is Verdict.NONE for pair in pairs):
        lines.append(f"There is no verdict: {_too_few(pairs)}.")
        return lines
    by_standing: dict[str, list[str]] = {}
    for member in group.members:
        if member is not anchor:
            by_standing.setdefault(standing(group, member), []).append(member.encoder)
    margin = unit.distance(pairs[0].margin)
    told = (
        (Verdict.WORSE, "is better than {}"),
        (Verdict.BETTER, "is worse than {}"),
        (Verdict.EQUAL, f"is equal to {{}} to within {margin}"),
        (Verdict.UNDECIDED, "is undecided against {}"),
    )
    # The verdicts are of the others beside this one.
    parts = [
        words.format(listed(found) if len(found) <= NAMED else f"{len(found)} others")
        for verdict, words in told
        if (found := by_standing.get(str(verdict)))
    ]
    lines.append(f"{'It' if anchor is best else anchor.encoder} {listed(parts)}.")
    if len(pairs) > 1:
        counts = Counter(
            "told apart" if pair.told_apart else str(pair.verdict)
            for pair in sorted(pairs, key=lambda pair: pair.verdict is Verdict.UNDECIDED)
        )
        if len(counts) == 1:
            lines.append(f"All {len(pairs)} pairs of encoders are {next(iter(counts))}.")
        else:
            each = [f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict, n in counts.items()]
            lines.append(f"Of {len(pairs)} pairs of encoders, {listed(each)}.")
    return lines


def sensitivity(group: Group) -> str:
    """How large a difference must be to be found."""
    pairs = [pair for *_, pair in group.pairs]
    if not pairs:
        return ""
    middle, unit = median_pair(pairs), group.metric.unit
    several = f" (corrected for {len(pairs)} pairs)" if len(pairs) > 1 else ""
    more, least = 2 * middle.seeds, middle.least_detectable
    end = (
        f"with any number {least}; to find less takes more test examples"
        if least
        else "with more seeds less"
    )
    return (
        f"With {group.examples:,} test examples and {seeds_in_words(middle.seeds)}, a true difference "
        f"of {unit.distance(middle.detectable)} between two encoders is found four times in "
        f"five{several}. With {more} seeds it would be "
        f"{unit.distance(middle.detectable_with(more))}, {end}."
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
            name: found
            for name, found in self.comparisons.items()
            if not structure_of(name).is_syntax
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
            others = " ".join(f"{_pair(found)}." for found in self.comparisons.values())
            return f"{self.encoder}: no control structure was run. {others}"
        told = {
            Verdict.BETTER: "better than",
            Verdict.EQUAL: "equal to",
            Verdict.WORSE: "worse than",
            Verdict.UNDECIDED: "undecided against",
            Verdict.NONE: "without a verdict, for lack of seeds, against",
        }
        parts: list[str] = []
        for verdict, words in told.items():
            # The first bracket of all says what stands in them.
            beside = [
                _gain(name, self.controls[name], explained=not parts and place == 0)
                for place, name in enumerate(self.which(verdict))
            ]
            if beside:
                parts.append(f"{words} {listed(beside)}")
        return f"{self.encoder}: the {structure_of(self.real).plural} are {'; '.join(parts)}."


def _gain(control: str, pair: Comparison, *, explained: bool) -> str:
    """A control, the gain over it, and the interval of that."""
    unit = pair.metric.unit
    gain, ends = (
        unit.signed(pair.difference),
        f"{unit.signed(pair.low)} to {unit.signed(pair.high)}",
    )
    if explained:
        gain, ends = f"{gain} {unit.difference}".rstrip(), f"95 % interval {ends}"
    return f"{control} ({gain}; {ends})"


def spread(group: Group, dimension: Dimension) -> float:
    """How much the differences between encoders change with the slice, at most; see :func:`outliers`."""
    return max((found.excess for found in outliers(group, [dimension])), default=-math.inf)


@dataclass(frozen=True)
class Outlier:
    """What a slice changes of the differences between encoders.

    Args:
        part: The slice.
        dimension: What it is a slice of.
        gainer: The encoder that does better in it than on the whole test set, by the most.
        loser: The one that does worse, by the most.
        excess: By how much the gain of the one exceeds that of the other, less three standard errors.
    """

    part: Slice
    dimension: Dimension
    gainer: ScoredCell
    loser: ScoredCell
    excess: float


def outliers(group: Group, dimensions: Iterable[Dimension]) -> list[Outlier]:
    """What each slice changes of the differences between encoders.

    Slices by label are left out: an encoder that predicts one label more often gains with its examples
    what it loses with the others.
    """
    if len(group.members) < 2:
        return []
    sign = of_examples(group.metric).sign
    # (encoders, examples)
    means = np.array([member.own_scores.mean(0) for member in group.members])
    deviation = float(np.mean([member.own_scores.std() for member in group.members]))
    found = []
    for dimension in dimensions:
        if dimension.name == BY_LABEL:
            continue
        for part in dimension.slices:
            gains = sign * (means[:, list(part.members)].mean(1) - means.mean(1))
            error = deviation * math.sqrt(2 / len(part))
            most, least = int(gains.argmax()), int(gains.argmin())
            excess = float(gains[most] - gains[least]) - 3 * error
            found.append(
                Outlier(part, dimension, group.members[most], group.members[least], excess)
            )
    return found


def telling_slice(group: Group, dimensions: Sequence[Dimension]) -> str:
    """The slice that changes the differences between encoders most; empty if none does."""
    found = max(outliers(group, dimensions), key=lambda one: one.excess, default=None)
    if found is None or found.excess <= 0:
        return ""
    unit, places = of_examples(group.metric).unit, list(found.part.members)

    def scores(member: ScoredCell) -> tuple[str, str]:
        here, everywhere = member.own_scores[:, places].mean(), member.own_scores.mean()
        return unit.full(float(here)), unit.full(float(everywhere))

    (low, low_on_all), (high, high_on_all) = scores(found.loser), scores(found.gainer)
    name = isolated(f'"{found.part.name}"')
    return (
        f"On {name} ({found.dimension.name}, {len(found.part):,} examples) "
        f"{found.loser.encoder} has {low}, on all examples {low_on_all}; {found.gainer.encoder} has "
        f"{high} and {high_on_all}."
    )


def structure_findings(group: Group) -> list[StructureFinding]:
    """For each encoder that was run on controls, how the parse compares."""
    real = group.usual.structure
    if not structure_of(real).is_syntax:
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
    tested = [finding for finding in findings if finding.controls]
    lines = [str(finding) for finding in tested]
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    if structured is None:
        return "No encoder here reads a tree or a graph.", lines
    if sequence is not None and group.compared(structured, sequence):
        pair = group.between(structured, sequence)
        lines.append(
            f"Best with structure: {structured.encoder}; best of sequences: {sequence.encoder}. "
            f"{_pair(pair)}."
        )
    of_kinds = [_pair(pair) for pair in group.kinds]
    lines += [f"{line[0].upper()}{line[1:]}." for line in of_kinds]
    if nothing := nothing_learned(group):
        return f"Can't tell: {nothing}.", lines
    if structure_of(group.usual.structure).is_control:
        lines.append(
            "To see whether a real structure matters, run one beside the controls: "
            f"--structure parse,{group.usual.structure}."
        )
        return "Can't tell: control structures alone were run.", lines
    if not tested:
        lines.append(
            "To see whether the parse itself matters, run control structures too: "
            "--structure parse,left_chain,balanced,random."
        )
        return "Can't tell: no control structures were run.", lines
    return _answer(tested), lines


def nothing_learned(group: Group) -> str:
    """That no encoder is shown to be better than the most frequent label; empty where one is."""
    majority = group.majority
    value = None if majority is None or majority.test is None else majority.test[group.metric.key]
    if majority is None or value is None:
        return ""
    sign, unit = group.metric.sign, group.metric.unit
    if any(min(sign * cell.low, sign * cell.high) > sign * value for cell in group.varied):
        return ""
    label = isolated(f'"{majority.label}"')
    return (
        f"no encoder is shown to beat always answering {label} ({unit.full(value)}). Train longer or on "
        "more data"
    )


def _answer(tested: Sequence[StructureFinding]) -> str:
    """*Helps*, *does not help* or *can't tell*, over all encoders that were run on controls."""
    real = f"the {structure_of(tested[0].real).plural}"
    helped = [finding for finding in tested if finding.helps]
    useless = [finding for finding in tested if finding.does_not_help]
    open_ones = [finding for finding in tested if finding not in helped and finding not in useless]
    pairs = [pair for finding in tested for pair in finding.controls.values()]
    unit = pairs[0].metric.unit
    margin = unit.distance(pairs[0].margin)
    if all(pair.verdict is Verdict.NONE for pair in pairs):
        return f"Can't tell: {_too_few(pairs)}."
    if len(helped) == len(tested):
        # The ends of intervals that are nearest to no difference; where lower is better, both are below.
        least = min(min(abs(pair.low), abs(pair.high)) for pair in pairs)
        controls = listed(dict.fromkeys(name for finding in tested for name in finding.controls))
        return (
            f"It helps: {real} beat every control ({controls}) by at least {unit.distance(least)}, "
            f"with {_encoders(helped)}."
        )
    if len(useless) == len(tested):
        return (
            f"It does not help by more than {margin}: some control is as good, with "
            f"{_encoders(useless)}."
        )
    if len(open_ones) == len(tested):
        return _undecided(tested)
    parts = []
    if helped:
        parts.append(f"{real} beat every control with {_encoders(helped)}")
    if useless:
        parts.append(f"a control is as good, to within {margin}, with {_encoders(useless)}")
    if open_ones:
        parts.append(f"it is undecided with {_encoders(open_ones)}")
    return f"In part: {'; '.join(parts)}."


def _undecided(findings: Sequence[StructureFinding]) -> str:
    """Against which controls nothing is decided, which are beaten, and what would decide."""
    undecided = {
        name: pair
        for finding in findings
        for name, pair in finding.controls.items()
        if pair.verdict is not Verdict.BETTER
    }
    beaten = [name for name in findings[0].controls if name not in undecided]
    pairs = [
        pair
        for finding in findings
        for pair in finding.controls.values()
        if pair.verdict is Verdict.UNDECIDED
    ]
    if not pairs:
        return f"Can't tell: {_too_few(list(undecided.values()))}."
    worst = max(pairs, key=lambda pair: pair.detectable)
    unit = worst.metric.unit
    missed = (
        f"this experiment would have missed differences under {unit.distance(worst.detectable)}"
    )
    more = f"{2 * worst.seeds} seeds would show {unit.distance(worst.detectable_with(2 * worst.seeds))}"
    real = f"the {structure_of(findings[0].real).plural}"
    if beaten:
        start = f"Can't tell: {real} beat {listed(beaten)}."
        return f"{start} But beside {listed(undecided)}, {missed}; {more}."
    return f"Can't tell: {missed} between {real} and {listed(undecided)}; {more}."


def _encoders(findings: Iterable[StructureFinding]) -> str:
    return listed(finding.encoder for finding in findings)


def _too_few(pairs: Sequence[Comparison]) -> str:
    fewest = seeds_in_words(min(pair.seeds for pair in pairs))
    return f"{fewest} are too few. Run at least {FEWEST_SEEDS}, better {ENOUGH_SEEDS}".replace(
        "one seed are", "one seed is"
    )


def noisy_parses(group: Group) -> list[str]:
    """How the metric changes where heads are reattached at random, for the largest share of them."""
    lines = []
    for encoder, (clean, *_, noisy) in group.with_noise().items():
        if clean.condition.noise:
            continue
        change = group.between(noisy, clean)
        noise = f"{100 * noisy.condition.noise:g} % of heads reattached at random"
        lines.append(f"With {noise}, {encoder} changes by {_change(change)}.")
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
            f"With {share}, {structured.encoder} minus {sequence.encoder} is {_change(pair)}."
        )
    return lines


def _pair(pair: Comparison) -> str:
    """Two encoders, or two kinds of them, and their difference: ``"gat minus cnn: -0.2 points ..."``."""
    return f"{pair.first} minus {pair.second}: {_change(pair)}"


_MEANING = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.EQUAL: "equal",
    Verdict.UNDECIDED: "undecided",
    Verdict.NONE: "no verdict, for lack of seeds",
}


def _change(pair: Comparison) -> str:
    """The difference with its interval and its verdict."""
    unit = pair.metric.unit
    size = f"{unit.signed(pair.difference)} {unit.difference}".rstrip()
    interval = f"{unit.signed(pair.low)} to {unit.signed(pair.high)}"
    return f"{size} (95 % interval {interval}), {_MEANING[pair.verdict]}"

"""What an experiment shows, in words: which encoder is best, and whether structure helps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tasks.report.groups import Group
from tasks.results.families import REAL_STRUCTURES
from tasks.results.measures import ScoredCell
from tasks.results.statistics import Comparison, minimum_detectable_difference, two_way_test

__all__ = [
    "StructureFinding",
    "enough_train",
    "listed",
    "noisy_parses",
    "ranking",
    "sensitivity",
    "standing",
    "structure_findings",
    "structure_verdict",
]


def listed(names: Iterable[str], conjunction: str = "and") -> str:
    """Names as in a sentence: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def standing(group: Group, member: ScoredCell) -> str:
    """How an encoder compares with the best one."""
    if member is group.best:
        return "best"
    return "worse" if group.between(member, group.best).significant else "not told apart"


def ranking(group: Group) -> list[str]:
    """Which encoder is the best, and which are significantly worse."""
    best, unit = group.best, group.metric.unit
    size = f"{group.examples:,} test examples, {_seeds(len(best.seeds))}"
    lines = [
        f"The best mean {group.metric.name} on {group.name} is that of {best.encoder}: "
        f"{unit.full(best.test.mean)} (95 % interval {unit.text(best.low)} to {unit.text(best.high)}; "
        f"{size})."
    ]
    if len(group.members) < 2:
        return lines
    by_standing: dict[str, list[str]] = {}
    for member in group.members:
        by_standing.setdefault(standing(group, member), []).append(member.encoder)
    worse = by_standing.get("worse", [])
    if worse:
        lines.append(f"It is better than {listed(worse)}.")
    same = by_standing.get("not told apart", [])
    if len(same) > 2 and not worse:
        lines.append("No other encoder can be told apart from it: no ranking is supported.")
    elif same:
        lines.append(
            f"It can't be told apart from {listed(same)}: no ranking of these is supported."
        )
    apart = sum(found.significant for *_, found in group.pairs)
    if len(group.pairs) > 1:
        lines.append(
            f"Of {len(group.pairs)} pairs of encoders {apart or 'none'} can be told apart, at a level "
            "of 5 % for all pairs together."
        )
    return lines


def sensitivity(group: Group) -> str:
    """How large a difference must be to be found."""
    found, unit = [comparison for *_, comparison in group.pairs], group.metric.unit
    if not found:
        return ""
    alone, seeds = median(pair.detectable for pair in found), min(pair.seeds for pair in found)
    words = (
        f"With {group.examples:,} examples and {_seeds(seeds)}, a true difference of "
        f"{unit.distance(alone)} between two encoders is found four times in five (the median pair)"
    )
    if len(found) > 1:
        errors = [
            two_way_test(one.scores, other.scores).standard_error for one, other, _ in group.pairs
        ]
        corrected = minimum_detectable_difference(median(errors), found[0].level / len(found))
        words += f"; {unit.distance(corrected)} where all {len(found)} pairs are looked at"
    words += ". Smaller differences in the table may well be noise."
    if seeds == 1:
        words += " With one seed nothing is known of other seeds: run at least three."
    return words


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

    def _controls(self, sign: int) -> list[str]:
        return [
            name
            for name, found in self.comparisons.items()
            if name not in REAL_STRUCTURES and found.verdict == sign
        ]

    @property
    def wins(self) -> list[str]:
        """The controls that the real structure is better than."""
        return self._controls(1)

    @property
    def ties(self) -> list[str]:
        """The controls without a significant difference."""
        return self._controls(0)

    @property
    def losses(self) -> list[str]:
        """The controls that are better."""
        return self._controls(-1)

    @property
    def helps(self) -> bool:
        """Whether the real structure is better than every control."""
        return bool(self.wins) and not self.ties and not self.losses

    def __str__(self) -> str:
        controls = [name for name in self.comparisons if name not in REAL_STRUCTURES]
        if self.helps:
            nearest = min(controls, key=lambda name: abs(self.comparisons[name].difference))
            found = self.comparisons[nearest]
            unit = found.metric.unit
            return (
                f"{self.encoder}: the {self.real} is better than {_every(controls)}, by "
                f"{unit.distance(found.difference)} over the best of them, {nearest} (95 % interval "
                f"{unit.text(found.low)} to {unit.text(found.high)})."
            )
        if not controls:
            others = "; ".join(map(str, self.comparisons.values()))
            return f"{self.encoder}: no control structure was run. {others}."
        parts = []
        if self.wins:
            parts.append(f"is better than {listed(self.wins)}")
        if self.losses:
            parts.append(f"is worse than {listed(self.losses)}")
        if self.ties:
            parts.append(f"can't be told apart from {listed(self.ties)}")
        unseen = ""
        if self.ties and not self.wins and not self.losses:
            least = max(
                (self.comparisons[name] for name in self.ties), key=lambda pair: pair.detectable
            )
            below = least.metric.unit.distance(least.detectable)
            unseen = f" (a true difference below {below} could go unseen)"
        return (
            f"{self.encoder}: the {self.real} {listed(parts, 'but')}: a structure that knows no grammar "
            f"does as well{unseen}."
        )


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
    lines = []
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    if structured is not None and sequence is not None:
        pair = group.between(structured, sequence)
        lines.append(
            f"Of the encoders that read trees or graphs {structured.encoder} is the best, of those "
            f"that read sequences {sequence.encoder}; {pair}."
        )
    if structured is None:
        return "No encoder here reads a tree or a graph.", lines
    tested = [finding for finding in findings if finding.wins or finding.ties or finding.losses]
    if not tested:
        lines.append(
            "Whether it is the parse that matters was not tested: that takes control structures "
            "(--structure parse,left_chain,balanced,random)."
        )
        return "Not known: no control structures were run.", lines
    lines += map(str, tested)
    helped = [finding.encoder for finding in tested if finding.helps]
    if len(helped) == len(tested):
        whom = (
            tested[0].encoder
            if len(tested) == 1
            else f"all {len(tested)} encoders tested on controls"
        )
        return f"Yes: the parse helps {whom}.", lines
    if helped:
        others = [finding.encoder for finding in tested if not finding.helps]
        answer = f"In part: the parse is better than every control for {listed(helped)}"
        return f"{answer}, not for {listed(others)}.", lines
    if any(finding.wins for finding in tested):
        return "In part: the parse is better than some controls, but not than all.", lines
    return "No sign of it: controls do as well as the parse.", lines


def noisy_parses(group: Group) -> list[str]:
    """How the metric changes where heads are reattached at random, for the largest share of them."""
    lines = []
    for encoder, (clean, *_, noisy) in group.with_noise().items():
        if clean.condition.noise:
            continue
        change = group.between(noisy, clean)
        noise = f"{100 * noisy.condition.noise:g} % of heads reattached at random"
        if change.significant:
            how = "loses" if change.verdict < 0 else "gains"
            size = change.metric.unit.distance(change.difference)
            lines.append(f"With {noise} {encoder} {how} {size} ({_evidence(change)}).")
        else:
            lines.append(
                f"With {noise} {encoder} changes by {_signed(change)} ({_evidence(change)}), "
                "which is not significant."
            )
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
        pair = group.between(ours[fraction], theirs[fraction])
        share = f"{100 * fraction:g} % of train" if fraction < 1 else "all of train"
        verdict = f"{_signed(pair)} ({_evidence(pair)})"
        if not pair.significant:
            verdict += ", which is not significant"
        lines.append(f"With {share}, {structured.encoder} less {sequence.encoder} is {verdict}.")
    return lines


def _every(controls: list[str]) -> str:
    return (
        f"every control ({listed(controls)})" if len(controls) > 1 else f"the control {controls[0]}"
    )


def _signed(pair: Comparison) -> str:
    """The difference with its sign and its unit."""
    unit = pair.metric.unit
    return f"{unit.signed(pair.difference)} {unit.difference}".rstrip()


def _evidence(pair: Comparison) -> str:
    p = "p < 0.001" if pair.p_corrected < 0.001 else f"p = {pair.p_corrected:.3f}"
    unit = pair.metric.unit
    return f"{p}, 95 % interval {unit.signed(pair.low)} to {unit.signed(pair.high)}"


def _seeds(number: int) -> str:
    return "one seed" if number == 1 else f"{number} seeds"

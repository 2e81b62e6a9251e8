"""An explanation in plain words, for its page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tasks.explain.along import Shares
from tasks.explain.attributions import TOLERANCE

if TYPE_CHECKING:
    from tasks.explain.explanation import Explanation

__all__ = [
    "completeness_words",
    "deletion_words",
    "percent",
    "prediction_words",
    "quoted",
    "shares_words",
    "signed",
    "subtree_words",
    "verdict_words",
]

SUBTREES = 3  # that are told in words

_VERDICTS = {
    "yes": "yes",
    "partly": "in part",
    "no": "no",
    "unmoved": "can't be told",
}


def percent(share: float) -> str:
    """A share in percent; the ends are kept for what is exactly none or all."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def signed(number: float) -> str:
    """A number with two decimals and its sign."""
    return f"{round(number, 2) + 0:+.2f}"  # + 0 makes plain zero of minus zero


def quoted(words: str) -> str:
    """Words in quotes, which words from right to left don't carry away with them."""
    kinds = {unicodedata.bidirectional(character) for character in words}
    return f"\u2068“{words}”\u2069" if kinds & {"R", "AL"} else f"“{words}”"


def prediction_words(explanation: Explanation) -> str:
    """What the encoder says, how sure it is, and what it should say."""
    prediction = explanation.prediction
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    others = "".join(f" (next is {label}, {percent(share)})" for label, share in ranked[1:2])
    said = (
        f"{explanation.encoder} says {prediction.label}, with a probability of "
        f"{percent(prediction.probabilities[prediction.label])}{others}."
    )
    if explanation.gold in (None, prediction.label):
        return said
    return f"{said} The right label is {explanation.gold}."


def verdict_words(explanation: Explanation, method: str) -> str:
    """Whether the words of highest attribution are those that the prediction depends on, in a word."""
    deletion = explanation.deletion
    return "one word" if deletion is None else _VERDICTS[deletion.verdict(method)]


def deletion_words(explanation: Explanation, method: str) -> str:
    """What becomes of the prediction without the words that a method puts first, and without others."""
    deletion, label = explanation.deletion, explanation.prediction.label
    if deletion is None:
        return "This can't be checked: there is only one word."
    tokens = deletion.deleted[method]
    first = next(iter(reversed(deletion.deleted)))
    if method != first and tokens == deletion.deleted[first]:
        return f"{method.capitalize()} puts the same words first."
    before, drop = explanation.prediction.probabilities[label], deletion.drops[method]
    count = "the word" if len(tokens) == 1 else f"the {len(tokens)} words"
    random = "one random word" if len(tokens) == 1 else f"{len(tokens)} random words"
    moves = f"falls by {_points(drop)}" if drop >= 0 else f"rises by {_points(-drop)}"
    told = (
        f"Without {count} of the highest {method} ({_quoted(explanation, tokens)}) the probability of "
        f"{label} {moves}, from {percent(before)} to {percent(before - drop)}. Without {random} it "
        f"{_mean_words(deletion.random_mean)}; of {len(deletion.random_drops)} random choices "
        f"{percent(deletion.exceeded(method))} lower it less."
    )
    verdict = {
        "yes": f"Yes: {method} finds words that the prediction depends on. ",
        "partly": "In part: many random words matter less, but some matter as much. ",
        "no": f"No: random words matter as much, so don't rely on {method} here. ",
        "unmoved": "This can't be told: whichever words are taken away, the probability stays the same "
        "to within a point. ",
    }
    return verdict[deletion.verdict(method)] + told


def completeness_words(explanation: Explanation) -> str:
    """Whether integrated gradients add up to what they divide among the words."""
    check, label = explanation.completeness, explanation.prediction.label
    verdict = (
        "the same, as it should be"
        if check.error <= TOLERANCE
        else "not the same, so these numbers can't be relied on"
    )
    return (
        f"Integrated gradients add up to {signed(check.total)}, and from no words to this sentence the "
        f"log-odds of {label} change by {signed(check.expected)}: {verdict}."
    )


def subtree_words(explanation: Explanation) -> list[str]:
    """The parts of the tree that matter most, each in a sentence."""
    tree, tokens = explanation.sentence.dependencies, explanation.sentence.tokens
    label = explanation.prediction.label
    assert tree is not None
    below: list[set[int]] = [{node} for node in range(len(tree))]
    for node in reversed(tree.top_down[1:]):
        below[tree.parents[node]] |= below[node]
    effects = [(value, node) for node, value in enumerate(explanation.subtree_effects) if value]
    told = []
    for effect, node in sorted(effects, key=lambda item: -abs(item[0]))[:SUBTREES]:
        phrase = " ".join(tokens[token] for token in sorted(below[node]))
        moves = "fall" if effect >= 0 else "rise"
        by = signed(abs(effect))[1:]
        told.append(f"Without {quoted(phrase)} the log-odds of {label} {moves} by {by}.")
    return told


def shares_words(found: Shares, size: int) -> str:
    """Where attention goes along the tree, beside attention that is spread evenly over all words."""
    told = (
        f"Of all attention, {percent(found.itself)} goes from words to themselves, "
        f"{percent(found.up)} to their heads (reading up), {percent(found.down)} to their dependents "
        "(reading down)"
    )
    if found.elsewhere < 1e-6:
        return f"{told}, and none to other words: it follows the tree alone."
    edges = (size - 1) / size**2
    even = [1 / size, edges, edges, max(0.0, 1 - 1 / size - 2 * edges)]
    return (
        f"{told}, and {percent(found.elsewhere)} to words that no edge joins them with. Spread evenly "
        f"over all words these would be {', '.join(map(percent, even[:3]))} and {percent(even[3])}."
    )


def _points(difference: float) -> str:
    rounded = f"{100 * difference:.0f}"
    if rounded == "0":
        return "less than a point"
    return f"{rounded} point" + "s" * (rounded != "1")


def _mean_words(drop: float) -> str:
    if abs(drop) < 0.005:
        return "stays the same on average"
    return f"{'falls' if drop > 0 else 'rises'} by {_points(abs(drop))} on average"


def _quoted(explanation: Explanation, tokens: Iterable[int]) -> str:
    return ", ".join(quoted(explanation.sentence.tokens[token]) for token in tokens)

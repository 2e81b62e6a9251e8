"""An explanation in plain words, for its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from structnn.arcs import arc_of
from tasks.data.questions import Question
from tasks.directions import isolated
from tasks.explain.along import Shares
from tasks.explain.attributions import TOLERANCE
from tasks.explain.case import subtrees_of
from tasks.explain.chosen import Chosen
from tasks.explain.quantities import Quantity, percent
from tasks.models.prediction import Prediction

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText, Explanation

__all__ = [
    "answer_words",
    "completeness_words",
    "decimals",
    "deletion_words",
    "prediction_words",
    "quoted",
    "shares_words",
    "signed",
    "signed_column",
    "subtree_words",
    "verdict_words",
]

SUBTREES = 3  # that are told in words
_MOST_DECIMALS = 6  # anything smaller is an error of rounding

_VERDICTS = {
    "yes": "yes",
    "partly": "in part",
    "no": "no",
    "unmoved": "can't be told",
}


def signed(number: float, digits: int = 2) -> str:
    """A number with two decimals, or so many, and its sign."""
    return f"{round(number, digits) + 0:+.{digits}f}"  # + 0 makes plain zero of minus zero


def decimals(most: float, least: int = 2) -> int:
    """How many decimals show two figures of a number, lest a small one look like zero.

    Args:
        most: The number, or the largest of some that are shown together.
        least: How many there are at least.
    """
    most = abs(most)
    if most < 10**-_MOST_DECIMALS:
        return least
    return min(max(least, 1 - floor(log10(most))), _MOST_DECIMALS)


def signed_column(numbers: Sequence[float | None]) -> list[str]:
    """Numbers with their signs and equally many decimals, at least three; ``""`` where there is none."""
    digits = decimals(max((abs(n) for n in numbers if n is not None), default=0.0), least=3)
    return ["" if number is None else signed(number, digits) for number in numbers]


def quoted(words: str) -> str:
    """Words in quotes, which words from right to left don't carry away with them."""
    return isolated(f"“{words}”")


def answer_words(question: Question, encoder: str, prediction: Prediction) -> str:
    """What an encoder answers, and how sure it is, where it says that."""
    if question.is_number:
        return f"{encoder} says {float(prediction.label):.3g}."
    if question.is_sequence:
        return f"{encoder} writes {quoted(prediction.label)}."
    if question.answer == "labels":
        return f"{encoder} says {', '.join(question.labels_in(prediction.label)) or 'no label'}."
    if prediction.tokens is not None:
        answers = question.parts_of(prediction.label)
        if question.reads == "arcs":
            answers = tuple(_arc_words(prediction.tokens, arc) for arc in answers)
        pairs = zip(prediction.tokens, answers, strict=True)
        return f"{encoder} says {', '.join(f'{token} {answer}' for token, answer in pairs)}."
    share = percent(prediction.probabilities[prediction.label])
    return f"{encoder} says {isolated(prediction.label)}, with a probability of {share}."


def _arc_words(tokens: Sequence[str], arc: str) -> str:
    head, relation = arc_of(arc)
    return f"({relation} of {tokens[head - 1]})" if head else f"({relation})"


def prediction_words(explanation: Explanation) -> str:
    """What the encoder says, how sure it is, what is explained, and what it should say."""
    chosen, question = explanation.chosen, explanation.question
    if chosen.token is not None:
        said, answer = _token_words(explanation), chosen.parts[chosen.token].answer
        if question.is_sequence:
            said = f"{answer_words(question, explanation.encoder, explanation.prediction)} {said}"
    else:
        said = answer_words(question, explanation.encoder, explanation.prediction)
        answer = explanation.prediction.label
        if question.is_one_label:
            said = f"{said.removesuffix('.')}{_next_best(chosen, answer)}."
    if chosen.shares and chosen.answer != answer:
        said += f" Explained is {isolated(chosen.answer)}, {percent(chosen.shares[chosen.answer])}."
    if explanation.right is None or explanation.is_right:
        return said
    kind = "answer" if question.has_parts or question.is_sequence else "label"
    kind = "score" if question.is_number else kind
    return f"{said} The right {kind} is {_right_words(explanation)}."


def _token_words(explanation: Explanation) -> str:
    """What the encoder says of the token that is explained."""
    chosen = explanation.chosen
    assert chosen.token is not None
    part = chosen.parts[chosen.token]
    if chosen.writing is not None:
        return (
            f"Explained is {chosen.quantity.of}, written with a probability of {percent(part.share)}"
            f"{_next_best(chosen, part.answer)}."
        )
    word, found = quoted(chosen.names[chosen.token]), part.answer
    if part.head is not None:
        found = f"{part.relation} of {quoted(found)}" if part.head >= 0 else part.relation
    return (
        f"Of {word} {explanation.encoder} says {found}, with a probability of {percent(part.share)}"
        f"{_next_best(chosen, part.answer)}."
    )


def _next_best(chosen: Chosen, answer: str) -> str:
    """The most probable of the other answers, in brackets."""
    others = [(share, name) for name, share in chosen.shares.items() if name != answer]
    share, name = max(others, default=(0.0, ""), key=lambda other: other[0])
    return f" (next is {isolated(name)}, {percent(share)})" if name else ""


def _right_words(explanation: Explanation) -> str:
    right = explanation.right or ""
    if explanation.question.reads != "arcs":
        return ", ".join(explanation.question.labels_in(right)) or right
    head, relation = arc_of(right)
    return f"{relation} of {quoted(explanation.tokens[head - 1])}" if head else relation


def verdict_words(explanation: Explanation, method: str) -> str:
    """Whether the words of highest attribution are those that the prediction depends on, in a word."""
    deletion = explanation.deletion
    return "too short" if deletion is None else _VERDICTS[deletion.verdict(method)]


def deletion_words(explanation: Explanation, method: str) -> str:
    """What becomes of the prediction without the words that a method puts first, and without others."""
    deletion, quantity = explanation.deletion, explanation.quantity
    if deletion is None:
        if len(explanation.tokens) == 1:
            return "This can't be checked: there is only one word."
        return "This can't be checked: no word can be left out but those that are asked about."
    tokens = deletion.deleted[method]
    first = next(iter(reversed(deletion.deleted)))
    if method != first and tokens == deletion.deleted[first]:
        return f"{method.capitalize()} puts the same words first."
    before, drop = deletion.level, deletion.drops[method]
    count = "the word" if len(tokens) == 1 else f"the {len(tokens)} words"
    random = "one random word" if len(tokens) == 1 else f"{len(tokens)} random words"
    moves = f"{'falls' if drop >= 0 else 'rises'} by {quantity.change(drop)}"
    told = (
        f"Without {count} of the highest {method} ({_quoted(explanation, tokens)}) the {quantity.level} "
        f"{moves}, from {quantity.told(before)} to {quantity.told(before - drop)}. Without {random} it "
        f"{_mean_words(deletion.random_mean, quantity)}; of {len(deletion.random_drops)} random choices "
        f"{percent(deletion.exceeded(method))} lower it less."
    )
    verdict = {
        "yes": f"Yes: {method} finds words that the prediction depends on. ",
        "partly": "In part: many random words matter less, but some matter as much. ",
        "no": f"No: random words matter as much, so don't rely on {method} here. ",
        "unmoved": f"This can't be told: whichever words are taken away, the {quantity.level} stays "
        "nearly the same. ",
    }
    return verdict[deletion.verdict(method)] + told


def completeness_words(explanation: Explanation) -> str:
    """Whether integrated gradients add up to what they divide among the words."""
    check = explanation.completeness
    verdict = (
        "the same, as it should be"
        if check.error <= TOLERANCE
        else "not the same, so these numbers can't be relied on"
    )
    total = signed(check.total, decimals(check.total))
    return (
        f"Integrated gradients add up to {total}, and from no words to "
        f"{'this sentence' if len(explanation.texts) == 1 else 'these texts'} the "
        f"{_moves(explanation.quantity, check.expected)}: {verdict}."
    )


def subtree_words(text: ExplainedText, quantity: Quantity) -> list[str]:
    """The parts of a text's tree that matter most, each in a sentence."""
    tree, tokens = text.sentence.dependencies, text.sentence.tokens
    assert tree is not None
    below = subtrees_of(tree)
    effects = [(value, node) for node, value in enumerate(text.subtree_effects) if value]
    told = []
    for effect, node in sorted(effects, key=lambda item: -abs(item[0]))[:SUBTREES]:
        phrase = " ".join(tokens[token] for token in sorted(below[node]))
        told.append(f"Without {quoted(phrase)} the {_moves(quantity, -effect)}.")
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


def _moves(quantity: Quantity, by: float) -> str:
    """``"log-odds of yes fall by 0.31"``, or ``"score falls by 0.31"``."""
    verb = "rise" if by >= 0 else "fall"
    return f"{quantity.name} {verb}{'s' * (not quantity.plural)} by {abs(by):.{decimals(by)}f}"


def _mean_words(drop: float, quantity: Quantity) -> str:
    if abs(drop) < quantity.unmoved / 2:
        return "stays the same on average"
    return f"{'falls' if drop > 0 else 'rises'} by {quantity.change(drop)} on average"


def _quoted(explanation: Explanation, tokens: Iterable[int]) -> str:
    return ", ".join(quoted(explanation.tokens[token]) for token in tokens)

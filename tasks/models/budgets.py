"""Equal budgets: widths that give encoders the same number of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from structnn import Encoder, build_encoder

__all__ = ["TOLERANCE", "match_width", "outline"]

TOLERANCE = 0.02
"""By how much the parameters of encoders may differ from what they shall match."""

_STEPS = 64  # an encoder whose width must be a multiple of more than this is out of reach
_WIDEST = 2**16


def outline(
    encoder: str, input_dim: int, hidden_dim: int, options: Mapping[str, object]
) -> Encoder:
    """An encoder without weights, to look at what it would be."""
    with torch.device("meta"):
        return build_encoder(encoder, input_dim, hidden_dim, **options)


def match_width(
    encoder: str, input_dim: int, parameters: int, options: Mapping[str, object]
) -> int:
    """The width of the states at which an encoder has this many parameters.

    Args:
        encoder: A registered encoder, or several joined by ``>``, all equally wide.
        input_dim: The width of the word vectors.
        parameters: How many the encoder alone shall have, embedding and head not counted.
        options: The encoder's options.

    Returns:
        The width that comes closest.

    Raises:
        ValueError: No width comes within 2 %; the message names the nearest.
    """

    def count(width: int) -> int:
        return sum(p.numel() for p in outline(encoder, input_dim, width, options).parameters())

    step = _granularity(encoder, input_dim, options)
    low, high = 0, 1  # in steps; at most `parameters` at low, more at high
    while count(high * step) <= parameters:
        low, high = high, 2 * high
        if high * step > _WIDEST:
            raise ValueError(
                f"{encoder} has {count(low * step):,} parameters {low * step} wide, far fewer than "
                f"{parameters:,}: its width doesn't decide their number, so leave it out"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle * step) <= parameters else (low, middle)
    counts = {width * step: count(width * step) for width in (low, high) if width}
    best = min(counts, key=lambda width: abs(counts[width] - parameters))
    if abs(counts[best] - parameters) > TOLERANCE * parameters:
        nearest = " and ".join(f"{n:,} ({width} wide)" for width, n in counts.items())
        raise ValueError(
            f"{encoder} can't be given {parameters:,} parameters to within {TOLERANCE:.0%}: the "
            f"nearest are {nearest}; match another number, or change its options"
        )
    return best


def _granularity(encoder: str, input_dim: int, options: Mapping[str, object]) -> int:
    """The smallest number whose multiples are widths that the encoder takes: of heads, say."""
    fault: ValueError | None = None
    for step in range(1, _STEPS + 1):
        try:
            outline(encoder, input_dim, step, options)
            outline(encoder, input_dim, 3 * step, options)
        except ValueError as error:
            fault = error
        else:
            return step
    assert fault is not None
    raise fault

"""The width at which an encoder has a given number of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from structnn import Encoder, build_encoder

__all__ = ["TOLERANCE", "match_width", "outline"]

TOLERANCE = 0.02
"""Relative difference allowed between an encoder's number of parameters and the number asked for."""

_STEPS = 64  # an encoder whose width must be a multiple of more than this is out of reach
_WIDEST = 2**16


def outline(
    encoder: str, input_dim: int, hidden_dim: int, options: Mapping[str, object]
) -> Encoder:
    """Build an encoder without weights (on the meta device), to see what it reads and how large it is.

    Args:
        encoder: Name of a registered encoder, or of several joined by ``>``.
        input_dim: Width of the word vectors.
        hidden_dim: Width of the hidden states.
        options: Options of the encoder (of a chain's last one).
    """
    with torch.device("meta"):
        return build_encoder(encoder, input_dim, hidden_dim, **options)


def match_width(
    encoder: str,
    input_dim: int,
    parameters: int,
    options: Mapping[str, object],
    *,
    readout: bool = True,
) -> int:
    """Find the width at which an encoder has a certain number of parameters.

    Args:
        encoder: Name of a registered encoder, or of several joined by ``>``, all of one width.
        input_dim: Width of the word vectors.
        parameters: The number of parameters; embedding and head are not counted.
        options: Options of the encoder (of a chain's last one).
        readout: Whether sentence vectors are read; if not, a readout trains nothing and isn't counted.

    Returns:
        The ``hidden_dim`` that comes closest.

    Raises:
        ValueError: No width comes within 2 %; the message names the nearest.
    """

    def count(width: int) -> int:
        built = outline(encoder, input_dim, width, options)
        if not readout:
            built.without_readout()
        return sum(p.numel() for p in built.parameters())

    step = _granularity(encoder, input_dim, options)
    low, high = 0, 1  # in steps; at most `parameters` at low, more at high
    while count(high * step) <= parameters:
        low, high = high, 2 * high
        if high * step > _WIDEST:
            grows = count(low * step) > count(step)
            why = (
                "no wider one is built, so match a smaller number"
                if grows
                else "its width doesn't decide their number, so leave it out"
            )
            raise ValueError(
                f"{encoder} has {count(low * step):,} parameters {low * step} wide, far fewer than "
                f"{parameters:,}: {why}"
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

"""Contenders that say they compute the same function have to: outputs and gradients are compared."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["Disagreement", "check_agreement"]

TOLERANCE = 1e-5


class Disagreement(Exception):
    """Two contenders give different results, so their times can't be compared."""


def check_agreement(results: Mapping[str, Mapping[str, Tensor]]) -> dict[str, float]:
    """Compare all contenders with the first.

    Two tensors differ by the largest difference of two entries, divided by the first contender's
    largest entry where that is above 1: gradients of weights are sums over all nodes, and single
    precision rounds them in proportion.

    Args:
        results: For each contender its outputs and gradients by name; names that the first one has.

    Returns:
        For each contender the largest difference to the first one.

    Raises:
        Disagreement: One of them is above 1e-5.
    """
    (reference_name, reference), *others = results.items()
    largest = {}
    for name, tensors in others:
        differences = {
            what: difference(tensor, reference[what]) for what, tensor in tensors.items()
        }
        worst = max(differences, key=lambda what: differences[what])
        largest[name] = differences[worst]
        if not largest[name] <= TOLERANCE:  # not a number is no agreement either
            raise Disagreement(
                f"{name} and {reference_name} differ by {largest[name]:.2g} in {worst!r}, more than "
                f"{TOLERANCE:g}: no times are shown for contenders that compute different things"
            )
    return largest


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two entries, relative to the largest entry where that is above 1."""
    scale = max(1.0, float(other.abs().max()))
    return float((one - other).abs().max()) / scale

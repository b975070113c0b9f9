"""Bounds on the rounding error of a sum, for bounds that have to hold as they are computed."""

import numpy as np

ROUNDINGS = 16
"""Of a term in a sum, beside those of the sum itself: products, a norm, units, the sum of the weights."""

SMALLEST = 2.0**-32
"""Share of the nearest sample's gain that far ones are asked for at least, so that rounding does not decide theirs."""


def allowance(terms: int) -> float:
    """Return the most that rounding adds to a sum of so many products whose absolute values sum to 1."""
    return (terms + ROUNDINGS) * float(np.finfo(float).eps)


def deviation(operations: float) -> float:
    """Return the standard deviation of so many independent errors, each uniform within half a unit: u √(operations/3).

    >>> bool(deviation(12.0) == np.finfo(float).eps)
    True
    """
    return float(np.finfo(float).eps) / 2 * float(np.sqrt(operations / 3))

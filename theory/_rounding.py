"""Bounds on the rounding error of a sum, for bounds that have to hold as they are computed."""

import numpy as np

ROUNDINGS = 16
"""Of a term in a sum, beside those of the sum itself: products, a norm, units, the sum of the weights."""

SMALLEST = 2.0**-32
"""Share of the nearest sample's gain that far ones are asked for at least, so that rounding does not decide theirs."""


def allowance(terms: int) -> float:
    """Return the most that rounding adds to a sum of so many products whose absolute values sum to 1."""
    return (terms + ROUNDINGS) * float(np.finfo(float).eps)

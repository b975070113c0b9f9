"""Gauss's rules from the recurrence of their orthonormal polynomials, for weights whose moments leave float64."""

import numpy as np
from scipy import linalg

from theory._checks import Array

_LARGE = 1e100
"""Where a polynomial is scaled down; far beyond, its node has no weight."""


def rule(diagonal: Array, beside: Array) -> tuple[Array, Array]:
    """Nodes and weights, of sum 1, of x p_k = b_{k+1} p_{k+1} + a_k p_k + b_k p_{k−1}, a = `diagonal`, b = `beside`.

    Nodes are the eigenvalues of the tridiagonal matrix, weights 1/Σ_k p_k² there (Christoffel's numbers).
    """
    nodes = np.asarray(linalg.eigvalsh_tridiagonal(diagonal, beside), np.float64)
    before, now = np.zeros_like(nodes), np.ones_like(nodes)
    total, cut = np.ones_like(nodes), np.zeros_like(nodes)
    for k, b in enumerate(beside):
        left = beside[k - 1] * before if k else 0.0
        before, now = now, ((nodes - diagonal[k]) * now - left) / b
        total += now**2
        if np.any(large := np.abs(now) > _LARGE):
            shrink = np.where(large, 1 / _LARGE, 1.0)
            before, now, total, cut = before * shrink, now * shrink, total * shrink**2, cut + large
    weights = np.exp(-np.log(total) - 2 * cut * np.log(_LARGE))
    return nodes, weights / weights.sum()


def gegenbauer(order: float, count: int) -> Array:
    """b_1 … b_count of the weight (1 − t²)^(order − ½) on [−1, 1]; its a_k are zero."""
    k = np.arange(1.0, count + 1)
    # For k = 1 the factors 2 order − 1 + k and order + k − 1 have the ratio 2, for order 0 too.
    rest = np.where(k == 1, 2.0, (2 * order + k - 1) / np.maximum(order + k - 1, 0.5))
    return np.sqrt(k * rest / (order + k)) / 2


def laguerre(order: float, count: int) -> tuple[Array, Array]:
    """a_0 … a_{count − 1} and b_1 … b_{count − 1} of the weight x^order e^−x on x > 0."""
    k = np.arange(float(count))
    return 2 * k + 1 + order, np.sqrt(k[1:] * (k[1:] + order))

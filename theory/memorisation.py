"""The cost of random labels: the complexity of labels in a kernel, and how many labellings a network can fit at all.

`replaced` labels of n, drawn without replacement, are exchanged for independent signs. Two labels both survive with
probability q = (n − k)(n − k − 1)/(n(n − 1)), and otherwise their product is 0 in the mean, while y_i² stays 1. So
every quadratic form is known in the mean:

    E yᵀ A y = q yᵀ A y + (1 − q) tr A   for labels ±1 and k replaced.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array


def label_complexity(kernel: ArrayLike, y: ArrayLike) -> float | Array:
    """√(2 yᵀ K⁻¹ y / n), the leading term of a bound on the test loss of kernel descent.

    `kernel` is [n, n], symmetric and positive definite; `y` is [n], or [L, n] for several labellings at once; the
    result is a float or [L]. The bound is on any loss with values in [0, 1] and slope at most 1: above 1 it says
    nothing. Raises ValueError for a kernel that is not positive definite and for shapes that disagree.

    >>> round(label_complexity([[2.0, 0.0], [0.0, 8.0]], [1.0, 2.0]), 9)
    1.0

    Source: `arora2019fine`.
    """
    factor = _factor(kernel)
    y = _checks.array("y", y, ["[n]", "[L, n]"])
    _checks.same("columns of y", y.shape[-1], "kernel", len(factor))
    white = np.asarray(linalg.solve_triangular(factor, y.T, lower=True)).T
    value = np.sqrt(2 / len(factor)) * _scale.lengths(white)[..., 0]
    return float(value) if value.ndim == 0 else value


def corrupted_complexity(kernel: ArrayLike, y: ArrayLike, replaced: ArrayLike) -> Array:
    """(E 2 ỹᵀ K⁻¹ ỹ / n)^½ for labels ỹ of which so many were `replaced` by random signs; exact.

    `kernel` and `y`, [n] with entries ±1, as for `label_complexity`; `replaced` is [L], whole numbers from 0 to n; the
    result is [L]. With all of them replaced it is √(2 tr K⁻¹ / n). By Jensen it is above the mean of
    `label_complexity` itself. Raises ValueError for anything else.

    >>> corrupted_complexity([[2.0, 1.0], [1.0, 2.0]], [1.0, 1.0], [0, 2]).round(4)
    array([0.8165, 1.1547])

    Source: `meanfield`.
    """
    y = _signs(y)
    inverse = linalg.cho_solve((_factor(kernel), True), np.eye(len(y)))
    return np.sqrt(2 * corrupted_form(inverse, y, replaced) / len(y))


def corrupted_form(matrix: ArrayLike, y: ArrayLike, replaced: ArrayLike) -> Array:
    """E ỹᵀ A ỹ for labels ỹ of which so many were `replaced` by random signs: q yᵀ A y + (1 − q) tr A.

    `matrix`, A, is [n, n]; `y`, [n], has entries ±1; `replaced` is [L], whole numbers from 0 to n; the result is [L].
    With A = v vᵀ it is the power of the labels along v. Raises ValueError for anything else.

    >>> corrupted_form([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0], [0, 1, 2])
    array([4., 2., 2.])

    Source: `meanfield`.
    """
    matrix, y = _checks.array("matrix", matrix, ["[n, n]"]), _signs(y)
    _checks.same("shape of matrix", matrix.shape, "y", (len(y), len(y)))
    k, n = _checks.array("replaced", replaced, ["[L]"], minimum=0.0), float(len(y))
    if np.any(k > n) or np.any(k != np.floor(k)):
        raise ValueError(f"replaced must hold whole numbers up to {n:g}, got {_checks.shown(replaced)}")
    both = (n - k) * (n - k - 1) / (n * (n - 1)) if n > 1 else (k == 0).astype(float)
    return both * (y @ matrix @ y) + (1 - both) * np.trace(matrix)


def log_dichotomies(n: int, d: int) -> float:
    """log C(n, d), C = 2 Σ_{i<d} binom(n − 1, i): labellings of n points in ℝ^d in general position by hyperplanes
    through 0.

    No other arrangement of points has more. Raises ValueError for n or d below 1, and n above 10⁷.

    >>> round(float(np.exp(log_dichotomies(4, 2))))
    8

    Source: `cover1965geometrical`.
    """
    n, d = _checks.integer("n", n, maximum=10**7), _checks.integer("d", d)
    if d >= n:
        return float(n * np.log(2))
    i = np.arange(d)
    logs = special.gammaln(n) - special.gammaln(i + 1) - special.gammaln(n - i)
    return float(np.log(2) + special.logsumexp(logs))


def memorisation_bound(n: int, d: int, m: int) -> float:
    """An upper bound on the probability that random labels ±1 of n points in ℝ^d are the signs of any network
    Σ_j a_j relu(w_j·x) of m units: min(1, C(n, d)^m C(n, m d) / 2^n).

    The units are active on at most C(n, d)^m families of samples. In each, f is linear in the m d numbers a_j w_j, so
    that it has at most C(n, m d) sign patterns without a zero. Whatever the training. Raises ValueError for n, d or m
    below 1.

    >>> memorisation_bound(100, 5, 2) < 1e-3, memorisation_bound(100, 5, 20)
    (True, 1.0)

    Source: `meanfield`, from `cover1965geometrical`.
    """
    n, d, m = _checks.integer("n", n, maximum=10**7), _checks.integer("d", d), _checks.integer("m", m)
    log = m * log_dichotomies(n, d) + log_dichotomies(n, min(m * d, n)) - n * np.log(2)
    return float(np.exp(min(log, 0.0)))


def _signs(y: ArrayLike) -> Array:
    y = _checks.array("y", y, ["[n]"])
    if np.any(np.abs(y) != 1):
        raise ValueError(f"y must hold labels -1 and 1, got {_checks.shown(y)}")
    return y


def _factor(kernel: ArrayLike) -> Array:
    """The lower factor of Cholesky."""
    matrix = _checks.array("kernel", kernel, ["[n, n]"])
    _checks.same("rows of kernel", matrix.shape[0], "its columns", matrix.shape[1])
    try:
        return linalg.cholesky(matrix, lower=True)
    except linalg.LinAlgError as error:
        raise ValueError("kernel must be positive definite, got one with an eigenvalue of 0 or below") from error


_arithmetic.guard(__name__)

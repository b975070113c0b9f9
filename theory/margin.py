"""Largest margins of two-layer ReLU networks: over measures of bounded variation (F1), and over kernels (F2).

The margin of a function f on samples with labels y_i = ±1 is min_i y_i f(x_i). Over all f = ∫ relu(u·x) dν(u) with
total variation ‖ν‖ ≤ 1 on the unit sphere it is the value of a game, which by duality is

    γ₁ = min over weights p ≥ 0, Σp = 1 of max over u of |Σ_i p_i y_i relu(u·x_i)|.

A linear program over finitely many u bounds γ₁ from below, and the exact maximum over all u from above: neurons enter
until both agree. On a cell of the arrangement of the x_i the sum is linear in u, so that its maximum there is the norm
of a projection on a cone. A network whose mean of ½(a² + |w|²) is ρ is such an f with ‖ν‖ ≤ ρ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import _arithmetic, _cells, _checks, _rounding
from theory._checks import Array

CLOSEST = 1e-12
"""Relative gap below which rounding decides."""

ROUNDS = 200
"""Rounds of column generation at most; a few dozen are usual."""

TOGETHER = 20
"""Neurons that enter at once at most."""


@dataclass(frozen=True, eq=False)
class Margin:
    """A largest margin with what proves it; unpacks as `lower, upper`.

    `lower` is the margin of `measure`, whose rows (c, u_1 … u_d) are atoms: f(x) = Σ c relu(u·x), |u| = 1, Σ|c| = 1.
    `upper` is the maximum over all neurons of the dual game at the weights `dual`, [n], so that the largest margin lies
    between the two, rounding included.
    """

    lower: float
    upper: float
    measure: Array
    dual: Array

    def __iter__(self) -> Iterator[float]:
        return iter((self.lower, self.upper))


@dataclass(frozen=True, eq=False)
class KernelMargin:
    """A largest margin over the space of a kernel; unpacks as `lower, upper`.

    `lower` is the margin of f = Σ coefficients_i k(x_i, ·), of norm 1, and `upper` the dual's value: the largest margin
    lies between the two, rounding included.
    """

    lower: float
    upper: float
    coefficients: Array

    def __iter__(self) -> Iterator[float]:
        return iter((self.lower, self.upper))


def variation_margin(x: ArrayLike, y: ArrayLike, *, gap: float = 1e-9) -> Margin:
    """γ₁: the largest margin over functions ∫ relu(u·x) dν of total variation 1, |u| = 1, certified.

    `x` is [n, d], `y` is [n] of ±1. All cells are enumerated: for small n and d. Stops when upper − lower is at most
    `gap` times upper, or what rounding leaves of it.

    Raises ValueError for arrays that are not finite or do not match, labels other than ±1, and where there may be more
    than 40 000 cells.

    >>> margin = variation_margin([[3.0, 4.0]], [-1.0])
    >>> round(margin.lower, 12), round(margin.upper, 12), margin.measure.round(6).tolist()
    (5.0, 5.0, [[-1.0, 0.6, 0.8]])

    Source: `chizat2020implicit`.
    """
    x, y = _samples(x, y)
    gap = max(_checks.number("gap", gap, exclusive=True), CLOSEST)
    # The linear program's tolerances are absolute: rows are of size one there, by a power of two, which rounds nothing.
    size = 2.0 ** int(np.frexp(np.abs(x).max())[1])
    x = x / size
    neurons = _Neurons(x)
    columns = np.zeros((0, x.shape[1]))
    dual = np.full(len(y), 1 / len(y))
    lower, upper, best, weights = -np.inf, np.inf, dual, np.zeros(0)
    for _ in range(ROUNDS):
        heights, directions, highest = neurons.best(dual * y)
        if highest < upper:
            upper, best = highest, dual
        if upper - lower <= gap * upper:
            break
        entering = np.argsort(-heights)[:TOGETHER]
        entering = entering[heights[entering] > max(lower, 0.0) * (1 + gap / 2)]
        if not len(entering):
            break
        columns = np.concatenate([columns, directions[entering]])
        value, weights, dual = _game(y[:, None] * np.maximum(x @ columns.T, 0))
        lower = value - _rounding.allowance(len(columns)) * float(neurons.lengths.max())
    used = np.abs(weights) > 0
    return Margin(lower * size, upper * size, np.column_stack([weights[used], columns[used]]), best)


def kernel_margin(kernel: ArrayLike, y: ArrayLike) -> KernelMargin:
    """γ₂: the largest margin over functions of norm 1 in the space of a kernel, without intercept, certified.

    `kernel` is [n, n], its values at the samples; `y` is [n] of ±1. By duality γ₂² = min over p ≥ 0, Σp = 1 of
    Σ p_i p_j y_i y_j k_ij, a quadratic program; any p gives an upper bound, and the function Σ p_i y_i k(x_i, ·) over
    its norm a lower one. For features φ_j, j = 1 … m, of a network whose output weights have the norm (mean b²)^{1/2},
    k is the mean of φ_j(x) φ_j(x').

    Raises ValueError for arrays that are not finite or do not match, labels other than ±1, a kernel that is not
    symmetric or not positive semidefinite, and samples that the space does not separate.

    >>> margin = kernel_margin([[4.0, 0.0], [0.0, 4.0]], [1.0, -1.0])
    >>> round(margin.lower, 9), round(margin.upper, 9), margin.coefficients.round(6).tolist()
    (1.414213562, 1.414213562, [0.353553, -0.353553])

    Source: `chizat2020implicit`, `boser1992training`.
    """
    kernel = _checks.array("kernel", kernel, ["[n, n]"])
    y = _labels(y)
    _checks.same("kernel", kernel.shape, "y", (len(y), len(y)))
    size = float(np.abs(kernel).max())
    if np.abs(kernel - kernel.T).max() > 1e-6 * size:
        raise ValueError("kernel must be symmetric")
    kernel = (kernel + kernel.T) / 2
    try:
        np.linalg.cholesky(kernel + 1e-6 * size * np.eye(len(y)))
    except np.linalg.LinAlgError as error:
        raise ValueError("kernel must be positive semidefinite, got one with a negative eigenvalue") from error
    signed = y[:, None] * kernel * y / max(size, np.finfo(float).tiny)
    p = _simplex_minimum(signed)
    gains, rounding = signed @ p, _rounding.allowance(2 * len(y))  # no entry of `signed` is above 1
    square, least = float(p @ gains), float(gains.min()) - rounding
    norm = np.sqrt(max(square, 0.0))
    if norm < 1e-6 or least <= 0:
        raise ValueError("kernel must separate the labels, got samples whose largest margin is 0")
    root, upper = np.sqrt(size), np.sqrt(square + rounding)
    return KernelMargin(float(least / upper * root), float(upper * root), y * p / (norm * root))


def _simplex_minimum(square: Array) -> Array:
    """argmin pᵀ square p over the simplex."""
    from scipy import sparse

    clarabel: Any = import_module("clarabel")
    n = len(square)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-14
    constraints = sparse.csc_matrix(np.vstack([np.ones(n), -np.eye(n)]))
    kinds, bound = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(n)], np.append(1.0, np.zeros(n))
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(square)), np.zeros(n), constraints, bound, kinds, settings
    )
    p = np.maximum(np.asarray(solver.solve().x, dtype=float), 0)
    return p / p.sum()


def _game(gains: Array) -> tuple[float, Array, Array]:
    """(value, signed weights of the columns, weights of the rows) of the largest least gain, Σ|weights| ≤ 1."""
    from scipy.optimize import linprog

    n, k = gains.shape
    both = np.hstack([gains, -gains, -np.ones((n, 1))])
    solved = linprog(
        np.append(np.zeros(2 * k), -1.0),
        A_ub=-both,
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(2 * k), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * (2 * k) + [(None, None)],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solved.status != 0:
        raise ValueError(f"x and y must be within reach of the linear program: {solved.message}")
    weights = solved.x[:k] - solved.x[k : 2 * k]
    total = np.abs(weights).sum()
    # A certificate must hold as it is: rounding is taken out of both sides before they are read off.
    weights = weights / total if total > 0 else weights
    dual = np.maximum(-solved.ineqlin.marginals, 0)
    return float(np.min(gains @ weights)), weights, dual / dual.sum()


class _Neurons:
    """For weights q of the samples: in every cell of the arrangement the direction of the largest |Σ q_i relu(u·x_i)|.

    In a cell with the samples `on` the sum is A·u with A = Σ_on q_i x_i, and its maximum over directions of the cell is
    the norm of the projection of A on the cone that the cell is.
    """

    def __init__(self, x: Array):
        self.x, self.lengths = x, np.linalg.norm(x, axis=1)
        self.on = _cells_of(x)

    def best(self, q: Array) -> tuple[Array, Array, float]:
        """(heights, directions) of candidates, and a bound of all heights on the sphere, with rounding in it."""
        slopes = self.on @ (q[:, None] * self.x)
        slopes = np.concatenate([slopes, -slopes])
        on = np.concatenate([self.on, self.on])
        # In a cell that holds its own A the height is |A|; nowhere does it exceed |A|, so that of the others only those
        # with a larger |A| can win.
        bound = np.linalg.norm(slopes, axis=1)
        inside = np.all((slopes @ self.x.T >= 0) == on, axis=1) & (bound > 0)
        heights, directions = list(bound[inside]), list(slopes[inside] / bound[inside, None])
        most, spread = max(heights, default=0.0), 0.0
        for c in np.argsort(-bound):
            if bound[c] <= most:
                break
            if inside[c]:
                continue
            normals = np.where(on[c], 1.0, -1.0)[:, None] * self.x
            projection, added = _cells.projection(slopes[c], normals)
            height = float(np.linalg.norm(projection))
            most, spread = max(most, height), max(spread, added)
            if height > 1e-13 * bound[c]:
                heights.append(height)
                directions.append(projection / height)
        highest = float(most + _rounding.allowance(len(q)) * (np.abs(q) @ self.lengths + spread))
        if not heights:
            return np.zeros(1), np.eye(self.x.shape[1])[:1], highest
        return np.array(heights), np.array(directions), highest


def _cells_of(x: Array) -> NDArray[np.bool_]:
    norm = np.linalg.norm(x, axis=1)
    if not norm.all():
        raise ValueError("x must have no row of zeros, got one")
    count = _cells.count(len(x), np.linalg.matrix_rank(x))
    if count > _cells.MOST:
        raise ValueError(f"x must have at most {_cells.MOST} cells, got up to {count}: fewer rows or columns")
    return _cells.patterns(x)


def _samples(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    x, y = _checks.array("x", x, ["[n, d]"]), _labels(y)
    _checks.same("y", len(y), "the rows of x", len(x))
    return x, y


def _labels(y: ArrayLike) -> Array:
    y = _checks.array("y", y, ["[n]"])
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"y must hold labels -1 and 1, got {_checks.shown(y[~np.isin(y, (-1, 1))][0])}")
    return y


_arithmetic.guard(__name__)

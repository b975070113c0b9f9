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
from numpy.typing import ArrayLike

from theory import _active_set, _arithmetic, _checks, _rounding, _scale
from theory._checks import Array
from theory._conic_program import NEAR
from theory._game import Game

CLOSEST = 1e-12
"""Relative gap below which rounding decides."""

NEARLY = 1e-3
"""Relative gap below which neurons and samples that count are taken to be known."""

ROUNDS = 200
"""Rounds of column generation at most; a few dozen are usual."""

TOGETHER = 20
"""Neurons that enter at once at most."""


@dataclass(frozen=True, eq=False)
class Margin:
    """A largest margin with what proves it; unpacks as `lower, upper`.

    `lower` is the margin of `measure`, whose rows (c, u_1 … u_d) are atoms: f(x) = Σ c relu(u·x), |u| = 1, Σ|c| = 1.
    There are none where nothing has a margin. `upper` is the maximum over all neurons of the dual game at the weights
    `dual`, [n], so that the largest margin lies between the two, rounding included.
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
    # Rows are of size one in the program, by powers of two, which rounds nothing; far samples gain multiples there.
    x, powers = _scale.scaled_rows(x)
    nearest = int(powers.min())
    game = Game(x, y, np.ldexp(1.0, nearest - powers[:, 0]))
    columns, atoms = np.zeros((0, x.shape[1])), np.zeros((0, 1 + x.shape[1]))
    weights = game.normalised(np.ones(len(y)))
    # Nothing has the margin 0, and where labels contradict each other nothing has more.
    lower, upper, best, dual = 0.0, np.inf, atoms, weights
    for _ in range(ROUNDS):
        heights, directions, highest = game.neurons.best(weights * y)
        if highest < upper:
            upper, dual = highest, weights
        if upper - lower <= max(gap, NEARLY) * upper:
            for near in NEAR:
                polished = game.polished(atoms, weights, lower, near)
                if polished is None or upper - lower <= CLOSEST * upper:
                    continue
                least, (_, _, most) = game.lower(polished[0]), game.neurons.best(polished[1] * y)
                if least > lower:
                    lower, best = least, polished[0]
                if most < upper:
                    upper, dual = most, polished[1]
        enough = max(gap * upper, 2 * game.rounding(best, dual)) if len(best) else gap * upper
        if upper - lower <= enough:
            break
        entering = np.argsort(-heights)[:TOGETHER]
        entering = entering[heights[entering] > lower * (1 + gap / 2)]
        if not len(entering):
            break
        columns = np.concatenate([columns, directions[entering]])
        atoms, weights = game.solve(columns)
        least = game.lower(atoms)
        if least > lower:
            lower, best = least, atoms
    shares = game.asked * dual
    return Margin(float(np.ldexp(lower, nearest)), float(np.ldexp(upper, nearest)), best, shares / shares.sum())


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
    size = np.diag(kernel)
    if size.min() <= 0:
        raise ValueError("kernel must separate the labels, got a sample at which all functions are 0")
    # Samples are of size one in the program, by powers of two: what one far out gains is a multiple.
    powers = np.frexp(size)[1] // 2
    nearest = int(powers.min())
    signed = np.ldexp(y[:, None] * kernel * y, -powers[:, None] - powers)
    asked = np.ldexp(1.0, nearest - powers)
    q = _least_norm(signed, asked)
    lower, upper, norm = _kernel_bounds(signed, asked, q)
    if upper < 1e-6 or lower <= 0:
        raise ValueError("kernel must separate the labels, got samples whose largest margin is 0")
    coefficients = np.ldexp(y * q / norm, -powers)
    return KernelMargin(float(np.ldexp(lower, nearest)), float(np.ldexp(upper, nearest)), coefficients)


def _kernel_bounds(square: Array, asked: Array, q: Array) -> tuple[float, float, float]:
    """(lower, upper, norm) of f = Σ q_i y_i k(x_i, ·), whose gains are to be at least as asked."""
    gains, rounding = square @ q, _rounding.allowance(2 * len(q)) * float(np.abs(square).max() * q.sum())
    norm = float(np.sqrt(max(q @ gains, 0.0)))
    longest = float(np.sqrt(max(q @ gains, 0.0) + rounding * q.sum()))
    with np.errstate(over="ignore"):
        least = float(np.min((gains - rounding) / asked))
    return least / longest, longest / float(asked @ q), norm


def _least_norm(square: Array, asked: Array) -> Array:
    """argmin over q ≥ 0 of ½ qᵀ square q − asked·q, up to a factor: the function of norm 1 with the largest margin."""
    wanted = np.maximum(asked, _rounding.SMALLEST)
    start = _simplex_minimum(square, wanted)
    norm = float(start @ square @ start)
    if norm < 1e-12:
        return start
    values, axes = np.linalg.eigh(square)
    factor = np.sqrt(np.maximum(values, 0.0))[:, None] * axes.T
    start = start / norm
    allowance = _rounding.allowance(len(start)) * float(start.sum())
    found = _active_set.settled(factor, lambda q: square @ q - wanted, start, allowance)
    bounds = [_kernel_bounds(square, asked, q)[:2] if q.any() else (-np.inf, 1.0) for q in (found, start)]
    return found if bounds[0][0] / bounds[0][1] >= bounds[1][0] / bounds[1][1] else start


def _simplex_minimum(square: Array, asked: Array) -> Array:
    """argmin qᵀ square q over q ≥ 0 with asked·q = 1, to what an interior-point method leaves."""
    from scipy import sparse

    clarabel: Any = import_module("clarabel")
    n = len(square)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-14
    constraints = sparse.csc_matrix(np.vstack([asked, -np.eye(n)]))
    kinds, bound = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(n)], np.append(1.0, np.zeros(n))
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(square)), np.zeros(n), constraints, bound, kinds, settings
    )
    q = np.maximum(np.asarray(solver.solve().x, dtype=float), 0)
    return q / (asked @ q)


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

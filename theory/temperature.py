"""The exact first two moments of stochastic gradient descent on least squares, and the temperature η/B they reduce to.

With e = b − b*, A_i = φ_i φ_iᵀ + λ and g_i = ∇F_i(b*), a step on B samples is e ← e − (η/B) Σ (A_i e + g_i). Mean and
second moment follow

    m ← (I − ηH) m,    S ← (I − ηH) S (I − ηH) + η² c Cov_i(A_i e + g_i),

where c = 1/B for samples drawn with replacement and (n − B)/(n − 1)/B without, and, averaged over e,

    Cov_i(A_i e + g_i) = (1/n) Σ (φ_i·Sφ_i) φ_i φ_iᵀ − H₀SH₀ + C + (1/n) Σ (φ_i·m) (φ_i g_iᵀ + g_i φ_iᵀ),

H₀ = H − λ. At the stationary S the excess risk is ½ tr HS, (η/4B) tr C to first order in η.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.finite_sums import LeastSquares


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean [T, p] and second moment [T, p, p] of b − b* after some steps."""

    mean: Array
    second: Array


def variance_factor(n: int, batch: int, *, replacement: bool = True) -> float:
    """c: the variance of a mean over a batch, over that of one sample.

    >>> variance_factor(5, 2), variance_factor(5, 2, replacement=False)
    (0.5, 0.375)

    Raises ValueError for more samples than there are without replacement. Source: `cochran1977sampling`.
    """
    n, batch = _checks.integer("n", n), _checks.integer("batch", batch)
    if replacement:
        return 1 / batch
    if batch > n:
        raise ValueError(f"batch must be at most n = {n} without replacement, got {batch}")
    return 0.0 if batch == n else (n - batch) / (n - 1) / batch


def moments(
    problem: LeastSquares, b: ArrayLike, step: float, batch: int, stops: ArrayLike, *, replacement: bool = True
) -> Moments:
    """Mean and second moment after the numbers of steps `stops` [T], not falling, from `b` [p].

    The recursion is one matrix on (S, m, 1), of the order p²/2, that is raised to powers: the cost is p⁶ log k.
    Raises ValueError for a step that is not positive and stops that fall.

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> moments(problem, [2.0], 0.5, 1, [0, 1]).second.ravel().tolist()
    [4.0, 1.25]

    Source: `meanfield`.
    """
    start = _checks.array("b", b, ["[p]"]) - problem.minimum
    return _from(problem, start, np.outer(start, start), step, batch, stops, replacement)


def then(problem: LeastSquares, before: Moments, step: float, batch: int, stops: ArrayLike) -> Moments:
    """Return the moments from the last of the moments `before` on: a schedule is a chain of these.

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> then(problem, moments(problem, [2.0], 0.5, 1, [1]), 0.5, 1, [1]).second.ravel().tolist()
    [0.5625]
    """
    return _from(problem, before.mean[-1], before.second[-1], step, batch, stops, True)


def varying(problem: LeastSquares, b: ArrayLike, steps: ArrayLike, stops: ArrayLike) -> Moments:
    """Return the moments with one sample a step and steps η_0, η_1 … of their own, `steps` [K], after `stops` ≤ K.

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> varying(problem, [2.0], [0.5, 0.5], [2]).second.ravel().tolist()
    [0.5625]

    Source: `meanfield`.
    """
    sizes = _checks.array("steps", steps, ["[K]"], minimum=0.0)
    wanted = [int(stop) for stop in _checks.whole("stops", stops, ["[T]"])]
    if max(wanted) > len(sizes):
        raise ValueError(f"stops must be at most the {len(sizes)} steps given, got {max(wanted)}")
    mean = _checks.array("b", b, ["[p]"]) - problem.minimum
    second, seen = np.outer(mean, mean), {}
    for k in range(max(wanted) + 1):
        seen[k] = mean, second
        if k < len(sizes):
            mean, second = _next(problem, mean, second, sizes[k], 1.0)
    return Moments(np.array([seen[k][0] for k in wanted]), np.array([seen[k][1] for k in wanted]))


def stationary(problem: LeastSquares, step: float, batch: int, *, replacement: bool = True) -> Array:
    """S of the stationary law, [p, p]: the solution of the discrete Lyapunov equation above with m = 0.

    Raises ValueError for a step at which the second moment does not settle.

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> stationary(problem, 0.5, 2).round(12).tolist()
    [[0.166666666667]]

    Source: `meanfield`.
    """
    step = _checks.number("step", step, exclusive=True)
    kick = variance_factor(problem.n, batch, replacement=replacement)
    generator, basis = _generator(problem, step, kick)
    values = np.linalg.eigvals(generator)
    # |1 − ηg| < 1; a real part that is rounding counts as none.
    resolved = len(values) * np.finfo(float).eps * np.abs(values).max()
    if np.any(2 * values.real <= step * np.abs(values) ** 2) or np.any(values.real <= resolved):
        raise ValueError(f"step must be small enough for a stationary law, got {step:g}")
    settled = np.linalg.solve(generator, step * kick * _flat(problem.noise, basis))
    return _matrix(np.asarray(settled, np.float64), basis)


def contraction(problem: LeastSquares, step: float, batch: int = 1) -> float:
    """ρ, the factor by which a step in the end multiplies the second moment where there is no noise at the minimum.

    Above 1 the second moment grows. Directions in which no feature lies, and nothing moves, are left out.

    >>> contraction(LeastSquares([[1.0], [1.0]], [1.0, 1.0], 0.0), 0.5)
    0.25

    Source: `meanfield`.
    """
    step = _checks.number("step", step, exclusive=True)
    operator, _ = _contraction(problem.reduced, step, variance_factor(problem.n, batch))
    return float(np.max(np.abs(np.linalg.eigvals(operator))))


def excess(problem: LeastSquares, second: ArrayLike) -> Array:
    """E F − F(b*) = ½ tr HS for second moments S of shape [..., p, p]."""
    second = _checks.array("second", second)
    _checks.same("second", second.shape[-2:], "the Hessian", problem.hessian.shape)
    return 0.5 * np.einsum("ij,...ij->...", problem.hessian, second)


def first_order(problem: LeastSquares, step: float, batch: int) -> float:
    """(η/4B) tr C: the stationary excess risk to first order in η, with replacement.

    >>> first_order(LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0), 0.5, 1)
    0.125

    Source: `jastrzebski2017three`.
    """
    step, batch = _checks.number("step", step, exclusive=True), _checks.integer("batch", batch)
    return step / (4 * batch) * float(np.trace(problem.noise))


def _from(problem: LeastSquares, mean, second, step: float, batch: int, stops, replacement: bool) -> Moments:
    wanted = [int(stop) for stop in _checks.whole("stops", stops, ["[T]"])]
    step = _checks.number("step", step, exclusive=True)
    if any(after < before for before, after in pairwise(wanted)):
        raise ValueError(f"stops must not fall, got {_checks.shown(wanted)}")
    kick = variance_factor(problem.n, batch, replacement=replacement)
    operator, basis = _contraction(problem, step, kick)
    p, size = len(mean), len(operator)
    whole = np.zeros((size + p + 1, size + p + 1))
    whole[:size, :size] = operator
    crossed = np.einsum("ni,nj,nk->ijk", problem.features, problem.gradients, problem.features) / problem.n
    crossed = step**2 * kick * (crossed + crossed.transpose(1, 0, 2))
    whole[:size, size:-1] = np.stack([_flat(crossed[:, :, k], basis) for k in range(p)], axis=1)
    whole[:size, -1] = step**2 * kick * _flat(problem.noise, basis)
    whole[size:-1, size:-1] = np.eye(p) - step * problem.hessian
    whole[-1, -1] = 1.0
    state, at, means, seconds = np.concatenate([_flat(second, basis), mean, [1.0]]), 0, [], []
    powers: dict[int, Array] = {}
    for stop in wanted:
        gap, at = stop - at, stop
        if gap not in powers:
            powers[gap] = np.linalg.matrix_power(whole, gap)
        state = powers[gap] @ state
        means.append(state[size:-1])
        seconds.append(_matrix(state[:size], basis))
    return Moments(np.array(means), np.array(seconds))


def _next(problem: LeastSquares, mean, second, step: float, kick: float) -> tuple[Array, Array]:
    """One step of the recursion, term by term."""
    phi, n = problem.features, problem.n
    inner = phi.T @ phi / n
    along = np.sum(phi @ second * phi, axis=1)
    crossed = (phi * (phi @ mean)[:, None]).T @ problem.gradients / n
    spread = (phi * along[:, None]).T @ phi / n - inner @ second @ inner + problem.noise + crossed + crossed.T
    shrink = np.eye(len(mean)) - step * problem.hessian
    return shrink @ mean, shrink @ second @ shrink + step**2 * kick * spread


def _contraction(problem: LeastSquares, step: float, kick: float) -> tuple[Array, Array]:
    """The linear part of S ↦ S', in an orthonormal basis of symmetric matrices, and that basis [p(p+1)/2, p, p]."""
    generator, basis = _generator(problem, step, kick)
    return np.eye(len(basis)) - step * generator, basis


def _generator(problem: LeastSquares, step: float, kick: float) -> tuple[Array, Array]:
    """G with S ↦ S − ηG S, which keeps its digits however small the step is, and the basis."""
    p = problem.features.shape[1]
    rows, columns = np.triu_indices(p)
    basis = np.zeros((len(rows), p, p))
    basis[np.arange(len(rows)), rows, columns] = np.where(rows == columns, 1.0, np.sqrt(0.5))
    basis[np.arange(len(rows)), columns, rows] = basis[np.arange(len(rows)), rows, columns]
    phi = problem.features
    inner, h = phi.T @ phi / problem.n, problem.hessian
    squares = (phi[:, rows] * phi[:, columns]) * np.where(rows == columns, 1.0, np.sqrt(2.0))
    moved = h @ basis + basis @ h - step * (h @ basis @ h - kick * (inner @ basis @ inner))
    generator = moved.reshape(len(rows), -1) @ basis.reshape(len(rows), -1).T
    return generator.T - step * kick * squares.T @ squares / problem.n, basis


def _flat(matrix: Array, basis: Array) -> Array:
    return np.einsum("kij,ij->k", basis, matrix)


def _matrix(flat: Array, basis: Array) -> Array:
    return np.einsum("k,kij->ij", flat, basis)


_arithmetic.guard(__name__)

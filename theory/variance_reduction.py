"""Incremental gradients on least squares, exactly: their mean over the samples drawn, and the second moment of SVRG.

With e = b − b* and A_i = φ_i φ_iᵀ + λ, of which H is the mean, a step of SVRG from the snapshot w is

    e ← e − h (A_i (e − ω) + Hω),   ω = w − b*,   and w ← b with probability 1/q, before the step.

The estimate of the gradient is unbiased, as is that of SAGA: so the mean of e is multiplied by I − hH, as if all
samples were looked at. With S = E eeᵀ, X = E eωᵀ, W = E ωωᵀ and D = S − X − Xᵀ + W,

    S ← (I − hH) S (I − hH) + h² ((1/n) Σ (φ_i·Dφ_i) φ_i φ_iᵀ − H₀DH₀),
    X ← (I − hH) (S/q + (1 − 1/q) X),   W ← S/q + (1 − 1/q) W,   H₀ = H − λ.

SAG adds 1/n of what has changed to the mean g of its memory, so that its mean obeys g ← g + (∇F(b) − g)/n, and b is
moved by the new g.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.finite_sums import LeastSquares


def unbiased_mean(problem: LeastSquares, b: ArrayLike, step: float, stops: ArrayLike) -> Array:
    """E b after the numbers of steps `stops` [T], for every method whose estimate of the gradient is unbiased, [T, p].

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> unbiased_mean(problem, [2.0], 0.5, [0, 1, 2]).ravel().tolist()
    [2.0, 1.0, 0.5]

    Source: `defazio2014saga`, `kovalev2020loopless`, for the estimates.
    """
    b, step = _checks.array("b", b, ["[p]"]), _checks.number("step", step, exclusive=True)
    stops = _checks.whole("stops", stops, ["[T]"])
    values, vectors = np.linalg.eigh(problem.hessian)
    left = (1 - step * values) ** np.asarray(stops)[:, None]
    return problem.minimum + left * ((b - problem.minimum) @ vectors) @ vectors.T


def sag_mean(problem: LeastSquares, b: ArrayLike, step: float, stops: ArrayLike) -> Array:
    """E b of SAG from a memory of zeros after the numbers of steps `stops` [T], [T, p].

    >>> problem = LeastSquares([[1.0], [1.0]], [1.0, -1.0], 0.0)
    >>> sag_mean(problem, [2.0], 0.5, [0, 1, 2]).ravel().tolist()
    [2.0, 1.5, 0.875]

    Source: `schmidt2017minimizing`, for the method.
    """
    start, step = _checks.array("b", b, ["[p]"]), _checks.number("step", step, exclusive=True)
    wanted = [int(stop) for stop in _checks.whole("stops", stops, ["[T]"])]
    away, memory, seen = start - problem.minimum, np.zeros(len(start)), {}
    for k in range(max(wanted) + 1):
        seen[k] = problem.minimum + away
        memory = memory + (problem.hessian @ away - memory) / problem.n
        away = away - step * memory
    return np.array([seen[k] for k in wanted])


def svrg_excess(problem: LeastSquares, b: ArrayLike, step: float, epoch: float, stops: ArrayLike) -> Array:
    """E F − F(b*) of loopless SVRG after the numbers of steps `stops` [T], a snapshot renewed at 1/`epoch` a step, [T].

    Off the span of the features all samples have the gradient λb, and nothing is random.

    >>> problem = LeastSquares([[1.0], [2.0]], [1.0, 2.0], 0.0)
    >>> svrg_excess(problem, [0.0], 0.5, 1.0, [0, 1]).tolist()
    [1.25, 0.078125]

    Raises ValueError for an epoch below 1. Source: `meanfield`; `kovalev2020loopless`, for the method.
    """
    b, step = _checks.array("b", b, ["[p]"]), _checks.number("step", step, exclusive=True)
    renewed = 1 / _checks.number("epoch", epoch, minimum=1.0)
    wanted = [int(stop) for stop in _checks.whole("stops", stops, ["[T]"])]
    inner, phi = problem.reduced, problem.reduced.features
    away = problem.span.T @ b - inner.minimum
    outside = float(b @ b - np.sum((problem.span.T @ b) ** 2))
    shrink, seen_part = np.eye(len(away)) - step * inner.hessian, phi.T @ phi / problem.n
    second, seen = np.outer(away, away), {}
    crossed, snapshot = second, second
    for k in range(max(wanted) + 1):
        seen[k] = 0.5 * (float(np.sum(inner.hessian * second)) + problem.ridge * outside)
        apart = second - crossed - crossed.T + snapshot
        spread = (phi * np.sum(phi @ apart * phi, axis=1)[:, None]).T @ phi / problem.n
        spread = spread - seen_part @ apart @ seen_part
        crossed = shrink @ (renewed * second + (1 - renewed) * crossed)
        snapshot = renewed * second + (1 - renewed) * snapshot
        second = shrink @ second @ shrink + step**2 * spread
        outside *= (1 - step * problem.ridge) ** 2
    return np.array([seen[k] for k in wanted])


_arithmetic.guard(__name__)

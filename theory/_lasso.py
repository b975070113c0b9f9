"""The lasso on fixed features, to rounding: an interior-point method's start, an active set, and a dual point to match.

In the units used here columns and targets are of length 1, so that sizes at the ends of float64 do not meet.
"""

from typing import NamedTuple

import numpy as np

from theory import _active_set, _conic_program, _rounding, _scale
from theory._checks import Array

NOTHING = 1e-10
"""Weight of a column below which the start has none: what a solver leaves where there is nothing."""


class Lasso(NamedTuple):
    """c, and what (1/2n)|Φc − y|² + Σ λ_j|c_j| is above its minimum at most, in units of |y|²."""

    weights: Array
    gap: float


def lasso(
    features: Array, y: Array, strength: float, cost: Array | float = 1.0, *, start: Array | None = None
) -> Lasso:
    """argmin (1/2n)|Φc − y|² + λ Σ s_j|c_j| for positive costs s; `start` is a point nearby, if one is known."""
    columns, powers = _scale.scaled_rows(features.T)
    lengths, powers = np.linalg.norm(columns, axis=1), powers[:, 0]
    target, top = _scale.scaled(y)
    height = float(np.linalg.norm(target))
    safe = np.where(lengths > 0, lengths, 1.0)
    (share, power), (dear, more) = np.frexp(strength), np.frexp(cost)
    with np.errstate(over="ignore"):
        penalties = np.ldexp(share * dear / safe / max(height, 0.5), power + more - powers - top)
    # No residual is longer than the target, so that a column of a larger penalty does not pay.
    worth = (lengths > 0) & (penalties * len(y) < 1) & (height > 0)
    found, gap = np.zeros(len(columns)), 0.0
    if worth.any():
        columns, lengths, powers = columns[worth], lengths[worth], powers[worth]
        unit, target, penalties = (columns / lengths[:, None]).T, target / height, penalties[worth]
        if start is None:
            near = _interior(unit, target, penalties)
        else:
            near = np.ldexp(start[worth] * lengths / height, powers - top)
        solved, gap = _polished(unit, target, penalties, near)
        found[worth] = np.ldexp(solved * height / lengths, top - powers)
    return Lasso(found, gap)


def _interior(features: Array, y: Array, penalties: Array) -> Array:
    k = features.shape[1]
    fit, cones = np.hstack([features, -features]), [("Nonnegative", 2 * k)]
    parts = _conic_program.solved(fit, y, np.append(penalties, penalties), np.eye(2 * k), cones)
    return parts[:k] - parts[k:]


def _polished(features: Array, y: Array, penalties: Array, start: Array) -> tuple[Array, float]:
    """(c, gap) of the minimum on the face that the start is near, or of the start where its gap is smaller."""
    n, k = features.shape
    fit, linear = np.hstack([features, -features]), np.append(penalties, penalties)
    start = np.where(np.abs(start) > NOTHING, start, 0.0)

    def gradient(z: Array) -> Array:
        return fit.T @ (fit @ z - y) / n + linear

    allowance = _rounding.allowance(n) * (1 + float(np.abs(start).sum())) / n
    z = _active_set.settled(fit / np.sqrt(n), gradient, np.maximum(np.append(start, -start), 0.0), allowance)
    points = (z[:k] - z[k:], start)
    gaps = [
        [_gap(features, y, penalties, c, dual) for dual in (features @ c - y, _dual(features, y, penalties, c))]
        for c in points
    ]
    # The better dual is as good for both, to rounding; their own residuals tell which of them is nearer.
    best = int(np.argmin([sum(both) for both in gaps]))
    return points[best], min(gaps[best])


def _dual(features: Array, y: Array, penalties: Array, c: Array) -> Array:
    """The residual, with what makes its slopes along the columns in use equal to their penalties.

    Where penalties are small the residual is, and rounding of the product that it comes from decides its slopes.
    """
    used, residual = np.flatnonzero(c), features @ c - y
    if not len(used):
        return residual
    left, values, axes = np.linalg.svd(features[:, used], full_matrices=False)
    rank = int(np.sum(values > _active_set.FLAT * values[0]))
    for _ in range(_active_set.REFINED):
        slopes = features[:, used].T @ residual + len(y) * penalties[used] * np.sign(c[used])
        residual = residual - left[:, :rank] @ (axes[:rank] @ slopes / values[:rank])
    return residual


def _gap(features: Array, y: Array, penalties: Array, c: Array, dual: Array) -> float:
    """The value at c less that of the dual at a point, made feasible, without a difference of the two."""
    fitted, n = features @ c, len(y)
    # From below: with what rounding can add to slopes along columns of length 1, their own rounding included.
    slopes = np.abs(features.T @ dual) / n + _rounding.allowance(n) * float(np.mean(np.abs(dual)))
    share = min(1.0, float(np.min(penalties / np.maximum(slopes, np.finfo(float).tiny))))
    off = fitted - y - share * dual
    return float(off @ off / 2 / n + np.abs(c) @ penalties + share * (dual @ fitted) / n)

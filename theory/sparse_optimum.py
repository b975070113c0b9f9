"""The optimum of a sparse deconvolution to rounding, by spikes that are added where the certificate is highest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.deconvolution import Problem

ADDED = 20
"""Spikes added before the search is given up."""

PLAIN = 10
"""Powers of two up to which targets are computed with as they are."""

NEWTON = 60
"""Newton steps between two looks at the certificate."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Spikes (`weights` [k], `positions` [k, d]) with |∇J| at rounding, and sup |η| ≤ `highest` for certain.

    They are the optimum, and no other measure is, as far as `highest` tells: `proved` says whether sup |η| ≤ 1 up to
    what the grid leaves open.
    """

    problem: Problem
    weights: Array
    positions: Array
    residual: Array
    """∫φ dν − y, [n]."""
    gradient: float
    highest: float
    side: int

    @property
    def proved(self) -> bool:
        """Return True if stationarity holds to 1e-9 of λ, and |η| ≤ 1 to 1e-9 on the grid."""
        factor = np.cos(np.pi * self.problem.order / self.side) ** self.problem.dimension
        bounded = self.highest * factor <= 1 + 1e-9
        return bool(len(self.weights) > 0 and self.gradient <= 1e-9 * self.problem.strength and bounded)

    @property
    def value(self) -> float:
        """min J, if `proved`."""
        return self.problem.objective(self.weights, self.positions)


def solve(problem: Problem, weights: ArrayLike, positions: ArrayLike, side: int) -> Optimum:
    """Minimise J over measures: Newton's method from a guess, then one more spike where |η| > 1, until |η| ≤ 1.

    Spikes whose weight would change sign are dropped. `side` points an axis are searched for the highest |η|. The
    search may give up; then `proved` is False. Raises ValueError for shapes that do not match.

    >>> found = solve(Problem([1.0, 2**0.5, 0.0], 1, 1, 0.1), [0.5], [[0.1]], side=64)
    >>> found.proved, found.weights.round(6).tolist()
    (True, [0.9])

    Source: `chizat2022sparse`.
    """
    w = _checks.array("weights", weights, ["[k]"])
    x = _checks.array("positions", positions, ["[k, d]"])
    _checks.same("weights", len(w), "positions", len(x))
    _checks.same("positions", x.shape[1], "dimension", problem.dimension)
    side = _side(problem, side)
    w, x = w[w != 0], x[w != 0]  # what has no weight is no spike
    unit = int(np.frexp(np.max(np.abs(problem.y)))[1])
    if abs(unit) <= PLAIN:
        return _solved(problem, w, x, side)
    # Weights are of the targets' size, and steps are judged by theirs.
    target, strength = np.ldexp(problem.y, -unit), float(np.ldexp(problem.strength, -unit))
    inner = Problem(target, problem.order, problem.dimension, strength)
    found = _solved(inner, np.ldexp(w, -unit), x, side)
    weights, residual = np.ldexp(found.weights, unit), np.ldexp(found.residual, unit)
    gradient = float(np.ldexp(found.gradient, unit))
    return Optimum(problem, weights, found.positions, residual, gradient, found.highest, side)


def _solved(problem: Problem, w: Array, x: Array, side: int) -> Optimum:
    axes, r = np.arange(side) / side, -problem.y
    for _ in range(ADDED):
        w, x = _polished(problem, w, x)
        r = problem.residual(w, x) if len(w) else -problem.y
        grid = problem.on_grid(r, side)
        top = np.unravel_index(np.argmax(np.abs(grid)), grid.shape)
        if abs(grid[top]) <= 1 + 1e-9:
            break
        excess = problem.strength * (grid[top] - np.sign(grid[top]))
        w, x = np.append(w, excess), np.concatenate([x, axes[np.array(top)][None]])
    gradient = problem.derivatives(w, x)[1] if len(w) else np.zeros(1)
    return Optimum(problem, w, x % 1, r, float(np.abs(gradient).max()), problem.highest(r, side), side)


def _side(problem: Problem, side: int) -> int:
    """`side`, if it resolves the waves and its grid fits into memory."""
    return _checks.integer("side", side, minimum=2 * problem.order + 1, maximum=int(1e8 ** (1 / problem.dimension)))


def _polished(problem: Problem, w: Array, x: Array) -> tuple[Array, Array]:
    """Damped Newton steps at fixed signs, in variables scaled by the curvature of one spike."""
    damping = 1e-3
    for _ in range(NEWTON):
        if len(w) == 0:
            break
        value, gradient, hessian = problem.derivatives(w, x)
        size = np.maximum(np.abs(w), 1e-3) * 2 * np.pi * problem.order
        scale = np.concatenate([np.ones(len(w)), np.repeat(size, problem.dimension)])
        system = hessian / scale / scale[:, None]
        shift = max(0.0, max(damping, 1e-14) - float(np.linalg.eigvalsh(system)[0]))
        step = -np.linalg.solve(system + shift * np.eye(len(scale)), gradient / scale) / scale
        by_weight, by_place = step[: len(w)], step[len(w) :].reshape(x.shape)
        # A step that would change signs ends where the first weight is zero, and that spike is dropped.
        share = min(1.0, 1 / max(float(np.max(-by_weight / w)), 1e-300))
        kept = -by_weight * share / w < 1 - 1e-12
        new_w, new_x = (w + share * by_weight)[kept], (x + share * by_place)[kept]
        small = float(np.abs(step * scale).max()) < 1e-7  # then J can't tell the two apart
        if len(new_w) and problem.objective(new_w, new_x) > value and not small:
            damping = max(4 * damping, 1e-3)
            if damping > 1e6:
                break
            continue
        w, x = new_w, new_x
        damping = damping / 4 if damping > 1e-9 else 0.0
        if np.abs(step * scale).max() < 1e-14:
            break
    return w, x


_arithmetic.guard(__name__)

"""Cells of a central arrangement: the parts of parameter space on which every ReLU is on or off.

The hyperplanes {u : x_i·u = 0} cut ℝ^d into cones. On one of them relu(u·x_i) is linear in u for every sample i, so a
cell is known by its pattern, which of the samples it switches on.
"""

from itertools import combinations, product
from math import comb, inf

import numpy as np
from numpy.typing import NDArray

from theory._checks import Array

Patterns = NDArray[np.bool_]

MOST = 40_000
"""Cells that are enumerated at most."""

ZERO = 1e-11
"""Cosine below which a sample lies on a hyperplane."""


class Cells:
    """The cells of an arrangement, and the largest value of linear functions on them.

    Rows of `x`, [n, d], that are zero cut nothing and are off everywhere: `on` is [c, n].
    """

    def __init__(self, x: Array):
        self.x, moving = x, np.any(x != 0, axis=1)
        self.cutting = x[moving]
        self.on = np.zeros((0, len(x)), bool)
        if moving.any():
            on = self._enumerate()
            self.on = np.zeros((len(on), len(x)), bool)
            self.on[:, moving] = on

    def _enumerate(self) -> Patterns:
        return patterns(self.cutting)

    def walls(self, c: int) -> Array:
        """G such that cell c is {G u ≥ 0}."""
        rows = self.x * np.where(self.on[c], 1.0, -1.0)[:, None]
        return rows[np.any(self.x != 0, axis=1)]

    def largest(self, r: Array, chosen: NDArray[np.intp] | None = None) -> Array:
        """max of Σ_i r_i relu(u·x_i) over the units u of each cell, or each chosen one, from above; 0 if negative."""
        cells = np.arange(len(self.on)) if chosen is None else chosen
        linear = (self.on[cells] * r) @ self.x
        bounds = np.linalg.norm(linear, axis=1)
        for k in np.flatnonzero(bounds > 0):
            bounds[k] = self._projected(linear[k], self.walls(int(cells[k])))
        return bounds

    def _projected(self, linear: Array, walls: Array) -> float:
        """The maximum of A·u over units u of a cone {G u ≥ 0} is min over μ ≥ 0 of |A + Gᵀμ|: any μ bounds it."""
        if np.all(walls @ linear >= 0):
            return float(np.linalg.norm(linear))
        projected, added = projection(linear, walls)
        return float(np.linalg.norm(projected) + (len(walls) + 4) * np.finfo(float).eps * added)


class PlanarCells(Cells):
    """Arcs, on which the maximum is at the pole of the linear function or at an end."""

    def _enumerate(self) -> Patterns:
        on, self.rays = planar(self.cutting)
        return on

    def walls(self, c: int) -> Array:
        first, last = self.rays[c]
        return np.array([[-first[1], first[0]], [last[1], -last[0]]])

    def largest(self, r: Array, chosen: NDArray[np.intp] | None = None) -> Array:
        on, rays = (self.on, self.rays) if chosen is None else (self.on[chosen], self.rays[chosen])
        linear = (on * r) @ self.x
        first, last = rays[:, 0], rays[:, 1]
        inside = (_cross(first, linear) >= 0) & (_cross(linear, last) >= 0)
        ends = np.maximum(np.sum(first * linear, axis=1), np.sum(last * linear, axis=1))
        return np.where(inside, np.linalg.norm(linear, axis=1), np.maximum(ends, 0.0))


def projection(linear: Array, walls: Array) -> tuple[Array, float]:
    """(A + Gᵀμ, Σ μ_i |G_i|) for the μ ≥ 0 with the shortest A + Gᵀμ, the projection of A on the cone {G u ≥ 0}.

    What rounding adds to it is a part of the second.
    """
    from scipy.optimize import nnls

    mu, _ = nnls(walls.T, -linear, maxiter=max(1000, 3 * len(walls)))
    return linear + walls.T @ mu, float(mu @ np.linalg.norm(walls, axis=1))


def _cross(a: Array, b: Array) -> Array:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def planar(x: Array) -> tuple[Patterns, Array]:
    """(patterns [c, n], bounding rays [c, 2, 2]) of the arcs that rows of `x`, [n, 2], none zero, cut the circle into.

    The arc from the first to the second ray is counterclockwise, and at most a half circle.
    """
    angle = np.arctan2(x[:, 1], x[:, 0])
    cuts = np.sort(np.mod(np.concatenate([angle + np.pi / 2, angle - np.pi / 2]), 2 * np.pi))
    gaps = np.diff(np.append(cuts, cuts[0] + 2 * np.pi))
    # Parallel samples share a cut, up to rounding.
    cuts, gaps = cuts[gaps > 1e-14], gaps[gaps > 1e-14]
    ends = np.append(cuts[1:], cuts[0])
    middle = cuts + np.diff(np.append(cuts, cuts[0] + 2 * np.pi)) / 2
    return _directions(middle) @ x.T > 0, np.stack([_directions(cuts), _directions(ends)], axis=1)


def _directions(angle: Array) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def patterns(x: Array) -> Patterns:
    """Which rows of `x`, [n, d], none zero, are on, for every cell: [c, n]; in general position 2 Σ_{k<d} C(n−1, k).

    Every cell touches a line in which d − 1 hyperplanes meet (d the rank of `x`). Beside such a line the samples off
    it keep their signs, and those on it form an arrangement of one dimension less.
    """
    _, values, basis = np.linalg.svd(x, full_matrices=False)
    rank = int(np.sum(values > ZERO * values[0]))
    inner = x @ basis[:rank].T
    inner /= np.linalg.norm(inner, axis=1, keepdims=True)
    if rank == 1:
        on = inner[:, 0] > 0
        return np.stack([on, ~on])
    found: set[bytes] = set()
    seen: set[bytes] = set()
    for chosen in combinations(range(len(inner)), rank - 1):
        _, values, axes = np.linalg.svd(inner[list(chosen)])
        if values[-1] <= ZERO:
            continue
        height = inner @ axes[-1]
        on_line = np.abs(height) <= ZERO
        if on_line.tobytes() in seen:
            continue
        seen.add(on_line.tobytes())
        beside = (
            np.array(list(product((False, True), repeat=rank - 1)))
            if on_line.sum() == rank - 1
            else patterns(inner[on_line])
        )
        for on in (height > 0, height < 0):
            rows = np.tile(on, (len(beside), 1))
            rows[:, on_line] = beside
            found.update(row.tobytes() for row in rows)
    return np.array([np.frombuffer(row, bool) for row in sorted(found)])


def count(n: int, d: int) -> float:
    """2 Σ_{k<d} C(n−1, k), the cells of n hyperplanes through 0 in ℝ^d: at most, and exactly in general position.

    Infinity beyond 10¹⁵, where nobody needs the number and its digits would take long.
    """
    cells = 0
    for k in range(min(d, n)):  # further terms are 0
        cells += 2 * comb(n - 1, k)
        if cells > 10**15:
            return inf
    return cells

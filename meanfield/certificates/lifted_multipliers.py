r"""Multipliers for the lifted bound, by the alternating direction method of multipliers.

The program max ⟨P, Z⟩ over matrices that are positive semidefinite, have Z_00 = tr U = 1 and products W(Z) that are
allowed is split into Z, a semidefinite copy S and a copy Y of its products:

    Z ← argmin −⟨P, Z⟩ + ρ/2 |Z − S + A|² + ρ/2 |W(Z) − Y + B|²   with Z_00 = tr U = 1,
    S ← positive part of Z + A,    Y ← (W(Z) + B)₊ with zeros for a_i b_i,
    A ← A + Z − S,                 B ← B + W(Z) − Y,

with over-relaxation. In coordinates of u along the right singular vectors of the rows, W*W is the product of a diagonal
matrix from either side, so that the first line is a division; a step costs one eigendecomposition of size N = 1 + q
+ n. The multipliers −ρB obey their signs at every step, and `lifted_bound` makes a bound of whatever they are.

Sources: Boyd et al. (2011); Wen, Goldfarb & Yin (2010) for semidefinite programs.
"""

import copy

import numpy as np

from meanfield.certificates.lifted_bound import Lifted
from meanfield.certificates.lifted_products import Products, adjoint, products
from meanfield.certificates.slope import Array

PENALTY = 0.2
"""ρ at the start, where the objective is scaled to have a maximum near one."""

RELAXATION = 1.6
"""How far each step goes beyond the plain one."""

BALANCE = 4.0
"""Residuals that differ by more than this move ρ."""


class AlternatingDirections:
    """The state of the method for one objective, started at the mean of v vᵀ over the directions given.

    `value` is the height expected for the maximum (it scales the objective), `directions` [k, q].
    """

    def __init__(self, lifted: Lifted, value: float, directions: Array):
        _, singular, self.axes = np.linalg.svd(lifted.x, full_matrices=False)
        self.x = lifted.x @ self.axes.T
        rotated = Lifted(lifted.c, self.x, lifted.below, lifted.above, lifted.scale)
        n, self.q = self.x.shape
        self.size = max(value, 1e-300)
        self.kink = np.abs(lifted.c) if lifted.power == 1 else np.linalg.norm(lifted.c, axis=1)
        self.objective = rotated.objective() / self.size
        half = np.concatenate([[1.0], singular**2 / 2, np.full(n, 0.5)])
        self.weight = 1 + np.outer(half, half)
        self.penalty, self.steps = PENALTY, 0
        self.s = self._start(directions @ self.axes.T)
        self.signs = np.zeros(n, int)
        self.y = products(self.s, self.x).allowed(self.signs)
        self.dual_s = np.zeros_like(self.s)
        self.dual_y = self.y.times(0.0)
        self.residuals = (np.inf, np.inf)

    def _start(self, directions: Array) -> Array:
        length = np.linalg.norm(directions, axis=1)
        u = directions[length > 0] / length[length > 0, None]
        if len(u) == 0:
            u = np.eye(self.q)
        v = np.column_stack([np.ones(len(u)), u, np.abs(u @ self.x.T)])
        return v.T @ v / len(v)

    @property
    def memory(self) -> int:
        """Bytes that a copy of the state takes."""
        return 8 * (2 * self.s.size + 6 * len(self.x) ** 2)

    def split(self) -> tuple["AlternatingDirections", "AlternatingDirections"]:
        """This state twice, with t_i ≥ 0 in one and t_i ≤ 0 in the other, for the i whose sign is the least decided."""
        undecided = np.where(self.signs == 0, self.kink * np.minimum(self.y.a, self.y.b), -1.0)
        k, halves = int(np.argmax(undecided)), (copy.copy(self), copy.copy(self))
        for one, sign in zip(halves, (1, -1), strict=True):
            one.signs = self.signs.copy()
            one.signs[k] = sign
        return halves

    def advance(self, steps: int) -> None:
        """Take this many steps."""
        for _ in range(steps):
            self._step()
            self.steps += 1
            if self.steps % 25 == 0:
                self._balance()

    def _step(self) -> None:
        x, one = self.x, RELAXATION
        z = self.s - self.dual_s + self.objective / self.penalty + adjoint(self.y.plus(self.dual_y, -1.0), x)
        z /= self.weight
        z[0, 0] = 1.0
        inner = np.arange(1, 1 + self.q)
        share = 1 / self.weight[inner, inner]
        z[inner, inner] -= share * ((np.sum(z[inner, inner]) - 1) / np.sum(share))
        w = products(z, x)
        lifted = one * z + (1 - one) * self.s + self.dual_s
        relaxed = w.times(one).plus(self.y, 1 - one).plus(self.dual_y)
        s, y = _positive_part(lifted), relaxed.allowed(self.signs)
        self.dual_s, self.dual_y = lifted - s, relaxed.plus(y, -1.0)
        primal = np.sum((z - s) ** 2) + w.plus(y, -1.0).squares()
        dual = np.sum((s - self.s) ** 2) + y.plus(self.y, -1.0).squares()
        self.residuals = (float(np.sqrt(primal)), float(self.penalty * np.sqrt(dual)))
        self.s, self.y = s, y

    def _balance(self) -> None:
        primal, dual = self.residuals
        factor = 1.4 if primal > BALANCE * dual else 1 / 1.4 if dual > BALANCE * primal else 1.0
        self.penalty *= factor
        self.dual_s, self.dual_y = self.dual_s / factor, self.dual_y.times(1 / factor)

    def multipliers(self) -> Products:
        """−ρB in units of the objective as it was given."""
        return self.dual_y.times(-self.penalty * self.size)

    def directions(self) -> Array:
        """Where the relaxed maximum lies: the leading eigenvectors of U and the mean of u, [k, q]."""
        inner = slice(1, 1 + self.q)
        _, vectors = np.linalg.eigh(self.s[inner, inner])
        leading = vectors[:, -8:].T
        return np.concatenate([self.s[inner, 0][None], leading, -leading]) @ self.axes


def _positive_part(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    first = int(np.searchsorted(values, 0.0))
    if 2 * first > len(values):
        return (vectors[:, first:] * values[first:]) @ vectors[:, first:].T
    return matrix - (vectors[:, :first] * values[:first]) @ vectors[:, :first].T

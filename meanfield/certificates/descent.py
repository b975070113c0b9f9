"""A network of few neurons that grows and descends, on the host in float64: what `certified_minimum` trains."""

import time

import numpy as np

from meanfield.certificates.dual import Dual
from meanfield.certificates.slope import Array, Slope
from meanfield.particles import Particles

ADDED, APART = 16, 1e-6
"""Neurons that a round adds, at most, and how far (one less the cosine) their directions are apart."""

STEPS, MEMORY = 600, 30
"""Steps of L-BFGS in a round, and pairs that it remembers."""

SLIGHT = 1e-9
"""Neurons of a smaller share of the largest |a||w| are dropped."""


NEAR = ((0.0, 1e-4), (0.0, 1e-2), (1e-1, 1e-1), (1e-2, 1e-2), (1e-3, 1e-3))
"""Pairs of angles within which neurons are merged, and put on hyperplanes."""


class Network:
    """Neurons of mass one each: output weights `a`, [m, k], and input weights `w`, [m, q]."""

    def __init__(self, problem: Dual):
        self.problem, self.k = problem, problem.outputs
        self.a, self.w = np.zeros((0, self.k)), np.zeros((0, problem.z.shape[1]))
        self.values = [self._value_and_gradient(np.zeros(0))[0]]

    def particles(self) -> Particles:
        """Return the same measure as particles of mass 1/m each, or a particle at 0 where there is no neuron."""
        rows = np.column_stack([self.a, self.w])
        return Particles(rows * np.sqrt(len(rows)) if len(rows) else np.zeros((1, rows.shape[1])))

    def residual(self) -> Array:
        """n ∂R/∂f, of the shape of f."""
        return self.problem.residual(self._predictions(self.a, self.w)[0])

    def grow(self, slope: Slope, directions: Array, heights: Array) -> None:
        """Add neurons where |h| is above λα, with a step that lowers F where the loss curves by 1 at most."""
        alpha, decay = self.problem.alpha, self.problem.decay
        rows: list[Array] = []
        for k in np.argsort(-heights)[: 64 * ADDED]:
            apart = all(1 - one @ directions[k] > APART for one in rows)
            if heights[k] > decay * alpha and apart and len(rows) < ADDED:
                rows.append(directions[k])
        if not rows:
            return
        u = np.array(rows)
        sigma = _sigma(u @ slope.z.T, slope.below, slope.above)
        towards = sigma @ slope.c.reshape(len(slope.z), -1)
        size = np.linalg.norm(towards, axis=1)
        square = np.maximum(np.mean(sigma**2, axis=1), 1e-300)
        step = np.sqrt(np.maximum(size / alpha - decay, 0.0) / square / len(u))[:, None]
        self.a = np.concatenate([self.a, -step * towards / np.maximum(size, 1e-300)[:, None]])
        self.w = np.concatenate([self.w, step * u])

    def descend(self, deadline: float) -> None:
        """Lower F over all weights, then with near neurons merged and held on the hyperplanes that they are close to.

        At a minimum neurons lie on hyperplanes u·z_i = 0 where F has kinks, which descent approaches slowly and from
        both sides. Along these hyperplanes F is smooth; whether a neuron had better leave one, the next round's
        search says.
        """
        value, self.a, self.w = self._descended(self.a, self.w, None, deadline)
        for merge, near in NEAR:
            trial = self._descended(*self._simpler(merge, near), deadline)
            if trial[0] <= value:
                value, self.a, self.w = trial
        self.values.append(value)

    def _simpler(self, merge: float, near: float) -> tuple[Array, Array, Array]:
        """(a, w, projections [m, q, q]): neurons closer than the first angle merged, and put on hyperplanes closer
        than the second.
        """
        length, z = np.linalg.norm(self.w, axis=1), self.problem.z
        total, u = self.a * length[:, None], self.w / np.maximum(length, 1e-300)[:, None]
        weight = np.linalg.norm(total, axis=1)
        left, merged = list(np.argsort(-weight)), []
        while left:
            first = left[0]
            cosine = np.minimum(
                u[left] @ u[first], total[left] @ total[first] / (weight[left] * weight[first] + 1e-300)
            )
            group = [k for k, c in zip(left, cosine, strict=True) if k == first or c > 1 - merge**2 / 2]
            left = [k for k in left if k not in group]
            merged.append((total[group].sum(axis=0), weight[group] @ u[group]))
        total, towards = (np.array(one) for one in zip(*merged, strict=True)) if merged else (self.a, self.w)
        unit = towards / np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-300)
        along = np.tile(np.eye(z.shape[1]), (len(unit), 1, 1))
        for k, direction in enumerate(unit):
            close = z[np.abs(z @ direction) <= near * np.linalg.norm(z, axis=1)]
            if len(close):
                _, size, axes = np.linalg.svd(close, full_matrices=False)
                normal = axes[size > 1e-10 * size[0]]
                along[k] -= normal.T @ normal
        unit = np.einsum("kij,kj->ki", along, unit)
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-300)
        size = np.sqrt(np.linalg.norm(total, axis=1, keepdims=True))
        return total / np.maximum(size, 1e-300), size * unit, along

    def _descended(self, a: Array, w: Array, along: Array | None, deadline: float) -> tuple[float, Array, Array]:
        """(F, a, w) after the descent, each row of w moving along its projection; without neurons of no weight."""
        from scipy.optimize import minimize

        start = np.concatenate([a, w], axis=1)
        if len(start) == 0:
            return self.values[0], a, w

        def projected(weights: Array) -> Array:
            rows = weights.reshape(start.shape).copy()
            if along is not None:
                rows[:, self.k :] = np.einsum("kij,kj->ki", along, rows[:, self.k :])
            return rows

        def value_and_gradient(weights: Array) -> tuple[float, Array]:
            value, gradient = self._value_and_gradient(projected(weights))
            return value, projected(gradient).ravel()

        def in_time(_) -> None:
            if time.monotonic() >= deadline:
                raise StopIteration

        options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
        found = minimize(
            value_and_gradient, start.ravel(), method="L-BFGS-B", jac=True, options=options, callback=in_time
        )
        rows = projected(found.x)
        heights = np.linalg.norm(rows[:, : self.k], axis=1) * np.linalg.norm(rows[:, self.k :], axis=1)
        rows = rows[heights > SLIGHT * np.max(heights)]
        return float(found.fun), rows[:, : self.k], rows[:, self.k :]

    def stuck(self) -> bool:
        """Return True if the last rounds lowered F by no more than rounding."""
        return len(self.values) > 4 and self.values[-4] - self.values[-1] <= 1e-15 * abs(self.values[-1])

    def _predictions(self, a: Array, w: Array) -> tuple[Array, Array, Array]:
        """(f of the shape of y, t and σ(t), [m, n])."""
        t = w @ self.problem.z.T
        sigma = _sigma(t, *self.problem.slopes)
        f = self.problem.alpha * (sigma.T @ a)
        return (f[:, 0] if self.k == 1 else f), t, sigma

    def _value_and_gradient(self, weights: Array) -> tuple[float, Array]:
        problem = self.problem
        rows = weights.reshape(-1, self.k + problem.z.shape[1])
        a, w = rows[:, : self.k], rows[:, self.k :]
        f, t, sigma = self._predictions(a, w)
        r = problem.residual(f).reshape(len(f), self.k) / (len(f) * problem.alpha)
        below, above = problem.slopes
        by_a = sigma @ r
        by_w = (np.where(t > 0, above, below) * (a @ r.T)) @ problem.z
        value = problem.risk(f) / problem.alpha**2 + problem.decay / 2 * float(np.sum(rows**2))
        return value, (np.concatenate([by_a, by_w], axis=1) + problem.decay * rows).ravel()


def _sigma(t: Array, below: float, above: float) -> Array:
    return np.where(t > 0, above * t, below * t)

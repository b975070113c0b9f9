r"""A proved upper bound of the largest slope from multipliers that need not be trusted.

Write h for the objective and w for the products of `lifted_products`. For any multipliers y ≥ 0 (those of a_i b_i,
which is 0, are free), any numbers y_0, y_u and |u| = 1, v = (1, u, g),

    h(u) ≤ h(u) + Σ y·w = vᵀPv = y_0 + y_u − vᵀMv ≤ y_0 + y_u + δ|v|²,
    M = diag(y_0, y_u I, 0) − P,    δ = max(0, −λ_min(M)),

and |v|² ≤ 2 + Σ |x_i|². For one output h itself is linear in v; for several, h is |Σ p_i σ(t_i)|², quadratic in v,
and its root is taken at the end.

What multipliers leave is made up for by −ε(g_i² − t_i²) = 0, which adds ε to the block of g, and by the best y_0 and
y_u: with the complement of the block of g at hand, that is a search over two numbers.

Rounding: P is off by less than γ_k times sums of absolute values, of which the Frobenius norm is taken. λ_min(M) is
bounded by a Cholesky factorisation that runs to its end: then (Demmel 1989; Rump 2006) λ_min ≥ −γ_{N+1}/(1 −
γ_{N+1}) tr M; γ_{4(N+8)} is taken, to cover kernels that multiply by reciprocals. Rows are scaled by powers of two,
which is exact.
"""

from dataclasses import dataclass

import numpy as np

from meanfield.certificates.lifted_products import Products, adjoint, vanishing
from meanfield.certificates.slope import ROUNDOFF, Array, Slope, accumulated

SHIFTS = np.concatenate([[0.0], np.logspace(-10, 0, 21)])
"""What ε is tried beyond its least, in units of the largest coefficient."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """A slope with rows of length between ½ and 1 and a scale taken out, both by powers of two.

    `c` is [n] or, for several outputs, [n, k]; `scale` times the bound of this one is that of the given one.
    """

    c: Array
    x: Array
    below: float
    above: float
    scale: float

    @classmethod
    def of(cls, slope: Slope) -> "Lifted":
        slope = slope.reduced()
        length = np.exp2(np.ceil(np.log2(np.max(np.abs(slope.z), axis=1))))
        x = slope.z / length[:, None]
        more = np.exp2(np.ceil(np.log2(np.linalg.norm(x, axis=1))))
        x, length = x / more[:, None], length * more
        size = float(np.exp2(np.floor(np.log2(np.max(np.abs(slope.c).T * length)))))
        c = (slope.c.T / size * length).T
        return cls(c, x, slope.below, slope.above, size)

    @property
    def power(self) -> int:
        """1 where the objective is h, 2 where it is h²."""
        return self.c.ndim

    def objective(self) -> Array:
        """h, or its square, as a quadratic form in v, [N, N]."""
        return self._form(self.c, self.x, self.above, self.below)

    def size_of_objective(self) -> Array:
        """Sums of absolute values of what `objective` consists of."""
        steep = max(abs(self.above), abs(self.below))
        return self._form(np.abs(self.c), np.abs(self.x), steep, -steep) + self._form(
            np.abs(self.c), np.abs(self.x), steep, steep
        )

    @staticmethod
    def _form(c: Array, x: Array, above: float, below: float) -> Array:
        n, q = x.shape
        kink, mean = (above - below) / 2, (above + below) / 2
        form = np.zeros((1 + q + n, 1 + q + n))
        if c.ndim == 1:
            form[0, 1 : 1 + q] = mean / 2 * (c @ x)
            form[0, 1 + q :] = kink / 2 * c
            return form + form.T
        t = c.T @ x
        form[1 : 1 + q, 1 : 1 + q] = mean**2 * (t.T @ t)
        form[1 : 1 + q, 1 + q :] = mean * kink * (t.T @ c.T)
        form[1 + q :, 1 : 1 + q] = form[1 : 1 + q, 1 + q :].T
        form[1 + q :, 1 + q :] = kink**2 * (c @ c.T)
        return form


def proved_bound(lifted: Lifted, y: Products, signs: Array) -> float:
    """An upper bound of the largest h over the part of the sphere where t_i has the sign given, or any for 0.

    The multipliers may be whatever they are; where they are not finite the bound is infinite.
    """
    if not all(np.all(np.isfinite(one)) for one in y):
        return np.inf
    y = valid(y, signs)
    x = lifted.x
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        p = lifted.objective() + adjoint(y, x)
        if not np.all(np.isfinite(p)):
            return np.inf
        shift, first, second = _completed(p, x)
        # Once more with ε as a multiplier like any other, so that one error bound serves for all.
        y.ab[np.diag_indices(len(x))] -= 2 * shift
        m = np.diag(np.concatenate([[first], np.full(x.shape[1], second), np.zeros(len(x))]))
        m -= lifted.objective() + adjoint(y, x)
        least = _least_eigenvalue(m) - _rounding(lifted, y, first, second)
        total = first + second + max(0.0, -least) * (2 + float(np.sum(x * x)))
        total *= 1 + accumulated(len(m) + 16)
        total = max(total, 0.0) ** (1 / lifted.power) * lifted.scale * (1 + 8 * ROUNDOFF)
    return total if np.isfinite(total) else np.inf


def valid(y: Products, signs: Array) -> Products:
    """These multipliers with `aa` and `bb` symmetric, and negative ones set to zero unless their product vanishes."""
    a, b, aa, bb, ab = (
        np.where(zero, one, np.maximum(one, 0.0)) for one, zero in zip(y, vanishing(signs), strict=True)
    )
    return Products(a, b, (aa + aa.T) / 2, (bb + bb.T) / 2, ab)


def _completed(p: Array, x: Array) -> tuple[float, float, float]:
    """(ε, y_0, y_u) with the least y_0 + y_u that were found to make M positive semidefinite."""
    q = x.shape[1]
    values, vectors = np.linalg.eigh(-p[1 + q :, 1 + q :])
    along = vectors.T @ p[1 + q :, : 1 + q]
    gram, size = x.T @ x, max(1e-300, float(np.max(np.abs(values))))
    best, shift = (np.inf, np.inf), 0.0
    for extra in SHIFTS:
        trial = max(0.0, -float(values[0])) + size * (extra + 1e-13)
        rest = p[: 1 + q, : 1 + q] + along.T @ (along / (values + trial)[:, None])
        rest[1:, 1:] += trial * gram
        pair = _least_sum(rest)
        if sum(pair) < sum(best):
            best, shift = pair, trial
    return shift, *best


def _least_sum(rest: Array) -> tuple[float, float]:
    """(y_0, y_u) of the least sum for which diag(y_0, y_u I) minus this matrix is positive semidefinite.

    y_0 = rest_00 + Σ weight/(y_u − eigenvalue), so that the sum is convex in y_u: its derivative is halved in on.
    """
    eigenvalues, axes = np.linalg.eigh(rest[1:, 1:])
    weight, below = (axes.T @ rest[1:, 0]) ** 2, eigenvalues[-1] - eigenvalues
    high = float(np.sqrt(weight.sum()))
    low, tiny = 0.0, 1e-300 + 1e-14 * (high + abs(float(eigenvalues[-1])))
    for _ in range(48):
        middle = (low + high) / 2
        steep = np.sum(weight / np.maximum(middle + below, tiny) ** 2)
        low, high = (middle, high) if steep > 1 else (low, middle)
    high += tiny
    return float(rest[0, 0] + np.sum(weight / (high + below))), float(eigenvalues[-1] + high)


def _least_eigenvalue(m: Array) -> float:
    """A proved lower bound of λ_min(M) for the matrix as it is in floating point."""
    n, size = len(m), float(np.max(np.abs(m)))
    gamma = accumulated(4 * (n + 8))
    shift = 16 * n * ROUNDOFF * size
    while np.isfinite(shift):
        moved = m + shift * np.eye(n)
        if np.all(np.diag(moved) > 0):
            try:
                np.linalg.cholesky(moved)
            except np.linalg.LinAlgError:
                pass
            else:
                # Adding the shift has rounded every diagonal entry once.
                return -shift * (1 + 4 * ROUNDOFF) - 1.01 * gamma * float(np.trace(moved))
        shift *= 8
    return -np.inf


def _rounding(lifted: Lifted, y: Products, first: float, second: float) -> float:
    """A bound of the Frobenius norm of what rounding did to M."""
    n, q = lifted.x.shape
    total = np.abs(y.aa) + np.abs(y.bb) + np.abs(y.ab) + np.abs(y.ab.T)
    t_t, t_g, g_g = total / 4, total / 2, total / 4
    x = np.abs(lifted.x)
    norms = [
        np.linalg.norm(x.T @ t_t @ x),
        np.linalg.norm(x.T @ t_g),
        np.linalg.norm(g_g),
        np.linalg.norm(np.abs(y.a) + np.abs(y.b)) * (1 + np.linalg.norm(x)),
        np.linalg.norm(lifted.size_of_objective()),
        abs(first) + abs(second) * np.sqrt(q),
    ]
    k = 1 if lifted.c.ndim == 1 else lifted.c.shape[1]
    return 1.01 * accumulated(2 * n + q + k + 24) * float(sum(norms))

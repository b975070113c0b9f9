r"""The maximum over the sphere in several dimensions: cones are split until each is known or can't hold the maximum.

A cone {Σ_k λ_k g_k, λ ≥ 0} of q unit vectors, inside one orthant. On it a sample is on, off, or its hyperplane passes
through. With b_k = Σ c_i σ(z_i·g_k) over all terms but the concave ones that are cut, and v_i between c_i s₊ and c_i s₋
for these, convexity and homogeneity give

    h(u) ≤ Σ_k λ_k (b_k + Σ_i v_i z_i·g_k) ≤ w·u ≤ |w|    for u = Σ_k λ_k g_k, |u| ≤ 1,

whenever g_k·w ≥ b_k + Σ_i v_i z_i·g_k for all k. So any such w is an upper bound, and the best is a small least-squares
problem with limits. Where no convex term is cut its least |w| is the maximum on that cone, by convex duality; elsewhere
the cone is split where the hyperplane of the worst convex term crosses an edge, after which that term is not cut along
this edge. As hyperplanes are finite in number this ends, with C exact up to rounding; and any time before, the largest
bound that is left is a bound of C.

Rounding: g is taken as computed, for neighbours share it; where w misses an inequality by δ, Σλ_k ≤ √q inside of an
orthant lets √q δ be added. A new g is off its edge by less than 4u, and h is Lipschitz.
"""

import time

import numpy as np

from meanfield.certificates.ascent import ascents
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import ROUNDOFF, Array, Largest, Slope, accumulated, highest

SWEEPS = 12
"""Coordinate sweeps for the first bound of a cone."""

NUMBERS = 4_000_000
"""Size of the largest array of a batch of cones."""


def branching_maximum(
    slope: Slope, cones: int = 100_000, target: float = 0.0, seconds: float | None = None
) -> tuple[float, float]:
    """(the largest |h| found, a proved upper bound of C); see `branched`."""
    best = branched(slope, cones, target, seconds)
    return best.height, best.bound


def branched(slope: Slope, cones: int = 100_000, target: float = 0.0, seconds: float | None = None) -> Largest:
    """A proved upper bound of C and the largest |h| found; they agree to rounding unless `cones` did not suffice,
    `target` is larger (a bound that suffices: cones below it are not looked into), or time is up.
    """
    deadline = np.inf if seconds is None else time.monotonic() + seconds
    relaxed = relaxed_maximum(slope)
    slope, basis = _within_span(slope.reduced())
    n, q = slope.z.shape
    best = highest(slope, *ascents(slope))
    if n == 0:
        return best._replace(direction=np.eye(len(basis))[0])
    margin = 1.01 * (64 * q + 8 * np.sqrt(q) * (n + q + 24)) * ROUNDOFF * slope.lipschitz
    # Less the margin below, so that what is returned is not above the target.
    upper, left = max(best.height, (target - margin) * (1 - accumulated(q + 16))), cones
    for one in (slope, slope.negative()):
        best, left = _largest(one, best, upper, left, deadline)
        upper = max(upper, best.bound)
    bound = min(relaxed, float((upper + margin) * (1 + accumulated(q + 8))))
    return Largest(bound, best.height, basis @ best.direction)


def _within_span(slope: Slope) -> tuple[Slope, Array]:
    """Return h in coordinates of the span of its rows, if these are fewer than the columns, and a basis of the span."""
    n, q = slope.z.shape
    if n >= q or n == 0:
        return slope, np.eye(q)
    basis, _ = np.linalg.qr(slope.z.T)
    return Slope(slope.c, slope.z @ basis, slope.below, slope.above), basis


def _largest(slope: Slope, best: Largest, known: float, left: int, deadline: float) -> tuple[Largest, int]:
    """(the largest h found and a bound of max h, cones left): nothing below `known` is looked into."""
    n, q = slope.z.shape
    corners = np.array(np.meshgrid(*[[1.0, -1.0]] * q)).reshape(q, -1).T
    waiting = corners[:, :, None] * np.eye(q)
    bounds = np.full(len(waiting), np.inf)
    upper, size = known, max(1, NUMBERS // (n * q * max(1, q // 2)))
    while len(waiting) and left > 0 and time.monotonic() < deadline:
        order = np.argsort(-bounds)
        now, later = order[:size], order[size:]
        cut = _Cut(slope, waiting[now])
        left -= len(now)
        best = cut.higher(best)
        threshold = max(upper, best.height)
        alive = np.flatnonzero(cut.bound > threshold)
        exact = alive[~cut.convex_cut[alive].any(axis=1)]
        for k in exact.tolist():
            # Polished one by one, as the bound of the cones before may already cover the next.
            if cut.bound[k] > max(upper, best.height):
                upper = max(upper, cut.polished(k))
                best = cut.higher(best, k)
        split = alive[cut.convex_cut[alive].any(axis=1)]
        children, inherited = cut.split(split)
        waiting = np.concatenate([waiting[later], children])
        bounds = np.concatenate([bounds[later], inherited])
        keep = bounds > max(upper, best.height)
        waiting, bounds = waiting[keep], bounds[keep]
    return best._replace(bound=max(upper, best.height, float(bounds.max(initial=0.0)))), left


class _Cut:
    """A batch of cones `g`, [k, q, q], how the hyperplanes cut them, and a bound for each."""

    def __init__(self, slope: Slope, g: Array):
        self.slope, self.g = slope, g
        z = slope.z
        length = np.linalg.norm(z, axis=1)
        t = g @ z.T
        # A row on whose hyperplane a vector lies up to rounding does not cut there.
        t = np.where(np.abs(t) <= 8 * ROUNDOFF * length, 0.0, t)
        self.t = t
        is_cut = (t > 0).any(axis=1) & (t < 0).any(axis=1)
        convex = slope.kink > 0
        self.convex_cut = is_cut & convex
        self.concave_cut = is_cut & (slope.kink < 0)
        one, other = slope.c * slope.above, slope.c * slope.below
        self.low, self.high = np.minimum(one, other), np.maximum(one, other)
        on = np.where(is_cut, t.sum(axis=1) > 0, (t > 0).any(axis=1))
        self.v = np.where(on, one, other)
        """The slope of every term: right where it is not cut, one of the two where it is."""
        self.inverse = np.linalg.pinv(g)
        terms = slope.c * np.where(t > 0, slope.above, slope.below) * t
        self.b = np.where(self.concave_cut[:, None], 0.0, terms).sum(axis=2)
        self.w = self._start()
        self._descend()
        self.bound = self._bounds(slice(None))

    def _start(self) -> Array:
        """w = Σ v_i z_i + Σ_k μ_k g*_k with the least μ that is allowed, g* the dual basis."""
        self.least = np.where(
            self.convex_cut[:, None],
            self.slope.c * np.where(self.t > 0, self.slope.above, self.slope.below) * self.t - self.v[:, None] * self.t,
            0.0,
        ).sum(axis=2)
        self.mu = self.least.copy()
        return self.v @ self.slope.z + np.einsum("kqj,kj->kq", self.inverse, self.mu)

    def _descend(self) -> None:
        z, square = self.slope.z, np.sum(self.slope.z**2, axis=1)
        rows = np.flatnonzero(self.concave_cut.any(axis=0))
        low = np.where(self.concave_cut, self.low, self.v)
        high = np.where(self.concave_cut, self.high, self.v)
        dual = np.moveaxis(self.inverse, 2, 0)
        width = np.maximum(np.sum(dual**2, axis=2), 1e-300)
        for _ in range(SWEEPS):
            for j in range(len(dual)):
                moved = np.maximum(self.least[:, j], self.mu[:, j] - np.sum(dual[j] * self.w, axis=1) / width[j])
                self.w += (moved - self.mu[:, j])[:, None] * dual[j]
                self.mu[:, j] = moved
            for i in rows:
                moved = np.clip(self.v[:, i] - self.w @ z[i] / square[i], low[:, i], high[:, i])
                self.w += (moved - self.v[:, i])[:, None] * z[i]
                self.v[:, i] = moved

    def _bounds(self, which) -> Array:
        """|w| + √q times what the inequalities are missed by."""
        g, w = self.g[which], self.w[which]
        cut = np.where(self.concave_cut[which], self.v[which], 0.0)
        needed = self.b[which] + np.einsum("kqn,kn->kq", self.t[which], cut)
        missed = np.max(needed - np.einsum("kqj,kj->kq", g, w), axis=1)
        return np.linalg.norm(w, axis=1) + np.sqrt(g.shape[1]) * np.maximum(missed, 0.0)

    def higher(self, best: Largest, k: int | None = None) -> Largest:
        """`best`, or the largest h at the directions that the bounds point at if that is larger."""
        w = self.w if k is None else self.w[k : k + 1]
        length = np.linalg.norm(w, axis=1, keepdims=True)
        u = w / np.where(length > 0, length, 1.0)
        met = highest(self.slope, u, self.slope(u))
        return met if met.height > best.height else best

    def polished(self, k: int) -> float:
        """The least bound of cone k, to rounding."""
        from scipy.optimize import lsq_linear

        rows = np.flatnonzero(self.concave_cut[k])
        z, dual = self.slope.z, self.inverse[k]
        fixed = np.where(self.concave_cut[k], 0.0, self.v[k]) @ z
        columns = np.column_stack([dual, z[rows].T])
        low = np.concatenate([self.least[k], self.low[rows]])
        high = np.concatenate([np.full(len(dual), np.inf), self.high[rows]])
        scale = np.linalg.norm(columns, axis=0)
        best = lsq_linear(columns / scale, -fixed, (low * scale, high * scale), method="bvls").x / scale
        before, w, v = float(self.bound[k]), self.w[k].copy(), self.v[k].copy()
        self.mu[k], self.v[k, rows] = best[: len(dual)], np.clip(best[len(dual) :], self.low[rows], self.high[rows])
        self.w[k] = self.v[k] @ z + dual @ self.mu[k]
        after = float(self._bounds(slice(k, k + 1))[0])
        if after > before:
            self.w[k], self.v[k] = w, v
        return min(before, after)

    def split(self, which: Array) -> tuple[Array, Array]:
        """(children [2 · len(which), q, q], their parents' bounds): cut at the worst convex term's hyperplane."""
        q = self.g.shape[1]
        if len(which) == 0:
            return np.zeros((0, q, q)), np.zeros(0)
        t = np.where(self.convex_cut[which][:, None], self.t[which], 0.0)
        a, b = np.triu_indices(q, 1)
        crossing = t[:, a] * t[:, b] < 0
        size = np.abs(t[:, a]) + np.abs(t[:, b])
        # What convexity gives away on this edge: k_i |t_a||t_b| / (|t_a| + |t_b|).
        lost = np.where(crossing, self.slope.kink * np.abs(t[:, a] * t[:, b]) / np.where(size > 0, size, 1.0), 0.0)
        edge, row = np.divmod(np.argmax(lost.reshape(len(which), -1), axis=1), t.shape[2])
        k = np.arange(len(which))
        first, second = a[edge], b[edge]
        ta, tb = np.abs(t[k, first, row])[:, None], np.abs(t[k, second, row])[:, None]
        middle = tb * self.g[which, first] + ta * self.g[which, second]
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        one, other = self.g[which].copy(), self.g[which].copy()
        one[k, second], other[k, first] = middle, middle
        return np.concatenate([one, other]), np.tile(self.bound[which], 2)

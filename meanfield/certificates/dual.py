r"""The dual problem of a network with weight decay: what bounds its minimum over all measures from below.

With σ(st) = sσ(t) for s > 0 and V(θ) = (λ/2)|θ|², write z for an input (with a 1 appended for the bias) and θ = (a, w).
Since |a||w| ≤ (a² + |w|²)/2, with equality for a rescaled neuron of the same function,

    F(μ) ≥ R(αg)/α² + λ‖ν‖,    g_i = ∫ σ(u·z_i) dν(u),    ν = ∫ a|w| δ_{w/|w|} dμ on the sphere,

‖ν‖ being total variation; and the infimum over measures μ of either side is the same, whether their mass is one or not
(p δ_θ and q δ_{θ√(p/q)} give the same F). For any vector p, R(f) ≥ p·f − R*(p), so that

    F ≥ ∫ [λ sign ν + (1/α) Σ_i p_i σ(u·z_i)] dν − R*(p)/α² ≥ −R*(p)/α²
    as soon as max_{|u|=1} |Σ_i p_i σ(u·z_i)| ≤ λα.

Take p = s r/n with the residuals r of μ and C = max_u |(1/n) Σ_i r_i σ(u·z_i)|: every |s| ≤ λα/C gives a lower bound of
the global minimum. s = 1 is right at a minimum, where C = λα, or C < λα and ν = 0; elsewhere the best s may be larger.

    square:    −R*(p) = −(s r·y + s²|r|²/2)/n, best at s = −r·y/|r|² clipped to ±λα/C
    logistic:  r_i = −y_i q_i, −R*(p) = (1/n) Σ_i H(s q_i), H(q) = −q log q − (1 − q) log(1 − q), 0 ≤ s ≤ 1/max q

Of k outputs a, y_i, p_i and r_i are vectors, |a| and |r| their lengths, and C = max_u |(1/n) Σ_i r_i σ(u·z_i)|; then

    cross-entropy:  r_i = q_i − y_i, −R*(p) = (1/n) Σ_i H(y_i + s r_i) where y_i + s r_i ≥ 0, H(q) = −Σ_c q_c log q_c

The bound falls as C grows, so an upper bound of C proves a gap, and a lower bound of C, from a search, proves none.

Rounding: any p will do, so residuals need not be exact. All else is evaluated in float64 from the particles as they
are, and F, C and −R* are moved to the safe side by γ_k = ku/(1 − ku) times the sums of absolute values they consist of
(barring underflow, and with elementary functions good to 4 units in the last place).
"""

from collections.abc import Callable

import numpy as np

from meanfield.arguments import host
from meanfield.certificates.slope import ROUNDOFF, Array, Slope, accumulated
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.losses import Logistic, Square
from meanfield.objectives.network import Bound, Objective
from meanfield.objectives.penalties import WeightDecay
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron


class Dual:
    """The data that the bound needs of an objective and particles, as float64 on the host."""

    def __init__(self, objective: AbstractObjective, mu: Particles):
        if isinstance(objective, Bound):
            objective = objective.problem
        if type(objective) is not Objective:
            raise ValueError(f"objective is a {type(objective).__name__}: expected an Objective.")
        unit, penalty = objective.unit, objective.penalty
        if type(unit) is not Neuron or unit.slopes is None or unit.homogeneity != 2:
            raise ValueError("unit: expected a positively homogeneous neuron, such as Neuron('relu').")
        if not isinstance(penalty, WeightDecay) or type(penalty) is not WeightDecay:
            raise ValueError(f"penalty={penalty!r}: expected WeightDecay(strength).")
        if type(objective.loss) not in (Square, Logistic):
            raise ValueError(f"loss={type(objective.loss).__name__}: expected Square() or Logistic().")
        if objective.weights is not None:
            raise ValueError("weights: expected a problem whose samples weigh the same.")
        if objective.centred:
            raise ValueError("centred=True: expected a model without a reference, whose f = 0 is a measure's.")
        if mu.position.shape[1] != unit.size(objective.x.shape[1]):
            raise ValueError(
                f"position has {mu.position.shape[1]} columns: expected {unit.size(objective.x.shape[1])}, "
                f"the parameters of this unit for d={objective.x.shape[1]}."
            )
        self.square = type(objective.loss) is Square
        self.slopes = unit.slopes
        z = _known("x", objective.x)
        self.z = np.column_stack([z, np.ones(len(z))]) if unit.bias else z
        self.y = _known("y", objective.y)
        self.alpha = float(_known("scale", objective.scale))
        self.decay = float(_known("strength", penalty.strength))
        position, self.mass = _known("mu", mu.position), _known("mu", mu.mass)
        self.outputs = unit.outputs
        self.a = position[:, 0] if unit.outputs == 1 else position[:, : unit.outputs]
        self.w = position[:, unit.outputs :]

    def slope(self, r: Array) -> Slope:
        """The function whose largest value C the bound needs, for residuals r."""
        return Slope(r / len(r), self.z, *self.slopes)

    @property
    def heights(self) -> Array:
        """|a| of every particle, [m]."""
        return np.abs(self.a) if self.outputs == 1 else np.linalg.norm(self.a, axis=1)

    def predictions(self) -> tuple[Array, Array]:
        """f and a bound of its rounding error, [n]; by blocks of particles, so that memory stays small."""
        m, (n, q) = len(self.a), self.z.shape
        weight, steepest = (self.mass * self.a.T).T, max(map(abs, self.slopes))
        below, above = self.slopes
        f = np.zeros((n, *self.a.shape[1:]))
        block = max(1, 2**20 // n)
        for start in range(0, m, block):
            t = self.w[start : start + block] @ self.z.T
            f += np.where(t > 0, above * t, below * t).T @ weight[start : start + block]
        size = float((self.mass * self.heights) @ np.linalg.norm(self.w, axis=1)) * steepest
        error = 1.01 * accumulated(m + q + 8 + self.outputs) * self.alpha * size * np.linalg.norm(self.z, axis=1)
        return self.alpha * f, error

    def residual(self, f: Array) -> Array:
        """n ∂R/∂f, of the shape of f."""
        if self.square:
            return f - self.y
        if self.outputs == 1:
            return -self.y * np.exp(-np.logaddexp(0.0, self.y * f))
        return np.exp(f - _log_sum(f)[:, None]) - self.y

    def risk(self, f: Array) -> float:
        """R(f), as computed."""
        if self.square:
            return float(np.sum((f - self.y) ** 2)) / (2 * len(f))
        if self.outputs == 1:
            return float(np.mean(np.logaddexp(0.0, -self.y * f)))
        return float(np.mean(_log_sum(f) - np.sum(self.y * f, axis=1)))

    def value(self, f: Array, error: Array) -> float:
        """F(μ), rounded up."""
        n, p, k = len(f), 1 + self.w.shape[1], self.outputs
        risk = self.risk(f)
        if self.square:
            left = np.abs(f - self.y) if k == 1 else np.linalg.norm(f - self.y, axis=1)
            # Of several outputs the error of each is below `error`, so that of their vector is below √k of it.
            error = error * np.sqrt(k)
            slack = np.mean((left + error) * error)
        elif k == 1:
            slack = np.mean(error)
        else:
            slack = np.mean(2 * error + accumulated(k + 64) * (1 + np.max(np.abs(f), axis=1)))
        penalty = self.decay / 2 * float(self.mass @ (self.heights**2 + np.sum(self.w**2, axis=1)))
        value = (risk + slack) / self.alpha**2 + penalty
        return float(value * (1 + accumulated(n + len(self.a) + p + k + 24)))

    def dual(self, r: Array, largest: float) -> float:
        """The largest −R*(s r/n)/α² with |s| · `largest` ≤ λα, rounded down; never negative, which s = 0 gives."""
        n = len(r)
        if not self.square and self.outputs > 1:
            # p + y must sum to one exactly, which moves residuals by rounding and C by this.
            steepest = max(map(abs, self.slopes))
            largest += accumulated(4 * self.outputs + 8) * steepest * float(np.mean(np.linalg.norm(self.z, axis=1)))
        bound = self.decay * self.alpha * (1 - 4 * ROUNDOFF) / largest if largest > 0 else np.inf
        if self.square:
            along, square = float(np.sum(r * self.y)), float(np.sum(r * r))
            s = float(np.clip(-along / square, -bound, bound)) if square > 0 else 0.0
            size = (abs(s) * float(np.sum(np.abs(r) * np.abs(self.y))) + s**2 * square) / n
            value = -(s * along + s**2 * square / 2) / n - accumulated(r.size + 12) * size
        elif self.outputs == 1:
            q = np.abs(r)
            s = _best_share(lambda s: np.sum(_entropy_slope(q, s)), np.max(q), bound)
            value = float(np.mean(_entropy(s * q))) - accumulated(n + 128)
        else:
            wrong = np.sum(np.where(self.y > 0, 0.0, r), axis=1)
            s = _best_share(lambda s: np.sum(_several_slope(r, self.y, s)), np.max(wrong), bound)
            odds = np.where(self.y > 0, 1 - s * wrong[:, None], s * r)
            value = float(np.mean(np.sum(_plog(odds), axis=1)))
            value -= accumulated(n + 128 + 4 * self.outputs) * (1 + np.log(self.outputs))
        return max(0.0, value / self.alpha**2 * (1 - 4 * ROUNDOFF))

    def largest_for(self, r: Array, value: float, tolerance: float, low: float, high: float) -> float | None:
        """The largest C between `low` and `high` that proves F(μ) − min F ≤ `tolerance`; None if none of them does."""
        if value - self.dual(r, low) > tolerance:
            return None
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if value - self.dual(r, middle) <= tolerance else (low, middle)
        return low


def _log_sum(f: Array) -> Array:
    """log Σ_c exp f_c of each row."""
    top = np.max(f, axis=1)
    return top + np.log(np.sum(np.exp(f - top[:, None]), axis=1))


def _known(name: str, value) -> Array:
    known = host(value)
    if known is None:
        raise ValueError(f"{name} is traced or lies elsewhere: certificates are computed on the host, outside of jit.")
    return known.astype(np.float64)


def _plog(q: Array) -> Array:
    """−q log q, with 0 log 0 = 0."""
    return np.where(q > 0, -q * np.log(np.where(q > 0, q, 1.0)), 0.0)


def _entropy(q: Array) -> Array:
    """−q log q − (1 − q) log(1 − q)."""
    inside = (q > 0) & (q < 1)
    safe = np.where(inside, q, 0.5)
    return np.where(inside, -safe * np.log(safe) - (1 - safe) * np.log1p(-safe), 0.0)


def _entropy_slope(q: Array, s: float) -> Array:
    """d/ds of the entropy of s q."""
    q = q[q > 0]
    return q * (np.log1p(-s * q) - np.log(s * q))


def _several_slope(r: Array, y: Array, s: float) -> Array:
    """d/ds of the entropy of y + s r, for rows r that sum to zero and one-hot y."""
    q = np.where(y > 0, 0.0, r)
    wrong = np.sum(q, axis=1)
    q, rows = q[q > 0], wrong[wrong > 0]
    return np.concatenate([-q * np.log(s * q), rows * np.log1p(-s * rows)])


def _best_share(slope: Callable[[float], float], greatest: float, bound: float) -> float:
    """argmax over 0 ≤ s ≤ `bound` of a concave function with this derivative, s · `greatest` below 1, by bisection."""
    if greatest <= 0:
        return 0.0
    low, high = 0.0, min(bound, (1 - 4 * ROUNDOFF) / greatest)
    for _ in range(80):
        s = (low + high) / 2
        if slope(s) > 0:
            low = s
        else:
            high = s
    return low

r"""How far a network with weight decay is from the global minimum over all measures: a duality gap.

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

The bound falls as C grows, so an upper bound of C proves a gap, and a lower bound of C, from a search, proves none.

Rounding: any p will do, so residuals need not be exact. All else is evaluated in float64 from the particles as they
are, and F, C and −R* are moved to the safe side by γ_k = ku/(1 − ku) times the sums of absolute values they consist of
(barring underflow, and with elementary functions good to 4 units in the last place).
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.arguments import host, one_of, positive_count
from meanfield.arguments.meant import instances
from meanfield.certificates.ascent import ascent_maximum
from meanfield.certificates.branching import branching_maximum
from meanfield.certificates.planar import planar_maximum
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import ROUNDOFF, Array, Slope, accumulated
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.losses import Logistic, Square
from meanfield.objectives.network import Bound, Objective
from meanfield.objectives.penalties import WeightDecay
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron

METHODS = ("auto", "planar", "branching", "relaxation", "ascent")

WIDEST = 6
"""Columns up to which "auto" splits cones."""

MOST = 14
"""Columns up to which cones can be split: 2^columns of them are there from the start."""


class OptimalityGap(NamedTuple):
    """How far a measure is from the global minimum; unpacks as `gap, lower_bound, certified`.

    With `certified`, F(μ) − min F ≤ `gap` and min F ≥ `lower_bound` are proved, rounding included. Without it both come
    from a search that may have missed the worst direction: the true gap can be larger, the minimum lower.
    """

    gap: float
    lower_bound: float
    certified: bool

    def __str__(self) -> str:
        if self.certified:
            return f"within {self.gap:.1e} of the global minimum, certified"
        return f"not certified: a search found no direction against a gap of {self.gap:.1e}, which proves nothing"


def optimality_gap(
    objective: AbstractObjective, mu: Particles, *, method: str = "auto", cones: int = 100_000
) -> OptimalityGap:
    r"""A certified upper bound of F(μ) − min F, the minimum being over all measures, networks of any width.

    For `Neuron("relu")`, or another unit with two slopes, with or without bias, one output, `Square` or `Logistic` loss
    and `WeightDecay`. Computed on the host in float64, from the particles as they are, whatever their precision.

    **Arguments:**

    - `method`: how the largest slope C over the sphere is found (q columns: the inputs, and one for the bias).
      "planar", for q ≤ 2, is exact, in O(n log n). "branching" splits cones until C is known up to rounding; where
      more than `cones` of them were looked at (likely from q = 6 on) it stops with a larger bound, certified all the
      same. "relaxation" bounds C for any q at once, certified and loose. "ascent" climbs from many directions: a lower
      bound of C, and so no certificate. "auto" is "planar" for q ≤ 2, "branching" for q ≤ 6 and "relaxation" beyond,
      so that it always certifies.
    - `cones`: how many cones "branching" may look at.

    **Returns:** `OptimalityGap(gap, lower_bound, certified)`.

    Raises `ValueError` for units, losses, penalties and models for which this bound does not hold, subclasses of the
    named ones included, and under `jit`.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(
    ...     mf.Neuron("relu"), mf.Square(), x=jnp.array([[3.0, 4.0]]), y=jnp.ones(1), penalty=mf.WeightDecay(1.0)
    ... )
    >>> gap, lower_bound, certified = mf.optimality_gap(objective, mf.Particles(jnp.array([[1.0, 0.6, 0.8]])))
    >>> round(gap, 3), round(lower_bound, 3), certified
    (8.82, 0.18, True)

    Sources: Bach (2017); Chizat & Bach (2018); Pilanci & Ergen (2020).
    """
    one_of("method", method, METHODS)
    cones = positive_count("cones", cones)
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    problem = _Problem(objective, mu)
    z = problem.z
    if method == "auto":
        method = "planar" if z.shape[1] <= 2 else "branching" if z.shape[1] <= WIDEST else "relaxation"
    if method == "planar" and z.shape[1] > 2:
        raise ValueError(f"method='planar': expected at most 2 columns (with the bias), and there are {z.shape[1]}.")
    if method == "branching" and z.shape[1] > MOST:
        raise ValueError(
            f"method='branching': expected at most {MOST} columns (with the bias), and there are {z.shape[1]}."
        )
    f, error = problem.predictions()
    r = problem.residual(f)
    slope = Slope(r / len(r), z, *problem.slopes)
    if method == "planar":
        largest = planar_maximum(slope)[1]
    elif method == "branching":
        largest = branching_maximum(slope, cones)[1]
    elif method == "relaxation":
        largest = relaxed_maximum(slope)
    else:
        largest = ascent_maximum(slope, starts=problem.w)
    lower = problem.dual(r, largest)
    gap = math.nextafter(problem.value(f, error) - lower, math.inf)
    return OptimalityGap(gap, lower, method != "ascent")


class _Problem:
    """The data that the bound needs of an objective and particles, as float64 on the host."""

    def __init__(self, objective: AbstractObjective, mu: Particles):
        if isinstance(objective, Bound):
            objective = objective.problem
        if type(objective) is not Objective:
            raise ValueError(f"objective is a {type(objective).__name__}: expected an Objective.")
        unit, penalty = objective.unit, objective.penalty
        if type(unit) is not Neuron or unit.slopes is None or unit.homogeneity != 2:
            raise ValueError("unit: expected a positively homogeneous neuron, such as Neuron('relu').")
        if unit.outputs != 1:
            raise ValueError(f"outputs={unit.outputs}: expected a unit of one output.")
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
        self.a, self.w = position[:, 0], position[:, 1:]

    def predictions(self) -> tuple[Array, Array]:
        """f and a bound of its rounding error, both [n]; by blocks of particles, so that memory stays small."""
        m, (n, q) = len(self.a), self.z.shape
        weight, steepest = self.mass * self.a, max(map(abs, self.slopes))
        below, above = self.slopes
        f = np.zeros(n)
        block = max(1, 2**20 // n)
        for start in range(0, m, block):
            t = self.w[start : start + block] @ self.z.T
            f += weight[start : start + block] @ (np.where(t > 0, above, below) * t)
        size = float(np.abs(weight) @ np.linalg.norm(self.w, axis=1)) * steepest
        error = 1.01 * accumulated(m + q + 8) * self.alpha * size * np.linalg.norm(self.z, axis=1)
        return self.alpha * f, error

    def residual(self, f: Array) -> Array:
        """n ∂R/∂f."""
        if self.square:
            return f - self.y
        return -self.y * np.exp(-np.logaddexp(0.0, self.y * f))

    def value(self, f: Array, error: Array) -> float:
        """F(μ), rounded up."""
        n, p = len(f), 1 + self.w.shape[1]
        if self.square:
            risk, slack = np.mean((f - self.y) ** 2) / 2, np.mean((np.abs(f - self.y) + error) * error)
        else:
            risk, slack = np.mean(np.logaddexp(0.0, -self.y * f)), np.mean(error)
        penalty = self.decay / 2 * float(self.mass @ (self.a**2 + np.sum(self.w**2, axis=1)))
        value = (risk + slack) / self.alpha**2 + penalty
        return float(value * (1 + accumulated(n + len(self.a) + p + 24)))

    def dual(self, r: Array, largest: float) -> float:
        """The largest −R*(s r/n)/α² with |s| · `largest` ≤ λα, rounded down; never negative, which s = 0 gives."""
        n = len(r)
        bound = self.decay * self.alpha * (1 - 4 * ROUNDOFF) / largest if largest > 0 else np.inf
        if self.square:
            along, square = float(r @ self.y), float(r @ r)
            s = float(np.clip(-along / square, -bound, bound)) if square > 0 else 0.0
            size = (abs(s) * float(np.abs(r) @ np.abs(self.y)) + s**2 * square) / n
            value = -(s * along + s**2 * square / 2) / n - accumulated(n + 12) * size
        else:
            q = np.abs(r)
            s = _best_share(q, min(bound, (1 - 4 * ROUNDOFF) / np.max(q))) if np.max(q) > 0 else 0.0
            value = float(np.mean(_entropy(s * q))) - accumulated(n + 128)
        return max(0.0, value / self.alpha**2 * (1 - 4 * ROUNDOFF))


def _known(name: str, value) -> Array:
    known = host(value)
    if known is None:
        raise ValueError(f"{name} is traced or lies elsewhere: optimality_gap runs on the host, outside of jit.")
    return known.astype(np.float64)


def _entropy(q: Array) -> Array:
    """−q log q − (1 − q) log(1 − q), with 0 log 0 = 0."""
    inside = (q > 0) & (q < 1)
    safe = np.where(inside, q, 0.5)
    return np.where(inside, -safe * np.log(safe) - (1 - safe) * np.log1p(-safe), 0.0)


def _best_share(q: Array, most: float) -> float:
    """argmax over 0 ≤ s ≤ most of Σ_i H(s q_i), which is concave, by bisection of its derivative."""
    q = q[q > 0]
    low, high = 0.0, most
    for _ in range(80):
        s = (low + high) / 2
        if np.sum(q * (np.log1p(-s * q) - np.log(s * q))) > 0:
            low = s
        else:
            high = s
    return low

"""Two isotropic Gaussians told apart by a network whose mean-field limit is one equation for radii.

Classes y = ±1 with x | y ~ N(0, (1 + yΔ)² I_d); predictor f(x) = ∫ σ(θ·x) ρ(dθ) with σ = −2.5 below ½, 7.5 above 3/2
and linear between; start ρ₀ = N(0, (s²/d) I). By symmetry the distributional dynamics ∂_t ρ = 2∇·(ρ∇Ψ) of stochastic
gradient descent moves each θ along its own direction only:

    r' = −Σ_± E[τ_± R q'(r τ_± R) (f(τ_± R) ∓ 1)],      f(z) = ∫ q(r z) ρ(dr),      τ_± = 1 ± Δ,  R ~ χ_d,

q(z) = E σ(z ω), ω the first coordinate of a uniform unit vector. The risk is E (y − f(x))², without a factor ½.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks, _gauss
from theory._checks import Array

LOW, HIGH, FROM, TO = -2.5, 7.5, 0.5, 1.5
SLOPE = (HIGH - LOW) / (TO - FROM)

STEPS = 10**7
"""Steps between two times at most."""


@dataclass(frozen=True)
class Flow:
    """Radii [T, M] at `times`, their weights [M], and the risk [T]."""

    times: Array
    radii: Array
    weights: Array
    risk: Array


@dataclass(frozen=True)
class RadialProblem:
    """d inputs, separation Δ, and s, the length of a particle at the start; M and n points for the two integrals.

    `radii` is M, the points for the law of |θ|, by `rule` Gauss points ("gauss": 60 are exact to 1e-5 while radii move
    together, up to t = 4 or so) or midpoints of quantiles ("quantiles": some 400, for later times, when a few have left
    the others behind). `norms` is n, the Gauss points for the law of |x|. Raises ValueError for d < 2, a separation
    outside (0, 1), and a length that is not positive.

    >>> problem = RadialProblem(dimension=40, separation=0.8, length=0.8)
    >>> round(problem.variance(), 3)
    7.412

    Source: `mei2018mean`.
    """

    dimension: int
    separation: float
    length: float = 0.8
    radii: int = 60
    norms: int = 60
    rule: str = "gauss"

    def __post_init__(self) -> None:
        checked = {
            "dimension": _checks.integer("dimension", self.dimension, minimum=2),
            "length": _checks.number("length", self.length, exclusive=True),
            "separation": _checks.number("separation", self.separation, exclusive=True),
            "radii": _checks.integer("radii", self.radii, maximum=10_000),
            "norms": _checks.integer("norms", self.norms, maximum=10_000),
            "rule": _checks.choice("rule", self.rule, ("gauss", "quantiles")),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.separation >= 1:
            raise ValueError(f"separation must be below 1, got {self.separation:g}")

    def average(self, z: ArrayLike) -> Array:
        """q(z) = E σ(z ω) for z ≥ 0: E (zω − c)₊ = z c_d (1 − a²)^{(d−1)/2}/(d − 1) − c P(ω > a), a = c/z."""
        z = _checks.array("z", z, minimum=0.0)
        return LOW + SLOPE * (z * self._between(z) - FROM * self._beyond(z, FROM) + TO * self._beyond(z, TO))

    def slope(self, z: ArrayLike) -> Array:
        """q'(z) for z ≥ 0: elementary, 10 c_d/(d − 1) [(1 − ω²)^{(d−1)/2}] between ω = ½/z and 3/2z."""
        return SLOPE * self._between(_checks.array("z", z, minimum=0.0))

    def _between(self, z: Array) -> Array:
        """E[ω; FROM/z < ω < TO/z], without the difference of two that are alike for large z."""
        half = (self.dimension - 1) / 2
        scale = np.exp(_gamma_ratio(half) - np.log(np.sqrt(np.pi) * 2 * half))
        low, high = half * _log_rest(z, FROM), half * _log_rest(z, TO)
        share = np.where(np.isfinite(high), -np.expm1(high - np.where(np.isfinite(low), low, 0.0)), 1.0)
        return scale * np.exp(low) * share

    def _beyond(self, z: Array, c: float) -> Array:
        """P(ω > c/z)."""
        share = np.minimum(c / np.maximum(z, c), 1.0) ** 2
        return special.betaincc(0.5, (self.dimension - 1) / 2, share) / 2

    @cached_property
    def inputs(self) -> tuple[Array, Array, Array]:
        """(|x|, weights, y) of the two classes, [2n] each; the weights add up to one."""
        norm, weight = _chi(self.dimension, self.norms)
        y = np.repeat([1.0, -1.0], len(norm))
        return (1 + self.separation * y) * np.tile(norm, 2), np.tile(weight, 2) / 2, y

    @cached_property
    def start(self) -> tuple[Array, Array]:
        """(radii, weights) [M] of ρ₀."""
        if self.rule == "gauss":
            norm, weight = _chi(self.dimension, self.radii)
        else:
            weight = np.full(self.radii, 1 / self.radii)
            norm = np.sqrt(2 * special.gammaincinv(self.dimension / 2, np.cumsum(weight) - weight / 2))
        return self.length / np.sqrt(self.dimension) * norm, weight

    def predictor(self, radii: ArrayLike, z: ArrayLike) -> Array:
        """f at inputs of lengths `z` [l], when the start's radii have moved to `radii` [M]."""
        z = _checks.array("z", z, ["[l]"], minimum=0.0)
        radii = _checks.array("radii", radii, ["[M]"], minimum=0.0)
        _checks.same("radii", len(radii), "the start", len(self.start[1]))
        return self.start[1] @ self.average(np.multiply.outer(radii, z))

    def risk(self, radii: ArrayLike) -> float:
        """E (y − f(x))²."""
        z, weight, y = self.inputs
        return float(weight @ (y - self.predictor(radii, z)) ** 2)

    def integrate(self, times: ArrayLike, *, step: float = 0.05, method: str = "rk4") -> Flow:
        """The equation at increasing `times` from 0 on, by steps of at most `step` that end on these.

        `method` is "rk4", or "euler", whose steps are those of gradient descent on infinitely many particles.

        >>> flow = RadialProblem(40, 0.8).integrate([0.0, 2.0])
        >>> flow.risk.round(2)
        array([1.7 , 1.01])

        Source: `mei2018mean`.
        """
        times = _checks.array("times", times, ["[T]"], minimum=0.0)
        step = _checks.number("step", step, exclusive=True)
        _checks.choice("method", method, ("rk4", "euler"))
        if np.any(np.diff(times) <= 0):
            raise ValueError("times must increase, got times that do not")
        moved = self._velocity()
        radii, now, seen = self.start[0], 0.0, []
        for time in times:
            if (time - now) / step > STEPS:
                raise ValueError(f"step must be at least {(time - now) / STEPS:g} for these times, got {step:g}")
            count = int(np.ceil((time - now) / step - 1e-9))
            for _ in range(count):
                h = (time - now) / count
                k1 = moved(radii)
                if method == "euler":
                    radii = radii + h * k1
                    continue
                k2 = moved(radii + h / 2 * k1)
                k3 = moved(radii + h / 2 * k2)
                radii = radii + h / 6 * (k1 + 2 * k2 + 2 * k3 + moved(radii + h * k3))
            now = time
            seen.append(radii)
        return Flow(times, np.array(seen), self.start[1], np.array([self.risk(one) for one in seen]))

    def _velocity(self):
        """r ↦ r', q from a table with its slopes, so that incomplete beta functions are not worked out in each step."""
        from scipy.interpolate import CubicHermiteSpline

        z, weight, y = self.inputs
        mass = self.start[1]
        tables: dict[float, CubicHermiteSpline] = {}

        def average(points: Array) -> Array:
            reach = 2.0 ** np.ceil(np.log2(points.max()))  # a table is made anew when the radii outgrow it
            if reach not in tables:
                nodes = np.linspace(0, reach, 8192)
                tables[reach] = CubicHermiteSpline(nodes, self.average(nodes), self.slope(nodes))
            return tables[reach](points)

        def moved(radii: Array) -> Array:
            if radii.min() < 0:
                raise ValueError("step must be small enough for radii to stay positive, got one that is not")
            points = np.multiply.outer(radii, z)
            residual = mass @ average(points) - y
            return -2 * self.slope(points) @ (weight * z * residual)

        return moved

    def variance(self) -> float:
        """E_x Var_θ σ(θ·x) at the start: N (E R_N − R), exactly, for N independent particles.

        Given x, θ·x is normal of variance t² = s²|x|²/d, and moments of σ are those of (θ·x − c)₊.
        """
        z, weight, _ = self.inputs
        t = self.length / np.sqrt(self.dimension) * z
        (a1, b1), (a2, b2) = _excess(np.minimum(t, 4.0), FROM), _excess(np.minimum(t, 4.0), TO)
        ramp, square = a1 - a2, b1 - b2 - 2 * (TO - FROM) * a2
        # In a wide law the ramp is a narrow piece, whose moments the differences would lose.
        wide = t > 4
        ramp[wide], square[wide] = _ramp(t[wide])
        mean, square = SLOPE * ramp, SLOPE**2 * square
        return float(weight @ (square - mean**2))


def _chi(d: int, points: int) -> tuple[Array, Array]:
    """Gauss points and weights of χ_d, through χ²_d/2 ~ Γ(d/2)."""
    half, weight = _gauss.rule(*_gauss.laguerre(d / 2 - 1, points))
    return np.sqrt(2 * half), weight


def _log_rest(z: Array, c: float) -> Array:
    """log(1 − (c/z)²), −∞ for z ≤ c."""
    share = np.minimum(c / np.maximum(z, c), 1.0) ** 2
    return np.where(share < 1, np.log1p(-np.where(share < 1, share, 0.0)), -np.inf)


def _gamma_ratio(x: float) -> float:
    """log Γ(x + ½)/Γ(x): by Stirling's series where the difference of the two would lose digits."""
    if x < 30:
        return float(special.gammaln(x + 0.5) - special.gammaln(x))
    return float(np.log(x) / 2 - 1 / (8 * x) + 1 / (192 * x**3) - 1 / (640 * x**5) + 17 / (14336 * x**7))


def _ramp(t: Array) -> tuple[Array, Array]:
    """E r and E r² for u ~ N(0, t²), t not small, and r rising from 0 at FROM to TO − FROM at TO."""
    nodes, weight = np.polynomial.legendre.leggauss(20)
    rise = (TO - FROM) * (nodes + 1) / 2
    weight = weight * (TO - FROM) / 2
    density = np.exp(-((np.divide.outer(FROM + rise, t)) ** 2) / 2) / np.sqrt(2 * np.pi) / t
    tail = special.ndtr(-TO / t)
    return (weight * rise) @ density + (TO - FROM) * tail, (weight * rise**2) @ density + (TO - FROM) ** 2 * tail


def _excess(t: Array, c: float) -> tuple[Array, Array]:
    """E (u − c)₊ and E (u − c)₊² for u ~ N(0, t²)."""
    tail, density = special.ndtr(-c / t), np.exp(-((c / t) ** 2) / 2) / np.sqrt(2 * np.pi)
    return t * density - c * tail, (t**2 + c**2) * tail - c * t * density


_arithmetic.guard(__name__)

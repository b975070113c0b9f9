"""The step after which one step of gradient descent leaves the least risk, and how it depends on the width.

A network f = (1/m) Σ_j a_j tanh(w_j·x) takes one step of size h, in mean-field time, from independent standard
Gaussian a_j and w_j ~ N(0, s² I). Its risk R(h) after the step is least at h*_m. R is a smooth functional of the
empirical measure of the start, and so is h*. Its von Mises expansion about the law of the start is

    h*_m = h_∞ + (1/m) Σ_j ψ(θ_j) + c/m + what is smaller,      ∫ψ = 0,
    ψ = −R_hε / R_hh,        c = −½ E[R_hεε + 2 R_hhε ψ + R_hhh ψ²] / R_hh,

where ε is the share of a point mass at θ, over which E averages: the best step fluctuates by m^−½, with the variance
E ψ²/m, and is biased by c/m. A step that is tuned at width m₀ costs R_hh E ψ² (1/m₀ + 1/m)/2 at another start of
width m. All expectations are sums over the nodes of a quadrature of Gauss and Hermite, and derivatives in h are those
of a polynomial through seven values.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from theory import _arithmetic, _checks
from theory._checks import Array

STENCIL = np.cos(np.pi * np.arange(7) / 6)
"""Chebyshev's points, at which functions of h are taken."""

WIDTH = 0.1
"""Half of the interval that they cover, over h_∞."""


BLOCK = 4096
"""Particles whose arrays stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class BestStep:
    """The best step of one step in the limit m → ∞, and its first two corrections."""

    step: float
    """h_∞ (mean-field time)."""
    risk: float
    """R(h_∞) of infinitely many particles."""
    curvature: float
    """R_hh there, what a wrong step costs."""
    variance: float
    """E ψ²: m times the variance of h*_m tends to it."""
    bias: float
    """c: m (E h*_m − h_∞) tends to it."""
    _expansions: tuple["_Expansion", ...]

    def influence(self, theta: ArrayLike) -> Array:
        """ψ of particles (a, w) [m, 1 + d]: their mean is the deviation of h*_m from h_∞, to first order.

        Raises ValueError for an array of another shape.

        >>> law = best_step([[1.0], [-0.5]], [1.0, 0.0], nodes=20)
        >>> law.influence([[0.0, 1.0], [1.0, -1.0]]).shape
        (2,)
        """
        theta = _checks.array("theta", theta, ["[m, 1 + d]"])
        _checks.same("columns of theta", theta.shape[1], "1 + d", 1 + self._expansions[0].x.shape[1])
        parts = np.array_split(theta, 1 + len(theta) // BLOCK)
        return -np.concatenate([_slope_h(self._expansions, part) for part in parts]) / self.curvature


def best_step(x: ArrayLike, y: ArrayLike, *, spread: float = 1.0, nodes: int = 24) -> BestStep:
    """Return the best step for inputs `x` [n, d], d ≤ 3, and targets `y` [n]; `spread` is s.

    `nodes` is the number of nodes along each of the 1 + d axes: those of the default reach four digits for inputs of
    length one. Raises ValueError for shapes that do not fit, more than three dimensions, and targets that
    are all 0.

    >>> law = best_step([[1.0], [-0.5]], [1.0, 0.0], nodes=20)
    >>> law.step > 0, law.variance > 0
    (True, True)

    Source: `meanfield`.
    """
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "x", len(x))
    if x.shape[1] > 3:
        raise ValueError(f"x must have at most 3 columns, got {x.shape[1]}: the quadrature is a product")
    if not np.any(y):
        raise ValueError("y must be targets other than 0, got 0 alone: there is nothing to learn")
    spread = _checks.number("spread", spread, exclusive=True)
    points, weights = _gauss_hermite(1 + x.shape[1], _checks.integer("nodes", nodes, minimum=2, maximum=64))
    points = points * np.append(1.0, np.full(x.shape[1], spread))

    def risk(h: float) -> float:
        return _Expansion(x, y, points, weights, h).risk

    h = _least(risk, _Expansion(x, y, points, weights, 0.0).linear_step)
    parts = tuple(_Expansion(x, y, points, weights, one) for one in h * (1 + WIDTH * STENCIL))
    risks, slopes = np.array([one.risk for one in parts]), np.array([one.slope(points) for one in parts])
    bends = np.array([one.bend(points) for one in parts])
    second, third = (float(_derivative(risks, order, h)) for order in (2, 3))
    first = -_slope_h(parts, points) / second
    mixed = _derivative(bends, 1, h) + 2 * _derivative(slopes, 2, h) * first + third * first**2
    bias, variance = -float(weights @ mixed) / second / 2, float(weights @ first**2)
    return BestStep(h, risk(h), second, variance, bias, parts)


class _Expansion:
    """The predictor after a step of size h, and its derivatives in the share ε of a point mass in the start."""

    def __init__(self, x: Array, y: Array, theta: Array, weights: Array, h: float):
        self.x, self.y, self.theta, self.weights, self.h = x, y, theta, weights, h
        self.gram = x @ x.T
        self.f0 = weights @ _units(theta, x)
        self.f = weights @ self.after(theta)[0]

    def after(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """Φ after the step, and tanh, a·tanh' and a·tanh'' there, each [m, n]."""
        before, tilt = _before(theta, self.x)
        residual, n = self.f0 - self.y, len(self.y)
        a = theta[:, :1] - self.h * (before @ residual / n)[:, None]
        units = np.tanh(theta[:, 1:] @ self.x.T - self.h * (tilt * residual) @ self.gram / n)
        slope = a * (1 - units**2)
        return a * units, units, slope, -2 * units * slope

    def after_h(self, theta: Array) -> Array:
        """∂Φ/∂h after the step, [m, n]."""
        _, units, slope, _ = self.after(theta)
        before, tilt = _before(theta, self.x)
        residual = self.f0 - self.y
        return -((before @ residual)[:, None] * units + slope * ((tilt * residual) @ self.gram)) / len(self.y)

    @cached_property
    def pull(self) -> Array:
        """∂f_i after the step by hφ_k, φ_k what the start adds to residual k, [n, n]."""
        _, units, slope, _ = self.after(self.theta)
        before, tilt = _before(self.theta, self.x)
        weighted = self.weights[:, None]
        return -((weighted * units).T @ before + ((weighted * slope).T @ tilt) * self.gram) / len(self.y)

    @cached_property
    def forms(self) -> Array:
        """The quadratic forms ∫ δvᵀ ∇²Φ_i δv in φ, δv being what φ adds to the velocity, [n, n, n]."""
        _, units, _, bends = self.after(self.theta)
        before, tilt = _before(self.theta, self.x)
        forms = []
        for i in range(len(self.y)):
            along = tilt * self.gram[i]
            cross = (before * (self.weights * (1 - units[:, i] ** 2))[:, None]).T @ along
            forms.append(cross + cross.T + (along * (self.weights * bends[:, i])[:, None]).T @ along)
        return np.array(forms) / len(self.y) ** 2

    @property
    def risk(self) -> float:
        return float(np.mean((self.f - self.y) ** 2) / 2)

    @property
    def linear_step(self) -> float:
        """The best step of the model that is linear in h; of an expansion at h = 0."""
        change = self.pull @ (self.f0 - self.y)
        return float(change @ (self.y - self.f) / (change @ change))

    def _first(self, theta: Array) -> Array:
        """∂f/∂ε for a point mass at each θ, [m, n]."""
        added = _units(theta, self.x) - self.f0
        return self.after(theta)[0] - self.f + self.h * added @ self.pull.T

    def slope(self, theta: Array) -> Array:
        """∂R/∂ε, [m]."""
        return self._first(theta) @ (self.f - self.y) / len(self.y)

    def bend(self, theta: Array) -> Array:
        """∂²R/∂ε², [m]."""
        added, n = _units(theta, self.x) - self.f0, len(self.y)
        _, units, slope, _ = self.after(theta)
        before, tilt = _before(theta, self.x)
        own = -(units * np.sum(before * added, axis=1)[:, None] + slope * ((tilt * added) @ self.gram)) / n
        forms = np.einsum("mk,ikl,ml->mi", added, self.forms, added, optimize=True)
        second = self.h**2 * forms + 2 * self.h * (own - added @ self.pull.T)
        return (np.sum(self._first(theta) ** 2, axis=1) + second @ (self.f - self.y)) / n


def _slope_h(parts: tuple[_Expansion, ...], theta: Array) -> Array:
    """∂²R/∂h∂ε at the middle one of the expansions, [m]."""
    at = parts[len(parts) // 2]
    residual, n = at.f - at.y, len(at.y)
    # ∂R/∂ε is (∂f/∂ε) @ residual / n; of what does not depend on θ the stencil gives the derivatives in h.
    turned = np.array([one.h * one.pull.T @ (one.f - one.y) for one in parts])
    level = np.array([one.f @ (one.f - one.y) for one in parts])
    residual_h, turned_h, level_h = (
        _derivative(part, 1, at.h) for part in (np.array([one.f for one in parts]), turned, level)
    )
    own = at.after_h(theta) @ residual + at.after(theta)[0] @ residual_h
    return (own + (_units(theta, at.x) - at.f0) @ turned_h - level_h) / n


def _before(theta: Array, x: Array) -> tuple[Array, Array]:
    """tanh and a·tanh' at the start, each [m, n]."""
    units = np.tanh(theta[:, 1:] @ x.T)
    return units, theta[:, :1] * (1 - units**2)


def _units(theta: Array, x: Array) -> Array:
    """Φ at the start, [m, n]."""
    return theta[:, :1] * np.tanh(theta[:, 1:] @ x.T)


def _least(risk, guess: float) -> float:
    """The minimiser of the risk up to four times the step that is best for the linear model."""
    grid = np.linspace(0, 4 * guess, 65)
    at = int(np.argmin([risk(h) for h in grid]))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, 64)]
    found = optimize.minimize_scalar(risk, bounds=ends, method="bounded", options={"xatol": 1e-10 * guess})
    return float(found.x)


def _derivative(values: Array, order: int, h: float) -> Array:
    """The derivative in h, at h_∞, of the polynomial through values at the stencil, [7, …]."""
    powers = np.vander(STENCIL, increasing=True)
    coefficients = np.linalg.solve(powers, values.reshape(len(STENCIL), -1))[order]
    return coefficients.reshape(values.shape[1:]) * float(np.prod(np.arange(1, order + 1))) / (WIDTH * h) ** order


def _gauss_hermite(axes: int, count: int) -> tuple[Array, Array]:
    """Nodes [count^axes, axes] and weights of the standard Gaussian law."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    mesh = np.stack(np.meshgrid(*[nodes] * axes, indexing="ij"), axis=-1).reshape(-1, axes)
    product = np.prod(np.stack(np.meshgrid(*[weights / weights.sum()] * axes, indexing="ij")), axis=0)
    return mesh, product.ravel()


_arithmetic.guard(__name__)

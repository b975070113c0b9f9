"""Sparse deconvolution on the torus: its objective, its dual certificate, and its optimum to rounding.

A measure ν = Σ_i w_i δ_{x_i} on [0, 1)^d is seen by the real Fourier modes up to an order: φ(x) ∈ ℝ^n, n = (2·order +
1)^d, holds 1, and then √2 cos 2πk·x, √2 sin 2πk·x for each k whose first non-zero entry is positive, in lexical order.
With ⟨u, v⟩ = (1/n) Σ u_i v_i, |φ(x)| = 1 and ⟨φ(x), φ(x')⟩ is the Dirichlet kernel. The objective is

    J(ν) = ½|∫φ dν − y|² + λ|ν|(T^d),  first variation for a particle of sign s  J'_s(x) = λ(1 − s η(x)),
    certificate  η(x) = ⟨φ(x), y − ∫φ dν⟩/λ:  ν is optimal if and only if |η| ≤ 1 and η = sign w_i at x_i.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

MOST = 10**6
"""Measurements, or points of a grid, at most."""


def dirichlet_kernel(t: ArrayLike, order: int) -> Array:
    """⟨φ(x), φ(x')⟩ = Π_l D(t_l) for t = x − x', D(t) = sin((2·order + 1)πt)/((2·order + 1) sin πt).

    `t` is [l, d]; the result is [l]. Raises ValueError for an order below 1.

    >>> dirichlet_kernel([[0.0], [1 / 15], [0.5]], order=7).round(3)
    array([ 1.   ,  0.   , -0.067])

    Source: `chizat2022sparse`.
    """
    t = _checks.array("t", t, ["[l, d]"])
    side = 2 * _checks.integer("order", order, maximum=2**51) + 1
    # Its period is one, and whole numbers are taken off without rounding.
    t = t - np.round(t)
    sine = np.sin(np.pi * t)
    close = np.abs(sine) < 1e-8
    # Close by, both sines may be below the smallest normal number.
    near = np.sinc(side * t) / np.sinc(t)
    return np.prod(np.where(close, near, np.sin(side * np.pi * t) / (side * np.where(close, 1.0, sine))), axis=1)


def waves(order: int, dimension: int) -> tuple[Array, Array]:
    """(k, phase) of the n measurements, [n, d] and [n]: entry i of φ(x) is c_i cos(2πk_i·x − phase_i), |φ(x)| = 1.

    Raises ValueError for an order or a dimension below 1, and for more than a million measurements.
    """
    order = _checks.integer("order", order, maximum=MOST)
    dimension = _checks.integer("dimension", dimension, maximum=MOST)
    if dimension * np.log(2 * order + 1) > np.log(MOST):
        raise ValueError(f"order and dimension must give at most {MOST} measurements, got {order} and {dimension}")
    return _waves(order, dimension)


@functools.lru_cache(maxsize=16)
def _waves(order: int, dimension: int) -> tuple[Array, Array]:
    each = range(-order, order + 1)
    half = [k for k in itertools.product(each, repeat=dimension) if k > (0,) * dimension]
    k = np.array([(0,) * dimension] + [k for k in half for _ in range(2)], float)
    return k, np.array([0.0] + [0.0, np.pi / 2] * len(half))


def features(positions: ArrayLike, order: int, derivatives: int = 0) -> tuple[Array, ...]:
    """(φ, ∇φ, ∇²φ) at `positions` [l, d], as far as asked for: shapes [l, n], [l, n, d] and [l, n, d, d].

    >>> features([[0.0]], order=1)[0].round(3)
    array([[1.   , 1.414, 0.   ]])

    Source: `chizat2022sparse`.
    """
    positions = _checks.array("positions", positions, ["[l, d]"])
    derivatives = _checks.integer("derivatives", derivatives, minimum=0, maximum=2)
    k, phase = waves(order, positions.shape[1])
    # Whole turns are taken off without rounding, where they would take the digits of what is left.
    positions = np.where(np.abs(positions) < 1, positions, positions % 1)
    angle = 2 * np.pi * positions @ k.T - phase
    size = np.where(np.arange(len(k)) == 0, 1.0, np.sqrt(2))
    parts, wave = [size * np.cos(angle)], 2 * np.pi * k
    if derivatives >= 1:
        parts.append((-size * np.sin(angle))[..., None] * wave)
    if derivatives >= 2:
        parts.append(-parts[0][..., None, None] * wave[:, :, None] * wave[:, None, :])
    return tuple(parts)


@dataclass(frozen=True, eq=False)
class Problem:
    """The data of one deconvolution: `y` [n], the order of the modes, the dimension of the torus, and λ > 0.

    Raises ValueError if `y` has not (2·order + 1)^dimension entries, or λ is not positive.
    """

    y: Array
    order: int
    dimension: int
    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", _checks.array("y", self.y, ["[n]"]))
        order, dimension = _checks.integer("order", self.order), _checks.integer("dimension", self.dimension)
        _checks.same("y", len(self.y), "order and dimension", (2 * order + 1) ** dimension)
        _checks.number("strength", self.strength, exclusive=True)

    def _spikes(self, weights: ArrayLike, positions: ArrayLike) -> tuple[Array, Array]:
        w, x = _checks.array("weights", weights, ["[k]"]), _checks.array("positions", positions, ["[k, d]"])
        _checks.same("weights", len(w), "positions", len(x))
        _checks.same("columns of positions", x.shape[1], "dimension", self.dimension)
        return w, x

    def _residual(self, residual: ArrayLike) -> Array:
        r = _checks.array("residual", residual, ["[n]"])
        _checks.same("residual", len(r), "y", len(self.y))
        return r

    def residual(self, weights: ArrayLike, positions: ArrayLike) -> Array:
        """∫φ dν − y, shape [n]."""
        weights, positions = self._spikes(weights, positions)
        return weights @ features(positions, self.order)[0] - self.y

    def objective(self, weights: ArrayLike, positions: ArrayLike) -> float:
        """J(ν).

        >>> round(Problem([1.0, 2**0.5, 0.0], 1, 1, 0.1).objective([0.5], [[0.0]]), 6)
        0.175
        """
        weights, positions = self._spikes(weights, positions)
        r = self.residual(weights, positions)
        return 0.5 * float(np.mean(r**2)) + self.strength * float(np.sum(np.abs(weights)))

    def certificate(self, residual: ArrayLike, points: ArrayLike) -> tuple[Array, Array, Array]:
        """(η, ∇η, ∇²η) at `points` [l, d] for ∫φ dν − y = `residual`: shapes [l], [l, d], [l, d, d]."""
        r = -self._residual(residual) / (self.strength * len(self.y))
        points = _checks.array("points", points, ["[l, d]"])
        _checks.same("columns of points", points.shape[1], "dimension", self.dimension)
        value, slope, curvature = features(points, self.order, 2)
        return value @ r, np.einsum("lnd,n->ld", slope, r), np.einsum("lnde,n->lde", curvature, r)

    def on_grid(self, residual: ArrayLike, side: int) -> Array:
        """η at the points (i_1, …, i_d)/`side`, shape [side, …, side], by the fast Fourier transform."""
        side = _checks.integer("side", side, minimum=2 * self.order + 1, maximum=MOST)
        r = -self._residual(residual) / (self.strength * len(self.y))
        k, _ = waves(self.order, self.dimension)
        spectrum = np.zeros((side,) * self.dimension, complex)
        places = tuple(k[1::2].astype(int).T % side)
        spectrum[places] = np.sqrt(2) * (r[1::2] - 1j * r[2::2])
        return r[0] + np.fft.ifftn(spectrum, norm="forward").real

    def highest(self, residual: ArrayLike, side: int) -> float:
        """A bound on sup |η| that holds for certain: the largest |η| on the grid over cos(π·order/side)^d.

        A trigonometric polynomial of degree k is at most 1/cos(πk/N) times its largest value on N > 2k equispaced
        points; in several dimensions one axis after the other. Raises ValueError for side ≤ 2·order.

        Source: `ehlich1964schwankung`.
        """
        side = _checks.integer("side", side, minimum=2 * self.order + 1)
        factor = np.cos(np.pi * self.order / side) ** self.dimension
        return float(np.abs(self.on_grid(residual, side)).max() / factor)

    def gap(self, weights: ArrayLike, positions: ArrayLike, side: int, *, feasible: bool = True) -> float:
        """J(ν) − D(q) ≥ J(ν) − min J, with the dual D(q) = ⟨q, y⟩ − ½|q|² under |⟨φ(x), q⟩| ≤ λ for all x.

        q is the best multiple of y − ∫φ dν that is certainly feasible, by `highest`. With `feasible=False` it is y −
        ∫φ dν itself, feasible or not, and nothing is bounded.

        Source: `chizat2022sparse`.
        """
        weights, positions = self._spikes(weights, positions)
        r = self.residual(weights, positions)
        power, along = float(np.mean(r**2)), -float(np.mean(r * self.y))
        s = 1.0
        if feasible and power > 0:
            high = self.highest(r, side)
            s = float(np.clip(along / power, -1 / high, 1 / high))
        value = 0.5 * power + self.strength * float(np.sum(np.abs(weights)))
        return value - s * along + 0.5 * s**2 * power

    def floor(self, weights: ArrayLike, positions: ArrayLike, side: int) -> float:
        """The most that `gap` can be at the optimum (`weights`, `positions`): what the grid leaves open."""
        side = _checks.integer("side", side, minimum=2 * self.order + 1, maximum=MOST)
        r = self.residual(weights, positions)
        s = np.cos(np.pi * self.order / side) ** self.dimension
        dual = -s * np.mean(r * self.y) - 0.5 * s**2 * np.mean(r**2)
        return self.objective(weights, positions) - float(dual)

    def derivatives(self, weights: ArrayLike, positions: ArrayLike) -> tuple[float, Array, Array]:
        """J, and its gradient and Hessian in (w_1 … w_k, x_1 … x_k) at fixed signs: [k(1 + d)] and its square."""
        w, x = self._spikes(weights, positions)
        (k, d), n = x.shape, len(self.y)
        value, slope, curvature = features(x, self.order, 2)
        r = w @ value - self.y
        by_position = (w[:, None, None] * slope).transpose(0, 2, 1).reshape(k * d, n)
        jacobian = np.concatenate([value, by_position])
        gradient = jacobian @ r / n
        gradient[:k] += self.strength * np.sign(w)
        hessian = jacobian @ jacobian.T / n
        mixed = np.einsum("lnd,n->ld", slope, r) / n
        bent = np.einsum("lnde,n->lde", curvature, r) * w[:, None, None] / n
        for i in range(k):
            rows = slice(k + i * d, k + (i + 1) * d)
            hessian[rows, rows] += bent[i]
            hessian[i, rows] += mixed[i]
            hessian[rows, i] += mixed[i]
        total = 0.5 * float(r @ r) / n + self.strength * float(np.abs(w).sum())
        return total, gradient, hessian


_arithmetic.guard(__name__)

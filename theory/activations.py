"""Gaussian expectations in closed form: E σ(u)σ(v) and E σ'(u)σ'(v), (u, v) = (w·x, w·x').

A pair of inputs enters through its norms r, r', its angle φ, and the supplement ψ = π − φ. Both angles come
from 2 atan(|x̂ − x̂'|/|x̂ + x̂'|) of the unit vectors: the arccosine of a rounded cosine would lose half
of the digits near 0 and π. For the piecewise-linear activations and their squares all is in the functions
of Cho and Saul,

    J₀ = ψ,   J₁ = sin φ + ψ cos φ,   J₂ = 3 sin φ cos φ + ψ (1 + 2 cos² φ),

through E[u^p v^p; u > 0, v > 0] = r^p r'^p J_p(φ)/2π.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from theory import _arithmetic, _checks
from theory._checks import Array

LEAKY_SLOPE = 0.01


@dataclass(frozen=True)
class Pairs:
    """All pairs of a row of `x1` [n1, d] and a row of `x2` [n2, d]; each property is [n1, n2]."""

    x1: Array
    x2: Array

    @cached_property
    def dot(self) -> Array:
        return self.x1 @ self.x2.T

    @cached_property
    def norms(self) -> tuple[Array, Array]:
        """Norms of the rows, as [n1, 1] and [1, n2]."""
        return _polar(self.x1)[0][:, None], _polar(self.x2)[0][None, :]

    @cached_property
    def sides(self) -> tuple[Array, Array]:
        """(2 sin φ/2, 2 cos φ/2), the distances of x̂ from x̂' and from −x̂', or both times one number."""
        return _distances(_polar(self.x1)[1], _polar(self.x2)[1])

    @cached_property
    def angle(self) -> Array:
        """φ, accurate where it is small. Meaningless, but finite, for a zero vector, as ψ is."""
        return _double_arctangent(*self.sides)

    @cached_property
    def supplement(self) -> Array:
        """ψ = π − φ, accurate where it is small."""
        return _double_arctangent(*reversed(self.sides))

    @cached_property
    def turned(self) -> tuple[Array, Array]:
        """(sin ψ, cos ψ)."""
        return np.sin(self.supplement), np.cos(self.supplement)

    @cached_property
    def distances(self) -> tuple[Array, Array]:
        """(|x − x'|, |x + x'|), from differences of coordinates."""
        return _distances(self.x1, self.x2)

    @cached_property
    def nonzero(self) -> tuple[Array, Array]:
        """1 where the input is not zero, else 0, as [n1, 1] and [1, n2]."""
        r1, r2 = self.norms
        return (r1 > 0).astype(np.float64), (r2 > 0).astype(np.float64)


def _distances(x1: Array, x2: Array) -> tuple[Array, Array]:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(x1, x2), np.float64), np.asarray(cdist(x1, -x2), np.float64)


def _polar(x: Array) -> tuple[Array, Array]:
    # Rows are scaled by their largest entry first: the squares of 1e-200 and 1e200 are not floats.
    largest = np.max(np.abs(x), axis=1)
    scaled = x / np.where(largest > 0, largest, 1.0)[:, None]
    length: Array = np.sqrt(np.sum(scaled * scaled, axis=1))
    return largest * length, scaled / np.where(length > 0, length, 1.0)[:, None]


def _double_arctangent(top: Array, bottom: Array) -> Array:
    """2 atan(top/bottom) for numbers from 0 to 2; a quotient of 1e300 is as good as infinite."""
    return 2 * np.arctan(top / np.maximum(bottom, 1e-300))


def quadrant(order: int, supplement: Array) -> Array:
    """J_order, order 0, 1 or 2, at φ = π − `supplement`, through ψ, which vanishes exactly at antipodes."""
    order, supplement = _order(order), _checks.array("supplement", supplement)
    return _quadrant(order, supplement, np.sin(supplement), np.cos(supplement))


def _quadrant(order: int, supplement: Array, sine: Array, cosine: Array) -> Array:
    """J_order from ψ, sin ψ and cos ψ."""
    if order == 0:
        return supplement
    if order == 1:
        value, small = np.array(sine - supplement * cosine), supplement < 1
        if np.any(small):
            # sin ψ − ψ cos ψ = ψ² j₁(ψ), free of cancellation at small ψ, and slow.
            value[small] = supplement[small] ** 2 * special.spherical_jn(1, supplement[small])
        return value
    # Of size 4ψ⁵/15 near 0, where rounding could make it negative.
    return np.maximum(supplement * (1 + 2 * cosine**2) - 3 * sine * cosine, 0.0)


def _order(order: int) -> int:
    return _checks.integer("order", order, minimum=0, maximum=2)


def two_sided(pairs: Pairs, order: int, negative: float) -> Array:
    """E g(u)g(v) for g(z) = z^order where z > 0 and `negative`·|z|^order where z ≤ 0; (u, v) = (w·x, w·x').

    With c = `negative` the four quadrants of (u, v) give (r r')^order [(1 + c²) J_order(φ) + 2c J_order(π −
    φ)]/2π.
    """
    order, negative = _order(order), _checks.number("negative", negative, minimum=-np.inf)
    (r1, r2), (sine, cosine) = pairs.norms, pairs.turned
    value = (1 + negative**2) / (2 * np.pi) * _quadrant(order, pairs.supplement, sine, cosine)
    if negative:
        value = value + negative / np.pi * _quadrant(order, pairs.angle, sine, -cosine)
    if order:
        return (r1 * r2) ** order * value
    # Order 0 at a zero input is no limit, it is the convention g(0) = c, and E g(v) = (1 + c)/2 if only v
    # moves.
    (here1, here2), mean = pairs.nonzero, (1 + negative) / 2
    if np.all(here1) and np.all(here2):
        return value
    one_zero = here1 * (1 - here2) + here2 * (1 - here1)
    return here1 * here2 * value + one_zero * negative * mean + (1 - here1) * (1 - here2) * negative**2


def _erf_terms(pairs: Pairs) -> tuple[Array, Array, Array]:
    """(s, c, M): with R = √2 r, s² + c² = (1 + R²)(1 + R'²)/M², where c = R R' cos φ/M.

    s² = [1 + R² + R'² + (R R' sin φ)²]/M² is written as a sum of squares of numbers that are at most 1 by
    M = max(1, R) max(1, R'), so that neither inputs of 1e150 nor parallel ones lose anything.
    """
    (r1, r2), angle = pairs.norms, pairs.angle
    r1, r2 = np.sqrt(2) * r1, np.sqrt(2) * r2
    m1, m2 = np.maximum(1, r1), np.maximum(1, r2)
    p1, p2 = r1 / m1, r2 / m2
    squares = (1 / m1 / m2) ** 2 + (p1 / m2) ** 2 + (p2 / m1) ** 2 + (p1 * p2 * np.sin(angle)) ** 2
    return np.sqrt(squares), p1 * p2 * np.cos(angle), m1 * m2


def _erf_conjugate(pairs: Pairs) -> Array:
    # (2/π) arcsin(2 x·x'/√((1 + 2r²)(1 + 2r'²))), as an arctangent.
    sine, cosine, _ = _erf_terms(pairs)
    return 2 / np.pi * np.arctan2(cosine, sine)


def _erf_derivative(pairs: Pairs) -> Array:
    # (4/π)/√det(I + 2Σ), Σ the covariance of (u, v).
    sine, _, scale = _erf_terms(pairs)
    return 4 / np.pi / scale / sine


def _cosine_conjugate(pairs: Pairs) -> Array:
    near, far = pairs.distances
    return (np.exp(-(near**2) / 2) + np.exp(-(far**2) / 2)) / 2


def _cosine_derivative(pairs: Pairs) -> Array:
    # exp(−(r² + r'²)/2) sinh(x·x'): the larger exponential is taken out, so small x·x' keep their digits.
    nearest = np.minimum(*pairs.distances)
    return -np.sign(pairs.dot) * np.exp(-(nearest**2) / 2) * np.expm1(-2 * np.abs(pairs.dot)) / 2


class Activation(NamedTuple):
    """E σ(u)σ(v) and E σ'(u)σ'(v) as functions of `Pairs`."""

    conjugate: Callable[[Pairs], Array]
    derivative: Callable[[Pairs], Array]


ACTIVATIONS = {
    "relu": Activation(lambda p: two_sided(p, 1, 0.0), lambda p: two_sided(p, 0, 0.0)),
    "leaky_relu": Activation(lambda p: two_sided(p, 1, -LEAKY_SLOPE), lambda p: two_sided(p, 0, LEAKY_SLOPE)),
    "squared_relu": Activation(lambda p: two_sided(p, 2, 0.0), lambda p: 4 * two_sided(p, 1, 0.0)),
    "erf": Activation(_erf_conjugate, _erf_derivative),
    "cosine": Activation(_cosine_conjugate, _cosine_derivative),
    "linear": Activation(lambda p: p.dot, lambda p: np.ones((len(p.x1), len(p.x2)))),
}


_arithmetic.guard(__name__)

"""Kernels of infinitely wide deep networks: the recursion in depth, and what it does to inputs in the end.

A network of L hidden layers of width N is

    z_1 = s_w W_1 x + s_b b_1,   h_l = σ(z_l),   z_{l+1} = (s_w/√N) W_{l+1} h_l + s_b b_{l+1},   f = (1/√N) a·h_L,

with all entries of W, b and a independent N(0, 1). As N → ∞ its output is a Gaussian process, and with K_0 = x·x'

    Λ_l = s_w² K_{l−1} + s_b²                             covariance of the pre-activations z_l
    K_l = E σ(u)σ(v),  K̇_l = E σ'(u)σ'(v)                 (u, v) ~ N(0, Λ_l)
    T_1 = Λ_1,  T_{l+1} = Λ_{l+1} + s_w² K̇_l T_l           tangent kernel of z_l
    Θ_l = K_l + K̇_l T_l                                   tangent kernel of a network of l hidden layers.

K_L is the covariance of f: the conjugate kernel. L = 1, s_w = 1 and s_b = 0 is `theory.arc_cosine`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.activations import ACTIVATIONS, Activation, Pairs

_ULPS = 64
"""Correlations this many units of rounding from ±1 count as ±1."""

SMALL = 2.0**-20
"""Inputs below which kernels are computed in a unit of their own."""

TILE = 192
"""Rows and columns of a tile, of which ten arrays are within reach of one core."""

DEEPEST = 100_000
"""Layers at most."""

DEGENERATION = 9 * np.pi**2 / 2
"""lim L² (1 − c_L), c_L the cosine of two inputs behind L layers of ReLU (`cosine_deficits`)."""


@dataclass(frozen=True)
class Moments(Pairs):
    """`Pairs` given by variances and covariance instead of vectors; all three broadcast against each other.

    The angle comes from a rounded correlation, so that of nearly parallel inputs is right to 1e-7 only.
    """

    variances: tuple[Array, Array]
    covariance: Array

    @cached_property
    def dot(self) -> Array:
        return self.covariance

    @cached_property
    def norms(self) -> tuple[Array, Array]:
        return np.sqrt(self.variances[0]), np.sqrt(self.variances[1])

    @cached_property
    def squares(self) -> tuple[Array, Array]:
        """(1 − c, 1 + c) of the correlation c, the squares of `sides`."""
        length = self.norms[0] * self.norms[1]
        correlation = self.covariance / np.where(length > 0, length, 1.0)
        least = _ULPS * np.finfo(float).eps
        apart, together = (np.where(side > least, side, 0.0) for side in (1 - correlation, 1 + correlation))
        return apart, together

    @cached_property
    def sides(self) -> tuple[Array, Array]:
        apart, together = self.squares
        return np.sqrt(apart), np.sqrt(together)

    @cached_property
    def turned(self) -> tuple[Array, Array]:
        (apart, together), (one, other) = self.squares, self.sides
        return one * other, (apart - together) / 2

    @cached_property
    def distances(self) -> tuple[Array, Array]:
        total = self.variances[0] + self.variances[1]
        near, far = (np.sqrt(np.maximum(total + sign * 2 * self.covariance, 0.0)) for sign in (-1, 1))
        return near, far


def moments(first: Array, second: Array, covariance: Array) -> Moments:
    """`Moments` of matrices that broadcast to the shape [n1, n2] of `covariance`."""
    first, second = _checks.array("first", first), _checks.array("second", second)
    covariance = _checks.array("covariance", covariance, ["[n1, n2]"])
    n1, n2 = covariance.shape
    for name, value in {"first": first, "second": second}.items():
        if np.broadcast_shapes(value.shape, (n1, n2)) != (n1, n2) or value.min() < 0:
            raise ValueError(f"{name} must hold variances, of a shape that broadcasts to {(n1, n2)}, got {value.shape}")
    return _moments(first, second, covariance)


def _moments(first: Array, second: Array, covariance: Array) -> Moments:
    n1, n2 = covariance.shape
    return Moments(np.zeros((n1, 1)), np.zeros((n2, 1)), (first, second), covariance)


class DeepKernels(NamedTuple):
    """Conjugate and tangent kernels, [D, n1, n2] each, a matrix for every depth asked for."""

    conjugate: Array
    tangent: Array


def deep_kernels(
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    depths: Sequence[int] = (1,),
    activation: str = "relu",
    *,
    weight_scale: float = 1.0,
    bias_scale: float = 0.0,
) -> DeepKernels:
    """K_L and Θ_L for every L of `depths`, in their order.

    `x1` is [n1, d], `x2` is [n2, d] and defaults to `x1`; `activation` is relu, leaky_relu, squared_relu, erf, cosine
    or linear; `weight_scale` is s_w (√2 keeps norms through layers of ReLU), `bias_scale` is s_b. Raises ValueError for
    inputs that are not finite matrices of equally many columns, depths below 1, an unknown activation, a `weight_scale`
    that is not positive, a negative `bias_scale`, or a result that overflows.

    >>> deep_kernels([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], (1, 2), weight_scale=2**0.5).conjugate.round(4).tolist()
    [[[1.0, 0.3183]], [[1.0, 0.4937]]]

    Source: `lee2018deep` (conjugate kernel), `jacot2018neural` (tangent kernel).
    """
    first = _checks.array("x1", x1, ["[n, d]"])
    second = first if x2 is None else _checks.array("x2", x2, ["[n, d]"])
    _checks.same("columns of x2", second.shape[1], "x1", first.shape[1])
    numbers = depths_of(depths)
    expected = ACTIVATIONS[_checks.choice("activation", activation, ACTIVATIONS)]
    gain = _checks.number("weight_scale", weight_scale, exclusive=True) ** 2
    bias_scale = _checks.number("bias_scale", bias_scale)
    size = unit_of(activation, max(float(np.abs(first).max()), float(np.abs(second).max()), bias_scale))
    shift = (bias_scale / size) ** 2
    with np.errstate(over="ignore", invalid="ignore"):
        first, second = first / size, second / size
        wide = _Layers(numbers, expected, gain, shift)
        stacks = wide.kernels(first, second) if x2 is not None else wide.symmetric(first)
        if size != 1:
            stacks *= size  # one after the other: the square of the unit may be none
            stacks *= size
        return DeepKernels(*(_checks.in_range("x1, x2, weight_scale and bias_scale", stack) for stack in stacks))


@dataclass(frozen=True)
class _Layers:
    """The recursion, pair by pair of inputs: a tile of pairs goes through all layers while it is in the cache."""

    depths: list[int]
    expected: Activation
    gain: float
    shift: float

    def kernels(self, first: Array, second: Array) -> Array:
        """K_L and Θ_L, [2, D, n1, n2]."""
        found = np.empty((2, len(self.depths), len(first), len(second)))
        dot, variances = first @ second.T, (self._variances(first), self._variances(second))
        for rows in _slices(len(first)):
            for columns in _slices(len(second)):
                found[:, :, rows, columns] = self._tile(dot, *variances, rows, columns)
        return found

    def symmetric(self, inputs: Array) -> Array:
        """K_L and Θ_L of the inputs with themselves: tiles below the diagonal are those above it."""
        found = np.empty((2, len(self.depths), len(inputs), len(inputs)))
        dot, variances = inputs @ inputs.T, self._variances(inputs)
        for rows in _slices(len(inputs)):
            for columns in _slices(len(inputs)):
                if columns.start >= rows.start:
                    tile = found[:, :, rows, columns] = self._tile(dot, variances, variances, rows, columns)
                    found[:, :, columns, rows] = np.swapaxes(tile, 2, 3)
        return found

    def _variances(self, inputs: Array) -> list[Array]:
        """E u² for the pre-activations of every layer and every input, [n] each."""
        found, variance = [], np.sum(inputs**2, axis=1)[:, None]
        for _ in range(max(self.depths)):
            variance = self.gain * variance + self.shift
            found.append(variance[:, 0])
            one = np.zeros((len(inputs), 1))
            variance = self.expected.conjugate(Moments(one, one[:1], (variance, variance), variance))
        return found

    def _tile(self, dot: Array, first: list[Array], second: list[Array], rows: slice, columns: slice) -> Array:
        kernel, moved, kept = dot[rows, columns], np.zeros(()), {}
        for depth in range(1, max(self.depths) + 1):
            variances = first[depth - 1][rows, None], second[depth - 1][None, columns]
            pairs = _moments(*variances, self.gain * kernel + self.shift)
            moved = self.expected.derivative(pairs) * (pairs.dot + self.gain * moved)
            kernel = self.expected.conjugate(pairs)
            if depth in self.depths:
                kept[depth] = kernel, kernel + moved
        return np.stack([[kept[depth][i] for depth in self.depths] for i in (0, 1)])


def _slices(count: int) -> list[slice]:
    return [slice(start, min(start + TILE, count)) for start in range(0, count, TILE)]


def unit_of(activation: str, largest: float) -> float:
    """A power of two near `largest` where that is small and the activation is homogeneous, else 1.

    Squares of inputs below 1e-154 have lost digits; in this unit they have not, and kernels are quadratic in it.

    >>> unit_of("relu", 3.0), unit_of("relu", 2.0**-500) == 2.0**-499, unit_of("erf", 2.0**-500)
    (1.0, True, 1.0)
    """
    largest = _checks.number("largest", largest)
    small = activation in ("relu", "leaky_relu", "linear") and 0 < largest < SMALL
    return 2.0 ** int(np.frexp(largest)[1]) if small else 1.0


def depths_of(depths: ArrayLike) -> list[int]:
    """The numbers of layers asked for, checked: whole, from 1 to 100 000, a layer being a step of the recursion.

    >>> depths_of((1, 3))
    [1, 3]
    """
    numbers = _checks.array("depths", depths, ["[D]"])
    return [_checks.integer("depths", int(n) if n == int(n) else n, maximum=DEEPEST) for n in numbers.tolist()]


def cosine_deficits(angle: float, depth: int) -> Array:
    """1 − c_l for l = 0 … `depth`, c_l the cosine of two inputs behind l layers of ReLU; shape [depth + 1].

    c_{l+1} = (sin φ + (π − φ) cos φ)/π, φ the angle of cosine c_l and c_0 = cos `angle`; without biases, for any s_w.
    Written as 1 − c_{l+1} = (1 − c_l) − (sin φ − φ cos φ)/π, which keeps the digits of small angles. Raises ValueError
    for an angle outside of [0, π] or a depth below 1.

    >>> cosine_deficits(np.pi / 2, 2).round(4).tolist()
    [1.0, 0.6817, 0.5063]

    Source: `cho2009kernel`.
    """
    angle = _checks.number("angle", angle)
    if angle > np.pi:
        raise ValueError(f"angle must be at most pi, got {angle:g}")
    deficits = [2 * math.sin(angle / 2) ** 2]
    for _ in range(_checks.integer("depth", depth)):
        phi = 2 * math.asin(math.sqrt(min(deficits[-1] / 2, 1.0)))
        # sin φ − φ cos φ = φ² j₁(φ), free of cancellation
        deficits.append(deficits[-1] - phi * phi * float(special.spherical_jn(1, phi)) / math.pi)
    return np.array(deficits)


def deficit_bounds(angle: float, depth: int) -> tuple[float, float]:
    """(least, most) that 1 − c_L can be for L = `depth`: both are (9π²/2)/L² (1 + O(log L/L)).

    Each layer adds to u = (1 − c)^{−1/2} at least √2/3π, and at most 0.11/u more than that. So, with s = √2/3π,

        u_0 + sL  ≤  u_L  ≤  u_0 + sL + (0.11/u_0) + (0.11/s) log(1 + sL/u_0).

    Raises ValueError as `cosine_deficits`, and for an angle of 0, at which u is infinite.

    >>> least, most = deficit_bounds(np.pi / 2, 1000)
    >>> bool(least < cosine_deficits(np.pi / 2, 1000)[-1] < most), round(most * 1000**2 / DEGENERATION, 3)
    (True, 0.987)

    Source: `meanfield`.
    """
    start = cosine_deficits(angle, depth)[0]
    if start == 0:
        raise ValueError("angle must be above 0, at which inputs are parallel from the start")
    u, step, rest = start**-0.5, np.sqrt(2) / (3 * np.pi), 0.11
    linear = u + step * depth
    return float((linear + rest / u + rest / step * np.log1p(step * depth / u)) ** -2), float(linear**-2)


_arithmetic.guard(__name__)

"""Polynomials and quotients of polynomials for functions that no instruction computes.

Chebyshev interpolants of what is smooth on a bounded interval, and quotients for odd functions on the whole line, made
from the functions of NumPy and SciPy in 64 bits when a kernel is compiled. e^z is 2^k e^s with k = [z / log 2].
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from meanfield.integrals.native.vectors import Vector


@functools.lru_cache
def _interpolant(function: Callable, low: float, high: float, double: bool) -> tuple[float, ...]:
    """Return coefficients of powers of the centred variable s ∈ [−1, 1], as many as rounding lets count."""
    tolerance = 2.0**-50 if double else 2.0**-27
    for degree in range(2, 60):
        series = np.polynomial.chebyshev.chebinterpolate(
            lambda s: function((low + high) / 2 + (high - low) / 2 * s), degree
        )
        if np.max(np.abs(series[-2:])) < tolerance * np.max(np.abs(series)):
            return tuple(float(value) for value in np.polynomial.chebyshev.cheb2poly(series))
    raise ArithmeticError(f"{function} on [{low}, {high}]: no polynomial of degree below 60 is near enough.")


def polynomial(u: Vector, function: Callable, low: float, high: float) -> Vector:
    """function(u) for u in [low, high], by Horner's scheme in s = (2u − low − high) / (high − low)."""
    coefficients = _interpolant(function, low, high, u.kind.dtype == "float64")
    s = u.times_plus(2 / (high - low), -(low + high) / (high - low))
    value = s.constant(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value.times_plus(s, coefficient)
    return value


def odd_quotient(z: Vector, function: Callable, top: float, degrees: tuple[int, int]) -> Vector:
    """An odd function as z P(z²) / Q(z²) for |z| ≤ top, beyond which it is constant."""
    above, below = _quotient(function, top, degrees)
    z = z.at_most(top).at_least(-top)
    u = z * z
    values = []
    for coefficients in (above, below):
        value = u.constant(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            value = value.times_plus(u, coefficient)
        values.append(value)
    return z * values[0] / values[1]


@functools.lru_cache
def _quotient(function: Callable, top: float, degrees: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Coefficients of P and Q, Q(0) = 1, for which P(z²) / Q(z²) is nearly function(z) / z, in relative error.

    Least squares of (P − g Q) / (g Q), with Q of the step before, and weights that rise where the error is large
    (Sanathanan and Koerner, IEEE Trans. Automat. Control 8, 1963; Lawson's weights).
    """
    p, q = degrees
    nodes = (1 - np.cos(np.pi * (np.arange(300) + 0.5) / 300)) / 2
    t = np.concatenate([nodes, nodes / 100])
    z = top * np.sqrt(t)
    wanted, weight, below = function(z) / z, np.ones_like(t), np.ones_like(t)
    best = (np.inf, np.zeros(p + 1), np.ones(q + 1))
    for _ in range(25):
        scale = (weight / (wanted * below))[:, None]
        table = np.hstack(
            [t[:, None] ** np.arange(p + 1) * scale, -(wanted[:, None] * scale) * t[:, None] ** np.arange(1, q + 1)]
        )
        size = np.linalg.norm(table, axis=0)
        found = np.linalg.lstsq(table / size, wanted * scale[:, 0], rcond=None)[0] / size
        one, other = found[: p + 1], np.concatenate([[1.0], found[p + 1 :]])
        below = np.polynomial.polynomial.polyval(t, other)
        error = np.abs(np.polynomial.polynomial.polyval(t, one) / below / wanted - 1)
        if error.max() < best[0]:
            best = error.max(), one, other
        weight *= (error / error.max() + 0.05) ** 0.5
        weight /= weight.max()
    units = top ** (-2.0 * np.arange(max(p, q) + 1))
    return list(best[1] * units[: p + 1]), list(best[2] * units[: q + 1])


LOG2_HIGH = {"float32": 0.693359375, "float64": 0.6931471803691238}
"""log 2 to so few bits that its products with exponents are exact; the rest is subtracted after it."""
LEAST = {"float32": -87.0, "float64": -708.0}
"""Below it e^z is no normal number any more, and taken for what it is here: nothing beside one."""


def exp_and_less_one(z: Vector) -> tuple[Vector, Vector]:
    """(e^z, e^z − 1) for z ≤ 0, the second to all its digits."""
    z = z.at_least(LEAST[z.kind.dtype])
    k = (z * (1 / math.log(2))).rounded()
    first = LOG2_HIGH[z.kind.dtype]
    s = k.times_plus(first - math.log(2), k.times_plus(-first, z))
    half = math.log(2) / 2 + 1e-3
    # (e^s − 1 − s) / s² is what is interpolated: s itself keeps its digits.
    less = (s * s).times_plus(polynomial(s, _exp_rest, -half, half), s)
    scale = k.power_of_two()
    return less.times_plus(scale, scale), less.times_plus(scale, scale - 1.0)


def exp(z: Vector) -> Vector:
    """e^z for z ≤ 0."""
    return exp_and_less_one(z)[0]


def _exp_rest(s):
    s = np.asarray(s, dtype=np.longdouble)
    return np.asarray(sum(s**i / math.factorial(i + 2) for i in range(16)), dtype=float)

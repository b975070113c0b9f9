"""σ and σ' of the named activations on vectors, in the precision of their type.

What has no instruction is a polynomial: Chebyshev interpolants of what is smooth on a bounded interval, made from the
functions of NumPy and SciPy in 64 bits when a kernel is compiled. e^z is 2^k e^s with k = [z / log 2], |s| ≤ log(2)/2.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import scipy.special

from meanfield.integrals.native.vectors import Vector

Pair = tuple[Vector, Vector]
"""(σ(z), σ'(z))."""


@functools.lru_cache
def _interpolant(function: Callable, low: float, high: float, double: bool) -> tuple[float, ...]:
    """Coefficients of powers of the centred variable s ∈ [−1, 1] for which no more than rounding is left of the error."""
    tolerance = 2.0**-50 if double else 2.0**-27
    for degree in range(2, 60):
        series = np.polynomial.chebyshev.chebinterpolate(
            lambda s: function((low + high) / 2 + (high - low) / 2 * s), degree
        )
        if np.max(np.abs(series[-2:])) < tolerance * np.max(np.abs(series)):
            return tuple(np.polynomial.chebyshev.cheb2poly(series))
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
        table = np.hstack([t[:, None] ** np.arange(p + 1) * scale, -(wanted[:, None] * scale) * t[:, None] ** np.arange(1, q + 1)])
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


def exp_and_less_one(z: Vector) -> Pair:
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


def relu(z: Vector) -> Pair:
    """max(z, 0), with derivative 0 at 0."""
    return z.at_least(0.0), z.constant(1.0).where(z.above(0.0), 0.0)


def leaky_relu(z: Vector) -> Pair:
    """z for z > 0, z/100 elsewhere."""
    positive = z.above(0.0)
    return z.where(positive, z * 0.01), z.constant(1.0).where(positive, 0.01)


def squared_relu(z: Vector) -> Pair:
    """max(z, 0)²."""
    h = z.at_least(0.0)
    return h * h, h + h


def linear(z: Vector) -> Pair:
    """σ(z) = z."""
    return z, z.constant(1.0)


def sigmoid(z: Vector) -> Pair:
    """1 / (1 + e^−z), by e^−|z|, which does not overflow."""
    e = exp(-abs(z))
    share = 1.0 / (e + 1.0)
    other = e * share
    return share.where(z.above(0.0), other), share * other


def tanh(z: Vector) -> Pair:
    """Tanh z: z P(z²) / Q(z²) in 32 bits, sign(z) (1 − e) / (1 + e) with e = e^−2|z| in 64."""
    if z.kind.dtype == "float32":
        h = odd_quotient(z, np.tanh, 9.05, (5, 4))
    else:
        less = exp_and_less_one(abs(z) * -2.0)[1]
        h = (less / (less + 2.0)).with_sign_of(z)
    return h, (-h).times_plus(h, 1.0)


def softplus(z: Vector) -> Pair:
    """Log(1 + e^z) = max(z, 0) + log(1 + e^−|z|), where log(1 + e) = 2 artanh(e / (2 + e))."""
    e = exp(-abs(z))
    t = e / (e + 2.0)
    log = t * 2.0 * polynomial(t * t, _artanh_over, 0.0, 1 / 9)
    share = 1.0 / (e + 1.0)
    return z.at_least(0.0) + log, share.where(z.above(0.0), e * share)


def _artanh_over(u):
    t = np.sqrt(np.maximum(u, 1e-20))
    return np.arctanh(t) / t


def _tail(size: Vector) -> tuple[Vector, Vector]:
    """(erfc, e^−z²) of |z|: e^z² erfc(z) is smooth in t = 2 / (2 + z), which runs from 1 to 0."""
    size = size.at_most(27.0 if size.kind.dtype == "float64" else 10.0)
    gauss = exp(-(size * size))
    t = 2.0 / (size + 2.0)
    return gauss * t * polynomial(t, _erfcx_over, 0.0, 1.0), gauss


def _erfcx_over(t):
    t = np.maximum(t, 1e-12)
    return scipy.special.erfcx(2 / t - 2) / t


def erf(z: Vector) -> Pair:
    """Erf z: z P(z²) / Q(z²) in 32 bits; in 64 by its tail for |z| > 1 and an odd polynomial below."""
    if z.kind.dtype == "float32":
        gauss = exp(-(z * z))
        h = odd_quotient(z, scipy.special.erf, 4.0, (7, 4)).at_most(1.0).at_least(-1.0)
        return h, gauss * (2 / math.sqrt(math.pi))
    tail, gauss = _tail(abs(z))
    u = (z * z).at_most(1.0)
    near = z * polynomial(u, _erf_over, 0.0, 1.0)
    h = (1.0 - tail).with_sign_of(z).where(abs(z).above(1.0), near)
    return h, gauss * (2 / math.sqrt(math.pi))


def _erf_over(u):
    z = np.sqrt(np.maximum(u, 1e-20))
    return scipy.special.erf(z) / z


def gelu(z: Vector) -> Pair:
    """z Φ(z), with Φ(−z) = erfc(z/√2)/2 for z > 0, so that the small tail keeps its digits."""
    tail, gauss = _tail(abs(z) * math.sqrt(0.5))
    below = tail * 0.5
    phi = (1.0 - below).where(z.above(0.0), below)
    return z * phi, (z * gauss).times_plus(1 / math.sqrt(2 * math.pi), phi)


HALF_PI = {
    "float32": (1.5703125, 4.837512969970703e-4, 7.549789948768648e-8),
    "float64": (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21),
}
"""π/2 in three parts, the first two of few bits."""


def cosine(z: Vector) -> Pair:
    """(cos z, −sin z) by |z − kπ/2| ≤ π/4; an argument so large that its own rounding is a turn gives some value."""
    k = (z * (2 / math.pi)).rounded()
    s = z
    for part in HALF_PI[z.kind.dtype]:
        s = k.times_plus(-part, s)
    s = s.at_least(-0.9).at_most(0.9)
    u = s * s
    sine = s * polynomial(u, _sine_over, 0.0, 0.81)
    even = polynomial(u, _cosine_of_root, 0.0, 0.81)
    quarter = k - (k * 0.25).rounded() * 4.0  # −2, −1, 0, 1 or 2
    odd = abs(abs(quarter) - 1.0)
    straight = odd.above(0.5)
    cos, sin = even.where(straight, sine), sine.where(straight, even)
    # cos(s + kπ/2) is cos s, −sin s, −cos s, sin s for k = 0, 1, 2, 3, and sin is sin s, cos s, −sin s, −cos s.
    turned = abs(quarter).above(1.5)
    plus = quarter.above(0.5)
    minus = (-quarter).above(0.5)
    cos_sign = z.constant(-1.0).where(turned, 1.0).where(straight, z.constant(-1.0).where(plus, 1.0))
    sin_sign = z.constant(-1.0).where(turned, 1.0).where(straight, z.constant(-1.0).where(minus, 1.0))
    return cos * cos_sign, -(sin * sin_sign)


def _sine_over(u):
    z = np.sqrt(np.maximum(u, 1e-20))
    return np.sin(z) / z


def _cosine_of_root(u):
    return np.cos(np.sqrt(np.maximum(u, 0.0)))


BY_NAME: dict[str, Callable[[Vector], Pair]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "squared_relu": squared_relu,
    "tanh": tanh,
    "erf": erf,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "gelu": gelu,
    "cosine": cosine,
    "linear": linear,
}
"""σ and σ' of every named activation."""

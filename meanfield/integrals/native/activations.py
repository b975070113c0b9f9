"""σ and σ' of the named activations on vectors, within some ten roundings of their type."""

import math
from collections.abc import Callable

import numpy as np

from meanfield.integrals.native.approximations import exp, exp_and_less_one, odd_quotient, polynomial
from meanfield.integrals.native.vectors import Vector

Pair = tuple[Vector, Vector]
"""(σ(z), σ'(z))."""


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
    """(erfc z, e^−z²) for z ≥ 0: 1 − erf z up to 1, beyond it by e^z² erfc(z), which is smooth in t = 2 / (2 + z)."""
    farthest = 27.0 if size.kind.dtype == "float64" else 10.0
    size = size.at_most(farthest)
    u = size * size
    gauss = exp(-u)
    t = 2.0 / (size + 2.0)
    # Beyond the farthest, erfc is nothing beside one.
    beyond = gauss * t * polynomial(t, _erfcx_over, 2 / (2 + farthest), 2 / 3)
    near = 1.0 - size * polynomial(u.at_most(1.0), _erf_over, 0.0, 1.0)
    return beyond.where(size.above(1.0), near), gauss


def _erfcx_over(t):
    from scipy.special import erfcx  # not for an activation that needs none

    return erfcx(2 / t - 2) / t


def erf(z: Vector) -> Pair:
    """Erf z: z P(z²) / Q(z²) in 32 bits; in 64 by its tail for |z| > 1 and an odd polynomial below."""
    if z.kind.dtype == "float32":
        gauss = exp(-(z * z))
        h = odd_quotient(z, _erf, 4.0, (7, 4)).at_most(1.0).at_least(-1.0)
        return h, gauss * (2 / math.sqrt(math.pi))
    tail, gauss = _tail(abs(z))
    near = z * polynomial((z * z).at_most(1.0), _erf_over, 0.0, 1.0)
    h = (1.0 - tail).with_sign_of(z).where(abs(z).above(1.0), near)
    return h, gauss * (2 / math.sqrt(math.pi))


def _erf(z):
    from scipy.special import erf

    return erf(z)


def _erf_over(u):
    z = np.sqrt(np.maximum(u, 1e-20))
    return _erf(z) / z


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

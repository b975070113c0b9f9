"""Powers of two that are taken out of numbers before they are squared, multiplied or cubed, and put back at the end.

Squares leave float64 at 1e±154 though the result, a length or a ratio, does not. A power of two changes no digit: in
the range where nothing would have been lost the result is bit for bit what it is without.
"""

import math

import numpy as np

from theory._checks import Array


def scaled(x: Array) -> tuple[Array, int]:
    """x / 2^e and e, so that the largest entry lies in [1/2, 1); e = 0 where all are zero."""
    exponent = int(np.frexp(np.max(np.abs(x)))[1])
    return np.ldexp(x, -exponent), exponent


def scaled_rows(x: Array) -> tuple[Array, Array]:
    """As `scaled`, along the last axis: rows / 2^e [..., d] and e [..., 1]."""
    exponents = np.frexp(np.max(np.abs(x), axis=-1, keepdims=True))[1]
    return np.ldexp(x, -exponents), exponents


def lengths(x: Array) -> Array:
    """Euclidean lengths of the rows [..., d], [..., 1]."""
    rows, exponents = scaled_rows(x)
    return np.ldexp(np.sqrt(np.sum(rows**2, axis=-1, keepdims=True)), exponents)


def quotient(*numbers: float, over: tuple[float, ...] = ()) -> float:
    """The product of the numbers divided by those `over`, whatever the order would have made of it on the way."""
    fraction, exponent = 1.0, 0
    for number, sign in [*((number, 1) for number in numbers), *((number, -1) for number in over)]:
        part, power = math.frexp(number)
        fraction, moved = math.frexp(fraction * part if sign > 0 else fraction / part)
        exponent += sign * power + moved
    return math.ldexp(fraction, exponent)


def bell(z: Array) -> Array:
    """tanh'(z) = 1 − tanh² z with all its digits, where tanh is ±1 to rounding too."""
    tail = np.exp(-2 * np.abs(z))
    return 4 * tail / (1 + tail) ** 2

r"""Runge–Kutta–Chebyshev formulas of order two: s stages are stable for steps that grow with s².

With T the Chebyshev polynomial of degree j, w_0 = 1 + ε/s², w_1 = T_s'(w_0)/T_s''(w_0), b_j = T_j''(w_0)/T_j'(w_0)² and
a_j = 1 − b_j T_j(w_0), one step of length h from Y_0 with velocities F_j = F(Y_j) is Y_1 = Y_0 + b_1 w_1 h F_0,

    Y_j − Y_0 = b_j c_j,  c_j = 2 w_0 c_{j−1} − c_{j−2} + (2 w_1 h / b_{j−1}) (F_{j−1} − a_{j−1} F_0),  j = 2 … s.

Source: Sommeijer, Shampine & Verwer (1998), J. Comput. Appl. Math. 88, 315–326, equations 2.2 to 2.6 for c_j in place
of Y_j. Differences c_j − c_{j−1}, and those of T_j and its derivatives, are what is carried: for w_0 just above one the
recurrence itself would lose s² units of rounding, its differences are sums of terms of one sign.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Count, Position, Scalar

DAMPING = 2 / 13
"""ε: away from 0 the polynomial of the method stays below 1 − ε/3 or so, all along the stability interval."""

INTERVAL = 0.65
"""The stability interval is [−β, 0] with β = (2/3)(1 − 2ε/15)(s² − 1) = 0.653 (s² − 1), rounded down."""

MOST = 500
"""Stages of one step at most: a bound on the work of one attempt, and on what is lost with one that is refused."""


def stages(z: Scalar) -> Count:
    """The fewest stages s ≥ 2 with z = h ρ inside the stability interval, at most `MOST`."""
    s = 1 + jnp.floor(jnp.sqrt(1 + z / INTERVAL))
    return jnp.clip(s, 2, MOST).astype(jnp.int32)


def longest(radius: Scalar) -> Scalar:
    """The longest step that `MOST` stages hold stable."""
    return INTERVAL * ((MOST - 1) ** 2 - 1) / jnp.maximum(radius, jnp.finfo(radius.dtype).tiny)


def increment(at: Callable, start: Position, velocity: Position, h: Scalar, s: Count) -> Position:
    """Y_s − Y_0 for Y_0 = `start`, where the velocity is known: s − 1 more evaluations. s is not static."""
    number = s.astype(h.dtype)
    delta = DAMPING / jnp.square(number)  # w_0 − 1
    zero, one = jnp.zeros_like(delta), jnp.ones_like(delta)
    w1 = _slope_ratio(delta, number)

    def stage(_, carry):
        chebyshev, rise, b, c, lift = carry
        drive = at(start + b * c) - (1 - b * chebyshev[0]) * velocity
        lift = lift + 2 * delta * c + (2 * w1 * h / b) * drive
        rise = rise + 2 * delta * chebyshev + jnp.stack([zero, 2 * chebyshev[0], 4 * chebyshev[1]])
        chebyshev = chebyshev + rise
        return chebyshev, rise, chebyshev[2] / jnp.square(chebyshev[1]), c + lift, lift

    # j = 1: T, T', T'' at w_0 and their differences from j = 0; b_0 = b_1 = b_2; c_0 = 0.
    b, first = 1 / jnp.square(2 * (1 + delta)), w1 * h * velocity
    carry = (jnp.stack([1 + delta, one, zero]), jnp.stack([delta, one, zero]), b, first, first)
    _, _, b, c, _ = jax.lax.fori_loop(2, s + 1, stage, carry)
    return b * c


def _slope_ratio(delta: Scalar, s: Scalar) -> Scalar:
    """w_1 = T_s'/T_s'' at 1 + δ, by T_s(cosh φ) = cosh(sφ)."""
    square = delta * (2 + delta)  # w_0² − 1
    root = jnp.sqrt(square)
    angle = s * jnp.log1p(delta + root)
    return jnp.sinh(angle) * square / (s * root * jnp.cosh(angle) - (1 + delta) * jnp.sinh(angle))

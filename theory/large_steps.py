"""Gradient descent with steps that are not small: where it is stable, and what happens beyond.

In a linear model each eigendirection of the curvature is multiplied by 1 − hλ at a step. A two-layer linear network
with one datum (x = 1, y = 0) is the least model in which the curvature gives way. Its output f = (α/m) Σ_j a_j w_j and
its curvature λ = (1/m) Σ_j (a_j² + w_j²) close under steps of h:

    f ← f (1 − hλ + h²f²/α²),   λ ← λ + (h f²/α²)(hλ − 4).

By λ ≥ 2|f|/α all of it is decided by hλ₀, at any width and from any f₀ ≠ 0. Let l = hλ and u = h|f|/α ≤ l/2.
l ≤ 2: then u² < l, |1 − l + u²| < 1, so that |f| falls at every step, and l ≤ 2 stays. 2 < l < 4: l falls as long as it
is above 2, where f = 0 repels; the path ends below, after a rise of f. l > 4: l never falls, and both go to infinity.
(No path is meant that hits f = 0 by chance.)
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks, _rounding
from theory._checks import Array

DEVIATIONS = 6.0
"""How many standard deviations a bound on rounding is."""

ROUNDINGS = 32
"""Operations that an error of a sum is made of: products, derivatives, and the sum itself, by halves or in lanes."""


def growth(step: ArrayLike, curvature: ArrayLike) -> Array:
    """|1 − hλ|, the factor of one step of size h in a direction of curvature λ; below 1 for 0 < hλ < 2.

    >>> growth(0.5, [1.0, 4.0, 5.0])
    array([0.5, 1. , 1.5])

    Source: `cohen2021gradient`.
    """
    return np.abs(1 - _checks.array("step", step) * _checks.array("curvature", curvature))


def catapult_step(
    output: ArrayLike, curvature: ArrayLike, step: ArrayLike, scale: float, *, linear: bool = False
) -> tuple[Array, Array]:
    """(f, λ) after one step of size h from (f, λ), α being the `scale`; without the terms in f²/α² if `linear`.

    Arguments are arrays that broadcast. Raises ValueError if one is not finite, or `scale` is not positive.

    >>> catapult_step(0.5, 2.0, 0.5, 1.0)
    (array(0.03125), array(1.625))

    Source: `lewkowycz2020large`.
    """
    f, curvature = _checks.array("output", output), _checks.array("curvature", curvature)
    h, scale = _checks.array("step", step), _checks.number("scale", scale, exclusive=True)
    moved = 0.0 if linear else (f / scale) ** 2
    return np.asarray(f * (1 - h * curvature + h**2 * moved)), np.asarray(curvature + h * moved * (h * curvature - 4))


def catapult(output: float, curvature: float, step: float, scale: float, steps: int) -> tuple[Array, Array]:
    """f and λ after 0 … `steps` steps, each [steps + 1]; infinite from where a square of f overflows.

    Raises ValueError as `catapult_step`, for a negative curvature and for one below 2|f|/α, which no network has.

    >>> f, curvature = catapult(0.1, 3.0, 1.0, 1.0, 50)
    >>> bool(np.abs(f).max() > 0.5), bool(curvature[-1] < 2)
    (True, True)

    Source: `lewkowycz2020large`.
    """
    f, curvature = _checks.number("output", output, minimum=-np.inf), _checks.number("curvature", curvature)
    h, scale = _checks.number("step", step, minimum=-np.inf), _checks.number("scale", scale, exclusive=True)
    if curvature / 2 < abs(f) / scale:
        given = f"got {curvature:g} where output is {f:g} and scale is {scale:g}"
        raise ValueError(f"curvature must be at least 2|f|/α, {given}")
    path = np.full((_checks.integer("steps", steps, minimum=0, maximum=10**7) + 1, 2), np.inf)
    path[0] = f, curvature
    for k in range(len(path) - 1):
        with np.errstate(over="ignore", invalid="ignore"):
            after = catapult_step(path[k, 0], path[k, 1], h, scale)
        if not np.all(np.isfinite(after)):
            break
        path[k + 1] = after
    return path[:, 0], path[:, 1]


def catapult_rounding(
    output: ArrayLike, curvature: ArrayLike, step: ArrayLike, scale: float, particles: int
) -> tuple[Array, Array]:
    """How far (f, λ) after a step may be from the map of those before by rounding: six deviations, to first order.

    Rounding errors are taken to be independent, so that squares add, and a sum over m particles counts for `ROUNDINGS`
    operations: f, whose terms have any sign, is known to a share of |f| and of αλ/2√m, and λ to one of λ. So are those
    after the step, and what is wrong before it goes through the map's derivatives.

    Arguments broadcast, the result has their shape.

    >>> bound = catapult_rounding(0.0, 2.0, 1.0, 4.0, 16)
    >>> [round(float(one / DEVIATIONS / np.finfo(float).eps), 3) for one in bound]
    [2.309, 4.619]

    Source: `meanfield`.
    """
    f, curvature = _checks.array("output", output), _checks.array("curvature", curvature)
    h, scale = _checks.array("step", step), _checks.number("scale", scale, exclusive=True)
    after, curvature_after = catapult_step(f, curvature, h, scale)
    unit, term = (
        DEVIATIONS * _rounding.deviation(ROUNDINGS),
        scale / 2 / np.sqrt(_checks.integer("particles", particles)),
    )
    moved = (f / scale) ** 2
    to_f, to_curvature = np.hypot(f, term * curvature), curvature
    through_f = np.hypot((1 - h * curvature + 3 * h**2 * moved) * to_f, h * f * to_curvature)
    through = np.hypot(2 * h * f / scale**2 * (h * curvature - 4) * to_f, (1 + h**2 * moved) * to_curvature)
    # A new weight a − (h f/α) w is rounded by the larger of the two curvatures.
    largest = np.maximum(curvature_after, curvature * (1 + h**2 * moved))
    return unit * np.hypot(through_f, np.hypot(after, term * largest)), unit * np.hypot(through, largest)


def growth_rounding(steps: ArrayLike, size: float, local: float, start: float) -> Array:
    """How far an error after k steps of 1 − hλ may be from |1 − hλ|^k times that of the start: six deviations.

    What a step adds, of standard deviation `local`, grows like the rest; and hλ = `size`, which is known to `ROUNDINGS`
    operations, is wrong by the same at all steps. `start` is the error at the start; the result has the shape of
    `steps`. Raises ValueError for steps that are no whole numbers.

    >>> growth_rounding([0, 1], 2.0, 1.0, 0.0).tolist()
    [0.0, 6.0]

    Source: `meanfield`.
    """
    k = _checks.whole("steps", steps)
    size, local = _checks.number("size", size), _checks.number("local", local)
    factor, start = abs(1 - size), _checks.number("start", start)
    powers = np.concatenate([[0.0], np.cumsum(factor ** (2 * np.arange(np.max(k, initial=0))))])
    turned = k * factor ** np.maximum(k - 1, 0) * size * _rounding.deviation(ROUNDINGS) * start
    return DEVIATIONS * np.hypot(local * np.sqrt(powers[k.astype(int)]), turned)


_arithmetic.guard(__name__, infinite=("catapult",))

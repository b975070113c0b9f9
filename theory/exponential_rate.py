"""Weight decay on scale-invariant weights is a learning rate that grows: the exact equivalent of every schedule.

A loss that depends on w through w/|w| alone has gradients g(w) of degree −1: g(w/c) = c g(w) for c > 0. Heavy-ball
descent with weight decay λ, rates η_t and momentum γ,

    v_{t+1} = γ v_t + g(w_t) + λ w_t,  w_{t+1} = w_t − η_t v_{t+1},

takes the same directions as the one without decay that has the rates η_t/(c_t c_{t+1}), whose weights are w_t/c_t. Here
c is what descent with decay makes of a weight whose gradient is zero,

    c_{t+1} = (1 + γ η_t/η_{t−1} − η_t λ) c_t − γ (η_t/η_{t−1}) c_{t−1},  c_0 = 1,

and c_{−1} is free: it decides the buffer v_0 = (1 − c_{−1}) w_0/η_0 with which the other one has to start. With 1 for
c_{−1} both start from rest. For a constant rate c_t = r^t solves it for both roots r of x² − (1 + γ − ηλ)x + γ = 0:
rates that grow exponentially, as Li and Arora found. These roots are real while ηλ ≤ (1 − √γ)²; beyond, every
solution changes its sign, and a positive rate that is equivalent exists no longer than until then.
"""

from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

DIGITS = 60
"""Of the arithmetic in which factors are computed: their float64 values are rounded once."""


def roots(momentum: float, strength: float) -> tuple[float, float]:
    """Both roots, the larger first, of x² − (1 + γ − s)x + γ = 0, s = ηλ the `strength` of decay in a step.

    Raises ValueError for a momentum outside [0, 1), a negative strength, or one above (1 − √γ)².

    >>> roots(0.0, 0.01)
    (0.99, 0.0)
    >>> [round(root, 5) for root in roots(0.5, 0.01)]
    [0.97957, 0.51043]

    Source: li2020exponential.
    """
    larger, smaller = _roots(momentum, strength)
    return float(larger), float(smaller)


def largest_strength(momentum: float) -> float:
    """(1 − √γ)², the largest ηλ for which a rate that grows for ever is equivalent.

    Raises ValueError for a momentum outside [0, 1).

    >>> round(largest_strength(0.9), 5)
    0.00263

    Source: li2020exponential.
    """
    return (1 - _momentum(momentum) ** 0.5) ** 2


def root_factors(momentum: float, strength: float, steps: int, root: str = "larger") -> Array:
    """c_t = r^t, t = 0 … steps, [steps + 1], for the `larger` or the `smaller` root.

    Raises ValueError as `roots`, for another name, for the smaller root without momentum, which is zero, and where
    r^−2t leaves float64.

    >>> root_factors(0.0, 0.5, 3).tolist()
    [1.0, 0.5, 0.25, 0.125]

    Source: li2020exponential.
    """
    larger, smaller = _roots(momentum, strength)
    r = larger if _checks.choice("root", root, ("larger", "smaller")) == "larger" else smaller
    if r == 0:
        raise ValueError("root: the smaller one is zero without momentum, got momentum 0")
    count = _checks.integer("steps", steps)
    with localcontext() as context:
        context.prec = DIGITS
        return _in_range([r**t for t in range(count + 1)])


def factors(rates: ArrayLike, decay: float, momentum: float = 0.0) -> Array:
    """c_t of any schedule η_t, [T], for descents that both start from rest (c_{−1} = 1): t = 0 … T, [T + 1].

    Where they are not positive, no positive rate is equivalent. Raises ValueError for rates that are not positive, a
    negative decay, a momentum outside [0, 1), and where c_t^−2 leaves float64.

    >>> factors([1.0, 1.0, 0.5], decay=0.5).tolist()
    [1.0, 0.5, 0.25, 0.1875]

    Source: meanfield.
    """
    eta = _rates(rates)
    gamma, lam = Decimal(_momentum(momentum)), Decimal(_checks.number("decay", decay))
    with localcontext() as context:
        context.prec = DIGITS
        before, now, last = Decimal(1), Decimal(1), Decimal(float(eta[0]))
        found = [now]
        for rate in map(Decimal, eta.tolist()):
            pushed = gamma * rate / last
            before, now, last = now, (1 + pushed - rate * lam) * now - pushed * before, rate
            found.append(now)
        return _in_range(found)


def equivalent_rates(rates: ArrayLike, factors: ArrayLike) -> Array:
    """η_t/(c_t c_{t+1}), [T], from the rates [T] and the factors [T + 1]; for c_t = r^t this is η r^(−2t−1).

    Raises ValueError for shapes that do not match, rates that are not positive, or a factor that is zero.

    >>> equivalent_rates([1.0, 1.0], [1.0, 0.5, 0.25]).tolist()
    [2.0, 8.0]

    Source: li2020exponential.
    """
    eta, c = _rates(rates), _checks.array("factors", factors, ["[T + 1]"])
    _checks.same("factors", len(c), "rates", len(eta) + 1)
    if np.any(c == 0):
        raise ValueError(f"factors must not be zero, got 0 at index {int(np.flatnonzero(c == 0)[0])}")
    return eta / c[:-1] / c[1:]


def initial_buffer(weights: ArrayLike, rate: float, root: float) -> Array:
    """v_0 = −(1 − r) w_0/(r η), of the shape of the weights: with it c_t = r^t from the first step on.

    Raises ValueError for a rate or a root that is not positive, and a root above 1.

    >>> initial_buffer([2.0], rate=0.1, root=0.5).tolist()
    [-20.0]

    Source: li2020exponential.
    """
    eta, r = _checks.number("rate", rate, exclusive=True), _checks.number("root", root, exclusive=True)
    if r > 1:
        raise ValueError(f"root must be at most 1, got {r:g}")
    return -(1 - r) / (r * eta) * _checks.array("weights", weights)


def lasts(momentum: float, strength: float) -> float:
    """The first t with c_t ≤ 0 for a constant rate from rest, infinite while ηλ ≤ (1 − √γ)².

    Beyond, the roots are √γ exp(±iφ), cos φ = (1 + γ − ηλ)/2√γ, and c_t = γ^{t/2} (cos φt + B sin φt) with
    B = (cos φ − √γ)/sin φ. As c_1 = 1 − ηλ, a decay of ηλ ≥ 1 turns the weights in the first step.

    Raises ValueError for a momentum outside [0, 1) or a negative strength.

    >>> lasts(0.9, 0.01), lasts(0.9, 0.002)
    (24.0, inf)

    Source: meanfield.
    """
    gamma, s = _momentum(momentum), _checks.number("strength", strength)
    if s >= 1:
        return 1.0
    if s <= largest_strength(gamma):
        return float("inf")
    cosine = (1 + gamma - s) / (2 * np.sqrt(gamma))
    phi = np.arccos(cosine)
    return float(np.ceil((np.pi / 2 + np.arctan((cosine - np.sqrt(gamma)) / np.sin(phi))) / phi))


def _roots(momentum: float, strength: float) -> tuple[Decimal, Decimal]:
    gamma, s = _momentum(momentum), _checks.number("strength", strength)
    if s > largest_strength(gamma):
        raise ValueError(
            f"strength must be at most (1 - sqrt(momentum))^2 = {largest_strength(gamma):g} for real roots, got {s:g}"
        )
    with localcontext() as context:
        context.prec = DIGITS
        product, half = Decimal(gamma), (1 + Decimal(gamma) - Decimal(s)) / 2
        larger = half + max(half * half - product, Decimal(0)).sqrt()
        return larger, product / larger


def _momentum(value: float) -> float:
    number = _checks.number("momentum", value)
    if number >= 1:
        raise ValueError(f"momentum must be below 1, got {number:g}")
    return number


def _rates(rates: ArrayLike) -> Array:
    eta = _checks.array("rates", rates, ["[T]"])
    if eta.min() <= 0:
        raise ValueError(f"rates must be positive, got {eta.min():g}")
    return eta


def _in_range(found: list[Decimal]) -> Array:
    c = np.array([float(value) for value in found])
    if np.abs(c).min() < 1e-140:
        raise ValueError(
            "rates, steps, strength and decay must be such that factors stay in the range of float64, "
            f"got {np.abs(c).min():.3g} after {len(c) - 1} steps"
        )
    return c


_arithmetic.guard(__name__, infinite=("lasts",))

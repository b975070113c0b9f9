"""Exact laws of particles that die and are cloned at the rate τ(F' − ∫F'dμ), where they can be computed.

On finitely many sites the reaction is the replicator equation p_k' = −τ p_k (F'_k − Σ p_j F'_j). A scheme that replaces
dying particles by clones with the right odds follows it with noise: its limit and its fluctuations as the number of
particles m grows are given for any step, as is the mean of the energy after one step with transport. Square loss:

    F(p) = (1/2n) |Φp − y|² + V·p,    F' = Φᵀ(Φp − y)/n + V,    Φ [n, k] the predictions of the k sites.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


def energy(features: ArrayLike, y: ArrayLike, potential: ArrayLike, mass: ArrayLike) -> float:
    """F(p) for `features` Φ [n, k], `y` [n], `potential` V [k] and `mass` p [k].

    Raises ValueError for numbers that are not finite or do not match, or a mass below 0.

    >>> energy([[1.0, -1.0]], [1.0], [0.5, 0.5], [0.5, 0.5])
    1.0

    Source: `chizat2018global`.
    """
    features, y, potential, mass = _network(features, y, potential, mass)
    return float(np.mean((features @ mass - y) ** 2) / 2 + potential @ mass)


def first_variation(features: ArrayLike, y: ArrayLike, potential: ArrayLike, mass: ArrayLike) -> Array:
    """F' of every site, [k]; arguments and errors as `energy`.

    >>> first_variation([[1.0, -1.0]], [1.0], [0.5, 0.5], [0.5, 0.5]).tolist()
    [-0.5, 1.5]

    Source: `chizat2018global`.
    """
    features, y, potential, mass = _network(features, y, potential, mass)
    return features.T @ (features @ mass - y) / len(y) + potential


def reacted(mass: ArrayLike, slopes: ArrayLike, amount: float) -> Array:
    """q_k ∝ p_k exp(−amount · F'_k): what the reaction makes of p in the time `amount`/τ while F' does not change.

    `mass` p and `slopes` F' are [k]. The mass stays what it is. Raises ValueError for numbers that are not finite or do
    not match, and a mass below 0.

    >>> reacted([0.5, 0.5], [0.0, 1.0], np.log(3.0)).round(12).tolist()
    [0.75, 0.25]

    Source: `rotskoff2019birth`.
    """
    mass, slopes = _checks.array("mass", mass, ["[k]"]), _checks.array("slopes", slopes, ["[k]"])
    _checks.same("slopes", len(slopes), "mass", len(mass))
    _positive(mass)
    grown = mass * np.exp(-_checks.number("amount", amount) * (slopes - np.min(slopes)))
    return grown * (mass.sum() / grown.sum())


def dissipation(mass: ArrayLike, slopes: ArrayLike, gradients: ArrayLike, rate: float) -> tuple[float, float]:
    """(∫|∇F'|²dμ, τ Var_μ F'): what transport and the reaction take from F in a unit of time, as m → ∞.

    `mass` p and `slopes` F' are [k], `gradients` ∇F' [k, p], `rate` is τ. The mass is one. Raises ValueError as
    `reacted`.

    >>> dissipation([0.5, 0.5], [0.0, 2.0], [[1.0], [1.0]], 3.0)
    (1.0, 3.0)

    Source: `rotskoff2019birth`.
    """
    mass, slopes = _checks.array("mass", mass, ["[k]"]), _checks.array("slopes", slopes, ["[k]"])
    gradients = _checks.array("gradients", gradients, ["[k, p]"])
    _checks.same("slopes", len(slopes), "mass", len(mass))
    _checks.same("gradients", len(gradients), "mass", len(mass))
    _positive(mass)
    variance = float(mass @ (slopes - mass @ slopes) ** 2)
    return float(mass @ np.sum(gradients**2, axis=1)), _checks.number("rate", rate) * variance


def step_energy(features: ArrayLike, y: ArrayLike, potential: ArrayLike, slopes: ArrayLike, amount: float) -> float:
    """The mean of F after one step of m particles of mass 1/m, exactly and for any step.

    `features` Φ [n, m] and `potential` V [m] are those of the particles after their transport, `slopes` F' [m] those
    before, `amount` is τ times the step. A particle dies with probability (1 − m q_j)₊ and its place is taken by a
    clone, drawn with weights (m q − 1)₊; q are the masses `reacted`. Deaths are independent, and so E F is F(q) and

        (1/2n) Σ_i Σ_j Var(Φ_i at j after)/m²,

    what the sampling heats the network by. Raises ValueError as `energy`.

    >>> step_energy([[1.0, -1.0]], [1.0], [0.5, 0.5], [-0.5, 1.5], 0.0)
    1.0

    Source: `meanfield`.
    """
    slopes = _checks.array("slopes", slopes, ["[m]"])
    m = len(slopes)
    mass = np.full(m, 1 / m)
    features, y, potential, mass = _network(features, y, potential, mass)
    q = reacted(mass, slopes, amount)
    death, birth = _odds(mass, q)
    mean = features @ birth
    square = features**2 @ birth
    change = death * (1 - death) * (features - mean[:, None]) ** 2 + death * (square - mean**2)[:, None]
    return energy(features, y, potential, q) + float(np.sum(change)) / (2 * len(y) * m * m)


def particle_limit(
    features: ArrayLike,
    y: ArrayLike,
    potential: ArrayLike,
    mass: ArrayLike,
    rate: float,
    step: float,
    steps: int,
    *,
    drawn: str = "together",
) -> tuple[Array, Array]:
    """Masses [steps + 1, k] of the sites as m → ∞, and m times the covariance [k, k] of those of m at the end.

    Particles stay at their sites and start with exactly the masses p, all positive and of total one. In a step of size
    h they die and are cloned as in `step_energy`. The masses then solve p ← q(p), for h → 0 the replicator equation,
    and C ← J C Jᵀ + D with J = ∂q/∂p and D the covariance of one step's moves. With `drawn="apart"` D is, to first
    order in h, that of births and deaths of which each is followed by a death or birth anywhere.

    Raises ValueError as `energy`, and for a mass that is 0 or a total that is not one.

    >>> masses, covariance = particle_limit([[1.0, -1.0]], [1.0], [0.0, 0.0], [0.5, 0.5], 1.0, 0.01, 2000)
    >>> bool(masses[-1, 0] > 0.95), covariance.shape
    (True, (2, 2))

    Source: `rotskoff2019birth` (the equation), `kampen2007stochastic` (fluctuations).
    """
    features, y, potential, mass = _network(features, y, potential, mass)
    if np.min(mass) <= 0 or abs(mass.sum() - 1) > 1e-9:
        raise ValueError(f"mass must be positive and of total one, got least {mass.min():g} and total {mass.sum():g}")
    _checks.choice("drawn", drawn, ("together", "apart"))
    amount = _checks.number("rate", rate) * _checks.number("step", step, exclusive=True)
    bend = features.T @ features / len(y)
    masses, covariance = [mass], np.zeros((len(mass), len(mass)))
    for _ in range(_checks.integer("steps", steps)):
        p = masses[-1]
        slopes = features.T @ (features @ p - y) / len(y) + potential
        q = reacted(p, slopes, amount)
        # log q_k = log p_k − amount F'_k(p) − log Σ_j p_j exp(−amount F'_j(p))
        jacobian = np.diag(q / p) - q[:, None] * (amount * bend + (q / p - amount * q @ bend)[None])
        excess = amount * (slopes - p @ slopes)
        noise = _together(p, q) if drawn == "together" else _apart(p, excess)
        covariance = jacobian @ covariance @ jacobian.T + noise
        masses.append(q)
    return np.array(masses), covariance


def _odds(mass: Array, q: Array) -> tuple[Array, Array]:
    """(probability of death of a particle at each site, law of the site of a birth)."""
    birth = np.maximum(q - mass, 0)
    total = birth.sum()
    return np.maximum(1 - q / mass, 0), birth / total if total > 0 else mass


def _together(p: Array, q: Array) -> Array:
    """m times the covariance of what one step adds to the masses, each death being a birth."""
    death, birth = _odds(p, q)
    mean = death[:, None] * (birth[None] - np.eye(len(p)))
    return _moves(p[:, None] * death[:, None] * birth[None]) - mean.T @ (p[:, None] * mean)


def _apart(p: Array, excess: Array) -> Array:
    """Return m times the covariance of what one step adds, for births and deaths drawn apart, to first order.

    Particles move from j to k at the rate of deaths at j, and at that of births at k.
    """
    rates = np.maximum(excess, 0)[:, None] + np.maximum(-excess, 0)[None]
    return _moves(p[:, None] * p[None] * rates)


def _moves(flow: Array) -> Array:
    """Σ_jk flow_jk (e_k − e_j)(e_k − e_j)ᵀ."""
    return np.diag(flow.sum(axis=0) + flow.sum(axis=1)) - flow - flow.T


def _network(
    features: ArrayLike, y: ArrayLike, potential: ArrayLike, mass: ArrayLike
) -> tuple[Array, Array, Array, Array]:
    features, y = _checks.array("features", features, ["[n, k]"]), _checks.array("y", y, ["[n]"])
    potential, mass = _checks.array("potential", potential, ["[k]"]), _checks.array("mass", mass, ["[k]"])
    _checks.same("y", len(y), "rows of features", features.shape[0])
    _checks.same("potential", len(potential), "columns of features", features.shape[1])
    _checks.same("mass", len(mass), "columns of features", features.shape[1])
    _positive(mass)
    return features, y, potential, mass


def _positive(mass: Array) -> None:
    if np.min(mass) < 0 or mass.sum() <= 0:
        raise ValueError(f"mass must not be negative, and not 0 in all, got least {mass.min():g}")


_arithmetic.guard(__name__)

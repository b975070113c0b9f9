"""Mean-field Langevin for linear units Φ(θ; x) = θ·x: the law of a cloud of m particles, exact for every m.

With A = XᵀX/n and b = Xᵀy/n the particles feel −(A m̂ − b) − λθ_j, m̂ the mean of the cloud. So m̂ is a Gaussian process
of its own, and deviations from it feel λ alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


@dataclass(frozen=True, eq=False)
class CloudLaw:
    """Moments of a cloud at T times: E m̂ is `mean` [T, d], m Cov m̂ is `fluctuation` [T, d, d], and the covariance
    within the cloud, (1/m) Σ_j (θ_j − m̂)(θ_j − m̂)ᵀ, has mean (1 − 1/m) `spread` [T] times the identity.
    """

    mean: Array
    fluctuation: Array
    spread: Array


def discrete(
    x: ArrayLike,
    y: ArrayLike,
    strength: float,
    temperature: float,
    step: float,
    stops: ArrayLike,
    *,
    mean: ArrayLike,
    deviation: float,
) -> CloudLaw:
    """The law after the steps `stops` of size h, from independent particles N(`mean`, `deviation`² I):

        m ← m − h((A + λ)m − b),  V ← MVM + 2τh, M = I − h(A + λ),  s ← (1 − hλ)² s + 2τh.

    `x` is [n, d], `y` [n], `mean` [d]. Raises ValueError for shapes that disagree, for a strength, step or deviation
    that is not positive, and for a negative temperature.

    >>> law = discrete([[1.0]], [1.0], 0.5, 0.3, 0.4, [0, 1000], mean=[2.0], deviation=1.0)
    >>> law.mean.round(12).tolist()
    [[2.0], [0.666666666667]]
    >>> bool(abs(law.spread[1] - 0.3 / 0.5 / (1 - 0.4 * 0.5 / 2)) < 1e-12)  # not the Gibbs measure's τ/λ
    True

    Source: `meanfield`.
    """
    x, y, strength, temperature, mean, deviation = _problem(x, y, strength, temperature, mean, deviation)
    a, b = x.T @ x / len(x) + strength * np.eye(x.shape[1]), x.T @ y / len(x)
    step = _checks.number("step", step, exclusive=True)
    wanted = [int(stop) for stop in _checks.whole("stops", stops, ["[T]"], maximum=10**7)]
    contraction, noise = np.eye(len(b)) - step * a, 2 * temperature * step
    fluctuation, spread = deviation**2 * np.eye(len(b)), deviation**2
    seen = {}
    for k in range(max(wanted) + 1):
        if k in wanted:
            seen[k] = mean, fluctuation, spread
        mean = contraction @ mean + step * b
        fluctuation = contraction @ fluctuation @ contraction + noise * np.eye(len(b))
        spread = (1 - step * strength) ** 2 * spread + noise
    return CloudLaw(*(np.array(part) for part in zip(*(seen[k] for k in wanted), strict=True)))


def continuous(
    x: ArrayLike,
    y: ArrayLike,
    strength: float,
    temperature: float,
    times: ArrayLike,
    *,
    mean: ArrayLike,
    deviation: float,
) -> CloudLaw:
    """Return the law in continuous time: m' = b − (A + λ)m, V' = −(A + λ)V − V(A + λ) + 2τ, s' = −2λs + 2τ.

    >>> law = continuous([[1.0]], [1.0], 0.5, 0.3, [0.0, 100.0], mean=[2.0], deviation=1.0)
    >>> law.spread.round(12).tolist()
    [1.0, 0.6]

    Raises ValueError as `discrete`, and for negative times. Source: `mei2018mean`.
    """
    x, y, strength, temperature, mean, deviation = _problem(x, y, strength, temperature, mean, deviation)
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    left, sizes, right = np.linalg.svd(x)
    # A direction that no sample has feels λ alone, for all times: rounding must not grow there.
    sizes = np.where(sizes > max(x.shape) * np.finfo(float).eps * sizes[0], sizes, 0.0)
    pull, force = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    pull[: len(sizes)] = sizes**2 / len(x)
    force[: len(sizes)] = sizes * (left.T @ y)[: len(sizes)] / len(x)
    rates = pull + strength
    means = (_decay(times, rates) * (right @ mean) + _reached(times, rates) * force) @ right
    variances = deviation**2 * _decay(times, 2 * rates) + 2 * temperature * _reached(times, 2 * rates)
    spread = deviation**2 * _decay(times, 2 * strength) + 2 * temperature * _reached(times, 2 * strength)
    return CloudLaw(means, np.einsum("ji,tj,jk->tik", right, variances, right), spread)


def _decay(times: Array, rates: Array | float) -> Array:
    return np.exp(-np.multiply.outer(times, rates))


def _reached(times: Array, rates: Array | float) -> Array:
    """∫_0^t e^{−rs} ds = (1 − e^{−rt})/r, without a difference of what is alike."""
    amount = np.multiply.outer(times, rates)
    share = -np.expm1(-amount) / np.where(amount > 0, amount, 1.0)
    return np.where(amount > 0, share, 1.0) * np.multiply.outer(times, np.ones_like(rates))


def _problem(
    x: ArrayLike, y: ArrayLike, strength: float, temperature: float, mean: ArrayLike, deviation: float
) -> tuple[Array, Array, float, float, Array, float]:
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    mean = _checks.array("mean", mean, ["[d]"])
    _checks.same("y", len(y), "x", len(x))
    _checks.same("mean", len(mean), "columns of x", x.shape[1])
    strength = _checks.number("strength", strength, exclusive=True)
    temperature = _checks.number("temperature", temperature)
    return x, y, strength, temperature, mean, _checks.number("deviation", deviation, exclusive=True)


_arithmetic.guard(__name__)

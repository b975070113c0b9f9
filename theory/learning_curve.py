"""Test risk of kernel ridge regression against the number of samples, from the kernel's spectrum.

With eigenvalues λ_ρ of the kernel under the law of inputs, powers p_ρ of the target along its eigenfunctions, noise of
variance s² on the labels and f = K_* (K + nλ)⁻¹ y,

    λ = κ (1 − (1/n) Σ_ρ λ_ρ/(λ_ρ + κ)),        γ = (1/n) Σ_ρ (λ_ρ/(λ_ρ + κ))²,
    E |f − f_*|² = [Σ_ρ p_ρ (κ/(λ_ρ + κ))² + γ s²]/(1 − γ).

Exact for Gaussian features as n and their number grow together; for others an approximation whose error vanishes with
(1/n) Σ λ_ρ/(λ_ρ + λ), the share of samples that the fit uses up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from theory import _arithmetic, _checks
from theory.prediction import Prediction


class LearningCurve(NamedTuple):
    """Numbers of the curve at one number of samples."""

    excess: float
    """E |f − f_*|², without the noise of a test label."""
    ridge: float
    """κ, the strength that infinitely many samples would need for the same bias."""
    used: float
    """γ, the share of samples that the fit uses up."""


def learning_curve(
    eigenvalues: ArrayLike, powers: ArrayLike, samples: int, strength: float, noise: float = 0.0
) -> LearningCurve:
    """The curve at n = `samples`, for λ = `strength` ≥ 0 and labels with noise of standard deviation `noise`.

    `eigenvalues` and `powers` are [P], neither negative; at λ = 0 there must be more positive eigenvalues than samples.
    Raises ValueError otherwise.

    >>> risk, ridge = learning_curve([1.0], [1.0], 10**6, strength=1.0)[:2]  # infinitely many samples: (λ/(1 + λ))²
    >>> round(risk, 3), round(ridge, 3)
    (0.25, 1.0)

    Source: `bordelon2020spectrum`.
    """
    values = _checks.array("eigenvalues", eigenvalues, ["[P]"], minimum=0.0)
    powers = _checks.array("powers", powers, ["[P]"], minimum=0.0)
    _checks.same("powers", len(powers), "eigenvalues", len(values))
    n = _checks.integer("samples", samples)
    strength, noise = _checks.number("strength", strength), _checks.number("noise", noise)
    if strength == 0 and np.count_nonzero(values) <= n:
        raise ValueError(f"strength must be above 0 where samples are as many as eigenvalues, got {n} samples")
    # Only ratios to κ count. Tiny eigenvalues are brought near 1, where logarithms keep their digits.
    exponent = int(np.frexp(max(strength, float(values.max())))[1])
    exponent = exponent if exponent < -300 else 0
    values, strength = np.ldexp(values, -exponent), float(np.ldexp(strength, -exponent))

    positive = values[values > 0]

    def missing(log: float) -> float:
        kappa = np.exp(log)
        if len(positive) > 2 * n:
            return strength / kappa - 1 + float(np.sum(positive / (positive + kappa))) / n
        # About as many eigenvalues as samples: their shares are nearly one each, and what is missing to it counts.
        return strength / kappa + (len(positive) - n - float(np.sum(kappa / (positive + kappa)))) / n

    # κ is above λ, where what is missing is positive, and below λ + Σλ_ρ/n, where it is negative.
    top = strength + float(np.sum(values)) / n
    bottom = strength if strength > 0 else top
    while strength == 0 and missing(np.log(bottom)) <= 0:
        bottom /= 2
    low, high = np.log(bottom), np.log(top) + 1e-9
    # κ is λ to rounding where the eigenvalues are nothing beside it.
    log = low if missing(low) <= 0 else optimize.root_scalar(missing, bracket=(low, high), xtol=1e-14).root
    kappa = float(np.exp(log)) if log > low else bottom
    share = values / (values + kappa)
    used = float(np.sum(share**2)) / n
    # 1 − γ, without the difference: κ's equation says what is left of 1.
    free = strength / kappa + float(np.sum(share * (kappa / (values + kappa)))) / n
    bias = float(np.sum(powers * (kappa / (values + kappa)) ** 2))
    excess = bias / free + (noise * np.sqrt(used / free)) ** 2
    return LearningCurve(float(excess), float(np.ldexp(kappa, exponent)), used)


def sample_exponent(capacity: float, source: float) -> Prediction:
    """−bc/(bc + 1): excess risk in n of ridge regression with λ ∝ n^(−b/(bc+1)) and noisy labels, the best rate.

    `capacity` is b, λ_k ∝ k^−b; `source` is c, the power at eigenvalues below λ being ∝ λ^c, c < 2. At that λ bias
    λ^c and variance λ^(−1/b)/n fall alike. Proved for 1 ≤ c ≤ 2, and for 1/b < c < 1 where eigenfunctions are bounded.
    Raises ValueError for a b or c that is not positive, or a c above 2, where ridge regression saturates.

    >>> sample_exponent(2.0, 1.0).value.__round__(4)
    -0.6667

    Source: `caponnetto2007optimal`, `fischer2020sobolev` (c < 1).
    """
    b, c = _exponents(capacity, source)
    product = min(b * c, 1e300)
    return Prediction(
        -product / (product + 1),
        "slope",
        "excess risk in n → ∞; ridge regression, λ ∝ n^(−b/(bc+1)), noisy labels, λ_k ∝ k^−b, source condition c",
        "caponnetto2007optimal" if c >= 1 else "fischer2020sobolev",
    )


def best_strength(samples: int, capacity: float, source: float, first: float = 1.0) -> float:
    """λ = `first` · n^(−b/(bc+1)), at which bias and variance fall alike; arguments as for `sample_exponent`.

    >>> best_strength(100, 2.0, 1.5)
    0.1
    """
    b, c = _exponents(capacity, source)
    first = _checks.number("first", first, exclusive=True)
    return float(first * _checks.integer("samples", samples) ** (-1 / (c + 1 / b)))


def _exponents(capacity: float, source: float) -> tuple[float, float]:
    b, c = _checks.number("capacity", capacity, exclusive=True), _checks.number("source", source, exclusive=True)
    if c > 2:
        raise ValueError(f"source must be at most 2, where ridge regression saturates, got {c:g}")
    return b, c


_arithmetic.guard(__name__)

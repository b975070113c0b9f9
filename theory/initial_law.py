"""The law of the predictor f = (α/m) Σ_j a_j σ(w_j·x) at initialisation, exact at every width m."""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.activations import ACTIVATIONS, Pairs
from theory.prediction import Prediction


def output_covariance(x: ArrayLike, m: int, scale: float = 1.0, activation: str = "relu") -> Array:
    """Cov(f(x), f(x')) = (α²/m) E σ(w·x)σ(w·x'), a of mean 0 and variance 1, w ~ N(0, I), units independent.

    `x` is [n, d], `scale` is α; the result is [n, n]. Raises ValueError as `conjugate_kernel`, and for m <
    1 or a scale that is not positive.

    >>> output_covariance([[3.0, 4.0]], m=50, scale=2.0)
    array([[1.]])

    Source: `lee2018deep`.
    """
    m = _checks.integer("m", m)
    scale = _checks.number("scale", scale, exclusive=True)
    x = _checks.array("x", x, ["[n, d]"])
    with np.errstate(over="ignore", invalid="ignore"):
        kernel = ACTIVATIONS[_checks.choice("activation", activation, ACTIVATIONS)].conjugate(Pairs(x, x))
        return _checks.in_range("x and scale", scale * scale / m * kernel)


def output_kurtosis(m: int, *, fourth_moment: float = 3.0) -> Prediction:
    """E f⁴/(E f²)² − 3 = (6 E a⁴ − 3)/m for a ReLU network: 15/m for Gaussian a, 3/m for signs.

    Cumulants of independent units add, so the excess kurtosis of f is that of one unit over m; and a unit a
    σ(z) has E a⁴ · ½·3 against (½)². It depends on neither α nor x.

    Raises ValueError if `m` is not a positive integer or `fourth_moment`, E a⁴ with E a² = 1, is below 1.

    >>> output_kurtosis(16).value
    0.9375

    Source: `meanfield`.
    """
    m = _checks.integer("m", m)
    fourth_moment = _checks.number("fourth_moment", fourth_moment, minimum=1.0)
    return Prediction(
        (6 * fourth_moment - 3) / m,
        "=",
        "Excess kurtosis of f(x) at any x ≠ 0 and any α; ReLU, m independent units, w ~ N(0, I), "
        f"a of mean 0, variance 1 and fourth moment {fourth_moment:g}.",
        "meanfield",
    )


_arithmetic.guard(__name__)

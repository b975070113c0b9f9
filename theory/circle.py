"""The circle, where the tangent kernel of ReLU networks is diagonal and its spectrum is a power law in closed form.

Inputs are uniform on the unit circle, w ~ N(0, I), a of mean 0 and variance 1. The kernel depends on the angle alone,

    K(φ) = [2 cos φ (π − φ) + sin φ]/2π,   0 ≤ φ ≤ π,

so its eigenfunctions are 1, cos kθ and sin kθ. A target of source condition c has its power at eigenvalues below λ
fall as λ^c: with λ_k ∝ k^−b, the power at frequency k falls as k^−(bc+1).
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

CAPACITY = 2.0
"""b: the eigenvalues fall as k^−b."""


def kernel(angles: ArrayLike) -> Array:
    """K(φ) at `angles` of any shape (radians), of any size and sign.

    >>> kernel([0.0, np.pi / 2, np.pi, 2 * np.pi]).round(4)
    array([1.    , 0.1592, 0.    , 1.    ])

    Source: `cho2009kernel`, `jacot2018neural`.
    """
    angle = np.abs(np.remainder(_checks.array("angles", angles) + np.pi, 2 * np.pi) - np.pi)
    return (2 * np.cos(angle) * (np.pi - angle) + np.sin(angle)) / (2 * np.pi)


def eigenvalues(frequencies: ArrayLike) -> Array:
    """λ_k = ∫ K(φ) cos kφ dφ/2π over the circle: 1/4 for k = 1, 0 for odd k > 1, (k² + 3)/(π²(k² − 1)²) for even k.

    `frequencies` [K] are whole numbers of either sign. Raises ValueError for others.

    >>> eigenvalues([0, 1, 2, 3, 4]).round(5)
    array([0.30396, 0.25   , 0.07881, 0.     , 0.00856])

    Source: `meanfield`.
    """
    k = np.abs(_checks.array("frequencies", frequencies, ["[K]"]))
    if np.any(k != np.floor(k)):
        raise ValueError(f"frequencies must be whole numbers, got {_checks.shown(frequencies)}")
    even = np.where(k == 1, 0.0, k)  # keeps the pole of the formula out
    return np.where(k == 1, 0.25, np.where(k % 2 == 0, (even**2 + 3) / (np.pi * (even**2 - 1)) ** 2, 0.0))


def source_power(frequencies: ArrayLike, source: float) -> Array:
    """Power of a target at k = 2, 4, 6, …: −d(λ_k^c)/dk up to a factor, so that λ_k^c is what lies above k.

    `frequencies` [K] are even and at least 2; `source` is c > 0. The result, [K], is not normalised. Raises ValueError
    for other frequencies and a c that is not positive.

    >>> (source_power([2, 4], 1.0) / source_power([2], 1.0)).round(4)
    array([1.    , 0.0335])

    Source: `caponnetto2007optimal` (the source condition).
    """
    k = _checks.array("frequencies", frequencies, ["[K]"])
    c = _checks.number("source", source, exclusive=True)
    if np.any((k < 2) | (k % 2 != 0)):
        raise ValueError(f"frequencies must be even and at least 2, got {_checks.shown(frequencies)}")
    return eigenvalues(k) ** c * (4 * k / (k**2 - 1) - 2 * k / (k**2 + 3))


_arithmetic.guard(__name__)

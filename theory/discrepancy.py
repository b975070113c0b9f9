"""The maximum mean discrepancy of two sets of points for a Gaussian kernel, and how points descend it.

With k(z, z') = exp(−|z − z'|²/2ℓ²) the squared discrepancy of μ and ν is ∫∫ k d(μ − ν)². A point of μ that descends
half of it moves by −∇w, w(z) = ∫ k(z, ·) d(μ − ν): that is what a critic of infinitely many random waves makes it do.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


def squared(z: ArrayLike, x: ArrayLike, width: float) -> float:
    """The squared discrepancy of points z [m, d] from points x [n, d], each set of mass one, for a width ℓ.

    >>> round(squared([[0.0]], [[1.0]], 1.0), 6)  # 2 − 2 exp(−1/2)
    0.786939

    Source: `arbel2019maximum`.
    """
    z, x, width = _points(z, x, width)
    both = np.concatenate([z, x])
    weight = np.concatenate([np.full(len(z), 1 / len(z)), np.full(len(x), -1 / len(x))])
    return float(weight @ _kernel(both, both, width) @ weight)


def velocity(z: ArrayLike, x: ArrayLike, width: float) -> Array:
    """−∇w at the points z [m, d], μ being their law and ν that of x [n, d], [m, d].

    >>> velocity([[0.0]], [[1.0]], 1.0).round(6).tolist()  # exp(−1/2) towards the other
    [[0.606531]]

    Source: `arbel2019maximum`.
    """
    z, x, width = _points(z, x, width)
    pulls = [np.einsum("ij,ijd->id", _kernel(z, of, width), of - z[:, None]) / (len(of) * width**2) for of in (x, z)]
    return pulls[0] - pulls[1]


def _kernel(z: Array, x: Array, width: float) -> Array:
    return np.exp(-np.sum((z[:, None] - x) ** 2, axis=2) / (2 * width**2))


def _points(z: ArrayLike, x: ArrayLike, width: float) -> tuple[Array, Array, float]:
    z, x = _checks.array("z", z, ["[m, d]"]), _checks.array("x", x, ["[n, d]"])
    _checks.same("columns of z", z.shape[1], "those of x", x.shape[1])
    return z, x, _checks.number("width", width, exclusive=True)


_arithmetic.guard(__name__)

"""What no method with fixed features can do: learn one neuron of unknown direction from few samples.

Let a predictor lie in a space of n functions that does not depend on the teacher's direction u, as that of kernel
regression on n samples does. Averaged over u, it captures at most n dimensions of the harmonics of degree k, of which
there are N(d, k), and so at most the share n/N(d, k) of the teacher's power at this degree. A lazy network is bound by
this; one that moves its features is not.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from theory import _arithmetic, _checks
from theory._checks import Array


def harmonics(dimension: int, degree: int) -> int:
    """N(d, k): the dimension of the spherical harmonics of degree k on the sphere of R^d, d ≥ 2.

    >>> [harmonics(3, k) for k in range(4)]
    [1, 3, 5, 7]

    Raises ValueError for d below 2 or a negative degree.
    """
    d, k = _checks.integer("dimension", dimension, minimum=2), _checks.integer("degree", degree, minimum=0)
    return math.comb(d + k - 1, k) - (math.comb(d + k - 3, k - 2) if k >= 2 else 0)


def degree_powers(profile: Callable[[Array], Array], dimension: int, degrees: int = 30, nodes: int = 2000) -> Array:
    """Power of g(u·x), x uniform on the sphere of radius √d, in the harmonics of degree 0 … `degrees` − 1.

    `profile` is g, of an array of values. By Gauss's rule in t = u·x/√d; the sum over all degrees is E g². Raises
    ValueError for d below 3.

    >>> degree_powers(lambda z: z, 5, degrees=3).round(12)  # a linear function: all of it at degree 1
    array([0., 1., 0.])
    """
    d = _checks.integer("dimension", dimension, minimum=3)
    order = (d - 2) / 2
    t, weight = special.roots_gegenbauer(_checks.integer("nodes", nodes), order)
    weight = weight / weight.sum()
    values = profile(np.sqrt(d) * t)
    powers = []
    for k in range(_checks.integer("degrees", degrees)):
        basis = special.eval_gegenbauer(k, order, t)
        powers.append(float(weight @ (values * basis)) ** 2 / float(weight @ basis**2))
    return np.array(powers)


def linear_bound(profile: Callable[[Array], Array], dimension: int, samples: int) -> float:
    """Least E ½(f − g(u·x))² over u and x that a predictor in n = `samples` fixed functions can have.

    ½ [E g² − max Σ_k p_k τ_k/N(d, k)] over τ_k ≤ N(d, k), Σ τ_k ≤ n: the dimensions go where a single one captures
    most. Arguments as for `degree_powers`.

    >>> round(linear_bound(lambda z: z, 4, 2), 9)  # 2 of the 4 dimensions of linear functions
    0.25

    Source: `hsu2021approximation`.
    """
    n = _checks.integer("samples", samples)
    powers = degree_powers(profile, dimension)
    counts = np.array([harmonics(dimension, k) for k in range(len(powers))], float)
    t, weight = special.roots_gegenbauer(2000, (dimension - 2) / 2)
    total = float(weight @ profile(np.sqrt(dimension) * t) ** 2 / weight.sum())
    best = np.argsort(-powers / counts, kind="stable")
    spent = np.minimum(np.maximum(n - np.cumsum(counts[best]) + counts[best], 0), counts[best])
    return (total - float(np.sum(powers[best] / counts[best] * spent))) / 2


_arithmetic.guard(__name__)

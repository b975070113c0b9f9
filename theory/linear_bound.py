"""A bound on all methods with fixed features: none learns one neuron of unknown direction from few samples.

Let a predictor lie in a space of n functions that does not depend on the teacher's direction u, as that of kernel
regression on n samples does. Averaged over u, it captures at most n dimensions of the harmonics of degree k, of which
there are N(d, k), and so at most the share n/N(d, k) of the teacher's power at this degree. A lazy network is bound by
this; one that moves its features is not.
"""

import math
from collections.abc import Callable

import numpy as np

from theory import _arithmetic, _checks, _gauss
from theory._checks import Array


def harmonics(dimension: int, degree: int) -> int:
    """N(d, k): the dimension of the spherical harmonics of degree k on the sphere of R^d, d ≥ 2.

    >>> [harmonics(3, k) for k in range(4)]
    [1, 3, 5, 7]

    Raises ValueError for d below 2 or a negative degree.
    """
    d = _checks.integer("dimension", dimension, minimum=2)
    k = _checks.integer("degree", degree, minimum=0, maximum=10_000)
    return math.comb(d + k - 1, k) - (math.comb(d + k - 3, k - 2) if k >= 2 else 0)


def degree_powers(profile: Callable[[Array], Array], dimension: int, degrees: int = 30, nodes: int = 2000) -> Array:
    """Power of g(u·x), x uniform on the sphere of radius √d, in the harmonics of degree 0 … `degrees` − 1.

    `profile` is g, of an array of values. By Gauss's rule in t = u·x/√d; the sum over all degrees is E g². Raises
    ValueError for d below 3.

    >>> degree_powers(lambda z: z, 5, degrees=3).round(12)  # a linear function: all of it at degree 1
    array([0., 1., 0.])
    """
    d = _checks.integer("dimension", dimension, minimum=3)
    nodes, degrees = _checks.integer("nodes", nodes, maximum=10_000), _checks.integer("degrees", degrees)
    if degrees > nodes:
        raise ValueError(f"degrees must be at most the {nodes} nodes, got {degrees}")
    return _powers(profile, d, degrees, nodes)[0]


def linear_bound(profile: Callable[[Array], Array], dimension: int, samples: int) -> float:
    """Least E ½(f − g(u·x))² over u and x that a predictor in n = `samples` fixed functions can have.

    ½ [E g² − max Σ_k p_k τ_k/N(d, k)] over τ_k ≤ N(d, k), Σ τ_k ≤ n: the dimensions go where a single one captures
    most. Arguments as for `degree_powers`.

    >>> round(linear_bound(lambda z: z, 4, 2), 9)  # 2 of the 4 dimensions of linear functions
    0.25

    Source: `hsu2021approximation`.
    """
    d, n = _checks.integer("dimension", dimension, minimum=3), _checks.integer("samples", samples)
    powers, total = _powers(profile, d, 30, 2000)
    # Degrees of 30 and more count as one of 30: the best that samples left over could do.
    powers = np.append(powers, max(total - float(np.sum(powers)), 0.0))
    counts = np.array([float(min(harmonics(d, k), 10**300)) for k in range(len(powers))])
    best = np.argsort(-powers / counts, kind="stable")
    spent = np.minimum(np.maximum(n - np.cumsum(counts[best]) + counts[best], 0), counts[best])
    return max(total - float(np.sum(powers[best] / counts[best] * spent)), 0.0) / 2


def _powers(profile: Callable[[Array], Array], d: int, degrees: int, nodes: int) -> tuple[Array, float]:
    """(power at each degree, E g²) by orthonormal polynomials, whose recurrence stays in float64 for every d."""
    beside = _gauss.gegenbauer((d - 2) / 2, nodes)
    t, weight = _gauss.rule(np.zeros(nodes), beside[:-1])
    try:
        values = _checks.array("values of profile", profile(np.sqrt(d) * t))
    except TypeError as error:
        raise ValueError(f"profile must be a function of one array, got {_checks.shown(profile)}: {error}") from error
    _checks.same("values of profile", values.shape, "its argument", t.shape)
    powers, before, now = [], np.zeros(nodes), np.ones(nodes)
    for k in range(degrees):
        powers.append(float(np.sum(weight * values * now)) ** 2)
        before, now = now, (t * now - (beside[k - 1] * before if k else 0.0)) / beside[k]
    return np.array(powers), float(np.sum(weight * values**2))


_arithmetic.guard(__name__)

r"""An upper bound of the maximum over the sphere, in any dimension.

With k_i = c_i (s₊ − s₋), a convex term (k_i > 0) is c_i σ(t) = c_i (s₊ + s₋)/2 · t + k_i|t|/2, and a concave one is at
most v_i t for any v_i between c_i s₊ and c_i s₋. On the unit ball therefore

    h(u) ≤ |Σ_i v_i z_i| + ½ Σ_convex k_i|u·z_i|,   v_i = c_i (s₊ + s₋)/2 for convex terms,
    Σ_convex k_i|u·z_i| ≤ √(Σ k_i · λ_max(Σ k_i z_i z_iᵀ))  (Cauchy and Schwarz).

Any v within its limits gives a bound; a good one is found by projected descent. Of several outputs the squares add up.
"""

import numpy as np

from meanfield.certificates.slope import Array, Slope, accumulated


def relaxed_maximum(slope: Slope) -> float:
    """A proved upper bound of C, with what rounding can do."""
    slope = slope.reduced()
    if len(slope.c) == 0:
        return 0.0
    if slope.c.ndim == 2:
        bounds = np.array([relaxed_maximum(one) for one in slope.outputs()])
        return float(np.linalg.norm(bounds) * (1 + accumulated(len(bounds) + 8)))
    n, q = slope.z.shape
    largest = max(_relaxed(slope), _relaxed(slope.negative()))
    return float(largest * (1 + 1e-13 * q) + 16 * accumulated(n + q + 8) * slope.lipschitz)


def _relaxed(slope: Slope) -> float:
    one, other = slope.c * slope.above, slope.c * slope.below
    middle, convex = (one + other) / 2, slope.kink > 0
    low, high = np.where(convex, middle, np.minimum(one, other)), np.where(convex, middle, np.maximum(one, other))
    v = _shortest(slope.z, middle, low, high)
    k, z = slope.kink[convex], slope.z[convex]
    if len(k) == 0:
        return float(np.linalg.norm(v @ slope.z))
    # The smaller of the two Gram matrices has the same largest eigenvalue; all of its errors are below 1e-13 q.
    scaled = np.sqrt(k)[:, None] * z
    spectral = np.linalg.norm(scaled, 2)
    return float(np.linalg.norm(v @ slope.z) + np.sqrt(k.sum()) * spectral / 2)


def _shortest(z: Array, v: Array, low: Array, high: Array, steps: int = 300) -> Array:
    """v within its limits that makes |Σ_i v_i z_i| small, by accelerated projected descent."""
    rate = 1 / np.linalg.norm(z, 2) ** 2
    ahead, best = v, v
    for k in range(steps):
        moved = np.clip(ahead - rate * (z @ (ahead @ z)), low, high)
        ahead = moved + k / (k + 3) * (moved - v)
        v = moved
        if np.linalg.norm(v @ z) < np.linalg.norm(best @ z):
            best = v
    return best

"""The maximum over the circle, arc by arc: n hyperplanes cut it into 2n arcs, on each of which h is A·u."""

import math

import numpy as np

from meanfield.certificates.slope import ROUNDOFF, Array, Slope


def planar_maximum(slope: Slope) -> tuple[float, float]:
    """(C as computed, a proved upper bound of C) for rows in the plane or on the line, in O(n log n).

    Around the circle A changes by c_i (s₊ − s₋) z_i where sample i is switched on or off, so one sort and one running
    sum give every A. On an arc the maximum of A·u = |A| cos(angle to A) is at the angle of the arc nearest to A.

    The bound adds what rounding can do. A boundary angle is off by less than 16u (u = 2⁻⁵³), which changes the term of
    its sample by less than 32u|c_i||z_i| times the steepest slope; running sums, with terms of a total size of 7L, are
    taken in blocks, so that each goes through k ≤ 4√(2n) + 8 additions; the direction of A, its length and the cosine
    together cost less than 50uL. The sum is below (7k + 140)uL.
    """
    slope = slope.reduced()
    n = len(slope.c)
    if n == 0:
        return 0.0, 0.0
    z = slope.z if slope.z.shape[1] == 2 else np.column_stack([slope.z, np.zeros(n)])
    direction = np.arctan2(z[:, 1], z[:, 0])
    enter, leave = _wrapped(direction - np.pi / 2), _wrapped(direction + np.pi / 2)
    change = slope.kink[:, None] * z
    # On the arc through −π exactly those samples are on which are switched off before they are switched on.
    first = _running(np.concatenate([slope.below * slope.c[:, None] * z, change[enter > leave]]))[-1]
    angles = np.concatenate([enter, leave])
    order = np.argsort(angles, kind="stable")
    linear = first + _running(np.concatenate([change, -change])[order])
    angles = angles[order]
    half = np.diff(np.append(angles, angles[0] + 2 * np.pi)) / 2
    length, towards = np.hypot(linear[:, 0], linear[:, 1]), np.arctan2(linear[:, 1], linear[:, 0])
    largest = 0.0
    for turn in (0.0, np.pi):  # h and −h
        off = np.maximum(np.abs(_wrapped(towards + turn - angles - half)) - half, 0.0)
        largest = max(largest, float(np.max(length * np.cos(off))))
    margin = (8 * (8 * math.ceil(math.sqrt(2 * n)) + 16) + 200) * ROUNDOFF * slope.lipschitz
    return largest, (largest + margin) * (1 + 4 * ROUNDOFF)


def _running(terms: Array) -> Array:
    """Sums of the first k rows, for every k: within blocks of about √n rows, and over the blocks before."""
    n, width = terms.shape
    side = math.ceil(math.sqrt(n))
    blocks = np.concatenate([terms, np.zeros((side * side - n, width))]).reshape(side, side, width)
    within = np.cumsum(blocks, axis=1)
    before = np.concatenate([np.zeros((1, width)), np.cumsum(within[:-1, -1], axis=0)])
    return (before[:, None] + within).reshape(side * side, width)[:n]


def _wrapped(angle):
    """Return the angle modulo 2π, in [−π, π)."""
    return np.mod(angle + np.pi, 2 * np.pi) - np.pi

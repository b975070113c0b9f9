"""Least squares across the interpolation threshold: risk that diverges where parameters are as many as samples.

The model is linear in its coefficients, f = Φa with features Φ [n, p] of the training samples. Least squares of least
norm is where gradient descent from a = 0 ends. Below p = n it is unique, above it interpolates, and at p = n it passes
through the noise with nothing to choose from.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

FLOOR = 1e-13
"""Singular values below this share of the largest are taken to be zero."""


def isotropic_risk(samples: int, parameters: int, signal: float, noise: float) -> float:
    """E|â − a|² of least squares of least norm for n normal inputs N(0, I_p), exactly: not only as n → ∞.

    y = x·a + N(0, σ²), |a| = r = `signal`, σ = `noise`. For p < n − 1 the errors' part is σ² p/(n − p − 1); for
    p > n + 1 it is σ² n/(p − n − 1), and r²(1 − n/p) of the signal is not seen. Between them the mean is infinite,
    unless there is no noise.

    Raises ValueError for counts below 1 and negative numbers.

    >>> isotropic_risk(10, 4, 2.0, 1.0), isotropic_risk(10, 20, 2.0, 0.0), isotropic_risk(10, 10, 2.0, 1.0)
    (0.8, 2.0, inf)

    Source: `hastie2022surprises` (their limits), `meanfield` (finite n, by the inverse Wishart law's mean).
    """
    n, p = _checks.integer("samples", samples), _checks.integer("parameters", parameters)
    r, sigma = _checks.number("signal", signal), _checks.number("noise", noise)
    unseen = r**2 * max(0.0, 1 - n / p)
    if sigma == 0:
        return unseen
    return float("inf") if abs(n - p) <= 1 else unseen + sigma**2 * min(n, p) / (abs(n - p) - 1)


def least_squares(features: ArrayLike, y: ArrayLike, ridge: float = 0.0) -> Array:
    """argmin |Φa − y|²/(2n) + (λ/2)|a|², of least norm when λ = 0: coefficients [p] for `y` [n], [p, k] for [n, k].

    Raises ValueError for arrays that do not match and a negative `ridge`.

    >>> least_squares([[1.0, 1.0]], [2.0]), least_squares([[1.0, 1.0]], [2.0], ridge=2.0)
    (array([1., 1.]), array([0.5, 0.5]))

    Source: `hastie2022surprises`.
    """
    ridge = _checks.number("ridge", ridge)
    if ridge == 0:
        left, size, right, y = _modes(features, y)
        return right.T @ _scaled(1 / size, left.T @ y)
    features, y = _arrays(features, y)
    n, p = features.shape
    if p > n:  # (ΦᵀΦ + nλ)⁻¹ Φᵀ = Φᵀ (ΦΦᵀ + nλ)⁻¹: the smaller system of the two
        return features.T @ np.linalg.solve(features @ features.T + n * ridge * np.eye(n), y)
    return np.linalg.solve(features.T @ features + n * ridge * np.eye(p), features.T @ y)


def descended(features: ArrayLike, y: ArrayLike, step: float, steps: int, momentum: float = 0.0) -> Array:
    """Coefficients after gradient descent from a = 0 with momentum, in closed form: [p] or [p, k].

    v ← βv + Φᵀ(y − Φa)/n, a ← a + hv. In a mode of singular value s the share c of the limit that is reached follows
    c_{k+1} = c_k + β (c_k − c_{k−1}) + (hs²/n)(1 − c_k), whose matrix is raised to the power `steps`.
    As `steps` grows the result tends to `least_squares` if hs²/n < 2(1 + β) for the largest s.

    Raises ValueError for arrays that do not match, a step that is not positive, a momentum outside [0, 1), and steps
    that are too long.

    >>> descended([[1.0, 0.0]], [2.0], step=0.5, steps=2), descended([[1.0, 0.0]], [2.0], 0.5, 2, momentum=0.5)
    (array([1.5, 0. ]), array([2., 0.]))

    Source: `polyak1964some`.
    """
    h, beta = _checks.number("step", step, exclusive=True), _checks.number("momentum", momentum)
    if beta >= 1:
        raise ValueError(f"momentum must be below 1, got {beta:g}")
    left, size, right, y = _modes(features, y)
    rates = h * size**2 / len(left)
    if rates.size and rates.max() >= 2 * (1 + beta):
        raise ValueError(
            f"step must be below {h * 2 * (1 + beta) / rates.max():.6g}, where descent diverges, got {h:g} "
            "for these features"
        )
    # (share c of the limit, velocity, 1) in each mode: c itself and not 1 − c, so that slow modes lose no digits.
    turn = np.array([[[1 - rate, beta, rate], [-rate, beta, rate], [0, 0, 1]] for rate in rates])
    share = np.linalg.matrix_power(turn, _checks.integer("steps", steps, minimum=0))[:, 0, 2]
    return right.T @ _scaled(share / size, left.T @ y)


def tangent_parameters(particles: int, dimension: int, homogeneous: bool) -> int:
    """How many parameters of the tangent model of m neurons a σ(w·x) count: m d if σ is homogeneous, else m (d + 1).

    The tangent model is linear with the features σ(w·x) and a σ'(w·x) x. If σ(z) = σ'(z) z, as for relu, the first is
    w/a times the second: a neuron has a direction in which its parameters move and its function does not. Interpolation
    starts, and the risk peaks, where this number is that of the samples. Raises ValueError for counts below 1.

    >>> tangent_parameters(10, 3, homogeneous=True), tangent_parameters(10, 3, homogeneous=False)
    (30, 40)

    Source: `meanfield`.
    """
    m, d = _checks.integer("particles", particles), _checks.integer("dimension", dimension)
    return m * (d if homogeneous else d + 1)


def _modes(features: ArrayLike, y: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """(U, s, Vᵀ) without what is zero, and y."""
    features, y = _arrays(features, y)
    left, size, right = np.linalg.svd(features, full_matrices=False)
    kept = size > FLOOR * max(float(size.max()), np.finfo(float).tiny)
    return left[:, kept], size[kept], right[kept], y


def _arrays(features: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    features, y = _checks.array("features", features, ["[n, p]"]), _checks.array("y", y, ["[n]", "[n, k]"])
    _checks.same("y", len(y), "the rows of features", len(features))
    return features, y


def _scaled(factor: Array, modes: Array) -> Array:
    return factor[:, None] * modes if modes.ndim == 2 else factor * modes


_arithmetic.guard(__name__, infinite=("isotropic_risk",))

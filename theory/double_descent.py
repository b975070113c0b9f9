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
    share = _reached(rates, beta, _checks.integer("steps", steps, minimum=0))
    return right.T @ _scaled(share / size, left.T @ y)


def descended_rounding(
    features: ArrayLike,
    tested: ArrayLike,
    y: ArrayLike,
    step: float,
    steps: int,
    momentum: float = 0.0,
    *,
    offset: float = 0.0,
    unit: float = float(np.finfo(float).eps),
) -> float:
    """How far predictions of `descended` on `tested` features can be off by rounding, five standard deviations.

    That is a model and not a worst case: errors of features, ε|Φ| in all, of targets, and of an `offset` of that norm
    that is added to both, are taken for independent in samples and parameters. In a mode of singular value s an error e
    of the residual ends as e min(1/s, Khs/n(1 − β)) in a. An error of Φ turns a residual that stays, |y − Φa|, as well.

    Raises ValueError as `descended`.

    >>> found = descended_rounding([[2.0]], [[1.0]], [4.0], step=0.25, steps=100, unit=1e-8)
    >>> round(found / 1e-8, 6)  # 5 (|Φ||a| + |y|)/s of the residual and 5 |a| of the tested feature
    30.0

    Source: `meanfield`.
    """
    offset, unit = _checks.number("offset", offset), _checks.number("unit", unit)
    a = descended(features, y, step, steps, momentum)
    _, size, right, y = _modes(features, y)
    features, tested = _checks.array("features", features, ["[n, p]"]), _checks.array("tested", tested, ["[m, p]"])
    _checks.same("columns of tested", tested.shape[1], "features", features.shape[1])
    if not len(size):  # no feature, and nothing that is off
        return 0.0
    n, largest = len(features), float(size.max())
    answer = np.minimum(1 / size, steps * step * size / (n * (1 - momentum)))
    residual = (largest * np.linalg.norm(a) + np.linalg.norm(y) + 2 * offset) / np.sqrt(n)
    turned = largest * np.linalg.norm(y - features @ a) / np.sqrt(len(size)) / size
    seen = (tested @ right.T) ** 2
    parts = [np.sqrt(seen @ (answer * error) ** 2) for error in (residual, turned)]
    parts.append(np.linalg.norm(tested, axis=1) * np.linalg.norm(a))
    return 5 * unit * float(np.max(sum(parts)))


def _reached(rates: Array, beta: float, steps: int) -> Array:
    """The share c_K of the limit in modes of these rates r = hs²/n; not 1 − c, so that slow modes lose no digits.

    1 − c_k solves d_{k+1} = (1 + β − r) d_k − β d_{k−1}, whose roots have z₁z₂ = β and (1 − z₁)(1 − z₂) = r. So

        c_K = −[z₁ (1 − z₂)(z₁^K − 1) − z₂ (1 − z₁)(z₂^K − 1)]/(z₁ − z₂),   or   1 − Im[(z − β) z^K]/Im z

    for real roots and complex ones. Where they are closer than 1/K the matrix of the recursion is raised to the power
    K, whose rounding grows as K.
    """
    found = np.empty(len(rates))
    middle, apart = 1 + beta - rates, ((1 - beta**0.5) ** 2 - rates) * ((1 + beta**0.5) ** 2 - rates)
    gap = np.sqrt(np.abs(apart))
    near = gap * steps < 1
    for at in np.flatnonzero(near):
        rate = rates[at]
        turn = np.array([[1 - rate, beta, rate], [-rate, beta, rate], [0, 0, 1]])
        found[at] = np.linalg.matrix_power(turn, steps)[0, 2]
    turning, slow = ~near & (apart < 0), ~near & (apart >= 0)
    root = (middle + 1j * gap)[turning] / 2
    power = beta ** (steps / 2) * np.exp(1j * steps * np.angle(root))
    found[turning] = 1 - ((root - beta) * power).imag / root.imag
    # The root that is larger in size is found without cancellation, and from it the other one, as far as it is from 0.
    first = np.where(middle > 0, middle + gap, middle - gap)[slow] / 2
    positive = middle[slow] > 0
    second = beta / first
    less = np.where(positive, rates[slow] / (1 - second), 1 - first)
    powers = [_power_less_one(one, short, steps) for one, short in ((first, less), (second, 1 - second))]
    found[slow] = -(first * (1 - second) * powers[0] - second * less * powers[1]) / (first - second)
    return found


def _power_less_one(root: Array, less: Array, steps: int) -> Array:
    """z^K − 1 of z = 1 − `less`, exact where `less` is small."""
    small = np.abs(less) < 0.5
    return np.where(small, np.expm1(steps * np.log1p(-np.where(small, less, 0.0))), root**steps - 1)


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

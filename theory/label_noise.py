"""Where noise in the labels leads a network that fits its data: along the minima, towards flat ones.

On the set of networks with f(x_i) = y_i the Hessian of R = (1/n) Σ ½ (f − y)² is (1/n) Σ_i φ_i φ_iᵀ, with the tangent
features φ_i = (∇_θ Φ(θ_j; x_i)/√m)_j in the metric (1/m) Σ_j |θ_j|². Steps η on B samples whose labels get fresh noise
of variance σ² leave, as η → 0, a Gaussian of variance T/2, T = ησ²/B, across that set, and drift along it by
−(T/4) ∇ tr H in a unit of time ηk. As tr H = ∫ V dμ, V(θ) = (1/n) Σ_i |∇_θ Φ(θ; x_i)|², this is the flow of a penalty

    dθ_j/ds = −∇V(θ_j) + Σ_i ν_i ∇_θ Φ(θ_j; x_i),    s = (T/4) ηk,

with multipliers ν that hold f(x_i) fixed: the step, the batch and the variance of the noise enter by s alone.
"""

import itertools
import warnings

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks, _scale
from theory._checks import Array

VELOCITIES = 5_000
"""Evaluations of the velocity before `slow_flow` is given up; a few hundred are usual."""


def features(position: ArrayLike, x: ArrayLike) -> Array:
    """φ [..., n, m, d + 1] of neurons a tanh(w·x): (tanh(w·x), a tanh'(w·x) x)/√m, for θ = (a, w) [..., m, d + 1] and
    x [n, d].

    >>> features([[2.0, 0.0]], [[1.0]]).tolist()
    [[[0.0, 2.0]]]

    Raises ValueError for shapes that disagree. Source: `jacot2018neural`.
    """
    position, x = _problem(position, x)
    return _derivatives(position, x) / np.sqrt(position.shape[-2])


def curvatures(position: ArrayLike, x: ArrayLike) -> Array:
    """Eigenvalues of H = (1/n) Σ φ_i φ_iᵀ other than zero, [..., n], rising: those of the tangent kernel over n, for
    positions [..., m, d + 1].

    >>> curvatures([[2.0, 0.0]], [[1.0]]).tolist()
    [4.0]

    Source: `jacot2018neural`.
    """
    phi = features(position, x)
    rows = phi.reshape(*phi.shape[:-2], -1)
    return np.asarray(np.linalg.eigvalsh(rows @ rows.swapaxes(-1, -2) / rows.shape[-2]), np.float64)


def slow_flow(position: ArrayLike, x: ArrayLike, doses: ArrayLike) -> Array:
    """Positions θ [T, m, d + 1] after the `doses` s = (ησ²/4B) ηk, [T], rising, from θ on.

    Raises ValueError for doses that are negative or fall, and where the features do not span ℝⁿ: then f can't be kept.

    >>> start = np.array([[1.0, 0.5], [0.5, -1.0]])
    >>> end = slow_flow(start, [[1.0]], [0.0, 2.0])[-1]
    >>> bool(curvatures(end, [[1.0]])[0] < curvatures(start, [[1.0]])[0])
    True

    Source: `li2022what`; `blanc2020implicit`.
    """
    position, x = _problem(position, x)
    if position.ndim != 2:
        raise ValueError(f"position must be an array of shape [m, d + 1], got shape {position.shape}")
    doses = _checks.array("doses", doses, ["[T]"], minimum=0.0)
    if np.any(np.diff(doses) < 0):
        raise ValueError(f"doses must not fall, got {_checks.shown(doses.tolist())}")
    values = curvatures(position, x)
    if values[0] <= 1e-12 * values[-1]:
        raise ValueError(
            f"position and x must have features that span all {len(x)} samples, got the eigenvalue {values[0]:g}"
        )
    if doses[-1] < 1e-100:
        # The first order is exact to rounding, and no integrator takes such steps.
        return position + np.multiply.outer(doses, _velocity(position, x))
    # Imported here: scipy.integrate is slow to load, and the moments of linear models do without.
    from scipy.integrate import solve_ivp

    calls = itertools.count()

    def velocity(_, flat: Array) -> Array:
        if next(calls) > VELOCITIES:
            raise ValueError(f"doses, position and x must be of a size to integrate over, got doses to {doses[-1]:g}")
        return _velocity(flat.reshape(position.shape), x).ravel()

    times, inverse = np.unique(doses, return_inverse=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lsoda")  # it is told below
        found = solve_ivp(
            velocity, (0.0, times[-1]), position.ravel(), t_eval=times, method="LSODA", rtol=1e-8, atol=1e-10
        )
    if not found.success:
        raise ValueError(f"doses, position and x must be of a size to integrate over, got doses to {doses[-1]:g}")
    return found.y.T.reshape(len(times), *position.shape)[inverse]


def _velocity(position: Array, x: Array) -> Array:
    z = x @ position[:, 1:].T
    value, flat = np.tanh(z), _scale.bell(z)
    a, length = position[:, 0], np.sum(x**2, axis=1)[:, None]
    outer = np.mean(2 * a * flat**2 * length, axis=0)
    inner = (2 * value * flat - 4 * a**2 * length * value * flat**2).T @ x / len(x)
    gradient = np.concatenate([outer[:, None], inner], axis=1)
    phi = _derivatives(position, x)
    rows = phi.reshape(len(x), -1)
    held = np.linalg.solve(rows @ rows.T, rows @ gradient.ravel())
    return np.einsum("i,imp->mp", held, phi) - gradient


def _derivatives(position: Array, x: Array) -> Array:
    """∇_θ Φ(θ_j; x_i), [..., n, m, d + 1]."""
    z = x @ position[..., 1:].swapaxes(-1, -2)
    slope = position[..., None, :, 0] * _scale.bell(z)
    return np.concatenate([np.tanh(z)[..., None], slope[..., None] * x[:, None, :]], axis=-1)


def _problem(position: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    position, x = _checks.array("position", position), _checks.array("x", x, ["[n, d]"])
    if position.ndim < 2:
        raise ValueError(f"position must be an array of shape [..., m, d + 1], got shape {position.shape}")
    _checks.same("columns of position", position.shape[-1], "one more than x", x.shape[1] + 1)
    return position, x


_arithmetic.guard(__name__)

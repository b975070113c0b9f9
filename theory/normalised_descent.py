"""Rounding in heavy-ball descent of a network of normalised neurons, f(x) = (1/m) Σ_j a_j σ(w_j·x/|w_j|).

Two computations of one path, in other coordinates or another order, differ by what rounding adds in each step and the
dynamics carry on: e_{t+1} = J_t e_t + δ_t. To first order in the unit roundoff

    |e_t| ≤ Σ_s ‖J_{t−1} … J_{s+1}‖ |δ_s| ≤ √(2t tr Q_t),  Q_{t+1} = J_t Q_t J_tᵀ + |δ_t|² (two parts a step),

by the inequality of Cauchy and Schwarz. J_t follows the path, so that the bound grows where descent is unstable. It
holds for any order of summation, and is loose: rounding errors are taken to add up in the worst way.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array

_FUNCTIONS = {
    "tanh": (np.tanh, _scale.bell),
    "erf": (special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(float)),
}

STEEPEST = 1.2
"""Bound on |σ'|, |σ''| and |σ(z)|/(1 + |z|) of these activations."""

ACTIVATIONS = tuple(_FUNCTIONS)


class Path(NamedTuple):
    """Descent with weight decay: what the analysis has to know of it."""

    position: Array
    """θ_t = (a, w), [T + 1, m, 1 + d]."""
    buffer: Array
    """η_{t−1} v_t, what was last subtracted, [T + 1, m, 1 + d]."""
    x: Array
    """Samples of each step, [T, n, d]."""
    y: Array
    """Their targets, [T, n]."""
    rates: Array
    """η_t, [T]."""
    momentum: float
    """γ."""
    decay: float
    """λ, of input weights."""


def outputs(theta: ArrayLike, x: ArrayLike, activation: str = "tanh") -> Array:
    """f(x_i) = (1/m) Σ_j a_j σ(w_j·x_i/|w_j|), [..., n], for θ = (a, w) of shape [..., m, 1 + d] and x [..., n, d].

    Raises ValueError for an unknown activation.

    >>> outputs([[2.0, 3.0, 4.0], [0.0, 1.0, 1.0]], [[1.0, 0.5]], "relu").tolist()
    [1.0]

    Source: meanfield.
    """
    theta, x = _checks.array("theta", theta), _checks.array("x", x)
    sigma, _ = _FUNCTIONS[_checks.choice("activation", activation, ACTIVATIONS)]
    return _forward(theta, x, sigma)[1]


def gradient(theta: ArrayLike, x: ArrayLike, y: ArrayLike, activation: str = "tanh") -> Array:
    """m ∇_{θ_j} (1/n) Σ_i ½ (f(x_i) − y_i)², [..., m, 1 + d], for θ = (a, w) of that shape, x [..., n, d], y [..., n].

    It is (1/n) Σ_i r_i σ(z) in a, and (a/n|w|) Σ_i r_i σ'(z)(x_i − z w/|w|) in w, z = w·x/|w|.

    Raises ValueError for an unknown activation.

    >>> gradient([[1.0, 2.0, 0.0]], [[0.5, 1.0]], [0.0], "relu").tolist()
    [[0.25, 0.0, 0.25]]

    Source: meanfield.
    """
    theta, x, y = (_checks.array(name, value) for name, value in (("theta", theta), ("x", x), ("y", y)))
    sigma, slope = _FUNCTIONS[_checks.choice("activation", activation, ACTIVATIONS)]
    a, w = theta[..., :1], theta[..., 1:]
    norm = _scale.lengths(w)
    z, f = _forward(theta, x, sigma)
    r = (f - y)[..., None, :]
    pushed = r * slope(z)
    n = x.shape[-2]
    inner = pushed @ x - np.sum(pushed * z, axis=-1, keepdims=True) * w / norm
    return np.concatenate([np.mean(r * sigma(z), axis=-1, keepdims=True), a * inner / (n * norm)], axis=-1)


def rounding_bound(path: Path, factors: ArrayLike, roundoff: float, activation: str = "tanh") -> Array:
    """How far θ_t and (ã, c_t w̃)_t of the equivalent descent without decay may be apart by rounding, [T + 1].

    `factors` are its c_t, [T + 1], and `roundoff` is half the distance from 1 to the next number. Counted are the
    operations of both descents, of all particles together (Euclidean norm). Infinite where it leaves float64.

    Raises ValueError for shapes that do not match or a roundoff that is not positive.

    >>> theta = np.full((3, 2, 2), 0.5)
    >>> path = Path(theta, 0 * theta, np.ones((2, 1, 1)), np.ones((2, 1)), np.full(2, 0.1), 0.0, 0.1)
    >>> bound = rounding_bound(path, [1.0, 0.99, 0.98], roundoff=1e-16)
    >>> bool(np.all(np.diff(bound) > 0) and bound[-1] < 1e-12)
    True

    Source: meanfield.
    """
    c, path = _checks.array("factors", factors, ["[T + 1]"]), _checked(path)
    _checks.same("factors", len(c), "path", len(path.position))
    eps = _checks.number("roundoff", roundoff, exclusive=True)
    steps, p = len(path.rates), path.position[0].size
    size = np.linalg.norm(path.position.reshape(steps + 1, p), axis=1)
    errors = eps * _local_errors(path, np.abs(c))
    curvature = _curvature(path, activation)
    decayed = np.zeros(path.position[0].shape)
    decayed[:, 1:] = path.decay
    carried = np.zeros((2 * p, 2 * p))
    bound = [3 * eps * size[0]]
    for t in range(steps):
        before = path.rates[max(t - 1, 0)]
        step = path.rates[t] * (curvature[t] + np.diag(decayed.ravel()))
        kept = path.momentum * path.rates[t] / before * np.eye(p)
        jacobian = np.block([[np.eye(p) - step, -kept], [step, kept]])
        moved, pushed = errors[t] ** 2
        added = np.array([[moved + pushed, -pushed], [-pushed, pushed]])
        carried = jacobian @ carried @ jacobian.T + np.kron(added, np.eye(p))
        bound.append(np.sqrt(2 * (t + 1) * np.trace(carried[:p, :p])) + 3 * eps * size[t + 1])
    return np.nan_to_num(bound, nan=np.inf, posinf=np.inf)


def prediction_bound(theta: ArrayLike, bound: ArrayLike, x: ArrayLike, roundoff: float) -> Array:
    """How far the outputs of the two networks may be apart at any row of x [n, d], [T + 1].

    `theta` are the positions [T + 1, m, 1 + d], and `bound` [T + 1] is that of `rounding_bound`. Raises ValueError for
    a roundoff that is not positive.

    >>> bool(prediction_bound(np.ones((1, 1, 2)), [1e-12], np.ones((1, 1)), roundoff=1e-16)[0] < 1e-11)
    True

    Source: meanfield.
    """
    theta, x, apart = _checks.array("theta", theta), _checks.array("x", x), _checks.array("bound", bound, infinite=True)
    eps = _checks.number("roundoff", roundoff, exclusive=True)
    m, reach = theta.shape[1], 1 + np.linalg.norm(x, axis=1).max()
    a, norm = np.abs(theta[..., 0]), np.linalg.norm(theta[..., 1:], axis=-1)
    steep = np.maximum(1, np.max(a / norm, axis=-1))
    operations = m + 4 * x.shape[1] + 60
    return STEEPEST * reach * (apart * steep / np.sqrt(m) + operations * eps * a.mean(axis=-1))


def _checked(path: Path) -> Path:
    position = _checks.array("position of path", path.position, ["[T + 1, m, 1 + d]"])
    buffer = _checks.array("buffer of path", path.buffer, ["[T + 1, m, 1 + d]"])
    x, y = _checks.array("x of path", path.x, ["[T, n, d]"]), _checks.array("y of path", path.y, ["[T, n]"])
    rates = _checks.array("rates of path", path.rates, ["[T]"])
    steps, samples, d = x.shape
    _checks.same("position of path", position.shape[::2], "x of path", (steps + 1, d + 1))
    _checks.same("buffer of path", buffer.shape, "position of path", position.shape)
    _checks.same("y of path", y.shape, "x of path", (steps, samples))
    _checks.same("rates of path", len(rates), "x of path", steps)
    momentum = _checks.number("momentum of path", path.momentum)
    return Path(position, buffer, x, y, rates, momentum, _checks.number("decay of path", path.decay))


def _forward(theta: Array, x: Array, sigma) -> tuple[Array, Array]:
    """(w·x/|w| [..., m, n], f [..., n])."""
    w = theta[..., 1:]
    z = w / _scale.lengths(w) @ np.swapaxes(x, -1, -2)
    return z, np.mean(theta[..., :1] * sigma(z), axis=-2)


def _local_errors(path: Path, c: Array) -> Array:
    """Errors in units of roundoff that one step of both descents adds to θ and to what is subtracted, [T, 2].

    In the equivalent descent all is larger by what c changes in a step; its buffer is that of another momentum.
    """
    theta, x = path.position[:-1], path.x
    n, d = x.shape[1:]
    size = np.linalg.norm(theta, axis=(1, 2))
    change = np.maximum(c[1:] / c[:-1], c[:-1] / c[1:])
    change = np.maximum(change, np.concatenate([change[:1], change[:-1]]))
    kept = path.momentum * np.maximum(1, change**2)
    subtracted = np.linalg.norm(path.buffer, axis=(1, 2))
    largest = change**2 * (subtracted[:-1] + subtracted[1:] + (change - 1) * size)
    reach = 1 + np.linalg.norm(x, axis=2)
    a, norm = np.abs(theta[..., 0]), np.linalg.norm(theta[..., 1:], axis=2)
    residual = STEEPEST * a.mean(axis=1)[:, None] * reach + np.abs(path.y)
    pushed = STEEPEST * np.mean(residual * reach**2, axis=1)
    slopes = np.sqrt(np.sum(pushed[:, None] ** 2 * (1 + (a / norm) ** 2), axis=1))
    operations = n + theta.shape[1] + 6 * d + 60
    moved = 4 * change * size
    computed = 2 * change * path.rates * operations * slopes + 3 * path.rates * path.decay * size
    return np.column_stack([moved, 12 * (1 + kept) * largest + computed + (change - 1) * moved])


def _curvature(path: Path, activation: str, width: float = 1e-6) -> Array:
    """Derivative of the gradients along the path, [T, P, P] with P = m (1 + d), by central differences."""
    theta = path.position[:-1]
    shape = theta.shape[1:]
    rows = []
    for k in range(theta[0].size):
        shift = np.zeros(theta[0].size)
        shift[k] = width
        up, down = (gradient(theta + way * shift.reshape(shape), path.x, path.y, activation) for way in (1, -1))
        rows.append((up - down).reshape(len(theta), -1) / (2 * width))
    return np.stack(rows, axis=2)


_arithmetic.guard(__name__, infinite=("rounding_bound", "prediction_bound"))

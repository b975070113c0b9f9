"""Rounding in heavy-ball descent of a network of normalised neurons, f(x) = (1/m) Σ_j a_j σ(w_j·x/|w_j|).

Two computations of one path, in other coordinates or another order, differ by what rounding adds in each step and the
dynamics carry on: e_{t+1} = J_t e_t + δ_t. Rounding errors are taken to be independent, of mean zero and uniform within
the roundoff u, so that an operation with the result z adds the variance (u z)²/3. Then e_t has the covariance

    Q_{t+1} = J_t Q_t J_tᵀ + E δ_t δ_tᵀ,

and |e_t| is below `DEVIATIONS` times √(tr Q_t). J_t follows the path, so that this grows where descent is unstable. A
worst case would be a thousand times larger, and would hide a real difference of that size. The model is checked by
descents in single precision beside the same in double.
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

_BENDS = {
    "tanh": lambda z: -2 * np.tanh(z) * _scale.bell(z),
    "erf": lambda z: -4 / np.sqrt(np.pi) * z * np.exp(-(z**2)),
    "relu": np.zeros_like,
}
"""Second derivatives."""

DEVIATIONS = 6.0
"""How many standard deviations a bound on rounding is: a normal number is beyond with probability 2e-9."""

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


def rounding_covariance(path: Path, factors: ArrayLike, roundoff: float, activation: str = "tanh") -> Array:
    """Covariance of what rounding adds to the difference of θ_t and (ã, c_t w̃)_t, [T + 1, P, P], P = m (1 + d).

    (ã, w̃) is the equivalent descent without decay; `factors` are its c_t, [T + 1], and `roundoff` is half the distance
    from 1 to the next number. Counted are the operations of both descents and of c_t w̃_t. Infinite where it leaves
    float64.

    Raises ValueError for shapes that do not match, a factor that is zero or a roundoff that is not positive.

    >>> theta = np.full((3, 2, 2), 0.5)
    >>> path = Path(theta, 0 * theta, np.ones((2, 1, 1)), np.ones((2, 1)), np.full(2, 0.1), 0.0, 0.1)
    >>> spread = np.sqrt(np.trace(rounding_covariance(path, [1.0, 0.99, 0.98], 1e-16), axis1=1, axis2=2))
    >>> bool(np.all(np.diff(spread) > 0) and 1e-17 < spread[-1] < 1e-15)
    True

    Source: meanfield.
    """
    c, path = _checks.array("factors", factors, ["[T + 1]"]), _checked(path)
    _checks.same("factors", len(c), "path", len(path.position))
    if np.any(c == 0):
        raise ValueError(f"factors must not be zero, got 0 at index {int(np.flatnonzero(c == 0)[0])}")
    unit = _checks.number("roundoff", roundoff, exclusive=True) ** 2 / 3
    shape, p = path.position.shape[1:], path.position[0].size
    # The weights of the equivalent descent change by another factor in a step; those of the output do not.
    relative = np.ones((len(c) - 1, *shape))
    relative[..., 1:] = (c[:-1] / c[1:])[:, None, None]
    curvature, pushed = _curvature(path, activation), _gradient_variance(path, activation)
    decayed = np.zeros(shape)
    decayed[:, 1:] = path.decay
    carried = np.zeros((2 * p, 2 * p))
    # Where the other one starts with a buffer, it is rounded a few times.
    carried[p:, p:] = 4 * unit * np.diag(((relative[0] - 1) * path.position[0]).ravel() ** 2)
    found = [np.zeros((p, p))]
    for t, rate in enumerate(path.rates):
        step = rate * (curvature[t] + np.diag(decayed.ravel()))
        kept = path.momentum * rate / path.rates[max(t - 1, 0)]
        jacobian = np.block([[np.eye(p) - step, -kept * np.eye(p)], [step, kept * np.eye(p)]])
        carried = jacobian @ carried @ jacobian.T
        before, moved = path.buffer[t], path.buffer[t + 1]
        (past, theta, after), q = (path.position[k] for k in (max(t - 1, 0), t, t + 1)), relative[t]
        # Of γ v, λ θ, both sums, the product with the rate; without decay, where the rate itself is rounded, no λ θ.
        last = relative[max(t - 1, 0)]
        own = (kept * before) ** 2 + 2 * (rate * decayed * theta) ** 2 + 2 * moved**2
        other = (kept * (before + (1 / last - 1) * past)) ** 2 + 4 * (moved + (1 / q - 1) * theta) ** 2
        both = (own + other + 2 * rate**2 * pushed[t]).ravel()
        # θ − b is rounded in both; in the other coordinates this is a change of the buffer, too.
        new, turned = after.ravel() ** 2, (q - 1).ravel()
        added = [[both + 2 * new, turned * new - both], [turned * new - both, both + turned**2 * new]]
        carried += unit * np.block([[np.diag(part) for part in row] for row in added])
        found.append(carried[:p, :p] + 2 * unit * np.diag(new))
    return np.nan_to_num(found, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def rounding_bound(covariance: ArrayLike) -> Array:
    """`DEVIATIONS` times √tr Q_t for covariances Q [T + 1, P, P]: how far apart rounding drives parameters, [T + 1].

    >>> rounding_bound(np.eye(4)[None] * 1e-32).tolist()
    [1.2e-15]

    Source: meanfield.
    """
    return DEVIATIONS * np.sqrt(np.trace(_checks.array("covariance", covariance, infinite=True), axis1=-2, axis2=-1))


def prediction_bound(
    theta: ArrayLike, covariance: ArrayLike, x: ArrayLike, roundoff: float, activation: str = "tanh"
) -> Array:
    """How far rounding drives apart the outputs at the rows of x [n, d], the largest, [T + 1].

    `theta` are the positions [T + 1, m, 1 + d], and `covariance` is that of `rounding_covariance`; each output is
    computed twice. Raises ValueError for a roundoff that is not positive.

    >>> theta, x = np.ones((1, 1, 2)), np.ones((1, 1))
    >>> bool(1e-16 < prediction_bound(theta, np.zeros((1, 2, 2)), x, roundoff=1e-16)[0] < 1e-14)
    True

    Source: meanfield.
    """
    theta, x = _checks.array("theta", theta), _checks.array("x", x, ["[n, d]"])
    spread = _checks.array("covariance", covariance, infinite=True)
    unit = _checks.number("roundoff", roundoff, exclusive=True) ** 2 / 3
    _, slope = _FUNCTIONS[_checks.choice("activation", activation, tuple(_FUNCTIONS))]
    sigma = _FUNCTIONS[activation][0]
    w, norm = theta[..., 1:], _scale.lengths(theta[..., 1:])
    z, _ = _forward(theta, x, sigma)
    across = x - z[..., None] * (w / norm)[..., None, :]
    into = (theta[..., :1] / norm * slope(z))[..., None] * across
    by = np.concatenate([sigma(z)[..., None], into], axis=-1) / theta.shape[-2]
    by = np.swapaxes(by, -3, -2).reshape(*theta.shape[:-2], len(x), -1)
    variance = np.einsum("...np,...pq,...nq->...n", by, spread, by) + 2 * unit * _output_variance(theta, x, activation)
    return DEVIATIONS * np.nan_to_num(np.sqrt(variance.max(axis=-1)), nan=np.inf, posinf=np.inf)


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


def _output_variance(theta: Array, x: Array, activation: str) -> Array:
    """Variance of f(x_i) by rounding, in units of (roundoff)²/3, [..., n]: of z, σ, the products, and the sum."""
    sigma, slope = _FUNCTIONS[activation]
    z, f = _forward(theta, x, sigma)
    a, m = theta[..., :1], theta.shape[-2]
    reach = np.sum(x**2, axis=-1)[..., None, :]  # no term of w·x/|w| is larger, and no partial sum by much
    terms = (a * slope(z)) ** 2 * 4 * reach + 6 * (a * sigma(z)) ** 2
    return np.sum(terms, axis=-2) / m**2 + f**2


def _gradient_variance(path: Path, activation: str) -> Array:
    """Variance of gradients along the path by rounding, in units of (roundoff)²/3, [T, m, 1 + d]."""
    theta, x = path.position[:-1], path.x
    sigma, slope = _FUNCTIONS[activation]
    a, w, n = theta[..., :1], theta[..., 1:], x.shape[-2]
    norm = _scale.lengths(w)
    z, f = _forward(theta, x, sigma)
    r = f - path.y
    left = (_output_variance(theta, x, activation) + r**2)[:, None]
    r, reach = r[:, None], np.sum(x**2, axis=-1)[:, None]
    outputs = sigma(z) ** 2 * left + (r * slope(z)) ** 2 * 4 * reach + 6 * (r * sigma(z)) ** 2
    pushed = slope(z) ** 2 * left + (r * _BENDS[activation](z)) ** 2 * 4 * reach + 6 * (r * slope(z)) ** 2
    direction = w / norm
    across = x[:, None] - z[..., None] * direction[..., None, :]
    parts = x[:, None] ** 2 + (3 * z[..., None] ** 2 + 4 * reach[..., None]) * direction[..., None, :] ** 2
    inner = np.sum(pushed[..., None] * across**2 + ((r * slope(z)) ** 2)[..., None] * parts, axis=-2)
    return np.concatenate([outputs.sum(axis=-1, keepdims=True), (a / norm) ** 2 * inner], axis=-1) / n**2


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


_arithmetic.guard(__name__, infinite=("rounding_covariance", "rounding_bound", "prediction_bound"))

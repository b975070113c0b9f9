"""How long a two-layer network takes to leave the saddle at θ = 0, f(x) = (1/m) Σ_j a_j σ(w_j·x) with σ(0) = 0.

Near the origin f is small and neurons do not feel one another: θ_j' = A θ_j with A = σ'(0) [[0, gᵀ], [g, 0]] and
g = (1/n) Σ_i y_i x_i, whose eigenvalues are ±λ, λ = |σ'(0) g|, and 0. What a start has in the unstable direction
grows as exp(λt), and a start of size ε leaves at

    T = (1/λ) log(1/ε) + const + O(ε),

the constant being that of the path on the unstable manifold. For relu the origin is no differentiable point: the
velocity is homogeneous of degree one, for targets y ≥ 0 each neuron turns to a local maximum of
h(u) = (1/n) Σ_i y_i relu(u·x_i) on the sphere, and grows at the rate h(u) there. Noise of temperature τ does what a
start of size √(τ/λ) would do, in a random direction.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _cells, _checks, _scale
from theory._checks import Array

_LOG2 = np.log(2.0)
_FUNCTIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, _scale.bell),
    "linear": (lambda z: z, np.ones_like),
    "softplus": (lambda z: np.logaddexp(0, z) - _LOG2, special.expit),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(float)),
    "squared_relu": (lambda z: np.maximum(z, 0.0) ** 2, lambda z: 2 * np.maximum(z, 0.0)),
}

ACTIVATIONS = tuple(_FUNCTIONS)
"""Of these softplus is shifted, log(1 + exp z) − log 2, so that the origin is critical."""

SMOOTH = ("tanh", "linear", "softplus")


class Mode(NamedTuple):
    """The unstable direction of one neuron at the origin."""

    rate: float
    """λ."""
    direction: Array
    """(1, ĝ)/√2, [1 + d]."""


def origin_mode(x: ArrayLike, y: ArrayLike, activation: str = "tanh") -> Mode:
    """λ = σ'(0) |g| and the direction (1, ĝ)/√2 that grows at this rate, for inputs [n, d] and targets [n].

    Raises ValueError for an activation that is not smooth, or g = 0.

    >>> rate, direction = origin_mode([[3.0, 4.0]], [1.0], "softplus")
    >>> rate, (direction * np.sqrt(2)).round(12).tolist()
    (2.5, [1.0, 0.6, 0.8])

    Source: meanfield.
    """
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "x", len(x))
    slope = _FUNCTIONS[_checks.choice("activation", activation, SMOOTH)][1](np.zeros(1))[0]
    (x, power), (y, power_y) = _scale.scaled(x), _scale.scaled(y)
    g = y @ x / len(x)
    size = np.linalg.norm(g)
    if size == 0:
        raise ValueError("y must be correlated with x, got a mean of y x that is zero")
    return Mode(math.ldexp(float(slope * size), power + power_y), np.append(1.0, g / size) / np.sqrt(2))


def relu_rates(x: ArrayLike, y: ArrayLike) -> Array:
    """h at its local maxima on the sphere, from the largest, [k], h(u) = (1/n) Σ_i y_i relu(u·x_i) with targets y ≥ 0.

    In each cone of the arrangement of samples h is linear, h(u) = G·u; as h is convex, its maxima are where G/|G| lies
    in its own cone. Raises ValueError for negative targets, or a sample that is zero.

    >>> relu_rates([[3.0, 4.0], [-1.0, 0.0]], [1.0, 1.0]).tolist()
    [2.5, 0.5]

    Source: meanfield.
    """
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"], minimum=0.0)
    _checks.same("y", len(y), "x", len(x))
    if not np.all(np.any(x != 0, axis=1)):
        raise ValueError("x must not hold a sample that is zero")
    on = _cells.patterns(_scale.scaled_rows(x)[0])
    (x, power), (y, power_y) = _scale.scaled(x), _scale.scaled(y)
    slopes = (on * y) @ x / len(x)
    sizes = np.linalg.norm(slopes, axis=1)
    inside = np.all((slopes @ x.T > 0) == on, axis=1)
    return np.ldexp(np.sort(sizes[inside & (sizes > 0)])[::-1], power + power_y)


def step_rate(rate: float, step: float, order: int = 4) -> float:
    """log(R(hλ))/h, at which steps of Euler's method (order 1) or of Runge and Kutta's (4) grow instead of λ.

    Raises ValueError for numbers that are not positive or another order.

    >>> round(step_rate(1.0, 0.1, order=1), 4), round(step_rate(1.0, 0.1), 6)
    (0.9531, 0.999999)

    Source: meanfield.
    """
    lam, h = _checks.number("rate", rate, exclusive=True), _checks.number("step", step, exclusive=True)
    order, log = _order(order), math.log(lam) + math.log(h)
    if log < -100:  # R(z) = e^z to rounding
        return lam
    if log > 100:  # R(z) is its last term
        return (order * log - math.log(math.factorial(order))) / h
    z = lam * h
    return float(np.log1p(z if order == 1 else z * (1 + z / 2 * (1 + z / 3 * (1 + z / 4))))) / h


def velocity(theta: ArrayLike, x: ArrayLike, y: ArrayLike, activation: str = "tanh") -> Array:
    """−m ∇_{θ_j} (1/n) Σ_i ½ (f(x_i) − y_i)², of the shape [..., m, 1 + d] of θ = (a, w).

    Raises ValueError for an unknown activation.

    >>> velocity([[1.0, 2.0]], [[1.0]], [1.0], "linear").tolist()
    [[-2.0, -1.0]]

    Source: meanfield.
    """
    theta, x, y = _checks.array("theta", theta), _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    return _velocity(theta, x, y, *_FUNCTIONS[_checks.choice("activation", activation, ACTIVATIONS)])


def risk(theta: ArrayLike, x: ArrayLike, y: ArrayLike, activation: str = "tanh") -> Array:
    """(1/n) Σ_i ½ (f(x_i) − y_i)², [...], of networks [..., m, 1 + d].

    Raises ValueError for an unknown activation.

    >>> float(risk([[1.0, 2.0]], [[1.0]], [1.0], "linear"))
    0.5

    Source: meanfield.
    """
    theta, x, y = _checks.array("theta", theta), _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    sigma = _FUNCTIONS[_checks.choice("activation", activation, ACTIVATIONS)][0]
    f = np.mean(theta[..., :1] * sigma(theta[..., 1:] @ x.T), axis=-2)
    return np.mean((f - y) ** 2, axis=-1) / 2


def exit_times(
    theta: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    step: float,
    activation: str = "tanh",
    *,
    order: int = 4,
    share: float = 0.05,
    most: int = 100_000,
) -> Array:
    """When the risk has fallen by a share of the origin's, for starts [R, m, 1 + d]: [R], infinite after `most` steps.

    Steps are those of the classical Runge–Kutta method, or of Euler's for `order` 1; between them the logarithm of what
    the risk has fallen by is interpolated. Raises ValueError for a step that is not positive or another order.

    >>> x, y = np.eye(2), np.ones(2)
    >>> mode = origin_mode(x, y)
    >>> first, second = exit_times(np.array([[[1e-3]], [[1e-5]]]) * mode.direction, x, y, 0.05)
    >>> bool(abs(mode.rate * (second - first) - np.log(100)) < 1e-5)
    True

    Source: meanfield.
    """
    theta, x, y = _checks.array("theta", theta, ["[R, m, 1 + d]"]), _checks.array("x", x), _checks.array("y", y)
    h, count = _checks.number("step", step, exclusive=True), _checks.integer("most", most)
    _order(order)
    functions = _FUNCTIONS[_checks.choice("activation", activation, ACTIVATIONS)]
    # What the risk has fallen by is a difference, known to rounding of the whole.
    share, full = _checks.number("share", share, minimum=1e-9), float(np.mean(y**2)) / 2
    if share * full == 0:
        raise ValueError("y must not vanish, got a risk of 0 at the origin")
    fallen, goal = [full - risk(theta, x, y, activation)], share * full
    for _ in range(count):
        k = _velocity(theta, x, y, *functions)
        if order == 4:
            total = k
            for part, weight in ((0.5, 2), (0.5, 2), (1.0, 1)):
                k = _velocity(theta + part * h * k, x, y, *functions)
                total = total + weight * k
            k = total / 6
        theta = theta + h * k
        fallen.append(full - risk(theta, x, y, activation))
        # Two steps more than are needed, for the interpolation.
        if len(fallen) > 3 and np.all(np.max(fallen[:-2], axis=0) >= goal):
            break
    return crossings(h * np.arange(len(fallen)), np.array(fallen).T, goal)


def crossings(times: ArrayLike, values: ArrayLike, goal: float) -> Array:
    """When rows of values [R, T] first reach the goal, by cubic interpolation of t in their logarithm; else infinite.

    Values that are not positive count as very small; where two of the four next to the goal are equal, it is the first
    time at which it is reached. Raises ValueError for shapes that do not match, or fewer than four
    times.

    >>> t = np.linspace(0, 3, 31)
    >>> round(float(crossings(t, np.exp(2 * t)[None], goal=9.0)[0]), 9), round(float(np.log(3)), 9)
    (1.098612289, 1.098612289)

    Source: meanfield.
    """
    t, rows = _checks.array("times", times, ["[T]"]), _checks.array("values", values, ["[R, T]"])
    _checks.same("values", rows.shape[1], "times", len(t))
    if len(t) < 4:
        raise ValueError(f"times must hold at least four, got {len(t)}")
    if np.any(np.diff(t) <= 0):
        raise ValueError("times must increase, got times that do not")
    goal = _checks.number("goal", goal, exclusive=True)
    logs, level = np.log(np.maximum(rows, max(min(1e-300, goal / 2**50), 5e-324))), np.log(goal)
    found = np.full(len(rows), np.inf)
    for r, row in enumerate(logs):
        above = np.flatnonzero(rows[r] >= goal)
        if len(above):
            first = min(max(int(above[0]) - 2, 0), len(t) - 4)
            u, at = row[first : first + 4] - level, t[first : first + 4]
            if len(np.unique(u)) == 4:
                weights = [np.prod([-u[j] / (u[i] - u[j]) for j in range(4) if j != i]) for i in range(4)]
                # The cubic is not trusted outside of the step in which the goal is reached.
                found[r] = np.clip(np.dot(weights, at), t[max(above[0] - 1, 0)], t[above[0]])
            else:
                found[r] = t[above[0]]
    return found


def noise_amplitude(rate: float, temperature: float, step: float) -> float:
    """s in c_k → s (1 + hλ)^k Z, Z normal, for a coordinate that starts from 0: c ← (1 + hλ) c + √(2τh) ξ.

    s² = 2τ/(λ(2 + hλ)), which is τ/λ for h → 0. Raises ValueError for numbers that are not positive.

    >>> round(noise_amplitude(2.0, 0.5, 1e-9), 6)
    0.5

    Source: meanfield.
    """
    lam, tau, h = (
        _checks.number(name, value, exclusive=True)
        for name, value in (("rate", rate), ("temperature", temperature), ("step", step))
    )
    root = math.sqrt(2 + h * lam) if h * lam < math.inf else math.sqrt(h) * math.sqrt(lam)
    return _scale.quotient(math.sqrt(2), math.sqrt(tau), over=(math.sqrt(lam), root))


def log_chi(degrees: int) -> tuple[float, float]:
    """Mean and variance of log |Z| for Z normal in `degrees` dimensions: (ψ(m/2) + log 2)/2 and ψ'(m/2)/4.

    Raises ValueError for fewer than one.

    >>> [round(value, 4) for value in log_chi(2)]
    [0.058, 0.4112]

    Source: meanfield.
    """
    half = _checks.integer("degrees", degrees) / 2
    return float(special.digamma(half) + _LOG2) / 2, float(special.polygamma(1, half)) / 4


def _order(order: int) -> int:
    if order not in (1, 4):
        raise ValueError(f"order must be 1 or 4, got {order!r}")
    return order


def _velocity(theta: Array, x: Array, y: Array, sigma: Callable, slope: Callable) -> Array:
    a, z = theta[..., :1], theta[..., 1:] @ x.T
    h = sigma(z)
    r = (y - np.mean(a * h, axis=-2)) / len(x)
    into = r[..., None, :]
    return np.concatenate([np.sum(h * into, axis=-1, keepdims=True), a * ((slope(z) * into) @ x)], axis=-1)


_arithmetic.guard(__name__, infinite=("exit_times", "crossings"))

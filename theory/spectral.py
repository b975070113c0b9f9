r"""Spectral descent: steepest descent of a measure of neurons whose velocities are measured together.

For velocities v_j [q] of particles with masses p_j let V have the rows √p_j v_j, with singular values ς_i. Of all
velocities θ' whose matrix (√p_j θ'_j) has Schatten p-norm 1, the energy falls fastest along that with the matrix

    U diag(ς^{q−1}) Wᵀ / (Σ_i ς_i^q)^{1/p},   V = U diag(ς) Wᵀ,   1/p + 1/q = 1,   at the rate (Σ_i ς_i^q)^{1/q},

Hölder's inequality for singular values. For p = ∞ it is the polar factor U Wᵀ, at the rate Σ ς_i, the nuclear norm: no
power of the number of particles is in it, since copies of a particle share its mass. `descend` follows that flow from
quadrature nodes instead of draws, and is what networks of m particles tend to.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


def fall(velocity: ArrayLike, mass: ArrayLike, order: float = np.inf) -> float:
    """Return −dF/dt = (Σ_i ς_i^q)^{1/q} along the steepest direction of unit length in the Schatten norm of `order`.

    `velocity` is [m, q], `mass` [m]. Raises ValueError for shapes that do not agree and an order that is not above 1.

    >>> v, mass = [[3.0, 0.0], [0.0, 4.0]], [0.5, 0.5]
    >>> round(fall(v, mass) * 2**0.5, 9), round(fall(v, mass, 2) * 2**0.5, 9)
    (7.0, 5.0)

    Source: `bernstein2024old`.
    """
    singular = np.linalg.svd(_rows(velocity, mass), compute_uv=False)
    q = _conjugate(order)
    return float(np.sum(singular**q) ** (1 / q))


def steepest(velocity: ArrayLike, mass: ArrayLike, order: float = np.inf) -> Array:
    """Return the steepest direction of unit length in the Schatten norm of `order`, θ' [m, q].

    Singular values below 1e-12 of the largest count as zero: nothing moves along their directions. Raises ValueError as
    `fall`, and for a mass that is zero.

    >>> steepest([[3.0, 0.0], [0.0, 4.0]], [0.5, 0.5]).round(4).tolist()
    [[1.4142, 0.0], [0.0, 1.4142]]

    Source: `bernstein2024old`.
    """
    rows = _rows(velocity, mass)
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    q = _conjugate(order)
    kept = singular > 1e-12 * singular[0] if len(singular) else singular > 0
    powers = np.where(kept, singular, 1.0) ** (q - 1) * kept
    norm = 1.0 if q == 1 else max(np.sum(singular**q) ** (1 - 1 / q), np.finfo(float).tiny)
    return (left * (powers / norm)) @ right / np.sqrt(np.asarray(mass, float))[:, None]


def velocities(x: ArrayLike, y: ArrayLike, theta: ArrayLike, mass: ArrayLike) -> Array:
    """Return −∇F'[μ](θ_j) [m, 1 + d] of tanh neurons θ = (a, w) without offset, R = mean of ½ (f − y)².

    `x` is [n, d], `y` [n], `theta` [m, 1 + d], `mass` [m]. Raises ValueError for shapes that do not agree.

    >>> velocities([[1.0]], [1.0], [[1.0, 0.0]], [1.0])[:, 1].tolist()  # a grows not, w does: a x
    [1.0]
    """
    x, y, theta, mass = _network(x, y, theta, mass)
    active = np.tanh(theta[:, 1:] @ x.T)
    error = ((mass * theta[:, 0]) @ active - y) / len(y)
    inner = (1 - active**2) * error * theta[:, :1]
    return -np.column_stack([active @ error, inner @ x])


def risk(x: ArrayLike, y: ArrayLike, theta: ArrayLike, mass: ArrayLike) -> float:
    """Return R = mean of ½ (f − y)² of tanh neurons, with the arguments of `velocities`.

    >>> risk([[1.0]], [1.0], [[0.0, 0.0]], [1.0])
    0.5
    """
    x, y, theta, mass = _network(x, y, theta, mass)
    return float(np.mean(((mass * theta[:, 0]) @ np.tanh(theta[:, 1:] @ x.T) - y) ** 2) / 2)


def descend(
    x: ArrayLike, y: ArrayLike, theta: ArrayLike, mass: ArrayLike, step: float, steps: int, order: float = np.inf
) -> float:
    """Return the risk after `steps` steps of spectral descent, θ ← θ + h θ', output and input weights each by a block.

    With the nodes and masses of a quadrature rule for the law of the start it is the risk of infinitely many neurons.
    Raises ValueError for a step that is not positive, a number of steps that is none, and as `velocities`.

    >>> round(descend([[1.0]], [1.0], [[1.0, 0.0]], [1.0], 0.1, 1), 6)  # a stays, w moves by h: ½ (1 − tanh 0.1)²
    0.405299

    Source: `meanfield`.
    """
    x, y, theta, mass = _network(x, y, theta, mass)
    h = _checks.number("step", step, exclusive=True)
    for _ in range(_checks.integer("steps", steps)):
        v = velocities(x, y, theta, mass)
        blocks = [steepest(part, mass, order) if np.any(part) else part for part in (v[:, :1], v[:, 1:])]
        theta = theta + h * np.column_stack(blocks)
    return risk(x, y, theta, mass)


def left_of_residual(singular: ArrayLike, time: float) -> Array:
    """Return (s_i − t)₊, the singular values of the residual of linear regression on white inputs after a time t.

    The polar factor of the gradient, which is the residual, is subtracted at unit speed: all singular values fall
    alike, and the last is gone at t = s_1. (Gradient flow leaves s_i e^{−t} for ever.)

    >>> left_of_residual([1.5, 0.5], 1.0).tolist()
    [0.5, 0.0]

    Source: `meanfield`, by the singular value decomposition of W' = polar factor of (W* − W).
    """
    values = _checks.array("singular", singular, ["[k]"])
    return np.maximum(values - _checks.number("time", time), 0.0)


def _conjugate(order: float) -> float:
    """Return q with 1/p + 1/q = 1."""
    if order == np.inf:
        return 1.0
    order = _checks.number("order", order)
    if order <= 1:
        raise ValueError(f"order must be above 1, got {order:g}")
    return order / (order - 1)


def _rows(velocity: ArrayLike, mass: ArrayLike) -> Array:
    velocity, mass = _checks.array("velocity", velocity, ["[m, q]"]), _checks.array("mass", mass, ["[m]"])
    _checks.same("rows of velocity", len(velocity), "mass", len(mass))
    if not np.all(mass > 0):
        raise ValueError("mass must be positive")
    return np.sqrt(mass)[:, None] * velocity


def _network(x, y, theta, mass) -> tuple[Array, Array, Array, Array]:
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    theta, mass = _checks.array("theta", theta, ["[m, 1 + d]"]), _checks.array("mass", mass, ["[m]"])
    _checks.same("rows of x", len(x), "y", len(y))
    _checks.same("rows of theta", len(theta), "mass", len(mass))
    _checks.same("columns of theta", theta.shape[1], "1 + columns of x", 1 + x.shape[1])
    return x, y, theta, mass


_arithmetic.guard(__name__)

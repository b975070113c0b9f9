"""The dynamics of overlaps at finitely many inputs d: a mean that is off by b/d, fluctuations of covariance Σ/d.

The overlaps X of `order_parameters` are a Markov chain at every finite d: one step adds u/d + w/d² to them, of which
E u = F is the drift of the limit, and w comes from |x|², of which the fields fix r directions. To first order in 1/d

    Σ' = JΣ + ΣJ' + Cov u,      b' = J b + ½ F'':Σ + E w − ½ J F,      J = F',

the last term being that of steps of length 1/d (the system-size expansion of a Markov chain).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from theory import _arithmetic, _checks
from theory._checks import Array
from theory._integration import integrated
from theory.order_parameters import Committee


@dataclass(frozen=True)
class Expansion:
    """States of the limit [T, s], b [T, s] and Σ [T, s, s] at some times."""

    limit: Array
    shift: Array
    covariance: Array

    def mean(self, function: Callable[[Array], Array], d: float) -> Array:
        """E f(X) = f + (f'·b + ½ f'':Σ)/d + O(1/d²) at d inputs, [T, …] for f of states [..., s]."""
        d = _checks.number("d", d, exclusive=True)
        first, _ = _derivatives(function, self.limit, self.shift[:, None])
        _, second = _derivatives(function, self.limit, _roots(self.covariance))
        return function(self.limit) + (first[:, 0] + second.sum(axis=1) / 2) / d

    def deviation(self, function: Callable[[Array], Array], d: float) -> Array:
        """Standard deviation √(f'Σf'/d) of a function of one value at d inputs, [T]."""
        d = _checks.number("d", d, exclusive=True)
        slopes, _ = _derivatives(function, self.limit, _roots(self.covariance))
        return np.sqrt(np.sum(np.square(slopes), axis=1) / d)


def expand(committee: Committee, start: ArrayLike, times: ArrayLike, *, nodes: int = 10) -> Expansion:
    """The expansion for networks that all start at overlaps `start`, at increasing `times` from 0 on.

    `nodes` is the number of Gauss–Hermite points for each of the K + M fields, over which Cov u and E w are summed; ten
    are good for half a percent of Σ and b. Raises ValueError for a committee without its terms in η².

    >>> committee = Committee(1, [[1.0]], rate=1.0)
    >>> found = expand(committee, committee.pack([[0.5]], [[0.2]]), [0.0, 1.0])
    >>> bool(found.deviation(committee.error, 100)[1] > 0)
    True

    Source: `saad1995online` for the limit, `kampen2007stochastic` for the expansion.
    """
    if not committee.quadratic:
        raise ValueError("committee must have its terms in η², got one without")
    start = _checks.array("start", start, ["[s]"])
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    size = len(start)
    if np.any(np.diff(times) <= 0):
        raise ValueError("times must increase, got times that do not")
    fields = len(committee.signs)
    points, weights = _grid(_checks.integer("nodes", nodes, maximum=int(1e7 ** (1 / fields))), fields)

    def unpack(y: Array) -> tuple[Array, Array, Array]:
        y = np.moveaxis(y, 0, -1)
        return y[..., :size], y[..., size : 2 * size], y[..., 2 * size :].reshape(*y.shape[:-1], size, size)

    def moved(y: Array) -> Array:
        state, shift, sigma = unpack(y)
        sigma = (sigma + sigma.T) / 2
        drift = committee.drift(state)
        first, second = _derivatives(committee.drift, state, np.concatenate([np.eye(size), _roots(sigma)]))
        jacobian, bend = first[:size].T, second[size:].sum(axis=0)
        noise, inner = _one_step(committee, state, points, weights)
        d_shift = jacobian @ (shift - drift / 2) + bend / 2 + inner
        d_sigma = jacobian @ sigma + sigma @ jacobian.T + noise
        return np.concatenate([drift, d_shift, d_sigma.ravel()])

    y = np.concatenate([start, np.zeros(size + size * size)])
    # Overlaps that are all small, and covariances of their squares' size, keep their digits too.
    unit = min(1.0, float(np.abs(committee.covariance(start)).max()))
    allowed = 1e-7 * np.concatenate([np.full(2 * size, unit), np.full(size * size, unit**2)])
    return Expansion(*unpack(integrated(moved, y, times, "RK45", 1e-5, allowed).T))


def _grid(nodes: int, fields: int) -> tuple[Array, Array]:
    """Points [l, fields] and weights [l] of the standard Gaussian."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.stack([axis.ravel() for axis in np.meshgrid(*[x] * fields, indexing="ij")], axis=1)
    weights = np.prod(np.stack([axis.ravel() for axis in np.meshgrid(*[w] * fields, indexing="ij")]), axis=0)
    return points, weights / weights.sum()


def _one_step(committee: Committee, state: Array, points: Array, weights: Array) -> tuple[Array, Array]:
    """(Cov u, E w) of one step from a state."""
    k, eta = committee.students, committee.rate
    values, vectors = np.linalg.eigh(committee.covariance(state))
    known = values > 1e-12 * values.max()  # the fields may depend on one another, as students that are alike do
    fields = points * np.sqrt(np.where(known, values, 0.0)) @ vectors.T
    inner = np.sum(points**2 * known, axis=1) - known.sum()  # |x|² less its mean, in the directions of the fields
    outputs = erf(fields / np.sqrt(2)) @ committee.signs
    delta = np.sqrt(2 / np.pi) * np.exp(-(fields[:, :k] ** 2) / 2) * outputs[:, None]
    upper = np.triu_indices(k)
    squares = delta[:, upper[0]] * delta[:, upper[1]]
    crossed = delta[:, upper[0]] * fields[:, upper[1]] + delta[:, upper[1]] * fields[:, upper[0]]
    teacher = (delta[:, :, None] * fields[:, None, k:]).reshape(len(fields), -1)
    u = np.concatenate([eta * crossed + eta**2 * squares, eta * teacher], axis=1)
    mean = weights @ u
    w = np.concatenate([eta**2 * (weights * inner) @ squares, np.zeros(teacher.shape[1])])
    return (u * weights[:, None]).T @ u - np.outer(mean, mean), w


def _roots(sigma: Array) -> Array:
    """Rows c with Σ = Σ_c c c'."""
    values, vectors = np.linalg.eigh(sigma)
    return np.swapaxes(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :], -1, -2)


def _derivatives(function: Callable[[Array], Array], state: Array, directions: Array) -> tuple[Array, Array]:
    """f'·c and f''[c, c] for directions c in rows [..., c, s] at states [..., s], by central differences."""
    # Small states move by little.
    step = 1e-3 * np.minimum(1.0, 16 * np.abs(state).max(axis=-1))[..., None, None]
    step = np.where(step > 0, step, 1e-3)
    length = np.linalg.norm(directions, axis=-1, keepdims=True)
    move = step * directions / np.maximum(length, 1e-300)
    try:
        up, down, at = (function(part) for part in (state[..., None, :] + move, state[..., None, :] - move, state))
    except TypeError as error:
        raise ValueError(f"function must be one of states, got {_checks.shown(function)}: {error}") from error
    if not all(isinstance(part, np.ndarray | np.floating) and part.dtype.kind == "f" for part in (up, down, at)):
        raise ValueError(f"function must give arrays of numbers, got {_checks.shown(at)}")
    middle = np.expand_dims(at, state.ndim - 1)
    length = length.reshape(length.shape[:-1] + (1,) * (up.ndim - state.ndim))
    step = step.reshape(step.shape[:-1] + (1,) * (up.ndim - state.ndim))
    return (up - down) / (2 * step) * length, (up - 2 * middle + down) / step**2 * length**2


_arithmetic.guard(__name__)

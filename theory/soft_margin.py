"""How the margin of a linear model grows under soft-min descent, and how large it can become with given neurons.

Of f = Σ_i c_i y_i k(x_i, ·) the flow that lowers log (1/n) Σ exp(−y_i f(x_i)) is c' = p, with the weights
p_i = exp(−y_i f(x_i)) / Σ_l exp(−y_l f(x_l)): n numbers tell all. Its norm is (Σ c_i c_j y_i y_j k_ij)^{1/2}, and what
its margin lacks to the largest one of that norm stays bounded, but does not vanish.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

FARTHEST = 1e10
"""Largest product of a time and the kernel."""
NEAREST = 1e-100
"""Product of a time and the kernel below which nothing has changed but linearly."""


def flow(kernel: ArrayLike, y: ArrayLike, times: ArrayLike) -> tuple[Array, Array]:
    """(margin, norm) of the flow from f = 0 at `times` [T], rising, for a kernel [n, n] at samples with labels ±1.

    >>> margins, norms = flow([[4.0, 0.0], [0.0, 4.0]], [1.0, -1.0], [0.0, 3.0])
    >>> margins.round(6).tolist(), norms.round(6).tolist()
    ([0.0, 6.0], [0.0, 4.242641])

    Raises ValueError for times that fall, for products of times and kernel beyond 10¹⁰, which steps in 64 bits do not
    reach, and for arrays that do not match. Source: `chizat2020implicit`.
    """
    from scipy.integrate import solve_ivp

    signed, times = _signed(kernel, y), _checks.array("times", times, ["[T]"], minimum=0.0)
    if any(after < before for before, after in pairwise(times.tolist())):
        raise ValueError(f"times must not fall, got {_checks.shown(times.tolist())}")

    def slope(_, c: Array) -> Array:
        p = _weights(signed @ c)
        return (np.outer(p, p) - np.diag(p)) @ signed

    start = np.zeros(len(signed))
    if not times[-1] > 0:
        return np.zeros(len(times)), np.zeros(len(times))
    points, inverse = np.unique(times, return_inverse=True)
    reach = float(points[-1] * np.abs(signed).max())
    if reach > FARTHEST:
        raise ValueError(f"kernel and times must have products of at most {FARTHEST:g}, got {reach:g}")
    if reach < NEAREST:  # c = t p to more digits than there are
        return _margins(signed, np.outer(times, _weights(start)))
    found = solve_ivp(
        lambda _, c: _weights(signed @ c), (0.0, points[-1]), start, "LSODA", points, jac=slope, rtol=1e-8, atol=1e-9
    )
    if not found.success:
        raise ValueError(f"times must be of a size to integrate over, got {times[-1]:g}")
    margins, norms = _margins(signed, found.y.T)
    return margins[inverse], norms[inverse]


def descent(kernel: ArrayLike, y: ArrayLike, step: float, count: int) -> tuple[float, float]:
    """(margin, norm) after `count` steps of descent, c ← c + step · p, from f = 0.

    >>> margin, norm = descent([[4.0, 0.0], [0.0, 4.0]], [1.0, -1.0], 0.5, 6)
    >>> margin, round(norm, 6)
    (6.0, 4.242641)

    Source: `chizat2020implicit`.
    """
    signed, step = _signed(kernel, y), _checks.number("step", step, exclusive=True)
    c = np.zeros(len(signed))
    for _ in range(_checks.integer("count", count, minimum=0)):
        c = c + step * _weights(signed @ c)
    margins, norms = _margins(signed, c[None])
    return float(margins[0]), float(norms[0])


def of_neurons(position: ArrayLike, x: ArrayLike, y: ArrayLike) -> float:
    """The largest margin of f = Σ_j c_j sign(a_j) relu(w_j·x)/|w_j| with c ≥ 0, Σ c = 1, of neurons (a, w) [m, d + 1].

    A linear program; the neurons keep their directions and signs, and share one unit of variation.

    >>> round(of_neurons([[1.0, 2.0], [-1.0, -3.0]], [[1.0], [-1.0]], [1.0, -1.0]), 9)
    0.5

    Source: `chizat2020implicit`.
    """
    from scipy.optimize import linprog

    position, x = _checks.array("position", position, ["[m, d + 1]"]), _checks.array("x", x, ["[n, d]"])
    _checks.same("columns of position", position.shape[1], "one more than x", x.shape[1] + 1)
    y = _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "the rows of x", len(x))
    length = np.linalg.norm(position[:, 1:], axis=1)
    if not np.all(length > 0):
        raise ValueError("position must have input weights other than 0")
    gains = y[:, None] * np.maximum(x @ position[:, 1:].T, 0) / length * np.sign(position[:, 0])
    m, n = len(position), len(x)
    unit = 2.0 ** np.frexp(np.abs(gains).max())[1]  # of two, so that nothing is rounded; solvers want numbers about one
    gains = gains / unit
    solved = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.column_stack([-gains, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(m), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    return float(-solved.fun * unit)


def _signed(kernel: ArrayLike, y: ArrayLike) -> Array:
    """y_i y_j k_ij."""
    kernel, y = _checks.array("kernel", kernel, ["[n, n]"]), _checks.array("y", y, ["[n]"])
    _checks.same("kernel", kernel.shape, "y", (len(y), len(y)))
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"y must hold labels -1 and 1, got {_checks.shown(y[~np.isin(y, (-1, 1))][0])}")
    return y[:, None] * kernel * y


def _weights(gains: Array) -> Array:
    """exp(−gains) over its sum."""
    share = np.exp(gains.min() - gains)
    return share / share.sum()


def _margins(signed: Array, c: Array) -> tuple[Array, Array]:
    gains = c @ signed
    return gains.min(axis=1), np.sqrt(np.maximum(np.sum(c * gains, axis=1), 0.0))


_arithmetic.guard(__name__)

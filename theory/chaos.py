"""Propagation of chaos: how far m particles are from their mean-field limit, with the constant, at every time.

A two-layer network f(x; μ) = α ∫ a tanh(w·x + b) dμ, θ = (a, w, b), descends R(f)/α² + (λ/2) ∫ |θ|² dμ by steps of
size h, R the mean over n samples of ½(f − y)². Started from m independent draws of μ_0, it is at a distance

    E mean_i |f_m(x_i) − f_∞(x_i)|² = C(t)/m + O(m⁻²),   C(t) = mean_i Var_{θ ~ μ_0} ψ_t(θ; x_i),

from the network that started from μ_0 itself, where ψ_t(θ; x) = ∂f_t(x)/∂(mass at θ) is the linear response of f_t to
the initial measure. At t = 0 it is αΦ(θ; x) and C(0)/m is exact. Both μ_0 and the derivative are treated without
sampling: μ_0 is a quadrature rule, whose nodes move as weighted particles, and ψ_t comes from one adjoint sweep back
through the same steps, so that C(t) is that of the descent with step h and not only that of the flow.

Source: `chen2020dynamical` (the limit theorem), `meanfield` (the sweep).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

FEW = 4
"""Nodes in an axis below which a rule is not made coarser to see its error."""


def box_nodes(half_widths: ArrayLike, counts: ArrayLike) -> tuple[Array, Array]:
    """(nodes [N, p], masses [N]) of the uniform law on a box around 0, by Gauss and Legendre's rule in every axis.

    `half_widths` [p] are half the sides and `counts` [p] the nodes along them, N in all. The rule is exact for
    polynomials of degree below 2·count in each axis. Raises ValueError for widths that are not positive or counts below
    1.

    >>> nodes, mass = box_nodes([3.0, 1.0], [2, 1])
    >>> nodes.round(4).tolist(), mass.tolist()
    ([[-1.7321, 0.0], [1.7321, 0.0]], [0.5, 0.5])
    """
    sides = _checks.array("half_widths", half_widths, ["[p]"]).tolist()
    widths = [_checks.number("half_widths", width, exclusive=True) for width in sides]
    along = _checks.array("counts", counts, ["[p]"]).tolist()
    numbers = [_checks.integer("counts", int(count) if count == int(count) else count, maximum=1000) for count in along]
    _checks.same("counts", len(numbers), "half_widths", len(widths))
    rules = [np.polynomial.legendre.leggauss(count) for count in numbers]
    axes = np.meshgrid(*(width * rule[0] for width, rule in zip(widths, rules, strict=True)), indexing="ij")
    mass = np.ones(1)
    for _, weights in rules:
        mass = np.multiply.outer(mass, weights / 2).ravel()
    return np.stack([axis.ravel() for axis in axes], axis=1), mass


@dataclass(frozen=True, eq=False)
class Descent:
    """Weighted particles at every step of a descent, as `descend` makes it; S steps, N particles."""

    x: Array
    """Samples [n, d]."""
    step: float
    scale: float
    penalty: float
    mass: Array
    """Masses [N]."""
    position: Array
    """θ = (a, w, b) of every particle before the first and after every step, [S + 1, N, d + 2]."""
    residual: Array
    """f − y on the samples at the same times, [S + 1, n]."""

    @functools.cached_property
    def compared(self) -> "Descent | None":
        """The descent on another rule, of two thirds of the nodes in an axis, or of twice as many if that is few.

        None where the start is no rule of `box_nodes`, but a measure of its own.
        """
        rule = _box(self.position[0], self.mass)
        if rule is None:
            return None
        widths, counts = rule
        other = [2 * count // 3 if count >= FEW else count for count in counts]
        if other == counts:
            other = [2 * count if count > 1 else 1 for count in counts]
        y = self.scale * (self.mass @ _unit(self.position[0], self.x)[0]) - self.residual[0]
        setting: Any = {"step": self.step, "scale": self.scale, "penalty": self.penalty}
        return descend(*box_nodes(widths, other), self.x, y, steps=len(self.position) - 1, **setting)


def descend(
    position: ArrayLike,
    mass: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    step: float,
    steps: int,
    scale: float = 1.0,
    penalty: float = 0.0,
) -> Descent:
    """θ_j ← θ_j − h [(1/αn) Σ_i r_i ∇Φ(θ_j; x_i) + λ θ_j], r = f − y, f = α Σ_j p_j Φ(θ_j; x), Φ = a tanh(w·x + b).

    `position` is [N, d + 2], `mass` [N], `x` [n, d], `y` [n]; `step` is h, `scale` is α and `penalty` is λ. Raises
    ValueError for shapes that do not match, a step or scale that is not positive, a negative penalty, and particles
    that leave the range of float64, as they do for too long steps.

    >>> path = descend([[1.0, 0.0, 0.0]], [1.0], [[0.0]], [2.0], step=0.5, steps=2)
    >>> path.position[:, 0].round(4).tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.4716, 0.0, 1.26]]

    Source: `rotskoff2022trainability`.
    """
    theta = _checks.array("position", position, ["[N, p]"])
    mass = _checks.array("mass", mass, ["[N]"])
    x, y = _checks.array("x", x, ["[n, d]"]), _checks.array("y", y, ["[n]"])
    _checks.same("mass", len(mass), "position", len(theta))
    _checks.same("y", len(y), "x", len(x))
    _checks.same("columns of position", theta.shape[1], "x", x.shape[1] + 2)
    step = _checks.number("step", step, exclusive=True)
    scale = _checks.number("scale", scale, exclusive=True)
    penalty = _checks.number("penalty", penalty)
    positions, residuals = [theta], []
    for _ in range(_checks.integer("steps", steps, minimum=0) + 1):
        theta = positions[-1]
        with np.errstate(over="ignore", invalid="ignore"):
            r = scale * (mass @ _unit(theta, x)[0]) - y
            residuals.append(r)
            positions.append((1 - step * penalty) * theta - step / (scale * len(x)) * _pull(theta, x, r)[1])
    path = np.stack(positions[:-1])
    return Descent(
        x,
        step,
        scale,
        penalty,
        mass,
        _checks.in_range("position, mass, x, y, scale, penalty, step and steps", path),
        np.stack(residuals),
    )


def predict(path: Descent, z: ArrayLike, k: int) -> Array:
    """f(z) after k steps, shape [q] for inputs `z` of shape [q, d].

    Raises ValueError for inputs of another dimension than the samples and a k above the number of steps.
    """
    z, k = _at(path, z, k)
    return path.scale * (path.mass @ _unit(path.position[k], z)[0])


@dataclass(frozen=True, eq=False)
class Response:
    """The linear response ψ of f(z) after k steps to mass at any θ; see `response`."""

    path: Descent
    z: Array
    """Inputs [q, d] at which f is read."""
    k: int
    memory: Array
    """∂f_k(z)/∂f_s(x_i): what moving the predictor at step s does in the end, [k, q, n]."""

    def at(self, theta: ArrayLike) -> Array:
        """ψ(θ; z) = α Φ(θ_k; z) + α Σ_{s<k} Σ_i memory[s, :, i] Φ(θ_s; x_i), shape [l, q] for `theta` of shape [l, p].

        A particle of no mass follows the limit's velocity from θ, and acts on f directly, at the end and through all
        steps before.
        """
        return responses([self], theta)[0]


def responses(several: Sequence[Response], theta: ArrayLike) -> list[Array]:
    """ψ(θ; z) of each response, [l, q] for `theta` of shape [l, p], by one descent for all; they have one path.

    >>> path = descend([[1.0, 0.0, 1.0]], [1.0], [[0.0]], [2.0], step=0.5, steps=2)
    >>> early, late = (response(path, [[0.0]], k) for k in (0, 2))
    >>> [value.round(4).tolist() for value in responses([early, late], [[2.0, 0.0, 1.0]])]
    [[[1.5232]], [[1.2284]]]

    Raises ValueError for particles of another dimension and for responses of several paths. Source: `meanfield`.
    """
    found = list(several) if isinstance(several, Sequence) else []
    paths = {id(one.path) if isinstance(one, Response) else id(one) for one in found}
    if len(paths) != 1 or not isinstance(found[0], Response):
        raise ValueError(f"several must be responses of one path, got {_checks.shown(several)}")
    path = found[0].path
    theta = _checks.array("theta", theta, ["[l, p]"])
    _checks.same("columns of theta", theta.shape[1], "position", path.position.shape[2])
    totals, rate = [np.zeros((len(theta), len(one.z))) for one in several], path.step / (path.scale * len(path.x))
    last = max(one.k for one in several)
    for s in range(last + 1):
        for total, one in zip(totals, several, strict=True):
            if one.k == s:
                total += _unit(theta, one.z)[0]
        if s < last:
            phi, pull = _pull(theta, path.x, path.residual[s])
            for total, one in zip(totals, several, strict=True):
                if one.k > s:
                    total += phi @ one.memory[s].T
            theta = (1 - path.step * path.penalty) * theta - rate * pull
    return [path.scale * total for total in totals]


def response(path: Descent, z: ArrayLike, k: int) -> Response:
    """ψ_k(θ; z) = ∂f_k(z)/∂(mass at θ), for every θ, by one adjoint sweep from step k back to 0.

    With g_j = ∂f_k/∂θ_j after step s + 1, the predictor at step s acts through the velocities of all particles,
    memory_i = −(h/αn) Σ_j g_j·∇Φ(θ_j; x_i), and

        g_j ← (1 − hλ) g_j − (h/αn) Σ_i r_i ∇²Φ(θ_j; x_i) g_j + α p_j Σ_i memory_i ∇Φ(θ_j; x_i).

    Raises ValueError as `predict`.

    >>> path = descend([[1.0, 0.0, 1.0]], [1.0], [[0.0]], [2.0], step=0.5, steps=1)
    >>> response(path, [[0.0]], 0).at([[2.0, 0.0, 1.0]]).round(4).tolist()  # 2 tanh 1
    [[1.5232]]

    Source: `meanfield`.
    """
    z, k = _at(path, z, k)
    rate = path.step / (path.scale * len(path.x))
    # [q, N, p]: a row for every input that is read.
    g = path.scale * path.mass[:, None] * _unit(path.position[k], z)[1].transpose(1, 0, 2)
    memory = np.zeros((k, len(z), len(path.x)))
    for s in reversed(range(k)):
        theta, r = path.position[s], path.residual[s]
        along, curved = _along(theta, path.x, r, g)
        memory[s] = -rate * along
        pushed = np.stack([_pull(theta, path.x, row)[1] for row in memory[s]])
        g = (1 - path.step * path.penalty) * g - rate * curved + path.scale * path.mass[:, None] * pushed
    return Response(path, z, k, memory)


def fluctuation(path: Descent, z: ArrayLike, k: int, *, rtol: float = 0.2) -> float:
    """C after k steps: E mean_i |f_m(z_i) − f_∞(z_i)|² = C/m + O(m⁻²) for m draws of the measure that `path` starts
    from.

    C = mean_i Var ψ(θ; z_i), θ from the initial measure of `path`, of mass 1; for k = 0 it is mean_i Var αΦ and the
    O(m⁻²) is 0. Where the start is a rule of `box_nodes`, C is right as far as the rule resolves ψ, which grows finer
    structure in the course of training: `fluctuation_error` says how far. Raises ValueError as `predict`, and where
    that is more than `rtol` times C: then more nodes are needed.

    >>> nodes, mass = box_nodes([3.0, 1.0, 1.0], [2, 1, 8])
    >>> path = descend(nodes, mass, [[0.0]], [0.0], step=0.1, steps=0)
    >>> round(fluctuation(path, [[0.0]], 0), 6), float(round(3 * (1 - np.tanh(1)), 6))  # E a² · E tanh² b
    (0.715218, 0.715218)

    Source: `chen2020dynamical`.
    """
    rtol = _checks.number("rtol", rtol, exclusive=True)
    constant = _constant(path, z, k)
    error = fluctuation_error(path, z, k)
    if error > rtol * constant:
        raise ValueError(
            f"path must start from more nodes for C to be right to rtol = {rtol:g} after k = {k} steps, got "
            f"{len(path.mass)} that give {constant:.3g}, off by about {error:.2g}"
        )
    return constant


def fluctuation_error(path: Descent, z: ArrayLike, k: int) -> float:
    """How far `fluctuation` is from C of the uniform law on the box: |C − C'|, C' of a rule of fewer nodes.

    C' is that of a whole descent of its own from two thirds of the nodes in every axis that has at least four, or from
    twice as many nodes if none has. It is usually several times the error. Zero for a start that is no rule of
    `box_nodes`: of such a measure C is exact. Raises ValueError as `predict`.

    >>> nodes, mass = box_nodes([3.0, 1.0, 1.0], [2, 1, 8])
    >>> fluctuation_error(descend(nodes, mass, [[0.0]], [0.0], step=0.1, steps=0), [[0.0]], 0) < 1e-3
    True

    Source: `meanfield`.
    """
    return 0.0 if path.compared is None else abs(_constant(path, z, k) - _constant(path.compared, z, k))


def resampling_error(path: Descent, z: ArrayLike, k: int) -> float:
    """mean_i Var αΦ(θ; z_i), θ from the measure after k steps: m times the error of m fresh draws of that measure.

    The Monte-Carlo bound on C in the long-time limit. Raises ValueError as `predict`.

    Source: `chen2020dynamical`.
    """
    z, k = _at(path, z, k)
    return _variance(path.mass, path.scale * _unit(path.position[k], z)[0])


def _constant(path: Descent, z: ArrayLike, k: int) -> float:
    return _variance(path.mass, response(path, z, k).at(path.position[0]))


def _box(position: Array, mass: Array) -> tuple[list[float], list[int]] | None:
    """(half widths, counts) with which `box_nodes` gives these nodes, or None; an axis of one node has any width."""
    counts = [len(np.unique(axis)) for axis in position.T]
    if max(counts) < 2 or np.prod(counts) != len(position):
        return None
    ends = [float(np.max(np.polynomial.legendre.leggauss(count)[0])) for count in counts]
    largest = np.max(np.abs(position), axis=0)
    widths = [float(top / end) if count > 1 else 1.0 for top, end, count in zip(largest, ends, counts, strict=True)]
    nodes, masses = box_nodes(widths, counts)
    near = np.allclose(nodes, position, rtol=1e-12, atol=1e-12 * largest.max()) and np.allclose(masses, mass)
    return (widths, counts) if near else None


def _at(path: Descent, z: ArrayLike, k: int) -> tuple[Array, int]:
    z = _checks.array("z", z, ["[q, d]"])
    _checks.same("columns of z", z.shape[1], "x", path.x.shape[1])
    k = _checks.integer("k", k, minimum=0)
    if k >= len(path.position):
        raise ValueError(f"k must be at most the number of steps {len(path.position) - 1}, got {k}")
    return z, k


def _unit(theta: Array, x: Array) -> tuple[Array, Array]:
    """Φ [N, n] and ∇_θ Φ [N, n, p]."""
    a, s = theta[:, :1], np.tanh(theta[:, 1:-1] @ x.T + theta[:, -1:])
    inner = a * (1 - s * s)
    return a * s, np.concatenate([s[:, :, None], inner[:, :, None] * x, inner[:, :, None]], axis=2)


# What follows has an entry for every particle and sample: all gradients would be p times as many, and slow.


def _pull(theta: Array, x: Array, r: Array) -> tuple[Array, Array]:
    """Φ [N, n] and Σ_i r_i ∇Φ(θ_j; x_i) [N, p]; (w, b) enter through u = (w, b)·(x, 1)."""
    inputs = _with_one(x)
    a, s = theta[:, 0], np.tanh(inputs @ theta[:, 1:].T)
    inner = r[:, None] * a * (1 - s * s)
    return (a * s).T, np.concatenate([(r @ s)[None], inputs.T @ inner]).T


def _along(theta: Array, x: Array, r: Array, g: Array) -> tuple[Array, Array]:
    """Σ_j g_j·∇Φ(θ_j; x_i) [q, n] and Σ_i r_i ∇²Φ(θ_j; x_i) g_j [q, N, p] for every row of g [q, N, p].

    With u = (w, b)·(x, 1): ∂²Φ/∂a∂u = σ' and ∂²Φ/∂u² = a σ''.
    """
    inputs = _with_one(x)
    a, s = theta[:, 0], np.tanh(inputs @ theta[:, 1:].T)
    slope = 1 - s * s
    own, inner = g[:, None, :, 0], inputs @ np.swapaxes(g[:, :, 1:], 1, 2)  # what g moves a and u by, [q, 1 or n, N]
    along = np.sum(own * s + inner * (a * slope), axis=2)
    weighted = r[:, None] * slope
    mixed = np.sum(weighted * inner, axis=1)
    curved = weighted * (own - 2 * a * s * inner)
    return along, np.concatenate([mixed[:, :, None], np.swapaxes(curved, 1, 2) @ inputs], axis=2)


def _with_one(x: Array) -> Array:
    return np.column_stack([x, np.ones(len(x))])


def _variance(mass: Array, values: Array) -> float:
    """mean_i of the variance of column i under the masses."""
    centred = values - mass @ values
    return float(np.mean(mass @ centred**2))


_arithmetic.guard(__name__)

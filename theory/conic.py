"""Training of 2-homogeneous units as a flow on a sphere: mass grows and shrinks where it stands, and moves.

A unit Φ(θ; x) with Φ(rθ) = r²Φ(θ) needs of a particle θ = ru only its direction u and its mass r². The Wasserstein
gradient flow of the particles is then the Wasserstein–Fisher–Rao (or conic) flow of Σ r_j² δ_{u_j} on the sphere. The
units here are neurons a φ(w; x) with φ(w; x) = (z + √(z² + ε²|w|²))/2, z = w·x: ReLU for ε = 0, and smooth away from
w = 0 for ε > 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

MOST = 100_000
"""Evaluations of the velocity that steps to a tolerance may take."""


LONGEST = 10**7
"""Steps of a given size at most."""


@dataclass(frozen=True, eq=False)
class Flow:
    """A flow on the sphere at the times asked for.

    `predictions` [T, …, n], `mass` [T, …, m] and `direction` [T, …, m, p], with … the axes of replicas.
    """

    predictions: Array
    mass: Array
    direction: Array


def sphere_flow(
    position: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    *,
    smoothing: float = 0.0,
    strength: float = 0.0,
    scale: float = 1.0,
    growth: float = 2.0,
    rtol: float = 1e-11,
    step: float | None = None,
) -> Flow:
    """Training of both layers, on the sphere of all parameters: r' = −2rG(u), u' = −∇_S G(u), masses r².

    G is the first variation of F = R/α² + ∫ (λ/2)|θ|² dμ, R the mean of ½(f − y)²: on the sphere it is
    G(u) = (1/αn) Σ_i (f_i − y_i) Φ(u; x_i) + λ/2 for f = (α/m) Σ_j r_j² Φ(u_j; x). `position` [m, 1 + d] holds the rows
    (a, w) of the start, `x` is [n, d], `y` is [n], `smoothing` ε, `strength` λ and `scale` α; all arrays may have the
    same axes of replicas in front. `growth` is the 2 in r', which another degree of homogeneity would change.

    Integrated by an explicit Runge–Kutta method of order 8 to the relative tolerance `rtol`; or, if `step` is given, by
    the classical method of order 4 with steps of at most that size, which is for ReLU: its field jumps where a
    direction crosses a sample, so that steps to a tolerance would shrink to nothing and the error is of order 1.

    Raises ValueError for arrays that are not finite or do not match, times that do not increase from 0, a start with a
    zero particle, a negative ε or λ, an α, `rtol` or `step` that is not positive, or where kinks stop the integrator.

    >>> flow = sphere_flow([[1.0, 1.0]], [[1.0]], [0.5], [0.0, 50.0])
    >>> flow.predictions.round(6).tolist()
    [[1.0], [0.5]]

    Source: `chizat2022sparse`, `chizat2018global`.
    """
    start = _checks.array("position", position)
    problem = _Problem.of(start.shape[-1] - 1, x, y, smoothing, strength, scale)
    radius = np.linalg.norm(start, axis=-1)
    growth = _checks.number("growth", growth)

    def velocity(mass: Array, u: Array) -> tuple[Array, Array]:
        gradient = problem.gradient(u, problem.residual(mass, u))
        # Euler's identity for degree 2: u·∇Φ(u) = 2Φ(u).
        phi = np.sum(u * gradient, axis=-1) / 2
        level = phi + problem.strength / 2
        return -2 * growth * mass * level, -(gradient - 2 * phi[..., None] * u)

    return _integrate(problem, radius**2, start, velocity, times, rtol, step)


def balanced_flow(
    position: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    *,
    smoothing: float = 0.0,
    strength: float = 0.0,
    scale: float = 1.0,
    rtol: float = 1e-11,
    step: float | None = None,
) -> Flow:
    """Return the training of both layers from a balanced start, |a| = |w|, on the sphere of input weights.

    c' = −2c(sg(u) + λ) and u' = −s∇_S g(u): c = a² is the mass of a neuron, s = sign a and u = w/|w| its place, and
    g(u) = (1/αn) Σ_i (f_i − y_i) φ(u; x_i) for f = (α/m) Σ_j s_j c_j φ(u_j; x). Both stay balanced, so that this loses
    nothing: other constants than on the sphere of all parameters. Of the start it takes the sign of a and w alone.
    Arguments and errors as for `sphere_flow`; `direction` has d columns.

    >>> flow = balanced_flow([[-1.0, 2.0]], [[1.0]], [-0.5], [0.0, 50.0])
    >>> flow.predictions.round(6).tolist(), flow.mass.round(6).tolist()
    ([[-4.0], [-0.5]], [[4.0], [0.5]])

    Source: `meanfield`.
    """
    start = _checks.array("position", position)
    problem = _Problem.of(start.shape[-1] - 1, x, y, smoothing, strength, scale)
    sign, w = np.sign(start[..., :1]), start[..., 1:]
    if np.any(sign == 0):
        raise ValueError("position must have output weights other than 0, got a zero in its first column")

    def full(u: Array) -> Array:
        return np.concatenate([sign, u], axis=-1)

    def velocity(mass: Array, u: Array) -> tuple[Array, Array]:
        gradient = problem.gradient(full(u), problem.residual(mass, full(u)))
        level = sign[..., 0] * gradient[..., 0] + problem.strength
        along = gradient[..., 1:]
        return -2 * mass * level, -(along - np.sum(u * along, axis=-1, keepdims=True) * u)

    return _integrate(problem, np.sum(w * w, axis=-1), w, velocity, times, rtol, step, full)


def first_variation(
    position: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    at: ArrayLike | None = None,
    *,
    smoothing: float = 0.0,
    strength: float = 0.0,
    scale: float = 1.0,
) -> tuple[Array, Array]:
    """F'[μ](θ) = (1/αn) Σ_i (f_i − y_i) Φ(θ; x_i) + (λ/2)|θ|², and its gradient, of the F of `sphere_flow`.

    μ is the mean of the particles `position` […, m, 1 + d], and θ each row of `at` […, l, 1 + d], the particles
    themselves if it is None: […, l] and […, l, 1 + d]. Other arguments and errors as for `sphere_flow`.

    >>> values, gradients = first_variation([[1.0, 2.0]], [[1.0]], [0.5], [[3.0, 1.0]], strength=0.1)
    >>> values.round(12).tolist(), gradients.round(12).tolist()  # 1.5 · 3 + 0.05 · 10, 1.5 (1, 3) + 0.1 (3, 1)
    ([5.0], [[1.8, 4.6]])

    Source: `chizat2018global`.
    """
    start = _checks.array("position", position)
    at = start if at is None else _checks.array("at", at)
    problem = _Problem.of(start.shape[-1] - 1, x, y, smoothing, strength, scale)
    _checks.same("columns of at", at.shape[-1], "position", start.shape[-1])
    residual = problem.residual(np.ones(start.shape[:-1]), start)
    phi = at[..., 0] * np.einsum("...mn,...n->...m", problem.features(at[..., 1:])[0], residual)
    values = phi + problem.strength / 2 * np.sum(at * at, axis=-1)
    return values, problem.gradient(at, residual) + problem.strength * at


@dataclass(frozen=True, eq=False)
class _Problem:
    """Samples and constants, and the two integrals over them."""

    x: Array
    y: Array
    smoothing: float
    strength: float
    scale: float

    @staticmethod
    def of(d: int, x: ArrayLike, y: ArrayLike, smoothing: float, strength: float, scale: float) -> "_Problem":
        x, y = _checks.array("x", x), _checks.array("y", y)
        _checks.same("the columns of x", x.shape[-1], "position", d)
        _checks.same("y", y.shape, "the rows of x", x.shape[:-1])
        return _Problem(
            x,
            y,
            _checks.number("smoothing", smoothing),
            _checks.number("strength", strength),
            _checks.number("scale", scale, exclusive=True),
        )

    def features(self, w: Array) -> tuple[Array, Array, Array]:
        """(φ, ∂φ/∂z, ∂φ/∂(|w|²/2)) of every neuron and sample, […, m, n]."""
        z = w @ np.swapaxes(self.x, -1, -2)
        if self.smoothing == 0:
            return np.maximum(z, 0), (z > 0).astype(float), np.zeros_like(z)
        root = np.sqrt(z * z + self.smoothing**2 * np.sum(w * w, axis=-1, keepdims=True))
        return (z + root) / 2, (1 + z / root) / 2, self.smoothing**2 / (2 * root)

    def predict(self, mass: Array, theta: Array) -> Array:
        weights = mass * theta[..., 0]
        return self.scale / mass.shape[-1] * np.einsum("...m,...mn->...n", weights, self.features(theta[..., 1:])[0])

    def residual(self, mass: Array, theta: Array) -> Array:
        return (self.predict(mass, theta) - self.y) / (self.scale * self.x.shape[-2])

    def gradient(self, theta: Array, residual: Array) -> Array:
        """∇_θ of Σ_i residual_i Φ(θ; x_i), […, m, 1 + d]."""
        a, w = theta[..., :1], theta[..., 1:]
        phi, slope, radial = (part * residual[..., None, :] for part in self.features(w))
        inner = slope @ self.x + np.sum(radial, axis=-1, keepdims=True) * w
        return np.concatenate([np.sum(phi, axis=-1, keepdims=True), a * inner], axis=-1)


def _integrate(
    problem: _Problem,
    mass: Array,
    place: Array,
    velocity: Callable,
    times: ArrayLike,
    rtol: float,
    step: float | None,
    full: Callable[[Array], Array] = lambda u: u,
) -> Flow:
    times = _checks.array("times", times, ["[T]"])
    if times[0] < 0 or np.any(np.diff(times) <= 0):
        raise ValueError(f"times must increase from 0 on, got {_checks.shown(times.tolist())}")
    if np.any(mass == 0):
        raise ValueError("position must have no particle at zero, which has no direction")
    rtol = _checks.number("rtol", rtol, exclusive=True)
    step = None if step is None else _checks.number("step", step, exclusive=True)
    u = place / np.linalg.norm(place, axis=-1, keepdims=True)

    def parts(state: Array) -> tuple[Array, Array]:
        return np.exp(state[: mass.size]).reshape(mass.shape), state[mass.size :].reshape(u.shape)

    def field(_, state: Array) -> Array:
        c, at = parts(state)
        grown, moved = velocity(c, at)
        return np.concatenate([np.ravel(grown / c), np.ravel(moved)])

    start = np.concatenate([np.ravel(np.log(mass)), np.ravel(u)])
    states = _adaptive(field, start, times, rtol) if step is None else _stepped(field, start, times, step)
    steps = [parts(state) for state in states]
    return Flow(
        np.stack([problem.predict(c, full(at)) for c, at in steps]),
        np.stack([c for c, _ in steps]),
        np.stack([at for _, at in steps]),
    )


def _adaptive(field: Callable, start: Array, times: Array, rtol: float) -> Array:
    from scipy.integrate import solve_ivp

    count = 0

    def counted(time: float, state: Array) -> Array:
        nonlocal count
        count += 1
        if count > MOST:
            raise ValueError(
                f"rtol must be in reach, got {rtol:g}: a kink was met at time {time:g}; give a step instead"
            )
        return field(time, state)

    seen = solve_ivp(counted, (0.0, float(times[-1]) or 1.0), start, "DOP853", t_eval=times, rtol=rtol, atol=rtol)
    if not seen.success:
        raise ValueError(f"times must be in reach of the integrator, got {times[-1]:g}: {seen.message}")
    return seen.y.T


def _stepped(field: Callable, start: Array, times: Array, step: float) -> list[Array]:
    if times[-1] / step > LONGEST:
        raise ValueError(f"step must be at least {times[-1] / LONGEST:.3g}, which takes {LONGEST} steps, got {step:g}")
    states, now, state = [], 0.0, start
    for time in times:
        count = int(np.ceil((time - now) / step - 1e-9))
        for _ in range(count):
            h = (time - now) / count
            k1 = field(0, state)
            k2 = field(0, state + h / 2 * k1)
            k3 = field(0, state + h / 2 * k2)
            k4 = field(0, state + h * k3)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        now = time
        states.append(state)
    return states


_arithmetic.guard(__name__)

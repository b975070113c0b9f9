"""The mean-field Langevin equation on the line in continuous time, ∂_t μ = ∂_θ(τ ∂_θ μ + μ ∂_θ F'[μ]).

Finite volumes with the fluxes of Scharfetter and Gummel: mass is conserved, densities stay positive, and the Gibbs
measure of itself on the nodes is exactly at rest.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigvals, solve_banded

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.gibbs import Line, equilibrium, potential, predictions

MOST = 10**7
"""Steps at most."""


def solve(
    problem: Line,
    density: ArrayLike,
    temperature: float | Callable[[float], float],
    times: ArrayLike,
    *,
    most: float = 0.05,
) -> Array:
    """Densities [T, N] at increasing `times`, [T], from `density` [N] at time zero.

    Steps of equal size, `most` at most, lead from one time to the next. Each treats μ implicitly and F'[μ] explicitly;
    the error is of first order in the step and second in the spacing. `temperature` is τ, or a function of time.

    Raises ValueError for times that are negative or do not increase, and for a temperature that is not positive.

    >>> from theory.gibbs import line, normal
    >>> problem = line([-1.0, 1.0], [0.5, -0.5], 0.25)
    >>> path = solve(problem, normal(problem, 1.0, 0.5), 0.15, [1.0, 100.0])
    >>> bool(np.allclose(path[1], equilibrium(problem, 0.15), atol=1e-12))
    True

    Source: `scharfetter1969large`; `mei2018mean`.
    """
    current = _checks.array("density", density, ["[N]"], minimum=0.0)
    _checks.same("density", len(current), "nodes", len(problem.nodes))
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    if np.any(np.diff(times) <= 0):
        raise ValueError("times must increase")
    most = _checks.number("most", most, exclusive=True)
    if times[-1] / most > MOST:
        raise ValueError(f"most must be at least {times[-1] / MOST:.3g}, which takes {MOST} steps, got {most:g}")
    path, now = [], 0.0
    for time in times:
        count = int(np.ceil((time - now) / most * (1 - 1e-12)))
        size = (time - now) / max(count, 1)
        for k in range(count):
            tau = _at(temperature, now + (k + 1) * size) if callable(temperature) else temperature
            current = _stepped(problem, current, _checks.number("temperature", tau, exclusive=True), size)
        now = time
        path.append(current)
    return np.stack(path)


def _at(temperature: Callable[[float], float], time: float) -> float:
    try:
        return temperature(time)
    except TypeError as error:
        shown = _checks.shown(temperature)
        raise ValueError(f"temperature must be a number or a function of time, got {shown}: {error}") from error


def decay_rate(problem: Line, temperature: float, step: float = 0.0) -> float:
    """The rate at which the free energy of the equation linearised at its equilibrium falls to its minimum: twice the
    smallest eigenvalue above zero.

    With `step`, the rate of `solve` in steps of that size, −2 log|κ|/step, κ being the largest factor of a step below
    one. At the equilibrium μ, a disturbance δ = √μ u follows u' = −S(τ + Q)u, S = −μ^{-1/2} ∂ μ ∂ μ^{-1/2} and
    Q = √μ ΦᵀΦ √μ/n both symmetric and at least zero; Q, the interaction, makes it faster.

    >>> from theory.gibbs import line
    >>> free = line([1.0], [0.0], 0.5, unit=np.zeros_like, slope=np.zeros_like, count=800)
    >>> round(decay_rate(free, 0.25), 3)  # Ornstein and Uhlenbeck's: 2λ
    1.0

    Raises ValueError for a temperature that is not positive or a negative step. Source: `meanfield`.
    """
    step, temperature = _checks.number("step", step), _checks.number("temperature", temperature, exclusive=True)
    density = equilibrium(problem, temperature)
    lower, upper = _bernoulli(problem, predictions(problem, density), temperature)
    # √(μ_k/μ_{k+1}) upper = √(lower upper): no quotient of densities, which span many decades, is taken.
    diagonal = np.append(lower, 0.0) + np.append(0.0, upper)
    beside = -np.sqrt(lower * upper)
    s = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    weighted = problem.features * np.sqrt(density)
    q = weighted.T @ weighted * (problem.spacing / len(problem.targets))
    identity = np.eye(len(density))
    if step == 0:
        rates = np.sort(np.real(eigvals(s @ (temperature * identity + q))))
        return float(2 * rates[1])
    factors = eigvals(np.linalg.solve(identity + step * temperature * s, identity - step * s @ q))
    return float(-2 * np.log(np.sort(np.abs(factors))[-2]) / step)


def _bernoulli(problem: Line, f: Array, temperature: float) -> tuple[Array, Array]:
    """B(u) and B(−u) over the squared spacing at every boundary, B(u) = u/(e^u − 1), u the step of F'[μ]/τ.

    τ times these are the rates at which mass moves up and down between two nodes.
    """
    u = np.diff(potential(problem, f)) / temperature
    small = np.abs(u) < 1e-8
    safe = np.where(small, 1.0, u)
    up = np.where(small, 1 - u / 2, safe / np.expm1(safe)) / problem.spacing**2
    return up, up + u / problem.spacing**2


def _stepped(problem: Line, density: Array, temperature: float, step: float) -> Array:
    """(1 + step · L) μ⁺ = μ, with L of the potential at μ: a tridiagonal system with columns of sum one."""
    up, down = (step * temperature * rate for rate in _bernoulli(problem, predictions(problem, density), temperature))
    bands = np.zeros((3, len(density)))
    bands[0, 1:], bands[2, :-1] = -down, -up
    bands[1] = 1 + np.append(up, 0.0) + np.append(0.0, down)
    return solve_banded((1, 1), bands, density)


_arithmetic.guard(__name__)

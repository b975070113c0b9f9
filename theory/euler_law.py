"""The law of particles on the line that take noisy Euler steps: exact at m = ∞, and to order 1/m.

One step of size h at temperature τ takes a measure μ to μK[μ], K[μ](θ, ·) = N(θ + h v[μ](θ), 2τh). Integrals against
this kernel are sums over nodes, so that step size and time hold no error: particles are compared with no bias of h.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.gibbs import Line, predictions


@dataclass(frozen=True, eq=False)
class EulerLaw:
    """The law at T steps, on N nodes and n samples."""

    density: Array
    """[T, N]"""
    predictions: Array
    """[T, n]"""


@dataclass(frozen=True, eq=False)
class FiniteLaw(EulerLaw):
    """The law at T steps, and what m particles that are drawn from it at step zero add to it.

    One of them has the density `density` + `bias`/m, and their predictions f_m have the mean of that density and the
    covariance `covariance`/m, all up to O(1/m²).
    """

    bias: Array
    """[T, N]"""
    covariance: Array
    """[T, n, n]"""
    sampling: Array
    """What `covariance` would be for particles drawn anew from the law, Cov_μ(Φ), [T, n, n]."""


def euler_law(problem: Line, density: ArrayLike, step: float, temperatures: ArrayLike, stops: ArrayLike) -> EulerLaw:
    """The law after the steps `stops`, [T], from `density` [N]; `temperatures` [K] holds τ_k of every step.

    Raises ValueError for a step that is not positive, temperatures that are not positive, fewer of them than the last
    stop, and nodes too far apart for the noise, √(2τh) < 1.5 spacings: sums over them would then not be exact.

    >>> from theory.gibbs import line, normal
    >>> problem = line([1.0], [0.0], 0.5)
    >>> law = euler_law(problem, normal(problem, 1.0, 0.5), 0.1, [0.25] * 20, [0, 20])
    >>> bool(np.allclose(law.density.sum(axis=1) * problem.spacing, 1, atol=1e-12))
    True

    Source: `meanfield`.
    """
    q, step, temperatures, wanted = _checked(problem, density, step, temperatures, stops)
    seen = {}
    for k in range(max(wanted) + 1):
        seen[k] = q
        if k < max(wanted):
            q = q @ _kernel(problem, q, step, temperatures[k])[0]
    path = np.stack([seen[k] for k in wanted]) / problem.spacing
    return EulerLaw(path, predictions(problem, path))


def finite_law(problem: Line, density: ArrayLike, step: float, temperatures: ArrayLike, stops: ArrayLike) -> FiniteLaw:
    """`euler_law`, and what m particles add to order 1/m; it takes of the order of N³ operations a step.

    Let G(μ) = μK[μ]. Given the particles' measure μ_m, the next one has the mean G(μ_m) and the covariance Γ/m,
    Γ = diag(μK) − Kᵀ diag(μ) K. So the limits C and b of m Cov μ_m and m (E μ_m − μ) follow

        C ← DG C DGᵀ + Γ,  b ← DG b + ½ D²G[C],  C_0 = diag(μ) − μμᵀ,  b_0 = 0.

    Raises ValueError as `euler_law`.

    >>> from theory.gibbs import line, normal
    >>> problem = line([1.0], [0.0], 0.5)
    >>> law = finite_law(problem, normal(problem, 1.0, 0.5), 0.1, [0.25] * 20, [0, 20])
    >>> law.bias.shape, law.covariance.shape
    ((2, 400), (2, 1, 1))
    >>> bool(law.covariance[1, 0, 0] < law.sampling[1, 0, 0])  # particles work against what they have in common
    True

    Source: `meanfield`.
    """
    q, step, temperatures, wanted = _checked(problem, density, step, temperatures, stops)
    phi, seen = problem.features, {}
    b, e = np.zeros_like(q), -np.outer(q, q)
    for k in range(max(wanted) + 1):
        if k in wanted:
            f = phi @ q
            independent = (phi * q) @ phi.T
            covariance, sampling = phi @ e @ phi.T + independent, independent - np.outer(f, f)
            seen[k] = q / problem.spacing, f, b / problem.spacing, covariance, sampling
        if k < max(wanted):
            q, b, e = _stepped(problem, q, b, e, step, temperatures[k])
    return FiniteLaw(*(np.stack(part) for part in zip(*(seen[k] for k in wanted), strict=True)))


def _checked(
    problem: Line, density: ArrayLike, step: float, temperatures: ArrayLike, stops: ArrayLike
) -> tuple[Array, float, Array, list[int]]:
    """Weights of the nodes, the step, the temperatures and the stops."""
    density = _checks.array("density", density, ["[N]"])
    _checks.same("density", len(density), "nodes", len(problem.nodes))
    step = _checks.number("step", step, exclusive=True)
    temperatures = _checks.array("temperatures", temperatures, ["[K]"])
    wanted = [int(stop) for stop in _checks.array("stops", stops, ["[T]"], minimum=0)]
    if max(wanted) > len(temperatures):
        raise ValueError(f"temperatures must cover every step, got {len(temperatures)} for stop {max(wanted)}")
    if not temperatures.min() > 0 or np.sqrt(2 * temperatures.min() * step) < 1.5 * problem.spacing:
        with np.errstate(over="ignore"):
            least = 1.125 * problem.spacing**2 / np.float64(step)
        raise ValueError(
            f"temperatures must be at least {least:.3g} for nodes {problem.spacing:.3g} apart, "
            f"got {temperatures.min():.3g} with step {step:.3g}"
        )
    return density * problem.spacing, step, temperatures, wanted


def _kernel(problem: Line, q: Array, step: float, temperature: float) -> tuple[Array, Array, float]:
    """K[μ] from node to node, how far each node is from the centre of the noise, and the variance of that."""
    f, n = problem.features @ q, len(problem.targets)
    drift = (problem.targets - f) @ problem.slopes / n - problem.strength * problem.nodes
    variance = 2 * temperature * step
    away = problem.nodes - (problem.nodes + step * drift)[:, None]
    kernel = np.exp(-(away**2) / (2 * variance)) * (problem.spacing / np.sqrt(2 * np.pi * variance))
    return kernel, away, variance


def _stepped(
    problem: Line, q: Array, b: Array, e: Array, step: float, temperature: float
) -> tuple[Array, Array, Array]:
    """One step later: the weights of the nodes, b, and E = C − diag(μ), for which there are two large products to take.

    With DG = Kᵀ + UΦ, U the response to a change of f: E ← KᵀEK + U(ΦC)K + (U(ΦC)K)ᵀ + U(ΦCΦᵀ)Uᵀ.
    """
    kernel, away, variance = _kernel(problem, q, step, temperature)
    phi = problem.features
    # The drift is linear in f: how far f_i moves the centre of the kernel, and derivatives in that centre.
    push = -step / len(problem.targets) * problem.slopes
    first = kernel * away / variance
    second = kernel * (away**2 / variance**2 - 1 / variance)
    response = (push * q) @ first
    common = phi @ e + phi * q
    spread = common @ phi.T
    own = np.sum(common * push, axis=0)
    bias = b @ kernel + (phi @ b) @ response + own @ first + (q * np.sum(push * (spread @ push), axis=0)) @ second / 2
    mixed = response.T @ (common @ kernel)
    return q @ kernel, bias, kernel.T @ (e @ kernel) + mixed + mixed.T + response.T @ spread @ response


_arithmetic.guard(__name__)

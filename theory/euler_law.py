"""The law of particles on the line that take noisy Euler steps: exact at m = ∞, and to order 1/m.

One step of size h at temperature τ takes a measure μ to μK[μ], K[μ](θ, ·) = N(θ + h v[μ](θ), 2τh). Integrals against
this kernel are sums over nodes, so that step size and time hold no error: particles are compared with no bias of h.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _checks
from theory._checks import Array
from theory.gibbs import Line, predictions


@dataclass(frozen=True, eq=False)
class EulerLaw:
    """The law at some steps: T of them, n samples, N nodes.

    For m particles that are drawn from the law at step zero, one of them has the density `density` + `bias`/m, and
    their predictions f_m have the covariance `covariance`/m, both up to O(1/m²), and the mean of that density.
    `sampling` is what `covariance` would be for particles drawn anew from the law, Cov_μ(Φ). The last three are None
    where they were not asked for.
    """

    density: Array
    """[T, N]"""
    predictions: Array
    """[T, n]"""
    bias: Array | None
    """[T, N]"""
    covariance: Array | None
    """[T, n, n]"""
    sampling: Array | None
    """[T, n, n]"""


def euler_law(
    problem: Line,
    density: ArrayLike,
    step: float,
    temperatures: ArrayLike,
    stops: ArrayLike,
    *,
    finite: bool = False,
) -> EulerLaw:
    """The law after the steps `stops`, [T], from `density` [N]; `temperatures` [K] holds τ_k of every step.

    With `finite`, also what m particles add to order 1/m. With G(μ) = μK[μ], and the state μ_m given, the next one has
    mean G(μ_m), and covariance Γ/m, Γ = diag(μK) − Kᵀ diag(μ) K. So the limits C and b of m Cov μ_m and m (E μ_m − μ)
    follow

        C ← DG C DGᵀ + Γ,  b ← DG b + ½ D²G[C],  C_0 = diag(μ) − μμᵀ,  b_0 = 0.

    Raises ValueError for a step that is not positive, temperatures that are not positive, fewer of them than the last
    stop, and nodes too far apart for the noise, √(2τh) < 1.5 spacings: sums over them would then not be exact.

    >>> from theory.gibbs import line, normal
    >>> problem = line([1.0], [0.0], 0.5)
    >>> law = euler_law(problem, normal(problem, 1.0, 0.5), 0.1, [0.25] * 20, [0, 20], finite=True)
    >>> bool(np.allclose(law.density.sum(axis=1) * problem.spacing, 1, atol=1e-12))
    True
    >>> law.bias.shape, law.covariance.shape
    ((2, 400), (2, 1, 1))

    Source: `meanfield`.
    """
    density = _checks.array("density", density, ["[N]"])
    _checks.same("density", len(density), "nodes", len(problem.nodes))
    step = _checks.number("step", step, exclusive=True)
    temperatures = _checks.array("temperatures", temperatures, ["[K]"])
    wanted = [int(stop) for stop in _checks.array("stops", stops, ["[T]"], minimum=0)]
    if max(wanted) > len(temperatures):
        raise ValueError(f"temperatures must cover every step, got {len(temperatures)} for stop {max(wanted)}")
    if not temperatures.min() > 0 or np.sqrt(2 * temperatures.min() * step) < 1.5 * problem.spacing:
        raise ValueError(
            f"temperatures must be at least {1.125 * problem.spacing**2 / step:.3g} for nodes {problem.spacing:.3g} apart, "
            f"got {temperatures.min():.3g}"
        )
    q = density * problem.spacing
    b, c = (np.zeros_like(q), np.diag(q) - np.outer(q, q)) if finite else (None, None)
    seen: dict[int, tuple] = {}
    for k in range(max(wanted) + 1):
        if k in wanted:
            seen[k] = _looked(problem, q, b, c)
        if k < max(wanted):
            q, b, c = _stepped(problem, q, b, c, step, temperatures[k])
    rows = zip(*(seen[k] for k in wanted), strict=True)
    return EulerLaw(*(None if row[0] is None else np.stack(row) for row in rows))


def _looked(problem: Line, q: Array, b: Array | None, c: Array | None) -> tuple:
    phi, density = problem.features, q / problem.spacing
    f = predictions(problem, density)
    if b is None or c is None:
        return density, f, None, None, None
    return density, f, b / problem.spacing, phi @ c @ phi.T, (phi * q) @ phi.T - np.outer(f, f)


def _stepped(problem: Line, q: Array, b: Array | None, c: Array | None, step: float, temperature: float) -> tuple:
    """Weights of the nodes one step later, and the same of what is of order 1/m."""
    phi, n = problem.features, len(problem.targets)
    drift = (problem.targets - phi @ q) @ problem.slopes / n - problem.strength * problem.nodes
    variance = 2 * temperature * step
    away = problem.nodes - (problem.nodes + step * drift)[:, None]
    kernel = np.exp(-(away**2) / (2 * variance)) * (problem.spacing / np.sqrt(2 * np.pi * variance))
    after = q @ kernel
    if b is None or c is None:
        return after, None, None
    # The drift is linear in f: how far f_i moves the centre of the kernel, and derivatives in that centre.
    push = -step / n * problem.slopes
    first = kernel * away / variance
    second = kernel * (away**2 / variance**2 - 1 / variance)
    response = (push * q) @ first
    derivative = kernel.T + response.T @ phi
    own = np.sum((phi @ c) * push, axis=0)
    spread = np.sum(push * ((phi @ c @ phi.T) @ push), axis=0)
    bias = derivative @ b + own @ first + (q * spread) @ second / 2
    noise = np.diag(after) - kernel.T @ (q[:, None] * kernel)
    return after, bias, derivative @ c @ derivative.T + noise

"""Laws of noisy particles on the line, with units tanh(θx + ½): exact for the discrete steps, and in continuous time.

A law depends on the targets, the penalty, the step and the temperature in time, and on nothing else; it is computed
once for all runs.
"""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np

from theory import fokker_planck, gibbs
from theory._checks import Array
from theory.euler_law import FiniteLaw, euler_law, finite_law

SHIFT = 0.5
"""Offset in tanh(θx + SHIFT): without it the unit is odd in θ, and f sees only the odd part of the law."""

INPUTS = np.linspace(-2.0, 2.0, 5)
"""x of the samples."""

NODES = 400
"""Most nodes for the exact law (count): noise that asks for more leaves a run without one."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets at `INPUTS`, and mean and deviation of the initial particles."""

    y: np.ndarray
    mean: float
    deviation: float


NEURONS = Targets((np.tanh(2 * INPUTS + SHIFT) + np.tanh(SHIFT - 2 * INPUTS)) / 2, 1.5, 0.4)
"""A sum of two neurons of the network; particles start about one of them."""

WELLS = Targets(0.7 * np.tanh(2 * INPUTS) - 2, -1.5, 0.3)
"""Even targets below what even units reach: a barrier at θ = 0, and a start on the worse side of it."""


@dataclass(frozen=True)
class Descent:
    """Noisy gradient descent of infinitely many particles: all that their law depends on."""

    targets: Targets
    strength: float
    """λ."""
    step: float
    """h."""
    steps: int
    temperature: float
    """τ at the start."""
    final_temperature: float
    """τ in the end."""
    cooling: float = 0.0
    """Time in which τ goes linearly from one to the other; 0 for a constant temperature."""

    @property
    def temperatures(self) -> Array:
        """τ of every step."""
        share = np.arange(self.steps) * self.step / self.cooling if self.cooling else np.zeros(self.steps)
        return self.temperature + (self.final_temperature - self.temperature) * np.minimum(share, 1.0)

    def risk(self, f: Array) -> Array:
        """Return the mean risk of predictions [T, n, R], [T]."""
        return np.mean((f - self.targets.y[:, None]) ** 2, axis=(1, 2)) / 2

    def at(self, temperature: float) -> "Descent":
        """Return the same descent at a constant temperature."""
        return replace(self, temperature=temperature, final_temperature=temperature, cooling=0.0)

    @property
    def nodes(self) -> Array | None:
        """Nodes for the exact law: over all that particles reach, closer than the noise is wide; None for too many of
        them, and for steps so long that the penalty alone makes particles swing, hλ ≥ 1.
        """
        swing, start = self.step * self.strength, self.targets
        if swing >= 1:
            return None
        hot, cold = (pick(self.temperature, self.final_temperature) for pick in (max, min))
        reach = max(abs(start.mean) + 7 * start.deviation, 1 + 4 * math.sqrt(hot / self.strength / (1 - swing / 2)))
        count = int(np.ceil(2 * reach / min(math.sqrt(2 * cold * self.step), start.deviation) * 1.55)) + 1
        return np.linspace(-reach, reach, count) if count <= NODES else None

    def on(self, nodes: Array) -> tuple[gibbs.Line, Array]:
        """Return the problem on these nodes, and the density of the initial particles."""
        start, reach = self.targets, nodes[-1]
        problem = gibbs.line(INPUTS, start.y, self.strength, shift=SHIFT, reach=reach, count=len(nodes))
        return problem, gibbs.normal(problem, start.mean, start.deviation)


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact law after every step."""

    problem: gibbs.Line
    law: FiniteLaw
    equilibrium: Array
    """The Gibbs measure of itself at the final temperature, [N]."""

    def density(self, m: int) -> Array:
        """Return the density of one of m particles after every step up to O(1/m²), [K + 1, N]."""
        return self.law.density + self.law.bias / m

    def final_energy(self, m: int) -> float:
        """Return E F of m particles after the last step up to O(1/m²): of their law, and what predictions scatter."""
        last = self.density(m)[-1]
        f, penalty = gibbs.predictions(self.problem, last), self.problem.strength / 2 * self.problem.nodes**2
        scatter = np.trace(self.law.covariance[-1]) / m
        risk = (np.sum((f - self.problem.targets) ** 2) + scatter) / (2 * len(f))
        return float(risk + last @ penalty * self.problem.spacing)


@functools.lru_cache(maxsize=32)
def exact(descent: Descent) -> Exact | None:
    """Return the exact law, and what finitely many particles add; None where there are no `nodes`."""
    nodes = descent.nodes
    if nodes is None:
        return None
    problem, start = descent.on(nodes)
    law = finite_law(problem, start, descent.step, descent.temperatures, np.arange(descent.steps + 1))
    return Exact(problem, law, gibbs.equilibrium(problem, descent.final_temperature))


@functools.lru_cache(maxsize=32)
def continuous_predictions(descent: Descent, stops: tuple[int, ...]) -> Array:
    """Return predictions of the law of the Fokker–Planck equation at the times of these steps, the first of them 0, for
    a constant temperature.
    """
    nodes = descent.nodes
    assert nodes is not None
    # Nodes of its own: the error is of second order in their spacing.
    fine, start = descent.on(np.linspace(nodes[0], nodes[-1], 4 * len(nodes) - 3))
    times = np.array(stops[1:]) * descent.step
    after = fokker_planck.solve(fine, start, descent.temperature, times, most=descent.step / 8)
    return gibbs.predictions(descent.on(nodes)[0], np.vstack([start, after])[:, ::4])


@functools.lru_cache(maxsize=32)
def bound_exponent(descent: Descent) -> Array:
    """Return 2τ ∫ ρ after every step, ρ of Holley and Stroock with the oscillation of F'[μ] along the exact law, for a
    constant temperature.

    At every step that of the largest oscillation still to come counts, so that the sum is below the integral.
    """
    found, tau = exact(descent), descent.temperature
    assert found is not None
    oscillations = gibbs.oscillation(found.problem, found.law.predictions)
    worst = np.maximum.accumulate(oscillations[::-1])[::-1][:-1]
    rates = np.array([2 * tau * gibbs.log_sobolev(value, descent.strength, tau) for value in worst])
    return np.append(0.0, np.cumsum(rates) * descent.step)


@functools.lru_cache(maxsize=32)
def energies(descent: Descent) -> Array:
    """Return F of the exact law after every step, for a descent that has `nodes`."""
    nodes = descent.nodes
    assert nodes is not None
    problem, start = descent.on(nodes)
    law = euler_law(problem, start, descent.step, descent.temperatures, np.arange(descent.steps + 1))
    return gibbs.free_energy(problem, law.density, 0.0)


def at_one_temperature(descent: Descent, m: int, stops: np.ndarray) -> dict[str, Array]:
    """Return the law of m particles and its limit after the steps `stops`, and the limit's path after all steps: free
    energy with its bound, m times squared distances and bias of predictions. For a descent that has `nodes`.
    """
    found, tau, exponent = exact(descent), descent.temperature, bound_exponent(descent)
    assert found is not None
    problem, law = found.problem, found.law
    least, density = gibbs.free_energy(problem, found.equilibrium, tau), found.density(m)[stops]
    gaps, bias = gibbs.free_energy(problem, law.density, tau) - least, gibbs.predictions(problem, law.bias)
    squares, independent = (np.trace(one, axis1=1, axis2=2) for one in (law.covariance, law.sampling))
    return {
        "nodes": problem.nodes,
        "density": law.density[stops],
        "density_of_m": density,
        "equilibrium": found.equilibrium,
        "exact_mean": gibbs.predictions(problem, density),
        "other_mean": continuous_predictions(descent, tuple(stops.tolist())),
        "limit_mean": law.predictions[stops],
        "limit_bias": bias[stops],
        "limit_squares": squares[stops],
        "independent_squares": independent[stops],
        "least": np.asarray(least),
        "exact_gap": gibbs.free_energy(problem, density, tau) - least,
        "bound_exponent": exponent[stops],
        "decay_rate": np.asarray(fokker_planck.decay_rate(problem, tau)),
        "path_gap": gaps,
        "path_bound": gaps[0] * np.exp(-exponent),
        "path_squares": squares,
        "path_independent": independent,
        "path_bias": np.linalg.norm(bias, axis=1),
    }


def annealed(descent: Descent, m: int, stops: np.ndarray, hot: float) -> dict[str, Array]:
    """Return what theory says of m particles, and of the limit of many, where a temperature falls.

    Predictions after the steps `stops` and the energy in the end, both also at the final temperature throughout; and
    energies above the Gibbs measure's after all steps, of the limit and of two constant temperatures, `hot` and the
    final one. Nothing where one of them has no `nodes`.
    """
    last, warm = descent.at(descent.final_temperature), descent.at(hot)
    found, other = exact(descent), exact(last)
    if found is None or other is None or warm.nodes is None:
        return {}
    rest = gibbs.free_energy(found.problem, found.equilibrium, 0.0)
    return {
        "exact_mean": gibbs.predictions(found.problem, found.density(m)[stops]),
        "other_mean": gibbs.predictions(other.problem, other.density(m)[stops]),
        "rest": np.asarray(rest),
        "exact_energy": np.asarray(found.final_energy(m)),
        "constant_energy": np.asarray(other.final_energy(m)),
        "path_energy": energies(descent) - rest,
        "path_hot": energies(warm) - rest,
        "path_cold": energies(last) - rest,
    }

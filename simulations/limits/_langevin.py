"""One run of the Langevin study: R networks of m particles each at a temperature, side by side in one simulation.

R networks of one output are one network of R outputs whose particles hold R parameters each, one for every output:
neither the square loss nor the noise knows the difference. That is one program and one loop for all replicas.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import fokker_planck, gibbs, linear_langevin
from theory.euler_law import EulerLaw, FiniteLaw, euler_law, finite_law

SHIFT = 0.5
"""Offset in tanh(θx + SHIFT): without it the unit is odd in θ, and f sees only the odd part of the law."""

INPUTS = np.linspace(-2.0, 2.0, 5)
"""x of the problems on the line."""

NODES = 400
"""Most nodes for the exact law (count): noise that asks for more leaves a run without one."""

SAMPLES, MEAN, DEVIATION = 20, np.array([2.0, -1.0]), 1.0
"""The linear problem: samples (count), and mean and deviation of the initial particles."""


@dataclass(frozen=True)
class Line:
    """Targets on the line, and the law of the initial particles."""

    targets: np.ndarray
    mean: float
    deviation: float


LINES = {
    # A sum of two neurons of the network; particles start about one of them.
    "tanh": Line((np.tanh(2 * INPUTS + SHIFT) + np.tanh(SHIFT - 2 * INPUTS)) / 2, 1.5, 0.4),
    # Even targets below what even units reach: a barrier at θ = 0, and a start on the worse side of it.
    "wells": Line(0.7 * np.tanh(2 * INPUTS) - 2, -1.5, 0.3),
}


@dataclass(frozen=True)
class Parameters:
    """A problem, its particles, and the temperature in time."""

    problem: str = "tanh"
    """Unit and data: linear (θ·x in the plane, random data), tanh (tanh(θx + ½), two neurons to be found) or wells (the
    same unit, targets that put a barrier between two wells).
    """
    particles: int = 32
    """m, particles of a network (count)."""
    replicas: int = 500
    """Networks in a run (count); on the line each comes with its mirror image, of opposite noise."""
    temperature: float = 0.15
    """τ at the start (units of the objective)."""
    final_temperature: float = 0.15
    """τ in the end (units of the objective)."""
    cooling: float = 0.0
    """Time in which τ falls or rises linearly to its final value (mean-field time); 0 keeps it constant."""
    strength: float = 0.25
    """λ in the penalty λ|θ|²/2 (objective / parameter²)."""
    step: float = 0.1
    """h (mean-field time)."""
    time: float = 8.0
    """T, final time (mean-field time)."""
    seed: int = 0
    """Seed of data, initial particles and noise (integer)."""

    def __post_init__(self):
        one_of("problem", self.problem, ("linear", *LINES))
        positive_count("particles", self.particles)
        if positive_count("replicas", self.replicas) < 2:
            raise ValueError("replicas=1: expected at least 2, to tell a mean from its error.")
        for name in ("temperature", "final_temperature", "strength", "step", "time"):
            positive_number(name, getattr(self, name))
        positive_number("cooling", self.cooling, zero=True)
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: shorter than one step; expected at least step={self.step:g}.")
        if self.cooling == 0 and self.final_temperature != self.temperature:
            raise ValueError(
                f"final_temperature={self.final_temperature:g}: expected temperature={self.temperature:g}, as "
                f"cooling=0 keeps the temperature constant."
            )
        if self.problem == "linear" and self.cooling > 0:
            raise ValueError(f"cooling={self.cooling:g}: expected 0, since the linear problem has one temperature.")

    @property
    def stops(self) -> np.ndarray:
        """Steps after which a run is observed (count)."""
        return np.unique(np.rint(self.time / self.step * np.array([0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])).astype(int))

    @property
    def temperatures(self) -> np.ndarray:
        """τ of every step."""
        share = np.arange(self.stops[-1]) * self.step / self.cooling if self.cooling else np.zeros(self.stops[-1])
        return self.temperature + (self.final_temperature - self.temperature) * np.minimum(share, 1.0)


class Networks(mf.AbstractUnit):
    """R units side by side, each with d parameters of its own and a predictor of its own: Φ_r(θ; x) = σ(θ_r·x).

    They are not linear in the first R parameters; no flow needs that.
    """

    outputs: int = eqx.field(static=True)
    activation: Callable = eqx.field(static=True)

    def size(self, d: int) -> int:
        return self.outputs * d

    def __call__(self, theta, x):
        return self.activation(theta.reshape(self.outputs, -1) @ x)


def _linear(z):
    return z


def _tanh(z):
    return jnp.tanh(z + SHIFT)


class Linear(eqx.Module):
    """τ_k that falls linearly from the first to the last value, and stays there; constant temperature is a case of
    it, so that all runs of one shape share a program.
    """

    first: jax.Array
    last: jax.Array
    steps: jax.Array
    """Steps in between; infinitely many for a constant temperature."""

    def __call__(self, k):
        return self.first + (self.last - self.first) * jnp.minimum(k / self.steps, 1.0)


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Simulate R networks, and return what the claims look at with the status."""
    # One shape for every run: m and R are in the key, so that runs of one seed which differ in them are independent.
    rng = np.random.default_rng([run.seed, run.particles, run.replicas, *map(ord, run.problem)])
    key = jax.random.key(int(rng.integers(2**63)))
    if run.problem == "linear":
        return _in_plane(run, rng, key)
    return _on_line(run, rng, key)


def _trajectory(run: Parameters, unit: Networks, x, y, start: np.ndarray, key) -> mf.Trajectory:
    """The flow from `start`, [m, R d], with targets y for each of the R networks."""
    outputs = np.repeat(y[:, None], run.replicas, axis=1).astype(np.float32)
    penalty = mf.WeightDecay(run.strength)
    objective = mf.Objective(unit, mf.Square(), x.astype(np.float32), outputs, penalty=penalty)
    steps = run.cooling / run.step or math.inf
    schedule = Linear(*(jnp.asarray(v, jnp.float32) for v in (run.temperature, run.final_temperature, steps)))
    flow = mf.Langevin(run.step, schedule)
    mu = mf.Particles(start.astype(np.float32))
    return mf.simulate(
        objective, flow, mu, times=run.stops * run.step, key=key, observables=[mf.Predictions(), mf.Positions()]
    )


def plane_data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of the linear problem: x, [n, 2], and y, [n]."""
    rng = np.random.default_rng([seed, 0])
    return rng.normal(size=(SAMPLES, 2)), rng.normal(size=SAMPLES)


def _in_plane(run: Parameters, rng: np.random.Generator, key) -> tuple[dict[str, np.ndarray], str]:
    """Mean and covariance of every cloud."""
    x, y = plane_data(run.seed)
    start = np.tile(MEAN, run.replicas) + DEVIATION * rng.normal(size=(run.particles, 2 * run.replicas))
    trajectory = _trajectory(run, Networks(run.replicas, _linear), x, y, start, key)
    theta = trajectory.values["positions"].reshape(-1, run.particles, run.replicas, 2).astype(float)
    means = theta.mean(axis=1)
    away = theta - means[:, None]
    within = np.einsum("tmri,tmrj->tij", away, away) / (run.particles * run.replicas)
    return {"times": trajectory.times, "means": means, "within": within}, trajectory.status


def _on_line(run: Parameters, rng: np.random.Generator, key) -> tuple[dict[str, np.ndarray], str]:
    """Moments of predictions over networks, of pairs of mirror images, and a histogram of all particles.

    The mirror image of a network has the opposite noise and starts on the opposite side of the mean. In coordinates −θ
    it is the same simulation with the same key, inputs −x, and a start reflected at zero. What is linear in the noise
    cancels in the pair's mean, and only what makes the bias is left.
    """
    line, unit = LINES[run.problem], Networks(run.replicas, _tanh)
    normal = line.deviation * rng.normal(size=(run.particles, run.replicas))
    one = _trajectory(run, unit, INPUTS[:, None], line.targets, line.mean + normal, key)
    other = _trajectory(run, unit, -INPUTS[:, None], line.targets, normal - line.mean, key)
    count = min(len(one.times), len(other.times))  # unequal where one of them has diverged
    f, g = (pair.values["predictions"][:count].astype(float) for pair in (one, other))
    theta = np.concatenate([one.values["positions"][:count], -other.values["positions"][:count]], axis=2).astype(float)
    values = {
        "times": one.times[:count],
        "mean": (f + g).mean(axis=2) / 2,
        "covariance": _covariance(f),
        "pair_covariance": _covariance((f + g) / 2),
        "energy": (_energy(run, f, theta[..., : run.replicas]) + _energy(run, g, theta[..., run.replicas :])) / 2,
        "second_moment": np.mean(theta**2, axis=(1, 2)),
    }
    grid = nodes(run)
    if grid is not None:
        spacing = grid[1] - grid[0]
        edges = np.append(grid - spacing / 2, grid[-1] + spacing / 2)
        values["histogram"] = np.array([np.histogram(row, edges)[0] for row in theta])
    return values, one.status if not one.done else other.status


def _covariance(f: np.ndarray) -> np.ndarray:
    """Over networks, [T, n, R] to [T, n, n]; zero for a single one."""
    away = f - f.mean(axis=2, keepdims=True)
    return np.einsum("tir,tjr->tij", away, away) / max(1, f.shape[2] - 1)


def _energy(run: Parameters, f: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Mean of F(μ_m) over networks, [T]."""
    risk = np.mean((f - LINES[run.problem].targets[:, None]) ** 2, axis=(1, 2)) / 2
    return risk + run.strength / 2 * np.mean(theta**2, axis=(1, 2))


@functools.lru_cache(maxsize=256)
def nodes(run: Parameters) -> np.ndarray | None:
    """Nodes for the exact law: over all that particles reach, closer than the noise is wide; None for too many of them,
    and for steps so long that the penalty alone makes particles swing, hλ ≥ 1.
    """
    line, swing = LINES[run.problem], run.step * run.strength
    if swing >= 1:
        return None
    hot, cold = (pick(run.temperature, run.final_temperature) for pick in (max, min))
    reach = max(abs(line.mean) + 7 * line.deviation, 1.0 + 4.0 * math.sqrt(hot / run.strength / (1 - swing / 2)))
    count = int(np.ceil(2 * reach / min(math.sqrt(2 * cold * run.step), line.deviation) * 1.55)) + 1
    return np.linspace(-reach, reach, count) if count <= NODES else None


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact law of a run on the line, at the steps where it is observed."""

    problem: gibbs.Line
    law: FiniteLaw
    equilibrium: np.ndarray
    """The Gibbs measure of itself at the final temperature, [N]."""


def exact(run: Parameters) -> Exact | None:
    """Return the exact law, which does not depend on particles, replicas and seed; None where `nodes` finds none."""
    return _exact(replace(run, particles=1, replicas=2, seed=0))


@functools.lru_cache(maxsize=32)
def _exact(run: Parameters) -> Exact | None:
    grid = nodes(run)
    if grid is None:
        return None
    problem = _problem(run, grid)
    law = finite_law(problem, _start(run, problem), run.step, run.temperatures, run.stops)
    return Exact(problem, law, gibbs.equilibrium(problem, run.final_temperature))


def path(run: Parameters) -> EulerLaw:
    """The exact law after every step, for a run that has one."""
    return euler_law(*_every_step(run))


def finite_path(run: Parameters) -> FiniteLaw:
    """Return the exact law after every step with what finitely many particles add, for a run that has one."""
    return finite_law(*_every_step(run))


def _every_step(run: Parameters) -> tuple:
    found = exact(run)
    assert found is not None
    start = _start(run, found.problem)
    return found.problem, start, run.step, run.temperatures, np.arange(run.stops[-1] + 1)


@functools.lru_cache(maxsize=32)
def continuous(run: Parameters) -> np.ndarray:
    """Densities of the Fokker–Planck equation at the observed times, [T, N], for a run that has an exact law."""
    grid = nodes(run)
    assert grid is not None

    def temperature(time: float) -> float:
        share = min(1.0, time / run.cooling) if run.cooling else 0.0
        return run.temperature + (run.final_temperature - run.temperature) * share

    # Nodes of its own: the error is of second order in their spacing.
    fine = _problem(run, np.linspace(grid[0], grid[-1], 4 * len(grid) - 3))
    began = _start(run, fine)
    after = fokker_planck.solve(fine, began, temperature, run.stops[1:] * run.step, most=run.step / 8)
    return np.vstack([began, after])[:, ::4]


def _problem(run: Parameters, grid: np.ndarray) -> gibbs.Line:
    targets = LINES[run.problem].targets
    return gibbs.line(INPUTS, targets, run.strength, shift=SHIFT, reach=grid[-1], count=len(grid))


def _start(run: Parameters, problem: gibbs.Line) -> np.ndarray:
    return gibbs.normal(problem, LINES[run.problem].mean, LINES[run.problem].deviation)


@functools.lru_cache(maxsize=256)
def plane_law(run: Parameters, *, continuous: bool = False, every: bool = False) -> linear_langevin.CloudLaw:
    """The exact law of the linear problem at the observed steps (or `every` one), or that of continuous time."""
    given = (*plane_data(run.seed), run.strength, run.temperature)
    stops = np.arange(run.stops[-1] + 1) if every else run.stops
    if continuous:
        return linear_langevin.continuous(*given, stops * run.step, mean=MEAN, deviation=DEVIATION)
    return linear_langevin.discrete(*given, run.step, stops, mean=MEAN, deviation=DEVIATION)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run."""
    if run.problem == "linear":
        law = plane_law(run)
        within = (1 - 1 / run.particles) * law.spread[:, None, None] * np.eye(2)
        return {"mean": law.mean, "covariance": law.fluctuation / run.particles, "within": within}
    found = exact(run)
    if found is None:
        return {}
    law, m = found.law, run.particles
    density = law.density + law.bias / m
    return {
        "mean": gibbs.predictions(found.problem, density),
        "covariance": law.covariance / m,
        "density": density,
        "equilibrium": found.equilibrium,
    }

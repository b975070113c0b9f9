"""One run of sparse deconvolution: instances, their optimum, conic particle descent, and what theory says of each."""

import functools
import math
from dataclasses import dataclass, replace

import jax
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.optimisation import _modes
from theory import sparse_rates
from theory.deconvolution import Problem
from theory.sparse_optimum import Optimum, solve

TRIED = 8
"""Instances that are drawn, at most, for each one that is wanted."""

SIDE = {1: 4096, 2: 128}
"""Points an axis on which the certificate is looked at."""

LOOKS = 4
"""Gaps are certified at the last time and every so many times before it."""

SHOWN = 128
"""Up to this many particles, a record keeps the paths of its first instance."""


@dataclass(frozen=True)
class Parameters:
    """Instances of one kind, and the particles that solve them."""

    dimension: int = 1
    """d, of the torus [0, 1)^d: 1 or 2 (count)."""
    order: int = 7
    """Highest frequency that is measured along an axis (1 / period)."""
    spikes: int = 5
    """Spikes in the truth (count); weights are uniform on [½, 3/2]."""
    positive: bool = False
    """Whether all true weights are positive; if not, signs alternate."""
    separation: float = 0.14
    """Least distance of two true spikes (period)."""
    noise: float = 0.04
    """Standard deviation of the noise of one measurement (output units); a unit spike has mean square 1."""
    strength: float = 0.1
    """λ, of the total-variation norm (output units)."""
    particles: int = 32
    """m, particles (count)."""
    start: str = "uniform"
    """uniform (all over the torus, both signs, mass 1 in all) or local (within `offset` of the optimum)."""
    offset: float = 1e-4
    """Size of the perturbation of a local start (share of the weights, and of 1/(2π order))."""
    signs: str = "both"
    """Signs of the particles of a uniform start: both, or plus."""
    growth: float = 0.05
    """α: a mass changes by exp(−4αJ') a step (1 / output units²)."""
    transport: float = 5e-4
    """β: a position moves by −β∇J' a step (period² / output units²)."""
    moving: bool = True
    """Whether particles move at all; if not, only masses change."""
    metric: str = "mass"
    """mass (steps as above, the conic metric) or plain (α/m and β/m: gradient descent on all r_j and θ_j)."""
    steps: int = 3000
    """Steps (count)."""
    folds: float = 15.0
    """An instance is taken if theory's slowest mode falls by this many e-folds within the steps (count)."""
    instances: int = 4
    """Instances that pass this screen and are run (count)."""
    seed: int = 0
    """Seed of spikes, noise and initial particles (integer)."""

    def __post_init__(self):
        for name in ("order", "spikes", "particles", "steps", "instances"):
            positive_count(name, getattr(self, name))
        for name in ("strength", "offset", "growth", "transport", "folds"):
            positive_number(name, getattr(self, name))
        for name in ("separation", "noise"):
            positive_number(name, getattr(self, name), zero=True)
        one_of("start", self.start, ("uniform", "local"))
        one_of("signs", self.signs, ("both", "plus"))
        one_of("metric", self.metric, ("mass", "plain"))
        if self.dimension not in SIDE:
            raise ValueError(f"dimension={self.dimension}: expected 1 or 2.")
        if self.offset > 0.1:
            raise ValueError(f"offset={self.offset:g}: no longer local, expected at most 0.1.")
        if self.start == "local" and not (self.moving and self.particles >= self.spikes):
            raise ValueError(
                f"start='local': measures how particles converge, expected moving=true and at least one particle for "
                f"each of {self.spikes} spikes."
            )
        if self.room < 1e-4:
            raise ValueError(
                f"separation={self.separation:g}: no room to speak of for {self.spikes} spikes, expected less."
            )
        if self.order > 20:
            raise ValueError(f"order={self.order}: the certificate's grid is made for orders up to 20.")

    @property
    def room(self) -> float:
        """Probability that uniform positions keep their distance; in two dimensions a bound from below."""
        if self.dimension == 1:
            return max(0.0, 1 - self.spikes * self.separation) ** (self.spikes - 1)
        return math.prod(max(0.0, 1 - i * math.pi * self.separation**2) for i in range(self.spikes))

    @property
    def side(self) -> int:
        """Points an axis on which the certificate is looked at."""
        return SIDE[self.dimension]


@dataclass(frozen=True, eq=False)
class Instance:
    """One deconvolution, its true spikes and its optimum."""

    problem: Problem
    truth: np.ndarray
    """(weight, position), [spikes, 1 + d]."""
    optimum: Optimum
    slowest: float
    """Predicted rate of J − min J in the end, all modes excited (1 / step)."""


def screened(run: Parameters) -> tuple[list[Instance], int]:
    """(instances that pass the screen, how many were looked at). Only theory is asked: no particle has moved yet."""
    # Runs that differ in these alone see the same instances.
    return _screened(
        replace(run, particles=run.spikes, start="uniform", offset=1e-4, signs="both", moving=True, metric="mass")
    )


@functools.lru_cache(maxsize=64)
def _screened(run: Parameters) -> tuple[list[Instance], int]:
    taken: list[Instance] = []
    tried = 0
    while len(taken) < run.instances and tried < TRIED * run.instances:
        made = _instance(replace(run, growth=0.05, transport=5e-4, steps=1, folds=1.0, instances=1), tried)
        tried += 1
        if made is None:
            continue
        slowest = sparse_rates.slowest(made.optimum, run.growth, run.transport, run.side)
        if slowest * run.steps >= run.folds:
            taken.append(replace(made, slowest=slowest))
    return taken, tried


@functools.lru_cache(maxsize=1024)
def _instance(run: Parameters, number: int) -> Instance | None:
    """The instance of that number, or None where the optimum is not proved."""
    data = mf.datasets.spikes(
        [run.seed, number],
        run.order,
        spikes=run.spikes,
        dimension=run.dimension,
        separation=run.separation,
        noise=run.noise,
        positive=run.positive,
    )
    assert data.truth is not None
    positions = np.asarray(data.truth.position[:, 1:])
    weights = np.asarray(data.truth.position[:, 0] * data.truth.mass)
    problem = Problem(np.asarray(data.y), run.order, run.dimension, run.strength)
    # A spike of weight w that is alone is found with w − λ: Newton's method starts from there.
    guess = np.sign(weights) * np.maximum(np.abs(weights) - run.strength, 0.05)
    optimum = solve(problem, guess, positions, run.side)
    if not optimum.proved:
        return None
    return Instance(problem, np.column_stack([weights, positions]), optimum, 0.0)


def positions(objective: mf.Objective, mu: mf.Particles):
    """Sign and place of every particle."""
    return mu.position


def masses(objective: mf.Objective, mu: mf.Particles):
    """Mass of every particle."""
    return mu.mass


def uniform_start(run: Parameters, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(sign and place, mass): pairs of both signs on a lattice over the torus that is shifted at random."""
    rng = np.random.default_rng([run.seed, number, run.particles])
    apart = 2 if run.signs == "both" else 1
    j, count = np.arange(run.particles) // apart, -(-run.particles // apart)
    if run.dimension == 1:
        place = (j / count)[:, None]
    else:  # fractional parts of multiples of the plastic number's powers: even for every count
        plastic = 1.324717957244746
        place = np.column_stack([j / plastic, j / plastic**2])
    sign = 1.0 - 2.0 * (np.arange(run.particles) % apart)
    place = (place + rng.uniform(size=run.dimension)) % 1
    return np.column_stack([sign, place]), np.full(run.particles, 1 / run.particles)


def descend(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from particles on some instances."""
    with jax.enable_x64(True):
        found, tried = screened(run)
        if run.start == "local":
            found = [one for one in found if len(one.optimum.weights) <= run.particles]
        if not found:
            return {"tried": np.array(tried)}, f"stopped: none of {tried} instances passes the screen"
        starts = [
            uniform_start(run, number)
            if run.start == "uniform"
            else _modes.local_start(
                one.optimum,
                run.particles,
                run.growth,
                run.transport,
                run.offset,
                run.side,
                [run.seed, number, run.particles],
            )
            for number, one in enumerate(found)
        ]
        x = mf.units.spikes.fourier(run.order, run.dimension)
        penalty = mf.penalties.TotalMass(run.strength)
        objectives = [mf.Objective(mf.units.Spike(), mf.Square(), x, one.problem.y, penalty=penalty) for one in found]
        share = run.particles if run.metric == "plain" else 1
        flow = mf.ConicFlow(1.0, run.growth / share, run.transport / share if run.moving else 0.0, signed=True)
        trajectories = mf.simulate_replicas(
            objectives,
            flow,
            [mf.Particles(*start[:2]) for start in starts],
            times=_times(run.steps),
            observables={"positions": positions, "masses": masses},
        )
    failed = [trajectory.status for trajectory in trajectories if not trajectory.done]
    if failed:
        return {"tried": np.array(tried)}, failed[0]
    values = _of_all(run, found, trajectories) | {"tried": np.array(tried), "times": trajectories[0].times}
    if run.start == "local":
        values |= _modes.measured(run, found, starts, trajectories)
    if run.particles <= SHOWN:
        values |= _of_first(found[0], trajectories[0])
    return values, "done"


def _of_all(run: Parameters, found: list[Instance], trajectories) -> dict[str, np.ndarray]:
    """Per instance: what is known in advance [R], excess over time [R, T], and gaps at every `LOOKS`-th time."""
    excess, gap, naive = [], [], []
    for one, trajectory in zip(found, trajectories, strict=True):
        mass, place = trajectory.values["masses"], trajectory.values["positions"]
        excess.append(_modes.excess(one.optimum, mass, place))
        if run.start == "uniform":
            pairs = [(p * at[:, 0], at[:, 1:]) for p, at in zip(mass[::-LOOKS], place[::-LOOKS], strict=True)][::-1]
            gap.append([one.problem.gap(*pair, run.side) for pair in pairs])
            naive.append([one.problem.gap(*pair, run.side, feasible=False) for pair in pairs])
    values = {
        "slowest": np.array([one.slowest for one in found]),
        "least": np.array([one.optimum.value for one in found]),
        "atoms": np.array([len(one.optimum.weights) for one in found]),
        "floor": np.array([one.problem.floor(one.optimum.weights, one.optimum.positions, run.side) for one in found]),
        "excess": np.array(excess),
    }
    return values | ({"gap": np.array(gap), "naive_gap": np.array(naive)} if gap else {})


def _of_first(one: Instance, trajectory) -> dict[str, np.ndarray]:
    """Paths and spikes of the first instance, for the picture."""
    return {
        "truth": one.truth,
        "found": np.column_stack([one.optimum.weights, one.optimum.positions]),
        "y": one.problem.y,
        "positions": trajectory.values["positions"],
        "masses": trajectory.values["masses"],
    }


def _times(steps: int) -> np.ndarray:
    """Step 0 and log-spaced ones, each once."""
    return np.unique(np.concatenate([[0.0], np.rint(np.geomspace(1, steps, 40))]))


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return what theory says of the first instance: its optimum, min J, and the rates of three families (1 / step)."""
    with jax.enable_x64(True):
        found, _ = screened(run)
    if not found:
        return {}
    optimum = found[0].optimum
    curvature, _ = sparse_rates.curvatures(optimum)
    _, _, far = sparse_rates.far_minima(optimum, run.side)
    return {
        "spikes": np.column_stack([optimum.weights, optimum.positions]),
        "least": np.array(optimum.value),
        "collective": sparse_rates.collective(optimum, run.growth, run.transport).rates,
        "spread": -2 * np.log(np.abs(1 - run.transport * curvature)),
        "far": 4 * run.growth * far,
        "slowest": np.array(found[0].slowest),
    }

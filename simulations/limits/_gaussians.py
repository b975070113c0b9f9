"""Two isotropic Gaussians told apart by networks of N particles in one pass of stochastic gradient descent."""

import functools
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import positive_count, positive_number
from theory.radial_pde import FROM, LOW, SLOPE, TO, RadialProblem

LEVELS = (1, 2, 4)
"""Multiples of the step ε with which the same networks are trained, to see and to take off the error of a step."""

ROUND = 64
"""Networks are filled up to a multiple of so many particles with some of mass zero, which nothing feels: one program
serves several N.
"""

SMOOTH = 4.0
"""Up to here radii move together, and Gauss points suffice for the equation (paper's time)."""


@dataclass(frozen=True)
class Parameters:
    """Networks, data and training. Time and step are those of Mei, Montanari & Nguyen: half of mean-field time."""

    particles: int = 100
    """N, particles (count)."""
    dimension: int = 40
    """d, inputs (count)."""
    separation: float = 0.8
    """Δ: the two classes have standard deviations 1 ± Δ (input units)."""
    length: float = 0.8
    """s: particles start as N(0, s²/d) (parameter units)."""
    time: float = 2.0
    """T, final time (the paper's time)."""
    steps: int = 48
    """1/ε, steps in a unit of time (count, a multiple of 4)."""
    batch: int = 200
    """B, fresh samples of a step (count)."""
    replicas: int = 8
    """Independent networks of one run (count)."""
    tested: int = 2000
    """Test samples, common to the networks of a run and to the equation (count, even)."""
    seed: int = 0
    """Seed of particles and samples (integer)."""

    def __post_init__(self):
        for name in ("particles", "dimension", "steps", "batch", "replicas", "tested"):
            positive_count(name, getattr(self, name))
        for name in ("separation", "length", "time"):
            positive_number(name, getattr(self, name))
        if self.dimension < 2:
            raise ValueError(f"dimension={self.dimension}: expected at least 2.")
        if self.separation >= 1:
            raise ValueError(f"separation={self.separation:g}: expected a number below 1.")
        if self.steps % LEVELS[-1]:
            raise ValueError(f"steps={self.steps}: expected a multiple of {LEVELS[-1]}, for steps of 2ε and 4ε.")
        if self.tested % 2:
            raise ValueError(f"tested={self.tested}: expected an even number, half of each class.")
        if self.time < LEVELS[-1] / self.steps:
            raise ValueError(f"time={self.time:g}: shorter than 4ε; expected at least {LEVELS[-1] / self.steps:g}.")


def problem(run: Parameters, **points) -> RadialProblem:
    """Return the problem of a run as theory knows it."""
    return RadialProblem(run.dimension, run.separation, run.length, **points)


def times(run: Parameters) -> np.ndarray:
    """When networks are looked at, whole steps of 4ε: four times, or eight in a long run."""
    count = 4 if run.time <= SMOOTH else 8
    return np.unique(np.rint(np.linspace(0, run.time, count + 1) * run.steps / LEVELS[-1])) * LEVELS[-1] / run.steps


class Ramp(mf.AbstractUnit):
    """Φ(w; x) = σ(w·x), low below ½, high above 3/2, linear between: no output weight."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return LOW + SLOPE * jnp.clip(theta @ x - FROM, 0.0, TO - FROM)


class Gaussians(eqx.Module):
    """Fresh samples: y = ±1 with equal odds, x ~ N(0, (1 + yΔ)² I)."""

    dimension: int = eqx.field(static=True)
    separation: jax.Array

    def __call__(self, key, batch):
        signs, inputs = jax.random.split(key)
        y = jax.random.rademacher(signs, (batch,), jnp.float32)
        x = jax.random.normal(inputs, (batch, self.dimension), jnp.float32)
        return x * (1 + self.separation * y)[:, None], y


@functools.lru_cache(maxsize=64)
def _equation(alike: RadialProblem, steps: int, at: tuple[float, ...]):
    """For every level: (f on a grid of |x| for every time, risks) of the equation in steps of that level.

    The last one is the equation itself, integrated to high order.
    """
    lengths = np.linspace(0, alike.inputs[0].max(), 600)
    solved = []
    for step in (*(level / steps for level in LEVELS), None):
        flow = alike.integrate(at) if step is None else alike.integrate(at, step=step, method="euler")
        solved.append((np.stack([alike.predictor(radii, lengths) for radii in flow.radii]), flow.risk))
    return lengths, solved


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """By how much the risks of N particles exceed that of the equation in the same steps, on common samples.

    `excess` [levels, replicas, times] is the mean of (y − f_N)² − (y − f)², with the expectation R_N − R, and
    `square_deviation` that of (f_N − f)². The engine's loss has a factor ½ and its velocity none of 2: steps of 2ε
    there, and twice the time.
    """
    key = functools.reduce(jax.random.fold_in, (run.particles, run.steps, run.batch), jax.random.key(run.seed))
    sampler = Gaussians(run.dimension, jnp.asarray(run.separation, jnp.float32))
    tests, starts, streams = jax.random.split(key, 3)
    x, y = _balanced(sampler, tests, run.tested)
    objective = mf.Objective(Ramp(), mf.Square(), x, y)
    filled = -(-run.particles // ROUND) * ROUND
    mass = np.where(np.arange(filled) < run.particles, 1 / run.particles, 0.0)
    mus = [
        mf.Particles(_positions(jax.random.fold_in(starts, replica), filled, run.dimension, run.length), mass)
        for replica in range(run.replicas)
    ]
    lengths, solved = _equation(problem(run), run.steps, tuple(times(run)))
    norms, y = np.linalg.norm(np.asarray(x, float), axis=1), np.asarray(y, float)
    excess, deviation, paths = [], [], np.zeros(0)
    for level, (table, _) in zip(LEVELS, solved[:-1], strict=True):
        flow = mf.SGD(2.0 * level / run.steps, run.batch, sampler=sampler)
        keys = [jax.random.fold_in(jax.random.fold_in(streams, level), replica) for replica in range(run.replicas)]
        trajectories = mf.simulate_replicas(
            objective,
            flow,
            mus,
            times=2 * times(run),
            observables={"predictions": mf.Predictions(), "radii": radii},
            keys=keys,
        )
        failed = [one.status for one in trajectories if not one.done]
        if failed:
            return {"times": times(run)}, failed[0]
        f = np.stack([np.interp(norms, lengths, row) for row in table])
        networks = np.stack([one.values["predictions"] for one in trajectories]).astype(float)
        excess.append(np.mean((y - networks) ** 2 - (y - f) ** 2, axis=2))
        if level == 1:
            paths = trajectories[0].values["radii"][:, : run.particles]
        deviation.append(np.mean((networks - f) ** 2, axis=2))
    risks = np.stack([risk for _, risk in solved])
    return {
        "times": times(run),
        "radii": paths,
        "excess": np.stack(excess),
        "square_deviation": np.stack(deviation),
        "euler_risk": risks[:-1],
        "risk": risks[-1],
    }, "done"


def radii(objective, mu: mf.Particles):
    """|θ_j|."""
    return jnp.linalg.norm(mu.position, axis=1)


@eqx.filter_jit
def _balanced(sampler: Gaussians, key, count: int):
    """As many samples of each class."""
    y = jnp.tile(jnp.array([1.0, -1.0], jnp.float32), count // 2)
    x = jax.random.normal(key, (count, sampler.dimension), jnp.float32)
    return x * (1 + sampler.separation * y)[:, None], y


@eqx.filter_jit
def _positions(key, m: int, d: int, length):
    return length / np.sqrt(d) * jax.random.normal(key, (m, d), jnp.float32)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory: the risk of infinitely many particles, and N (R_N − R) at the start."""
    points = {} if run.time <= SMOOTH else {"rule": "quantiles", "radii": 400}
    flow = problem(run, **points).integrate(times(run))
    return {"times": times(run), "risk": flow.risk, "start_coefficient": np.asarray(problem(run).variance())}

"""A soft committee machine that learns another one on-line: many independent runs, seen through their overlaps."""

import functools
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory.order_fluctuations import Expansion, expand
from theory.order_parameters import Committee

TOGETHER = 32
"""Replicas in one program: with more of them it takes longer to compile than they take to run."""


ROUND = 96
"""Inputs are filled up to a multiple of so many with zeros, so that one program serves several d."""


@dataclass(frozen=True)
class Parameters:
    """A student, its teacher, and how long it learns."""

    dimension: int = 200
    """d, inputs (count); at least twice the neurons."""
    neurons: int = 2
    """K, hidden neurons of the student, and of the teacher (count)."""
    rate: float = 1.0
    """η, learning rate: w_i ← w_i + (η/d) δ_i x (dimensionless)."""
    start: str = "apart"
    """Overlaps at the start: apart (each student neuron already leans to a teacher of its own) or plateau (all alike,
    the symmetric fixed point).
    """
    time: float = 4.0
    """T, samples seen over d (dimensionless)."""
    replicas: int = 32
    """Independent students of one run (count)."""
    seed: int = 0
    """Seed of all samples (integer)."""

    def __post_init__(self):
        one_of("start", self.start, ("apart", "plateau"))
        for name in ("dimension", "neurons", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("rate", "time"):
            positive_number(name, getattr(self, name))
        if self.dimension < 2 * self.neurons:
            raise ValueError(f"dimension={self.dimension}: expected at least {2 * self.neurons}, twice the neurons.")
        if self.time * self.dimension < 1:
            raise ValueError(f"time={self.time:g}: shorter than one sample; expected at least {1 / self.dimension:g}.")
        try:
            initial(self)
        except ValueError as error:
            raise ValueError(
                f"rate={self.rate:g}: expected one at which {self.neurons} neuron(s) have a plateau, or start='apart'."
            ) from error


def committee(run: Parameters, quadratic: bool = True) -> Committee:
    """The student and a teacher of orthogonal unit vectors, as theory knows them."""
    return Committee(run.neurons, np.eye(run.neurons), run.rate, quadratic)


def initial(run: Parameters) -> np.ndarray:
    """The overlaps at the start, which all replicas have exactly."""
    return _initial(run.neurons, run.rate, run.start)


@functools.lru_cache(maxsize=64)
def _initial(k: int, rate: float, start: str) -> np.ndarray:
    pair = Committee(k, np.eye(k), rate)
    if start == "plateau":
        return pair.plateau()
    unit, alone = np.arange(k) / max(1, k - 1), np.eye(k) > 0
    q = np.where(alone, np.diag(0.5 - 0.1 * unit), 0.05)
    r = np.where(alone, np.diag(0.3 - 0.05 * unit), np.where(np.tri(k) > 0, 0.02, 0.05))
    return pair.pack(q, r)


def times(run: Parameters) -> np.ndarray:
    """When overlaps are looked at: thirteen times, in units of d samples."""
    return np.unique(np.rint(np.linspace(0, run.time, 13) * run.dimension)) / run.dimension


class HiddenNeuron(mf.AbstractUnit):
    """Φ(w; x) = erf(w·x/√2): all output weights are one, and stay so."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return jax.scipy.special.erf(theta @ x / np.sqrt(2))


class Stream(eqx.Module):
    """Fresh samples x ~ N(0, I_d), filled up with zeros, and the answers of neurons that point along the first axes."""

    neurons: int = eqx.field(static=True)
    present: jax.Array
    """1 for each of the d inputs, 0 behind them."""

    def __call__(self, key, batch):
        x = jax.random.normal(key, (batch, len(self.present)), jnp.float32) * self.present
        return x, jnp.sum(jax.scipy.special.erf(x[:, : self.neurons] / np.sqrt(2)), axis=1)


def overlaps(objective, mu: mf.Particles):
    """The state of theory: the upper triangle of w w', and w b', b being unit vectors along the first axes."""
    w = mu.position
    return jnp.concatenate([(w @ w.T)[np.triu_indices(mu.m)], w[:, : mu.m].ravel()])


def learn(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Overlaps [replicas, times, s] of all students.

    The engine descends ½ (f − y)²/α² in f = (α/K) Σ_i erf(w_i·x/√2). With α = K its velocity is δ_i x/K, and steps of
    h = K η/d are the ones of the committee; d of them are a time of K η.
    """
    k, d, filled = run.neurons, run.dimension, -(-run.dimension // ROUND) * ROUND
    weights = np.zeros((k, filled))
    q, r = committee(run).unpack(initial(run))
    values, vectors = np.linalg.eigh(q - r @ r.T)
    weights[:, :k], weights[:, k : 2 * k] = r, vectors * np.sqrt(np.maximum(values, 0.0))
    mu = mf.Particles(np.asarray(weights, np.float32))
    unseen = np.zeros((1, filled), np.float32), np.zeros(1, np.float32)  # the objective's own samples are not used
    objective = mf.Objective(HiddenNeuron(), mf.Square(), *unseen, scale=float(k))
    flow = mf.SGD(k * run.rate / d, 1, sampler=Stream(k, jnp.asarray(np.arange(filled) < d, jnp.float32)))
    key = functools.reduce(jax.random.fold_in, (run.seed, d, run.start == "plateau"), jax.random.key(7))
    keys = [jax.random.fold_in(key, replica) for replica in range(run.replicas)]
    trajectories = []
    for i in range(0, run.replicas, TOGETHER):
        trajectories += mf.simulate_replicas(
            objective,
            flow,
            mu,
            times=times(run) * k * run.rate,
            observables={"overlaps": overlaps},
            keys=keys[i : i + TOGETHER],
        )
    failed = [one.status for one in trajectories if not one.done]
    if failed:
        return {"times": times(run)}, failed[0]
    seen = np.stack([one.values["overlaps"] for one in trajectories])
    return {"times": times(run), "overlaps": seen}, "done"


def expansion(run: Parameters, at: np.ndarray | None = None) -> Expansion:
    """Limit, first order in 1/d, and fluctuations at the times of a run, or others."""
    return _expansion(_alike(run), tuple(map(float, times(run) if at is None else at)))


def without_noise_of_steps(run: Parameters) -> np.ndarray:
    """The limit as it would be without the terms in η²: wrong, for controls."""
    return _without_noise_of_steps(_alike(run), tuple(map(float, times(run))))


def _alike(run: Parameters) -> Parameters:
    """Return the run without what its equations do not depend on, so that they are solved once."""
    return replace(run, dimension=100 * run.neurons, replicas=1, seed=0, time=1.0)


@functools.lru_cache(maxsize=64)
def _expansion(run: Parameters, at: tuple[float, ...]) -> Expansion:
    return expand(committee(run), initial(run), at)


@functools.lru_cache(maxsize=64)
def _without_noise_of_steps(run: Parameters, at: tuple[float, ...]) -> np.ndarray:
    return committee(run, quadratic=False).integrate(initial(run), at)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory: overlaps of the limit, generalisation error with its first order in 1/d."""
    found, error = expansion(run), committee(run).error
    return {
        "times": times(run),
        "overlaps": found.limit,
        "error_limit": error(found.limit),
        "error": found.mean(error, run.dimension),
        "error_deviation": found.deviation(error, run.dimension),
    }

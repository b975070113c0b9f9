"""A linearised network with a ridge: as the least-squares problem that theory knows, and as the engine's objective."""

import functools
import zlib
from dataclasses import dataclass

import jax
import numpy as np

import meanfield as mf
from theory.finite_sums import LeastSquares
from theory.label_noise import features


@dataclass(frozen=True, eq=False)
class Lazy:
    """One instance: tanh neurons a = ±1, w ~ N(0, I), inputs on the unit sphere, targets within reach but for noise."""

    x: np.ndarray
    y: np.ndarray
    position: np.ndarray
    problem: LeastSquares

    @property
    def start(self) -> np.ndarray:
        """b = (θ_j/√m)_j at the start, [p]."""
        return self.flat(self.position)

    def flat(self, position: np.ndarray) -> np.ndarray:
        """b of positions [..., m, d + 1]."""
        return position.reshape(*position.shape[:-2], -1) / np.sqrt(len(self.position))

    def engine(self) -> tuple[mf.Objective, mf.Particles]:
        """The network to be linearised, and its particles; to be called where JAX has 64 bits."""
        unit, penalty = mf.Neuron("tanh"), mf.WeightDecay(self.problem.ridge)
        return mf.Objective(unit, mf.Square(), self.x, self.y, penalty=penalty), mf.Particles(self.position)


@functools.lru_cache(maxsize=64)
def instance(particles: int, dimension: int, samples: int, ridge: float, noise: float, seed: int) -> Lazy:
    """Data and network of one seed."""
    random = np.random.default_rng([seed, particles, dimension, samples])
    x = random.normal(size=(samples, dimension))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    position = random.normal(size=(particles, dimension + 1))
    position[:, 0] = np.sign(position[:, 0])
    phi = features(position, x).reshape(samples, -1)
    away = random.normal(size=phi.shape[1])
    change = phi @ away + noise * random.normal(size=samples)
    f = np.tanh(x @ position[:, 1:].T) @ position[:, 0] / particles
    start = position.ravel() / np.sqrt(particles)
    return Lazy(x, f + change, position, LeastSquares(phi, change + phi @ start, ridge))


def key_of(run) -> jax.Array:
    """The key of a run, which follows from all of its parameters: runs of one seed that differ in others are
    independent given the data.
    """
    return jax.random.fold_in(jax.random.key(run.seed), np.uint32(zlib.crc32(repr(run).encode())))


def positions(objective, mu: mf.Particles):
    """An observable: where the particles are."""
    return mu.position


def walk(lazy: Lazy, flow: mf.Flow, times: np.ndarray, replicas: int, key) -> tuple[np.ndarray, str]:
    """b [replicas, T, p] of independent runs of the linearised network, and "done" or what happened to the first that
    failed.
    """
    objective, mu = lazy.engine()
    keys = jax.random.split(key, replicas)
    watched = {"positions": positions}
    runs = mf.simulate_replicas(objective, mf.TangentFlow(flow), mu, times=times, observables=watched, keys=keys)
    failed = [run.status for run in runs if not run.done]
    if failed:
        return np.zeros(0), failed[0]
    return lazy.flat(np.stack([run.values["positions"] for run in runs])), "done"

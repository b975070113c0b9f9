"""Networks that fit their data, and drift to flat minima while their labels are noisy."""

import functools
import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.optimisation._lazy import positions
from theory.label_noise import curvatures, features, slow_flow

SETTINGS = ("base", "batch", "noise", "cold")
"""A step η on B samples with noise σ; (η/2, B/2, σ) and (η/2, B, √2 σ), of the same temperature T = ησ²/B; and
(η/2, B, σ), of half of it, which is run twice as long.
"""

TIMES = 9
"""Observations, evenly spaced from 0 on; of `cold` twice as many intervals."""


OUTPUT = 2.0
"""Standard deviation of output weights: at the start, minima are sharp."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """tanh neurons a ~ N(0, 4), w ~ N(0, I), and the values that they have at inputs on the unit sphere."""

    x: np.ndarray
    position: np.ndarray

    @property
    def y(self) -> np.ndarray:
        return np.tanh(self.x @ self.position[:, 1:].T) @ self.position[:, 0] / len(self.position)

    @property
    def smoothness(self) -> float:
        """max_i |φ_i|² at the start."""
        return float(np.max(np.sum(features(self.position, self.x) ** 2, axis=(1, 2))))


@functools.lru_cache(maxsize=64)
def fitted(particles: int, dimension: int, samples: int, seed: int) -> Fitted:
    """Data and network of one seed."""
    random = np.random.default_rng([seed, particles, dimension, samples, 1])
    x = random.normal(size=(samples, dimension))
    position = random.normal(size=(particles, dimension + 1)) * np.where(np.arange(dimension + 1) == 0, OUTPUT, 1.0)
    return Fitted(x / np.linalg.norm(x, axis=1, keepdims=True), position)


class NoisyLabels(eqx.Module):
    """Batches of `distinct` samples with labels y ± σ, each repeated to fill the batch: one program for all sizes."""

    x: jax.Array
    y: jax.Array
    noise: jax.Array
    distinct: jax.Array

    def __call__(self, key, batch):
        bits = jax.random.bits(key, (2, batch), jnp.uint32)[:, jnp.arange(batch) % self.distinct]
        rows = bits[0] % jnp.uint32(len(self.y))
        return self.x[rows], self.y[rows] + jnp.where(bits[1] >> 31 == 0, self.noise, -self.noise)


def descend(
    fineness: float, batch: int, noise: float, dose: float, replicas: int, start: Fitted, key
) -> tuple[dict[str, np.ndarray], str]:
    """Trace and largest eigenvalue of the Hessian, [replicas, T], along runs of all `SETTINGS`."""
    step = 1 / (fineness * start.smoothness)
    steps = max(2 * TIMES, math.ceil(4 * dose * batch / (noise * step) ** 2))
    x, y = jnp.asarray(start.x), jnp.asarray(start.y)
    objective, mu = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.Particles(start.position)
    settings = (
        (step, batch, noise, 1),
        (step / 2, batch // 2, noise, 1),
        (step / 2, batch, math.sqrt(2) * noise, 1),
        (step / 2, batch, noise, 2),
    )
    values: dict[str, np.ndarray] = {"doses": np.linspace(0, dose, TIMES)}
    for number, (name, (size, count, sigma, longer)) in enumerate(zip(SETTINGS, settings, strict=True)):
        labels = NoisyLabels(x, y, jnp.asarray(sigma), jnp.asarray(count))
        runs = mf.simulate_replicas(
            objective,
            mf.SGD(size, batch, sampler=labels),
            mu,
            times=np.linspace(0, longer * steps * step, longer * (TIMES - 1) + 1),
            observables={"positions": positions},
            keys=jax.random.split(jax.random.fold_in(key, number), replicas),
        )
        failed = [run.status for run in runs if not run.done]
        if failed:
            return values, failed[0]
        found = curvatures(np.stack([run.values["positions"] for run in runs]), start.x)
        values |= {f"{name}_traces": found.sum(axis=-1), f"{name}_largest": found[..., -1]}
    return values, "done"


def predict(dose: float, start: Fitted) -> dict[str, np.ndarray]:
    """Trace and largest eigenvalue along the slow flow, at evenly spaced doses."""
    values = _slow(start, dose)
    return {"doses": np.linspace(0, dose, TIMES), "traces": values.sum(axis=-1), "largest": values[..., -1]}


@functools.lru_cache(maxsize=256)
def _slow(start: Fitted, dose: float) -> np.ndarray:
    return curvatures(slow_flow(start.position, start.x, np.linspace(0, dose, TIMES)), start.x)

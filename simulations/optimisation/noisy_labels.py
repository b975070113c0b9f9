"""Networks that fit their data, and labels with fresh noise at every look, under which they drift to flat minima."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from theory.label_noise import features

OUTPUT = 2.0
"""Standard deviation of output weights: at the start, minima are sharp."""


@dataclass(frozen=True, eq=False)
class FittedNetwork:
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

    def descent(self, step: float, batch: int, noise: float, distinct: int) -> tuple[mf.Objective, mf.Flow]:
        """Return the problem, and SGD on batches of so many distinct samples, whose labels have noise."""
        x, y = jnp.asarray(self.x), jnp.asarray(self.y)
        labels = NoisyLabels(x, y, jnp.asarray(noise), jnp.asarray(distinct))
        return mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.SGD(step, batch, sampler=labels)


def fitted_network(random: np.random.Generator, particles: int, dimension: int, samples: int) -> FittedNetwork:
    """Draw data and a network."""
    x = random.normal(size=(samples, dimension))
    position = random.normal(size=(particles, dimension + 1)) * np.where(np.arange(dimension + 1) == 0, OUTPUT, 1.0)
    return FittedNetwork(x / np.linalg.norm(x, axis=1, keepdims=True), position)


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

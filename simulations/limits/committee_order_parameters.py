"""A soft committee machine, seen through its overlaps: neurons, samples, and what theory says of the overlaps in time.

A state of K students and as many teachers is the upper triangle of w w', and w b', b being orthogonal unit vectors
along the first axes.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from theory.order_fluctuations import Expansion, expand
from theory.order_parameters import Committee


class HiddenNeuron(mf.AbstractUnit):
    """Φ(w; x) = erf(w·x/√2): all output weights are one, and stay so."""

    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d

    def __call__(self, theta, x):
        return jax.scipy.special.erf(theta @ x / np.sqrt(2))


class FreshSamples(eqx.Module):
    """Samples x ~ N(0, I_d), filled up with zeros, and the answers of neurons that point along the first axes."""

    neurons: int = eqx.field(static=True)
    present: jax.Array
    """1 for each of the d inputs, 0 behind them."""

    def __call__(self, key, batch):
        x = jax.random.normal(key, (batch, len(self.present)), jnp.float32) * self.present
        return x, jnp.sum(jax.scipy.special.erf(x[:, : self.neurons] / np.sqrt(2)), axis=1)


def overlaps(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return the state of a network."""
    w = mu.position
    return jnp.concatenate([(w @ w.T)[np.triu_indices(mu.m)], w[:, : mu.m].ravel()])


def error(objective: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return ½ (f − y)², its mean over the samples of the objective, f being what the network predicts."""
    return jnp.mean((objective.predict(mu) - objective.y) ** 2) / 2


def committee(neurons: int, rate: float, quadratic: bool = True) -> Committee:
    """Return students and teachers as theory knows them; without the terms in η² if not `quadratic`."""
    return Committee(neurons, np.eye(neurons), rate, quadratic)


def apart(k: int) -> np.ndarray:
    """Return a state in which each student already leans to a teacher of its own."""
    unit, alone = np.arange(k) / max(1, k - 1), np.eye(k) > 0
    q = np.where(alone, np.diag(0.5 - 0.1 * unit), 0.05)
    r = np.where(alone, np.diag(0.3 - 0.05 * unit), np.where(np.tri(k) > 0, 0.02, 0.05))
    return committee(k, 1.0).pack(q, r)


def students(pair: Committee, state: np.ndarray, d: int) -> np.ndarray:
    """Return input weights [K, d] that have these overlaps exactly, in the first 2K directions."""
    q, r = pair.unpack(state)
    values, vectors = np.linalg.eigh(q - r @ r.T)
    return np.pad(np.hstack([r, vectors * np.sqrt(np.maximum(values, 0.0))]), [(0, 0), (0, d - 2 * len(q))])


@functools.lru_cache(maxsize=64)
def expansion(neurons: int, rate: float, start: tuple[float, ...], times: tuple[float, ...]) -> Expansion:
    """Return limit, first order in 1/d and fluctuations at these times, once for all runs that share them."""
    return expand(committee(neurons, rate), np.array(start), np.array(times))


@functools.lru_cache(maxsize=64)
def without_noise(neurons: int, rate: float, start: tuple[float, ...], times: tuple[float, ...]) -> np.ndarray:
    """Return the limit as it would be without the terms in η², which is wrong."""
    return committee(neurons, rate, quadratic=False).integrate(np.array(start), np.array(times))

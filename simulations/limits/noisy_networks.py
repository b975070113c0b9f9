"""Networks of noisy particles side by side, the temperature in time, and moments over particles and networks.

R networks of one output are one network of R outputs whose particles hold R parameters each, one for every output:
neither the square loss nor the noise knows the difference. That is one program and one loop for all replicas.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.limits.laws_on_the_line import SHIFT


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


def linear(z):
    """z."""
    return z


def shifted_tanh(z):
    """tanh(z + ½)."""
    return jnp.tanh(z + SHIFT)


def side_by_side(replicas: int, activation: Callable, x, y, strength: float) -> mf.Objective:
    """Return the problem of so many networks with the same samples and penalty."""
    targets = np.repeat(y[:, None], replicas, axis=1)
    return mf.Objective(Networks(replicas, activation), mf.Square(), x, targets, penalty=mf.WeightDecay(strength))


class Falling(eqx.Module):
    """τ_k that falls linearly from the first to the last value, and stays there; constant temperature is a case of
    it, so that all runs of one shape share a program.
    """

    first: jax.Array
    last: jax.Array
    steps: jax.Array
    """Steps in between; infinitely many for a constant temperature."""

    def __call__(self, k):
        return self.first + (self.last - self.first) * jnp.minimum(k / self.steps, 1.0)


def cloud_means(problem: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return the mean of every network's particles, [R, 2]."""
    return jnp.mean(mu.position.reshape(mu.m, -1, 2), axis=0)


def cloud_covariance(problem: mf.Objective, mu: mf.Particles) -> jax.Array:
    """Return the covariance of particles within a network, mean over networks, [2, 2]."""
    theta = mu.position.reshape(mu.m, -1, 2)
    away = theta - jnp.mean(theta, axis=0)
    return jnp.einsum("mri,mrj->ij", away, away) / (mu.m * theta.shape[1])


def covariance(f: np.ndarray) -> np.ndarray:
    """Return covariances over networks, [T, n, R] to [T, n, n]."""
    away = f - f.mean(axis=2, keepdims=True)
    return np.einsum("tir,tjr->tij", away, away) / (f.shape[2] - 1)


def edges(nodes: np.ndarray) -> np.ndarray:
    """Return the edges of a histogram whose bins have the nodes as centres."""
    half = (nodes[1] - nodes[0]) / 2
    return np.append(nodes - half, nodes[-1] + half)

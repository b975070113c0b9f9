"""Clusters in a plane among many coordinates, with labels of three kinds, and the particles that learn them."""

import equinox as eqx
import jax
import numpy as np

import meanfield as mf

TESTED = 1000
"""Test samples (count)."""

DIRECTIONS = 400
"""Neurons of the network that labels samples which no few directions tell apart (count)."""


def clusters(key: jax.Array, n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (x, y, x_test, y_test) of `mf.datasets.clusters`, k a side with a random label each."""
    x, y, x_test, y_test = map(np.asarray, _clusters(key, n, d, k))
    return x, y, x_test, y_test


def pairs(key: jax.Array, m: int, d: int) -> np.ndarray:
    """Return m ReLU particles [m, 1 + d] in pairs of output weights ±1 on the same random direction."""
    return np.array(_pairs(key, m, d))


# Compiled as a whole: one by one, their operations take longer to compile.
@eqx.filter_jit
def _clusters(key: jax.Array, n: int, d: int, k: int) -> list[jax.Array]:
    data = mf.datasets.clusters(key, n, d, n_test=TESTED, k=k)
    return [data.x, data.y, data.x_test, data.y_test]


@eqx.filter_jit
def _pairs(key: jax.Array, m: int, d: int) -> jax.Array:
    return mf.Particles.doubled(key, mf.Neuron("relu"), m, d, law="sphere", output="signs").position


def alternating(x: np.ndarray, k: int) -> np.ndarray:
    """Return labels of clusters that alternate; between two clusters nothing lies, so that any cut there will do."""
    place = np.floor((x[:, :2] + 0.5) * k)
    return np.where(np.sum(place, axis=1) % 2 == 0, 1.0, -1.0)


def spread(random: np.random.Generator, x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels by a network of many random neurons above and below its median: no few directions tell."""
    w, a = random.normal(size=(DIRECTIONS, x.shape[1])), random.choice([-1.0, 1.0], DIRECTIONS)
    g, g_test = (np.maximum(part @ w.T, 0) @ a for part in (x, x_test))
    middle = np.median(g_test)
    return np.where(g > middle, 1.0, -1.0), np.where(g_test > middle, 1.0, -1.0)

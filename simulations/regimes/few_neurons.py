"""A teacher of a few neurons on the sphere.

NumPy draws them: numbers in JAX take longer to compile than a small network to train.
"""

import jax.numpy as jnp
import numpy as np

import meanfield as mf

FRESH = 10_000
"""Inputs over which the power of a teacher is measured (count)."""


def sphere(random: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Draw points [n, d], uniform on the unit sphere."""
    points = random.normal(size=(n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def teacher(
    random: np.random.Generator, n: int, d: int, *, tested: int, neurons: int = 3, dtype="float32"
) -> mf.datasets.Dataset:
    """Draw inputs, and targets of unit power by ReLU neurons of alternating signs; `truth` holds these neurons."""
    w, signs = sphere(random, neurons, d), np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0)
    parts = (sphere(random, many, d) for many in (FRESH, n, tested))
    (_, fresh), (x, y), (x_test, y_test) = ((part, np.maximum(part @ w.T, 0) @ signs / neurons) for part in parts)
    size = np.sqrt(np.mean(fresh**2))
    truth = mf.Particles(np.column_stack([signs, w]).astype(dtype), np.full(neurons, 1 / neurons / size, dtype))
    arrays = (jnp.asarray(part, dtype) for part in (x, y / size, x_test, y_test / size))
    return mf.datasets.Dataset("teacher", *arrays, statement=f"{neurons} neurons, unit power", truth=truth)

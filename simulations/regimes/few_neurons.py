"""A teacher of a few neurons on the sphere, and the students that learn it, which start in pairs ±a.

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


def students(random: np.random.Generator, m: int, d: int, *, outputs: int = 1) -> np.ndarray:
    """Draw particles [m, outputs + d]: input weights N(0, I), and output weights ±1."""
    theta = random.normal(size=(m, outputs + d))
    theta[:, :outputs] = np.sign(theta[:, :outputs])
    return theta


def paired(theta: np.ndarray, outputs: int = 1) -> np.ndarray:
    """Return particles with their twins of the other sign, [2m, outputs + d]: their output is zero."""
    return np.concatenate([theta, theta * np.where(np.arange(theta.shape[1]) < outputs, -1.0, 1.0)])


def uneven(m: int) -> str | None:
    """Return the sentence for a number of particles that does not come in pairs, None for others."""
    return f"particles={m}: expected an even number, since a doubled law comes in pairs." if m % 2 else None

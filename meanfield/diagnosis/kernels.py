r"""The tangent kernel of any model, in the metric of its steps: K(x, x') = Σ_l rate_l ∂_l f(x) ∂_l f(x')ᵀ.

How much it changed, and in which direction, does not depend on how f is split into scale, output and input weights, as
long as steps are split with it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.diagnosis.intervals import Interval, bootstrap
from meanfield.diagnosis.model import Model


@eqx.filter_jit
def tangent_kernel(model: Model, params, x: jax.Array) -> jax.Array:
    """Return K at inputs [n, d] as [n, k, n, k]: a derivative backwards and one forwards a row.

    Memory: the result, the parameters and one pass through the model.
    """

    def f(p):
        return model.apply(p, x)

    def row(index):
        sample, output = index
        seed = jnp.zeros_like(value).at[sample, output].set(1)
        gradient = jax.tree.map(jnp.multiply, back(seed)[0], model.rates)
        return jax.jvp(f, (params,), (gradient,))[1]

    with jax.default_matmul_precision("highest"):
        value, back = jax.vjp(f, params)
        n, k = value.shape
        samples, outputs = jnp.meshgrid(jnp.arange(n), jnp.arange(k), indexing="ij")
        return jax.lax.map(row, (samples.ravel(), outputs.ravel())).reshape(n, k, n, k)


def change(first: np.ndarray, last: np.ndarray, seed: int, resamples: int) -> tuple[Interval, Interval]:
    r"""Return ‖K_1 − K_0‖/‖K_0‖ and ⟨K_0, K_1⟩/(‖K_0‖ ‖K_1‖), Frobenius, with intervals over samples.

    For the intervals pairs of a sample with itself are left out, since a resample would have too many of them.
    """
    apart = np.sum((last - first) ** 2, axis=(1, 3))
    squares, others = np.sum(first**2, axis=(1, 3)), np.sum(last**2, axis=(1, 3))
    both = np.sum(first * last, axis=(1, 3))
    n = len(apart)

    def mean(pairs, counts):
        weights = np.outer(counts, counts)
        if np.any(counts != 1) and n > 2:
            np.fill_diagonal(weights, 0)
        return np.sum(weights * pairs)

    def moved(counts):
        return np.sqrt(mean(apart, counts) / mean(squares, counts))

    def cosine(counts):
        return mean(both, counts) / np.sqrt(mean(squares, counts) * mean(others, counts))

    return bootstrap(moved, n, seed, resamples), bootstrap(cosine, n, seed, resamples)


def alignment(kernel: np.ndarray, y: np.ndarray) -> float:
    """Return yᵀ K y/(‖K‖ |y|²) for targets with their mean taken off: 1 where K is their outer product, 0 where all
    targets are equal.
    """
    y = y - y.mean(axis=0)
    value = np.einsum("ia,iajb,jb->", y, kernel, y)
    size = np.linalg.norm(kernel) * np.sum(y**2)
    return float(value / size) if size > 0 else 0.0

r"""The largest step with which gradient descent is stable: 2/λ, λ the largest curvature in the steps' metric."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from meanfield.diagnosis.intervals import Interval, bootstrap
from meanfield.diagnosis.model import Model, risks
from meanfield.objectives.losses import AbstractLoss
from meanfield.observables.sharpness import largest_eigenpair

ITERATIONS = 40
"""Of the Lanczos method, as many as make the largest eigenvalue of a separated spectrum exact to 1e-6."""


def largest_step(
    model: Model, params, loss: AbstractLoss, x: jax.Array, y: jax.Array, *, seed: int, resamples: int
) -> Interval:
    """Return 2/λ with its interval: λ = Σ_i v·H_i v/n, v the direction of largest curvature, is a mean over samples."""
    along = _top(model, params, loss, x, y)
    curvature = np.asarray(_by_sample(model, params, loss, x, y, along), float)

    def stable(counts):
        value = np.sum(counts * curvature) / np.sum(counts)
        return 2 / value if value > 0 else np.inf

    return bootstrap(stable, len(curvature), seed, resamples)


@eqx.filter_jit
def _top(model: Model, params, loss: AbstractLoss, x, y):
    """The eigenvector of D^½ H D^½ with the largest eigenvalue, as a direction D^½ v in the parameters."""
    root = jax.tree.map(lambda leaf, rate: jnp.sqrt(rate) * jnp.ones_like(leaf), params, model.rates)
    scale, unravel = ravel_pytree(root)

    def product(v):
        with jax.default_matmul_precision("highest"):
            gradient = jax.grad(lambda p: jnp.mean(risks(loss, model.apply(p, x), y)))
            return scale * ravel_pytree(jax.jvp(gradient, (params,), (unravel(scale * v),))[1])[0]

    return unravel(scale * largest_eigenpair(product, scale, ITERATIONS)[1])


@eqx.filter_jit
def _by_sample(model: Model, params, loss: AbstractLoss, x, y, along):
    def slopes(p):
        return jax.jvp(lambda q: risks(loss, model.apply(q, x), y), (p,), (along,))[1]

    with jax.default_matmul_precision("highest"):
        return jax.jvp(slopes, (params,), (along,))[1]

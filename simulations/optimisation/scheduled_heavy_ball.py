"""Heavy-ball descent on normalised neurons by a list of rates, decayed or not: by the engine, and by optax."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf

NONE = (0.0, 0.0)
"""Decay of output weights and of input weights: neither."""


class Listed(eqx.Module):
    """A schedule from a list: [T, p], row k for step k."""

    values: jax.Array

    def __call__(self, k):
        return self.values[jnp.minimum(k, len(self.values) - 1)]


def columns(dimension: int, output, weights) -> np.ndarray:
    """Return [..., 1 + d] of what is `output` for the output weight and `weights` for the others."""
    both = np.broadcast_arrays(output, weights)
    return np.stack([both[0], *[both[1]] * dimension], axis=-1).astype(float)


def heavy_ball(
    theta: np.ndarray, eta, momentum: float, rates, buffer=0.0, decay=NONE, decoupled=NONE, batch: int | None = None
) -> mf.Flow:
    """Return the flow at rates η of output weights and `rates` of input weights, from a buffer ∝ the input weights."""
    d = theta.shape[1] - 1
    return mf.HeavyBall(
        Listed(jnp.asarray(columns(d, eta, rates))),
        momentum,
        decay=columns(d, *decay),
        decoupled=columns(d, *decoupled),
        buffer=columns(d, 0.0, buffer) * theta,
        batch=batch,
    )


def by_optax(theta: np.ndarray, eta, momentum: float, rates, buffer=0.0, decay=NONE) -> mf.Flow:
    """Return the same by optax, its trace set to the start's buffer; arrays are arguments, for one program to serve."""
    d = theta.shape[1] - 1
    arrays = [columns(d, eta, rates), np.asarray(momentum), columns(d, *decay)]
    update = jax.tree_util.Partial(_update, *map(jnp.asarray, arrays))
    first = jax.tree_util.Partial(_init, jnp.asarray(columns(d, 0.0, buffer) * theta))
    return mf.OptimiserFlow(optax.GradientTransformation(first, update))


def _chain(values, momentum, decay) -> optax.GradientTransformation:
    decayed, schedule = optax.add_decayed_weights(decay), Listed(-values)
    return optax.chain(decayed, optax.trace(momentum), optax.scale_by_schedule(schedule))


def _init(buffer, theta):
    state: Any = _chain(jnp.zeros(1), 0.0, 0.0).init(theta)
    return state[0], optax.TraceState(buffer), state[2]


def _update(values, momentum, decay, gradient, state, theta):
    return _chain(values, momentum, decay).update(gradient, state, theta)
